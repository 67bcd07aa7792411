/* SPDX-License-Identifier: BSD-3-Clause
 * Policies added, replaced, deleted, shown; and when workers see it. */
#include "tests/unit/sa-db/rig.h"

#include <stdio.h>

#include "tests/unit/eal.h"

static uint32_t
add(struct sadb *db, struct sadb_policy_config config)
{
	if (sadb_policy_add(db, &config, false, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	return config.index;
}

static uint32_t
found_index(struct sadb *db, const char *dst)
{
	struct sadb_flow_v4 flow = rig_flow("10.0.0.1", dst, IPPROTO_UDP, 1, 2);
	struct sadb_policy *policy = rig_find(db, &flow);
	return policy == NULL ? 0 : policy->match.index;
}

static void
the_lowest_priority_value_wins_and_of_equals_the_older(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	uint32_t wide = add(db, rig_policy("10.0.0.0/8", 100, 1));
	uint32_t late = add(db, rig_policy("10.1.0.0/16", 100, 1));
	uint32_t first = add(db, rig_policy("10.1.1.0/24", 50, 1));
	uint32_t last = add(db, rig_policy("0.0.0.0/0", 4000000000u, 1));
	assert_int_equal(found_index(db, "10.1.1.1"), 0); /* staged only */
	rig_commit(db);
	assert_int_equal(found_index(db, "10.1.1.1"), first);
	assert_int_equal(found_index(db, "10.1.2.1"), wide); /* of equals the older, not the longer */
	assert_int_not_equal(found_index(db, "10.1.2.1"), late);
	assert_int_equal(found_index(db, "11.0.0.1"), last);
	sadb_destroy(db);
}

static void
a_policy_is_added_once_and_then_only_replaced(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config config = rig_policy("10.0.0.0/8", 100, 1), other;
	(void)state;
	uint32_t index = add(db, config);
	assert_int_equal(index & 7, SADB_POLICY_OUT);
	config.index = 0;
	config.sel.dst = rig_prefix("10.9.9.9/8"); /* the same selector, written otherwise */
	assert_int_equal(sadb_policy_add(db, &config, false, &rig_err), -EEXIST);
	config.action = SADB_DROP;
	assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0);
	assert_int_equal(config.index, index);
	assert_int_equal(sadb_policy_count(db, SADB_POLICY_OUT), 1);
	other = rig_policy("10.0.0.0/8", 100, 1);
	other.dir = SADB_POLICY_FWD; /* its own domain */
	assert_int_equal(sadb_policy_add(db, &other, false, &rig_err), 0);
	assert_int_equal(sadb_policy_count(db, SADB_POLICY_FWD), 1);
	sadb_destroy(db);
}

static void
a_replacement_in_place_is_seen_at_the_commit_and_keeps_the_order(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config config = rig_policy("10.1.0.0/16", 100, 1);
	struct sadb_flow_v4 flow = rig_flow("10.0.0.1", "10.1.2.3", IPPROTO_UDP, 1, 2);
	(void)state;
	uint32_t index = add(db, config);
	add(db, rig_policy("10.0.0.0/8", 100, 2));
	rig_commit(db);
	const struct sadb_spd *spd = sadb_vnet_spd(sadb_vnet_find(db, 1), SADB_POLICY_OUT);
	for (uint32_t reqid = 11; reqid < 14; reqid++) { /* thrice before one commit */
		config.tmpl.reqid = reqid;
		config.index = 0;
		assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0);
	}
	assert_int_equal(rig_find(db, &flow)->tmpl.reqid, 1);
	rig_commit(db);
	assert_ptr_equal(sadb_vnet_spd(sadb_vnet_find(db, 1), SADB_POLICY_OUT), spd); /* no new table */
	assert_int_equal(rig_find(db, &flow)->tmpl.reqid, 13);
	assert_int_equal(rig_find(db, &flow)->match.index, index);
	rig_reclaim_all(db);
	assert_int_equal(rig_find(db, &flow)->tmpl.reqid, 13);

	config.priority = 200; /* another place in the order: behind the wide one */
	assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(rig_find(db, &flow)->tmpl.reqid, 2);
	sadb_destroy(db);
}

static void
a_replacement_keeps_its_age_when_the_table_is_built_anew(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config config = rig_policy("10.1.0.0/16", 100, 1);
	(void)state;
	uint32_t index = add(db, config);
	add(db, rig_policy("10.0.0.0/8", 100, 2)); /* as good a match, but younger */
	rig_commit(db);
	config.tmpl.reqid = 3;
	assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0);
	add(db, rig_policy("172.16.0.0/12", 1, 4)); /* a new table */
	rig_commit(db);
	assert_int_equal(found_index(db, "10.1.2.3"), index);
	sadb_destroy(db);
}

static void
a_replacement_before_the_first_commit_is_seen_with_it(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config config = rig_policy("10.1.0.0/16", 100, 1);
	struct sadb_flow_v4 flow = rig_flow("10.0.0.1", "10.1.2.3", IPPROTO_UDP, 1, 2);
	(void)state;
	add(db, config);
	config.tmpl.reqid = 5;
	assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(rig_find(db, &flow)->tmpl.reqid, 5);
	config.tmpl.reqid = 6;
	config.index = 0;
	assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0);
	assert_int_equal(sadb_policy_del(db, &config, NULL, &rig_err), 0); /* replaced and deleted in one go */
	rig_commit(db);
	assert_null(rig_find(db, &flow));
	sadb_destroy(db);
}

static void
a_policy_is_deleted_by_index_or_by_selector(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config which = {0}, out, one = rig_policy("10.1.0.0/16", 1, 1),
				  two = rig_policy("10.2.0.0/16", 2, 2);
	(void)state;
	uint32_t first = add(db, one);
	uint32_t second = add(db, two);
	rig_commit(db);
	which.index = first;
	assert_int_equal(sadb_policy_del(db, &which, &out, &rig_err), 0);
	assert_int_equal(out.tmpl.reqid, 1);
	assert_int_equal(sadb_policy_del(db, &which, &out, &rig_err), -ENOENT);
	assert_int_equal(found_index(db, "10.1.0.1"), first); /* until the commit */
	rig_commit(db);
	assert_int_equal(found_index(db, "10.1.0.1"), 0);
	assert_int_equal(found_index(db, "10.2.0.1"), second);
	assert_int_equal(sadb_policy_del(db, &two, &out, &rig_err), 0);
	assert_int_equal(out.index, second);
	rig_commit(db);
	assert_int_equal(found_index(db, "10.2.0.1"), 0);
	assert_null(sadb_vnet_spd(sadb_vnet_find(db, 1), SADB_POLICY_OUT));
	sadb_destroy(db);
}

static void
a_flush_leaves_none(void **state)
{
	struct sadb *db = rig_create(NULL);
	uint32_t slot = 0;
	struct sadb_policy_info info;
	(void)state;
	add(db, rig_policy("10.1.0.0/16", 1, 1));
	add(db, rig_policy("10.2.0.0/16", 2, 2));
	rig_commit(db);
	assert_int_equal(sadb_policy_flush(db), 2);
	rig_commit(db);
	assert_int_equal(found_index(db, "10.1.0.1"), 0);
	assert_false(sadb_policy_at(db, &slot, &info));
	assert_int_equal(sadb_policy_count(db, SADB_POLICY_OUT), 0);
	sadb_destroy(db);
}

static void
a_dump_goes_by_index_and_survives_deletes(void **state)
{
	struct sadb *db = rig_create(NULL);
	uint32_t slot = 0, last = 0;
	unsigned seen = 0;
	struct sadb_policy_info info;
	char dst[32];
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(dst, sizeof(dst), "10.%u.0.0/16", 20 - i);
		add(db, rig_policy(dst, i, i));
	}
	struct sadb_policy_config chosen = rig_policy("172.16.0.0/12", 1, 99);
	chosen.index = 0x7ffffff1;
	assert_int_equal(add(db, chosen), 0x7ffffff1);
	while (sadb_policy_at(db, &slot, &info)) {
		assert_true(info.config.index > last);
		last = info.config.index;
		if (seen++ % 2 == 0)
			assert_int_equal(sadb_policy_del(db, &info.config, NULL, &rig_err), 0);
	}
	assert_int_equal(seen, 21);
	assert_int_equal(last, 0x7ffffff1);
	sadb_destroy(db);
}

typedef void (*spoil_fn)(struct sadb_policy_config *config);

static void
spoil_dir(struct sadb_policy_config *c)
{
	c->dir = 3;
}
static void
spoil_action(struct sadb_policy_config *c)
{
	c->action = 3;
}
static void
spoil_index(struct sadb_policy_config *c)
{
	c->index = 8 | SADB_POLICY_IN;
}
static void
spoil_vnet(struct sadb_policy_config *c)
{
	c->vnet_id = 9;
}
static void
spoil_proto(struct sadb_policy_config *c)
{
	c->tmpl.proto = IPPROTO_AH;
}
static void
spoil_mode(struct sadb_policy_config *c)
{
	c->tmpl.mode = XFRM_MODE_BEET;
}
static void
spoil_len(struct sadb_policy_config *c)
{
	c->sel.dst.len = 33;
}
static void
spoil_mix(struct sadb_policy_config *c)
{
	c->sel.dst = rig_prefix("::/0");
}
static void
spoil_tmpl(struct sadb_policy_config *c)
{
	c->tmpl.dst.family = AF_INET6;
}

static void
what_is_no_sound_policy_is_refused_with_a_reason(void **state)
{
	static const struct {
		spoil_fn spoil;
		int rc;
		uint16_t attr;
	} cases[] = {
	    {spoil_dir, -EINVAL, 0},
	    {spoil_action, -EINVAL, 0},
	    {spoil_index, -EINVAL, 0},
	    {spoil_vnet, -ENODEV, XFRMA_IF_ID},
	    {spoil_proto, -EINVAL, XFRMA_TMPL},
	    {spoil_mode, -EINVAL, XFRMA_TMPL},
	    {spoil_len, -EINVAL, 0},
	    {spoil_mix, -EINVAL, 0},
	    {spoil_tmpl, -EAFNOSUPPORT, XFRMA_TMPL},
	};
	struct sadb *db = rig_create(NULL);
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_policy_config config = rig_policy("10.0.0.0/8", 1, 1);
		struct sadb_error err = {{0}, 0};
		cases[i].spoil(&config);
		assert_int_equal(sadb_policy_add(db, &config, false, &err), cases[i].rc);
		assert_int_equal(err.attr, cases[i].attr);
		assert_true(strlen(err.text) > 10);
	}
	assert_int_equal(sadb_policy_count(db, SADB_POLICY_OUT), 0);
	sadb_destroy(db);
}

static void
an_index_belongs_to_one_policy(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config one = rig_policy("10.1.0.0/16", 1, 1), two = rig_policy("10.2.0.0/16", 1, 1);
	(void)state;
	one.index = 17;
	assert_int_equal(sadb_policy_add(db, &one, false, &rig_err), 0);
	two.index = 17;
	assert_int_equal(sadb_policy_add(db, &two, true, &rig_err), -EEXIST);
	one.index = 25;
	assert_int_equal(sadb_policy_add(db, &one, true, &rig_err), -EINVAL);
	two.index = 0;
	for (unsigned i = 0; i < 8; i++) { /* what the database chooses goes round what is taken */
		two.index = 0;
		two.sel.sport_be = (rte_be16_t)i;
		two.sel.sport_mask_be = 0xffff;
		assert_int_equal(sadb_policy_add(db, &two, false, &rig_err), 0);
		assert_int_not_equal(two.index, 17);
	}
	sadb_destroy(db);
}

static void
the_table_takes_as_many_as_configured(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config config = rig_policy("10.0.0.0/8", 1, 1);
	(void)state;
	for (unsigned i = 0; i <= 64; i++) {
		config.index = 0;
		config.sel.proto = (uint8_t)(i + 1);
		assert_int_equal(sadb_policy_add(db, &config, false, &rig_err), i < 64 ? 0 : -ENOSPC);
	}
	config.sel.proto = 5;
	config.index = 0;
	assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0); /* replacing needs no room */
	sadb_destroy(db);
}

static void
workers_marks_are_shown_and_cleared(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_flow_v4 flow = rig_flow("10.0.0.1", "10.1.2.3", IPPROTO_UDP, 1, 2);
	struct sadb_policy_config which = {.index = add(db, rig_policy("10.0.0.0/8", 1, 7))};
	struct sadb_policy_info info;
	(void)state;
	rig_commit(db);
	struct sadb_policy *policy = rig_find(db, &flow);
	policy->last_use_s = 12345;
	policy->acquiring = 1;
	assert_int_equal(sadb_policy_get(db, &which, &info), 0);
	assert_int_equal(info.use_time_s, 12345);
	assert_int_equal(info.sa_spi_be, 0);
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(sadb_policy_get(db, &which, &info), 0);
	assert_int_equal(info.sa_spi_be, rig_key(1).spi_be);
	sadb_policy_acquired(db, which.index);
	assert_int_equal(policy->acquiring, 0);
	which.index = 8 | SADB_POLICY_OUT << 20;
	assert_int_equal(sadb_policy_get(db, &which, &info), -ENOENT);
	sadb_destroy(db);
}

/* A worker that holds the old table may go on with it. */
static void
old_tables_and_policies_wait_for_the_workers(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct rte_rcu_qsbr *qsbr = sadb_qsbr(db);
	struct sadb_flow_v4 flow = rig_flow("10.0.0.1", "10.1.2.3", IPPROTO_UDP, 1, 2);
	(void)state;
	add(db, rig_policy("10.0.0.0/8", 1, 7));
	rig_commit(db);
	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	struct sadb_policy *policy = rig_find(db, &flow);
	sadb_policy_flush(db);
	rig_commit(db);
	assert_true(sadb_reclaim(db) >= 2);
	assert_int_equal(policy->match.priority, 1); /* under ASan: not freed */
	rte_rcu_qsbr_quiescent(qsbr, 0);
	rig_reclaim_all(db);
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_lowest_priority_value_wins_and_of_equals_the_older),
	    cmocka_unit_test(a_policy_is_added_once_and_then_only_replaced),
	    cmocka_unit_test(a_replacement_in_place_is_seen_at_the_commit_and_keeps_the_order),
	    cmocka_unit_test(a_replacement_before_the_first_commit_is_seen_with_it),
	    cmocka_unit_test(a_replacement_keeps_its_age_when_the_table_is_built_anew),
	    cmocka_unit_test(a_policy_is_deleted_by_index_or_by_selector),
	    cmocka_unit_test(a_flush_leaves_none),
	    cmocka_unit_test(a_dump_goes_by_index_and_survives_deletes),
	    cmocka_unit_test(what_is_no_sound_policy_is_refused_with_a_reason),
	    cmocka_unit_test(an_index_belongs_to_one_policy),
	    cmocka_unit_test(the_table_takes_as_many_as_configured),
	    cmocka_unit_test(workers_marks_are_shown_and_cleared),
	    cmocka_unit_test(old_tables_and_policies_wait_for_the_workers),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
