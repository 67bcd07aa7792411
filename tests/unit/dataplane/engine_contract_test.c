/* SPDX-License-Identifier: BSD-3-Clause
 * What dataplane/engine.h promises, held against every engine that this machine can run. */
#include "dataplane/engine.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/unit/dataplane/engine_rig.h"

#define BATCH DP_ENGINE_BATCH
#define GUARD 0xc3

static const struct dp_engine *engine;         /* the one under test; main() walks through all */
static const struct sadb_algorithm *algorithm; /* likewise */

static uint8_t key[32];

/* A full batch of operations whose texts stand in separate buffers, each followed by guard bytes. */
#define ROOM 1536
struct batch {
	struct dp_aead_op op[BATCH];
	uint8_t plain[BATCH][ROOM], text[BATCH][ROOM], sealed[BATCH][ROOM];
	uint8_t tag[BATCH][DP_TAG_BYTES];
};

static struct dp_engine_queue *
queue_create(unsigned worker)
{
	struct dp_engine_queue *queue = engine->queue_create(worker);
	assert_non_null(queue);
	return queue;
}

static void
op_set(struct dp_aead_op *op, const void *area, uint8_t *text, uint8_t *tag)
{
	rig_fill(op->iv, sizeof(op->iv), 5);
	rig_fill(op->aad, sizeof(op->aad), 6);
	op->key_area = area;
	op->text = text;
	op->tag = tag;
	op->aad_bytes = 12;
	op->dir = DP_SEAL;
}

/* Sealed by the engine itself; what it seals is right, as the known answers say. All of that length, or, where it is 0, from
 * 0 to 63 * 3. */
static void
batch_seal_length(struct batch *batch, struct dp_engine_queue *queue, const void *area, uint32_t bytes)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct dp_aead_op *op = &batch->op[i];
		op_set(op, area, batch->text[i], batch->tag[i]);
		op->text_bytes = bytes != 0 ? bytes : 3 * i;
		op->aad_bytes = i % 2 ? 8 : 12;
		op->iv[11] = (uint8_t)i;
		rig_fill(batch->plain[i], op->text_bytes, i);
		memset(batch->text[i], GUARD, sizeof(batch->text[i]));
		memcpy(batch->text[i], batch->plain[i], op->text_bytes);
	}
	rig_run(engine, queue, batch->op, BATCH);
	for (unsigned i = 0; i < BATCH; i++) {
		assert_int_equal(batch->op[i].status, 0);
		memcpy(batch->sealed[i], batch->text[i], sizeof(batch->sealed[i]));
		if (batch->op[i].text_bytes >= 16)
			assert_int_equal(memcmp(batch->sealed[i], batch->plain[i], batch->op[i].text_bytes) != 0,
					 algorithm->encrypts);
		batch->op[i].dir = DP_OPEN;
	}
}

static void
batch_seal(struct batch *batch, struct dp_engine_queue *queue, const void *area)
{
	batch_seal_length(batch, queue, area, 0);
}

static void
batch_restore(struct batch *batch)
{
	memcpy(batch->text, batch->sealed, sizeof(batch->text));
}

static void
assert_guarded(const struct batch *batch, unsigned i)
{
	for (unsigned k = batch->op[i].text_bytes; k < sizeof(batch->text[i]); k++)
		assert_int_equal(batch->text[i][k], GUARD);
}

static void
open_with_bad_tag(struct batch *batch, struct dp_engine_queue *queue, unsigned bad)
{
	batch_restore(batch);
	batch->tag[bad][bad % DP_TAG_BYTES] ^= (uint8_t)(1 << bad % 8);
	rig_run(engine, queue, batch->op, BATCH);
	batch->tag[bad][bad % DP_TAG_BYTES] ^= (uint8_t)(1 << bad % 8);
	for (unsigned i = 0; i < BATCH; i++) {
		assert_int_equal(batch->op[i].status, i == bad ? -EBADMSG : 0);
		if (i == bad)
			assert_true(rig_all_zero(batch->text[i], batch->op[i].text_bytes));
		else
			assert_memory_equal(batch->text[i], batch->plain[i], batch->op[i].text_bytes);
		assert_guarded(batch, i);
	}
}

static void
a_bad_tag_anywhere_in_a_batch_fails_alone_and_its_text_is_wiped(void **state)
{
	(void)state;
	static struct batch batch;
	/* Short ones; then around the ends of what the GCM kernels sum up at once, and full packets. */
	static const uint32_t lengths[] = {0, 500, 737, 1422};
	struct dp_engine_queue *queue = queue_create(0);
	void *area = rig_key_for(engine, 1, algorithm, key);
	for (unsigned l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
		batch_seal_length(&batch, queue, area, lengths[l]);
		for (unsigned bad = 0; bad < BATCH; bad++)
			open_with_bad_tag(&batch, queue, bad);
	}
	rig_key_free(engine, area);
	engine->queue_destroy(queue);
}

/* Opens a copy of what was sealed with one bit of one field turned; returns the status. */
static int
open_with_flip(struct dp_engine_queue *queue, const struct dp_aead_op *good, uint8_t *field, unsigned bit)
{
	uint8_t text[40];
	struct dp_aead_op op = *good;
	field[bit / 8] ^= (uint8_t)(1 << bit % 8);
	memcpy(text, good->text, sizeof(text));
	memcpy(op.iv, good->iv, sizeof(op.iv));
	memcpy(op.aad, good->aad, sizeof(op.aad));
	op.text = text;
	op.dir = DP_OPEN;
	rig_run(engine, queue, &op, 1);
	field[bit / 8] ^= (uint8_t)(1 << bit % 8);
	return op.status;
}

static void
flipping_any_bit_of_text_tag_iv_or_aad_is_refused(void **state)
{
	(void)state;
	uint8_t text[40], tag[DP_TAG_BYTES];
	struct dp_engine_queue *queue = queue_create(0);
	void *area = rig_key_for(engine, 1, algorithm, key);
	for (unsigned aad_bytes = 8; aad_bytes <= 12; aad_bytes += 4) {
		struct dp_aead_op good = {.text_bytes = sizeof(text)};
		op_set(&good, area, text, tag);
		good.aad_bytes = (uint8_t)aad_bytes;
		rig_fill(text, sizeof(text), aad_bytes);
		rig_run(engine, queue, &good, 1);
		struct {
			uint8_t *field;
			unsigned from, bytes;
			int expected;
		} rows[] = {
		    {text, 0, sizeof(text), -EBADMSG},
		    {tag, 0, sizeof(tag), -EBADMSG},
		    {good.iv, 0, sizeof(good.iv), -EBADMSG},
		    {good.aad, 0, aad_bytes, -EBADMSG},
		    {good.aad, aad_bytes, sizeof(good.aad) - aad_bytes, 0}, /* beyond the AAD: not looked at */
		};
		for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
			for (unsigned bit = 8 * rows[r].from; bit < 8 * (rows[r].from + rows[r].bytes); bit++)
				assert_int_equal(open_with_flip(queue, &good, rows[r].field, bit), rows[r].expected);
	}
	rig_key_free(engine, area);
	engine->queue_destroy(queue);
}

static void
one_batch_mixes_keys_algorithms_and_directions(void **state)
{
	(void)state;
	static struct batch batch;
	static uint8_t sealed_tag[BATCH][DP_TAG_BYTES];
	struct dp_engine_queue *queue = queue_create(0);
	uint8_t other[32];
	rig_fill(other, sizeof(other), 99);
	/* The next algorithm of the table, and the same one with another key. */
	const struct sadb_algorithm *next = sadb_algorithm_at(0);
	for (unsigned i = 0; sadb_algorithm_at(i) != NULL; i++)
		if (sadb_algorithm_at(i) == algorithm && sadb_algorithm_at(i + 1) != NULL)
			next = sadb_algorithm_at(i + 1);
	void *areas[] = {rig_key_for(engine, 1, algorithm, key), rig_key_for(engine, 1, next, key),
			 rig_key_for(engine, 1, algorithm, other)};
	batch_seal(&batch, queue, areas[0]);
	memcpy(sealed_tag, batch.tag, sizeof(sealed_tag));
	/* Even ones open under the first key; odd ones seal once more, every second of them under another. */
	batch_restore(&batch);
	for (unsigned i = 1; i < BATCH; i += 2) {
		memcpy(batch.text[i], batch.plain[i], batch.op[i].text_bytes);
		batch.op[i].dir = DP_SEAL;
		batch.op[i].key_area = areas[i / 2 % 3];
	}
	rig_run(engine, queue, batch.op, BATCH);
	for (unsigned i = 0; i < BATCH; i++) {
		unsigned bytes = batch.op[i].text_bytes;
		assert_int_equal(batch.op[i].status, 0);
		if (i % 2 == 0)
			assert_memory_equal(batch.text[i], batch.plain[i], bytes);
		else if (i / 2 % 3 == 0)
			assert_memory_equal(batch.text[i], batch.sealed[i], bytes);
		else if (bytes >= 8)
			assert_true(memcmp(batch.text[i], batch.sealed[i], bytes) != 0 ||
				    memcmp(batch.tag[i], sealed_tag[i], DP_TAG_BYTES) != 0);
	}
	for (unsigned i = 0; i < 3; i++)
		rig_key_free(engine, areas[i]);
	engine->queue_destroy(queue);
}

static void
a_call_finishes_all_it_takes_before_it_returns(void **state)
{
	(void)state;
	static struct batch batch;
	struct dp_engine_queue *queue = queue_create(0);
	void *area = rig_key_for(engine, 1, algorithm, key);
	struct dp_aead_op *ops[BATCH];
	unsigned finished = 99;
	batch_seal(&batch, queue, area);
	batch_restore(&batch);
	for (unsigned i = 0; i < BATCH; i++) {
		ops[i] = &batch.op[i];
		ops[i]->status = 1;
	}
	assert_int_equal(engine->submit(queue, ops, 0, &finished), 0);
	assert_int_equal(finished, 0);
	assert_int_equal(ops[0]->status, 1);
	assert_int_equal(engine->submit(queue, ops, BATCH, &finished), BATCH);
	assert_int_equal(finished, BATCH);
	for (unsigned i = 0; i < BATCH; i++)
		assert_int_equal(ops[i]->status, 0);
	rig_key_free(engine, area);
	engine->queue_destroy(queue);
}

static void
keys_that_are_none_of_its_own_are_refused(void **state)
{
	(void)state;
	static const struct {
		enum sadb_aead aead;
		uint32_t key_bytes;
	} rows[] = {
	    {SADB_AEAD_NONE, 32},       {SADB_AEAD_AES_GCM_16, 0},         {SADB_AEAD_AES_GCM_16, 15},
	    {SADB_AEAD_AES_GCM_16, 17}, {SADB_AEAD_AES_GCM_16, 24},        {SADB_AEAD_AES_GCM_16, 31},
	    {SADB_AEAD_AES_GCM_16, 33}, {SADB_AEAD_CHACHA20_POLY1305, 16}, {SADB_AEAD_CHACHA20_POLY1305, 36},
	    {SADB_AEAD_AES_GMAC, 24},   {SADB_AEAD_AES_GMAC, 20},          {SADB_AEAD_AES_GMAC + 1, 32},
	};
	uint8_t long_key[64] = {1};
	uint8_t *area = rig_area(engine, 1);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(engine->key_init(area, rows[i].aead, long_key, rows[i].key_bytes), -EINVAL);
		assert_true(rig_all_zero(area, engine->area_bytes(1)));
	}
	free(area);
}

static void
key_fini_leaves_nothing_in_the_area(void **state)
{
	(void)state;
	uint8_t *area = rig_key_for(engine, 2, algorithm, key);
	assert_false(rig_all_zero(area, engine->area_bytes(2)));
	engine->key_fini(area);
	assert_true(rig_all_zero(area, engine->area_bytes(2)));
	free(area);
}

/* Spoils the operation in that way. */
static const char *
op_spoil(struct dp_aead_op *op, unsigned way, void *wiped)
{
	static const char *const ways[] = {"no key",       "a wiped key",  "no tag",        "no text",
					   "AAD too long", "no direction", "text too long", "AAD much too long"};
	op->key_area = way == 0 ? NULL : way == 1 ? wiped : op->key_area;
	op->tag = way == 2 ? NULL : op->tag;
	op->text = way == 3 ? NULL : op->text;
	op->aad_bytes = way == 4 ? 13 : way == 7 ? 255 : op->aad_bytes;
	op->dir = way == 5 ? 2 : op->dir;
	op->text_bytes = way == 6 ? DP_AEAD_TEXT_MAX + 1 : op->text_bytes;
	return way < sizeof(ways) / sizeof(ways[0]) ? ways[way] : NULL;
}

static void
an_operation_that_makes_no_sense_fails_alone(void **state)
{
	(void)state;
	static const unsigned numbers[] = {3, 5, 8}; /* of less than a group, of a group and a rest, of whole groups */
	uint8_t text[8][16], tag[8][DP_TAG_BYTES];
	struct dp_engine_queue *queue = queue_create(0);
	void *area = rig_key_for(engine, 1, algorithm, key), *wiped = rig_key_for(engine, 1, algorithm, key);
	engine->key_fini(wiped);
	const char *name = "";
	for (unsigned way = 0; name != NULL; way++)
		for (unsigned k = 0; k < 3; k++)
			for (unsigned bad = 0; bad < numbers[k]; bad++) {
				struct dp_aead_op op[8] = {0};
				for (unsigned i = 0; i < numbers[k]; i++) {
					op_set(&op[i], area, text[i], tag[i]);
					op[i].text_bytes = sizeof(text[i]);
				}
				name = op_spoil(&op[bad], way, wiped);
				rig_run(engine, queue, op, numbers[k]);
				for (unsigned i = 0; i < numbers[k]; i++)
					if (op[i].status != (i == bad && name != NULL ? -EIO : 0))
						fail_msg("%s, %u of %u: %u has status %d", name, bad, numbers[k], i,
							 op[i].status);
			}
	free(wiped);
	rig_key_free(engine, area);
	engine->queue_destroy(queue);
}

struct worker {
	const struct dp_engine *engine;
	const struct batch *expected;
	pthread_t thread;
	unsigned number, wrong;
};

/* Seals what the expected batch sealed and opens it, again and again, under the shared key. */
static void *
worker_run(void *arg)
{
	struct worker *worker = arg;
	struct batch *own = calloc(1, sizeof(*own));
	struct dp_engine_queue *queue = worker->engine->queue_create(worker->number);
	if (own == NULL || queue == NULL) {
		worker->wrong++;
		goto out;
	}
	for (unsigned round = 0; round < 500; round++) {
		*own = *worker->expected;
		for (unsigned i = 0; i < BATCH; i++) {
			own->op[i].text = own->text[i];
			own->op[i].tag = own->tag[i];
			if ((i + round + worker->number) % 2) {
				own->op[i].dir = DP_SEAL;
				memcpy(own->text[i], own->plain[i], own->op[i].text_bytes);
				memset(own->tag[i], 0, DP_TAG_BYTES);
			} else {
				memcpy(own->text[i], own->sealed[i], own->op[i].text_bytes);
			}
		}
		if (rig_run_unchecked(worker->engine, queue, own->op, BATCH) != BATCH)
			worker->wrong++;
		for (unsigned i = 0; i < BATCH; i++) {
			const uint8_t *want = own->op[i].dir == DP_SEAL ? own->sealed[i] : own->plain[i];
			worker->wrong += own->op[i].status != 0;
			worker->wrong += memcmp(own->text[i], want, own->op[i].text_bytes) != 0;
			worker->wrong += memcmp(own->tag[i], worker->expected->tag[i], DP_TAG_BYTES) != 0;
		}
	}
out:
	if (queue != NULL)
		worker->engine->queue_destroy(queue);
	free(own);
	return NULL;
}

static void
two_workers_use_one_key_at_the_same_time(void **state)
{
	(void)state;
	static struct batch expected;
	struct dp_engine_queue *queue = queue_create(0);
	void *area = rig_key_for(engine, 2, algorithm, key);
	batch_seal(&expected, queue, area);
	engine->queue_destroy(queue);

	struct worker workers[2];
	for (unsigned i = 0; i < 2; i++) {
		workers[i] = (struct worker){.engine = engine, .expected = &expected, .number = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(workers[i].wrong, 0);
	rig_key_free(engine, area);
}

int
main(void)
{
	static const struct CMUnitTest each[] = {
	    cmocka_unit_test(a_bad_tag_anywhere_in_a_batch_fails_alone_and_its_text_is_wiped),
	    cmocka_unit_test(flipping_any_bit_of_text_tag_iv_or_aad_is_refused),
	    cmocka_unit_test(one_batch_mixes_keys_algorithms_and_directions),
	    cmocka_unit_test(a_call_finishes_all_it_takes_before_it_returns),
	    cmocka_unit_test(keys_that_are_none_of_its_own_are_refused),
	    cmocka_unit_test(key_fini_leaves_nothing_in_the_area),
	    cmocka_unit_test(an_operation_that_makes_no_sense_fails_alone),
	    cmocka_unit_test(two_workers_use_one_key_at_the_same_time),
	};
	static const uint8_t stale[] = {0, 0xff, 0x08};
	int failed = 0;
	rig_fill(key, sizeof(key), 1);
	for (const struct dp_engine *const *next = dp_engines; *next != NULL; next++) {
		engine = *next;
		if (!engine->supported()) {
			print_message("engine %s: this machine cannot run it, not tested\n", engine->name);
			continue;
		}
		for (unsigned i = 0; (algorithm = sadb_algorithm_at(i)) != NULL; i++)
			for (unsigned k = 0; k < sizeof(stale); k++) {
				char name[64];
				rig_stale = stale[k];
				snprintf(name, sizeof(name), "%s %s stale 0x%02x", engine->name, algorithm->name,
					 rig_stale);
				failed += cmocka_run_group_tests_name(name, each, NULL, NULL);
			}
	}
	return failed != 0;
}
