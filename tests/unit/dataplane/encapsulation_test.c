/* SPDX-License-Identifier: BSD-3-Clause
 * The outer header in every case: what it takes over from the inner one under each flag of the SA (RFC 4301 5.1.2.1,
 * RFC 6040 4.1), its checksum for every id, padding, and the room that a packet needs around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"

#define BUFFER 9300
#define BATCH  50

static char engine[] = "auto";

static size_t
outbound(uint8_t *ip, uint16_t payload, uint8_t tos, uint16_t fragment)
{
	const struct witness_ip header = {.src = GW_HOST,
					  .dst = GW_FAR,
					  .sport = 4000,
					  .dport = 5000,
					  .payload = payload,
					  .proto = 17,
					  .ttl = 64,
					  .tos = tos,
					  .fragment = fragment};
	return witness_packet(&header, ip);
}

static uint8_t
expected_tos(uint32_t flags, uint8_t tos)
{
	if (flags & SADB_SA_DONT_ENCAP_DSCP)
		tos &= 0x03;
	if (flags & SADB_SA_NOECN)
		tos &= 0xfc;
	return tos;
}

/* Takes the next sealed packet; its inner one must be ip with its TTL lowered. Returns its number. */
static uint32_t
check_sealed(struct gateway *gw, uint8_t *ip, size_t bytes, uint8_t tos, uint16_t fragment)
{
	uint8_t wire[BUFFER], inner[BUFFER];
	size_t inner_bytes, sent = gateway_take(gw, GW_PORT_WAN, wire);
	uint32_t seq = 0;
	const char *wrong = witness_open(&gw->out, 0, wire, sent, inner, &inner_bytes, &seq);
	if (wrong != NULL)
		fail_msg("%zu bytes: %s", bytes, wrong);
	ip[8]--;
	witness_checksum(ip, 20);
	assert_int_equal(inner_bytes, bytes);
	assert_memory_equal(inner, ip, bytes);
	assert_int_equal(wire[1], tos);
	assert_int_equal(wire[4] << 8 | wire[5], seq & 0xffff);
	assert_int_equal(wire[6] << 8 | wire[7], fragment);
	assert_int_equal(wire[8], 64);
	return seq;
}

static void
each_flag_of_the_sa_does_what_it_says_to_each_tos_and_df(void **state)
{
	static const uint32_t flag[] = {SADB_SA_NOECN, SADB_SA_DONT_ENCAP_DSCP, SADB_SA_NOPMTUDISC};
	for (unsigned set = 0; set < 8; set++) {
		uint32_t flags = 0, seq = 0;
		struct gateway gw;
		for (unsigned i = 0; i < 3; i++)
			flags |= set & 1u << i ? flag[i] : 0;
		gateway_start(&gw, *state, flags, 128);
		for (unsigned tos = 0; tos < 256; tos++) {
			for (unsigned df = 0; df < 2; df++) {
				uint8_t ip[BUFFER];
				size_t bytes = outbound(ip, (uint16_t)(seq % 5), (uint8_t)tos, df ? 0x4000 : 0);
				gateway_put(&gw, GW_PORT_LAN, ip, bytes);
				gateway_turn(&gw);
				uint16_t fragment = df && !(flags & SADB_SA_NOPMTUDISC) ? 0x4000 : 0;
				assert_int_equal(
				    check_sealed(&gw, ip, bytes, expected_tos(flags, (uint8_t)tos), fragment), ++seq);
			}
		}
		gateway_stop(&gw);
	}
}

/* What says that the inner packet is a fragment is its own affair. */
static void
of_the_inner_fragment_field_only_df_is_taken_over(void **state)
{
	static const uint16_t fields[][2] = {
	    {0x2000, 0},      /* more fragments */
	    {0x2001, 0},      /* a later one */
	    {0x1fff, 0},      /* the last possible offset */
	    {0x8000, 0},      /* the reserved bit */
	    {0xffff, 0x4000}, /* all bits */
	    {0x6000, 0x4000}, /* DF and more fragments */
	};
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint8_t ip[BUFFER];
		size_t bytes = outbound(ip, 40, 0, fields[i][0]);
		gateway_put(&gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&gw);
		check_sealed(&gw, ip, bytes, 0, fields[i][1]);
	}
	gateway_stop(&gw);
}

/* The id runs through all its values, and so the sum through all of its own: every carry occurs. */
static void
the_checksum_is_right_for_every_id(void **state)
{
	uint8_t ip[BUFFER], wire[BUFFER], inner[BUFFER];
	size_t inner_bytes;
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	const struct sadb_sa_key key = sadb_sa_key_make(&(struct sadb_addr){.bytes = {10, 9, 0, 2}, .family = AF_INET},
							rte_cpu_to_be_32(GW_SPI_OUT), IPPROTO_ESP);
	sadb_sa_find(gw.db, &key)->hot->mut->out_limit = 1u << 20;
	size_t bytes = outbound(ip, 4, 0xff, 0x4000);
	uint32_t last = 0, seq;
	while (last < 65536 + BATCH) {
		for (unsigned i = 0; i < BATCH; i++)
			gateway_put(&gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&gw);
		for (unsigned i = 0; i < BATCH; i++) {
			size_t sent = gateway_take(&gw, GW_PORT_WAN, wire);
			assert_null(witness_open(&gw.out, 0, wire, sent, inner, &inner_bytes, &seq));
			assert_int_equal(seq, ++last);
			assert_int_equal(wire[4] << 8 | wire[5], seq & 0xffff);
		}
	}
	gateway_stop(&gw);
}

static void
each_length_of_a_jumbo_tunnel_is_sealed_or_answered(void **state)
{
	uint8_t ip[BUFFER], out[BUFFER];
	struct gateway gw;
	gateway_start_mtu(&gw, *state, 0, 128, 9000);
	/* 9000 = 20 outer + 16 ESP + 8948 text + 16 tag; the text has two bytes of trailer. */
	for (unsigned inner = 8900; inner <= 9000; inner++) {
		size_t bytes = outbound(ip, (uint16_t)(inner - 28), 0, 0x4000);
		uint64_t before = gateway_dropped(&gw, DP_DROP_MTU);
		gateway_put(&gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&gw);
		if (inner <= 8946) {
			check_sealed(&gw, ip, bytes, 0, 0x4000);
		} else {
			assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), before + 1);
			assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), 0);
		}
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* A frame that stands at this place in its buffer. */
static struct rte_mbuf *
frame_at(struct gateway *gw, const uint8_t *ip, size_t bytes, unsigned data_off)
{
	struct rte_mbuf *m = gateway_frame(gw, GW_PORT_LAN, ip, bytes);
	memmove((uint8_t *)m->buf_addr + data_off, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	m->data_off = (uint16_t)data_off;
	return m;
}

static void
a_packet_without_room_around_it_is_dropped_and_overwrites_nothing(void **state)
{
	uint8_t ip[BUFFER];
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	const unsigned buffer = rte_pktmbuf_data_room_size(gw.dp->pool);
	/* Before the inner packet: Ethernet, outer header, ESP header and IV: 14 + 20 + 16. Its own Ethernet header stood
	 * there already. After it: padding and trailer, here 2 bytes, and the tag. */
	const struct {
		unsigned data_off; /* of the frame */
		bool sent;
	} places[] = {
	    {0, false},
	    {21, false},
	    {22, false},
	    {35, false},
	    {36, true},
	    {buffer - 14 - 70 - 18, true},
	    {buffer - 14 - 70 - 17, false},
	    {buffer - 14 - 70, false},
	};
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t bytes = outbound(ip, 70 - 28, 0, 0);
		struct rte_mbuf *m = frame_at(&gw, ip, bytes, places[i].data_off);
		uint64_t before = gateway_dropped(&gw, DP_DROP_NO_HEADROOM);
		assert_int_equal(rte_ring_enqueue(gw.rx[GW_PORT_LAN], m), 0);
		gateway_turn(&gw);
		if (places[i].sent)
			check_sealed(&gw, ip, bytes, 0, 0);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_HEADROOM), before + !places[i].sent);
		assert_null(gateway_take_frame(&gw, GW_PORT_WAN));
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
#define TEST(name) cmocka_unit_test_prestate(name, engine)
	const struct CMUnitTest tests[] = {
	    TEST(each_flag_of_the_sa_does_what_it_says_to_each_tos_and_df),
	    TEST(of_the_inner_fragment_field_only_df_is_taken_over),
	    TEST(the_checksum_is_right_for_every_id),
	    TEST(each_length_of_a_jumbo_tunnel_is_sealed_or_answered),
	    TEST(a_packet_without_room_around_it_is_dropped_and_overwrites_nothing),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
