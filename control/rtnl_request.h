/* SPDX-License-Identifier: BSD-3-Clause
 * What Culvert asks of the kernel over NETLINK_ROUTE: dumps, addresses, routes and links of the twins, neighbours. Each
 * call waits for the kernel's answer, which the kernel gives at once: -ETIMEDOUT when it does not. Control thread. */
#ifndef CTL_RTNL_REQUEST_H
#define CTL_RTNL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "sa-db/addr.h"

struct ctl_rtnl_socket {
	struct mnl_socket *mnl;
	uint32_t seq;
};

/* The kernel's reason, for the operator. */
struct ctl_rtnl_error {
	char text[160];
};

/* groups: RTMGRP_* to subscribe to, 0 for requests only. */
int ctl_rtnl_open(struct ctl_rtnl_socket *sock, uint32_t groups, struct ctl_rtnl_error *err);
void ctl_rtnl_close(struct ctl_rtnl_socket *sock);

/* Reads one datagram from the kernel; datagrams of other processes are dropped. Returns its bytes, or -EAGAIN, -ENOBUFS
 * (the kernel had to leave messages out), -EMSGSIZE. */
ssize_t ctl_rtnl_receive(const struct ctl_rtnl_socket *sock, void *buf, size_t size, int flags);

/* A dump of RTM_GETLINK and so on; fn sees every message. -EINTR: the kernel's state changed meanwhile, ask again. Any
 * other error: the kernel broke the dump off, what fn saw is not all. */
typedef void (*ctl_rtnl_fn)(void *arg, const struct nlmsghdr *nlh);
int ctl_rtnl_dump(struct ctl_rtnl_socket *sock, uint16_t type, uint8_t family, ctl_rtnl_fn fn, void *arg);

/* Is an XDP program on that link? 1 or 0, or -errno. */
int ctl_rtnl_link_xdp(struct ctl_rtnl_socket *sock, const char *name);

int ctl_rtnl_link_set(struct ctl_rtnl_socket *sock, int ifindex, uint32_t mtu, struct ctl_rtnl_error *err);

int ctl_rtnl_addr_change(struct ctl_rtnl_socket *sock, bool add, int ifindex, const struct sadb_prefix *addr,
			 struct ctl_rtnl_error *err);

/* A route of the main table, by protocol "static". */
struct ctl_rtnl_route_request {
	struct sadb_prefix to;
	struct sadb_addr via; /* AF_UNSPEC: on link */
	uint32_t metric;
	int ifindex;
};
int ctl_rtnl_route_change(struct ctl_rtnl_socket *sock, bool add, const struct ctl_rtnl_route_request *route,
			  struct ctl_rtnl_error *err);

/* As a packet to that neighbour would: resolves it, or probes it when its entry is stale. Does not wait. */
int ctl_rtnl_neigh_use(struct ctl_rtnl_socket *sock, int ifindex, const struct sadb_addr *addr);

#endif
