/* SPDX-License-Identifier: BSD-3-Clause
 * Words for numbers. The command's only thread. */
#include "control/cli/names.h"

#include <stddef.h>

#include "sa-db/fib.h"
#include "sa-db/policy.h"
#include "sa-db/sa.h"

const char *const cli_sa_dirs[] = {[SADB_DIR_ANY] = "any", [SADB_DIR_IN] = "in", [SADB_DIR_OUT] = "out", NULL};

const char *const cli_policy_dirs[] = {
    [SADB_POLICY_IN] = "in", [SADB_POLICY_OUT] = "out", [SADB_POLICY_FWD] = "fwd", NULL};

const char *const cli_actions[] = {[SADB_DROP] = "drop", [SADB_BYPASS] = "bypass", [SADB_PROTECT] = "protect", NULL};

const char *const cli_route_kinds[] = {
    [SADB_ROUTE_UNICAST] = "unicast", [SADB_ROUTE_LOCAL] = "local", [SADB_ROUTE_BLACKHOLE] = "blackhole", NULL};

/* Not /etc/protocols: a base system may lack it, and what is shown must not depend on it. */
static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {
    {"any", 0},   {"icmp", 1}, {"igmp", 2}, {"ipip", 4}, {"tcp", 6},     {"udp", 17},  {"dccp", 33},
    {"ipv6", 41}, {"gre", 47}, {"esp", 50}, {"ah", 51},  {"icmpv6", 58}, {"ospf", 89}, {"sctp", 132},
};

const char *
cli_name(const char *const names[], unsigned i)
{
	for (unsigned at = 0; names[at] != NULL; at++)
		if (at == i)
			return names[at];
	return NULL;
}

const char *
cli_proto_at(unsigned i, uint8_t *proto)
{
	if (i >= sizeof(protos) / sizeof(protos[0]))
		return NULL;
	*proto = protos[i].proto;
	return protos[i].name;
}

const char *
cli_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
		if (protos[i].proto == proto)
			return protos[i].name;
	return NULL;
}
