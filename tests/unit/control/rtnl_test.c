/* SPDX-License-Identifier: BSD-3-Clause
 * What iproute2 changes in a real kernel is what workers then see: routes by domain, neighbours, addresses. */
#include "control/rtnl.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <cmocka.h>

#include "control/log.h"
#include "tests/unit/control/netns_rig.h"
#include "tests/unit/eal.h"

static struct sadb *db;
static struct sadb_vnet *blue;
static struct ctl_rtnl *rtnl;

static int
keyer_init(void *area, enum sadb_aead aead, const uint8_t *key, uint32_t key_bytes)
{
	(void)area;
	(void)aead;
	(void)key;
	(void)key_bytes;
	return 0;
}

static void
keyer_fini(void *area)
{
	(void)area;
}

static int
key_id(const uint8_t *key, uint32_t key_bytes, const uint8_t salt[SADB_SALT_BYTES], uint8_t id[SADB_KEY_ID_BYTES])
{
	(void)key_bytes;
	(void)salt;
	memcpy(id, key, SADB_KEY_ID_BYTES);
	return 0;
}

static int
start(void **state)
{
	const struct sadb_config config = {
	    .max_sas = 8, .max_policies = 8, .max_workers = 1, .keyer = {64, keyer_init, keyer_fini}, .key_id = key_id};
	struct ctl_rtnl_error err;
	struct sadb_error sadb_err;

	(void)state;
	db = sadb_create(&config, &sadb_err);
	assert_non_null(db);
	assert_int_equal(sadb_vnet_add(db, 1, "blue", &sadb_err), 0);
	blue = sadb_vnet_find(db, 1);
	rig_ip("link set wan up");
	rig_ip("link set lan up");
	rig_ip("address add 192.0.2.1/24 dev wan");
	rig_ip("address add 10.1.0.1/24 dev lan");
	rig_ip("route add default via 192.0.2.254");
	rig_ip("neighbour add 192.0.2.254 lladdr 02:00:00:00:00:fe dev wan nud reachable");
	rtnl = ctl_rtnl_create(db, NULL, &err);
	assert_non_null(rtnl);
	assert_int_equal(ctl_rtnl_follow(rtnl, RIG_WAN, sadb_underlay(db), &err), 0);
	assert_int_equal(ctl_rtnl_follow(rtnl, RIG_LAN, blue, &err), 0);
	assert_int_equal(ctl_rtnl_sync(rtnl, &err), 0);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ctl_rtnl_destroy(rtnl);
	sadb_destroy(db);
	rig_ip("address flush dev wan");
	rig_ip("address flush dev lan");
	rig_ip("neighbour flush all");
	rig_ip("link set wan down");
	rig_ip("link set lan down");
	return 0;
}

/* The next hop of an address as "unicast 192.0.2.254 port 0", or "none". */
static const char *
route_of(const struct sadb_vnet *domain, const char *address)
{
	static const char *const kinds[] = {"unicast", "local", "blackhole"};
	static char text[96];
	char gateway[SADB_ADDR_STRLEN];
	const struct sadb_nexthop *hop;
	struct sadb_addr addr, via;

	assert_int_equal(sadb_addr_parse(address, &addr), 0);
	hop = addr.family == AF_INET6 ? sadb_fib_lookup_v6(sadb_vnet_fib(domain), addr.bytes)
				      : sadb_fib_lookup(sadb_vnet_fib(domain), sadb_addr_to_v4(&addr));
	if (hop == NULL)
		return "none";
	via = addr.family == AF_INET6   ? sadb_addr_v6(sadb_nexthop_of_v6(hop, addr.bytes))
	      : hop->gateway_v4_be != 0 ? sadb_addr_v4(hop->gateway_v4_be)
					: addr;
	snprintf(text, sizeof(text), "%s %s port %u", kinds[hop->kind],
		 sadb_addr_equal(&via, &addr) ? "on-link" : sadb_addr_format(&via, gateway, sizeof(gateway)),
		 hop->port);
	return text;
}

static struct sadb_neigh *
neigh_of(uint16_t port, const char *address)
{
	struct sadb_addr addr;

	assert_int_equal(sadb_addr_parse(address, &addr), 0);
	return sadb_neigh_find(sadb_neighs(db), port, &addr);
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Runs what the event loop does until the address's route is as expected, for at most 3 s. */
static void
assert_route(const struct sadb_vnet *domain, const char *address, const char *expected)
{
	const uint64_t end = now_ms() + 3000;

	do {
		ctl_rtnl_read(rtnl);
		ctl_rtnl_publish(rtnl);
		sadb_reclaim(db);
	} while (strcmp(route_of(domain, address), expected) != 0 && now_ms() < end);
	assert_string_equal(route_of(domain, address), expected);
}

static void
assert_neigh(uint16_t port, const char *address, bool known, uint8_t last_byte)
{
	const uint64_t end = now_ms() + 3000;
	const struct sadb_neigh *neigh;

	do {
		ctl_rtnl_read(rtnl);
		ctl_rtnl_publish(rtnl);
		sadb_reclaim(db);
		neigh = neigh_of(port, address);
	} while (((neigh != NULL) != known || (known && neigh->mac[5] != last_byte)) && now_ms() < end);
	assert_int_equal(neigh != NULL, known);
	if (known)
		assert_int_equal(neigh->mac[5], last_byte);
}

/* Of the port's addresses: those that are no link-local ones, which the kernel makes by itself. */
static unsigned
given_addrs(const struct rig_port *port)
{
	unsigned n = 0;

	for (unsigned i = 0; i < port->n_addrs; i++)
		n += port->addrs[i].bytes[0] != 0xfe;
	return n;
}

static void
what_is_there_at_the_start_is_published(void **state)
{
	struct sadb_vnet *underlay = sadb_underlay(db);

	(void)state;
	assert_string_equal(route_of(underlay, "203.0.113.1"), "unicast 192.0.2.254 port 0");
	assert_string_equal(route_of(underlay, "192.0.2.7"), "unicast on-link port 0");
	assert_string_equal(route_of(underlay, "192.0.2.1"), "local on-link port 0");
	assert_string_equal(route_of(blue, "10.1.0.7"), "unicast on-link port 1");
	assert_string_equal(route_of(blue, "10.1.0.1"), "local on-link port 1");
	/* A domain does not see the other's. */
	assert_string_equal(route_of(blue, "203.0.113.1"), "none");
	assert_string_equal(route_of(blue, "192.0.2.1"), "none");
	assert_non_null(neigh_of(RIG_WAN, "192.0.2.254"));
	assert_int_equal(neigh_of(RIG_WAN, "192.0.2.254")->mac[5], 0xfe);
	assert_null(neigh_of(RIG_LAN, "192.0.2.254"));
	assert_int_equal(given_addrs(&rig_ports[RIG_WAN]), 1);
	assert_int_equal(given_addrs(&rig_ports[RIG_LAN]), 1);
}

static void
ipv6_is_followed_as_ipv4_is(void **state)
{
	(void)state;
	rig_ip("address add 2001:db8:1::1/64 dev lan nodad");
	assert_route(blue, "2001:db8:1::1", "local on-link port 1");
	assert_route(blue, "2001:db8:1::7", "unicast on-link port 1");
	assert_route(sadb_underlay(db), "2001:db8:1::7", "none");
	assert_int_equal(given_addrs(&rig_ports[RIG_LAN]), 2);
	rig_ip("-6 route add 2001:db8:9::/48 via fe80::9 dev lan");
	assert_route(blue, "2001:db8:9::1", "unicast fe80::9 port 1");
	rig_ip("-6 route add default via 2001:db8:1::fe");
	assert_route(blue, "2001:db8:a::1", "unicast 2001:db8:1::fe port 1");
	rig_ip("-6 route replace 2001:db8:9::/48 via 2001:db8:1::8");
	assert_route(blue, "2001:db8:9::1", "unicast 2001:db8:1::8 port 1");
	/* A safety net is in every domain, though the kernel says that it leads to its loopback. */
	rig_ip("-6 route add blackhole 2001:db8:9:1::/64");
	assert_route(blue, "2001:db8:9:1::1", "blackhole on-link port 0");
	assert_route(sadb_underlay(db), "2001:db8:9:1::1", "blackhole on-link port 0");
	assert_route(blue, "10.1.0.7", "unicast on-link port 1");

	rig_ip("neighbour add 2001:db8:1::8 lladdr 02:00:00:00:00:08 dev lan nud reachable");
	assert_neigh(RIG_LAN, "2001:db8:1::8", true, 8);
	rig_ip("neighbour replace 2001:db8:1::8 lladdr 02:00:00:00:00:09 dev lan nud reachable");
	assert_neigh(RIG_LAN, "2001:db8:1::8", true, 9);
	rig_ip("neighbour del 2001:db8:1::8 dev lan");
	assert_neigh(RIG_LAN, "2001:db8:1::8", false, 0);

	rig_ip("-6 route del blackhole 2001:db8:9:1::/64");
	assert_route(blue, "2001:db8:9:1::1", "unicast 2001:db8:1::8 port 1");
	rig_ip("address del 2001:db8:1::1/64 dev lan");
	assert_route(blue, "2001:db8:1::7", "unicast 2001:db8:1::fe port 1");
	rig_ip("-6 route del default");
	assert_route(blue, "2001:db8:1::7", "none");
	assert_int_equal(given_addrs(&rig_ports[RIG_LAN]), 1);
}

static void
changes_of_routes_are_followed(void **state)
{
	(void)state;
	rig_ip("route add 10.9.0.0/16 via 10.1.0.2");
	assert_route(blue, "10.9.1.1", "unicast 10.1.0.2 port 1");
	rig_ip("route replace 10.9.0.0/16 via 10.1.0.3");
	assert_route(blue, "10.9.1.1", "unicast 10.1.0.3 port 1");
	rig_ip("route add blackhole 10.9.1.0/24");
	assert_route(blue, "10.9.1.1", "blackhole on-link port 0");
	assert_route(sadb_underlay(db), "10.9.1.1", "blackhole on-link port 0");
	rig_ip("route del blackhole 10.9.1.0/24");
	assert_route(blue, "10.9.1.1", "unicast 10.1.0.3 port 1");
	/* Into the other domain. */
	rig_ip("route replace 10.9.0.0/16 via 192.0.2.9");
	assert_route(blue, "10.9.1.1", "none");
	assert_route(sadb_underlay(db), "10.9.1.1", "unicast 192.0.2.9 port 0");
	rig_ip("route del 10.9.0.0/16");
	assert_route(sadb_underlay(db), "10.9.1.1", "unicast 192.0.2.254 port 0");
}

/* The kernel withdraws these without a message of their own. */
static void
a_link_that_goes_down_takes_its_routes(void **state)
{
	(void)state;
	rig_ip("route add 10.9.0.0/16 via 10.1.0.2");
	assert_route(blue, "10.9.1.1", "unicast 10.1.0.2 port 1");
	rig_ip("link set lan down");
	assert_route(blue, "10.9.1.1", "none");
	assert_route(blue, "10.1.0.7", "none");
	rig_ip("link set lan up");
	assert_route(blue, "10.1.0.7", "unicast on-link port 1");
	assert_route(blue, "10.9.1.1", "none");
}

static void
an_address_that_goes_takes_the_routes_that_prefer_it(void **state)
{
	(void)state;
	rig_ip("address add 10.1.0.99/32 dev lan");
	rig_ip("route add 10.9.0.0/16 via 10.1.0.2 src 10.1.0.99");
	assert_route(blue, "10.9.1.1", "unicast 10.1.0.2 port 1");
	assert_route(blue, "10.1.0.99", "local on-link port 1");
	assert_int_equal(given_addrs(&rig_ports[RIG_LAN]), 2);
	rig_ip("address del 10.1.0.99/32 dev lan");
	assert_route(blue, "10.9.1.1", "none");
	assert_route(blue, "10.1.0.99", "unicast on-link port 1");
	assert_int_equal(given_addrs(&rig_ports[RIG_LAN]), 1);
}

/* Both come and go while nobody reads: the dump shows neither, and what waits on the socket must not bring them back. */
static void
what_was_said_before_a_dump_does_not_undo_it(void **state)
{
	static const char *const ways_out[] = {"address del 10.1.0.99/32 dev lan", "link set lan down"};
	struct pollfd waiting = {.fd = ctl_rtnl_fd(rtnl), .events = POLLIN};
	struct ctl_rtnl_error err;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		rig_ip("address add 10.1.0.99/32 dev lan");
		rig_ip("route add 10.9.0.0/16 via 10.1.0.2 src 10.1.0.99");
		rig_ip(ways_out[i]);
		assert_int_equal(poll(&waiting, 1, 0), 1);
		assert_int_equal(ctl_rtnl_sync(rtnl, &err), 0);
		assert_int_equal(poll(&waiting, 1, 0), 0);
		ctl_rtnl_read(rtnl);
		ctl_rtnl_publish(rtnl);
		assert_string_equal(route_of(blue, "10.9.1.1"), "none");
	}
}

static void
changes_of_neighbours_are_followed(void **state)
{
	(void)state;
	rig_ip("neighbour add 10.1.0.9 lladdr 02:00:00:00:00:09 dev lan");
	assert_neigh(RIG_LAN, "10.1.0.9", true, 9);
	rig_ip("neighbour replace 10.1.0.9 lladdr 02:00:00:00:00:0a dev lan");
	assert_neigh(RIG_LAN, "10.1.0.9", true, 10);
	rig_ip("neighbour del 10.1.0.9 dev lan");
	assert_neigh(RIG_LAN, "10.1.0.9", false, 0);
}

static void
a_packet_without_a_neighbour_makes_the_kernel_ask(void **state)
{
	struct sadb_addr addr;

	(void)state;
	assert_int_equal(sadb_addr_parse("10.1.0.77", &addr), 0);
	ctl_rtnl_resolve(rtnl, RIG_LAN, &addr);
	assert_true(rig_arp_asked(&rig_ports[RIG_LAN], "10.1.0.77"));
}

/* The kernel's state (NUD_*) of a neighbour. */
struct asked_neigh {
	rte_be32_t addr_be;
	uint16_t nud;
};

static void
neigh_look(void *arg, const struct nlmsghdr *nlh)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(nlh);
	struct asked_neigh *asked = arg;
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, sizeof(*info)) {
		if (mnl_attr_get_type(attr) == NDA_DST && info->ndm_family == AF_INET &&
		    mnl_attr_get_u32(attr) == asked->addr_be)
			asked->nud = info->ndm_state;
	}
}

static uint16_t
kernel_state_of(const char *address)
{
	struct asked_neigh asked = {.nud = 0};
	struct sadb_addr addr;

	assert_int_equal(sadb_addr_parse(address, &addr), 0);
	asked.addr_be = sadb_addr_to_v4(&addr);
	assert_int_equal(ctl_rtnl_dump(ctl_rtnl_requests(rtnl, RIG_WAN), RTM_GETNEIGH, AF_INET, neigh_look, &asked), 0);
	return asked.nud;
}

static void
only_a_used_stale_neighbour_is_probed(void **state)
{
	(void)state;
	rig_ip("neighbour add 10.1.0.8 lladdr 02:00:00:00:00:08 dev lan nud stale");
	rig_ip("neighbour add 10.1.0.9 lladdr 02:00:00:00:00:09 dev lan nud stale");
	assert_neigh(RIG_LAN, "10.1.0.8", true, 8);
	assert_neigh(RIG_LAN, "10.1.0.9", true, 9);
	neigh_of(RIG_LAN, "10.1.0.9")->used = 1; /* as a worker does */
	/* A rebuilt table still knows of the use. */
	rig_ip("neighbour add 10.1.0.10 lladdr 02:00:00:00:00:10 dev lan nud permanent");
	assert_neigh(RIG_LAN, "10.1.0.10", true, 0x10);
	ctl_rtnl_refresh(rtnl);
	assert_int_equal(kernel_state_of("10.1.0.8"), NUD_STALE);
	assert_int_equal(kernel_state_of("10.1.0.9"), NUD_DELAY);
	assert_int_equal(neigh_of(RIG_LAN, "10.1.0.9")->used, 0);
}

/* Messages that this process's sockets lost: the sum of "Drops" in /proc/net/netlink, which is the namespace's. */
static unsigned long
netlink_drops(void)
{
	unsigned long drops, sum = 0;
	char line[256];
	FILE *file = fopen("/proc/thread-self/net/netlink", "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %lu", &drops) == 1)
			sum += drops;
	fclose(file);
	return sum;
}

static void
lost_events_are_made_up_for(void **state)
{
	const unsigned long before = netlink_drops();
	struct ctl_rtnl_route_request route = {.ifindex = rig_ports[RIG_LAN].ifindex};
	struct ctl_rtnl_error err;

	(void)state;
	assert_int_equal(sadb_prefix_parse("10.9.0.0/16", &route.to), 0);
	/* Nobody reads meanwhile, until the socket is full; then what matters happens unheard. */
	for (unsigned i = 0; i < 200000 && netlink_drops() == before; i++) {
		for (unsigned j = 0; j < 500; j++) {
			assert_int_equal(ctl_rtnl_route_change(ctl_rtnl_requests(rtnl, RIG_WAN), true, &route, &err),
					 0);
			assert_int_equal(ctl_rtnl_route_change(ctl_rtnl_requests(rtnl, RIG_WAN), false, &route, &err),
					 0);
		}
	}
	assert_true(netlink_drops() > before);
	rig_ip("route add 10.8.0.0/16 via 10.1.0.2");
	rig_ip("neighbour add 10.1.0.9 lladdr 02:00:00:00:00:09 dev lan");
	assert_route(blue, "10.8.1.1", "unicast 10.1.0.2 port 1");
	assert_route(blue, "10.9.1.1", "none");
	assert_neigh(RIG_LAN, "10.1.0.9", true, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_there_at_the_start_is_published, start, stop),
	    cmocka_unit_test_setup_teardown(changes_of_routes_are_followed, start, stop),
	    cmocka_unit_test_setup_teardown(ipv6_is_followed_as_ipv4_is, start, stop),
	    cmocka_unit_test_setup_teardown(a_link_that_goes_down_takes_its_routes, start, stop),
	    cmocka_unit_test_setup_teardown(an_address_that_goes_takes_the_routes_that_prefer_it, start, stop),
	    cmocka_unit_test_setup_teardown(what_was_said_before_a_dump_does_not_undo_it, start, stop),
	    cmocka_unit_test_setup_teardown(changes_of_neighbours_are_followed, start, stop),
	    cmocka_unit_test_setup_teardown(a_packet_without_a_neighbour_makes_the_kernel_ask, start, stop),
	    cmocka_unit_test_setup_teardown(only_a_used_stale_neighbour_is_probed, start, stop),
	    cmocka_unit_test_setup_teardown(lost_events_are_made_up_for, start, stop),
	};

	if (!rig_namespace_enter())
		return RIG_SKIPPED;
	ctl_log_level_set(CTL_LOG_ERROR);
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
