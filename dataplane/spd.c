/* SPDX-License-Identifier: BSD-3-Clause
 * Policy lookups for runs of packets of one virtual network. Worker threads. */
#include "dataplane/spd.h"

#include "dataplane/ipv6.h"
#include "sa-db/policy.h"

struct sadb_policy *
dp_spd_lookup_one(const struct sadb_vnet *vnet, enum sadb_policy_dir dir, struct rte_mbuf *m, bool *blocked)
{
	const struct sadb_flow_v4 *flow = &dp_meta(m)->flow;
	struct sadb_policy *policy;

	*blocked = false;
	if (dp_is_v6(m))
		return sadb_spd_lookup_v6(sadb_vnet_spd_v6(vnet, dir), &dp_v6(m)->flow, blocked);
	if (flow->later_fragment)
		return sadb_spd_lookup_fragment(sadb_vnet_spd(vnet, dir), flow, blocked);
	sadb_spd_lookup(sadb_vnet_spd(vnet, dir), &flow, 1, &policy);
	return policy;
}

unsigned
dp_spd_lookup_run(struct rte_mbuf *const pkt[], unsigned n, enum sadb_policy_dir dir, struct sadb_policy *out[],
		  bool blocked[])
{
	const struct sadb_vnet *vnet = dp_meta(pkt[0])->vnet;
	const struct sadb_spd *spd = sadb_vnet_spd(vnet, dir);
	const struct sadb_flow_v4 *flow[DP_SPD_BATCH];
	unsigned run = 0;

	if (dp_meta(pkt[0])->flow.later_fragment) {
		out[0] = dp_spd_lookup_one(vnet, dir, pkt[0], &blocked[0]);
		return 1;
	}
	while (run < n && run < DP_SPD_BATCH) {
		const struct dp_meta *meta = dp_meta(pkt[run]);
		if (meta->vnet != vnet || meta->flow.later_fragment)
			break;
		blocked[run] = false;
		flow[run++] = &meta->flow;
	}
	sadb_spd_lookup(spd, flow, run, out);
	return run;
}

struct sadb_policy *
dp_spd_lookup_v6(struct dp_worker *w, struct rte_mbuf *m, enum sadb_policy_dir dir, bool *blocked)
{
	const struct sadb_vnet *vnet = dp_meta(m)->vnet;
	const struct sadb_flow_v6 *flow = &dp_v6(m)->flow;
	const uintptr_t domain = dp_flow_domain(vnet, dir);
	struct dp_flow_entry_v6 *entry = dp_flow_place_v6(&w->flows, flow);

	*blocked = false;
	if (dp_flow_holds_v6(&w->flows, entry, flow, domain))
		return entry->policy;
	struct sadb_policy *policy = dp_spd_lookup_one(vnet, dir, m, blocked);
	if (policy != NULL && !flow->later_fragment)
		*entry = (struct dp_flow_entry_v6){
		    .flow = *flow, .domain = domain, .generation = w->flows.generation, .policy = policy};
	return policy;
}
