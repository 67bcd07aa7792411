/* SPDX-License-Identifier: BSD-3-Clause
 * A vector of 256 bits, two lanes of 16 bytes: what gcm_kernel.h is written in. AVX2, VAES, VPCLMULQDQ. */
#ifndef DP_GCM_WIDTH_256_H
#define DP_GCM_WIDTH_256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <immintrin.h>

#define LANES        2u
#define VECTOR_BYTES 32u
#define V_INLINE     static inline __attribute__((always_inline))

typedef __m256i vec;

V_INLINE vec
v_zero(void)
{
	return _mm256_setzero_si256();
}

V_INLINE vec
v_xor(vec a, vec b)
{
	return _mm256_xor_si256(a, b);
}

V_INLINE vec
v_xor3(vec a, vec b, vec c)
{
	return v_xor(v_xor(a, b), c);
}

V_INLINE vec
v_add_words(vec a, vec b)
{
	return _mm256_add_epi32(a, b);
}

V_INLINE vec
v_load(const void *at)
{
	return _mm256_loadu_si256(at);
}

V_INLINE void
v_store(void *at, vec a)
{
	_mm256_storeu_si256(at, a);
}

/* Zeros behind the first n bytes. */
V_INLINE vec
v_keep(vec a, uint32_t n)
{
	const vec numbers = _mm256_set_epi8(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13,
					    12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	return _mm256_and_si256(a, _mm256_cmpgt_epi8(_mm256_set1_epi8((char)n), numbers));
}

/* The first n bytes, zeros behind. Nothing else is read. */
V_INLINE vec
v_load_part(const uint8_t *at, uint32_t n)
{
	if (__builtin_expect(n == VECTOR_BYTES, true))
		return v_load(at);
	uint8_t room[VECTOR_BYTES] = {0};
	memcpy(room, at, n);
	const vec a = v_load(room);
	explicit_bzero(room, sizeof(room)); /* it may have been plaintext */
	return a;
}

/* Writes the first n bytes and nothing else. */
V_INLINE void
v_store_part(uint8_t *at, uint32_t n, vec a)
{
	if (__builtin_expect(n == VECTOR_BYTES, true)) {
		v_store(at, a);
		return;
	}
	uint8_t room[VECTOR_BYTES];
	v_store(room, a);
	memcpy(at, room, n);
	explicit_bzero(room, sizeof(room)); /* plaintext whose tag nobody has looked at yet */
}

/* The same 16 bytes in every lane. */
V_INLINE vec
v_each(__m128i a)
{
	return _mm256_broadcastsi128_si256(a);
}

/* The first 2 or 3 words there, zeros behind. Nothing else is read. */
V_INLINE __m128i
x_load_words(const uint8_t *at, unsigned words)
{
	return _mm_maskload_epi32((const int *)at, _mm_set_epi32(0, words > 2 ? -1 : 0, -1, -1));
}

V_INLINE vec
v_of(const __m128i lane[LANES])
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(lane[0]), lane[1], 1);
}

V_INLINE void
v_lanes(vec a, __m128i lane[LANES])
{
	lane[0] = _mm256_castsi256_si128(a);
	lane[1] = _mm256_extracti128_si256(a, 1);
}

V_INLINE vec
v_aes(vec state, vec key)
{
	return _mm256_aesenc_epi128(state, key);
}

V_INLINE vec
v_aes_last(vec state, vec key)
{
	return _mm256_aesenclast_epi128(state, key);
}

/* Products of halves of each lane: l the low one of a, h the high one of b. */
V_INLINE vec
v_mul_ll(vec a, vec b)
{
	return _mm256_clmulepi64_epi128(a, b, 0x00);
}

V_INLINE vec
v_mul_hl(vec a, vec b)
{
	return _mm256_clmulepi64_epi128(a, b, 0x01);
}

V_INLINE vec
v_mul_lh(vec a, vec b)
{
	return _mm256_clmulepi64_epi128(a, b, 0x10);
}

V_INLINE vec
v_mul_hh(vec a, vec b)
{
	return _mm256_clmulepi64_epi128(a, b, 0x11);
}

/* Each lane's bytes in reverse order. */
V_INLINE vec
v_reverse(vec a)
{
	return _mm256_shuffle_epi8(a, v_each(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
}

/* Each lane's halves exchanged, moved up with zeros below, moved down with zeros above. */
V_INLINE vec
v_swap_halves(vec a)
{
	return _mm256_shuffle_epi32(a, 0x4e);
}

V_INLINE vec
v_half_up(vec a)
{
	return _mm256_bslli_epi128(a, 8);
}

V_INLINE vec
v_half_down(vec a)
{
	return _mm256_bsrli_epi128(a, 8);
}

/* The second of each lane's four words in the third's place, which is zero as the fourth is. */
V_INLINE vec
v_spread(vec a)
{
	return _mm256_shuffle_epi32(a, 0xd8);
}

/* The sum of a[i]'s lanes in lane i. */
V_INLINE vec
v_sums(const vec a[LANES])
{
	return v_xor(_mm256_blend_epi32(a[0], a[1], 0xf0), _mm256_permute2x128_si256(a[0], a[1], 0x21));
}

/* A bit for each lane in which a and b differ. No branch, no early end. */
V_INLINE unsigned
v_differ(vec a, vec b)
{
	const unsigned halves = ~(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(a, b)));
	const unsigned lanes = halves | halves >> 1;
	return (lanes & 1) | (lanes >> 1 & 2);
}

/* The lane's number, from first on, as its lowest word; the others are zero. */
V_INLINE vec
v_count(uint32_t first)
{
	const int n = (int)first;
	return _mm256_set_epi32(0, 0, 0, n + 1, 0, 0, 0, n);
}

#endif
