/* SPDX-License-Identifier: BSD-3-Clause
 * What the daemon sends, on its way to the program: one netlink datagram at a time, without what is the library's own.
 * Any thread. */
#include "control/preload/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "control/client.h"
#include "control/preload/daemon.h"
#include "control/preload/real.h"
#include "control/preload/restore.h"
#include "control/preload/table.h"
#include "control/preload/wire.h"
#include "control/sender.h"

#define PROBE_MS 1000 /* that an answer may take before we look whether the daemon lives */

/* What one recv() returns. */
struct unit {
	enum { UNIT_QUEUED, UNIT_ERROR, UNIT_EXPIRE } kind;
	const uint8_t *data;
	size_t bytes; /* of data, ... */
	size_t step;  /* ... and of the datagram it came in */
	unsigned group;
	uint8_t made[PRE_EXPIRE_BYTES] __attribute__((aligned(8))); /* the longer of what is made here */
};
_Static_assert(PRE_EXPIRE_BYTES >= PRE_ERROR_BYTES, "made holds either");

static void discard(struct pre_sock *sock, int fd);

/* Looks at the head of the queue; it stays there. What the daemon has not sent goes. */
static int
peek(struct pre_sock *sock, int fd)
{
	char control[CTL_SENDER_BYTES] __attribute__((aligned(8)));
	struct iovec part;
	struct msghdr msg;

	if (!sock->in && !(sock->in = malloc(CTL_DATAGRAM_MAX)))
		return -ENOMEM;
	for (;;) {
		part = (struct iovec){sock->in, CTL_DATAGRAM_MAX};
		msg = (struct msghdr){
		    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
		ssize_t n = pre_real()->recvmsg(fd, &msg, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0)
			return -errno;
		sock->in_bytes = (size_t)n;
		if (pre_daemon_sent(&msg, &sock->daemon_uid))
			break;
		discard(sock, fd);
	}
	sock->at = 0;
	sock->in_valid = true;
	return 0;
}

/* Takes the head off the queue. */
static void
discard(struct pre_sock *sock, int fd)
{
	char byte;

	pre_real()->recv(fd, &byte, sizeof(byte), MSG_DONTWAIT);
	explicit_bzero(sock->in, sock->in_bytes); /* an SA's key may have been in it */
	sock->in_valid = false;
}

/* A daemon began anew: it gets the policies, this descriptor's groups and a marker; what was asked of the one before and
 * not answered never will be. -EAGAIN: it is busy, and its hello must be met again, or it would never tell this
 * descriptor anything. */
static int
meet(struct pre_sock *sock, int fd, uint64_t boot)
{
	if (boot == sock->boot)
		return 0;
	struct pre_lost *lost = pre_restore(boot);
	int rc = pre_sock_subscribe(sock, fd);
	if (rc == -EAGAIN) {
		pre_lost_put(lost);
		return rc;
	}
	sock->boot = boot;
	pre_lost_put(sock->lost);
	sock->lost = lost;
	sock->lost_at = 0;
	if (!(sock->groups & 1u << XFRMNLGRP_EXPIRE)) {
		pre_lost_put(sock->lost);
		sock->lost = NULL;
	}
	if (rc == 0) {
		sock->marker_seq = sock->own_seq;
		pre_pending_mark(&sock->pending, sock->marker_seq);
	}
	return 0;
}

/* The daemon took nothing of a datagram, whoever made it: this user may not speak, or too many do. Who waits for an
 * answer gets it as one; who only listens hears of it here. */
static int
take_refusal(struct pre_sock *sock, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *ack = (const void *)((const uint8_t *)nlh + NLMSG_HDRLEN);

	if (nlh->nlmsg_len < PRE_ERROR_BYTES || ack->error >= 0)
		return 0;
	pre_daemon_refused(nlh);
	if (sock->pending.n == 0)
		return ack->error;
	pre_pending_fail(&sock->pending, 0, ack->error);
	return 0;
}

/* A message that is not for the program. -errno: the program is told that, as of an error of the socket. */
static int
swallow(struct pre_sock *sock, int fd, const struct nlmsghdr *nlh)
{
	uint64_t boot;
	int rc = pre_wire_hello(nlh, &boot) ? meet(sock, fd, boot) : 0;

	if (rc)
		return rc;
	sock->at += pre_wire_step(nlh, sock->in_bytes - sock->at);
	if (nlh->nlmsg_type == NLMSG_OVERRUN)
		return sock->options & PRE_NO_ENOBUFS ? 0 : -ENOBUFS;
	else if (nlh->nlmsg_pid == PRE_OWN_PORT && nlh->nlmsg_seq == sock->marker_seq)
		pre_pending_fail(&sock->pending, sock->marker_seq, -ECONNRESET);
	else if (nlh->nlmsg_type == NLMSG_ERROR && nlh->nlmsg_pid == 0)
		return take_refusal(sock, nlh);
	return 0;
}

static bool
is_for_program(const struct nlmsghdr *nlh)
{
	uint64_t boot;

	return nlh->nlmsg_pid != PRE_OWN_PORT && nlh->nlmsg_type != NLMSG_OVERRUN && !pre_wire_hello(nlh, &boot) &&
	       !(nlh->nlmsg_type == NLMSG_ERROR && nlh->nlmsg_pid == 0 && nlh->nlmsg_seq == 0);
}

static void
make_error(const struct pre_asked *asked, struct unit *unit)
{
	*unit = (struct unit){.kind = UNIT_ERROR, .data = unit->made, .bytes = PRE_ERROR_BYTES};
	pre_wire_error(unit->made, &asked->header, asked->rc);
}

static void
make_expire(const struct pre_sock *sock, struct unit *unit)
{
	*unit = (struct unit){.kind = UNIT_EXPIRE, .data = unit->made, .group = XFRMNLGRP_EXPIRE};
	unit->bytes = pre_lost_expire(&sock->lost->sas[sock->lost_at], unit->made);
}

static void
take_queued(struct pre_sock *sock, struct unit *unit)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)(sock->in + sock->at);

	*unit = (struct unit){.kind = UNIT_QUEUED, .data = sock->in + sock->at};
	if (!(sock->options & PRE_CAP_ACK))
		pre_wire_hide_offset(nlh);
	unit->bytes = unit->step = pre_wire_unit(sock->in, sock->in_bytes, sock->at);
	if (!(sock->options & PRE_EXT_ACK) && pre_wire_plain_ack(unit->made, nlh)) {
		unit->data = unit->made;
		unit->bytes = PRE_ERROR_BYTES;
	}
	if (nlh->nlmsg_pid != sock->port || !pre_pending_find(&sock->pending, nlh->nlmsg_seq))
		unit->group = pre_wire_group(nlh->nlmsg_type);
}

/* The next for the program. -EAGAIN: nothing is there. */
static int
next_unit(struct pre_sock *sock, int fd, struct unit *unit)
{
	for (;;) {
		const struct pre_asked *failed = pre_pending_failed(&sock->pending);
		int rc = 0;

		if (failed) {
			make_error(failed, unit);
			return 0;
		}
		if (sock->lost) {
			make_expire(sock, unit);
			return 0;
		}
		if (!sock->in_valid)
			rc = peek(sock, fd);
		if (rc)
			return rc;
		const struct nlmsghdr *nlh = pre_wire_at(sock->in, sock->in_bytes, sock->at);
		if (nlh && is_for_program(nlh)) {
			take_queued(sock, unit);
			return 0;
		}
		if (nlh)
			rc = swallow(sock, fd, nlh);
		else
			discard(sock, fd);
		if (rc)
			return rc;
	}
}

/* A message that the program has got. */
static void
settle(struct pre_sock *sock, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *ack = (const void *)((const uint8_t *)nlh + NLMSG_HDRLEN);
	struct pre_asked *asked =
	    nlh->nlmsg_pid == sock->port ? pre_pending_find(&sock->pending, nlh->nlmsg_seq) : NULL;

	if (nlh->nlmsg_type == XFRM_MSG_EXPIRE)
		pre_restore_expired(nlh);
	if (!asked || !pre_wire_ends(nlh, asked->header.nlmsg_flags))
		return;
	int rc = nlh->nlmsg_type == NLMSG_ERROR && nlh->nlmsg_len >= PRE_ERROR_BYTES ? ack->error : 0;
	struct pre_change *change = asked->change;
	/* The daemon did not have it yet when it was to be deleted, but was sent it since. */
	if (rc == -ENOENT && change && asked->boot != pre_restore_boot()) {
		pre_restore_delete(change);
		rc = 0;
	}
	pre_pending_remove(&sock->pending, asked);
	if (rc == 0)
		pre_restore_note(change);
	else
		pre_change_destroy(change);
}

static void
consume_queued(struct pre_sock *sock, const struct unit *unit)
{
	const size_t end = sock->at + unit->step;
	const struct nlmsghdr *nlh;

	while (sock->at < end && (nlh = pre_wire_at(sock->in, sock->in_bytes, sock->at))) {
		settle(sock, nlh);
		sock->at += pre_wire_step(nlh, sock->in_bytes - sock->at);
	}
}

static void
consume(struct pre_sock *sock, int fd, const struct unit *unit)
{
	if (unit->kind == UNIT_QUEUED) {
		consume_queued(sock, unit);
	} else if (unit->kind == UNIT_ERROR) {
		struct pre_asked *failed = pre_pending_failed(&sock->pending);

		pre_change_destroy(failed->change);
		pre_pending_remove(&sock->pending, failed);
	} else if (++sock->lost_at == sock->lost->n) {
		pre_lost_put(sock->lost);
		sock->lost = NULL;
	}
	if (sock->in_valid && !sock->lost && !pre_pending_failed(&sock->pending) &&
	    !pre_wire_at(sock->in, sock->in_bytes, sock->at))
		discard(sock, fd);
}

static void
put_name(struct msghdr *msg, unsigned group)
{
	struct sockaddr_nl name = {.nl_family = AF_NETLINK};

	if (group)
		name.nl_groups = 1u << (group - 1);
	if (msg->msg_name)
		memcpy(msg->msg_name, &name, msg->msg_namelen < sizeof(name) ? msg->msg_namelen : sizeof(name));
	msg->msg_namelen = sizeof(name);
}

static void
put_control(const struct pre_sock *sock, struct msghdr *msg, unsigned group)
{
	const struct nl_pktinfo info = {.group = group};
	struct cmsghdr *c = msg->msg_control && (sock->options & PRE_PKTINFO) ? CMSG_FIRSTHDR(msg) : NULL;

	if (c && msg->msg_controllen >= CMSG_SPACE(sizeof(info))) {
		c->cmsg_level = SOL_NETLINK;
		c->cmsg_type = NETLINK_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		if (c)
			msg->msg_flags |= MSG_CTRUNC;
		msg->msg_controllen = 0;
	}
}

/* Into the program's buffers, as recvmsg(2). */
static ssize_t
deliver(const struct pre_sock *sock, const struct unit *unit, struct msghdr *msg, int flags)
{
	size_t at = 0;

	for (size_t i = 0; i < msg->msg_iovlen && at < unit->bytes; i++) {
		const struct iovec *part = &msg->msg_iov[i];
		size_t bytes = part->iov_len < unit->bytes - at ? part->iov_len : unit->bytes - at;

		if (bytes > 0)
			memcpy(part->iov_base, unit->data + at, bytes);
		at += bytes;
	}
	msg->msg_flags = at < unit->bytes ? MSG_TRUNC : 0;
	put_name(msg, unit->group);
	put_control(sock, msg, unit->group);
	return (ssize_t)(flags & MSG_TRUNC ? unit->bytes : at);
}

static void
let_go(void *sock)
{
	pre_table_put(sock);
}

static bool
has_timeout(int fd)
{
	struct timeval limit = {0};
	socklen_t bytes = sizeof(limit);

	return pre_real()->getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &bytes) == 0 &&
	       (limit.tv_sec != 0 || limit.tv_usec != 0);
}

/* Waits for a datagram, without locks: a place where the thread may be cancelled, as recv() is. A kernel always
 * answers; a daemon may be gone, and whoever waits for an answer must hear of it. */
static int
wait_for(struct pre_sock *sock, int fd, bool asked)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t n = 0;
	char byte;

	pthread_cleanup_push(let_go, sock);
	if (asked && !has_timeout(fd))
		n = poll(&ready, 1, PROBE_MS);
	else
		n = pre_real()->recv(fd, &byte, sizeof(byte), MSG_PEEK) < 0 ? -1 : 1;
	pthread_cleanup_pop(0);
	if (n < 0)
		return -errno;
	if (!pre_table_is(fd, sock))
		return -EBADF;
	if (n == 0) {
		int state = pre_lock(&sock->lock);
		int rc = pre_daemon_probe();
		if (rc)
			pre_pending_fail(&sock->pending, 0, rc);
		pre_unlock(&sock->lock, state);
	}
	return 0;
}

ssize_t
pre_sock_receive(struct pre_sock *sock, int fd, struct msghdr *msg, int flags)
{
	struct unit unit;
	ssize_t rc;

	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return flags & MSG_OOB ? -EOPNOTSUPP : -EAGAIN;
	for (;;) {
		int state = pre_lock(&sock->lock);
		rc = next_unit(sock, fd, &unit);
		if (rc == 0) {
			rc = deliver(sock, &unit, msg, flags);
			if (!(flags & MSG_PEEK))
				consume(sock, fd, &unit);
			pre_unlock(&sock->lock, state);
			return rc;
		}
		const bool asked = sock->pending.n > 0;
		pre_unlock(&sock->lock, state);
		if (rc != -EAGAIN || (flags & MSG_DONTWAIT) || (pre_real()->fcntl(fd, F_GETFL) & O_NONBLOCK))
			return rc;
		rc = wait_for(sock, fd, asked);
		if (rc)
			return rc;
	}
}
