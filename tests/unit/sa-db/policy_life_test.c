/* SPDX-License-Identifier: BSD-3-Clause
 * Policies that end by their age or because nothing used them. */
#include "tests/unit/sa-db/rig.h"

#include <stdio.h>

#include "tests/unit/eal.h"

#define MAX_EVENTS 16

static struct event {
	uint32_t index;
	enum sadb_expire_kind kind;
} events[MAX_EVENTS];
static unsigned n_events;

static void
note(void *arg, const struct sadb_policy_info *policy, enum sadb_expire_kind kind)
{
	assert_ptr_equal(arg, events);
	assert_true(n_events < MAX_EVENTS);
	events[n_events++] = (struct event){.index = policy->config.index, .kind = kind};
}

static uint64_t base_s; /* when the policy was added */

/* now_s: since the add. */
static unsigned
tick(struct sadb *db, uint64_t now_s)
{
	n_events = 0;
	sadb_policies_tick(db, base_s + now_s, note, events);
	rig_commit(db);
	return n_events;
}

static uint32_t
add(struct sadb *db, const char *dst, struct sadb_lifetime life)
{
	struct sadb_policy_config config = rig_policy(dst, 100, 1);
	struct sadb_policy_info info;

	config.life = life;
	if (sadb_policy_add(db, &config, false, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	rig_commit(db);
	assert_int_equal(sadb_policy_get(db, &config, &info), 0);
	assert_memory_equal(&info.config.life, &life, sizeof(life));
	base_s = info.add_time_s;
	return config.index;
}

static struct sadb_policy *
found(struct sadb *db, const char *dst)
{
	struct sadb_flow_v4 flow = rig_flow("10.0.0.1", dst, IPPROTO_UDP, 1, 2);
	return rig_find(db, &flow);
}

static void
a_hard_limit_ends_the_policy_at_its_second(void **state)
{
	struct sadb *db = rig_create(NULL);
	uint32_t index = add(db, "10.1.0.0/16", (struct sadb_lifetime){.hard_add_s = 100});

	(void)state;
	assert_int_equal(tick(db, 99), 0);
	assert_non_null(found(db, "10.1.0.1"));
	assert_int_equal(tick(db, 100), 1);
	assert_true(events[0].index == index && events[0].kind == SADB_EXPIRE_HARD);
	assert_null(found(db, "10.1.0.1"));
	assert_int_equal(sadb_policy_count(db, SADB_POLICY_OUT), 0);
	assert_int_equal(tick(db, 1000), 0);
	sadb_destroy(db);
}

/* What it protected meets the next policy, or none, and what meets none is dropped. */
static void
what_a_policy_protected_meets_the_next_one_when_it_ended(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config block = rig_policy("10.0.0.0/8", 200, 0);

	(void)state;
	block.action = SADB_DROP;
	assert_int_equal(sadb_policy_add(db, &block, false, &rig_err), 0);
	add(db, "10.1.0.0/16", (struct sadb_lifetime){.hard_add_s = 1});
	assert_int_equal(found(db, "10.1.0.1")->action, SADB_PROTECT);
	assert_int_equal(tick(db, 1), 1);
	assert_int_equal(found(db, "10.1.0.1")->action, SADB_DROP);
	assert_null(found(db, "11.0.0.1"));
	sadb_destroy(db);
}

static void
a_soft_limit_is_told_every_30_seconds(void **state)
{
	static const struct {
		uint64_t now_s;
		unsigned events;
	} table[] = {{49, 0}, {50, 1}, {50, 0}, {79, 0}, {80, 1}, {109, 0}, {110, 1}, {170, 1}, {199, 0}, {200, 1}};
	struct sadb *db = rig_create(NULL);

	(void)state;
	add(db, "10.1.0.0/16", (struct sadb_lifetime){.soft_add_s = 50});
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (tick(db, table[i].now_s) != table[i].events)
			fail_msg("at %lu: %u events", table[i].now_s, n_events);
		if (n_events > 0)
			assert_int_equal(events[0].kind, SADB_EXPIRE_SOFT);
	}
	assert_int_equal(sadb_policy_count(db, SADB_POLICY_OUT), 1);
	sadb_destroy(db);
}

static void
use_keeps_a_policy_alive(void **state)
{
	struct sadb *db = rig_create(NULL);

	(void)state;
	add(db, "10.1.0.0/16", (struct sadb_lifetime){.hard_use_s = 100});
	assert_int_equal(tick(db, 99), 0);
	found(db, "10.1.0.1")->last_use_s = (uint32_t)(base_s + 60); /* as a worker does */
	assert_int_equal(tick(db, 100), 0);
	assert_int_equal(tick(db, 159), 0);
	assert_int_equal(tick(db, 160), 1);
	assert_int_equal(events[0].kind, SADB_EXPIRE_HARD);
	sadb_destroy(db);
}

static void
a_replaced_policy_begins_anew_and_a_deleted_one_is_not_told(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config config = rig_policy("10.1.0.0/16", 100, 1);

	(void)state;
	add(db, "10.1.0.0/16", (struct sadb_lifetime){.hard_add_s = 100});
	config.life.hard_add_s = 500;
	assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0);
	assert_int_equal(tick(db, 499), 0);
	config.life.hard_add_s = 0;
	config.index = 0;
	assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0);
	assert_int_equal(tick(db, 10000), 0);
	config.life.hard_add_s = 1;
	assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0);
	assert_int_equal(sadb_policy_del(db, &config, NULL, &rig_err), 0);
	assert_int_equal(tick(db, 10000), 0);
	sadb_destroy(db);
}

static void
limits_that_never_come_end_nothing(void **state)
{
	static const struct sadb_lifetime table[] = {
	    {.soft_bytes = 1, .hard_bytes = 1, .soft_packets = 1, .hard_packets = 1}, /* kept, and not heeded */
	    {.hard_add_s = UINT64_MAX, .hard_use_s = UINT64_MAX, .soft_add_s = UINT64_MAX},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sadb *db = rig_create(NULL);
		add(db, "10.1.0.0/16", table[i]);
		assert_int_equal(tick(db, UINT32_MAX), 0);
		sadb_destroy(db);
	}
}

static void
many_policies_end_each_at_its_own_time(void **state)
{
	struct sadb *db = rig_create(NULL);
	uint32_t index[8];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		char dst[32];
		snprintf(dst, sizeof(dst), "10.%u.0.0/16", i);
		index[i] = add(db, dst, (struct sadb_lifetime){.hard_add_s = 10 + (i * 3) % 8});
	}
	for (unsigned second = 0; second < 8; second++) {
		assert_int_equal(tick(db, 10 + second), 1);
		for (unsigned i = 0; i < 8; i++)
			if ((i * 3) % 8 == second)
				assert_int_equal(events[0].index, index[i]);
	}
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hard_limit_ends_the_policy_at_its_second),
	    cmocka_unit_test(what_a_policy_protected_meets_the_next_one_when_it_ended),
	    cmocka_unit_test(a_soft_limit_is_told_every_30_seconds),
	    cmocka_unit_test(use_keeps_a_policy_alive),
	    cmocka_unit_test(a_replaced_policy_begins_anew_and_a_deleted_one_is_not_told),
	    cmocka_unit_test(limits_that_never_come_end_nothing),
	    cmocka_unit_test(many_policies_end_each_at_its_own_time),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
