/* SPDX-License-Identifier: BSD-3-Clause
 * What is particular to the engine on OpenSSL: its contexts per worker, and that a worker never allocates. */
#include "dataplane/engine_impl.h"

#include <errno.h>
#include <pthread.h>

#include <openssl/crypto.h>

#include "tests/unit/dataplane/engine_rig.h"

static unsigned allocations; /* of libcrypto; relaxed: read after the thread was joined */

static void *
counting_malloc(size_t bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	__atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
	return malloc(bytes);
}

static void *
counting_realloc(void *old, size_t bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	__atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
	return realloc(old, bytes);
}

static void
counting_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

struct job {
	struct dp_engine_queue *queue;
	struct dp_aead_op *ops;
	unsigned n, before, after;
};

static void *
job_run(void *arg)
{
	struct job *job = arg;
	job->before = __atomic_load_n(&allocations, __ATOMIC_RELAXED);
	for (unsigned round = 0; round < 3; round++)
		(void)rig_run_unchecked(&dp_engine_openssl, job->queue, job->ops, job->n);
	job->after = __atomic_load_n(&allocations, __ATOMIC_RELAXED);
	return NULL;
}

/* A fresh thread, so that what libcrypto keeps per thread would show; good tags and bad ones. */
static void
never_allocates(const struct sadb_algorithm *algorithm)
{
	static uint8_t text[8][100], tag[8][DP_TAG_BYTES];
	uint8_t key[32] = {1};
	struct dp_aead_op ops[8] = {0};
	memset(text, 0, sizeof(text));
	memset(tag, 0, sizeof(tag));
	void *area = rig_key_for(&dp_engine_openssl, 2, algorithm, key);
	assert_true(allocations > 0); /* else nothing is counted */
	for (unsigned i = 0; i < 8; i++) {
		ops[i].key_area = area;
		ops[i].text = text[i];
		ops[i].tag = tag[i];
		ops[i].text_bytes = 12 * i;
		ops[i].aad_bytes = 8;
		ops[i].dir = i % 2 ? DP_OPEN : DP_SEAL;
	}
	struct job job = {.queue = dp_engine_openssl.queue_create(1), .ops = ops, .n = 8};
	assert_non_null(job.queue);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, job_run, &job), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(ops[i].status, i % 2 ? -EBADMSG : 0);
	assert_int_equal(job.after - job.before, 0);
	dp_engine_openssl.queue_destroy(job.queue);
	rig_key_free(&dp_engine_openssl, area);
}

static void
a_worker_never_allocates_whatever_the_algorithm(void **state)
{
	(void)state;
	for (unsigned i = 0; sadb_algorithm_at(i) != NULL; i++)
		never_allocates(sadb_algorithm_at(i));
}

static void
a_worker_beyond_those_the_key_was_made_for_is_refused(void **state)
{
	(void)state;
	uint8_t key[16] = {1}, text[4] = {0}, tag[DP_TAG_BYTES];
	void *area = rig_key(&dp_engine_openssl, 2, key, 16);
	for (unsigned worker = 0; worker < 4; worker++) {
		struct dp_engine_queue *queue = dp_engine_openssl.queue_create(worker);
		struct dp_aead_op op = {.key_area = area, .text = text, .tag = tag, .text_bytes = 4, .aad_bytes = 8};
		assert_non_null(queue);
		rig_run(&dp_engine_openssl, queue, &op, 1);
		assert_int_equal(op.status, worker < 2 ? 0 : -EIO);
		dp_engine_openssl.queue_destroy(queue);
	}
	rig_key_free(&dp_engine_openssl, area);
}

/* The self-test asks for one worker; a key that comes later must still serve all the workers asked for before. */
static void
asking_for_fewer_workers_later_takes_none_away(void **state)
{
	(void)state;
	uint8_t key[16] = {1}, text[4] = {0}, tag[DP_TAG_BYTES];
	void *area = rig_area(&dp_engine_openssl, 2);
	char why[200];
	assert_int_equal(dp_engine_self_test(&dp_engine_openssl, why, sizeof(why)), 0);
	assert_int_equal(dp_engine_openssl.key_init(area, SADB_AEAD_AES_GCM_16, key, sizeof(key)), 0);
	struct dp_engine_queue *queue = dp_engine_openssl.queue_create(1);
	struct dp_aead_op op = {.key_area = area, .text = text, .tag = tag, .text_bytes = 4, .aad_bytes = 8};
	assert_non_null(queue);
	rig_run(&dp_engine_openssl, queue, &op, 1);
	assert_int_equal(op.status, 0);
	dp_engine_openssl.queue_destroy(queue);
	rig_key_free(&dp_engine_openssl, area);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_worker_never_allocates_whatever_the_algorithm),
	    cmocka_unit_test(a_worker_beyond_those_the_key_was_made_for_is_refused),
	    cmocka_unit_test(asking_for_fewer_workers_later_takes_none_away),
	};
	/* Before libcrypto's first allocation, or it refuses. */
	if (CRYPTO_set_mem_functions(counting_malloc, counting_realloc, counting_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
