/* SPDX-License-Identifier: BSD-3-Clause
 * The engine "ipsec-mb": intel-ipsec-mb, AES-GCM by one direct call per packet, the others by a few. Keys: control thread;
 * queues: workers.
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
#include "sa-db/algorithm.h"

#define LINE        64u
#define ROUND_LINES 4u  /* of an expanded key: the round keys */
#define POWER_LINES 12u /* the powers of the hash key, and the key's size */
#define KEYS_AHEAD  4   /* packets */

/* The common ones first: an operation knows its way by one comparison. */
enum kind { GCM_128, GCM_256, GMAC_128, GMAC_256, CHACHA };

/* What a key is for stands in the last line of the expanded key, which every operation reads anyway. */
struct key_area {
	union {
		struct gcm_key_data key;
		uint8_t chacha[32]; /* nothing is expanded */
	};
	uint8_t kind_and_one; /* 0: no key */
	uint8_t zero[15];
};
static_assert(sizeof(struct key_area) == (ROUND_LINES + POWER_LINES) * LINE,
	      "the last line shared with the expanded key");

struct dp_engine_queue {
	/* the library's scratch memory */
	struct gcm_context_data context;
	struct chacha20_poly1305_context_data chacha;
};

/* The library's functions for this CPU. A manager is only needed to find them: direct calls keep no state in it.
 * Written once, under pthread_once. */
struct functions {
	bool usable;
	bool powers_last;        /* the low powers of the hash key, which every packet needs, end the expanded key */
	aes_gcm_pre_t expand[2]; /* by key size: 128, 256 */
	aes_gcm_enc_dec_t seal[2], open[2];
	aes_gmac_init_t mac_init[2];
	aes_gmac_update_t mac_update[2];
	aes_gmac_finalize_t mac_finalize[2];
	chacha_poly_init_t chacha_init;
	chacha_poly_enc_dec_update_t chacha_update[2]; /* by direction */
	chacha_poly_finalize_t chacha_finalize;
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
		    .mac_init = {manager->gmac128_init, manager->gmac256_init},
		    .mac_update = {manager->gmac128_update, manager->gmac256_update},
		    .mac_finalize = {manager->gmac128_finalize, manager->gmac256_finalize},
		    .chacha_init = manager->chacha20_poly1305_init,
		    .chacha_update = {[DP_SEAL] = manager->chacha20_poly1305_enc_update,
				      [DP_OPEN] = manager->chacha20_poly1305_dec_update},
		    .chacha_finalize = manager->chacha20_poly1305_finalize,
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
	const bool wide = key_bytes == 32;
	enum kind kind = wide ? GCM_256 : GCM_128;
	if (sadb_algorithm_find(aead, key_bytes) == NULL || !ipsec_mb_supported())
		return -EINVAL;
	if (aead == SADB_AEAD_AES_GMAC)
		kind = wide ? GMAC_256 : GMAC_128;
	else if (aead == SADB_AEAD_CHACHA20_POLY1305)
		kind = CHACHA;
	if (kind == CHACHA)
		memcpy(keys->chacha, key, sizeof(keys->chacha));
	else
		functions.expand[wide](key, &keys->key);
	keys->kind_and_one = (uint8_t)(kind + 1);
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

/* Of an opened text: is the tag that was computed the packet's? */
static inline int
verdict(const struct dp_aead_op *op, uint8_t computed[DP_TAG_BYTES])
{
	if (tags_equal(computed, op->tag))
		return 0;
	explicit_bzero(computed, DP_TAG_BYTES); /* it would make this forgery pass */
	if (op->text_bytes != 0)
		explicit_bzero(op->text, op->text_bytes);
	return -EBADMSG;
}

/* RFC 4543 3.3: SPI and number, the explicit IV, then the text. */
static void
gmac(struct dp_engine_queue *queue, const struct dp_aead_op *op, bool wide, uint8_t tag[DP_TAG_BYTES])
{
	const struct key_area *keys = op->key_area;
	uint8_t head[sizeof(op->aad) + DP_IV_BYTES - SADB_SALT_BYTES];
	memcpy(head, op->aad, sizeof(op->aad));
	memcpy(head + op->aad_bytes, op->iv + SADB_SALT_BYTES, DP_IV_BYTES - SADB_SALT_BYTES);
	functions.mac_init[wide](&keys->key, &queue->context, op->iv, DP_IV_BYTES);
	functions.mac_update[wide](&keys->key, &queue->context, head, op->aad_bytes + DP_IV_BYTES - SADB_SALT_BYTES);
	if (op->text_bytes != 0)
		functions.mac_update[wide](&keys->key, &queue->context, op->text, op->text_bytes);
	functions.mac_finalize[wide](&keys->key, &queue->context, tag, DP_TAG_BYTES);
}

/* RFC 8439 2.8. */
static void
chacha(struct dp_engine_queue *queue, const struct dp_aead_op *op, uint8_t tag[DP_TAG_BYTES])
{
	const struct key_area *keys = op->key_area;
	functions.chacha_init(keys->chacha, &queue->chacha, op->iv, op->aad, op->aad_bytes);
	if (op->text_bytes != 0)
		functions.chacha_update[op->dir](keys->chacha, &queue->chacha, op->text, op->text, op->text_bytes);
	functions.chacha_finalize(&queue->chacha, tag, DP_TAG_BYTES);
}

/* Everything but AES-GCM; and no key at all. */
static int __attribute__((noinline)) work_other(struct dp_engine_queue *queue, struct dp_aead_op *op)
{
	const struct key_area *keys = op->key_area;
	uint8_t computed[DP_TAG_BYTES], *tag = op->dir == DP_SEAL ? op->tag : computed;
	switch (keys->kind_and_one - 1) {
	case GMAC_128:
		gmac(queue, op, false, tag);
		break;
	case GMAC_256:
		gmac(queue, op, true, tag);
		break;
	case CHACHA:
		chacha(queue, op, tag);
		break;
	default:
		return -EIO;
	}
	return op->dir == DP_SEAL ? 0 : verdict(op, computed);
}

static int
work(struct dp_engine_queue *queue, struct dp_aead_op *op)
{
	const struct key_area *keys = op->key_area;
	if (!dp_aead_op_valid(op))
		return -EIO;
	const unsigned wide = keys->kind_and_one - 1u; /* GCM_128, GCM_256 */
	if (__builtin_expect(wide > GCM_256, false))
		return work_other(queue, op);
	if (op->dir == DP_SEAL) {
		functions.seal[wide](&keys->key, &queue->context, op->text, op->text, op->text_bytes, op->iv, op->aad,
				     op->aad_bytes, op->tag, DP_TAG_BYTES);
		return 0;
	}
	uint8_t tag[DP_TAG_BYTES];
	functions.open[wide](&keys->key, &queue->context, op->text, op->text, op->text_bytes, op->iv, op->aad,
			     op->aad_bytes, tag, DP_TAG_BYTES);
	return verdict(op, tag);
}

static unsigned
raw_other(struct dp_engine_queue *queue, const void *key_area, enum dp_aead_dir dir, const struct dp_aead_job *jobs,
	  unsigned n)
{
	unsigned failed = 0;
	for (const struct dp_aead_job *job = jobs; job < jobs + n; job++) {
		struct dp_aead_op op = dp_aead_job_op(key_area, dir, job);
		failed += work_other(queue, &op) != 0;
	}
	return failed;
}

static unsigned
ipsec_mb_raw(struct dp_engine_queue *queue, const void *key_area, enum dp_aead_dir dir, const struct dp_aead_job *jobs,
	     unsigned n)
{
	const struct key_area *keys = key_area;
	const unsigned wide = keys->kind_and_one - 1u;
	if (wide > GCM_256)
		return raw_other(queue, key_area, dir, jobs, n);
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
