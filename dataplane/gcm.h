/* SPDX-License-Identifier: BSD-3-Clause
 * AES-GCM over groups of packets: what the kernels of the engine "vaes" share. A kernel is one source (gcm_kernel.h) at
 * one vector width (gcm_width_*.h). Keys: control thread; groups: any worker, no state beside the arguments. */
#ifndef DP_GCM_H
#define DP_GCM_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dataplane.h"
#include "dataplane/engine.h"

#define DP_GCM_POWERS     48 /* of the hash key */
#define DP_GCM_ROUND_KEYS 15
#define DP_GCM_LANES_MAX  4
#define DP_GCM_STACK      5120 /* that a kernel may use; the deepest of gcc's take 3.7 KiB */

/* One SA's key: 16 lines, of which a short packet reads the last few: its powers and the round keys. What a vector reads
 * past the last power meets a zero, and is still inside. */
struct dp_gcm_key {
	uint8_t power[DP_GCM_POWERS][16]; /* H^48 first, H^1 last; form: see gcm_kernel.h */
	uint8_t round[DP_GCM_ROUND_KEYS][16];
	uint8_t rounds; /* 10 or 14; 0: no key */
	uint8_t zero[15];
};
static_assert(sizeof(struct dp_gcm_key) == 1024, "a key is 1 KiB");

enum dp_gcm_size { DP_GCM_128, DP_GCM_256, DP_GCM_SIZES };
enum dp_gcm_keys { DP_GCM_ONE_KEY, DP_GCM_OWN_KEYS, DP_GCM_KEY_WAYS };

/* A kernel works on groups: as many packets as there are lanes in a vector, all of a batch of one direction and key size,
 * each with an AAD of at most 12 bytes and a text of at most DP_AEAD_TEXT_MAX, at most 64 packets. It returns a bit for
 * each whose tag was wrong: what stands in its text is plaintext that nobody may see, and the caller wipes it. */
struct dp_gcm_kernel {
	unsigned bits, lanes; /* of its vectors */
	uint64_t (*ops[2][DP_GCM_SIZES][DP_GCM_KEY_WAYS])(struct dp_aead_op *const op[], unsigned groups);
	uint64_t (*jobs[2][DP_GCM_SIZES])(const struct dp_gcm_key *key, const struct dp_aead_job job[],
					  unsigned groups);
	/* As jobs, with IVs of 16 bytes: the counter's first value, which is 1 in a packet. For its test. */
	uint64_t (*counters[2][DP_GCM_SIZES])(const struct dp_gcm_key *key, const struct dp_aead_job job[],
					      unsigned groups);
};

extern const struct dp_gcm_kernel dp_gcm_kernel_512, dp_gcm_kernel_256;

/* key_bytes: 16 or 32. Needs AES-NI, PCLMULQDQ and SSE4.1. */
void dp_gcm_key_expand(struct dp_gcm_key *out, const uint8_t *key, uint32_t key_bytes);

#endif
