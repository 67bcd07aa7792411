/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon's tunnels: those of the configuration from before the first packet on, their backend, their events. Control
 * thread. */
#include <errno.h>
#include <string.h>

#include "control/clock.h"
#include "control/daemon_impl.h"
#include "control/keying.h"
#include "control/log.h"
#include "control/tunnel.h"

static int
add(struct ctl_daemon *daemon, const struct ctl_config *config, unsigned i)
{
	const struct ctl_config_tunnel *wanted = &config->tunnels[i];
	struct ctl_tunnel_config tunnel = wanted->config;
	struct sadb_error err = {.text = ""};
	int rc;

	tunnel.vnet_id = ctl_config_vnet_find(config, wanted->vnet)->id;
	rc = ctl_tunnel_add(daemon->tunnels, &tunnel, &err);
	if (rc != 0)
		ctl_log(CTL_LOG_ERROR, "%s:%u: tunnels[%u]: %s", config->file, wanted->line, i, err.text);
	return rc;
}

int
ctl_daemon_tunnels_create(struct ctl_daemon *daemon)
{
	int rc = 0;

	daemon->tunnels = ctl_tunnels_create(daemon->db, ctl_now_ns);
	if (daemon->tunnels == NULL) {
		ctl_log(CTL_LOG_ERROR, "out of memory for tunnels");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < daemon->config->n_tunnels && rc == 0; i++)
		rc = add(daemon, daemon->config, i);
	return rc;
}

static void
on_event(void *arg, const struct ctl_tunnel_event *event)
{
	const struct ctl_daemon *daemon = arg;

	ctl_server_tunnel_event(daemon->server, event);
}

int
ctl_daemon_tunnels_start(struct ctl_daemon *daemon)
{
	daemon->keying = ctl_keying_manual_create(daemon->base, CTL_KEYING_TIMEOUT_S);
	if (daemon->keying == NULL)
		return -ENOMEM;
	ctl_tunnels_start(daemon->tunnels, daemon->keying, on_event, daemon);
	return 0;
}

void
ctl_daemon_tunnels_stop(struct ctl_daemon *daemon)
{
	ctl_tunnels_destroy(daemon->tunnels);
	ctl_keying_manual_destroy(daemon->keying);
	daemon->tunnels = NULL;
	daemon->keying = NULL;
}

static const struct ctl_config_tunnel *
tunnel_named(const struct ctl_config *config, const char *name)
{
	for (unsigned i = 0; i < config->n_tunnels; i++)
		if (strcmp(config->tunnels[i].config.name, name) == 0)
			return &config->tunnels[i];
	return NULL;
}

/* As vnets do, tunnels of the file come at a reload, and neither go nor change: their prefixes stay protected. */
int
ctl_daemon_tunnels_change(struct ctl_daemon *daemon, const struct ctl_config *wanted)
{
	for (unsigned i = 0; i < daemon->config->n_tunnels; i++) {
		const char *name = daemon->config->tunnels[i].config.name;

		if (tunnel_named(wanted, name) == NULL && ctl_tunnel_exists(daemon->tunnels, name))
			ctl_log(CTL_LOG_WARNING,
				"%s: tunnel %s is not in the file any more and stays: 'culvert tunnel del %s' ends it",
				wanted->file, name, name);
	}
	for (unsigned i = 0; i < wanted->n_tunnels; i++) {
		const struct ctl_config_tunnel *after = &wanted->tunnels[i];
		const struct ctl_config_tunnel *before = tunnel_named(daemon->config, after->config.name);

		if (before != NULL && (strcmp(before->vnet, after->vnet) != 0 ||
				       memcmp(&before->config, &after->config, sizeof(after->config)) != 0))
			ctl_log(CTL_LOG_WARNING, "%s:%u: tunnel %s: changed; takes effect at the next start",
				wanted->file, after->line, after->config.name);
		if (before != NULL || ctl_tunnel_exists(daemon->tunnels, after->config.name))
			continue;
		int rc = add(daemon, wanted, i);
		if (rc != 0)
			return rc;
		ctl_log(CTL_LOG_INFO, "tunnel %s added", after->config.name);
	}
	return 0;
}
