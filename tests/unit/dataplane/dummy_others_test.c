/* SPDX-License-Identifier: BSD-3-Clause
 * What dummy packets leave alone: other packets' places, another SA of the same name, what others are told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/dummy_rig.h"

#define LONG_TIME (UINT64_C(1) << 60)

/* ---- packets that wait for a neighbour ---- */

static void
put_outbound(struct gateway *gw, unsigned packets)
{
	uint8_t ip[RIG_BUFFER];
	const size_t bytes = gateway_outbound_packet(ip, 30);
	for (unsigned i = 0; i < packets; i++)
		gateway_put(gw, GW_PORT_LAN, ip, bytes);
}

static void
a_neighbour_that_does_not_answer_is_asked_and_its_places_stay_with_others(void **state)
{
	(void)state;
	struct gateway gw;
	gateway_start(&gw, engine, 0, 128);
	const struct sadb_neigh peer = *sadb_neigh_lookup(sadb_neighs(gw.db), GW_PORT_WAN, rte_cpu_to_be_32(GW_PEER));
	struct dp_event event;
	sadb_neighs_set(gw.db, sadb_neigh_table_create(NULL, 0));
	gw.dp->hold_tsc = LONG_TIME;
	time_runs(&gw, true);
	const struct dp_dummy_request ask = request(&gw, 1000, 100);
	assert_int_equal(start(&gw, &ask), 0);
	for (unsigned i = 0; i < 20; i++)
		dp_worker_poll(gw.w);
	assert_int_equal(dp_events(gw.dp, &event, 1), 1);
	assert_int_equal(event.kind, DP_EVENT_NEIGH);
	put_outbound(&gw, 60);
	for (unsigned i = 0; i < 20; i++)
		dp_worker_poll(gw.w);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_HOLD_FULL), 0);
	assert_int_equal(gw.w->n_held, 61);
	sadb_neighs_set(gw.db, sadb_neigh_table_create(&peer, 1)); /* it answers */
	assert_int_equal(round_makes(&gw), 32);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* So that a scan of dead addresses inside does not end what hides how much is said. */
static void
packets_that_wait_for_other_neighbours_do_not_silence_them(void **state)
{
	(void)state;
	struct gateway gw;
	gateway_start(&gw, engine, 0, 128);
	gw.dp->hold_tsc = LONG_TIME;
	time_runs(&gw, true);
	dp_worker_poll(gw.w);
	for (unsigned i = 0; i < DP_HOLD_SLOTS / 2 + 1; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(gw.dp->pool);
		const uint16_t port = i < DP_HOLD_SLOTS / 2 ? GW_PORT_LAN : GW_PORT_WAN;
		assert_non_null(m);
		*dp_meta(m) = (struct dp_meta){
		    .out_port = port, .flags = DP_META_ROUTED, .next_hop_be = rte_cpu_to_be_32(GW_LAN + 1000 + i)};
		dp_hold(gw.w, m);
	}
	gw.w->stats.made += DP_HOLD_SLOTS / 2 + 1;
	assert_int_equal(gw.w->n_held, DP_HOLD_SLOTS / 2 + 1);
	const struct dp_dummy_request ask = request(&gw, 1000, 100);
	assert_int_equal(start(&gw, &ask), 0);
	assert_int_equal(round_makes(&gw), 1);
	assert_int_equal(round_makes(&gw), 32);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* ---- another SA ---- */

static void
an_update_goes_on_and_another_sa_of_the_same_name_gets_none(void **state)
{
	(void)state;
	struct gateway gw;
	struct sadb_error err;
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, true);
	const struct dp_dummy_request ask = request(&gw, 100, 100);
	struct sadb_sa_config config = gateway_sa(&gw.out, 0, 128);
	assert_int_equal(start(&gw, &ask), 0);
	assert_int_equal(round_makes(&gw), 1);
	config.outer_ttl = 9;
	assert_int_equal(sadb_sa_update(gw.db, &config, &err), 0);
	gateway_commit(&gw);
	assert_int_equal(round_makes(&gw), 32);
	assert_int_equal(sadb_sa_del(gw.db, &ask.sa, &err), 0);
	config.key[0] ^= 1;
	gateway_add_sa(&gw, &config);
	gateway_commit(&gw);
	assert_int_equal(round_makes(&gw), 0);
	assert_int_equal(gw.w->stats.dummies_unsent, 67);
	assert_int_equal(sadb_sa_find(gw.db, &ask.sa)->hot->mut->packets, 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
several_sas_share_a_round_and_take_turns(void **state)
{
	(void)state;
	struct gateway gw;
	struct dp_dummy_request ask[DP_DUMMY_RUNS];
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, true);
	fill_runs(&gw, ask, DP_DUMMY_RUNS);
	for (unsigned i = 0; i < DP_DUMMY_RUNS; i++)
		assert_int_equal(round_makes(&gw), DP_DUMMY_BURST);
	for (unsigned i = 0; i < DP_DUMMY_RUNS; i++)
		assert_int_equal(sadb_sa_find(gw.db, &ask[i].sa)->hot->mut->packets, 1 + DP_DUMMY_BURST);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* ---- what is told ---- */

/* A batch that a limit refuses is an event; it had no flow that could be told. */
static void
an_event_about_them_names_no_inner_packet(void **state)
{
	(void)state;
	struct gateway gw;
	struct sadb_error err;
	struct dp_audit_event event;
	uint32_t per_s[DP_AUDIT_KINDS] = {[DP_AUDIT_NO_SA] = 100};
	gateway_start(&gw, engine, 0, 128);
	dp_audit_set(gw.dp, per_s);
	time_runs(&gw, true);
	struct sadb_sa_config config = gateway_sa(&gw.out, 0, 128);
	config.life.hard_packets = 10;
	assert_int_equal(sadb_sa_update(gw.db, &config, &err), 0);
	gateway_commit(&gw);
	const struct dp_dummy_request ask = request(&gw, 100, 100);
	assert_int_equal(start(&gw, &ask), 0);
	gateway_turn(&gw);
	assert_int_equal(dp_audit_take(gw.dp, &event, 1), 1);
	assert_int_equal(event.reason, DP_DROP_SA_EXPIRED);
	assert_int_equal(event.spi_be, config.spi_be);
	assert_true(sadb_addr_equal(&event.dst, &config.dst));
	assert_int_equal(event.has & DP_AUDIT_HAS_INNER, 0);
	gateway_stop(&gw);
}

static void
their_cycles_are_counted_once(void **state)
{
	(void)state;
	struct gateway gw;
	uint64_t stages = 0;
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, true);
	const struct dp_dummy_request ask = request(&gw, 1000, 1446);
	assert_int_equal(start(&gw, &ask), 0);
	dp_worker_poll(gw.w);
	for (unsigned i = 0; i < DP_STAGE_COUNT; i++)
		stages -= gw.w->stats.stages[i].cycles;
	put_outbound(&gw, 1);
	const uint64_t before = rte_rdtsc();
	assert_int_equal(round_makes(&gw), 32);
	const uint64_t passed = rte_rdtsc() - before;
	for (unsigned i = 0; i < DP_STAGE_COUNT; i++)
		stages += gw.w->stats.stages[i].cycles;
	assert_true(stages <= passed);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_neighbour_that_does_not_answer_is_asked_and_its_places_stay_with_others),
	    cmocka_unit_test(packets_that_wait_for_other_neighbours_do_not_silence_them),
	    cmocka_unit_test(an_update_goes_on_and_another_sa_of_the_same_name_gets_none),
	    cmocka_unit_test(several_sas_share_a_round_and_take_turns),
	    cmocka_unit_test(an_event_about_them_names_no_inner_packet),
	    cmocka_unit_test(their_cycles_are_counted_once),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
