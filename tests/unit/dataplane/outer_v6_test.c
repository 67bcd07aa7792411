/* SPDX-License-Identifier: BSD-3-Clause
 * Tunnels over IPv6: the outer header in every case (RFC 4301 5.1.2.2, RFC 6040), lengths, what may stand before ESP, and the
 * peer that moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/outer_v6_rig.h"

/* A packet from the host inside, or to it. */
static size_t
inner_packet(uint8_t *ip, bool v6, bool outbound, uint16_t payload, uint8_t tos)
{
	size_t bytes;
	if (v6) {
		bytes = rig_packet(ip, outbound ? RIG_HOST : RIG_FAR, outbound ? RIG_FAR : RIG_HOST, payload);
		dp_ipv6_tclass_set((struct rte_ipv6_hdr *)(void *)ip, tos);
		return bytes;
	}
	bytes = outbound ? gateway_outbound_packet(ip, payload) : gateway_inbound_packet(ip, payload);
	ip[1] = tos;
	witness_checksum(ip, 20);
	return bytes;
}

static void
put_inside(struct gateway *gw, const uint8_t *ip, size_t bytes)
{
	gw->v6 = ip[0] >> 4 == 6;
	rig_turn_with(gw, GW_PORT_LAN, ip, bytes);
}

static void
one_hop_on(uint8_t *ip)
{
	if (ip[0] >> 4 == 6) {
		ip[7]--;
		return;
	}
	ip[8]--;
	witness_checksum(ip, 20);
}

/* The next packet on the wire holds ip, one hop on. Its traffic class goes to tclass, its flow label to label. */
static void
assert_sealed(struct gateway *gw, uint8_t *ip, size_t bytes, bool udp, uint8_t *tclass, uint32_t *label)
{
	uint8_t wire[RIG_BUFFER], inner[RIG_BUFFER];
	size_t sent = gateway_take(gw, GW_PORT_WAN, wire), inner_bytes = 0;
	uint32_t seq;
	*tclass = (uint8_t)(wire[0] << 4 | wire[1] >> 4);
	*label = (wire[1] & 0x0fu) << 16 | (uint32_t)wire[2] << 8 | wire[3];
	const char *wrong = outer_unwrap(wire, &sent, &gw->out, udp);
	if (wrong == NULL)
		wrong = witness_open(&gw->out, 0, wire, sent, inner, &inner_bytes, &seq);
	if (wrong != NULL)
		fail_msg("%zu bytes inside: %s", bytes, wrong);
	one_hop_on(ip);
	assert_int_equal(inner_bytes, bytes);
	assert_memory_equal(inner, ip, bytes);
}

static void
each_flag_of_the_sa_does_what_it_says_to_each_traffic_class(void **state)
{
	static const uint32_t flag[] = {SADB_SA_NOECN, SADB_SA_DONT_ENCAP_DSCP, SADB_SA_NOPMTUDISC};
	(void)state;
	for (unsigned set = 0; set < 8; set++) {
		const uint8_t mask = (uint8_t)((set & 1 ? 0xfc : 0xff) & (set & 2 ? 0x03 : 0xff));
		uint32_t flags = 0;
		struct gateway gw;
		for (unsigned i = 0; i < 3; i++)
			flags |= set & 1u << i ? flag[i] : 0;
		outer_start(&gw, flags, 1500, set & 1);
		for (unsigned tos = 0; tos < 256; tos++) {
			for (unsigned v6 = 0; v6 < 2; v6++) {
				uint8_t ip[RIG_BUFFER], tclass;
				uint32_t label;
				size_t bytes = inner_packet(ip, v6, true, (uint16_t)(tos % 5), (uint8_t)tos);
				put_inside(&gw, ip, bytes);
				assert_sealed(&gw, ip, bytes, set & 1, &tclass, &label);
				assert_int_equal(tclass, tos & mask);
				assert_int_equal(label, v6 ? 0x12345 : 0); /* that of rig_packet() */
			}
		}
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

/* RFC 6040 4.2. Rows: inner Not-ECT, ECT(1), ECT(0), CE; columns: outer likewise. -1: dropped. */
static const int ecn_table[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};

static void
congestion_marks_of_the_outer_header_come_in_for_both_families(void **state)
{
	struct gateway gw;
	uint64_t seq = 0, dropped = 0;
	(void)state;
	outer_start(&gw, 0, 1500, false);
	for (unsigned i = 0; i < 32; i++) {
		const unsigned inner = i / 4 % 4, outer = i % 4, v6 = i / 16;
		const struct witness_twist twist = {.next_header = v6 ? 41 : 4, .tos = (uint8_t)(0x48 | outer)};
		uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER], out[RIG_BUFFER];
		size_t bytes = inner_packet(ip, v6, false, 8, (uint8_t)(0xb8 | inner));
		size_t sealed = witness_seal(&gw.in, ++seq, ip, bytes, &twist, wire);
		rig_turn_with(&gw, GW_PORT_WAN, wire, outer_wrap(wire, sealed, false));
		size_t got = gateway_take(&gw, GW_PORT_LAN, out);
		assert_int_equal(got, ecn_table[inner][outer] < 0 ? 0 : bytes);
		dropped += got == 0;
		if (got > 0)
			assert_int_equal(v6 ? (uint8_t)(out[0] << 4 | out[1] >> 4) : out[1],
					 0xb8 | ecn_table[inner][outer]);
	}
	assert_int_equal(dropped, 2);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_ECN), dropped);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
the_longest_that_fits_is_what_hosts_are_told(void **state)
{
	static const struct {
		uint16_t mtu;
		bool udp;
		uint16_t inner;
	} rows[] = {
	    {1500, false, 1426}, {1500, true, 1418}, {1499, false, 1422}, {1497, false, 1422},
	    {1496, false, 1422}, {1400, true, 1318}, {1352, false, 1278}, {9000, false, 8926},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint16_t most = rows[i].inner;
		uint8_t ip[9300], wire[9300];
		struct gateway gw;
		outer_start(&gw, 0, rows[i].mtu, rows[i].udp);
		for (unsigned v6 = 0; v6 < 2; v6++) {
			size_t bytes = inner_packet(ip, v6, true, (uint16_t)(most - (v6 ? 48 : 28)), 0);
			put_inside(&gw, ip, bytes);
			size_t sent = gateway_take(&gw, GW_PORT_WAN, wire);
			assert_int_equal(sent, 40u + (rows[i].udp ? 8 : 0) + 16 + most + 2 + 16);
			assert_true(sent <= rows[i].mtu && sent + 4 > rows[i].mtu);
		}
		size_t bytes = inner_packet(ip, false, true, (uint16_t)(most + 1 - 28), 0);
		ip[6] = 0x40;
		witness_checksum(ip, 20);
		put_inside(&gw, ip, bytes);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), bytes <= rows[i].mtu);
		if (bytes <= rows[i].mtu) {
			assert_true(gateway_take(&gw, GW_PORT_LAN, wire) > 0);
			assert_int_equal(wire[26] << 8 | wire[27], most);
			ip[6] = 0; /* may be cut: two fragments, each sealed */
			witness_checksum(ip, 20);
			put_inside(&gw, ip, bytes);
			assert_true(gateway_take(&gw, GW_PORT_WAN, wire) > 0 &&
				    gateway_take(&gw, GW_PORT_WAN, wire) > 0);
		}
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

/* Both families and both outer families in one batch, in any order: each leaves under its own SA. */
static void
a_batch_of_all_four_combinations_comes_apart(void **state)
{
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER], inner[RIG_BUFFER];
	struct gateway gw;
	unsigned seen[4] = {0};
	(void)state;
	outer_start(&gw, 0, 1500, false);
	gw.wan_v6 = false;
	/* 10.1.0.0/25 and its like go over IPv4, as before. */
	struct witness_sa old = gw.out;
	struct sadb_policy_config over_v4 = gateway_policy(SADB_POLICY_OUT);
	over_v4.priority = 1;
	over_v4.sel.dst = rig_prefix("10.2.0.128/25");
	gateway_set_policy(&gw, &over_v4);
	over_v4.sel =
	    (struct sadb_selector){.src = rig_prefix("2001:db8:1::/64"), .dst = rig_prefix("2001:db8:2:0:8000::/65")};
	gateway_set_policy(&gw, &over_v4);
	gateway_commit(&gw);
	for (unsigned i = 0; i < 48; i++) {
		const bool v6 = i % 3 == 0, to_v4 = i % 2 == 0;
		size_t bytes = inner_packet(ip, v6, true, 30, 0);
		if (to_v4 && v6)
			ip[32] = 0x80;
		else if (to_v4)
			ip[19] = 200;
		if (!v6)
			witness_checksum(ip, 20);
		gw.v6 = v6;
		gateway_put(&gw, GW_PORT_LAN, ip, bytes);
	}
	gateway_turn(&gw);
	old.key[0]--;
	for (struct rte_mbuf *m; (m = gateway_take_frame(&gw, GW_PORT_WAN)) != NULL; rte_pktmbuf_free(m)) {
		const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
		size_t bytes = m->data_len - sizeof(*ether), inner_bytes;
		uint32_t seq;
		memcpy(wire, ether + 1, bytes);
		const bool outer_v6 = wire[0] >> 4 == 6;
		assert_int_equal(ether->ether_type, outer_v6 ? RTE_BE16(0x86dd) : RTE_BE16(0x0800));
		assert_int_equal(ether->dst_addr.addr_bytes[5], outer_v6 ? 9 : 0);
		if (outer_v6)
			assert_null(outer_unwrap(wire, &bytes, &gw.out, false));
		assert_null(witness_open(outer_v6 ? &gw.out : &old, 0, wire, bytes, inner, &inner_bytes, &seq));
		const bool v6 = inner[0] >> 4 == 6;
		assert_true((v6 ? inner[32] == 0x80 : inner[19] == 200) == !outer_v6);
		seen[2 * outer_v6 + v6]++;
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(seen[i], i % 2 == 0 ? 16 : 8);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_sealed_packet_waits_for_its_neighbour_and_leaves_as_it_was(void **state)
{
	for (unsigned udp = 0; udp < 2; udp++) {
		uint8_t ip[RIG_BUFFER], tclass;
		uint32_t label;
		struct gateway gw;
		struct dp_event event[4];
		(void)state;
		outer_start(&gw, 0, 1500, udp);
		sadb_neighs_set(gw.db, sadb_neigh_table_create(NULL, 0));
		size_t bytes = inner_packet(ip, false, true, 100, 0);
		put_inside(&gw, ip, bytes);
		assert_null(gateway_take_frame(&gw, GW_PORT_WAN));
		assert_int_equal(dp_events(gw.dp, event, 4), 1);
		const struct sadb_addr peer = rig_address(OUTER_PEER);
		assert_true(event[0].kind == DP_EVENT_NEIGH && sadb_addr_equal(&event[0].addr, &peer));
		struct sadb_neigh neigh = {.port = GW_PORT_WAN, .v6 = 1, .mac = {2}};
		memcpy(neigh.addr_v6, peer.bytes, 16);
		sadb_neighs_set(gw.db, sadb_neigh_table_create(&neigh, 1));
		gateway_turn(&gw);
		assert_sealed(&gw, ip, bytes, udp, &tclass, &label);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

static void
a_peer_in_udp_that_moved_is_told_with_its_ipv6_address(void **state)
{
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER], out[RIG_BUFFER];
	struct dp_event event[4];
	struct gateway gw;
	(void)state;
	outer_start(&gw, 0, 1500, true);
	size_t inner = inner_packet(ip, false, false, 60, 0);
	for (unsigned i = 0; i < 3; i++) { /* where it was, another address, another port */
		size_t bytes = outer_seal(&gw, i + 1, ip, inner, wire, true);
		wire[23] = i == 1 ? 0x77 : wire[23];
		wire[41] ^= i == 2;
		rig_turn_with(&gw, GW_PORT_WAN, wire, bytes);
		assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), inner);
		assert_int_equal(dp_events(gw.dp, event, 4), i > 0);
		if (i == 0)
			continue;
		const struct sadb_addr from = sadb_addr_v6(wire + 8);
		assert_int_equal(event[0].kind, DP_EVENT_MAPPING);
		assert_true(sadb_addr_equal(&event[0].addr, &from));
		assert_memory_equal(&event[0].sport_be, wire + 40, 2);
		sadb_sa_moved_untold(outer_sa_find(&gw, false));
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* ---- what a router tells ---- */

/* ICMPv6 Packet Too Big about a packet that the gateway just sent. */
static size_t
too_big(struct gateway *gw, uint32_t mtu, uint8_t *ip)
{
	uint8_t inner[RIG_BUFFER], wire[RIG_BUFFER];
	put_inside(gw, inner, inner_packet(inner, false, true, 1390, 0));
	size_t sent = gateway_take(gw, GW_PORT_WAN, wire);
	assert_true(sent > 1280);
	memset(ip, 0, 48);
	ip[0] = 0x60;
	ip[4] = 0;
	ip[5] = 8 + 120;
	ip[6] = 58;
	ip[7] = 60;
	memcpy(ip + 8, rig_address("2001:db8:99::1").bytes, 16);
	memcpy(ip + 24, rig_address(OUTER_WAN).bytes, 16);
	ip[40] = 2;
	ip[46] = (uint8_t)(mtu >> 8);
	ip[47] = (uint8_t)mtu;
	memcpy(ip + 48, wire, 120);
	return 168;
}

static uint16_t
learn(struct gateway *gw, uint8_t *ip, size_t bytes, bool right)
{
	const uint64_t punted = gw->w->stats.punted;
	ip[42] = ip[43] = 0;
	const uint32_t sum = ~outer_sum(ip, bytes, 58) & 0xffff;
	ip[42] = (uint8_t)(sum >> 8);
	ip[43] = (uint8_t)(sum ^ !right);
	gw->w->path_mtu_learnt = 0; /* as if the last one were long ago */
	rig_turn_with(gw, GW_PORT_WAN, ip, bytes);
	assert_int_equal(gw->w->stats.punted, punted + 1);
	return sadb_sa_path_mtu(outer_sa_find(gw, true)->mut, gw->w->now_s);
}

enum { SENT = 48, ESP = 88 };

static void
a_router_is_believed_that_quotes_a_packet_of_the_sa_and_no_other(void **state)
{
	static const struct {
		const char *name;
		uint8_t at, bit;
	} forged[] = {
	    {"another SPI", ESP + 3, 1},
	    {"another source", SENT + 23, 2},
	    {"another destination", SENT + 39, 1},
	    {"a number that was never sent", ESP + 6, 1},
	    {"a number of long ago", ESP + 4, 0x80},
	    {"no MTU that is too small", 46, 0xf0},
	    {"destination unreachable", 40, 3},
	    {"AH", SENT + 6, 1},
	    {"IPv4 quoted", SENT, 0x20},
	    {"a fragment quoted", SENT + 6, 50 ^ 44},
	};
	uint8_t ip[RIG_BUFFER];
	struct gateway gw;
	(void)state;
	outer_start(&gw, 0, 1500, false);
	for (unsigned i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		size_t bytes = too_big(&gw, 1300, ip);
		ip[forged[i].at] ^= forged[i].bit;
		if (learn(&gw, ip, bytes, true) != 0)
			fail_msg("%s: it was believed", forged[i].name);
	}
	size_t bytes = too_big(&gw, 1300, ip);
	assert_int_equal(learn(&gw, ip, bytes, false), 0); /* a wrong checksum */
	ip[5] = 8 + 47;
	assert_int_equal(learn(&gw, ip, 40 + 8 + 47, true), 0); /* a byte less than SPI and number */
	ip[5] = 8 + 120;
	ip[44] = 1; /* more than 16 bits of it */
	assert_int_equal(learn(&gw, ip, bytes, true), 0);
	ip[44] = 0;
	assert_int_equal(learn(&gw, ip, bytes, true), 1300);
	/* RFC 8200 5: every link carries 1280 bytes. */
	bytes = too_big(&gw, 1300, ip);
	ip[46] = 0;
	ip[47] = 68;
	assert_int_equal(learn(&gw, ip, bytes, true), 1280);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* What the gateway cut after ESP: its first piece has SPI and number, and no other. */
static void
a_router_is_believed_that_quotes_a_first_piece(void **state)
{
	uint8_t ip[RIG_BUFFER];
	struct gateway gw;
	(void)state;
	outer_start(&gw, 0, 1500, false);
	for (unsigned at = 0; at < 16; at += 8) {
		const size_t bytes = too_big(&gw, 1300, ip);
		memmove(ip + ESP + 8, ip + ESP, 120 - 40 - 8);
		memcpy(ip + ESP, (const uint8_t[8]){50, 0, 0, (uint8_t)(8 - at) | 1, 1, 2, 3, 4}, 8);
		ip[SENT + 6] = 44;
		assert_int_equal(learn(&gw, ip, bytes, true), at == 8 ? 1300 : 0);
	}
	gateway_stop(&gw);
}

/* Still sealed, and opened. */
static void
an_audit_event_says_between_which_addresses(void **state)
{
	static const enum dp_drop reasons[] = {DP_DROP_ICV, DP_DROP_INNER_POLICY, DP_DROP_ESP_NO_SA,
					       DP_DROP_REPLAY_DUP};
	uint32_t per_s[DP_AUDIT_KINDS];
	struct gateway gw;
	(void)state;
	outer_start(&gw, 0, 1500, false);
	for (unsigned i = 0; i < DP_AUDIT_KINDS; i++)
		per_s[i] = 100;
	dp_audit_set(gw.dp, per_s);
	for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
		const char *from = reasons[i] == DP_DROP_INNER_POLICY ? "2001:db8:9::9" : RIG_FAR;
		const size_t bytes = rig_packet(ip, from, RIG_HOST, 60),
			     n = outer_seal(&gw, 7 + i, ip, bytes, wire, false);
		struct dp_audit_event event, more;
		if (reasons[i] == DP_DROP_ICV)
			wire[n - 1] ^= 1;
		if (reasons[i] == DP_DROP_ESP_NO_SA)
			wire[40] ^= 1;
		gateway_put(&gw, GW_PORT_WAN, wire, n);
		if (reasons[i] == DP_DROP_REPLAY_DUP)
			gateway_put(&gw, GW_PORT_WAN, wire, n);
		gateway_turn(&gw);
		assert_int_equal(dp_audit_take(gw.dp, &event, 1), 1);
		assert_int_equal(dp_audit_take(gw.dp, &more, 1), 0);
		assert_int_equal(event.reason, reasons[i]);
		const struct sadb_addr src = rig_address(OUTER_PEER), dst = rig_address(OUTER_WAN),
				       inner = rig_address(from);
		assert_true(sadb_addr_equal(&event.src, &src) && sadb_addr_equal(&event.dst, &dst));
		assert_int_equal(event.proto, IPPROTO_ESP);
		assert_int_equal(rte_be_to_cpu_32(event.spi_be) & 0xffffff, gw.in.spi);
		assert_int_equal(event.seq, 7 + i);
		if (reasons[i] == DP_DROP_INNER_POLICY)
			assert_true((event.has & DP_AUDIT_HAS_INNER) && sadb_addr_equal(&event.inner.src, &inner));
		while (gateway_take(&gw, GW_PORT_LAN, wire) > 0)
			;
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_flag_of_the_sa_does_what_it_says_to_each_traffic_class),
	    cmocka_unit_test(congestion_marks_of_the_outer_header_come_in_for_both_families),
	    cmocka_unit_test(the_longest_that_fits_is_what_hosts_are_told),
	    cmocka_unit_test(a_batch_of_all_four_combinations_comes_apart),
	    cmocka_unit_test(a_sealed_packet_waits_for_its_neighbour_and_leaves_as_it_was),
	    cmocka_unit_test(a_peer_in_udp_that_moved_is_told_with_its_ipv6_address),
	    cmocka_unit_test(a_router_is_believed_that_quotes_a_packet_of_the_sa_and_no_other),
	    cmocka_unit_test(a_router_is_believed_that_quotes_a_first_piece),
	    cmocka_unit_test(an_audit_event_says_between_which_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
