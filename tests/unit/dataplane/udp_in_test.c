/* SPDX-License-Identifier: BSD-3-Clause
 * ESP in UDP on its way in (RFC 3948 2, 3.3): told from IKE and keepalives, and taken only by SAs that say so. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/udp_rig.h"

#define BUFFER 4096

static const struct witness_twist plain;

static uint64_t
punted(const struct gateway *gw)
{
	struct dp_worker_stats stats;
	assert_int_equal(dp_worker_stats_get(gw->dp, 0, &stats), 0);
	return stats.punted;
}

/* Bends a right packet; bytes is its length, to be changed too. */
typedef void (*bend_fn)(uint8_t *wire, size_t *bytes);

/* An IP packet with so many bytes after the UDP header, which tells the truth. */
static void
cut_to(uint8_t *wire, size_t *bytes, size_t payload)
{
	*bytes = 28 + payload;
	wire[2] = (uint8_t)(*bytes >> 8);
	wire[3] = (uint8_t)*bytes;
	wire[24] = (uint8_t)((8 + payload) >> 8);
	wire[25] = (uint8_t)(8 + payload);
	witness_checksum(wire, 20);
}

static void
udp_length(uint8_t *wire, unsigned length)
{
	wire[24] = (uint8_t)(length >> 8);
	wire[25] = (uint8_t)length;
}

static void
as_it_is(uint8_t *wire, size_t *bytes)
{
	(void)wire, (void)bytes;
}
static void
with_checksum(uint8_t *wire, size_t *bytes)
{
	(void)bytes;
	wire[26] = 0xab; /* not even right: the tag is what counts */
}
static void
keepalive(uint8_t *wire, size_t *bytes)
{
	cut_to(wire, bytes, 1);
	wire[28] = 0xff;
}
static void
one_other_byte(uint8_t *wire, size_t *bytes)
{
	cut_to(wire, bytes, 1);
	wire[28] = 0xfe;
}
static void
two_bytes_of_ff(uint8_t *wire, size_t *bytes)
{
	cut_to(wire, bytes, 2);
	wire[28] = wire[29] = 0xff;
}
static void
no_payload(uint8_t *wire, size_t *bytes)
{
	cut_to(wire, bytes, 0);
}
static void
three_zeros(uint8_t *wire, size_t *bytes)
{
	cut_to(wire, bytes, 3);
	memset(wire + 28, 0, 3);
}
static void
marker_alone(uint8_t *wire, size_t *bytes)
{
	cut_to(wire, bytes, 4);
	memset(wire + 28, 0, 4);
}
static void
ike(uint8_t *wire, size_t *bytes)
{
	(void)bytes;
	memset(wire + 28, 0, 4);
}
static void
spi_alone(uint8_t *wire, size_t *bytes)
{
	cut_to(wire, bytes, 4);
}
static void
one_short_of_the_least_esp(uint8_t *wire, size_t *bytes)
{
	cut_to(wire, bytes, 16 + 4 + 16 - 1);
}
static void
not_aligned(uint8_t *wire, size_t *bytes)
{
	cut_to(wire, bytes, 16 + 4 + 16 + 1);
}
static void
length_of_the_header_less_one(uint8_t *wire, size_t *bytes)
{
	(void)bytes;
	udp_length(wire, 7);
}
static void
length_zero(uint8_t *wire, size_t *bytes)
{
	(void)bytes;
	udp_length(wire, 0);
}
static void
length_beyond_the_packet(uint8_t *wire, size_t *bytes)
{
	udp_length(wire, (unsigned)*bytes - 20 + 1);
}
static void
bytes_after_udp(uint8_t *wire, size_t *bytes)
{
	size_t udp = *bytes - 20;
	memset(wire + *bytes, 0xee, 5);
	cut_to(wire, bytes, udp - 8 + 5);
	udp_length(wire, (unsigned)udp);
}
static void
no_whole_udp_header(uint8_t *wire, size_t *bytes)
{
	*bytes = 27;
	wire[2] = 0;
	wire[3] = 27;
	witness_checksum(wire, 20);
}
static void
no_port(uint8_t *wire, size_t *bytes)
{
	*bytes = 23;
	wire[2] = 0;
	wire[3] = 23;
	witness_checksum(wire, 20);
}
static void
first_fragment(uint8_t *wire, size_t *bytes)
{
	*bytes = 20 + 64;
	wire[3] = 20 + 64;
	wire[5] ^= 1;
	wire[6] = 0x20;
	witness_checksum(wire, 20);
}
static void
first_fragment_of_ike(uint8_t *wire, size_t *bytes)
{
	ike(wire, bytes);
	first_fragment(wire, bytes);
	wire[5] ^= 2;
	witness_checksum(wire, 20);
}
static void
first_fragment_off_eight(uint8_t *wire, size_t *bytes)
{
	(void)bytes;
	wire[6] = 0x20;
	witness_checksum(wire, 20);
}
static void
later_fragment(uint8_t *wire, size_t *bytes)
{
	(void)bytes;
	wire[7] = 1;
	witness_checksum(wire, 20);
}
static void
port_500(uint8_t *wire, size_t *bytes)
{
	(void)bytes;
	wire[22] = 500 >> 8;
	wire[23] = 500 & 0xff;
}
static void
source_port_4500_only(uint8_t *wire, size_t *bytes)
{
	(void)bytes;
	memcpy(wire + 20, wire + 22, 2);
	wire[23] ^= 1;
}
static void
options(uint8_t *wire, size_t *bytes)
{
	memmove(wire + 24, wire + 20, *bytes - 20);
	memset(wire + 20, 1, 4); /* four no-operations */
	*bytes += 4;
	wire[0] = 0x46;
	wire[2] = (uint8_t)(*bytes >> 8);
	wire[3] = (uint8_t)*bytes;
	witness_checksum(wire, 24);
}
static void
options_before_ike(uint8_t *wire, size_t *bytes)
{
	ike(wire, bytes);
	options(wire, bytes);
}
static void
unknown_spi(uint8_t *wire, size_t *bytes)
{
	(void)bytes;
	wire[28] ^= 0x80;
}
static void
without_udp(uint8_t *wire, size_t *bytes)
{
	assert_null(witness_udp_unwrap(wire, bytes, UDP_RIG_PEER, UDP_RIG_NAT_T));
}

#define PASSES DP_DROP_COUNT
#define PUNTED (DP_DROP_COUNT + 1)
#define JOINED (DP_DROP_COUNT + 2) /* waits for the rest */

static const struct {
	const char *name;
	bend_fn bend;
	unsigned becomes; /* PASSES, PUNTED, JOINED, or dropped for that reason */
} cases[] = {
    {"as it is", as_it_is, PASSES},
    {"a UDP checksum", with_checksum, PASSES},
    {"bytes after the UDP datagram", bytes_after_udp, PASSES},
    {"keepalive", keepalive, DP_DROP_NAT_KEEPALIVE},
    {"one byte that is not 0xff", one_other_byte, DP_DROP_ESP_TRUNCATED},
    {"two bytes of 0xff", two_bytes_of_ff, DP_DROP_ESP_TRUNCATED},
    {"no payload", no_payload, DP_DROP_ESP_TRUNCATED},
    {"three zero bytes", three_zeros, DP_DROP_ESP_TRUNCATED},
    {"an SPI alone", spi_alone, DP_DROP_ESP_TRUNCATED},
    {"a byte short of the least ESP", one_short_of_the_least_esp, DP_DROP_ESP_TRUNCATED},
    {"ESP that is not aligned", not_aligned, DP_DROP_ESP_UNALIGNED},
    {"marker alone", marker_alone, PUNTED},
    {"marker and more", ike, PUNTED},
    {"UDP length 0", length_zero, DP_DROP_UDP_LENGTH},
    {"UDP length 7", length_of_the_header_less_one, DP_DROP_UDP_LENGTH},
    {"UDP length beyond the packet", length_beyond_the_packet, DP_DROP_UDP_LENGTH},
    {"seven bytes of a UDP header", no_whole_udp_header, DP_DROP_UDP_LENGTH},
    {"three bytes of a UDP header", no_port, PUNTED},
    {"first fragment of ESP", first_fragment, JOINED},
    {"first fragment of IKE", first_fragment_of_ike, JOINED},
    {"first fragment that ends off a multiple of eight", first_fragment_off_eight, DP_DROP_FRAGMENT_LENGTH},
    {"later fragment", later_fragment, JOINED},
    {"to port 500", port_500, PUNTED},
    {"from port 4500 to another", source_port_4500_only, PUNTED},
    {"IP options", options, DP_DROP_IP_OPTIONS},
    {"IP options before IKE", options_before_ike, DP_DROP_IP_OPTIONS},
    {"unknown SPI", unknown_spi, DP_DROP_ESP_NO_SA},
    {"without UDP", without_udp, DP_DROP_ENCAP_MISSING},
};

static void
what_comes_to_the_port_is_told_apart(void **state)
{
	struct gateway gw;
	uint64_t seq = 1;
	(void)state;
	udp_rig_start(&gw, 0, 128);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
		size_t inner = gateway_inbound_packet(ip, 60), bytes = udp_rig_seal(&gw, seq++, ip, inner, wire);
		struct dp_worker_stats before, now;
		cases[i].bend(wire, &bytes);
		assert_int_equal(dp_worker_stats_get(gw.dp, 0, &before), 0);
		size_t got = udp_rig_receive(&gw, wire, bytes, out);
		assert_int_equal(dp_worker_stats_get(gw.dp, 0, &now), 0);
		if (got != (cases[i].becomes == PASSES ? inner : 0))
			fail_msg("%s: %zu bytes reached the host", cases[i].name, got);
		if (now.punted - before.punted != (cases[i].becomes == PUNTED))
			fail_msg("%s: punted %" PRIu64, cases[i].name, now.punted - before.punted);
		assert_int_equal(now.joined - before.joined, cases[i].becomes == JOINED);
		for (unsigned reason = 0; reason < DP_DROP_COUNT; reason++)
			if (now.drops[reason] - before.drops[reason] != (cases[i].becomes == reason))
				fail_msg("%s: dropped as %s", cases[i].name, dp_drop_name(reason));
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* A frame that the link padded to its least length: what is there beyond the IP packet says nothing. */
static void
padding_of_the_link_makes_no_keepalive_into_anything_else(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER] = {0};
	(void)state;
	udp_rig_start(&gw, 0, 128);
	size_t bytes = udp_rig_seal(&gw, 1, ip, gateway_inbound_packet(ip, 60), wire);
	keepalive(wire, &bytes);
	memset(wire + bytes, 0, 46 - bytes);
	gateway_put(&gw, GW_PORT_WAN, wire, 46);
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NAT_KEEPALIVE), 1);
	gateway_stop(&gw);
}

static void
another_port_may_be_configured(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	(void)state;
	udp_rig_start(&gw, 0, 128);
	gw.dp->nat_t_port_be = RTE_BE16(10500);
	size_t inner = gateway_inbound_packet(ip, 60), bytes = udp_rig_seal(&gw, 1, ip, inner, wire);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), 0);
	assert_int_equal(punted(&gw), 1);
	wire[22] = 10500 >> 8;
	wire[23] = 10500 & 0xff;
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), inner);
	gateway_stop(&gw);
}

static void
an_sa_without_encapsulation_takes_none(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	(void)state;
	gateway_start(&gw, "auto", 0, 128);
	size_t inner = gateway_inbound_packet(ip, 60), bytes = udp_rig_seal(&gw, 1, ip, inner, wire);
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), 0);
	memset(wire + 20, 0, 2); /* source port 0: none that could be answered (RFC 768), but UDP all the same */
	assert_int_equal(udp_rig_receive(&gw, wire, bytes, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_ENCAP_UNWANTED), 2);
	/* Its number is not spent. */
	assert_int_equal(gateway_receive(&gw, 1, ip, inner, &plain, out), inner);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
congestion_marks_of_the_outer_header_come_through(void **state)
{
	const struct witness_ip header = {
	    .src = GW_FAR, .dst = GW_HOST, .sport = 1, .dport = 2, .payload = 60, .proto = 17, .ttl = 63, .tos = 0x02};
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	(void)state;
	udp_rig_start(&gw, 0, 128);
	size_t bytes = udp_rig_seal(&gw, 1, ip, witness_packet(&header, ip), wire);
	wire[1] = 0x03; /* a router on the way */
	witness_checksum(wire, 20);
	assert_int_not_equal(udp_rig_receive(&gw, wire, bytes, out), 0);
	assert_int_equal(out[1], 0x03);
	gateway_stop(&gw);
}

/* What the gateway's own kernel sends for IKE leaves as it is. */
static void
ike_and_its_keepalives_leave_through_the_twin(void **state)
{
	const struct witness_ip header = {.src = GW_WAN,
					  .dst = GW_PEER,
					  .sport = UDP_RIG_NAT_T,
					  .dport = UDP_RIG_PEER,
					  .payload = 1,
					  .proto = 17,
					  .ttl = 64};
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	(void)state;
	udp_rig_start(&gw, 0, 128);
	size_t bytes = witness_packet(&header, ip);
	ip[28] = 0xff;
	gateway_inject(&gw, GW_PORT_WAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), bytes);
	assert_memory_equal(out, ip, bytes);
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_comes_to_the_port_is_told_apart),
	    cmocka_unit_test(padding_of_the_link_makes_no_keepalive_into_anything_else),
	    cmocka_unit_test(another_port_may_be_configured),
	    cmocka_unit_test(an_sa_without_encapsulation_takes_none),
	    cmocka_unit_test(congestion_marks_of_the_outer_header_come_through),
	    cmocka_unit_test(ike_and_its_keepalives_leave_through_the_twin),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
