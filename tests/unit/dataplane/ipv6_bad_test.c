/* SPDX-License-Identifier: BSD-3-Clause
 * IPv6 packets that a gateway must not let pass, from inside and out of the tunnel: each is dropped under its own reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/ipv6_rig.h"

/* A byte of the packet that is otherwise right; a second one when it is not 0. */
struct bend {
	uint16_t at;
	uint8_t value;
};

struct bad {
	const char *name;
	enum dp_drop reason;
	const char *src, *dst; /* NULL: as a good packet has them */
	struct bend bend[2];
	int cut; /* so many bytes are missing at the end */
};

static size_t
bent(const struct bad *bad, const char *src, const char *dst, uint8_t *ip)
{
	size_t bytes = rig_packet(ip, bad->src != NULL ? bad->src : src, bad->dst != NULL ? bad->dst : dst, 24);
	for (unsigned i = 0; i < 2; i++)
		if (bad->bend[i].at != 0 || bad->bend[i].value != 0)
			ip[bad->bend[i].at] = bad->bend[i].value;
	return bytes - (size_t)bad->cut;
}

static const struct bad from_inside[] = {
    {"version 4", DP_DROP_IP_VERSION, NULL, NULL, {{0, 0x45}}, 0},
    {"payload longer than the frame", DP_DROP_IP_LENGTH, NULL, NULL, {{5, 33}}, 0},
    {"frame cut in the payload", DP_DROP_IP_LENGTH, NULL, NULL, {{0}}, 1},
    {"frame cut in the header", DP_DROP_IP_TRUNCATED, NULL, NULL, {{0}}, 33},
    {"from nobody", DP_DROP_IP_MARTIAN, "::", NULL, {{0}}, 0},
    {"from loopback", DP_DROP_IP_MARTIAN, "::1", NULL, {{0}}, 0},
    {"to loopback", DP_DROP_IP_MARTIAN, NULL, "::1", {{0}}, 0},
    {"to nobody", DP_DROP_IP_MARTIAN, NULL, "::", {{0}}, 0},
    {"from mapped IPv4", DP_DROP_IP_MARTIAN, "::ffff:10.1.0.10", NULL, {{0}}, 0},
    {"to mapped IPv4", DP_DROP_IP_MARTIAN, NULL, "::ffff:10.2.0.10", {{0}}, 0},
    {"from a group", DP_DROP_IP_MARTIAN, "ff02::1", NULL, {{0}}, 0},
    {"to a group beyond the link", DP_DROP_IP_MULTICAST, NULL, "ff05::1", {{0}}, 0},
    {"to a group of the node", DP_DROP_IP_MULTICAST, NULL, "ff01::1", {{0}}, 0},
    {"link-local to beyond", DP_DROP_IP6_LINK, "fe80::a", NULL, {{0}}, 0},
    {"hop-by-hop options", DP_DROP_IP6_HOP_BY_HOP, NULL, NULL, {{6, 0}, {40, 17}}, 0},
    {"routing header of type 0", DP_DROP_IP6_ROUTING, NULL, NULL, {{6, 43}, {42, 0}}, 0},
    {"options beyond the end", DP_DROP_IP6_EXTENSION, NULL, NULL, {{6, 60}, {41, 99}}, 0},
    {"no policy for the destination", DP_DROP_NO_POLICY, NULL, "2001:db8:3::1", {{0}}, 0},
    {"no policy for the source", DP_DROP_NO_POLICY, "2001:db8:9::1", NULL, {{0}}, 0},
    {"hop limit 1", DP_DROP_TTL, NULL, NULL, {{7, 1}}, 0},
    {"hop limit 0", DP_DROP_TTL, NULL, NULL, {{7, 0}}, 0},
    {"clear where policy wants protection", DP_DROP_CLEAR_PROTECTED, RIG_FAR, RIG_LAN, {{0}}, 0},
};

static void
each_bad_packet_from_inside_is_dropped_under_its_own_reason(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
	(void)state;
	rig_start(&gw);
	for (unsigned i = 0; i < sizeof(from_inside) / sizeof(from_inside[0]); i++) {
		const struct bad *bad = &from_inside[i];
		size_t bytes = bent(bad, RIG_HOST, RIG_FAR, ip);
		if (bad->reason == DP_DROP_TTL && bad->bend[0].value == 0)
			ip[7] = 0;
		if (bad->reason == DP_DROP_IP6_HOP_BY_HOP)
			ip[6] = 0;
		uint64_t before = gateway_dropped(&gw, bad->reason);
		rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
		if (gateway_take(&gw, GW_PORT_WAN, wire) != 0)
			fail_msg("%s: it went out", bad->name);
		if (gateway_dropped(&gw, bad->reason) != before + 1)
			fail_msg("%s: not dropped as %s", bad->name, dp_drop_name(bad->reason));
		bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 24);
		rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
		if (gateway_take(&gw, GW_PORT_WAN, wire) == 0)
			fail_msg("%s: the next good packet did not pass", bad->name);
	}
	assert_int_equal(rig_punted(&gw), 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static const struct bad from_the_tunnel[] = {
    {"IPv4 under next header 41", DP_DROP_INNER_VERSION, NULL, NULL, {{0, 0x45}}, 0},
    {"payload longer than the text", DP_DROP_INNER_LENGTH, NULL, NULL, {{5, 99}}, 0},
    {"39 bytes", DP_DROP_INNER_LENGTH, NULL, NULL, {{0}}, 33},
    {"from loopback", DP_DROP_IP_MARTIAN, "::1", NULL, {{0}}, 0},
    {"from mapped IPv4", DP_DROP_IP_MARTIAN, "::ffff:10.2.0.10", NULL, {{0}}, 0},
    {"from a group", DP_DROP_IP_MARTIAN, "ff02::1", NULL, {{0}}, 0},
    {"to a group", DP_DROP_IP_MULTICAST, NULL, "ff02::1", {{0}}, 0},
    {"to a link-local address", DP_DROP_IP6_LINK, NULL, RIG_OWN_LL, {{0}}, 0},
    {"from a link-local address", DP_DROP_IP6_LINK, "fe80::9", NULL, {{0}}, 0},
    {"a neighbour's advertisement from afar", DP_DROP_IP6_LINK, NULL, RIG_LAN, {{6, 58}, {40, 136}}, 0},
    {"hop-by-hop options", DP_DROP_IP6_HOP_BY_HOP, NULL, NULL, {{40, 17}}, 0},
    {"routing header of type 0", DP_DROP_IP6_ROUTING, NULL, NULL, {{6, 43}, {42, 0}}, 0},
    {"options beyond the end", DP_DROP_IP6_EXTENSION, NULL, NULL, {{6, 60}, {41, 99}}, 0},
    {"source outside the policy", DP_DROP_INNER_POLICY, "2001:db8:3::a", NULL, {{0}}, 0},
    {"destination outside the policy", DP_DROP_INNER_POLICY, NULL, "2001:db8:7::1", {{0}}, 0},
    {"hop limit 1", DP_DROP_TTL, NULL, NULL, {{7, 1}}, 0},
};

static void
each_bad_packet_out_of_the_tunnel_is_dropped_under_its_own_reason(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], out[RIG_BUFFER];
	uint64_t seq = 0;
	(void)state;
	rig_start(&gw);
	for (unsigned i = 0; i < sizeof(from_the_tunnel) / sizeof(from_the_tunnel[0]); i++) {
		const struct bad *bad = &from_the_tunnel[i];
		size_t bytes = bent(bad, RIG_FAR, RIG_HOST, ip);
		if (bad->reason == DP_DROP_IP6_HOP_BY_HOP)
			ip[6] = 0;
		if (ip[40] == 136)
			ip[7] = 255;
		uint64_t before = gateway_dropped(&gw, bad->reason);
		if (gateway_receive(&gw, ++seq, ip, bytes, &rig_inside, out) != 0)
			fail_msg("%s: it reached the host", bad->name);
		if (gateway_dropped(&gw, bad->reason) != before + 1)
			fail_msg("%s: not dropped as %s", bad->name, dp_drop_name(bad->reason));
		bytes = rig_packet(ip, RIG_FAR, RIG_HOST, 24);
		if (gateway_receive(&gw, ++seq, ip, bytes, &rig_inside, out) != bytes)
			fail_msg("%s: the next good packet did not pass", bad->name);
	}
	/* And IPv6 under the next header of IPv4. */
	size_t bytes = rig_packet(ip, RIG_FAR, RIG_HOST, 24);
	assert_int_equal(gateway_receive(&gw, ++seq, ip, bytes, &(struct witness_twist){0}, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_VERSION), 2);
	assert_int_equal(rig_punted(&gw), 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
an_sa_for_ipv4_carries_no_ipv6_either_way(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], out[RIG_BUFFER];
	struct dp_event event[4];
	(void)state;
	rig_start(&gw);
	for (unsigned i = 0; i < 2; i++) {
		struct witness_sa *sa = i == 0 ? &gw.out : &gw.in;
		const struct sadb_addr dst = sadb_addr_v4(rte_cpu_to_be_32(sa->dst));
		const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(sa->spi), IPPROTO_ESP);
		struct sadb_error err;
		assert_int_equal(sadb_sa_del(gw.db, &key, &err), 0);
		gateway_commit(&gw);
		sa->spi++;
		sa->key[0]++;
		struct sadb_sa_config config = gateway_sa(sa, 0, 128);
		config.sel.src = config.sel.dst = rig_prefix("0.0.0.0/0");
		gateway_add_sa(&gw, &config);
	}
	gateway_commit(&gw);
	size_t bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 24);
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_SA), 1);
	assert_int_equal(dp_events(gw.dp, event, 4), 1);
	assert_int_equal(event[0].kind, DP_EVENT_ACQUIRE);
	const struct sadb_addr from = rig_address(RIG_HOST), to = rig_address(RIG_FAR);
	assert_true(sadb_addr_equal(&event[0].flow.src, &from) && sadb_addr_equal(&event[0].flow.dst, &to));
	assert_int_equal(event[0].flow.dport_be, rte_cpu_to_be_16(80));
	assert_int_equal(event[0].flow.proto, 17);
	bytes = rig_packet(ip, RIG_FAR, RIG_HOST, 24);
	assert_int_equal(gateway_receive(&gw, 1, ip, bytes, &rig_inside, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_SELECTOR), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_later_fragment_does_not_slip_past_a_policy_that_asks_for_ports(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
	(void)state;
	rig_start(&gw);
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_OUT);
	config.sel = (struct sadb_selector){.src = rig_prefix("2001:db8:1::/64"), .dst = rig_prefix("2001:db8:2::/64")};
	config.sel.proto = 17;
	config.sel.dport_be = rte_cpu_to_be_16(80);
	config.sel.dport_mask_be = UINT16_MAX;
	config.action = SADB_DROP;
	config.priority = 1;
	gateway_set_policy(&gw, &config);
	gateway_commit(&gw);
	size_t bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 24);
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_POLICY), 1);
	ip[6] = 44;
	memcpy(ip + 40, (uint8_t[]){17, 0, 0, 8, 0, 0, 0, 1}, 8);
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_FRAGMENT_PORTS), 1);
	ip[40] = 6; /* of TCP: the policy without ports decides */
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_true(gateway_take(&gw, GW_PORT_WAN, wire) > 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_bad_packet_from_inside_is_dropped_under_its_own_reason),
	    cmocka_unit_test(each_bad_packet_out_of_the_tunnel_is_dropped_under_its_own_reason),
	    cmocka_unit_test(an_sa_for_ipv4_carries_no_ipv6_either_way),
	    cmocka_unit_test(a_later_fragment_does_not_slip_past_a_policy_that_asks_for_ports),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
