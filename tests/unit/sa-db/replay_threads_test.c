/* SPDX-License-Identifier: BSD-3-Clause
 * The replay window and the sequence counter under four threads at once. */
#include "tests/unit/sa-db/rig.h"

#include <pthread.h>
#include <sched.h>

#define THREADS 4
#define NUMBERS 200000u

struct shared {
	struct sadb_replay *rp;
	struct sadb_sa_mut *mut;
	pthread_barrier_t start;
	uint8_t *taken; /* how often each number was accepted or handed out; atomic */
	uint64_t progress;
	unsigned block; /* numbers of a step; of bursts, how many one thread may be ahead of another */
	uint64_t at[THREADS];
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

/* As workers do it: bursts of 64 that are commits of whole words, or every other number of a burst because two workers
 * share the flow's packets, or both at once; all from the low half that the wire shows, with the high half found from a top
 * that is a burst old. The numbers run over 2^32. Each burst comes twice, whole, or once in each half. */
#define BURST    64u
#define BURSTS   (NUMBERS / BURST)
#define ESN_BASE ((UINT64_C(1) << 32) - NUMBERS / 2)

static unsigned
make_burst(const struct shared *shared, uint64_t ordinal, uint64_t seq[BURST])
{
	const uint64_t burst = ordinal / 2, top = sadb_replay_hint(shared->rp);
	/* One of three stays whole; of the others, first the even numbers and then the odd ones, and the other way round. */
	const unsigned step = burst % 3 == 0 ? 1 : 2, half = (unsigned)(ordinal + burst) % 2;
	unsigned n = 0;
	for (unsigned i = step == 1 ? 0 : half; i < BURST; i += step)
		seq[n++] = sadb_replay_esn(shared->rp, top, (uint32_t)(ESN_BASE + burst * BURST + i));
	return n;
}

static void *
offer_bursts(void *arg)
{
	struct thread *thread = arg;
	struct shared *shared = thread->shared;
	uint64_t ordinal, seq[BURST];
	enum sadb_replay_verdict verdict[BURST];

	pthread_barrier_wait(&shared->start);
	while ((ordinal = __atomic_fetch_add(&shared->progress, 1, __ATOMIC_RELAXED)) < 2 * BURSTS) {
		/* Relaxed: how far the others are. Nobody runs away from a thread that is put to sleep further than the
		 * window reaches. */
		__atomic_store_n(&shared->at[thread->n], ordinal, __ATOMIC_RELAXED);
		for (unsigned i = 0; i < THREADS; i++)
			while (__atomic_load_n(&shared->at[i], __ATOMIC_RELAXED) + shared->block < ordinal)
				sched_yield();
		unsigned n = make_burst(shared, ordinal, seq);
		unsigned accepted = sadb_replay_commit(shared->rp, seq, n, verdict);
		unsigned counted = 0;
		for (unsigned i = 0; i < n; i++) {
			assert_true(seq[i] - ESN_BASE < NUMBERS);
			seq[i] -= ESN_BASE;
			counted += verdict[i] == SADB_REPLAY_OK;
		}
		assert_int_equal(counted, accepted);
		take_verdicts(thread, seq, n, verdict);
	}
	__atomic_store_n(&shared->at[thread->n], UINT32_MAX, __ATOMIC_RELAXED);
	return NULL;
}

static void
bursts_of_whole_words_and_of_every_other_number_are_accepted_exactly_once(void **state)
{
	static const uint32_t windows[] = {512, 4096, 65536};
	(void)state;
	for (unsigned w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
		struct thread thread[THREADS];
		uint64_t sum = 0;
		/* Two ordinals a burst; the bursts under way and those ahead stay in half a window. */
		struct shared shared = {.block = windows[w] / BURST / 2};
		shared.rp = malloc(sadb_replay_bytes(windows[w]));
		shared.taken = calloc(NUMBERS, 1);
		sadb_replay_init(shared.rp, windows[w], ESN_BASE - 1);
		run_threads(&shared, offer_bursts, thread);
		for (uint64_t i = 0; i < BURSTS * BURST; i++)
			if (shared.taken[i] != 1)
				fail_msg("window %u: number %lu was accepted %u times", windows[w], (unsigned long)i,
					 shared.taken[i]);
		for (unsigned i = 0; i < THREADS; i++)
			sum += thread[i].accepted;
		assert_int_equal(sum, BURSTS * BURST);
		assert_true(sadb_replay_top(shared.rp) == ESN_BASE + BURSTS * BURST - 1);
		free(shared.taken);
		free(shared.rp);
	}
}

/* Two threads commit the same burst at the same moment, again and again: each number is one's or the other's. */
static void *
offer_together(void *arg)
{
	struct thread *thread = arg;
	struct shared *shared = thread->shared;
	unsigned seed = thread->n + 1;
	uint64_t seq[BURST];
	enum sadb_replay_verdict verdict[BURST];

	if (thread->n > 1)
		return NULL;
	for (uint64_t burst = 0; burst < BURSTS; burst++) {
		for (unsigned i = 0; i < BURST; i++)
			seq[i] = burst * BURST + i;
		/* Release pairs with the acquire: what the other has of the burst before is done. */
		__atomic_store_n(&shared->at[thread->n], burst + 1, __ATOMIC_RELEASE);
		for (unsigned spins = 1; __atomic_load_n(&shared->at[1 - thread->n], __ATOMIC_ACQUIRE) <= burst;
		     spins++)
			if (spins % 1024 == 0)
				sched_yield();
		/* Who came last goes first: a delay of chance length for each meets what the other does at every point. */
		for (volatile unsigned delay = (unsigned)rand_r(&seed) % 64; delay > 0; delay--)
			;
		sadb_replay_commit(shared->rp, seq, BURST, verdict);
		take_verdicts(thread, seq, BURST, verdict);
		if (burst > 0) /* both have committed it: the top is its last number, or of the next burst already */
			assert_true(sadb_replay_top(shared->rp) >= burst * BURST - 1);
	}
	return NULL;
}

static void
a_burst_that_two_offer_at_once_is_accepted_once(void **state)
{
	(void)state;
	for (unsigned again = 0; again < 20; again++) {
		struct thread thread[THREADS];
		struct shared shared = {.rp = malloc(sadb_replay_bytes(64)), .taken = calloc(NUMBERS, 1)};
		sadb_replay_init(shared.rp, 64, 0);
		run_threads(&shared, offer_together, thread);
		for (uint64_t seq = 0; seq < BURSTS * BURST; seq++)
			if (shared.taken[seq] != (seq > 0))
				fail_msg("%lu was accepted %u times", (unsigned long)seq, shared.taken[seq]);
		assert_int_equal(thread[0].accepted + thread[1].accepted, BURSTS * BURST - 1);
		free(shared.taken);
		free(shared.rp);
	}
}

/* No one waits for anyone, and the window is the smallest: whole words against old ones, while the ring turns. */
static void *
race_bursts(void *arg)
{
	struct thread *thread = arg;
	struct shared *shared = thread->shared;
	unsigned seed = thread->n + 1;
	uint64_t seq[BURST];
	enum sadb_replay_verdict verdict[BURST];

	pthread_barrier_wait(&shared->start);
	for (;;) {
		uint64_t at = __atomic_fetch_add(&shared->progress, 16, __ATOMIC_RELAXED);
		if (at + 400 >= NUMBERS)
			return NULL;
		uint64_t first = at + (uint64_t)rand_r(&seed) % 200;
		for (unsigned i = 0; i < BURST; i++)
			seq[i] = first + i;
		sadb_replay_commit(shared->rp, seq, BURST, verdict);
		take_verdicts(thread, seq, BURST, verdict);
	}
}

static void
whole_words_are_accepted_at_most_once_while_the_ring_turns(void **state)
{
	struct thread thread[THREADS];
	struct shared shared = {.rp = malloc(sadb_replay_bytes(64)), .taken = calloc(NUMBERS, 1)};
	uint64_t accepted = 0;
	(void)state;
	sadb_replay_init(shared.rp, 64, 0);
	run_threads(&shared, race_bursts, thread);
	for (uint64_t seq = 0; seq < NUMBERS; seq++)
		if (shared.taken[seq] > (seq > 0))
			fail_msg("%lu was accepted %u times", (unsigned long)seq, shared.taken[seq]);
	for (unsigned i = 0; i < THREADS; i++)
		accepted += thread[i].accepted;
	assert_true(accepted > NUMBERS / 16);
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
	    cmocka_unit_test(bursts_of_whole_words_and_of_every_other_number_are_accepted_exactly_once),
	    cmocka_unit_test(a_burst_that_two_offer_at_once_is_accepted_once),
	    cmocka_unit_test(whole_words_are_accepted_at_most_once_while_the_ring_turns),
	    cmocka_unit_test(no_sequence_number_is_handed_out_twice_or_beyond_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
