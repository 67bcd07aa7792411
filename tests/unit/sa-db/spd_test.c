/* SPDX-License-Identifier: BSD-3-Clause
 * What a worker finds in a table of policies: masks, fragments, and agreement with a plain search by selector. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

static void
ports_match_under_any_mask(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config config = rig_policy("10.0.0.0/8", 1, 1);
	static const struct {
		uint16_t sport, dport;
		uint8_t proto;
		bool found;
	} cases[] = {
	    {0x1200, 0x5501, IPPROTO_UDP, true},  {0x12ff, 0xaa01, IPPROTO_UDP, true},
	    {0x1300, 0x5501, IPPROTO_UDP, false}, {0x1200, 0x5502, IPPROTO_UDP, false},
	    {0x1200, 0x5501, IPPROTO_TCP, false}, {0x0012, 0x0155, IPPROTO_UDP, false}, /* the bytes swapped */
	};
	(void)state;
	config.sel.proto = IPPROTO_UDP;
	config.sel.sport_be = rte_cpu_to_be_16(0x1234); /* bits outside the mask do not count */
	config.sel.sport_mask_be = rte_cpu_to_be_16(0xff00);
	config.sel.dport_be = rte_cpu_to_be_16(0x0001);
	config.sel.dport_mask_be = rte_cpu_to_be_16(0x00ff);
	assert_int_equal(sadb_policy_add(db, &config, false, &rig_err), 0);
	rig_commit(db);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_flow_v4 flow =
		    rig_flow("172.16.0.1", "10.1.1.1", cases[i].proto, cases[i].sport, cases[i].dport);
		assert_int_equal(rig_find(db, &flow) != NULL, cases[i].found);
	}
	sadb_destroy(db);
}

static void
a_fragment_without_ports_is_not_let_past_a_policy_that_asks_for_them(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config ports = rig_policy("10.1.0.0/16", 1, 1), udp = rig_policy("10.0.0.0/8", 2, 2),
				  rest = rig_policy("0.0.0.0/0", 3, 3);
	static const struct {
		const char *dst;
		uint8_t proto;
		uint32_t reqid; /* 0: none */
		bool blocked;
	} cases[] = {
	    {"10.1.0.1", IPPROTO_UDP, 0, true},  /* the first that fits asks for ports */
	    {"10.1.0.1", IPPROTO_TCP, 3, false}, /* another protocol: it does not fit */
	    {"10.2.0.1", IPPROTO_UDP, 2, false},
	    {"11.0.0.1", IPPROTO_UDP, 3, false},
	};
	bool blocked;
	(void)state;
	ports.sel.proto = udp.sel.proto = IPPROTO_UDP;
	ports.sel.dport_be = rte_cpu_to_be_16(53);
	ports.sel.dport_mask_be = 0xffff;
	assert_int_equal(sadb_policy_add(db, &rest, false, &rig_err), 0);
	assert_int_equal(sadb_policy_add(db, &udp, false, &rig_err), 0);
	assert_int_equal(sadb_policy_add(db, &ports, false, &rig_err), 0);
	rig_commit(db);
	const struct sadb_spd *spd = sadb_vnet_spd(sadb_vnet_find(db, 1), SADB_POLICY_OUT);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_flow_v4 flow = rig_flow("10.9.9.9", cases[i].dst, cases[i].proto, 0, 0);
		struct sadb_policy *policy = sadb_spd_lookup_fragment(spd, &flow, &blocked);
		assert_int_equal(blocked, cases[i].blocked);
		assert_int_equal(policy == NULL ? 0 : policy->tmpl.reqid, cases[i].reqid);
	}
	struct sadb_flow_v4 flow = rig_flow("10.9.9.9", "10.1.0.1", IPPROTO_UDP, 0, 0);
	assert_null(sadb_spd_lookup_fragment(NULL, &flow, &blocked));
	assert_false(blocked);
	sadb_destroy(db);
}

static void
policies_for_ipv6_do_not_catch_ipv4(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config six = rig_policy("::/0", 1, 1);
	struct sadb_flow_v4 flow = rig_flow("10.9.9.9", "10.1.0.1", IPPROTO_UDP, 0, 0);
	(void)state;
	six.sel.src = rig_prefix("::/0");
	assert_int_equal(sadb_policy_add(db, &six, false, &rig_err), 0);
	rig_commit(db);
	assert_null(rig_find(db, &flow));
	struct sadb_policy_config any = rig_policy("10.0.0.0/8", 2, 2);
	memset(&any.sel, 0, sizeof(any.sel)); /* no family: one of IPv4 packets */
	assert_int_equal(sadb_policy_add(db, &any, false, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(rig_find(db, &flow)->tmpl.reqid, 2);
	six.tmpl.reqid = 5; /* replaced, in its own table */
	assert_int_equal(sadb_policy_add(db, &six, true, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(rig_find(db, &flow)->tmpl.reqid, 2);
	sadb_destroy(db);
}

static void
a_policy_permits_the_sa_it_names_and_no_other(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	rig_add(db, 1);
	struct sadb_sa *sa = rig_lookup(db, 1);
	const struct sadb_policy named = {.action = SADB_PROTECT,
					  .tmpl = {.src_be = sa->src_v4_be, .dst_be = sa->dst_v4_be, .reqid = 7}};
	struct sadb_policy policy = named;
	assert_true(sadb_policy_permits(&policy, sa));
	assert_false(sadb_policy_permits(&policy, NULL)); /* in the clear */
	policy.tmpl.reqid = 8;
	assert_false(sadb_policy_permits(&policy, sa));
	policy = (struct sadb_policy){.action = SADB_PROTECT};
	assert_true(sadb_policy_permits(&policy, sa));
	policy.tmpl.spi_be = sa->spi_be;
	assert_true(sadb_policy_permits(&policy, sa));
	policy.tmpl.spi_be = sa->spi_be + 1;
	assert_false(sadb_policy_permits(&policy, sa));
	policy.tmpl = named.tmpl;
	policy.tmpl.src_be = 1;
	assert_false(sadb_policy_permits(&policy, sa));
	policy.tmpl = named.tmpl;
	policy.tmpl.dst_be = 1;
	assert_false(sadb_policy_permits(&policy, sa));
	policy.action = SADB_BYPASS;
	assert_true(sadb_policy_permits(&policy, NULL));
	assert_false(sadb_policy_permits(&policy, sa)); /* RFC 4301 5.2: it came through an SA nobody asked for */
	policy.action = SADB_DROP;
	policy.tmpl = named.tmpl;
	assert_false(sadb_policy_permits(&policy, NULL));
	assert_false(sadb_policy_permits(&policy, sa));
	sadb_destroy(db);
}

/* ---- against a plain search ---- */

#define RULES 64

static struct sadb_policy_config rules[RULES];

static uint32_t
any_of(const uint32_t *values, unsigned n)
{
	return values[(unsigned)rand() % n];
}

static struct sadb_prefix
random_prefix(void)
{
	static const uint32_t addrs[] = {0, 0x0a000000, 0x0a010000, 0x0a010203, 0x0a0102ff, 0x80000000, UINT32_MAX};
	static const uint32_t lens[] = {0, 0, 1, 8, 15, 16, 24, 31, 32};
	struct sadb_prefix prefix = {.addr = sadb_addr_v4(rte_cpu_to_be_32(any_of(addrs, 7)))};
	prefix.len = (uint8_t)any_of(lens, 9);
	return prefix;
}

static void
random_rules(struct sadb *db, unsigned n)
{
	static const uint32_t protos[] = {0, 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	static const uint32_t ports[] = {0, 22, 53, 0x1600, UINT16_MAX};
	static const uint32_t masks[] = {0, 0, 0, UINT16_MAX, 0xff00, 0x8001};
	for (unsigned i = 0; i < n;) {
		struct sadb_policy_config *rule = &rules[i];
		*rule = rig_policy("0.0.0.0/0", (uint32_t)(rand() % 8), i + 1);
		rule->sel.src = random_prefix();
		rule->sel.dst = random_prefix();
		rule->sel.proto = (uint8_t)any_of(protos, 5);
		rule->sel.sport_be = rte_cpu_to_be_16((uint16_t)any_of(ports, 5));
		rule->sel.dport_be = rte_cpu_to_be_16((uint16_t)any_of(ports, 5));
		rule->sel.sport_mask_be = rte_cpu_to_be_16((uint16_t)any_of(masks, 6));
		rule->sel.dport_mask_be = rte_cpu_to_be_16((uint16_t)any_of(masks, 6));
		i += sadb_policy_add(db, rule, false, &rig_err) == 0; /* else: drawn twice */
	}
}

static uint32_t
plain_search(unsigned n, const struct sadb_flow_v4 *flow)
{
	const struct sadb_flow wide = {sadb_addr_v4(flow->src_be), sadb_addr_v4(flow->dst_be), flow->sport_be,
				       flow->dport_be, flow->proto};
	const struct sadb_policy_config *best = NULL;
	for (unsigned i = 0; i < n; i++)
		if (sadb_selector_matches(&rules[i].sel, &wide) && (best == NULL || rules[i].priority < best->priority))
			best = &rules[i];
	return best == NULL ? 0 : best->tmpl.reqid;
}

static struct sadb_flow_v4
random_flow(void)
{
	static const uint32_t addrs[] = {0,          1,          0x0a000001, 0x0a010203, 0x0a010202,
					 0x0a0102fe, 0x0a020304, 0x80000001, UINT32_MAX};
	static const uint32_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE};
	static const uint32_t ports[] = {0, 22, 53, 54, 0x1600, 0x16ff, 0x8001, UINT16_MAX};
	return (struct sadb_flow_v4){
	    .proto = (uint8_t)any_of(protos, 4),
	    .src_be = rte_cpu_to_be_32(any_of(addrs, 9)),
	    .dst_be = rte_cpu_to_be_32(any_of(addrs, 9)),
	    .sport_be = rte_cpu_to_be_16((uint16_t)any_of(ports, 8)),
	    .dport_be = rte_cpu_to_be_16((uint16_t)any_of(ports, 8)),
	};
}

static void
random_tables_agree_with_a_plain_search(void **state)
{
	struct sadb_flow_v4 flow[64];
	const struct sadb_flow_v4 *flows[64];
	struct sadb_policy *found[64];
	unsigned hits = 0;
	(void)state;
	srand(4);
	for (unsigned round = 0; round < 40; round++) {
		struct sadb *db = rig_create(NULL);
		unsigned n = 1 + (unsigned)rand() % RULES;
		random_rules(db, n);
		rig_commit(db);
		const struct sadb_spd *spd = sadb_vnet_spd(sadb_vnet_find(db, 1), SADB_POLICY_OUT);
		for (unsigned batch = 0; batch < 50; batch++) {
			unsigned m = 1 + (unsigned)rand() % 64;
			for (unsigned i = 0; i < m; i++) {
				flow[i] = random_flow();
				flows[i] = &flow[i];
			}
			sadb_spd_lookup(spd, flows, m, found);
			for (unsigned i = 0; i < m; i++) {
				assert_int_equal(found[i] == NULL ? 0 : found[i]->tmpl.reqid,
						 plain_search(n, &flow[i]));
				hits += found[i] != NULL;
			}
		}
		sadb_destroy(db);
	}
	assert_true(hits > 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ports_match_under_any_mask),
	    cmocka_unit_test(a_fragment_without_ports_is_not_let_past_a_policy_that_asks_for_them),
	    cmocka_unit_test(policies_for_ipv6_do_not_catch_ipv4),
	    cmocka_unit_test(a_policy_permits_the_sa_it_names_and_no_other),
	    cmocka_unit_test(random_tables_agree_with_a_plain_search),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
