/* SPDX-License-Identifier: BSD-3-Clause
 * The engine "openssl": every algorithm through OpenSSL's EVP, on any machine. Keys: control thread; queues: their workers.
 *
 * An EVP context holds the key and the state of one operation, so two workers must not share one, and a worker must not
 * allocate. Therefore a key area holds a context per worker, all made when the key comes. After that first key schedule
 * an operation only sets the IV: EVP neither allocates nor locks (engine_test.c counts). */
#include "dataplane/engine_impl.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "dataplane/dataplane.h"
#include "sa-db/algorithm.h"

struct key_area {
	uint32_t contexts;
	uint32_t aead;                           /* enum sadb_aead */
	EVP_CIPHER_CTX *context[DP_MAX_WORKERS]; /* by worker */
};

struct dp_engine_queue {
	unsigned worker;
};

/* Contexts that a key gets: the largest number of workers asked for so far. It only grows and the area has room for
 * DP_MAX_WORKERS, so neither an old nor a new area can be overrun. Control thread. */
static unsigned context_count = 1;

static bool
openssl_supported(void)
{
	static const char *const wanted[] = {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};
	bool all = true;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, wanted[i], NULL);
		all &= cipher != NULL;
		EVP_CIPHER_free(cipher);
	}
	return all;
}

static size_t
openssl_area_bytes(unsigned max_workers)
{
	if (max_workers > context_count)
		context_count = max_workers < DP_MAX_WORKERS ? max_workers : DP_MAX_WORKERS;
	return sizeof(struct key_area);
}

static void
openssl_key_fini(void *area)
{
	struct key_area *keys = area;
	for (uint32_t i = 0; i < keys->contexts; i++)
		EVP_CIPHER_CTX_free(keys->context[i]); /* wipes the key schedule */
	OPENSSL_cleanse(keys, sizeof(*keys));
}

/* GMAC is GCM without a text (SP 800-38D 3). */
static const EVP_CIPHER *
cipher_of(enum sadb_aead aead, uint32_t key_bytes)
{
	if (sadb_algorithm_find(aead, key_bytes) == NULL)
		return NULL;
	if (aead == SADB_AEAD_CHACHA20_POLY1305)
		return EVP_chacha20_poly1305();
	return key_bytes == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
}

static int
openssl_key_init(void *area, enum sadb_aead aead, const uint8_t *key, uint32_t key_bytes)
{
	struct key_area *keys = area;
	const EVP_CIPHER *cipher = cipher_of(aead, key_bytes);
	if (cipher == NULL)
		return -EINVAL;
	keys->aead = aead;
	while (keys->contexts < context_count) {
		EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
		if (context == NULL)
			goto fail;
		keys->context[keys->contexts++] = context;
		if (EVP_EncryptInit_ex(context, cipher, NULL, key, NULL) != 1)
			goto fail;
	}
	return 0;
fail:
	openssl_key_fini(area);
	return -ENOMEM;
}

static struct dp_engine_queue *
openssl_queue_create(unsigned worker)
{
	struct dp_engine_queue *queue = calloc(1, sizeof(*queue));
	if (queue != NULL)
		queue->worker = worker;
	return queue;
}

static void
openssl_queue_destroy(struct dp_engine_queue *queue)
{
	free(queue);
}

/* All that is only authenticated, and of AES-GMAC the text as well; of the others the text is worked on in place. The
 * context knows the direction. */
static bool
update(EVP_CIPHER_CTX *context, const struct dp_aead_op *op, bool gmac)
{
	int n;
	if (EVP_CipherUpdate(context, NULL, &n, op->aad, op->aad_bytes) != 1)
		return false;
	if (gmac && EVP_CipherUpdate(context, NULL, &n, op->iv + SADB_SALT_BYTES, DP_IV_BYTES - SADB_SALT_BYTES) != 1)
		return false;
	return op->text_bytes == 0 ||
	       EVP_CipherUpdate(context, gmac ? NULL : op->text, &n, op->text, (int)op->text_bytes) == 1;
}

static int
aead_seal(EVP_CIPHER_CTX *context, struct dp_aead_op *op, bool gmac)
{
	int n;
	if (EVP_EncryptInit_ex(context, NULL, NULL, NULL, op->iv) == 1 && update(context, op, gmac) &&
	    EVP_EncryptFinal_ex(context, op->text, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, DP_TAG_BYTES, op->tag) == 1)
		return 0;
	return -EIO;
}

static int
aead_open(EVP_CIPHER_CTX *context, struct dp_aead_op *op, bool gmac)
{
	int n;
	if (EVP_DecryptInit_ex(context, NULL, NULL, NULL, op->iv) != 1 ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, DP_TAG_BYTES, op->tag) != 1 ||
	    !update(context, op, gmac))
		return -EIO;
	/* Compares in constant time. None of them writes anything here: the text is whole already. */
	return EVP_DecryptFinal_ex(context, op->text, &n) == 1 ? 0 : -EBADMSG;
}

static int
work(const struct dp_engine_queue *queue, struct dp_aead_op *op)
{
	const struct key_area *keys = op->key_area;
	if (!dp_aead_op_valid(op) || queue->worker >= keys->contexts)
		return -EIO;
	EVP_CIPHER_CTX *context = keys->context[queue->worker];
	const bool gmac = keys->aead == SADB_AEAD_AES_GMAC;
	int err = op->dir == DP_SEAL ? aead_seal(context, op, gmac) : aead_open(context, op, gmac);
	if (err != 0 && op->text_bytes != 0)
		OPENSSL_cleanse(op->text, op->text_bytes); /* EVP leaves unverified plaintext in place */
	return err;
}

static unsigned
openssl_raw(struct dp_engine_queue *queue, const void *key_area, enum dp_aead_dir dir, const struct dp_aead_job *jobs,
	    unsigned n)
{
	unsigned failed = 0;
	for (const struct dp_aead_job *job = jobs; job < jobs + n; job++) {
		struct dp_aead_op op = dp_aead_job_op(key_area, dir, job);
		failed += work(queue, &op) != 0;
	}
	return failed;
}

static unsigned
openssl_submit(struct dp_engine_queue *queue, struct dp_aead_op *const ops[], unsigned n, unsigned *finished)
{
	for (unsigned i = 0; i < n; i++)
		ops[i]->status = (int16_t)work(queue, ops[i]);
	*finished = n;
	return n;
}

const struct dp_engine dp_engine_openssl = {
    .name = "openssl",
    .help = "OpenSSL 3 (EVP), runs on any machine",
    .supported = openssl_supported,
    .area_bytes = openssl_area_bytes,
    .key_init = openssl_key_init,
    .key_fini = openssl_key_fini,
    .queue_create = openssl_queue_create,
    .queue_destroy = openssl_queue_destroy,
    .submit = openssl_submit,
    .raw = openssl_raw,
};
