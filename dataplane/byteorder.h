/* SPDX-License-Identifier: BSD-3-Clause
 * Network order for fields of hot loops. DPDK's own is inline assembly, for 16 bits three micro-operations where a rotation is
 * one, that the compiler can neither fold nor combine with a load. Any thread. */
#ifndef DP_BYTEORDER_H
#define DP_BYTEORDER_H

#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

static inline uint16_t
dp_be16(uint16_t x)
{
	return RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? __builtin_bswap16(x) : x;
}

static inline uint64_t
dp_be64(uint64_t x)
{
	return RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? __builtin_bswap64(x) : x;
}

/* Two 32-bit words as they stand in memory, the first one first. */
static inline uint64_t
dp_word_pair(uint32_t first, uint32_t second)
{
	return RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? first | (uint64_t)second << 32 : (uint64_t)first << 32 | second;
}

/* And back. */
static inline uint32_t
dp_first_word(uint64_t pair)
{
	return (uint32_t)(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? pair : pair >> 32);
}

static inline uint32_t
dp_second_word(uint64_t pair)
{
	return (uint32_t)(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? pair >> 32 : pair);
}

/* The same with 16-bit words. */
static inline uint32_t
dp_word_pair_16(uint16_t first, uint16_t second)
{
	return RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? first | (uint32_t)second << 16 : (uint32_t)first << 16 | second;
}

static inline uint16_t
dp_byte_pair(uint8_t first, uint8_t second)
{
	return (uint16_t)(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? first | second << 8 : first << 8 | second);
}

/* One store each, wherever it goes. Written one by one: an array of words copied at once makes the compiler go through the
 * stack or vector registers, either of which costs more. */
static inline void
dp_put64(void *at, uint64_t x)
{
	memcpy(at, &x, sizeof(x));
}

static inline void
dp_put32(void *at, uint32_t x)
{
	memcpy(at, &x, sizeof(x));
}

/* The last two bytes in memory. */
static inline uint16_t
dp_last_two(uint32_t x)
{
	return (uint16_t)(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? x >> 16 : x);
}

/* And the first two. */
static inline uint16_t
dp_first_two(uint32_t x)
{
	return (uint16_t)(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? x : x >> 16);
}

/* Zero if the first six bytes in memory are. */
static inline uint64_t
dp_first_six(uint64_t x)
{
	return RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? x << 16 : x >> 16;
}

/* A word of which the first byte in memory is x and the others are 0. */
static inline uint32_t
dp_first_byte(uint8_t x)
{
	return RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? x : (uint32_t)x << 24;
}

#endif
