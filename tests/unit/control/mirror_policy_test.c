/* SPDX-License-Identifier: BSD-3-Clause
 * Policies of a kernel that is played: whatever cannot be mirrored lets nothing pass in the clear. */
#include "tests/unit/control/mirror_rig.h"
#include "tests/unit/eal.h"

static struct played_policy
policy(uint32_t index, uint32_t priority, const char *tmpl_dst)
{
	struct played_policy p = played_out_policy;

	p.index = index;
	p.priority = priority;
	p.tmpl_dst = tmpl_dst;
	return p;
}

static void
install(struct played *played, const struct played_policy *p)
{
	for (unsigned i = 0; i < PLAYED_MAX; i++) {
		if (played->policy[i].index == 0 || played->policy[i].index == p->index) {
			played->policy[i] = *p;
			played_event(played, XFRM_MSG_UPDPOLICY, p, PLAYED_PID);
			return;
		}
	}
	fail_msg("no room");
}

/* What happens to a packet from 10.1.0.1 to 10.2.0.1, as a worker sees it. */
static int
fate(struct played *played)
{
	struct sadb_flow_v4 flow = rig_flow("10.1.0.1", "10.2.0.1", IPPROTO_UDP, 1, 2);
	const struct sadb_policy *found = rig_find(played->db, &flow);

	return found ? found->action : -1;
}

static void
every_direction_and_action_comes_from_the_dump(void **state)
{
	struct played *played = *state;

	for (unsigned dir = 0; dir < 3; dir++) {
		played->policy[dir] = policy(8 * (dir + 1) + dir, 100, "192.0.2.2");
		played->policy[dir].dir = (uint8_t)dir;
		played->policy[3 + dir] = policy(8 * (dir + 4) + dir, 50, NULL);
		played->policy[3 + dir].dir = (uint8_t)dir;
		played->policy[3 + dir].dst = "10.3.0.0";
		played->policy[6 + dir] = policy(8 * (dir + 8) + dir, 50, NULL);
		played->policy[6 + dir].dir = (uint8_t)dir;
		played->policy[6 + dir].dst = "10.4.0.0";
		played->policy[6 + dir].action = XFRM_POLICY_BLOCK;
	}
	played_sync(played);
	for (unsigned dir = 0; dir < 3; dir++) {
		assert_true(played_policy_is(played, 8 * (dir + 1) + dir, SADB_PROTECT));
		assert_true(played_policy_is(played, 8 * (dir + 4) + dir, SADB_BYPASS));
		assert_true(played_policy_is(played, 8 * (dir + 8) + dir, SADB_DROP));
	}
	assert_int_equal(played_count(played, "policies"), 9);
}

static void
a_policy_that_comes_before_its_sa_takes_it_when_it_comes(void **state)
{
	struct played *played = *state;
	struct sadb_flow_v4 flow = rig_flow("10.1.0.1", "10.2.0.1", IPPROTO_UDP, 1, 2);

	install(played, &played_out_policy);
	assert_null(sadb_policy_sa(rig_find(played->db, &flow)));
	played->sa[0] = played_out;
	played_event(played, XFRM_MSG_NEWSA, &played_out, PLAYED_PID);
	const struct sadb_sa *sa = sadb_policy_sa(rig_find(played->db, &flow));
	assert_non_null(sa);
	assert_int_equal(ntohl(sa->spi_be), 0x1001);
}

static void
every_end_of_a_policy_ends_it_here(void **state)
{
	static const uint16_t ends[] = {XFRM_MSG_DELPOLICY, XFRM_MSG_POLEXPIRE};
	struct played *played = *state;

	for (unsigned i = 0; i < 2; i++) {
		install(played, &played_out_policy);
		assert_int_equal(fate(played), SADB_PROTECT);
		played_event(played, ends[i], &played_out_policy, PLAYED_PID);
		assert_int_equal(fate(played), -1);
	}
	install(played, &played_out_policy);
	played_send(played, XFRM_MSG_FLUSHPOLICY, NULL, 0);
	assert_int_equal(fate(played), -1);
	assert_int_equal(played_count(played, "policies"), 0);
}

static void
a_policy_with_a_lifetime_is_the_kernels_to_end(void **state)
{
	struct played *played = *state;
	struct played_policy p = policy(9, 100, "192.0.2.2");

	p.hard_add = 1;
	install(played, &p);
	assert_int_equal(fate(played), SADB_PROTECT);
}

static void
what_did_not_change_is_not_touched(void **state)
{
	struct played *played = *state;

	install(played, &played_out_policy);
	uint64_t before = sadb_generation(played->db);
	played_event(played, XFRM_MSG_UPDPOLICY, &played_out_policy, PLAYED_PID);
	played_sync(played);
	assert_true(sadb_generation(played->db) == before);
	install(played,
		&(struct played_policy){.index = 9, .src = "10.1.0.0", .dst = "10.2.0.0", .dir = 1, .if_id = 1});
	assert_true(sadb_generation(played->db) != before);
	assert_int_equal(fate(played), SADB_BYPASS);
}

/* xfrm_policy_walk() begins with the newest; of equal ones the oldest decides. */
static void
of_equal_policies_the_older_decides_after_a_dump_as_well(void **state)
{
	struct played *played = *state;
	struct played_policy older = policy(9, 100, NULL), newer = policy(17, 100, "192.0.2.2");

	newer.mark = 0; /* another selector that matches the packet too */
	newer.src = "10.1.0.0";
	older.src = "10.1.0.0";
	older.action = XFRM_POLICY_BLOCK;
	/* They differ beyond the prefix, so the kernel has both. */
	newer.dst = "10.2.0.7";
	played->policy[0] = older;
	played->policy[1] = newer;
	played_sync(played);
	assert_int_equal(fate(played), SADB_DROP);
	played_event(played, XFRM_MSG_DELPOLICY, &older, PLAYED_PID);
	assert_int_equal(fate(played), SADB_PROTECT);
}

static void
what_cannot_be_protected_is_dropped_where_a_wider_policy_would_let_it_pass(void **state)
{
	static const struct {
		struct played_policy p;
		const char *reason;
	} cases[] = {
	    {{.mark = 7}, "XFRMA_MARK"},
	    {{.templates = 2}, "more than one template"},
	    {{.ifindex = 3}, "ifindex 3"},
	    {{.type = XFRM_POLICY_TYPE_SUB, .priority = 9999}, "XFRMA_POLICY_TYPE 1"},
	    {{.reqid = 1}, "must name its tunnel's destination"}, /* by the database, not by the codec */
	};
	struct played *played = *state;
	struct played_policy wide = policy(17, 500, NULL);

	install(played, &wide);
	assert_int_equal(fate(played), SADB_BYPASS);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct played_policy p = policy(9, 100, cases[i].p.reqid ? "0.0.0.0" : "192.0.2.2");

		p.mark = cases[i].p.mark;
		p.templates = cases[i].p.templates;
		p.ifindex = cases[i].p.ifindex;
		p.type = cases[i].p.type;
		p.priority = cases[i].p.priority ? cases[i].p.priority : 100;
		install(played, &p);
		assert_int_equal(fate(played), SADB_DROP);
		assert_int_equal(played_count(played, "guards"), 1);
		assert_int_equal(played_count(played, "policies_missing"), 1);
		if (!strstr(played_reason(played, "policy 9 out 10.1.0.0/24 to 10.2.0.0/24"), cases[i].reason))
			fail_msg("case %u: %s", i, played_reason(played, "policy 9"));
		played_sync(played);
		assert_int_equal(fate(played), SADB_DROP);
		played_event(played, XFRM_MSG_DELPOLICY, &p, PLAYED_PID);
		assert_int_equal(fate(played), SADB_BYPASS);
	}
}

static void
a_guard_stands_no_higher_than_its_policy(void **state)
{
	struct played *played = *state;
	struct played_policy marked = policy(9, 600, "192.0.2.2"), first = policy(17, 500, "192.0.2.2");

	marked.mark = 7;
	install(played, &marked);
	assert_int_equal(fate(played), SADB_DROP);
	install(played, &first);
	assert_int_equal(fate(played), SADB_PROTECT);
}

static void
a_bypass_that_cannot_be_had_needs_no_guard(void **state)
{
	struct played *played = *state;
	struct played_policy marked = policy(9, 100, NULL), wide = policy(17, 500, "192.0.2.2");

	marked.mark = 7;
	install(played, &wide);
	install(played, &marked);
	assert_int_equal(fate(played), SADB_PROTECT);
	assert_int_equal(played_count(played, "guards"), 0);
	assert_int_equal(played_count(played, "policies_missing"), 1);
}

static void
a_policy_of_an_unknown_vnet_waits_and_needs_no_guard(void **state)
{
	struct played *played = *state;
	struct played_policy p = policy(9, 100, "192.0.2.2");

	p.if_id = 9;
	install(played, &p);
	assert_string_equal(played_reason(played, "policy 9"), "no vnet with id 9: it waits for one");
	assert_int_equal(played_count(played, "guards"), 0);
	assert_int_equal(sadb_vnet_add(played->db, 9, "nine", &rig_err), 0);
	ctl_mirror_again(played->mirror);
	ctl_mirror_tick(played->mirror);
	rig_commit(played->db);
	assert_true(played_policy_is(played, 9, SADB_PROTECT));
}

static void
a_sockets_own_policy_is_none_of_ours(void **state)
{
	struct played *played = *state;
	struct played_policy p = policy(3, 0, NULL);

	p.dir = 4; /* as the kernel dumps the bypass of charon's own IKE socket */
	played->policy[0] = p;
	played_sync(played);
	assert_int_equal(played_count(played, "policies") + played_count(played, "policies_missing"), 0);
}

/* No room for a guard: then there is room for nothing that passes in the clear. */
static void
when_a_guard_cannot_be_had_nothing_passes_in_the_clear(void **state)
{
	struct played *played = *state;
	struct played_policy wide = policy(17, 500, NULL), narrow = policy(9, 100, "192.0.2.2");
	struct sadb_policy_config filler = {.vnet_id = 1, .dir = SADB_POLICY_FWD, .action = SADB_DROP};

	install(played, &wide);
	filler.sel = (struct sadb_selector){.src = rig_prefix("10.0.0.0/8"), .dst = rig_prefix("172.16.0.0/32")};
	for (unsigned i = 0; i < 63; i++) {
		filler.index = 0;
		filler.sel.dst.addr.bytes[3] = (uint8_t)i;
		assert_int_equal(sadb_policy_add(played->db, &filler, false, &rig_err), 0);
	}
	rig_commit(played->db);
	narrow.dst = "10.2.1.0";
	install(played, &narrow);
	assert_int_equal(played_count(played, "closed"), 1);
	assert_int_not_equal(fate(played), SADB_BYPASS);
	/* The next comparison finds room. */
	assert_int_equal(sadb_policy_del(played->db, &filler, NULL, &rig_err), 0);
	played_sync(played);
	assert_int_equal(played_count(played, "closed"), 0);
	assert_int_equal(fate(played), SADB_BYPASS);
	assert_true(played_policy_is(played, 9, SADB_PROTECT));
}

static void
a_policy_may_move_to_another_selector_under_its_index(void **state)
{
	struct played *played = *state;
	struct played_policy p = policy(9, 100, "192.0.2.2");

	install(played, &p);
	p.dst = "10.9.0.0"; /* DELPOLICY and NEWPOLICY with a chosen index, both lost */
	played->policy[0] = p;
	played_sync(played);
	assert_int_equal(fate(played), -1);
	assert_true(played_policy_is(played, 9, SADB_PROTECT));
	assert_int_equal(played_count(played, "closed"), 0);
}

/* A sub policy comes before all main ones, those of the same number and older included. */
static void
a_guard_for_a_sub_policy_comes_before_every_main_one(void **state)
{
	struct played *played = *state;
	struct played_policy wide = policy(17, 0, NULL), sub = policy(9, 300, "192.0.2.2");

	wide.wide = true; /* and older */
	sub.type = XFRM_POLICY_TYPE_SUB;
	install(played, &wide);
	assert_int_equal(fate(played), SADB_BYPASS);
	install(played, &sub);
	assert_int_equal(fate(played), SADB_DROP);
	played_sync(played);
	assert_int_equal(fate(played), SADB_DROP);
}

/* It was hidden by another of its selector, and a wider one of its priority came meanwhile. */
static void
a_policy_that_comes_to_light_again_has_its_old_place_among_equals(void **state)
{
	struct played *played = *state;
	struct played_policy first = policy(9, 100, "192.0.2.2"), hides = policy(17, 50, "192.0.2.2"),
			     wide = policy(25, 100, NULL);

	hides.dst = "10.2.0.7"; /* beyond the prefix: another one to the kernel */
	wide.wide = true;
	install(played, &first);
	install(played, &wide);
	assert_int_equal(fate(played), SADB_PROTECT);
	install(played, &hides);
	played_event(played, XFRM_MSG_DELPOLICY, &hides, PLAYED_PID);
	assert_int_equal(fate(played), SADB_PROTECT);
}

/* Seen in Linux 6.18: one that is replaced in its place stays before its younger equals, and is dumped as the newest. */
static void
after_a_restart_an_older_policy_that_was_replaced_decides_still(void **state)
{
	struct played *played = *state;

	played->policy[0] = policy(17, 100, NULL);
	played->policy[0].wide = true;
	played->policy[1] = policy(9, 100, "192.0.2.2"); /* the older, by its number */
	played_sync(played);
	assert_int_equal(fate(played), SADB_PROTECT);
}

/* The other way round their numbers were chosen by hand, or a priority has changed: who is older cannot be told. */
static void
of_equal_policies_whose_age_is_in_doubt_the_one_that_protects_decides(void **state)
{
	struct played *played = *state;

	played->policy[0] = policy(17, 100, "192.0.2.2");
	played->policy[1] = policy(9, 100, NULL);
	played->policy[1].wide = true;
	played->policy[2] = policy(25, 100, NULL); /* no doubt: it is older than the next */
	played->policy[2].wide = true;
	played->policy[2].src = "11.0.0.0";
	played->policy[3] = policy(33, 100, "192.0.2.2");
	played->policy[3].src = "11.1.0.0";
	played_sync(played);
	assert_int_equal(fate(played), SADB_PROTECT);
	struct sadb_flow_v4 flow = rig_flow("11.1.0.1", "10.2.0.1", IPPROTO_UDP, 1, 2);
	assert_int_equal(rig_find(played->db, &flow)->action, SADB_BYPASS);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, played_start, played_stop)
	const struct CMUnitTest tests[] = {
	    TEST(every_direction_and_action_comes_from_the_dump),
	    TEST(a_policy_that_comes_before_its_sa_takes_it_when_it_comes),
	    TEST(every_end_of_a_policy_ends_it_here),
	    TEST(a_policy_with_a_lifetime_is_the_kernels_to_end),
	    TEST(what_did_not_change_is_not_touched),
	    TEST(of_equal_policies_the_older_decides_after_a_dump_as_well),
	    TEST(what_cannot_be_protected_is_dropped_where_a_wider_policy_would_let_it_pass),
	    TEST(a_guard_stands_no_higher_than_its_policy),
	    TEST(a_bypass_that_cannot_be_had_needs_no_guard),
	    TEST(a_policy_of_an_unknown_vnet_waits_and_needs_no_guard),
	    TEST(a_sockets_own_policy_is_none_of_ours),
	    TEST(when_a_guard_cannot_be_had_nothing_passes_in_the_clear),
	    TEST(a_guard_for_a_sub_policy_comes_before_every_main_one),
	    TEST(a_policy_that_comes_to_light_again_has_its_old_place_among_equals),
	    TEST(after_a_restart_an_older_policy_that_was_replaced_decides_still),
	    TEST(of_equal_policies_whose_age_is_in_doubt_the_one_that_protects_decides),
	    TEST(a_policy_may_move_to_another_selector_under_its_index),
	};
	unit_eal_start();
	return cmocka_run_group_tests_name("control/mirror_policy", tests, NULL, NULL);
}
