/* SPDX-License-Identifier: BSD-3-Clause
 * Which SA a policy uses, as SAs and policies come, change and go. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

static struct sadb_flow_v4 flow;

static void
add_policy(struct sadb *db, struct sadb_policy_config config)
{
	if (sadb_policy_add(db, &config, true, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
}

/* The number n of the SA in charge, 0 for none. */
static uint32_t
in_charge(struct sadb *db)
{
	struct sadb_policy *policy = rig_find(db, &flow);
	assert_non_null(policy);
	struct sadb_sa *sa = sadb_policy_sa(policy);
	return sa == NULL ? 0 : rte_be_to_cpu_32(sa->spi_be) - 0x1000;
}

static void
del(struct sadb *db, uint32_t n)
{
	struct sadb_sa_key key = rig_key(n);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
}

static struct sadb *
start(uint32_t reqid)
{
	struct sadb *db = rig_create(NULL);
	flow = rig_flow("10.0.0.1", "10.1.2.3", IPPROTO_UDP, 1, 2);
	add_policy(db, rig_policy("10.0.0.0/8", 1, reqid));
	rig_commit(db);
	return db;
}

static void
the_newest_sa_is_in_charge_and_the_older_takes_over_again(void **state)
{
	struct sadb *db = start(7);
	(void)state;
	assert_int_equal(in_charge(db), 0);
	rig_add(db, 1);
	assert_int_equal(in_charge(db), 0); /* its numbers are not on disk yet */
	rig_commit(db);
	assert_int_equal(in_charge(db), 1);
	rig_add(db, 2);
	rig_add(db, 3);
	assert_int_equal(in_charge(db), 1);
	rig_commit(db);
	assert_int_equal(in_charge(db), 3);
	del(db, 2);
	assert_int_equal(in_charge(db), 3);
	del(db, 3);
	assert_int_equal(in_charge(db), 1);
	del(db, 1);
	assert_int_equal(in_charge(db), 0);
	sadb_destroy(db);
}

/* Better none than one whose numbers a crash could bring again. */
static void
an_sa_whose_mark_is_not_on_disk_is_not_chosen_when_another_goes(void **state)
{
	struct sadb *db = start(7);
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	rig_add(db, 2);
	del(db, 1);
	assert_int_equal(in_charge(db), 0);
	rig_commit(db);
	assert_int_equal(in_charge(db), 2);
	sadb_destroy(db);
}

static void
a_policy_that_comes_later_finds_the_sa(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	flow = rig_flow("10.0.0.1", "10.1.2.3", IPPROTO_UDP, 1, 2);
	rig_add(db, 1);
	rig_commit(db);
	add_policy(db, rig_policy("10.0.0.0/8", 1, 7));
	rig_commit(db);
	assert_int_equal(in_charge(db), 1);
	sadb_destroy(db);
}

static void
an_update_of_the_sa_keeps_it_in_charge(void **state)
{
	struct sadb *db = start(7);
	struct sadb_sa_config config = rig_sa(2);
	(void)state;
	rig_add(db, 1);
	rig_add(db, 2);
	rig_add(db, 3);
	rig_commit(db);
	del(db, 3);
	struct sadb_sa *before = rig_lookup(db, 2);
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	assert_ptr_not_equal(rig_lookup(db, 2), before);
	assert_ptr_equal(sadb_policy_sa(rig_find(db, &flow)), rig_lookup(db, 2));
	struct sadb_sa_config older = rig_sa(1);
	assert_int_equal(sadb_sa_update(db, &older, &rig_err), 0); /* an update makes it no newer */
	assert_int_equal(in_charge(db), 2);
	config.reqid = 9; /* not ours any more */
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	assert_int_equal(in_charge(db), 1);
	config.reqid = 7;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	assert_int_equal(in_charge(db), 2);
	sadb_destroy(db);
}

typedef void (*tweak_fn)(struct sadb_sa_config *sa, struct sadb_template *tmpl);

static void
tweak_nothing(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	(void)sa, (void)tmpl;
}
static void
tweak_dir_in(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	(void)tmpl;
	sa->dir = SADB_DIR_IN;
}
static void
tweak_dir_out(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	(void)tmpl;
	sa->dir = SADB_DIR_OUT;
}
static void
tweak_reqid(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	(void)tmpl;
	sa->reqid = 8;
}
static void
tweak_no_reqid(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	(void)tmpl;
	sa->reqid = 0;
}
static void
tweak_any_reqid(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	(void)sa;
	tmpl->reqid = 0;
}
static void
both_no_reqid(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	sa->reqid = tmpl->reqid = 0;
}
static void
tweak_any_src(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	(void)sa;
	memset(&tmpl->src, 0, sizeof(tmpl->src));
}
static void
tweak_other_dst(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	(void)sa;
	tmpl->dst.bytes[3] ^= 1;
}
static void
tweak_other_src(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	(void)sa;
	tmpl->src.bytes[3] ^= 1;
}
static void
tweak_spi(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	tmpl->spi_be = sa->spi_be;
}
static void
tweak_other_spi(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	tmpl->spi_be = sa->spi_be ^ rte_cpu_to_be_32(0x100);
}
static void
tweak_vnet(struct sadb_sa_config *sa, struct sadb_template *tmpl)
{
	(void)tmpl;
	sa->vnet_id = 2;
}

static void
the_template_says_which_sa_fits(void **state)
{
	static const struct {
		tweak_fn tweak;
		bool fits;
	} cases[] = {
	    {tweak_nothing, true},    {tweak_dir_in, false},    {tweak_dir_out, true}, {tweak_reqid, false},
	    {tweak_no_reqid, false},  {tweak_any_reqid, true},  {both_no_reqid, true}, {tweak_any_src, true},
	    {tweak_other_dst, false}, {tweak_other_src, false}, {tweak_spi, true},     {tweak_other_spi, false},
	    {tweak_vnet, false},
	};
	(void)state;
	flow = rig_flow("10.0.0.1", "10.1.2.3", IPPROTO_UDP, 1, 2);
	for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb *db = rig_create(NULL);
		struct sadb_sa_config sa = rig_sa(1);
		struct sadb_policy_config policy = rig_policy("10.0.0.0/8", 1, 7);
		assert_int_equal(sadb_vnet_add(db, 2, "red", &rig_err), 0);
		cases[i / 2].tweak(&sa, &policy.tmpl);
		if (i % 2 == 0) /* whichever comes first */
			add_policy(db, policy);
		assert_int_equal(sadb_sa_add(db, &sa, &rig_err), 0);
		if (i % 2 == 1)
			add_policy(db, policy);
		rig_commit(db);
		if ((in_charge(db) == 1) != cases[i / 2].fits)
			fail_msg("case %u", i / 2);
		sadb_destroy(db);
	}
}

/* An inbound SA of unknown direction would fit a template that leaves the destination open: we would seal with the key
 * that the peer seals with. */
static void
an_outbound_template_without_a_destination_is_refused(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config policy = rig_policy("10.0.0.0/8", 1, 7);
	(void)state;
	memset(&policy.tmpl.dst, 0, sizeof(policy.tmpl.dst));
	assert_int_equal(sadb_policy_add(db, &policy, false, &rig_err), -EINVAL);
	policy.tmpl.dst.family = AF_INET;
	assert_int_equal(sadb_policy_add(db, &policy, false, &rig_err), -EINVAL);
	sadb_destroy(db);
}

static void
an_acquire_that_was_answered_is_asked_again_when_its_sa_goes(void **state)
{
	struct sadb *db = start(7);
	(void)state;
	struct sadb_policy *policy = rig_find(db, &flow);
	policy->acquiring = 1; /* as a worker that found no SA leaves it */
	rig_add(db, 1);
	rig_commit(db);
	del(db, 1);
	assert_int_equal(in_charge(db), 0);
	assert_int_equal(policy->acquiring, 0);
	sadb_destroy(db);
}

/* strongSwan's rekey: the new outbound SA first, then an UPDPOLICY whose template names its SPI is the switch. */
static void
a_policy_update_switches_to_the_spi_it_names(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config policy = rig_policy("10.0.0.0/8", 1, 7);
	(void)state;
	flow = rig_flow("10.0.0.1", "10.1.2.3", IPPROTO_UDP, 1, 2);
	policy.tmpl.spi_be = rig_key(1).spi_be;
	add_policy(db, policy);
	rig_add(db, 1);
	rig_commit(db);
	rig_add(db, 2);
	rig_commit(db);
	assert_int_equal(in_charge(db), 1); /* the policy still names the old one */
	policy.tmpl.spi_be = rig_key(2).spi_be;
	add_policy(db, policy);
	assert_int_equal(in_charge(db), 1);
	rig_commit(db);
	assert_int_equal(in_charge(db), 2);
	del(db, 1);
	rig_commit(db);
	assert_int_equal(in_charge(db), 2);
	sadb_destroy(db);
}

/* A replaced policy is in the published table until the commit: it must not keep a pointer to an SA that is deleted. */
static void
a_replaced_policy_still_published_lets_go_of_a_deleted_sa(void **state)
{
	struct sadb *db = start(7);
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(in_charge(db), 1);
	add_policy(db, rig_policy("10.0.0.0/8", 1, 8));
	del(db, 1);
	assert_int_equal(in_charge(db), 0);
	rig_reclaim_all(db);
	assert_int_equal(in_charge(db), 0);
	assert_int_equal(rig_find(db, &flow)->tmpl.reqid, 7);
	rig_commit(db);
	assert_int_equal(rig_find(db, &flow)->tmpl.reqid, 8);
	sadb_destroy(db);
}

static void
many_policies_follow_one_sa(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_info info;
	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		struct sadb_policy_config policy = rig_policy("10.0.0.0/8", 1, i % 2 ? 7 : 9);
		policy.sel.proto = (uint8_t)(i + 1);
		add_policy(db, policy);
	}
	rig_add(db, 1);
	rig_commit(db);
	for (uint32_t slot = 0; sadb_policy_at(db, &slot, &info);)
		assert_int_equal(info.sa_spi_be, info.config.tmpl.reqid == 7 ? rig_key(1).spi_be : 0);
	del(db, 1);
	for (uint32_t slot = 0; sadb_policy_at(db, &slot, &info);)
		assert_int_equal(info.sa_spi_be, 0);
	sadb_destroy(db);
}

/* Both SAs lead to the same gateway, and neither policy names one of them by a reqid. */
static void
an_sa_is_in_charge_of_the_family_that_its_selector_is_of(void **state)
{
	static const struct {
		const char *sel; /* NULL: of no family */
		bool v4, v6;
	} cases[] = {
	    {NULL, true, true}, {"0.0.0.0/0", true, false}, {"::/0", false, true}, {"2001:db8:2::/64", false, true}};
	struct sadb *db = start(0);
	struct sadb_flow_v6 wide = {.src = {0x20, 1}, .dst = {0x20, 1, 0x0d, 0xb8, 0, 2}, .proto = IPPROTO_UDP};
	bool blocked;
	(void)state;
	add_policy(db, rig_policy("2001:db8:2::/48", 1, 0));
	rig_commit(db);
	const struct sadb_policy *policy =
	    sadb_spd_lookup_v6(sadb_vnet_spd_v6(sadb_vnet_find(db, 1), SADB_POLICY_OUT), &wide, &blocked);
	assert_non_null(policy);
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_sa_config config = rig_sa(i + 1);
		config.sel = (struct sadb_selector){.proto = 0};
		if (cases[i].sel != NULL)
			config.sel.src = config.sel.dst = rig_prefix(cases[i].sel);
		assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
		rig_commit(db);
		const struct sadb_sa *sa = sadb_policy_sa(policy);
		assert_int_equal(in_charge(db), cases[i].v4 ? i + 1 : 0);
		assert_int_equal(sa != NULL, cases[i].v6);
		del(db, i + 1);
		rig_commit(db);
	}
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_newest_sa_is_in_charge_and_the_older_takes_over_again),
	    cmocka_unit_test(an_sa_whose_mark_is_not_on_disk_is_not_chosen_when_another_goes),
	    cmocka_unit_test(a_policy_that_comes_later_finds_the_sa),
	    cmocka_unit_test(an_update_of_the_sa_keeps_it_in_charge),
	    cmocka_unit_test(the_template_says_which_sa_fits),
	    cmocka_unit_test(an_outbound_template_without_a_destination_is_refused),
	    cmocka_unit_test(an_acquire_that_was_answered_is_asked_again_when_its_sa_goes),
	    cmocka_unit_test(a_policy_update_switches_to_the_spi_it_names),
	    cmocka_unit_test(a_replaced_policy_still_published_lets_go_of_a_deleted_sa),
	    cmocka_unit_test(many_policies_follow_one_sa),
	    cmocka_unit_test(an_sa_is_in_charge_of_the_family_that_its_selector_is_of),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
