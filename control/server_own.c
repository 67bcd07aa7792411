/* SPDX-License-Identifier: BSD-3-Clause
 * Culvert's own requests that are no dumps: INFO_GET, MEMORY_GET, MIRROR_GET, SUBSCRIBE, CHAIN; and who serves others. Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <stdio.h>

#include "control/attr.h"
#include "control/clock.h"
#include "control/mirror.h"

/* All that the kernel has, and our own: an IKE daemon joins some without knowing whether they ever have events. */
#define GROUPS (((1u << (XFRMNLGRP_MAX + 1)) - 2) | 1u << CTL_GROUP_TUNNEL | 1u << CTL_GROUP_AUDIT)

static int
get_info(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err)
{
	const struct nlmsghdr header = {
	    .nlmsg_type = CTL_MSG_INFO, .nlmsg_seq = nlh->nlmsg_seq, .nlmsg_pid = nlh->nlmsg_pid};
	struct ctl_server *server = peer->server;
	struct sadb *db = server->config.db;
	struct ctl_info info = {.uptime_s = ctl_now_s() - server->config.start_s,
				.tsc_hz = dp_tsc_hz(),
				.workers = dp_workers(server->config.dp),
				.sa_count = sadb_sa_count(db),
				.huge = server->config.huge};

	for (unsigned dir = 0; dir < SADB_POLICY_DIRS; dir++)
		info.policy_count += sadb_policy_count(db, (enum sadb_policy_dir)dir);
	snprintf(info.version, sizeof(info.version), "%s", CULVERT_VERSION);
	snprintf(info.engine, sizeof(info.engine), "%s", dp_engine_name(server->config.dp));
	size_t bytes = ctl_own_encode_info(server->out, CTL_MESSAGE_BYTES, &header, &info);
	if (bytes == 0 || !ctl_peer_queue(peer, server->out, bytes, NULL))
		return ctl_refuse(err, -ENOMEM, 0, "no memory for the answer");
	return 0;
}

static int
get_mirror(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err)
{
	const struct nlmsghdr header = {
	    .nlmsg_type = CTL_MSG_MIRROR, .nlmsg_seq = nlh->nlmsg_seq, .nlmsg_pid = nlh->nlmsg_pid};
	static struct ctl_mirror_info info; /* large; one thread */
	struct ctl_server *server = peer->server;

	if (!server->config.mirror)
		return ctl_refuse(err, -ENOENT, 0,
				  "there is no mirror: the configuration says source: socket, not source: kernel");
	ctl_mirror_get(server->config.mirror, &info);
	size_t bytes = ctl_own_encode_mirror(server->out, CTL_MESSAGE_BYTES, &header, &info);
	if (bytes == 0 || !ctl_peer_queue(peer, server->out, bytes, NULL))
		return ctl_refuse(err, -ENOMEM, 0, "no memory for the answer");
	return 0;
}

static int
subscribe(struct ctl_peer *peer, uint32_t groups, struct sadb_error *err)
{
	if (groups & ~GROUPS)
		return ctl_refuse(
		    err, -EINVAL, CTL_A_GROUPS,
		    "CTL_A_GROUPS 0x%x: bits of XFRM's multicast groups and Culvert's (0x%x) are accepted", groups,
		    GROUPS);
	peer->groups = groups;
	if (groups == 0)
		peer->lost_events = false;
	return 0;
}

int
ctl_serve_own(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err)
{
	static struct ctl_own ask; /* large; one thread */
	int rc = ctl_own_decode(nlh, &ask, err);

	if (rc)
		return rc;
	switch (nlh->nlmsg_type) {
	case CTL_MSG_INFO_GET:
		return get_info(peer, nlh, err);
	case CTL_MSG_MEMORY_GET:
		return ctl_serve_memory(peer, nlh, err);
	case CTL_MSG_MIRROR_GET:
		return get_mirror(peer, nlh, err);
	case CTL_MSG_SUBSCRIBE:
		return subscribe(peer, ask.groups, err);
	case CTL_MSG_CHAIN:
		peer->chained = ask.chain;
		peer->broken = false;
		return 0;
	case CTL_MSG_DUMMY:
		return ctl_serve_dummy(peer, nlh, &ask.dummy, err);
	case CTL_MSG_TUNNEL_ADD:
	case CTL_MSG_TUNNEL_DEL:
	case CTL_MSG_TUNNEL_REKEY:
	case CTL_MSG_TUNNEL_OFFER:
	case CTL_MSG_TUNNEL_ACCEPT:
		return ctl_serve_tunnel(peer, nlh, &ask, err);
	case CTL_MSG_TUNNEL_GET:
	case CTL_MSG_PORT_GET:
	case CTL_MSG_VNET_GET:
	case CTL_MSG_ROUTE_GET:
	case CTL_MSG_NEIGH_GET:
	case CTL_MSG_WORKER_GET:
		return ctl_refuse(err, -EINVAL, 0, "message 0x%x is a dump: it needs the flag NLM_F_DUMP",
				  nlh->nlmsg_type);
	default:
		return ctl_refuse(err, -EOPNOTSUPP, 0, "message 0x%x is an answer, no request", nlh->nlmsg_type);
	}
}
