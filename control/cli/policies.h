/* SPDX-License-Identifier: BSD-3-Clause
 * The policies of a range of ports: changed together, all of them or none. The command's only thread. */
#ifndef CLI_POLICIES_H
#define CLI_POLICIES_H

#include "control/cli/run.h"
#include "control/cli/session.h"
#include "sa-db/policy.h"

/* Does the command give a range of ports? Such a one waits for its answers, also in a batch. */
bool cli_policy_has_range(const struct cli_command *cmd);

/* NEWPOLICY, UPDPOLICY, DELPOLICY, GETPOLICY into the request; its length. */
size_t cli_policy_encode(struct cli_request *request, uint16_t type, const struct sadb_policy_config *config);

/* Sends n (2 to CLI_POLICIES_MAX) policies as one chain, in a conversation of its own. What stands in the way (an add's
 * policy that is there, a del's that is not) is seen before anything changes; when one fails all the same, those before it
 * are put back as they were. Exit code. */
int cli_policies_change(struct cli *cli, uint16_t type, const struct sadb_policy_config config[], unsigned n);

#endif
