/* SPDX-License-Identifier: BSD-3-Clause
 * Multicast and broadcast: through a tunnel only under a policy whose destination is within it, and out of one to the link
 * behind the route, with the link's address for the group (RFC 1112 6.4, RFC 2464 7). Link multicast stays on its link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/ipv6_rig.h"

#define SEALED DP_DROP_COUNT
#define PASSES DP_DROP_COUNT

static const struct witness_twist plain;

static size_t
packet_v4(uint8_t *ip, const char *src, const char *dst, uint8_t ttl, uint16_t payload)
{
	const struct sadb_addr from = rig_address(src), to = rig_address(dst);
	struct witness_ip header = {.src = rte_be_to_cpu_32(sadb_addr_to_v4(&from)),
				    .dst = rte_be_to_cpu_32(sadb_addr_to_v4(&to)),
				    .sport = 4000,
				    .dport = 5000,
				    .payload = payload,
				    .proto = 17,
				    .ttl = ttl};
	return witness_packet(&header, ip);
}

static void
policy(struct gateway *gw, enum sadb_policy_dir dir, const char *src, const char *dst)
{
	struct sadb_policy_config config = gateway_policy(dir);
	config.sel.src = rig_prefix(src);
	config.sel.dst = rig_prefix(dst);
	config.priority = 1;
	gateway_set_policy(gw, &config);
	gateway_commit(gw);
}

/* Into the LAN as a host sends it: to the link's address of all. */
static void
put(struct gateway *gw, const uint8_t *ip, size_t bytes)
{
	gw->v6 = ip[0] >> 4 == 6;
	struct rte_mbuf *m = gateway_frame(gw, GW_PORT_LAN, ip, bytes);
	rte_pktmbuf_mtod(m, uint8_t *)[0] |= 1;
	assert_int_equal(rte_ring_enqueue(gw->rx[GW_PORT_LAN], m), 0);
	gateway_turn(gw);
}

static void
assert_sealed(struct gateway *gw, uint8_t *ip, size_t bytes)
{
	uint8_t wire[RIG_BUFFER], inner[RIG_BUFFER];
	size_t inner_bytes = 0, sent = gateway_take(gw, GW_PORT_WAN, wire);
	uint32_t seq;
	const char *wrong = sent == 0 ? "nothing" : witness_open(&gw->out, 0, wire, sent, inner, &inner_bytes, &seq);
	if (wrong != NULL)
		fail_msg("%s", wrong);
	assert_int_equal(inner_bytes, bytes);
	assert_int_equal(inner[ip[0] >> 4 == 6 ? 7 : 8], ip[ip[0] >> 4 == 6 ? 7 : 8] - 1);
	assert_memory_equal(inner + 12, ip + 12, bytes - 12);
}

static void
into_a_tunnel_goes_only_what_a_policy_names(void **state)
{
	static const struct {
		const char *policy, *dst;
		uint8_t ttl;
		enum dp_drop reason;
	} rows[] = {
	    {"0.0.0.0/0", "239.1.2.3", 8, DP_DROP_IP_MULTICAST},
	    {"0.0.0.0/0", "255.255.255.255", 8, DP_DROP_IP_MULTICAST},
	    {"192.0.0.0/2", "239.1.2.3", 8, DP_DROP_IP_MULTICAST},
	    {"224.0.0.0/3", "239.1.2.3", 8, DP_DROP_IP_MULTICAST},
	    {"224.0.0.0/3", "255.255.255.255", 8, DP_DROP_IP_MULTICAST},
	    {"240.0.0.0/4", "240.0.0.1", 8, DP_DROP_IP_MULTICAST},
	    {"240.0.0.0/4", "255.255.255.255", 8, DP_DROP_IP_MULTICAST},
	    {"239.1.2.3/32", "239.1.2.4", 8, DP_DROP_IP_MULTICAST},
	    {"224.0.0.0/4", "239.1.2.3", 1, DP_DROP_TTL},
	    {"224.0.0.0/4", "239.1.2.3", 0, DP_DROP_TTL},
	    {"255.255.255.255/32", "255.255.255.255", 1, DP_DROP_TTL},
	    {"224.0.0.0/4", "224.0.1.0", 8, SEALED},
	    {"224.0.0.0/4", "239.255.255.255", 2, SEALED},
	    {"239.1.2.3/32", "239.1.2.3", 8, SEALED},
	    {"255.255.255.255/32", "255.255.255.255", 8, SEALED},
	};
	uint8_t ip[RIG_BUFFER];
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gateway gw;
		struct dp_worker_stats stats;
		rig_start(&gw);
		policy(&gw, SADB_POLICY_OUT, "10.1.0.0/24", rows[i].policy);
		const size_t bytes = packet_v4(ip, "10.1.0.10", rows[i].dst, rows[i].ttl, 40);
		for (unsigned again = 1; again <= 2; again++) { /* nothing is remembered that would let it pass */
			put(&gw, ip, bytes);
			if (rows[i].reason == SEALED)
				assert_sealed(&gw, ip, bytes);
			else if (gateway_dropped(&gw, rows[i].reason) != again)
				fail_msg("%s under %s: not dropped as %s", rows[i].dst, rows[i].policy,
					 dp_drop_name(rows[i].reason));
		}
		assert_null(gateway_take_frame(&gw, GW_PORT_WAN));
		assert_null(gateway_take_frame(&gw, GW_PORT_LAN)); /* no ICMP error either (RFC 1122 3.2.2) */
		assert_int_equal(dp_worker_stats_get(gw.dp, 0, &stats), 0);
		assert_int_equal(stats.made, 0);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

static void
a_policy_that_bypasses_carries_none(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER];
	(void)state;
	rig_start(&gw);
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_OUT);
	config.sel.dst = rig_prefix("239.0.0.0/8");
	config.action = SADB_BYPASS;
	gateway_set_policy(&gw, &config);
	gateway_commit(&gw);
	put(&gw, ip, packet_v4(ip, "10.1.0.10", "239.1.2.3", 8, 40));
	assert_int_equal(gateway_dropped(&gw, DP_DROP_IP_MULTICAST), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
link_multicast_is_the_kernel_s_whatever_policies_say(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER];
	(void)state;
	rig_start(&gw);
	policy(&gw, SADB_POLICY_OUT, "10.1.0.0/24", "224.0.0.0/4");
	put(&gw, ip, packet_v4(ip, "10.1.0.10", "224.0.0.5", 8, 40));
	put(&gw, ip, packet_v4(ip, "10.1.0.10", "224.0.0.255", 1, 40));
	assert_int_equal(rig_punted(&gw), 2);
	const struct sadb_addr own = rig_address("10.1.0.1");
	assert_int_equal(dp_port_addrs_set(gw.dp, GW_PORT_LAN, &own, 1), 0);
	gw.v6 = false;
	/* The kernel's own stays on the link, or, where a policy would have it in a tunnel, nowhere. */
	gateway_inject(&gw, GW_PORT_LAN, ip, packet_v4(ip, "10.1.0.1", "224.0.0.5", 1, 40));
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_IP_MULTICAST), 1);
	assert_null(gateway_take_frame(&gw, GW_PORT_WAN));
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_group_s_packet_that_is_too_long_is_dropped_without_a_word(void **state)
{
	struct gateway gw;
	struct dp_worker_stats stats;
	uint8_t ip[RIG_BUFFER];
	(void)state;
	rig_start(&gw);
	policy(&gw, SADB_POLICY_OUT, "10.1.0.0/24", "224.0.0.0/4");
	const size_t bytes = packet_v4(ip, "10.1.0.10", "239.1.2.3", 8, 1460);
	ip[6] = 0x40; /* don't fragment */
	witness_checksum(ip, 20);
	put(&gw, ip, bytes);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), 1);
	assert_int_equal(dp_worker_stats_get(gw.dp, 0, &stats), 0);
	assert_int_equal(stats.made, 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
out_of_a_tunnel_a_group_s_packet_goes_where_its_route_says_with_the_group_s_mac(void **state)
{
	static const struct {
		const char *policy, *route, *dst;
		uint8_t ttl;
		enum dp_drop reason;
		uint8_t mac[6];
	} rows[] = {
	    {"239.0.0.0/8", "239.0.0.0/8", "239.129.2.3", 8, PASSES, {1, 0, 0x5e, 0x01, 2, 3}},
	    {"239.0.0.0/8", "239.0.0.0/8", "239.1.2.3", 2, PASSES, {1, 0, 0x5e, 0x01, 2, 3}},
	    {"224.0.0.0/4", "0.0.0.0/0", "224.127.255.255", 8, PASSES, {1, 0, 0x5e, 0x7f, 0xff, 0xff}},
	    {"255.255.255.255/32", "255.255.255.255/32", "255.255.255.255", 8, PASSES, {255, 255, 255, 255, 255, 255}},
	    {"0.0.0.0/0", "239.0.0.0/8", "239.1.2.3", 8, DP_DROP_IP_MULTICAST, {0}},
	    {"0.0.0.0/0", "0.0.0.0/0", "255.255.255.255", 8, DP_DROP_IP_MULTICAST, {0}},
	    {"224.0.0.0/4", "0.0.0.0/0", "224.0.0.5", 8, DP_DROP_IP_MULTICAST, {0}},
	    {"224.0.0.0/4", "239.2.0.0/16", "239.1.2.3", 8, DP_DROP_NO_ROUTE, {0}},
	    {"224.0.0.0/4", "239.0.0.0/8", "239.1.2.3", 1, DP_DROP_TTL, {0}},
	};
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gateway gw;
		rig_start(&gw);
		const struct sadb_route route = {
		    .dst = rig_prefix(rows[i].route), .gateway = rig_address("10.1.0.10"), .port = GW_PORT_LAN};
		gateway_routes(&gw, &route, 1);
		policy(&gw, SADB_POLICY_FWD, "10.2.0.0/24", rows[i].policy);
		const size_t bytes = packet_v4(ip, "10.2.0.10", rows[i].dst, rows[i].ttl, 40);
		for (unsigned again = 1; again <= 2; again++) {
			gateway_put(&gw, GW_PORT_WAN, wire, witness_seal(&gw.in, again, ip, bytes, &plain, wire));
			gateway_turn(&gw);
			struct rte_mbuf *m = gateway_take_frame(&gw, GW_PORT_LAN);
			if (rows[i].reason != PASSES) {
				assert_null(m);
				assert_int_equal(gateway_dropped(&gw, rows[i].reason), again);
				continue;
			}
			assert_non_null(m);
			assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), rows[i].mac, 6);
			assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[14 + 8], rows[i].ttl - 1);
			assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 14 + 12), ip + 12, bytes - 12);
			rte_pktmbuf_free(m);
		}
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

/* One route for both: neither goes the other's way. */
static void
among_others_a_group_s_packet_has_its_own_mac_and_they_have_theirs(void **state)
{
	static const uint8_t group[6] = {1, 0, 0x5e, 1, 2, 3};
	static const char *const dst[] = {"10.9.9.9", "239.1.2.3", "10.9.9.9", "10.9.9.9", "239.1.2.3", "239.1.2.3"};
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
	(void)state;
	rig_start(&gw);
	const struct sadb_route route = {
	    .dst = rig_prefix("0.0.0.0/0"), .gateway = rig_address("10.1.0.10"), .port = GW_PORT_LAN};
	struct sadb_neigh neigh = {.addr_v4_be = RTE_BE32(GW_HOST), .port = GW_PORT_LAN, .mac = {2, 9, 9, 9, 9, 9}};
	gateway_routes(&gw, &route, 1);
	sadb_neighs_set(gw.db, sadb_neigh_table_create(&neigh, 1));
	policy(&gw, SADB_POLICY_FWD, "10.2.0.0/24", "239.0.0.0/8");
	policy(&gw, SADB_POLICY_FWD, "10.2.0.0/24", "10.9.0.0/16");
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 6; i++) {
			const size_t bytes = packet_v4(ip, "10.2.0.10", dst[i], 8, 40);
			gateway_put(&gw, GW_PORT_WAN, wire,
				    witness_seal(&gw.in, round * 6 + i + 1, ip, bytes, &plain, wire));
		}
		gateway_turn(&gw);
		for (unsigned i = 0; i < 6; i++) {
			struct rte_mbuf *m = gateway_take_frame(&gw, GW_PORT_LAN);
			assert_non_null(m);
			const bool to_group = rte_pktmbuf_mtod(m, uint8_t *)[14 + 16] == 239;
			assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), to_group ? group : neigh.mac, 6);
			rte_pktmbuf_free(m);
		}
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
ipv6_does_likewise(void **state)
{
	static const struct {
		const char *policy, *dst;
		uint8_t hops;
		enum dp_drop out, in;
	} rows[] = {
	    {"ff00::/8", "ff05::1:3", 8, SEALED, PASSES},
	    {"ff0e::/16", "ff0e::1:3", 2, SEALED, PASSES},
	    {"::/0", "ff05::1:3", 8, DP_DROP_IP_MULTICAST, DP_DROP_IP_MULTICAST},
	    {"ff00::/7", "ff05::1:3", 8, DP_DROP_IP_MULTICAST, DP_DROP_IP_MULTICAST},
	    {"ff00::/8", "ff05::1:3", 1, DP_DROP_TTL, DP_DROP_TTL},
	    {"ff00::/8", "ff01::1:3", 8, DP_DROP_IP_MULTICAST, DP_DROP_IP_MULTICAST},
	};
	static const uint8_t mac[6] = {0x33, 0x33, 0, 1, 0, 3};
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gateway gw;
		rig_start(&gw);
		const struct sadb_route route = {.dst = rig_prefix("ff00::/8"), .port = GW_PORT_LAN};
		gateway_routes(&gw, &route, 1);
		rig_set_policy(&gw, SADB_POLICY_OUT, "2001:db8:1::/64", rows[i].policy);
		rig_set_policy(&gw, SADB_POLICY_FWD, "2001:db8:2::/64", rows[i].policy);
		gateway_commit(&gw);
		size_t bytes = rig_packet(ip, RIG_HOST, rows[i].dst, 40);
		ip[7] = rows[i].hops;
		const uint64_t before = rows[i].out == SEALED ? 0 : gateway_dropped(&gw, rows[i].out);
		put(&gw, ip, bytes);
		if (rows[i].out == SEALED)
			assert_sealed(&gw, ip, bytes);
		else
			assert_int_equal(gateway_dropped(&gw, rows[i].out), before + 1);
		bytes = rig_packet(ip, RIG_FAR, rows[i].dst, 40);
		ip[7] = rows[i].hops;
		gateway_put(&gw, GW_PORT_WAN, wire, witness_seal(&gw.in, 1, ip, bytes, &rig_inside, wire));
		gateway_turn(&gw);
		struct rte_mbuf *m = gateway_take_frame(&gw, GW_PORT_LAN);
		assert_int_equal(m != NULL, rows[i].in == PASSES);
		if (m != NULL)
			assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), mac, 6);
		else
			assert_true(gateway_dropped(&gw, rows[i].in) > (rows[i].in == rows[i].out));
		rte_pktmbuf_free(m);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(into_a_tunnel_goes_only_what_a_policy_names),
	    cmocka_unit_test(a_policy_that_bypasses_carries_none),
	    cmocka_unit_test(link_multicast_is_the_kernel_s_whatever_policies_say),
	    cmocka_unit_test(a_group_s_packet_that_is_too_long_is_dropped_without_a_word),
	    cmocka_unit_test(out_of_a_tunnel_a_group_s_packet_goes_where_its_route_says_with_the_group_s_mac),
	    cmocka_unit_test(among_others_a_group_s_packet_has_its_own_mac_and_they_have_theirs),
	    cmocka_unit_test(ipv6_does_likewise),
	};
	if (gateway_process_start() < 0)
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed;
}
