/* SPDX-License-Identifier: BSD-3-Clause
 * A parsed command to an SA's or a policy's configuration, and the checks across arguments. The command's only
 * thread. */
#include "control/cli/config.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/xfrm.h>
#include <rte_byteorder.h>

#include "control/cli/parse.h"
#include "control/cli/ports.h"
#include "sa-db/sadb.h"

static const char *
family_name(uint8_t family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

/* Both ends of a pair are of one family. An end that was not given becomes "all" of the other's. */
static int
one_family(const struct cli_command *cmd, enum cli_id a, enum cli_id b, struct cli_text *err)
{
	uint8_t fa = cmd->value[a].prefix.addr.family, fb = cmd->value[b].prefix.addr.family;

	if (fa == fb || fa == AF_UNSPEC || fb == AF_UNSPEC)
		return 0;
	return cli_text_set(err, "%s is %s and %s is %s; both must be of one family", cli_arg_of(cmd->verb, a)->word,
			    family_name(fa), cli_arg_of(cmd->verb, b)->word, family_name(fb));
}

static void
prefixes(const struct cli_command *cmd, enum cli_id src, enum cli_id dst, struct sadb_selector *sel)
{
	sel->src = cmd->value[src].prefix;
	sel->dst = cmd->value[dst].prefix;
	if (sel->src.addr.family == AF_UNSPEC)
		sel->src.addr.family = sel->dst.addr.family;
	if (sel->dst.addr.family == AF_UNSPEC)
		sel->dst.addr.family = sel->src.addr.family;
}

static int
soft_below_hard(const struct cli_command *cmd, enum cli_id soft, enum cli_id hard, struct cli_text *err)
{
	const struct cli_value *s = &cmd->value[soft], *h = &cmd->value[hard];

	if (!s->given || !h->given || s->number <= h->number)
		return 0;
	return cli_text_set(err, "%s %s is above %s %s; the soft limit comes first, so that there is time to rekey",
			    cli_arg_of(cmd->verb, soft)->word, s->text, cli_arg_of(cmd->verb, hard)->word, h->text);
}

static uint64_t
limit(const struct cli_command *cmd, enum cli_id id)
{
	return cmd->value[id].given ? cmd->value[id].number : SADB_INF;
}

static void
lifetime(const struct cli_command *cmd, struct sadb_lifetime *life)
{
	life->soft_bytes = limit(cmd, CLI_SOFT_BYTES);
	life->hard_bytes = limit(cmd, CLI_HARD_BYTES);
	life->soft_packets = limit(cmd, CLI_SOFT_PACKETS);
	life->hard_packets = limit(cmd, CLI_HARD_PACKETS);
	life->soft_add_s = cmd->value[CLI_SOFT_SECONDS].number; /* 0: no limit */
	life->hard_add_s = cmd->value[CLI_HARD_SECONDS].number;
}

enum df { DF_COPY, DF_SET, DF_CLEAR }; /* the order of the grammar's words */

void
cli_config_outer(const struct cli_command *cmd, struct sadb_sa_config *out)
{
	const struct cli_value *value = cmd->value;

	out->tfc_pad_bytes = (uint16_t)value[CLI_TFC_PAD].number;
	out->outer_ttl = value[CLI_OUTER_TTL].given ? (uint8_t)value[CLI_OUTER_TTL].number : 0;
	out->outer_dscp = (uint8_t)value[CLI_OUTER_DSCP].number;
	if (value[CLI_OUTER_DSCP].given)
		out->flags |= SADB_SA_OUTER_DSCP;
	if (value[CLI_OUTER_DF].number == DF_SET)
		out->flags |= SADB_SA_OUTER_DF;
	else if (value[CLI_OUTER_DF].number == DF_CLEAR)
		out->flags |= SADB_SA_NOPMTUDISC;
	if (value[CLI_FRAGMENT].number != 0) /* after */
		out->flags |= SADB_SA_FRAGMENT_AFTER;
}

uint8_t
cli_mode(uint32_t vnet_id)
{
	return vnet_id == SADB_UNDERLAY_ID ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL;
}

int
cli_config_sa(const struct cli_command *cmd, struct sadb_sa_config *out, struct cli_text *err)
{
	memset(out, 0, sizeof(*out));
	if (one_family(cmd, CLI_SRC, CLI_DST, err) != 0 || one_family(cmd, CLI_SEL_SRC, CLI_SEL_DST, err) != 0 ||
	    soft_below_hard(cmd, CLI_SOFT_BYTES, CLI_HARD_BYTES, err) != 0 ||
	    soft_below_hard(cmd, CLI_SOFT_PACKETS, CLI_HARD_PACKETS, err) != 0 ||
	    soft_below_hard(cmd, CLI_SOFT_SECONDS, CLI_HARD_SECONDS, err) != 0)
		return -EINVAL;
	if (cmd->value[CLI_MIN].number > cmd->value[CLI_MAX].number)
		return cli_text_set(err, "min %s is above max %s", cmd->value[CLI_MIN].text, cmd->value[CLI_MAX].text);
	if (cmd->value[CLI_ESN].number != 0 && cmd->value[CLI_WINDOW].number == 0)
		return cli_text_set(err,
				    "window off needs esn off: the high half of a 64-bit sequence number is worked "
				    "out from the window (RFC 4303 A2)");
	out->src = cmd->value[CLI_SRC].prefix.addr;
	out->dst = cmd->value[CLI_DST].prefix.addr;
	out->spi_be = rte_cpu_to_be_32((uint32_t)cmd->value[CLI_SPI].number);
	out->proto = IPPROTO_ESP;
	out->mode = XFRM_MODE_TUNNEL; /* see cli_mode() */
	out->reqid = (uint32_t)cmd->value[CLI_REQID].number;
	out->dir = (uint8_t)cmd->value[CLI_DIR].number;
	out->window_packets = (uint32_t)cmd->value[CLI_WINDOW].number;
	out->flags = cmd->value[CLI_ESN].number != 0 ? SADB_SA_ESN : 0;
	cli_config_outer(cmd, out);
	out->encap_sport_be = rte_cpu_to_be_16((uint16_t)cmd->value[CLI_ENCAP_SPORT].number);
	out->encap_dport_be = rte_cpu_to_be_16((uint16_t)cmd->value[CLI_ENCAP_DPORT].number);
	prefixes(cmd, CLI_SEL_SRC, CLI_SEL_DST, &out->sel);
	out->sel.proto = (uint8_t)cmd->value[CLI_SEL_PROTO].number;
	lifetime(cmd, &out->life);
	return 0;
}

/* The blocks of a range, or the one of none given. A port needs a protocol that has ports; ICMP's type and code are one byte
 * each. How many, or -EINVAL. */
static int
ports(const struct cli_command *cmd, enum cli_id id, struct cli_ports out[CLI_PORTS_MAX], struct cli_text *err)
{
	const struct cli_value *value = &cmd->value[id];
	uint16_t max = UINT16_MAX;

	if (!value->given) {
		out[0] = (struct cli_ports){0};
		return 1;
	}
	switch (cmd->value[CLI_PROTO].number) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		max = UINT8_MAX;
		break;
	default:
		return cli_text_set(err, "%s: protocol %s has no ports; accepted with tcp, udp, sctp, icmp, icmpv6",
				    cli_arg_of(cmd->verb, id)->word, cmd->value[CLI_PROTO].text);
	}
	if (value->last > max)
		return cli_text_set(err, "%s: %s is out of range; accepted with %s: 0 to 255",
				    cli_arg_of(cmd->verb, id)->word, value->text, cmd->value[CLI_PROTO].text);
	return (int)cli_ports_split((uint16_t)value->number, (uint16_t)value->last, max, out);
}

/* One policy is there; it becomes one for each pair of blocks. */
static int
spread(const struct cli_command *cmd, struct sadb_policy_config out[CLI_POLICIES_MAX], struct cli_text *err)
{
	struct cli_ports sport[CLI_PORTS_MAX], dport[CLI_PORTS_MAX];
	const int n_sport = ports(cmd, CLI_SPORT, sport, err);
	const int n_dport = n_sport > 0 ? ports(cmd, CLI_DPORT, dport, err) : n_sport;
	int n = 0;

	if (n_dport < 0)
		return n_dport;
	if (n_sport * n_dport > CLI_POLICIES_MAX)
		return cli_text_set(err,
				    "these ports are %d policies, %d blocks of source ports with %d of destination "
				    "ports; accepted: %d at most",
				    n_sport * n_dport, n_sport, n_dport, CLI_POLICIES_MAX);
	for (int s = 0; s < n_sport; s++) {
		for (int d = 0; d < n_dport; d++, n++) {
			out[n] = out[0];
			out[n].sel.sport_be = rte_cpu_to_be_16(sport[s].port);
			out[n].sel.sport_mask_be = rte_cpu_to_be_16(sport[s].mask);
			out[n].sel.dport_be = rte_cpu_to_be_16(dport[d].port);
			out[n].sel.dport_mask_be = rte_cpu_to_be_16(dport[d].mask);
		}
	}
	return n;
}

int
cli_config_policy(const struct cli_command *cmd, struct sadb_policy_config out[CLI_POLICIES_MAX], struct cli_text *err)
{
	struct sadb_selector *sel = &out->sel;

	memset(out, 0, sizeof(*out));
	if (one_family(cmd, CLI_SRC, CLI_DST, err) != 0 || one_family(cmd, CLI_TUNNEL_SRC, CLI_TUNNEL_DST, err) != 0)
		return -EINVAL;
	prefixes(cmd, CLI_SRC, CLI_DST, sel);
	sel->proto = (uint8_t)cmd->value[CLI_PROTO].number;
	out->index = (uint32_t)cmd->value[CLI_INDEX].number;
	out->dir =
	    (uint8_t)(out->index != 0 ? out->index & 7 : cmd->value[CLI_DIR].number); /* see sadb_policy_config */
	out->priority = (uint32_t)cmd->value[CLI_PRIORITY].number;
	out->action = (uint8_t)cmd->value[CLI_ACTION].number;
	if (out->action != SADB_PROTECT)
		return spread(cmd, out, err);
	out->tmpl.src = cmd->value[CLI_TUNNEL_SRC].prefix.addr;
	out->tmpl.dst = cmd->value[CLI_TUNNEL_DST].prefix.addr;
	out->tmpl.spi_be = rte_cpu_to_be_32((uint32_t)cmd->value[CLI_SPI].number);
	out->tmpl.reqid = (uint32_t)cmd->value[CLI_REQID].number;
	out->tmpl.proto = IPPROTO_ESP;
	out->tmpl.mode = XFRM_MODE_TUNNEL;
	return spread(cmd, out, err);
}
