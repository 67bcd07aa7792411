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

#include "tests/unit/dataplane/gateway.h"

#define BUFFER 2048
#define RED    20 /* the VLAN of the virtual network of that name */
#define ETHER  14
#define TAG    4

static const struct witness_twist plain;
static const uint8_t red_host[6] = {0x02, 0, 0, 0, 0, 0x77};

struct vlans {
	struct gateway gw;
	struct sadb_vnet *red;
	uint16_t port; /* red's */
	struct witness_sa out, in;
};

static void
red_tables(struct vlans *v)
{
	const struct sadb_addr own = sadb_addr_v4(rte_cpu_to_be_32(GW_LAN));
	const struct sadb_route routes[] = {
	    {.dst = {own, 32}, .port = v->port, .kind = SADB_ROUTE_LOCAL},
	    {.dst = {sadb_addr_v4(rte_cpu_to_be_32(GW_LAN & 0xffffff00)), 24}, .port = v->port},
	};
	struct sadb_neigh neighs[] = {
	    {.addr_v4_be = rte_cpu_to_be_32(GW_PEER), .port = GW_PORT_WAN},
	    {.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = GW_PORT_LAN},
	    {.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = v->port},
	};
	memset(neighs[0].mac, 2, 6);
	memset(neighs[1].mac, 2, 6);
	memcpy(neighs[2].mac, red_host, 6);
	assert_int_equal(dp_port_addrs_set(v->gw.dp, v->port, &own, 1), 0);
	sadb_vnet_fib_set(v->gw.db, v->red, sadb_fib_create(routes, 2));
	sadb_neighs_set(v->gw.db, sadb_neigh_table_create(neighs, 3));
}

static void
red_tunnel(struct vlans *v)
{
	static const enum sadb_policy_dir dirs[] = {SADB_POLICY_OUT, SADB_POLICY_IN, SADB_POLICY_FWD};
	v->out = v->gw.out;
	v->in = v->gw.in;
	v->out.spi++;
	v->in.spi++;
	memset(v->out.key, 0x55, 32);
	memset(v->in.key, 0x66, 32);
	for (unsigned i = 0; i < 2; i++) {
		struct sadb_sa_config config = gateway_sa(i == 0 ? &v->out : &v->in, 0, 128);
		config.vnet_id = 2;
		gateway_add_sa(&v->gw, &config);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct sadb_policy_config config = gateway_policy(dirs[i]);
		config.vnet_id = 2;
		gateway_set_policy(&v->gw, &config);
	}
	gateway_commit(&v->gw);
}

/* Blue is untagged on the LAN's device, red a VLAN on it. Their addresses, routes and policies are the same. */
static void
start(struct vlans *v)
{
	struct dp_port_config config = {.name = "red", .mtu = 1500, .vlan = RED, .on = GW_PORT_LAN};
	struct sadb_error serr;
	struct dp_error err;

	gateway_start(&v->gw, "auto", 0, 128);
	assert_int_equal(sadb_vnet_add(v->gw.db, 2, "red", &serr), 0);
	v->red = config.vnet = sadb_vnet_find(v->gw.db, 2);
	if (dp_port_add(v->gw.dp, &config, &v->port, &err) < 0)
		fail_msg("%s", err.text);
	dp_port_poll_link(v->gw.dp);
	red_tables(v);
	red_tunnel(v);
}

static void
stop(struct vlans *v)
{
	gateway_assert_balanced(&v->gw);
	gateway_stop(&v->gw);
}

/* A packet behind that many tags, as the bytes of 802.1Q. */
static struct rte_mbuf *
tagged(struct vlans *v, const uint8_t *ip, size_t bytes, const uint16_t tags[], unsigned n)
{
	struct rte_mbuf *m = gateway_frame(&v->gw, GW_PORT_LAN, ip, bytes);
	for (unsigned i = n; i-- > 0;) {
		assert_non_null(rte_pktmbuf_prepend(m, TAG));
		uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
		for (unsigned k = 0; k < 12; k++)
			frame[k] = frame[k + TAG];
		frame[12] = 0x81;
		frame[13] = 0x00;
		frame[14] = (uint8_t)(tags[i] >> 8);
		frame[15] = (uint8_t)tags[i];
	}
	return m;
}

static void
put(struct vlans *v, struct rte_mbuf *m)
{
	assert_int_equal(rte_ring_enqueue(v->gw.rx[GW_PORT_LAN], m), 0);
	gateway_turn(&v->gw);
}

static void
put_red(struct vlans *v, const uint8_t *ip, size_t bytes)
{
	static const uint16_t tag[] = {RED};
	put(v, tagged(v, ip, bytes, tag, 1));
}

/* What left to the peer is a packet that this SA sealed. */
static void
assert_sealed(struct vlans *v, const struct witness_sa *sa, const uint8_t *ip, size_t bytes)
{
	uint8_t wire[BUFFER], inner[BUFFER];
	size_t inner_bytes, sent = gateway_take(&v->gw, GW_PORT_WAN, wire);
	uint32_t seq;
	assert_true(sent > 0);
	const char *fault = witness_open(sa, 0, wire, sent, inner, &inner_bytes, &seq);
	if (fault != NULL)
		fail_msg("SPI 0x%x: %s", sa->spi, fault);
	assert_int_equal(inner_bytes, bytes);
	assert_memory_equal(inner + 12, ip + 12, bytes - 12);
}

static void
the_tag_decides_whose_tunnel_a_packet_takes(void **state)
{
	(void)state;
	struct vlans v;
	uint8_t ip[BUFFER];
	start(&v);
	const size_t bytes = gateway_outbound_packet(ip, 100);
	for (unsigned i = 0; i < 4; i++) { /* by the tables, then by what the worker remembers */
		gateway_put(&v.gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&v.gw);
		assert_sealed(&v, &v.gw.out, ip, bytes);
		put_red(&v, ip, bytes);
		assert_sealed(&v, &v.out, ip, bytes);
	}
	/* Both in one burst; red's is the flow that the worker remembers, so it overtakes. */
	static const uint16_t tag[] = {RED};
	gateway_put(&v.gw, GW_PORT_LAN, ip, bytes);
	put(&v, tagged(&v, ip, bytes, tag, 1));
	assert_sealed(&v, &v.out, ip, bytes);
	assert_sealed(&v, &v.gw.out, ip, bytes);
	stop(&v);
}

static void
what_comes_out_of_a_tunnel_leaves_with_the_tag_of_its_network(void **state)
{
	(void)state;
	struct vlans v;
	uint8_t ip[BUFFER], wire[BUFFER];
	start(&v);
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
			assert_memory_equal(frame, red_host, 6);
			assert_memory_equal(frame + 12, tag, sizeof(tag));
		}
		assert_memory_equal(frame + head + 12, ip + 12, bytes - 12);
		rte_pktmbuf_free(m);
		assert_null(gateway_take_frame(&v.gw, GW_PORT_LAN));
	}
	stop(&v);
}

/* Addresses alone do not make a packet red's: the SA does. What only red's policies let in is dropped under blue's SA. */
static void
under_the_other_network_s_sa_a_packet_is_the_other_network_s_or_nobody_s(void **state)
{
	(void)state;
	struct vlans v;
	uint8_t ip[BUFFER], wire[BUFFER];
	start(&v);
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
	stop(&v);
}

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
	start(&v);
	const size_t bytes = gateway_outbound_packet(ip, 100);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t before = gateway_dropped(&v.gw, rows[i].reason);
		struct rte_mbuf *m = tagged(&v, ip, bytes, rows[i].tags, rows[i].n);
		if (rows[i].bytes[0] != 0)
			memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 12), rows[i].bytes, 2);
		put(&v, m);
		if (gateway_dropped(&v.gw, rows[i].reason) != before + 1)
			fail_msg("%s: not dropped as %s", rows[i].name, dp_drop_name(rows[i].reason));
	}
	assert_null(gateway_take_frame(&v.gw, GW_PORT_WAN));
	stop(&v);
}

static void
a_frame_that_ends_within_its_tag_is_dropped(void **state)
{
	(void)state;
	static const uint16_t tag[] = {RED};
	struct vlans v;
	uint8_t ip[BUFFER];
	start(&v);
	const size_t bytes = gateway_outbound_packet(ip, 100);
	for (unsigned keep = 0; keep < ETHER + TAG; keep++) {
		struct rte_mbuf *m = tagged(&v, ip, bytes, tag, 1);
		rte_pktmbuf_trim(m, (uint16_t)(m->data_len - keep));
		put(&v, m);
		assert_int_equal(gateway_dropped(&v.gw, DP_DROP_IP_TRUNCATED), keep + 1);
	}
	stop(&v);
}

static void
a_priority_without_a_vlan_is_as_good_as_no_tag(void **state)
{
	(void)state;
	static const uint16_t priority[] = {0xe000};
	struct vlans v;
	uint8_t ip[BUFFER], wire[BUFFER];
	start(&v);
	size_t bytes = gateway_outbound_packet(ip, 100);
	put(&v, tagged(&v, ip, bytes, priority, 1));
	assert_sealed(&v, &v.gw.out, ip, bytes);
	/* On a port without VLANs as well, where any other tag is unknown. */
	bytes = witness_seal(&v.gw.in, 1, ip, gateway_inbound_packet(ip, 100), &plain, wire);
	for (uint16_t vlan = 0; vlan <= 1; vlan++) {
		struct rte_mbuf *m = tagged(&v, wire, bytes, &vlan, 1);
		memcpy(rte_pktmbuf_mtod(m, void *), &v.gw.dp->port[GW_PORT_WAN]->mac, 6);
		assert_int_equal(rte_ring_enqueue(v.gw.rx[GW_PORT_WAN], m), 0);
		gateway_turn(&v.gw);
		m = gateway_take_frame(&v.gw, GW_PORT_LAN);
		assert_int_equal(m != NULL, vlan == 0);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(gateway_dropped(&v.gw, DP_DROP_VLAN_UNKNOWN), 1);
	stop(&v);
}

static void
without_a_domain_of_its_own_a_trunk_drops_what_bears_no_tag(void **state)
{
	(void)state;
	static const uint16_t priority[] = {0x6000};
	struct vlans v;
	uint8_t ip[BUFFER];
	start(&v);
	v.gw.dp->port[GW_PORT_LAN]->vlan_port[0] = DP_VLAN_NONE; /* as dp_port_add() leaves it where vnet is NULL */
	const size_t bytes = gateway_outbound_packet(ip, 100);
	gateway_put(&v.gw, GW_PORT_LAN, ip, bytes);
	put(&v, tagged(&v, ip, bytes, priority, 1));
	assert_int_equal(gateway_dropped(&v.gw, DP_DROP_VLAN_MISSING), 2);
	assert_null(gateway_take_frame(&v.gw, GW_PORT_WAN));
	put_red(&v, ip, bytes);
	assert_sealed(&v, &v.out, ip, bytes);
	stop(&v);
}

/* The tag stands beside the frame then: in the buffer's words, not in its bytes. */
static void
a_driver_that_takes_tags_off_changes_nothing(void **state)
{
	(void)state;
	static const uint16_t tag[] = {RED};
	struct vlans v;
	uint8_t ip[BUFFER];
	start(&v);
	const size_t bytes = gateway_outbound_packet(ip, 100);
	for (unsigned i = 0; i < 4; i++) {
		struct rte_mbuf *m = tagged(&v, ip, bytes, tag, i == 2);
		m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		m->vlan_tci = i == 0 ? 0xa000 | RED : i == 1 ? 0xa000 : i == 2 ? RED : 21;
		put(&v, m);
		if (i < 2)
			assert_sealed(&v, i == 0 ? &v.out : &v.gw.out, ip, bytes);
	}
	assert_int_equal(gateway_dropped(&v.gw, DP_DROP_VLAN_STACKED), 1);
	assert_int_equal(gateway_dropped(&v.gw, DP_DROP_VLAN_UNKNOWN), 1);
	assert_null(gateway_take_frame(&v.gw, GW_PORT_WAN));
	stop(&v);
}

static void
the_twin_of_a_vlan_sends_and_receives_without_the_tag_that_the_wire_has(void **state)
{
	(void)state;
	static const uint16_t tag[] = {RED};
	struct vlans v;
	uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1};
	void *punted;
	start(&v);
	struct rte_mbuf *m = tagged(&v, arp, sizeof(arp), tag, 1);
	memset(rte_pktmbuf_mtod_offset(m, uint8_t *, 16), 0x08, 1);
	rte_pktmbuf_mtod(m, uint8_t *)[17] = 0x06;
	put(&v, m);
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
	stop(&v);
}

/* Both vnets have it: a packet of red's kernel must not take blue's tunnel because blue's port comes first. */
static void
an_address_that_two_networks_have_is_that_of_the_network_whose_kernel_speaks(void **state)
{
	(void)state;
	struct vlans v;
	uint8_t ip[BUFFER];
	start(&v);
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
		assert_sealed(&v, i == 0 ? &v.gw.out : &v.out, ip, bytes);
	}
	stop(&v);
}

static void
each_frame_counts_on_one_port_with_its_tag(void **state)
{
	(void)state;
	static const uint16_t other[] = {21};
	struct vlans v;
	struct dp_port_info lan, red;
	uint8_t ip[BUFFER], wire[BUFFER];
	start(&v);
	size_t bytes = gateway_outbound_packet(ip, 100);
	gateway_put(&v.gw, GW_PORT_LAN, ip, bytes);
	put_red(&v, ip, bytes);
	put_red(&v, ip, bytes);
	put(&v, tagged(&v, ip, bytes, other, 1)); /* nobody's: counts where it came in */
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
	stop(&v);
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
	start(&v);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dp_port_config config = {.name = "x",
						.vnet = v.red,
						.vlan = rows[i].vlan,
						.mtu = rows[i].mtu,
						.on = rows[i].on_vlan ? v.port : GW_PORT_LAN};
		assert_int_equal(dp_port_add(v.gw.dp, &config, &number, &err), rows[i].rc);
	}
	stop(&v);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_tag_decides_whose_tunnel_a_packet_takes),
	    cmocka_unit_test(what_comes_out_of_a_tunnel_leaves_with_the_tag_of_its_network),
	    cmocka_unit_test(under_the_other_network_s_sa_a_packet_is_the_other_network_s_or_nobody_s),
	    cmocka_unit_test(wrong_tags_are_dropped_each_under_its_own_reason),
	    cmocka_unit_test(a_frame_that_ends_within_its_tag_is_dropped),
	    cmocka_unit_test(a_priority_without_a_vlan_is_as_good_as_no_tag),
	    cmocka_unit_test(without_a_domain_of_its_own_a_trunk_drops_what_bears_no_tag),
	    cmocka_unit_test(a_driver_that_takes_tags_off_changes_nothing),
	    cmocka_unit_test(the_twin_of_a_vlan_sends_and_receives_without_the_tag_that_the_wire_has),
	    cmocka_unit_test(an_address_that_two_networks_have_is_that_of_the_network_whose_kernel_speaks),
	    cmocka_unit_test(each_frame_counts_on_one_port_with_its_tag),
	    cmocka_unit_test(a_vlan_is_taken_once_and_within_its_trunk_s_mtu),
	};
	if (gateway_process_start() < 0)
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed;
}
