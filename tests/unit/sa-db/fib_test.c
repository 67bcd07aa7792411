/* SPDX-License-Identifier: BSD-3-Clause
 * Longest prefix match by table, and against a naive model. */
#include "tests/unit/sa-db/rig.h"

#include <arpa/inet.h>

static struct sadb_route
route(const char *prefix, const char *gateway, uint16_t port, uint8_t kind, uint32_t metric)
{
	struct sadb_route out = {.dst = rig_prefix(prefix), .metric = metric, .port = port, .kind = kind};
	if (gateway != NULL)
		assert_int_equal(sadb_addr_parse(gateway, &out.gateway), 0);
	return out;
}

static int
port_of(const struct sadb_fib *fib, const char *addr)
{
	const struct sadb_nexthop *hop = sadb_fib_lookup(fib, inet_addr(addr));
	return hop == NULL ? -1 : hop->port;
}

static void
the_longest_prefix_wins(void **state)
{
	const struct sadb_route routes[] = {
	    route("0.0.0.0/0", "192.0.2.254", 1, SADB_ROUTE_UNICAST, 0),
	    route("10.0.0.0/8", NULL, 2, SADB_ROUTE_UNICAST, 0),
	    route("10.1.0.0/16", NULL, 3, SADB_ROUTE_UNICAST, 0),
	    route("10.1.2.0/24", NULL, 4, SADB_ROUTE_UNICAST, 0),
	    route("10.1.2.3/32", NULL, 5, SADB_ROUTE_LOCAL, 0),
	    route("10.255.255.0/24", NULL, 6, SADB_ROUTE_UNICAST, 0), /* ends with its parent */
	    route("10.255.255.255/32", NULL, 7, SADB_ROUTE_UNICAST, 0),
	    route("0.0.0.0/32", NULL, 8, SADB_ROUTE_BLACKHOLE, 0),
	    route("255.255.255.255/32", NULL, 9, SADB_ROUTE_BLACKHOLE, 0),
	    route("128.0.0.0/1", NULL, 10, SADB_ROUTE_UNICAST, 0),
	};
	static const struct {
		const char *addr;
		int port;
	} cases[] = {
	    {"0.0.0.0", 8},         {"0.0.0.1", 1},        {"9.255.255.255", 1},    {"10.0.0.0", 2},
	    {"10.0.255.255", 2},    {"10.1.0.0", 3},       {"10.1.1.255", 3},       {"10.1.2.0", 4},
	    {"10.1.2.2", 4},        {"10.1.2.3", 5},       {"10.1.2.4", 4},         {"10.1.2.255", 4},
	    {"10.1.3.0", 3},        {"10.1.255.255", 3},   {"10.2.0.0", 2},         {"10.255.254.255", 2},
	    {"10.255.255.0", 6},    {"10.255.255.254", 6}, {"10.255.255.255", 7},   {"11.0.0.0", 1},
	    {"127.255.255.255", 1}, {"128.0.0.0", 10},     {"255.255.255.254", 10}, {"255.255.255.255", 9},
	};
	(void)state;
	struct sadb_fib *fib = sadb_fib_create(routes, sizeof(routes) / sizeof(routes[0]));
	assert_non_null(fib);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (port_of(fib, cases[i].addr) != cases[i].port)
			fail_msg("%s: port %d instead of %d", cases[i].addr, port_of(fib, cases[i].addr),
				 cases[i].port);
	const struct sadb_nexthop *hop = sadb_fib_lookup(fib, inet_addr("1.2.3.4"));
	assert_int_equal(hop->gateway_v4_be, inet_addr("192.0.2.254"));
	hop = sadb_fib_lookup(fib, inet_addr("10.1.2.3"));
	assert_int_equal(hop->kind, SADB_ROUTE_LOCAL);
	assert_int_equal(hop->gateway_v4_be, 0);
	sadb_fib_destroy(fib);
}

static void
where_no_prefix_holds_there_is_no_route(void **state)
{
	const struct sadb_route routes[] = {route("10.0.0.0/8", NULL, 2, SADB_ROUTE_UNICAST, 0)};
	(void)state;
	struct sadb_fib *fib = sadb_fib_create(routes, 1);
	assert_int_equal(port_of(fib, "9.255.255.255"), -1);
	assert_int_equal(port_of(fib, "10.0.0.0"), 2);
	assert_int_equal(port_of(fib, "11.0.0.0"), -1);
	assert_int_equal(port_of(fib, "0.0.0.0"), -1);
	assert_int_equal(port_of(fib, "255.255.255.255"), -1);
	sadb_fib_destroy(fib);
	assert_int_equal(port_of(NULL, "10.0.0.0"), -1);
	fib = sadb_fib_create(NULL, 0);
	assert_non_null(fib);
	assert_int_equal(port_of(fib, "10.0.0.0"), -1);
	assert_null(sadb_fib_route(fib, 0));
	sadb_fib_destroy(fib);
}

static void
of_equal_prefixes_local_wins_then_the_lowest_metric(void **state)
{
	const struct sadb_route routes[] = {
	    route("10.0.0.0/8", NULL, 1, SADB_ROUTE_UNICAST, 20), route("10.0.0.0/8", NULL, 2, SADB_ROUTE_UNICAST, 10),
	    route("10.0.0.0/8", NULL, 3, SADB_ROUTE_UNICAST, 30), route("11.0.0.1/32", NULL, 4, SADB_ROUTE_UNICAST, 0),
	    route("11.0.0.1/32", NULL, 5, SADB_ROUTE_LOCAL, 100), route("12.1.2.3/8", NULL, 6, SADB_ROUTE_UNICAST, 5),
	    route("12.0.0.0/8", NULL, 7, SADB_ROUTE_UNICAST, 1), /* the same prefix, though written otherwise */
	};
	(void)state;
	struct sadb_fib *fib = sadb_fib_create(routes, sizeof(routes) / sizeof(routes[0]));
	assert_int_equal(port_of(fib, "10.5.5.5"), 2);
	assert_int_equal(port_of(fib, "11.0.0.1"), 5);
	assert_int_equal(port_of(fib, "12.9.9.9"), 7);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(sadb_fib_route(fib, i));
	assert_null(sadb_fib_route(fib, 3));
	assert_int_equal(sadb_fib_route(fib, 0)->port, 2);
	sadb_fib_destroy(fib);
}

static int
port_of_v6(const struct sadb_fib *fib, const char *text)
{
	struct sadb_addr addr;
	assert_int_equal(sadb_addr_parse(text, &addr), 0);
	const struct sadb_nexthop *hop = sadb_fib_lookup_v6(fib, addr.bytes);
	return hop == NULL ? -1 : hop->port;
}

static void
the_longest_prefix_of_ipv6_wins(void **state)
{
	const struct sadb_route routes[] = {
	    route("::/0", "2001:db8::fe", 1, SADB_ROUTE_UNICAST, 0),
	    route("2001:db8::/32", NULL, 2, SADB_ROUTE_UNICAST, 0),
	    route("2001:db8:1::/48", NULL, 3, SADB_ROUTE_UNICAST, 0),
	    route("2001:db8:1:2::/64", "fe80::1", 4, SADB_ROUTE_UNICAST, 0),
	    route("2001:db8:1:2::3/128", NULL, 5, SADB_ROUTE_LOCAL, 0),
	    route("2001:db8:ffff::/48", NULL, 6, SADB_ROUTE_UNICAST, 0), /* ends with its parent */
	    route("::/128", NULL, 8, SADB_ROUTE_BLACKHOLE, 0),
	    route("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", NULL, 9, SADB_ROUTE_BLACKHOLE, 0),
	    route("8000::/1", NULL, 10, SADB_ROUTE_UNICAST, 20),
	    route("8000::/1", NULL, 11, SADB_ROUTE_UNICAST, 10),  /* the lower metric */
	    route("10.0.0.0/8", NULL, 12, SADB_ROUTE_UNICAST, 0), /* a00:: is none of it */
	};
	static const struct {
		const char *addr;
		int port;
	} cases[] = {
	    {"::", 8},
	    {"::1", 1},
	    {"a00::1", 1},
	    {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", 1},
	    {"2001:db8::", 2},
	    {"2001:db8:0:ffff:ffff:ffff:ffff:ffff", 2},
	    {"2001:db8:1::", 3},
	    {"2001:db8:1:1:ffff:ffff:ffff:ffff", 3},
	    {"2001:db8:1:2::", 4},
	    {"2001:db8:1:2::2", 4},
	    {"2001:db8:1:2::3", 5},
	    {"2001:db8:1:2::4", 4},
	    {"2001:db8:1:2:ffff:ffff:ffff:ffff", 4},
	    {"2001:db8:1:3::", 3},
	    {"2001:db8:2::", 2},
	    {"2001:db8:fffe:ffff:ffff:ffff:ffff:ffff", 2},
	    {"2001:db8:ffff::", 6},
	    {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 6},
	    {"2001:db9::", 1},
	    {"7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1},
	    {"8000::", 11},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 11},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 9},
	};
	(void)state;
	struct sadb_fib *fib = sadb_fib_create(routes, sizeof(routes) / sizeof(routes[0]));
	assert_non_null(fib);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (port_of_v6(fib, cases[i].addr) != cases[i].port)
			fail_msg("%s: port %d instead of %d", cases[i].addr, port_of_v6(fib, cases[i].addr),
				 cases[i].port);
	assert_int_equal(port_of(fib, "10.1.2.3"), 12);
	assert_int_equal(port_of(fib, "32.1.13.184"), -1); /* 2001:db8 */
	struct sadb_addr far, near, via;
	assert_int_equal(sadb_addr_parse("2001:db8:1:2::9", &far), 0);
	assert_int_equal(sadb_addr_parse("2001:db8:1::9", &near), 0);
	assert_int_equal(sadb_addr_parse("fe80::1", &via), 0);
	assert_memory_equal(sadb_nexthop_of_v6(sadb_fib_lookup_v6(fib, far.bytes), far.bytes), via.bytes, 16);
	assert_ptr_equal(sadb_nexthop_of_v6(sadb_fib_lookup_v6(fib, near.bytes), near.bytes), near.bytes);
	assert_null(sadb_fib_lookup_v6(NULL, far.bytes));
	sadb_fib_destroy(fib);
}

static void
each_family_has_its_routes(void **state)
{
	const struct sadb_route routes[] = {route("::/0", NULL, 1, SADB_ROUTE_UNICAST, 0),
					    {.port = 3, .kind = SADB_ROUTE_UNICAST}, /* "default" without family */
					    route("10.0.0.0/8", NULL, 2, SADB_ROUTE_UNICAST, 0)};
	(void)state;
	struct sadb_fib *fib = sadb_fib_create(routes, 3);
	assert_int_equal(port_of(fib, "10.0.0.1"), 2);
	assert_int_equal(port_of(fib, "11.0.0.1"), 3);
	assert_int_equal(port_of_v6(fib, "2001:db8::1"), 1);
	assert_int_equal(sadb_fib_route(fib, 0)->port, 3); /* shown one family after the other */
	assert_int_equal(sadb_fib_route(fib, 1)->port, 2);
	assert_int_equal(sadb_fib_route(fib, 2)->port, 1);
	assert_null(sadb_fib_route(fib, 3));
	sadb_fib_destroy(fib);
}

static int
naive(const struct sadb_route *routes, unsigned n, struct sadb_addr wanted)
{
	int best_len = -1, port = -1;
	for (unsigned i = 0; i < n; i++) {
		if (sadb_prefix_contains(&routes[i].dst, &wanted) && routes[i].dst.len > best_len) {
			best_len = routes[i].dst.len;
			port = routes[i].port;
		}
	}
	return port;
}

static void
random_tables_agree_with_a_naive_search(void **state)
{
	struct sadb_route routes[400];
	(void)state;
	srand(3);
	for (unsigned round = 0; round < 60; round++) {
		unsigned n = 1 + (unsigned)rand() % 400;
		for (unsigned i = 0; i < n; i++) {
			/* Few distinct values, so that prefixes nest deep; no metric, so that the first wins. */
			uint32_t addr =
			    (uint32_t)(rand() % 4) << 30 | (uint32_t)(rand() % 8) << 20 | (uint32_t)(rand() % 16);
			if (rand() % 8 == 0)
				addr = UINT32_MAX - (uint32_t)(rand() % 4);
			routes[i] = (struct sadb_route){.metric = i, .port = (uint16_t)i};
			routes[i].dst.addr = sadb_addr_v4(rte_cpu_to_be_32(addr));
			routes[i].dst.len = (uint8_t)(rand() % 33);
		}
		struct sadb_fib *fib = sadb_fib_create(routes, n);
		for (unsigned i = 0; i < 2000; i++) {
			const struct sadb_prefix *near = &routes[(unsigned)rand() % n].dst;
			uint32_t addr = rte_be_to_cpu_32(sadb_addr_to_v4(&near->addr));
			uint32_t size = near->len == 0 ? 0 : UINT32_C(1) << (32 - near->len);
			addr = rand() % 2 ? (addr & ~(size - 1)) + (uint32_t)(rand() % 3) - 1
					  : (addr | (size - 1)) + (uint32_t)(rand() % 3) - 1;
			const struct sadb_nexthop *hop = sadb_fib_lookup(fib, rte_cpu_to_be_32(addr));
			assert_int_equal(hop == NULL ? -1 : hop->port,
					 naive(routes, n, sadb_addr_v4(rte_cpu_to_be_32(addr))));
		}
		sadb_fib_destroy(fib);
	}
}

static void
random_tables_of_ipv6_agree_with_a_naive_search(void **state)
{
	struct sadb_route routes[300];
	(void)state;
	srand(4);
	for (unsigned round = 0; round < 40; round++) {
		unsigned n = 1 + (unsigned)rand() % 300;
		for (unsigned i = 0; i < n; i++) {
			uint8_t bytes[16] = {0x20, 0x01};
			for (unsigned k = 2; k < sizeof(bytes); k++)
				bytes[k] = rand() % 4 == 0 ? (uint8_t)(rand() % 3 - 1) : 0;
			routes[i] = (struct sadb_route){.metric = i, .port = (uint16_t)i};
			routes[i].dst.addr = sadb_addr_v6(bytes);
			routes[i].dst.len = (uint8_t)(rand() % 129);
		}
		struct sadb_fib *fib = sadb_fib_create(routes, n);
		for (unsigned i = 0; i < 2000; i++) {
			struct sadb_addr addr = routes[(unsigned)rand() % n].dst.addr;
			addr.bytes[rand() % 16] ^= (uint8_t)(rand() % 2 ? 1 << rand() % 8 : 0);
			const struct sadb_nexthop *hop = sadb_fib_lookup_v6(fib, addr.bytes);
			assert_int_equal(hop == NULL ? -1 : hop->port, naive(routes, n, addr));
		}
		sadb_fib_destroy(fib);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_longest_prefix_wins),
	    cmocka_unit_test(where_no_prefix_holds_there_is_no_route),
	    cmocka_unit_test(of_equal_prefixes_local_wins_then_the_lowest_metric),
	    cmocka_unit_test(the_longest_prefix_of_ipv6_wins),
	    cmocka_unit_test(each_family_has_its_routes),
	    cmocka_unit_test(random_tables_agree_with_a_naive_search),
	    cmocka_unit_test(random_tables_of_ipv6_agree_with_a_naive_search),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
