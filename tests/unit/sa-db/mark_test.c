/* SPDX-License-Identifier: BSD-3-Clause
 * No nonce twice: keys that come back after a delete, in memory and over a restart, and disks that fail. */
#include "rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/eal.h"

#define WORKER 3

static char store_path[64];

static int
set_up(void **state)
{
	char dir[] = "/tmp/culvert-mark-XXXXXX";
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(store_path, sizeof(store_path), "%s/marks.db", dir);
	return 0;
}

static int
tear_down(void **state)
{
	char path[96];
	static const char *const parts[] = {"-wal", "-shm", "-journal", ""};
	(void)state;
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", store_path, parts[i]);
		unlink(path);
	}
	*strrchr(store_path, '/') = '\0';
	return rmdir(store_path);
}

/* Every write to a file fails from here on, as on a disk that is full or broken. */
static void
disk_fails(bool fails)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = fails ? 0 : limit.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
del(struct sadb *db, uint32_t n)
{
	struct sadb_sa_key key = rig_key(n);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
}

static void
worker_online(struct sadb *db)
{
	rte_rcu_qsbr_thread_register(sadb_qsbr(db), WORKER);
	rte_rcu_qsbr_thread_online(sadb_qsbr(db), WORKER);
}

static void
worker_offline(struct sadb *db)
{
	rte_rcu_qsbr_thread_offline(sadb_qsbr(db), WORKER);
	rte_rcu_qsbr_thread_unregister(sadb_qsbr(db), WORKER);
}

static bool
can_send(struct sadb *db, uint32_t n)
{
	uint64_t first;
	return sadb_sa_seq_take(rig_lookup(db, n)->mut, 1, &first) == 1;
}

static void
nothing_is_sent_before_the_commit(void **state)
{
	struct sadb *db = rig_create(store_path);
	(void)state;
	rig_add(db, 1);
	assert_false(can_send(db, 1));
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), 1);
	sadb_destroy(db);
}

static void
an_inbound_sa_never_sends(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	(void)state;
	config.dir = SADB_DIR_IN;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	sadb_tick(db, 1, NULL, NULL);
	assert_false(can_send(db, 1));
	sadb_destroy(db);
}

static void
a_key_that_comes_back_goes_on_where_it_stopped(void **state)
{
	struct sadb *db = rig_create(*state);
	for (unsigned round = 0; round < 3; round++) {
		rig_add(db, 1);
		rig_commit(db);
		assert_int_equal(rig_take(rig_lookup(db, 1), 10), 1 + round * 10);
		del(db, 1);
		rig_commit(db);
		rig_reclaim_all(db);
		rig_commit(db);
	}
	/* Another SPI and destination: it is the key that counts. */
	struct sadb_sa_config config = rig_sa(1);
	config.spi_be = rte_cpu_to_be_32(0x1002);
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 2), 1), 31);
	sadb_destroy(db);
}

static void
a_configured_sequence_counts_only_when_it_is_ahead(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config config = rig_sa(1);
	config.out_seq = 500;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), 501);
	del(db, 1);
	rig_reclaim_all(db);
	config.out_seq = 7;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), 502);
	sadb_destroy(db);
}

/* A worker holds the deleted SA and may still take any number up to its limit. */
static void
within_the_grace_period_a_key_starts_above_all_that_is_open(void **state)
{
	struct sadb *db = rig_create(*state);
	worker_online(db);
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa *old = rig_lookup(db, 1);
	rig_take(old, 10);
	uint64_t limit = old->mut->out_limit;
	del(db, 1);
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa *sa = rig_lookup(db, 1);
	assert_ptr_not_equal(sa, old);
	assert_true(rig_take(sa, 5) > limit);
	assert_true(rig_take(old, 64) < limit); /* the worker, late */

	/* The end of the old one must not pull the mark of the living one down. */
	rte_rcu_qsbr_quiescent(sadb_qsbr(db), WORKER);
	rig_reclaim_all(db);
	rig_commit(db);
	assert_int_equal(rig_take(sa, 1), limit + 6);
	del(db, 1);
	rte_rcu_qsbr_quiescent(sadb_qsbr(db), WORKER);
	worker_offline(db);
	rig_reclaim_all(db);
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), limit + 7);
	sadb_destroy(db);
}

static void
a_key_deleted_before_its_commit_opens_nothing(void **state)
{
	struct sadb *db = rig_create(*state);
	worker_online(db);
	rig_add(db, 1);
	struct sadb_sa *old = rig_lookup(db, 1);
	uint64_t first;
	del(db, 1);
	rig_commit(db);
	assert_int_equal(sadb_sa_seq_take(old->mut, 1, &first), 0);
	rte_rcu_qsbr_quiescent(sadb_qsbr(db), WORKER);
	worker_offline(db);
	rig_reclaim_all(db);
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), 1);
	sadb_destroy(db);
}

static void
the_window_remembers_over_a_delete(void **state)
{
	struct sadb *db = rig_create(*state);
	uint64_t seq = 5000;
	enum sadb_replay_verdict verdict;
	rig_add(db, 1);
	rig_commit(db);
	sadb_replay_commit(rig_lookup(db, 1)->replay, &seq, 1, &verdict);
	del(db, 1);
	rig_reclaim_all(db);
	struct sadb_sa_config config = rig_sa(1);
	config.in_seq = 100;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(sadb_replay_check(rig_lookup(db, 1)->replay, 5000), SADB_REPLAY_DUP);
	assert_int_equal(sadb_replay_check(rig_lookup(db, 1)->replay, 4999), SADB_REPLAY_DUP);
	assert_int_equal(sadb_replay_check(rig_lookup(db, 1)->replay, 100), SADB_REPLAY_OLD);
	assert_int_equal(sadb_replay_check(rig_lookup(db, 1)->replay, 5001), SADB_REPLAY_OK);
	sadb_destroy(db);
}

/* As MOBIKE does it, while a worker sleeps in the middle of a batch. */
static void
the_window_remembers_over_a_delete_and_add_within_the_grace_period(void **state)
{
	struct sadb *db = rig_create(*state);
	uint64_t seq = 1002;
	enum sadb_replay_verdict verdict;
	rig_add(db, 1);
	rig_commit(db);
	worker_online(db);
	sadb_replay_commit(rig_lookup(db, 1)->replay, &seq, 1, &verdict);
	del(db, 1);
	rig_add(db, 1);
	rig_commit(db);
	assert_int_not_equal(sadb_replay_check(rig_lookup(db, 1)->replay, 1001), SADB_REPLAY_OK);
	assert_int_not_equal(sadb_replay_check(rig_lookup(db, 1)->replay, 1002), SADB_REPLAY_OK);
	worker_offline(db);
	sadb_destroy(db);
}

static void
after_a_clean_stop_the_exact_number_is_known(void **state)
{
	struct sadb *db = rig_create(store_path);
	uint64_t seq = 700;
	enum sadb_replay_verdict verdict;
	(void)state;
	rig_add(db, 1);
	rig_add(db, 2);
	rig_commit(db);
	rig_take(rig_lookup(db, 1), 25);
	rig_take(rig_lookup(db, 2), 50);
	sadb_replay_commit(rig_lookup(db, 1)->replay, &seq, 1, &verdict);
	del(db, 2);
	sadb_destroy(db);

	db = rig_create(store_path);
	rig_add(db, 1);
	rig_add(db, 2);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), 26);
	assert_int_equal(rig_take(rig_lookup(db, 2), 1), 51);
	assert_int_equal(sadb_replay_check(rig_lookup(db, 1)->replay, 700), SADB_REPLAY_DUP);
	sadb_destroy(db);
}

/* Another process runs this and dies without a word; what it took it tells by a pipe. */
static uint64_t
crash_after(void (*work)(struct sadb *db, int out))
{
	int pipe_fd[2], status;
	uint64_t told = 0;
	assert_int_equal(pipe(pipe_fd), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct sadb *db = rig_create(store_path);
		work(db, pipe_fd[1]);
		raise(SIGKILL);
	}
	close(pipe_fd[1]);
	assert_int_equal(read(pipe_fd[0], &told, sizeof(told)), sizeof(told));
	close(pipe_fd[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return told;
}

static void
tell(int out, uint64_t number)
{
	assert_int_equal(write(out, &number, sizeof(number)), sizeof(number));
}

static void
work_takes_a_million(struct sadb *db, int out)
{
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa *sa = rig_lookup(db, 1);
	uint64_t last = 0;
	for (unsigned i = 0; i < 16384; i++)
		last = rig_take(sa, 64) + 63;
	tell(out, last);
}

static void
work_runs_to_the_limit(struct sadb *db, int out)
{
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa_mut *mut = rig_lookup(db, 1)->mut;
	uint64_t first, last = 0;
	unsigned n;
	while ((n = sadb_sa_seq_take(mut, 64, &first)) > 0)
		last = first + n - 1;
	tell(out, last);
}

static void
work_runs_past_a_raise(struct sadb *db, int out)
{
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa_mut *mut = rig_lookup(db, 1)->mut;
	uint64_t first, last = 0, before = mut->out_limit;
	for (unsigned i = 0; i < 10; i++) {
		sadb_tick(db, 1000, NULL, NULL);
		for (unsigned k = 0; k < 1 << 16; k++)
			if (sadb_sa_seq_take(mut, 64, &first) > 0)
				last = first + 63;
	}
	assert_true(last > before);
	tell(out, last);
}

static void
after_a_crash_no_number_comes_twice(void **state)
{
	static void (*const works[])(struct sadb *, int) = {work_takes_a_million, work_runs_to_the_limit,
							    work_runs_past_a_raise};
	uint64_t highest = 0;
	(void)state;
	for (unsigned i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		uint64_t last = crash_after(works[i]);
		assert_true(last > highest);
		highest = last;
		struct sadb *db = rig_create(store_path);
		rig_add(db, 1);
		rig_commit(db);
		uint64_t first = rig_take(rig_lookup(db, 1), 1);
		assert_true(first > highest);
		highest = first;
		sadb_destroy(db);
	}
}

static void
work_receives(struct sadb *db, int out)
{
	uint64_t seq = 900;
	enum sadb_replay_verdict verdict;
	rig_add(db, 1);
	rig_commit(db);
	sadb_replay_commit(rig_lookup(db, 1)->replay, &seq, 1, &verdict);
	for (uint64_t now_s = 1000; now_s < 1020; now_s++)
		sadb_tick(db, now_s, NULL, NULL);
	tell(out, 900);
}

static void
after_a_crash_old_packets_stay_refused(void **state)
{
	(void)state;
	crash_after(work_receives);
	struct sadb *db = rig_create(store_path);
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(sadb_replay_check(rig_lookup(db, 1)->replay, 900), SADB_REPLAY_DUP);
	sadb_destroy(db);
}

static void
on_a_failed_write_the_new_sa_is_taken_back_and_can_be_added_again(void **state)
{
	struct sadb *db = rig_create(store_path);
	struct sadb_error err = {{0}, 0};
	struct sadb_sa_key key = rig_key(2);
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	rig_add(db, 2);
	disk_fails(true);
	assert_true(sadb_commit(db, &err) < 0);
	assert_non_null(strstr(err.text, store_path));
	assert_null(sadb_sa_find(db, &key));
	assert_true(can_send(db, 1)); /* what was on disk before stays good */
	sadb_tick(db, 1, NULL, NULL);
	assert_true(sadb_store_status(db, &err) < 0);
	disk_fails(false);
	sadb_tick(db, 2, NULL, NULL);
	assert_int_equal(sadb_store_status(db, &err), 0);
	rig_add(db, 2);
	rig_commit(db);
	assert_true(can_send(db, 2));
	sadb_destroy(db);
}

static void
a_store_removed_while_it_is_open_opens_no_more_numbers(void **state)
{
	struct sadb *db = rig_create(store_path);
	struct sadb_error err = {{0}, 0};
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(unlink(store_path), 0);
	rig_add(db, 2);
	assert_int_equal(sadb_commit(db, &err), -ESTALE);
	assert_non_null(strstr(err.text, store_path));
	sadb_destroy(db);
}

static void
a_key_that_received_never_sends_and_one_that_sent_never_receives(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config in = rig_sa(1), out = rig_sa(2);
	struct sadb_sa_key in_key = rig_key(1), out_key = rig_key(2);
	in.dir = SADB_DIR_IN;
	out.dir = SADB_DIR_OUT;
	assert_int_equal(sadb_sa_add(db, &in, &rig_err), 0);
	assert_int_equal(sadb_sa_add(db, &out, &rig_err), 0);
	rig_commit(db);
	rig_take(rig_lookup(db, 2), 1);
	assert_int_equal(sadb_sa_del(db, &in_key, &rig_err), 0);
	assert_int_equal(sadb_sa_del(db, &out_key, &rig_err), 0);
	while (sadb_reclaim(db) > 0)
		;
	rig_commit(db);
	in.dir = SADB_DIR_OUT;
	out.dir = SADB_DIR_IN;
	assert_int_equal(sadb_sa_add(db, &in, &rig_err), -EEXIST);
	assert_int_equal(sadb_sa_add(db, &out, &rig_err), -EEXIST);
	in.dir = SADB_DIR_ANY;
	assert_int_equal(sadb_sa_add(db, &in, &rig_err), -EEXIST);
	in.dir = SADB_DIR_IN; /* as it was */
	assert_int_equal(sadb_sa_add(db, &in, &rig_err), 0);
	sadb_destroy(db);
}

static void
while_writes_fail_the_sequence_stops_and_then_goes_on(void **state)
{
	struct sadb *db = rig_create(store_path);
	uint64_t first, last = 0;
	unsigned n;
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa_mut *mut = rig_lookup(db, 1)->mut;
	uint64_t limit = mut->out_limit;
	disk_fails(true);
	while ((n = sadb_sa_seq_take(mut, 64, &first)) > 0) {
		last = first + n - 1;
		if (last % (1 << 20) == 0)
			sadb_tick(db, 1, NULL, NULL);
	}
	assert_int_equal(last, limit);
	sadb_tick(db, 2, NULL, NULL);
	assert_int_equal(sadb_sa_seq_take(mut, 1, &first), 0);
	disk_fails(false);
	sadb_tick(db, 3, NULL, NULL);
	assert_int_equal(sadb_sa_seq_take(mut, 1, &first), 1);
	assert_true(first > last);
	sadb_destroy(db);
}

/* The exact number after a delete cannot be written: the reserved one on disk must hold after a restart. */
static void
a_failed_write_at_the_end_leaves_the_reserved_mark(void **state)
{
	struct sadb *db = rig_create(store_path);
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	uint64_t limit = rig_lookup(db, 1)->mut->out_limit;
	rig_take(rig_lookup(db, 1), 3);
	disk_fails(true);
	sadb_destroy(db);
	disk_fails(false);
	db = rig_create(store_path);
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), limit + 1);
	sadb_destroy(db);
}

static void
the_limit_is_raised_before_it_is_reached(void **state)
{
	struct sadb *db = rig_create(store_path);
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa_mut *mut = rig_lookup(db, 1)->mut;
	uint64_t first, before = mut->out_limit;
	sadb_tick(db, 1, NULL, NULL);
	assert_int_equal(mut->out_limit, before); /* more than half is left */
	while (mut->out_seq <= before / 2)
		assert_int_equal(sadb_sa_seq_take(mut, 64, &first), 64);
	sadb_tick(db, 2, NULL, NULL);
	assert_true(mut->out_limit > before);
	sadb_destroy(db);
}

static void
a_sequence_without_esn_ends_at_the_last_32_bit_number(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config config = rig_sa(1);
	uint64_t first;
	config.out_seq = UINT32_MAX - 5;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	struct sadb_sa *sa = rig_lookup(db, 1);
	assert_int_equal(sadb_sa_seq_take(sa->mut, 64, &first), 5);
	assert_int_equal(first, UINT32_MAX - 4);
	assert_int_equal(sadb_sa_seq_take(sa->mut, 1, &first), 0);
	sadb_tick(db, 1, NULL, NULL);
	assert_int_equal(sadb_sa_count(db), 0); /* spent: it ended as by a hard limit */
	/* And not by coming back. */
	rig_reclaim_all(db);
	config.out_seq = 0;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), -EOVERFLOW);
	sadb_destroy(db);
}

static void
with_esn_the_sequence_passes_2_to_32_and_stops_short_of_2_to_64(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config config = rig_sa(1);
	uint64_t first, last = UINT64_MAX - (1 << 20);
	config.flags = SADB_SA_ESN;
	config.out_seq = UINT32_MAX - 1;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 3), UINT32_MAX);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), UINT64_C(0x100000002));
	config.out_seq = last - 2;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	rig_commit(db);
	struct sadb_sa_mut *mut = rig_lookup(db, 1)->mut;
	assert_int_equal(sadb_sa_seq_take(mut, 64, &first), 2);
	assert_true(first == last - 1);
	assert_int_equal(sadb_sa_seq_take(mut, 1, &first), 0);
	sadb_destroy(db);
}

int
main(void)
{
	/* Each twice: in memory only, and with a store. */
#define BOTH(test)                                                    \
	{#test " (memory)", test, set_up, tear_down, NULL},           \
	{                                                             \
#test " (store)", test, set_up, tear_down, store_path \
	}
#define STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    STORE(nothing_is_sent_before_the_commit),
	    STORE(an_inbound_sa_never_sends),
	    BOTH(a_key_that_comes_back_goes_on_where_it_stopped),
	    BOTH(a_configured_sequence_counts_only_when_it_is_ahead),
	    BOTH(within_the_grace_period_a_key_starts_above_all_that_is_open),
	    BOTH(a_key_deleted_before_its_commit_opens_nothing),
	    BOTH(the_window_remembers_over_a_delete),
	    BOTH(the_window_remembers_over_a_delete_and_add_within_the_grace_period),
	    STORE(after_a_clean_stop_the_exact_number_is_known),
	    STORE(after_a_crash_no_number_comes_twice),
	    STORE(after_a_crash_old_packets_stay_refused),
	    STORE(on_a_failed_write_the_new_sa_is_taken_back_and_can_be_added_again),
	    STORE(a_store_removed_while_it_is_open_opens_no_more_numbers),
	    STORE(while_writes_fail_the_sequence_stops_and_then_goes_on),
	    STORE(a_failed_write_at_the_end_leaves_the_reserved_mark),
	    STORE(the_limit_is_raised_before_it_is_reached),
	    BOTH(a_sequence_without_esn_ends_at_the_last_32_bit_number),
	    BOTH(with_esn_the_sequence_passes_2_to_32_and_stops_short_of_2_to_64),
	    BOTH(a_key_that_received_never_sends_and_one_that_sent_never_receives),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
