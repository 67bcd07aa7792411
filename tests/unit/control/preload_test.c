/* SPDX-License-Identifier: BSD-3-Clause
 * A program's NETLINK_XFRM sockets over the preload library and a real server: what the kernel's would do. */
#include "tests/unit/control/preload_rig.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <libmnl/libmnl.h>

static void
sockets_have_names_like_netlinks(void **state)
{
	const struct sockaddr_nl wanted = {.nl_family = AF_NETLINK, .nl_pid = 4711};
	const struct sockaddr_nl wrong = {.nl_family = AF_INET};
	const struct sockaddr *addr = (const struct sockaddr *)&wanted;
	int first = nl_open(SOCK_CLOEXEC, 0), second = nl_open(0, 0);
	int third = socket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM), fourth = socket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM);
	int value = 0;
	socklen_t bytes = sizeof(value);

	(void)state;
	assert_int_equal(nl_port(first), getpid());
	assert_true(nl_port(second) >= 0xf0000000u);
	assert_int_equal(nl_port(third), 0);
	assert_int_equal(bind(third, (const struct sockaddr *)&wrong, sizeof(wrong)), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(bind(third, addr, sizeof(wanted) - 1), -1);
	assert_int_equal(bind(third, addr, sizeof(wanted)), 0);
	assert_int_equal(nl_port(third), 4711);
	assert_int_equal(bind(fourth, addr, sizeof(wanted)), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
	assert_false(fcntl(second, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockopt(first, SOL_SOCKET, SO_DOMAIN, &value, &bytes), 0);
	assert_int_equal(value, AF_NETLINK);
	assert_int_equal(getsockopt(first, SOL_SOCKET, SO_PROTOCOL, &value, &bytes), 0);
	assert_int_equal(value, NETLINK_XFRM);
	close(first);
	assert_int_equal(getsockname(first, (struct sockaddr *)&(struct sockaddr_nl){0}, &bytes), -1);
	assert_int_equal(errno, EBADF);
	close(second);
	close(third);
	close(fourth);
}

static void
other_sockets_are_left_alone(void **state)
{
	int value = 0;
	socklen_t bytes = sizeof(value);
	int route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	int device = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_XFRM); /* charon's, for ioctl() */
	int unix_fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	assert_true(route >= 0 && unix_fd >= 0);
	assert_int_equal(getsockopt(route, SOL_SOCKET, SO_PROTOCOL, &value, &bytes), 0);
	assert_int_equal(value, NETLINK_ROUTE);
	if (device >= 0) { /* the kernel may have no XFRM */
		assert_int_equal(getsockopt(device, SOL_SOCKET, SO_TYPE, &value, &bytes), 0);
		assert_int_equal(value, SOCK_DGRAM);
		close(device);
	}
	assert_int_equal(getsockopt(unix_fd, SOL_SOCKET, SO_DOMAIN, &value, &bytes), 0);
	assert_int_equal(value, AF_UNIX);
	close(route);
	close(unix_fd);
}

static void
requests_are_answered_one_datagram_each(void **state)
{
	uint8_t a[4096] __attribute__((aligned(8))), b[4096] __attribute__((aligned(8)));
	struct iovec parts[] = {{a, nl_sa(a, XFRM_MSG_NEWSA, 0x1001, 1)}, {b, nl_sa(b, XFRM_MSG_NEWSA, 0x1001, 2)}};
	const struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
	int fd = nl_open(0, 0);

	(void)state;
	/* Both in one datagram, without an address: the answers still come each alone. */
	assert_int_equal(sendmsg(fd, &msg, 0), parts[0].iov_len + parts[1].iov_len);
	assert_int_equal(nl_ack(fd, 1), 0);
	assert_int_equal(nl_ack(fd, 2), -EEXIST);
	assert_int_equal(nl_receive(fd, MSG_DONTWAIT, NULL), -EAGAIN);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_DELSA, 0x1001), 0);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_DELSA, 0x1001), -ESRCH);
	close(fd);
}

static void
extended_acks_come_to_who_asked_for_them(void **state)
{
	const int on = 1, off = 0;
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)nl_buf;
	int value = -1, fd = nl_open(0, 0);
	socklen_t bytes = sizeof(value);

	(void)state;
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_DELSA, 0x1001), -ESRCH);
	assert_int_equal(nlh->nlmsg_len, NLMSG_LENGTH(sizeof(struct nlmsgerr)));
	assert_false(nlh->nlmsg_flags & NLM_F_ACK_TLVS);
	assert_int_equal(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)), 0);
	assert_int_equal(getsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &value, &bytes), 0);
	assert_int_equal(value, 1);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_DELSA, 0x1001), -ESRCH);
	assert_true(nlh->nlmsg_flags & NLM_F_ACK_TLVS);
	assert_non_null(memmem(nl_buf, nlh->nlmsg_len, "0x00001001", 10)); /* the server's text */
	assert_int_equal(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &off, sizeof(off)), 0);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_DELSA, 0x1001), -ESRCH);
	assert_false(nlh->nlmsg_flags & NLM_F_ACK_TLVS);
	close(fd);
}

static void
options_that_netlink_has_not_are_refused(void **state)
{
	static const struct {
		int level, name, value, rc;
		socklen_t bytes;
	} cases[] = {
	    {SOL_NETLINK, NETLINK_CAP_ACK, 1, 0, 4},
	    {SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1, 0, 4},
	    {SOL_NETLINK, NETLINK_PKTINFO, 0, 0, 4},
	    {SOL_NETLINK, NETLINK_CAP_ACK, 1, EINVAL, 3},
	    {SOL_NETLINK, 999, 1, ENOPROTOOPT, 4},
	    {SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 0, EINVAL, 4},
	    {SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, XFRMNLGRP_MAX + 1, EINVAL, 4},
	    {SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, -1, EINVAL, 4},
	    {SOL_SOCKET, SO_RCVBUF, 1 << 20, 0, 4},
	    {SOL_SOCKET, SO_ATTACH_FILTER, 0, ENOPROTOOPT, 4},
	};
	int fd = nl_open(0, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = setsockopt(fd, cases[i].level, cases[i].name, &cases[i].value, cases[i].bytes);

		assert_int_equal(rc, cases[i].rc ? -1 : 0);
		if (rc)
			assert_int_equal(errno, cases[i].rc);
	}
	close(fd);
}

static void
nobody_but_the_kernel_can_be_spoken_to(void **state)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = 17};
	uint8_t request[4096] __attribute__((aligned(8)));
	size_t bytes = nl_sa(request, XFRM_MSG_NEWSA, 0x1001, 1);
	int fd = nl_open(0, 0);

	(void)state;
	assert_int_equal(sendto(fd, request, bytes, 0, (struct sockaddr *)&to, sizeof(to)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
	to.nl_pid = 0;
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(fd, request, bytes, 0), bytes);
	assert_int_equal(nl_ack(fd, 1), 0);
	assert_int_equal(send(fd, request, (size_t)CTL_DATAGRAM_MAX + 1, 0), -1); /* never read that far */
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_DELSA, 0x1001), 0);
	close(fd);
}

/* As iproute2 reads: peeks the length, then takes it. Readable until the last part is taken, and no longer. */
static void
a_dump_comes_in_the_kernels_portions_and_stays_readable_to_its_end(void **state)
{
	const struct nlmsghdr header = nl_header(XFRM_MSG_GETSA, NLM_F_DUMP, 7);
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)nl_buf;
	int fd = nl_open(0, 0), epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	unsigned sas = 0, portions = 0;
	bool done = false;

	(void)state;
	for (uint32_t i = 0; i < 60; i++)
		assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001 + i), 0);
	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	assert_int_equal(epoll_wait(epoll, &event, 1, 0), 0);
	assert_int_equal(nl_send(fd, nl_buf, ctl_xfrm_encode_get(nl_buf, sizeof(nl_buf), &header)), NLMSG_HDRLEN);
	while (!done) {
		struct msghdr msg = {0};

		assert_int_equal(epoll_wait(epoll, &event, 1, 5000), 1);
		ssize_t peeked = recvmsg(fd, &msg, MSG_PEEK | MSG_TRUNC);
		assert_true(peeked > 0 && peeked <= 3776);
		assert_true(msg.msg_flags & MSG_TRUNC);
		assert_int_equal(nl_receive(fd, MSG_DONTWAIT, NULL), peeked);
		portions++;
		nlh = (const struct nlmsghdr *)nl_buf;
		for (int left = (int)peeked; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			assert_int_equal(nlh->nlmsg_seq, 7);
			assert_int_equal(nlh->nlmsg_pid, nl_port(fd));
			sas += nlh->nlmsg_type == XFRM_MSG_NEWSA;
			done |= nlh->nlmsg_type == NLMSG_DONE;
		}
	}
	assert_int_equal(sas, 60);
	assert_true(portions > 5);
	assert_int_equal(epoll_wait(epoll, &event, 1, 0), 0);
	close(epoll);
	close(fd);
}

static void
what_does_not_fit_the_buffer_is_cut_as_a_datagram_is(void **state)
{
	uint8_t a[4096] __attribute__((aligned(8))), little[10];
	struct iovec part = {little, sizeof(little)};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	int fd = nl_open(0, 0);

	(void)state;
	nl_send(fd, a, nl_sa(a, XFRM_MSG_DELSA, 0x1001, 1));
	nl_send(fd, a, nl_sa(a, XFRM_MSG_DELSA, 0x1001, 2));
	assert_int_equal(recvmsg(fd, &msg, 0), 10);
	assert_true(msg.msg_flags & MSG_TRUNC);
	assert_int_equal(nl_ack(fd, 2), -ESRCH);
	close(fd);
}

static void
events_reach_their_groups_and_name_them(void **state)
{
	const int group = XFRMNLGRP_SA;
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)nl_buf;
	int listener = nl_open(SOCK_NONBLOCK, 0), fd = nl_open(0, 0);
	struct sockaddr_nl from;
	uint32_t list = 0;
	socklen_t bytes = sizeof(list);

	(void)state;
	assert_int_equal(setsockopt(listener, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	assert_int_equal(getsockopt(listener, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, &list, &bytes), 0);
	assert_int_equal(list, 1u << (XFRMNLGRP_SA - 1));
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	assert_true(nl_is_readable(listener, 5000));
	/* The ACK of its own subscription, which nobody asked for, is not there. */
	ssize_t n = nl_receive(listener, 0, &from);
	while (n == -EAGAIN && nl_is_readable(listener, 5000))
		n = nl_receive(listener, 0, &from);
	assert_true(n > 0);
	assert_int_equal(nlh->nlmsg_type, XFRM_MSG_NEWSA);
	assert_int_equal(nlh->nlmsg_pid, nl_port(fd)); /* who did it */
	assert_int_equal(from.nl_pid, 0);
	assert_int_equal(from.nl_groups, 1u << (XFRMNLGRP_SA - 1));
	assert_int_equal(setsockopt(listener, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)), 0);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_DELSA, 0x1001), 0);
	nl_is_readable(listener, 50);
	assert_int_equal(nl_receive(listener, 0, NULL), -EAGAIN);
	close(listener);
	close(fd);
}

static void
who_does_not_read_loses_events_and_is_told_once(void **state)
{
	int listener = nl_open(0, 1u << (XFRMNLGRP_SA - 1)), fd = nl_open(0, 0);
	unsigned events = 0, lost = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(nl_ask_sa(fd, i % 2 ? XFRM_MSG_DELSA : XFRM_MSG_NEWSA, 0x1001), 0);
	while (nl_is_readable(listener, 100)) {
		ssize_t n = nl_receive(listener, MSG_DONTWAIT, NULL);

		lost += n == -ENOBUFS;
		events += n > 0;
		assert_true(n > 0 || n == -ENOBUFS || n == -EAGAIN);
	}
	assert_int_equal(lost, 1);
	assert_in_range(events, 100, 999);
	/* And from then on hears again. */
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1002), 0);
	assert_true(nl_is_readable(listener, 5000));
	assert_true(nl_receive(listener, 0, NULL) > 0);
	close(listener);
	close(fd);
}

/* The library's file is open to this user's other programs; what they put there must not harm. */
static void
rubbish_from_others_harms_nobody(void **state)
{
	static uint8_t rubbish[40000];
	struct nlmsghdr *nlh = (struct nlmsghdr *)rubbish;
	static const struct {
		size_t bytes;
		uint32_t length;
		uint16_t type;
	} cases[] = {
	    {0, 0, 0},
	    {1, 1, 0},
	    {15, 15, XFRM_MSG_EXPIRE},
	    {16, 0, XFRM_MSG_EXPIRE},
	    {16, UINT32_MAX, XFRM_MSG_EXPIRE},
	    {16, 16, XFRM_MSG_EXPIRE},
	    {16, 16, NLMSG_ERROR},
	    {16, 16, NLMSG_OVERRUN},
	    {16, 16, CTL_MSG_HELLO},
	    {24, 24, CTL_MSG_HELLO},
	    {40000, 40000, XFRM_MSG_NEWSA},
	    {32768, 32767, XFRM_MSG_NEWSA},
	};
	struct sockaddr_un to;
	socklen_t to_bytes = sizeof(to);
	int fd = nl_open(SOCK_NONBLOCK, 1u << (XFRMNLGRP_EXPIRE - 1)), other = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	/* The kernel knows what the library hides. */
	assert_int_equal(syscall(SYS_getsockname, fd, &to, &to_bytes), 0);
	assert_int_equal(to.sun_family, AF_UNIX);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		nlh->nlmsg_len = cases[i].length;
		nlh->nlmsg_type = cases[i].type;
		assert_int_equal(sendto(other, rubbish, cases[i].bytes, 0, (struct sockaddr *)&to, sizeof(to)),
				 cases[i].bytes);
		for (int k = 0; k < 3; k++)
			nl_receive(fd, 0, NULL);
		assert_int_equal(nl_receive(fd, 0, NULL), -EAGAIN);
	}
	fcntl(fd, F_SETFL, 0);
	assert_int_equal(nl_ask_sa(fd, XFRM_MSG_NEWSA, 0x1001), 0);
	close(other);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(sockets_have_names_like_netlinks, nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(other_sockets_are_left_alone, nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(requests_are_answered_one_datagram_each, nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(extended_acks_come_to_who_asked_for_them, nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(options_that_netlink_has_not_are_refused, nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(nobody_but_the_kernel_can_be_spoken_to, nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_dump_comes_in_the_kernels_portions_and_stays_readable_to_its_end,
					    nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(what_does_not_fit_the_buffer_is_cut_as_a_datagram_is, nl_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(events_reach_their_groups_and_name_them, nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(who_does_not_read_loses_events_and_is_told_once, nl_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(rubbish_from_others_harms_nobody, nl_create, rig_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
