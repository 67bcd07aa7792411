/* SPDX-License-Identifier: BSD-3-Clause
 * Addresses, prefixes, selectors: text and comparison at their edges. */
#include "tests/unit/sa-db/rig.h"

static void
an_address_comes_back_from_its_text(void **state)
{
	static const char *const texts[] = {"0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "2001:db8::1"};
	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sadb_addr addr;
		char buf[SADB_ADDR_STRLEN];
		assert_int_equal(sadb_addr_parse(texts[i], &addr), 0);
		assert_int_equal(addr.family, strchr(texts[i], ':') ? AF_INET6 : AF_INET);
		assert_string_equal(sadb_addr_format(&addr, buf, sizeof(buf)), texts[i]);
	}
}

static void
what_is_no_address_is_refused_and_leaves_the_value(void **state)
{
	static const char *const texts[] = {"",          "10.1.2",    "10.1.2.3.4", "256.0.0.1",
					    " 10.0.0.1", "10.0.0.1 ", "any",        "1:2"};
	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sadb_addr addr = {.family = 77};
		assert_int_equal(sadb_addr_parse(texts[i], &addr), -EINVAL);
		assert_int_equal(addr.family, 77);
	}
}

static void
a_prefix_is_read_with_and_without_its_length(void **state)
{
	static const struct {
		const char *text, *shown;
		int rc;
	} cases[] = {
	    {"10.0.0.0/8", "10.0.0.0/8", 0},
	    {"10.0.0.1", "10.0.0.1/32", 0},
	    {"0.0.0.0/0", "0.0.0.0/0", 0},
	    {"2001:db8::/32", "2001:db8::/32", 0},
	    {"::1", "::1/128", 0},
	    {"::/128", "::/128", 0},
	    {"10.0.0.0/33", NULL, -EINVAL},
	    {"10.0.0.0/", NULL, -EINVAL},
	    {"10.0.0.0/-1", NULL, -EINVAL},
	    {"10.0.0.0/08", NULL, -EINVAL},
	    {"10.0.0.0/8x", NULL, -EINVAL},
	    {"10.0.0.0/8/8", NULL, -EINVAL},
	    {"10.0.0.0/4294967304", NULL, -EINVAL},
	    {"::/129", NULL, -EINVAL},
	    {"/8", NULL, -EINVAL},
	    {"", NULL, -EINVAL},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_prefix prefix = {.len = 99};
		char buf[SADB_ADDR_STRLEN];
		assert_int_equal(sadb_prefix_parse(cases[i].text, &prefix), cases[i].rc);
		if (cases[i].rc == 0)
			assert_string_equal(sadb_prefix_format(&prefix, buf, sizeof(buf)), cases[i].shown);
		else
			assert_int_equal(prefix.len, 99);
	}
}

static void
text_is_cut_to_the_room_it_has(void **state)
{
	char buf[6] = "xxxxx";
	struct sadb_prefix prefix = rig_prefix("10.0.0.0/8");
	(void)state;
	assert_string_equal(sadb_prefix_format(&prefix, buf, sizeof(buf)), "10.0.");
	assert_string_equal(sadb_addr_format(&prefix.addr, buf, 3), "10");
}

static void
a_prefix_holds_its_addresses_and_no_others(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool inside;
	} cases[] = {
	    {"0.0.0.0/0", "255.255.255.255", true},
	    {"128.0.0.0/1", "128.0.0.0", true},
	    {"128.0.0.0/1", "127.255.255.255", false},
	    {"10.1.2.0/23", "10.1.3.255", true},
	    {"10.1.2.0/23", "10.1.4.0", false},
	    {"10.1.2.3/32", "10.1.2.3", true},
	    {"10.1.2.3/32", "10.1.2.2", false},
	    {"10.1.2.3/31", "10.1.2.2", true}, /* bits behind the length do not count */
	    {"0.0.0.0/0", "::1", false},
	    {"::/0", "10.0.0.1", false},
	    {"2001:db8::/33", "2001:db8:7fff::", true},
	    {"2001:db8::/33", "2001:db8:8000::", false},
	    {"::1/128", "::1", true},
	    {"::1/128", "::", false},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_prefix prefix = rig_prefix(cases[i].prefix);
		struct sadb_addr addr;
		assert_int_equal(sadb_addr_parse(cases[i].addr, &addr), 0);
		assert_int_equal(sadb_prefix_contains(&prefix, &addr), cases[i].inside);
	}
	struct sadb_prefix any = {.len = 0};
	struct sadb_addr v4 = sadb_addr_v4(1);
	assert_true(sadb_prefix_contains(&any, &v4));
}

static void
a_selector_matches_ports_under_their_masks(void **state)
{
	struct sadb_selector sel = {
	    .src = rig_prefix("10.0.0.0/8"),
	    .dst = rig_prefix("10.2.0.0/16"),
	    .sport_be = rte_cpu_to_be_16(0x1000),
	    .sport_mask_be = rte_cpu_to_be_16(0xff00),
	    .dport_be = rte_cpu_to_be_16(443),
	    .dport_mask_be = 0xffff,
	    .proto = IPPROTO_TCP,
	};
	static const struct {
		const char *src, *dst;
		uint16_t sport, dport;
		uint8_t proto;
		bool matches;
	} cases[] = {
	    {"10.9.9.9", "10.2.3.4", 0x10ff, 443, IPPROTO_TCP, true},
	    {"10.9.9.9", "10.2.3.4", 0x1000, 443, IPPROTO_TCP, true},
	    {"10.9.9.9", "10.2.3.4", 0x1100, 443, IPPROTO_TCP, false},
	    {"10.9.9.9", "10.2.3.4", 0x1000, 442, IPPROTO_TCP, false},
	    {"10.9.9.9", "10.2.3.4", 0x1000, 443, IPPROTO_UDP, false},
	    {"11.9.9.9", "10.2.3.4", 0x1000, 443, IPPROTO_TCP, false},
	    {"10.9.9.9", "10.3.3.4", 0x1000, 443, IPPROTO_TCP, false},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_flow flow = {.sport_be = rte_cpu_to_be_16(cases[i].sport),
					 .dport_be = rte_cpu_to_be_16(cases[i].dport),
					 .proto = cases[i].proto};
		assert_int_equal(sadb_addr_parse(cases[i].src, &flow.src), 0);
		assert_int_equal(sadb_addr_parse(cases[i].dst, &flow.dst), 0);
		assert_int_equal(sadb_selector_matches(&sel, &flow), cases[i].matches);
	}
}

static void
selectors_are_equal_when_they_match_the_same_packets(void **state)
{
	struct sadb_selector a = {.src = rig_prefix("10.0.0.0/8"), .dst = rig_prefix("10.2.0.0/16")}, b = a;
	(void)state;
	assert_true(sadb_selector_equal(&a, &b));
	b.src = rig_prefix("10.7.7.7/8");
	b.sport_be = 5; /* under a zero mask */
	assert_true(sadb_selector_equal(&a, &b));
	b.src = rig_prefix("10.0.0.0/9");
	assert_false(sadb_selector_equal(&a, &b));
	b = a;
	b.sport_mask_be = 0xffff;
	assert_false(sadb_selector_equal(&a, &b));
	b = a;
	b.proto = 6;
	assert_false(sadb_selector_equal(&a, &b));
	b = a;
	b.dst = rig_prefix("10.3.0.0/16");
	assert_false(sadb_selector_equal(&a, &b));
}

static void
a_trimmed_prefix_keeps_what_its_length_fixes(void **state)
{
	static const struct {
		const char *prefix, *trimmed;
	} cases[] = {
	    {"10.1.2.3/32", "10.1.2.3/32"},
	    {"10.1.2.3/31", "10.1.2.2/31"},
	    {"10.255.2.3/9", "10.128.0.0/9"},
	    {"255.1.2.3/0", "0.0.0.0/0"},
	    {"2001:db8:ffff::1/128", "2001:db8:ffff::1/128"},
	    {"2001:db8:ffff::1/127", "2001:db8:ffff::/127"},
	    {"2001:db8:ffff::1/33", "2001:db8:8000::/33"},
	    {"2001:db8:ffff::1/64", "2001:db8:ffff::/64"},
	    {"ffff::1/0", "::/0"},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_prefix prefix;
		char text[SADB_ADDR_STRLEN];
		assert_int_equal(sadb_prefix_parse(cases[i].prefix, &prefix), 0);
		sadb_prefix_trim(&prefix);
		assert_string_equal(sadb_prefix_format(&prefix, text, sizeof(text)), cases[i].trimmed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_comes_back_from_its_text),
	    cmocka_unit_test(what_is_no_address_is_refused_and_leaves_the_value),
	    cmocka_unit_test(a_prefix_is_read_with_and_without_its_length),
	    cmocka_unit_test(text_is_cut_to_the_room_it_has),
	    cmocka_unit_test(a_prefix_holds_its_addresses_and_no_others),
	    cmocka_unit_test(a_selector_matches_ports_under_their_masks),
	    cmocka_unit_test(selectors_are_equal_when_they_match_the_same_packets),
	    cmocka_unit_test(a_trimmed_prefix_keeps_what_its_length_fixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
