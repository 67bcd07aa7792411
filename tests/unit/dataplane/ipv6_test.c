/* SPDX-License-Identifier: BSD-3-Clause
 * IPv6 headers by themselves: what is checked of them, and what is read of a packet behind its extension headers. */
#include "dataplane/ipv6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/ipv4.h"

#define MAX 512

static struct sadb_addr
address(const char *text)
{
	struct sadb_addr addr;
	if (sadb_addr_parse(text, &addr) != 0)
		fail_msg("%s", text);
	return addr;
}

/* A header whose payload are these bytes, in memory of just that length, so that a sanitizer sees a read beyond it. */
static struct rte_ipv6_hdr *
packet(uint8_t next, const uint8_t *payload, size_t bytes)
{
	struct rte_ipv6_hdr *ip = calloc(1, sizeof(*ip) + bytes);
	assert_non_null(ip);
	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)bytes);
	ip->proto = next;
	ip->hop_limits = 64;
	memcpy(ip->src_addr, address("2001:db8:1::2").bytes, 16);
	memcpy(ip->dst_addr, address("2001:db8:2::2").bytes, 16);
	if (bytes > 0)
		memcpy(ip + 1, payload, bytes);
	return ip;
}

static void
version_and_length_are_checked(void **state)
{
	static const struct {
		uint8_t first;
		uint16_t payload, avail;
		unsigned verdict;
	} cases[] = {
	    {0x60, 0, 40, DP_IP_VERIFIED},       {0x6f, 0, 40, DP_IP_VERIFIED},
	    {0x60, 8, 48, DP_IP_VERIFIED},       {0x60, 8, 60, DP_IP_VERIFIED}, /* padding of the link */
	    {0x60, 8, 47, DP_DROP_IP_LENGTH},    {0x60, 0xffff, 48, DP_DROP_IP_LENGTH},
	    {0x60, 0, 39, DP_DROP_IP_TRUNCATED}, {0x60, 0, 0, DP_DROP_IP_TRUNCATED},
	    {0x40, 0, 40, DP_DROP_IP_VERSION},   {0x50, 0, 40, DP_DROP_IP_VERSION},
	    {0x70, 0, 40, DP_DROP_IP_VERSION},   {0x00, 0, 40, DP_DROP_IP_VERSION},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rte_ipv6_hdr *ip = packet(17, NULL, 0);
		*(uint8_t *)ip = cases[i].first;
		ip->payload_len = rte_cpu_to_be_16(cases[i].payload);
		if (dp_ipv6_check(ip, cases[i].avail) != cases[i].verdict)
			fail_msg("case %u: %u", i, dp_ipv6_check(ip, cases[i].avail));
		free(ip);
	}
}

static void
addresses_that_no_host_has_are_martians(void **state)
{
	static const struct {
		const char *addr;
		bool source, destination; /* a martian there */
	} cases[] = {
	    {"::", true, true},
	    {"::1", true, true},
	    {"::192.0.2.1", true, true}, /* IPv4-compatible, RFC 4291 2.5.5.1 */
	    {"::ffff:192.0.2.1", true, true},
	    {"::fffe:192.0.2.1", false, false},
	    {"::1:0:0:1", false, false},
	    {"64:ff9b::192.0.2.1", false, false}, /* of a translator: a host like any */
	    {"ff02::1", true, false},             /* multicast is judged elsewhere */
	    {"ff0e::1", true, false},
	    {"feff::1", false, false},
	    {"fe80::1", false, false}, /* judged elsewhere, too */
	    {"2001:db8::1", false, false},
	    {"fd00::1", false, false},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rte_ipv6_hdr *as_source = packet(17, NULL, 0), *as_destination = packet(17, NULL, 0);
		memcpy(as_source->src_addr, address(cases[i].addr).bytes, 16);
		memcpy(as_destination->dst_addr, address(cases[i].addr).bytes, 16);
		if (dp_ipv6_martian(as_source) != cases[i].source)
			fail_msg("%s as a source", cases[i].addr);
		if (dp_ipv6_martian(as_destination) != cases[i].destination)
			fail_msg("%s as a destination", cases[i].addr);
		free(as_source);
		free(as_destination);
	}
}

#define FRAGMENT(next, high, low) next, 0, high, low, 0, 0, 0, 1
#define OPTIONS(next)             next, 0, 1, 4, 0, 0, 0, 0
#define PORTS                     0x12, 0x34, 0x56, 0x78

/* What is read behind extension headers. */
static const struct chain {
	const char *name;
	uint8_t next; /* of the fixed header */
	uint8_t payload[96];
	uint8_t bytes;
	unsigned verdict;
	uint8_t proto;
	uint16_t sport, dport;
	bool later_fragment; /* ports are not known */
} chains[] = {
    {"TCP", 6, {PORTS}, 20, DP_IP_VERIFIED, 6, 0x1234, 0x5678, false},
    {"UDP", 17, {PORTS}, 8, DP_IP_VERIFIED, 17, 0x1234, 0x5678, false},
    {"SCTP", 132, {PORTS}, 12, DP_IP_VERIFIED, 132, 0x1234, 0x5678, false},
    {"DCCP", 33, {PORTS}, 12, DP_IP_VERIFIED, 33, 0x1234, 0x5678, false},
    {"UDP-Lite", 136, {PORTS}, 8, DP_IP_VERIFIED, 136, 0x1234, 0x5678, false},
    {"ICMPv6: type and code", 58, {128, 5, 0, 0}, 8, DP_IP_VERIFIED, 58, 128, 5, false},
    {"ports cut short", 17, {PORTS}, 3, DP_IP_VERIFIED, 17, 0, 0, true},
    {"just the ports", 17, {PORTS}, 4, DP_IP_VERIFIED, 17, 0x1234, 0x5678, false},
    {"type and code cut short", 58, {128}, 1, DP_IP_VERIFIED, 58, 0, 0, true},
    {"no payload", 17, {0}, 0, DP_IP_VERIFIED, 17, 0, 0, true},
    {"no next header", 59, {PORTS}, 8, DP_IP_VERIFIED, 59, 0, 0, false},
    {"ESP has no ports", 50, {PORTS}, 20, DP_IP_VERIFIED, 50, 0, 0, false},
    {"IPv4 inside", 4, {PORTS}, 20, DP_IP_VERIFIED, 4, 0, 0, false},
    {"destination options", 60, {OPTIONS(17), PORTS}, 16, DP_IP_VERIFIED, 17, 0x1234, 0x5678, false},
    {"options of 16 bytes", 60, {17, 1, 1, 12, [16] = PORTS}, 24, DP_IP_VERIFIED, 17, 0x1234, 0x5678, false},
    {"routing header of type 4", 43, {6, 0, 4, 0, 0, 0, 0, 0, PORTS}, 28, DP_IP_VERIFIED, 6, 0x1234, 0x5678, false},
    {"first fragment", 44, {FRAGMENT(17, 0, 1), PORTS}, 16, DP_IP_VERIFIED, 17, 0x1234, 0x5678, false},
    {"a fragment that is whole", 44, {FRAGMENT(17, 0, 0), PORTS}, 16, DP_IP_VERIFIED, 17, 0x1234, 0x5678, false},
    {"first fragment, options behind",
     44,
     {FRAGMENT(60, 0, 1), OPTIONS(17), PORTS},
     24,
     DP_IP_VERIFIED,
     17,
     0x1234,
     0x5678,
     false},
    {"later fragment", 44, {FRAGMENT(17, 0, 8), PORTS}, 16, DP_IP_VERIFIED, 17, 0, 0, true},
    {"later fragment by its high byte", 44, {FRAGMENT(6, 1, 0), PORTS}, 16, DP_IP_VERIFIED, 6, 0, 0, true},
    {"the last of many", 44, {FRAGMENT(6, 0xff, 0xf8), PORTS}, 16, DP_IP_VERIFIED, 6, 0, 0, true},
    {"later fragment of what begins with options",
     44,
     {FRAGMENT(60, 0, 8), OPTIONS(17), PORTS},
     24,
     DP_DROP_IP6_EXTENSION,
     0,
     0,
     0,
     false},
    {"hop-by-hop options", 0, {OPTIONS(17), PORTS}, 16, DP_DROP_IP6_HOP_BY_HOP, 0, 0, 0, false},
    {"hop-by-hop options where they may not be",
     60,
     {OPTIONS(0), OPTIONS(17), PORTS},
     24,
     DP_DROP_IP6_HOP_BY_HOP,
     0,
     0,
     0,
     false},
    {"hop-by-hop in a first fragment",
     44,
     {FRAGMENT(0, 0, 1), OPTIONS(17)},
     16,
     DP_DROP_IP6_HOP_BY_HOP,
     0,
     0,
     0,
     false},
    {"routing header of type 0", 43, {17, 0, 0, 0, 0, 0, 0, 0, PORTS}, 16, DP_DROP_IP6_ROUTING, 0, 0, 0, false},
    {"type 0 behind options", 60, {OPTIONS(43), 17, 0, 0, 1, 0, 0, 0, 0}, 16, DP_DROP_IP6_ROUTING, 0, 0, 0, false},
    {"options cut short", 60, {OPTIONS(17)}, 7, DP_DROP_IP6_EXTENSION, 0, 0, 0, false},
    {"options longer than the packet", 60, {17, 1, 1, 12}, 15, DP_DROP_IP6_EXTENSION, 0, 0, 0, false},
    {"options of 2048 bytes", 60, {17, 255, 1, 4}, 90, DP_DROP_IP6_EXTENSION, 0, 0, 0, false},
    {"fragment header cut short", 44, {FRAGMENT(17, 0, 1)}, 7, DP_DROP_IP6_EXTENSION, 0, 0, 0, false},
    {"options, and nothing behind", 60, {OPTIONS(17)}, 8, DP_IP_VERIFIED, 17, 0, 0, true},
    {"eight headers",
     60,
     {OPTIONS(60), OPTIONS(60), OPTIONS(60), OPTIONS(60), OPTIONS(60), OPTIONS(60), OPTIONS(60), OPTIONS(17), PORTS},
     72,
     DP_IP_VERIFIED,
     17,
     0x1234,
     0x5678,
     false},
    {"nine headers",
     60,
     {OPTIONS(60), OPTIONS(60), OPTIONS(60), OPTIONS(60), OPTIONS(60), OPTIONS(60), OPTIONS(60), OPTIONS(60),
      OPTIONS(17), PORTS},
     80,
     DP_DROP_IP6_EXTENSION,
     0,
     0,
     0,
     false},
};

static void
ports_are_found_behind_extension_headers_and_bad_chains_are_told(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		const struct chain *chain = &chains[i];
		struct rte_ipv6_hdr *ip = packet(chain->next, chain->payload, chain->bytes);
		struct sadb_flow_v6 flow;
		unsigned verdict = dp_ipv6_flow_read(&flow, ip, 40u + chain->bytes);
		if (verdict != chain->verdict)
			fail_msg("%s: verdict %u", chain->name, verdict);
		if (verdict == DP_IP_VERIFIED &&
		    (flow.proto != chain->proto || flow.sport_be != rte_cpu_to_be_16(chain->sport) ||
		     flow.dport_be != rte_cpu_to_be_16(chain->dport) || flow.later_fragment != chain->later_fragment))
			fail_msg("%s: protocol %u, ports %x %x, fragment %u", chain->name, flow.proto,
				 rte_be_to_cpu_16(flow.sport_be), rte_be_to_cpu_16(flow.dport_be), flow.later_fragment);
		assert_memory_equal(flow.src, ip->src_addr, 16);
		assert_memory_equal(flow.dst, ip->dst_addr, 16);
		free(ip);
	}
}

/* Any bytes whatever: an end, and no read beyond it. */
static void
no_chain_of_headers_is_read_beyond_its_packet(void **state)
{
	static const uint8_t nexts[] = {0, 6, 17, 43, 44, 44, 58, 59, 60, 60};
	uint8_t payload[MAX];
	unsigned good = 0, bad = 0;
	(void)state;
	srand(5);
	for (unsigned i = 0; i < 200000; i++) {
		size_t bytes = (size_t)rand() % 90;
		for (size_t k = 0; k < bytes; k++)
			payload[k] = k % 8 == 0 ? nexts[(unsigned)rand() % sizeof(nexts)]
						: (uint8_t)(rand() % 8 == 0 ? rand() : rand() % 2);
		struct rte_ipv6_hdr *ip = packet(nexts[(unsigned)rand() % sizeof(nexts)], payload, bytes);
		struct sadb_flow_v6 flow;
		bool verified = dp_ipv6_flow_read(&flow, ip, (uint32_t)(40 + bytes)) == DP_IP_VERIFIED;
		good += verified;
		bad += !verified;
		free(ip);
	}
	assert_true(good > 10000 && bad > 10000);
}

static void
the_traffic_class_is_read_and_set_alone(void **state)
{
	struct rte_ipv6_hdr *ip = packet(17, NULL, 0);
	(void)state;
	for (unsigned tclass = 0; tclass < 256; tclass++) {
		ip->vtc_flow = RTE_BE32(0x600abcde);
		dp_ipv6_tclass_set(ip, (uint8_t)tclass);
		assert_int_equal(dp_ipv6_tclass(ip), tclass);
		assert_int_equal(rte_be_to_cpu_32(ip->vtc_flow), 0x600abcde | tclass << 20);
	}
	free(ip);
}

static void
neighbour_discovery_is_what_a_neighbour_sent(void **state)
{
	static const struct {
		uint8_t next, type, hops;
		uint8_t bytes;
		bool discovery;
	} cases[] = {
	    {58, 132, 255, 8, false}, {58, 133, 255, 8, true},  {58, 134, 255, 8, true},  {58, 135, 255, 24, true},
	    {58, 136, 255, 24, true}, {58, 137, 255, 8, true},  {58, 138, 255, 8, false}, {58, 135, 254, 24, false},
	    {58, 128, 255, 8, false}, {17, 135, 255, 8, false}, {58, 135, 255, 0, false},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t payload[24] = {cases[i].type};
		struct rte_ipv6_hdr *ip = packet(cases[i].next, payload, cases[i].bytes);
		ip->hop_limits = cases[i].hops;
		if (dp_ipv6_is_discovery(ip, 40u + cases[i].bytes) != cases[i].discovery)
			fail_msg("case %u", i);
		free(ip);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(version_and_length_are_checked),
	    cmocka_unit_test(addresses_that_no_host_has_are_martians),
	    cmocka_unit_test(ports_are_found_behind_extension_headers_and_bad_chains_are_told),
	    cmocka_unit_test(no_chain_of_headers_is_read_beyond_its_packet),
	    cmocka_unit_test(the_traffic_class_is_read_and_set_alone),
	    cmocka_unit_test(neighbour_discovery_is_what_a_neighbour_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
