/* SPDX-License-Identifier: BSD-3-Clause
 * The ports as the configuration wants them, with their twins. Control thread, at the start. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/daemon_impl.h"
#include "control/log.h"

const char *
ctl_daemon_dpdk_hint(void)
{
	return ctl_log_level() == CTL_LOG_DEBUG ? "" : "; with log: debug DPDK tells more";
}

/* The domain of its untagged frames, or of its VLAN; NULL: none. */
static struct sadb_vnet *
port_domain(const struct ctl_daemon *daemon, const struct ctl_config_port *port)
{
	if (port->underlay)
		return sadb_underlay(daemon->db);
	if (!ctl_config_port_has_twin(port))
		return NULL;
	return sadb_vnet_find(daemon->db, ctl_config_vnet_find(daemon->config, port->vnet)->id);
}

/* The namespace of that name, opened when it is the first. NULL and errno on failure. */
static const struct dp_netns *
netns_open(struct ctl_daemon *daemon, const char *name)
{
	struct dp_netns *netns = &daemon->netns[daemon->n_netns];
	char path[sizeof(netns->name) + 16];

	for (unsigned i = 0; i < daemon->n_netns; i++)
		if (strcmp(daemon->netns[i].name, name) == 0)
			return &daemon->netns[i];
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	netns->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (netns->fd < 0)
		return NULL;
	snprintf(netns->name, sizeof(netns->name), "%s", name);
	daemon->n_netns++;
	return netns;
}

/* Where the port's twin shall be. -errno, told. */
static int
port_netns(struct ctl_daemon *daemon, const struct ctl_config_port *port, const struct dp_netns **netns)
{
	const char *name = ctl_config_port_netns(daemon->config, port);
	int rc;

	*netns = NULL;
	if (name[0] == '\0')
		return 0;
	*netns = netns_open(daemon, name);
	if (*netns != NULL)
		return 0;
	rc = -errno;
	ctl_log(CTL_LOG_ERROR, "%s:%u: vnets.netns: cannot open network namespace '%s': %s; cure: ip netns add %s",
		daemon->config->file, ctl_config_vnet_find(daemon->config, port->vnet)->netns_line, name, strerror(-rc),
		name);
	return rc;
}

void
ctl_daemon_netns_close(struct ctl_daemon *daemon)
{
	for (unsigned i = 0; i < daemon->n_netns; i++)
		close(daemon->netns[i].fd);
	free(daemon->netns);
}

/* The number of a running port of that name; there is one. */
static uint16_t
port_number(const struct ctl_daemon *daemon, const char *name)
{
	struct dp_port_info info;
	uint16_t port = 0;

	while (dp_port_get(daemon->dp, port, &info) == 0 && strcmp(info.name, name) != 0)
		port++;
	return port;
}

static int
add_port(struct ctl_daemon *daemon, unsigned i)
{
	const struct ctl_config_port *wanted = &daemon->config->ports[i];
	struct dp_port_config config = {.device = wanted->device,
					.vnet = port_domain(daemon, wanted),
					.underlay = wanted->underlay,
					.mtu = wanted->mtu,
					.trunk = wanted->trunk,
					.vlan = wanted->vlan};
	struct ctl_rtnl_error rtnl_err;
	struct dp_error err = {.text = ""};
	uint16_t port;
	int rc = port_netns(daemon, wanted, &config.netns);

	if (rc < 0)
		return rc;
	memcpy(config.name, wanted->name, sizeof(config.name));
	if (wanted->vlan != 0)
		config.on = port_number(daemon, wanted->on);
	rc = dp_port_add(daemon->dp, &config, &port, &err);
	if (rc < 0) {
		ctl_log(CTL_LOG_ERROR, "%s:%u: ports[%u].%s: %s%s", daemon->config->file,
			wanted->vlan != 0 ? wanted->on_line : wanted->device_line, i,
			wanted->vlan != 0 ? "on" : "device", err.text, ctl_daemon_dpdk_hint());
		return rc;
	}
	if (config.vnet == NULL)
		return 0;
	rc = ctl_rtnl_follow(daemon->rtnl, port, config.vnet, &rtnl_err);
	if (rc < 0) {
		ctl_log(CTL_LOG_ERROR, "%s:%u: ports[%u]: %s", daemon->config->file, wanted->line, i, rtnl_err.text);
		return rc;
	}
	return ctl_twin_up(&daemon->twins, daemon->config, i, port);
}

void
ctl_daemon_ports_mss(struct ctl_daemon *daemon, const struct ctl_config *config)
{
	const struct ctl_config_port *port;
	struct dp_port_info info;

	for (uint16_t i = 0; dp_port_get(daemon->dp, i, &info) == 0; i++) {
		port = ctl_config_port_find(config, info.name);
		dp_port_mss_set(daemon->dp, i, port != NULL ? port->mss : 0);
	}
}

/* Those with a device first: a VLAN may stand before its trunk. */
int
ctl_daemon_ports_add(struct ctl_daemon *daemon)
{
	int rc = 0;

	daemon->netns = calloc(daemon->config->n_vnets + 1, sizeof(*daemon->netns));
	if (daemon->netns == NULL)
		return -ENOMEM;
	for (unsigned vlans = 0; vlans < 2; vlans++)
		for (unsigned i = 0; i < daemon->config->n_ports && rc == 0; i++)
			if ((daemon->config->ports[i].vlan != 0) == vlans)
				rc = add_port(daemon, i);
	ctl_daemon_ports_mss(daemon, daemon->config);
	return rc;
}
