/* SPDX-License-Identifier: BSD-3-Clause
 * Policy lookups for runs of packets of one virtual network. Worker threads. */
#include "dataplane/spd.h"

#include "sa-db/policy.h"

struct sadb_policy *
dp_spd_lookup_one(const struct sadb_spd *spd, const struct sadb_flow_v4 *flow, bool *blocked)
{
	*blocked = false;
	if (flow->later_fragment)
		return sadb_spd_lookup_fragment(spd, flow, blocked);
	struct sadb_policy *policy;
	sadb_spd_lookup(spd, &flow, 1, &policy);
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
		out[0] = dp_spd_lookup_one(spd, &dp_meta(pkt[0])->flow, &blocked[0]);
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
