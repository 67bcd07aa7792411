/* SPDX-License-Identifier: BSD-3-Clause
 * A key for the GCM kernels: AES's round keys (FIPS 197 5.2) and the powers of GHASH's key, as gcm_kernel.h wants them.
 * Control thread, once a key. Constant time: the S-box is AESENCLAST's, products are PCLMULQDQ's, and no branch or
 * address depends on a byte of the key.
 *
 * This file, and only it, is compiled for AES-NI, PCLMULQDQ and SSE4.1. */
#include "dataplane/gcm.h"

#include <string.h>

#include <immintrin.h>

/* x^128 + x^127 + x^126 + x^121 + 1 without its highest term (RFC 8452 3). */
#define POLYNOMIAL_HIGH 0xc200000000000000u

/* SubWord: AESENCLAST with a zero key is ShiftRows of SubBytes, and four equal columns survive ShiftRows. */
static uint32_t
sub_word(uint32_t word)
{
	const __m128i columns = _mm_set1_epi32((int)word);
	return (uint32_t)_mm_cvtsi128_si32(_mm_aesenclast_si128(columns, _mm_setzero_si128()));
}

/* FIPS 197 5.2. Words are little-endian here, so RotWord turns to the right. */
static void
expand_rounds(struct dp_gcm_key *out, const uint8_t *key, uint32_t key_bytes)
{
	const unsigned words = key_bytes / 4, all = 4 * (words + 7);
	uint32_t w[4 * DP_GCM_ROUND_KEYS], constant = 1;
	memcpy(w, key, key_bytes);
	for (unsigned i = words; i < all; i++) {
		uint32_t word = w[i - 1];
		if (i % words == 0) {
			word = sub_word(word >> 8 | word << 24) ^ constant;
			constant = constant << 1 ^ (constant >> 7) * 0x11b;
		} else if (words > 6 && i % words == 4) {
			word = sub_word(word);
		}
		w[i] = w[i - words] ^ word;
	}
	memcpy(out->round, w, 4 * all);
	out->rounds = (uint8_t)(words + 6);
	explicit_bzero(w, sizeof(w));
}

static __m128i
encrypt_zero(const struct dp_gcm_key *key)
{
	__m128i state = _mm_loadu_si128((const __m128i *)key->round[0]);
	for (unsigned i = 1; i < key->rounds; i++)
		state = _mm_aesenc_si128(state, _mm_loadu_si128((const __m128i *)key->round[i]));
	return _mm_aesenclast_si128(state, _mm_loadu_si128((const __m128i *)key->round[key->rounds]));
}

/* By x, in POLYVAL's field (RFC 8452, appendix A): one to the left, and what falls out comes back as the polynomial. */
static __m128i
times_x(__m128i a)
{
	const uint64_t low = (uint64_t)_mm_cvtsi128_si64(a), high = (uint64_t)_mm_extract_epi64(a, 1);
	const uint64_t out = -(high >> 63); /* all ones or zero: no branch */
	return _mm_set_epi64x((int64_t)((high << 1 | low >> 63) ^ (out & POLYNOMIAL_HIGH)),
			      (int64_t)(low << 1 ^ (out & 1)));
}

/* a * b / x^128; the reduction is explained in gcm_kernel.h. */
static __m128i
dot(__m128i a, __m128i b)
{
	const __m128i polynomial = _mm_set_epi64x(0, (int64_t)POLYNOMIAL_HIGH);
	const __m128i mid = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));
	__m128i low = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x00), _mm_slli_si128(mid, 8));
	const __m128i high = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x11), _mm_srli_si128(mid, 8));
	for (unsigned i = 0; i < 2; i++)
		low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, polynomial, 0x00));
	return _mm_xor_si128(low, high);
}

void
dp_gcm_key_expand(struct dp_gcm_key *out, const uint8_t *key, uint32_t key_bytes)
{
	const __m128i reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	expand_rounds(out, key, key_bytes);
	const __m128i h = times_x(_mm_shuffle_epi8(encrypt_zero(out), reverse));
	__m128i power = h;
	for (unsigned i = DP_GCM_POWERS; i-- > 0;) {
		_mm_storeu_si128((__m128i *)out->power[i], power);
		power = dot(power, h);
	}
}
