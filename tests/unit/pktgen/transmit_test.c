/* SPDX-License-Identifier: BSD-3-Clause
 * The transmitter keeps its rate by the clock it is given, and says when it could not. */
#include "pktgen/transmit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <cmocka.h>

#include "tests/unit/pktgen/rig.h"

static const struct pg_rate steady = {PG_RATE_PPS, 1000000};

static void
as_many_frames_leave_as_the_rate_says(void **state)
{
	(void)state;
	static const struct {
		struct pg_rate rate; /* of a link of 10 Gbit/s */
		const char *sizes;
		uint64_t frames; /* in 10 ms */
	} rows[] = {
	    {{PG_RATE_PPS, 1000000}, "64", 10000},
	    {{PG_RATE_PPS, 100}, "64", 1},
	    {{PG_RATE_PPS, 99}, "64", 0},
	    {{PG_RATE_PPS, 1000000}, "imix", 10000},
	    {{PG_RATE_BITS, 512000000}, "64", 10000},
	    {{PG_RATE_BITS, 345760000}, "imix", 1200}, /* 100 cycles of 4322 bytes */
	    {{PG_RATE_PERCENT, 100000}, "64", 14204},  /* 1 Gbit/s of 88 bytes */
	    {{PG_RATE_PERCENT, 1000000}, "1514", 8127},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig *rig = rig_create(5, rows[i].sizes, &rows[i].rate);
		for (uint64_t now = 0; now <= HZ / 100; now += 500) {
			pg_tx_poll(&rig->tx, now);
			rig_drain();
		}
		if (rig->tx.sent != rows[i].frames)
			fail_msg("row %u: %llu", i, (unsigned long long)rig->tx.sent);
		assert_true(pg_tx_kept(&rig->tx, HZ / 100) == 1.0);
		rig_destroy(rig);
	}
}

/* The transmitter looks at the clock when it can, here never at the end itself; yet what is due by then all leaves. */
static void
a_duration_has_exactly_the_frames_of_its_rate(void **state)
{
	(void)state;
	static const struct {
		struct pg_rate rate;
		const char *sizes;
		uint64_t frames; /* in 20 ms */
	} rows[] = {
	    {{PG_RATE_PPS, 20000}, "64", 400},        {{PG_RATE_PPS, 99999}, "imix", 1999},
	    {{PG_RATE_PPS, 2000000}, "64", 40000},    {{PG_RATE_BITS, 345760000}, "imix", 2400},
	    {{PG_RATE_PERCENT, 100000}, "64", 28409},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig *rig = rig_create(3, rows[i].sizes, &rows[i].rate);
		pg_pacer_end(&rig->tx.pacer, HZ / 50);
		for (uint64_t now = 0; now < HZ / 25; now += 7001) {
			while (pg_tx_poll(&rig->tx, now) > 0)
				rig_drain();
			assert_true(pg_tx_kept(&rig->tx, now) == 1.0);
			assert_false(pg_tx_owes(&rig->tx, now));
		}
		if (rig->tx.sent != rows[i].frames)
			fail_msg("row %u: %llu", i, (unsigned long long)rig->tx.sent);
		rig_destroy(rig);
	}
}

static void
what_the_port_has_no_room_for_is_still_owed(void **state)
{
	(void)state;
	struct rig *rig = rig_create(1, "64", &steady);
	pg_pacer_end(&rig->tx.pacer, 1050000); /* 1050 frames; the ring holds 1023 */
	for (uint64_t now = 0; now <= 1050000; now += 1000)
		pg_tx_poll(&rig->tx, now);
	assert_true(pg_tx_owes(&rig->tx, 1050000));
	rig_drain();
	while (pg_tx_poll(&rig->tx, 1200000) > 0)
		;
	assert_int_equal(rig->tx.sent, 1050);
	assert_false(pg_tx_owes(&rig->tx, 1200000));
	rig_drain();
	rig_destroy(rig);
}

static void
a_delay_is_not_made_up_by_a_burst_and_shows_in_the_rate_kept(void **state)
{
	(void)state;
	struct rig *rig = rig_create(1, "64", &steady);
	unsigned sent = 0;
	pg_tx_poll(&rig->tx, 0);
	for (unsigned i = 0; i < 100; i++)
		sent += pg_tx_poll(&rig->tx, 1000000); /* 1000 frames are due at once */
	assert_int_equal(sent, 64);
	for (uint64_t now = 1000000; now <= 2000000; now += 1000) {
		sent += pg_tx_poll(&rig->tx, now);
		rig_drain();
	}
	assert_int_equal(sent, 1064);
	const double kept = pg_tx_kept(&rig->tx, 2000000);
	assert_true(kept > 0.531 && kept < 0.533);
	rig_destroy(rig);
}

static void
without_buffers_the_transmitter_waits_and_says_so(void **state)
{
	(void)state;
	struct rig *rig = rig_create(1, "64", &steady);
	static struct rte_mbuf *all[4096];
	unsigned n = 0;
	while (n < 4096 && (all[n] = rte_pktmbuf_alloc(device.pool)) != NULL)
		n++;
	assert_int_equal(pg_tx_poll(&rig->tx, 50000), 0);
	assert_int_equal(rig->tx.no_buffers, 1);
	rte_pktmbuf_free_bulk(all, n);
	assert_int_equal(pg_tx_poll(&rig->tx, 50000), 32);
	assert_int_equal(pg_tx_poll(&rig->tx, 50000), 18);
	rig_drain();
	rig_destroy(rig);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_many_frames_leave_as_the_rate_says),
	    cmocka_unit_test(a_duration_has_exactly_the_frames_of_its_rate),
	    cmocka_unit_test(what_the_port_has_no_room_for_is_still_owed),
	    cmocka_unit_test(a_delay_is_not_made_up_by_a_burst_and_shows_in_the_rate_kept),
	    cmocka_unit_test(without_buffers_the_transmitter_waits_and_says_so),
	};
	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
