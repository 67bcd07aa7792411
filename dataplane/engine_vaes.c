/* SPDX-License-Identifier: BSD-3-Clause
 * The engine "vaes": AES-GCM of Culvert's own (gcm_kernel.h), several packets at a time. It sorts a batch into the groups
 * that the kernel of this CPU wants. Keys: control thread; queues: their workers. */
#include "dataplane/engine_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/gcm.h"
#include "dataplane/gcm_cpu.h"
#include "sa-db/algorithm.h"

#define LINE 64u

/* A key of another algorithm than AES-GCM: another engine does its work. It stands where the key of AES-GCM would. */
struct other_key {
	void *area;
};
#define OTHER_KEY 1 /* as the number of rounds */
static_assert(sizeof(struct other_key) <= offsetof(struct dp_gcm_key, rounds), "the number of rounds is behind");

struct dp_engine_queue {
	const struct dp_gcm_kernel *kernel;
	struct dp_engine_queue *other;
};

/* Operations of one direction and key size, in the order in which they came. */
struct class
{
	struct dp_aead_op *op[DP_ENGINE_BATCH];
	unsigned n;
	bool own_keys; /* not all of one key */
};
#define CLASSES (2 * DP_GCM_SIZES + 1) /* and those of another engine */
static_assert(DP_ENGINE_BATCH % DP_GCM_LANES_MAX == 0, "a full class has full groups");

static bool
wide_supported(void)
{
	return dp_gcm_cpu_bits() >= dp_gcm_kernel_512.bits;
}

static bool
narrow_supported(void)
{
	return dp_gcm_cpu_bits() >= dp_gcm_kernel_256.bits;
}

static const struct dp_engine *
other_engine(void)
{
	return dp_engine_ipsec_mb.supported() ? &dp_engine_ipsec_mb : &dp_engine_openssl;
}

static void *
other_area(const struct dp_gcm_key *key)
{
	struct other_key other;
	memcpy(&other, key, sizeof(other));
	return other.area;
}

static size_t
vaes_area_bytes(unsigned max_workers)
{
	other_engine()->area_bytes(max_workers); /* it may have to know */
	return sizeof(struct dp_gcm_key);        /* only read: all workers share it */
}

static int
other_key_init(struct dp_gcm_key *out, enum sadb_aead aead, const uint8_t *key, uint32_t key_bytes)
{
	const struct dp_engine *engine = other_engine();
	const size_t bytes = (engine->area_bytes(1) + LINE - 1) / LINE * LINE;
	const struct other_key other = {aligned_alloc(LINE, bytes)};
	if (other.area == NULL)
		return -ENOMEM;
	memset(other.area, 0, bytes);
	const int err = engine->key_init(other.area, aead, key, key_bytes);
	if (err != 0) {
		explicit_bzero(other.area, bytes);
		free(other.area);
		return err;
	}
	memcpy(out, &other, sizeof(other));
	out->rounds = OTHER_KEY;
	return 0;
}

static int
vaes_key_init(void *area, enum sadb_aead aead, const uint8_t *key, uint32_t key_bytes)
{
	if (sadb_algorithm_find(aead, key_bytes) == NULL || !narrow_supported())
		return -EINVAL;
	if (aead != SADB_AEAD_AES_GCM_16)
		return other_key_init(area, aead, key, key_bytes);
	dp_gcm_key_expand(area, key, key_bytes);
	return 0;
}

static void
vaes_key_fini(void *area)
{
	struct dp_gcm_key *key = area;
	if (key->rounds == OTHER_KEY) {
		other_engine()->key_fini(other_area(key));
		free(other_area(key));
	}
	explicit_bzero(key, sizeof(*key));
}

static struct dp_engine_queue *
queue_create(const struct dp_gcm_kernel *kernel, unsigned worker)
{
	struct dp_engine_queue *queue = dp_gcm_cpu_bits() >= kernel->bits ? calloc(1, sizeof(*queue)) : NULL;
	if (queue == NULL)
		return NULL;
	queue->kernel = kernel;
	queue->other = other_engine()->queue_create(worker);
	if (queue->other == NULL) {
		free(queue);
		return NULL;
	}
	return queue;
}

static struct dp_engine_queue *
wide_queue_create(unsigned worker)
{
	return queue_create(&dp_gcm_kernel_512, worker);
}

static struct dp_engine_queue *
narrow_queue_create(unsigned worker)
{
	return queue_create(&dp_gcm_kernel_256, worker);
}

static void
vaes_queue_destroy(struct dp_engine_queue *queue)
{
	other_engine()->queue_destroy(queue->other);
	free(queue);
}

static enum dp_gcm_size
size_of(const struct dp_gcm_key *key)
{
	return key->rounds == 14 ? DP_GCM_256 : DP_GCM_128;
}

/* Nobody sees the plaintext of a packet whose tag is wrong. */
static __attribute__((noinline, cold)) void
wipe(uint8_t *text, uint32_t text_bytes)
{
	if (text_bytes != 0)
		explicit_bzero(text, text_bytes);
}

/* A bit for each whose tag was wrong. */
static __attribute__((noinline, cold)) void
refuse(struct dp_aead_op *const ops[], unsigned n, uint64_t bad)
{
	for (unsigned i = 0; i < n; i++) {
		if ((bad >> i & 1) == 0)
			continue;
		wipe(ops[i]->text, ops[i]->text_bytes);
		ops[i]->status = -EBADMSG;
	}
}

static uint64_t
first_bits(unsigned n)
{
	return n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
}

/* What a kernel had no register for, it has left on the stack: tags' masks, and of the hash key enough to forge by. */
static __attribute__((noinline)) void
wipe_stack(void)
{
	uint8_t below[DP_GCM_STACK];
	explicit_bzero(below, sizeof(below));
}

/* A last group that is short is filled up with operations of no text. Their tags are nobody's. */
static void
class_run(const struct dp_gcm_kernel *kernel, struct class *class)
{
	const struct dp_aead_op *first = class->op[0];
	const struct dp_gcm_key *key = first->key_area;
	const unsigned groups = (class->n + kernel->lanes - 1) / kernel->lanes;
	uint8_t tag[DP_TAG_BYTES] = {0};
	struct dp_aead_op idle;
	if (class->n % kernel->lanes != 0) {
		idle = (struct dp_aead_op){.key_area = key, .text = tag, .tag = tag};
		for (unsigned i = class->n; i < groups * kernel->lanes; i++)
			class->op[i] = &idle;
	}
	const uint64_t bad =
	    kernel->ops[first->dir][size_of(key)][class->own_keys](class->op, groups) & first_bits(class->n);
	wipe_stack();
	if (class->n % kernel->lanes != 0)
		explicit_bzero(tag, sizeof(tag));
	if (__builtin_expect(bad != 0, false))
		refuse(class->op, class->n, bad);
}

/* What an operation says beside its pointers, in one word: its text's length in one half; AAD, direction and status in the
 * other. */
static uint64_t
sizes_of(const struct dp_aead_op *op)
{
	static_assert(offsetof(struct dp_aead_op, aad_bytes) == offsetof(struct dp_aead_op, text_bytes) + 4 &&
			  offsetof(struct dp_aead_op, dir) == offsetof(struct dp_aead_op, text_bytes) + 5 &&
			  offsetof(struct dp_aead_op, status) == offsetof(struct dp_aead_op, text_bytes) + 6,
		      "one word");
	uint64_t sizes;
	memcpy(&sizes, (const uint8_t *)op + offsetof(struct dp_aead_op, text_bytes), sizeof(sizes));
	return sizes;
}

/* Are these all valid, of AES-GCM, of one direction and key size, and of no status yet? That is what a busy worker's batch
 * looks like: it need not be sorted. Asked of all at once: one less than NULL has a top bit, which no pointer has; and so has
 * more AAD than there may be, with what is missing to 128 added, in its byte. */
static bool
uniform(struct dp_aead_op *const ops[], unsigned n, bool *own_keys)
{
	const struct dp_aead_op *first = ops[0];
	const struct dp_gcm_key *key = first->key_area;
	if (!dp_aead_op_valid(first) || first->status != 0)
		return false;
	const uint64_t alike = sizes_of(first), too_much = (uint64_t)(127 - sizeof(first->aad)) << 32;
	uintptr_t other = 0, null = 0;
	uint64_t differ = 0, all = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct dp_aead_op *op = ops[i];
		const uint64_t sizes = sizes_of(op);
		other |= (uintptr_t)op->key_area ^ (uintptr_t)key;
		null |= ((uintptr_t)op->key_area - 1) | ((uintptr_t)op->text - 1) | ((uintptr_t)op->tag - 1);
		differ |= sizes ^ alike;
		all |= sizes | (sizes + too_much);
	}
	static_assert((DP_AEAD_TEXT_MAX & (DP_AEAD_TEXT_MAX + 1)) == 0, "all bits below one");
	*own_keys = other != 0;
	if (null >> 63 != 0 || differ >> 40 != 0 || (all >> 39 & 1) != 0 || (uint32_t)all > DP_AEAD_TEXT_MAX)
		return false;
	unsigned rounds = 0;
	for (unsigned i = 0; other != 0 && i < n; i++)
		rounds |= ((const struct dp_gcm_key *)ops[i]->key_area)->rounds ^ key->rounds;
	return rounds == 0 && key->rounds > OTHER_KEY;
}

/* The other engine finishes all that it is given: its calls are calls. */
static __attribute__((noinline)) void
others_run(const struct dp_engine_queue *queue, struct dp_aead_op *const ops[], unsigned n)
{
	const void *key[DP_ENGINE_BATCH];
	unsigned finished;
	for (unsigned i = 0; i < n; i++) {
		key[i] = ops[i]->key_area;
		ops[i]->key_area = other_area(key[i]);
	}
	other_engine()->submit(queue->other, ops, n, &finished);
	for (unsigned i = 0; i < n; i++)
		ops[i]->key_area = key[i];
}

static void
sort_and_run(const struct dp_engine_queue *queue, struct dp_aead_op *const ops[], unsigned n)
{
	struct class class[CLASSES], *others = &class[CLASSES - 1];
	for (unsigned i = 0; i < CLASSES; i++) {
		class[i].n = 0;
		class[i].own_keys = false;
	}
	for (unsigned i = 0; i < n; i++) {
		struct dp_aead_op *op = ops[i];
		const struct dp_gcm_key *key = op->key_area;
		op->status = -EIO;
		if (!dp_aead_op_valid(op) || key->rounds == 0)
			continue;
		struct class *to = key->rounds == OTHER_KEY ? others : &class[2 * op->dir + size_of(key)];
		to->own_keys |= to->n > 0 && key != to->op[0]->key_area;
		to->op[to->n++] = op;
		op->status = 0;
	}
	for (unsigned i = 0; i < CLASSES - 1; i++)
		if (class[i].n > 0)
			class_run(queue->kernel, &class[i]);
	if (others->n > 0)
		others_run(queue, others->op, others->n);
}

static unsigned
vaes_submit(struct dp_engine_queue *queue, struct dp_aead_op *const ops[], unsigned n, unsigned *finished)
{
	const struct dp_gcm_kernel *kernel = queue->kernel;
	const unsigned whole = n - n % kernel->lanes;
	*finished = n;
	bool own_keys;
	if (whole > 0 && uniform(ops, whole, &own_keys)) {
		const enum dp_gcm_size size = size_of(ops[0]->key_area);
		const uint64_t bad = kernel->ops[ops[0]->dir][size][own_keys](ops, whole / kernel->lanes);
		wipe_stack();
		if (__builtin_expect(bad != 0, false))
			refuse(ops, whole, bad);
		if (whole < n)
			sort_and_run(queue, ops + whole, n - whole);
	} else if (n > 0) {
		sort_and_run(queue, ops, n);
	}
	return n;
}

/* Up to DP_ENGINE_BATCH, in whole groups, of which the first n count. Returns how many of these failed. */
static unsigned
jobs_run(const struct dp_gcm_kernel *kernel, const struct dp_gcm_key *key, enum dp_aead_dir dir,
	 const struct dp_aead_job *jobs, unsigned n)
{
	const unsigned groups = (n + kernel->lanes - 1) / kernel->lanes;
	const uint64_t bad = kernel->jobs[dir][size_of(key)](key, jobs, groups) & first_bits(n);
	wipe_stack();
	for (unsigned i = 0; bad != 0 && i < n; i++)
		if (bad >> i & 1)
			wipe(jobs[i].text, jobs[i].text_bytes);
	return (unsigned)__builtin_popcountll(bad);
}

/* Fewer than a group: it is filled up with jobs of no text, whose tags are nobody's. */
static unsigned
rest_run(const struct dp_gcm_kernel *kernel, const struct dp_gcm_key *key, enum dp_aead_dir dir,
	 const struct dp_aead_job *jobs, unsigned n)
{
	uint8_t tag[DP_TAG_BYTES] = {0};
	struct dp_aead_job group[DP_GCM_LANES_MAX];
	for (unsigned lane = 0; lane < kernel->lanes; lane++)
		group[lane] = lane < n
				  ? jobs[lane]
				  : (struct dp_aead_job){.text = tag, .tag = tag, .iv = jobs[0].iv, .aad = jobs[0].aad};
	const unsigned failed = jobs_run(kernel, key, dir, group, n);
	explicit_bzero(tag, sizeof(tag));
	return failed;
}

/* A key that was wiped opens nothing, and would seal what anyone can read. */
static __attribute__((noinline, cold)) unsigned
no_key(enum dp_aead_dir dir, const struct dp_aead_job *jobs, unsigned n)
{
	for (unsigned i = 0; dir == DP_OPEN && i < n; i++)
		wipe(jobs[i].text, jobs[i].text_bytes);
	return n;
}

static unsigned
vaes_raw(struct dp_engine_queue *queue, const void *key_area, enum dp_aead_dir dir, const struct dp_aead_job *jobs,
	 unsigned n)
{
	const struct dp_gcm_kernel *kernel = queue->kernel;
	const struct dp_gcm_key *key = key_area;
	const unsigned whole = n - n % kernel->lanes;
	unsigned failed = 0;
	if (key->rounds == OTHER_KEY)
		return other_engine()->raw(queue->other, other_area(key), dir, jobs, n);
	if (key->rounds == 0)
		return no_key(dir, jobs, n);
	for (unsigned i = 0; i < whole; i += DP_ENGINE_BATCH)
		failed +=
		    jobs_run(kernel, key, dir, jobs + i, whole - i < DP_ENGINE_BATCH ? whole - i : DP_ENGINE_BATCH);
	if (whole < n)
		failed += rest_run(kernel, key, dir, jobs + whole, n - whole);
	return failed;
}

const struct dp_engine dp_engine_vaes = {
    .name = "vaes",
    .help = "AES-GCM of Culvert's own (other algorithms by ipsec-mb or openssl), needs AVX-512, VAES and VPCLMULQDQ",
    .supported = wide_supported,
    .area_bytes = vaes_area_bytes,
    .key_init = vaes_key_init,
    .key_fini = vaes_key_fini,
    .queue_create = wide_queue_create,
    .queue_destroy = vaes_queue_destroy,
    .submit = vaes_submit,
    .raw = vaes_raw,
};

const struct dp_engine dp_engine_vaes_256 = {
    .name = "vaes-256",
    .help = "AES-GCM of Culvert's own (other algorithms by ipsec-mb or openssl), needs AVX2, VAES and VPCLMULQDQ",
    .form_of = "vaes",
    .supported = narrow_supported,
    .area_bytes = vaes_area_bytes,
    .key_init = vaes_key_init,
    .key_fini = vaes_key_fini,
    .queue_create = narrow_queue_create,
    .queue_destroy = vaes_queue_destroy,
    .submit = vaes_submit,
    .raw = vaes_raw,
};
