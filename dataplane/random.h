/* SPDX-License-Identifier: BSD-3-Clause
 * Random bytes without a system call: the key stream of ChaCha20 (RFC 8439 2.4) under a key that the kernel gave. Who sees
 * some of them cannot tell others. One thread each. */
#ifndef DP_RANDOM_H
#define DP_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#define DP_RANDOM_KEY_BYTES 32
#define DP_RANDOM_AT_ONCE   256 /* four blocks */

struct dp_random {
	uint32_t key[DP_RANDOM_KEY_BYTES / 4];
	uint64_t block; /* the next; nonce 0 */
	unsigned left;  /* of ready, at its end */
	uint8_t ready[DP_RANDOM_AT_ONCE];
};

/* From here on the same key makes the same bytes. */
void dp_random_start(struct dp_random *random, const uint8_t key[DP_RANDOM_KEY_BYTES]);
void dp_random_fill(struct dp_random *random, void *out, size_t bytes);
/* Of first to last, each equally likely but for one part in 2^32 / (last - first). */
uint32_t dp_random_between(struct dp_random *random, uint32_t first, uint32_t last);

#endif
