/* SPDX-License-Identifier: BSD-3-Clause
 * GHASH, a part of gcm_kernel.h. Any worker thread.
 *
 * A tag is the sum of X[j] H^(m-j+1) over the blocks X[1] to X[m] - AAD, ciphertext, sizes - encrypted. GCM counts
 * bits within a byte from the wrong end: its field's elements are read here with their 16 bytes in reverse, which makes
 * them POLYVAL's (RFC 8452 3 and appendix A): polynomials of x, lowest bit first, modulo
 * P = x^128 + x^127 + x^126 + x^121 + 1, whose product is dot(a, b) = a b / x^128, and whose H is x H. So the powers that a
 * key stores are x H, dot(x H, x H) and so on ("pre-shifted"). Since dot() only has to be reduced once for a sum, lanes
 * multiply without: carry-less products of halves (low, the two middle ones together, high), summed up over all blocks of
 * a packet (Gueron and Kounavis, "Intel Carry-Less Multiplication Instruction and its Usage for Computing the GCM Mode",
 * 2010, on aggregated reduction), then one reduction, and that for the packets of a whole group at a time, one in a lane.
 *
 * The reduction (Gueron, "Fast GHASH computations with Montgomery multiplication"): a sum S of 256 bits with lowest half
 * word s has the same remainder as S + s P, whose lowest 64 bits are zero, for P ends in 1: a division by x^64 is a shift.
 * The middle of s P is s times x^121 + x^126 + x^127 over x^64, the constant with the 64 bits c200000000000000; its ends are
 * s itself. Twice that is a division by x^128. */
#include <string.h>

#include "dataplane/gcm.h"

/* UNROLL: a loop over lanes or rounds, of which nothing may be left: lanes are registers then. FORM: a function of which each
 * kind of kernel has its own. With what a sanitizer puts around each access a compiler takes minutes for that, so there one
 * form serves all kinds, with loops: the same source, slower. */
#ifdef CULVERT_SANITIZED
#define UNROLL
#define FORM static __attribute__((noinline))
#else
#define UNROLL _Pragma("GCC unroll 16")
#define FORM   V_INLINE
#endif

/* A sum of products that is not reduced yet: high + middle x^64 + low. */
struct sum {
	vec high, middle, low;
};

V_INLINE __m128i
x_reverse(__m128i a)
{
	return _mm_shuffle_epi8(a, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

V_INLINE __m128i
x_load(const void *at)
{
	return _mm_loadu_si128(at);
}

/* Where that power stands and, behind it, those below it. Behind the end of a packet it is below 1. */
V_INLINE const uint8_t *
power_at(const struct dp_gcm_key *key, int32_t power)
{
	return (const uint8_t *)key + (DP_GCM_POWERS - power) * 16;
}

V_INLINE struct sum
sum_zero(void)
{
	return (struct sum){v_zero(), v_zero(), v_zero()};
}

/* sum + a b, lane by lane. */
V_INLINE void
sum_add(struct sum *sum, vec a, vec b)
{
	sum->low = v_xor(sum->low, v_mul_ll(a, b));
	sum->middle = v_xor3(sum->middle, v_mul_lh(a, b), v_mul_hl(a, b));
	sum->high = v_xor(sum->high, v_mul_hh(a, b));
}

V_INLINE vec
sum_reduce(const struct sum *sum)
{
	const vec polynomial = v_each(_mm_set1_epi64x((int64_t)0xc200000000000000u));
	vec low = v_xor(sum->low, v_half_up(sum->middle));
	const vec high = v_xor(sum->high, v_half_down(sum->middle));
	low = v_xor(v_swap_halves(low), v_mul_ll(low, polynomial));
	return v_xor3(v_swap_halves(low), v_mul_ll(low, polynomial), high);
}
