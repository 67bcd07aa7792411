/* SPDX-License-Identifier: BSD-3-Clause
 * The kernel's links, addresses, routes and neighbours of the twins. Control thread. */
#include "control/rtnl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "control/clock.h"
#include "control/log.h"
#include "control/rtnl_state.h"

#define READ_BYTES      32768
#define READ_DATAGRAMS  64    /* in one go, so that a flood leaves time for other work */
#define DRAIN_DATAGRAMS 65536 /* more than a socket holds: an end even if they come as fast as they are read */
#define DUMP_TRIES      8
#define RETRY_NS        1000000000
#define ADDRS_MAX       64 /* of one port, as the dataplane takes them */

struct ctl_rtnl {
	struct sadb *db;
	struct dp *dp;
	struct ctl_rtnl_socket events, requests;
	struct ctl_rtnl_state state;
	unsigned dirty;         /* enum ctl_rtnl_change */
	uint64_t not_before_ns; /* CLOCK_MONOTONIC: the next rebuild */
	char buf[READ_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

struct ctl_rtnl *
ctl_rtnl_create(struct sadb *db, struct dp *dp, struct ctl_rtnl_error *err)
{
	const uint32_t groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR |
				RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH;
	struct ctl_rtnl *rtnl = calloc(1, sizeof(*rtnl));

	if (rtnl == NULL) {
		snprintf(err->text, sizeof(err->text), "rtnetlink: out of memory");
		return NULL;
	}
	rtnl->db = db;
	rtnl->dp = dp;
	ctl_rtnl_state_init(&rtnl->state, NULL);
	if (ctl_rtnl_open(&rtnl->events, groups, err) < 0 || ctl_rtnl_open(&rtnl->requests, 0, err) < 0) {
		ctl_rtnl_destroy(rtnl);
		return NULL;
	}
	return rtnl;
}

void
ctl_rtnl_destroy(struct ctl_rtnl *rtnl)
{
	if (rtnl == NULL)
		return;
	ctl_rtnl_state_clear(&rtnl->state);
	ctl_rtnl_close(&rtnl->requests);
	ctl_rtnl_close(&rtnl->events);
	free(rtnl);
}

struct ctl_rtnl_socket *
ctl_rtnl_requests(struct ctl_rtnl *rtnl)
{
	return &rtnl->requests;
}

int
ctl_rtnl_fd(const struct ctl_rtnl *rtnl)
{
	return mnl_socket_get_fd(rtnl->events.mnl);
}

int
ctl_rtnl_follow(struct ctl_rtnl *rtnl, uint16_t port, const struct sadb_vnet *domain, struct ctl_rtnl_error *err)
{
	struct ctl_rtnl_twin twin = {.port = port, .domain = domain};
	struct dp_port_info info;
	int rc = dp_port_get(rtnl->dp, port, &info);

	if (rc == 0) {
		twin.ifindex = info.twin_ifindex;
		memcpy(twin.name, info.name, sizeof(twin.name));
		rc = ctl_rtnl_twin_add(&rtnl->state, &twin);
	}
	if (rc < 0)
		snprintf(err->text, sizeof(err->text), "port %u has no twin to follow: %s", port, strerror(-rc));
	return rc;
}

/* One message into a state; says what it changed. */
static int
take(struct ctl_rtnl_state *state, const struct nlmsghdr *nlh)
{
	struct ctl_rtnl_msg msg;
	int rc = ctl_rtnl_decode(nlh, nlh->nlmsg_len, &msg);

	if (rc == -EINVAL)
		ctl_log(CTL_LOG_WARNING, "rtnetlink: message of type %u is malformed and was left out",
			nlh->nlmsg_type);
	return rc < 0 ? 0 : ctl_rtnl_apply(state, &msg);
}

static void
take_datagram(struct ctl_rtnl *rtnl, size_t bytes)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)rtnl->buf;
	int left = (int)bytes;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		int change = take(&rtnl->state, nlh);

		if (change < 0) {
			ctl_log(CTL_LOG_WARNING, "rtnetlink: out of memory; asking the kernel again");
			change = CTL_RTNL_AGAIN;
		}
		if (change & CTL_RTNL_GONE) {
			ctl_log(CTL_LOG_WARNING,
				"rtnetlink: a port's twin is gone from this namespace: its routes are withdrawn; "
				"restart the daemon to bring it back");
			change &= ~CTL_RTNL_GONE;
		}
		rtnl->dirty |= (unsigned)change;
	}
}

/* What the kernel said before a dump is in the dump. Taken in after it, a route that has since vanished without a message
 * would come back to stay. Into the state that the dump replaces, because a twin that is gone is told of here. */
static void
drain(struct ctl_rtnl *rtnl)
{
	ssize_t n = 0;

	for (int i = 0; i < DRAIN_DATAGRAMS && n != -EAGAIN; i++) {
		n = ctl_rtnl_receive(&rtnl->events, rtnl->buf, sizeof(rtnl->buf), MSG_DONTWAIT);
		if (n > 0)
			take_datagram(rtnl, (size_t)n);
	}
}

struct dump {
	struct ctl_rtnl_state *state;
	int error;
};

static void
dump_take(void *arg, const struct nlmsghdr *nlh)
{
	struct dump *dump = arg;
	int rc = take(dump->state, nlh);

	if (rc < 0)
		dump->error = rc;
}

/* Links first: what is said of a twin that is down would be left over. */
static int
dump_all(struct ctl_rtnl *rtnl, struct ctl_rtnl_state *fresh)
{
	static const struct {
		uint16_t type;
		uint8_t family;
	} asked[] = {{RTM_GETLINK, AF_UNSPEC}, {RTM_GETADDR, AF_INET},   {RTM_GETADDR, AF_INET6},
		     {RTM_GETROUTE, AF_INET},  {RTM_GETROUTE, AF_INET6}, {RTM_GETNEIGH, AF_INET},
		     {RTM_GETNEIGH, AF_INET6}};
	struct dump dump = {.state = fresh};
	int rc;

	for (unsigned i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		rc = ctl_rtnl_dump(&rtnl->requests, asked[i].type, asked[i].family, dump_take, &dump);
		if (rc == 0)
			rc = dump.error;
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Events are subscribed to already, so whatever changes from here on comes again as an event. */
static int
learn(struct ctl_rtnl *rtnl)
{
	struct ctl_rtnl_state fresh;
	int rc = -EINTR;

	for (int i = 0; i < DUMP_TRIES && rc == -EINTR; i++) {
		drain(rtnl);
		ctl_rtnl_state_init(&fresh, &rtnl->state);
		rc = dump_all(rtnl, &fresh);
		if (rc < 0)
			ctl_rtnl_state_clear(&fresh);
	}
	if (rc < 0)
		return rc;
	ctl_rtnl_state_clear(&rtnl->state);
	rtnl->state = fresh;
	rtnl->dirty = CTL_RTNL_TABLES;
	return 0;
}

static int
publish_routes(struct ctl_rtnl *rtnl, struct sadb_vnet *domain)
{
	struct sadb_route *routes;
	struct sadb_fib *fib;
	unsigned n;
	int rc;

	rc = ctl_rtnl_routes(&rtnl->state, domain, &routes, &n);
	if (rc < 0)
		return rc;
	fib = sadb_fib_create(routes, n);
	free(routes);
	if (fib == NULL)
		return -ENOMEM;
	sadb_vnet_fib_set(rtnl->db, domain, fib);
	return 0;
}

static int
publish_all_routes(struct ctl_rtnl *rtnl)
{
	struct sadb_vnet *vnet = NULL;
	int rc = publish_routes(rtnl, sadb_underlay(rtnl->db));

	while (rc == 0 && (vnet = sadb_vnet_next(rtnl->db, vnet)) != NULL)
		rc = publish_routes(rtnl, vnet);
	return rc;
}

static int
publish_neighs(struct ctl_rtnl *rtnl)
{
	const struct sadb_neigh_table *before = sadb_neighs(rtnl->db);
	struct sadb_neigh_table *table;
	struct sadb_neigh *neighs;
	unsigned n;
	int rc;

	rc = ctl_rtnl_neighs(&rtnl->state, &neighs, &n);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; before != NULL && i < n; i++) {
		const struct sadb_addr addr = sadb_neigh_addr(&neighs[i]);
		const struct sadb_neigh *old = sadb_neigh_find(before, neighs[i].port, &addr);

		/* Relaxed, as the workers' store: a use noted late counts for the next refresh. */
		if (old != NULL)
			neighs[i].used = __atomic_load_n(&old->used, __ATOMIC_RELAXED);
	}
	table = sadb_neigh_table_create(neighs, n);
	free(neighs);
	if (table == NULL)
		return -ENOMEM;
	sadb_neighs_set(rtnl->db, table);
	return 0;
}

static int
publish_addrs(struct ctl_rtnl *rtnl)
{
	int rc = 0;

	for (unsigned i = 0; i < rtnl->state.n_twins; i++) {
		const struct ctl_rtnl_twin *twin = &rtnl->state.twins[i];
		struct sadb_addr addrs[ADDRS_MAX];
		unsigned n = ctl_rtnl_addrs(&rtnl->state, twin->ifindex, addrs, ADDRS_MAX);
		int one;

		if (n > ADDRS_MAX) {
			ctl_log(CTL_LOG_WARNING, "port %s: has %u addresses; only %u of them may send", twin->name, n,
				ADDRS_MAX);
			n = ADDRS_MAX;
		}
		one = dp_port_addrs_set(rtnl->dp, twin->port, addrs, n);
		rc = rc < 0 ? rc : one;
	}
	return rc;
}

void
ctl_rtnl_publish(struct ctl_rtnl *rtnl)
{
	uint64_t start = ctl_now_ns();
	unsigned done = 0;

	if (rtnl->dirty == 0 || start < rtnl->not_before_ns)
		return;
	if (rtnl->dirty & CTL_RTNL_AGAIN) {
		int rc = learn(rtnl);

		if (rc < 0) {
			ctl_log(CTL_LOG_WARNING, "rtnetlink: cannot learn routes and neighbours: %s; trying again",
				strerror(-rc));
			rtnl->not_before_ns = start + RETRY_NS;
			return;
		}
	}
	/* What fails for want of memory stays dirty and is tried again. */
	if ((rtnl->dirty & CTL_RTNL_ROUTES) && publish_all_routes(rtnl) == 0)
		done |= CTL_RTNL_ROUTES;
	if ((rtnl->dirty & CTL_RTNL_NEIGHS) && publish_neighs(rtnl) == 0)
		done |= CTL_RTNL_NEIGHS;
	if ((rtnl->dirty & CTL_RTNL_ADDRS) && publish_addrs(rtnl) == 0)
		done |= CTL_RTNL_ADDRS;
	rtnl->dirty &= ~done;
	/* A quarter of the control thread's time at most. */
	rtnl->not_before_ns = ctl_now_ns() + 3 * (ctl_now_ns() - start);
}

int
ctl_rtnl_sync(struct ctl_rtnl *rtnl, struct ctl_rtnl_error *err)
{
	int rc = learn(rtnl);

	if (rc < 0) {
		snprintf(err->text, sizeof(err->text), "rtnetlink: cannot learn links, routes and neighbours: %s",
			 strerror(-rc));
		return rc;
	}
	rtnl->not_before_ns = 0;
	ctl_rtnl_publish(rtnl);
	if (rtnl->dirty != 0) {
		snprintf(err->text, sizeof(err->text), "rtnetlink: out of memory for routes and neighbours");
		return -ENOMEM;
	}
	return 0;
}

void
ctl_rtnl_read(struct ctl_rtnl *rtnl)
{
	for (int i = 0; i < READ_DATAGRAMS; i++) {
		ssize_t n = ctl_rtnl_receive(&rtnl->events, rtnl->buf, sizeof(rtnl->buf), MSG_DONTWAIT);

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			/* ENOBUFS: events were lost. */
			ctl_log(CTL_LOG_NOTICE, "rtnetlink: %s; asking the kernel for everything again",
				strerror((int)-n));
			rtnl->dirty |= CTL_RTNL_AGAIN;
			continue;
		}
		take_datagram(rtnl, (size_t)n);
	}
}

static void
neigh_use(struct ctl_rtnl *rtnl, uint16_t port, const struct sadb_addr *addr)
{
	char shown[SADB_ADDR_STRLEN];
	int rc;

	for (unsigned i = 0; i < rtnl->state.n_twins; i++) {
		const struct ctl_rtnl_twin *twin = &rtnl->state.twins[i];

		if (twin->port != port)
			continue;
		rc = ctl_rtnl_neigh_use(&rtnl->requests, twin->ifindex, addr);
		if (rc < 0)
			ctl_log(CTL_LOG_DEBUG, "port %s: the kernel does not resolve %s: %s", twin->name,
				sadb_addr_format(addr, shown, sizeof(shown)), strerror(-rc));
		return;
	}
}

void
ctl_rtnl_resolve(struct ctl_rtnl *rtnl, uint16_t port, const struct sadb_addr *addr)
{
	neigh_use(rtnl, port, addr);
}

void
ctl_rtnl_refresh(struct ctl_rtnl *rtnl)
{
	struct sadb_neigh_table *table = sadb_neighs(rtnl->db);
	struct sadb_neigh *neigh;

	for (unsigned i = 0; table != NULL && (neigh = sadb_neigh_at(table, i)) != NULL; i++) {
		const struct sadb_addr addr = sadb_neigh_addr(neigh);

		/* Relaxed: a worker's store that comes between is a use of the next period. */
		if (__atomic_exchange_n(&neigh->used, 0, __ATOMIC_RELAXED) != 0)
			neigh_use(rtnl, neigh->port, &addr);
	}
}
