/* SPDX-License-Identifier: BSD-3-Clause
 * The histogram against the sorted values themselves. */
#include "pktgen/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define N 20000

static struct pg_histogram histogram;
static uint64_t values[N];

static int
ascending(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Off by at most 1 part in 128, which is under the 1.6 % promised; exact below 64. */
static void
assert_near(uint64_t got, uint64_t exact)
{
	const uint64_t off = got > exact ? got - exact : exact - got;
	if (off > exact / 128)
		fail_msg("%llu for %llu", (unsigned long long)got, (unsigned long long)exact);
}

static uint64_t
spread(unsigned shape)
{
	const uint64_t random64 = (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();
	switch (shape) {
	case 0:
		return random64 % 64; /* exact ones */
	case 1:
		return random64 % 1000000; /* even */
	case 2:
		return random64 >> (random64 % 63); /* every size there is */
	default:
		return 5000 + (random64 % 1000 == 0 ? random64 % 100000000 : random64 % 50); /* a long tail */
	}
}

static void
every_quantile_is_near_the_sorted_values_own(void **state)
{
	(void)state;
	static const uint32_t quantiles[] = {1, 100000, 500000, 900000, 990000, 999000, 999900, 1000000};
	for (unsigned shape = 0; shape < 4; shape++) {
		srandom(shape + 1);
		pg_histogram_reset(&histogram);
		for (unsigned i = 0; i < N; i++) {
			values[i] = spread(shape);
			pg_histogram_record(&histogram, values[i]);
		}
		qsort(values, N, sizeof(values[0]), ascending);
		for (unsigned q = 0; q < sizeof(quantiles) / sizeof(quantiles[0]); q++) {
			uint64_t rank = ((uint64_t)N * quantiles[q] + 999999) / 1000000;
			assert_near(pg_histogram_quantile(&histogram, quantiles[q]), values[rank - 1]);
		}
		assert_int_equal(histogram.min, values[0]);
		assert_int_equal(histogram.max, values[N - 1]);
		assert_int_equal(histogram.count, N);
	}
}

static void
one_value_comes_back_whatever_it_is(void **state)
{
	(void)state;
	static const uint64_t rows[] = {
	    0, 63, 64, 65, 127, 128, 1 << 20, UINT32_MAX, 1ull << 32, 1ull << 63, UINT64_MAX - 1, UINT64_MAX};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pg_histogram_reset(&histogram);
		pg_histogram_record(&histogram, rows[i]);
		/* min and max are exact, and no quantile lies outside them */
		assert_int_equal(pg_histogram_quantile(&histogram, 500000), rows[i]);
		assert_int_equal(pg_histogram_mean(&histogram), rows[i]);
	}
}

static void
a_bucket_ends_where_the_next_begins(void **state)
{
	(void)state;
	for (unsigned shift = 6; shift < 63; shift++) {
		const uint64_t power = UINT64_C(1) << shift;
		pg_histogram_reset(&histogram);
		pg_histogram_record(&histogram, power - 1);
		pg_histogram_record(&histogram, power);
		pg_histogram_record(&histogram, power + power / 64);
		assert_near(pg_histogram_quantile(&histogram, 333333), power - 1);
		assert_near(pg_histogram_quantile(&histogram, 666666), power);
		assert_true(pg_histogram_quantile(&histogram, 333333) < power);
		assert_true(pg_histogram_quantile(&histogram, 666666) >= power);
		assert_true(pg_histogram_quantile(&histogram, 666666) < power + power / 64);
		assert_int_equal(pg_histogram_quantile(&histogram, 1000000), power + power / 64);
	}
}

static void
an_empty_histogram_says_zero(void **state)
{
	(void)state;
	pg_histogram_reset(&histogram);
	assert_int_equal(pg_histogram_quantile(&histogram, 990000), 0);
	assert_int_equal(pg_histogram_mean(&histogram), 0);
	assert_int_equal(histogram.max, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_quantile_is_near_the_sorted_values_own),
	    cmocka_unit_test(one_value_comes_back_whatever_it_is),
	    cmocka_unit_test(a_bucket_ends_where_the_next_begins),
	    cmocka_unit_test(an_empty_histogram_says_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
