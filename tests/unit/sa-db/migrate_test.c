/* SPDX-License-Identifier: BSD-3-Clause
 * A tunnel that moves: its policy, its SAs, and no number of them twice. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

static struct sadb_addr
addr(const char *text)
{
	struct sadb_addr out;
	assert_int_equal(sadb_addr_parse(text, &out), 0);
	return out;
}

/* rig_sa()'s tunnel to a new pair of addresses. */
static struct sadb_migration
change(const char *src, const char *dst)
{
	return (struct sadb_migration){.old_src = addr("192.0.2.1"),
				       .old_dst = addr("192.0.2.2"),
				       .new_src = addr(src),
				       .new_dst = addr(dst),
				       .reqid = 7,
				       .proto = IPPROTO_ESP,
				       .mode = XFRM_MODE_TUNNEL};
}

static struct sadb *
create(struct sadb_policy_config *policy)
{
	struct sadb *db = rig_create(NULL);

	*policy = rig_policy("10.1.0.0/16", 100, 7);
	assert_int_equal(sadb_policy_add(db, policy, false, &rig_err), 0);
	rig_add(db, 1);
	rig_commit(db);
	return db;
}

static struct sadb_sa *
lookup_at(struct sadb *db, uint32_t n, const char *dst)
{
	const struct sadb_addr to = addr(dst);
	const struct sadb_sa_key key = sadb_sa_key_make(&to, rte_cpu_to_be_32(0x1000 + n), IPPROTO_ESP);
	const struct sadb_sa_key *keys[1] = {&key};
	struct sadb_sa *out[1];
	sadb_sa_lookup(db, keys, 1, out);
	return out[0];
}

static struct sadb_policy *
found(struct sadb *db)
{
	struct sadb_flow_v4 flow = rig_flow("10.0.0.1", "10.1.0.1", IPPROTO_UDP, 1, 2);
	return rig_find(db, &flow);
}

static int
migrate(struct sadb *db, const struct sadb_policy_config *policy, const struct sadb_migration *one)
{
	int rc = sadb_migrate(db, policy, one, 1, &rig_err);
	rig_commit(db);
	return rc;
}

static void
an_sa_that_moved_goes_on_counting(void **state)
{
	struct sadb_policy_config policy;
	struct sadb *db = create(&policy);
	const struct sadb_migration one = change("198.51.100.1", "203.0.113.2");
	const struct rig_area *area;

	(void)state;
	struct sadb_sa *old = rig_lookup(db, 1);
	assert_int_equal(rig_take(old, 10), 1);
	sadb_sa_use(old, 10, 1000, 5);
	assert_int_equal(migrate(db, &policy, &one), 0);
	assert_null(rig_lookup(db, 1));
	struct sadb_sa *sa = lookup_at(db, 1, "203.0.113.2");
	assert_non_null(sa);
	assert_true(sa->src_v4_be == sadb_addr_to_v4(&one.new_src) && sa->dst_v4_be == sadb_addr_to_v4(&one.new_dst));
	assert_int_equal(rig_take(sa, 1), 11);
	assert_int_equal(rig_take(old, 1), 12); /* a late worker */
	assert_int_equal(rig_take(sa, 1), 13);
	assert_true(sa->mut->bytes == 1000);
	area = (const void *)sa->key_area;
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 1); /* one key, whichever part had it */
	assert_int_equal(area->alive, RIG_ALIVE);
	assert_int_equal(area->key_bytes, 32);
	assert_memory_equal(sa->salt, ((const uint8_t[]){1, 2, 3, 4}), 4);
	assert_int_equal(sadb_sa_count(db), 1);
	sadb_destroy(db);
	assert_int_equal(rig_areas, 0);
}

static void
the_policy_of_a_tunnel_that_moved_uses_its_sa(void **state)
{
	struct sadb_policy_config policy;
	struct sadb *db = create(&policy);
	const struct sadb_migration one = change("198.51.100.1", "203.0.113.2");
	struct sadb_policy_info before, after;

	(void)state;
	assert_ptr_equal(sadb_policy_sa(found(db)), rig_lookup(db, 1));
	policy.life.hard_add_s = 1000;
	assert_int_equal(sadb_policy_add(db, &policy, true, &rig_err), 0);
	rig_commit(db);
	found(db)->last_use_s = 77; /* as a worker does */
	assert_int_equal(sadb_policy_get(db, &policy, &before), 0);
	assert_int_equal(migrate(db, &policy, &one), 0);
	assert_ptr_equal(sadb_policy_sa(found(db)), lookup_at(db, 1, "203.0.113.2"));
	assert_int_equal(sadb_policy_get(db, &policy, &after), 0);
	assert_true(sadb_addr_equal(&after.config.tmpl.src, &one.new_src));
	assert_true(sadb_addr_equal(&after.config.tmpl.dst, &one.new_dst));
	assert_true(after.config.index == before.config.index && after.config.priority == before.config.priority);
	assert_true(after.config.tmpl.reqid == 7 && sadb_selector_equal(&after.config.sel, &before.config.sel));
	assert_true(after.add_time_s == before.add_time_s && after.use_time_s == 77);
	assert_int_equal(after.config.life.hard_add_s, 1000);
	sadb_destroy(db);
}

static void
a_window_that_moved_has_seen_what_it_saw(void **state)
{
	struct sadb_policy_config policy;
	struct sadb *db = rig_create(NULL);
	const struct sadb_migration one = change("198.51.100.1", "203.0.113.2");
	struct sadb_sa_config config = rig_sa(1);
	enum sadb_replay_verdict verdict[3];
	uint64_t seq[3] = {1, 2, 50};

	(void)state;
	policy = rig_policy("10.1.0.0/16", 100, 7);
	policy.dir = SADB_POLICY_IN;
	assert_int_equal(sadb_policy_add(db, &policy, false, &rig_err), 0);
	config.dir = SADB_DIR_IN;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(sadb_replay_commit(rig_lookup(db, 1)->replay, seq, 3, verdict), 3);
	assert_int_equal(migrate(db, &policy, &one), 0);
	struct sadb_sa *sa = lookup_at(db, 1, "203.0.113.2");
	assert_non_null(sa);
	assert_int_equal(sa->dir, SADB_DIR_IN);
	assert_int_equal(sadb_replay_commit(sa->replay, seq, 3, verdict), 0);
	seq[0] = 3;
	assert_int_equal(sadb_replay_commit(sa->replay, seq, 1, verdict), 1);
	sadb_destroy(db);
}

static void
every_sa_of_the_tunnel_moves_and_no_other(void **state)
{
	struct sadb_policy_config policy;
	struct sadb *db = create(&policy);
	struct sadb_sa_config other = rig_sa(3);
	const struct sadb_migration one = change("192.0.2.1", "203.0.113.2");

	(void)state;
	rig_add(db, 2); /* in a rekey there are two */
	other.reqid = 8;
	assert_int_equal(sadb_sa_add(db, &other, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(migrate(db, &policy, &one), 0);
	assert_non_null(lookup_at(db, 1, "203.0.113.2"));
	assert_non_null(lookup_at(db, 2, "203.0.113.2"));
	assert_null(lookup_at(db, 3, "203.0.113.2"));
	assert_non_null(rig_lookup(db, 3));
	assert_int_equal(sadb_sa_count(db), 3);
	sadb_destroy(db);
}

/* Two networks between the same gateways: the outer addresses are the same, and without a reqid nothing else tells. */
static void
an_sa_of_another_virtual_network_stays(void **state)
{
	struct sadb_policy_config policy;
	struct sadb *db = create(&policy);
	struct sadb_migration one = change("198.51.100.1", "203.0.113.2");
	struct sadb_sa_config other = rig_sa(2);

	(void)state;
	assert_int_equal(sadb_vnet_add(db, 2, "green", &rig_err), 0);
	other.vnet_id = 2;
	assert_int_equal(sadb_sa_add(db, &other, &rig_err), 0);
	rig_commit(db);
	one.reqid = 0;
	assert_int_equal(migrate(db, &policy, &one), 0);
	assert_non_null(lookup_at(db, 1, "203.0.113.2"));
	assert_null(lookup_at(db, 2, "203.0.113.2"));
	assert_non_null(rig_lookup(db, 2));
	sadb_destroy(db);
}

static void
a_tunnel_moves_there_and_back_and_its_sa_is_deleted(void **state)
{
	struct sadb_policy_config policy;
	struct sadb *db = create(&policy);
	struct sadb_migration there = change("198.51.100.1", "203.0.113.2"), back = there;
	struct sadb_sa_key key = rig_key(1);

	(void)state;
	back.old_src = there.new_src;
	back.old_dst = there.new_dst;
	back.new_src = there.old_src;
	back.new_dst = there.old_dst;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(migrate(db, &policy, &there), 0);
		assert_int_equal(migrate(db, &policy, &back), 0);
		assert_int_equal(rig_take(rig_lookup(db, 1), 1), i + 1);
	}
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	rig_commit(db);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 0);
	rig_add(db, 1); /* the mark is that of the key, wherever it was */
	rig_commit(db);
	assert_true(rig_take(rig_lookup(db, 1), 1) > 20);
	sadb_destroy(db);
}

static void
an_update_after_a_move_needs_the_same_key(void **state)
{
	struct sadb_policy_config policy;
	struct sadb *db = create(&policy);
	const struct sadb_migration one = change("198.51.100.1", "203.0.113.2");
	struct sadb_sa_config config = rig_sa(1);

	(void)state;
	assert_int_equal(migrate(db, &policy, &one), 0);
	config.src = one.new_src;
	config.dst = one.new_dst;
	config.life.hard_bytes = 100;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	config.key[5] ^= 1;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), -EINVAL);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 1);
	sadb_destroy(db);
}

static void
what_is_wrong_changes_nothing(void **state)
{
	static const struct {
		const char *src, *dst, *own;
		uint32_t reqid;
		int rc;
	} table[] = {
	    {"0.0.0.0", "203.0.113.2", NULL, 7, -EINVAL},
	    {"198.51.100.1", "0.0.0.0", NULL, 7, -EINVAL},
	    {"198.51.100.1", "203.0.113.2", NULL, 8, -ENODATA},
	    {"198.51.100.1", "203.0.113.2", "203.0.113.2", 7, -EINVAL}, /* to ourselves */
	    {"198.51.100.1", "203.0.113.3", NULL, 7, -EEXIST},          /* SPI in use there */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sadb_policy_config policy;
		struct sadb *db = create(&policy);
		struct sadb_migration one = change(table[i].src, table[i].dst);
		struct sadb_sa_config holder = rig_sa(1);
		struct sadb_policy_info info;

		holder.dst = addr("203.0.113.3");
		holder.key[9] = 99;
		assert_int_equal(sadb_sa_add(db, &holder, &rig_err), 0);
		rig_add(db, 2);
		if (table[i].own != NULL)
			rig_own_address(db, table[i].own);
		rig_commit(db);
		one.reqid = table[i].reqid;
		if (migrate(db, &policy, &one) != table[i].rc)
			fail_msg("case %u: %s", i, rig_err.text);
		assert_true(rig_err.text[0] != 0);
		assert_int_equal(sadb_policy_get(db, &policy, &info), 0);
		assert_true(sadb_addr_equal(&info.config.tmpl.dst, &policy.tmpl.dst));
		assert_non_null(rig_lookup(db, 1));
		assert_non_null(rig_lookup(db, 2));
		assert_non_null(sadb_policy_sa(found(db)));
		rig_reclaim_all(db);
		assert_int_equal(rig_areas, 3);
		sadb_destroy(db);
		assert_int_equal(rig_areas, 0);
	}
}

/* Another policy leads to where the SAs of a tunnel would have moved, and wants one. Of those that were made for the move it
 * gets none, not for a moment: a worker that took it would use it after it was freed. */
static void
a_move_that_fails_shows_workers_nothing_of_it(void **state)
{
	struct sadb_policy_config policy, other = rig_policy("10.2.0.0/16", 100, 7);
	struct sadb *db = create(&policy);
	const struct sadb_migration one = change("198.51.100.1", "203.0.113.3");
	struct sadb_flow_v4 flow = rig_flow("10.0.0.1", "10.2.0.1", IPPROTO_UDP, 1, 2);
	struct sadb_sa_config holder = rig_sa(3);

	(void)state;
	other.tmpl.src = one.new_src;
	other.tmpl.dst = one.new_dst;
	assert_int_equal(sadb_policy_add(db, &other, false, &rig_err), 0);
	rig_add(db, 2);
	rig_add(db, 3);
	holder.dst = one.new_dst;
	holder.key[9] = 99;
	assert_int_equal(sadb_sa_add(db, &holder, &rig_err), 0);
	rig_commit(db);
	assert_null(sadb_policy_sa(rig_find(db, &flow)));
	rig_find(db, &flow)->acquiring = 1; /* as a worker does; it ends when there is an SA */
	assert_int_equal(migrate(db, &policy, &one), -EEXIST);
	assert_int_equal(rig_find(db, &flow)->acquiring, 1);
	assert_null(sadb_policy_sa(rig_find(db, &flow)));
	sadb_destroy(db);
}

static void
two_changes_move_what_each_names_but_not_to_one_place(void **state)
{
	struct sadb_policy_config policy;
	struct sadb *db = create(&policy);
	struct sadb_migration two[2] = {change("198.51.100.1", "203.0.113.2"), change("198.51.100.1", "203.0.113.2")};
	struct sadb_sa_config other = rig_sa(1); /* the same SPI, to another peer */

	(void)state;
	other.dst = addr("192.0.2.3");
	other.key[9] = 99;
	assert_int_equal(sadb_sa_add(db, &other, &rig_err), 0);
	rig_commit(db);
	two[1].old_dst = other.dst;
	assert_int_equal(sadb_migrate(db, &policy, two, 2, &rig_err), -EEXIST);
	rig_commit(db);
	assert_non_null(rig_lookup(db, 1));
	assert_non_null(lookup_at(db, 1, "192.0.2.3"));
	two[1].new_dst = addr("203.0.113.3");
	assert_int_equal(sadb_migrate(db, &policy, two, 2, &rig_err), 0);
	rig_commit(db);
	assert_non_null(lookup_at(db, 1, "203.0.113.2"));
	assert_non_null(lookup_at(db, 1, "203.0.113.3"));
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 2);
	sadb_destroy(db);
	assert_int_equal(rig_areas, 0);
}

static void
a_list_must_have_changes_and_no_change_twice(void **state)
{
	struct sadb_policy_config policy;
	struct sadb *db = create(&policy);
	const struct sadb_migration twice[2] = {change("198.51.100.1", "203.0.113.2"),
						change("198.51.100.1", "203.0.113.9")};

	(void)state;
	assert_int_equal(sadb_migrate(db, &policy, twice, 0, &rig_err), -EINVAL);
	assert_int_equal(sadb_migrate(db, &policy, twice, 2, &rig_err), -EINVAL);
	policy.index = 0;
	policy.sel.dst = rig_prefix("10.77.0.0/16");
	assert_int_equal(sadb_migrate(db, &policy, twice, 1, &rig_err), -ENOENT);
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_sa_that_moved_goes_on_counting),
	    cmocka_unit_test(the_policy_of_a_tunnel_that_moved_uses_its_sa),
	    cmocka_unit_test(a_window_that_moved_has_seen_what_it_saw),
	    cmocka_unit_test(every_sa_of_the_tunnel_moves_and_no_other),
	    cmocka_unit_test(an_sa_of_another_virtual_network_stays),
	    cmocka_unit_test(a_tunnel_moves_there_and_back_and_its_sa_is_deleted),
	    cmocka_unit_test(an_update_after_a_move_needs_the_same_key),
	    cmocka_unit_test(what_is_wrong_changes_nothing),
	    cmocka_unit_test(a_move_that_fails_shows_workers_nothing_of_it),
	    cmocka_unit_test(two_changes_move_what_each_names_but_not_to_one_place),
	    cmocka_unit_test(a_list_must_have_changes_and_no_change_twice),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
