/* SPDX-License-Identifier: BSD-3-Clause
 * From one configuration to another on a real kernel: what is wanted is there, the rest is gone, and a refusal leaves
 * everything as it was. */
#include "control/twins.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include <cmocka.h>

#include "control/log.h"
#include "control/rtnl_decode.h"
#include "tests/unit/control/netns_rig.h"

static struct ctl_twins twins;

static void
on_mistake(void *arg, const char *line)
{
	(void)arg;
	print_error("%s\n", line);
}

/* wan and lan with these addresses; routes is YAML's flow list. */
static struct ctl_config *
config(const char *wan, const char *lan, const char *routes)
{
	char text[1024];
	struct ctl_config *made;

	snprintf(text, sizeof(text),
		 "vnets: [{name: blue, id: 1}]\n"
		 "ports:\n"
		 "- {name: wan, device: net_null0, underlay: true, mtu: 1400, addresses: [%s]}\n"
		 "- {name: lan, device: net_null1, vnet: blue, addresses: [%s]}\n"
		 "- {name: new, device: net_null2, vnet: blue, addresses: [10.99.0.1/24]}\n"
		 "routes: [%s]\n",
		 wan, lan, routes);
	made = ctl_config_parse("c.yaml", text, strlen(text), on_mistake, NULL);
	assert_non_null(made);
	return made;
}

struct shown {
	char text[1024];
};

static void
show(void *arg, const struct nlmsghdr *nlh)
{
	struct shown *shown = arg;
	char text[SADB_ADDR_STRLEN], via[SADB_ADDR_STRLEN] = "";
	size_t n = strlen(shown->text);
	struct ctl_rtnl_msg msg;

	if (ctl_rtnl_decode(nlh, nlh->nlmsg_len, &msg) < 0)
		return;
	if (msg.kind == CTL_RTNL_ADDR) {
		sadb_addr_format(&msg.addr.addr, text, sizeof(text));
		snprintf(shown->text + n, sizeof(shown->text) - n, "%s%s/%u", n > 0 ? " " : "", text, msg.addr.len);
	}
	if (msg.kind == CTL_RTNL_ROUTE && msg.route.table == RT_TABLE_MAIN) {
		if (msg.route.gateway.family != AF_UNSPEC)
			sadb_addr_format(&msg.route.gateway, via, sizeof(via));
		snprintf(shown->text + n, sizeof(shown->text) - n, "%s%s%s%s", n > 0 ? ", " : "",
			 sadb_prefix_format(&msg.route.dst, text, sizeof(text)), via[0] != '\0' ? " via " : "", via);
	}
}

static void
show_global(void *arg, const struct nlmsghdr *nlh)
{
	struct ctl_rtnl_msg msg;

	if (ctl_rtnl_decode(nlh, nlh->nlmsg_len, &msg) == 0 &&
	    (msg.kind == CTL_RTNL_ADDR ? msg.addr.addr.bytes[0] != 0xfe && msg.addr.ifindex != 1
				       : msg.route.dst.addr.bytes[0] < 0xfe && msg.route.oif != 1))
		show(arg, nlh);
}

/* What the kernel has: addresses, and the main table. */
static void
assert_kernel(const char *addrs, const char *routes)
{
	struct shown shown = {.text = ""};

	assert_int_equal(ctl_rtnl_dump(ctl_rtnl_requests(twins.rtnl, RIG_WAN), RTM_GETADDR, AF_INET, show, &shown), 0);
	assert_string_equal(shown.text, addrs);
	shown.text[0] = '\0';
	assert_int_equal(ctl_rtnl_dump(ctl_rtnl_requests(twins.rtnl, RIG_WAN), RTM_GETROUTE, AF_INET, show, &shown), 0);
	assert_string_equal(shown.text, routes);
}

#define WAN    "192.0.2.1/24"
#define LAN    "10.1.0.1/24"
#define ROUTES "{to: 0.0.0.0/0, via: 192.0.2.254, port: wan}, {to: 10.9.0.0/16, via: 10.1.0.2, port: lan}"
#define BOTH   "0.0.0.0/0 via 192.0.2.254, 10.1.0.0/24, 10.9.0.0/16 via 10.1.0.2, 192.0.2.0/24"

static struct ctl_config *before;

static int
start(void **state)
{
	struct ctl_rtnl_error err;

	(void)state;
	twins.rtnl = ctl_rtnl_create(NULL, NULL, &err);
	assert_non_null(twins.rtnl);
	before = config(WAN, LAN, ROUTES);
	assert_int_equal(ctl_twin_up(&twins, before, 0, RIG_WAN), 0);
	assert_int_equal(ctl_twin_up(&twins, before, 1, RIG_LAN), 0);
	assert_kernel("", "");
	assert_int_equal(ctl_twins_change(&twins, NULL, before), 0);
	assert_kernel(WAN " " LAN, BOTH);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	rig_ip("address flush dev wan");
	rig_ip("address flush dev lan");
	rig_ip("link set wan down");
	rig_ip("link set lan down");
	ctl_config_free(before);
	ctl_rtnl_destroy(twins.rtnl);
	return 0;
}

static void
a_change_leaves_what_is_wanted_and_nothing_else(void **state)
{
	/* Steps from the start's configuration, each from the one before. */
	static const struct {
		const char *wan, *lan, *routes, *addrs, *table;
	} steps[] = {
	    {WAN, LAN, ROUTES, WAN " " LAN, BOTH},
	    {WAN, LAN ", 10.3.0.1/24", "", WAN " " LAN " 10.3.0.1/24", "10.1.0.0/24, 10.3.0.0/24, 192.0.2.0/24"},
	    {WAN, "10.3.0.1/24", "{to: 10.9.0.0/16, port: lan}", WAN " 10.3.0.1/24",
	     "10.3.0.0/24, 10.9.0.0/16, 192.0.2.0/24"},
	    /* The only address of a port is exchanged: the kernel drops the routes of the port, and they must come back. */
	    {"192.0.2.7/24", LAN, ROUTES, "192.0.2.7/24 " LAN, BOTH},
	    {"192.0.2.8/24", "10.1.0.8/24", ROUTES, "192.0.2.8/24 10.1.0.8/24", BOTH},
	    {"", "", "", "", ""},
	};
	struct ctl_config *last = before;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct ctl_config *next = config(steps[i].wan, steps[i].lan, steps[i].routes);

		assert_int_equal(ctl_twins_change(&twins, last, next), 0);
		assert_kernel(steps[i].addrs, steps[i].table);
		if (last != before)
			ctl_config_free(last);
		last = next;
	}
	ctl_config_free(last);
}

/* The value of one of a twin's switches for IPv6. */
static int
switch_v6(const char *port, const char *name)
{
	char path[128];
	FILE *file;
	int value;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", port, name);
	file = fopen(path, "r");
	assert_non_null(file);
	value = fgetc(file) - '0';
	fclose(file);
	return value;
}

/* Addresses and routes of IPv6 that are not the kernel's own link-local ones and groups. */
static void
assert_kernel_v6(const char *addrs, const char *routes)
{
	struct shown shown = {.text = ""};

	assert_int_equal(
	    ctl_rtnl_dump(ctl_rtnl_requests(twins.rtnl, RIG_WAN), RTM_GETADDR, AF_INET6, show_global, &shown), 0);
	assert_string_equal(shown.text, addrs);
	shown.text[0] = '\0';
	assert_int_equal(
	    ctl_rtnl_dump(ctl_rtnl_requests(twins.rtnl, RIG_WAN), RTM_GETROUTE, AF_INET6, show_global, &shown), 0);
	assert_string_equal(shown.text, routes);
}

#define LAN6 "2001:db8:1::1/64"
#define ROUTES6 \
	"{to: \"2001:db8:9::/48\", via: \"fe80::9\", port: lan}, {to: \"::/0\", via: \"2001:db8:1::fe\", port: lan}"

static void
a_twin_speaks_ipv6_where_the_configuration_gives_it_an_address(void **state)
{
	struct ctl_config *with = config(WAN, LAN ", \"" LAN6 "\"", ROUTES ", " ROUTES6);
	struct ctl_config *clash = config(WAN, LAN ", \"2001:db8:5::1/64\"", "{to: \"2001:db8:a::/48\", port: lan}");

	(void)state;
	assert_int_equal(switch_v6("lan", "disable_ipv6"), 1);
	assert_int_equal(switch_v6("wan", "disable_ipv6"), 1);
	assert_int_equal(ctl_twins_change(&twins, before, with), 0);
	assert_int_equal(switch_v6("lan", "disable_ipv6"), 0);
	assert_int_equal(switch_v6("wan", "disable_ipv6"), 1);
	assert_kernel(WAN " " LAN, BOTH);
	assert_kernel_v6(LAN6, "2001:db8:1::/64, 2001:db8:9::/48 via fe80::9, ::/0 via 2001:db8:1::fe");
	/* Somebody's own route, as Culvert would add it. */
	rig_ip("-6 route add 2001:db8:a::/48 dev lan proto static");
	assert_int_equal(ctl_twins_change(&twins, with, clash), -EEXIST);
	assert_kernel_v6(LAN6,
			 "2001:db8:1::/64, 2001:db8:9::/48 via fe80::9, 2001:db8:a::/48, ::/0 via 2001:db8:1::fe");
	assert_int_equal(ctl_twins_change(&twins, with, before), 0);
	assert_int_equal(switch_v6("lan", "disable_ipv6"), 1);
	assert_kernel_v6("", "");
	ctl_config_free(with);
	ctl_config_free(clash);
}

static void
a_refused_route_leaves_everything_as_it_was(void **state)
{
	struct ctl_config *wanted = config("192.0.2.7/24", LAN ", 10.3.0.1/24",
					   "{to: 10.8.0.0/16, via: 10.3.0.2, port: lan}, {to: 10.7.0.0/16, port: lan}, "
					   "{to: 10.6.0.0/16, port: lan}");

	(void)state;
	/* Somebody's own route, as Culvert would add it: it must outlive the attempt. */
	rig_ip("route add 10.7.0.0/16 dev lan proto static scope link");
	assert_int_equal(ctl_twins_change(&twins, before, wanted), -EEXIST);
	assert_kernel(WAN " " LAN,
		      "0.0.0.0/0 via 192.0.2.254, 10.1.0.0/24, 10.7.0.0/16, 10.9.0.0/16 via 10.1.0.2, 192.0.2.0/24");
	ctl_config_free(wanted);
}

static void
a_refused_address_leaves_everything_as_it_was(void **state)
{
	struct ctl_config *wanted = config("192.0.2.7/24", "10.3.0.1/24, 10.4.0.1/24, 10.5.0.1/24", "");

	(void)state;
	rig_ip("address add 10.4.0.1/24 dev lan");
	assert_int_equal(ctl_twins_change(&twins, before, wanted), -EEXIST);
	assert_kernel(WAN " 10.4.0.1/24 " LAN, "0.0.0.0/0 via 192.0.2.254, 10.1.0.0/24, 10.4.0.0/24, "
					       "10.9.0.0/16 via 10.1.0.2, 192.0.2.0/24");
	ctl_config_free(wanted);
}

static void
the_kernel_of_a_twin_does_not_route(void **state)
{
	static const struct {
		const char *file;
		char value;
	} cases[] = {
	    {"/proc/sys/net/ipv4/conf/lan/forwarding", '0'},
	    {"/proc/sys/net/ipv4/conf/wan/forwarding", '0'},
	    {"/proc/sys/net/ipv4/conf/lan/arp_ignore", '1'},
	    {"/proc/sys/net/ipv4/conf/lan/arp_announce", '2'},
	    {"/proc/sys/net/ipv4/conf/lan/promote_secondaries", '1'},
	    {"/proc/sys/net/ipv6/conf/lan/forwarding", '1'}, /* a router's flag; all/forwarding is what routes */
	    {"/proc/sys/net/ipv6/conf/all/forwarding", '0'},
	    {"/proc/sys/net/ipv6/conf/lan/accept_ra", '0'},
	    {"/proc/sys/net/ipv6/conf/lan/autoconf", '0'},
	    {"/proc/sys/net/ipv6/conf/lan/accept_redirects", '0'},
	};

	(void)state;
	/* What a host that routes gives to every interface. */
	rig_ip("link set lan down");
	assert_int_equal(system("echo 1 > /proc/sys/net/ipv4/conf/lan/forwarding"), 0);
	assert_int_equal(ctl_twin_up(&twins, before, 1, RIG_LAN), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FILE *file = fopen(cases[i].file, "r");

		assert_non_null(file);
		assert_int_equal(fgetc(file), cases[i].value);
		fclose(file);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_change_leaves_what_is_wanted_and_nothing_else, start, stop),
	    cmocka_unit_test_setup_teardown(a_twin_speaks_ipv6_where_the_configuration_gives_it_an_address, start,
					    stop),
	    cmocka_unit_test_setup_teardown(a_refused_route_leaves_everything_as_it_was, start, stop),
	    cmocka_unit_test_setup_teardown(a_refused_address_leaves_everything_as_it_was, start, stop),
	    cmocka_unit_test_setup_teardown(the_kernel_of_a_twin_does_not_route, start, stop),
	};

	if (!rig_namespace_enter())
		return RIG_SKIPPED;
	/* Refusals are what is tested; their lines are not. */
	ctl_log_level_set((enum ctl_log_level)0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
