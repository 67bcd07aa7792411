/* SPDX-License-Identifier: BSD-3-Clause
 * IPv6 between the gateway, its kernel and its neighbours: what goes to the twin, what comes from it, who is looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/ipv6_rig.h"

static void
what_is_among_neighbours_goes_to_the_twin(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t proto, type, hops;
		bool punted;
	} cases[] = {
	    {"fe80::a", "ff02::1:ff00:1", 58, 135, 255, true}, /* where is the gateway? */
	    {"::", "ff02::1:ff00:1", 58, 135, 255, true},      /* is this address taken? */
	    {"fe80::a", "ff02::2", 58, 133, 255, true},
	    {RIG_HOST, RIG_LAN, 58, 136, 255, true}, /* a neighbour's answer */
	    {"fe80::a", RIG_LAN, 58, 135, 255, true},
	    {RIG_HOST, RIG_OWN_LL, 58, 128, 64, true},
	    {"fe80::a", RIG_OWN_LL, 17, 0, 64, true}, /* a routing protocol */
	    {"fe80::a", "ff02::5", 89, 0, 1, true},
	    {RIG_HOST, RIG_LAN, 58, 128, 64, true},  /* a ping */
	    {"fe80::a", RIG_LAN, 58, 128, 64, true}, /* from a neighbour without another address */
	    {RIG_HOST, RIG_FAR, 58, 128, 64, false},
	    {RIG_HOST, RIG_FAR, 58, 136, 255, false}, /* as a neighbour's, but for a host behind the peer */
	};
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
	uint64_t expected = 0;
	(void)state;
	rig_start(&gw);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t bytes = rig_packet(ip, cases[i].src, cases[i].dst, 24);
		ip[6] = cases[i].proto;
		ip[7] = cases[i].hops;
		ip[40] = cases[i].type;
		rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
		expected += cases[i].punted;
		if (rig_punted(&gw) != expected)
			fail_msg("%s to %s", cases[i].src, cases[i].dst);
		assert_int_equal(gateway_take(&gw, GW_PORT_WAN, wire) > 0, !cases[i].punted);
	}
	void *frame = NULL; /* as it came */
	assert_int_equal(rte_ring_dequeue(gw.dp->port[GW_PORT_LAN]->punt, &frame), 0);
	assert_int_equal(rte_pktmbuf_mtod((struct rte_mbuf *)frame, struct rte_ether_hdr *)->ether_type,
			 RTE_BE16(RTE_ETHER_TYPE_IPV6));
	rte_pktmbuf_free(frame);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
out_of_the_tunnel_the_gateway_s_own_address_is_reached_by_policy(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], out[RIG_BUFFER];
	void *frame = NULL;
	(void)state;
	rig_start(&gw);
	size_t bytes = rig_packet(ip, RIG_FAR, RIG_LAN, 24);
	assert_int_equal(gateway_receive(&gw, 1, ip, bytes, &rig_inside, out), 0);
	assert_int_equal(rig_punted(&gw), 1);
	assert_int_equal(rte_ring_dequeue(gw.dp->port[GW_PORT_LAN]->punt, &frame), 0);
	assert_int_equal(rte_pktmbuf_mtod((struct rte_mbuf *)frame, struct rte_ether_hdr *)->ether_type,
			 RTE_BE16(RTE_ETHER_TYPE_IPV6));
	rte_pktmbuf_free(frame);
	bytes = rig_packet(ip, "2001:db8:3::1", RIG_LAN, 24);
	assert_int_equal(gateway_receive(&gw, 2, ip, bytes, &rig_inside, out), 0);
	assert_int_equal(rig_punted(&gw), 1);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_POLICY), 1);
	gateway_stop(&gw);
}

static void
packets_wait_for_their_neighbour_and_then_leave_in_order(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], out[RIG_BUFFER];
	struct dp_event event[4];
	(void)state;
	rig_start(&gw);
	rig_set_policy(&gw, SADB_POLICY_FWD, "2001:db8:2::/64", "2001:db8:7::/64");
	gateway_commit(&gw);
	for (unsigned i = 1; i <= 5; i++)
		assert_int_equal(gateway_receive(&gw, i, ip, rig_packet(ip, RIG_FAR, "2001:db8:7::1", (uint16_t)i),
						 &rig_inside, out),
				 0);
	assert_int_equal(gw.w->n_held, 5);
	gateway_assert_balanced(&gw);
	assert_int_equal(dp_events(gw.dp, event, 4), 1);
	assert_int_equal(event[0].kind, DP_EVENT_NEIGH);
	assert_int_equal(event[0].port, GW_PORT_LAN);
	const struct sadb_addr router = rig_address("fe80::7");
	assert_true(sadb_addr_equal(&event[0].addr, &router));
	rig_set_neighbour(&gw, "fe80::7");
	gateway_turn(&gw);
	for (unsigned i = 1; i <= 5; i++)
		assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 48 + i);
	assert_int_equal(gw.w->n_held, 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_the_gateway_s_kernel_sends_is_held_to_its_addresses_and_to_policy(void **state)
{
	enum { LINK, SEALED };
	static const struct {
		const char *name, *src, *dst;
		uint8_t proto, type, hops;
		int goes; /* LINK, SEALED, or a negative drop reason */
	} cases[] = {
	    {"looking for a neighbour", RIG_OWN_LL, "ff02::1:ff00:a", 58, 135, 255, LINK},
	    {"the same from its global address", RIG_LAN, "ff02::1:ff00:a", 58, 135, 255, LINK},
	    {"duplicate address detection", "::", "ff02::1:ff00:1", 58, 135, 255, LINK},
	    {"a router's advertisement", RIG_OWN_LL, "ff02::1", 58, 134, 255, LINK},
	    {"an answer to a neighbour", RIG_LAN, RIG_HOST, 58, 136, 255, LINK},
	    {"to a link-local neighbour", RIG_OWN_LL, "fe80::a", 17, 0, 64, LINK},
	    {"to an inside host, no policy", RIG_LAN, RIG_HOST, 58, 129, 64, LINK},
	    {"to a protected host", RIG_LAN, RIG_FAR, 58, 128, 64, SEALED},
	    {"from nobody", "::", "ff02::1", 17, 0, 1, -DP_DROP_INJECT_SOURCE},
	    {"from nobody to a host", "::", RIG_HOST, 17, 0, 64, -DP_DROP_IP_MARTIAN},
	    {"from another's address", RIG_HOST, "ff02::1", 17, 0, 1, -DP_DROP_INJECT_SOURCE},
	    {"forwarded for another", RIG_HOST, RIG_FAR, 17, 0, 64, -DP_DROP_INJECT_SOURCE},
	    {"discovery for another", RIG_HOST, "2001:db8:1::b", 58, 136, 255, -DP_DROP_INJECT_SOURCE},
	    {"to a group beyond the link", RIG_LAN, "ff05::1", 17, 0, 64, -DP_DROP_IP_MULTICAST},
	    {"link-local to beyond", RIG_OWN_LL, RIG_FAR, 17, 0, 64, -DP_DROP_IP6_LINK},
	};
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER], inner[RIG_BUFFER];
	size_t inner_bytes;
	uint32_t seq;
	(void)state;
	rig_start(&gw);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t bytes = rig_packet(ip, cases[i].src, cases[i].dst, 24);
		ip[6] = cases[i].proto;
		ip[7] = cases[i].hops;
		ip[40] = cases[i].type;
		uint64_t before = cases[i].goes < 0 ? gateway_dropped(&gw, (enum dp_drop) - cases[i].goes) : 0;
		gateway_inject(&gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&gw);
		size_t link = gateway_take(&gw, GW_PORT_LAN, wire);
		if ((link > 0) != (cases[i].goes == LINK))
			fail_msg("%s: the link", cases[i].name);
		size_t sealed = gateway_take(&gw, GW_PORT_WAN, wire);
		if ((sealed > 0) != (cases[i].goes == SEALED))
			fail_msg("%s: the wire", cases[i].name);
		if (sealed > 0) {
			assert_null(witness_open(&gw.out, 0, wire, sealed, inner, &inner_bytes, &seq));
			assert_memory_equal(inner, ip, bytes); /* its hop limit, too: nobody forwarded it */
		}
		if (cases[i].goes < 0 && gateway_dropped(&gw, (enum dp_drop) - cases[i].goes) != before + 1)
			fail_msg("%s: not dropped as %s", cases[i].name, dp_drop_name((enum dp_drop) - cases[i].goes));
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* A policy for all of IPv6 must not seal what neighbours tell each other. */
static void
neighbour_discovery_is_under_no_policy(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
	(void)state;
	rig_start(&gw);
	rig_set_policy(&gw, SADB_POLICY_OUT, "::/0", "::/0");
	rig_set_policy(&gw, SADB_POLICY_IN, "::/0", "::/0");
	gateway_commit(&gw);
	size_t bytes = rig_packet(ip, RIG_LAN, RIG_HOST, 24);
	ip[6] = 58;
	ip[7] = 255;
	ip[40] = 135;
	gateway_inject(&gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, wire), bytes);
	bytes = rig_packet(ip, RIG_HOST, RIG_LAN, 24);
	ip[6] = 58;
	ip[7] = 255;
	ip[40] = 136;
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_int_equal(rig_punted(&gw), 1);
	gateway_stop(&gw);
}

static void
a_bypass_passes_in_clear_where_its_route_leads(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], out[RIG_BUFFER];
	(void)state;
	rig_start(&gw);
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_OUT);
	config.sel = (struct sadb_selector){.src = rig_prefix("2001:db8:1::/64"), .dst = rig_prefix("2001:db8::/32")};
	config.action = SADB_BYPASS;
	config.priority = 200;
	gateway_set_policy(&gw, &config);
	gateway_commit(&gw);
	rig_set_neighbour(&gw, "fe80::7");
	size_t bytes = rig_packet(ip, RIG_HOST, "2001:db8:7::1", 24);
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), bytes);
	assert_int_equal(out[7], 63);
	rig_turn_with(&gw, GW_PORT_LAN, ip, rig_packet(ip, RIG_HOST, "2001:db8:8::1", 24));
	assert_int_equal(gateway_dropped(&gw, DP_DROP_BLACKHOLE), 1);
	rig_turn_with(&gw, GW_PORT_LAN, ip, rig_packet(ip, RIG_HOST, "2001:db8:9::1", 24));
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_ROUTE), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_among_neighbours_goes_to_the_twin),
	    cmocka_unit_test(out_of_the_tunnel_the_gateway_s_own_address_is_reached_by_policy),
	    cmocka_unit_test(packets_wait_for_their_neighbour_and_then_leave_in_order),
	    cmocka_unit_test(what_the_gateway_s_kernel_sends_is_held_to_its_addresses_and_to_policy),
	    cmocka_unit_test(neighbour_discovery_is_under_no_policy),
	    cmocka_unit_test(a_bypass_passes_in_clear_where_its_route_leads),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
