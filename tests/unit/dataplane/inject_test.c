/* SPDX-License-Identifier: BSD-3-Clause
 * What the gateway's own kernel sends through the twins: it may speak for the gateway, and may not be a way around the
 * policies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"

#define BUFFER 2048

static size_t
packet(uint8_t *ip, uint32_t src, uint32_t dst, uint16_t port)
{
	struct witness_ip header = {
	    .src = src, .dst = dst, .sport = port, .dport = port, .payload = 40, .proto = 17, .ttl = 64};
	return witness_packet(&header, ip);
}

static void
ike_leaves_in_clear_from_the_underlay_also_under_a_policy_for_everything(void **state)
{
	(void)state;
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	gateway_start(&gw, "auto", 0, 128);
	gateway_policy_any(&gw, SADB_PROTECT, 1);
	size_t bytes = packet(ip, GW_WAN, GW_PEER, 500);
	gateway_inject(&gw, GW_PORT_WAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), bytes);
	assert_memory_equal(out, ip, bytes);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_source_that_is_not_the_gateway_s_is_dropped_on_every_twin(void **state)
{
	(void)state;
	static const uint32_t foreign[] = {GW_HOST, GW_FAR, GW_PEER};
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	gateway_start(&gw, "auto", 0, 128);
	for (unsigned i = 0; i < 3; i++) {
		gateway_inject(&gw, GW_PORT_WAN, ip, packet(ip, foreign[i], GW_FAR, 9));
		gateway_inject(&gw, GW_PORT_LAN, ip, packet(ip, foreign[i], GW_HOST, 9));
	}
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), 0);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INJECT_SOURCE), 6);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
from_its_inside_address_to_a_protected_host_it_leaves_sealed_whichever_twin_the_kernel_chose(void **state)
{
	(void)state;
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], inner[BUFFER];
	size_t inner_bytes;
	uint32_t seq;
	gateway_start(&gw, "auto", 0, 128);
	size_t bytes = packet(ip, GW_LAN, GW_FAR, 9);
	for (unsigned port = 0; port < 2; port++) {
		gateway_inject(&gw, port, ip, bytes);
		gateway_turn(&gw);
		size_t sent = gateway_take(&gw, GW_PORT_WAN, wire);
		assert_null(witness_open(&gw.out, 0, wire, sent, inner, &inner_bytes, &seq));
		assert_int_equal(inner_bytes, bytes);
		assert_memory_equal(inner, ip, bytes); /* the TTL too: nobody forwarded it */
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
from_its_inside_address_to_the_underlay_nothing_leaves_in_clear(void **state)
{
	(void)state;
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	gateway_start(&gw, "auto", 0, 128);
	gateway_inject(&gw, GW_PORT_WAN, ip, packet(ip, GW_LAN, GW_PEER, 9));
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INJECT_SOURCE), 1);
	gateway_stop(&gw);
}

static void
a_drop_policy_holds_for_the_gateway_too(void **state)
{
	(void)state;
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	gateway_start(&gw, "auto", 0, 128);
	size_t bytes = packet(ip, GW_LAN, GW_HOST, 9);
	gateway_inject(&gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), bytes);
	gateway_policy_any(&gw, SADB_DROP, 1);
	gateway_inject(&gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_POLICY), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
no_icmp_error_about_a_protected_packet_leaves_for_a_host_elsewhere(void **state)
{
	(void)state;
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	gateway_start(&gw, "auto", 0, 128);
	gateway_policy_any(&gw, SADB_PROTECT, 1);
	struct witness_ip header = {.src = 0xcb007105, .dst = GW_FAR, .payload = 40, .proto = 17, .ttl = 1};
	gateway_put(&gw, GW_PORT_LAN, ip,
		    witness_packet(&header, ip)); /* from 203.0.113.5, which nobody routes inside */
	header.src = GW_HOST;
	gateway_put(&gw, GW_PORT_LAN, ip, witness_packet(&header, ip));
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_TTL), 2);
	assert_int_not_equal(gateway_take(&gw, GW_PORT_LAN, out), 0); /* the host on the port has its answer */
	assert_memory_equal(out + 16, ip + 12, 4);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ike_leaves_in_clear_from_the_underlay_also_under_a_policy_for_everything),
	    cmocka_unit_test(a_source_that_is_not_the_gateway_s_is_dropped_on_every_twin),
	    cmocka_unit_test(
		from_its_inside_address_to_a_protected_host_it_leaves_sealed_whichever_twin_the_kernel_chose),
	    cmocka_unit_test(from_its_inside_address_to_the_underlay_nothing_leaves_in_clear),
	    cmocka_unit_test(a_drop_policy_holds_for_the_gateway_too),
	    cmocka_unit_test(no_icmp_error_about_a_protected_packet_leaves_for_a_host_elsewhere),
	};
	if (gateway_process_start() < 0)
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed;
}
