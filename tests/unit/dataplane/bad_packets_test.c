/* SPDX-License-Identifier: BSD-3-Clause
 * What comes from the wire and is wrong: each kind is dropped under its own reason, counted, and harms nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"

#define BUFFER 4096

static const struct witness_twist plain;

struct bad {
	const char *name;
	enum dp_drop reason;
	struct witness_twist twist;
	void (*inner)(uint8_t *ip, size_t *bytes); /* bends the inner packet before it is sealed */
	void (*outer)(uint8_t *ip, size_t *bytes); /* bends the packet on the wire */
};

static void
outer_fragment(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[6] = 0x20; /* more fragments */
	witness_checksum(ip, 20);
}

static void
outer_later_fragment(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[6] = 0x1f;
	ip[7] = 0xff;
	witness_checksum(ip, 20);
}

static void
outer_checksum(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[10] ^= 1;
}

static void
outer_version(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[0] = 0x65;
}

static void
outer_short_header(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[0] = 0x44;
}

static void
outer_options(uint8_t *ip, size_t *bytes)
{
	memmove(ip + 24, ip + 20, *bytes - 20);
	memset(ip + 20, 1, 4); /* four no-operations */
	*bytes += 4;
	ip[0] = 0x46;
	ip[2] = (uint8_t)(*bytes >> 8);
	ip[3] = (uint8_t)*bytes;
	witness_checksum(ip, 24);
}

static void
outer_too_long(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[2] = 0x7f;
	witness_checksum(ip, 20);
}

static void
outer_other_host(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[19] = 77;
	witness_checksum(ip, 20);
}

static void
outer_martian(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[12] = 127;
	witness_checksum(ip, 20);
}

static void
unknown_spi(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[23] ^= 0x80;
}

static void
seq_zero(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	memset(ip + 24, 0, 4);
}

static void
cut_to(uint8_t *ip, size_t *bytes, size_t to)
{
	*bytes = to;
	ip[2] = (uint8_t)(to >> 8);
	ip[3] = (uint8_t)to;
	witness_checksum(ip, 20);
}

static void
cut_to_the_header(uint8_t *ip, size_t *bytes)
{
	cut_to(ip, bytes, 20 + 16 + 2 + 16);
}

static void
cut_two_bytes(uint8_t *ip, size_t *bytes)
{
	cut_to(ip, bytes, *bytes - 2);
}

static void
cut_four_bytes(uint8_t *ip, size_t *bytes)
{
	cut_to(ip, bytes, *bytes - 4);
}

static void
inner_version(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[0] = 0x65;
}

static void
inner_too_long(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[2] = 9;
	witness_checksum(ip, 20);
}

static void
inner_too_short(uint8_t *ip, size_t *bytes)
{
	(void)ip;
	*bytes = 10;
}

static void
inner_checksum(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[10] ^= 1;
}

static void
inner_source(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[13] = 3; /* 10.3.0.10: in nobody's selector */
	witness_checksum(ip, 20);
}

static void
inner_multicast(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[16] = 224;
	witness_checksum(ip, 20);
}

static void
inner_last_hop(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[8] = 1;
	witness_checksum(ip, 20);
}

static const struct bad bad_packets[] = {
    {"outer version", DP_DROP_IP_VERSION, {0}, NULL, outer_version},
    {"outer header length below 20", DP_DROP_IP_LENGTH, {0}, NULL, outer_short_header},
    {"outer total length beyond the frame", DP_DROP_IP_LENGTH, {0}, NULL, outer_too_long},
    {"outer checksum", DP_DROP_IP_CHECKSUM, {0}, NULL, outer_checksum},
    {"outer options", DP_DROP_IP_OPTIONS, {0}, NULL, outer_options},
    {"outer source on loopback", DP_DROP_IP_MARTIAN, {0}, NULL, outer_martian},
    {"outer destination of another host", DP_DROP_UNDERLAY_NOT_LOCAL, {0}, NULL, outer_other_host},
    {"first fragment that ends off a multiple of eight", DP_DROP_FRAGMENT_LENGTH, {0}, NULL, outer_fragment},
    {"fragment beyond the longest packet", DP_DROP_FRAGMENT_LENGTH, {0}, NULL, outer_later_fragment},
    {"unknown SPI", DP_DROP_ESP_NO_SA, {0}, NULL, unknown_spi},
    {"sequence number 0", DP_DROP_SEQ_ZERO, {0}, NULL, seq_zero},
    {"shorter than the least ESP", DP_DROP_ESP_TRUNCATED, {0}, NULL, cut_to_the_header},
    {"ciphertext not aligned", DP_DROP_ESP_UNALIGNED, {0}, NULL, cut_two_bytes},
    {"cut by four", DP_DROP_ICV, {0}, NULL, cut_four_bytes},
    {"padding is not 1, 2, 3", DP_DROP_ESP_PADDING, {.pad_extra = 8, .pad_zero = true}, NULL, NULL},
    {"pad length beyond the text", DP_DROP_ESP_PADDING, {.pad_length = 255}, NULL, NULL},
    {"next header UDP", DP_DROP_ESP_NEXT_HEADER, {.next_header = 17}, NULL, NULL},
    {"dummy packet", DP_DROP_ESP_DUMMY, {.next_header = 59}, NULL, NULL},
    {"inner version", DP_DROP_INNER_VERSION, {0}, inner_version, NULL},
    {"inner total length beyond the text", DP_DROP_INNER_LENGTH, {0}, inner_too_long, NULL},
    {"inner packet of 10 bytes", DP_DROP_INNER_LENGTH, {0}, inner_too_short, NULL},
    {"inner checksum", DP_DROP_INNER_CHECKSUM, {0}, inner_checksum, NULL},
    {"inner packet without ECN under a CE mark", DP_DROP_INNER_ECN, {.tos = 3}, NULL, NULL},
    {"inner source outside the policy", DP_DROP_INNER_POLICY, {0}, inner_source, NULL},
    {"inner multicast", DP_DROP_IP_MULTICAST, {0}, inner_multicast, NULL},
    {"inner TTL spent", DP_DROP_TTL, {0}, inner_last_hop, NULL},
};

static void
each_bad_packet_is_dropped_under_its_own_reason_and_the_next_good_one_passes(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	uint64_t seq = 1;
	for (unsigned i = 0; i < sizeof(bad_packets) / sizeof(bad_packets[0]); i++) {
		const struct bad *bad = &bad_packets[i];
		uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
		size_t bytes = gateway_inbound_packet(ip, 60);
		if (bad->inner != NULL)
			bad->inner(ip, &bytes);
		size_t wire_bytes = witness_seal(&gw.in, seq++, ip, bytes, &bad->twist, wire);
		if (bad->outer != NULL)
			bad->outer(wire, &wire_bytes);
		uint64_t before = gateway_dropped(&gw, bad->reason);
		gateway_put(&gw, GW_PORT_WAN, wire, wire_bytes);
		gateway_turn(&gw);
		if (gateway_take(&gw, GW_PORT_LAN, out) != 0)
			fail_msg("%s: it reached the host", bad->name);
		if (gateway_dropped(&gw, bad->reason) != before + 1)
			fail_msg("%s: not dropped as %s", bad->name, dp_drop_name(bad->reason));
		bytes = gateway_inbound_packet(ip, 60);
		if (gateway_receive(&gw, seq++, ip, bytes, &plain, out) != bytes)
			fail_msg("%s: the next good packet did not pass", bad->name);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
every_flipped_bit_of_esp_is_noticed(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_inbound_packet(ip, 20);
	size_t wire_bytes = witness_seal(&gw.in, 5, ip, bytes, &plain, wire);
	for (size_t bit = 20 * 8; bit < wire_bytes * 8; bit++) {
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		gateway_put(&gw, GW_PORT_WAN, wire, wire_bytes);
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		gateway_turn(&gw);
		if (gateway_take(&gw, GW_PORT_LAN, out) != 0)
			fail_msg("bit %zu flipped, and the packet passed", bit);
	}
	/* SPI bits find no SA; sequence bits fail the tag, or make 0; all others fail the tag. */
	assert_int_equal(gateway_dropped(&gw, DP_DROP_ESP_NO_SA), 32);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_ICV) + gateway_dropped(&gw, DP_DROP_SEQ_ZERO),
			 wire_bytes * 8 - 192);
	/* And none of them moved the window: number 5 is still new. */
	assert_int_equal(gateway_receive(&gw, 5, ip, bytes, &plain, out), bytes);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_packet_cut_at_any_length_is_dropped(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], cut[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_inbound_packet(ip, 20);
	size_t wire_bytes = witness_seal(&gw.in, 5, ip, bytes, &plain, wire);
	for (size_t n = 0; n < wire_bytes; n++) {
		memcpy(cut, wire, wire_bytes);
		gateway_put(&gw, GW_PORT_WAN, cut, n); /* the frame is cut, the header still promises more */
		if (n >= 20) {
			size_t told = n;
			cut_to(cut, &told, n);
			gateway_put(&gw, GW_PORT_WAN, cut, n); /* the header tells the truth */
		}
		gateway_turn(&gw);
		if (gateway_take(&gw, GW_PORT_LAN, out) != 0)
			fail_msg("cut to %zu bytes, and it passed", n);
	}
	assert_int_equal(gateway_receive(&gw, 5, ip, bytes, &plain, out), bytes);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_replayed_packet_is_dropped_also_within_one_batch(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_inbound_packet(ip, 20);
	size_t wire_bytes = witness_seal(&gw.in, 9, ip, bytes, &plain, wire);
	for (unsigned i = 0; i < 10; i++)
		gateway_put(&gw, GW_PORT_WAN, wire, wire_bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), bytes);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	gateway_put(&gw, GW_PORT_WAN, wire, wire_bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_REPLAY_DUP), 10);
	assert_int_equal(gateway_receive(&gw, 1000, ip, bytes, &plain, out), bytes);
	assert_int_equal(gateway_receive(&gw, 873, ip, bytes, &plain, out), bytes); /* the left edge: 1000 - 128 + 1 */
	assert_int_equal(gateway_receive(&gw, 872, ip, bytes, &plain, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_REPLAY_OLD), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
clear_packets_on_the_wire_never_reach_the_inside(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_inbound_packet(ip, 20);
	gateway_put(&gw, GW_PORT_WAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_UNDERLAY_NOT_LOCAL), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	int failed = 0;
	if (gateway_process_start() < 0)
		return 77;
	static char engines[][16] = {"vaes", "ipsec-mb", "openssl"};
	for (unsigned e = 0; e < 3; e++) {
#define WITH_ENGINE(test) cmocka_unit_test_prestate(test, engines[e])
		const struct CMUnitTest tests[] = {
		    WITH_ENGINE(each_bad_packet_is_dropped_under_its_own_reason_and_the_next_good_one_passes),
		    WITH_ENGINE(every_flipped_bit_of_esp_is_noticed),
		    WITH_ENGINE(a_packet_cut_at_any_length_is_dropped),
		    WITH_ENGINE(a_replayed_packet_is_dropped_also_within_one_batch),
		    WITH_ENGINE(clear_packets_on_the_wire_never_reach_the_inside),
		};
		char why[256];
		if (dp_engine_choose(engines[e], why, sizeof(why)) == NULL)
			print_message("%s\n", why);
		else
			failed += cmocka_run_group_tests_name(engines[e], tests, NULL, NULL);
	}
	dp_eal_stop();
	return failed != 0;
}
