/* SPDX-License-Identifier: BSD-3-Clause
 * Throughput and latency against load, as SVG. Main thread. */
#include "pktgen/plot.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define WIDTH  960
#define HEIGHT 760
#define LEFT   80
#define RIGHT  660 /* the legend stands to the right of it */
#define POINTS (PG_SEARCH_TRIALS + PG_SEARCH_LOADS)
#define TICKS  8

/* Colours that people who see red and green alike can tell apart (Okabe and Ito); a ninth mix has the first's again. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
				      "#e69f00", "#56b4e9", "#000000", "#999999"};
#define COLOURS (sizeof(colours) / sizeof(colours[0]))

struct point {
	double load, received; /* Mpps */
	double p50, p99;       /* us */
};

struct axis {
	double low, high; /* values; of a logarithmic one both above 0 */
	double from, to;  /* pixels */
	bool logarithmic;
};

static double
place(const struct axis *axis, double value)
{
	const double share = axis->logarithmic
				 ? (log10(value) - log10(axis->low)) / (log10(axis->high) - log10(axis->low))
				 : (value - axis->low) / (axis->high - axis->low);
	return axis->from + share * (axis->to - axis->from);
}

double
pg_plot_step(double max)
{
	const double power = pow(10, floor(log10(max / TICKS)));
	for (const double *times = (const double[]){1, 2, 5, 0}; *times > 0; times++)
		if (max / (*times * power) <= TICKS)
			return *times * power;
	return 10 * power;
}

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
find_bounds(const struct pg_search_report *reports, unsigned n, double *load, struct axis *latency)
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
	const double step = pg_plot_step(*load);
	*load = ceil(*load / step) * step;
	latency->low = pow(10, floor(log10(least)));
	latency->high = pow(10, ceil(log10(fmax(most, least) * 1.001)));
	latency->logarithmic = true;
}

static void
line(FILE *out, const double at[4], const char *colour)
{
	fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", at[0], at[1], at[2],
		at[3], colour);
}

static void
text(FILE *out, double x, double y, const char *more, const char *words)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, more, words);
}

/* Grid, ticks and names of a panel. */
static void
draw_axes(FILE *out, const struct axis *x, const struct axis *y, const char *title, const char *unit)
{
	char label[32];
	const double middle = (y->from + y->to) / 2;
	const double step = pg_plot_step(x->high);

	for (unsigned i = 0; i * step <= x->high * 1.0001; i++) {
		const double at = place(x, i * step);
		line(out, (double[]){at, y->from, at, y->to}, "#dddddd");
		snprintf(label, sizeof(label), "%.4g", i * step);
		text(out, at, y->from + 18, "text-anchor=\"middle\"", label);
	}
	const double y_step = y->logarithmic ? 10 : pg_plot_step(y->high);
	for (double value = y->low; value <= y->high * 1.0001;
	     value = y->logarithmic ? value * y_step : value + y_step) {
		const double at = place(y, value);
		line(out, (double[]){x->from, at, x->to, at}, "#dddddd");
		snprintf(label, sizeof(label), "%.4g", value);
		text(out, x->from - 8, at + 4, "text-anchor=\"end\"", label);
	}
	line(out, (double[]){x->from, y->from, x->to, y->from}, "#333333");
	line(out, (double[]){x->from, y->from, x->from, y->to}, "#333333");
	text(out, x->from, y->to - 12, "font-weight=\"bold\"", title);
	text(out, (x->from + x->to) / 2, y->from + 38, "text-anchor=\"middle\"", "load, Mpps sent");
	fprintf(out, "<text transform=\"translate(%.1f %.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
		x->from - 56, middle, unit);
}

enum figure { RECEIVED, P50, P99 };

static double
value_of(const struct point *point, enum figure figure, const struct axis *y)
{
	const double value = figure == RECEIVED ? point->received : figure == P50 ? point->p50 : point->p99;
	return fmax(value, y->low);
}

/* One curve: a line and a dot at each trial. */
static void
draw_curve(FILE *out, const struct axis axes[2], const struct pg_search_report *report, enum figure figure,
	   const char *style)
{
	struct point points[POINTS];
	const unsigned n = points_of(report, points);

	fprintf(out, "<g fill=\"none\" %s>\n<polyline points=\"", style);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%s%.1f,%.1f", i > 0 ? " " : "", place(&axes[0], points[i].load),
			place(&axes[1], value_of(&points[i], figure, &axes[1])));
	fputs("\"/>\n", out);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" stroke-dasharray=\"none\"/>\n",
			place(&axes[0], points[i].load), place(&axes[1], value_of(&points[i], figure, &axes[1])));
	fputs("</g>\n", out);
}

static void
draw_legend(FILE *out, const struct pg_search_report *report, unsigned i)
{
	const double y = 60 + 20 * (double)i;
	char label[PG_MIX_NAME + 16];

	fprintf(out, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"2\"/>\n",
		RIGHT + 20, y, RIGHT + 44, y, colours[i % COLOURS]);
	snprintf(label, sizeof(label), "%s bytes", report->search.n > 0 ? report->search.trials[0].mix : "");
	text(out, RIGHT + 50, y + 4, "", label);
}

void
pg_plot_search(FILE *out, const struct pg_search_report *reports, unsigned n)
{
	struct axis x = {.low = 0, .from = LEFT, .to = RIGHT};
	struct axis rate = {.low = 0, .from = 330, .to = 50}, latency = {.from = 700, .to = 420};
	char style[128];

	find_bounds(reports, n, &x.high, &latency);
	rate.high = x.high;
	fprintf(
	    out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
	    "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
	    WIDTH, HEIGHT, WIDTH, HEIGHT);
	draw_axes(out, &x, &rate, "Throughput (grey: all that was sent)", "Mpps received");
	draw_axes(out, &x, &latency, "Latency (solid: p50, dashed: p99)", "microseconds");
	line(out, (double[]){x.from, rate.from, x.to, rate.to}, "#999999");
	for (unsigned i = 0; i < n; i++) {
		const char *colour = colours[i % COLOURS];
		snprintf(style, sizeof(style), "stroke=\"%s\" stroke-width=\"1.5\"", colour);
		draw_curve(out, (struct axis[]){x, rate}, &reports[i], RECEIVED, style);
		draw_curve(out, (struct axis[]){x, latency}, &reports[i], P50, style);
		snprintf(style, sizeof(style), "stroke=\"%s\" stroke-width=\"1.5\" stroke-dasharray=\"5 3\"", colour);
		draw_curve(out, (struct axis[]){x, latency}, &reports[i], P99, style);
		draw_legend(out, &reports[i], i);
	}
	fputs("</svg>\n", out);
}
