/* SPDX-License-Identifier: BSD-3-Clause
 * The one way in which anything is shown: rows of named, typed values, described once and then printed as a table, as
 * blocks, as lines or as JSON. The command's only thread. */
#ifndef CLI_DISPLAY_H
#define CLI_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sa-db/addr.h"

struct show;

enum show_layout {
	SHOW_TABLE,  /* a line of names, then a line a row */
	SHOW_BLOCKS, /* for many values: the key's values as a title, the others below in columns; no absent ones */
	SHOW_LINES,  /* events: "name value" pairs on one line, absent ones left out */
};

/* NULL when there is no memory; the same trouble later is remembered and reported by show_print(). */
struct show *show_create(void);
void show_destroy(struct show *show);

/* Begins a section. title: NULL, or a stable word shown above a table and as "section" in every JSON object. n_key: how
 * many of a row's first values say what the row is about (for titles and rates). */
void show_section(struct show *show, const char *title, enum show_layout layout, unsigned n_key);
void show_row(struct show *show);

/* Values of the current row, in the order of display. Names are stable, lower case with underscores, with the unit at
 * the end; rows of a table section name the same values. */
void show_text(struct show *show, const char *name, const char *text); /* NULL: absent. Copied */
void show_number(struct show *show, const char *name, uint64_t value);
/* One that is mostly 0: a table for people has the column only when a row has another value; JSON always. */
void show_rare(struct show *show, const char *name, uint64_t value);
void show_absent(struct show *show, const char *name);
void show_bool(struct show *show, const char *name, bool value);
void show_spi(struct show *show, const char *name, rte_be32_t spi_be);             /* 0: absent */
void show_addr(struct show *show, const char *name, const struct sadb_addr *addr); /* AF_UNSPEC: absent */
void show_prefix(struct show *show, const char *name, const struct sadb_prefix *prefix);
/* A number that only grows: show_rates() adds its rate per second. */
void show_counter(struct show *show, const char *name, uint64_t value);
/* a / b, absent when b is 0; show_rates() makes it the ratio of what was added since. */
void show_ratio(struct show *show, const char *name, uint64_t a, uint64_t b);
void show_percent(struct show *show, const char *name, uint64_t a, uint64_t b);
/* The difference of two sums that should be equal: "balanced", or the signed difference (JSON: always the number). */
void show_balance(struct show *show, const char *name, int64_t difference);

/* Adds to every counter NAME its NAME_per_s, and turns ratios into those of the interval, by the rows of the earlier
 * show with the same section title and key; a row that is new since counts from 0. With elapsed_ns 0 (the first show of
 * a watch), or where a counter went back (the daemon was restarted), the rate is absent, a ratio that of all time. */
void show_rates(struct show *show, const struct show *earlier, uint64_t elapsed_ns);

enum show_style {
	SHOW_HUMAN,
	SHOW_JSON,        /* one array of all rows, indented */
	SHOW_JSON_LINE,   /* the same array on one line: for watching */
	SHOW_JSON_OBJECTS /* one object a line: for events */
};

/* So that a million rows need the memory of some: prints those that are there, if they are many and blocks of one section,
 * and forgets them. show_print() goes on after them. Errors as there. */
int show_spill(struct show *show, FILE *out, enum show_style style);

/* 0, -ENOMEM, or -EIO when out does not take it. */
int show_print(const struct show *show, FILE *out, enum show_style style);

#endif
