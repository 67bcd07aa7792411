/* SPDX-License-Identifier: BSD-3-Clause
 * The asking side of the daemon's socket. One thread. */
#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "control/attr.h"
#include "control/sender.h"

#define ANSWER_MS 5000
#define PROBE_MS  1000

struct ctl_client {
	struct sockaddr_un daemon, own;
	int fd;
	uid_t daemon_uid; /* as far as it is known */
	uint32_t seq;
	size_t posted; /* bytes of out */
	uint8_t in[CTL_DATAGRAM_MAX] __attribute__((aligned(8)));
	uint8_t out[CTL_DATAGRAM_MAX] __attribute__((aligned(8)));
};

/* What the operator can do about it. */
static int
explain(struct ctl_client_error *err, int rc, const char *path)
{
	if (rc == -ENOENT || rc == -ECONNREFUSED || rc == -ENOTDIR)
		snprintf(err->text, sizeof(err->text), "no daemon at %s: is culvertd running?", path);
	else if (rc == -EACCES || rc == -EPERM)
		snprintf(err->text, sizeof(err->text),
			 "not allowed to speak to the daemon at %s: be root or in the group culvert", path);
	else
		snprintf(err->text, sizeof(err->text), "cannot reach the daemon at %s: %s", path, strerror(-rc));
	return rc;
}

/* The daemon knows its directory by the canonical path: ask with the same. */
static int
find_paths(struct ctl_client *client, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	char *canonical = directory ? realpath(directory, NULL) : NULL;
	int rc = canonical ? 0 : -errno;
	uint32_t salt = 0;

	if (rc == 0 && getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		rc = -errno;
	if (rc == 0) {
		const char *root = strcmp(canonical, "/") == 0 ? "" : canonical;
		int a = snprintf(client->daemon.sun_path, sizeof(client->daemon.sun_path), "%s/%s", root,
				 slash ? slash + 1 : path);
		int b = snprintf(client->own.sun_path, sizeof(client->own.sun_path), "%s/clients/%d-%08x", root,
				 getpid(), salt);
		if (a >= (int)sizeof(client->daemon.sun_path) || b >= (int)sizeof(client->own.sun_path))
			rc = -ENAMETOOLONG;
	}
	free(canonical);
	free(directory);
	return rc;
}

/* A look without a message: connecting to a datagram socket tells whether someone serves it. */
static int
probe(const struct ctl_client *client)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&client->daemon, sizeof(client->daemon)) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* Sending waits, with a limit, for a daemon whose queue is full. */
static int
bind_own(struct ctl_client *client)
{
	const struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
	const int on = 1;

	client->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || setsockopt(client->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
	    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
	    bind(client->fd, (const struct sockaddr *)&client->own, sizeof(client->own)) != 0 ||
	    chmod(client->own.sun_path, CTL_CLIENT_MODE) != 0)
		return -errno;
	return 0;
}

struct ctl_client *
ctl_client_open(const char *path, struct ctl_client_error *err)
{
	struct ctl_client *client = calloc(1, sizeof(*client));
	int rc;

	if (!client) {
		explain(err, -ENOMEM, path);
		return NULL;
	}
	client->daemon.sun_family = client->own.sun_family = AF_UNIX;
	client->fd = -1;
	rc = find_paths(client, path);
	if (rc == 0)
		rc = probe(client);
	if (rc == 0)
		rc = bind_own(client);
	if (rc) {
		explain(err, rc, path);
		if (client->fd >= 0)
			close(client->fd);
		free(client);
		return NULL;
	}
	return client;
}

void
ctl_client_close(struct ctl_client *client)
{
	if (!client)
		return;
	unlink(client->own.sun_path);
	close(client->fd);
	explicit_bzero(client, sizeof(*client)); /* answers may have held keys */
	free(client);
}

int
ctl_client_fd(const struct ctl_client *client)
{
	return client->fd;
}

/* The next datagram; its length, -EAGAIN on time-out, -EPERM when it is not the daemon's. */
static ssize_t
receive_any(struct ctl_client *client, int timeout_ms)
{
	struct pollfd wait = {.fd = client->fd, .events = POLLIN};
	char control[CTL_SENDER_BYTES] __attribute__((aligned(8)));
	struct iovec part = {client->in, sizeof(client->in)};
	struct msghdr msg = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int n;

	do
		n = poll(&wait, 1, timeout_ms);
	while (n < 0 && errno == EINTR && timeout_ms < 0);
	if (n == 0)
		return -EAGAIN;
	ssize_t bytes = n < 0 ? -1 : recvmsg(client->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (bytes < 0)
		return -errno;
	return ctl_sender_is_daemon(ctl_sender(&msg), client->daemon.sun_path, &client->daemon_uid) ? bytes : -EPERM;
}

static ssize_t
receive(struct ctl_client *client, int timeout_ms)
{
	ssize_t bytes;

	do
		bytes = receive_any(client, timeout_ms);
	while (bytes == -EPERM);
	return bytes;
}

/* NLMSG_ERROR's number, and the text of its extended ACK. */
static int
read_ack(const struct nlmsghdr *nlh, struct ctl_client_error *err)
{
	const struct nlmsgerr *ack = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ack)) {
		snprintf(err->text, sizeof(err->text), "the daemon's answer is malformed");
		return -EPROTO;
	}
	if (ack->error == 0)
		return 0;
	snprintf(err->text, sizeof(err->text), "%s", strerror(-ack->error));
	if ((nlh->nlmsg_flags & (NLM_F_ACK_TLVS | NLM_F_CAPPED)) == (NLM_F_ACK_TLVS | NLM_F_CAPPED)) {
		attr = ctl_attr_find(ack + 1, mnl_nlmsg_get_payload_len(nlh) - sizeof(*ack), NLMSGERR_ATTR_MSG);
		if (attr)
			snprintf(err->text, sizeof(err->text), "%.*s", (int)mnl_attr_get_payload_len(attr),
				 mnl_attr_get_str(attr));
	}
	return ack->error < 0 ? ack->error : -EPROTO;
}

static int
explain_lost(struct ctl_client_error *err)
{
	snprintf(
	    err->text, sizeof(err->text),
	    "the daemon had no memory for an answer, so whether all was carried out is not known: look, and try again");
	return -ENOBUFS;
}

struct asking {
	ctl_client_fn fn;
	void *arg;
	struct ctl_client_error *err;
	uint32_t seq;
	bool ack_wanted, done;
	int rc;
};

static void
end(struct asking *ask, int rc)
{
	ask->done = true;
	ask->rc = rc;
}

/* One message of an answer. */
static void
take(struct asking *ask, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == NLMSG_OVERRUN) {
		end(ask, explain_lost(ask->err));
		return;
	}
	/* Else an event, or the rest of an answer given up before. An error without a number is about the datagram. */
	if (nlh->nlmsg_seq != ask->seq && !(nlh->nlmsg_type == NLMSG_ERROR && nlh->nlmsg_seq == 0))
		return;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		end(ask, read_ack(nlh, ask->err));
	} else if (nlh->nlmsg_type == NLMSG_DONE) {
		end(ask, 0);
	} else {
		int rc = ask->fn ? ask->fn(ask->arg, nlh) : 0;
		if (rc || (!ask->ack_wanted && !(nlh->nlmsg_flags & NLM_F_MULTI)))
			end(ask, rc);
	}
}

/* The next datagram of an answer; its length or a negative errno. A daemon that died is noticed within a second. */
static ssize_t
await(struct ctl_client *client, struct ctl_client_error *err)
{
	for (int waited_ms = 0; waited_ms < ANSWER_MS; waited_ms += PROBE_MS) {
		ssize_t bytes = receive(client, PROBE_MS);
		int rc = bytes == -EAGAIN ? probe(client) : 0;

		if (rc || (bytes < 0 && bytes != -EAGAIN))
			return explain(err, rc ? rc : (int)bytes, client->daemon.sun_path);
		if (bytes >= 0)
			return bytes;
	}
	snprintf(err->text, sizeof(err->text), "the daemon at %s did not answer in %d s", client->daemon.sun_path,
		 ANSWER_MS / 1000);
	return -ETIMEDOUT;
}

static int
send_out(const struct ctl_client *client, const void *data, size_t bytes, struct ctl_client_error *err)
{
	err->text[0] = 0;
	if (sendto(client->fd, data, bytes, MSG_NOSIGNAL, (const struct sockaddr *)&client->daemon,
		   sizeof(client->daemon)) < 0)
		return explain(err, errno == EAGAIN ? -ETIMEDOUT : -errno, client->daemon.sun_path);
	return 0;
}

int
ctl_client_push(struct ctl_client *client, struct ctl_client_error *err)
{
	size_t bytes = client->posted;
	int rc = bytes > 0 ? send_out(client, client->out, bytes, err) : 0;

	client->posted = 0;
	explicit_bzero(client->out, bytes); /* it may have held keys */
	return rc;
}

int
ctl_client_post(struct ctl_client *client, struct nlmsghdr *request, struct ctl_client_error *err)
{
	size_t bytes = NLMSG_ALIGN(request->nlmsg_len);
	int rc = client->posted + bytes > sizeof(client->out) ? ctl_client_push(client, err) : 0;

	if (rc)
		return rc;
	request->nlmsg_seq = ++client->seq;
	request->nlmsg_pid = (uint32_t)getpid();
	memcpy(client->out + client->posted, request, bytes);
	client->posted += bytes;
	return 0;
}

int
ctl_client_collect(struct ctl_client *client, bool wait, ctl_client_ack_fn fn, void *arg, struct ctl_client_error *err)
{
	ssize_t bytes = wait ? await(client, err) : receive(client, 0);
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)client->in;

	if (bytes < 0)
		return (int)bytes;
	for (int left = (int)bytes; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type == NLMSG_OVERRUN)
			return explain_lost(err);
		err->text[0] = 0;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			fn(arg, nlh->nlmsg_seq, read_ack(nlh, err), err);
	}
	return 0;
}

int
ctl_client_ask(struct ctl_client *client, struct nlmsghdr *request, ctl_client_fn fn, void *arg,
	       struct ctl_client_error *err)
{
	struct asking ask = {.fn = fn,
			     .arg = arg,
			     .err = err,
			     .seq = ++client->seq,
			     .ack_wanted = (request->nlmsg_flags & NLM_F_ACK) != 0};

	request->nlmsg_seq = ask.seq;
	request->nlmsg_pid = (uint32_t)getpid();
	int rc = send_out(client, request, request->nlmsg_len, err);
	if (rc)
		return rc;
	while (!ask.done) {
		ssize_t bytes = await(client, err);
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)client->in;

		if (bytes < 0)
			return (int)bytes;
		for (int left = (int)bytes; !ask.done && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			take(&ask, nlh);
	}
	return ask.rc;
}

int
ctl_client_events(struct ctl_client *client, int timeout_ms, ctl_client_fn fn, void *arg)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)client->in;
	ssize_t bytes = receive(client, timeout_ms);
	int left = (int)bytes, rc = 0;
	bool lost = false;

	if (bytes < 0)
		return (int)bytes;
	for (; rc == 0 && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type == NLMSG_OVERRUN)
			lost = true;
		else
			rc = fn(arg, nlh);
	}
	return rc == 0 && lost ? -ENOBUFS : rc;
}
