/* SPDX-License-Identifier: BSD-3-Clause
 * What plots are drawn with: ticks at round figures, values at their pixels, and words that XML does not take for its
 * own. */
#include "pktgen/svg.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENTRIES(array) (sizeof(array) / sizeof((array)[0]))

static void
ticks_stand_at_1_2_or_5_and_are_at_most_eight(void **state)
{
	(void)state;
	static const struct {
		double max, step;
	} rows[] = {
	    {8, 1},    {8.1, 2}, {1, 0.2}, {0.8, 0.1},         {14.88, 2},
	    {16.1, 5}, {40, 5},  {41, 10}, {0.00007, 0.00001}, {1e9, 2e8},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const double step = pg_svg_step(rows[i].max);
		if (step < rows[i].step * 0.999 || step > rows[i].step * 1.001)
			fail_msg("row %u: %g", i, step);
	}
}

static void
decades_hold_all_values_and_are_at_least_one(void **state)
{
	(void)state;
	static const struct {
		double least, most, low, high;
	} rows[] = {
	    {1, 10000, 1, 10000},  {1, 10001, 1, 100000}, {3, 70, 1, 100},
	    {100, 100, 100, 1000}, {0.02, 5, 0.01, 10},   {1, 1, 1, 10},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_svg_axis axis = {.logarithmic = false};
		pg_svg_decades(&axis, rows[i].least, rows[i].most);
		assert_true(axis.logarithmic);
		if (fabs(axis.low / rows[i].low - 1) > 1e-9 || fabs(axis.high / rows[i].high - 1) > 1e-9)
			fail_msg("row %u: %g to %g", i, axis.low, axis.high);
	}
}

static void
a_value_stands_where_its_axis_says(void **state)
{
	(void)state;
	const struct pg_svg_axis linear = {.low = 0, .high = 50, .from = 500, .to = 100};
	const struct pg_svg_axis logarithmic = {.low = 1, .high = 10000, .from = 80, .to = 480, .logarithmic = true};
	assert_true(fabs(pg_svg_place(&linear, 0) - 500) < 0.01);
	assert_true(fabs(pg_svg_place(&linear, 25) - 300) < 0.01);
	assert_true(fabs(pg_svg_place(&linear, 50) - 100) < 0.01);
	assert_true(fabs(pg_svg_place(&logarithmic, 1) - 80) < 0.01);
	assert_true(fabs(pg_svg_place(&logarithmic, 100) - 280) < 0.01);
	assert_true(fabs(pg_svg_place(&logarithmic, 10000) - 480) < 0.01);
}

static char *
panel(const struct pg_svg_axis *x, const struct pg_svg_axis *y, const char *title)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	pg_svg_panel(out, x, y, title);
	fclose(out);
	return text;
}

static void
a_panel_has_a_labelled_tick_at_each_step_and_each_power_of_ten(void **state)
{
	(void)state;
	const struct pg_svg_axis x = {
	    .low = 1, .high = 1e6, .from = 100, .to = 700, .logarithmic = true, .title = "pairs"};
	const struct pg_svg_axis y = {.low = 0, .high = 400, .from = 500, .to = 100, .title = "cycles"};
	static const char *const words[] = {
	    "x=\"100.0\" y=\"518.0\" text-anchor=\"middle\">1</text>",
	    "x=\"400.0\" y=\"518.0\" text-anchor=\"middle\">1000</text>",
	    "x=\"500.0\" y=\"518.0\" text-anchor=\"middle\">10k</text>",
	    "x=\"700.0\" y=\"518.0\" text-anchor=\"middle\">1M</text>",
	    "x=\"92.0\" y=\"504.0\" text-anchor=\"end\">0</text>",
	    "x=\"92.0\" y=\"104.0\" text-anchor=\"end\">400</text>",
	    ">pairs</text>",
	    ">cycles</text>",
	};
	char *text = panel(&x, &y, "cost");
	for (unsigned i = 0; i < ENTRIES(words); i++)
		if (strstr(text, words[i]) == NULL)
			fail_msg("no %s in %s", words[i], text);
	assert_null(strstr(text, ">10M<"));
	free(text);
}

static void
words_are_escaped(void **state)
{
	(void)state;
	const struct pg_svg_axis axis = {.low = 0, .high = 1, .from = 0, .to = 1, .title = "<&>"};
	char *text = panel(&axis, &axis, "AMD & Intel < both");
	assert_non_null(strstr(text, ">AMD &amp; Intel &lt; both</text>"));
	assert_non_null(strstr(text, ">&lt;&amp;></text>"));
	free(text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ticks_stand_at_1_2_or_5_and_are_at_most_eight),
	    cmocka_unit_test(decades_hold_all_values_and_are_at_least_one),
	    cmocka_unit_test(a_value_stands_where_its_axis_says),
	    cmocka_unit_test(a_panel_has_a_labelled_tick_at_each_step_and_each_power_of_ten),
	    cmocka_unit_test(words_are_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
