/* SPDX-License-Identifier: BSD-3-Clause
 * A vector of 512 bits, four lanes of 16 bytes: what gcm_kernel.h is written in. AVX-512 (F, BW, DQ, VL), VAES, VPCLMULQDQ. */
#ifndef DP_GCM_WIDTH_512_H
#define DP_GCM_WIDTH_512_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <immintrin.h>

#define LANES        4u
#define VECTOR_BYTES 64u
#define V_INLINE     static inline __attribute__((always_inline))

typedef __m512i vec;

V_INLINE vec
v_zero(void)
{
	return _mm512_setzero_si512();
}

V_INLINE vec
v_xor(vec a, vec b)
{
	return _mm512_xor_si512(a, b);
}

V_INLINE vec
v_xor3(vec a, vec b, vec c)
{
	return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

V_INLINE vec
v_add_words(vec a, vec b)
{
	return _mm512_add_epi32(a, b);
}

V_INLINE vec
v_load(const void *at)
{
	return _mm512_loadu_si512(at);
}

V_INLINE void
v_store(void *at, vec a)
{
	_mm512_storeu_si512(at, a);
}

/* Which bytes of a vector are among the first n (0 to 64). */
V_INLINE __mmask64
v_first(uint32_t n)
{
	return _cvtu64_mask64(_bzhi_u64(~(uint64_t)0, n));
}

/* The first n bytes, zeros behind. Nothing else is read. */
V_INLINE vec
v_load_part(const uint8_t *at, uint32_t n)
{
	return _mm512_maskz_loadu_epi8(v_first(n), at);
}

/* Writes the first n bytes and nothing else. */
V_INLINE void
v_store_part(uint8_t *at, uint32_t n, vec a)
{
	_mm512_mask_storeu_epi8(at, v_first(n), a);
}

/* Zeros behind the first n bytes. */
V_INLINE vec
v_keep(vec a, uint32_t n)
{
	return _mm512_maskz_mov_epi8(v_first(n), a);
}

/* The same 16 bytes in every lane. */
V_INLINE vec
v_each(__m128i a)
{
	return _mm512_broadcast_i32x4(a);
}

/* The first 2 or 3 words there, zeros behind. Nothing else is read. */
V_INLINE __m128i
x_load_words(const uint8_t *at, unsigned words)
{
	return _mm_maskz_loadu_epi32((__mmask8)((1u << words) - 1), at);
}

V_INLINE vec
v_of(const __m128i lane[LANES])
{
	const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(lane[0]), lane[1], 1);
	const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(lane[2]), lane[3], 1);
	return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

V_INLINE void
v_lanes(vec a, __m128i lane[LANES])
{
	lane[0] = _mm512_castsi512_si128(a);
	lane[1] = _mm512_extracti32x4_epi32(a, 1);
	lane[2] = _mm512_extracti32x4_epi32(a, 2);
	lane[3] = _mm512_extracti32x4_epi32(a, 3);
}

V_INLINE vec
v_aes(vec state, vec key)
{
	return _mm512_aesenc_epi128(state, key);
}

V_INLINE vec
v_aes_last(vec state, vec key)
{
	return _mm512_aesenclast_epi128(state, key);
}

/* Products of halves of each lane: l the low one of a, h the high one of b. */
V_INLINE vec
v_mul_ll(vec a, vec b)
{
	return _mm512_clmulepi64_epi128(a, b, 0x00);
}

V_INLINE vec
v_mul_hl(vec a, vec b)
{
	return _mm512_clmulepi64_epi128(a, b, 0x01);
}

V_INLINE vec
v_mul_lh(vec a, vec b)
{
	return _mm512_clmulepi64_epi128(a, b, 0x10);
}

V_INLINE vec
v_mul_hh(vec a, vec b)
{
	return _mm512_clmulepi64_epi128(a, b, 0x11);
}

/* Each lane's bytes in reverse order. */
V_INLINE vec
v_reverse(vec a)
{
	return _mm512_shuffle_epi8(a, v_each(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
}

/* Each lane's halves exchanged, moved up with zeros below, moved down with zeros above. */
V_INLINE vec
v_swap_halves(vec a)
{
	return _mm512_shuffle_epi32(a, 0x4e);
}

V_INLINE vec
v_half_up(vec a)
{
	return _mm512_bslli_epi128(a, 8);
}

V_INLINE vec
v_half_down(vec a)
{
	return _mm512_bsrli_epi128(a, 8);
}

/* The second of each lane's four words in the third's place, which is zero as the fourth is. */
V_INLINE vec
v_spread(vec a)
{
	return _mm512_shuffle_epi32(a, 0xd8);
}

/* The sum of a[i]'s lanes in lane i: a matrix is turned and added up, in two steps for all of it. */
V_INLINE vec
v_sums(const vec a[LANES])
{
	/* 0 and 2: lanes 0+2, 1+3 of the one, then of the other. */
	const vec even = v_xor(_mm512_mask_blend_epi64(0xf0, a[0], a[2]), _mm512_shuffle_i64x2(a[0], a[2], 0x4e));
	const vec odd = v_xor(_mm512_mask_blend_epi64(0xf0, a[1], a[3]), _mm512_shuffle_i64x2(a[1], a[3], 0x4e));
	const vec index = _mm512_set_epi64(13, 12, 7, 6, 9, 8, 3, 2);
	return v_xor(_mm512_mask_blend_epi64(0xcc, even, odd), _mm512_permutex2var_epi64(even, index, odd));
}

/* A bit for each lane in which a and b differ. No branch, no early end. */
V_INLINE unsigned
v_differ(vec a, vec b)
{
	const unsigned halves = _cvtmask8_u32(_mm512_cmpneq_epi64_mask(a, b)), lanes = halves | halves >> 1;
	return (lanes & 1) | (lanes >> 1 & 2) | (lanes >> 2 & 4) | (lanes >> 3 & 8);
}

/* The lane's number, from first on, as its lowest word; the others are zero. */
V_INLINE vec
v_count(uint32_t first)
{
	const int n = (int)first;
	return _mm512_set_epi32(0, 0, 0, n + 3, 0, 0, 0, n + 2, 0, 0, 0, n + 1, 0, 0, 0, n);
}

#endif
