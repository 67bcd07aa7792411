/* SPDX-License-Identifier: BSD-3-Clause
 * The route table of one domain: prefixes flattened to disjoint intervals, found by binary search. Built by the control
 * thread, immutable afterwards; any worker reads. */
#include "sa-db/fib.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_ROUTE UINT32_MAX

struct sadb_fib {
	unsigned n_routes, n_intervals;
	struct sadb_route *route; /* sorted by first address, then shortest first; one per prefix */
	struct sadb_nexthop *hop; /* of the same number */
	uint32_t *start;          /* first address of each interval, host order; start[0] is 0.0.0.0 */
	uint32_t *interval_route; /* its route, or NO_ROUTE */
};

static uint32_t
route_first(const struct sadb_route *route)
{
	uint32_t mask = route->dst.len == 0 ? 0 : UINT32_MAX << (32 - route->dst.len);
	return rte_be_to_cpu_32(sadb_addr_to_v4(&route->dst.addr)) & mask;
}

static uint32_t
route_last(const struct sadb_route *route)
{
	return route_first(route) |
	       (route->dst.len == 0 ? UINT32_MAX : (uint32_t)(UINT64_C(0xffffffff) >> route->dst.len));
}

/* Of equal prefixes the one that wins comes first. */
static int
route_order(const void *a, const void *b)
{
	const struct sadb_route *x = a, *y = b;
	uint32_t x_first = route_first(x), y_first = route_first(y);
	if (x_first != y_first)
		return x_first < y_first ? -1 : 1;
	if (x->dst.len != y->dst.len)
		return x->dst.len < y->dst.len ? -1 : 1;
	bool x_local = x->kind == SADB_ROUTE_LOCAL, y_local = y->kind == SADB_ROUTE_LOCAL;
	if (x_local != y_local)
		return x_local ? -1 : 1;
	return x->metric < y->metric ? -1 : x->metric > y->metric;
}

static bool
usable(const struct sadb_route *route)
{
	return (route->dst.addr.family == AF_INET && route->dst.len <= 32) ||
	       (route->dst.addr.family == AF_UNSPEC && route->dst.len == 0);
}

static void
take_routes(struct sadb_fib *fib, const struct sadb_route *routes, unsigned n)
{
	unsigned taken = 0, kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (usable(&routes[i]))
			fib->route[taken++] = routes[i];
	if (taken > 0)
		qsort(fib->route, taken, sizeof(*fib->route), route_order);
	for (unsigned i = 0; i < taken; i++) {
		struct sadb_route *route = &fib->route[i], *last = kept > 0 ? &fib->route[kept - 1] : NULL;
		if (last != NULL && route_first(last) == route_first(route) && last->dst.len == route->dst.len)
			continue;
		fib->route[kept++] = *route;
	}
	fib->n_routes = kept;
	for (unsigned i = 0; i < kept; i++) {
		struct sadb_route *route = &fib->route[i];
		bool via = route->gateway.family == AF_INET;
		fib->hop[i] = (struct sadb_nexthop){
		    .gateway_v4_be = via ? sadb_addr_to_v4(&route->gateway) : 0,
		    .port = route->port,
		    .kind = route->kind,
		};
	}
}

/* From here on (an address) this route holds, until the next boundary. */
static void
boundary(struct sadb_fib *fib, uint32_t start, uint32_t route)
{
	if (fib->n_intervals > 0 && fib->start[fib->n_intervals - 1] == start)
		fib->n_intervals--; /* the later word for the same address wins: it is the longer prefix */
	if (fib->n_intervals > 0 && fib->interval_route[fib->n_intervals - 1] == route)
		return;
	fib->start[fib->n_intervals] = start;
	fib->interval_route[fib->n_intervals] = route;
	fib->n_intervals++;
}

/* Sweeps the addresses from below. The stack holds the prefixes open at this point, each inside the one under it; a
 * prefix that ends gives way to the one it lay in. Prefixes nest or are apart, so 33 levels are the most. */
static void
flatten(struct sadb_fib *fib)
{
	uint32_t stack[33];
	unsigned depth = 0;

	boundary(fib, 0, NO_ROUTE);
	for (uint32_t i = 0; i <= fib->n_routes; i++) {
		while (depth > 0) {
			uint32_t last = route_last(&fib->route[stack[depth - 1]]);
			if (i < fib->n_routes && route_first(&fib->route[i]) <= last)
				break;
			depth--;
			if (last < UINT32_MAX)
				boundary(fib, last + 1, depth > 0 ? stack[depth - 1] : NO_ROUTE);
		}
		if (i == fib->n_routes)
			break;
		assert(depth < 33);
		boundary(fib, route_first(&fib->route[i]), i);
		stack[depth++] = i;
	}
}

struct sadb_fib *
sadb_fib_create(const struct sadb_route *routes, unsigned n)
{
	struct sadb_fib *fib = calloc(1, sizeof(*fib));
	if (fib == NULL)
		return NULL;
	/* Each prefix opens one interval and closes into one; one more for 0.0.0.0. */
	size_t intervals = 2 * (size_t)n + 1;
	fib->route = calloc((size_t)n + 1, sizeof(*fib->route));
	fib->hop = calloc((size_t)n + 1, sizeof(*fib->hop));
	fib->start = calloc(intervals, sizeof(*fib->start));
	fib->interval_route = calloc(intervals, sizeof(*fib->interval_route));
	if (fib->route == NULL || fib->hop == NULL || fib->start == NULL || fib->interval_route == NULL) {
		sadb_fib_destroy(fib);
		errno = ENOMEM;
		return NULL;
	}
	take_routes(fib, routes, n);
	flatten(fib);
	return fib;
}

void
sadb_fib_destroy(struct sadb_fib *fib)
{
	if (fib == NULL)
		return;
	free(fib->interval_route);
	free(fib->start);
	free(fib->hop);
	free(fib->route);
	free(fib);
}

const struct sadb_nexthop *
sadb_fib_lookup(const struct sadb_fib *fib, rte_be32_t dst_be)
{
	if (fib == NULL)
		return NULL;
	uint32_t dst = rte_be_to_cpu_32(dst_be);
	const uint32_t *base = fib->start;
	/* The last start that is not above dst. start[0] is 0, so there is one. The compiler makes this a move, not a
	 * branch that the processor would guess wrong half of the time. */
	for (unsigned n = fib->n_intervals; n > 1; n -= n / 2)
		base = base[n / 2] <= dst ? base + n / 2 : base;
	uint32_t route = fib->interval_route[base - fib->start];
	return route == NO_ROUTE ? NULL : &fib->hop[route];
}

const struct sadb_route *
sadb_fib_route(const struct sadb_fib *fib, unsigned i)
{
	return fib != NULL && i < fib->n_routes ? &fib->route[i] : NULL;
}
