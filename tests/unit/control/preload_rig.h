/* SPDX-License-Identifier: BSD-3-Clause
 * For the preload library's tests, which are linked with it: what a program does with a NETLINK_XFRM socket, in short. */
#ifndef TEST_PRELOAD_RIG_H
#define TEST_PRELOAD_RIG_H

#include "tests/unit/control/server_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/preload/daemon.h"

static uint8_t nl_buf[CTL_DATAGRAM_MAX] __attribute__((aligned(8)));

static inline int
nl_open(int flags, uint32_t groups)
{
	const struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | flags, NETLINK_XFRM);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static inline uint32_t
nl_port(int fd)
{
	struct sockaddr_nl name = {0};
	socklen_t bytes = sizeof(name);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &bytes), 0);
	assert_int_equal(bytes, sizeof(name));
	assert_int_equal(name.nl_family, AF_NETLINK);
	return name.nl_pid;
}

static inline ssize_t
nl_send(int fd, const void *data, size_t bytes)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	return sendto(fd, data, bytes, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
}

/* The next datagram into nl_buf; 0 or -errno. */
static inline ssize_t
nl_receive(int fd, int flags, struct sockaddr_nl *from)
{
	socklen_t bytes = sizeof(*from);
	ssize_t n = recvfrom(fd, nl_buf, sizeof(nl_buf), flags, (struct sockaddr *)from, from ? &bytes : NULL);

	if (n >= 0 && from)
		assert_int_equal(bytes, sizeof(*from));
	return n < 0 ? -errno : n;
}

static inline struct nlmsghdr
nl_header(uint16_t type, uint16_t flags, uint32_t seq)
{
	return (struct nlmsghdr){
	    .nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = seq};
}

/* Takes an ACK or error with that number; its errno. */
static inline int
nl_ack(int fd, uint32_t seq)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)nl_buf;
	const struct nlmsgerr *ack = (const void *)(nl_buf + NLMSG_HDRLEN);
	struct sockaddr_nl from;
	ssize_t n = nl_receive(fd, 0, &from);

	if (n < 0)
		fail_msg("recvfrom: %s", strerror((int)-n));
	assert_int_equal(from.nl_family, AF_NETLINK);
	assert_int_equal(from.nl_pid, 0);
	assert_int_equal(nlh->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(nlh->nlmsg_seq, seq);
	assert_int_equal(nlh->nlmsg_pid, nl_port(fd));
	assert_int_equal(NLMSG_ALIGN(nlh->nlmsg_len), NLMSG_ALIGN(n)); /* one message, whole */
	return ack->error;
}

static inline size_t
nl_sa(void *out, uint16_t type, uint32_t spi, uint32_t seq)
{
	const struct nlmsghdr header = nl_header(type, NLM_F_ACK, seq);
	const struct sadb_sa_config c = rig_sa(spi);
	size_t bytes = type == XFRM_MSG_NEWSA || type == XFRM_MSG_UPDSA
			   ? ctl_xfrm_encode_sa(out, 4096, &header, &c, NULL)
			   : ctl_xfrm_encode_sa_id(out, 4096, &header, &c);

	assert_true(bytes > 0);
	return bytes;
}

static inline size_t
nl_policy(void *out, uint16_t type, const char *dst, uint32_t seq)
{
	const struct nlmsghdr header = nl_header(type, NLM_F_ACK, seq);
	const struct sadb_policy_info p = rig_policy(dst, SADB_POLICY_OUT);
	size_t bytes = type == XFRM_MSG_DELPOLICY ? ctl_xfrm_encode_policy_id(out, 4096, &header, &p.config)
						  : ctl_xfrm_encode_policy(out, 4096, &header, &p);

	assert_true(bytes > 0);
	return bytes;
}

static inline int
nl_ask_sa(int fd, uint16_t type, uint32_t spi)
{
	static uint32_t seq = 1000;
	uint8_t request[4096] __attribute__((aligned(8)));
	size_t bytes = nl_sa(request, type, spi, ++seq);

	assert_int_equal(nl_send(fd, request, bytes), bytes);
	return nl_ack(fd, seq);
}

static inline int
nl_ask_policy(int fd, uint16_t type, const char *dst)
{
	static uint32_t seq = 2000;
	uint8_t request[4096] __attribute__((aligned(8)));
	size_t bytes = nl_policy(request, type, dst, ++seq);

	assert_int_equal(nl_send(fd, request, bytes), bytes);
	return nl_ack(fd, seq);
}

static inline bool
nl_is_readable(int fd, int timeout_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	return poll(&ready, 1, timeout_ms) == 1;
}

/* A rig whose daemon this process's NETLINK_XFRM sockets reach. */
static inline int
nl_create(void **state)
{
	rig_create(state);
	return setenv(PRE_SOCKET_ENV, ((const struct rig *)*state)->path, 1);
}

#endif
