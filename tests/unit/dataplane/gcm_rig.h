/* SPDX-License-Identifier: BSD-3-Clause
 * AES-GCM as OpenSSL has it, one packet at a time: the witness of the tests of the GCM kernels. Any one thread. */
#ifndef TESTS_GCM_RIG_H
#define TESTS_GCM_RIG_H

#include <openssl/evp.h>

#include "tests/unit/dataplane/engine_rig.h"

struct gcm_witness {
	EVP_CIPHER_CTX *seal, *block; /* GCM, and AES alone */
};

static inline struct gcm_witness
gcm_witness_create(const uint8_t *key, uint32_t key_bytes)
{
	struct gcm_witness w = {EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_new()};
	const EVP_CIPHER *gcm = key_bytes == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
	const EVP_CIPHER *ecb = key_bytes == 32 ? EVP_aes_256_ecb() : EVP_aes_128_ecb();
	assert_int_equal(EVP_EncryptInit_ex(w.seal, gcm, NULL, key, NULL), 1);
	assert_int_equal(EVP_EncryptInit_ex(w.block, ecb, NULL, key, NULL), 1);
	return w;
}

static inline void
gcm_witness_destroy(struct gcm_witness *w)
{
	EVP_CIPHER_CTX_free(w->seal);
	EVP_CIPHER_CTX_free(w->block);
}

/* The operation's key is this witness's; its text and tag are not touched. */
static inline void
gcm_witness_seal(const struct gcm_witness *w, const struct dp_aead_op *op, const uint8_t *plain, uint8_t *sealed,
		 uint8_t tag[DP_TAG_BYTES])
{
	int n;
	assert_int_equal(EVP_EncryptInit_ex(w->seal, NULL, NULL, NULL, op->iv), 1);
	assert_int_equal(EVP_EncryptUpdate(w->seal, NULL, &n, op->aad, op->aad_bytes), 1);
	if (op->text_bytes > 0)
		assert_int_equal(EVP_EncryptUpdate(w->seal, sealed, &n, plain, (int)op->text_bytes), 1);
	assert_int_equal(EVP_EncryptFinal_ex(w->seal, sealed, &n), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(w->seal, EVP_CTRL_AEAD_GET_TAG, DP_TAG_BYTES, tag), 1);
}

static inline void
gcm_witness_block(const struct gcm_witness *w, const uint8_t in[16], uint8_t out[16])
{
	int n;
	assert_int_equal(EVP_EncryptUpdate(w->block, out, &n, in, 16), 1);
}

#endif
