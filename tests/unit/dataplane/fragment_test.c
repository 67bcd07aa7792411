/* SPDX-License-Identifier: BSD-3-Clause
 * What is too long for its way and may be cut: the fragments, opened by the witness and put together here, are the packet
 * again (RFC 791 3.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/fragment_rig.h"
#include "tests/unit/dataplane/gateway.h"

#define BUFFER 9300
#define ROOM   1446 /* of inner packets, for 1500 on the wire */

static const char *engine = "auto";

/* Takes what the port sent, opened if it is the wire, as the pieces of a packet; checks that no piece is longer. */
static void
take_pieces(struct gateway *gw, enum gw_port port, struct fragment_rig *rig, size_t longest)
{
	static uint8_t wire[BUFFER], inner[BUFFER];
	size_t bytes, inner_bytes;
	uint32_t seq;

	fragment_rig_start(rig);
	while ((bytes = gateway_take(gw, port, wire)) > 0) {
		if (port == GW_PORT_WAN) {
			const char *wrong = witness_open(&gw->out, 0, wire, bytes, inner, &inner_bytes, &seq);
			if (wrong != NULL)
				fail_msg("%s", wrong);
			fragment_rig_add(rig, inner, inner_bytes);
			assert_true(inner_bytes <= longest);
		} else {
			fragment_rig_add(rig, wire, bytes);
			assert_true(bytes <= longest);
		}
	}
}

static void
one_hop(uint8_t *ip)
{
	ip[8]--;
	witness_checksum(ip, 20);
}

static void
every_length_is_sealed_in_pieces_that_make_it_again(void **state)
{
	static struct fragment_rig rig;
	static uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start_mtu(&gw, engine, 0, 128, 9000);
	gw.dp->port[GW_PORT_WAN]->mtu = 1500;
	for (uint16_t payload = ROOM - 27; payload <= 8972;
	     payload = (uint16_t)(payload + (payload < 1500 ? 1 : 331))) {
		size_t bytes = gateway_outbound_packet(ip, payload);
		gateway_put(&gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&gw);
		take_pieces(&gw, GW_PORT_WAN, &rig, ROOM);
		assert_int_equal(rig.n, (bytes - 20 + 1423) / 1424);
		one_hop(ip);
		fragment_rig_check(&rig, ip, bytes);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_piece_of_a_packet_is_cut_once_more_in_its_place(void **state)
{
	static const uint16_t fragments[] = {0x2000, 0x2000 | 185, 370};
	static struct fragment_rig rig;
	static uint8_t ip[BUFFER];
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct gateway gw;
		gateway_start(&gw, engine, 0, 128);
		const struct witness_ip header = {
		    .src = GW_HOST, .dst = GW_FAR, .payload = 1472, .proto = 17, .ttl = 64, .fragment = fragments[i]};
		size_t bytes = witness_packet(&header, ip);
		gateway_put(&gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&gw);
		take_pieces(&gw, GW_PORT_WAN, &rig, ROOM);
		assert_int_equal(rig.n, 2);
		one_hop(ip);
		fragment_rig_check(&rig, ip, bytes);
		gateway_stop(&gw);
	}
}

static void
what_came_behind_a_long_packet_leaves_behind_its_pieces(void **state)
{
	static const uint16_t payload[] = {10, 1472, 20, 1472, 1472, 30};
	static const uint16_t order[] = {38, 1444, 76, 48, 1444, 76, 1444, 76, 58};
	static uint8_t ip[BUFFER], inner[BUFFER];
	struct gateway gw;
	uint32_t seq;
	size_t bytes;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	for (unsigned i = 0; i < 6; i++)
		gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, payload[i]));
	gateway_turn(&gw);
	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		size_t sent = gateway_take(&gw, GW_PORT_WAN, ip);
		assert_null(witness_open(&gw.out, 0, ip, sent, inner, &bytes, &seq));
		assert_int_equal(seq, i + 1);
		assert_int_equal(bytes, order[i]);
	}
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, ip), 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* Policies and selectors judge the whole packet: its ports hold for all pieces. */
static void
an_sa_for_one_port_carries_all_pieces(void **state)
{
	static struct fragment_rig rig;
	uint8_t ip[BUFFER];
	struct sadb_error err;
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	struct sadb_sa_config config = gateway_sa(&gw.out, 0, 128);
	config.sel = (struct sadb_selector){.proto = 17, .dport_be = RTE_BE16(5000), .dport_mask_be = 0xffff};
	assert_int_equal(sadb_sa_update(gw.db, &config, &err), 0);
	gateway_commit(&gw);
	size_t bytes = gateway_outbound_packet(ip, 1472);
	gateway_put(&gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(&gw);
	take_pieces(&gw, GW_PORT_WAN, &rig, ROOM);
	one_hop(ip);
	fragment_rig_check(&rig, ip, bytes);
	gateway_stop(&gw);
}

static void
what_the_gateway_s_own_kernel_sends_is_cut_and_loses_no_hop(void **state)
{
	static struct fragment_rig rig;
	uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	const struct witness_ip header = {
	    .src = GW_LAN, .dst = GW_FAR, .sport = 1, .dport = 2, .payload = 1472, .proto = 17, .ttl = 64};
	size_t bytes = witness_packet(&header, ip);
	gateway_inject(&gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(&gw);
	take_pieces(&gw, GW_PORT_WAN, &rig, ROOM);
	assert_int_equal(rig.n, 2);
	fragment_rig_check(&rig, ip, bytes);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* The worst that one batch can ask for: all of it as long as can be, for the narrowest of wires. Nothing is lost track of,
 * whatever there is no buffer or no place in the port for. */
static void
a_batch_that_grows_beyond_all_room_is_accounted_for(void **state)
{
	static uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start_mtu(&gw, engine, 0, 128, 9000);
	gw.dp->port[GW_PORT_WAN]->mtu = 576;
	for (unsigned i = 0; i < DP_BURST; i++)
		gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 8900));
	gateway_turn(&gw);
	assert_int_equal(gw.w->stats.tx + gateway_dropped(&gw, DP_DROP_TX_FULL), DP_BURST * 18);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
without_buffers_for_all_pieces_none_leaves(void **state)
{
	struct rte_mbuf *all[2048];
	uint8_t ip[BUFFER];
	struct gateway gw;
	unsigned n = 0;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 1472));
	while (n < 2048 && (all[n] = rte_pktmbuf_alloc(gw.dp->pool)) != NULL)
		n++;
	rte_pktmbuf_free(all[--n]); /* one piece, and not the other */
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, ip), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_BUFFER), 1);
	gateway_assert_balanced(&gw);
	rte_pktmbuf_free_bulk(all, n);
	gateway_stop(&gw);
}

/* ---- at a port: what came out of an SA and is too long for the network behind it ---- */

static void
put_sealed(struct gateway *gw, uint64_t seq, const uint8_t *ip, size_t bytes)
{
	static const struct witness_twist plain;
	static uint8_t wire[BUFFER];
	gateway_put(gw, GW_PORT_WAN, wire, witness_seal(&gw->in, seq, ip, bytes, &plain, wire));
}

static void
what_an_sa_brought_is_cut_for_the_port_behind(void **state)
{
	static struct fragment_rig rig;
	uint8_t ip[BUFFER];
	struct gateway gw;
	uint64_t seq = 1;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	gw.dp->port[GW_PORT_LAN]->mtu = 600;
	for (uint16_t payload = 572; payload <= 1400; payload = (uint16_t)(payload + 23)) {
		size_t bytes = gateway_inbound_packet(ip, payload);
		put_sealed(&gw, seq++, ip, bytes);
		gateway_turn(&gw);
		take_pieces(&gw, GW_PORT_LAN, &rig, 600);
		assert_int_equal(rig.n, payload == 572 ? 1 : (bytes - 20 + 575) / 576);
		one_hop(ip);
		fragment_rig_check(&rig, ip, bytes);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* More pieces than a stage's vector holds, and none of them may leave. */
static void
pieces_that_no_link_takes_are_dropped_however_many(void **state)
{
	static uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start_mtu(&gw, engine, 0, 128, 9000);
	gw.dp->port[GW_PORT_LAN]->mtu = 576;
	__atomic_store_n(&gw.dp->port[GW_PORT_LAN]->up, false, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < DP_BURST; i++)
		put_sealed(&gw, i + 1, ip, gateway_inbound_packet(ip, 8900));
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_PORT_DOWN), DP_BURST * 17);
	assert_true(DP_BURST * 17 > DP_VEC_MAX);
	/* And the next packet is treated as ever. */
	__atomic_store_n(&gw.dp->port[GW_PORT_LAN]->up, true, __ATOMIC_RELAXED);
	put_sealed(&gw, DP_BURST + 1, ip, gateway_inbound_packet(ip, 10));
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, ip), 38);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_fragment_that_ends_beyond_any_packet_is_dropped(void **state)
{
	static uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	const struct witness_ip header = {
	    .src = GW_HOST, .dst = GW_FAR, .payload = 1472, .proto = 17, .ttl = 64, .fragment = 0x1ff0};
	gateway_put(&gw, GW_PORT_LAN, ip, witness_packet(&header, ip));
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, ip), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_IP_LENGTH), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
it_waits_for_its_neighbour_in_one_piece(void **state)
{
	static const uint8_t mac[6] = {0x02, 0, 0, 0, 0, 0x98};
	static struct fragment_rig rig;
	uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	gw.dp->port[GW_PORT_LAN]->mtu = 600;
	size_t bytes = gateway_inbound_packet(ip, 1000);
	ip[19] = 11; /* nobody knows it yet */
	witness_checksum(ip, 20);
	put_sealed(&gw, 1, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gw.w->n_held, 1);
	struct sadb_neigh neigh = {.addr_v4_be = rte_cpu_to_be_32(GW_HOST + 1), .port = GW_PORT_LAN};
	memcpy(neigh.mac, mac, 6);
	sadb_neighs_set(gw.db, sadb_neigh_table_create(&neigh, 1));
	gateway_turn(&gw);
	take_pieces(&gw, GW_PORT_LAN, &rig, 600);
	assert_int_equal(rig.n, 2);
	one_hop(ip);
	fragment_rig_check(&rig, ip, bytes);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_must_not_be_cut_is_dropped_there(void **state)
{
	uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	gw.dp->port[GW_PORT_LAN]->mtu = 600;
	size_t bytes = gateway_inbound_packet(ip, 600);
	ip[6] = 0x40;
	witness_checksum(ip, 20);
	put_sealed(&gw, 1, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, ip), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), 1);
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_length_is_sealed_in_pieces_that_make_it_again),
	    cmocka_unit_test(a_piece_of_a_packet_is_cut_once_more_in_its_place),
	    cmocka_unit_test(what_came_behind_a_long_packet_leaves_behind_its_pieces),
	    cmocka_unit_test(an_sa_for_one_port_carries_all_pieces),
	    cmocka_unit_test(what_the_gateway_s_own_kernel_sends_is_cut_and_loses_no_hop),
	    cmocka_unit_test(a_batch_that_grows_beyond_all_room_is_accounted_for),
	    cmocka_unit_test(without_buffers_for_all_pieces_none_leaves),
	    cmocka_unit_test(what_an_sa_brought_is_cut_for_the_port_behind),
	    cmocka_unit_test(pieces_that_no_link_takes_are_dropped_however_many),
	    cmocka_unit_test(a_fragment_that_ends_beyond_any_packet_is_dropped),
	    cmocka_unit_test(it_waits_for_its_neighbour_in_one_piece),
	    cmocka_unit_test(what_must_not_be_cut_is_dropped_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
