/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon from start to stop: each step of the start has its undoing in the stop, in reverse. Control thread. */
#include "control/daemon.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "control/clock.h"
#include "control/daemon_impl.h"
#include "control/hardening.h"
#include "control/key_custody.h"
#include "control/log.h"
#include "control/state_dir.h"

/* DPDK's numbers for its own messages (rte_log.h). What fails is told in one line of ours, by file and key; what DPDK has
 * to add is for those who ask. */
#define DPDK_LOG_CRIT 3
#define DPDK_LOG_INFO 7

#define ETHER_BYTES 18U /* with a VLAN tag */

/* Signals are blocked before any thread exists, so that all threads inherit that, and are read like any input. */
static int
signals_open(struct ctl_daemon *daemon)
{
	sigset_t set;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	daemon->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (daemon->signal_fd >= 0)
		return 0;
	rc = -errno;
	ctl_log(CTL_LOG_ERROR, "cannot receive signals: %s", strerror(-rc));
	return rc;
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct signalfd_siginfo info;
	struct ctl_daemon *daemon = arg;

	(void)what;
	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			ctl_reload(daemon);
			continue;
		}
		ctl_log(CTL_LOG_NOTICE, "stopping: %s", strsignal((int)info.ssi_signo));
		event_base_loopbreak(daemon->base);
	}
}

/* What would fail only after DPDK has started is found out first. */
static int
check_host(const struct ctl_config *config, struct ctl_privilege *privilege)
{
	struct ctl_state_dir_error err;
	struct sadb_error other;
	int rc = 0;

	if (geteuid() != 0) {
		ctl_log(CTL_LOG_ERROR,
			"needs root: it opens network devices, makes TAPs and keeps keys; start it with sudo "
			"or by systemd");
		return -EPERM;
	}
	if (ctl_server_is_alone(config->socket, &other) != 0) { /* whose twins have these names */
		ctl_log(CTL_LOG_ERROR, "%s: socket: %s", config->file, other.text);
		return -EADDRINUSE;
	}
	for (unsigned i = 0; i < config->n_ports; i++) {
		const struct ctl_config_port *port = &config->ports[i];

		/* Of a twin elsewhere dp_port_add() finds out. */
		if (!ctl_config_port_has_twin(port) || ctl_config_port_netns(config, port)[0] != '\0' ||
		    if_nametoindex(port->name) == 0)
			continue;
		ctl_log(
		    CTL_LOG_ERROR,
		    "%s:%u: ports[%u].name: an interface '%s' exists already; accepted: a name that is free for the "
		    "port's twin",
		    config->file, port->name_line, i, port->name);
		rc = -EEXIST;
	}
	if (rc < 0)
		return rc;
	rc = ctl_privilege_choose(config, privilege);
	if (rc < 0)
		return rc;
	rc = ctl_state_dir_make(config->state, privilege->uid, &err);
	if (rc == 0 && privilege->uid != 0)
		rc = ctl_state_dir_give(config->state, privilege->uid, privilege->gid, &err);
	if (rc < 0 && config->state_line != 0)
		ctl_log(CTL_LOG_ERROR, "%s:%u: state: %s", config->file, config->state_line, err.text);
	else if (rc < 0)
		ctl_log(CTL_LOG_ERROR, "%s: state: %s", config->file, err.text);
	return rc;
}

static int
start_eal(struct ctl_daemon *daemon)
{
	const struct ctl_config *config = daemon->config;
	const char *pci[DP_MAX_PORTS];
	struct dp_eal_config eal = {
	    .pci_devices = pci,
	    .workers = config->workers,
	    .cpus = config->cpus[0] != '\0' ? config->cpus : NULL,
	    .memory_mb = config->memory_mb,
	    .huge_pages = config->huge_pages == CTL_CONFIG_HUGE_AUTO,
	    .log_level = ctl_log_level() == CTL_LOG_DEBUG ? DPDK_LOG_INFO : DPDK_LOG_CRIT,
	};
	struct dp_error err = {.text = ""};
	int rc;

	for (unsigned i = 0; i < config->n_ports; i++) /* a VLAN's is empty, which is none */
		if (ctl_config_is_pci(config->ports[i].device))
			pci[eal.n_pci++] = config->ports[i].device;
	/* Second start of ctl_daemon_run()'s caller: the pages were free a moment ago and could not be had. */
	if (getenv(CTL_ORDINARY_PAGES) != NULL)
		eal.huge_pages = false;
	rc = dp_eal_start(&eal, &daemon->huge_pages, &err);
	if (rc < 0 && daemon->huge_pages) {
		ctl_log(CTL_LOG_NOTICE, "huge pages cannot be had after all, going on with ordinary ones");
		return -EAGAIN;
	}
	if (rc < 0 && strncmp(err.text, "cpus:", 5) == 0)
		ctl_log(CTL_LOG_ERROR, "%s:%u: %s", config->file, config->cpus_line, err.text);
	else if (rc < 0)
		ctl_log(CTL_LOG_ERROR, "%s: %s%s", config->file, err.text, ctl_daemon_dpdk_hint());
	return rc;
}

static int
create_dataplane(struct ctl_daemon *daemon, struct sadb_keyer *keyer)
{
	const struct ctl_config *config = daemon->config;
	struct dp_config dp = {
	    .engine = ctl_config_engines[config->engine],
	    .workers = config->workers,
	    .packets = config->packets,
	    .poll_busy = config->poll == CTL_CONFIG_POLL_BUSY,
	    .idle_sleep_us = config->idle_sleep_us,
	    .nat_t_port = config->nat_t_port,
	};
	struct dp_error err = {.text = ""};

	for (unsigned i = 0; i < config->n_ports; i++)
		if (dp.max_frame_bytes < config->ports[i].mtu + ETHER_BYTES)
			dp.max_frame_bytes = config->ports[i].mtu + ETHER_BYTES;
	daemon->dp = dp_create(&dp, keyer, &err);
	if (daemon->dp != NULL) {
		ctl_audit_configure(daemon, config);
		return 0;
	}
	ctl_log(CTL_LOG_ERROR, "%s: %s", config->file, err.text);
	return -EIO;
}

static int
create_database(struct ctl_daemon *daemon, const struct sadb_keyer *keyer)
{
	const struct ctl_config *config = daemon->config;
	char path[sizeof(config->state) + 16];
	const struct sadb_config db = {
	    .max_sas = config->max_sas,
	    .max_policies = config->max_policies,
	    .max_workers = config->workers,
	    .keyer = *keyer,
	    .key_id = ctl_key_id,
	    .store_path = path,
	};
	struct sadb_error err = {.text = ""};
	int rc;

	snprintf(path, sizeof(path), "%s/marks.db", config->state);
	daemon->db = sadb_create(&db, &err);
	if (daemon->db == NULL) {
		ctl_log(CTL_LOG_ERROR, "%s: %s", config->file, err.text);
		return -EIO;
	}
	dp_attach(daemon->dp, daemon->db);
	for (unsigned i = 0; i < config->n_vnets; i++) {
		const struct ctl_config_vnet *vnet = &config->vnets[i];

		rc = sadb_vnet_add(daemon->db, vnet->id, vnet->name, &err);
		if (rc < 0) {
			ctl_log(CTL_LOG_ERROR, "%s:%u: vnets[%u]: %s", config->file, vnet->line, i, err.text);
			return rc;
		}
	}
	ctl_daemon_defaults_set(daemon, config);
	return 0;
}

/* After the gateway's own addresses are known, and before the first packet. */
static int
start_mirror(struct ctl_daemon *daemon)
{
	const struct ctl_config *config = daemon->config;
	const struct ctl_mirror_config mirror = {
	    .db = daemon->db,
	    .max_sas = config->max_sas,
	    .max_policies = config->max_policies,
	    .report_s = config->mirror_report_s,
	    .audit_s = config->mirror_audit_s,
	    .events_fd = -1,
	    .requests_fd = -1,
	};
	struct sadb_error err = {.text = ""};
	int rc = -EIO;

	if (config->source != CTL_CONFIG_SOURCE_KERNEL)
		return 0;
	daemon->mirror = ctl_mirror_create(&mirror, &err);
	if (daemon->mirror != NULL)
		rc = ctl_mirror_sync(daemon->mirror, &err);
	if (rc == 0) {
		ctl_privilege_files_begin(&daemon->privilege);
		rc = sadb_commit(daemon->db, &err);
		ctl_privilege_files_end();
	}
	if (rc < 0)
		ctl_log(CTL_LOG_ERROR, "%s:%u: %s", config->file, config->source_line, err.text);
	else
		ctl_mirror_take_changed(daemon->mirror);
	return rc;
}

/* Ports, their twins, and what the kernel knows of them. */
static int
start_network(struct ctl_daemon *daemon)
{
	struct ctl_rtnl_error rtnl_err;
	struct dp_error err = {.text = ""};
	int rc;

	daemon->rtnl = ctl_rtnl_create(daemon->db, daemon->dp, &rtnl_err);
	if (daemon->rtnl == NULL) {
		ctl_log(CTL_LOG_ERROR, "%s", rtnl_err.text);
		return -EIO;
	}
	daemon->twins = (struct ctl_twins){.rtnl = daemon->rtnl, .dp = daemon->dp};
	rc = ctl_daemon_ports_add(daemon);
	if (rc < 0)
		return rc;
	rc = ctl_twins_change(&daemon->twins, NULL, daemon->config);
	if (rc < 0)
		return rc;
	rc = ctl_rtnl_sync(daemon->rtnl, &rtnl_err);
	if (rc < 0) {
		ctl_log(CTL_LOG_ERROR, "%s", rtnl_err.text);
		return rc;
	}
	rc = start_mirror(daemon);
	if (rc < 0)
		return rc;
	rc = dp_start(daemon->dp, &err);
	if (rc < 0)
		ctl_log(CTL_LOG_ERROR, "%s", err.text);
	return rc;
}

static int
start_loop(struct ctl_daemon *daemon, uint64_t start_s)
{
	struct ctl_server_config config = {
	    .path = daemon->config->socket,
	    .group = daemon->config->group,
	    .owner = daemon->privilege.uid,
	    .db = daemon->db,
	    .dp = daemon->dp,
	    .tunnels = daemon->tunnels,
	    .start_s = start_s,
	    .max_sas = daemon->config->max_sas,
	    .huge = daemon->huge_pages,
	    .mirror = daemon->mirror,
	};
	struct sadb_error err = {.text = ""};

	daemon->base = event_base_new();
	if (daemon->base == NULL)
		goto no_memory;
	config.base = daemon->base;
	daemon->server = ctl_server_create(&config, &err);
	if (daemon->server == NULL) {
		ctl_log(CTL_LOG_ERROR, "%s: socket: %s", daemon->config->file, err.text);
		return -EIO;
	}
	daemon->signal_event = event_new(daemon->base, daemon->signal_fd, EV_READ | EV_PERSIST, on_signal, daemon);
	if (daemon->signal_event == NULL || event_add(daemon->signal_event, NULL) < 0 ||
	    ctl_daemon_tunnels_start(daemon) < 0 || ctl_pump_start(daemon) < 0)
		goto no_memory;
	return 0;
no_memory:
	ctl_log(CTL_LOG_ERROR, "out of memory for the event loop");
	return -ENOMEM;
}

/* Takes down whatever of the loop and the network is up. */
static void
stop_loop(struct ctl_daemon *daemon)
{
	ctl_pump_stop(daemon);
	ctl_daemon_tunnels_stop(daemon);
	if (daemon->signal_event != NULL)
		event_free(daemon->signal_event);
	ctl_server_destroy(daemon->server);
	daemon->server = NULL;
	if (daemon->base != NULL)
		event_base_free(daemon->base);
}

/* From root to what is needed. */
static int
drop(struct ctl_daemon *daemon)
{
	const uint64_t devices = ctl_privilege_devices(daemon->config);
	const struct ctl_twins *twins = &daemon->twins;
	struct ctl_privilege_helper helpers[1 + DP_MAX_PORTS];
	unsigned n = 0;

	for (; n < twins->n_there; n++)
		helpers[n] = (struct ctl_privilege_helper){ctl_helper_tid(twins->there[n].helper), CTL_PRIVILEGE_ADMIN};
	if (daemon->config->reopen && devices != 0) {
		daemon->opener = ctl_helper_create("culvert-devices");
		if (daemon->opener == NULL) {
			ctl_log(CTL_LOG_ERROR, "out of memory for a thread that opens devices");
			return -ENOMEM;
		}
		helpers[n++] = (struct ctl_privilege_helper){ctl_helper_tid(daemon->opener), devices};
	}
	return ctl_privilege_drop(&daemon->privilege, helpers, n);
}

static int
serve(struct ctl_daemon *daemon, uint64_t start_s)
{
	int rc = start_loop(daemon, start_s);

	if (rc == 0)
		rc = drop(daemon);
	if (rc == 0) {
		ctl_log(CTL_LOG_NOTICE, "ready: ports %u, workers %u, engine %s, %s pages, socket %s",
			daemon->config->n_ports, daemon->config->workers, dp_engine_name(daemon->dp),
			daemon->huge_pages ? "huge" : "ordinary", daemon->config->socket);
		sd_notifyf(0, "READY=1\nSTATUS=ports %u, workers %u, engine %s", daemon->config->n_ports,
			   daemon->config->workers, dp_engine_name(daemon->dp));
		rc = event_base_dispatch(daemon->base) < 0 ? -EIO : 0;
		sd_notify(0, "STOPPING=1");
	}
	stop_loop(daemon);
	ctl_helper_destroy(daemon->opener);
	return rc;
}

int
ctl_daemon_run(struct ctl_config *config)
{
	struct ctl_daemon daemon = {.config = config, .started = config, .signal_fd = -1};
	const uint64_t start_s = ctl_now_s();
	struct sadb_keyer keyer = {0};
	int rc;

	ctl_log_level_set((enum ctl_log_level)(CTL_LOG_ERROR + config->log));
	rc = ctl_harden();
	if (rc == 0)
		rc = signals_open(&daemon);
	if (rc == 0)
		rc = check_host(config, &daemon.privilege);
	if (rc == 0)
		rc = start_eal(&daemon);
	if (rc < 0)
		goto out;
	rc = create_dataplane(&daemon, &keyer);
	if (rc < 0)
		goto stop_eal;
	ctl_privilege_files_begin(&daemon.privilege);
	rc = create_database(&daemon, &keyer);
	if (rc == 0)
		rc = ctl_daemon_tunnels_create(&daemon);
	ctl_privilege_files_end();
	if (rc == 0)
		rc = start_network(&daemon);
	if (rc == 0)
		rc = serve(&daemon, start_s);
	dp_stop(daemon.dp);
	ctl_audit_pump(&daemon); /* the last ones, in the log alone */
	ctl_audit_sum_up(&daemon);
	ctl_daemon_tunnels_stop(&daemon);
	ctl_mirror_destroy(daemon.mirror); /* with its last report, when no packet comes any more */
	ctl_rtnl_destroy(daemon.rtnl);
	ctl_twins_close(&daemon.twins);
	dp_destroy(daemon.dp);
	ctl_daemon_netns_close(&daemon);
	if (daemon.db != NULL)
		sadb_destroy(daemon.db);
stop_eal:
	dp_eal_stop();
out:
	if (daemon.signal_fd >= 0)
		close(daemon.signal_fd);
	if (daemon.config != daemon.started)
		ctl_config_free(daemon.config);
	ctl_config_free(daemon.started);
	return rc;
}
