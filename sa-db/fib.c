/* SPDX-License-Identifier: BSD-3-Clause
 * The route table of one domain: prefixes flattened to disjoint intervals, found by binary search; those of IPv4 and of
 * IPv6 apart, made by the same sweep. Built by the control thread, immutable afterwards; any worker reads. */
#include "sa-db/fib.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_ROUTE UINT32_MAX

/* An address of either family as a number; of IPv4 32 bits of it count. */
typedef unsigned __int128 number;

/* The routes of one family. */
struct half {
	uint8_t family;
	unsigned n_routes, n_intervals;
	struct sadb_route *route; /* sorted by first address, then shortest first; one per prefix */
	union {                   /* of the same number */
		struct sadb_nexthop *hop_v4;
		struct sadb_nexthop_v6 *hop_v6;
	};
	union { /* first address of each interval; the first one's is 0 */
		uint32_t *start_v4;
		number *start_v6;
	};
	uint32_t *interval_route; /* its route, or NO_ROUTE */
};

struct sadb_fib {
	struct half v4, v6;
};

static number
number_of(const struct sadb_addr *addr)
{
	number value = 0;
	for (unsigned i = 0; i < sadb_addr_bits(addr->family) / 8; i++)
		value = value << 8 | addr->bytes[i];
	return value;
}

/* A default route may lack a family. */
static number
route_host(const struct sadb_route *route)
{
	number all = route->dst.addr.family == AF_INET6 ? ~(number)0 : UINT32_MAX;
	return route->dst.len == sadb_addr_bits(route->dst.addr.family) && route->dst.len > 0 ? 0
											      : all >> route->dst.len;
}

static number
route_first(const struct sadb_route *route)
{
	return number_of(&route->dst.addr) & ~route_host(route);
}

static number
route_last(const struct sadb_route *route)
{
	return route_first(route) | route_host(route);
}

/* Of equal prefixes the one that wins comes first. */
static int
route_order(const void *a, const void *b)
{
	const struct sadb_route *x = a, *y = b;
	number x_first = route_first(x), y_first = route_first(y);
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
usable(const struct half *half, const struct sadb_route *route)
{
	const struct sadb_prefix *dst = &route->dst;
	if (dst->addr.family == half->family)
		return dst->len <= sadb_addr_bits(half->family);
	return half->family == AF_INET && dst->addr.family == AF_UNSPEC && dst->len == 0;
}

static void
set_hop(struct half *half, unsigned i)
{
	const struct sadb_route *route = &half->route[i];
	struct sadb_nexthop hop = {.port = route->port, .kind = route->kind};
	if (half->family == AF_INET) {
		hop.gateway_v4_be = route->gateway.family == AF_INET ? sadb_addr_to_v4(&route->gateway) : 0;
		half->hop_v4[i] = hop;
		return;
	}
	half->hop_v6[i] = (struct sadb_nexthop_v6){.hop = hop};
	if (route->gateway.family == AF_INET6)
		memcpy(half->hop_v6[i].gateway, route->gateway.bytes, sizeof(half->hop_v6[i].gateway));
}

static void
take_routes(struct half *half, const struct sadb_route *routes, unsigned n)
{
	unsigned taken = 0, kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (usable(half, &routes[i]))
			half->route[taken++] = routes[i];
	if (taken > 0)
		qsort(half->route, taken, sizeof(*half->route), route_order);
	for (unsigned i = 0; i < taken; i++) {
		struct sadb_route *route = &half->route[i], *last = kept > 0 ? &half->route[kept - 1] : NULL;
		if (last != NULL && route_first(last) == route_first(route) && last->dst.len == route->dst.len)
			continue;
		half->route[kept++] = *route;
	}
	half->n_routes = kept;
	for (unsigned i = 0; i < kept; i++)
		set_hop(half, i);
}

static number
start_get(const struct half *half, unsigned i)
{
	return half->family == AF_INET ? half->start_v4[i] : half->start_v6[i];
}

static void
start_set(struct half *half, unsigned i, number start)
{
	if (half->family == AF_INET)
		half->start_v4[i] = (uint32_t)start;
	else
		half->start_v6[i] = start;
}

/* From here on (an address) this route holds, until the next boundary. */
static void
boundary(struct half *half, number start, uint32_t route)
{
	if (half->n_intervals > 0 && start_get(half, half->n_intervals - 1) == start)
		half->n_intervals--; /* the later word for the same address wins: it is the longer prefix */
	if (half->n_intervals > 0 && half->interval_route[half->n_intervals - 1] == route)
		return;
	start_set(half, half->n_intervals, start);
	half->interval_route[half->n_intervals] = route;
	half->n_intervals++;
}

#define LEVELS 129 /* prefixes nest or are apart: one of each length */

/* Sweeps the addresses from below. The stack holds the prefixes open at this point, each inside the one under it; a
 * prefix that ends gives way to the one it lay in. */
static void
flatten(struct half *half)
{
	const number highest = half->family == AF_INET ? UINT32_MAX : ~(number)0;
	uint32_t stack[LEVELS];
	unsigned depth = 0;

	boundary(half, 0, NO_ROUTE);
	for (uint32_t i = 0; i <= half->n_routes; i++) {
		while (depth > 0) {
			number last = route_last(&half->route[stack[depth - 1]]);
			if (i < half->n_routes && route_first(&half->route[i]) <= last)
				break;
			depth--;
			if (last < highest)
				boundary(half, last + 1, depth > 0 ? stack[depth - 1] : NO_ROUTE);
		}
		if (i == half->n_routes)
			break;
		assert(depth < LEVELS);
		boundary(half, route_first(&half->route[i]), i);
		stack[depth++] = i;
	}
}

/* False: no memory. */
static bool
half_init(struct half *half, uint8_t family, const struct sadb_route *routes, unsigned n)
{
	unsigned mine = 0;
	bool v4 = family == AF_INET;
	half->family = family;
	for (unsigned i = 0; i < n; i++)
		mine += usable(half, &routes[i]);
	/* Each prefix opens one interval and closes into one; one more for address 0. */
	size_t intervals = 2 * (size_t)mine + 1;
	half->route = calloc((size_t)mine + 1, sizeof(*half->route));
	half->hop_v4 = calloc((size_t)mine + 1, v4 ? sizeof(*half->hop_v4) : sizeof(*half->hop_v6));
	half->start_v4 = calloc(intervals, v4 ? sizeof(*half->start_v4) : sizeof(*half->start_v6));
	half->interval_route = calloc(intervals, sizeof(*half->interval_route));
	if (half->route == NULL || half->hop_v4 == NULL || half->start_v4 == NULL || half->interval_route == NULL)
		return false;
	take_routes(half, routes, n);
	flatten(half);
	return true;
}

static void
half_fini(struct half *half)
{
	free(half->interval_route);
	free(half->start_v4);
	free(half->hop_v4);
	free(half->route);
}

struct sadb_fib *
sadb_fib_create(const struct sadb_route *routes, unsigned n)
{
	struct sadb_fib *fib = calloc(1, sizeof(*fib));
	if (fib == NULL)
		return NULL;
	if (half_init(&fib->v4, AF_INET, routes, n) && half_init(&fib->v6, AF_INET6, routes, n))
		return fib;
	sadb_fib_destroy(fib);
	errno = ENOMEM;
	return NULL;
}

void
sadb_fib_destroy(struct sadb_fib *fib)
{
	if (fib == NULL)
		return;
	half_fini(&fib->v4);
	half_fini(&fib->v6);
	free(fib);
}

const struct sadb_nexthop *
sadb_fib_lookup(const struct sadb_fib *fib, rte_be32_t dst_be)
{
	if (fib == NULL)
		return NULL;
	uint32_t dst = rte_be_to_cpu_32(dst_be);
	const uint32_t *base = fib->v4.start_v4;
	/* The last start that is not above dst. start[0] is 0, so there is one. The compiler makes this a move, not a
	 * branch that the processor would guess wrong half of the time. */
	for (unsigned n = fib->v4.n_intervals; n > 1; n -= n / 2)
		base = base[n / 2] <= dst ? base + n / 2 : base;
	uint32_t route = fib->v4.interval_route[base - fib->v4.start_v4];
	return route == NO_ROUTE ? NULL : &fib->v4.hop_v4[route];
}

const struct sadb_nexthop *
sadb_fib_lookup_v6(const struct sadb_fib *fib, const uint8_t dst[16])
{
	rte_be64_t part[2];
	if (fib == NULL)
		return NULL;
	memcpy(part, dst, sizeof(part));
	const number wanted = (number)rte_be_to_cpu_64(part[0]) << 64 | rte_be_to_cpu_64(part[1]);
	const number *base = fib->v6.start_v6;
	for (unsigned n = fib->v6.n_intervals; n > 1; n -= n / 2)
		base = base[n / 2] <= wanted ? base + n / 2 : base;
	uint32_t route = fib->v6.interval_route[base - fib->v6.start_v6];
	return route == NO_ROUTE ? NULL : &fib->v6.hop_v6[route].hop;
}

const struct sadb_route *
sadb_fib_route(const struct sadb_fib *fib, unsigned i)
{
	if (fib == NULL)
		return NULL;
	if (i < fib->v4.n_routes)
		return &fib->v4.route[i];
	i -= fib->v4.n_routes;
	return i < fib->v6.n_routes ? &fib->v6.route[i] : NULL;
}
