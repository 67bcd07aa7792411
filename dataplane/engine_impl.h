/* SPDX-License-Identifier: BSD-3-Clause
 * What the engines share: their entries, the ring of finished operations of those that finish at once, and the known
 * answers that each must give. Only the engines, engine.c and their tests include it. */
#ifndef DP_ENGINE_IMPL_H
#define DP_ENGINE_IMPL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/engine.h"

extern const struct dp_engine dp_engine_ipsec_mb;
extern const struct dp_engine dp_engine_openssl;

/* dp_engine_choose() over a list of one's own, NULL-terminated. */
const struct dp_engine *dp_engine_choose_from(const struct dp_engine *const list[], const char *name, char *why,
					      size_t size);

/* Finished operations in the order of submission, for the one worker that owns the queue. */
struct dp_done {
	struct dp_aead_op *ops[DP_ENGINE_BATCH];
	unsigned first, count;
};
static_assert((DP_ENGINE_BATCH & (DP_ENGINE_BATCH - 1)) == 0, "the ring is indexed with a mask");

static inline unsigned
dp_done_room(const struct dp_done *done)
{
	return DP_ENGINE_BATCH - done->count;
}

static inline void
dp_done_put(struct dp_done *done, struct dp_aead_op *op)
{
	done->ops[(done->first + done->count++) & (DP_ENGINE_BATCH - 1)] = op;
}

static inline unsigned
dp_done_take(struct dp_done *done, struct dp_aead_op *ops[], unsigned max)
{
	unsigned n = max < done->count ? max : done->count;
	for (unsigned i = 0; i < n; i++)
		ops[i] = done->ops[(done->first + i) & (DP_ENGINE_BATCH - 1)];
	done->first = (done->first + n) & (DP_ENGINE_BATCH - 1);
	done->count -= n;
	return n;
}

/* What a library would refuse or, worse, believe. An engine checks it before it trusts a call's outcome. */
static inline bool
dp_aead_op_valid(const struct dp_aead_op *op)
{
	return op->key_area != NULL && op->tag != NULL && (op->text != NULL || op->text_bytes == 0) &&
	       op->text_bytes <= INT32_MAX && op->aad_bytes <= sizeof(op->aad) && op->dir <= DP_OPEN;
}

/* ---- known answers (engine_kat.c) ---- */
#define DP_KAT_TEXT_MAX 2048

struct dp_kat {
	uint8_t key[SADB_KEY_MAX];
	uint8_t iv[DP_IV_BYTES];
	uint8_t aad[12];
	uint8_t tag[DP_TAG_BYTES];
	uint32_t key_bytes, aad_bytes, text_bytes;
	uint64_t sealed_fnv1a; /* of the ciphertext */
	uint8_t plain[DP_KAT_TEXT_MAX];
};

unsigned dp_kat_count(void);
void dp_kat_get(unsigned i, struct dp_kat *kat); /* i < dp_kat_count() */
/* Is this the ciphertext the answer asks for? */
bool dp_kat_sealed_matches(const struct dp_kat *kat, const uint8_t *text);

#endif
