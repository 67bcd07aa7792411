/* SPDX-License-Identifier: BSD-3-Clause
 * The benchmark's figures, and what its table, its JSON and its plot make of them. */
#include "pktgen/bench.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/unit/eal.h"

#define ENTRIES(array) (sizeof(array) / sizeof((array)[0]))
#define RESULTS        16

static bool
about(double a, double b)
{
	return fabs(a - b) <= 1e-6 * fabs(b);
}

static void
a_figure_is_the_median_and_the_extremes(void **state)
{
	(void)state;
	static const struct {
		double samples[6];
		unsigned n;
		double median, low, high;
	} rows[] = {
	    {{5}, 1, 5, 5, 5},
	    {{4, 2}, 2, 3, 2, 4},
	    {{9, 1, 5}, 3, 5, 1, 9},
	    {{7, 1, 100, 3}, 4, 5, 1, 100},
	    {{2, 2, 2, 1, 900}, 5, 2, 1, 900},
	    {{6, 5, 4, 3, 2, 1}, 6, 3.5, 1, 6},
	};
	for (unsigned i = 0; i < ENTRIES(rows); i++) {
		double samples[6];
		memcpy(samples, rows[i].samples, sizeof(samples));
		const struct pg_bench_figure f = pg_bench_figure_of(samples, rows[i].n);
		if (!about(f.median, rows[i].median) || !about(f.low, rows[i].low) || !about(f.high, rows[i].high))
			fail_msg("row %u: %g, %g to %g", i, f.median, f.low, f.high);
	}
}

/* Options as a user gives them, and a result for each of their cases that is told by its cycles: 100, 200, ... */
struct made {
	struct pg_bench_options options;
	struct pg_bench_result results[RESULTS];
	struct pg_bench_report report;
	char words[256];
};

static struct pg_bench_result
result_of(const struct pg_bench_case *what, double cycles)
{
	struct pg_bench_result r = {.what = *what,
				    .cycles = {.median = cycles, .low = cycles - 10, .high = cycles + 20},
				    .edges = {.median = 2.5, .low = 2, .high = 3},
				    .raw = what->kind == PG_BENCH_PATH ? cycles / 2 : 0};
	pg_bench_rates(&r);
	if (what->kind == PG_BENCH_PATH)
		r.stage[DP_STAGE_RX] = 4, r.stage[DP_STAGE_TX] = 6.5;
	return r;
}

/* In the order of the command. */
static struct made *
make(const char *words)
{
	static char name[] = "bench";
	struct made *m = calloc(1, sizeof(*m));
	char *argv[24] = {name}, *save = NULL;
	int argc = 1;
	assert_non_null(m);
	snprintf(m->words, sizeof(m->words), "%s", words);
	for (char *word = strtok_r(m->words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	assert_int_equal(pg_bench_options_read(argc, argv, &m->options), -1);
	const struct pg_bench_options *o = &m->options;
	m->report = (struct pg_bench_report){.options = o, .results = m->results, .huge_pages = true, .cpu = "A & B"};
	for (unsigned esn = 0; esn < 2; esn++) {
		for (unsigned i = 0; o->esn[esn] && i < o->n_sas * (o->n_policies ? o->n_policies : 1); i++) {
			for (unsigned k = 0; k < PG_BENCH_DIRS * o->n_frames; k++) {
				const unsigned sas = o->sas[i / (o->n_policies ? o->n_policies : 1)];
				const struct pg_bench_case what = {
				    .kind = o->kind,
				    .dir = k / o->n_frames,
				    .engine = "ipsec-mb",
				    .frame = &o->frame[k % o->n_frames],
				    .sas = sas,
				    .policies = o->n_policies ? o->policies[i % o->n_policies] : sas,
				    .workers = o->workers[0],
				    .esn = esn};
				assert_in_range(m->report.n, 0, RESULTS - 1);
				m->results[m->report.n] = result_of(&what, 100 * (m->report.n + 1.0));
				m->report.n++;
			}
		}
	}
	return m;
}

static void
rates_follow_from_cycles_workers_and_frame(void **state)
{
	(void)state;
	struct made *m = make("path --frames 1000,imix --workers 2 --dir both");
	assert_true(dp_tsc_hz() > 0);
	const double mpps = (double)dp_tsc_hz() / 100 * 2 / 1e6;
	assert_true(about(m->results[0].mpps, mpps));
	assert_true(about(m->results[0].gbps, mpps * 8000 / 1e3));
	assert_true(about(m->results[1].mpps, mpps / 2));
	assert_true(about(m->results[1].gbps, mpps / 2 * 4322 / 12 * 8 / 1e3));
	free(m);
}

static double
real(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_number(value))
		fail_msg("%s is no number", key);
	return json_number_value(value);
}

/* Through a file and back. */
static json_t *
written(const struct made *m)
{
	json_t *root = pg_bench_json(&m->report);
	assert_non_null(root);
	char *text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	json_error_t error;
	root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		fail_msg("%s", error.text);
	free(text);
	return root;
}

static void
assert_keys(const json_t *object, const char *const *keys)
{
	unsigned n = 0;
	for (; keys[n] != NULL; n++)
		if (json_object_get(object, keys[n]) == NULL)
			fail_msg("no key %s", keys[n]);
	assert_int_equal(json_object_size(object), n);
}

static void
json_has_the_figures_of_each_case_of_a_path(void **state)
{
	(void)state;
	static const char *const top[] = {"tsc_hz",    "cpu",         "results", "version",  "huge_pages",
					  "algorithm", "interrupted", "trials",  "trial_ms", NULL};
	static const char *const keys[] = {
	    "bench",   "dir",    "engine", "frame",      "sas",        "policies",
	    "workers", "cycles", "mpps",   "gbps",       "cycles_low", "cycles_high",
	    "esn",     "batch",  "window", "raw_cycles", "ratio",      "source_sink_cycles",
	    "stages",  NULL};
	struct made *m = make("path --frames 64,imix --sas 7 --policies 9 --window 128 --batch 32 --stages");
	json_t *root = written(m), *row;
	size_t i;
	assert_keys(root, top);
	assert_int_equal(json_integer_value(json_object_get(root, "tsc_hz")), dp_tsc_hz());
	assert_string_equal(json_string_value(json_object_get(root, "cpu")), "A & B");
	assert_string_equal(json_string_value(json_object_get(root, "algorithm")), "aes-256-gcm-16");
	assert_true(json_is_true(json_object_get(root, "huge_pages")));
	assert_true(json_is_false(json_object_get(root, "interrupted")));
	assert_int_equal(json_array_size(json_object_get(root, "results")), 4);
	json_array_foreach (json_object_get(root, "results"), i, row) {
		const double cycles = 100 * ((double)i + 1);
		assert_keys(row, keys);
		assert_string_equal(json_string_value(json_object_get(row, "bench")), "path");
		assert_string_equal(json_string_value(json_object_get(row, "dir")), i < 2 ? "encrypt" : "decrypt");
		assert_string_equal(json_string_value(json_object_get(row, "engine")), "ipsec-mb");
		if (i % 2 == 0)
			assert_int_equal(json_integer_value(json_object_get(row, "frame")), 64);
		else
			assert_string_equal(json_string_value(json_object_get(row, "frame")), "imix");
		assert_true(real(row, "sas") == 7 && real(row, "policies") == 9 && real(row, "workers") == 1);
		assert_true(about(real(row, "cycles"), cycles) && about(real(row, "cycles_low"), cycles - 10) &&
			    about(real(row, "cycles_high"), cycles + 20));
		assert_true(about(real(row, "mpps"), m->results[i].mpps) &&
			    about(real(row, "gbps"), m->results[i].gbps));
		assert_true(about(real(row, "raw_cycles"), cycles / 2) && about(real(row, "ratio"), 2));
		assert_true(about(real(row, "source_sink_cycles"), 2.5));
		assert_true(json_is_false(json_object_get(row, "esn")));
		assert_true(real(row, "batch") == 32 && real(row, "window") == 128);
		assert_keys(json_object_get(row, "stages"), (const char *[]){"rx", "tx", NULL});
		assert_true(about(real(json_object_get(row, "stages"), "tx"), 6.5));
	}
	json_decref(root);
	free(m);
}

static void
json_of_bare_calls_says_nothing_of_a_path(void **state)
{
	(void)state;
	static const char *const keys[] = {"bench",      "dir",         "engine", "frame", "sas",
					   "policies",   "workers",     "cycles", "mpps",  "gbps",
					   "cycles_low", "cycles_high", "esn",    "batch", NULL};
	struct made *m = make("aead --frames 8192 --esn both --dir both");
	m->report.interrupted = true;
	json_t *root = written(m), *row;
	size_t i;
	assert_true(json_is_true(json_object_get(root, "interrupted")));
	assert_int_equal(json_array_size(json_object_get(root, "results")), 4);
	json_array_foreach (json_object_get(root, "results"), i, row) {
		assert_keys(row, keys);
		assert_string_equal(json_string_value(json_object_get(row, "bench")), "aead");
		assert_int_equal(json_is_true(json_object_get(row, "esn")), i >= 2);
	}
	json_decref(root);
	free(m);
}

/* head, rows, end */
static char *
table(const struct made *m)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	pg_bench_text_head(out, &m->report);
	for (unsigned i = 0; i < m->report.n; i++)
		pg_bench_text(out, &m->options, &m->results[i]);
	pg_bench_text_end(out, &m->report);
	fclose(out);
	return text;
}

static unsigned
count(const char *text, const char *word)
{
	unsigned n = 0;
	for (; (text = strstr(text, word)) != NULL; text += strlen(word))
		n++;
	return n;
}

static void
assert_says(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strstr(text, *words) == NULL)
			fail_msg("no '%s' in:\n%s", *words, text);
}

static void
the_table_has_a_line_for_each_case_under_its_head(void **state)
{
	(void)state;
	struct made *m =
	    make("path --frames 64,8192 --sas 1000 --policies 2k --batch 32 --window 2048 --trials 9 --time 3");
	char *text = table(m);
	assert_int_equal(count(text, "\n"), 3 + 4);
	assert_says(text,
		    (const char *[]){
			"A & B, TSC ", "huge pages; aes-256-gcm-16, IPv4 in IPv4; batches of 32, replay window 2048\n",
			"cycles a packet, median of 9 trials of 3 ms\n",
			"engine      frame  dir         sas policies workers esn    cycles      low     high     "
			"raw  ratio     Mpps   Gbit/s\n",
			"\nipsec-mb       64  encrypt    1000     2000       1 off     100.0     90.0    120.0    "
			"50.0   2.00 ",
			"\nipsec-mb     8192  decrypt    1000     2000       1 off     400.0    390.0    420.0   "
			"200.0   2.00 ",
			NULL});
	free(text);
	m->options.stages = true;
	text = table(m);
	assert_int_equal(count(text, "\n"), 3 + 8);
	assert_int_equal(count(text, "source and sink 2.5, taken off; by the worker's own clock: rx 4.0 tx 6.5\n"), 4);
	free(text);
	free(m);
}

static void
the_table_of_bare_calls_tells_esn_and_an_interrupted_one_how_far_it_came(void **state)
{
	(void)state;
	struct made *m = make("aead --frames 64 --esn both");
	m->report.n = 3;
	m->report.interrupted = true;
	m->report.huge_pages = false;
	char *text = table(m);
	assert_int_equal(count(text, "\n"), 3 + 3 + 1);
	assert_says(text, (const char *[]){"ordinary pages; aes-256-gcm-16, IPv4 in IPv4; batches of 64\n",
					   "\nipsec-mb       64  decrypt off     200.0    190.0    220.0 ",
					   "\nipsec-mb       64  encrypt on      300.0    290.0    320.0 ",
					   "\nnote: interrupted after 3 of 4 cases\n", NULL});
	free(text);
	free(m);
}

static char *
plot(const struct made *m)
{
	struct pg_error err;
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	assert_int_equal(pg_bench_plot(out, &m->report, &err), 0);
	fclose(out);
	assert_int_equal(count(text, "nan") + count(text, "inf"), 0);
	assert_int_equal(count(text, "</svg>"), 1);
	return text;
}

static void
a_plot_has_a_line_for_each_direction_and_size_along_the_sas(void **state)
{
	(void)state;
	struct made *m = make("path --frames 64,1422 --sas 10000,1,100");
	char *text = plot(m);
	assert_int_equal(count(text, "<polyline"), 4);
	assert_int_equal(count(text, "<circle"), 12);
	assert_int_equal(count(text, "<path"), 12);
	/* From 1 to 10000 are 580 pixels from 80 on; 440 pixels up from 500 are 1600 cycles, in steps of 200. The counts
	 * are sorted: cycles 500, 900, 100 of the first line. */
	assert_says(text,
		    (const char *[]){"points=\"80.0,362.5 370.0,252.5 660.0,472.5\"",
				     "points=\"80.0,280.0 370.0,170.0 660.0,390.0\"", ">64 encrypt</text>",
				     ">1422 encrypt</text>", ">64 decrypt</text>", ">1422 decrypt</text>",
				     ">pairs of SAs, used at random</text>", ">cycles a packet</text>", ">10k</text>",
				     ">A &amp; B, engine ipsec-mb; bars: lowest to highest of 7 trials; dashed: "
				     "decrypt</text>",
				     NULL});
	assert_null(strstr(text, "ESN"));
	/* The first of the bars: 90 to 120 cycles, beside its point. */
	assert_says(text, (const char *[]){"<path d=\"M654.0 475.2V467.0\"", NULL});
	free(text);
	free(m);
}

static void
a_plot_along_policies_tells_what_else_differs(void **state)
{
	(void)state;
	struct made *m = make("path --frames 64 --policies 1,1000 --esn both");
	m->results[6].what.engine = m->results[7].what.engine = "openssl";
	char *text = plot(m);
	assert_says(text, (const char *[]){">policies in each direction</text>", ">64 encrypt, ipsec-mb, no ESN</text>",
					   ">64 decrypt, ipsec-mb, ESN</text>", ">64 decrypt, openssl, ESN</text>",
					   ">A &amp; B; bars", NULL});
	assert_int_equal(count(text, "<polyline"), 6);
	free(text);
	free(m);
}

static void
a_plot_along_sas_has_a_line_for_each_number_of_policies(void **state)
{
	(void)state;
	struct made *m = make("path --frames 64 --sas 1,10 --policies 10,100 --dir both");
	char *text = plot(m);
	assert_int_equal(count(text, "<polyline"), 4);
	assert_says(text,
		    (const char *[]){">64 encrypt, 10 policies</text>", ">64 decrypt, 100 policies</text>", NULL});
	free(text);
	free(m);
}

static void
a_disturbed_trial_stays_on_the_paper_and_nothing_measured_is_an_empty_plot(void **state)
{
	(void)state;
	struct made *m = make("path --frames 64 --sas 1,10 --dir encrypt");
	m->report.n = 2;
	m->results[0].cycles.high = 1e9;
	m->results[0].cycles.low = -5;
	m->results[1].what.dir = PG_BENCH_ENCRYPT;
	m->results[1].what.sas = 10;
	char *text = plot(m);
	assert_says(text, (const char *[]){"500.0V60.0\"", NULL});
	free(text);
	m->report.n = 0;
	text = plot(m);
	assert_int_equal(count(text, "<polyline"), 0);
	free(text);
	free(m);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_figure_is_the_median_and_the_extremes),
	    cmocka_unit_test(rates_follow_from_cycles_workers_and_frame),
	    cmocka_unit_test(json_has_the_figures_of_each_case_of_a_path),
	    cmocka_unit_test(json_of_bare_calls_says_nothing_of_a_path),
	    cmocka_unit_test(the_table_has_a_line_for_each_case_under_its_head),
	    cmocka_unit_test(the_table_of_bare_calls_tells_esn_and_an_interrupted_one_how_far_it_came),
	    cmocka_unit_test(a_plot_has_a_line_for_each_direction_and_size_along_the_sas),
	    cmocka_unit_test(a_plot_along_policies_tells_what_else_differs),
	    cmocka_unit_test(a_plot_along_sas_has_a_line_for_each_number_of_policies),
	    cmocka_unit_test(a_disturbed_trial_stays_on_the_paper_and_nothing_measured_is_an_empty_plot),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
