/* SPDX-License-Identifier: BSD-3-Clause
 * The search against simulated devices whose limit is known. */
#include "pktgen/search.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Loses what is above its knee, and a fixed share besides; the generator in front of it has a limit too. */
struct device {
	double knee, generator; /* frames a second */
	double always_lost;     /* share */
	unsigned interrupt_at;  /* trial; 0: never */
	unsigned fail_at;
	unsigned trials;
};

static int
trial(void *arg, double pps, struct pg_result *out)
{
	struct device *device = arg;
	const double sent = pps == 0 || pps > device->generator ? device->generator : pps;
	const double through = sent > device->knee ? device->knee : sent;

	memset(out, 0, sizeof(*out));
	if (++device->trials == device->fail_at)
		return -EIO;
	out->seconds = 1;
	out->asked_pps = pps;
	out->sent_pps = sent;
	out->kept = pps > 0 ? sent / pps : 1;
	out->judgement.all.sent = (uint64_t)sent;
	out->judgement.all.received = (uint64_t)(through * (1 - device->always_lost));
	out->judgement.all.lost = out->judgement.all.sent - out->judgement.all.received;
	out->interrupted = device->trials == device->interrupt_at;
	return 0;
}

static const struct {
	const char *what;
	struct device device;
	double max, resolution, tolerance;
	enum pg_search_end end;
	double low, high; /* the rate found lies between */
	unsigned trials_max;
} rows[] = {
    {"a knee below the maximum", {1234567, 1e9, 0, 0, 0, 0}, 1e7, 0.001, 0, PG_SEARCH_FOUND, 1233300, 1234567, 16},
    {"finer", {1234567, 1e9, 0, 0, 0, 0}, 1e7, 0.00001, 0, PG_SEARCH_FOUND, 1234550, 1234567, 24},
    {"coarse", {1234567, 1e9, 0, 0, 0, 0}, 1e7, 0.1, 0, PG_SEARCH_FOUND, 1100000, 1234567, 9},
    {"a knee far below", {2000, 1e9, 0, 0, 0, 0}, 1e7, 0.01, 0, PG_SEARCH_FOUND, 1970, 2000, 24},
    {"no maximum: from what the generator sends", {1e6, 8e6, 0, 0, 0, 0}, 0, 0.01, 0, PG_SEARCH_FOUND, 989000, 1e6, 14},
    {"no limit up to the maximum", {1e9, 1e9, 0, 0, 0, 0}, 1e7, 0.01, 0, PG_SEARCH_AT_MAX, 1e7, 1e7, 1},
    {"the knee at the maximum", {1e7, 1e9, 0, 0, 0, 0}, 1e7, 0.01, 0, PG_SEARCH_AT_MAX, 1e7, 1e7, 1},
    {"the generator is slower than the maximum",
     {1e9, 5e6, 0, 0, 0, 0},
     1e7,
     0.01,
     0,
     PG_SEARCH_GENERATOR,
     5e6,
     5e6,
     1},
    {"the generator is slower than everything", {1e9, 5e6, 0, 0, 0, 0}, 0, 0.01, 0, PG_SEARCH_GENERATOR, 5e6, 5e6, 1},
    {"both slower than the maximum", {3e6, 5e6, 0, 0, 0, 0}, 1e7, 0.01, 0, PG_SEARCH_FOUND, 2969000, 3e6, 12},
    {"always loses a little", {1e6, 1e9, 0.001, 0, 0, 0}, 1e7, 0.01, 0, PG_SEARCH_NONE, 0, 0, 16},
    {"which is tolerated", {1e6, 1e9, 0.001, 0, 0, 0}, 1e7, 0.01, 0.002, PG_SEARCH_FOUND, 985000, 1.0011e6, 14},
    {"interrupted", {1e6, 1e9, 0, 6, 0, 0}, 1e7, 0.0001, 0, PG_SEARCH_INTERRUPTED, 625000, 625000, 6},
    {"interrupted at once", {1e6, 1e9, 0, 1, 0, 0}, 1e5, 0.0001, 0, PG_SEARCH_INTERRUPTED, 0, 0, 1},
};

static void
the_rate_found_is_the_devices_knee(void **state)
{
	(void)state;
	static struct pg_search search;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct device device = rows[i].device;
		const struct pg_search_config config = {.max_pps = rows[i].max,
							.resolution = rows[i].resolution,
							.loss_tolerance = rows[i].tolerance,
							.trial = trial,
							.arg = &device};
		assert_int_equal(pg_search_run(&config, &search), 0);
		const double found = search.best >= 0 ? search.trials[search.best].sent_pps : 0;
		if (search.end != rows[i].end || found < rows[i].low || found > rows[i].high ||
		    search.n > rows[i].trials_max || search.n != device.trials)
			fail_msg("%s: end %d, found %f in %u trials", rows[i].what, (int)search.end, found, search.n);
		if (search.best >= 0)
			assert_true(pg_result_loss(&search.trials[search.best]) <= rows[i].tolerance);
	}
}

/* Whether it passes depends on nothing that the rate can explain. */
static int
moody(void *arg, double pps, struct pg_result *out)
{
	unsigned *n = arg;
	struct device device = {.knee = ++*n % 2 == 0 ? 1e12 : 0, .generator = 1e12};
	return trial(&device, pps, out);
}

static void
a_search_always_ends(void **state)
{
	(void)state;
	static struct pg_search search;
	unsigned n = 0;
	const struct pg_search_config config = {.max_pps = 1e7, .resolution = 1e-12, .trial = moody, .arg = &n};
	assert_int_equal(pg_search_run(&config, &search), 0);
	assert_in_range(search.n, 2, PG_SEARCH_TRIALS);
}

/* Sends 90 % of what is asked above half its best, and loses nothing until the knee. */
static int
unsteady(void *arg, double pps, struct pg_result *out)
{
	(void)arg;
	struct device device = {.knee = 4.9e6, .generator = pps > 2.5e6 && pps < 9e6 ? pps * 0.9 : 1e12};
	return trial(&device, pps, out);
}

static void
a_generator_that_cannot_keep_up_ends_the_search_and_is_named(void **state)
{
	(void)state;
	static struct pg_search search;
	const struct pg_search_config config = {.max_pps = 1e7, .resolution = 1e-6, .trial = unsteady};
	assert_int_equal(pg_search_run(&config, &search), 0);
	assert_int_equal(search.end, PG_SEARCH_UNSTEADY);
	assert_true(search.trials[search.best].sent_pps == 4.5e6);
	assert_in_range(search.n, 3, 10);
}

/* Falls short once, at the first rate in the middle: 4 of 5 Mpps. */
static int
hiccup(void *arg, double pps, struct pg_result *out)
{
	(void)arg;
	struct device device = {.knee = 4.9e6, .generator = pps == 5e6 ? 4e6 : 1e12};
	return trial(&device, pps, out);
}

static void
what_counts_is_the_rate_that_was_sent_not_the_one_asked(void **state)
{
	(void)state;
	static struct pg_search search;
	const struct pg_search_config config = {.max_pps = 1e7, .resolution = 1e-3, .trial = hiccup};
	assert_int_equal(pg_search_run(&config, &search), 0);
	assert_int_equal(search.end, PG_SEARCH_FOUND);
	assert_true(search.trials[search.best].sent_pps > 4.895e6);
	assert_true(search.trials[search.best].sent_pps <= 4.9e6);
}

/* The generator's own port drops at 5 Mpps, the first three times. */
static int
own_loss(void *arg, double pps, struct pg_result *out)
{
	unsigned *times = arg;
	struct device device = {.knee = 6.1e6, .generator = 1e12};
	const int rc = trial(&device, pps, out);
	if (pps == 5e6 && *times > 0) {
		(*times)--;
		out->judgement.all.lost += 10;
		out->judgement.all.received -= 10;
		out->rx_missed = 10;
	}
	return rc;
}

static void
what_the_generator_lost_itself_is_not_laid_at_the_devices_door(void **state)
{
	(void)state;
	static const struct {
		unsigned times;
		enum pg_search_end end;
		double low, high;
	} trials[] = {
	    {1, PG_SEARCH_FOUND, 6.09e6, 6.1e6}, {4, PG_SEARCH_FOUND, 6.09e6, 6.1e6}, {99, PG_SEARCH_UNSTEADY, 0, 0}};
	for (unsigned i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		static struct pg_search search;
		unsigned times = trials[i].times;
		const struct pg_search_config config = {
		    .max_pps = 1e7, .resolution = 1e-3, .trial = own_loss, .arg = &times};
		assert_int_equal(pg_search_run(&config, &search), 0);
		assert_int_equal(search.end, trials[i].end);
		const double found = search.best < 0 ? 0 : search.trials[search.best].sent_pps;
		assert_true(found >= trials[i].low && found <= trials[i].high);
	}
}

static void
own_loss_is_at_most_what_is_lost(void **state)
{
	(void)state;
	struct pg_result result = {.judgement.all = {.sent = 100, .lost = 7}};
	assert_int_equal(pg_result_own_loss(&result), 0);
	result.rx_missed = 1;
	result.rx_no_buffers = 2;
	result.tx_errors = 1;
	result.rx_overrun = 1;
	assert_int_equal(pg_result_own_loss(&result), 5);
	result.rx_overrun = 50;
	assert_int_equal(pg_result_own_loss(&result), 7);
	result = (struct pg_result){.judgement.all = {.sent = 100, .lost = 7}, .rx_saturated = true};
	assert_int_equal(pg_result_own_loss(&result), 7);
}

static void
a_trial_that_fails_ends_the_search(void **state)
{
	(void)state;
	static struct pg_search search;
	struct device device = {.knee = 1e6, .generator = 1e9, .fail_at = 3};
	const struct pg_search_config config = {.max_pps = 1e7, .resolution = 0.01, .trial = trial, .arg = &device};
	assert_int_equal(pg_search_run(&config, &search), -EIO);
	assert_int_equal(search.n, 2);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_rate_found_is_the_devices_knee),
	    cmocka_unit_test(a_search_always_ends),
	    cmocka_unit_test(a_generator_that_cannot_keep_up_ends_the_search_and_is_named),
	    cmocka_unit_test(what_counts_is_the_rate_that_was_sent_not_the_one_asked),
	    cmocka_unit_test(what_the_generator_lost_itself_is_not_laid_at_the_devices_door),
	    cmocka_unit_test(own_loss_is_at_most_what_is_lost),
	    cmocka_unit_test(a_trial_that_fails_ends_the_search),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
