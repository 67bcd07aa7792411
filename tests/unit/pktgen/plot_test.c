/* SPDX-License-Identifier: BSD-3-Clause
 * The plot of a search: every point inside its panel, and no figure that is none. */
#include "pktgen/plot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A trial of a device that passes all up to 3 Mpps. */
static struct pg_result
trial_at(double pps)
{
	struct pg_result r = {.sent_pps = pps, .received_pps = pps < 3e6 ? pps : 3e6, .seconds = 1};
	r.judgement.all.received = (uint64_t)r.received_pps;
	r.latency.p50 = 1000 + (uint64_t)pps / 1000;
	r.latency.p99 = r.latency.p50 * 3;
	strcpy(r.mix, "64");
	return r;
}

static char *
plot(const struct pg_search_report *reports, unsigned n)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	pg_plot_search(out, reports, n);
	fclose(out);
	return text;
}

static unsigned
count(const char *text, const char *word)
{
	unsigned n = 0;
	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		n++;
	}
	return n;
}

static void
every_trial_is_a_point_in_each_curve_in_the_order_of_load(void **state)
{
	(void)state;
	struct pg_search_report *report = calloc(1, sizeof(*report));
	static const double rates[] = {4e6, 2e6, 3e6, 2.5e6};
	for (unsigned i = 0; i < 4; i++)
		report->search.trials[report->search.n++] = trial_at(rates[i]);
	report->loads[report->n_loads++] = trial_at(0.4e6);
	char *text = plot(report, 1);
	assert_int_equal(count(text, "<polyline"), 3);
	assert_int_equal(count(text, "<circle"), 3 * 5);
	/* 0 to 4 Mpps are 580 pixels from 80 on, and 0 to 4 received are 280 pixels up from 330 */
	assert_non_null(strstr(text, "points=\"138.0,302.0 370.0,190.0 442.5,155.0 515.0,120.0 660.0,120.0\""));
	/* p50 of 1.4 us on a scale from 1 to 100 us, 280 pixels up from 700 */
	assert_non_null(strstr(text, "points=\"138.0,679.5 "));
	free(text);
	free(report);
}

static void
a_search_that_measured_nothing_still_makes_a_plot(void **state)
{
	(void)state;
	struct pg_search_report *report = calloc(1, sizeof(*report));
	report->search.trials[report->search.n++] = trial_at(0);
	for (unsigned n = 0; n < 2; n++) {
		char *text = plot(report, n);
		assert_int_equal(count(text, "nan") + count(text, "inf"), 0);
		assert_int_equal(count(text, "<circle"), 0);
		assert_int_equal(count(text, "</svg>"), 1);
		free(text);
	}
	free(report);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_trial_is_a_point_in_each_curve_in_the_order_of_load),
	    cmocka_unit_test(a_search_that_measured_nothing_still_makes_a_plot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
