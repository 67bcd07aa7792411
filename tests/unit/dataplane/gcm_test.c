/* SPDX-License-Identifier: BSD-3-Clause
 * The GCM kernels, each that this CPU has, against OpenSSL: every length at every alignment, memory that ends where a
 * packet ends, and a counter that wraps. */
#include "dataplane/gcm.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/engine_impl.h"
#include "tests/unit/dataplane/gcm_rig.h"

#define BATCH      DP_ENGINE_BATCH
#define TEXT_MAX   9216
#define ALL_UP_TO  2048
#define ALIGNMENTS 64
#define GUARD      0xc3

static const struct {
	const struct dp_engine *engine;
	const struct dp_gcm_kernel *kernel;
} kernels[] = {{&dp_engine_vaes, &dp_gcm_kernel_512}, {&dp_engine_vaes_256, &dp_gcm_kernel_256}};

static const struct dp_engine *engine; /* the one under test; main() walks through all */
static const struct dp_gcm_kernel *kernel;
static uint8_t key[32];

/* All up to ALL_UP_TO, then those around the steps of vector code and every 61st. */
static bool
is_tested(uint32_t bytes)
{
	return bytes <= ALL_UP_TO || bytes % 61 == 0 || (bytes + 1) % 256 <= 2 || (bytes + 17) % 768 <= 34 ||
	       bytes == TEXT_MAX;
}

/* A full batch of one length, each text at an alignment of its own: all seal to the same bytes, and open again. */
struct aligned_batch {
	struct dp_aead_op op[BATCH];
	uint8_t plain[TEXT_MAX], sealed[TEXT_MAX], tag[DP_TAG_BYTES];
	uint8_t tags[BATCH][DP_TAG_BYTES];
	uint8_t room[BATCH][TEXT_MAX + 2 * ALIGNMENTS] __attribute__((aligned(ALIGNMENTS)));
};

static void
batch_fill(struct aligned_batch *batch, const void *area, uint32_t bytes, uint8_t aad_bytes)
{
	struct dp_aead_op op = {.key_area = area, .text_bytes = bytes, .aad_bytes = aad_bytes, .dir = DP_SEAL};
	rig_fill(op.iv, sizeof(op.iv), bytes + 1);
	rig_fill(op.aad, sizeof(op.aad), bytes + 2);
	for (unsigned i = 0; i < BATCH; i++) {
		batch->op[i] = op;
		batch->op[i].text = batch->room[i] + ALIGNMENTS + i;
		batch->op[i].tag = batch->tags[i];
		batch->op[i].text[-1] = batch->op[i].text[bytes] = GUARD;
		memcpy(batch->op[i].text, batch->plain, bytes);
	}
}

static void
batch_check(const struct aligned_batch *batch, const uint8_t *text)
{
	for (unsigned i = 0; i < BATCH; i++) {
		const struct dp_aead_op *op = &batch->op[i];
		if (op->status != 0 || memcmp(op->text, text, op->text_bytes) != 0 ||
		    memcmp(op->tag, batch->tag, DP_TAG_BYTES) != 0)
			fail_msg("%s, %u bytes, AAD %u, alignment %u, direction %u: status %d", engine->name,
				 op->text_bytes, op->aad_bytes, i, op->dir, op->status);
		assert_int_equal(op->text[-1], GUARD);
		assert_int_equal(op->text[op->text_bytes], GUARD);
	}
}

static void
each_length_at_each_alignment(const struct dp_engine *under_test, struct aligned_batch *batch, uint32_t key_bytes)
{
	struct dp_engine_queue *queue = under_test->queue_create(0);
	void *area = rig_key(under_test, 1, key, key_bytes);
	struct gcm_witness witness = gcm_witness_create(key, key_bytes);
	assert_non_null(queue);
	for (uint32_t bytes = 0; bytes <= TEXT_MAX; bytes++) {
		if (!is_tested(bytes))
			continue;
		const uint8_t aad_bytes = bytes % 2 ? 8 : 12;
		for (uint8_t way = 0; way < (bytes <= ALL_UP_TO ? 2 : 1); way++) {
			batch_fill(batch, area, bytes, way ? 20 - aad_bytes : aad_bytes);
			gcm_witness_seal(&witness, &batch->op[0], batch->plain, batch->sealed, batch->tag);
			rig_run(under_test, queue, batch->op, BATCH);
			batch_check(batch, batch->sealed);
			for (unsigned i = 0; i < BATCH; i++)
				batch->op[i].dir = DP_OPEN;
			rig_run(under_test, queue, batch->op, BATCH);
			batch_check(batch, batch->plain);
		}
	}
	gcm_witness_destroy(&witness);
	rig_key_free(under_test, area);
	under_test->queue_destroy(queue);
}

static void
every_length_at_every_alignment_is_what_openssl_makes(void **state)
{
	(void)state;
	static struct aligned_batch batch;
	rig_fill(batch.plain, sizeof(batch.plain), 7);
	each_length_at_each_alignment(engine, &batch, 16);
	each_length_at_each_alignment(engine, &batch, 32);
}

static void
ipsec_mb_makes_the_same(void **state)
{
	(void)state;
	static struct aligned_batch batch;
	if (!dp_engine_ipsec_mb.supported())
		skip();
	rig_fill(batch.plain, sizeof(batch.plain), 7);
	each_length_at_each_alignment(&dp_engine_ipsec_mb, &batch, 16);
	each_length_at_each_alignment(&dp_engine_ipsec_mb, &batch, 32);
}

/* ---- memory that ends ---- */

/* Memory with nothing before it and nothing behind it. */
struct fenced {
	uint8_t *all, *begin, *end;
	size_t page;
};

static struct fenced
fenced_create(size_t bytes)
{
	struct fenced f = {.page = (size_t)sysconf(_SC_PAGESIZE)};
	const size_t inside = (bytes + f.page - 1) / f.page * f.page;
	f.all = mmap(NULL, inside + 2 * f.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f.all, MAP_FAILED);
	f.begin = f.all + f.page;
	f.end = f.begin + inside;
	assert_int_equal(mprotect(f.begin, inside, PROT_READ | PROT_WRITE), 0);
	return f;
}

static void
fenced_destroy(struct fenced *f)
{
	munmap(f->all, (size_t)(f->end - f->all) + f->page);
}

struct fences {
	struct fenced text[4], tag, op, key;
};

static void
fenced_run(struct fences *f, struct dp_engine_queue *queue, const struct gcm_witness *witness, uint32_t bytes,
	   bool at_end)
{
	static uint8_t plain[TEXT_MAX], sealed[TEXT_MAX];
	uint8_t tag[DP_TAG_BYTES];
	struct dp_aead_op *ops = (struct dp_aead_op *)f->op.end - 4;
	rig_fill(plain, bytes, bytes);
	for (unsigned i = 0; i < 4; i++) {
		ops[i] = (struct dp_aead_op){.key_area = f->key.end - 1024, .text_bytes = bytes, .dir = DP_SEAL};
		ops[i].text = at_end ? f->text[i].end - bytes : f->text[i].begin;
		ops[i].tag = at_end ? f->tag.end - DP_TAG_BYTES * (4 - i) : f->tag.begin + DP_TAG_BYTES * i;
		ops[i].aad_bytes = bytes % 2 ? 8 : 12;
		rig_fill(ops[i].iv, sizeof(ops[i].iv), bytes);
		rig_fill(ops[i].aad, sizeof(ops[i].aad), bytes);
		memcpy(ops[i].text, plain, bytes);
	}
	gcm_witness_seal(witness, &ops[0], plain, sealed, tag);
	rig_run(engine, queue, ops, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ops[i].status, 0);
		assert_memory_equal(ops[i].text, sealed, bytes);
		assert_memory_equal(ops[i].tag, tag, DP_TAG_BYTES);
		ops[i].dir = DP_OPEN;
	}
	rig_run(engine, queue, ops, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ops[i].status, 0);
		assert_memory_equal(ops[i].text, plain, bytes);
	}
}

static void
nothing_outside_of_a_packet_is_read_or_written(void **state)
{
	(void)state;
	struct fences f = {.tag = fenced_create(1), .op = fenced_create(1), .key = fenced_create(1)};
	struct dp_engine_queue *queue = engine->queue_create(0);
	assert_int_equal(engine->area_bytes(1), 1024);
	for (unsigned i = 0; i < 4; i++)
		f.text[i] = fenced_create(TEXT_MAX);
	for (uint32_t key_bytes = 16; key_bytes <= 32; key_bytes += 16) {
		struct gcm_witness witness = gcm_witness_create(key, key_bytes);
		memset(f.key.end - 1024, 0, 1024);
		assert_int_equal(engine->key_init(f.key.end - 1024, SADB_AEAD_AES_GCM_16, key, key_bytes), 0);
		for (uint32_t bytes = 0; bytes <= TEXT_MAX; bytes++) {
			if (!is_tested(bytes))
				continue;
			fenced_run(&f, queue, &witness, bytes, true);
			fenced_run(&f, queue, &witness, bytes, false);
		}
		gcm_witness_destroy(&witness);
	}
	for (unsigned i = 0; i < 4; i++)
		fenced_destroy(&f.text[i]);
	fenced_destroy(&f.tag);
	fenced_destroy(&f.op);
	fenced_destroy(&f.key);
	engine->queue_destroy(queue);
}

/* Lengths around the ends of vectors, steps and sums; a group has three of them. */
static const uint32_t mixed[] = {0,   1,   16,  17,  31,  32,  33,  63,   64,   65,   127,  128, 129,
				 192, 255, 256, 257, 300, 704, 737, 1400, 1500, 2959, 9000, 9216};
#define MIXED (sizeof(mixed) / sizeof(mixed[0]))

/* Texts, tags and keys end where memory ends, or begin where it begins. */
static void
mixed_run(struct fences *f, struct dp_engine_queue *queue, const struct gcm_witness *witness, const uint32_t bytes[4],
	  const uint8_t *const areas[2])
{
	static uint8_t plain[TEXT_MAX], sealed[4][TEXT_MAX];
	uint8_t tag[4][DP_TAG_BYTES];
	struct dp_aead_op *ops = (struct dp_aead_op *)f->op.end - 4;
	for (unsigned i = 0; i < 4; i++) {
		ops[i] = (struct dp_aead_op){.key_area = areas[i % 2],
					     .text = f->text[i].end - bytes[i],
					     .tag = f->tag.end - DP_TAG_BYTES * (4 - i),
					     .text_bytes = bytes[i],
					     .aad_bytes = i % 2 ? 8 : 12,
					     .dir = DP_SEAL};
		ops[i].iv[0] = (uint8_t)i;
		memcpy(ops[i].text, plain, bytes[i]);
		gcm_witness_seal(witness, &ops[i], plain, sealed[i], tag[i]);
	}
	rig_run(engine, queue, ops, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ops[i].status, 0);
		assert_memory_equal(ops[i].text, sealed[i], bytes[i]);
		assert_memory_equal(ops[i].tag, tag[i], DP_TAG_BYTES);
		ops[i].dir = DP_OPEN;
	}
	rig_run(engine, queue, ops, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ops[i].status, 0);
		assert_memory_equal(ops[i].text, plain, bytes[i]);
	}
}

static void
a_group_of_unequal_lengths_stays_inside_of_each(void **state)
{
	(void)state;
	struct fences f = {.tag = fenced_create(1), .op = fenced_create(1), .key = fenced_create(1)};
	struct dp_engine_queue *queue = engine->queue_create(0);
	struct gcm_witness witness = gcm_witness_create(key, sizeof(key));
	uint8_t *const first = f.key.begin, *const last = f.key.end - 1024;
	const uint8_t *const ways[3][2] = {{first, first}, {last, last}, {first, last}};
	for (unsigned i = 0; i < 4; i++)
		f.text[i] = fenced_create(TEXT_MAX);
	assert_int_equal(engine->key_init(first, SADB_AEAD_AES_GCM_16, key, sizeof(key)), 0);
	assert_int_equal(engine->key_init(last, SADB_AEAD_AES_GCM_16, key, sizeof(key)), 0);
	for (unsigned way = 0; way < 3; way++)
		for (unsigned a = 0; a < MIXED; a++)
			for (unsigned b = 0; b < MIXED; b++) {
				const uint32_t bytes[4] = {mixed[a], mixed[b], mixed[(7 * a + b) % MIXED], mixed[b]};
				mixed_run(&f, queue, &witness, bytes, ways[way]);
			}
	for (unsigned i = 0; i < 4; i++)
		fenced_destroy(&f.text[i]);
	fenced_destroy(&f.tag);
	fenced_destroy(&f.op);
	fenced_destroy(&f.key);
	gcm_witness_destroy(&witness);
	engine->queue_destroy(queue);
}

/* ---- a counter that wraps ---- */

/* SP 800-38D with a first counter block of any value. The hash is OpenSSL's, of the same ciphertext under another IV,
 * whose tag's mask is known too. */
static void
witness_from(const struct gcm_witness *w, struct dp_aead_op *op, const uint8_t first[16], const uint8_t *plain,
	     uint8_t *sealed, uint8_t tag[DP_TAG_BYTES])
{
	static uint8_t scratch[TEXT_MAX];
	uint8_t block[16], stream[16], mask[16], other[16] = {0};
	uint32_t counter;
	memcpy(block, first, 16);
	memcpy(&counter, first + 12, 4);
	counter = __builtin_bswap32(counter);
	gcm_witness_block(w, first, mask);
	for (uint32_t i = 0; i < op->text_bytes; i++) {
		if (i % 16 == 0) {
			const uint32_t next = __builtin_bswap32(++counter); /* of 32 bits: it wraps */
			memcpy(block + 12, &next, 4);
			gcm_witness_block(w, block, stream);
		}
		sealed[i] = plain[i] ^ stream[i % 16];
	}
	memset(op->iv, 0, sizeof(op->iv));
	gcm_witness_seal(w, op, sealed, scratch, tag);  /* what has to be sealed to get "sealed" ... */
	gcm_witness_seal(w, op, scratch, scratch, tag); /* ... and its tag */
	other[15] = 1;
	gcm_witness_block(w, other, other);
	for (unsigned i = 0; i < 16; i++)
		tag[i] ^= other[i] ^ mask[i];
}

static void
counter_run(const struct dp_gcm_key *area, const struct gcm_witness *w, uint32_t start, uint32_t bytes,
	    uint32_t key_bytes)
{
	static uint8_t plain[TEXT_MAX], sealed[TEXT_MAX], text[DP_GCM_LANES_MAX][TEXT_MAX];
	uint8_t first[16], tag[DP_TAG_BYTES], tags[DP_GCM_LANES_MAX][DP_TAG_BYTES];
	struct dp_aead_op op = {.text_bytes = bytes, .aad_bytes = 8};
	struct dp_aead_job job[DP_GCM_LANES_MAX];
	const enum dp_gcm_size size = key_bytes == 32 ? DP_GCM_256 : DP_GCM_128;
	const uint32_t start_be = __builtin_bswap32(start);
	rig_fill(first, sizeof(first), start);
	memcpy(first + 12, &start_be, 4);
	rig_fill(plain, bytes, bytes);
	witness_from(w, &op, first, plain, sealed, tag);
	for (unsigned i = 0; i < kernel->lanes; i++) {
		memcpy(text[i], plain, bytes);
		job[i] = (struct dp_aead_job){text[i], tags[i], first, op.aad, bytes, 8};
	}
	assert_int_equal(kernel->counters[DP_SEAL][size](area, job, 1), 0);
	for (unsigned i = 0; i < kernel->lanes; i++) {
		if (memcmp(text[i], sealed, bytes) != 0 || memcmp(tags[i], tag, DP_TAG_BYTES) != 0)
			fail_msg("%s: counter %#x, %u bytes, key %u", engine->name, start, bytes, key_bytes);
	}
	assert_int_equal(kernel->counters[DP_OPEN][size](area, job, 1), 0);
	for (unsigned i = 0; i < kernel->lanes; i++)
		assert_memory_equal(text[i], plain, bytes);
	for (unsigned i = 0; i < kernel->lanes; i++)
		memcpy(text[i], sealed, bytes);
	tags[kernel->lanes - 1][3] ^= 1;
	assert_int_equal(kernel->counters[DP_OPEN][size](area, job, 1), 1u << (kernel->lanes - 1));
}

static void
a_counter_wraps_in_its_lowest_32_bits_only(void **state)
{
	(void)state;
	/* Around every carry between the counter's bytes, and around its end. */
	static const uint32_t ends[] = {0, 0x100, 0x10000, 0x1000000, 0x80000000};
	static const uint32_t lengths[] = {0, 1, 16, 17, 64, 100, 255, 256, 257, 700, 768, 1408, 1500, 4096, 9216};
	for (uint32_t key_bytes = 16; key_bytes <= 32; key_bytes += 16) {
		struct gcm_witness witness = gcm_witness_create(key, key_bytes);
		void *area = rig_key(engine, 1, key, key_bytes);
		for (unsigned e = 0; e < sizeof(ends) / sizeof(ends[0]); e++)
			for (unsigned l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
				for (uint32_t back = 0; back < 70; back += back < 20 ? 1 : 7)
					counter_run(area, &witness, ends[e] - back, lengths[l], key_bytes);
		rig_key_free(engine, area);
		gcm_witness_destroy(&witness);
	}
}

int
main(void)
{
	static const struct CMUnitTest each[] = {
	    cmocka_unit_test(every_length_at_every_alignment_is_what_openssl_makes),
	    cmocka_unit_test(nothing_outside_of_a_packet_is_read_or_written),
	    cmocka_unit_test(a_group_of_unequal_lengths_stays_inside_of_each),
	    cmocka_unit_test(a_counter_wraps_in_its_lowest_32_bits_only),
	};
	static const struct CMUnitTest others[] = {cmocka_unit_test(ipsec_mb_makes_the_same)};
	int failed = 0;
	rig_fill(key, sizeof(key), 1);
	for (unsigned i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		engine = kernels[i].engine;
		kernel = kernels[i].kernel;
		if (engine->supported())
			failed += cmocka_run_group_tests_name(engine->name, each, NULL, NULL);
		else
			print_message("engine %s: this machine cannot run it, not tested\n", engine->name);
	}
	engine = &dp_engine_ipsec_mb;
	failed += cmocka_run_group_tests_name(engine->name, others, NULL, NULL);
	return failed != 0;
}
