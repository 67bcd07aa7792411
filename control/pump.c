/* SPDX-License-Identifier: BSD-3-Clause
 * The work that comes round: events from workers, lifetimes, links, neighbours, and what the kernel says. Control thread,
 * in the event loop. */
#include <errno.h>
#include <string.h>

#include <systemd/sd-daemon.h>

#include "control/daemon_impl.h"
#include "control/log.h"

#define EVENTS_BATCH    64
#define EVENTS_MAX      4096 /* in one round, so that a flood leaves time for the socket */
#define NEIGH_REFRESH_S 30

static void
on_expire(void *arg, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	struct ctl_daemon *daemon = arg;

	ctl_server_expire(daemon->server, sa, kind);
	if (daemon->mirror != NULL)
		ctl_mirror_expire(daemon->mirror, sa, kind);
	ctl_tunnels_expire(daemon->tunnels, sa, kind);
}

static void
on_policy_expire(void *arg, const struct sadb_policy_info *policy, enum sadb_expire_kind kind)
{
	struct ctl_daemon *daemon = arg;

	ctl_server_policy_expire(daemon->server, policy, kind);
}

/* Makes visible what events and time changed. A disk that fails stops outbound SAs at their marks, so it is said. */
static void
commit(struct ctl_daemon *daemon)
{
	struct sadb_error err = {.text = ""};
	int rc = sadb_commit(daemon->db, &err);

	if (rc < 0 && !daemon->commit_failed)
		ctl_log(
		    CTL_LOG_ERROR,
		    "sequence marks cannot be written: %s: outbound SAs stop when their numbers on disk are used up; "
		    "cure: make room in or mend %s",
		    err.text, daemon->started->state);
	else if (rc == 0 && daemon->commit_failed)
		ctl_log(CTL_LOG_NOTICE, "sequence marks are written again");
	daemon->commit_failed = rc < 0;
	/* Added SAs may have been taken back. */
	if (rc < 0 && daemon->mirror != NULL)
		ctl_mirror_again(daemon->mirror);
}

/* One event of a worker. True when it changed the database. */
static bool
take_event(struct ctl_daemon *daemon, const struct dp_event *event)
{
	switch (event->kind) {
	case DP_EVENT_ACQUIRE:
		if (ctl_server_acquire(daemon->server, event) == -ESRCH)
			ctl_log(CTL_LOG_DEBUG, "policy %u wants an SA and nobody listens for ACQUIRE",
				event->policy_index);
		return false;
	case DP_EVENT_SOFT:
		return sadb_sa_expire(daemon->db, &event->sa, SADB_EXPIRE_SOFT, on_expire, daemon) == 0;
	case DP_EVENT_HARD:
		return sadb_sa_expire(daemon->db, &event->sa, SADB_EXPIRE_HARD, on_expire, daemon) == 0;
	case DP_EVENT_MAPPING:
		ctl_server_mapping(daemon->server, event);
		return false;
	case DP_EVENT_NEIGH:
		ctl_rtnl_resolve(daemon->rtnl, event->port, &event->addr);
		return false;
	default:
		ctl_log(CTL_LOG_ERROR, "a worker sent an event of unknown kind %u", event->kind);
		return false;
	}
}

static void
on_events(evutil_socket_t fd, short what, void *arg)
{
	struct dp_event batch[EVENTS_BATCH];
	struct ctl_daemon *daemon = arg;
	bool changed = false;
	unsigned n, total = 0;

	(void)fd;
	(void)what;
	do {
		n = dp_events(daemon->dp, batch, EVENTS_BATCH);
		for (unsigned i = 0; i < n; i++)
			changed |= take_event(daemon, &batch[i]);
		total += n;
	} while (n == EVENTS_BATCH && total < EVENTS_MAX);
	ctl_audit_pump(daemon);
	if (changed)
		commit(daemon);
	ctl_rtnl_publish(daemon->rtnl);
	sadb_reclaim(daemon->db);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_daemon *daemon = arg;

	(void)fd;
	(void)what;
	if (daemon->mirror != NULL)
		ctl_mirror_tick(daemon->mirror);
	sadb_tick(daemon->db, sadb_now_s(), on_expire, daemon);
	sadb_policies_tick(daemon->db, sadb_now_s(), on_policy_expire, daemon);
	ctl_tunnels_tick(daemon->tunnels);
	commit(daemon);
	/* Workers drop for a port whose link is down: one that comes up must not wait a second for its first ARP. */
	dp_port_poll_link(daemon->dp);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_daemon *daemon = arg;

	(void)fd;
	(void)what;
	if (++daemon->seconds % NEIGH_REFRESH_S == 0)
		ctl_rtnl_refresh(daemon->rtnl);
	ctl_audit_sum_up(daemon);
	ctl_ports_watch(daemon);
	sd_notify(0, "WATCHDOG=1");
}

static void
on_rtnl(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_daemon *daemon = arg;

	(void)fd;
	(void)what;
	ctl_rtnl_read(daemon->rtnl);
	ctl_rtnl_publish(daemon->rtnl);
}

static void
on_mirror(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_daemon *daemon = arg;

	(void)fd;
	(void)what;
	ctl_mirror_read(daemon->mirror);
	if (ctl_mirror_take_changed(daemon->mirror))
		commit(daemon);
}

/* What the loop reads. */
static int
start_reading(struct ctl_daemon *daemon)
{
	daemon->rtnl_event = event_new(daemon->base, ctl_rtnl_fd(daemon->rtnl), EV_READ | EV_PERSIST, on_rtnl, daemon);
	if (daemon->rtnl_event == NULL || event_add(daemon->rtnl_event, NULL) < 0)
		return -ENOMEM;
	if (daemon->mirror == NULL)
		return 0;
	daemon->mirror_event =
	    event_new(daemon->base, ctl_mirror_fd(daemon->mirror), EV_READ | EV_PERSIST, on_mirror, daemon);
	return daemon->mirror_event == NULL || event_add(daemon->mirror_event, NULL) < 0 ? -ENOMEM : 0;
}

int
ctl_pump_start(struct ctl_daemon *daemon)
{
	static const struct {
		event_callback_fn fn;
		struct timeval period;
	} timers[CTL_TIMERS] = {
	    [CTL_TIMER_EVENTS] = {on_events, {.tv_usec = 10000}},
	    [CTL_TIMER_TICK] = {on_tick, {.tv_usec = 100000}},
	    [CTL_TIMER_SECOND] = {on_second, {.tv_sec = 1}},
	};

	if (start_reading(daemon) < 0)
		goto fail;
	for (unsigned i = 0; i < CTL_TIMERS; i++) {
		daemon->timer[i] = event_new(daemon->base, -1, EV_PERSIST, timers[i].fn, daemon);
		if (daemon->timer[i] == NULL || event_add(daemon->timer[i], &timers[i].period) < 0)
			goto fail;
	}
	return 0;
fail:
	ctl_pump_stop(daemon);
	return -ENOMEM;
}

void
ctl_pump_stop(struct ctl_daemon *daemon)
{
	for (unsigned i = 0; i < CTL_TIMERS; i++) {
		if (daemon->timer[i] != NULL)
			event_free(daemon->timer[i]);
		daemon->timer[i] = NULL;
	}
	if (daemon->mirror_event != NULL)
		event_free(daemon->mirror_event);
	if (daemon->rtnl_event != NULL)
		event_free(daemon->rtnl_event);
	daemon->rtnl_event = daemon->mirror_event = NULL;
}
