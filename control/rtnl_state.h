/* SPDX-License-Identifier: BSD-3-Clause
 * What the kernel said about the twins, kept so that tables can be built of it: messages in, lists of routes, neighbours
 * and addresses out. No I/O. Control thread. */
#ifndef CTL_RTNL_STATE_H
#define CTL_RTNL_STATE_H

#include "control/rtnl_decode.h"
#include "sa-db/sadb.h"

#define CTL_RTNL_TWINS 64 /* DP_MAX_PORTS */

struct ctl_rtnl_twin {
	int ifindex;
	uint16_t port;
	const struct sadb_vnet *domain; /* the underlay's or a virtual network's */
	bool up;
	char name[IFNAMSIZ];
};

/* What a message changed. */
enum ctl_rtnl_change {
	CTL_RTNL_ROUTES = 1 << 0,
	CTL_RTNL_NEIGHS = 1 << 1,
	CTL_RTNL_ADDRS = 1 << 2,
	CTL_RTNL_AGAIN = 1 << 3, /* the kernel changed more than it tells: dump again */
	CTL_RTNL_GONE = 1 << 4,  /* a twin was deleted, or taken to another namespace */
	CTL_RTNL_TABLES = CTL_RTNL_ROUTES | CTL_RTNL_NEIGHS | CTL_RTNL_ADDRS,
};

struct ctl_rtnl_state {
	unsigned n_twins;
	struct ctl_rtnl_twin twins[CTL_RTNL_TWINS];
	/* Ordered sets (tsearch(3)) of struct ctl_rtnl_route, _neigh and _addr. */
	void *routes, *neighs, *addrs;
	unsigned n_routes, n_neighs, n_addrs;
};

/* An empty state of the same twins as of; free with ctl_rtnl_state_clear(). */
void ctl_rtnl_state_init(struct ctl_rtnl_state *state, const struct ctl_rtnl_state *of);
void ctl_rtnl_state_clear(struct ctl_rtnl_state *state);

/* -ENOSPC past CTL_RTNL_TWINS. */
int ctl_rtnl_twin_add(struct ctl_rtnl_state *state, const struct ctl_rtnl_twin *twin);
const struct ctl_rtnl_twin *ctl_rtnl_twin_find(const struct ctl_rtnl_state *state, int ifindex);

/* Takes a message in. Returns enum ctl_rtnl_change bits, 0 when it says nothing new or nothing of a twin; or -ENOMEM. */
int ctl_rtnl_apply(struct ctl_rtnl_state *state, const struct ctl_rtnl_msg *msg);

/* The routes of one domain: those out of its twins. Those without a way out (blackholes) are in every domain, as in the
 * kernel, which has one main table for all twins: a safety net must not depend on where a packet came from. *out is
 * malloc'ed, NULL for none. 0 or -ENOMEM. */
int ctl_rtnl_routes(const struct ctl_rtnl_state *state, const struct sadb_vnet *domain, struct sadb_route **out,
		    unsigned *n);
int ctl_rtnl_neighs(const struct ctl_rtnl_state *state, struct sadb_neigh **out, unsigned *n);
/* The addresses of one twin; returns how many there are, of which the first max are written. */
unsigned ctl_rtnl_addrs(const struct ctl_rtnl_state *state, int ifindex, struct sadb_addr *out, unsigned max);

#endif
