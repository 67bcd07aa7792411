/* SPDX-License-Identifier: BSD-3-Clause
 * Routes and neighbours of one routing domain as workers see them: immutable tables, rebuilt by the control thread when
 * the kernel's change. Not rte_lpm: its first level alone is 64 MiB, and each virtual network has a table of its own. */
#ifndef SADB_FIB_H
#define SADB_FIB_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "sa-db/addr.h"

enum sadb_route_kind {
	SADB_ROUTE_UNICAST,   /* via a gateway, or on link when gateway is AF_UNSPEC */
	SADB_ROUTE_LOCAL,     /* an address of the gateway itself: punt */
	SADB_ROUTE_BLACKHOLE, /* also unreachable and prohibit */
};

struct sadb_route {
	struct sadb_prefix dst;
	struct sadb_addr gateway;
	uint32_t metric;
	uint16_t port; /* dataplane port */
	uint8_t kind;  /* enum sadb_route_kind */
};

struct sadb_nexthop {
	rte_be32_t gateway_v4_be; /* 0: on link, the packet's own destination is the neighbour */
	uint16_t port;
	uint8_t kind;
};

/* What a lookup of an IPv6 destination finds begins with a struct sadb_nexthop and is one of these. */
struct sadb_nexthop_v6 {
	struct sadb_nexthop hop;
	uint8_t gateway[16]; /* all zero: on link */
};

struct sadb_fib;

/* Control: a table from a list of routes of both families (copied; a default route without a family is IPv4's). Of equal prefixes the lowest metric wins; among local and
 * other, local. NULL and errno ENOMEM on failure. The table is freed with sadb_fib_destroy() after a grace period. */
struct sadb_fib *sadb_fib_create(const struct sadb_route *routes, unsigned n);
void sadb_fib_destroy(struct sadb_fib *fib);

/* Worker: longest prefix match; NULL when there is no route. A NULL table has no routes. */
const struct sadb_nexthop *sadb_fib_lookup(const struct sadb_fib *fib, rte_be32_t dst_be);
const struct sadb_nexthop *sadb_fib_lookup_v6(const struct sadb_fib *fib, const uint8_t dst[16]);

/* The neighbour of a destination that this route, from sadb_fib_lookup_v6(), leads to. */
static inline const uint8_t *
sadb_nexthop_of_v6(const struct sadb_nexthop *hop, const uint8_t dst[16])
{
	static const uint8_t on_link[16];
	const struct sadb_nexthop_v6 *wide = (const struct sadb_nexthop_v6 *)hop; /* begins with it */
	return memcmp(wide->gateway, on_link, sizeof(on_link)) == 0 ? dst : wide->gateway;
}

/* Control, for display: the i-th route of the table, NULL past the end. */
const struct sadb_route *sadb_fib_route(const struct sadb_fib *fib, unsigned i);

struct sadb_neigh {
	union {
		rte_be32_t addr_v4_be;
		uint8_t addr_v6[16];
	};
	uint16_t port;
	uint8_t mac[6];
	uint8_t v6;   /* 1: addr_v6 */
	uint8_t used; /* workers store 1 (relaxed, only when 0); the control thread clears and refreshes */
	uint8_t zero[6];
};
static_assert(sizeof(struct sadb_neigh) == 32, "in a table none lies across two cache lines");

struct sadb_addr sadb_neigh_addr(const struct sadb_neigh *neigh);

struct sadb_neigh_table;

struct sadb_neigh_table *sadb_neigh_table_create(const struct sadb_neigh *neighs, unsigned n);
void sadb_neigh_table_destroy(struct sadb_neigh_table *table);

/* Worker: the neighbour's entry or NULL. Lives as long as the table. */
struct sadb_neigh *sadb_neigh_lookup(const struct sadb_neigh_table *table, uint16_t port, rte_be32_t addr_be);
struct sadb_neigh *sadb_neigh_lookup_v6(const struct sadb_neigh_table *table, uint16_t port, const uint8_t addr[16]);
/* Likewise, of an address of either family. */
struct sadb_neigh *sadb_neigh_find(const struct sadb_neigh_table *table, uint16_t port, const struct sadb_addr *addr);
struct sadb_neigh *sadb_neigh_at(const struct sadb_neigh_table *table, unsigned i); /* control; NULL past the end */

#endif
