/* SPDX-License-Identifier: BSD-3-Clause
 * A virtual network's default policy: what becomes of packets that no policy names, and that it touches no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/dataplane/flow_rig.h"

#define ELSEWHERE 0x0a4d000au /* 10.77.0.10: routed inside, by the host */
#define NOWHERE   0x0a4e000au /* 10.78.0.10: no route */
#define GROUP     0xef010101u /* 239.1.1.1 */

static void
start(struct gateway *gw, bool bypass)
{
	const struct sadb_route route = {.dst = {flow_v4(ELSEWHERE & 0xffffff00), 24},
					 .gateway = flow_v4(GW_HOST),
					 .port = GW_PORT_LAN,
					 .kind = SADB_ROUTE_UNICAST};
	gateway_start(gw, "auto", 0, 128);
	gateway_routes(gw, &route, 1);
	sadb_vnet_bypass_set(gw->db, gw->blue, bypass);
	flow_commit(gw);
}

/* Sends a packet from inside. True: it left there again, in the clear. Fails the test if it is seen outside so. */
static bool
passes(struct gateway *gw, uint32_t src, uint32_t dst, uint16_t sport)
{
	uint8_t ip[FLOW_BUFFER], out[FLOW_BUFFER];
	size_t bytes = flow_packet(ip, src, dst, sport);
	gateway_put(gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(gw);
	if (gateway_take(gw, GW_PORT_WAN, out) != 0)
		assert_int_equal(out[9], IPPROTO_ESP);
	if (gateway_take(gw, GW_PORT_LAN, out) != bytes)
		return false;
	assert_memory_equal(out + 12, ip + 12, bytes - 12);
	assert_int_equal(out[8], ip[8] - 1);
	return true;
}

static void
what_no_policy_names_passes_as_the_default_says_from_the_next_packet_on(void **state)
{
	struct gateway gw;
	(void)state;
	start(&gw, false);
	for (unsigned i = 1; i <= 3; i++) {
		sadb_vnet_bypass_set(gw.db, gw.blue, false);
		assert_false(passes(&gw, GW_HOST, ELSEWHERE, 4000));
		assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_POLICY), i);
		sadb_vnet_bypass_set(gw.db, gw.blue, true);
		assert_true(passes(&gw, GW_HOST, ELSEWHERE, 4000));
		assert_true(passes(&gw, GW_HOST, ELSEWHERE, 4000));
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_a_policy_protects_stays_protected(void **state)
{
	struct gateway gw;
	struct sadb_error err;
	const struct sadb_sa_key key = sadb_sa_key_make(&(struct sadb_addr){.bytes = {10, 9, 0, 2}, .family = AF_INET},
							rte_cpu_to_be_32(GW_SPI_OUT), IPPROTO_ESP);
	(void)state;
	start(&gw, true);
	assert_true(passes(&gw, GW_HOST, ELSEWHERE, 4000));
	assert_int_equal(flow_send_out(&gw, GW_HOST, GW_FAR, 4000), GW_SPI_OUT);
	assert_int_equal(sadb_sa_del(gw.db, &key, &err), 0);
	flow_commit(&gw);
	assert_false(passes(&gw, GW_HOST, GW_FAR, 4000));
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_SA), 1);
	/* What should have come through a tunnel came from inside. */
	assert_false(passes(&gw, GW_FAR, GW_HOST, 4000));
	assert_int_equal(gateway_dropped(&gw, DP_DROP_CLEAR_PROTECTED), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_came_through_a_tunnel_still_needs_its_policy(void **state)
{
	struct gateway gw;
	uint8_t out[FLOW_BUFFER];
	(void)state;
	start(&gw, true);
	flow_put_sealed(&gw, &gw.in, 1, ELSEWHERE, GW_HOST, 4000);
	flow_put_sealed(&gw, &gw.in, 2, ELSEWHERE, GW_LAN, 4000);
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_POLICY), 2);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_drop_policy_and_one_with_ports_hold_and_no_route_leads_outside(void **state)
{
	struct gateway gw;
	uint8_t ip[FLOW_BUFFER];
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_OUT);
	(void)state;
	start(&gw, true);
	config.sel.dst = (struct sadb_prefix){flow_v4(ELSEWHERE), 32};
	config.sel.proto = IPPROTO_UDP;
	config.sel.sport_be = rte_cpu_to_be_16(4096);
	config.sel.sport_mask_be = rte_cpu_to_be_16(0xfff0);
	config.action = SADB_DROP;
	gateway_set_policy(&gw, &config);
	flow_commit(&gw);
	assert_false(passes(&gw, GW_HOST, ELSEWHERE, 4096));
	assert_false(passes(&gw, GW_HOST, ELSEWHERE, 4111));
	assert_int_equal(gateway_dropped(&gw, DP_DROP_POLICY), 2);
	assert_true(passes(&gw, GW_HOST, ELSEWHERE, 4095));
	assert_true(passes(&gw, GW_HOST, ELSEWHERE, 4112));
	/* A later fragment may be of either. */
	size_t bytes = flow_packet(ip, GW_HOST, ELSEWHERE, 4095);
	ip[7] = 5;
	witness_checksum(ip, 20);
	gateway_put(&gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_FRAGMENT_PORTS), 1);
	assert_false(passes(&gw, GW_HOST, NOWHERE, 4000));
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_ROUTE), 1);
	assert_false(passes(&gw, GW_HOST, GW_PEER, 4000)); /* the underlay's routes are not the network's */
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_ROUTE), 2);
	assert_false(passes(&gw, GW_HOST, GROUP, 4000)); /* only a policy that names it carries it */
	assert_int_equal(gateway_dropped(&gw, DP_DROP_IP_MULTICAST), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_no_policy_names_passes_as_the_default_says_from_the_next_packet_on),
	    cmocka_unit_test(what_a_policy_protects_stays_protected),
	    cmocka_unit_test(what_came_through_a_tunnel_still_needs_its_policy),
	    cmocka_unit_test(a_drop_policy_and_one_with_ports_hold_and_no_route_leads_outside),
	};
	if (gateway_process_start() < 0)
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed;
}
