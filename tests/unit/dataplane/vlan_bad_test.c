/* SPDX-License-Identifier: BSD-3-Clause
 * Tags at their edges: wrong ones, none where there should be one, a priority alone, one that the driver took off. */
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
wrong_tags_are_dropped_each_under_its_own_reason(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint16_t tags[3];
		unsigned n;
		enum dp_drop reason;
		uint8_t bytes[2]; /* of the first tag's type; 0: 802.1Q's */
	} rows[] = {
	    {"a VLAN that is no port's", {21}, 1, DP_DROP_VLAN_UNKNOWN, {0}},
	    {"the same with a priority", {0xe000 | 19}, 1, DP_DROP_VLAN_UNKNOWN, {0}},
	    {"the first", {1}, 1, DP_DROP_VLAN_UNKNOWN, {0}},
	    {"the last", {4094}, 1, DP_DROP_VLAN_UNKNOWN, {0}},
	    {"the reserved one", {4095}, 1, DP_DROP_VLAN_UNKNOWN, {0}},
	    {"red twice", {RED, RED}, 2, DP_DROP_VLAN_STACKED, {0}},
	    {"red in a priority", {0, RED}, 2, DP_DROP_VLAN_STACKED, {0}},
	    {"three", {RED, 0, RED}, 3, DP_DROP_VLAN_STACKED, {0}},
	    {"a provider's", {RED}, 1, DP_DROP_VLAN_STACKED, {0x88, 0xa8}},
	    {"a provider's around a customer's", {RED, RED}, 2, DP_DROP_VLAN_STACKED, {0x88, 0xa8}},
	    {"the one before the standard", {RED}, 1, DP_DROP_VLAN_STACKED, {0x91, 0x00}},
	};
	struct vlans v;
	uint8_t ip[BUFFER];
	vlan_rig_start(&v);
	const size_t bytes = gateway_outbound_packet(ip, 100);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t before = gateway_dropped(&v.gw, rows[i].reason);
		struct rte_mbuf *m = vlan_rig_tagged(&v, ip, bytes, rows[i].tags, rows[i].n);
		if (rows[i].bytes[0] != 0)
			memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 12), rows[i].bytes, 2);
		vlan_rig_put(&v, m);
		if (gateway_dropped(&v.gw, rows[i].reason) != before + 1)
			fail_msg("%s: not dropped as %s", rows[i].name, dp_drop_name(rows[i].reason));
	}
	assert_null(gateway_take_frame(&v.gw, GW_PORT_WAN));
	vlan_rig_stop(&v);
}

static void
a_frame_that_ends_within_its_tag_is_dropped(void **state)
{
	(void)state;
	static const uint16_t tag[] = {RED};
	struct vlans v;
	uint8_t ip[BUFFER];
	vlan_rig_start(&v);
	const size_t bytes = gateway_outbound_packet(ip, 100);
	for (unsigned keep = 0; keep < ETHER + TAG; keep++) {
		struct rte_mbuf *m = vlan_rig_tagged(&v, ip, bytes, tag, 1);
		rte_pktmbuf_trim(m, (uint16_t)(m->data_len - keep));
		vlan_rig_put(&v, m);
		assert_int_equal(gateway_dropped(&v.gw, DP_DROP_IP_TRUNCATED), keep + 1);
	}
	vlan_rig_stop(&v);
}

static void
a_priority_without_a_vlan_is_as_good_as_no_tag(void **state)
{
	(void)state;
	static const uint16_t priority[] = {0xe000};
	struct vlans v;
	uint8_t ip[BUFFER], wire[BUFFER];
	vlan_rig_start(&v);
	size_t bytes = gateway_outbound_packet(ip, 100);
	vlan_rig_put(&v, vlan_rig_tagged(&v, ip, bytes, priority, 1));
	vlan_rig_assert_sealed(&v, &v.gw.out, ip, bytes);
	/* On a port without VLANs as well, where any other tag is unknown. */
	bytes = witness_seal(&v.gw.in, 1, ip, gateway_inbound_packet(ip, 100), &plain, wire);
	for (uint16_t vlan = 0; vlan <= 1; vlan++) {
		struct rte_mbuf *m = vlan_rig_tagged(&v, wire, bytes, &vlan, 1);
		memcpy(rte_pktmbuf_mtod(m, void *), &v.gw.dp->port[GW_PORT_WAN]->mac, 6);
		assert_int_equal(rte_ring_enqueue(v.gw.rx[GW_PORT_WAN], m), 0);
		gateway_turn(&v.gw);
		m = gateway_take_frame(&v.gw, GW_PORT_LAN);
		assert_int_equal(m != NULL, vlan == 0);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(gateway_dropped(&v.gw, DP_DROP_VLAN_UNKNOWN), 1);
	vlan_rig_stop(&v);
}

static void
without_a_domain_of_its_own_a_trunk_drops_what_bears_no_tag(void **state)
{
	(void)state;
	static const uint16_t priority[] = {0x6000};
	struct vlans v;
	uint8_t ip[BUFFER];
	vlan_rig_start(&v);
	v.gw.dp->port[GW_PORT_LAN]->vlan_port[0] = DP_VLAN_NONE; /* as dp_port_add() leaves it where vnet is NULL */
	const size_t bytes = gateway_outbound_packet(ip, 100);
	gateway_put(&v.gw, GW_PORT_LAN, ip, bytes);
	vlan_rig_put(&v, vlan_rig_tagged(&v, ip, bytes, priority, 1));
	assert_int_equal(gateway_dropped(&v.gw, DP_DROP_VLAN_MISSING), 2);
	assert_null(gateway_take_frame(&v.gw, GW_PORT_WAN));
	vlan_rig_put_red(&v, ip, bytes);
	vlan_rig_assert_sealed(&v, &v.out, ip, bytes);
	vlan_rig_stop(&v);
}

/* The tag stands beside the frame then: in the buffer's words, not in its bytes. */
static void
a_driver_that_takes_tags_off_changes_nothing(void **state)
{
	(void)state;
	static const uint16_t tag[] = {RED};
	struct vlans v;
	uint8_t ip[BUFFER];
	vlan_rig_start(&v);
	const size_t bytes = gateway_outbound_packet(ip, 100);
	for (unsigned i = 0; i < 4; i++) {
		struct rte_mbuf *m = vlan_rig_tagged(&v, ip, bytes, tag, i == 2);
		m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		m->vlan_tci = i == 0 ? 0xa000 | RED : i == 1 ? 0xa000 : i == 2 ? RED : 21;
		vlan_rig_put(&v, m);
		if (i < 2)
			vlan_rig_assert_sealed(&v, i == 0 ? &v.out : &v.gw.out, ip, bytes);
	}
	assert_int_equal(gateway_dropped(&v.gw, DP_DROP_VLAN_STACKED), 1);
	assert_int_equal(gateway_dropped(&v.gw, DP_DROP_VLAN_UNKNOWN), 1);
	assert_null(gateway_take_frame(&v.gw, GW_PORT_WAN));
	vlan_rig_stop(&v);
}

static void
a_vlan_is_taken_once_and_within_its_trunk_s_mtu(void **state)
{
	(void)state;
	static const struct {
		uint16_t vlan, mtu;
		bool on_vlan;
		int rc;
	} rows[] = {
	    {RED, 1500, false, -EEXIST}, {4095, 1500, false, -EINVAL}, {22, 1501, false, -EINVAL},
	    {22, 1500, true, -EINVAL},   {4094, 1500, false, 0},
	};
	struct vlans v;
	struct dp_error err;
	uint16_t number;
	vlan_rig_start(&v);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dp_port_config config = {.name = "x",
						.vnet = v.red,
						.vlan = rows[i].vlan,
						.mtu = rows[i].mtu,
						.on = rows[i].on_vlan ? v.port : GW_PORT_LAN};
		assert_int_equal(dp_port_add(v.gw.dp, &config, &number, &err), rows[i].rc);
	}
	vlan_rig_stop(&v);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wrong_tags_are_dropped_each_under_its_own_reason),
	    cmocka_unit_test(a_frame_that_ends_within_its_tag_is_dropped),
	    cmocka_unit_test(a_priority_without_a_vlan_is_as_good_as_no_tag),
	    cmocka_unit_test(without_a_domain_of_its_own_a_trunk_drops_what_bears_no_tag),
	    cmocka_unit_test(a_driver_that_takes_tags_off_changes_nothing),
	    cmocka_unit_test(a_vlan_is_taken_once_and_within_its_trunk_s_mtu),
	};
	if (gateway_process_start() < 0)
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed;
}
