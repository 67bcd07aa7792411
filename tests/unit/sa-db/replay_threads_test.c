/* SPDX-License-Identifier: BSD-3-Clause
 * The replay window and the sequence counter under four threads at once. */
#include "tests/unit/sa-db/rig.h"

#include <pthread.h>

#define THREADS 4
#define NUMBERS 200000u

struct shared {
	struct sadb_replay *rp;
	struct sadb_sa_mut *mut;
	pthread_barrier_t start;
	uint8_t *taken; /* how often each number was accepted or handed out; atomic */
	uint64_t progress;
	unsigned block; /* numbers of a step */
};

struct thread {
	struct shared *shared;
	unsigned n;
	uint64_t accepted;
};

static void
run_threads(struct shared *shared, void *(*body)(void *), struct thread thread[THREADS])
{
	pthread_t id[THREADS];
	assert_int_equal(pthread_barrier_init(&shared->start, NULL, THREADS), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		thread[i] = (struct thread){.shared = shared, .n = i};
		assert_int_equal(pthread_create(&id[i], NULL, body, &thread[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	pthread_barrier_destroy(&shared->start);
}

static void
take_verdicts(struct thread *thread, const uint64_t *seq, unsigned n, const enum sadb_replay_verdict *verdict)
{
	for (unsigned i = 0; i < n; i++) {
		if (verdict[i] != SADB_REPLAY_OK)
			continue;
		thread->accepted++;
		/* Relaxed: counted up here, read after the join. */
		__atomic_fetch_add(&thread->shared->taken[seq[i]], 1, __ATOMIC_RELAXED);
	}
}

/* Every thread offers every number, in steps that all threads do at once and in another order each. A step is smaller
 * than the window, so nothing leaves the window before it was offered: each number must be accepted exactly once. */
static void *
offer_all(void *arg)
{
	struct thread *thread = arg;
	struct shared *shared = thread->shared;
	unsigned seed = thread->n + 1;

	for (uint64_t base = 1; base < NUMBERS; base += shared->block) {
		pthread_barrier_wait(&shared->start);
		uint64_t end = base + shared->block < NUMBERS ? base + shared->block : NUMBERS;
		unsigned count = (unsigned)(end - base), offset = (unsigned)rand_r(&seed) % count;
		uint64_t seq[64];
		enum sadb_replay_verdict verdict[64];
		for (unsigned done = 0; done < count;) {
			unsigned n = 1 + (unsigned)rand_r(&seed) % 64;
			n = n < count - done ? n : count - done;
			for (unsigned i = 0; i < n; i++) {
				unsigned at = (offset + done + i) % count;
				seq[i] = thread->n % 2 == 0 ? base + at : end - 1 - at;
			}
			sadb_replay_commit(shared->rp, seq, n, verdict);
			take_verdicts(thread, seq, n, verdict);
			done += n;
		}
	}
	return NULL;
}

static void
each_number_in_the_window_is_accepted_exactly_once(void **state)
{
	static const uint32_t windows[] = {64, 1024, 65536};
	(void)state;
	for (unsigned w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
		struct thread thread[THREADS];
		struct shared shared = {.block = windows[w] / 2};
		shared.rp = malloc(sadb_replay_bytes(windows[w]));
		shared.taken = calloc(NUMBERS, 1);
		sadb_replay_init(shared.rp, windows[w], 0);
		run_threads(&shared, offer_all, thread);
		for (uint64_t seq = 1; seq < NUMBERS; seq++)
			if (shared.taken[seq] != 1)
				fail_msg("window %u: %lu was accepted %u times", windows[w], (unsigned long)seq,
					 shared.taken[seq]);
		uint64_t sum = 0;
		for (unsigned i = 0; i < THREADS; i++)
			sum += thread[i].accepted;
		assert_int_equal(sum, NUMBERS - 1);
		assert_int_equal(sadb_replay_top(shared.rp), NUMBERS - 1);
		free(shared.taken);
		free(shared.rp);
	}
}

/* No order at all: the threads race through overlapping ranges, so the ring turns under their hands and numbers leave
 * the window while they are offered. None may be accepted twice. */
static void *
race(void *arg)
{
	struct thread *thread = arg;
	struct shared *shared = thread->shared;
	unsigned seed = thread->n + 1;
	uint64_t seq[16];
	enum sadb_replay_verdict verdict[16];

	pthread_barrier_wait(&shared->start);
	for (;;) {
		uint64_t at = __atomic_fetch_add(&shared->progress, 8, __ATOMIC_RELAXED);
		if (at + 400 >= NUMBERS)
			return NULL;
		for (unsigned i = 0; i < 16; i++)
			seq[i] = at + 1 + (uint64_t)rand_r(&seed) % (i % 8 == 0 ? 300 : 24);
		sadb_replay_commit(shared->rp, seq, 16, verdict);
		take_verdicts(thread, seq, 16, verdict);
	}
}

static void
no_number_is_accepted_twice_while_the_ring_turns(void **state)
{
	struct thread thread[THREADS];
	struct shared shared = {.rp = malloc(sadb_replay_bytes(64)), .taken = calloc(NUMBERS, 1)};
	uint64_t accepted = 0;
	(void)state;
	sadb_replay_init(shared.rp, 64, 0);
	run_threads(&shared, race, thread);
	for (uint64_t seq = 0; seq < NUMBERS; seq++)
		if (shared.taken[seq] > 1)
			fail_msg("%lu was accepted %u times", (unsigned long)seq, shared.taken[seq]);
	for (unsigned i = 0; i < THREADS; i++)
		accepted += thread[i].accepted;
	assert_true(accepted > NUMBERS / 16); /* the race was one */
	free(shared.taken);
	free(shared.rp);
}

/* The threads take numbers up to a limit that is raised under their hands. */
static void *
take_numbers(void *arg)
{
	struct thread *thread = arg;
	struct shared *shared = thread->shared;
	unsigned seed = thread->n + 1;

	pthread_barrier_wait(&shared->start);
	for (;;) {
		uint64_t first = 0;
		unsigned n = sadb_sa_seq_take(shared->mut, 1 + (unsigned)rand_r(&seed) % 64, &first);
		uint64_t limit = __atomic_load_n(&shared->mut->out_limit, __ATOMIC_RELAXED);
		for (unsigned i = 0; i < n; i++) {
			assert_true(first + i <= limit && first + i < NUMBERS);
			__atomic_fetch_add(&shared->taken[first + i], 1, __ATOMIC_RELAXED);
		}
		thread->accepted += n;
		if (n == 0 && limit == NUMBERS - 1)
			return NULL;
		if (n == 0 && thread->n == 0) /* release pairs with the acquire in sadb_sa_seq_take() */
			__atomic_store_n(&shared->mut->out_limit, limit + 997 < NUMBERS ? limit + 997 : NUMBERS - 1,
					 __ATOMIC_RELEASE);
	}
}

static void
no_sequence_number_is_handed_out_twice_or_beyond_the_limit(void **state)
{
	static struct sadb_sa_mut mut;
	struct thread thread[THREADS];
	struct shared shared = {.mut = &mut, .taken = calloc(NUMBERS, 1)};
	uint64_t used = 0;
	(void)state;
	run_threads(&shared, take_numbers, thread);
	for (uint64_t seq = 0; seq < NUMBERS; seq++) {
		assert_true(shared.taken[seq] <= 1);
		used += shared.taken[seq];
	}
	assert_int_equal(shared.taken[0], 0);
	assert_true(used > NUMBERS / 2);
	free(shared.taken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_number_in_the_window_is_accepted_exactly_once),
	    cmocka_unit_test(no_number_is_accepted_twice_while_the_ring_turns),
	    cmocka_unit_test(no_sequence_number_is_handed_out_twice_or_beyond_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
