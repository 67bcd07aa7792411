/* SPDX-License-Identifier: BSD-3-Clause
 * What the engines share: their entries and the known answers that each must give. Only the engines, engine.c and their tests include it. */
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
