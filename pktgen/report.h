/* SPDX-License-Identifier: BSD-3-Clause
 * Results for people (text) and programs (JSON). Main thread. */
#ifndef PG_REPORT_H
#define PG_REPORT_H

#include <stdio.h>

#include "pktgen/output.h"
#include "pktgen/result.h"
#include "pktgen/rig.h"
#include "pktgen/search.h"

#define PG_REMARKS_MAX  12
#define PG_REMARK_BYTES 200

/* A search for one mix of sizes, and the trials at shares of the rate it found. */
struct pg_search_report {
	struct pg_search search;
	struct pg_result loads[PG_SEARCH_LOADS];
	unsigned n_loads;
};

/* What a reader of the figures must know, one line each. Returns how many. */
unsigned pg_remarks(const struct pg_result *result, char out[PG_REMARKS_MAX][PG_REMARK_BYTES]);

/* "at-max", "found", ... */
const char *pg_search_end_name(enum pg_search_end end);

void pg_text_run(FILE *out, const struct pg_rig *rig, const struct pg_result *result);
/* The head of the table, and a line (and its loads) for one mix. */
void pg_text_search_head(FILE *out);
void pg_text_search(FILE *out, const struct pg_search_report *report);

/* 0 or -errno with err set; the file is still to be committed. */
int pg_json_run(struct pg_output *output, const struct pg_rig *rig, const struct pg_result *result,
		struct pg_error *err);
int pg_json_search(struct pg_output *output, const struct pg_rig *rig, const struct pg_search_report *reports,
		   unsigned n, struct pg_error *err);

#endif
