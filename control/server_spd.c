/* SPDX-License-Identifier: BSD-3-Clause
 * Requests about the policy table as a whole, and MIGRATE, which changes a policy and its SAs. Control thread. */
#include "control/server_impl.h"

#include <errno.h>

#include "control/attr.h"

int
ctl_task_get_spd_info(const struct ctl_task *task)
{
	const struct nlmsghdr header = ctl_task_header(task, XFRM_MSG_NEWSPDINFO);
	struct ctl_spd_info info = task->server->thresholds;

	info.in = sadb_policy_count(task->db, SADB_POLICY_IN);
	info.out = sadb_policy_count(task->db, SADB_POLICY_OUT);
	info.fwd = sadb_policy_count(task->db, SADB_POLICY_FWD);
	return ctl_task_answer(task, ctl_xfrm_encode_spd_info(task->server->out, CTL_MESSAGE_BYTES, &header, &info));
}

/* The kernel hashes policies whose prefixes are that long. Culvert's lookup takes as long whatever they are. */
int
ctl_task_set_spd_info(const struct ctl_task *task)
{
	const struct ctl_spd_info *ask = &task->ask->spd;
	struct ctl_spd_info *kept = &task->server->thresholds;

	if (ask->has_v4) {
		kept->v4[0] = ask->v4[0];
		kept->v4[1] = ask->v4[1];
	}
	if (ask->has_v6) {
		kept->v6[0] = ask->v6[0];
		kept->v6[1] = ask->v6[1];
	}
	return 0;
}

static size_t
encode_default(const struct ctl_task *task)
{
	static const struct ctl_spd_default block = {
	    .action = {XFRM_USERPOLICY_BLOCK, XFRM_USERPOLICY_BLOCK, XFRM_USERPOLICY_BLOCK}};
	const struct nlmsghdr header = ctl_task_header(task, XFRM_MSG_GETDEFAULT);

	return ctl_xfrm_encode_default(task->server->out, CTL_MESSAGE_BYTES, &header, &block);
}

int
ctl_task_get_default(const struct ctl_task *task)
{
	return ctl_task_answer(task, encode_default(task));
}

/* What no policy matches is dropped (RFC 4301 4.4.1), or as the configuration says of a virtual network. SETDEFAULT speaks of
 * all networks at once and of each direction apart, while what came in the clear needs only the outbound policies' leave
 * (classify.c): accept for one direction could not mean here what it means there. As in the kernel, what is neither block
 * nor accept changes nothing. */
int
ctl_task_set_default(const struct ctl_task *task)
{
	static const char *const names[SADB_POLICY_DIRS] = {
	    [SADB_POLICY_IN] = "in", [SADB_POLICY_OUT] = "out", [SADB_POLICY_FWD] = "fwd"};

	for (unsigned dir = 0; dir < SADB_POLICY_DIRS; dir++)
		if (task->ask->spd_default.action[dir] == XFRM_USERPOLICY_ACCEPT)
			return ctl_refuse(task->err, -EOPNOTSUPP, 0,
					  "default policy accept for %s would let packets pass unprotected: block is "
					  "accepted; a policy with action allow, or vnets.default, says what may pass",
					  names[dir]);
	ctl_task_tell(task, XFRMNLGRP_POLICY, encode_default(task));
	return 0;
}

int
ctl_task_migrate(const struct ctl_task *task)
{
	const struct nlmsghdr header = {.nlmsg_type = XFRM_MSG_MIGRATE};
	const struct ctl_migrate *ask = &task->ask->migrate;
	const struct sadb_policy_config which = {.sel = ask->sel, .vnet_id = ask->vnet_id, .dir = ask->dir};
	int rc = sadb_migrate(task->db, &which, ask->one, ask->n, task->err);

	if (rc)
		return rc;
	task->server->changed = true;
	ctl_task_tell(task, XFRMNLGRP_MIGRATE,
		      ctl_xfrm_encode_migrate(task->server->out, CTL_MESSAGE_BYTES, &header, ask));
	return 0;
}
