/* SPDX-License-Identifier: BSD-3-Clause
 * A token bucket: so many a second, and that many at once after a quiet second. One thread each. */
#ifndef DP_BUCKET_H
#define DP_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct dp_bucket {
	uint64_t refilled; /* TSC */
	uint32_t tokens;
};

/* A token, if there is one. per_s: at least 1; what is more than the TSC ticks, is as many as it ticks. */
static inline bool
dp_bucket_take(struct dp_bucket *bucket, uint64_t now, uint64_t second_tsc, uint32_t per_s, uint32_t burst)
{
	const uint64_t tsc_per_token = second_tsc > per_s ? second_tsc / per_s : 1;
	const uint64_t tokens = (now - bucket->refilled) / tsc_per_token;
	if (tokens > 0) {
		bucket->refilled += tokens * tsc_per_token;
		bucket->tokens = tokens + bucket->tokens > burst ? burst : (uint32_t)tokens + bucket->tokens;
	}
	if (bucket->tokens == 0)
		return false;
	bucket->tokens--;
	return true;
}

#endif
