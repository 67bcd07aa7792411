/* SPDX-License-Identifier: BSD-3-Clause
 * What the plots are drawn with: axes with round ticks, curves, a legend. Main thread. */
#ifndef PG_SVG_H
#define PG_SVG_H

#include <stdbool.h>
#include <stdio.h>

struct pg_svg_axis {
	double low, high; /* values; of a logarithmic one both powers of ten */
	double from, to;  /* pixels */
	bool logarithmic;
	const char *title; /* what is measured, in which unit */
};

struct pg_svg_point {
	double x, y; /* values */
};

void pg_svg_begin(FILE *out, unsigned width, unsigned height);
void pg_svg_end(FILE *out);

/* The step of a linear axis up to max with at most 8 ticks: 1, 2 or 5 times a power of ten. */
double pg_svg_step(double max);
/* A logarithmic axis over the powers of ten that hold both, at least one decade. */
void pg_svg_decades(struct pg_svg_axis *axis, double least, double most);
/* Where a value stands, in pixels. */
double pg_svg_place(const struct pg_svg_axis *axis, double value);

/* Told apart also by people who see red and green alike; a ninth has the first's again. */
const char *pg_svg_colour(unsigned i);

/* at: x1, y1, x2, y2 in pixels. */
void pg_svg_line(FILE *out, const double at[4], const char *colour);
/* attributes: more of SVG's. words are escaped. */
void pg_svg_text(FILE *out, double x, double y, const char *attributes, const char *words);
/* Grid, ticks and titles of a panel. */
void pg_svg_panel(FILE *out, const struct pg_svg_axis *x, const struct pg_svg_axis *y, const char *title);
/* A line and a dot at each point. style: the stroke's attributes. */
void pg_svg_curve(FILE *out, const struct pg_svg_axis axes[2], const struct pg_svg_point *points, unsigned n,
		  const char *style);
/* Entry i of the legend that begins at x. */
void pg_svg_legend(FILE *out, double x, unsigned i, const char *style, const char *words);

#endif
