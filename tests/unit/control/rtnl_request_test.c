/* SPDX-License-Identifier: BSD-3-Clause
 * Requests to a real kernel: what was asked for is there after, and a refusal carries the kernel's reason. */
#include "control/rtnl_request.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include <cmocka.h>

#include "control/rtnl_decode.h"
#include "tests/unit/control/netns_rig.h"

static struct ctl_rtnl_socket requests;
static int ifindex;

static int
sockets_open(void **state)
{
	struct ctl_rtnl_error err;

	(void)state;
	return ctl_rtnl_open(&requests, 0, &err);
}

static int
sockets_close(void **state)
{
	(void)state;
	ctl_rtnl_close(&requests);
	return 0;
}

/* What a dump showed of "lan". */
struct seen {
	bool up, address, local_route, route;
	uint32_t mtu;
	struct sadb_addr gateway;
};

static void
look(void *arg, const struct nlmsghdr *nlh)
{
	struct seen *seen = arg;
	char text[SADB_ADDR_STRLEN];
	struct ctl_rtnl_msg msg;

	if (ctl_rtnl_decode(nlh, nlh->nlmsg_len, &msg) < 0)
		return;
	if (msg.kind == CTL_RTNL_LINK && msg.link.ifindex == ifindex) {
		const struct nlattr *attr;

		seen->up = msg.link.up;
		mnl_attr_for_each (attr, nlh, sizeof(struct ifinfomsg)) {
			if (mnl_attr_get_type(attr) == IFLA_MTU)
				seen->mtu = mnl_attr_get_u32(attr);
		}
	}
	if (msg.kind == CTL_RTNL_ADDR && msg.addr.ifindex == ifindex && msg.addr.len == 24)
		seen->address |= strcmp(sadb_addr_format(&msg.addr.addr, text, sizeof(text)), "10.1.0.1") == 0;
	if (msg.kind == CTL_RTNL_ROUTE && msg.route.oif == ifindex) {
		sadb_prefix_format(&msg.route.dst, text, sizeof(text));
		seen->local_route |= strcmp(text, "10.1.0.1/32") == 0 && msg.route.kind == SADB_ROUTE_LOCAL;
		if (strcmp(text, "10.9.0.0/16") == 0 && msg.route.metric == 7) {
			seen->route = true;
			seen->gateway = msg.route.gateway;
		}
	}
}

static struct seen
look_around(void)
{
	struct seen seen = {0};

	assert_int_equal(ctl_rtnl_dump(&requests, RTM_GETLINK, AF_UNSPEC, look, &seen), 0);
	assert_int_equal(ctl_rtnl_dump(&requests, RTM_GETADDR, AF_INET, look, &seen), 0);
	assert_int_equal(ctl_rtnl_dump(&requests, RTM_GETROUTE, AF_INET, look, &seen), 0);
	assert_int_equal(ctl_rtnl_dump(&requests, RTM_GETNEIGH, AF_INET, look, &seen), 0);
	return seen;
}

static void
a_twin_gets_mtu_address_and_route_and_loses_them(void **state)
{
	struct ctl_rtnl_route_request route = {.metric = 7, .ifindex = ifindex};
	struct ctl_rtnl_error err = {.text = ""};
	struct sadb_prefix address;
	struct seen seen;

	(void)state;
	assert_int_equal(sadb_prefix_parse("10.1.0.1/24", &address), 0);
	assert_int_equal(sadb_prefix_parse("10.9.0.0/16", &route.to), 0);
	assert_int_equal(sadb_addr_parse("10.1.0.254", &route.via), 0);
	seen = look_around();
	assert_false(seen.up || seen.address || seen.local_route || seen.route);

	assert_int_equal(ctl_rtnl_link_set(&requests, ifindex, 1400, &err), 0);
	assert_int_equal(ctl_rtnl_addr_change(&requests, true, ifindex, &address, &err), 0);
	assert_int_equal(ctl_rtnl_route_change(&requests, true, &route, &err), 0);
	seen = look_around();
	assert_true(seen.up && seen.address && seen.local_route && seen.route);
	assert_int_equal(seen.mtu, 1400);
	assert_true(sadb_addr_equal(&seen.gateway, &route.via));

	assert_int_equal(ctl_rtnl_addr_change(&requests, true, ifindex, &address, &err), -EEXIST);
	assert_int_equal(ctl_rtnl_route_change(&requests, true, &route, &err), -EEXIST);

	assert_int_equal(ctl_rtnl_route_change(&requests, false, &route, &err), 0);
	assert_int_equal(ctl_rtnl_route_change(&requests, false, &route, &err), -ESRCH);
	assert_int_equal(ctl_rtnl_addr_change(&requests, false, ifindex, &address, &err), 0);
	assert_int_equal(ctl_rtnl_addr_change(&requests, false, ifindex, &address, &err), -EADDRNOTAVAIL);
	seen = look_around();
	assert_true(seen.up);
	assert_false(seen.address || seen.local_route || seen.route);
}

static void
a_refusal_carries_the_kernels_reason(void **state)
{
	struct ctl_rtnl_route_request route = {.ifindex = ifindex};
	struct ctl_rtnl_error err = {.text = ""};

	(void)state;
	assert_int_equal(sadb_prefix_parse("10.9.0.0/16", &route.to), 0);
	assert_int_equal(sadb_addr_parse("203.0.113.1", &route.via), 0);
	assert_int_equal(ctl_rtnl_route_change(&requests, true, &route, &err), -ENETUNREACH);
	assert_string_equal(err.text, "the kernel says: Network is unreachable: Nexthop has invalid gateway");
	assert_int_equal(ctl_rtnl_link_set(&requests, ifindex, 70000, &err), -EINVAL);
	assert_non_null(strstr(err.text, "the kernel says: Invalid argument: mtu"));
	assert_int_equal(ctl_rtnl_link_set(&requests, 9999, 1500, &err), -ENODEV);
}

static void
a_used_neighbour_is_asked_for_on_the_wire(void **state)
{
	struct ctl_rtnl_error err;
	struct sadb_prefix address;
	struct sadb_addr target;

	(void)state;
	assert_int_equal(sadb_prefix_parse("10.1.0.1/24", &address), 0);
	assert_int_equal(sadb_addr_parse("10.1.0.9", &target), 0);
	assert_int_equal(ctl_rtnl_link_set(&requests, ifindex, 1500, &err), 0);
	assert_int_equal(ctl_rtnl_addr_change(&requests, true, ifindex, &address, &err), 0);
	assert_int_equal(ctl_rtnl_neigh_use(&requests, ifindex, &target), 0);
	assert_true(rig_arp_asked(&rig_ports[RIG_LAN], "10.1.0.9"));
	assert_int_equal(ctl_rtnl_neigh_use(&requests, 9999, &target), -ENODEV);
	/* The refusal was read: the next request is not answered with it. */
	assert_int_equal(ctl_rtnl_addr_change(&requests, false, ifindex, &address, &err), 0);
}

static void
events_come_on_a_subscribed_socket(void **state)
{
	struct ctl_rtnl_socket events;
	struct ctl_rtnl_error err;
	struct sadb_prefix address;
	uint8_t buf[32768] __attribute__((aligned(4)));
	struct ctl_rtnl_msg msg;
	ssize_t n;

	(void)state;
	assert_int_equal(ctl_rtnl_open(&events, RTMGRP_IPV4_IFADDR, &err), 0);
	assert_int_equal(ctl_rtnl_receive(&events, buf, sizeof(buf), MSG_DONTWAIT), -EAGAIN);
	assert_int_equal(sadb_prefix_parse("10.1.0.1/24", &address), 0);
	assert_int_equal(ctl_rtnl_addr_change(&requests, true, ifindex, &address, &err), 0);
	n = ctl_rtnl_receive(&events, buf, sizeof(buf), MSG_DONTWAIT);
	assert_true(n > 0);
	assert_int_equal(ctl_rtnl_decode(buf, (size_t)n, &msg), 0);
	assert_int_equal(msg.kind, CTL_RTNL_ADDR);
	assert_true(sadb_addr_equal(&msg.addr.addr, &address.addr));
	assert_int_equal(ctl_rtnl_addr_change(&requests, false, ifindex, &address, &err), 0);
	assert_int_equal(ctl_rtnl_receive(&events, buf, 8, MSG_DONTWAIT), -EMSGSIZE);
	ctl_rtnl_close(&events);
}

/* A socket whose other end, in place of the kernel, the test holds. */
static int
stand_in_for_the_kernel(struct ctl_rtnl_socket *sock)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	sock->seq = 0;
	sock->mnl = mnl_socket_fdopen(pair[0]);
	assert_non_null(sock->mnl);
	return pair[1];
}

static void
count(void *arg, const struct nlmsghdr *nlh)
{
	(void)nlh;
	++*(unsigned *)arg;
}

static void
a_dump_that_the_kernel_broke_off_is_not_taken_as_whole(void **state)
{
	static const struct {
		uint32_t payload_bytes;
		int32_t error;
		uint16_t flags;
		int rc;
	} table[] = {
	    {4, 0, 0, 0},  {4, -ENOMEM, 0, -ENOMEM}, {4, -ENOMEM, NLM_F_DUMP_INTR, -EINTR},
	    {4, 20, 0, 0}, {3, -ENOMEM, 0, 0}, /* too short for a number */
	    {0, 0, 0, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct {
			struct nlmsghdr item, done;
			int32_t error;
		} answer = {.item = {.nlmsg_len = sizeof(answer.item), .nlmsg_type = RTM_NEWROUTE, .nlmsg_seq = 1},
			    .done = {.nlmsg_len = (uint32_t)sizeof(answer.done) + table[i].payload_bytes,
				     .nlmsg_type = NLMSG_DONE,
				     .nlmsg_flags = (uint16_t)(NLM_F_MULTI | table[i].flags),
				     .nlmsg_seq = 1},
			    .error = table[i].error};
		const size_t bytes = sizeof(answer.item) + answer.done.nlmsg_len;
		struct ctl_rtnl_socket sock;
		const int kernel = stand_in_for_the_kernel(&sock);
		unsigned n = 0;

		assert_int_equal(send(kernel, &answer, bytes, 0), bytes);
		assert_int_equal(ctl_rtnl_dump(&sock, RTM_GETROUTE, AF_INET, count, &n), table[i].rc);
		assert_int_equal(n, 1);
		ctl_rtnl_close(&sock);
		close(kernel);
	}
}

static void
an_answer_that_never_comes_is_given_up(void **state)
{
	const struct timeval soon = {.tv_usec = 50000};
	struct timeval limit = {0};
	socklen_t bytes = sizeof(limit);
	struct ctl_rtnl_error err = {.text = ""};
	struct ctl_rtnl_socket sock;
	const int kernel = stand_in_for_the_kernel(&sock);

	(void)state;
	assert_int_equal(setsockopt(mnl_socket_get_fd(sock.mnl), SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
	assert_int_equal(ctl_rtnl_link_set(&sock, ifindex, 1500, &err), -ETIMEDOUT);
	assert_string_equal(err.text, "rtnetlink: cannot receive: Connection timed out");
	ctl_rtnl_close(&sock);
	close(kernel);
	/* A real one has such a limit from the start: well below the 30 s of the service's watchdog. */
	assert_int_equal(getsockopt(mnl_socket_get_fd(requests.mnl), SOL_SOCKET, SO_RCVTIMEO, &limit, &bytes), 0);
	assert_in_range(limit.tv_sec, 1, 5);
}

static void
an_answer_that_came_too_late_is_no_refusal_of_the_next(void **state)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} late = {.header = {.nlmsg_len = sizeof(late), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = 1},
		  .error = {.error = -EPERM}};
	struct ctl_rtnl_socket sock;
	const struct sadb_addr target = sadb_addr_v4(rte_cpu_to_be_32(0x0a000001));
	const int kernel = stand_in_for_the_kernel(&sock);

	(void)state;
	sock.seq = 1;
	assert_int_equal(send(kernel, &late, sizeof(late), 0), sizeof(late));
	assert_int_equal(ctl_rtnl_neigh_use(&sock, ifindex, &target), 0);
	late.header.nlmsg_seq = 3;
	assert_int_equal(send(kernel, &late, sizeof(late), 0), sizeof(late));
	assert_int_equal(ctl_rtnl_neigh_use(&sock, ifindex, &target), -EPERM);
	ctl_rtnl_close(&sock);
	close(kernel);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_twin_gets_mtu_address_and_route_and_loses_them),
	    cmocka_unit_test(a_refusal_carries_the_kernels_reason),
	    cmocka_unit_test(a_used_neighbour_is_asked_for_on_the_wire),
	    cmocka_unit_test(events_come_on_a_subscribed_socket),
	    cmocka_unit_test(a_dump_that_the_kernel_broke_off_is_not_taken_as_whole),
	    cmocka_unit_test(an_answer_that_never_comes_is_given_up),
	    cmocka_unit_test(an_answer_that_came_too_late_is_no_refusal_of_the_next),
	};

	if (!rig_namespace_enter())
		return RIG_SKIPPED;
	ifindex = rig_ports[RIG_LAN].ifindex;
	return cmocka_run_group_tests(tests, sockets_open, sockets_close);
}
