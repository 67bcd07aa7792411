/* SPDX-License-Identifier: BSD-3-Clause
 * Stage classify: the outbound policy decides what becomes of a packet from inside (RFC 4301 5.1). Worker threads.
 * Exits: esp_out, forward, punt, drop. */
#include "dataplane/worker.h"

#include <rte_prefetch.h>

#include "dataplane/dp.h"
#include "dataplane/ipv6.h"
#include "dataplane/spd.h"

void
dp_acquire(struct dp_worker *w, struct sadb_policy *policy, struct rte_mbuf *m)
{
	/* One worker wins the exchange and asks; sadb_policy_acquired() ends the wait. */
	if (__atomic_load_n(&policy->acquiring, __ATOMIC_RELAXED) ||
	    __atomic_exchange_n(&policy->acquiring, 1, __ATOMIC_RELAXED))
		return;
	struct dp_event event = {.kind = DP_EVENT_ACQUIRE, .policy_index = policy->match.index, .flow = dp_flow_of(m)};
	if (!dp_event_send(w, &event))
		__atomic_store_n(&policy->acquiring, 0, __ATOMIC_RELAXED);
}

/* A packet that came in clear must not pass where the inbound policies ask for protection (RFC 4301 5.2). */
static bool
clear_allowed(struct rte_mbuf *m, enum sadb_policy_dir dir)
{
	bool blocked = false;
	struct sadb_policy *policy = dp_spd_lookup_one(dp_meta(m)->vnet, dir, m, &blocked);
	return !blocked && (policy == NULL || policy->action == SADB_BYPASS);
}

/* On in the clear, unless the other direction asks for protection. */
static void
bypass(struct dp_worker *w, struct rte_mbuf *m)
{
	if (clear_allowed(m, SADB_POLICY_FWD))
		dp_vec_push(&w->forward, m);
	else
		dp_drop(w, m, DP_DROP_CLEAR_PROTECTED);
}

static void
decide(struct dp_worker *w, struct rte_mbuf *m, struct sadb_policy *policy)
{
	struct dp_meta *meta = dp_meta(m);
	if (unlikely(meta->flags & DP_META_GROUP) &&
	    (policy == NULL || !policy->names_group || policy->action == SADB_BYPASS)) {
		dp_drop(w, m, DP_DROP_IP_MULTICAST);
		return;
	}
	if (policy == NULL) {
		if (sadb_vnet_bypasses(meta->vnet))
			bypass(w, m);
		else
			dp_drop(w, m, DP_DROP_NO_POLICY);
		return;
	}
	dp_policy_touch(w, policy);
	switch (policy->action) {
	case SADB_PROTECT:
		meta->sa = sadb_policy_sa(policy);
		if (meta->sa != NULL) {
			meta->flags &= (uint16_t)~DP_META_GROUP; /* to one gateway, from here on */
			dp_vec_push(meta->flags & DP_META_V6 ? &w->esp_out_v6 : &w->esp_out, m);
			return;
		}
		dp_acquire(w, policy, m);
		dp_drop(w, m, DP_DROP_NO_SA);
		return;
	case SADB_BYPASS:
		bypass(w, m);
		return;
	default:
		dp_drop(w, m, DP_DROP_POLICY);
	}
}

/* Packets for the gateway itself leave the run; what stays is compacted. Returns how many stay. */
static unsigned
take_local(struct dp_worker *w, struct rte_mbuf **pkt, unsigned n)
{
	unsigned stay = 0;
	for (unsigned i = 0; i < n; i++) {
		struct dp_meta *meta = dp_meta(pkt[i]);
		if (!meta->local) {
			const struct sadb_nexthop *hop = dp_route_inside(pkt[i]);
			meta->local = hop != NULL && hop->kind == SADB_ROUTE_LOCAL;
		}
		if (!meta->local || (meta->flags & DP_META_FROM_TWIN)) {
			pkt[stay++] = pkt[i];
		} else if (clear_allowed(pkt[i], SADB_POLICY_IN)) {
			rte_pktmbuf_prepend(pkt[i], sizeof(struct rte_ether_hdr));
			meta->flags |= DP_META_HAS_L2;
			dp_vec_push(&w->punt, pkt[i]);
		} else {
			dp_drop(w, pkt[i], DP_DROP_CLEAR_PROTECTED);
		}
	}
	return stay;
}

/* Asks the tables. */
static void
classify(struct dp_worker *w, struct rte_mbuf **pkt, unsigned n)
{
	n = take_local(w, pkt, n);
	for (unsigned i = 0; i < n;) {
		struct sadb_policy *policy[DP_SPD_BATCH];
		bool blocked[DP_SPD_BATCH];
		unsigned run = dp_spd_lookup_run(&pkt[i], n - i, SADB_POLICY_OUT, policy, blocked);
		for (unsigned k = 0; k < run; k++) {
			const struct dp_meta *meta = dp_meta(pkt[i + k]);
			/* A group's packets are asked for one by one: what is remembered says nothing of them. */
			const bool plain = !(meta->flags & (DP_META_FROM_TWIN | DP_META_GROUP));
			if (blocked[k])
				dp_drop(w, pkt[i + k], DP_DROP_FRAGMENT_PORTS);
			else
				decide(w, pkt[i + k], policy[k]);
			if (policy[k] != NULL && plain)
				dp_flow_remember(&w->flows, &meta->flow, dp_flow_domain(meta->vnet, SADB_POLICY_OUT),
						 policy[k], NULL);
		}
		i += run;
	}
}

void
dp_classify_v6(struct dp_worker *w)
{
	struct dp_vec *in = &w->classify_v6;
	const unsigned n = take_local(w, in->pkt, in->n);

	for (unsigned i = 0; i < n; i++) {
		bool blocked;
		struct sadb_policy *policy = dp_spd_lookup_v6(w, in->pkt[i], SADB_POLICY_OUT, &blocked);
		if (blocked)
			dp_drop(w, in->pkt[i], DP_DROP_FRAGMENT_PORTS);
		else
			decide(w, in->pkt[i], policy);
	}
	in->n = 0;
}

/* Flows seen a moment ago, protected, with an SA: straight on. The rest asks the tables, and all packets of one flow go
 * the same way, so their order stays. */
void
dp_classify(struct dp_worker *w)
{
	struct dp_vec *in = &w->classify, *out = &w->esp_out;
	const struct dp_flow_cache *flows = &w->flows;
	const struct dp_flow_entry *place[DP_VEC_MAX];
	const unsigned n = in->n;
	unsigned n_out = out->n, rest = 0;

	for (unsigned i = 0; i < n; i++) {
		place[i] = dp_flow_place(&w->flows, &dp_meta(in->pkt[i])->flow);
		rte_prefetch0(place[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct dp_meta *meta = dp_meta(m);
		const struct dp_flow_entry *entry = place[i];
		struct sadb_policy *policy = entry->policy;
		struct sadb_sa *sa;
		if (unlikely(!dp_flow_holds(flows, entry, &meta->flow, dp_flow_domain(meta->vnet, SADB_POLICY_OUT)) ||
			     policy->action != SADB_PROTECT || (sa = sadb_policy_sa(policy)) == NULL)) {
			in->pkt[rest++] = m;
			continue;
		}
		dp_policy_touch(w, policy);
		rte_prefetch0(sa);
		meta->sa = sa;
		out->pkt[n_out++] = m;
	}
	out->n = n_out;
	classify(w, in->pkt, rest);
	in->n = 0;
}
