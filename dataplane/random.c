/* SPDX-License-Identifier: BSD-3-Clause
 * ChaCha20's key stream, four blocks side by side; see the header. Worker threads. */
#include "dataplane/random.h"

#include <string.h>

#define ROUNDS 20
#define WORDS  16 /* of a block */
#define LANES  4

/* One word of four blocks. */
typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));
_Static_assert(4 * LANES * WORDS == DP_RANDOM_AT_ONCE, "what is made at once");

static inline lanes
rotate(lanes x, int bits)
{
	return x << bits | x >> (32 - bits);
}

static inline void
quarter(lanes s[WORDS], unsigned a, unsigned b, unsigned c, unsigned d)
{
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 7);
}

/* The original's layout: a counter of 64 bits, then a nonce of as many, which is 0. */
static void
state_of(const struct dp_random *random, lanes s[WORDS])
{
	static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	for (unsigned i = 0; i < 4; i++)
		s[i] = (lanes){} + constants[i];
	for (unsigned i = 0; i < 8; i++)
		s[4 + i] = (lanes){} + random->key[i];
	for (unsigned i = 0; i < LANES; i++) {
		s[12][i] = (uint32_t)(random->block + i);
		s[13][i] = (uint32_t)((random->block + i) >> 32);
	}
	s[14] = s[15] = (lanes){};
}

static void
refill(struct dp_random *random)
{
	lanes start[WORDS], s[WORDS];
	state_of(random, start);
	memcpy(s, start, sizeof(s));
	for (unsigned round = 0; round < ROUNDS; round += 2) {
		quarter(s, 0, 4, 8, 12);
		quarter(s, 1, 5, 9, 13);
		quarter(s, 2, 6, 10, 14);
		quarter(s, 3, 7, 11, 15);
		quarter(s, 0, 5, 10, 15);
		quarter(s, 1, 6, 11, 12);
		quarter(s, 2, 7, 8, 13);
		quarter(s, 3, 4, 9, 14);
	}
	for (unsigned lane = 0; lane < LANES; lane++) {
		for (unsigned i = 0; i < WORDS; i++) {
			const uint32_t word = s[i][lane] + start[i][lane];
			memcpy(&random->ready[4 * (lane * WORDS + i)], &word, sizeof(word));
		}
	}
	random->block += LANES;
	random->left = DP_RANDOM_AT_ONCE;
}

void
dp_random_start(struct dp_random *random, const uint8_t key[DP_RANDOM_KEY_BYTES])
{
	memcpy(random->key, key, sizeof(random->key));
	random->block = 0;
	random->left = 0;
}

void
dp_random_fill(struct dp_random *random, void *out, size_t bytes)
{
	uint8_t *at = out;
	while (bytes > 0) {
		if (random->left == 0)
			refill(random);
		const size_t n = bytes < random->left ? bytes : random->left;
		memcpy(at, random->ready + DP_RANDOM_AT_ONCE - random->left, n);
		random->left -= (unsigned)n;
		at += n;
		bytes -= n;
	}
}

uint32_t
dp_random_between(struct dp_random *random, uint32_t first, uint32_t last)
{
	uint32_t word;
	dp_random_fill(random, &word, sizeof(word));
	return first + (uint32_t)((uint64_t)word * ((uint64_t)last - first + 1) >> 32);
}
