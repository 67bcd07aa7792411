/* SPDX-License-Identifier: BSD-3-Clause
 * What happens to ports while the daemon runs: links that go, interfaces and twins that somebody deletes. It is said once, and
 * what can be made again is. Control thread, once a second. */
#include <string.h>

#include "control/daemon_impl.h"
#include "control/log.h"

/* Its addresses, routes and settings as the configuration has them; what else was there is gone. */
static int
put_back(struct ctl_daemon *daemon, const struct dp_port_info *info)
{
	for (unsigned i = 0; i < daemon->config->n_ports; i++)
		if (strcmp(daemon->config->ports[i].name, info->name) == 0)
			return ctl_twin_up(&daemon->twins, daemon->config, i, info->port);
	return 0;
}

static void
restore_twin(struct ctl_daemon *daemon, const struct dp_port_info *info, struct ctl_port_said *said)
{
	struct dp_error err;
	const bool first = !said->twin_lost;

	said->twin_lost = true;
	if (dp_twin_restore(daemon->dp, info->port, &err) < 0) {
		if (first)
			ctl_log(CTL_LOG_ERROR, "%s; what is for the gateway itself is lost until it can", err.text);
		return;
	}
	said->twin_lost = false;
	if (put_back(daemon, info) == 0 && ctl_twins_change(&daemon->twins, daemon->config, daemon->config) == 0)
		ctl_log(CTL_LOG_WARNING,
			"port %s: its twin was deleted and made again, with the configuration's addresses and routes; "
			"others that were there are gone",
			info->name);
}

/* ---- a device whose interface is deleted, and made again ---- */
#define REST_DOUBLES 6
#define REST_MAX_S   60

static void
lose_device(struct ctl_daemon *daemon, const struct dp_port_info *info, struct ctl_port_said *said)
{
	const char *cure = daemon->opener == NULL ? "; cure: make the interface again, then restart the daemon"
						  : "; cure: make the interface again and bring it up";
	unsigned lost;

	if (info->vlan != 0) /* its trunk says so */
		return;
	ctl_log(
	    CTL_LOG_ERROR,
	    "port %s: the interface of its device %s was deleted, and all that leaves there is dropped (port-down)%s",
	    info->name, info->device, cure);
	lost = dp_port_unplug(daemon->dp, info->port);
	if (lost > 0)
		ctl_log(CTL_LOG_WARNING, "port %s: its driver has kept %u packet buffers for good", info->name, lost);
	said->tries = said->rest = 0;
}

/* A job of the helper. */
struct plug {
	struct dp *dp;
	uint16_t port;
	struct dp_error err;
};

static int
plug(void *arg)
{
	struct plug *job = arg;

	return dp_port_plug(job->dp, job->port, &job->err);
}

/* The driver, when it fails for a program of somebody else's, takes that off: it is not let try. */
static int
open_again(struct ctl_daemon *daemon, const struct dp_port_info *info)
{
	struct plug job = {.dp = daemon->dp, .port = info->port};
	int rc = 0;

	if (strncmp(info->device, "net_af_xdp", 10) == 0)
		rc = ctl_rtnl_link_xdp(ctl_rtnl_requests(daemon->rtnl, CTL_RTNL_HOME), info->iface);
	if (rc > 0)
		ctl_log(CTL_LOG_ERROR,
			"port %s: an XDP program of somebody else's is on the new interface %s; cure: ip link set %s "
			"xdp off",
			info->name, info->iface, info->iface);
	if (rc != 0)
		return rc;
	rc = ctl_helper_run(daemon->opener, plug, &job);
	if (rc < 0)
		ctl_log(CTL_LOG_ERROR, "%s%s", job.err.text, ctl_daemon_dpdk_hint());
	return rc;
}

/* What fails is tried again, less and less often. */
static void
take_up(struct ctl_daemon *daemon, struct dp_port_info *info, struct ctl_port_said *said)
{
	if (info->vlan != 0 || daemon->opener == NULL)
		return;
	if (!info->back) {
		said->tries = said->rest = 0; /* the next one is another */
		return;
	}
	if (said->rest > 0) {
		said->rest--;
		return;
	}
	if (open_again(daemon, info) != 0)
		said->rest = said->tries < REST_DOUBLES ? 1U << said->tries++ : REST_MAX_S;
	dp_port_get(daemon->dp, info->port, info);
	if (!info->gone)
		ctl_log(CTL_LOG_NOTICE, "port %s: its device %s is there again", info->name, info->device);
}

static void
say_link(const struct dp_port_info *info, struct ctl_port_said *said)
{
	const enum ctl_link_said now = info->gone ? CTL_LINK_GONE : info->up ? CTL_LINK_UP : CTL_LINK_DOWN;

	if (now == CTL_LINK_DOWN && said->link == CTL_LINK_UP)
		ctl_log(CTL_LOG_WARNING, "port %s: no link: what leaves there is dropped (port-down)", info->name);
	else if (now == CTL_LINK_UP && said->link == CTL_LINK_DOWN)
		ctl_log(CTL_LOG_NOTICE, "port %s: link is up", info->name);
	said->link = now;
}

void
ctl_ports_watch(struct ctl_daemon *daemon)
{
	struct dp_port_info info;

	for (uint16_t port = 0; dp_port_get(daemon->dp, port, &info) == 0; port++) {
		struct ctl_port_said *said = &daemon->port_said[port];

		if (info.gone && said->link != CTL_LINK_GONE)
			lose_device(daemon, &info, said);
		else if (info.gone)
			take_up(daemon, &info, said);
		say_link(&info, said);
		if (info.twin_lost)
			restore_twin(daemon, &info, said);
	}
}
