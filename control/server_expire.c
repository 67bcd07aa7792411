/* SPDX-License-Identifier: BSD-3-Clause
 * EXPIRE and POLEXPIRE: limits that passed are multicast, and whoever asks makes one pass. Control thread. */
#include "control/server_impl.h"

#include <errno.h>

#include "control/attr.h"
#include "control/tunnel.h"

static void
tell_sa(struct ctl_server *server, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind, uint32_t pid)
{
	const struct nlmsghdr header = {.nlmsg_type = XFRM_MSG_EXPIRE, .nlmsg_pid = pid};
	struct ctl_sa_state state;

	if (!ctl_event_wanted(server, XFRMNLGRP_EXPIRE))
		return;
	ctl_sa_state_fill(server, sa, &state);
	size_t bytes = ctl_xfrm_encode_expire(server->out, CTL_MESSAGE_BYTES, &header, &sa->config, &state,
					      kind == SADB_EXPIRE_HARD);
	ctl_event_queue(server, XFRMNLGRP_EXPIRE, server->out, bytes);
}

static void
tell_policy(struct ctl_server *server, const struct sadb_policy_info *policy, enum sadb_expire_kind kind, uint32_t pid)
{
	const struct nlmsghdr header = {.nlmsg_type = XFRM_MSG_POLEXPIRE, .nlmsg_pid = pid};

	if (!ctl_event_wanted(server, XFRMNLGRP_EXPIRE))
		return;
	size_t bytes =
	    ctl_xfrm_encode_policy_expire(server->out, CTL_MESSAGE_BYTES, &header, policy, kind == SADB_EXPIRE_HARD);
	ctl_event_queue(server, XFRMNLGRP_EXPIRE, server->out, bytes);
}

void
ctl_server_expire(struct ctl_server *server, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	tell_sa(server, sa, kind, 0);
	ctl_peers_flush(server);
}

void
ctl_server_policy_expire(struct ctl_server *server, const struct sadb_policy_info *policy, enum sadb_expire_kind kind)
{
	tell_policy(server, policy, kind, 0);
	ctl_peers_flush(server);
}

static void
on_asked(void *arg, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	const struct ctl_task *task = arg;

	tell_sa(task->server, sa, kind, task->ask->pid);
	/* A limit comes once: a tunnel that did not hear of it now would not exchange keys before the hard one. */
	if (task->server->config.tunnels)
		ctl_tunnels_expire(task->server->config.tunnels, sa, kind);
}

/* As in the kernel, an SA that is not there is ENOENT here, and ESRCH elsewhere. */
int
ctl_task_expire(const struct ctl_task *task)
{
	enum sadb_expire_kind kind = task->ask->sa.hard ? SADB_EXPIRE_HARD : SADB_EXPIRE_SOFT;
	struct ctl_task copy = *task;
	int rc = sadb_sa_expire_asked(task->db, &task->ask->sa.expired, kind, on_asked, &copy);

	if (rc == -ESRCH)
		return ctl_task_no_sa(task, -ENOENT, &task->ask->sa.expired);
	if (rc)
		return ctl_refuse(task->err, rc, 0, "this SA has no key yet: delete it, or wait until it is given up");
	task->server->changed |= kind == SADB_EXPIRE_HARD;
	return 0;
}

int
ctl_task_expire_policy(const struct ctl_task *task)
{
	enum sadb_expire_kind kind = task->ask->policy.hard ? SADB_EXPIRE_HARD : SADB_EXPIRE_SOFT;
	struct sadb_policy_info info;
	int rc = ctl_task_find_policy(task, &info);

	if (rc == 0 && kind == SADB_EXPIRE_HARD)
		rc = sadb_policy_del(task->db, &task->ask->policy.config, NULL, task->err);
	if (rc)
		return rc;
	task->server->changed |= kind == SADB_EXPIRE_HARD;
	tell_policy(task->server, &info, kind, task->ask->pid);
	return 0;
}
