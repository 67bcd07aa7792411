/* SPDX-License-Identifier: BSD-3-Clause
 * The benchmark's plot: cycles a packet against the number of SAs or policies, as SVG. Main thread. */
#include "pktgen/bench.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pktgen/svg.h"

#define WIDTH  960
#define LEFT   80
#define RIGHT  660 /* the legend stands to the right of it */
#define TOP    60
#define BOTTOM 500
#define ROOM   1.2 /* of the y axis above the highest median: a disturbed trial shall not press all lines flat */
#define STYLE  128

static double
count_of(const struct pg_bench_report *report, const struct pg_bench_case *what)
{
	return pg_bench_axis(report->options) == PG_BENCH_AXIS_POLICIES ? what->policies : what->sas;
}

/* The two are one line, or those of the two directions. Policies that nobody asked for follow the SAs, and make no line. */
static bool
one_pair(const struct pg_bench_options *o, const struct pg_bench_case *a, const struct pg_bench_case *b)
{
	const bool policies = o->n_policies > 0 && pg_bench_axis(o) == PG_BENCH_AXIS_SAS;
	return strcmp(a->engine, b->engine) == 0 && a->frame == b->frame && a->workers == b->workers &&
	       a->esn == b->esn && (!policies || a->policies == b->policies);
}

static bool
one_line(const struct pg_bench_options *o, const struct pg_bench_case *a, const struct pg_bench_case *b)
{
	return a->dir == b->dir && one_pair(o, a, b);
}

static bool
one_engine(const struct pg_bench_report *report)
{
	for (unsigned i = 1; i < report->n; i++)
		if (strcmp(report->results[i].what.engine, report->results[0].what.engine) != 0)
			return false;
	return report->n > 0;
}

/* What tells the line from others. */
static void
name_line(const struct pg_bench_report *report, const struct pg_bench_case *what, char *out, size_t size)
{
	const struct pg_bench_options *o = report->options;
	char engine[32] = "", workers[32] = "", policies[32] = "";
	if (!one_engine(report))
		snprintf(engine, sizeof(engine), ", %s", what->engine);
	if (o->n_workers > 1)
		snprintf(workers, sizeof(workers), ", %u workers", what->workers);
	if (o->n_policies > 1 && pg_bench_axis(o) == PG_BENCH_AXIS_SAS)
		snprintf(policies, sizeof(policies), ", %u policies", what->policies);
	snprintf(out, size, "%s %s%s%s%s%s", what->frame->name, pg_bench_dir_name(what->dir), engine, workers, policies,
		 !o->esn[0] || !o->esn[1] ? ""
		 : what->esn              ? ", ESN"
					  : ", no ESN");
}

static int
by_count(const void *a, const void *b)
{
	const double x = ((const struct pg_svg_point *)a)->x, y = ((const struct pg_svg_point *)b)->x;
	return x < y ? -1 : x > y;
}

/* The line that begins with result i, and the spread of each of its points. What is beyond the axis ends there. */
static void
draw_line(FILE *out, const struct pg_bench_report *report, unsigned first, const struct pg_svg_axis axes[2],
	  struct pg_svg_point *points, const char *style)
{
	const struct pg_bench_result *r = report->results;
	unsigned n = 0;
	fprintf(out, "<g %s>\n", style);
	for (unsigned i = first; i < report->n; i++) {
		if (!one_line(report->options, &r[first].what, &r[i].what))
			continue;
		points[n] = (struct pg_svg_point){.x = count_of(report, &r[i].what), .y = r[i].cycles.median};
		const double x = pg_svg_place(&axes[0], points[n].x);
		fprintf(out, "<path d=\"M%.1f %.1fV%.1f\" stroke-width=\"0.7\" stroke-dasharray=\"none\"/>\n", x,
			pg_svg_place(&axes[1], fmax(r[i].cycles.low, axes[1].low)),
			pg_svg_place(&axes[1], fmin(r[i].cycles.high, axes[1].high)));
		n++;
	}
	fputs("</g>\n", out);
	qsort(points, n, sizeof(*points), by_count);
	pg_svg_curve(out, axes, points, n, style);
}

/* Colours tell pairs apart; those of decrypt are dashed. */
static void
style_of(const struct pg_bench_result *r, unsigned colour, char out[STYLE])
{
	snprintf(out, STYLE, "stroke=\"%s\" stroke-width=\"1.5\"%s", pg_svg_colour(colour),
		 r->what.dir == PG_BENCH_DECRYPT ? " stroke-dasharray=\"5 3\"" : "");
}

/* Every line once, each with its name. pair: room for the number of each result's pair. */
static void
draw_lines(FILE *out, const struct pg_bench_report *report, const struct pg_svg_axis axes[2],
	   struct pg_svg_point *points, unsigned *pair)
{
	const struct pg_bench_result *r = report->results;
	unsigned lines = 0, pairs = 0;
	char style[STYLE], name[128];
	for (unsigned i = 0; i < report->n; i++) {
		bool drawn = false;
		pair[i] = pairs;
		for (unsigned k = 0; k < i && !drawn; k++) {
			if (one_pair(report->options, &r[k].what, &r[i].what))
				pair[i] = pair[k];
			drawn = one_line(report->options, &r[k].what, &r[i].what);
		}
		pairs += pair[i] == pairs;
		if (drawn)
			continue;
		style_of(&r[i], pair[i], style);
		name_line(report, &r[i].what, name, sizeof(name));
		draw_line(out, report, i, axes, points, style);
		pg_svg_legend(out, RIGHT + 20, lines++, style, name);
	}
}

static void
find_bounds(const struct pg_bench_report *report, struct pg_svg_axis axes[2])
{
	const struct pg_bench_result *r = report->results;
	double least = HUGE_VAL, most = 0, cycles = 0;
	for (unsigned i = 0; i < report->n; i++) {
		least = fmin(least, count_of(report, &r[i].what));
		most = fmax(most, count_of(report, &r[i].what));
		cycles = fmax(cycles, r[i].cycles.median * ROOM);
	}
	pg_svg_decades(&axes[0], report->n > 0 ? least : 1, report->n > 0 ? most : 1);
	const double step = pg_svg_step(cycles > 0 ? cycles : 1);
	axes[1].high = cycles > 0 ? ceil(cycles / step) * step : 1;
}

int
pg_bench_plot(FILE *out, const struct pg_bench_report *report, struct pg_error *err)
{
	struct pg_svg_axis axes[2] = {{.from = LEFT,
				       .to = RIGHT,
				       .title = pg_bench_axis(report->options) == PG_BENCH_AXIS_POLICIES
						    ? "policies in each direction"
						    : "pairs of SAs, used at random"},
				      {.from = BOTTOM, .to = TOP, .title = "cycles a packet"}};
	char title[PG_MACHINE_CPU + 96];
	struct pg_svg_point *points = calloc(report->n + 1, sizeof(*points));
	unsigned *pair = calloc(report->n + 1, sizeof(*pair));
	int rc = 0;
	if (points == NULL || pair == NULL) {
		rc = pg_error_set(err, -ENOMEM, "no memory for the plot");
		goto free_both;
	}
	find_bounds(report, axes);
	snprintf(title, sizeof(title), "%s%s%s; median, and lowest to highest of %u trials (dashed: decrypt)",
		 report->cpu, one_engine(report) ? ", engine " : "",
		 one_engine(report) ? report->results[0].what.engine : "", report->options->trials);
	pg_svg_begin(out, WIDTH, BOTTOM + 60);
	pg_svg_panel(out, &axes[0], &axes[1], title);
	draw_lines(out, report, axes, points, pair);
	pg_svg_end(out);
free_both:
	free(points);
	free(pair);
	return rc;
}
