/* SPDX-License-Identifier: BSD-3-Clause
 * SAs and templates with IPv6 addresses outside: found by the whole address, chosen by policies that name it, inbound where it is
 * the gateway's own, and taken along when the tunnel moves. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

static struct sadb_addr
addr(const char *text)
{
	struct sadb_addr out;
	assert_int_equal(sadb_addr_parse(text, &out), 0);
	return out;
}

static struct sadb_sa_config
sa_between(uint32_t n, const char *src, const char *dst)
{
	struct sadb_sa_config config = rig_sa(n);
	config.src = addr(src);
	config.dst = addr(dst);
	return config;
}

static void
add(struct sadb *db, const struct sadb_sa_config *config)
{
	if (sadb_sa_add(db, config, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	rig_commit(db);
}

static struct sadb_sa *
lookup(struct sadb *db, const char *dst, rte_be32_t spi_be)
{
	const struct sadb_addr to = addr(dst);
	const struct sadb_sa_key key = sadb_sa_key_make(&to, spi_be, IPPROTO_ESP);
	const struct sadb_sa_key *keys[1] = {&key};
	struct sadb_sa *out[1];
	sadb_sa_lookup(db, keys, 1, out);
	return out[0];
}

/* The fold, which the table hashes and compares first, is the same of all of these. */
static const char *const alike[] = {"2001:db8::2", "2001:db8:0:2::", "2001:db8:0:0:0:2:0:0", "2001:db8:1::1:2",
				    "32.1.13.186"};

static void
an_sa_is_found_by_its_whole_address(void **state)
{
	const unsigned n = sizeof(alike) / sizeof(alike[0]);
	struct sadb *db = rig_create(NULL);
	(void)state;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(sadb_addr_fold(addr(alike[i]).bytes), RTE_BE32(0x20010dba));
	for (unsigned set = 0; set < 1u << n; set++) {
		struct sadb_sa_config config[sizeof(alike) / sizeof(alike[0])];
		for (unsigned i = 0; i < n; i++) {
			const bool v6 = strchr(alike[i], ':') != NULL;
			config[i] = sa_between(i, v6 ? "2001:db8::9" : "192.0.2.9", alike[i]);
			config[i].spi_be = RTE_BE32(0x5000);
			config[i].key[1] = (uint8_t)(set + 1);
			if (set & 1u << i)
				add(db, &config[i]);
		}
		for (unsigned i = 0; i < n; i++) {
			const struct sadb_sa *sa = lookup(db, alike[i], RTE_BE32(0x5000));
			assert_true((sa != NULL) == ((set & 1u << i) != 0));
			if (sa != NULL)
				assert_true(sadb_addr_equal(&sa->cold->config.dst, &config[i].dst));
		}
		for (unsigned i = 0; i < n; i++) {
			const struct sadb_sa_key key = sadb_sa_key_make(&config[i].dst, RTE_BE32(0x5000), IPPROTO_ESP);
			assert_int_equal(sadb_sa_del(db, &key, &rig_err), set & 1u << i ? 0 : -ESRCH);
		}
		rig_commit(db);
		rig_reclaim_all(db);
	}
	sadb_destroy(db);
}

static void
an_ipv4_address_is_not_the_ipv6_one_that_begins_with_it(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	(void)state;
	add(db, &config);
	assert_non_null(lookup(db, "192.0.2.2", config.spi_be));
	assert_null(lookup(db, "c000:202::", config.spi_be));
	config = sa_between(2, "2001:db8::1", "c000:202::");
	config.spi_be = rig_sa(1).spi_be;
	add(db, &config);
	assert_true(lookup(db, "192.0.2.2", config.spi_be) != lookup(db, "c000:202::", config.spi_be));
	sadb_destroy(db);
}

static const struct {
	const char *src, *dst; /* of the template; NULL: not said */
	bool named[4];         /* of the SAs below */
} templates[] = {
    {"2001:db8::1", "2001:db8::2", {true, false, false, false}},
    {"2001:db8::9", "2001:db8::2", {false, true, false, false}},
    {"::", "2001:db8::2", {true, true, false, false}},
    {NULL, "2001:db8::2", {true, true, false, false}},
    {"::", "2001:db8::1:0:0:2", {false, false, true, false}},
    {"2001:db8::1", "2001:db8::3", {false, false, false, false}},
    {"192.0.2.1", "192.0.2.2", {false, false, false, true}},
    {"0.0.0.0", "192.0.2.2", {false, false, false, true}},
};
static const char *const sas[4][2] = {{"2001:db8::1", "2001:db8::2"},
				      {"2001:db8::9", "2001:db8::2"},
				      {"2001:db8::1", "2001:db8::1:0:0:2"},
				      {"192.0.2.1", "192.0.2.2"}};

static void
a_policy_uses_and_permits_the_sas_that_its_template_names(void **state)
{
	const struct sadb_flow_v4 flow = rig_flow("10.0.0.1", "10.1.0.1", IPPROTO_UDP, 1, 2);
	(void)state;
	for (unsigned t = 0; t < sizeof(templates) / sizeof(templates[0]); t++) {
		for (unsigned s = 0; s < 4; s++) {
			struct sadb *db = rig_create(NULL);
			struct sadb_policy_config policy = rig_policy("10.1.0.0/16", 100, 7);
			struct sadb_sa_config config = sa_between(1, sas[s][0], sas[s][1]);
			struct sadb_policy_info info;
			policy.tmpl.src = templates[t].src != NULL ? addr(templates[t].src) : (struct sadb_addr){0};
			policy.tmpl.dst = addr(templates[t].dst);
			if (sadb_policy_add(db, &policy, false, &rig_err) != 0)
				fail_msg("%s", rig_err.text);
			add(db, &config);
			const bool named = templates[t].named[s];
			const struct sadb_policy *hot = rig_find(db, &flow);
			struct sadb_sa *sa = lookup(db, sas[s][1], config.spi_be);
			if ((sadb_policy_sa(hot) == sa) != named || sadb_policy_permits(hot, sa) != named)
				fail_msg("template %u, SA %u", t, s);
			assert_int_equal(sadb_policy_get(db, &policy, &info), 0);
			assert_true(sadb_addr_equal(&info.config.tmpl.dst, &policy.tmpl.dst));
			assert_int_equal(info.config.tmpl.src.family, policy.tmpl.src.family);
			assert_memory_equal(info.config.tmpl.src.bytes, policy.tmpl.src.bytes, 16);
			sadb_destroy(db);
		}
	}
}

static void
a_template_that_names_no_address_permits_either_family(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config policy = rig_policy("10.1.0.0/16", 100, 7);
	struct sadb_policy hot = {.action = SADB_PROTECT, .tmpl = {.reqid = 7}};
	(void)state;
	policy.dir = SADB_POLICY_IN;
	policy.tmpl.src = policy.tmpl.dst = (struct sadb_addr){.family = AF_INET6};
	assert_int_equal(sadb_policy_add(db, &policy, false, &rig_err), 0);
	for (unsigned s = 0; s < 4; s++) {
		struct sadb_sa_config config = sa_between(s, sas[s][0], sas[s][1]);
		add(db, &config);
		assert_true(sadb_policy_permits(&hot, lookup(db, sas[s][1], config.spi_be)));
	}
	sadb_destroy(db);
}

static void
what_can_be_no_outer_address_is_refused(void **state)
{
	static const struct {
		const char *src, *dst;
		int rc;
	} rows[] = {
	    {"2001:db8::1", "2001:db8::2", 0},
	    {"192.0.2.1", "2001:db8::2", -EAFNOSUPPORT},
	    {"2001:db8::1", "192.0.2.2", -EAFNOSUPPORT},
	    {"2001:db8::1", "::", -EINVAL},
	    {"::", "2001:db8::2", -EINVAL}, /* only inbound */
	    {"2001:db8::1", "ff02::1", -EINVAL},
	    {"2001:db8::1", "fe80::2", -EINVAL},
	    {"febf::1", "2001:db8::2", -EINVAL},
	    {"2001:db8::1", "::1", -EINVAL},
	    {"::ffff:192.0.2.1", "2001:db8::2", -EINVAL},
	    {"fec0::1", "2001:db8::3", 0},
	};
	struct sadb *db = rig_create(NULL);
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sadb_sa_config config = sa_between(i, rows[i].src, rows[i].dst);
		if (sadb_sa_add(db, &config, &rig_err) != rows[i].rc)
			fail_msg("%s to %s: %s", rows[i].src, rows[i].dst, rig_err.text);
	}
	struct sadb_sa_config any = sa_between(20, "::", "2001:db8::4");
	rte_be32_t spi_be;
	any.dir = SADB_DIR_IN;
	assert_int_equal(sadb_sa_add(db, &any, &rig_err), 0);
	assert_int_equal(sadb_spi_alloc(db, &any, 0x1000, 0x2000, &spi_be, &rig_err), 0);
	struct sadb_policy_config policy = rig_policy("10.1.0.0/16", 100, 7);
	policy.tmpl.src = addr("2001:db8::1");
	assert_int_equal(sadb_policy_add(db, &policy, false, &rig_err), -EAFNOSUPPORT);
	policy.tmpl.dst = addr("::");
	assert_int_equal(sadb_policy_add(db, &policy, false, &rig_err), -EINVAL); /* outbound */
	sadb_destroy(db);
}

static void
transport_mode_is_the_underlays_and_between_two_hosts(void **state)
{
	static const struct {
		const char *src, *dst;
		uint32_t vnet_id;
		uint8_t mode, dir;
		int rc;
	} rows[] = {
	    {"192.0.2.1/32", "192.0.2.2/32", SADB_UNDERLAY_ID, XFRM_MODE_TRANSPORT, SADB_POLICY_OUT, 0},
	    {"192.0.2.2/32", "192.0.2.1/32", SADB_UNDERLAY_ID, XFRM_MODE_TRANSPORT, SADB_POLICY_IN, 0},
	    {"2001:db8::1/128", "2001:db8::2/128", SADB_UNDERLAY_ID, XFRM_MODE_TRANSPORT, SADB_POLICY_OUT, 0},
	    {"192.0.2.2/32", "192.0.2.1/32", SADB_UNDERLAY_ID, XFRM_MODE_TRANSPORT, SADB_POLICY_FWD, -EINVAL},
	    {"192.0.2.0/31", "192.0.2.3/32", SADB_UNDERLAY_ID, XFRM_MODE_TRANSPORT, SADB_POLICY_OUT, -EINVAL},
	    {"192.0.2.1/32", "0.0.0.0/0", SADB_UNDERLAY_ID, XFRM_MODE_TRANSPORT, SADB_POLICY_OUT, -EINVAL},
	    {"192.0.2.5/32", "192.0.2.2/32", 1, XFRM_MODE_TRANSPORT, SADB_POLICY_OUT, -EINVAL},
	    {"192.0.2.5/32", "192.0.2.2/32", SADB_UNDERLAY_ID, XFRM_MODE_TUNNEL, SADB_POLICY_OUT, -EINVAL},
	};
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_info info;
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sadb_policy_config policy = {
		    .sel = {.src = rig_prefix(rows[i].src), .dst = rig_prefix(rows[i].dst)},
		    .tmpl = {.reqid = 7, .proto = IPPROTO_ESP, .mode = rows[i].mode},
		    .vnet_id = rows[i].vnet_id,
		    .dir = rows[i].dir,
		    .action = SADB_PROTECT};
		if (sadb_policy_add(db, &policy, false, &rig_err) != rows[i].rc)
			fail_msg("row %u: %s", i, rig_err.text);
		if (rows[i].rc != 0)
			continue;
		policy.index = 0;
		policy.vnet_id = 0; /* as XFRM names it: no vnet has the id 0 */
		assert_int_equal(sadb_policy_get(db, &policy, &info), 0);
		assert_int_equal(info.config.tmpl.mode, XFRM_MODE_TRANSPORT);
		assert_true(sadb_addr_equal(&info.config.tmpl.src, &policy.sel.src.addr));
		assert_true(sadb_addr_equal(&info.config.tmpl.dst, &policy.sel.dst.addr));
	}
	struct sadb_sa_config sa = rig_sa(1);
	sa.mode = XFRM_MODE_TRANSPORT;
	assert_int_equal(sadb_sa_add(db, &sa, &rig_err), -EINVAL);
	sa.vnet_id = SADB_UNDERLAY_ID;
	add(db, &sa);
	struct sadb_sa_config tunnel = rig_sa(2);
	tunnel.vnet_id = SADB_UNDERLAY_ID;
	assert_int_equal(sadb_sa_add(db, &tunnel, &rig_err), -ENODEV);
	tunnel.vnet_id = 1;
	tunnel.key[0]++;
	add(db, &tunnel); /* newer, to the same place, and not for these policies */
	const struct sadb_flow_v4 flow = rig_flow("192.0.2.1", "192.0.2.2", IPPROTO_TCP, 1, 2), *flows[1] = {&flow};
	struct sadb_policy *found[1];
	sadb_spd_lookup(sadb_vnet_spd(sadb_underlay(db), SADB_POLICY_OUT), flows, 1, found);
	assert_ptr_equal(sadb_policy_sa(found[0]), lookup(db, "192.0.2.2", sa.spi_be));
	assert_true(sadb_policy_permits(found[0], lookup(db, "192.0.2.2", sa.spi_be)));
	sadb_destroy(db);
}

static void
own_address(struct sadb *db, const char *text)
{
	const struct sadb_route routes[] = {
	    {.dst = {{.family = AF_INET6}, 0}, .kind = SADB_ROUTE_UNICAST},
	    {.dst = {addr(text), 128}, .kind = SADB_ROUTE_LOCAL},
	};
	sadb_vnet_fib_set(db, sadb_underlay(db), sadb_fib_create(routes, 2));
}

static void
an_sa_to_an_own_address_is_inbound_also_when_the_address_comes_later(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config before = sa_between(1, "2001:db8::1", "2001:db8::2"),
			      later = sa_between(2, "2001:db8::2", "2001:db8::1"),
			      other = sa_between(3, "2001:db8::2", "2001:db8::1:0:0:0");
	(void)state;
	own_address(db, "2001:db8::2");
	add(db, &before);
	add(db, &later);
	add(db, &other);
	assert_int_equal(lookup(db, "2001:db8::2", before.spi_be)->dir, SADB_DIR_IN);
	assert_int_equal(lookup(db, "2001:db8::1", later.spi_be)->cold->config.dir, SADB_DIR_ANY);
	own_address(db, "2001:db8::1");
	rig_commit(db);
	const struct sadb_sa_key key = sadb_sa_key_make(&later.dst, later.spi_be, IPPROTO_ESP);
	assert_int_equal(sadb_sa_find(db, &key)->config.dir, SADB_DIR_IN);
	assert_int_equal(lookup(db, "2001:db8::1:0:0:0", other.spi_be)->cold->config.dir, SADB_DIR_ANY);
	sadb_destroy(db);
}

static void
a_tunnel_moves_from_one_family_to_the_other_and_back(void **state)
{
	static const char *const place[][2] = {{"192.0.2.1", "192.0.2.2"},
					       {"2001:db8::1", "2001:db8::2"},
					       {"2001:db8::3", "2001:db8::4"},
					       {"192.0.2.1", "192.0.2.2"}};
	const struct sadb_flow_v4 flow = rig_flow("10.0.0.1", "10.1.0.1", IPPROTO_UDP, 1, 2);
	struct sadb *db = rig_create(NULL);
	struct sadb_policy_config policy = rig_policy("10.1.0.0/16", 100, 7);
	(void)state;
	assert_int_equal(sadb_policy_add(db, &policy, false, &rig_err), 0);
	rig_add(db, 1);
	rig_commit(db);
	uint64_t number = rig_take(rig_lookup(db, 1), 1);
	for (unsigned i = 0; i < 3; i++) {
		const struct sadb_migration one = {.old_src = addr(place[i][0]),
						   .old_dst = addr(place[i][1]),
						   .new_src = addr(place[i + 1][0]),
						   .new_dst = addr(place[i + 1][1]),
						   .reqid = 7,
						   .proto = IPPROTO_ESP,
						   .mode = XFRM_MODE_TUNNEL};
		if (sadb_migrate(db, &policy, &one, 1, &rig_err) != 0)
			fail_msg("%s", rig_err.text);
		rig_commit(db);
		struct sadb_sa *sa = lookup(db, place[i + 1][1], rig_sa(1).spi_be);
		assert_non_null(sa);
		assert_null(lookup(db, place[i][1], rig_sa(1).spi_be));
		assert_ptr_equal(sadb_policy_sa(rig_find(db, &flow)), sa);
		assert_int_equal(rig_take(sa, 1), ++number);
	}
	rig_reclaim_all(db);
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_sa_is_found_by_its_whole_address),
	    cmocka_unit_test(an_ipv4_address_is_not_the_ipv6_one_that_begins_with_it),
	    cmocka_unit_test(a_policy_uses_and_permits_the_sas_that_its_template_names),
	    cmocka_unit_test(a_template_that_names_no_address_permits_either_family),
	    cmocka_unit_test(what_can_be_no_outer_address_is_refused),
	    cmocka_unit_test(transport_mode_is_the_underlays_and_between_two_hosts),
	    cmocka_unit_test(an_sa_to_an_own_address_is_inbound_also_when_the_address_comes_later),
	    cmocka_unit_test(a_tunnel_moves_from_one_family_to_the_other_and_back),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
