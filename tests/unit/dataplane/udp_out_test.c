/* SPDX-License-Identifier: BSD-3-Clause
 * ESP in UDP on its way out (RFC 3948 2.1, 3.2): right in every field, at every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/udp_rig.h"

#define BUFFER 4096

/* Opens the next sealed packet; its inner one must be ip with its TTL lowered. */
static void
check_sent(struct gateway *gw, uint8_t *ip, size_t bytes, uint8_t tos, uint16_t fragment)
{
	uint8_t wire[BUFFER], inner[BUFFER];
	size_t inner_bytes = 0, sent = gateway_take(gw, GW_PORT_WAN, wire);
	uint32_t seq = 0;
	const char *wrong = witness_udp_unwrap(wire, &sent, UDP_RIG_NAT_T, UDP_RIG_PEER);
	if (wrong == NULL)
		wrong = witness_open(&gw->out, 0, wire, sent, inner, &inner_bytes, &seq);
	if (wrong != NULL)
		fail_msg("%zu bytes: %s", bytes, wrong);
	ip[8]--;
	witness_checksum(ip, 20);
	assert_int_equal(inner_bytes, bytes);
	assert_memory_equal(inner, ip, bytes);
	assert_int_equal(wire[1], tos);
	assert_int_equal(wire[6] << 8 | wire[7], fragment);
	assert_int_equal(wire[8], 64);
	assert_int_equal(wire[4] << 8 | wire[5], seq & 0xffff);
}

static void
the_first_packet_is_this_one(void **state)
{
	/* Key 32 times 0x55, salt 0x33333333, SPI 0x1002, number 1, no ESN; from python3-cryptography and RFC 791, 768. */
	static const uint8_t known[] = {
	    0x45, 0x00, 0x00, 0x60, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11, 0x66, 0x78, 0x0a, 0x09, 0x00, 0x01,
	    0x0a, 0x09, 0x00, 0x02, 0x11, 0x94, 0xee, 0x48, 0x00, 0x4c, 0x00, 0x00, 0x00, 0x00, 0x10, 0x02,
	    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xde, 0x60, 0x2a, 0x9e,
	    0x37, 0xbd, 0x54, 0x1c, 0x3e, 0x34, 0xba, 0xca, 0xf2, 0xc0, 0x46, 0x2a, 0x14, 0x2f, 0x3e, 0x24,
	    0xcd, 0xff, 0x12, 0x8d, 0x51, 0x5b, 0xd9, 0x97, 0x6c, 0x07, 0x17, 0x13, 0x7e, 0x0b, 0x3d, 0xe6,
	    0x05, 0x0c, 0xfc, 0x97, 0xd9, 0x5d, 0x5b, 0x3f, 0x22, 0x32, 0x0c, 0xfb, 0x70, 0xa5, 0x66, 0x40,
	};
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER];
	(void)state;
	udp_rig_start(&gw, 0, 128);
	gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 5));
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, wire), sizeof(known));
	assert_memory_equal(wire, known, sizeof(known));
	gateway_stop(&gw);
}

static void
each_flag_of_the_sa_does_what_it_does_without_udp(void **state)
{
	static const struct {
		uint32_t flags;
		uint8_t tos, outer_tos;
		uint16_t fragment, outer_fragment;
	} rows[] = {
	    {0, 0xbb, 0xbb, 0x4000, 0x4000},
	    {0, 0x00, 0x00, 0x0000, 0x0000},
	    {SADB_SA_DONT_ENCAP_DSCP, 0xbb, 0x03, 0x4000, 0x4000},
	    {SADB_SA_NOECN, 0xbb, 0xb8, 0x4000, 0x4000},
	    {SADB_SA_NOPMTUDISC, 0xbb, 0xbb, 0x4000, 0x0000},
	    {0, 0x01, 0x01, 0x2000, 0x0000}, /* more fragments is the inner packet's own affair */
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct witness_ip header = {.src = GW_HOST,
						  .dst = GW_FAR,
						  .sport = 4000,
						  .dport = 5000,
						  .payload = 40,
						  .proto = 17,
						  .ttl = 64,
						  .tos = rows[i].tos,
						  .fragment = rows[i].fragment};
		struct gateway gw;
		uint8_t ip[BUFFER];
		udp_rig_start(&gw, rows[i].flags, 128);
		size_t bytes = witness_packet(&header, ip);
		gateway_put(&gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&gw);
		check_sent(&gw, ip, bytes, rows[i].outer_tos, rows[i].outer_fragment);
		gateway_stop(&gw);
	}
}

/* 1500 = 20 outer + 8 UDP + 16 ESP + 1440 text + 16 tag; the text has two bytes of trailer. */
static void
each_length_is_sealed_or_answered_with_what_fits(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	(void)state;
	udp_rig_start(&gw, 0, 128);
	for (unsigned inner = 28; inner <= 1500; inner += inner < 60 || inner > 1420 ? 1 : 17) {
		size_t bytes = gateway_outbound_packet(ip, (uint16_t)(inner - 28));
		uint64_t before = gateway_dropped(&gw, DP_DROP_MTU);
		ip[6] = inner > 1438 ? 0x40 : 0; /* not to be cut */
		witness_checksum(ip, 20);
		gateway_put(&gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&gw);
		if (inner <= 1438) {
			check_sent(&gw, ip, bytes, 0, 0);
			continue;
		}
		assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), before + 1);
		assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), 0);
		if (inner == 1439) { /* later ones meet the limit of their rate */
			assert_int_not_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
			assert_int_equal(out[26] << 8 | out[27], 1438);
		}
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_packet_without_room_for_udp_too_is_dropped(void **state)
{
	/* Before the inner packet: Ethernet, outer header, UDP, ESP header and IV, 14 + 20 + 8 + 16; its own Ethernet header
	 * stood there already. One byte less leaves no room for the new one, nine less none for UDP. */
	static const struct {
		unsigned data_off;
		bool sent;
	} rows[] = {{44, true}, {43, false}, {36, false}, {30, false}, {29, false}};
	struct gateway gw;
	uint8_t ip[BUFFER];
	(void)state;
	udp_rig_start(&gw, 0, 128);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t bytes = gateway_outbound_packet(ip, 40);
		struct rte_mbuf *m = gateway_frame(&gw, GW_PORT_LAN, ip, bytes);
		uint64_t before = gateway_dropped(&gw, DP_DROP_NO_HEADROOM);
		memmove((uint8_t *)m->buf_addr + rows[i].data_off, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		m->data_off = (uint16_t)rows[i].data_off;
		assert_int_equal(rte_ring_enqueue(gw.rx[GW_PORT_LAN], m), 0);
		gateway_turn(&gw);
		if (rows[i].sent)
			check_sent(&gw, ip, bytes, 0, 0);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_HEADROOM), before + !rows[i].sent);
		assert_null(gateway_take_frame(&gw, GW_PORT_WAN));
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* One of each kind of SA in one batch: neither takes on the other's headers. */
static void
packets_of_sas_with_and_without_udp_mix_in_a_batch(void **state)
{
	struct witness_ip header = {
	    .src = GW_HOST, .dst = 0x0a03000a, .sport = 1, .dport = 2, .payload = 60, .proto = 17, .ttl = 64};
	struct gateway gw;
	uint8_t ip[BUFFER], other[BUFFER], wire[BUFFER], inner[BUFFER];
	size_t inner_bytes;
	uint32_t seq;
	(void)state;
	udp_rig_start(&gw, 0, 128);
	struct witness_sa without = gw.out;
	without.spi = 0x3001;
	memset(without.key, 0x77, sizeof(without.key));
	struct sadb_sa_config config = gateway_sa(&without, 0, 128);
	config.reqid = 2;
	gateway_add_sa(&gw, &config);
	struct sadb_policy_config policy = gateway_policy(SADB_POLICY_OUT);
	policy.sel.dst.addr = sadb_addr_v4(RTE_BE32(0x0a030000)); /* 10.3.0.0/24 */
	policy.tmpl.reqid = 2;
	gateway_set_policy(&gw, &policy);
	gateway_commit(&gw);

	size_t bytes = gateway_outbound_packet(ip, 60), other_bytes = witness_packet(&header, other);
	for (unsigned i = 0; i < 20; i++) {
		gateway_put(&gw, GW_PORT_LAN, i % 2 ? other : ip, i % 2 ? other_bytes : bytes);
	}
	gateway_turn(&gw);
	ip[8]--;
	other[8]--;
	witness_checksum(ip, 20);
	witness_checksum(other, 20);
	for (unsigned i = 0; i < 20; i++) {
		size_t sent = gateway_take(&gw, GW_PORT_WAN, wire);
		if (i % 2 == 0)
			assert_null(witness_udp_unwrap(wire, &sent, UDP_RIG_NAT_T, UDP_RIG_PEER));
		assert_null(witness_open(i % 2 ? &without : &gw.out, 0, wire, sent, inner, &inner_bytes, &seq));
		assert_memory_equal(inner, i % 2 ? other : ip, bytes);
		assert_int_equal(seq, 1 + i / 2);
	}
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_packet_is_this_one),
	    cmocka_unit_test(each_flag_of_the_sa_does_what_it_does_without_udp),
	    cmocka_unit_test(each_length_is_sealed_or_answered_with_what_fits),
	    cmocka_unit_test(a_packet_without_room_for_udp_too_is_dropped),
	    cmocka_unit_test(packets_of_sas_with_and_without_udp_mix_in_a_batch),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
