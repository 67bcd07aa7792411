/* SPDX-License-Identifier: BSD-3-Clause
 * The configuration's tunnels: their keys, and what must hold between them. Control thread. */
#include "control/config_tunnel.h"

#include <string.h>

#include "control/cli/words.h"
#include "control/config_check.h"

static void
addr_read(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	struct sadb_addr *addr = (struct sadb_addr *)(void *)((char *)object + key->offset);
	const char *text = ctl_yaml_scalar(y, node, key->accepted);

	if (text != NULL && sadb_addr_parse(text, addr) < 0)
		ctl_yaml_mistake(y, node, "not an address:", text, key->accepted);
}

static void
algorithm_read(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	struct ctl_tunnel_config *config = &((struct ctl_config_tunnel *)object)->config;
	const char *text = ctl_yaml_scalar(y, node, key->accepted);
	const struct sadb_algorithm *algorithm = text != NULL ? sadb_algorithm_named(text) : NULL;

	if (algorithm != NULL)
		config->algorithm = algorithm;
	else if (text != NULL)
		ctl_yaml_mistake(y, node, "not an algorithm:", text, key->accepted);
}

static void
prefixes_read(struct ctl_yaml *y, const yaml_node_t *node, const char *accepted, struct sadb_prefix *prefixes,
	      uint32_t *n)
{
	const yaml_node_item_t *item;

	if (node->type != YAML_SEQUENCE_NODE) {
		ctl_yaml_mistake(y, node, "is not a list", NULL, accepted);
		return;
	}
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		const yaml_node_t *one = yaml_document_get_node(y->document, *item);
		const char *text = ctl_yaml_scalar(y, one, accepted);

		if (text == NULL)
			continue;
		if (*n == CTL_TUNNEL_PREFIXES) {
			ctl_yaml_mistake(y, one, "is one too many; the most are 16:", text, NULL);
			return;
		}
		if (strchr(text, '/') == NULL || sadb_prefix_parse(text, &prefixes[(*n)++]) < 0)
			ctl_yaml_mistake(y, one, "not a prefix:", text, accepted);
	}
}

static void
local_read(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	struct ctl_tunnel_config *config = &((struct ctl_config_tunnel *)object)->config;

	prefixes_read(y, node, key->accepted, config->local_prefix, &config->n_local);
}

static void
remote_read(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	struct ctl_tunnel_config *config = &((struct ctl_config_tunnel *)object)->config;

	prefixes_read(y, node, key->accepted, config->remote_prefix, &config->n_remote);
}

static void
dscp_read(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	ctl_yaml_uint(y, node, key, object);
	((struct ctl_config_tunnel *)object)->config.sa_flags |= SADB_SA_OUTER_DSCP;
}

/* The second choice sets the flags of min, a third those of max. */
static void
sa_flags_read(struct ctl_yaml *y, const yaml_node_t *node, const struct ctl_yaml_key *key, void *object)
{
	const uint32_t flags[] = {0, (uint32_t)key->min, (uint32_t)key->max};
	struct ctl_yaml_key choice = *key;
	uint8_t which = 0;

	choice.offset = 0;
	ctl_yaml_choice(y, node, &choice, &which);
	((struct ctl_config_tunnel *)object)->config.sa_flags |= flags[which];
}

static const char *const dfs[] = {"copy", "set", "clear", NULL};
static const char *const cuts[] = {"before", "after", NULL};

#define MEMBER(member) \
	.offset = offsetof(struct ctl_config_tunnel, member), .room = sizeof(((struct ctl_config_tunnel *)NULL)->member)
#define LINE(member) .line_offset = offsetof(struct ctl_config_tunnel, member)
#define LIMIT_MAX    UINT64_C(1000000000000000000) /* none: SADB_INF */

static const struct ctl_yaml_key tunnel_keys[] = {
    {"name", ctl_yaml_text, MEMBER(config.name), .required = true, .valid = ctl_tunnel_name_valid,
     .accepted = "letters, digits, '.', '_' and '-', not '.' or '-' first; the same on both gateways"},
    {"vnet", ctl_yaml_text, MEMBER(vnet), LINE(vnet_line), .required = true,
     .accepted = "the name of a virtual network under vnets"},
    {"local", addr_read, MEMBER(config.local), .required = true, .accepted = "this gateway's outer address"},
    {"remote", addr_read, MEMBER(config.remote), .required = true, .accepted = "the peer gateway's outer address"},
    {"local_prefixes", local_read, .required = true, .accepted = "a list of prefixes, such as [10.1.0.0/16]"},
    {"remote_prefixes", remote_read, .required = true, .accepted = "a list of prefixes, such as [10.2.0.0/16]"},
    {"priority", ctl_yaml_uint, MEMBER(config.priority), .max = UINT32_MAX},
    {"algorithm", algorithm_read,
     .accepted =
	 "aes-256-gcm-16, aes-128-gcm-16, chacha20-poly1305; aes-256-gmac, aes-128-gmac (these do not encrypt); the "
	 "same on both gateways"},
    {"esn", ctl_yaml_bool, MEMBER(config.esn)},
    {"window", ctl_yaml_uint, MEMBER(config.window_packets), .max = SADB_REPLAY_MAX},
    {"soft_bytes", ctl_yaml_uint, MEMBER(config.life.soft_bytes), .min = 1, .max = LIMIT_MAX},
    {"hard_bytes", ctl_yaml_uint, MEMBER(config.life.hard_bytes), .min = 1, .max = LIMIT_MAX},
    {"soft_packets", ctl_yaml_uint, MEMBER(config.life.soft_packets), .min = 1, .max = LIMIT_MAX},
    {"hard_packets", ctl_yaml_uint, MEMBER(config.life.hard_packets), .min = 1, .max = LIMIT_MAX},
    {"soft_seconds", ctl_yaml_uint, MEMBER(config.life.soft_add_s), .min = 1, .max = UINT32_MAX},
    {"hard_seconds", ctl_yaml_uint, MEMBER(config.life.hard_add_s), .min = 1, .max = UINT32_MAX},
    {"overlap", ctl_yaml_uint, MEMBER(config.overlap_s), .max = CTL_TUNNEL_OVERLAP_MAX},
    {"tfc_pad", ctl_yaml_uint, MEMBER(config.tfc_pad_bytes), .min = 1, .max = UINT16_MAX},
    {"outer_dscp", dscp_read, MEMBER(config.outer_dscp), .max = CTL_TUNNEL_DSCP_MAX},
    {"outer_df", sa_flags_read, .choices = dfs, .min = SADB_SA_OUTER_DF, .max = SADB_SA_NOPMTUDISC},
    {"outer_ttl", ctl_yaml_uint, MEMBER(config.outer_ttl), .min = 1, .max = UINT8_MAX},
    {"fragment", sa_flags_read, .choices = cuts, .min = SADB_SA_FRAGMENT_AFTER},
    {"exchange", ctl_yaml_text, MEMBER(config.exchange),
     .accepted = "a program and its arguments that hand the offer to the peer, such as ssh east culvert tunnel accept "
		 "NAME"},
    {0},
};

static void
tunnel_read(struct ctl_yaml *y, const yaml_node_t *node, void *item)
{
	struct ctl_config_tunnel *tunnel = item;

	ctl_tunnel_defaults(&tunnel->config);
	tunnel->line = ctl_yaml_line(node);
	ctl_yaml_map(y, node, tunnel_keys, tunnel);
}

const struct ctl_yaml_list ctl_config_tunnel_list = {
    sizeof(struct ctl_config_tunnel), offsetof(struct ctl_config, n_tunnels), CTL_TUNNELS_MAX, tunnel_read};

static void
check_vnet(const struct ctl_config *config, struct ctl_yaml *y, unsigned i)
{
	const struct ctl_config_tunnel *tunnel = &config->tunnels[i];
	const char *names[CTL_CONFIG_VNETS];
	struct cli_text text;

	if (ctl_config_vnet_find(config, tunnel->vnet) != NULL)
		return;
	for (unsigned v = 0; v < config->n_vnets; v++)
		names[v] = config->vnets[v].name;
	cli_text_set(&text, "unknown virtual network '%s'", tunnel->vnet);
	if (config->n_vnets > 0)
		cli_text_candidates(&text, tunnel->vnet, names, config->n_vnets);
	else
		cli_text_add(&text, "; accepted: one that is listed under vnets");
	ctl_yaml_report(y, tunnel->vnet_line, "tunnels[%u].vnet: %s", i, text.text);
}

void
ctl_config_check_tunnels(const struct ctl_config *config, struct ctl_yaml *y)
{
	if (config->source == CTL_CONFIG_SOURCE_KERNEL && config->n_tunnels > 0)
		ctl_yaml_report(
		    y, config->tunnels[0].line,
		    "tunnels: not beside source: kernel, where all SAs and policies are the kernel's; accepted: "
		    "source: socket, or no tunnels");
	for (unsigned i = 0; i < config->n_tunnels; i++) {
		const struct ctl_config_tunnel *tunnel = &config->tunnels[i];
		struct ctl_tunnel_config copy = tunnel->config;
		struct sadb_error err = {.text = ""};

		check_vnet(config, y, i);
		if (ctl_tunnel_check(&copy, &err) != 0)
			ctl_yaml_report(y, tunnel->line, "tunnels[%u]: %s", i, err.text);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(tunnel->config.name, config->tunnels[j].config.name) == 0)
				ctl_yaml_report(
				    y, tunnel->line,
				    "tunnels[%u].name: '%s' is taken by line %u; accepted: a name of its own", i,
				    tunnel->config.name, config->tunnels[j].line);
	}
}
