/* SPDX-License-Identifier: BSD-3-Clause
 * YAML into a struct by tables of keys; the first mistake is reported as "FILE:LINE: key: ...". Knows nothing of what the
 * keys mean. Main thread. */
#ifndef PG_SCENARIO_YAML_H
#define PG_SCENARIO_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "pktgen/error.h"

/* A key of a mapping, and the member it fills. */
struct pg_key {
	const char *name;
	const struct pg_key *keys; /* it holds a mapping of these, whose offsets count from the same object */
	int (*parse)(const char *text, void *out); /* otherwise: see value.h. A list of texts arrives as "a,b,c" */
	size_t offset;                             /* of the member that parse fills */
	size_t line_offset;                        /* of an unsigned that receives the line */
	const char *accepted;                      /* for the operator */
	bool required;
};

/* Where a key's line goes when nobody asks for it: every object starts with an unsigned for that. */
#define PG_NO_LINE 0

/* Fills object from text; keys ends with a nameless one. 0 or -EINVAL with err set. file is for messages only. */
int pg_yaml_read(const char *file, const char *text, const struct pg_key *keys, void *object, struct pg_error *err);

#endif
