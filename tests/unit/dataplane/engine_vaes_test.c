/* SPDX-License-Identifier: BSD-3-Clause
 * What the engine "vaes" leaves on a worker's stack: nothing that helps to forge a packet. The worker's stack is memory of
 * the test, which looks through it when the worker is gone. */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "dataplane/engine_impl.h"
#include "dataplane/gcm.h"
#include "tests/unit/dataplane/gcm_rig.h"

#define BATCH       DP_ENGINE_BATCH
#define TEXT_MAX    1500
#define STACK_BYTES (1u << 20)

static const struct dp_engine *engine; /* the one under test; main() walks through all */
static uint8_t key[32];

struct work {
	struct dp_engine_queue *queue;
	struct dp_aead_op op[BATCH], *list[BATCH];
	struct dp_aead_job job[BATCH];
	unsigned n;
	bool raw;
	uint8_t text[BATCH][TEXT_MAX], tag[BATCH][DP_TAG_BYTES], mask[BATCH][16];
};

static void
work_set(struct work *work, const struct gcm_witness *witness, void *const areas[2], uint32_t bytes, uint8_t dir)
{
	static uint8_t plain[TEXT_MAX], sealed[TEXT_MAX];
	rig_fill(plain, sizeof(plain), bytes);
	for (unsigned i = 0; i < work->n; i++) {
		struct dp_aead_op *op = &work->op[i];
		uint8_t first[16] = {0};
		*op = (struct dp_aead_op){.key_area = areas[i % 2],
					  .text = work->text[i],
					  .tag = work->tag[i],
					  .text_bytes = bytes,
					  .aad_bytes = 8,
					  .dir = dir};
		rig_fill(op->iv, sizeof(op->iv), i);
		gcm_witness_seal(witness, op, plain, sealed, op->tag);
		memcpy(op->text, dir == DP_OPEN ? sealed : plain, bytes);
		op->tag[3] ^= dir == DP_OPEN; /* the tag's mask is then all that a forger lacks */
		memcpy(first, op->iv, sizeof(op->iv));
		first[15] = 1;
		gcm_witness_block(witness, first, work->mask[i]);
		work->list[i] = op;
		work->job[i] = (struct dp_aead_job){op->text, op->tag, op->iv, op->aad, bytes, 8};
	}
}

static void *
work_do(void *arg)
{
	struct work *work = arg;
	unsigned finished;
	if (work->raw)
		engine->raw(work->queue, work->op[0].key_area, work->op[0].dir, work->job, work->n);
	else
		engine->submit(work->queue, work->list, work->n, &finished);
	return NULL;
}

/* How many secrets of the key and of the work stand there. */
static unsigned
secrets_in(const uint8_t *stack, const struct work *work, const struct dp_gcm_key *area)
{
	unsigned found = 0;
	for (size_t at = 0; at + 16 <= STACK_BYTES; at += 8) {
		if (rig_all_zero(stack + at, 16))
			continue;
		for (unsigned i = 0; i < DP_GCM_POWERS; i++)
			found += memcmp(stack + at, area->power[i], 16) == 0;
		for (unsigned i = 0; i <= area->rounds; i++)
			found += memcmp(stack + at, area->round[i], 16) == 0;
		for (unsigned i = 0; i < work->n; i++)
			found += memcmp(stack + at, work->mask[i], 16) == 0;
	}
	return found;
}

static unsigned
secrets_left(struct work *work, const struct dp_gcm_key *area)
{
	pthread_t worker;
	pthread_attr_t attributes;
	void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(stack, MAP_FAILED);
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
	assert_int_equal(pthread_create(&worker, &attributes, work_do, work), 0);
	assert_int_equal(pthread_join(worker, NULL), 0);
	const unsigned found = secrets_in(stack, work, area);
	pthread_attr_destroy(&attributes);
	munmap(stack, STACK_BYTES);
	return found;
}

static void
no_mask_of_a_tag_and_no_power_stays_on_the_stack(void **state)
{
	(void)state;
	static struct work work;
	static const uint32_t lengths[] = {0, 52, 116, 244, 500, 1422};
	static const unsigned numbers[] = {1, 3, 8, 61, BATCH};
	for (uint32_t key_bytes = 16; key_bytes <= 32; key_bytes += 16) {
		struct gcm_witness witness = gcm_witness_create(key, key_bytes);
		void *one = rig_key(engine, 1, key, key_bytes), *other = rig_key(engine, 1, key, key_bytes);
		void *const ways[2][2] = {{one, one}, {one, other}};
		work.queue = engine->queue_create(0);
		/* Kinds: direction, one key or two, operations or jobs. */
		for (unsigned kind = 0; kind < 8; kind++)
			for (unsigned l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
				for (unsigned k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
					work.n = numbers[k];
					work.raw = kind & 4;
					work_set(&work, &witness, ways[kind >> 1 & 1], lengths[l], kind & 1);
					const unsigned found = secrets_left(&work, one);
					if (found != 0)
						fail_msg("%s, kind %u, %u of %u bytes, key %u: %u secrets",
							 engine->name, kind, work.n, lengths[l], key_bytes, found);
				}
		engine->queue_destroy(work.queue);
		rig_key_free(engine, one);
		rig_key_free(engine, other);
		gcm_witness_destroy(&witness);
	}
}

int
main(void)
{
	static const struct CMUnitTest all[] = {cmocka_unit_test(no_mask_of_a_tag_and_no_power_stays_on_the_stack)};
	static const struct dp_engine *const engines[] = {&dp_engine_vaes, &dp_engine_vaes_256};
	int failed = 0;
	rig_fill(key, sizeof(key), 1);
	for (unsigned i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		engine = engines[i];
		if (engine->supported())
			failed += cmocka_run_group_tests_name(engine->name, all, NULL, NULL);
		else
			print_message("engine %s: this machine cannot run it, not tested\n", engine->name);
	}
	return failed != 0;
}
