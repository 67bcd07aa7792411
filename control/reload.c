/* SPDX-License-Identifier: BSD-3-Clause
 * SIGHUP: the configuration read again. What can change while packets flow is changed, of the rest it is said that it
 * waits for a restart. All or nothing: a mistake in the file leaves everything as it was. Control thread. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-daemon.h>

#include "control/clock.h"
#include "control/daemon_impl.h"
#include "control/log.h"

/* The keys with a single value that only a start reads. */
static const struct {
	const char *key;
	size_t offset, bytes;
	bool text;
} fixed[] = {
#define FIXED(key, is_text)                                                                               \
	{                                                                                                 \
#key, offsetof(struct ctl_config, key), sizeof(((struct ctl_config *)NULL)->key), is_text \
	}
    FIXED(engine, false),       FIXED(workers, false),         FIXED(cpus, true),
    FIXED(poll, false),         FIXED(idle_sleep_us, false),   FIXED(memory_mb, false),
    FIXED(packets, false),      FIXED(huge_pages, false),      FIXED(max_sas, false),
    FIXED(max_policies, false), FIXED(socket, true),           FIXED(group, true),
    FIXED(user, true),          FIXED(reopen, false),          FIXED(state, true),
    FIXED(source, false),       FIXED(mirror_report_s, false), FIXED(mirror_audit_s, false),
    FIXED(nat_t_port, false),
#undef FIXED
};

static void
wait_for_restart(const struct ctl_config *config, unsigned line, const char *key, const char *name)
{
	if (line != 0)
		ctl_log(CTL_LOG_WARNING, "%s:%u: %s%s%s: changed; takes effect at the next start", config->file, line,
			key, name[0] != '\0' ? " " : "", name);
	else
		ctl_log(CTL_LOG_WARNING, "%s: %s%s%s: changed; takes effect at the next start", config->file, key,
			name[0] != '\0' ? " " : "", name);
}

static void
tell_fixed(const struct ctl_config *started, const struct ctl_config *wanted)
{
	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		const char *before = (const char *)started + fixed[i].offset;
		const char *after = (const char *)wanted + fixed[i].offset;

		if (fixed[i].text ? strcmp(before, after) != 0 : memcmp(before, after, fixed[i].bytes) != 0)
			wait_for_restart(wanted, 0, fixed[i].key, "");
	}
}

static void
tell_ports(const struct ctl_config *started, const struct ctl_config *wanted)
{
	for (unsigned i = 0; i < wanted->n_ports; i++) {
		const struct ctl_config_port *after = &wanted->ports[i];
		const struct ctl_config_port *before = ctl_config_port_find(started, after->name);

		if (before == NULL || strcmp(before->device, after->device) != 0 ||
		    strcmp(before->on, after->on) != 0 || before->vlan != after->vlan ||
		    strcmp(before->vnet, after->vnet) != 0 || before->underlay != after->underlay ||
		    before->mtu != after->mtu)
			wait_for_restart(wanted, after->line, "port", after->name);
	}
	for (unsigned i = 0; i < started->n_ports; i++)
		if (ctl_config_port_find(wanted, started->ports[i].name) == NULL)
			wait_for_restart(wanted, 0, "port", started->ports[i].name);
}

static const struct sadb_vnet *
vnet_named(struct sadb *db, const char *name)
{
	const struct sadb_vnet *vnet = NULL;

	while ((vnet = sadb_vnet_next(db, vnet)) != NULL)
		if (strcmp(vnet->name, name) == 0)
			break;
	return vnet;
}

/* Namespaces are entered at the start, and never after root is given up. */
static bool
netns_differs(const struct ctl_config *started, const struct ctl_config_vnet *vnet)
{
	const struct ctl_config_vnet *before = ctl_config_vnet_find(started, vnet->name);

	return strcmp(before != NULL ? before->netns : "", vnet->netns) != 0;
}

/* A vnet lives until the database ends, so it can come but neither go nor change. */
static int
change_vnets(struct ctl_daemon *daemon, const struct ctl_config *wanted)
{
	struct sadb *db = daemon->db;
	bool added = false;
	const struct sadb_vnet *there = NULL;

	while ((there = sadb_vnet_next(db, there)) != NULL)
		if (ctl_config_vnet_find(wanted, there->name) == NULL)
			wait_for_restart(wanted, 0, "vnet", there->name);
	for (unsigned i = 0; i < wanted->n_vnets; i++) {
		const struct ctl_config_vnet *vnet = &wanted->vnets[i];
		struct sadb_error err;
		int rc;

		there = sadb_vnet_find(db, vnet->id);
		if (netns_differs(daemon->started, vnet))
			wait_for_restart(wanted, vnet->line, "vnet", vnet->name);
		if (there != NULL && strcmp(there->name, vnet->name) == 0)
			continue;
		if (there != NULL || vnet_named(db, vnet->name) != NULL) {
			wait_for_restart(wanted, vnet->id_line, "vnet", vnet->name);
			continue;
		}
		rc = sadb_vnet_add(db, vnet->id, vnet->name, &err);
		if (rc < 0) {
			ctl_log(CTL_LOG_ERROR, "%s:%u: vnets[%u]: %s", wanted->file, vnet->line, i, err.text);
			return rc;
		}
		ctl_log(CTL_LOG_INFO, "vnet %s (%u) added", vnet->name, vnet->id);
		added = true;
	}
	/* What waits for one of these. */
	if (added && daemon->mirror != NULL)
		ctl_mirror_again(daemon->mirror);
	return 0;
}

void
ctl_daemon_defaults_set(struct ctl_daemon *daemon, const struct ctl_config *wanted)
{
	for (unsigned i = 0; i < wanted->n_vnets; i++) {
		const struct ctl_config_vnet *as = &wanted->vnets[i];
		struct sadb_vnet *vnet = sadb_vnet_find(daemon->db, as->id);

		if (vnet == NULL || strcmp(vnet->name, as->name) != 0 || sadb_vnet_bypasses(vnet) == (as->bypass != 0))
			continue;
		sadb_vnet_bypass_set(daemon->db, vnet, as->bypass != 0);
		if (as->bypass != 0)
			ctl_log(CTL_LOG_WARNING,
				"vnet %s: default bypass: what no policy names passes in the clear between its ports, "
				"also before its policies come and when one ends",
				vnet->name);
		else
			ctl_log(CTL_LOG_NOTICE, "vnet %s: default drop: what no policy names is dropped", vnet->name);
	}
}

static void
on_mistake(void *arg, const char *line)
{
	(void)arg;
	ctl_log(CTL_LOG_ERROR, "%s", line);
}

static void
notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)ctl_now_ns() / 1000);
}

/* 0 when wanted is in force (but for what waits for a restart). */
static int
apply(struct ctl_daemon *daemon, const struct ctl_config *wanted)
{
	int rc = ctl_twins_change(&daemon->twins, daemon->config, wanted);

	if (rc < 0)
		return rc;
	rc = change_vnets(daemon, wanted);
	if (rc < 0) {
		ctl_twins_change(&daemon->twins, wanted, daemon->config);
		return rc;
	}
	rc = ctl_daemon_tunnels_change(daemon, wanted);
	if (rc < 0) {
		ctl_twins_change(&daemon->twins, wanted, daemon->config);
		return rc;
	}
	ctl_daemon_defaults_set(daemon, wanted);
	tell_fixed(daemon->started, wanted);
	tell_ports(daemon->started, wanted);
	ctl_log_level_set((enum ctl_log_level)(CTL_LOG_ERROR + wanted->log));
	ctl_audit_configure(daemon, wanted);
	ctl_daemon_ports_mss(daemon, wanted);
	return 0;
}

void
ctl_reload(struct ctl_daemon *daemon)
{
	struct ctl_config *wanted;

	notify_reloading();
	wanted = ctl_config_load(daemon->config->file, on_mistake, NULL);
	if (wanted == NULL || apply(daemon, wanted) < 0) {
		ctl_log(CTL_LOG_ERROR, "%s: not reloaded: nothing was changed", daemon->config->file);
		ctl_config_free(wanted);
	} else {
		ctl_log(CTL_LOG_NOTICE, "%s: reloaded", wanted->file);
		if (daemon->config != daemon->started)
			ctl_config_free(daemon->config);
		daemon->config = wanted;
	}
	sd_notify(0, "READY=1");
}
