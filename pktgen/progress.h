/* SPDX-License-Identifier: BSD-3-Clause
 * The live line of a trial, on a terminal only. Main thread. */
#ifndef PG_PROGRESS_H
#define PG_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct pg_progress {
	FILE *out; /* NULL: say nothing */
	char label[64];
	uint64_t start_ns, last_ns; /* monotonic */
	uint64_t last_sent, last_received;
	bool shown;
};

/* A line on stderr, if that is a terminal and the user did not ask for quiet. */
void pg_progress_init(struct pg_progress *progress, bool quiet);
/* Begins a trial's line. */
void pg_progress_start(struct pg_progress *progress, const char *label);
/* Twice a second a new figure; cheap to call oftener. */
void pg_progress_update(struct pg_progress *progress, uint64_t sent, uint64_t received);
/* Takes the line away. */
void pg_progress_end(struct pg_progress *progress);

#endif
