/* SPDX-License-Identifier: BSD-3-Clause
 * What a tunnel may be, and what the operator hears when it is not. Pure; any thread. */
#include "control/tunnel.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "control/attr.h"
#include "control/keying_words.h"

#define WINDOW_MIN SADB_REPLAY_MIN
#define WINDOW_MAX SADB_REPLAY_MAX

void
ctl_tunnel_defaults(struct ctl_tunnel_config *config)
{
	memset(config, 0, sizeof(*config));
	config->algorithm = sadb_algorithm_at(0);
	config->esn = true;
	config->window_packets = CTL_TUNNEL_WINDOW;
	config->overlap_s = CTL_TUNNEL_OVERLAP_S;
	config->life = (struct sadb_lifetime){SADB_INF, SADB_INF, SADB_INF, SADB_INF, 0, 0, 0, 0};
}

void
ctl_tunnel_wishes_to(const struct ctl_tunnel_config *config, struct sadb_sa_config *sa)
{
	sa->flags |= config->sa_flags;
	sa->tfc_pad_bytes = config->tfc_pad_bytes;
	sa->outer_ttl = config->outer_ttl;
	sa->outer_dscp = config->outer_dscp;
}

void
ctl_tunnel_wishes_from(struct ctl_tunnel_config *config, const struct sadb_sa_config *sa)
{
	config->sa_flags = sa->flags & CTL_TUNNEL_SA_FLAGS;
	config->tfc_pad_bytes = sa->tfc_pad_bytes;
	config->outer_ttl = sa->outer_ttl;
	config->outer_dscp = sa->outer_dscp;
}

bool
ctl_tunnel_name_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= CTL_TUNNEL_NAME || name[0] == '.' || name[0] == '-')
		return false;
	for (; *name != 0; name++)
		if (!isalnum((unsigned char)*name) && strchr("._-", *name) == NULL)
			return false;
	return true;
}

static bool
is_network(const struct sadb_prefix *prefix)
{
	for (unsigned i = 0; i < sizeof(prefix->addr.bytes); i++) {
		unsigned keep = prefix->len > 8 * i ? prefix->len - 8 * i : 0;

		if (keep < 8 && (prefix->addr.bytes[i] & (0xff >> keep)) != 0)
			return false;
	}
	return prefix->len <= (prefix->addr.family == AF_INET6 ? 128 : 32);
}

static int
check_prefixes(const char *side, const struct sadb_prefix *prefix, uint32_t n, struct sadb_error *err)
{
	char text[SADB_ADDR_STRLEN];

	if (n == 0 || n > CTL_TUNNEL_PREFIXES)
		return ctl_refuse(err, -EINVAL, 0, "%s-prefix: %u are given; accepted are 1 to %d", side, n,
				  CTL_TUNNEL_PREFIXES);
	for (uint32_t i = 0; i < n; i++) {
		sadb_prefix_format(&prefix[i], text, sizeof(text));
		if (!is_network(&prefix[i]))
			return ctl_refuse(err, -EINVAL, 0, "%s-prefix %s has bits beyond its length", side, text);
		for (uint32_t j = 0; j < i; j++)
			if (prefix[i].len == prefix[j].len && sadb_addr_equal(&prefix[i].addr, &prefix[j].addr))
				return ctl_refuse(err, -EINVAL, 0, "%s-prefix %s is given twice", side, text);
	}
	return 0;
}

/* Every prefix needs one of its family on the other side, or it would protect nothing. */
static int
check_partners(const struct ctl_tunnel_config *config, struct sadb_error *err)
{
	unsigned local = 0, remote = 0; /* bits: IPv4, IPv6 */

	for (uint32_t i = 0; i < config->n_local; i++)
		local |= config->local_prefix[i].addr.family == AF_INET6 ? 2 : 1;
	for (uint32_t i = 0; i < config->n_remote; i++)
		remote |= config->remote_prefix[i].addr.family == AF_INET6 ? 2 : 1;
	if (local == remote)
		return 0;
	return ctl_refuse(err, -EINVAL, 0, "IPv%c prefixes are on one side only: a packet has both ends in one family",
			  ((local ^ remote) & 1) != 0 ? '4' : '6');
}

static int
check_addresses(const struct ctl_tunnel_config *config, struct sadb_error *err)
{
	if (config->local.family == AF_UNSPEC || config->remote.family != config->local.family)
		return ctl_refuse(err, -EINVAL, 0, "local and remote must be two addresses of one family");
	if (sadb_addr_equal(&config->local, &config->remote))
		return ctl_refuse(err, -EINVAL, 0,
				  "local and remote are the same address: remote is the peer gateway's");
	int rc = check_prefixes("local", config->local_prefix, config->n_local, err);
	if (rc == 0)
		rc = check_prefixes("remote", config->remote_prefix, config->n_remote, err);
	return rc != 0 ? rc : check_partners(config, err);
}

/* The soft limit of a pair that has only the hard one: time to exchange keys is left. */
static int
check_pair(const char *unit, uint64_t *soft, uint64_t hard, uint64_t none, struct sadb_error *err)
{
	if (hard == none)
		return 0;
	if (*soft == none)
		*soft = hard - hard / 10 - (hard >= 2 && hard < 10);
	if (*soft == 0 || *soft >= hard)
		return ctl_refuse(err, -EINVAL, 0,
				  "hard-%s %" PRIu64 " leaves no time after the soft limit (%" PRIu64
				  "): accepted is a soft limit from 1 on and below the hard one",
				  unit, hard, *soft);
	return 0;
}

static int
check_limits(struct sadb_lifetime *life, struct sadb_error *err)
{
	int rc = check_pair("bytes", &life->soft_bytes, life->hard_bytes, SADB_INF, err);

	if (rc == 0)
		rc = check_pair("packets", &life->soft_packets, life->hard_packets, SADB_INF, err);
	if (rc == 0)
		rc = check_pair("seconds", &life->soft_add_s, life->hard_add_s, 0, err);
	if (rc == 0 && (life->soft_bytes == 0 || life->soft_packets == 0))
		rc = ctl_refuse(err, -EINVAL, 0, "a soft limit of 0 would never end: accepted is 1 or more");
	if (rc == 0 && (life->soft_add_s > UINT32_MAX || life->hard_add_s > UINT32_MAX))
		rc = ctl_refuse(err, -EINVAL, 0, "limits in seconds are accepted up to %u", UINT32_MAX);
	if (rc == 0 && (life->soft_use_s != 0 || life->hard_use_s != 0))
		rc = ctl_refuse(err, -EINVAL, 0, "limits since the first use are not accepted for a tunnel");
	return rc;
}

static int
check_window(const struct ctl_tunnel_config *config, struct sadb_error *err)
{
	if (config->window_packets == 0 && config->esn)
		return ctl_refuse(err, -EINVAL, 0,
				  "window off needs esn off: the high half of a 64-bit sequence number is worked out "
				  "from the window (RFC 4303 A2)");
	if (config->window_packets != 0 && (config->window_packets < WINDOW_MIN || config->window_packets > WINDOW_MAX))
		return ctl_refuse(err, -EINVAL, 0, "window %u: accepted are %u to %u packets, or off",
				  config->window_packets, WINDOW_MIN, WINDOW_MAX);
	return 0;
}

/* Before an exchange finds that no such SA can be had. */
static int
check_outer(const struct ctl_tunnel_config *config, struct sadb_error *err)
{
	if (config->sa_flags & ~(uint32_t)(CTL_TUNNEL_SA_FLAGS))
		return ctl_refuse(err, -EINVAL, 0, "flags 0x%x of the SA: 0x%x are accepted", config->sa_flags,
				  CTL_TUNNEL_SA_FLAGS);
	if (config->outer_dscp > CTL_TUNNEL_DSCP_MAX)
		return ctl_refuse(err, -EINVAL, 0, "outer-dscp %u: accepted are 0 to %d", config->outer_dscp,
				  CTL_TUNNEL_DSCP_MAX);
	if ((config->sa_flags & SADB_SA_OUTER_DF) && (config->sa_flags & SADB_SA_NOPMTUDISC))
		return ctl_refuse(err, -EINVAL, 0, "outer-df: accepted are set or clear, not both");
	return 0;
}

static int
check_exchange(const struct ctl_tunnel_config *config, struct sadb_error *err)
{
	char words[CTL_TUNNEL_COMMAND], *argv[CTL_KEYING_WORDS + 1];

	if (memchr(config->exchange, 0, sizeof(config->exchange)) == NULL)
		return ctl_refuse(err, -EINVAL, 0, "exchange: accepted are commands of up to %d characters",
				  CTL_TUNNEL_COMMAND - 1);
	if (config->exchange[0] == 0 || ctl_keying_words(config->exchange, words, argv) > 0)
		return 0;
	return ctl_refuse(
	    err, -EINVAL, 0,
	    "exchange: no command, a quote does not end, or more than %d words; accepted is a program and "
	    "its arguments",
	    CTL_KEYING_WORDS);
}

int
ctl_tunnel_check(struct ctl_tunnel_config *config, struct sadb_error *err)
{
	int rc;

	if (memchr(config->name, 0, sizeof(config->name)) == NULL || !ctl_tunnel_name_valid(config->name))
		return ctl_refuse(
		    err, -EINVAL, 0,
		    "the name: accepted are 1 to %d letters, digits, '.', '_' and '-', not '.' or '-' first",
		    CTL_TUNNEL_NAME - 1);
	rc = check_addresses(config, err);
	if (rc == 0 && config->algorithm == NULL)
		rc = ctl_refuse(err, -EINVAL, 0, "the algorithm is missing");
	if (rc == 0)
		rc = check_window(config, err);
	if (rc == 0)
		rc = check_limits(&config->life, err);
	if (rc == 0 && config->overlap_s > CTL_TUNNEL_OVERLAP_MAX)
		rc = ctl_refuse(err, -EINVAL, 0, "overlap %u: accepted are 0 to %d seconds", config->overlap_s,
				CTL_TUNNEL_OVERLAP_MAX);
	if (rc == 0)
		rc = check_outer(config, err);
	return rc != 0 ? rc : check_exchange(config, err);
}
