/* SPDX-License-Identifier: BSD-3-Clause
 * What rtnetlink messages do to the lists that tables are built of. */
#include "control/rtnl_state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include <cmocka.h>

enum { WAN = 7, LAN = 8, OTHER = 9 }; /* interfaces; the last is no twin */

static struct sadb_vnet underlay, blue;

static void
state_setup(struct ctl_rtnl_state *state)
{
	ctl_rtnl_state_init(state, NULL);
	assert_int_equal(ctl_rtnl_twin_add(state, &(struct ctl_rtnl_twin){WAN, 0, &underlay, true, "wan"}), 0);
	assert_int_equal(ctl_rtnl_twin_add(state, &(struct ctl_rtnl_twin){LAN, 1, &blue, true, "lan"}), 0);
}

static struct ctl_rtnl_msg
route(const char *dst, const char *gateway, int oif)
{
	struct ctl_rtnl_msg msg = {.kind = CTL_RTNL_ROUTE,
				   .route = {.table = RT_TABLE_MAIN, .oif = oif, .kind = SADB_ROUTE_UNICAST}};

	assert_int_equal(sadb_prefix_parse(dst, &msg.route.dst), 0);
	if (gateway != NULL)
		assert_int_equal(sadb_addr_parse(gateway, &msg.route.gateway), 0);
	return msg;
}

static struct ctl_rtnl_msg
neigh(const char *addr, int ifindex, uint8_t mac)
{
	struct ctl_rtnl_msg msg = {.kind = CTL_RTNL_NEIGH,
				   .neigh = {.ifindex = ifindex, .usable = true, .mac = {2, 0, 0, 0, 0, mac}}};

	assert_int_equal(sadb_addr_parse(addr, &msg.neigh.addr), 0);
	return msg;
}

static struct ctl_rtnl_msg
address(const char *addr, int ifindex)
{
	struct ctl_rtnl_msg msg = {.kind = CTL_RTNL_ADDR, .addr = {.ifindex = ifindex, .len = 24}};

	assert_int_equal(sadb_addr_parse(addr, &msg.addr.addr), 0);
	return msg;
}

/* The i-th route of a domain as "DST via GATEWAY", in the order of the set. */
static void
assert_routes(const struct ctl_rtnl_state *state, const struct sadb_vnet *domain, const char *expected)
{
	char text[1024] = "", dst[SADB_ADDR_STRLEN], gateway[SADB_ADDR_STRLEN];
	struct sadb_route *routes;
	unsigned n;

	assert_int_equal(ctl_rtnl_routes(state, domain, &routes, &n), 0);
	for (unsigned i = 0; i < n; i++) {
		strcat(text, i > 0 ? ", " : "");
		strcat(text, sadb_prefix_format(&routes[i].dst, dst, sizeof(dst)));
		if (routes[i].gateway.family != AF_UNSPEC) {
			strcat(text, " via ");
			strcat(text, sadb_addr_format(&routes[i].gateway, gateway, sizeof(gateway)));
		}
		if (routes[i].kind == SADB_ROUTE_BLACKHOLE)
			strcat(text, " blackhole");
		else
			assert_int_equal(routes[i].port, domain == &blue ? 1 : 0);
	}
	free(routes);
	assert_string_equal(text, expected);
}

static void
routes_go_to_the_domain_of_their_twin(void **unused)
{
	struct ctl_rtnl_msg msgs[] = {
	    route("0.0.0.0/0", "192.0.2.254", WAN),
	    route("10.1.0.0/24", NULL, LAN),
	    route("10.66.0.0/16", "172.16.0.1", OTHER),
	    route("10.2.0.0/16", NULL, 0),
	};
	static const int changes[] = {CTL_RTNL_ROUTES, CTL_RTNL_ROUTES, 0, CTL_RTNL_ROUTES};
	struct ctl_rtnl_state state;

	(void)unused;
	state_setup(&state);
	msgs[3].route.kind = SADB_ROUTE_BLACKHOLE;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ctl_rtnl_apply(&state, &msgs[i]), changes[i]);
		assert_int_equal(ctl_rtnl_apply(&state, &msgs[i]), 0); /* said twice: no news */
	}
	assert_routes(&state, &underlay, "0.0.0.0/0 via 192.0.2.254, 10.2.0.0/16 blackhole");
	assert_routes(&state, &blue, "10.1.0.0/24, 10.2.0.0/16 blackhole");
	for (unsigned i = 0; i < 4; i++) {
		msgs[i].gone = true;
		assert_int_equal(ctl_rtnl_apply(&state, &msgs[i]), changes[i]);
		assert_int_equal(ctl_rtnl_apply(&state, &msgs[i]), 0);
	}
	assert_routes(&state, &underlay, "");
	assert_routes(&state, &blue, "");
	ctl_rtnl_state_clear(&state);
}

static void
a_replaced_route_leaves_nothing_behind(void **unused)
{
	struct ctl_rtnl_msg first = route("10.9.0.0/16", "192.0.2.1", WAN);
	struct ctl_rtnl_msg other_metric = route("10.9.0.0/16", "192.0.2.9", WAN);
	struct ctl_rtnl_msg second = route("10.9.0.0/16", "192.0.2.2", WAN);
	struct ctl_rtnl_msg away = route("10.9.0.0/16", "172.16.0.1", OTHER);
	struct ctl_rtnl_state state;

	(void)unused;
	state_setup(&state);
	other_metric.route.metric = 5;
	second.replace = true;
	away.replace = true;
	assert_int_equal(ctl_rtnl_apply(&state, &first), CTL_RTNL_ROUTES);
	assert_int_equal(ctl_rtnl_apply(&state, &other_metric), CTL_RTNL_ROUTES);
	assert_int_equal(ctl_rtnl_apply(&state, &second), CTL_RTNL_ROUTES);
	assert_routes(&state, &underlay, "10.9.0.0/16 via 192.0.2.2, 10.9.0.0/16 via 192.0.2.9");
	/* To an interface that is no twin: the old route must go all the same. */
	assert_int_equal(ctl_rtnl_apply(&state, &away), CTL_RTNL_ROUTES);
	assert_routes(&state, &underlay, "10.9.0.0/16 via 192.0.2.9");
	ctl_rtnl_state_clear(&state);
}

static void
a_replacement_among_several_asks_again(void **unused)
{
	struct ctl_rtnl_msg first = route("10.9.0.0/16", "192.0.2.1", WAN);
	struct ctl_rtnl_msg appended = route("10.9.0.0/16", "192.0.2.2", WAN);
	struct ctl_rtnl_msg replacing = route("10.9.0.0/16", "192.0.2.3", WAN);
	struct ctl_rtnl_state state;

	(void)unused;
	state_setup(&state);
	replacing.replace = true;
	ctl_rtnl_apply(&state, &first);
	ctl_rtnl_apply(&state, &appended);
	assert_int_equal(ctl_rtnl_apply(&state, &replacing), CTL_RTNL_ROUTES | CTL_RTNL_AGAIN);
	ctl_rtnl_state_clear(&state);
}

static void
a_link_that_changes_state_asks_again(void **unused)
{
	struct ctl_rtnl_msg msg = {.kind = CTL_RTNL_LINK, .link = {.ifindex = WAN, .up = false, .name = "wan"}};
	struct ctl_rtnl_state state;

	(void)unused;
	state_setup(&state);
	assert_int_equal(ctl_rtnl_apply(&state, &msg), CTL_RTNL_AGAIN);
	/* Known from a dump, said again by an event: a route may have come and gone in between. */
	assert_int_equal(ctl_rtnl_apply(&state, &msg), CTL_RTNL_AGAIN);
	msg.link.up = true;
	assert_int_equal(ctl_rtnl_apply(&state, &msg), CTL_RTNL_AGAIN);
	assert_int_equal(ctl_rtnl_apply(&state, &msg), 0);
	msg.gone = true;
	assert_int_equal(ctl_rtnl_apply(&state, &msg), CTL_RTNL_AGAIN | CTL_RTNL_GONE);
	msg.link.ifindex = OTHER;
	assert_int_equal(ctl_rtnl_apply(&state, &msg), 0);
	ctl_rtnl_state_clear(&state);
}

static void
an_address_that_goes_asks_again(void **unused)
{
	struct ctl_rtnl_msg first = address("192.0.2.1", WAN), second = address("192.0.2.2", WAN);
	struct ctl_rtnl_msg lan = address("10.1.0.1", LAN), other = address("172.16.0.1", OTHER);
	struct ctl_rtnl_state state;
	struct sadb_addr addrs[2];

	(void)unused;
	state_setup(&state);
	assert_int_equal(ctl_rtnl_apply(&state, &first), CTL_RTNL_ADDRS);
	assert_int_equal(ctl_rtnl_apply(&state, &first), 0);
	assert_int_equal(ctl_rtnl_apply(&state, &second), CTL_RTNL_ADDRS);
	assert_int_equal(ctl_rtnl_apply(&state, &lan), CTL_RTNL_ADDRS);
	assert_int_equal(ctl_rtnl_apply(&state, &other), 0);
	assert_int_equal(ctl_rtnl_addrs(&state, WAN, addrs, 1), 2); /* says how many, writes what there is room for */
	assert_true(sadb_addr_equal(&addrs[0], &first.addr.addr));
	assert_int_equal(ctl_rtnl_addrs(&state, LAN, addrs, 2), 1);
	assert_true(sadb_addr_equal(&addrs[0], &lan.addr.addr));
	first.gone = true;
	assert_int_equal(ctl_rtnl_apply(&state, &first), CTL_RTNL_ADDRS | CTL_RTNL_AGAIN);
	/* A dump amid which it went did not show it, nor the routes that preferred it. */
	assert_int_equal(ctl_rtnl_apply(&state, &first), CTL_RTNL_AGAIN);
	other.gone = true;
	assert_int_equal(ctl_rtnl_apply(&state, &other), 0);
	assert_int_equal(ctl_rtnl_addrs(&state, WAN, addrs, 2), 1);
	assert_true(sadb_addr_equal(&addrs[0], &second.addr.addr));
	ctl_rtnl_state_clear(&state);
}

static void
a_neighbour_is_news_when_its_address_changes(void **unused)
{
	struct ctl_rtnl_msg known = neigh("10.1.0.9", LAN, 9), moved = neigh("10.1.0.9", LAN, 99);
	struct ctl_rtnl_msg outside = neigh("192.0.2.254", WAN, 254), other = neigh("172.16.0.1", OTHER, 1);
	struct ctl_rtnl_state state;
	struct sadb_neigh *neighs;
	unsigned n;

	(void)unused;
	state_setup(&state);
	assert_int_equal(ctl_rtnl_apply(&state, &known), CTL_RTNL_NEIGHS);
	assert_int_equal(ctl_rtnl_apply(&state, &known), 0); /* as from reachable to stale */
	assert_int_equal(ctl_rtnl_apply(&state, &moved), CTL_RTNL_NEIGHS);
	assert_int_equal(ctl_rtnl_apply(&state, &outside), CTL_RTNL_NEIGHS);
	assert_int_equal(ctl_rtnl_apply(&state, &other), 0);
	assert_int_equal(ctl_rtnl_neighs(&state, &neighs, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(neighs[0].port, 0);
	assert_int_equal(neighs[0].mac[5], 254);
	assert_int_equal(neighs[1].port, 1);
	assert_int_equal(neighs[1].mac[5], 99);
	assert_memory_equal(&neighs[1].addr_v4_be, known.neigh.addr.bytes, 4);
	free(neighs);
	/* Failed: what was usable goes. */
	moved.neigh.usable = false;
	assert_int_equal(ctl_rtnl_apply(&state, &moved), CTL_RTNL_NEIGHS);
	assert_int_equal(ctl_rtnl_apply(&state, &moved), 0);
	outside.gone = true;
	assert_int_equal(ctl_rtnl_apply(&state, &outside), CTL_RTNL_NEIGHS);
	assert_int_equal(ctl_rtnl_neighs(&state, &neighs, &n), 0);
	assert_int_equal(n, 0);
	assert_null(neighs);
	ctl_rtnl_state_clear(&state);
}

/* In bytes 0.0.0.0/0 and ::/0 are the same, and so are 10.0.0.1 and a00:1::. */
static void
the_families_do_not_take_each_others_place(void **unused)
{
	struct ctl_rtnl_msg v4 = route("0.0.0.0/0", "192.0.2.254", WAN), v6 = route("::/0", "fe80::1", WAN);
	struct ctl_rtnl_msg near4 = {.kind = CTL_RTNL_NEIGH, .neigh = {.ifindex = LAN, .usable = true, .mac = {2}}};
	struct ctl_rtnl_msg near6 = near4;
	struct sadb_neigh *neighs;
	struct ctl_rtnl_state state;
	unsigned n;

	(void)unused;
	assert_int_equal(sadb_addr_parse("10.0.0.1", &near4.neigh.addr), 0);
	assert_int_equal(sadb_addr_parse("a00:1::", &near6.neigh.addr), 0);
	state_setup(&state);
	assert_int_equal(ctl_rtnl_apply(&state, &v4), CTL_RTNL_ROUTES);
	v6.replace = true;
	assert_int_equal(ctl_rtnl_apply(&state, &v6), CTL_RTNL_ROUTES);
	assert_routes(&state, &underlay, "0.0.0.0/0 via 192.0.2.254, ::/0 via fe80::1");
	v4.gone = true;
	assert_int_equal(ctl_rtnl_apply(&state, &v4), CTL_RTNL_ROUTES);
	assert_routes(&state, &underlay, "::/0 via fe80::1");
	assert_int_equal(ctl_rtnl_apply(&state, &near4), CTL_RTNL_NEIGHS);
	assert_int_equal(ctl_rtnl_apply(&state, &near6), CTL_RTNL_NEIGHS);
	assert_int_equal(ctl_rtnl_neighs(&state, &neighs, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(neighs[0].v6, 0);
	assert_int_equal(neighs[1].v6, 1);
	assert_memory_equal(neighs[1].addr_v6, near6.neigh.addr.bytes, 16);
	free(neighs);
	ctl_rtnl_state_clear(&state);
}

static void
a_fresh_state_knows_the_twins_and_nothing_else(void **unused)
{
	struct ctl_rtnl_msg msg = route("0.0.0.0/0", "192.0.2.254", WAN);
	struct ctl_rtnl_state state, fresh;

	(void)unused;
	state_setup(&state);
	ctl_rtnl_apply(&state, &msg);
	ctl_rtnl_state_init(&fresh, &state);
	assert_int_equal(ctl_rtnl_twin_find(&fresh, LAN)->port, 1);
	assert_null(ctl_rtnl_twin_find(&fresh, OTHER));
	assert_routes(&fresh, &underlay, "");
	assert_int_equal(ctl_rtnl_apply(&fresh, &msg), CTL_RTNL_ROUTES);
	ctl_rtnl_state_clear(&fresh);
	assert_routes(&state, &underlay, "0.0.0.0/0 via 192.0.2.254");
	ctl_rtnl_state_clear(&state);
}

static void
there_is_room_for_every_port_and_no_more(void **unused)
{
	const struct ctl_rtnl_twin twin = {.ifindex = 1, .domain = &underlay};
	struct ctl_rtnl_state state;

	(void)unused;
	ctl_rtnl_state_init(&state, NULL);
	for (unsigned i = 0; i < CTL_RTNL_TWINS; i++)
		assert_int_equal(ctl_rtnl_twin_add(&state, &twin), 0);
	assert_int_equal(ctl_rtnl_twin_add(&state, &twin), -ENOSPC);
	ctl_rtnl_state_clear(&state);
}

static void
many_routes_come_and_go(void **unused)
{
	enum { MANY = 20000 };
	struct ctl_rtnl_state state;
	struct sadb_route *routes;
	unsigned n;

	(void)unused;
	state_setup(&state);
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < MANY; i++) {
			struct ctl_rtnl_msg msg = route("0.0.0.0/24", "192.0.2.254", WAN);

			msg.gone = round == 1;
			msg.route.dst.addr.bytes[0] = 20;
			msg.route.dst.addr.bytes[1] = (uint8_t)(i >> 8);
			msg.route.dst.addr.bytes[2] = (uint8_t)i;
			assert_int_equal(ctl_rtnl_apply(&state, &msg), CTL_RTNL_ROUTES);
		}
		assert_int_equal(ctl_rtnl_routes(&state, &underlay, &routes, &n), 0);
		assert_int_equal(n, round == 0 ? MANY : 0);
		free(routes);
	}
	ctl_rtnl_state_clear(&state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(routes_go_to_the_domain_of_their_twin),
	    cmocka_unit_test(a_replaced_route_leaves_nothing_behind),
	    cmocka_unit_test(a_replacement_among_several_asks_again),
	    cmocka_unit_test(a_link_that_changes_state_asks_again),
	    cmocka_unit_test(an_address_that_goes_asks_again),
	    cmocka_unit_test(a_neighbour_is_news_when_its_address_changes),
	    cmocka_unit_test(a_fresh_state_knows_the_twins_and_nothing_else),
	    cmocka_unit_test(the_families_do_not_take_each_others_place),
	    cmocka_unit_test(there_is_room_for_every_port_and_no_more),
	    cmocka_unit_test(many_routes_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
