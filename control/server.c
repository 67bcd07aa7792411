/* SPDX-License-Identifier: BSD-3-Clause
 * The server's life and its loop: receive what waits, carry it out, commit once, then answer. Control thread. */
#include "control/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/attr.h"
#include "control/clock.h"
#include "control/log.h"
#include "control/server_impl.h"

static bool
is_own(uint16_t type)
{
	return type >= CTL_MSG_BASE && type < CTL_MSG_MAX;
}

static int
carry_out(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err)
{
	if (peer->broken && nlh->nlmsg_type != CTL_MSG_CHAIN)
		return ctl_refuse(err, -ECANCELED, 0, "not carried out: a request before it failed");
	if (ctl_dump_asked(nlh))
		return ctl_dump_start(peer, nlh, err);
	return is_own(nlh->nlmsg_type) ? ctl_serve_own(peer, nlh, err) : ctl_serve_xfrm(peer, nlh, err);
}

/* One message, whole and checked for length only. As in the kernel, what is no request is skipped. */
static void
serve_message(struct ctl_peer *peer, const struct nlmsghdr *nlh)
{
	bool request = (nlh->nlmsg_flags & NLM_F_REQUEST) != 0 && nlh->nlmsg_type >= NLMSG_MIN_TYPE;
	struct sadb_error err = {0};
	int rc = request ? carry_out(peer, nlh, &err) : 0;

	if (rc && peer->chained)
		peer->broken = true;
	/* A dump that began ends with NLMSG_DONE instead. */
	if (rc || (!(request && ctl_dump_asked(nlh)) && (nlh->nlmsg_flags & NLM_F_ACK)))
		ctl_ack_queue(peer, nlh, rc, &err);
}

static void
refuse_datagram(struct ctl_peer *peer, const struct nlmsghdr *nlh, int rc, const char *text)
{
	struct nlmsghdr none = {0};
	struct sadb_error err;

	ctl_refuse(&err, rc, 0, "%s", text);
	ctl_ack_queue(peer, nlh ? nlh : &none, rc, &err);
}

/* The messages of a datagram, in order. What follows a wrong length cannot be told apart and is left. */
static void
serve_datagram(struct ctl_peer *peer, const uint8_t *in, size_t bytes)
{
	size_t at = 0;

	if (bytes == 0)
		refuse_datagram(peer, NULL, -EINVAL, "datagram is empty");
	while (at < bytes) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(in + at);

		/* The client does not read its answers: without a place for one nothing is done. */
		if (peer->waiting_bytes > CTL_ANSWER_BYTES) {
			peer->broken = peer->chained;
			return;
		}
		if (bytes - at < sizeof(*nlh)) {
			refuse_datagram(peer, NULL, -EINVAL, "datagram ends inside a message header");
			return;
		}
		if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > bytes - at) {
			refuse_datagram(peer, nlh, -EINVAL, "nlmsg_len does not fit the datagram");
			return;
		}
		serve_message(peer, nlh);
		size_t step = NLMSG_ALIGN(nlh->nlmsg_len);
		at += step < bytes - at ? step : bytes - at;
	}
}

static bool
get_cred(struct msghdr *msg, struct ucred *cred)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
		    c->cmsg_len == CMSG_LEN(sizeof(*cred))) {
			memcpy(cred, CMSG_DATA(c), sizeof(*cred));
			return true;
		}
	}
	return false;
}

static void
turn_away(struct ctl_server *server, struct ctl_peer *peer, int rc)
{
	uint64_t now_s = ctl_now_s();

	refuse_datagram(peer, NULL, rc,
			rc == -EPERM ? "not allowed: only root and the daemon's group may speak here"
				     : "too many clients are connected");
	/* One line a second: a sender must not fill the log. */
	if (server->refused_s != now_s) {
		server->refused_s = now_s;
		ctl_log(CTL_LOG_WARNING, "%s: refused process %d of user %u: %s", server->path, peer->cred.pid,
			peer->cred.uid, rc == -EPERM ? "not root and not of the group" : "too many clients");
	}
	if (ctl_peer_flush(peer))
		ctl_peer_drop(peer);
}

/* One datagram. false: none is there. */
static bool
receive(struct ctl_server *server)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct ucred))]; /* no room for descriptors: those sent along are closed */
	} control;
	struct sockaddr_un from;
	struct iovec iov = {server->in, sizeof(server->in)};
	struct msghdr msg = {.msg_name = &from,
			     .msg_namelen = sizeof(from),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.room,
			     .msg_controllen = sizeof(control.room)};
	ssize_t n = recvmsg(server->fd, &msg, MSG_DONTWAIT);
	struct ucred cred;
	int rc = 0;

	if (n < 0)
		return errno == EINTR;
	/* Without an address in clients/ nobody can be answered, and nothing is done. */
	struct ctl_peer *peer =
	    get_cred(&msg, &cred) ? ctl_peer_admit(server, &from, msg.msg_namelen, &cred, &rc) : NULL;
	if (peer && rc)
		turn_away(server, peer, rc);
	else if (peer && (msg.msg_flags & MSG_TRUNC))
		refuse_datagram(peer, (const struct nlmsghdr *)server->in, -EMSGSIZE,
				"datagram is longer than 32768 bytes");
	else if (peer)
		serve_datagram(peer, server->in, (size_t)n);
	sadb_wipe(server->in, (size_t)n); /* it may have held keys */
	return true;
}

/* When marks cannot be written, the database takes back the SAs that were added: their askers are told, and whoever was
 * already told of them by an event hears that events were lost, which means: look again. */
void
ctl_server_commit(struct ctl_server *server)
{
	struct sadb_error err = {0};

	if (server->changed) {
		int rc = sadb_commit(server->config.db, &err);
		if (rc) {
			ctl_log(CTL_LOG_ERROR, "changes could not be committed: %s", err.text);
			ctl_acks_fail(server, rc, &err);
			ctl_events_lost(server);
		} else {
			ctl_acks_done(server);
		}
		server->changed = false;
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_server *server = arg;

	(void)fd, (void)what;
	server->batch++;
	server->serving = true;
	for (unsigned i = 0; i < CTL_BATCH && receive(server); i++)
		continue;
	ctl_server_commit(server);
	server->serving = false;
	ctl_peers_flush(server);
}

/* A client that was killed leaves its socket's file behind. */
static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	ctl_peers_sweep(arg);
}

struct ctl_server *
ctl_server_create(const struct ctl_server_config *config, struct sadb_error *err)
{
	static const struct timeval sweep_period = {.tv_sec = 10};
	struct ctl_server *server = calloc(1, sizeof(*server));

	memset(err, 0, sizeof(*err));
	if (!server) {
		ctl_refuse(err, -ENOMEM, 0, "no memory for the server");
		return NULL;
	}
	server->config = *config;
	/* As a kernel starts: whole addresses. */
	server->thresholds = (struct ctl_spd_info){.has_v4 = true, .has_v6 = true, .v4 = {32, 32}, .v6 = {128, 128}};
	server->fd = server->lock_fd = server->clients_fd = -1;
	if (ctl_path_open(server, err))
		goto fail;
	ctl_peers_sweep(server);
	ctl_peers_greet(server);
	server->readable = event_new(config->base, server->fd, EV_READ | EV_PERSIST, on_readable, server);
	server->sweep = event_new(config->base, -1, EV_PERSIST, on_sweep, server);
	if (ctl_waits_init(server) || !server->readable || event_add(server->readable, NULL) != 0 || !server->sweep ||
	    event_add(server->sweep, &sweep_period) != 0) {
		ctl_refuse(err, -ENOMEM, 0, "no memory for the server");
		goto fail;
	}
	return server;
fail:
	ctl_server_destroy(server);
	return NULL;
}

void
ctl_server_destroy(struct ctl_server *server)
{
	if (!server)
		return;
	for (unsigned i = 0; i < CTL_MAX_PEERS; i++)
		if (server->peers[i])
			ctl_peer_drop(server->peers[i]);
	if (server->readable)
		event_free(server->readable);
	if (server->sweep)
		event_free(server->sweep);
	ctl_waits_fini(server);
	if (server->clients_fd >= 0)
		ctl_peers_sweep(server);
	ctl_path_close(server);
	free(server->counts);
	free(server);
}
