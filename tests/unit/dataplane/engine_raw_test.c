/* SPDX-License-Identifier: BSD-3-Clause
 * The bare calls of every engine that this machine can run, against OpenSSL: as many jobs as fill groups of the GCM kernels,
 * and as many as do not. */
#include <stdio.h>

#include "dataplane/engine_impl.h"
#include "sa-db/algorithm.h"
#include "tests/unit/dataplane/gcm_rig.h"

#define JOBS_MAX 9
#define TEXT_MAX 1500
#define NONE_BAD JOBS_MAX

static const struct dp_engine *engine; /* the one under test; main() walks through all */
static uint8_t key[32];

static const uint32_t lengths[JOBS_MAX] = {52, 0, 1, 16, 255, 500, 737, 1422, 1500};

struct jobs {
	struct dp_aead_job job[JOBS_MAX];
	uint8_t iv[JOBS_MAX][DP_IV_BYTES], aad[JOBS_MAX][12];
	uint8_t plain[JOBS_MAX][TEXT_MAX], sealed[JOBS_MAX][TEXT_MAX], text[JOBS_MAX][TEXT_MAX];
	uint8_t wanted[JOBS_MAX][DP_TAG_BYTES], tag[JOBS_MAX][DP_TAG_BYTES];
};

static void
jobs_set(struct jobs *jobs, const struct gcm_witness *witness, uint8_t aad_bytes, unsigned turn)
{
	for (unsigned i = 0; i < JOBS_MAX; i++) {
		const uint32_t bytes = lengths[(i + turn) % JOBS_MAX];
		struct dp_aead_op op = {.text_bytes = bytes, .aad_bytes = aad_bytes};
		rig_fill(jobs->iv[i], DP_IV_BYTES, 100 + i);
		rig_fill(jobs->aad[i], sizeof(jobs->aad[i]), 200 + i);
		rig_fill(jobs->plain[i], bytes, 300 + i);
		memcpy(op.iv, jobs->iv[i], sizeof(op.iv));
		memcpy(op.aad, jobs->aad[i], sizeof(op.aad));
		gcm_witness_seal(witness, &op, jobs->plain[i], jobs->sealed[i], jobs->wanted[i]);
		jobs->job[i] =
		    (struct dp_aead_job){jobs->text[i], jobs->tag[i], jobs->iv[i], jobs->aad[i], bytes, aad_bytes};
	}
}

static void
seal_and_check(struct jobs *jobs, struct dp_engine_queue *queue, const void *area, unsigned n)
{
	memcpy(jobs->text, jobs->plain, sizeof(jobs->text));
	memset(jobs->tag, 0, sizeof(jobs->tag));
	assert_int_equal(engine->raw(queue, area, DP_SEAL, jobs->job, n), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_memory_equal(jobs->text[i], jobs->sealed[i], jobs->job[i].text_bytes);
		assert_memory_equal(jobs->tag[i], jobs->wanted[i], DP_TAG_BYTES);
	}
	for (unsigned i = n; i < JOBS_MAX; i++)
		assert_memory_equal(jobs->text[i], jobs->plain[i], jobs->job[i].text_bytes);
}

static void
open_and_check(struct jobs *jobs, struct dp_engine_queue *queue, const void *area, unsigned n, unsigned bad)
{
	memcpy(jobs->text, jobs->sealed, sizeof(jobs->text));
	memcpy(jobs->tag, jobs->wanted, sizeof(jobs->tag));
	if (bad < n)
		jobs->tag[bad][(5 * bad + n) % DP_TAG_BYTES] ^= 0x40;
	assert_int_equal(engine->raw(queue, area, DP_OPEN, jobs->job, n), bad < n);
	for (unsigned i = 0; i < n; i++) {
		if (i == bad)
			assert_true(rig_all_zero(jobs->text[i], jobs->job[i].text_bytes));
		else
			assert_memory_equal(jobs->text[i], jobs->plain[i], jobs->job[i].text_bytes);
	}
}

static void
one_bad_job_of_any_number_fails_alone_and_its_text_is_wiped(void **state)
{
	(void)state;
	static struct jobs jobs;
	struct dp_engine_queue *queue = engine->queue_create(0);
	assert_non_null(queue);
	for (uint32_t key_bytes = 16; key_bytes <= 32; key_bytes += 16) {
		struct gcm_witness witness = gcm_witness_create(key, key_bytes);
		void *area = rig_key(engine, 1, key, key_bytes);
		for (uint8_t aad_bytes = 8; aad_bytes <= 12; aad_bytes += 4)
			for (unsigned n = 1; n <= JOBS_MAX; n++) {
				jobs_set(&jobs, &witness, aad_bytes, n);
				seal_and_check(&jobs, queue, area, n);
				open_and_check(&jobs, queue, area, n, NONE_BAD);
				for (unsigned bad = 0; bad < n; bad++)
					open_and_check(&jobs, queue, area, n, bad);
			}
		rig_key_free(engine, area);
		gcm_witness_destroy(&witness);
	}
	engine->queue_destroy(queue);
}

static void
a_wiped_key_does_no_job_of_any(void **state)
{
	(void)state;
	static struct jobs jobs;
	struct gcm_witness witness = gcm_witness_create(key, 32);
	struct dp_engine_queue *queue = engine->queue_create(0);
	void *area = rig_key(engine, 1, key, 32);
	engine->key_fini(area);
	jobs_set(&jobs, &witness, 8, 0);
	for (unsigned n = 1; n <= JOBS_MAX; n++) {
		memcpy(jobs.text, jobs.plain, sizeof(jobs.text));
		memset(jobs.tag, 0, sizeof(jobs.tag));
		assert_int_equal(engine->raw(queue, area, DP_SEAL, jobs.job, n), n);
		assert_true(rig_all_zero(jobs.tag[0], sizeof(jobs.tag)));
		memcpy(jobs.text, jobs.sealed, sizeof(jobs.text));
		memcpy(jobs.tag, jobs.wanted, sizeof(jobs.tag));
		assert_int_equal(engine->raw(queue, area, DP_OPEN, jobs.job, n), n);
		for (unsigned i = 0; i < n; i++)
			assert_true(rig_all_zero(jobs.text[i], jobs.job[i].text_bytes));
	}
	free(area);
	engine->queue_destroy(queue);
	gcm_witness_destroy(&witness);
}

int
main(void)
{
	static const struct CMUnitTest all[] = {
	    cmocka_unit_test(one_bad_job_of_any_number_fails_alone_and_its_text_is_wiped)};
	static const struct CMUnitTest own[] = {cmocka_unit_test(a_wiped_key_does_no_job_of_any)};
	int failed = 0;
	rig_fill(key, sizeof(key), 1);
	for (const struct dp_engine *const *next = dp_engines; *next != NULL; next++) {
		engine = *next;
		if (!engine->supported()) {
			print_message("engine %s: this machine cannot run it, not tested\n", engine->name);
			continue;
		}
		failed += cmocka_run_group_tests_name(engine->name, all, NULL, NULL);
		if (engine == &dp_engine_vaes || engine == &dp_engine_vaes_256)
			failed += cmocka_run_group_tests_name(engine->name, own, NULL, NULL);
	}
	return failed != 0;
}
