/* SPDX-License-Identifier: BSD-3-Clause
 * The time that never goes back (CLOCK_MONOTONIC), for intervals. Any thread. */
#ifndef CTL_CLOCK_H
#define CTL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
ctl_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t
ctl_now_s(void)
{
	return ctl_now_ns() / 1000000000;
}

#endif
