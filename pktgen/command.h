/* SPDX-License-Identifier: BSD-3-Clause
 * The commands of culvert-pktgen. Main thread. */
#ifndef PG_COMMAND_H
#define PG_COMMAND_H

#include <stdbool.h>

#include "pktgen/error.h"

struct pg_options {
	const char *operand;    /* what the command works on */
	const char *json, *svg; /* files; NULL: not asked for */
	bool quiet, verbose;
};

/* 0, or -errno with err set. */
int pg_command_run(const struct pg_options *options, struct pg_error *err);
int pg_command_search(const struct pg_options *options, struct pg_error *err);

struct pg_bench_options;
int pg_command_bench(const struct pg_bench_options *options, struct pg_error *err);

#endif
