/* SPDX-License-Identifier: BSD-3-Clause
 * The engine "ipsec-mb": AES-GCM of intel-ipsec-mb, one direct call per packet. Keys: control thread; queues: workers.
 *
 * The library's error number is one variable for the whole process, cleared at the start of every call of every thread:
 * it cannot tell a worker how its own call went. So what a call would refuse is checked before it, and the tag that it
 * computes is never looked at unless the call ran. */
#include "dataplane/engine_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <intel-ipsec-mb.h>

#include "dataplane/dataplane.h"

#define LINE        64u
#define ROUND_LINES 4u  /* of an expanded key: the round keys */
#define POWER_LINES 12u /* the powers of the hash key, and the key's size */
#define KEYS_AHEAD  4   /* packets */

/* The key size stands in the last line of the expanded key, which every operation reads anyway. */
struct key_area {
	struct gcm_key_data key;
	uint8_t key_bytes;
	uint8_t zero[15];
};
static_assert(sizeof(struct key_area) == (ROUND_LINES + POWER_LINES) * LINE,
	      "the last line shared with the expanded key");

struct dp_engine_queue {
	struct gcm_context_data context; /* the library's scratch memory */
};

/* The library's functions for this CPU. A manager is only needed to find them: direct calls keep no state in it.
 * Written once, under pthread_once. */
struct functions {
	bool usable;
	bool powers_last;        /* the low powers of the hash key, which every packet needs, end the expanded key */
	aes_gcm_pre_t expand[2]; /* by key size: 128, 256 */
	aes_gcm_enc_dec_t seal[2], open[2];
};
static struct functions functions;
static pthread_once_t functions_once = PTHREAD_ONCE_INIT;

static void
functions_find(void)
{
	/* Without AES-NI and PCLMULQDQ the library falls back to tables in memory, which leak keys through the cache. */
	const uint64_t wanted = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS;
	IMB_MGR *manager = alloc_mb_mgr(0);
	if (manager == NULL)
		return;
	IMB_ARCH arch = IMB_ARCH_NONE;
	init_mb_mgr_auto(manager, &arch);
	if (imb_get_errno(manager) == 0 && arch != IMB_ARCH_NONE && arch != IMB_ARCH_NOAESNI &&
	    (manager->features & wanted) == wanted)
		functions = (struct functions){
		    .usable = true,
		    .powers_last = (manager->features & IMB_FEATURE_VAES) != 0 && arch == IMB_ARCH_AVX512,
		    .expand = {manager->gcm128_pre, manager->gcm256_pre},
		    .seal = {manager->gcm128_enc, manager->gcm256_enc},
		    .open = {manager->gcm128_dec, manager->gcm256_dec},
		};
	free_mb_mgr(manager);
}

static bool
ipsec_mb_supported(void)
{
	pthread_once(&functions_once, functions_find);
	return functions.usable;
}

static size_t
ipsec_mb_area_bytes(unsigned max_workers)
{
	(void)max_workers; /* the expanded key is only read: all workers share it */
	return sizeof(struct key_area);
}

static int
ipsec_mb_key_init(void *area, enum sadb_aead aead, const uint8_t *key, uint32_t key_bytes)
{
	struct key_area *keys = area;
	if (aead != SADB_AEAD_AES_GCM_16 || (key_bytes != 16 && key_bytes != 32) || !ipsec_mb_supported())
		return -EINVAL;
	functions.expand[key_bytes == 32](key, &keys->key);
	keys->key_bytes = (uint8_t)key_bytes;
	return 0;
}

static void
ipsec_mb_key_fini(void *area)
{
	explicit_bzero(area, sizeof(struct key_area));
}

static struct dp_engine_queue *
ipsec_mb_queue_create(unsigned worker)
{
	(void)worker;
	return ipsec_mb_supported() ? calloc(1, sizeof(struct dp_engine_queue)) : NULL;
}

static void
ipsec_mb_queue_destroy(struct dp_engine_queue *queue)
{
	explicit_bzero(queue, sizeof(*queue));
	free(queue);
}

/* No branch and no early end depends on where the tags differ. */
static bool
tags_equal(const uint8_t a[DP_TAG_BYTES], const uint8_t b[DP_TAG_BYTES])
{
	uint64_t x[2], y[2];
	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}
static_assert(DP_TAG_BYTES == 2 * sizeof(uint64_t), "a tag is two words");

static int
work(struct dp_engine_queue *queue, struct dp_aead_op *op)
{
	const struct key_area *keys = op->key_area;
	if (!dp_aead_op_valid(op) || keys->key_bytes == 0)
		return -EIO;
	bool wide = keys->key_bytes == 32;
	if (op->dir == DP_SEAL) {
		functions.seal[wide](&keys->key, &queue->context, op->text, op->text, op->text_bytes, op->iv, op->aad,
				     op->aad_bytes, op->tag, DP_TAG_BYTES);
		return 0;
	}
	uint8_t tag[DP_TAG_BYTES];
	functions.open[wide](&keys->key, &queue->context, op->text, op->text, op->text_bytes, op->iv, op->aad,
			     op->aad_bytes, tag, DP_TAG_BYTES);
	if (tags_equal(tag, op->tag))
		return 0;
	explicit_bzero(tag, sizeof(tag)); /* it would make this forgery pass */
	if (op->text_bytes != 0)
		explicit_bzero(op->text, op->text_bytes);
	return -EBADMSG;
}

static unsigned
ipsec_mb_raw(struct dp_engine_queue *queue, const void *key_area, enum dp_aead_dir dir, const struct dp_aead_job *jobs,
	     unsigned n)
{
	const struct key_area *keys = key_area;
	bool wide = keys->key_bytes == 32;
	aes_gcm_enc_dec_t call = dir == DP_SEAL ? functions.seal[wide] : functions.open[wide];
	unsigned failed = 0;
	for (const struct dp_aead_job *job = jobs; job < jobs + n; job++) {
		uint8_t computed[DP_TAG_BYTES];
		call(&keys->key, &queue->context, job->text, job->text, job->text_bytes, job->iv, job->aad,
		     job->aad_bytes, dir == DP_SEAL ? job->tag : computed, DP_TAG_BYTES);
		if (dir == DP_OPEN && !tags_equal(computed, job->tag)) {
			explicit_bzero(computed, sizeof(computed));
			explicit_bzero(job->text, job->text_bytes);
			failed++;
		}
	}
	return failed;
}

/* A packet of another SA than the one before needs its key, which is far away when many are in use: the round keys, and
 * as many powers of the hash key as it has blocks. */
static inline void
prefetch_key(struct dp_aead_op *const ops[], unsigned i, unsigned n)
{
	if (i >= n || (i > 0 && ops[i]->key_area == ops[i - 1]->key_area))
		return;
	const uint8_t *area = ops[i]->key_area;
	unsigned lines = (ops[i]->text_bytes / 16 + 3) / 4 + 1;
	lines = !functions.powers_last || lines > POWER_LINES ? POWER_LINES : lines;
	for (unsigned line = 0; line < ROUND_LINES; line++)
		__builtin_prefetch(area + line * LINE);
	for (unsigned line = ROUND_LINES + POWER_LINES - lines; line < ROUND_LINES + POWER_LINES; line++)
		__builtin_prefetch(area + line * LINE);
}

static unsigned
ipsec_mb_submit(struct dp_engine_queue *queue, struct dp_aead_op *const ops[], unsigned n, unsigned *finished)
{
	for (unsigned i = 0; i < KEYS_AHEAD; i++)
		prefetch_key(ops, i, n);
	for (unsigned i = 0; i < n; i++) {
		prefetch_key(ops, i + KEYS_AHEAD, n);
		ops[i]->status = (int16_t)work(queue, ops[i]);
	}
	*finished = n;
	return n;
}

const struct dp_engine dp_engine_ipsec_mb = {
    .name = "ipsec-mb",
    .help = "intel-ipsec-mb, needs AES-NI and PCLMULQDQ",
    .supported = ipsec_mb_supported,
    .area_bytes = ipsec_mb_area_bytes,
    .key_init = ipsec_mb_key_init,
    .key_fini = ipsec_mb_key_fini,
    .queue_create = ipsec_mb_queue_create,
    .queue_destroy = ipsec_mb_queue_destroy,
    .submit = ipsec_mb_submit,
    .raw = ipsec_mb_raw,
};
