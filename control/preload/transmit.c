/* SPDX-License-Identifier: BSD-3-Clause
 * What the program sends, on its way to the daemon. Any thread. */
#include "control/preload/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "control/client.h"
#include "control/preload/daemon.h"
#include "control/preload/restore.h"
#include "control/preload/wire.h"

/* Only the "kernel" is there to be spoken to. */
static int
check_receiver(const struct msghdr *msg)
{
	struct sockaddr_nl name;

	if (!msg->msg_name || msg->msg_namelen == 0)
		return 0;
	if (msg->msg_namelen < sizeof(name))
		return -EINVAL;
	memcpy(&name, msg->msg_name, sizeof(name));
	if (name.nl_family != AF_NETLINK)
		return -EINVAL;
	return name.nl_pid != 0 || name.nl_groups != 0 ? -ECONNREFUSED : 0;
}

/* A copy in one piece. */
static int
flatten(const struct msghdr *msg, uint8_t **data, size_t *bytes)
{
	size_t at = 0;

	*bytes = 0;
	for (size_t i = 0; i < msg->msg_iovlen; i++) {
		if (msg->msg_iov[i].iov_len > CTL_DATAGRAM_MAX - *bytes)
			return -EMSGSIZE;
		*bytes += msg->msg_iov[i].iov_len;
	}
	*data = malloc(*bytes + 1);
	if (!*data)
		return -ENOBUFS;
	for (size_t i = 0; i < msg->msg_iovlen; at += msg->msg_iov[i++].iov_len)
		if (msg->msg_iov[i].iov_len > 0)
			memcpy(*data + at, msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len);
	return 0;
}

/* Before they are sent: the answer may come to another thread. What nobody waits for counts as granted. */
static void
note_requests(struct pre_sock *sock, const uint8_t *data, size_t bytes)
{
	const uint64_t boot = pre_restore_boot();
	const struct nlmsghdr *nlh;

	for (size_t at = 0; (nlh = pre_wire_at(data, bytes, at)); at += pre_wire_step(nlh, bytes - at)) {
		struct pre_change *change = nlh->nlmsg_flags & NLM_F_REQUEST ? pre_change_create(nlh) : NULL;

		if (pre_wire_is_answered(nlh))
			change = pre_pending_add(&sock->pending, nlh, change, boot);
		pre_restore_note(change);
	}
}

static void
forget_requests(struct pre_sock *sock, const uint8_t *data, size_t bytes)
{
	const struct nlmsghdr *nlh;

	for (size_t at = 0; (nlh = pre_wire_at(data, bytes, at)); at += pre_wire_step(nlh, bytes - at)) {
		struct pre_asked *asked = pre_pending_find(&sock->pending, nlh->nlmsg_seq);

		if (!asked)
			continue;
		pre_change_destroy(asked->change);
		pre_pending_remove(&sock->pending, asked);
	}
}

ssize_t
pre_sock_send(struct pre_sock *sock, int fd, const struct msghdr *msg, int flags)
{
	uint8_t *data = NULL;
	size_t bytes = 0;
	ssize_t rc = check_receiver(msg);
	int state;

	if (rc == 0 && (flags & MSG_OOB))
		rc = -EOPNOTSUPP;
	if (rc == 0)
		rc = flatten(msg, &data, &bytes);
	if (rc)
		return rc;
	state = pre_lock(&sock->lock);
	rc = pre_sock_name(sock, 0);
	if (rc == 0)
		rc = pre_sock_attach(sock, fd);
	if (rc == 0) {
		pre_wire_stamp(data, bytes, sock->port);
		note_requests(sock, data, bytes);
	}
	pthread_mutex_unlock(&sock->lock);
	if (rc == 0) {
		rc = pre_daemon_send(fd, data, bytes, flags & (MSG_DONTWAIT | MSG_NOSIGNAL));
		if (rc < 0) {
			pthread_mutex_lock(&sock->lock);
			forget_requests(sock, data, bytes);
			pthread_mutex_unlock(&sock->lock);
		}
	}
	pthread_setcancelstate(state, NULL);
	explicit_bzero(data, bytes); /* it may have held keys */
	free(data);
	return rc;
}
