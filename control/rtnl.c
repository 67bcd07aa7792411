/* SPDX-License-Identifier: BSD-3-Clause
 * The kernel's links, addresses, routes and neighbours of the twins. Control thread. */
#include "control/rtnl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "control/clock.h"
#include "control/log.h"
#include "control/rtnl_view.h"

#define RETRY_NS  1000000000
#define ADDRS_MAX 64 /* of one port, as the dataplane takes them */
#define VIEWS     (DP_MAX_PORTS + 1)

struct ctl_rtnl {
	struct sadb *db;
	struct dp *dp;
	int poll_fd; /* epoll: any view has something to read */
	unsigned n_views;
	struct ctl_rtnl_view *view[VIEWS]; /* the first is that of the daemon's own namespace */
	unsigned dirty;                    /* enum ctl_rtnl_change: what is to be published */
	uint64_t not_before_ns;            /* CLOCK_MONOTONIC: the next rebuild */
};

/* The view of that namespace, made when it is the first. NULL: failed, with err filled. */
static struct ctl_rtnl_view *
view_of(struct ctl_rtnl *rtnl, const struct dp_netns *netns, struct ctl_rtnl_error *err)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct ctl_rtnl_view *view;

	for (unsigned i = 0; i < rtnl->n_views; i++)
		if (rtnl->view[i]->netns == netns)
			return rtnl->view[i];
	view = ctl_rtnl_view_create(netns, err);
	if (view == NULL)
		return NULL;
	if (epoll_ctl(rtnl->poll_fd, EPOLL_CTL_ADD, mnl_socket_get_fd(view->events.mnl), &event) < 0) {
		snprintf(err->text, sizeof(err->text), "rtnetlink: cannot wait for events: %s", strerror(errno));
		ctl_rtnl_view_destroy(view);
		return NULL;
	}
	rtnl->view[rtnl->n_views++] = view;
	return view;
}

/* The view and, in it, the twin of a port. NULL: nobody follows it. */
static struct ctl_rtnl_view *
view_of_port(const struct ctl_rtnl *rtnl, uint16_t port, const struct ctl_rtnl_twin **twin)
{
	for (unsigned v = 0; v < rtnl->n_views; v++) {
		const struct ctl_rtnl_state *state = &rtnl->view[v]->state;

		for (unsigned i = 0; i < state->n_twins; i++) {
			*twin = &state->twins[i];
			if ((*twin)->port == port)
				return rtnl->view[v];
		}
	}
	return NULL;
}

struct ctl_rtnl *
ctl_rtnl_create(struct sadb *db, struct dp *dp, struct ctl_rtnl_error *err)
{
	struct ctl_rtnl *rtnl = calloc(1, sizeof(*rtnl));

	if (rtnl == NULL) {
		snprintf(err->text, sizeof(err->text), "rtnetlink: out of memory");
		return NULL;
	}
	rtnl->db = db;
	rtnl->dp = dp;
	rtnl->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (rtnl->poll_fd < 0)
		snprintf(err->text, sizeof(err->text), "rtnetlink: cannot wait for events: %s", strerror(errno));
	if (rtnl->poll_fd < 0 || view_of(rtnl, NULL, err) == NULL) {
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
	for (unsigned i = 0; i < rtnl->n_views; i++)
		ctl_rtnl_view_destroy(rtnl->view[i]);
	if (rtnl->poll_fd >= 0)
		close(rtnl->poll_fd);
	free(rtnl);
}

struct ctl_rtnl_socket *
ctl_rtnl_requests(struct ctl_rtnl *rtnl, uint16_t port)
{
	const struct ctl_rtnl_twin *twin;
	struct ctl_rtnl_view *view = view_of_port(rtnl, port, &twin);

	return &(view != NULL ? view : rtnl->view[0])->requests;
}

int
ctl_rtnl_fd(const struct ctl_rtnl *rtnl)
{
	return rtnl->poll_fd;
}

int
ctl_rtnl_follow(struct ctl_rtnl *rtnl, uint16_t port, const struct sadb_vnet *domain, struct ctl_rtnl_error *err)
{
	struct ctl_rtnl_twin twin = {.port = port, .domain = domain};
	struct ctl_rtnl_view *view;
	struct dp_port_info info;
	int rc = dp_port_get(rtnl->dp, port, &info);

	if (rc == 0) {
		view = view_of(rtnl, dp_port_netns(rtnl->dp, port), err);
		if (view == NULL)
			return -EIO;
		twin.ifindex = info.twin_ifindex;
		memcpy(twin.name, info.name, sizeof(twin.name));
		rc = ctl_rtnl_twin_add(&view->state, &twin);
	}
	if (rc < 0)
		snprintf(err->text, sizeof(err->text), "port %u has no twin to follow: %s", port, strerror(-rc));
	return rc;
}

/* All twins of a domain are in one namespace, which says its routes; one without twins has its blackholes from the first. */
static const struct ctl_rtnl_state *
state_of_domain(const struct ctl_rtnl *rtnl, const struct sadb_vnet *domain)
{
	for (unsigned v = 0; v < rtnl->n_views; v++)
		for (unsigned i = 0; i < rtnl->view[v]->state.n_twins; i++)
			if (rtnl->view[v]->state.twins[i].domain == domain)
				return &rtnl->view[v]->state;
	return &rtnl->view[0]->state;
}

static int
publish_routes(struct ctl_rtnl *rtnl, struct sadb_vnet *domain)
{
	struct sadb_route *routes;
	struct sadb_fib *fib;
	unsigned n;
	int rc;

	rc = ctl_rtnl_routes(state_of_domain(rtnl, domain), domain, &routes, &n);
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

/* Of all namespaces: ports tell them apart. *out is malloc'ed. */
static int
all_neighs(const struct ctl_rtnl *rtnl, struct sadb_neigh **out, unsigned *n)
{
	struct sadb_neigh *some, *more;
	unsigned n_some;
	int rc = 0;

	*out = NULL;
	*n = 0;
	for (unsigned v = 0; rc == 0 && v < rtnl->n_views; v++) {
		rc = ctl_rtnl_neighs(&rtnl->view[v]->state, &some, &n_some);
		if (rc < 0 || n_some == 0)
			continue;
		more = realloc(*out, (*n + n_some) * sizeof(**out));
		if (more != NULL) {
			*out = more;
			memcpy(more + *n, some, n_some * sizeof(*some));
			*n += n_some;
		} else {
			rc = -ENOMEM;
		}
		free(some);
	}
	if (rc < 0)
		free(*out);
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

	rc = all_neighs(rtnl, &neighs, &n);
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
publish_addrs_of(struct ctl_rtnl *rtnl, const struct ctl_rtnl_state *state)
{
	int rc = 0;

	for (unsigned i = 0; i < state->n_twins; i++) {
		const struct ctl_rtnl_twin *twin = &state->twins[i];
		struct sadb_addr addrs[ADDRS_MAX];
		unsigned n = ctl_rtnl_addrs(state, twin->ifindex, addrs, ADDRS_MAX);
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

static int
publish_addrs(struct ctl_rtnl *rtnl)
{
	int rc = 0;

	for (unsigned v = 0; v < rtnl->n_views; v++) {
		int one = publish_addrs_of(rtnl, &rtnl->view[v]->state);

		rc = rc < 0 ? rc : one;
	}
	return rc;
}

/* What the views changed is to be published; one whose kernel changed more than it tells is asked again. */
static int
gather(struct ctl_rtnl *rtnl)
{
	int rc = 0;

	for (unsigned v = 0; v < rtnl->n_views; v++) {
		struct ctl_rtnl_view *view = rtnl->view[v];
		int one = view->dirty & CTL_RTNL_AGAIN ? ctl_rtnl_view_learn(view) : 0;

		rc = rc < 0 ? rc : one;
		rtnl->dirty |= view->dirty & ~(unsigned)CTL_RTNL_AGAIN;
		view->dirty &= (unsigned)CTL_RTNL_AGAIN;
	}
	return rc;
}

void
ctl_rtnl_publish(struct ctl_rtnl *rtnl)
{
	uint64_t start = ctl_now_ns();
	unsigned done = 0;
	int rc;

	if (start < rtnl->not_before_ns)
		return;
	rc = gather(rtnl);
	if (rc < 0) {
		ctl_log(CTL_LOG_WARNING, "rtnetlink: cannot learn routes and neighbours: %s; trying again",
			strerror(-rc));
		rtnl->not_before_ns = start + RETRY_NS;
		return;
	}
	if (rtnl->dirty == 0)
		return;
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
	int rc = 0;

	for (unsigned v = 0; rc == 0 && v < rtnl->n_views; v++)
		rc = ctl_rtnl_view_learn(rtnl->view[v]);
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
	for (unsigned v = 0; v < rtnl->n_views; v++)
		ctl_rtnl_view_read(rtnl->view[v]);
}

static void
neigh_use(struct ctl_rtnl *rtnl, uint16_t port, const struct sadb_addr *addr)
{
	char shown[SADB_ADDR_STRLEN];
	const struct ctl_rtnl_twin *twin;
	struct ctl_rtnl_view *view = view_of_port(rtnl, port, &twin);
	int rc;

	if (view == NULL)
		return;
	rc = ctl_rtnl_neigh_use(&view->requests, twin->ifindex, addr);
	if (rc < 0)
		ctl_log(CTL_LOG_DEBUG, "port %s: the kernel does not resolve %s: %s", twin->name,
			sadb_addr_format(addr, shown, sizeof(shown)), strerror(-rc));
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
