/* SPDX-License-Identifier: BSD-3-Clause
 * The peer of an SA in UDP is elsewhere (RFC 7296 2.23): that is told, once, and only a packet that nobody else can have made
 * says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/udp_rig.h"

#define BUFFER     4096
#define ELSEWHERE  0xcb007109u /* 203.0.113.9 */
#define ALL_EVENTS 4095        /* what the ring of events holds */

/* Takes the events that wait; all must be MAPPING of the inbound SA. Returns how many, and the last. */
static unsigned
mappings(struct gateway *gw, struct dp_event *last)
{
	struct dp_event event[8];
	const struct sadb_addr dst = sadb_addr_v4(RTE_BE32(GW_WAN));
	const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(gw->in.spi), IPPROTO_ESP);
	unsigned n = dp_events(gw->dp, event, 8);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(event[i].kind, DP_EVENT_MAPPING);
		assert_memory_equal(&event[i].sa, &key, sizeof(key));
		*last = event[i];
	}
	return n;
}

/* The same packet from another place. */
static void
move(uint8_t *wire, uint32_t src, uint16_t sport)
{
	for (unsigned i = 0; i < 4; i++)
		wire[12 + i] = (uint8_t)(src >> (24 - 8 * i));
	wire[20] = (uint8_t)(sport >> 8);
	wire[21] = (uint8_t)sport;
	witness_checksum(wire, 20);
}

static void
forget_when_it_was_told(struct gateway *gw)
{
	const struct sadb_addr dst = sadb_addr_v4(RTE_BE32(GW_WAN));
	const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(gw->in.spi), IPPROTO_ESP);
	sadb_sa_moved_untold(sadb_sa_find(gw->db, &key)->hot);
}

static void
a_packet_from_another_port_or_address_passes_and_is_told_once(void **state)
{
	static const struct {
		uint32_t src;
		uint16_t sport;
		unsigned told;
	} rows[] = {
	    {GW_PEER, UDP_RIG_PEER, 0},
	    {GW_PEER, UDP_RIG_PEER + 1, 1},
	    {ELSEWHERE, UDP_RIG_PEER, 1},
	    {ELSEWHERE, 1, 1},
	    {GW_PEER, 0, 1}, /* no port to answer to, but that is IKE's to say */
	    {GW_PEER + 1, UDP_RIG_PEER, 1},
	};
	struct gateway gw;
	uint64_t seq = 1;
	(void)state;
	udp_rig_start(&gw, SADB_SA_ESN, 128);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
		struct dp_event event = {0};
		size_t inner = gateway_inbound_packet(ip, 60);
		for (unsigned k = 0; k < 20; k++) { /* in one batch */
			size_t bytes = udp_rig_seal(&gw, seq++, ip, inner, wire);
			move(wire, rows[i].src, rows[i].sport);
			gateway_put(&gw, GW_PORT_WAN, wire, bytes);
		}
		gateway_turn(&gw);
		for (unsigned k = 0; k < 20; k++)
			assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), inner);
		size_t bytes = udp_rig_seal(&gw, seq++, ip, inner, wire); /* and in the next one */
		move(wire, rows[i].src, rows[i].sport);
		assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
		assert_int_equal(mappings(&gw, &event), rows[i].told);
		if (rows[i].told) {
			assert_int_equal(sadb_addr_to_v4(&event.addr), rte_cpu_to_be_32(rows[i].src));
			assert_int_equal(event.sport_be, rte_cpu_to_be_16(rows[i].sport));
		}
		forget_when_it_was_told(&gw);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
nobody_but_the_peer_can_move_it(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	struct dp_event event;
	(void)state;
	udp_rig_start(&gw, 0, 128);
	size_t inner = gateway_inbound_packet(ip, 60), bytes = udp_rig_seal(&gw, 10, ip, inner, wire);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	/* A replay of it, from elsewhere, alone and beside a new one from where the peer is. */
	move(wire, ELSEWHERE, 1);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), 0);
	gateway_put(&gw, GW_PORT_WAN, wire, bytes);
	bytes = udp_rig_seal(&gw, 20, ip, inner, wire);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_REPLAY_DUP), 2);
	/* A forgery. */
	bytes = udp_rig_seal(&gw, 30, ip, inner, wire);
	move(wire, ELSEWHERE, 1);
	wire[bytes - 1] ^= 1;
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_ICV), 1);
	/* One that was held back on the way: right, taken, but not the newest. */
	bytes = udp_rig_seal(&gw, 15, ip, inner, wire);
	move(wire, ELSEWHERE, 1);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	/* A copy of the newest, in one batch with it: what both promised before decryption only one can keep. */
	bytes = udp_rig_seal(&gw, 22, ip, inner, wire);
	gateway_put(&gw, GW_PORT_WAN, wire, bytes);
	move(wire, ELSEWHERE, 1);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_REPLAY_DUP), 3);
	assert_int_equal(mappings(&gw, &event), 0);
	/* The newest does. */
	bytes = udp_rig_seal(&gw, 23, ip, inner, wire);
	move(wire, ELSEWHERE, 1);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	assert_int_equal(mappings(&gw, &event), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* The newest of a batch says where the peer is, whatever order they came in. */
static void
of_a_batch_the_newest_packet_counts(void **state)
{
	static const struct {
		uint64_t seq;
		uint32_t src;
	} rows[] = {{3, ELSEWHERE}, {5, ELSEWHERE + 2}, {4, ELSEWHERE + 1}, {2, GW_PEER}};
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER];
	struct dp_event event;
	(void)state;
	udp_rig_start(&gw, 0, 128);
	for (unsigned i = 0; i < 4; i++) {
		size_t bytes = udp_rig_seal(&gw, rows[i].seq, ip, gateway_inbound_packet(ip, 60), wire);
		move(wire, rows[i].src, UDP_RIG_PEER);
		gateway_put(&gw, GW_PORT_WAN, wire, bytes);
	}
	gateway_turn(&gw);
	assert_int_equal(mappings(&gw, &event), 1);
	assert_int_equal(sadb_addr_to_v4(&event.addr), RTE_BE32(ELSEWHERE + 2));
	gateway_stop(&gw);
}

static void
without_a_window_every_right_packet_counts(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	struct dp_event event;
	(void)state;
	udp_rig_start(&gw, 0, 0);
	size_t inner = gateway_inbound_packet(ip, 60), bytes = udp_rig_seal(&gw, 7, ip, inner, wire);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	bytes = udp_rig_seal(&gw, 3, ip, inner, wire);
	move(wire, ELSEWHERE, 1);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	assert_int_equal(mappings(&gw, &event), 1);
	assert_int_equal(event.sport_be, RTE_BE16(1));
	gateway_stop(&gw);
}

static void
once_the_sa_says_so_it_is_no_news(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	struct dp_event event;
	struct sadb_error err;
	(void)state;
	udp_rig_start(&gw, 0, 128);
	struct sadb_sa_config config = udp_rig_sa(&gw.in, 0, 128);
	config.encap_sport_be = RTE_BE16(UDP_RIG_PEER + 1);
	assert_int_equal(sadb_sa_update(gw.db, &config, &err), 0);
	gateway_commit(&gw);
	size_t inner = gateway_inbound_packet(ip, 60), bytes = udp_rig_seal(&gw, 1, ip, inner, wire);
	move(wire, GW_PEER, UDP_RIG_PEER + 1);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	assert_int_equal(mappings(&gw, &event), 0);
	bytes = udp_rig_seal(&gw, 2, ip, inner, wire); /* where it was before */
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	assert_int_equal(mappings(&gw, &event), 1);
	assert_int_equal(event.sport_be, RTE_BE16(UDP_RIG_PEER));
	gateway_stop(&gw);
}

static void
what_a_full_ring_could_not_take_is_told_by_the_next_packet(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	struct dp_event event = {0};
	unsigned filled = 0;
	(void)state;
	udp_rig_start(&gw, 0, 128);
	while (dp_event_send(gw.w, &event))
		filled++;
	assert_int_equal(filled, ALL_EVENTS);
	size_t inner = gateway_inbound_packet(ip, 60), bytes = udp_rig_seal(&gw, 1, ip, inner, wire);
	move(wire, ELSEWHERE, 1);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	while (dp_events(gw.dp, &event, 1) == 1)
		assert_int_equal(event.kind, 0);
	bytes = udp_rig_seal(&gw, 2, ip, inner, wire);
	move(wire, ELSEWHERE, 1);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	assert_int_equal(mappings(&gw, &event), 1);
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_packet_from_another_port_or_address_passes_and_is_told_once),
	    cmocka_unit_test(nobody_but_the_peer_can_move_it),
	    cmocka_unit_test(of_a_batch_the_newest_packet_counts),
	    cmocka_unit_test(without_a_window_every_right_packet_counts),
	    cmocka_unit_test(once_the_sa_says_so_it_is_no_news),
	    cmocka_unit_test(what_a_full_ring_could_not_take_is_told_by_the_next_packet),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
