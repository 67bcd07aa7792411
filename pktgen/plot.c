/* SPDX-License-Identifier: BSD-3-Clause
 * Throughput and latency against load, as SVG. Main thread. */
#include "pktgen/plot.h"

#include <math.h>
#include <stdlib.h>

#include "pktgen/svg.h"

#define WIDTH  960
#define HEIGHT 760
#define LEFT   80
#define RIGHT  660 /* the legend stands to the right of it */
#define POINTS (PG_SEARCH_TRIALS + PG_SEARCH_LOADS)

struct point {
	double load, received; /* Mpps */
	double p50, p99;       /* us */
};

static int
by_load(const void *a, const void *b)
{
	const double x = ((const struct point *)a)->load, y = ((const struct point *)b)->load;
	return x < y ? -1 : x > y;
}

/* Every trial of a mix as a point, in the order of load. */
static unsigned
points_of(const struct pg_search_report *report, struct point out[POINTS])
{
	unsigned n = 0;
	for (unsigned i = 0; i < report->search.n + report->n_loads; i++) {
		const struct pg_result *r =
		    i < report->search.n ? &report->search.trials[i] : &report->loads[i - report->search.n];
		if (r->judgement.all.received == 0)
			continue;
		out[n++] = (struct point){.load = r->sent_pps / 1e6,
					  .received = r->received_pps / 1e6,
					  .p50 = (double)r->latency.p50 / 1e3,
					  .p99 = (double)r->latency.p99 / 1e3};
	}
	qsort(out, n, sizeof(*out), by_load);
	return n;
}

/* The largest load, and the powers of ten that hold all latencies. */
static void
find_bounds(const struct pg_search_report *reports, unsigned n, double *load, struct pg_svg_axis *latency)
{
	struct point points[POINTS];
	double least = 1e9, most = 0;

	*load = 0;
	for (unsigned i = 0; i < n; i++) {
		const unsigned count = points_of(&reports[i], points);
		for (unsigned k = 0; k < count; k++) {
			*load = fmax(*load, fmax(points[k].load, points[k].received));
			least = fmin(least, fmax(points[k].p50, 0.01));
			most = fmax(most, points[k].p99);
		}
	}
	if (*load == 0) {
		*load = 1;
		least = most = 1;
	}
	const double step = pg_svg_step(*load);
	*load = ceil(*load / step) * step;
	pg_svg_decades(latency, least, fmax(most, least) * 1.001);
}

enum figure { RECEIVED, P50, P99 };

/* One curve: a point for each trial. */
static void
draw_curve(FILE *out, const struct pg_svg_axis axes[2], const struct pg_search_report *report, enum figure figure,
	   const char *style)
{
	struct point trials[POINTS];
	struct pg_svg_point points[POINTS];
	const unsigned n = points_of(report, trials);

	for (unsigned i = 0; i < n; i++) {
		const double value = figure == RECEIVED ? trials[i].received
				     : figure == P50    ? trials[i].p50
							: trials[i].p99;
		points[i] = (struct pg_svg_point){.x = trials[i].load, .y = fmax(value, axes[1].low)};
	}
	pg_svg_curve(out, axes, points, n, style);
}

void
pg_plot_search(FILE *out, const struct pg_search_report *reports, unsigned n)
{
	struct pg_svg_axis x = {.from = LEFT, .to = RIGHT, .title = "load, Mpps sent"};
	struct pg_svg_axis rate = {.from = 330, .to = 50, .title = "Mpps received"};
	struct pg_svg_axis latency = {.from = 700, .to = 420, .title = "microseconds"};
	char solid[64], dashed[96], label[PG_MIX_NAME + 16];

	find_bounds(reports, n, &x.high, &latency);
	rate.high = x.high;
	pg_svg_begin(out, WIDTH, HEIGHT);
	pg_svg_panel(out, &x, &rate, "Throughput (grey: all that was sent)");
	pg_svg_panel(out, &x, &latency, "Latency (solid: p50, dashed: p99)");
	pg_svg_line(out, (double[]){x.from, rate.from, x.to, rate.to}, "#999999");
	for (unsigned i = 0; i < n; i++) {
		snprintf(solid, sizeof(solid), "stroke=\"%s\" stroke-width=\"1.5\"", pg_svg_colour(i));
		snprintf(dashed, sizeof(dashed), "%s stroke-dasharray=\"5 3\"", solid);
		snprintf(label, sizeof(label), "%s bytes",
			 reports[i].search.n > 0 ? reports[i].search.trials[0].mix : "");
		draw_curve(out, (struct pg_svg_axis[]){x, rate}, &reports[i], RECEIVED, solid);
		draw_curve(out, (struct pg_svg_axis[]){x, latency}, &reports[i], P50, solid);
		draw_curve(out, (struct pg_svg_axis[]){x, latency}, &reports[i], P99, dashed);
		pg_svg_legend(out, RIGHT + 20, i, solid, label);
	}
	pg_svg_end(out);
}
