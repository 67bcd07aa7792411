/* SPDX-License-Identifier: BSD-3-Clause
 * What comes out of an SA, with the short ways of the stages for the common packet, against the rules in full: random inner
 * packets, mostly nearly right, sealed by the witness, and for each the fate, drop reason and bytes that the rules ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"
#include "tests/unit/dataplane/header_rig.h"

#define BUFFER 4096
#define SEALED 5000

static char engine[] = "auto";

enum fate { DROPPED, PUNTED, SENT };

struct outcome {
	enum fate fate;
	unsigned reason;
	uint8_t tos;
};

static bool
in_net(const uint8_t *address, uint8_t second)
{
	return address[0] == 10 && address[1] == second && address[2] == 0;
}

/* RFC 6040 4.2, RFC 4301 5.1.2.1 C. Returns the TOS, or -1 for a packet to drop. */
static int
decapsulated_tos(uint32_t flags, uint8_t outer, uint8_t inner)
{
	unsigned ecn = inner & 3;
	if (!(flags & SADB_SA_NOECN)) {
		if ((outer & 3) == 3 && ecn == 0)
			return -1;
		if ((outer & 3) == 3)
			ecn = 3;
		else if ((outer & 3) == 1 && ecn == 2)
			ecn = 1;
	}
	return (int)(((flags & SADB_SA_DECAP_DSCP ? outer : inner) & 0xfc) | ecn);
}

static struct outcome
lost(unsigned reason)
{
	return (struct outcome){.fate = DROPPED, .reason = reason};
}

/* RFC 4301 5.2: the packet, the SA's selector (source port 5000 when narrow), the policies' networks, the route. */
static struct outcome
judge_inner(const uint8_t *ip, size_t bytes, uint32_t flags, uint8_t outer_tos, bool narrow)
{
	unsigned reason = header_check(ip, bytes);
	switch (reason) {
	case DP_DROP_IP_TRUNCATED:
	case DP_DROP_IP_LENGTH:
		return lost(DP_DROP_INNER_LENGTH);
	case DP_DROP_IP_VERSION:
		return lost(DP_DROP_INNER_VERSION);
	case DP_DROP_IP_CHECKSUM:
		return lost(DP_DROP_INNER_CHECKSUM);
	case DP_DROP_COUNT:
		break;
	default:
		return lost(reason);
	}
	static const uint8_t all[] = {255, 255, 255, 255}, link[] = {224, 0, 0};
	const bool group = memcmp(ip + 16, all, 4) == 0 || (ip[16] >> 4 == 0xe && memcmp(ip + 16, link, 3) != 0);
	if (ip[16] >= 224 && !group)
		return lost(DP_DROP_IP_MULTICAST);
	int tos = decapsulated_tos(flags, outer_tos, ip[1]);
	if (tos < 0)
		return lost(DP_DROP_INNER_ECN);
	bool udp_port = ip[9] == 17 && !(header_get16(ip + 6) & 0x1fff) && header_get16(ip + 2) >= 24 &&
			header_get16(ip + 20) == 5000;
	if (narrow && !udp_port)
		return lost(DP_DROP_INNER_SELECTOR);
	if (group) /* no policy names it */
		return lost(DP_DROP_IP_MULTICAST);
	if (!in_net(ip + 12, 2) || !in_net(ip + 16, 1))
		return lost(DP_DROP_INNER_POLICY);
	if (ip[19] == 1)
		return (struct outcome){.fate = PUNTED};
	return ip[8] <= 1 ? lost(DP_DROP_TTL) : (struct outcome){.fate = SENT, .tos = (uint8_t)tos};
}

static size_t
nearly_right_inner(uint8_t *ip)
{
	size_t bytes = gateway_inbound_packet(ip, (uint16_t)header_any(60));
	if (header_any(20) == 0) {
		bytes = 20 + header_any(5);
		header_put16(ip + 2, (unsigned)bytes);
	}
	ip[1] = (uint8_t)(header_any(3) ? 0 : rand());
	for (unsigned bends = header_any(3); bends > 0; bends--)
		header_bend(ip, bytes);
	if (header_any(20) == 0)
		ip[19] = 1; /* the gateway itself */
	else if (in_net(ip + 16, 1))
		ip[19] = 10; /* the host whose neighbour is known */
	header_bend_checksum(ip);
	return header_any(16) ? bytes : header_any((unsigned)bytes);
}

static void
check_inner(struct gateway *gw, uint64_t seq, uint32_t flags, bool narrow, unsigned fates[3])
{
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	const struct witness_twist twist = {.tos = (uint8_t)(header_any(3) ? 0 : rand()),
					    .tfc = header_any(4) ? 0 : header_any(40)};
	struct dp_worker_stats before = gw->w->stats;
	memset(ip, 0, sizeof(ip));
	size_t bytes = nearly_right_inner(ip);
	memset(ip + bytes, 0, 64); /* of TFC padding */
	struct outcome expected = judge_inner(ip, bytes + twist.tfc, flags, twist.tos, narrow);
	gateway_put(gw, GW_PORT_WAN, wire, witness_seal(&gw->in, seq, ip, bytes, &twist, wire));
	gateway_turn(gw);
	size_t sent = gateway_take(gw, GW_PORT_LAN, out);

	for (unsigned i = 0; i < DP_DROP_COUNT; i++)
		if (gw->w->stats.drops[i] - before.drops[i] != (expected.fate == DROPPED && i == expected.reason))
			fail_msg("number %lu: %s counted, expected %s", (unsigned long)seq, dp_drop_name(i),
				 expected.fate == DROPPED ? dp_drop_name(expected.reason) : "none");
	assert_int_equal(gw->w->stats.punted - before.punted, expected.fate == PUNTED);
	assert_int_equal(sent, expected.fate == SENT ? header_get16(ip + 2) : 0);
	fates[expected.fate]++;
	if (expected.fate == PUNTED) {
		void *m = NULL;
		assert_int_equal(rte_ring_dequeue(gw->dp->port[GW_PORT_LAN]->punt, &m), 0);
		rte_pktmbuf_free(m);
	}
	if (expected.fate != SENT)
		return;
	ip[1] = expected.tos;
	ip[8]--;
	assert_true(header_sums_up(out));
	memcpy(ip + 10, out + 10, 2); /* a sum of zero has two representations */
	assert_memory_equal(out, ip, sent);
}

static void
what_comes_out_of_an_sa_is_judged_by_the_rules_in_full(void **state)
{
	static const uint32_t flags[] = {0, SADB_SA_NOECN, SADB_SA_DECAP_DSCP, SADB_SA_NOECN | SADB_SA_DECAP_DSCP};
	srand(3);
	for (unsigned f = 0; f < 8; f++) {
		unsigned fates[3] = {0};
		struct sadb_error err;
		struct gateway gw;
		bool narrow = f >= 4;
		gateway_start(&gw, *state, flags[f % 4], 128);
		if (narrow) {
			struct sadb_sa_config config = gateway_sa(&gw.in, flags[f % 4], 128);
			config.sel =
			    (struct sadb_selector){.proto = 17, .sport_be = RTE_BE16(5000), .sport_mask_be = 0xffff};
			assert_int_equal(sadb_sa_update(gw.db, &config, &err), 0);
			gateway_commit(&gw);
		}
		for (uint64_t seq = 1; seq <= SEALED; seq++)
			check_inner(&gw, seq, flags[f % 4], narrow, fates);
		for (unsigned i = 0; i < 3; i++)
			assert_true(fates[i] > SEALED / 100);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

/* Twelve bytes that say so, and eight of padding that would make a header of them whose checksum is right. */
static void
a_header_that_padding_completes_is_too_short(void **state)
{
	uint8_t ip[20] = {0x45, 0, 0, 12, 0, 0, 0, 0, 64, 17, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, wire[BUFFER], out[BUFFER];
	const struct witness_twist twist = {.pad_extra = 8};
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	witness_checksum(ip, 20);
	gateway_put(&gw, GW_PORT_WAN, wire, witness_seal(&gw.in, 1, ip, 12, &twist, wire));
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_LENGTH), 1);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	gateway_stop(&gw);
}

/* Packets that go the way of the one before them are still looked at each for itself. */
static void
a_bad_packet_between_good_ones_of_one_way_is_dropped_alone(void **state)
{
	static const struct {
		uint8_t ttl, host;
		uint16_t payload;
		enum dp_drop reason; /* DP_DROP_COUNT: held, for its neighbour is not known */
	} bad[] = {
	    {0, 10, 40, DP_DROP_TTL},
	    {1, 10, 40, DP_DROP_TTL},
	    {64, 10, 600, DP_DROP_MTU},
	    {64, 11, 40, DP_DROP_COUNT},
	};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gateway gw;
		uint64_t seq = 1;
		gateway_start(&gw, *state, 0, 128);
		gw.dp->port[GW_PORT_LAN]->mtu = 600;
		for (unsigned round = 0; round < 3; round++) { /* the flows are new, then remembered */
			uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
			for (unsigned k = 0; k < 3; k++) {
				size_t bytes = gateway_inbound_packet(ip, k == 1 ? bad[i].payload : 40);
				ip[6] = k == 1 ? 0x40 : 0; /* not to be cut */
				ip[8] = k == 1 ? bad[i].ttl : 64;
				ip[19] = k == 1 ? bad[i].host : 10;
				witness_checksum(ip, 20);
				gateway_put(&gw, GW_PORT_WAN, wire,
					    witness_seal(&gw.in, seq++, ip, bytes, &(struct witness_twist){0}, wire));
			}
			gateway_turn(&gw);
			for (unsigned k = 0; k < 2; k++) {
				assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 68);
				assert_int_equal(out[8], 63);
				assert_int_equal(out[19], 10);
				assert_true(header_sums_up(out));
			}
			assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
			bool held = bad[i].reason == DP_DROP_COUNT;
			assert_int_equal(gw.w->n_held, held ? round + 1 : 0);
			if (!held)
				assert_int_equal(gateway_dropped(&gw, bad[i].reason), round + 1);
		}
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(what_comes_out_of_an_sa_is_judged_by_the_rules_in_full, engine),
	    cmocka_unit_test_prestate(a_header_that_padding_completes_is_too_short, engine),
	    cmocka_unit_test_prestate(a_bad_packet_between_good_ones_of_one_way_is_dropped_alone, engine),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
