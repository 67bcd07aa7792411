/* SPDX-License-Identifier: BSD-3-Clause
 * A daemon's server and database in a child, and the whole command run against them. */
#ifndef CLI_DAEMON_RIG_H
#define CLI_DAEMON_RIG_H

#include <sys/types.h>

#include <jansson.h>

#include "tests/unit/control/cli_run.h"

#define RIG_MAX_SAS 6000

extern char rig_dir[64]; /* of the socket and of key files */
extern pid_t rig_daemon;

/* Group set-up and tear-down. Virtual networks: blue 7, green 8. */
int rig_start_daemon(void **state);
int rig_stop_daemon(void **state);

/* Puts the socket in front and key files' paths in place of %K and %L. */
void rig_words(char out[1024], const char *text);
/* Runs and expects, as rig_expect(). */
void rig_expect_daemon(const char *text, int code, const char *says);
/* Runs a show with -j, which must be right. */
json_t *rig_show(const char *text);
const char *rig_string_at(json_t *json, size_t row, const char *name);
int64_t rig_number_at(json_t *json, size_t row, const char *name);

#endif
