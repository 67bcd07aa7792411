/* SPDX-License-Identifier: BSD-3-Clause
 * A parsed command to the plain structs of sa-db that the codec encodes. Pure. The command's only thread. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "control/cli/grammar.h"
#include "control/cli/words.h"
#include "sa-db/policy.h"
#include "sa-db/sa.h"

/* sa add, update, alloc-spi, del, show: everything but vnet_id and the key. -EINVAL: values that contradict each other,
 * with err naming them. */
int cli_config_sa(const struct cli_command *cmd, struct sadb_sa_config *out, struct cli_text *err);

/* Of that, and of tunnel add, what outbound packets are to look like. */
void cli_config_outer(const struct cli_command *cmd, struct sadb_sa_config *out);

/* policy add, update, del: everything but vnet_id, one for each block of the ports' ranges. How many, or -EINVAL. */
#define CLI_POLICIES_MAX 64
int cli_config_policy(const struct cli_command *cmd, struct sadb_policy_config out[CLI_POLICIES_MAX],
		      struct cli_text *err);

/* The mode, once the vnet is known: the underlay's own SAs and policies are in transport mode. */
uint8_t cli_mode(uint32_t vnet_id);

#endif
