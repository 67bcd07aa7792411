/* SPDX-License-Identifier: BSD-3-Clause
 * RFC 2544 26.1: the highest rate at which a device loses nothing, by binary search. Knows only a function that makes a
 * trial. Main thread. */
#ifndef PG_SEARCH_H
#define PG_SEARCH_H

#include <stdint.h>

#include "pktgen/result.h"

#define PG_SEARCH_TRIALS 40

struct pg_search_config {
	double max_pps;        /* where to start; 0: as fast as possible */
	double resolution;     /* ends when the bounds are so near, as a share of the upper one */
	double loss_tolerance; /* as a share */
	/* One trial at pps (0: as fast as possible). A negative result ends the search, and is its result. */
	int (*trial)(void *arg, double pps, struct pg_result *out);
	void *arg;
};

enum pg_search_end {
	PG_SEARCH_FOUND,     /* there is a rate just above which frames are lost */
	PG_SEARCH_AT_MAX,    /* nothing is lost at the largest rate allowed */
	PG_SEARCH_GENERATOR, /* nothing is lost as fast as the generator can send */
	PG_SEARCH_NONE,      /* frames are lost at every rate tried */
	PG_SEARCH_INTERRUPTED,
	PG_SEARCH_UNSTEADY /* the generator fell short too often, or the trials ran out, before the bounds met */
};

struct pg_search {
	enum pg_search_end end;
	unsigned n;
	int best; /* the trial with the highest rate sent that passed; -1: none */
	struct pg_result trials[PG_SEARCH_TRIALS];
};

int pg_search_run(const struct pg_search_config *config, struct pg_search *out);

#endif
