/* SPDX-License-Identifier: BSD-3-Clause
 * The mirror's way to and from the kernel: NETLINK_XFRM. Requests wait for their answer, which the kernel gives before
 * sendmsg() returns. Control thread. */
#include "control/mirror_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "control/attr.h"
#include "control/log.h"

#define ANSWER_S      2         /* a lost answer must not hold the control thread up for longer */
#define RECEIVE_BYTES (8 << 20) /* a burst of events; more are lost, and the dump is made again */

/* The kernel's name for the socket of requests, the same in every daemon and above every process number: of a network
 * namespace only one can have it. Two mirrors would take over the same SAs and begin at the same numbers. */
#define REQUESTS_PORT 0x43554c56

static int
open_netlink(uint32_t groups, uint32_t *port_id)
{
	struct sockaddr_nl addr = {
	    .nl_family = AF_NETLINK, .nl_groups = groups, .nl_pid = groups == 0 ? REQUESTS_PORT : 0};
	socklen_t len = sizeof(addr);
	const int bytes = RECEIVE_BYTES, on = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);

	if (fd < 0)
		return -errno;
	/* Best effort: without the privilege the default has to do, without extended ACKs errno has to. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	*port_id = addr.nl_pid;
	return fd;
}

int
ctl_mirror_socket_open(struct ctl_mirror_socket *sock, int fd, uint32_t groups, struct sadb_error *err)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};

	/* One that is given was bound by its giver. */
	sock->port_id = (uint32_t)getpid();
	sock->seq = 0;
	sock->fd = fd >= 0 ? fd : open_netlink(groups, &sock->port_id);
	if (sock->fd == -EADDRINUSE)
		return ctl_refuse(
		    err, sock->fd, 0,
		    "source: kernel: another culvertd mirrors this kernel in this network namespace: stop it");
	if (sock->fd < 0)
		return ctl_refuse(err, sock->fd, 0,
				  "source: kernel: cannot open NETLINK_XFRM: %s; cure: a kernel with "
				  "CONFIG_XFRM_USER, and CAP_NET_ADMIN, or source: socket",
				  strerror(-sock->fd));
	setsockopt(sock->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return 0;
}

void
ctl_mirror_socket_close(struct ctl_mirror_socket *sock)
{
	if (sock->fd >= 0)
		close(sock->fd);
	sock->fd = -1;
}

ssize_t
ctl_mirror_receive(const struct ctl_mirror_socket *sock, void *buf, size_t size, int flags)
{
	for (;;) {
		union {
			struct sockaddr_nl netlink;
			struct sockaddr_storage any;
		} from = {.netlink = {0}};
		struct iovec iov = {.iov_base = buf, .iov_len = size};
		struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(sock->fd, &msg, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* Root may multicast to these groups too, and is not the kernel. */
		if (from.netlink.nl_family == AF_NETLINK && from.netlink.nl_pid != 0)
			continue;
		return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
	}
}

struct nlmsghdr
ctl_mirror_header(uint16_t type, uint16_t flags)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
}

int
ctl_mirror_send(struct ctl_mirror *mirror, size_t bytes)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)mirror->out;

	if (bytes == 0)
		return -EMSGSIZE;
	nlh->nlmsg_seq = ++mirror->requests.seq;
	nlh->nlmsg_pid = mirror->requests.port_id; /* comes back in what is multicast for it: our own echo */
	return send(mirror->requests.fd, nlh, bytes, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int
error_of(const struct nlmsghdr *nlh)
{
	struct nlmsgerr ack;

	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(ack.error))
		return -EBADMSG;
	memcpy(&ack.error, mnl_nlmsg_get_payload(nlh), sizeof(ack.error));
	return ack.error;
}

/* 1: the answer goes on. */
static int
take_answer(const struct nlmsghdr *nlh, bool *cut, ctl_mirror_fn fn, void *arg)
{
	*cut |= (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return error_of(nlh);
	if (nlh->nlmsg_type == NLMSG_DONE)
		return *cut ? -EINTR : error_of(nlh);
	if (fn)
		fn(arg, nlh);
	return 1;
}

int
ctl_mirror_ask(struct ctl_mirror *mirror, size_t bytes, ctl_mirror_fn fn, void *arg)
{
	bool cut = false;
	int rc = ctl_mirror_send(mirror, bytes);

	if (rc)
		return rc;
	for (rc = 1; rc == 1;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)mirror->answer;
		ssize_t n = ctl_mirror_receive(&mirror->requests, mirror->answer, sizeof(mirror->answer), 0);

		if (n <= 0)
			return n == 0 ? -ECONNRESET : n == -EAGAIN ? -ETIMEDOUT : (int)n;
		for (int left = (int)n; rc == 1 && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			if (nlh->nlmsg_seq == mirror->requests.seq) /* else of a request that nobody waited for */
				rc = take_answer(nlh, &cut, fn, arg);
		sadb_wipe(mirror->answer, (size_t)n);
	}
	return rc;
}

void
ctl_mirror_drain(struct ctl_mirror *mirror)
{
	for (;;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)mirror->answer;
		ssize_t n = ctl_mirror_receive(&mirror->requests, mirror->answer, sizeof(mirror->answer), MSG_DONTWAIT);

		if (n <= 0)
			return;
		for (int left = (int)n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			int rc = nlh->nlmsg_type == NLMSG_ERROR ? error_of(nlh) : 0;

			/* That an SA went meanwhile is told by an event. */
			if (rc != 0 && rc != -ESRCH && mirror->n_refused++ == 0)
				ctl_log(CTL_LOG_WARNING, "mirror: the kernel does not take a report: %s",
					strerror(-rc));
		}
	}
}
