/* SPDX-License-Identifier: BSD-3-Clause
 * The pacer under a virtual clock: nothing here asks the time. */
#include "pktgen/pace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define HZ UINT64_C(2600000000)

static void
a_rate_becomes_units_of_what_it_counts(void **state)
{
	(void)state;
	static const struct {
		struct pg_rate rate;
		uint64_t link;
		const char *sizes;
		int rc;
		double pps;
	} rows[] = {
	    {{PG_RATE_PPS, 1000000}, 0, "64", 0, 1000000},
	    {{PG_RATE_PPS, 1000000}, 0, "imix", 0, 1000000},
	    {{PG_RATE_BITS, 512000000}, 0, "64", 0, 1000000},
	    {{PG_RATE_PERCENT, 1000000}, 10000000000, "64", 0, 14204545.45}, /* 10 G and 88 bytes of wire */
	    {{PG_RATE_PERCENT, 500000}, 10000000000, "1514", 0, 406371.9},
	    {{PG_RATE_MAX, 0}, 0, "64", 0, 0},
	    {{PG_RATE_PERCENT, 500000}, 0, "64", -ERANGE, 0},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_load load;
		struct pg_mix mix;
		assert_int_equal(pg_mix_parse(rows[i].sizes, &mix), 0);
		assert_int_equal(pg_load_of(&rows[i].rate, rows[i].link, &load), rows[i].rc);
		if (rows[i].rc != 0)
			continue;
		const double pps = pg_load_pps(&load, &mix);
		if (pps < rows[i].pps * 0.999999 - 0.1 || pps > rows[i].pps * 1.000001 + 0.1)
			fail_msg("row %u: %f", i, pps);
	}
}

static void
what_is_due_is_exact_after_any_number_of_steps(void **state)
{
	(void)state;
	static const uint64_t rates[] = {1, 3, 7, 999, 1000000, 14880952, 148809523, 9999999999};
	for (unsigned r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		struct pg_pacer pacer;
		uint64_t now = UINT64_MAX - HZ * 5, sent = 0; /* the clock wraps on the way */
		const uint64_t start = now;
		pg_pacer_start(&pacer, now, HZ, rates[r], UINT64_MAX / 2);
		srandom(r);
		while (now - start < HZ * 10) {
			now += (uint64_t)random() % 100000 + 1;
			if (now - start > HZ * 10)
				now = start + HZ * 10;
			const uint64_t credit = pg_pacer_credit(&pacer, now);
			pg_pacer_spend(&pacer, credit);
			sent += credit;
		}
		assert_int_equal(sent, rates[r] * 10);
		assert_int_equal(pacer.forfeited, 0);
	}
}

static void
nothing_is_due_before_its_time(void **state)
{
	(void)state;
	struct pg_pacer pacer;
	pg_pacer_start(&pacer, 1000, HZ, 1000, 64);
	assert_int_equal(pg_pacer_credit(&pacer, 1000), 0);
	assert_int_equal(pg_pacer_credit(&pacer, 1000 + HZ / 1000 - 1), 0);
	assert_int_equal(pg_pacer_credit(&pacer, 1000 + HZ / 1000), 1);
	pg_pacer_spend(&pacer, 1);
	assert_int_equal(pg_pacer_credit(&pacer, 1000 + HZ / 1000 * 2 - 1), 0);
}

static void
a_stall_never_makes_a_burst_above_the_bound_and_is_counted(void **state)
{
	(void)state;
	struct pg_pacer pacer;
	uint64_t sent = 0;
	pg_pacer_start(&pacer, 0, HZ, 1000000, 64);
	for (uint64_t us = 1; us <= 1000000; us++) {
		if (us > 400000 && us < 500000) /* away for 0.1 s */
			continue;
		const uint64_t credit = pg_pacer_credit(&pacer, us * (HZ / 1000000));
		assert_in_range(credit, 0, 64);
		pg_pacer_spend(&pacer, credit);
		sent += credit;
	}
	assert_int_equal(pacer.forfeited, 100000 - 64);
	assert_int_equal(sent, 1000000 - pacer.forfeited);
	assert_int_equal(pg_pacer_due(&pacer, HZ), 1000000);
}

static void
what_was_not_spent_stays_but_not_above_the_bound(void **state)
{
	(void)state;
	struct pg_pacer pacer;
	pg_pacer_start(&pacer, 0, HZ, 1000, 10);
	assert_int_equal(pg_pacer_credit(&pacer, HZ / 1000 * 8), 8);
	assert_int_equal(pg_pacer_credit(&pacer, HZ / 1000 * 10), 10);
	assert_int_equal(pacer.forfeited, 0);
	assert_int_equal(pg_pacer_credit(&pacer, HZ / 1000 * 15), 10);
	assert_int_equal(pacer.forfeited, 5);
	pg_pacer_spend(&pacer, 10);
	assert_int_equal(pg_pacer_credit(&pacer, HZ / 1000 * 16), 1);
}

static void
without_a_rate_the_bound_is_always_due(void **state)
{
	(void)state;
	struct pg_pacer pacer;
	pg_pacer_start(&pacer, 5, HZ, 0, 32);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pg_pacer_credit(&pacer, 5), 32);
		pg_pacer_spend(&pacer, 32);
	}
}

static void
all_that_is_due_before_the_end_and_nothing_after_it(void **state)
{
	(void)state;
	static const uint64_t rates[] = {1, 3, 999, 20000, 14880952};
	for (unsigned r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		struct pg_pacer pacer;
		const uint64_t start = UINT64_MAX - HZ; /* the clock wraps on the way */
		uint64_t sent = 0;
		pg_pacer_start(&pacer, start, HZ, rates[r], UINT64_MAX / 2);
		pg_pacer_end(&pacer, 3 * HZ);
		for (uint64_t passed = 0; passed < 4 * HZ; passed += 777777) { /* never at the end itself */
			const uint64_t credit = pg_pacer_credit(&pacer, start + passed);
			pg_pacer_spend(&pacer, credit);
			sent += credit;
		}
		assert_int_equal(sent, rates[r] * 3);
		assert_int_equal(pg_pacer_due(&pacer, start + 9 * HZ), rates[r] * 3);
	}
}

static void
without_a_rate_nothing_is_due_from_the_end_on(void **state)
{
	(void)state;
	struct pg_pacer pacer;
	pg_pacer_start(&pacer, 5, HZ, 0, 32);
	pg_pacer_end(&pacer, 100);
	assert_int_equal(pg_pacer_credit(&pacer, 104), 32);
	assert_int_equal(pg_pacer_credit(&pacer, 105), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_rate_becomes_units_of_what_it_counts),
	    cmocka_unit_test(what_is_due_is_exact_after_any_number_of_steps),
	    cmocka_unit_test(nothing_is_due_before_its_time),
	    cmocka_unit_test(a_stall_never_makes_a_burst_above_the_bound_and_is_counted),
	    cmocka_unit_test(what_was_not_spent_stays_but_not_above_the_bound),
	    cmocka_unit_test(without_a_rate_the_bound_is_always_due),
	    cmocka_unit_test(all_that_is_due_before_the_end_and_nothing_after_it),
	    cmocka_unit_test(without_a_rate_nothing_is_due_from_the_end_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
