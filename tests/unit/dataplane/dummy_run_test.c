/* SPDX-License-Identifier: BSD-3-Clause
 * How many dummy packets at a time, and what ends them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/dummy_rig.h"

/* ---- how many at a time ---- */

static void
a_round_makes_no_more_than_its_burst_and_the_rate_no_more_than_its_share(void **state)
{
	(void)state;
	struct gateway gw;
	struct rte_mbuf *m;
	gateway_start(&gw, engine, 0, 128);
	struct dp_dummy_request ask = request(&gw, 100, 100);
	assert_int_equal(start(&gw, &ask), 0);
	time_runs(&gw, false);
	assert_int_equal(round_makes(&gw), 1); /* at once */
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(round_makes(&gw), 0); /* no time passed */
	time_runs(&gw, true);
	static const uint64_t expected[] = {32, 32, 32, 3, 0, 0};
	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(round_makes(&gw), expected[i]);
		while ((m = gateway_take_frame(&gw, GW_PORT_WAN)) != NULL)
			rte_pktmbuf_free(m);
	}
	assert_int_equal(gw.w->dummies.running, 0);
	assert_false(dp_worker_poll(gw.w));
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
more_than_run_at_once_are_refused_and_one_can_be_ended(void **state)
{
	(void)state;
	struct gateway gw;
	struct dp_error err;
	uint32_t left;
	unsigned worker;
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, false);
	struct dp_dummy_request ask[DP_DUMMY_RUNS + 1];
	fill_runs(&gw, ask, DP_DUMMY_RUNS + 1);
	assert_int_equal(dp_dummy_start(gw.dp, &ask[3], &worker, &err), -EBUSY);
	assert_non_null(strstr(err.text, "999 of 1000"));
	assert_int_equal(dp_dummy_start(gw.dp, &ask[DP_DUMMY_RUNS], &worker, &err), -EBUSY);
	assert_non_null(strstr(err.text, "8 SAs"));
	assert_int_equal(dp_dummy_stop(gw.dp, &ask[DP_DUMMY_RUNS].sa, &left), -ENOENT);
	assert_int_equal(dp_dummy_stop(gw.dp, &ask[3].sa, &left), 0);
	assert_int_equal(left, 999);
	assert_int_equal(round_makes(&gw), 0);
	assert_int_equal(dp_dummy_stop(gw.dp, &ask[3].sa, &left), -ENOENT);
	assert_int_equal(gw.w->stats.dummies_unsent, 0); /* its SA is there */
	assert_int_equal(start(&gw, &ask[DP_DUMMY_RUNS]), 0);
	assert_int_equal(round_makes(&gw), 1); /* and was not ended with the one before in its place */
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* ---- what may end it ---- */

static void
an_sa_that_goes_ends_it_and_the_rest_is_counted(void **state)
{
	(void)state;
	struct gateway gw;
	struct sadb_error err;
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, false);
	const struct dp_dummy_request ask = request(&gw, 100, 100);
	assert_int_equal(start(&gw, &ask), 0);
	assert_int_equal(round_makes(&gw), 1);
	assert_int_equal(sadb_sa_del(gw.db, &ask.sa, &err), 0);
	gateway_commit(&gw);
	assert_int_equal(round_makes(&gw), 0);
	assert_int_equal(gw.w->stats.dummies_unsent, 99);
	assert_int_equal(gw.w->dummies.running, 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* A batch that would pass the limit is refused whole; then the SA is stopped, and no more are made. */
static void
a_hard_limit_ends_it_and_is_not_passed(void **state)
{
	(void)state;
	struct gateway gw;
	struct sadb_error err;
	struct dp_event event;
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, true);
	struct sadb_sa_config config = gateway_sa(&gw.out, 0, 128);
	config.life.hard_packets = 70;
	assert_int_equal(sadb_sa_update(gw.db, &config, &err), 0);
	gateway_commit(&gw);
	const struct dp_dummy_request ask = request(&gw, 1000, 100);
	assert_int_equal(start(&gw, &ask), 0);
	gateway_turn(&gw);
	assert_int_equal(gw.w->stats.dummies, 1 + 3 * 32);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_SA_EXPIRED), 32);
	assert_int_equal(gw.w->stats.tx, 1 + 2 * 32);
	assert_int_equal(gw.w->stats.dummies_unsent, 1000 - 97);
	assert_int_equal(dp_events(gw.dp, &event, 1), 1);
	assert_int_equal(event.kind, DP_EVENT_HARD);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
an_sa_that_receives_sends_none(void **state)
{
	(void)state;
	struct gateway gw;
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, true);
	struct sadb_sa_config config = gateway_sa(&gw.in, 0, 128);
	const struct dp_dummy_request ask = request_of(&config, 10, 100);
	assert_int_equal(start(&gw, &ask), 0);
	gateway_turn(&gw);
	assert_int_equal(gw.w->stats.dummies, 0);
	assert_int_equal(gw.w->stats.dummies_unsent, 10);
	gateway_stop(&gw);
}

static void
without_a_way_they_are_dropped_for_that(void **state)
{
	(void)state;
	struct gateway gw;
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, true);
	struct witness_sa nowhere = gw.out;
	nowhere.dst = 0xcb007101; /* 203.0.113.1 */
	nowhere.key[0] = 0x77;
	const struct sadb_sa_config config = gateway_sa(&nowhere, 0, 128);
	gateway_add_sa(&gw, &config);
	gateway_commit(&gw);
	const struct dp_dummy_request ask = request_of(&config, 10, 0);
	assert_int_equal(start(&gw, &ask), 0);
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_ROUTE), 10);
	assert_int_equal(gw.w->stats.tx, 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_round_makes_no_more_than_its_burst_and_the_rate_no_more_than_its_share),
	    cmocka_unit_test(more_than_run_at_once_are_refused_and_one_can_be_ended),
	    cmocka_unit_test(an_sa_that_goes_ends_it_and_the_rest_is_counted),
	    cmocka_unit_test(a_hard_limit_ends_it_and_is_not_passed),
	    cmocka_unit_test(an_sa_that_receives_sends_none),
	    cmocka_unit_test(without_a_way_they_are_dropped_for_that),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
