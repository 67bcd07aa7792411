/* SPDX-License-Identifier: BSD-3-Clause
 * The set of tunnels, and the policies that each of them owns. Control thread. */
#include "control/tunnel.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/xfrm.h>

#include "control/attr.h"
#include "control/log.h"
#include "control/tunnel_impl.h"

struct ctl_tunnels *
ctl_tunnels_create(struct sadb *db, uint64_t (*now_ns)(void))
{
	struct ctl_tunnels *tunnels = calloc(1, sizeof(*tunnels));

	if (tunnels == NULL)
		return NULL;
	tunnels->db = db;
	tunnels->now_ns = now_ns;
	return tunnels;
}

static void
tunnel_free(struct ctl_tunnel *tunnel)
{
	ctl_tunnel_pending_close(tunnel);
	sadb_wipe(tunnel, sizeof(*tunnel));
	free(tunnel);
}

void
ctl_tunnels_destroy(struct ctl_tunnels *tunnels)
{
	if (tunnels == NULL)
		return;
	for (uint32_t i = 0; i < tunnels->n; i++)
		if (tunnels->tunnel[i] != NULL)
			tunnel_free(tunnels->tunnel[i]);
	free(tunnels);
}

void
ctl_tunnels_start(struct ctl_tunnels *tunnels, const struct ctl_keying *keying, ctl_tunnel_event_fn fn, void *arg)
{
	tunnels->keying = keying;
	tunnels->event_fn = fn;
	tunnels->event_arg = arg;
}

void
ctl_tunnel_tell(struct ctl_tunnel *tunnel, const char *kind, const char *text)
{
	const struct ctl_tunnel_event event = {kind, tunnel->config.name, tunnel->generation, text};

	if (tunnel->set->event_fn != NULL)
		tunnel->set->event_fn(tunnel->set->event_arg, &event);
}

static struct ctl_tunnel **
find(struct ctl_tunnels *tunnels, const char *name)
{
	for (uint32_t i = 0; i < tunnels->n; i++)
		if (tunnels->tunnel[i] != NULL && strcmp(tunnels->tunnel[i]->config.name, name) == 0)
			return &tunnels->tunnel[i];
	return NULL;
}

struct ctl_tunnel *
ctl_tunnel_find(struct ctl_tunnels *tunnels, const char *name, struct sadb_error *err)
{
	struct ctl_tunnel **place = find(tunnels, name);

	if (place != NULL)
		return *place;
	ctl_refuse(err, -ENOENT, 0, "there is no tunnel '%.31s': 'culvert tunnel show' names those that are there",
		   name);
	return NULL;
}

bool
ctl_tunnel_exists(struct ctl_tunnels *tunnels, const char *name)
{
	return find(tunnels, name) != NULL;
}

bool
ctl_tunnels_between(const struct ctl_tunnels *tunnels, uint32_t vnet_id, const struct sadb_addr *one,
		    const struct sadb_addr *other)
{
	for (uint32_t i = 0; i < tunnels->n; i++) {
		const struct ctl_tunnel_config *config =
		    tunnels->tunnel[i] != NULL ? &tunnels->tunnel[i]->config : NULL;

		if (config != NULL && config->vnet_id == vnet_id &&
		    ((sadb_addr_equal(&config->local, one) && sadb_addr_equal(&config->remote, other)) ||
		     (sadb_addr_equal(&config->local, other) && sadb_addr_equal(&config->remote, one))))
			return true;
	}
	return false;
}

/* ---- policies: for each pair of prefixes out, in and fwd ---- */
static struct sadb_policy_config
policy_of(const struct ctl_tunnel *tunnel, const struct sadb_prefix *local, const struct sadb_prefix *remote,
	  enum sadb_policy_dir dir)
{
	const struct ctl_tunnel_config *config = &tunnel->config;
	const bool out = dir == SADB_POLICY_OUT;
	struct sadb_policy_config policy;

	memset(&policy, 0, sizeof(policy));
	policy.sel.src = out ? *local : *remote;
	policy.sel.dst = out ? *remote : *local;
	policy.tmpl.src = out ? config->local : config->remote;
	policy.tmpl.dst = out ? config->remote : config->local;
	policy.tmpl.reqid = tunnel->reqid;
	policy.tmpl.proto = IPPROTO_ESP;
	policy.tmpl.mode = XFRM_MODE_TUNNEL;
	policy.priority = config->priority;
	policy.vnet_id = config->vnet_id;
	policy.dir = (uint8_t)dir;
	policy.action = SADB_PROTECT;
	return policy;
}

/* The n-th policy of the tunnel. false: it has fewer. */
static bool
policy_at(const struct ctl_tunnel *tunnel, uint32_t n, struct sadb_policy_config *out)
{
	const struct ctl_tunnel_config *config = &tunnel->config;

	for (uint32_t l = 0; l < config->n_local; l++) {
		for (uint32_t r = 0; r < config->n_remote; r++) {
			if (config->local_prefix[l].addr.family != config->remote_prefix[r].addr.family)
				continue;
			if (n < SADB_POLICY_DIRS) {
				*out = policy_of(tunnel, &config->local_prefix[l], &config->remote_prefix[r],
						 (enum sadb_policy_dir)n);
				return true;
			}
			n -= SADB_POLICY_DIRS;
		}
	}
	return false;
}

static uint32_t
policies_count(const struct ctl_tunnel *tunnel)
{
	struct sadb_policy_config policy;
	uint32_t n = 0;

	while (policy_at(tunnel, n, &policy))
		n++;
	return n;
}

/* The first n. */
static void
policies_del(const struct ctl_tunnel *tunnel, uint32_t n)
{
	struct sadb_policy_config policy;

	while (n-- > 0)
		if (policy_at(tunnel, n, &policy))
			sadb_policy_del(tunnel->set->db, &policy, NULL, NULL);
}

static const char *const dir_names[SADB_POLICY_DIRS] = {"in", "out", "fwd"};

static int
policies_add(const struct ctl_tunnel *tunnel, struct sadb_error *err)
{
	char src[SADB_ADDR_STRLEN], dst[SADB_ADDR_STRLEN];
	struct sadb_policy_config policy;
	uint32_t n = 0;
	int rc = 0;

	for (; policy_at(tunnel, n, &policy); n++) {
		rc = sadb_policy_add(tunnel->set->db, &policy, false, err);
		if (rc != 0)
			break;
	}
	if (rc == 0)
		return 0;
	policies_del(tunnel, n);
	if (rc == -EEXIST)
		ctl_refuse(
		    err, rc, 0,
		    "a policy %s from %s to %s is there already: a tunnel makes its own; cure: delete that one, or "
		    "choose other prefixes",
		    dir_names[policy.dir], sadb_prefix_format(&policy.sel.src, src, sizeof(src)),
		    sadb_prefix_format(&policy.sel.dst, dst, sizeof(dst)));
	return rc;
}

void
ctl_tunnels_policies_restore(struct ctl_tunnels *tunnels)
{
	struct sadb_error err = {.text = ""};

	for (uint32_t i = 0; i < tunnels->n; i++)
		if (tunnels->tunnel[i] != NULL && policies_add(tunnels->tunnel[i], &err) != 0)
			ctl_log(CTL_LOG_ERROR, "tunnel %s: its policies cannot be put back after a flush: %s",
				tunnels->tunnel[i]->config.name, err.text);
}

/* ---- add, del ---- */
static struct ctl_tunnel **
free_place(struct ctl_tunnels *tunnels)
{
	for (uint32_t i = 0; i < tunnels->n; i++)
		if (tunnels->tunnel[i] == NULL)
			return &tunnels->tunnel[i];
	return tunnels->n < CTL_TUNNELS_MAX ? &tunnels->tunnel[tunnels->n] : NULL;
}

static int
check_new(struct ctl_tunnels *tunnels, struct ctl_tunnel_config *config, struct sadb_error *err)
{
	int rc = ctl_tunnel_check(config, err);

	if (rc != 0)
		return rc;
	if (find(tunnels, config->name) != NULL)
		return ctl_refuse(err, -EEXIST, 0, "there is a tunnel '%s' already", config->name);
	if (sadb_vnet_find(tunnels->db, config->vnet_id) == NULL)
		return ctl_refuse(err, -ENODEV, 0, "no virtual network has the id %u: 'culvert vnet show' lists them",
				  config->vnet_id);
	if (free_place(tunnels) == NULL)
		return ctl_refuse(err, -ENOSPC, 0, "there are %d tunnels, and no more fit", CTL_TUNNELS_MAX);
	return 0;
}

int
ctl_tunnel_add(struct ctl_tunnels *tunnels, struct ctl_tunnel_config *config, struct sadb_error *err)
{
	struct ctl_tunnel *tunnel;
	int rc = check_new(tunnels, config, err);

	if (rc != 0)
		return rc;
	tunnel = calloc(1, sizeof(*tunnel));
	if (tunnel == NULL)
		return ctl_refuse(err, -ENOMEM, 0, "no memory for the tunnel");
	struct ctl_tunnel **place = free_place(tunnels);
	tunnel->set = tunnels;
	tunnel->config = *config;
	tunnel->reqid = CTL_TUNNEL_REQID_FIRST + (uint32_t)(place - tunnels->tunnel);
	rc = ctl_tunnel_random(tunnel->instance, sizeof(tunnel->instance))
		 ? policies_add(tunnel, err)
		 : ctl_refuse(err, -EIO, 0, "no random number can be had");
	if (rc != 0)
		goto fail;
	rc = sadb_commit(tunnels->db, err);
	if (rc != 0)
		goto fail_commit;
	tunnel->wanted = config->exchange[0] != 0;
	*place = tunnel;
	if (place == &tunnels->tunnel[tunnels->n])
		tunnels->n++;
	return 0;
fail_commit:
	policies_del(tunnel, policies_count(tunnel));
fail:
	free(tunnel);
	return rc;
}

int
ctl_tunnel_del(struct ctl_tunnels *tunnels, const char *name, struct sadb_error *err)
{
	struct ctl_tunnel *tunnel = ctl_tunnel_find(tunnels, name, err);

	if (tunnel == NULL)
		return -ENOENT;
	policies_del(tunnel, policies_count(tunnel));
	ctl_tunnel_sas_drop(tunnel);
	*find(tunnels, name) = NULL;
	tunnel_free(tunnel);
	return sadb_commit(tunnels->db, err);
}

/* ---- show ---- */
static void
fill_sas(const struct ctl_tunnel *tunnel, struct ctl_tunnel_info *info)
{
	const struct sadb_sa_cold *out = ctl_tunnel_out_sa(tunnel), *in = NULL;

	info->next_rekey_s = UINT64_MAX;
	if (out != NULL) {
		const uint64_t soft_s = out->config.life.soft_add_s;

		info->out_spi_be = tunnel->out_spi_be;
		info->out_age_s = (tunnel->set->now_ns() - tunnel->out_since_ns) / CTL_NS_PER_S;
		info->out_packets = ctl_tunnel_packets(out);
		/* Relaxed: a counter for people. */
		info->out_bytes = __atomic_load_n(&out->hot->mut->bytes, __ATOMIC_RELAXED);
		if (soft_s != 0)
			info->next_rekey_s = soft_s > info->out_age_s ? soft_s - info->out_age_s : 0;
	}
	info->in_count = tunnel->n_in;
	for (unsigned i = tunnel->n_in; i-- > 0 && in == NULL;)
		if (tunnel->in[i].known)
			in = ctl_tunnel_in_sa(tunnel, tunnel->in[i].spi_be);
	if (in == NULL && tunnel->taken.offer) /* answered, and the peer has sent nothing yet */
		in = ctl_tunnel_in_sa(tunnel, tunnel->taken.answered_spi_be);
	if (in == NULL)
		return;
	info->in_spi_be = in->config.spi_be;
	info->in_packets = ctl_tunnel_packets(in);
	info->in_bytes = __atomic_load_n(&in->hot->mut->bytes, __ATOMIC_RELAXED);
}

static const char *
keying_word(const struct ctl_tunnel *tunnel)
{
	if (tunnel->pending.running != NULL)
		return "running";
	if (tunnel->tries > 0 && tunnel->config.exchange[0] != 0)
		return "retrying";
	return tunnel->pending.open ? "offered" : "idle";
}

bool
ctl_tunnel_get(struct ctl_tunnels *tunnels, uint32_t i, struct ctl_tunnel_info *out)
{
	const struct ctl_tunnel *tunnel = i < tunnels->n ? tunnels->tunnel[i] : NULL;

	if (tunnel == NULL)
		return false;
	memset(out, 0, sizeof(*out));
	out->config = tunnel->config;
	out->reqid = tunnel->reqid;
	out->generation = tunnel->generation;
	out->exchanges = tunnel->exchanges;
	out->failures = tunnel->failures;
	fill_sas(tunnel, out);
	snprintf(out->state, sizeof(out->state), "%s",
		 out->out_spi_be != 0 && out->in_spi_be != 0   ? "up"
		 : out->out_spi_be != 0 || out->in_spi_be != 0 ? "half"
							       : "down");
	snprintf(out->keying, sizeof(out->keying), "%s", keying_word(tunnel));
	memcpy(out->error, tunnel->error, sizeof(out->error));
	return true;
}
