/* SPDX-License-Identifier: BSD-3-Clause
 * What others know of an SA's past: counters are taken as told, numbers only ever go on. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

static struct sadb *
create_with(uint8_t dir, uint32_t flags)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);

	config.dir = dir;
	config.flags = flags;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	return db;
}

static int
tell(struct sadb *db, const struct sadb_progress *progress)
{
	struct sadb_sa_key key = rig_key(1);
	return sadb_sa_progress(db, &key, progress, &rig_err);
}

static bool
accepts(struct sadb *db, uint64_t seq)
{
	enum sadb_replay_verdict verdict;
	return sadb_replay_commit(rig_lookup(db, 1)->replay, &seq, 1, &verdict) == 1;
}

static void
numbers_sent_go_on_and_never_back(void **state)
{
	static const struct {
		uint64_t told, next;
	} table[] = {{1000, 1001}, {500, 1002}, {0, 1003}, {1003, 1004}, {UINT64_C(1) << 33, (UINT64_C(1) << 33) + 1}};
	struct sadb *db = create_with(SADB_DIR_OUT, SADB_SA_ESN);

	(void)state;
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), 1);
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sadb_progress progress = {.has_out_seq = true, .out_seq = table[i].told};
		assert_int_equal(tell(db, &progress), 0);
		rig_commit(db);
		assert_int_equal(rig_take(rig_lookup(db, 1), 1), table[i].next);
	}
	sadb_destroy(db);
}

static void
what_was_told_outlives_the_sa(void **state)
{
	struct sadb *db = create_with(SADB_DIR_OUT, 0);
	struct sadb_progress progress = {.has_out_seq = true, .out_seq = 70000};
	struct sadb_sa_key key = rig_key(1);

	(void)state;
	assert_int_equal(tell(db, &progress), 0);
	rig_commit(db);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	rig_commit(db);
	rig_reclaim_all(db);
	rig_add(db, 1);
	rig_commit(db);
	assert_true(rig_take(rig_lookup(db, 1), 1) > 70000);
	sadb_destroy(db);
}

/* Of 101..110 the odd ones: the even ones were not received, and may come. */
static void
the_window_takes_what_was_seen_and_leaves_the_rest_open(void **state)
{
	struct sadb *db = create_with(SADB_DIR_IN, 0);
	const uint32_t odd = 0x2aa; /* bit i: 110 - i */
	struct sadb_progress progress = {.has_in_seq = true, .in_seq = 110, .seen_packets = 32, .seen = &odd};

	(void)state;
	assert_int_equal(tell(db, &progress), 0);
	for (uint64_t seq = 101; seq <= 109; seq++)
		assert_int_equal(accepts(db, seq), seq % 2 == 0);
	assert_false(accepts(db, 110)); /* the highest was received, whatever its bit says */
	assert_true(accepts(db, 111));
	sadb_destroy(db);
}

static void
a_window_never_reopens(void **state)
{
	struct sadb *db = create_with(SADB_DIR_IN, 0);
	const uint32_t none = 0;
	struct sadb_progress progress = {.has_in_seq = true, .seen_packets = 32, .seen = &none};

	(void)state;
	for (uint64_t seq = 1; seq <= 200; seq++)
		assert_true(accepts(db, seq));
	/* Older, the same, newer: nothing that was let in before is let in again. */
	for (progress.in_seq = 0; progress.in_seq <= 260; progress.in_seq += 20) {
		assert_int_equal(tell(db, &progress), 0);
		for (uint64_t seq = 1; seq <= 200; seq++)
			assert_false(accepts(db, seq));
	}
	assert_true(accepts(db, 259)); /* not received yet */
	assert_false(accepts(db, 260));
	assert_true(accepts(db, 261));
	sadb_destroy(db);
}

/* A window of 32 is one of 64 here. Who tells of 32 has refused what is older, or had it long ago. */
static void
what_lies_behind_the_bitmap_counts_as_seen(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	const uint32_t all_but_the_oldest = UINT32_MAX >> 1;
	struct sadb_progress progress = {
	    .has_in_seq = true, .in_seq = 1000, .seen_packets = 32, .seen = &all_but_the_oldest};

	(void)state;
	config.dir = SADB_DIR_IN;
	config.window_packets = 32;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(tell(db, &progress), 0);
	for (uint64_t seq = 900; seq <= 1001; seq++)
		if (accepts(db, seq) != (seq == 969 || seq == 1001))
			fail_msg("number %u", (unsigned)seq);
	sadb_destroy(db);
}

/* Without a bitmap all is taken for seen. */
static void
numbers_without_a_bitmap_close_the_window_up_to_them(void **state)
{
	struct sadb *db = create_with(SADB_DIR_IN, SADB_SA_ESN);
	struct sadb_progress progress = {.has_in_seq = true, .in_seq = UINT64_C(0x500000010)};

	(void)state;
	assert_int_equal(tell(db, &progress), 0);
	for (uint64_t back = 0; back < 80; back++)
		assert_false(accepts(db, progress.in_seq - back));
	assert_true(accepts(db, progress.in_seq + 1));
	sadb_destroy(db);
}

static void
counters_and_times_become_what_is_told(void **state)
{
	struct sadb *db = create_with(SADB_DIR_OUT, 0);
	struct sadb_progress progress = {
	    .has_use = true, .bytes = 5000, .packets = 50, .add_time_s = 1000, .use_time_s = 1001};
	struct sadb_sa_key key = rig_key(1);
	struct sadb_sa *sa = rig_lookup(db, 1);

	(void)state;
	sadb_sa_use(sa, 3, 300, 7);
	assert_int_equal(tell(db, &progress), 0);
	assert_true(sa->mut->bytes == 5000 && sa->mut->packets == 50 && sa->mut->first_use_s == 1001);
	assert_true(sadb_sa_find(db, &key)->add_time_s == 1000);
	sadb_sa_use(sa, 1, 100, 8);
	assert_true(sa->mut->bytes == 5100 && sa->mut->packets == 51);
	progress = (struct sadb_progress){.has_use = true}; /* times of 0 are not known */
	assert_int_equal(tell(db, &progress), 0);
	assert_true(sa->mut->bytes == 0 && sa->mut->first_use_s == 1001);
	assert_true(sadb_sa_find(db, &key)->add_time_s == 1000);
	sadb_destroy(db);
}

static void
an_sa_told_to_be_old_ends_by_its_age(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	struct sadb_sa_key key = rig_key(1);

	(void)state;
	config.life.hard_add_s = 100;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	uint64_t now_s = sadb_sa_find(db, &key)->add_time_s;
	struct sadb_progress progress = {.has_use = true, .add_time_s = now_s - 90};
	assert_int_equal(tell(db, &progress), 0);
	sadb_tick(db, now_s + 9, NULL, NULL);
	assert_non_null(sadb_sa_find(db, &key));
	sadb_tick(db, now_s + 10, NULL, NULL);
	assert_null(sadb_sa_find(db, &key));
	sadb_destroy(db);
}

static void
what_an_sa_cannot_have_done_is_refused(void **state)
{
	static const struct {
		uint8_t dir;
		struct sadb_progress progress;
		int rc;
	} table[] = {
	    {SADB_DIR_OUT, {.has_in_seq = true, .in_seq = 1}, -EINVAL},
	    {SADB_DIR_IN, {.has_out_seq = true, .out_seq = 1}, -EINVAL},
	    {SADB_DIR_OUT, {.has_out_seq = true, .out_seq = UINT32_MAX}, 0},
	    {SADB_DIR_OUT, {.has_out_seq = true, .out_seq = UINT64_C(1) << 32}, -EINVAL},
	    {SADB_DIR_IN, {.has_in_seq = true, .in_seq = UINT64_C(1) << 32}, -EINVAL},
	    {SADB_DIR_IN, {.has_out_seq = true, .has_in_seq = true, .in_seq = 9}, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sadb *db = create_with(table[i].dir, 0);
		if (tell(db, &table[i].progress) != table[i].rc)
			fail_msg("case %u: %s", i, rig_err.text);
		sadb_destroy(db);
	}
	struct sadb *db = rig_create(NULL);
	struct sadb_progress progress = {.has_use = true};
	struct sadb_sa_config config = rig_sa(1);
	assert_int_equal(tell(db, &progress), -ESRCH);
	assert_int_equal(sadb_spi_alloc(db, &config, 0x1001, 0x1001, &config.spi_be, &rig_err), 0);
	assert_int_equal(tell(db, &progress), -EINVAL); /* larval */
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_sent_go_on_and_never_back),
	    cmocka_unit_test(what_was_told_outlives_the_sa),
	    cmocka_unit_test(the_window_takes_what_was_seen_and_leaves_the_rest_open),
	    cmocka_unit_test(a_window_never_reopens),
	    cmocka_unit_test(what_lies_behind_the_bitmap_counts_as_seen),
	    cmocka_unit_test(numbers_without_a_bitmap_close_the_window_up_to_them),
	    cmocka_unit_test(counters_and_times_become_what_is_told),
	    cmocka_unit_test(an_sa_told_to_be_old_ends_by_its_age),
	    cmocka_unit_test(what_an_sa_cannot_have_done_is_refused),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
