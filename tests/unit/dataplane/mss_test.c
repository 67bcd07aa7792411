/* SPDX-License-Identifier: BSD-3-Clause
 * TCP's segment size lowered: options of every form, and SYNs through a gateway in both directions. */
#include "dataplane/mss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/ipv6_rig.h"

#define BUFFER RIG_BUFFER
#define SYN    0x02
#define ACK    0x10

static const struct witness_twist plain;
static char engine[] = "auto";

/* The sum of a TCP segment and its pseudo header; 0 when the checksum is right (RFC 9293 3.1). */
static uint16_t
segment_sum(const uint8_t *addresses, size_t addresses_bytes, const uint8_t *tcp, size_t bytes)
{
	uint32_t total = (uint32_t)bytes + 6;
	for (size_t i = 0; i < addresses_bytes; i++)
		total += (uint32_t)addresses[i] << (i % 2 == 0 ? 8 : 0);
	for (size_t i = 0; i < bytes; i++)
		total += (uint32_t)tcp[i] << (i % 2 == 0 ? 8 : 0);
	while (total > 0xffff)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

/* A header with those options, padded to words, and its checksum. Returns its length. */
static size_t
make_tcp(uint8_t *tcp, uint8_t flags, const uint8_t *options, size_t n)
{
	const size_t head = 20 + (n + 3) / 4 * 4;
	memset(tcp, 0, head);
	tcp[0] = 0x1b;
	tcp[3] = 80;
	tcp[12] = (uint8_t)(head / 4 << 4);
	tcp[13] = flags;
	if (n > 0)
		memcpy(tcp + 20, options, n);
	const uint16_t sum = segment_sum(NULL, 0, tcp, head);
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
	return head;
}

static const struct {
	const char *name;
	uint8_t options[40];
	size_t n;
	uint8_t flags;
	size_t at;      /* of the size that is lowered; 0: nothing is */
	unsigned words; /* of the header as it says, if it lies */
} forms[] = {
    {"a SYN", {2, 4, 5, 180}, 4, SYN, 2, 0},
    {"a SYN-ACK", {2, 4, 5, 180}, 4, SYN | ACK, 2, 0},
    {"an ACK", {2, 4, 5, 180}, 4, ACK, 0, 0},
    {"no option", {0}, 0, SYN, 0, 0},
    {"behind others", {1, 1, 4, 2, 3, 3, 7, 1, 2, 4, 5, 180}, 12, SYN, 10, 0},
    {"at an odd place", {1, 2, 4, 5, 180}, 5, SYN, 3, 0},
    {"just what fits", {2, 4, 5, 126}, 4, SYN, 0, 0}, /* 1406 */
    {"one more", {2, 4, 5, 127}, 4, SYN, 2, 0},
    {"the greatest", {2, 4, 255, 255}, 4, SYN, 2, 0},
    {"less", {2, 4, 2, 24}, 4, SYN, 0, 0},
    {"behind the end", {0, 2, 4, 5, 180}, 5, SYN, 0, 0},
    {"of three bytes", {2, 3, 255, 1}, 4, SYN, 0, 0},
    {"of five bytes", {2, 5, 255, 255, 0}, 5, SYN, 0, 0},
    {"of length 0, which does not end", {8, 0, 2, 4, 5, 180}, 6, SYN, 0, 0},
    {"of length 1", {8, 1, 2, 4, 5, 180}, 6, SYN, 0, 0},
    {"an option beyond the header", {8, 200, 2, 4, 5, 180, 1, 1}, 8, SYN, 0, 0},
    {"a kind in the last byte", {1, 1, 1, 2}, 4, SYN, 0, 0},
    {"a length in the last byte", {1, 1, 2, 4}, 4, SYN, 0, 0},
    {"cut after its first byte", {1, 2, 4, 255}, 4, SYN, 0, 0},
    {"a header shorter than 20 bytes", {2, 4, 5, 180}, 4, SYN, 0, 4},
    {"a header longer than the packet", {2, 4, 5, 180}, 4, SYN, 0, 15},
    {"a header that ends before it", {2, 4, 5, 180}, 4, SYN, 0, 5},
};

static void
a_size_that_does_not_fit_is_lowered_wherever_it_stands(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		uint8_t before[80];
		const size_t bytes = make_tcp(before, forms[i].flags, forms[i].options, forms[i].n);
		if (forms[i].words != 0)
			before[12] = (uint8_t)(forms[i].words << 4);
		uint8_t *tcp = malloc(bytes); /* of just that size */
		memcpy(tcp, before, bytes);
		if (dp_mss_lower(tcp, (uint32_t)bytes, 1406) != (forms[i].at != 0))
			fail_msg("%s: %s", forms[i].name, forms[i].at != 0 ? "left" : "lowered");
		if (forms[i].at != 0) {
			assert_int_equal(tcp[20 + forms[i].at] << 8 | tcp[21 + forms[i].at], 1406);
			if (segment_sum(NULL, 0, tcp, bytes) != 0)
				fail_msg("%s: the checksum is wrong", forms[i].name);
			memcpy(tcp + 20 + forms[i].at, before + 20 + forms[i].at, 2);
			memcpy(tcp + 16, before + 16, 2);
		}
		if (memcmp(tcp, before, bytes) != 0)
			fail_msg("%s: something else changed", forms[i].name);
		free(tcp);
	}
}

static void
a_header_that_is_cut_is_left(void **state)
{
	(void)state;
	static const uint8_t options[] = {2, 4, 5, 180};
	uint8_t tcp[80];
	const size_t bytes = make_tcp(tcp, SYN, options, sizeof(options));
	for (size_t n = 0; n < bytes; n++) {
		uint8_t *cut = malloc(n + 1);
		memcpy(cut, tcp, n);
		assert_false(dp_mss_lower(cut, (uint32_t)n, 100));
		free(cut);
	}
}

static void
every_value_leaves_the_checksum_right(void **state)
{
	(void)state;
	for (unsigned odd = 0; odd < 2; odd++) {
		for (unsigned value = 0; value <= UINT16_MAX; value += 7) {
			const uint8_t options[] = {1, 2, 4, (uint8_t)(value >> 8), (uint8_t)value};
			uint8_t tcp[80];
			const size_t bytes = make_tcp(tcp, SYN, options + !odd, sizeof(options) - !odd);
			for (unsigned most = value + 1; most > 0; most /= 2) {
				dp_mss_lower(tcp, (uint32_t)bytes, (uint16_t)(most - 1));
				assert_int_equal(segment_sum(NULL, 0, tcp, bytes), 0);
			}
		}
	}
}

/* ---- through a gateway ---- */
static size_t
syn_v4(uint8_t *ip, uint32_t src, uint32_t dst, uint16_t mss)
{
	const uint8_t options[] = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss};
	const struct witness_ip head = {.src = src, .dst = dst, .payload = 16, .proto = 6, .ttl = 64};
	const size_t bytes = witness_packet(&head, ip);
	assert_int_equal(bytes, 20 + 8 + 16);
	make_tcp(ip + 20, SYN, options, sizeof(options));
	ip[36] = ip[37] = 0;
	const uint16_t sum = segment_sum(ip + 12, 8, ip + 20, 24);
	ip[36] = (uint8_t)(sum >> 8);
	ip[37] = (uint8_t)sum;
	return bytes;
}

static size_t
syn_v6(uint8_t *ip, const char *src, const char *dst, uint16_t mss)
{
	const uint8_t options[] = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss};
	const size_t bytes = rig_packet(ip, src, dst, 16);
	assert_int_equal(bytes, 40 + 8 + 16);
	ip[6] = 6;
	make_tcp(ip + 40, SYN, options, sizeof(options));
	ip[56] = ip[57] = 0;
	const uint16_t sum = segment_sum(ip + 8, 32, ip + 40, 24);
	ip[56] = (uint8_t)(sum >> 8);
	ip[57] = (uint8_t)sum;
	return bytes;
}

/* What came out of the tunnel, or into it, has that size and a right checksum. */
static void
assert_size(const uint8_t *ip, unsigned expected)
{
	const bool v6 = ip[0] >> 4 == 6;
	const uint8_t *tcp = ip + (v6 ? 40 : 20);
	assert_int_equal(tcp[22] << 8 | tcp[23], expected);
	assert_int_equal(segment_sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, tcp, 24), 0);
}

static void
out_of_the_lan(struct gateway *gw, const uint8_t *ip, size_t bytes, unsigned expected)
{
	uint8_t wire[BUFFER], inner[BUFFER];
	size_t inner_bytes;
	uint32_t seq;
	rig_turn_with(gw, GW_PORT_LAN, ip, bytes);
	const size_t wire_bytes = gateway_take(gw, GW_PORT_WAN, wire);
	const char *fault = witness_open(&gw->out, 0, wire, wire_bytes, inner, &inner_bytes, &seq);
	if (fault != NULL)
		fail_msg("%s", fault);
	assert_size(inner, expected);
}

static void
into_the_lan(struct gateway *gw, uint64_t seq, const uint8_t *ip, size_t bytes, unsigned expected)
{
	uint8_t out[BUFFER];
	const struct witness_twist *twist = ip[0] >> 4 == 6 ? &rig_inside : &plain;
	assert_int_equal(gateway_receive(gw, seq, ip, bytes, twist, out), bytes);
	assert_size(out, expected);
}

static void
a_port_that_wants_it_has_syns_lowered_both_ways(void **state)
{
	(void)state;
	static const struct {
		uint16_t mss;
		unsigned v4, v6; /* of 1460 and 1440 */
	} rows[] = {{0, 1460, 1440}, {DP_MSS_AUTO, 1406, 1386}, {1000, 1000, 1000}, {1450, 1450, 1440}};
	struct gateway gw;
	uint8_t ip[BUFFER];
	for (unsigned v6 = 0; v6 < 2; v6++) {
		if (v6)
			rig_start(&gw);
		else
			gateway_start(&gw, engine, 0, 128);
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			assert_int_equal(dp_port_mss_set(gw.dp, GW_PORT_LAN, rows[i].mss), 0);
			if (v6) {
				out_of_the_lan(&gw, ip, syn_v6(ip, RIG_HOST, RIG_FAR, 1440), rows[i].v6);
				into_the_lan(&gw, i + 1, ip, syn_v6(ip, RIG_FAR, RIG_HOST, 1440), rows[i].v6);
			} else {
				out_of_the_lan(&gw, ip, syn_v4(ip, GW_HOST, GW_FAR, 1460), rows[i].v4);
				into_the_lan(&gw, i + 1, ip, syn_v4(ip, GW_FAR, GW_HOST, 1460), rows[i].v4);
			}
		}
		assert_int_equal(dp_port_mss_set(gw.dp, 2, 1000), -ENOENT);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_size_that_does_not_fit_is_lowered_wherever_it_stands),
	    cmocka_unit_test(a_header_that_is_cut_is_left),
	    cmocka_unit_test(every_value_leaves_the_checksum_right),
	    cmocka_unit_test(a_port_that_wants_it_has_syns_lowered_both_ways),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
