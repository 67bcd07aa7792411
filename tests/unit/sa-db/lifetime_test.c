/* SPDX-License-Identifier: BSD-3-Clause
 * Lifetimes: seconds by the tick, bytes and packets by the workers' count. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

#define MAX_EVENTS 128

static struct event {
	uint32_t n;
	enum sadb_expire_kind kind;
	bool larval;
} events[MAX_EVENTS];
static unsigned n_events;

static void
note(void *arg, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	assert_ptr_equal(arg, events);
	assert_true(n_events < MAX_EVENTS);
	events[n_events++] =
	    (struct event){.n = rte_be_to_cpu_32(sa->config.spi_be) - 0x1000, .kind = kind, .larval = sa->larval};
}

/* The seconds from the SA's add. */
static unsigned
tick(struct sadb *db, uint64_t base_s, uint64_t now_s)
{
	n_events = 0;
	sadb_tick(db, base_s + now_s, note, events);
	return n_events;
}

static uint64_t
add(struct sadb *db, uint32_t n, struct sadb_lifetime life)
{
	struct sadb_sa_config config = rig_sa(n);
	struct sadb_sa_key key = rig_key(n);
	config.life = life;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	return sadb_sa_find(db, &key)->add_time_s;
}

static void
limits_since_the_add_come_at_their_second_and_once(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	uint64_t base_s = add(db, 1, (struct sadb_lifetime){.soft_add_s = 100, .hard_add_s = 120});
	assert_int_equal(tick(db, base_s, 99), 0);
	assert_int_equal(tick(db, base_s, 100), 1);
	assert_int_equal(events[0].kind, SADB_EXPIRE_SOFT);
	assert_int_equal(tick(db, base_s, 100), 0);
	assert_int_equal(tick(db, base_s, 119), 0);
	assert_int_equal(sadb_sa_count(db), 1);
	assert_int_equal(tick(db, base_s, 120), 1);
	assert_int_equal(events[0].kind, SADB_EXPIRE_HARD);
	assert_int_equal(sadb_sa_count(db), 0);
	assert_null(rig_lookup(db, 1));
	assert_int_equal(tick(db, base_s, 121), 0);
	sadb_destroy(db);
}

static void
a_late_tick_past_both_limits_reports_the_hard_one(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	uint64_t base_s = add(db, 1, (struct sadb_lifetime){.soft_add_s = 100, .hard_add_s = 120});
	assert_int_equal(tick(db, base_s, 500), 1);
	assert_int_equal(events[0].kind, SADB_EXPIRE_HARD);
	sadb_destroy(db);
}

static void
limits_since_the_first_use_start_with_it(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	uint64_t base_s = add(db, 1, (struct sadb_lifetime){.soft_use_s = 10, .hard_use_s = 20});
	for (uint64_t s = 0; s < 50; s++)
		assert_int_equal(tick(db, base_s, s), 0);
	sadb_sa_use(rig_lookup(db, 1), 1, 1, base_s + 50);
	sadb_sa_use(rig_lookup(db, 1), 1, 1, base_s + 55); /* the first counts */
	for (uint64_t s = 50; s < 60; s++)
		assert_int_equal(tick(db, base_s, s), 0);
	assert_int_equal(tick(db, base_s, 60), 1);
	assert_int_equal(events[0].kind, SADB_EXPIRE_SOFT);
	assert_int_equal(tick(db, base_s, 69), 0);
	assert_int_equal(tick(db, base_s, 70), 1);
	assert_int_equal(events[0].kind, SADB_EXPIRE_HARD);
	sadb_destroy(db);
}

static void
no_limit_never_comes(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	uint64_t base_s = add(db, 1, (struct sadb_lifetime){0});
	add(db, 2, (struct sadb_lifetime){.hard_add_s = SADB_INF, .soft_use_s = SADB_INF});
	assert_int_equal(sadb_sa_use(rig_lookup(db, 1), 1, 1, base_s), SADB_USE_OK);
	assert_int_equal(sadb_sa_use(rig_lookup(db, 2), 1, 1, base_s), SADB_USE_OK);
	assert_int_equal(tick(db, base_s, UINT32_MAX), 0);
	sadb_destroy(db);
}

static void
an_update_moves_the_limits(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	(void)state;
	uint64_t base_s = add(db, 1, (struct sadb_lifetime){.soft_add_s = 10, .hard_add_s = 20});
	assert_int_equal(tick(db, base_s, 10), 1);
	config.life = (struct sadb_lifetime){.soft_add_s = 30, .hard_add_s = 40};
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	rig_commit(db);
	rig_reclaim_all(db);
	assert_int_equal(tick(db, base_s, 29), 0);
	assert_int_equal(tick(db, base_s, 30), 1);
	assert_int_equal(events[0].kind, SADB_EXPIRE_SOFT);
	assert_int_equal(tick(db, base_s, 40), 1);
	assert_int_equal(events[0].kind, SADB_EXPIRE_HARD);
	sadb_destroy(db);
}

/* Deletes leave holes all over the heap; what stays must still come at its very second. */
static void
after_random_deletes_every_sa_expires_at_its_second(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	srand(6);
	for (unsigned round = 0; round < 30; round++) {
		uint64_t due_s[64], from_s = UINT64_MAX;
		for (uint32_t n = 0; n < 64; n++) {
			uint64_t limit_s = 100 + (uint64_t)rand() % 60;
			due_s[n] = add(db, n, (struct sadb_lifetime){.hard_add_s = limit_s}) + limit_s;
			from_s = due_s[n] < from_s ? due_s[n] : from_s;
		}
		for (unsigned i = 0; i < 24; i++) {
			uint32_t n = (uint32_t)rand() % 64;
			struct sadb_sa_key key = rig_key(n);
			if (sadb_sa_del(db, &key, &rig_err) == 0)
				due_s[n] = 0;
		}
		for (uint64_t now_s = from_s; sadb_sa_count(db) > 0; now_s++) {
			assert_true(now_s < from_s + 100);
			tick(db, now_s, 0);
			for (unsigned i = 0; i < n_events; i++)
				assert_int_equal(due_s[events[i].n], now_s);
		}
		rig_reclaim_all(db);
	}
	sadb_destroy(db);
}

static void
many_sas_expire_in_the_order_of_their_deadlines(void **state)
{
	struct sadb *db = rig_create(NULL);
	uint64_t base_s = 0;
	uint32_t gone = 0;
	(void)state;
	for (uint32_t n = 0; n < 64; n++)
		base_s = add(db, n, (struct sadb_lifetime){.hard_add_s = 100 + (n * 37) % 64});
	for (uint32_t n = 0; n < 64; n += 5) { /* holes in the heap */
		struct sadb_sa_key key = rig_key(n);
		assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
		gone++;
	}
	for (uint64_t s = 99; s < 170; s++) {
		tick(db, base_s, s);
		for (unsigned i = 0; i < n_events; i++) {
			uint64_t due = 100 + (events[i].n * 37) % 64;
			assert_true(due == s || due == s - 1); /* a second may have passed while they were added */
			assert_true(events[i].n % 5 != 0);
			gone++;
		}
	}
	assert_int_equal(gone, 64);
	assert_int_equal(sadb_sa_count(db), 0);
	sadb_destroy(db);
}

/* What the daemon does with an event may change the SA it is about. */
static void
delete_and_add_again(void *arg, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	struct sadb *db = arg;
	struct sadb_sa_key key = sadb_sa_key_make(&sa->config.dst, sa->config.spi_be, sa->config.proto);
	struct sadb_sa_config config = rig_sa(1);
	(void)kind;
	n_events++;
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
}

static void
the_callback_may_replace_the_sa(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	uint64_t base_s = add(db, 1, (struct sadb_lifetime){.soft_add_s = 10, .hard_add_s = 20});
	n_events = 0;
	sadb_tick(db, base_s + 10, delete_and_add_again, db);
	assert_int_equal(n_events, 1);
	assert_int_equal(sadb_sa_count(db), 1);
	sadb_tick(db, base_s + 100, delete_and_add_again, db);
	assert_int_equal(n_events, 1); /* the new one has no limits */
	add(db, 2, (struct sadb_lifetime){.hard_add_s = 20});
	sadb_sa_flush(db, 0);
	base_s = add(db, 1, (struct sadb_lifetime){.hard_add_s = 20});
	sadb_tick(db, base_s + 20, delete_and_add_again, db);
	assert_int_equal(n_events, 2);
	assert_int_equal(sadb_sa_count(db), 1);
	sadb_destroy(db);
}

/* ---- bytes and packets ---- */

static void
packets_pass_up_to_the_hard_limit_and_no_further(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	add(db, 1, (struct sadb_lifetime){.soft_packets = 5, .hard_packets = 10});
	struct sadb_sa *sa = rig_lookup(db, 1);
	assert_int_equal(sadb_sa_use(sa, 4, 1, 1000), SADB_USE_OK);
	assert_int_equal(sadb_sa_use(sa, 1, 1, 1001), SADB_USE_SOFT);
	assert_int_equal(sadb_sa_use(sa, 5, 1, 1002), SADB_USE_OK); /* soft comes once; exactly at the limit */
	assert_false(sadb_sa_stopped(sa));
	assert_int_equal(sadb_sa_use(sa, 1, 1, 1003), SADB_USE_STOPPED | SADB_USE_HARD);
	assert_true(sadb_sa_stopped(sa));
	assert_int_equal(sadb_sa_use(sa, 1, 1, 1003), SADB_USE_STOPPED);
	assert_int_equal(sa->mut->packets, 10); /* what passed */
	assert_int_equal(sa->mut->bytes, 3);
	assert_int_equal(sa->mut->first_use_s, 1000);
	assert_int_equal(sa->mut->last_use_s, 1002);
	sadb_destroy(db);
}

static void
bytes_pass_up_to_the_hard_limit_and_no_further(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	add(db, 1, (struct sadb_lifetime){.soft_bytes = 1000, .hard_bytes = 1500});
	struct sadb_sa *sa = rig_lookup(db, 1);
	assert_int_equal(sadb_sa_use(sa, 1, 999, 1), SADB_USE_OK);
	assert_int_equal(sadb_sa_use(sa, 1, 501, 1), SADB_USE_SOFT);
	assert_int_equal(sadb_sa_use(sa, 1, 1, 1), SADB_USE_STOPPED | SADB_USE_HARD);
	sadb_destroy(db);
}

static void
a_dead_sa_stops_its_last_users(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_key key = rig_key(1);
	(void)state;
	add(db, 1, (struct sadb_lifetime){0});
	struct sadb_sa *sa = rig_lookup(db, 1);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	assert_int_equal(sadb_sa_use(sa, 1, 1, 1), SADB_USE_STOPPED);
	sadb_destroy(db);
}

static void
an_expiry_seen_by_a_worker_is_reported_and_a_hard_one_deletes(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_key key = rig_key(1);
	(void)state;
	add(db, 1, (struct sadb_lifetime){0});
	n_events = 0;
	struct sadb_sa_mut *mut = rig_lookup(db, 1)->mut;
	mut->state = SADB_SA_SOFT; /* as the worker that reports leaves it */
	assert_int_equal(sadb_sa_expire(db, &key, SADB_EXPIRE_SOFT, note, events), 0);
	assert_int_equal(n_events, 1);
	assert_int_equal(sadb_sa_count(db), 1);
	mut->state |= SADB_SA_HARD;
	assert_int_equal(sadb_sa_expire(db, &key, SADB_EXPIRE_HARD, note, events), 0);
	assert_int_equal(events[1].kind, SADB_EXPIRE_HARD);
	assert_int_equal(sadb_sa_count(db), 0);
	assert_int_equal(sadb_sa_expire(db, &key, SADB_EXPIRE_HARD, note, events), -ESRCH);
	assert_int_equal(n_events, 2);
	sadb_destroy(db);
}

static void
a_report_about_an_sa_that_was_replaced_does_not_hit_its_successor(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_key key = rig_key(1);
	(void)state;
	add(db, 1, (struct sadb_lifetime){0});
	rig_lookup(db, 1)->mut->state = SADB_SA_SOFT | SADB_SA_HARD;
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	struct sadb_sa_config next = rig_sa(1);
	next.key[5] ^= 1;
	assert_int_equal(sadb_sa_add(db, &next, &rig_err), 0);
	rig_commit(db);
	n_events = 0;
	assert_int_equal(sadb_sa_expire(db, &key, SADB_EXPIRE_SOFT, note, events), -ESRCH);
	assert_int_equal(sadb_sa_expire(db, &key, SADB_EXPIRE_HARD, note, events), -ESRCH);
	assert_int_equal(n_events, 0);
	assert_int_equal(sadb_sa_count(db), 1);
	sadb_destroy(db);
}

/* RFC 4303 3.3.3: the counter never cycles. First a soft limit is reported, once, though another one was before; then
 * the SA ends with a hard one. */
static void
an_sa_that_runs_out_of_numbers_is_reported_and_ends(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	uint64_t first;
	(void)state;
	config.out_seq = UINT32_MAX - UINT32_MAX / 16 - 2;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	struct sadb_sa_mut *mut = rig_lookup(db, 1)->mut;
	mut->state = SADB_SA_SOFT;
	n_events = 0;
	sadb_tick(db, 1, note, events);
	assert_int_equal(n_events, 0);
	assert_int_equal(sadb_sa_seq_take(mut, 8, &first), 8);
	sadb_tick(db, 2, note, events);
	sadb_tick(db, 3, note, events);
	assert_int_equal(n_events, 1);
	assert_int_equal(events[0].kind, SADB_EXPIRE_SOFT);
	mut->out_seq = UINT32_MAX;
	sadb_tick(db, 4, note, events);
	assert_int_equal(n_events, 2);
	assert_int_equal(events[1].kind, SADB_EXPIRE_HARD);
	assert_int_equal(sadb_sa_count(db), 0);
	sadb_destroy(db);
}

static void
a_soft_limit_is_reported_again_only_when_the_limits_change(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	(void)state;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	struct sadb_sa_mut *mut = rig_lookup(db, 1)->mut;
	mut->state = SADB_SA_SOFT;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	assert_int_equal(mut->state & SADB_SA_SOFT, SADB_SA_SOFT);
	config.life.soft_packets = 12345;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	assert_int_equal(mut->state & SADB_SA_SOFT, 0);
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(limits_since_the_add_come_at_their_second_and_once),
	    cmocka_unit_test(a_late_tick_past_both_limits_reports_the_hard_one),
	    cmocka_unit_test(limits_since_the_first_use_start_with_it),
	    cmocka_unit_test(no_limit_never_comes),
	    cmocka_unit_test(an_update_moves_the_limits),
	    cmocka_unit_test(many_sas_expire_in_the_order_of_their_deadlines),
	    cmocka_unit_test(after_random_deletes_every_sa_expires_at_its_second),
	    cmocka_unit_test(the_callback_may_replace_the_sa),
	    cmocka_unit_test(packets_pass_up_to_the_hard_limit_and_no_further),
	    cmocka_unit_test(bytes_pass_up_to_the_hard_limit_and_no_further),
	    cmocka_unit_test(a_dead_sa_stops_its_last_users),
	    cmocka_unit_test(an_expiry_seen_by_a_worker_is_reported_and_a_hard_one_deletes),
	    cmocka_unit_test(a_report_about_an_sa_that_was_replaced_does_not_hit_its_successor),
	    cmocka_unit_test(an_sa_that_runs_out_of_numbers_is_reported_and_ends),
	    cmocka_unit_test(a_soft_limit_is_reported_again_only_when_the_limits_change),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
