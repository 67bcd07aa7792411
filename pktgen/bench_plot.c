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
#define BESIDE 9   /* bars side by side */

struct plot {
	FILE *out;
	const struct pg_bench_report *report;
	struct pg_svg_axis axes[2];
	struct pg_svg_point *points; /* room for a line's */
	unsigned *pair;              /* room for each result's */
	unsigned lines, pairs;       /* drawn so far */
};

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

/* The spread of a point: beside those of other lines, and no further than the axis goes. */
static void
draw_spread(const struct plot *plot, const struct pg_bench_result *r)
{
	const struct pg_svg_axis *y = &plot->axes[1];
	const double beside = ((double)(plot->lines % BESIDE) - BESIDE / 2) * 1.5;
	fprintf(plot->out, "<path d=\"M%.1f %.1fV%.1f\" stroke-width=\"0.7\" stroke-dasharray=\"none\"/>\n",
		pg_svg_place(&plot->axes[0], count_of(plot->report, &r->what)) + beside,
		pg_svg_place(y, fmin(fmax(r->cycles.low, y->low), y->high)),
		pg_svg_place(y, fmin(r->cycles.high, y->high)));
}

/* The line that begins with that result. */
static void
draw_line(struct plot *plot, unsigned first, unsigned colour)
{
	const struct pg_bench_result *r = plot->report->results;
	const bool dashed = r[first].what.dir == PG_BENCH_DECRYPT;
	char style[96], name[128];
	unsigned n = 0;
	snprintf(style, sizeof(style), "stroke=\"%s\" stroke-width=\"1.5\"%s", pg_svg_colour(colour),
		 dashed ? " stroke-dasharray=\"5 3\"" : "");
	fprintf(plot->out, "<g %s>\n", style);
	for (unsigned i = first; i < plot->report->n; i++) {
		if (!one_line(plot->report->options, &r[first].what, &r[i].what))
			continue;
		draw_spread(plot, &r[i]);
		plot->points[n++] =
		    (struct pg_svg_point){.x = count_of(plot->report, &r[i].what), .y = r[i].cycles.median};
	}
	fputs("</g>\n", plot->out);
	qsort(plot->points, n, sizeof(*plot->points), by_count);
	pg_svg_curve(plot->out, plot->axes, plot->points, n, style);
	name_line(plot->report, &r[first].what, name, sizeof(name));
	pg_svg_legend(plot->out, RIGHT + 20, plot->lines++, style, name);
}

/* Every line once. Colours tell pairs apart; the line of decrypt is dashed. */
static void
draw_lines(struct plot *plot)
{
	const struct pg_bench_options *o = plot->report->options;
	const struct pg_bench_result *r = plot->report->results;
	for (unsigned i = 0; i < plot->report->n; i++) {
		bool drawn = false;
		plot->pair[i] = plot->pairs;
		for (unsigned k = 0; k < i && !drawn; k++) {
			if (one_pair(o, &r[k].what, &r[i].what))
				plot->pair[i] = plot->pair[k];
			drawn = one_line(o, &r[k].what, &r[i].what);
		}
		if (plot->pair[i] == plot->pairs)
			plot->pairs++;
		if (!drawn)
			draw_line(plot, i, plot->pair[i]);
	}
}

static void
find_bounds(struct plot *plot)
{
	const struct pg_bench_result *r = plot->report->results;
	const unsigned n = plot->report->n;
	double least = HUGE_VAL, most = 0, cycles = 0;
	for (unsigned i = 0; i < n; i++) {
		least = fmin(least, count_of(plot->report, &r[i].what));
		most = fmax(most, count_of(plot->report, &r[i].what));
		cycles = fmax(cycles, r[i].cycles.median * ROOM);
	}
	pg_svg_decades(&plot->axes[0], n > 0 ? least : 1, n > 0 ? most : 1);
	const double step = pg_svg_step(cycles > 0 ? cycles : 1);
	plot->axes[1].high = cycles > 0 ? ceil(cycles / step) * step : 1;
}

static const char *
axis_title(const struct pg_bench_options *o)
{
	return pg_bench_axis(o) == PG_BENCH_AXIS_POLICIES ? "policies in each direction"
							  : "pairs of SAs, used at random";
}

/* Room for the panel, and for the legend of all lines there may be. */
static unsigned
height(const struct pg_bench_options *o)
{
	const unsigned along = pg_bench_axis(o) == PG_BENCH_AXIS_POLICIES ? o->n_policies : o->n_sas;
	const unsigned legend = TOP + 20 * (unsigned)(pg_bench_cases(o) / along);
	return legend > BOTTOM + 60 ? legend : BOTTOM + 60;
}

int
pg_bench_plot(FILE *out, const struct pg_bench_report *report, struct pg_error *err)
{
	struct plot plot = {
	    .out = out,
	    .report = report,
	    .axes = {{.from = LEFT, .to = RIGHT, .title = axis_title(report->options)},
		     {.from = BOTTOM, .to = TOP, .title = "cycles a packet"}},
	    .points = calloc(report->n + 1, sizeof(*plot.points)),
	    .pair = calloc(report->n + 1, sizeof(*plot.pair)),
	};
	const bool named = one_engine(report);
	char title[PG_MACHINE_CPU + 96];
	int rc = 0;
	if (plot.points == NULL || plot.pair == NULL) {
		rc = pg_error_set(err, -ENOMEM, "no memory for the plot");
		goto free_room;
	}
	find_bounds(&plot);
	snprintf(title, sizeof(title), "%s%s%s; bars: lowest to highest of %u trials; dashed: decrypt", report->cpu,
		 named ? ", engine " : "", named ? report->results[0].what.engine : "", report->options->trials);
	pg_svg_begin(out, WIDTH, height(report->options));
	pg_svg_panel(out, &plot.axes[0], &plot.axes[1], title);
	draw_lines(&plot);
	pg_svg_end(out);
free_room:
	free(plot.points);
	free(plot.pair);
	return rc;
}
