/* SPDX-License-Identifier: BSD-3-Clause
 * VLANs: one device, two virtual networks with the same addresses. A tag says whose a frame is, on its way in and on its
 * way out, and what bears no tag of a port's, or too many, goes nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/vlan_rig.h"

static const struct witness_twist plain;

static void
the_tag_decides_whose_tunnel_a_packet_takes(void **state)
{
	(void)state;
	struct vlans v;
	uint8_t ip[BUFFER];
	vlan_rig_start(&v);
	const size_t bytes = gateway_outbound_packet(ip, 100);
	for (unsigned i = 0; i < 4; i++) { /* by the tables, then by what the worker remembers */
		gateway_put(&v.gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&v.gw);
		vlan_rig_assert_sealed(&v, &v.gw.out, ip, bytes);
		vlan_rig_put_red(&v, ip, bytes);
		vlan_rig_assert_sealed(&v, &v.out, ip, bytes);
	}
	/* Both in one burst; red's is the flow that the worker remembers, so it overtakes. */
	static const uint16_t tag[] = {RED};
	gateway_put(&v.gw, GW_PORT_LAN, ip, bytes);
	vlan_rig_put(&v, vlan_rig_tagged(&v, ip, bytes, tag, 1));
	vlan_rig_assert_sealed(&v, &v.out, ip, bytes);
	vlan_rig_assert_sealed(&v, &v.gw.out, ip, bytes);
	vlan_rig_stop(&v);
}

static void
what_comes_out_of_a_tunnel_leaves_with_the_tag_of_its_network(void **state)
{
	(void)state;
	struct vlans v;
	uint8_t ip[BUFFER], wire[BUFFER];
	vlan_rig_start(&v);
	const size_t bytes = gateway_inbound_packet(ip, 100);
	for (unsigned red = 0; red < 2; red++) {
		gateway_put(&v.gw, GW_PORT_WAN, wire, witness_seal(red ? &v.in : &v.gw.in, 1, ip, bytes, &plain, wire));
		gateway_turn(&v.gw);
		struct rte_mbuf *m = gateway_take_frame(&v.gw, GW_PORT_LAN);
		assert_non_null(m);
		const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
		const unsigned head = red ? ETHER + TAG : ETHER;
		assert_int_equal(m->pkt_len, head + bytes);
		assert_int_equal(m->data_len, head + bytes);
		assert_memory_equal(frame + 6, &v.gw.dp->port[GW_PORT_LAN]->mac, 6);
		if (red) {
			static const uint8_t tag[] = {0x81, 0x00, 0, RED, 0x08, 0x00};
			assert_memory_equal(frame, vlan_rig_host, 6);
			assert_memory_equal(frame + 12, tag, sizeof(tag));
		}
		assert_memory_equal(frame + head + 12, ip + 12, bytes - 12);
		rte_pktmbuf_free(m);
		assert_null(gateway_take_frame(&v.gw, GW_PORT_LAN));
	}
	vlan_rig_stop(&v);
}

/* Addresses alone do not make a packet red's: the SA does. What only red's policies let in is dropped under blue's SA. */
static void
under_the_other_network_s_sa_a_packet_is_the_other_network_s_or_nobody_s(void **state)
{
	(void)state;
	struct vlans v;
	uint8_t ip[BUFFER], wire[BUFFER];
	vlan_rig_start(&v);
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_FWD);
	config.sel.src.addr = sadb_addr_v4(RTE_BE32(0x0a050000)); /* 10.5.0.0/24, red's alone */
	config.vnet_id = 2;
	gateway_set_policy(&v.gw, &config);
	gateway_commit(&v.gw);
	struct witness_ip only_red = {.src = 0x0a05000a, .dst = GW_HOST, .payload = 20, .proto = 17, .ttl = 9};
	const size_t bytes = witness_packet(&only_red, ip);
	gateway_put(&v.gw, GW_PORT_WAN, wire, witness_seal(&v.gw.in, 1, ip, bytes, &plain, wire));
	gateway_turn(&v.gw);
	assert_null(gateway_take_frame(&v.gw, GW_PORT_LAN));
	assert_int_equal(gateway_dropped(&v.gw, DP_DROP_INNER_POLICY), 1);
	gateway_put(&v.gw, GW_PORT_WAN, wire, witness_seal(&v.in, 1, ip, bytes, &plain, wire));
	gateway_turn(&v.gw);
	struct rte_mbuf *m = gateway_take_frame(&v.gw, GW_PORT_LAN);
	assert_non_null(m);
	rte_pktmbuf_free(m);
	vlan_rig_stop(&v);
}

static void
the_twin_of_a_vlan_sends_and_receives_without_the_tag_that_the_wire_has(void **state)
{
	(void)state;
	static const uint16_t tag[] = {RED};
	struct vlans v;
	uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1};
	void *punted;
	vlan_rig_start(&v);
	struct rte_mbuf *m = vlan_rig_tagged(&v, arp, sizeof(arp), tag, 1);
	memset(rte_pktmbuf_mtod_offset(m, uint8_t *, 16), 0x08, 1);
	rte_pktmbuf_mtod(m, uint8_t *)[17] = 0x06;
	vlan_rig_put(&v, m);
	assert_int_equal(rte_ring_dequeue(v.gw.dp->port[v.port]->punt, &punted), 0);
	m = punted;
	assert_int_equal(m->data_len, ETHER + sizeof(arp));
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 12), "\x08\x06\x00\x01", 4);
	/* And back, from the kernel. */
	dp_meta(m)->in_port = v.port;
	assert_int_equal(rte_ring_enqueue(v.gw.w->inject, m), 0);
	gateway_turn(&v.gw);
	m = gateway_take_frame(&v.gw, GW_PORT_LAN);
	assert_non_null(m);
	assert_int_equal(m->data_len, ETHER + TAG + sizeof(arp));
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 12), "\x81\x00\x00\x14\x08\x06\x00\x01", 8);
	rte_pktmbuf_free(m);
	vlan_rig_stop(&v);
}

/* Both vnets have it: a packet of red's kernel must not take blue's tunnel because blue's port comes first. */
static void
an_address_that_two_networks_have_is_that_of_the_network_whose_kernel_speaks(void **state)
{
	(void)state;
	struct vlans v;
	uint8_t ip[BUFFER];
	vlan_rig_start(&v);
	struct dp_port_config config = {.name = "red2", .mtu = 1500, .vlan = 22, .on = GW_PORT_LAN, .vnet = v.red};
	struct dp_error err;
	uint16_t second;
	assert_int_equal(dp_port_add(v.gw.dp, &config, &second, &err), 0);
	struct witness_ip header = {.src = GW_LAN, .dst = GW_FAR, .payload = 20, .proto = 17, .ttl = 64};
	const size_t bytes = witness_packet(&header, ip);
	const uint16_t from[] = {GW_PORT_LAN, v.port, second};
	for (unsigned i = 0; i < 3; i++) {
		struct rte_mbuf *m = gateway_frame(&v.gw, GW_PORT_LAN, ip, bytes);
		dp_meta(m)->in_port = from[i];
		assert_int_equal(rte_ring_enqueue(v.gw.w->inject, m), 0);
		gateway_turn(&v.gw);
		vlan_rig_assert_sealed(&v, i == 0 ? &v.gw.out : &v.out, ip, bytes);
	}
	vlan_rig_stop(&v);
}

static void
each_frame_counts_on_one_port_with_its_tag(void **state)
{
	(void)state;
	static const uint16_t other[] = {21};
	struct vlans v;
	struct dp_port_info lan, red;
	uint8_t ip[BUFFER], wire[BUFFER];
	vlan_rig_start(&v);
	size_t bytes = gateway_outbound_packet(ip, 100);
	gateway_put(&v.gw, GW_PORT_LAN, ip, bytes);
	vlan_rig_put_red(&v, ip, bytes);
	vlan_rig_put_red(&v, ip, bytes);
	vlan_rig_put(&v, vlan_rig_tagged(&v, ip, bytes, other, 1)); /* nobody's: counts where it came in */
	bytes = gateway_inbound_packet(ip, 100);
	gateway_put(&v.gw, GW_PORT_WAN, wire, witness_seal(&v.in, 1, ip, bytes, &plain, wire));
	gateway_turn(&v.gw);
	assert_int_equal(dp_port_get(v.gw.dp, GW_PORT_LAN, &lan), 0);
	assert_int_equal(dp_port_get(v.gw.dp, v.port, &red), 0);
	assert_int_equal(lan.rx_packets, 2);
	assert_int_equal(lan.rx_bytes, 2 * (ETHER + bytes) + TAG);
	assert_int_equal(red.rx_packets, 2);
	assert_int_equal(red.rx_bytes, 2 * (ETHER + TAG + bytes));
	assert_int_equal(lan.tx_packets, 0);
	assert_int_equal(red.tx_packets, 1);
	assert_int_equal(red.tx_bytes, ETHER + TAG + bytes);
	assert_string_equal(red.on, "lan");
	assert_int_equal(red.vlan, RED);
	assert_memory_equal(red.mac, lan.mac, 6);
	vlan_rig_stop(&v);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_tag_decides_whose_tunnel_a_packet_takes),
	    cmocka_unit_test(what_comes_out_of_a_tunnel_leaves_with_the_tag_of_its_network),
	    cmocka_unit_test(under_the_other_network_s_sa_a_packet_is_the_other_network_s_or_nobody_s),
	    cmocka_unit_test(the_twin_of_a_vlan_sends_and_receives_without_the_tag_that_the_wire_has),
	    cmocka_unit_test(an_address_that_two_networks_have_is_that_of_the_network_whose_kernel_speaks),
	    cmocka_unit_test(each_frame_counts_on_one_port_with_its_tag),
	};
	if (gateway_process_start() < 0)
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed;
}
