/* SPDX-License-Identifier: BSD-3-Clause
 * No nonce twice over a stop, a crash, a disk that fails or a store that is taken away. */
#include "tests/unit/sa-db/store_rig.h"

#include <unistd.h>

#include "tests/unit/eal.h"

static void
after_a_clean_stop_the_exact_number_is_known(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
	struct sadb_sa_config inbound = rig_sa(3);
	(void)state;
	inbound.dir = SADB_DIR_IN;
	rig_add(db, 1);
	rig_add(db, 2);
	assert_int_equal(sadb_sa_add(db, &inbound, &rig_err), 0);
	rig_commit(db);
	rig_take(rig_lookup(db, 1), 25);
	rig_take(rig_lookup(db, 2), 50);
	rig_receive(db, 3, 700);
	rig_del(db, 2);
	sadb_destroy(db);

	db = rig_create(rig_store_path);
	rig_add(db, 1);
	rig_add(db, 2);
	assert_int_equal(sadb_sa_add(db, &inbound, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), 26);
	assert_int_equal(rig_take(rig_lookup(db, 2), 1), 51);
	assert_int_equal(sadb_replay_check(rig_lookup(db, 3)->replay, sadb_replay_hint(rig_lookup(db, 3)->replay), 700),
			 SADB_REPLAY_DUP);
	sadb_destroy(db);
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
	rig_tell(out, last);
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
	rig_tell(out, last);
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
	rig_tell(out, last);
}

static void
after_a_crash_no_number_comes_twice(void **state)
{
	static void (*const works[])(struct sadb *, int) = {work_takes_a_million, work_runs_to_the_limit,
							    work_runs_past_a_raise};
	uint64_t highest = 0;
	(void)state;
	for (unsigned i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		uint64_t last = rig_crash_after(works[i]);
		assert_true(last > highest);
		highest = last;
		struct sadb *db = rig_create(rig_store_path);
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
	struct sadb_sa_config config = rig_sa(1);
	config.dir = SADB_DIR_IN;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	rig_receive(db, 1, 900);
	for (uint64_t now_s = 1000; now_s < 1020; now_s++)
		sadb_tick(db, now_s, NULL, NULL);
	rig_tell(out, 900);
}

static void
work_adds_inbound(struct sadb *db, int out)
{
	struct sadb_sa_config config = rig_sa(1);
	config.dir = SADB_DIR_IN;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	rig_tell(out, 1);
}

static void
after_a_crash_a_key_that_received_still_never_sends(void **state)
{
	struct sadb_sa_config config = rig_sa(1);
	(void)state;
	rig_crash_after(work_adds_inbound);
	struct sadb *db = rig_create(rig_store_path);
	config.dir = SADB_DIR_OUT;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), -EEXIST);
	config.dir = SADB_DIR_IN;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	sadb_destroy(db);
}

static void
after_a_crash_old_packets_stay_refused(void **state)
{
	(void)state;
	rig_crash_after(work_receives);
	struct sadb *db = rig_create(rig_store_path);
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(sadb_replay_check(rig_lookup(db, 1)->replay, sadb_replay_hint(rig_lookup(db, 1)->replay), 900),
			 SADB_REPLAY_DUP);
	sadb_destroy(db);
}

static void
on_a_failed_write_the_new_sa_is_taken_back_and_can_be_added_again(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
	struct sadb_error err = {{0}, 0};
	struct sadb_sa_key key = rig_key(2);
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	rig_add(db, 2);
	rig_disk_fails(true);
	assert_true(sadb_commit(db, &err) < 0);
	assert_non_null(strstr(err.text, rig_store_path));
	assert_null(sadb_sa_find(db, &key));
	assert_true(rig_can_send(db, 1)); /* what was on disk before stays good */
	sadb_tick(db, 1, NULL, NULL);
	assert_true(sadb_commit(db, &err) < 0);
	rig_disk_fails(false);
	sadb_tick(db, 2, NULL, NULL);
	assert_int_equal(sadb_commit(db, &err), 0);
	rig_add(db, 2);
	rig_commit(db);
	assert_true(rig_can_send(db, 2));
	sadb_destroy(db);
}

static void
a_store_removed_while_it_is_open_opens_no_more_numbers(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
	struct sadb_error err = {{0}, 0};
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(unlink(rig_store_path), 0);
	rig_add(db, 2);
	assert_int_equal(sadb_commit(db, &err), -ESTALE);
	assert_non_null(strstr(err.text, rig_store_path));
	sadb_destroy(db);
}

static void
while_writes_fail_the_sequence_stops_and_then_goes_on(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
	uint64_t first, last = 0;
	unsigned n;
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa_mut *mut = rig_lookup(db, 1)->mut;
	uint64_t limit = mut->out_limit;
	rig_disk_fails(true);
	while ((n = sadb_sa_seq_take(mut, 64, &first)) > 0) {
		last = first + n - 1;
		if (last % (1 << 20) == 0)
			sadb_tick(db, 1, NULL, NULL);
	}
	assert_int_equal(last, limit);
	sadb_tick(db, 2, NULL, NULL);
	assert_int_equal(sadb_sa_seq_take(mut, 1, &first), 0);
	rig_disk_fails(false);
	sadb_tick(db, 3, NULL, NULL);
	assert_int_equal(sadb_sa_seq_take(mut, 1, &first), 1);
	assert_true(first > last);
	sadb_destroy(db);
}

/* The exact number after a delete cannot be written: the reserved one on disk must hold after a restart. */
static void
a_failed_write_at_the_end_leaves_the_reserved_mark(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	uint64_t limit = rig_lookup(db, 1)->mut->out_limit;
	rig_take(rig_lookup(db, 1), 3);
	rig_disk_fails(true);
	sadb_destroy(db);
	rig_disk_fails(false);
	db = rig_create(rig_store_path);
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), limit + 1);
	sadb_destroy(db);
}

static void
a_key_that_was_used_is_known_after_a_restart(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
	struct sadb_sa_config inbound = rig_sa(3), sent = rig_sa(1), never = rig_sa(2);
	(void)state;
	inbound.dir = SADB_DIR_IN;
	assert_int_equal(sadb_key_used(db, &sent, &rig_err), 0);
	rig_add(db, 1);
	assert_int_equal(sadb_sa_add(db, &inbound, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(sadb_key_used(db, &sent, &rig_err), 1); /* it lives */
	rig_take(rig_lookup(db, 1), 1);
	sadb_destroy(db);

	db = rig_create(rig_store_path);
	assert_int_equal(sadb_key_used(db, &sent, &rig_err), 1);
	assert_int_equal(sadb_key_used(db, &inbound, &rig_err), 1);
	assert_int_equal(sadb_key_used(db, &never, &rig_err), 0);
	sent.salt[0] ^= 1; /* with another salt it is another */
	assert_int_equal(sadb_key_used(db, &sent, &rig_err), 0);
	sadb_destroy(db);
}

int
main(void)
{
#define STORE(test) cmocka_unit_test_setup_teardown(test, rig_store_set_up, rig_store_tear_down)
	const struct CMUnitTest tests[] = {
	    STORE(after_a_clean_stop_the_exact_number_is_known),
	    STORE(after_a_crash_no_number_comes_twice),
	    STORE(a_key_that_was_used_is_known_after_a_restart),
	    STORE(after_a_crash_a_key_that_received_still_never_sends),
	    STORE(after_a_crash_old_packets_stay_refused),
	    STORE(on_a_failed_write_the_new_sa_is_taken_back_and_can_be_added_again),
	    STORE(a_store_removed_while_it_is_open_opens_no_more_numbers),
	    STORE(while_writes_fail_the_sequence_stops_and_then_goes_on),
	    STORE(a_failed_write_at_the_end_leaves_the_reserved_mark),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
