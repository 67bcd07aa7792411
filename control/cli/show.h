/* SPDX-License-Identifier: BSD-3-Clause
 * Inside the display layer: how rows are kept between their description and their printing. display.h is what others
 * use. The command's only thread. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "control/cli/display.h"

#define SHOW_NAME 40 /* a name with its closing zero */

enum show_kind {
	SHOW_ABSENT,
	SHOW_TEXT,
	SHOW_NUMBER,
	SHOW_COUNTER,
	SHOW_BOOL,
	SHOW_SPI,
	SHOW_RATIO,
	SHOW_PERCENT,
	SHOW_RATE,
	SHOW_BALANCE,
};

struct show_cell {
	char name[SHOW_NAME];
	enum show_kind kind;
	uint64_t a, b;             /* number, SPI in host order, or a ratio's two sums */
	uint64_t since_a, since_b; /* where a ratio's interval began */
	double rate;
	int64_t difference;
	char *text;
	bool rare; /* a table leaves the column out where it is 0 in every row */
};

struct show_row {
	struct show_cell *cells;
	unsigned n;
};

struct show_section {
	const char *title;
	struct show_row *rows;
	unsigned n;
	unsigned n_key;
	enum show_layout layout;
};

struct show {
	struct show_section *sections;
	unsigned n;
	bool no_memory;
	bool spilled; /* rows were printed and forgotten; of JSON, the array is open */
};

/* A ratio's or percentage's value; false when it has none. */
bool show_quotient(const struct show_cell *cell, double *out);

void show_print_human(const struct show *show, FILE *out);
/* The rows that are there, after those that were spilled; last: and the end. */
int show_print_json(const struct show *show, FILE *out, enum show_style style, bool last);

#endif
