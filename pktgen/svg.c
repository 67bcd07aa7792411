/* SPDX-License-Identifier: BSD-3-Clause
 * What the plots are drawn with: axes with round ticks, curves, a legend. Main thread. */
#include "pktgen/svg.h"

#include <math.h>
#include <stdlib.h>

#define TICKS 8

/* Okabe and Ito's. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
				      "#e69f00", "#56b4e9", "#000000", "#999999"};
#define COLOURS (sizeof(colours) / sizeof(colours[0]))

void
pg_svg_begin(FILE *out, unsigned width, unsigned height)
{
	fprintf(
	    out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" "
	    "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
	    width, height, width, height);
}

void
pg_svg_end(FILE *out)
{
	fputs("</svg>\n", out);
}

double
pg_svg_step(double max)
{
	const double power = pow(10, floor(log10(max / TICKS)));
	for (const double *times = (const double[]){1, 2, 5, 0}; *times > 0; times++)
		if (max / (*times * power) <= TICKS)
			return *times * power;
	return 10 * power;
}

void
pg_svg_decades(struct pg_svg_axis *axis, double least, double most)
{
	axis->low = pow(10, floor(log10(least)));
	axis->high = pow(10, ceil(log10(most)));
	if (axis->high <= axis->low)
		axis->high = axis->low * 10;
	axis->logarithmic = true;
}

double
pg_svg_place(const struct pg_svg_axis *axis, double value)
{
	const double share = axis->logarithmic
				 ? (log10(value) - log10(axis->low)) / (log10(axis->high) - log10(axis->low))
				 : (value - axis->low) / (axis->high - axis->low);
	return axis->from + share * (axis->to - axis->from);
}

const char *
pg_svg_colour(unsigned i)
{
	return colours[i % COLOURS];
}

void
pg_svg_line(FILE *out, const double at[4], const char *colour)
{
	fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", at[0], at[1], at[2],
		at[3], colour);
}

static void
print_escaped(FILE *out, const char *words)
{
	for (; *words != '\0'; words++) {
		if (*words == '<')
			fputs("&lt;", out);
		else if (*words == '&')
			fputs("&amp;", out);
		else
			fputc(*words, out);
	}
}

void
pg_svg_text(FILE *out, double x, double y, const char *attributes, const char *words)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
	print_escaped(out, words);
	fputs("</text>\n", out);
}

static void
tick_label(double value, char out[32])
{
	if (value >= 1e6)
		snprintf(out, 32, "%.4gM", value / 1e6);
	else if (value >= 1e4)
		snprintf(out, 32, "%.4gk", value / 1e3);
	else
		snprintf(out, 32, "%.4g", value);
}

/* Grid line and label of each tick. x: this is the axis along the bottom of the other. */
static void
draw_ticks(FILE *out, const struct pg_svg_axis *axis, const struct pg_svg_axis *other, bool x)
{
	const double step = axis->logarithmic ? 10 : pg_svg_step(axis->high - axis->low);
	char label[32];
	for (unsigned i = 0;; i++) {
		const double value = axis->logarithmic ? axis->low * pow(step, i) : axis->low + i * step;
		if (value > axis->high * 1.0001)
			return;
		const double at = pg_svg_place(axis, value);
		tick_label(value, label);
		if (x) {
			pg_svg_line(out, (double[]){at, other->from, at, other->to}, "#dddddd");
			pg_svg_text(out, at, other->from + 18, "text-anchor=\"middle\"", label);
		} else {
			pg_svg_line(out, (double[]){other->from, at, other->to, at}, "#dddddd");
			pg_svg_text(out, other->from - 8, at + 4, "text-anchor=\"end\"", label);
		}
	}
}

void
pg_svg_panel(FILE *out, const struct pg_svg_axis *x, const struct pg_svg_axis *y, const char *title)
{
	char turned[96];
	draw_ticks(out, x, y, true);
	draw_ticks(out, y, x, false);
	pg_svg_line(out, (double[]){x->from, y->from, x->to, y->from}, "#333333");
	pg_svg_line(out, (double[]){x->from, y->from, x->from, y->to}, "#333333");
	pg_svg_text(out, x->from, y->to - 12, "font-weight=\"bold\"", title);
	pg_svg_text(out, (x->from + x->to) / 2, y->from + 38, "text-anchor=\"middle\"", x->title);
	snprintf(turned, sizeof(turned), "transform=\"translate(%.1f %.1f) rotate(-90)\" text-anchor=\"middle\"",
		 x->from - 56, (y->from + y->to) / 2);
	pg_svg_text(out, 0, 0, turned, y->title);
}

void
pg_svg_curve(FILE *out, const struct pg_svg_axis axes[2], const struct pg_svg_point *points, unsigned n,
	     const char *style)
{
	fprintf(out, "<g fill=\"none\" %s>\n<polyline points=\"", style);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%s%.1f,%.1f", i > 0 ? " " : "", pg_svg_place(&axes[0], points[i].x),
			pg_svg_place(&axes[1], points[i].y));
	fputs("\"/>\n", out);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" stroke-dasharray=\"none\"/>\n",
			pg_svg_place(&axes[0], points[i].x), pg_svg_place(&axes[1], points[i].y));
	fputs("</g>\n", out);
}

void
pg_svg_legend(FILE *out, double x, unsigned i, const char *style, const char *words)
{
	const double y = 60 + 20 * (double)i;
	fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x, y, x + 24, y, style);
	pg_svg_text(out, x + 30, y + 4, "", words);
}
