/* SPDX-License-Identifier: BSD-3-Clause
 * IPv6 packets through a gateway whose outside is IPv4: sealed and opened, and what hosts are told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/ipv6_rig.h"

static void
what_a_host_sends_leaves_sealed_one_hop_later(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER], inner[RIG_BUFFER];
	size_t inner_bytes;
	uint32_t seq;
	(void)state;
	rig_start(&gw);
	for (unsigned i = 0; i < 256; i++) {
		size_t bytes = rig_packet(ip, RIG_HOST, RIG_FAR, (uint16_t)(i % 21));
		dp_ipv6_tclass_set((struct rte_ipv6_hdr *)(void *)ip, (uint8_t)i);
		rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
		size_t sent = gateway_take(&gw, GW_PORT_WAN, wire);
		const char *wrong = witness_open(&gw.out, 0, wire, sent, inner, &inner_bytes, &seq);
		if (wrong != NULL)
			fail_msg("traffic class %#x: %s", i, wrong);
		assert_int_equal(seq, i + 1);
		assert_int_equal(wire[1], i);    /* DSCP and ECN (RFC 6040 4.1) */
		assert_int_equal(wire[6], 0x40); /* don't fragment */
		assert_int_equal(inner_bytes, bytes);
		ip[7]--;
		assert_memory_equal(inner, ip, bytes);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_the_sa_says_of_dscp_ecn_and_df_is_done(void **state)
{
	static const struct {
		uint32_t flags;
		uint8_t tos, fragment;
	} cases[] = {{SADB_SA_DONT_ENCAP_DSCP, 0x03, 0x40}, {SADB_SA_NOECN, 0xb8, 0x40}, {SADB_SA_NOPMTUDISC, 0xbb, 0}};
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct gateway gw;
		rig_start(&gw);
		gw.out.spi++;
		gw.out.key[0]++;
		struct sadb_sa_config config = gateway_sa(&gw.out, cases[i].flags, 128);
		gateway_add_sa(&gw, &config); /* the newest is in charge */
		gateway_commit(&gw);
		size_t bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 9);
		dp_ipv6_tclass_set((struct rte_ipv6_hdr *)(void *)ip, 0xbb);
		rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
		assert_true(gateway_take(&gw, GW_PORT_WAN, wire) > 0);
		assert_int_equal(wire[1], cases[i].tos);
		assert_int_equal(wire[6], cases[i].fragment);
		gateway_stop(&gw);
	}
}

static void
what_the_peer_seals_reaches_the_host_one_hop_later(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], out[RIG_BUFFER];
	struct witness_twist padded = rig_inside;
	(void)state;
	rig_start(&gw);
	for (unsigned i = 0; i < 40; i++) {
		size_t bytes = rig_packet(ip, RIG_FAR, RIG_HOST, (uint16_t)i);
		padded.tfc = i % 4 == 0 ? 100 : 0; /* RFC 4303 2.7 */
		assert_int_equal(gateway_receive(&gw, i + 1, ip, bytes, &padded, out), bytes);
		ip[7]--;
		assert_memory_equal(out, ip, bytes);
	}
	/* IPv4 and IPv6 in one batch, by the same SA, in any order. */
	for (unsigned i = 0; i < 20; i++) {
		uint8_t wire[RIG_BUFFER];
		bool v6 = i % 3 == 0;
		size_t bytes = v6 ? rig_packet(ip, RIG_FAR, RIG_HOST, 30) : gateway_inbound_packet(ip, 30);
		size_t sealed =
		    witness_seal(&gw.in, 100 + i, ip, bytes, v6 ? &rig_inside : &(struct witness_twist){0}, wire);
		gateway_put(&gw, GW_PORT_WAN, wire, sealed);
	}
	struct sadb_neigh both[] = {{.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = GW_PORT_LAN, .mac = {2}},
				    {.port = GW_PORT_LAN, .v6 = 1, .mac = {2}}};
	memcpy(both[1].addr_v6, rig_address(RIG_HOST).bytes, 16);
	sadb_neighs_set(gw.db, sadb_neigh_table_create(both, 2));
	gateway_turn(&gw);
	unsigned n4 = 0, n6 = 0;
	for (struct rte_mbuf *m; (m = gateway_take_frame(&gw, GW_PORT_LAN)) != NULL; rte_pktmbuf_free(m)) {
		const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
		bool v6 = *(const uint8_t *)(ether + 1) >> 4 == 6;
		assert_int_equal(ether->ether_type, v6 ? RTE_BE16(0x86dd) : RTE_BE16(0x0800));
		n4 += !v6;
		n6 += v6;
	}
	assert_int_equal(n6, 7);
	assert_int_equal(n4, 13);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
in_udp_it_goes_both_ways_as_ipv4_does(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER], inner[RIG_BUFFER], out[RIG_BUFFER];
	size_t inner_bytes;
	uint32_t seq;
	(void)state;
	rig_start(&gw);
	for (unsigned i = 0; i < 2; i++) {
		struct witness_sa *sa = i == 0 ? &gw.out : &gw.in;
		sa->spi++;
		sa->key[0]++;
		struct sadb_sa_config config = gateway_sa(sa, 0, 128);
		config.encap_sport_be = rte_cpu_to_be_16(i == 0 ? 4500 : 1024);
		config.encap_dport_be = rte_cpu_to_be_16(i == 0 ? 1024 : 4500);
		gateway_add_sa(&gw, &config);
	}
	gateway_commit(&gw);
	size_t bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 1438 - 48); /* with UDP's 8 bytes it fills the wire */
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	size_t sent = gateway_take(&gw, GW_PORT_WAN, wire);
	assert_int_equal(sent, 1500);
	assert_null(witness_udp_unwrap(wire, &sent, 4500, 1024));
	assert_null(witness_open(&gw.out, 0, wire, sent, inner, &inner_bytes, &seq));
	ip[7]--;
	assert_int_equal(inner_bytes, bytes);
	assert_memory_equal(inner, ip, bytes);
	bytes = rig_packet(ip, RIG_FAR, RIG_HOST, 30);
	size_t sealed = witness_seal(&gw.in, 1, ip, bytes, &rig_inside, wire);
	gateway_put(&gw, GW_PORT_WAN, wire, witness_udp_wrap(wire, sealed, 1024, 4500));
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), bytes);
	ip[7]--;
	assert_memory_equal(out, ip, bytes);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
congestion_marks_come_back_by_the_table_of_rfc_6040(void **state)
{
	/* Rows: inner Not-ECT, ECT(1), ECT(0), CE; columns: outer likewise. -1: dropped. */
	static const int table[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], out[RIG_BUFFER];
	uint64_t seq = 0, dropped = 0;
	(void)state;
	rig_start(&gw);
	for (unsigned inner = 0; inner < 4; inner++) {
		for (unsigned outer = 0; outer < 4; outer++) {
			const struct witness_twist twist = {.next_header = 41, .tos = (uint8_t)(0x48 | outer)};
			size_t bytes = rig_packet(ip, RIG_FAR, RIG_HOST, 8);
			dp_ipv6_tclass_set((struct rte_ipv6_hdr *)(void *)ip, (uint8_t)(0xb8 | inner));
			size_t got = gateway_receive(&gw, ++seq, ip, bytes, &twist, out);
			assert_int_equal(got, table[inner][outer] < 0 ? 0 : bytes);
			if (got > 0)
				assert_int_equal(dp_ipv6_tclass((struct rte_ipv6_hdr *)(void *)out),
						 0xb8 | table[inner][outer]);
			dropped += got == 0;
		}
	}
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_ECN), dropped);
	gateway_stop(&gw);
}

/* An ICMPv6 error to the host about the packet: type, and MTU where it has one. */
static void
assert_told(struct gateway *gw, uint8_t type, uint32_t mtu, const uint8_t *about, size_t about_bytes)
{
	uint8_t got[RIG_BUFFER];
	size_t bytes = gateway_take(gw, GW_PORT_LAN, got);
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(const void *)got;
	size_t quote = about_bytes < 1232 ? about_bytes : 1232;
	uint32_t told;

	assert_int_equal(bytes, 48 + quote);
	assert_int_equal(dp_ipv6_check(ip, (uint32_t)bytes), DP_DROP_COUNT);
	assert_int_equal(rte_be_to_cpu_16(ip->payload_len), bytes - 40);
	assert_int_equal(ip->proto, 58);
	assert_memory_equal(ip->src_addr, rig_address(RIG_LAN).bytes, 16);
	assert_memory_equal(ip->dst_addr, rig_address(RIG_HOST).bytes, 16);
	assert_int_equal(got[40], type);
	assert_int_equal(got[41], 0);
	memcpy(&told, got + 44, 4);
	assert_int_equal(rte_be_to_cpu_32(told), mtu);
	assert_memory_equal(got + 48, about, quote);
	/* RFC 8200 8.1: the sum over pseudo-header and message. */
	uint32_t sum = (uint32_t)(bytes - 40) + 58;
	for (size_t i = 8; i < bytes; i += 2)
		sum += (uint32_t)got[i] << 8 | (i + 1 < bytes ? got[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

static void
a_host_is_told_of_its_last_hop_and_of_what_is_too_big(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
	(void)state;
	rig_start(&gw);
	size_t bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 1000);
	ip[7] = 1;
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_told(&gw, 3, 0, ip, bytes);
	bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 1446 - 48);
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, wire), 1500);
	bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 1447 - 48);
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_told(&gw, 2, 1446, ip, bytes);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), 1);
	/* Of an error nobody is told, nor of a redirect; of other ICMPv6 its sender is. */
	static const struct {
		uint8_t type;
		bool told;
	} cases[] = {{1, false},   {2, false},   {3, false},  {4, false},
		     {127, false}, {137, false}, {128, true}, {129, true}};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 20);
		ip[6] = 58;
		ip[7] = 1;
		ip[40] = cases[i].type;
		rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
		if ((gateway_take(&gw, GW_PORT_LAN, wire) > 0) != cases[i].told)
			fail_msg("type %u", cases[i].type);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* RFC 8200 5: a path that carries less has to cope with that by itself. */
static void
no_host_is_told_of_less_than_1280_bytes(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER];
	(void)state;
	rig_start_mtu(&gw, 1300);
	size_t bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 1290 - 48);
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_told(&gw, 2, 1280, ip, bytes);
	bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 1280 - 48);
	rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, wire), 0);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, wire), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), 2);
	gateway_stop(&gw);
}

/* What a worker remembers of a flow is no longer than its policy is good. */
static void
a_known_flow_follows_every_change_of_policy(void **state)
{
	struct gateway gw;
	uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER], out[RIG_BUFFER];
	size_t bytes;
	(void)state;
	rig_start(&gw);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++) {
			bytes = rig_packet(ip, RIG_HOST, RIG_FAR, 9);
			rig_turn_with(&gw, GW_PORT_LAN, ip, bytes);
			assert_true(gateway_take(&gw, GW_PORT_WAN, wire) > 0);
			bytes = rig_packet(ip, RIG_FAR, RIG_HOST, 9);
			assert_int_equal(gateway_receive(&gw, 10 * round + i + 1, ip, bytes, &rig_inside, out), bytes);
		}
		for (enum sadb_policy_dir dir = SADB_POLICY_IN; dir < SADB_POLICY_DIRS; dir++) {
			struct sadb_policy_config config = gateway_policy(dir);
			bool outward = dir == SADB_POLICY_OUT;
			config.sel.src = rig_prefix(outward ? RIG_HOST "/128" : RIG_FAR "/128");
			config.sel.dst = rig_prefix(outward ? RIG_FAR "/128" : RIG_HOST "/128");
			config.action = SADB_DROP;
			config.priority = 1;
			gateway_set_policy(&gw, &config);
		}
		gateway_commit(&gw);
		rig_turn_with(&gw, GW_PORT_LAN, ip, rig_packet(ip, RIG_HOST, RIG_FAR, 9));
		assert_int_equal(gateway_take(&gw, GW_PORT_WAN, wire), 0);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_POLICY), round + 1);
		bytes = rig_packet(ip, RIG_FAR, RIG_HOST, 9);
		assert_int_equal(gateway_receive(&gw, 10 * round + 9, ip, bytes, &rig_inside, out), 0);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_POLICY), round + 1);
		for (enum sadb_policy_dir dir = SADB_POLICY_IN; dir < SADB_POLICY_DIRS; dir++) {
			struct sadb_policy_config config = gateway_policy(dir);
			bool outward = dir == SADB_POLICY_OUT;
			struct sadb_error err;
			config.sel.src = rig_prefix(outward ? RIG_HOST "/128" : RIG_FAR "/128");
			config.sel.dst = rig_prefix(outward ? RIG_FAR "/128" : RIG_HOST "/128");
			assert_int_equal(sadb_policy_del(gw.db, &config, NULL, &err), 0);
		}
		gateway_commit(&gw);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_host_sends_leaves_sealed_one_hop_later),
	    cmocka_unit_test(a_known_flow_follows_every_change_of_policy),
	    cmocka_unit_test(what_the_sa_says_of_dscp_ecn_and_df_is_done),
	    cmocka_unit_test(what_the_peer_seals_reaches_the_host_one_hop_later),
	    cmocka_unit_test(in_udp_it_goes_both_ways_as_ipv4_does),
	    cmocka_unit_test(congestion_marks_come_back_by_the_table_of_rfc_6040),
	    cmocka_unit_test(a_host_is_told_of_its_last_hop_and_of_what_is_too_big),
	    cmocka_unit_test(no_host_is_told_of_less_than_1280_bytes),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
