/* SPDX-License-Identifier: BSD-3-Clause
 * Policy lookups for runs of packets of one virtual network. Worker threads. */
#ifndef DP_SPD_H
#define DP_SPD_H

#include <stdbool.h>

#include "dataplane/worker.h"
#include "sa-db/sadb.h"

#define DP_SPD_BATCH 64

/* Looks up the leading packets, of IPv4, that share a vnet and need the same kind of lookup, at most DP_SPD_BATCH of n (n > 0).
 * out[i] is the policy or NULL; blocked[i]: a fragment whose ports would have been needed. Returns how many were looked
 * up, at least 1. The packets' meta gives flow and vnet. */
unsigned dp_spd_lookup_run(struct rte_mbuf *const pkt[], unsigned n, enum sadb_policy_dir dir,
			   struct sadb_policy *out[], bool blocked[]);

/* Notes that the policy is in use: at most one write a second, so that the line stays shared. Relaxed: for display. */
static inline void
dp_policy_touch(const struct dp_worker *w, struct sadb_policy *policy)
{
	if (__atomic_load_n(&policy->last_use_s, __ATOMIC_RELAXED) != (uint32_t)w->now_s)
		__atomic_store_n(&policy->last_use_s, (uint32_t)w->now_s, __ATOMIC_RELAXED);
}

/* One packet, fragment or not, of either family, in the tables of a vnet that need not be its own. */
struct sadb_policy *dp_spd_lookup_one(const struct sadb_vnet *vnet, enum sadb_policy_dir dir, struct rte_mbuf *m,
				      bool *blocked);

/* An IPv6 packet in the tables of its own vnet; of a flow that the worker met a moment ago it remembers the policy. */
struct sadb_policy *dp_spd_lookup_v6(struct dp_worker *w, struct rte_mbuf *m, enum sadb_policy_dir dir, bool *blocked);

#endif
