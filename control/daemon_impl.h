/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon as its own files see it. Control thread. */
#ifndef CTL_DAEMON_IMPL_H
#define CTL_DAEMON_IMPL_H

#include <event2/event.h>

#include "control/audit.h"
#include "control/config.h"
#include "control/helper.h"
#include "control/mirror.h"
#include "control/privilege.h"
#include "control/rtnl.h"
#include "control/server.h"
#include "control/tunnel.h"
#include "control/twins.h"

enum ctl_daemon_timer {
	CTL_TIMER_EVENTS, /* 10 ms */
	CTL_TIMER_TICK,   /* 100 ms */
	CTL_TIMER_SECOND,
	CTL_TIMERS
};

/* What was last said of a port. */
enum ctl_link_said { CTL_LINK_UNSAID, CTL_LINK_UP, CTL_LINK_DOWN, CTL_LINK_GONE };
struct ctl_port_said {
	enum ctl_link_said link;
	bool twin_lost;
	unsigned tries; /* to open its device again, since it was lost */
	unsigned rest;  /* seconds until the next one */
};

struct ctl_daemon {
	struct ctl_config *config;  /* as last applied */
	struct ctl_config *started; /* as at the start: what only a restart changes; may be the same */
	struct event_base *base;
	struct dp *dp;
	struct sadb *db;
	struct ctl_rtnl *rtnl;
	struct ctl_twins twins;
	struct dp_netns *netns; /* those that vnets name */
	unsigned n_netns;
	struct ctl_server *server;
	struct ctl_tunnels *tunnels;
	struct ctl_keying *keying;
	struct ctl_mirror *mirror; /* NULL: source: socket */
	struct event *signal_event, *rtnl_event, *mirror_event, *timer[CTL_TIMERS];
	struct ctl_privilege privilege;
	struct ctl_helper *opener; /* of devices that were unplugged; NULL: they wait for a restart */
	int signal_fd;
	bool huge_pages;
	bool commit_failed;                        /* said once until it works again */
	unsigned seconds;                          /* since the start */
	uint64_t audit_suppressed[DP_AUDIT_KINDS]; /* as last told */
	struct ctl_port_said port_said[DP_MAX_PORTS];
};

/* pump.c: the work that comes round. 0 or -ENOMEM. */
int ctl_pump_start(struct ctl_daemon *daemon);
void ctl_pump_stop(struct ctl_daemon *daemon);

/* daemon_tunnels.c. create: before a packet flows, so that the prefixes are protected from the first one on. start: with
 * the loop and the server there. change: at a reload. 0 or -errno, told. */
int ctl_daemon_tunnels_create(struct ctl_daemon *daemon);
int ctl_daemon_tunnels_start(struct ctl_daemon *daemon); /* -ENOMEM, not told */
int ctl_daemon_tunnels_change(struct ctl_daemon *daemon, const struct ctl_config *wanted);
void ctl_daemon_tunnels_stop(struct ctl_daemon *daemon);

/* daemon_ports.c. 0 or -errno, told. */
int ctl_daemon_ports_add(struct ctl_daemon *daemon);
/* At the start and at a reload: segment sizes as the ports of the configuration want them. */
void ctl_daemon_ports_mss(struct ctl_daemon *daemon, const struct ctl_config *config);
void ctl_daemon_netns_close(struct ctl_daemon *daemon); /* when no port is left */
/* port_watch.c: says what happened to ports, makes twins again that were deleted, opens devices again that were unplugged. */
void ctl_ports_watch(struct ctl_daemon *daemon);
/* What to say behind an error that DPDK has more to tell of. */
const char *ctl_daemon_dpdk_hint(void);

/* reload.c: reads the configuration again and applies what can change. */
void ctl_reload(struct ctl_daemon *daemon);
/* What becomes of packets that no policy names, network by network, at the start and at a reload. */
void ctl_daemon_defaults_set(struct ctl_daemon *daemon, const struct ctl_config *wanted);

#endif
