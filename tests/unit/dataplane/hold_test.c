/* SPDX-License-Identifier: BSD-3-Clause
 * Packets that wait for a neighbour: asked for again and again, bounded for each network, never forgotten. Time is the
 * TSC; the tests make a second as long or short as they need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"

#define BUFFER    2048
#define LONG_TIME (UINT64_C(1) << 60)

static void
forget_neighbours(struct gateway *gw)
{
	sadb_neighs_set(gw->db, sadb_neigh_table_create(NULL, 0));
}

static unsigned
asked(struct gateway *gw)
{
	struct dp_event event[64];
	unsigned n = 0, got;
	while ((got = dp_events(gw->dp, event, 64)) > 0)
		for (unsigned i = 0; i < got; i++)
			n += event[i].kind == DP_EVENT_NEIGH;
	return n;
}

static void
put_outbound(struct gateway *gw, unsigned packets)
{
	uint8_t ip[BUFFER];
	size_t bytes = gateway_outbound_packet(ip, 30);
	for (unsigned i = 0; i < packets; i++)
		gateway_put(gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(gw);
}

static void
a_neighbour_is_asked_for_once_a_second_while_packets_come(void **state)
{
	(void)state;
	struct gateway gw;
	gateway_start(&gw, "auto", 0, 128);
	forget_neighbours(&gw);
	gw.dp->hold_tsc = LONG_TIME;
	gw.dp->second_tsc = LONG_TIME;
	put_outbound(&gw, 3);
	put_outbound(&gw, 3);
	assert_int_equal(asked(&gw), 1);
	gw.dp->second_tsc = 1; /* a second has passed at every look */
	put_outbound(&gw, 1);
	assert_true(asked(&gw) >= 1);
	put_outbound(&gw, 1);
	assert_true(asked(&gw) >= 1);
	assert_int_equal(gw.w->n_held, 8);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_question_that_found_the_ring_full_is_put_again(void **state)
{
	(void)state;
	struct gateway gw;
	struct dp_event noise = {.kind = DP_EVENT_SOFT};
	gateway_start(&gw, "auto", 0, 128);
	forget_neighbours(&gw);
	gw.dp->hold_tsc = LONG_TIME;
	gw.dp->second_tsc = LONG_TIME;
	while (dp_event_send(gw.w, &noise))
		;
	put_outbound(&gw, 1);
	assert_int_equal(asked(&gw), 0);
	put_outbound(&gw, 1);
	assert_int_equal(asked(&gw), 1);
	gateway_stop(&gw);
}

static void
what_waits_too_long_is_dropped_and_counted(void **state)
{
	(void)state;
	struct gateway gw;
	gateway_start(&gw, "auto", 0, 128);
	forget_neighbours(&gw);
	gw.dp->hold_tsc = 1;
	gw.dp->second_tsc = 1;
	put_outbound(&gw, 4);
	gateway_turn(&gw);
	assert_int_equal(gw.w->n_held, 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NEIGH_TIMEOUT), 4);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_still_waits_when_the_gateway_stops_is_dropped_and_counted(void **state)
{
	(void)state;
	struct gateway gw;
	gateway_start(&gw, "auto", 0, 128);
	forget_neighbours(&gw);
	gw.dp->hold_tsc = LONG_TIME;
	put_outbound(&gw, 4);
	gateway_turn(&gw);
	assert_int_equal(gw.w->n_held, 4);
	dp_stop(gw.dp);
	assert_int_equal(gw.w->n_held, 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_SHUTDOWN), 4);
	gateway_assert_balanced(&gw);
	assert_int_equal(rte_mempool_in_use_count(gw.dp->pool), 0);
	gateway_stop(&gw);
}

static void
dead_addresses_inside_do_not_take_the_underlay_s_places(void **state)
{
	(void)state;
	struct gateway gw;
	uint8_t ip[BUFFER];
	static const struct witness_twist plain;
	gateway_start(&gw, "auto", 0, 4096);
	forget_neighbours(&gw);
	gw.dp->hold_tsc = LONG_TIME;
	gw.dp->second_tsc = LONG_TIME;
	for (unsigned i = 0; i < 3 * DP_HOLD_SLOTS; i++) { /* through the tunnel, to addresses where nobody is */
		uint8_t wire[BUFFER];
		size_t bytes = gateway_inbound_packet(ip, 20);
		ip[19] = (uint8_t)(20 + i % 200);
		witness_checksum(ip, 20);
		gateway_put(&gw, GW_PORT_WAN, wire, witness_seal(&gw.in, i + 1, ip, bytes, &plain, wire));
		gateway_turn(&gw);
	}
	uint64_t refused = gateway_dropped(&gw, DP_DROP_HOLD_FULL);
	assert_true(refused > 0);
	assert_true(gw.w->n_held < DP_HOLD_SLOTS);
	put_outbound(&gw, 8);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_HOLD_FULL), refused);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_neighbour_is_asked_for_once_a_second_while_packets_come),
	    cmocka_unit_test(a_question_that_found_the_ring_full_is_put_again),
	    cmocka_unit_test(what_waits_too_long_is_dropped_and_counted),
	    cmocka_unit_test(what_still_waits_when_the_gateway_stops_is_dropped_and_counted),
	    cmocka_unit_test(dead_addresses_inside_do_not_take_the_underlay_s_places),
	};
	if (gateway_process_start() < 0)
		return 77;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed;
}
