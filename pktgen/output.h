/* SPDX-License-Identifier: BSD-3-Clause
 * A file for a result: opened before the work starts, so that a path that cannot be written is refused at once, and put
 * in its place when it is whole. Main thread. */
#ifndef PG_OUTPUT_H
#define PG_OUTPUT_H

#include <stdio.h>

#include "pktgen/error.h"

struct json_t;

struct pg_output {
	FILE *file; /* NULL: nobody asked for it */
	const char *path;
	char *part; /* the name until it is whole; NULL: path is no regular file and is written directly */
};

/* path NULL: nothing is opened, and the others do nothing. */
int pg_output_open(struct pg_output *output, const char *path, struct pg_error *err);
/* Writes root, which it takes (NULL: memory ran out); without a file nothing. The file is still to be committed. */
int pg_output_json(struct pg_output *output, struct json_t *root, struct pg_error *err);
/* Closes it and gives it its name. */
int pg_output_commit(struct pg_output *output, struct pg_error *err);
/* Takes it away, if it was not committed. */
void pg_output_discard(struct pg_output *output);

#endif
