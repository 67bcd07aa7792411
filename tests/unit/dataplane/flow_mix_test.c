/* SPDX-License-Identifier: BSD-3-Clause
 * What a worker remembers of one flow is never used for another: another SA, direction, network, place, or the gateway's
 * own kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/flow_rig.h"

static char engine[] = "auto";

/* The same flow through two SAs in one batch: only one of them is named by the policy. */
static void
an_sa_that_the_policy_does_not_name_passes_nothing_beside_one_that_it_names(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	struct witness_sa other = gw.in;
	other.spi = FLOW_OTHER_IN;
	other.key[0] ^= 1;
	struct sadb_sa_config config = gateway_sa(&other, 0, 128);
	config.reqid = 7;
	gateway_add_sa(&gw, &config);
	flow_commit(&gw);
	flow_put_sealed(&gw, &gw.in, 1, GW_FAR, GW_HOST, 5000);
	gateway_turn(&gw);                 /* remembered */
	for (unsigned i = 0; i < 2; i++) { /* a batch has the packets of its first SA first */
		const struct witness_sa *first = i == 0 ? &gw.in : &other, *second = i == 0 ? &other : &gw.in;
		for (unsigned seq = 2 + 30 * i; seq < 22 + 30 * i; seq++) {
			flow_put_sealed(&gw, first, seq, GW_FAR, GW_HOST, 5000);
			flow_put_sealed(&gw, second, seq, GW_FAR, GW_HOST, 5000);
		}
		gateway_turn(&gw);
	}
	assert_int_equal(gw.w->stats.tx, 1 + 40);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_POLICY), 40);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* ---- one flow's answer is not another's ---- */

static void
what_a_flow_may_going_out_it_may_not_coming_in(void **state)
{
	uint8_t out[FLOW_BUFFER];
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_FWD);
	config.tmpl.src = config.tmpl.dst = (struct sadb_addr){.family = AF_INET}; /* names the outbound SA as well */
	gateway_set_policy(&gw, &config);
	flow_commit(&gw);
	assert_int_equal(flow_send_out(&gw, GW_HOST, GW_FAR, 4000), GW_SPI_OUT);
	flow_put_sealed(&gw, &gw.in, 1, GW_HOST, GW_FAR, 4000);
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_POLICY), 1);
	flow_put_sealed(&gw, &gw.in, 2, GW_FAR, GW_HOST, 5000);
	gateway_turn(&gw);
	assert_int_not_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(flow_send_out(&gw, GW_FAR, GW_HOST, 5000), 0); /* nor the other way round */
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_POLICY), 1);
	gateway_stop(&gw);
}

static void
what_comes_for_the_gateway_itself_is_punted_each_time(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	for (unsigned seq = 1; seq <= 3; seq++) {
		flow_put_sealed(&gw, &gw.in, seq, GW_FAR, GW_LAN, 5000);
		gateway_turn(&gw);
		assert_int_equal(gw.w->stats.punted, seq);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_a_flow_may_in_one_network_it_may_not_in_another(void **state)
{
	struct gateway gw;
	struct sadb_error err;
	gateway_start(&gw, *state, 0, 128);
	assert_int_equal(sadb_vnet_add(gw.db, 2, "red", &err), 0);
	struct witness_sa other = gw.in;
	other.spi = FLOW_OTHER_IN;
	other.key[0] ^= 1;
	struct sadb_sa_config config = gateway_sa(&other, 0, 128);
	config.vnet_id = 2;
	gateway_add_sa(&gw, &config);
	flow_commit(&gw);
	for (unsigned seq = 1; seq <= 10; seq++) {
		flow_put_sealed(&gw, &gw.in, seq, GW_FAR, GW_HOST, 5000);
		flow_put_sealed(&gw, &other, seq, GW_FAR, GW_HOST, 5000);
		gateway_turn(&gw);
	}
	assert_int_equal(gw.w->stats.tx, 10);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_INNER_POLICY), 10);
	gateway_stop(&gw);
}

/* Policies by source port: every second port is dropped, and then the others are. */
static void
port_policies(struct gateway *gw, enum sadb_action even, enum sadb_action odd)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sadb_policy_config config = gateway_policy(SADB_POLICY_OUT);
		config.sel.proto = 17;
		config.sel.sport_be = rte_cpu_to_be_16((uint16_t)i);
		config.sel.sport_mask_be = RTE_BE16(1);
		config.priority = 10;
		config.action = (uint8_t)(i == 0 ? even : odd);
		gateway_set_policy(gw, &config);
	}
	flow_commit(gw);
}

static void
send_ports(struct gateway *gw, uint16_t first, unsigned n, unsigned passing)
{
	uint8_t ip[FLOW_BUFFER], wire[FLOW_BUFFER], inner[FLOW_BUFFER];
	size_t bytes, inner_bytes;
	uint32_t seq;
	for (unsigned done = 0; done < n; done += 50) {
		unsigned left = 0;
		for (unsigned i = done; i < done + 50; i++) {
			bytes = flow_packet(ip, GW_HOST, GW_FAR, (uint16_t)(first + i));
			gateway_put(gw, GW_PORT_LAN, ip, bytes);
		}
		gateway_turn(gw);
		for (; (bytes = gateway_take(gw, GW_PORT_WAN, wire)) > 0; left++) {
			assert_null(witness_open(&gw->out, 0, wire, bytes, inner, &inner_bytes, &seq));
			assert_int_equal(inner[21] & 1, passing);
		}
		assert_int_equal(left, 25);
	}
}

static void
more_flows_than_places_each_obey_their_own_policy(void **state)
{
	struct gateway gw;
	const unsigned n = 6 * DP_FLOW_SLOTS / 50 * 50;
	gateway_start(&gw, *state, 0, 128);
	port_policies(&gw, SADB_PROTECT, SADB_DROP);
	send_ports(&gw, 1000, n, 0);
	send_ports(&gw, 1000, n, 0);
	assert_true(flow_remembered(&gw) > DP_FLOW_SLOTS / 2);
	port_policies(&gw, SADB_DROP, SADB_PROTECT);
	assert_int_equal(flow_remembered(&gw), 0);
	send_ports(&gw, 1000, n, 1);
	send_ports(&gw, 1000, n, 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static const struct dp_flow_entry *
place_of(struct gateway *gw, uint32_t dst, uint16_t sport)
{
	const struct sadb_flow_v4 flow = {.proto = 17,
					  .src_be = rte_cpu_to_be_32(GW_HOST),
					  .dst_be = rte_cpu_to_be_32(dst),
					  .sport_be = rte_cpu_to_be_16(sport),
					  .dport_be = RTE_BE16(5000)};
	return dp_flow_place(&gw->w->flows, &flow);
}

/* A host behind the peer such that the flow to it from port 4001 has the place of that to GW_FAR from port 4000. */
static uint32_t
find_neighbour(struct gateway *gw)
{
	for (;; gw->w->flows.seed++) /* nothing is remembered yet */
		for (uint32_t host = GW_FAR & 0xffffff00; host < (GW_FAR | 0xff); host++)
			if (place_of(gw, host, 4001) == place_of(gw, GW_FAR, 4000))
				return host;
}

/* As many flows as half the places, that differ in one field: nearly as many places as chance would give them. */
static void
flows_spread_over_the_places(void **state)
{
	const unsigned n = DP_FLOW_SLOTS / 2, by_chance = 403; /* 1024 * (1 - (1 - 1/1024)^512) */
	unsigned least = n;
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	for (unsigned field = 0; field < 2; field++) {
		unsigned places = 0;
		for (unsigned trial = 0; trial < 64; trial++) {
			bool taken[DP_FLOW_SLOTS] = {false};
			gw.w->flows.seed = trial * UINT64_C(0x2545f4914f6cdd1d);
			for (unsigned i = 0; i < n; i++) {
				const struct dp_flow_entry *place = place_of(&gw, GW_FAR + (field == 0 ? i : 0),
									     (uint16_t)(4000 + (field == 1 ? i : 0)));
				bool *here = &taken[place - gw.w->flows.entry];
				places += !*here;
				*here = true;
			}
		}
		if (places / 64 < least)
			least = places / 64;
	}
	assert_true(least > by_chance * 9 / 10);
	gateway_stop(&gw);
}

static void
two_flows_in_one_place_keep_their_own_policies(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	uint32_t other = find_neighbour(&gw);
	port_policies(&gw, SADB_PROTECT, SADB_DROP);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(flow_send_out(&gw, GW_HOST, GW_FAR, 4000), GW_SPI_OUT);
		assert_int_equal(flow_send_out(&gw, GW_HOST, other, 4001), 0);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_POLICY), i + 1);
	}
	gateway_stop(&gw);
}

/* ---- the gateway's own kernel ---- */

static void
what_the_twin_may_send_to_the_gateway_s_own_address_no_host_may(void **state)
{
	static const uint32_t own[] = {GW_FAR, 0xe0000005 /* 224.0.0.5: for this link only */};
	for (unsigned i = 0; i < 2; i++) {
		uint8_t ip[FLOW_BUFFER], wire[FLOW_BUFFER];
		struct gateway gw;
		gateway_start(&gw, *state, 0, 128);
		gateway_policy_any(&gw, SADB_PROTECT, 1);
		flow_far_is_local(&gw);
		size_t bytes = flow_packet(ip, GW_LAN, own[i], 4000);
		for (unsigned k = 1; k <= 3; k++) {
			gateway_inject(&gw, GW_PORT_LAN, ip, bytes);
			gateway_turn(&gw);
			/* What is for the link only takes no tunnel, whatever policies say. */
			assert_int_equal(gateway_take(&gw, GW_PORT_WAN, wire) != 0, i == 0);
			assert_int_equal(gateway_dropped(&gw, DP_DROP_IP_MULTICAST), i * k);
			gateway_put(&gw, GW_PORT_LAN, ip, bytes);
			gateway_turn(&gw);
			assert_int_equal(gateway_take(&gw, GW_PORT_WAN, wire), 0);
			assert_int_equal(gw.w->stats.punted, k);
		}
		gateway_stop(&gw);
	}
}

/* A host may bear the gateway's address; its TTL is lowered, the kernel's own is not. */
static void
a_flow_remembered_of_a_host_serves_the_twin_as_it_is(void **state)
{
	uint8_t ip[FLOW_BUFFER], wire[FLOW_BUFFER], inner[FLOW_BUFFER];
	struct gateway gw;
	size_t inner_bytes;
	uint32_t seq;
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = flow_packet(ip, GW_LAN, GW_FAR, 4000);
	for (unsigned i = 0; i < 6; i++) {
		bool twin = i % 2 == 1;
		if (twin)
			gateway_inject(&gw, GW_PORT_LAN, ip, bytes);
		else
			gateway_put(&gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&gw);
		size_t sent = gateway_take(&gw, GW_PORT_WAN, wire);
		assert_null(witness_open(&gw.out, 0, wire, sent, inner, &inner_bytes, &seq));
		assert_int_equal(inner[8], twin ? 64 : 63);
	}
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
#define TEST(name) cmocka_unit_test_prestate(name, engine)
	const struct CMUnitTest tests[] = {
	    TEST(an_sa_that_the_policy_does_not_name_passes_nothing_beside_one_that_it_names),
	    TEST(what_a_flow_may_going_out_it_may_not_coming_in),
	    TEST(what_comes_for_the_gateway_itself_is_punted_each_time),
	    TEST(what_a_flow_may_in_one_network_it_may_not_in_another),
	    TEST(more_flows_than_places_each_obey_their_own_policy),
	    TEST(flows_spread_over_the_places),
	    TEST(two_flows_in_one_place_keep_their_own_policies),
	    TEST(what_the_twin_may_send_to_the_gateway_s_own_address_no_host_may),
	    TEST(a_flow_remembered_of_a_host_serves_the_twin_as_it_is),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
