/* SPDX-License-Identifier: BSD-3-Clause
 * XFRM requests that are no dumps: applied to the database, answered, announced. Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <string.h>

#include "control/attr.h"
#include "control/clock.h"
#include "control/log.h"
#include "control/tunnel.h"

struct nlmsghdr
ctl_task_header(const struct ctl_task *task, uint16_t type)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_seq = task->ask->seq, .nlmsg_pid = task->ask->pid};
}

int
ctl_task_answer(const struct ctl_task *task, size_t bytes)
{
	if (bytes == 0 || !ctl_peer_queue(task->peer, task->server->out, bytes, NULL))
		return ctl_refuse(task->err, -ENOMEM, 0, "no memory for the answer");
	return 0;
}

void
ctl_task_tell(const struct ctl_task *task, unsigned group, size_t bytes)
{
	ctl_event_queue(task->server, group, task->server->out, bytes);
}

static size_t
encode_sa(const struct ctl_task *task, uint16_t type, const struct sadb_sa_cold *sa)
{
	const struct nlmsghdr header = ctl_task_header(task, type);
	struct ctl_sa_state state;

	ctl_sa_state_fill(task->server, sa, &state);
	if (type == XFRM_MSG_DELSA)
		return ctl_xfrm_encode_sa_deleted(task->server->out, CTL_MESSAGE_BYTES, &header, &sa->config, &state);
	return ctl_xfrm_encode_sa(task->server->out, CTL_MESSAGE_BYTES, &header, &sa->config, &state);
}

static struct sadb_sa_key
key_of(const struct sadb_sa_config *config)
{
	return sadb_sa_key_make(&config->dst, config->spi_be, config->proto);
}

int
ctl_task_no_sa(const struct ctl_task *task, int rc, const struct sadb_sa_key *key)
{
	return ctl_refuse(task->err, rc, 0, "there is no SA with SPI 0x%08x and that destination",
			  rte_be_to_cpu_32(key->spi_be));
}

static int
set_sa(const struct ctl_task *task)
{
	const struct sadb_sa_config *config = &task->ask->sa.config;
	const struct sadb_sa_key key = key_of(config);
	const struct sadb_sa_cold *sa = sadb_sa_find(task->db, &key);
	bool is_new = !sa || sa->larval;
	int rc = task->ask->type == XFRM_MSG_NEWSA ? sadb_sa_add(task->db, config, task->err)
						   : sadb_sa_update(task->db, config, task->err);

	if (rc)
		return rc;
	task->server->changed = true;
	if (is_new) {
		ctl_task_take_use(task, &key);
		ctl_acquire_answered(task->server, config);
	}
	if (!ctl_event_wanted(task->server, XFRMNLGRP_SA))
		return 0;
	sa = sadb_sa_find(task->db, &key);
	if (sa)
		ctl_task_tell(task, XFRMNLGRP_SA, encode_sa(task, task->ask->type, sa));
	return 0;
}

static int
del_sa(const struct ctl_task *task)
{
	const struct sadb_sa_cold *sa = sadb_sa_find(task->db, &task->ask->sa_id);
	size_t bytes = 0;

	if (!sa)
		return ctl_task_no_sa(task, -ESRCH, &task->ask->sa_id);
	if (ctl_event_wanted(task->server, XFRMNLGRP_SA))
		bytes = encode_sa(task, XFRM_MSG_DELSA, sa);
	int rc = sadb_sa_del(task->db, &task->ask->sa_id, task->err);
	if (rc)
		return rc;
	task->server->changed = true;
	ctl_task_tell(task, XFRMNLGRP_SA, bytes);
	return 0;
}

/* Who asks for one SA may be about to move it: it gets something in the key's place that an add takes for the key. */
static int
get_sa(const struct ctl_task *task)
{
	const struct nlmsghdr header = ctl_task_header(task, XFRM_MSG_NEWSA);
	const struct sadb_sa_key *key = &task->ask->sa_id;
	const struct sadb_sa_cold *sa = sadb_sa_find(task->db, key);
	uint8_t stand_in[SADB_KEY_MAX];
	struct ctl_sa_state state;

	if (!sa)
		return ctl_task_no_sa(task, -ESRCH, key);
	ctl_sa_state_fill(task->server, sa, &state);
	if (sadb_sa_stand_in(task->db, key, stand_in) == 0)
		state.stand_in = stand_in;
	return ctl_task_answer(task,
			       ctl_xfrm_encode_sa(task->server->out, CTL_MESSAGE_BYTES, &header, &sa->config, &state));
}

/* As in the kernel: an empty table is no error and no event. */
static int
flush_sa(const struct ctl_task *task)
{
	const struct nlmsghdr header = ctl_task_header(task, XFRM_MSG_FLUSHSA);

	if (sadb_sa_flush(task->db, task->ask->proto) == 0)
		return 0;
	task->server->changed = true;
	size_t bytes = ctl_xfrm_encode_flush_sa(task->server->out, CTL_MESSAGE_BYTES, &header, task->ask->proto);
	ctl_task_tell(task, XFRMNLGRP_SA, bytes);
	return 0;
}

static int
alloc_spi(const struct ctl_task *task)
{
	struct sadb_sa_config config = task->ask->sa.config;
	int rc =
	    sadb_spi_alloc(task->db, &config, task->ask->sa.spi_min, task->ask->sa.spi_max, &config.spi_be, task->err);

	if (rc)
		return rc;
	task->server->changed = true;
	const struct sadb_sa_key key = key_of(&config);
	const struct sadb_sa_cold *sa = sadb_sa_find(task->db, &key);
	return sa ? ctl_task_answer(task, encode_sa(task, XFRM_MSG_NEWSA, sa)) : ctl_task_no_sa(task, -ESRCH, &key);
}

static size_t
encode_policy(const struct ctl_task *task, uint16_t type, const struct sadb_policy_info *info)
{
	const struct nlmsghdr header = ctl_task_header(task, type);

	if (type == XFRM_MSG_DELPOLICY)
		return ctl_xfrm_encode_policy_deleted(task->server->out, CTL_MESSAGE_BYTES, &header, info);
	return ctl_xfrm_encode_policy(task->server->out, CTL_MESSAGE_BYTES, &header, info);
}

static int
set_policy(const struct ctl_task *task)
{
	struct sadb_policy_config config = task->ask->policy.config;
	struct sadb_policy_info info;
	int rc = sadb_policy_add(task->db, &config, task->ask->type == XFRM_MSG_UPDPOLICY, task->err);

	if (rc)
		return rc;
	task->server->changed = true;
	if (ctl_event_wanted(task->server, XFRMNLGRP_POLICY) && sadb_policy_get(task->db, &config, &info) == 0)
		ctl_task_tell(task, XFRMNLGRP_POLICY, encode_policy(task, task->ask->type, &info));
	return 0;
}

int
ctl_task_find_policy(const struct ctl_task *task, struct sadb_policy_info *info)
{
	if (sadb_policy_get(task->db, &task->ask->policy.config, info) == 0)
		return 0;
	return ctl_refuse(task->err, -ENOENT, 0, "there is no such policy in that direction of vnet %u",
			  task->ask->policy.config.vnet_id);
}

static int
del_policy(const struct ctl_task *task)
{
	struct sadb_policy_info info;
	int rc = ctl_task_find_policy(task, &info);

	if (rc == 0)
		rc = sadb_policy_del(task->db, &task->ask->policy.config, NULL, task->err);
	if (rc)
		return rc;
	task->server->changed = true;
	ctl_task_tell(task, XFRMNLGRP_POLICY, encode_policy(task, XFRM_MSG_DELPOLICY, &info));
	return 0;
}

static int
get_policy(const struct ctl_task *task)
{
	struct sadb_policy_info info;
	int rc = ctl_task_find_policy(task, &info);

	return rc ? rc : ctl_task_answer(task, encode_policy(task, XFRM_MSG_NEWPOLICY, &info));
}

static int
flush_policy(const struct ctl_task *task)
{
	const struct nlmsghdr header = ctl_task_header(task, XFRM_MSG_FLUSHPOLICY);

	if (sadb_policy_flush(task->db) == 0)
		return 0;
	if (task->server->config.tunnels)
		ctl_tunnels_policies_restore(task->server->config.tunnels);
	task->server->changed = true;
	size_t bytes = ctl_xfrm_encode_flush_policy(task->server->out, CTL_MESSAGE_BYTES, &header);
	ctl_task_tell(task, XFRMNLGRP_POLICY, bytes);
	return 0;
}

static int
get_sad_info(const struct ctl_task *task)
{
	const struct nlmsghdr header = ctl_task_header(task, XFRM_MSG_NEWSADINFO);

	return ctl_task_answer(task, ctl_xfrm_encode_sad_info(task->server->out, CTL_MESSAGE_BYTES, &header,
							      sadb_sa_count(task->db), task->server->config.max_sas));
}

static int (*const tasks[XFRM_MSG_MAX + 1])(const struct ctl_task *) = {
    [XFRM_MSG_NEWSA] = set_sa,
    [XFRM_MSG_UPDSA] = set_sa,
    [XFRM_MSG_DELSA] = del_sa,
    [XFRM_MSG_GETSA] = get_sa,
    [XFRM_MSG_FLUSHSA] = flush_sa,
    [XFRM_MSG_ALLOCSPI] = alloc_spi,
    [XFRM_MSG_NEWPOLICY] = set_policy,
    [XFRM_MSG_UPDPOLICY] = set_policy,
    [XFRM_MSG_DELPOLICY] = del_policy,
    [XFRM_MSG_GETPOLICY] = get_policy,
    [XFRM_MSG_FLUSHPOLICY] = flush_policy,
    [XFRM_MSG_GETSADINFO] = get_sad_info,
    [XFRM_MSG_GETSPDINFO] = ctl_task_get_spd_info,
    [XFRM_MSG_NEWSPDINFO] = ctl_task_set_spd_info,
    [XFRM_MSG_GETDEFAULT] = ctl_task_get_default,
    [XFRM_MSG_SETDEFAULT] = ctl_task_set_default,
    [XFRM_MSG_GETAE] = ctl_task_get_ae,
    [XFRM_MSG_NEWAE] = ctl_task_new_ae,
    [XFRM_MSG_EXPIRE] = ctl_task_expire,
    [XFRM_MSG_POLEXPIRE] = ctl_task_expire_policy,
    [XFRM_MSG_MIGRATE] = ctl_task_migrate,
};

/* One writer: with source: kernel that is the mirror. */
static int
check_writer(const struct ctl_server *server, uint16_t type, struct sadb_error *err)
{
	static const bool reads[XFRM_MSG_MAX + 1] = {
	    [XFRM_MSG_GETSA] = true,      [XFRM_MSG_GETPOLICY] = true,  [XFRM_MSG_GETAE] = true,
	    [XFRM_MSG_GETSADINFO] = true, [XFRM_MSG_GETSPDINFO] = true, [XFRM_MSG_GETDEFAULT] = true,
	};

	if (!server->config.mirror || reads[type])
		return 0;
	return ctl_refuse(err, -EPERM, 0,
			  "SAs and policies are the kernel's (source: kernel): change them there, as with ip xfrm");
}

/* An IKE daemon shows its operator little more than an errno: why stands in the log here. One line a second, and none for
 * what is not there, which is a question's common answer. */
static void
log_refusal(const struct ctl_peer *peer, uint16_t type, int rc, const struct sadb_error *err)
{
	struct ctl_server *server = peer->server;
	uint64_t now_s = ctl_now_s();

	if (rc == -ESRCH || rc == -ENOENT)
		return;
	if (server->refusals.second == now_s) {
		server->refusals.untold++;
		return;
	}
	ctl_log(CTL_LOG_NOTICE, "refused XFRM_MSG_%s of process %d: %s (%s); refusals not told since the last: %u",
		ctl_xfrm_name(type) ? ctl_xfrm_name(type) : "?", peer->cred.pid, err->text, strerror(-rc),
		server->refusals.untold);
	server->refusals.second = now_s;
	server->refusals.untold = 0;
}

int
ctl_serve_xfrm(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err)
{
	struct ctl_xfrm ask;
	struct ctl_task task = {peer, peer->server, peer->server->config.db, &ask, err};
	int rc = ctl_xfrm_decode(nlh, &ask, err);

	if (rc == 0)
		rc = check_writer(peer->server, nlh->nlmsg_type, err);
	if (rc == 0)
		rc = ctl_tunnel_guard(peer->server, &ask, err);
	if (rc == 0 && tasks[nlh->nlmsg_type])
		rc = tasks[nlh->nlmsg_type](&task);
	else if (rc == 0)
		rc = ctl_refuse(err, -EINVAL, 0, "XFRM_MSG_%s is an answer or event, no request",
				ctl_xfrm_name(nlh->nlmsg_type));
	sadb_wipe(&ask, sizeof(ask));
	if (rc)
		log_refusal(peer, nlh->nlmsg_type, rc, err);
	return rc;
}
