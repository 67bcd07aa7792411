/* SPDX-License-Identifier: BSD-3-Clause
 * Network order for 16-bit fields of hot loops. DPDK's own swaps two byte registers in inline assembly: three
 * micro-operations that the compiler can neither fold nor combine with a load, where a rotation is one. Any thread. */
#ifndef DP_BYTEORDER_H
#define DP_BYTEORDER_H

#include <rte_byteorder.h>

static inline uint16_t
dp_be16(uint16_t x)
{
	return RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? __builtin_bswap16(x) : x;
}

#endif
