/* SPDX-License-Identifier: BSD-3-Clause
 * What carries out the verbs of the grammar. Each function returns the exit code. The command's only thread. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>
#include <stdio.h>

#include "control/cli/grammar.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* One run of the command. */
struct cli {
	const struct cli_command *cmd;
	const char *socket; /* path */
	FILE *out;
	bool json;
	/* In a batch: where the command stands, and the conversation that all share. NULL: a command alone. */
	const char *file;
	unsigned line;
	struct cli_session *shared;
	char *const *rest; /* the words after --, NULL-terminated; NULL: there are none */
};

struct cli_session;

int cli_sa_add(struct cli *cli);
int cli_sa_update(struct cli *cli);
int cli_sa_show(struct cli *cli);
int cli_sa_del(struct cli *cli);
int cli_sa_flush(struct cli *cli);
int cli_sa_alloc_spi(struct cli *cli);
int cli_sa_dummy(struct cli *cli);
int cli_policy_add(struct cli *cli);
int cli_policy_update(struct cli *cli);
int cli_policy_show(struct cli *cli);
int cli_policy_del(struct cli *cli);
int cli_policy_flush(struct cli *cli);
int cli_tunnel_add(struct cli *cli);
int cli_tunnel_del(struct cli *cli);
int cli_tunnel_show(struct cli *cli);
int cli_tunnel_rekey(struct cli *cli);
int cli_tunnel_offer(struct cli *cli);
int cli_tunnel_accept(struct cli *cli);
int cli_vnet_show(struct cli *cli);
int cli_port_show(struct cli *cli);
int cli_route_show(struct cli *cli);
int cli_neigh_show(struct cli *cli);
int cli_info_show(struct cli *cli);
int cli_mirror_show(struct cli *cli);
int cli_stats_show(struct cli *cli);
int cli_monitor(struct cli *cli);
int cli_keygen(struct cli *cli);
int cli_run(struct cli *cli);
int cli_completion(struct cli *cli);
int cli_help(struct cli *cli);

/* Carries out the commands of a file, "-" being standard input. cli has no command yet. Exit code: of the first that
 * failed. */
int cli_batch(struct cli *cli, const char *path, bool force);

/* "culvert: sa add: " and the text, in a batch after "culvert: FILE:LINE: ", to standard error. Returns the exit code given, so that a verb can end with it. */
int cli_complain(const struct cli *cli, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Parses argv and runs the verb: the whole command but for the process around it. */
int cli_main(int argc, char *argv[], FILE *out);

#endif
