/* SPDX-License-Identifier: BSD-3-Clause
 * Requests about tunnels, events of theirs, and what others may not do to what a tunnel owns. Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/attr.h"
#include "control/tunnel.h"

static int
add(struct ctl_peer *peer, struct ctl_own *ask, struct sadb_error *err)
{
	/* The daemon runs the command as root, so that only root may say what it is. */
	if (ask->tunnel.config.exchange[0] != 0 && !ctl_path_is_root(peer->cred.uid))
		return ctl_refuse(
		    err, -EPERM, CTL_A_TUNNEL,
		    "exchange: only root may give the daemon a command to run; without it the tunnel's keys "
		    "are exchanged by hand");
	return ctl_tunnel_add(peer->server->config.tunnels, &ask->tunnel.config, err);
}

/* The text leaves in one message, and its copies here are wiped. */
static int
answer(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct ctl_tunnel_words *words, struct sadb_error *err)
{
	const struct nlmsghdr header = {
	    .nlmsg_type = CTL_MSG_TUNNEL_OFFER, .nlmsg_seq = nlh->nlmsg_seq, .nlmsg_pid = nlh->nlmsg_pid};
	struct ctl_server *server = peer->server;
	struct ctl_out *message;
	size_t bytes = ctl_own_encode_tunnel_words(server->out, CTL_MESSAGE_BYTES, &header, words);
	bool queued = bytes > 0 && ctl_peer_queue(peer, server->out, bytes, &message);

	if (queued)
		message->secret = true;
	sadb_wipe(server->out, bytes);
	return queued ? 0 : ctl_refuse(err, -ENOMEM, 0, "no memory for the answer");
}

static int
offer(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct ctl_own *ask, struct sadb_error *err)
{
	struct ctl_tunnels *tunnels = peer->server->config.tunnels;
	char text[CTL_OFFER_BYTES];
	int rc;

	if (nlh->nlmsg_type == CTL_MSG_TUNNEL_OFFER)
		rc = ctl_tunnel_offer(tunnels, ask->words.name, (nlh->nlmsg_flags & NLM_F_REPLACE) != 0, text, err);
	else
		rc = ctl_tunnel_accept(tunnels, ask->words.name, &ask->words.offer, text, err);
	if (rc > 0) {
		ask->words.offer = (struct ctl_keying_text){text, (size_t)rc};
		rc = answer(peer, nlh, &ask->words, err);
	}
	sadb_wipe(text, sizeof(text));
	return rc;
}

int
ctl_serve_tunnel(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct ctl_own *ask, struct sadb_error *err)
{
	struct ctl_tunnels *tunnels = peer->server->config.tunnels;

	if (tunnels == NULL)
		return ctl_refuse(err, -EOPNOTSUPP, 0, "this server has no tunnels");
	if (peer->server->config.mirror != NULL)
		return ctl_refuse(err, -EPERM, 0,
				  "SAs and policies are the kernel's (source: kernel): tunnels need source: socket");
	/* A tunnel commits for itself: what others changed before is not to fail with it. */
	ctl_server_commit(peer->server);
	switch (nlh->nlmsg_type) {
	case CTL_MSG_TUNNEL_ADD:
		return add(peer, ask, err);
	case CTL_MSG_TUNNEL_DEL:
		return ctl_tunnel_del(tunnels, ask->words.name, err);
	case CTL_MSG_TUNNEL_REKEY:
		return ctl_tunnel_rekey(tunnels, ask->words.name, err);
	default:
		return offer(peer, nlh, ask, err);
	}
}

void
ctl_server_tunnel_event(struct ctl_server *server, const struct ctl_tunnel_event *event)
{
	const struct nlmsghdr header = {.nlmsg_type = CTL_MSG_TUNNEL_EVENT};
	struct ctl_tunnel_words words = {.generation = event->generation};

	if (!ctl_event_wanted(server, CTL_GROUP_TUNNEL))
		return;
	snprintf(words.name, sizeof(words.name), "%s", event->name);
	snprintf(words.kind, sizeof(words.kind), "%s", event->kind);
	snprintf(words.text, sizeof(words.text), "%s", event->text);
	size_t bytes = ctl_own_encode_tunnel_words(server->out, CTL_MESSAGE_BYTES, &header, &words);
	ctl_event_queue(server, CTL_GROUP_TUNNEL, server->out, bytes);
	/* Amid a request the flush comes after it: it may drop the client that asks. */
	if (!server->serving)
		ctl_peers_flush(server);
}

/* ---- what a tunnel owns ---- */
static int
refuse_reqid(uint32_t reqid, struct sadb_error *err)
{
	return ctl_refuse(err, -EPERM, 0,
			  "reqid 0x%x: 0x%x to 0x%x are for tunnels ('culvert tunnel'); accepted is another", reqid,
			  CTL_TUNNEL_REQID_FIRST, CTL_TUNNEL_REQID_LAST);
}

static int
guard_owned(struct sadb *db, const struct sadb_sa_key *key, struct sadb_error *err)
{
	const struct sadb_sa_cold *there = sadb_sa_find(db, key);

	if (there != NULL && ctl_tunnel_reqid(there->config.reqid))
		return ctl_refuse(err, -EPERM, 0,
				  "this SA is a tunnel's ('culvert tunnel show'), which alone changes it");
	return 0;
}

static int
guard_sa(struct sadb *db, const struct sadb_sa_config *config, struct sadb_error *err)
{
	const struct sadb_sa_key key = sadb_sa_key_make(&config->dst, config->spi_be, config->proto);

	return ctl_tunnel_reqid(config->reqid) ? refuse_reqid(config->reqid, err) : guard_owned(db, &key, err);
}

static int
guard_policy(struct sadb *db, const struct sadb_policy_config *config, bool add, struct sadb_error *err)
{
	struct sadb_policy_info there;

	if (add && config->action == SADB_PROTECT && ctl_tunnel_reqid(config->tmpl.reqid))
		return refuse_reqid(config->tmpl.reqid, err);
	if (sadb_policy_get(db, config, &there) == 0 && ctl_tunnel_reqid(there.config.tmpl.reqid))
		return ctl_refuse(err, -EPERM, 0,
				  "this policy is a tunnel's ('culvert tunnel show'): it comes and goes with 'culvert "
				  "tunnel add' and 'del'");
	return 0;
}

/* A change without a reqid moves all SAs between two gateways, those of a tunnel too. */
static int
guard_migrate(const struct ctl_server *server, const struct ctl_migrate *ask, struct sadb_error *err)
{
	const struct sadb_policy_config which = {.sel = ask->sel, .vnet_id = ask->vnet_id, .dir = ask->dir};
	const struct ctl_tunnels *tunnels = server->config.tunnels;
	int rc = guard_policy(server->config.db, &which, false, err);

	for (unsigned i = 0; rc == 0 && i < ask->n; i++) {
		const struct sadb_migration *one = &ask->one[i];

		if (ctl_tunnel_reqid(one->reqid))
			rc = refuse_reqid(one->reqid, err);
		else if (one->reqid == 0 && tunnels != NULL &&
			 ctl_tunnels_between(tunnels, ask->vnet_id, &one->old_src, &one->old_dst))
			rc = ctl_refuse(err, -EPERM, XFRMA_MIGRATE,
					"change %u has no reqid and would move SAs of a tunnel ('culvert tunnel "
					"show') too: give the reqid of those that are to move",
					i + 1);
	}
	return rc;
}

int
ctl_tunnel_guard(const struct ctl_server *server, const struct ctl_xfrm *ask, struct sadb_error *err)
{
	struct sadb *db = server->config.db;

	switch (ask->type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
	case XFRM_MSG_ALLOCSPI:
		return guard_sa(db, &ask->sa.config, err);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		return guard_policy(db, &ask->policy.config, true, err);
	case XFRM_MSG_DELPOLICY:
		return guard_policy(db, &ask->policy.config, false, err);
	case XFRM_MSG_POLEXPIRE:
		return guard_policy(db, &ask->policy.config, false, err);
	case XFRM_MSG_NEWAE:
		return guard_owned(db, &ask->ae.sa_id, err);
	case XFRM_MSG_MIGRATE:
		return guard_migrate(server, &ask->migrate, err);
	default: /* an SA may go, by DELSA or EXPIRE: its tunnel makes another */
		return 0;
	}
}
