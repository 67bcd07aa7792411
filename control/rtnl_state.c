/* SPDX-License-Identifier: BSD-3-Clause
 * What the kernel said about the twins. Control thread. */
#include "control/rtnl_state.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int
host_compare(const struct sadb_addr *a, const struct sadb_addr *b)
{
	const int rc = COMPARE(a->family, b->family);

	return rc != 0 ? rc : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int
prefix_compare(const struct sadb_prefix *a, const struct sadb_prefix *b)
{
	const int rc = host_compare(&a->addr, &b->addr);

	return rc != 0 ? rc : COMPARE(a->len, b->len);
}

/* What makes two routes rivals: the kernel's "replace" puts one in the place of another of the same place. */
static int
route_place_compare(const void *left, const void *right)
{
	const struct ctl_rtnl_route *a = left, *b = right;
	int rc = prefix_compare(&a->dst, &b->dst);

	if (rc == 0)
		rc = COMPARE(a->table, b->table);
	return rc != 0 ? rc : COMPARE(a->metric, b->metric);
}

static int
route_compare(const void *left, const void *right)
{
	const struct ctl_rtnl_route *a = left, *b = right;
	int rc = route_place_compare(a, b);

	if (rc == 0)
		rc = COMPARE(a->oif, b->oif);
	if (rc == 0)
		rc = COMPARE(a->kind, b->kind);
	return rc != 0 ? rc : host_compare(&a->gateway, &b->gateway);
}

static int
neigh_compare(const void *left, const void *right)
{
	const struct ctl_rtnl_neigh *a = left, *b = right;
	const int rc = COMPARE(a->ifindex, b->ifindex);

	return rc != 0 ? rc : host_compare(&a->addr, &b->addr);
}

static int
addr_compare(const void *left, const void *right)
{
	const struct ctl_rtnl_addr *a = left, *b = right;
	int rc = COMPARE(a->ifindex, b->ifindex);

	if (rc == 0)
		rc = COMPARE(a->len, b->len);
	return rc != 0 ? rc : host_compare(&a->addr, &b->addr);
}

/* Puts a copy of the value into the set. 1 when it is new, 0 when it was there, -ENOMEM. */
static int
set_add(void **set, const void *value, size_t bytes, int (*compare)(const void *, const void *))
{
	void *copy, **node;

	if (tfind(value, set, compare) != NULL)
		return 0;
	copy = malloc(bytes);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, value, bytes);
	node = tsearch(copy, set, compare);
	if (node == NULL) {
		free(copy);
		return -ENOMEM;
	}
	return 1;
}

/* 1 when it was there. */
static int
set_del(void **set, const void *value, int (*compare)(const void *, const void *))
{
	void **node = tfind(value, set, compare);
	void *found;

	if (node == NULL)
		return 0;
	found = *node;
	tdelete(found, set, compare);
	free(found);
	return 1;
}

void
ctl_rtnl_state_init(struct ctl_rtnl_state *state, const struct ctl_rtnl_state *of)
{
	memset(state, 0, sizeof(*state));
	if (of != NULL) {
		state->n_twins = of->n_twins;
		memcpy(state->twins, of->twins, sizeof(state->twins));
	}
}

void
ctl_rtnl_state_clear(struct ctl_rtnl_state *state)
{
	tdestroy(state->routes, free);
	tdestroy(state->neighs, free);
	tdestroy(state->addrs, free);
	memset(state, 0, sizeof(*state));
}

int
ctl_rtnl_twin_add(struct ctl_rtnl_state *state, const struct ctl_rtnl_twin *twin)
{
	if (state->n_twins == CTL_RTNL_TWINS)
		return -ENOSPC;
	state->twins[state->n_twins++] = *twin;
	return 0;
}

static struct ctl_rtnl_twin *
twin_find(struct ctl_rtnl_state *state, int ifindex)
{
	for (unsigned i = 0; i < state->n_twins; i++)
		if (state->twins[i].ifindex == ifindex)
			return &state->twins[i];
	return NULL;
}

const struct ctl_rtnl_twin *
ctl_rtnl_twin_find(const struct ctl_rtnl_state *state, int ifindex)
{
	return twin_find((struct ctl_rtnl_state *)state, ifindex);
}

static int
link_apply(struct ctl_rtnl_state *state, const struct ctl_rtnl_msg *msg)
{
	struct ctl_rtnl_twin *twin = twin_find(state, msg->link.ifindex);
	const bool up = msg->link.up && !msg->gone;
	int change = 0;

	if (twin == NULL)
		return 0;
	/* Routes of a link that goes down vanish without a message. One that was down by the last dump may have
	 * gone down amid it, after routes that came as events. */
	if (up != twin->up || !up)
		change |= CTL_RTNL_AGAIN;
	if (msg->gone)
		change |= CTL_RTNL_GONE;
	twin->up = up;
	memcpy(twin->name, msg->link.name, sizeof(twin->name));
	return change;
}

static int
addr_apply(struct ctl_rtnl_state *state, const struct ctl_rtnl_msg *msg)
{
	int rc;

	if (twin_find(state, msg->addr.ifindex) == NULL)
		return 0;
	if (msg->gone) {
		rc = set_del(&state->addrs, &msg->addr, addr_compare);
		state->n_addrs -= (unsigned)rc;
		/* Routes that prefer this address as their source vanish without a message: also those that came as
		 * events amid a dump that no longer showed the address. */
		return rc > 0 ? CTL_RTNL_ADDRS | CTL_RTNL_AGAIN : CTL_RTNL_AGAIN;
	}
	rc = set_add(&state->addrs, &msg->addr, sizeof(msg->addr), addr_compare);
	if (rc > 0)
		state->n_addrs++;
	return rc > 0 ? CTL_RTNL_ADDRS : rc;
}

static int
route_apply(struct ctl_rtnl_state *state, const struct ctl_rtnl_msg *msg)
{
	const bool ours = msg->route.oif == 0 || twin_find(state, msg->route.oif) != NULL;
	int change = 0, rc, removed = 0;

	if (msg->gone) {
		rc = set_del(&state->routes, &msg->route, route_compare);
		state->n_routes -= (unsigned)rc;
		return rc > 0 ? CTL_RTNL_ROUTES : 0;
	}
	if (msg->replace) {
		/* The new route may leave by another interface than a twin: the old one goes all the same. */
		while (set_del(&state->routes, &msg->route, route_place_compare) > 0)
			removed++;
		state->n_routes -= (unsigned)removed;
		change = removed > 0 ? CTL_RTNL_ROUTES : 0;
		/* The kernel replaces one; which of several is not said. */
		if (removed > 1)
			change |= CTL_RTNL_AGAIN;
	}
	if (!ours)
		return change;
	rc = set_add(&state->routes, &msg->route, sizeof(msg->route), route_compare);
	if (rc < 0)
		return rc;
	state->n_routes += (unsigned)rc;
	return rc > 0 ? change | CTL_RTNL_ROUTES : change;
}

static int
neigh_apply(struct ctl_rtnl_state *state, const struct ctl_rtnl_msg *msg)
{
	struct ctl_rtnl_neigh **node;
	int rc;

	if (twin_find(state, msg->neigh.ifindex) == NULL)
		return 0;
	if (msg->gone || !msg->neigh.usable) {
		rc = set_del(&state->neighs, &msg->neigh, neigh_compare);
		state->n_neighs -= (unsigned)rc;
		return rc > 0 ? CTL_RTNL_NEIGHS : 0;
	}
	node = tfind(&msg->neigh, &state->neighs, neigh_compare);
	if (node != NULL) {
		/* From reachable to stale and back is no news to a worker. */
		if (memcmp((*node)->mac, msg->neigh.mac, sizeof(msg->neigh.mac)) == 0)
			return 0;
		**node = msg->neigh;
		return CTL_RTNL_NEIGHS;
	}
	rc = set_add(&state->neighs, &msg->neigh, sizeof(msg->neigh), neigh_compare);
	if (rc > 0)
		state->n_neighs++;
	return rc > 0 ? CTL_RTNL_NEIGHS : rc;
}

int
ctl_rtnl_apply(struct ctl_rtnl_state *state, const struct ctl_rtnl_msg *msg)
{
	switch (msg->kind) {
	case CTL_RTNL_LINK:
		return link_apply(state, msg);
	case CTL_RTNL_ADDR:
		return addr_apply(state, msg);
	case CTL_RTNL_ROUTE:
		return route_apply(state, msg);
	default:
		return neigh_apply(state, msg);
	}
}

/* What a walk over a set hands to its visitor. */
struct walk {
	const struct ctl_rtnl_state *state;
	const struct sadb_vnet *domain;
	int ifindex;
	void *out;
	unsigned n, max;
};

static void
route_visit(const void *node, VISIT visit, void *arg)
{
	const struct ctl_rtnl_route *route = *(struct ctl_rtnl_route *const *)node;
	struct walk *walk = arg;
	const struct ctl_rtnl_twin *twin = ctl_rtnl_twin_find(walk->state, route->oif);

	if ((visit != postorder && visit != leaf) || (twin != NULL && twin->domain != walk->domain))
		return;
	((struct sadb_route *)walk->out)[walk->n++] = (struct sadb_route){
	    .dst = route->dst,
	    .gateway = route->gateway,
	    .metric = route->metric,
	    .port = twin != NULL ? twin->port : 0,
	    .kind = route->kind,
	};
}

static void
neigh_visit(const void *node, VISIT visit, void *arg)
{
	const struct ctl_rtnl_neigh *neigh = *(struct ctl_rtnl_neigh *const *)node;
	struct walk *walk = arg;
	struct sadb_neigh *out = (struct sadb_neigh *)walk->out + walk->n;

	if (visit != postorder && visit != leaf)
		return;
	*out = (struct sadb_neigh){
	    .port = ctl_rtnl_twin_find(walk->state, neigh->ifindex)->port,
	    .v6 = neigh->addr.family == AF_INET6,
	};
	memcpy(out->addr_v6, neigh->addr.bytes, sizeof(out->addr_v6)); /* of IPv4 the first four */
	memcpy(out->mac, neigh->mac, sizeof(out->mac));
	walk->n++;
}

static void
addr_visit(const void *node, VISIT visit, void *arg)
{
	const struct ctl_rtnl_addr *addr = *(struct ctl_rtnl_addr *const *)node;
	struct walk *walk = arg;

	if ((visit != postorder && visit != leaf) || addr->ifindex != walk->ifindex)
		return;
	if (walk->n < walk->max)
		((struct sadb_addr *)walk->out)[walk->n] = addr->addr;
	walk->n++;
}

int
ctl_rtnl_routes(const struct ctl_rtnl_state *state, const struct sadb_vnet *domain, struct sadb_route **out,
		unsigned *n)
{
	struct walk walk = {.state = state, .domain = domain};

	*out = NULL;
	*n = 0;
	if (state->n_routes == 0)
		return 0;
	walk.out = calloc(state->n_routes, sizeof(**out));
	if (walk.out == NULL)
		return -ENOMEM;
	twalk_r(state->routes, route_visit, &walk);
	*out = walk.out;
	*n = walk.n;
	return 0;
}

int
ctl_rtnl_neighs(const struct ctl_rtnl_state *state, struct sadb_neigh **out, unsigned *n)
{
	struct walk walk = {.state = state};

	*out = NULL;
	*n = 0;
	if (state->n_neighs == 0)
		return 0;
	walk.out = calloc(state->n_neighs, sizeof(**out));
	if (walk.out == NULL)
		return -ENOMEM;
	twalk_r(state->neighs, neigh_visit, &walk);
	*out = walk.out;
	*n = walk.n;
	return 0;
}

unsigned
ctl_rtnl_addrs(const struct ctl_rtnl_state *state, int ifindex, struct sadb_addr *out, unsigned max)
{
	struct walk walk = {.state = state, .ifindex = ifindex, .out = out, .max = max};

	twalk_r(state->addrs, addr_visit, &walk);
	return walk.n;
}
