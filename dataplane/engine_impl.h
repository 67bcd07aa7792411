/* SPDX-License-Identifier: BSD-3-Clause
 * What the engines share: their entries and the known answers that each must give. Only the engines, engine.c and their
 * tests include it. */
#ifndef DP_ENGINE_IMPL_H
#define DP_ENGINE_IMPL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/dataplane.h"
#include "dataplane/engine.h"

extern const struct dp_engine dp_engine_ipsec_mb;
extern const struct dp_engine dp_engine_openssl;
extern const struct dp_engine dp_engine_vaes, dp_engine_vaes_256;

/* dp_engine_choose() over a list of one's own, NULL-terminated. */
const struct dp_engine *dp_engine_choose_from(const struct dp_engine *const list[], const char *name, char *why,
					      size_t size);

/* What a library would refuse or, worse, believe. An engine checks it before it trusts a call's outcome. */
static inline bool
dp_aead_op_valid(const struct dp_aead_op *op)
{
	return op->key_area != NULL && op->tag != NULL && (op->text != NULL || op->text_bytes == 0) &&
	       op->text_bytes <= DP_AEAD_TEXT_MAX && op->aad_bytes <= sizeof(op->aad) && op->dir <= DP_OPEN;
}

/* A job of dp_aead_seal() and dp_aead_open() as an operation. */
static inline struct dp_aead_op
dp_aead_job_op(const void *key_area, enum dp_aead_dir dir, const struct dp_aead_job *job)
{
	struct dp_aead_op op = {.key_area = key_area,
				.text = job->text,
				.tag = job->tag,
				.text_bytes = job->text_bytes,
				.aad_bytes = job->aad_bytes,
				.dir = (uint8_t)dir};
	memcpy(op.iv, job->iv, sizeof(op.iv));
	memcpy(op.aad, job->aad, job->aad_bytes <= sizeof(op.aad) ? job->aad_bytes : 0);
	return op;
}

/* ---- known answers (engine_kat.c, engine_kat_table.c) ---- */
#define DP_KAT_TEXT_MAX 2048

struct dp_kat {
	enum sadb_aead aead;
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

struct dp_kat_published {
	enum sadb_aead aead;
	const char *key, *iv, *aad, *plain, *sealed, *tag; /* hexadecimal */
};
extern const struct dp_kat_published dp_kat_published[];
extern const unsigned dp_kat_n_published;

struct dp_kat_computed {
	uint8_t aead; /* enum sadb_aead */
	uint8_t key_bytes, aad_bytes;
	uint16_t text_bytes;
	uint64_t sealed_fnv1a;
	const char *tag;
};
extern const struct dp_kat_computed dp_kat_computed[];
extern const unsigned dp_kat_n_computed;

#endif
