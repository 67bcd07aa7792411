/* SPDX-License-Identifier: BSD-3-Clause
 * Which frames a wire does something to. */
#ifndef TESTS_PKTGEN_NTH_H
#define TESTS_PKTGEN_NTH_H

#include <stdbool.h>
#include <stdint.h>

/* Every n-th frame, counted from 0; n 0: never. */
static inline bool
is_nth(uint64_t at, unsigned n)
{
	return n != 0 && at % n == n - 1;
}

#endif
