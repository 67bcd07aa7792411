/* SPDX-License-Identifier: BSD-3-Clause
 * No nonce twice: keys that come back after a delete, and where a sequence ends. */
#include "tests/unit/sa-db/store_rig.h"

#include "tests/unit/eal.h"

static void
nothing_is_sent_before_the_commit(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
	(void)state;
	rig_add(db, 1);
	assert_false(rig_can_send(db, 1));
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
	assert_false(rig_can_send(db, 1));
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
		rig_del(db, 1);
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

/* AES-GCM and AES-GMAC with one nonce under one key give away the key that authenticates. */
static void
a_key_is_one_whatever_the_algorithm(void **state)
{
	struct sadb *db = rig_create(*state);
	static const uint8_t aeads[] = {SADB_AEAD_AES_GCM_16, SADB_AEAD_AES_GMAC, SADB_AEAD_CHACHA20_POLY1305,
					SADB_AEAD_AES_GMAC, SADB_AEAD_AES_GCM_16};
	for (unsigned i = 0; i < sizeof(aeads); i++) {
		struct sadb_sa_config config = rig_sa(1), beside = rig_sa(1);
		config.aead = aeads[i];
		assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
		rig_commit(db);
		assert_int_equal(rig_take(rig_lookup(db, 1), 10), 1 + i * 10);
		beside.spi_be = rte_cpu_to_be_32(0x1002);
		beside.aead = aeads[(i + 1) % sizeof(aeads)];
		assert_int_equal(sadb_sa_add(db, &beside, &rig_err), -EEXIST);
		rig_del(db, 1);
		rig_commit(db);
		rig_reclaim_all(db);
		rig_commit(db);
	}
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
	rig_del(db, 1);
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
	rig_worker_online(db);
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa *old = rig_lookup(db, 1);
	rig_take(old, 10);
	uint64_t limit = old->mut->out_limit;
	rig_del(db, 1);
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa *sa = rig_lookup(db, 1);
	assert_ptr_not_equal(sa, old);
	assert_true(rig_take(sa, 5) > limit);
	assert_true(rig_take(old, 64) < limit); /* the worker, late */

	/* The end of the old one must not pull the mark of the living one down. */
	rte_rcu_qsbr_quiescent(sadb_qsbr(db), RIG_WORKER);
	rig_reclaim_all(db);
	rig_commit(db);
	assert_int_equal(rig_take(sa, 1), limit + 6);
	rig_del(db, 1);
	rte_rcu_qsbr_quiescent(sadb_qsbr(db), RIG_WORKER);
	rig_worker_offline(db);
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
	rig_worker_online(db);
	rig_add(db, 1);
	struct sadb_sa *old = rig_lookup(db, 1);
	uint64_t first;
	rig_del(db, 1);
	rig_commit(db);
	assert_int_equal(sadb_sa_seq_take(old->mut, 1, &first), 0);
	rte_rcu_qsbr_quiescent(sadb_qsbr(db), RIG_WORKER);
	rig_worker_offline(db);
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
	rig_del(db, 1);
	rig_reclaim_all(db);
	struct sadb_sa_config config = rig_sa(1);
	config.in_seq = 100;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(
	    sadb_replay_check(rig_lookup(db, 1)->replay, sadb_replay_hint(rig_lookup(db, 1)->replay), 5000),
	    SADB_REPLAY_DUP);
	assert_int_equal(
	    sadb_replay_check(rig_lookup(db, 1)->replay, sadb_replay_hint(rig_lookup(db, 1)->replay), 4999),
	    SADB_REPLAY_DUP);
	assert_int_equal(sadb_replay_check(rig_lookup(db, 1)->replay, sadb_replay_hint(rig_lookup(db, 1)->replay), 100),
			 SADB_REPLAY_OLD);
	assert_int_equal(
	    sadb_replay_check(rig_lookup(db, 1)->replay, sadb_replay_hint(rig_lookup(db, 1)->replay), 5001),
	    SADB_REPLAY_OK);
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
	rig_worker_online(db);
	sadb_replay_commit(rig_lookup(db, 1)->replay, &seq, 1, &verdict);
	rig_del(db, 1);
	rig_add(db, 1);
	rig_commit(db);
	assert_int_not_equal(
	    sadb_replay_check(rig_lookup(db, 1)->replay, sadb_replay_hint(rig_lookup(db, 1)->replay), 1001),
	    SADB_REPLAY_OK);
	assert_int_not_equal(
	    sadb_replay_check(rig_lookup(db, 1)->replay, sadb_replay_hint(rig_lookup(db, 1)->replay), 1002),
	    SADB_REPLAY_OK);
	rig_worker_offline(db);
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
	in.dir = SADB_DIR_IN; /* as it was */
	assert_int_equal(sadb_sa_add(db, &in, &rig_err), 0);
	sadb_destroy(db);
}

static void
the_limit_is_raised_before_it_is_reached(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
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

static void
a_key_that_received_under_no_told_direction_is_refused_for_sending(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config config = rig_sa(1);
	uint64_t seq = 5000;
	enum sadb_replay_verdict verdict;
	rig_add(db, 1);
	rig_commit(db);
	sadb_replay_commit(rig_lookup(db, 1)->replay, &seq, 1, &verdict);
	rig_del(db, 1);
	rig_reclaim_all(db);
	rig_commit(db);
	config.dir = SADB_DIR_OUT;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), -EEXIST);
	config.dir = SADB_DIR_ANY; /* as it was */
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	sadb_destroy(db);
}

int
main(void)
{
	/* Each twice: in memory only, and with a store. */
#define BOTH(test)                                                                            \
	{#test " (memory)", test, rig_store_set_up, rig_store_tear_down, NULL},               \
	{                                                                                     \
#test " (store)", test, rig_store_set_up, rig_store_tear_down, rig_store_path \
	}
#define STORE(test) cmocka_unit_test_setup_teardown(test, rig_store_set_up, rig_store_tear_down)
	const struct CMUnitTest tests[] = {
	    STORE(nothing_is_sent_before_the_commit),
	    STORE(an_inbound_sa_never_sends),
	    BOTH(a_key_that_comes_back_goes_on_where_it_stopped),
	    BOTH(a_key_is_one_whatever_the_algorithm),
	    BOTH(a_configured_sequence_counts_only_when_it_is_ahead),
	    BOTH(within_the_grace_period_a_key_starts_above_all_that_is_open),
	    BOTH(a_key_deleted_before_its_commit_opens_nothing),
	    BOTH(the_window_remembers_over_a_delete),
	    BOTH(the_window_remembers_over_a_delete_and_add_within_the_grace_period),
	    STORE(the_limit_is_raised_before_it_is_reached),
	    BOTH(a_sequence_without_esn_ends_at_the_last_32_bit_number),
	    BOTH(with_esn_the_sequence_passes_2_to_32_and_stops_short_of_2_to_64),
	    BOTH(a_key_that_received_never_sends_and_one_that_sent_never_receives),
	    BOTH(a_key_that_received_under_no_told_direction_is_refused_for_sending),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
