/* SPDX-License-Identifier: BSD-3-Clause
 * What Culvert asks of the kernel over NETLINK_ROUTE. Control thread. */
#include "control/rtnl_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "control/attr.h"

#define REQUEST_BYTES 512
#define ANSWER_BYTES  32768 /* the kernel's dumps come in datagrams of at most this */
#define ANSWER_S      2     /* a lost answer must not hold the control thread up for longer */

static int
fail(struct ctl_rtnl_error *err, const char *what)
{
	const int rc = -errno;

	snprintf(err->text, sizeof(err->text), "rtnetlink: %s: %s", what, strerror(-rc));
	return rc;
}

int
ctl_rtnl_open(struct ctl_rtnl_socket *sock, uint32_t groups, struct ctl_rtnl_error *err)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};
	const int bytes = 4 << 20, on = 1;
	int rc;

	sock->seq = 0;
	sock->mnl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (sock->mnl == NULL)
		return fail(err, "cannot open a socket");
	/* Room for a burst of events; without the privilege the default has to do, and ENOBUFS leads to a new dump. */
	setsockopt(mnl_socket_get_fd(sock->mnl), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (mnl_socket_setsockopt(sock->mnl, NETLINK_EXT_ACK, (void *)(uintptr_t)&on, sizeof(on)) < 0 ||
	    setsockopt(mnl_socket_get_fd(sock->mnl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    mnl_socket_bind(sock->mnl, groups, MNL_SOCKET_AUTOPID) < 0) {
		rc = fail(err, "cannot bind a socket");
		ctl_rtnl_close(sock);
		return rc;
	}
	return 0;
}

void
ctl_rtnl_close(struct ctl_rtnl_socket *sock)
{
	if (sock->mnl != NULL)
		mnl_socket_close(sock->mnl);
	sock->mnl = NULL;
}

ssize_t
ctl_rtnl_receive(const struct ctl_rtnl_socket *sock, void *buf, size_t size, int flags)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	for (;;) {
		n = recvmsg(mnl_socket_get_fd(sock->mnl), &msg, flags);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (from.nl_pid != 0)
			continue;
		return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
	}
}

/* The kernel's own words for a refusal (NLMSGERR_ATTR_MSG), behind the request's header in an extended ACK. */
static const char *
ack_text(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *ack = mnl_nlmsg_get_payload(nlh);
	size_t offset = sizeof(*ack), bytes = mnl_nlmsg_get_payload_len(nlh);
	const struct nlattr *attr;

	if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) == 0)
		return NULL;
	if ((nlh->nlmsg_flags & NLM_F_CAPPED) == 0)
		offset += NLMSG_ALIGN(ack->msg.nlmsg_len) - sizeof(ack->msg);
	if (offset > bytes)
		return NULL;
	attr = ctl_attr_find((const uint8_t *)ack + offset, bytes - offset, NLMSGERR_ATTR_MSG);
	return attr != NULL && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(attr) : NULL;
}

/* 0, or the negative errno of an error message, with the kernel's reason. */
static int
ack_decode(const struct nlmsghdr *nlh, struct ctl_rtnl_error *err)
{
	const struct nlmsgerr *ack = mnl_nlmsg_get_payload(nlh);
	const char *text;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ack))
		return -EBADMSG;
	if (ack->error == 0)
		return 0;
	text = ack_text(nlh);
	snprintf(err->text, sizeof(err->text), "the kernel says: %s%s%.100s", strerror(-ack->error),
		 text != NULL ? ": " : "", text != NULL ? text : "");
	return ack->error;
}

/* The end of a dump carries the errno of one that the kernel broke off. */
static int
done_decode(const struct nlmsghdr *nlh)
{
	int rc = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(rc))
		memcpy(&rc, mnl_nlmsg_get_payload(nlh), sizeof(rc));
	return rc < 0 ? rc : 0;
}

/* Sends a request and reads until its ACK, its error, or its dump's end. */
static int
ask(struct ctl_rtnl_socket *sock, struct nlmsghdr *request, ctl_rtnl_fn fn, void *arg, struct ctl_rtnl_error *err)
{
	char answer[ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool interrupted = false;

	request->nlmsg_seq = ++sock->seq;
	if (mnl_socket_sendto(sock->mnl, request, request->nlmsg_len) < 0)
		return fail(err, "cannot send");
	for (;;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)answer;
		ssize_t n = ctl_rtnl_receive(sock, answer, sizeof(answer), 0);
		int left;

		if (n < 0) {
			errno = n == -EAGAIN ? ETIMEDOUT : (int)-n;
			return fail(err, "cannot receive");
		}
		for (left = (int)n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_seq != request->nlmsg_seq) /* of a dump that broke off */
				continue;
			interrupted |= (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (nlh->nlmsg_type == NLMSG_ERROR)
				return ack_decode(nlh, err);
			if (nlh->nlmsg_type == NLMSG_DONE)
				return interrupted ? -EINTR : done_decode(nlh);
			if (fn != NULL)
				fn(arg, nlh);
		}
	}
}

/* The kernel complains in its log of a request that is longer than its type's header. */
static size_t
head_bytes(uint16_t type)
{
	switch (type) {
	case RTM_GETLINK:
		return sizeof(struct ifinfomsg);
	case RTM_GETADDR:
		return sizeof(struct ifaddrmsg);
	case RTM_GETROUTE:
		return sizeof(struct rtmsg);
	default:
		return sizeof(struct ndmsg);
	}
}

int
ctl_rtnl_dump(struct ctl_rtnl_socket *sock, uint16_t type, uint8_t family, ctl_rtnl_fn fn, void *arg)
{
	char buf[REQUEST_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ctl_rtnl_error err;
	struct rtgenmsg *head; /* what every header begins with */

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	head = mnl_nlmsg_put_extra_header(nlh, head_bytes(type));
	head->rtgen_family = family;
	return ask(sock, nlh, fn, arg, &err);
}

static void
find_xdp(void *arg, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr, *inside;

	mnl_attr_for_each (attr, nlh, sizeof(struct ifinfomsg))
		if (mnl_attr_get_type(attr) == IFLA_XDP)
			mnl_attr_for_each_nested (inside, attr)
				if (mnl_attr_get_type(inside) == IFLA_XDP_ATTACHED &&
				    mnl_attr_validate(inside, MNL_TYPE_U8) == 0)
					*(int *)arg = mnl_attr_get_u8(inside) != XDP_ATTACHED_NONE;
}

int
ctl_rtnl_link_xdp(struct ctl_rtnl_socket *sock, const char *name)
{
	char buf[REQUEST_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ctl_rtnl_error err;
	int rc, has = 0;

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	rc = ask(sock, nlh, find_xdp, &has, &err);
	return rc < 0 ? rc : has;
}

int
ctl_rtnl_link_set(struct ctl_rtnl_socket *sock, int ifindex, uint32_t mtu, struct ctl_rtnl_error *err)
{
	char buf[REQUEST_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *info;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->ifi_index = ifindex;
	info->ifi_flags = IFF_UP;
	info->ifi_change = IFF_UP;
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return ask(sock, nlh, NULL, NULL, err);
}

static void
put_addr(struct nlmsghdr *nlh, uint16_t type, const struct sadb_addr *addr)
{
	mnl_attr_put(nlh, type, sadb_addr_bits(addr->family) / 8, addr->bytes);
}

int
ctl_rtnl_addr_change(struct ctl_rtnl_socket *sock, bool add, int ifindex, const struct sadb_prefix *addr,
		     struct ctl_rtnl_error *err)
{
	char buf[REQUEST_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *info;

	nlh->nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (add)
		nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->ifa_family = addr->addr.family;
	info->ifa_prefixlen = addr->len;
	info->ifa_index = (uint32_t)ifindex;
	put_addr(nlh, IFA_LOCAL, &addr->addr);
	put_addr(nlh, IFA_ADDRESS, &addr->addr);
	return ask(sock, nlh, NULL, NULL, err);
}

int
ctl_rtnl_route_change(struct ctl_rtnl_socket *sock, bool add, const struct ctl_rtnl_route_request *route,
		      struct ctl_rtnl_error *err)
{
	char buf[REQUEST_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *info;

	nlh->nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (add)
		nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->rtm_family = route->to.addr.family;
	info->rtm_dst_len = route->to.len;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = RTPROT_STATIC;
	info->rtm_type = RTN_UNICAST;
	info->rtm_scope = route->via.family != AF_UNSPEC ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	put_addr(nlh, RTA_DST, &route->to.addr);
	mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)route->ifindex);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, route->metric);
	if (route->via.family != AF_UNSPEC)
		put_addr(nlh, RTA_GATEWAY, &route->via);
	return ask(sock, nlh, NULL, NULL, err);
}

int
ctl_rtnl_neigh_use(struct ctl_rtnl_socket *sock, int ifindex, const struct sadb_addr *addr)
{
	char buf[REQUEST_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ctl_rtnl_error err;
	struct ndmsg *info;
	ssize_t n;

	nlh->nlmsg_type = RTM_NEWNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE;
	nlh->nlmsg_seq = ++sock->seq;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->ndm_family = addr->family;
	info->ndm_ifindex = ifindex;
	info->ndm_state = NUD_NONE;
	info->ndm_flags = NTF_USE;
	put_addr(nlh, NDA_DST, addr);
	if (mnl_socket_sendto(sock->mnl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	/* No ACK was asked for; a refusal is there by now. What answers another request came too late for it. */
	n = ctl_rtnl_receive(sock, buf, sizeof(buf), MSG_DONTWAIT);
	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return (int)n;
	nlh = (struct nlmsghdr *)buf;
	return mnl_nlmsg_ok(nlh, (int)n) && nlh->nlmsg_type == NLMSG_ERROR && nlh->nlmsg_seq == sock->seq
		   ? ack_decode(nlh, &err)
		   : 0;
}
