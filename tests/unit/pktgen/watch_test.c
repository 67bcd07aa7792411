/* SPDX-License-Identifier: BSD-3-Clause
 * The receiver's watch under a virtual clock: what it says of its own absences. */
#include "pktgen/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HZ    UINT64_C(1000000000)
#define US    UINT64_C(1000)
#define RING  1000
#define BURST 50

/* Frames come evenly, one a microsecond, from 0 to `until`; the receiver polls each `step`, and once not for `gap`. Frames
 * beyond the ring are lost on the way. */
static void
receive(struct pg_watch *watch, uint64_t until, uint64_t step, uint64_t gap_at, uint64_t gap)
{
	uint64_t came = 0, waiting = 0;

	pg_watch_start(watch, HZ, RING, BURST);
	for (uint64_t now = step; now <= until; now += now == gap_at ? gap : step) {
		waiting += now / US - came;
		came = now / US;
		waiting = waiting < RING ? waiting : RING;
		const uint64_t n = waiting < BURST ? waiting : BURST;
		waiting -= n;
		pg_watch_poll(watch, now, (uint32_t)n);
	}
}

static void
an_absence_is_as_long_as_it_was_and_may_have_cost_what_came(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint64_t step, gap;
		uint64_t longest, away, overrun;
	} rows[] = {
	    {"always there", 5 * US, 5 * US, 5 * US, 0, 0},
	    {"as late as an adaptive worker's sleep", 5 * US, 200 * US, 200 * US, 0, 0},
	    {"a little later", 5 * US, 205 * US, 205 * US, 205 * US, 0},
	    {"half the ring", 5 * US, 500 * US, 500 * US, 500 * US, 0},
	    {"more than half the ring", 5 * US, 505 * US, 505 * US, 505 * US, 505},
	    {"many rings", 5 * US, 50000 * US, 50000 * US, 50000 * US, 50000},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_watch watch;
		receive(&watch, 1000000 * US, rows[i].step, 500000 * US, rows[i].gap);
		if (watch.longest != rows[i].longest || watch.away != rows[i].away || watch.overrun != rows[i].overrun)
			fail_msg("%s: longest %llu away %llu overrun %llu", rows[i].what,
				 (unsigned long long)watch.longest, (unsigned long long)watch.away,
				 (unsigned long long)watch.overrun);
		assert_false(pg_watch_saturated(&watch));
	}
}

static void
an_absence_in_which_nothing_came_costs_nothing(void **state)
{
	(void)state;
	struct pg_watch watch;
	pg_watch_start(&watch, HZ, RING, BURST);
	pg_watch_poll(&watch, 1000 * US, 0);
	pg_watch_poll(&watch, 900000 * US, 10); /* the first frames */
	pg_watch_poll(&watch, 990000 * US, 0);
	assert_int_equal(watch.away, 0);
	assert_int_equal(watch.longest, 0);
}

static void
a_receiver_that_never_catches_up_is_saturated(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint64_t step;
		bool saturated;
	} rows[] = {
	    {"polls twice as often as needed", 25 * US, false},
	    {"polls just often enough", 49 * US, false},
	    {"takes all there is, and the ring never runs empty", 51 * US, true},
	    {"is half as fast", 100 * US, true},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_watch watch;
		receive(&watch, 1000000 * US, rows[i].step, 0, 0);
		if (pg_watch_saturated(&watch) != rows[i].saturated)
			fail_msg("%s: full %llu partial %llu", rows[i].what, (unsigned long long)watch.full,
				 (unsigned long long)watch.partial);
	}
}

static void
each_idle_poll_counts_once(void **state)
{
	(void)state;
	static const struct {
		unsigned full_polls; /* to each one without a frame */
		bool saturated;
	} rows[] = {{99, false}, {100, false}, {101, true}, {200, true}};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_watch watch;
		uint64_t now = US;
		pg_watch_start(&watch, HZ, RING, BURST);
		pg_watch_poll(&watch, now, BURST); /* the first frames only start it */
		for (unsigned n = 0; n < 100; n++) {
			pg_watch_poll(&watch, now += US, 0);
			for (unsigned k = 0; k < rows[i].full_polls; k++)
				pg_watch_poll(&watch, now += US, BURST);
		}
		assert_int_equal(watch.partial, 100);
		assert_int_equal(watch.full, 100 * rows[i].full_polls);
		assert_int_equal(pg_watch_saturated(&watch), rows[i].saturated);
	}
}

static void
idle_polls_after_the_last_frame_say_nothing(void **state)
{
	(void)state;
	struct pg_watch watch;
	receive(&watch, 1000000 * US, 100 * US, 0, 0);
	for (unsigned i = 0; i < 1000000; i++)
		pg_watch_poll(&watch, 1000000 * US + i, 0);
	assert_true(pg_watch_saturated(&watch));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_absence_is_as_long_as_it_was_and_may_have_cost_what_came),
	    cmocka_unit_test(an_absence_in_which_nothing_came_costs_nothing),
	    cmocka_unit_test(a_receiver_that_never_catches_up_is_saturated),
	    cmocka_unit_test(each_idle_poll_counts_once),
	    cmocka_unit_test(idle_polls_after_the_last_frame_say_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
