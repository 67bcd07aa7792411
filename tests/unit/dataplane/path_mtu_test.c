/* SPDX-License-Identifier: BSD-3-Clause
 * What a router on the way of an SA tells of its link: it is believed when it quotes what only who sees the packets knows, down
 * to a floor, for a while; and every message goes to the kernel as before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"
#include "tests/unit/dataplane/header_rig.h"
#include "tests/unit/dataplane/udp_rig.h"

#define BUFFER 2048
#define QUOTE  64 /* bytes of the packet that the router quotes */

/* Where things stand in the message. */
enum { ICMP = 20, SENT = 28, ESP = 48 };

static struct sadb_sa_mut *
outbound(const struct gateway *gw)
{
	const struct sadb_addr dst = sadb_addr_v4(rte_cpu_to_be_32(GW_PEER));
	const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(gw->out.spi), IPPROTO_ESP);
	return sadb_sa_find(gw->db, &key)->hot->mut;
}

static void
icmp_checksum(uint8_t *ip, size_t bytes)
{
	uint32_t sum = 0;
	header_put16(ip + ICMP + 2, 0);
	for (size_t i = ICMP; i < bytes; i += 2)
		sum += header_get16(ip + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	header_put16(ip + ICMP + 2, ~sum & 0xffff);
}

/* Sends a packet of 1028 bytes from inside, and makes the message that a router would send about it. */
static size_t
message(struct gateway *gw, uint16_t mtu, uint8_t *ip)
{
	uint8_t inner[BUFFER], wire[BUFFER];
	gateway_put(gw, GW_PORT_LAN, inner, gateway_outbound_packet(inner, 1000));
	gateway_turn(gw);
	assert_true(gateway_take(gw, GW_PORT_WAN, wire) > 1000);
	const struct witness_ip header = {.src = 0x0a090063, .dst = GW_WAN, .payload = QUOTE, .proto = 1, .ttl = 60};
	const size_t bytes = witness_packet(&header, ip);
	memset(ip + ICMP, 0, 8);
	ip[ICMP] = 3;
	ip[ICMP + 1] = 4;
	header_put16(ip + ICMP + 6, mtu);
	memcpy(ip + SENT, wire, QUOTE);
	icmp_checksum(ip, bytes);
	return bytes;
}

static void
tell(struct gateway *gw, const uint8_t *ip, size_t bytes)
{
	const uint64_t before = gw->w->stats.punted;
	gw->w->path_mtu_learnt = 0; /* as if the last one were long ago */
	gateway_put(gw, GW_PORT_WAN, ip, bytes);
	gateway_turn(gw);
	assert_int_equal(gw->w->stats.punted, before + 1);
}

static uint16_t
learnt(const struct gateway *gw)
{
	return sadb_sa_path_mtu(outbound(gw), gw->w->now_s);
}

static void
packets_are_cut_to_the_path_and_hosts_told_of_it(void **state)
{
	uint8_t ip[BUFFER], wire[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, "auto", 0, 128);
	size_t bytes = message(&gw, 1000, ip);
	tell(&gw, ip, bytes);
	assert_int_equal(learnt(&gw), 1000);
	gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 1000));
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, wire), 996); /* 20 + 920, sealed */
	assert_true(gateway_take(&gw, GW_PORT_WAN, wire) > 0);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, wire), 0);
	bytes = gateway_outbound_packet(ip, 1000);
	ip[6] = 0x40;
	witness_checksum(ip, 20);
	gateway_put(&gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), 1);
	assert_true(gateway_take(&gw, GW_PORT_LAN, ip) > 0);
	assert_int_equal(header_get16(ip + 26), 946); /* 1000 - 20 - 16 - 16 is 948, less the trailer */
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* Changes one thing of a right message. */
typedef void (*bend_fn)(uint8_t *ip, size_t *bytes);

static void
other_spi(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[ESP + 3] ^= 1;
}
static void
inbound_spi(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	header_put16(ip + ESP + 2, GW_SPI_IN);
}
static void
other_source(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[SENT + 15] ^= 2;
}
static void
other_destination(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[SENT + 19] ^= 1;
}
static void
number_never_sent(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[ESP + 6] ^= 1;
}
static void
number_of_long_ago(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[ESP + 4] ^= 0x80;
}
static void
mtu_of_the_packet_itself(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	memcpy(ip + ICMP + 6, ip + SENT + 2, 2);
}
static void
no_mtu(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	header_put16(ip + ICMP + 6, 0);
}
static void
other_code(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[ICMP + 1] = 1;
}
static void
other_protocol(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[SENT + 9] = 51;
}
static void
in_udp(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	memmove(ip + ESP + 8, ip + ESP, 8);
	ip[SENT + 9] = 17;
	header_put16(ip + ESP, 4500);
	header_put16(ip + ESP + 2, 4500);
}
static void
seven_bytes_of_esp(uint8_t *ip, size_t *bytes)
{
	*bytes = ESP + 7;
	header_put16(ip + 2, ESP + 7);
	ip[*bytes] = 0; /* what the sum is padded with */
	witness_checksum(ip, 20);
}

static const struct {
	const char *name;
	bend_fn bend;
} forged[] = {
    {"another SPI", other_spi},
    {"an inbound SA's SPI", inbound_spi},
    {"another source", other_source},
    {"another destination", other_destination},
    {"a number that was never sent", number_never_sent},
    {"a number of long ago", number_of_long_ago},
    {"an MTU that the packet fits", mtu_of_the_packet_itself},
    {"no MTU", no_mtu},
    {"host unreachable", other_code},
    {"AH", other_protocol},
    {"an SA in UDP", in_udp},
    {"too little of the packet", seven_bytes_of_esp},
};

static void
what_does_not_quote_a_packet_of_the_sa_is_not_believed(void **state)
{
	uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, "auto", 0, 128);
	for (unsigned i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		size_t bytes = message(&gw, 1000, ip);
		forged[i].bend(ip, &bytes);
		icmp_checksum(ip, bytes);
		tell(&gw, ip, bytes);
		if (learnt(&gw) != 0)
			fail_msg("%s: %u was learnt", forged[i].name, learnt(&gw));
	}
	size_t bytes = message(&gw, 1000, ip);
	ip[ICMP + 2] ^= 1;
	tell(&gw, ip, bytes);
	assert_int_equal(learnt(&gw), 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
nothing_below_the_floor_is_believed_and_nothing_makes_it_larger(void **state)
{
	static const struct {
		uint16_t told, learnt;
	} rows[] = {{1000, 1000}, {1001, 1000}, {577, 577}, {1000, 577}, {575, 576}, {68, 576}, {1, 576}};
	uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, "auto", 0, 128);
	size_t bytes = message(&gw, 1400, ip); /* all of them about one packet */
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		header_put16(ip + ICMP + 6, rows[i].told);
		icmp_checksum(ip, bytes);
		tell(&gw, ip, bytes);
		assert_int_equal(learnt(&gw), rows[i].learnt);
	}
	gateway_stop(&gw);
}

static void
it_is_forgotten_after_ten_minutes_and_changes_no_faster_than_ten_times_a_second(void **state)
{
	uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, "auto", 0, 128);
	size_t bytes = message(&gw, 1000, ip);
	tell(&gw, ip, bytes);
	const uint64_t now_s = gw.w->now_s;
	assert_int_equal(sadb_sa_path_mtu(outbound(&gw), now_s + 599), 1000);
	assert_int_equal(sadb_sa_path_mtu(outbound(&gw), now_s + 601), 0);
	gw.dp->second_tsc = UINT64_MAX / 2; /* seconds that do not end */
	header_put16(ip + ICMP + 6, 900);
	icmp_checksum(ip, bytes);
	gateway_put(&gw, GW_PORT_WAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(learnt(&gw), 1000);
	gateway_stop(&gw);
}

static void
an_sa_in_udp_is_known_by_its_ports_too(void **state)
{
	static const struct {
		uint8_t port_bit;
		uint16_t learnt;
	} rows[] = {{1, 0}, {0, 1000}};
	uint8_t ip[BUFFER];
	struct gateway gw;
	(void)state;
	udp_rig_start(&gw, 0, 128);
	for (unsigned i = 0; i < 2; i++) {
		size_t bytes = message(&gw, 1000, ip);
		ip[ESP + 3] ^= rows[i].port_bit;
		icmp_checksum(ip, bytes);
		tell(&gw, ip, bytes);
		assert_int_equal(learnt(&gw), rows[i].learnt);
	}
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packets_are_cut_to_the_path_and_hosts_told_of_it),
	    cmocka_unit_test(what_does_not_quote_a_packet_of_the_sa_is_not_believed),
	    cmocka_unit_test(nothing_below_the_floor_is_believed_and_nothing_makes_it_larger),
	    cmocka_unit_test(it_is_forgotten_after_ten_minutes_and_changes_no_faster_than_ten_times_a_second),
	    cmocka_unit_test(an_sa_in_udp_is_known_by_its_ports_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
