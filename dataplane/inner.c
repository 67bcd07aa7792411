/* SPDX-License-Identifier: BSD-3-Clause
 * Stage inner: what came out of an SA is checked as a packet and against the policy (RFC 4301 5.2). Worker threads.
 * Exits: forward, punt, drop. */
#include "dataplane/worker.h"

#include <rte_prefetch.h>

#include "dataplane/dp.h"
#include "dataplane/flow.h"
#include "dataplane/ipv4.h"
#include "dataplane/ipv6.h"
#include "dataplane/spd.h"

/* RFC 6040 4.2, the decapsulator's table: the inner ECN field that results, or -1 to drop. */
static int
ecn_decap(uint8_t outer, uint8_t inner)
{
	static const int8_t table[4][4] = {
	    /* outer: Not-ECT, ECT(1), ECT(0), CE; inner below */
	    {0, 0, 0, -1}, /* Not-ECT */
	    {1, 1, 1, 3},  /* ECT(1) */
	    {2, 1, 2, 3},  /* ECT(0) */
	    {3, 3, 3, 3},  /* CE */
	};
	return table[inner & RTE_IPV4_HDR_ECN_MASK][outer & RTE_IPV4_HDR_ECN_MASK];
}

/* What the inner TOS or traffic class becomes, or -1 to drop. */
static int
decap_tos(const struct dp_meta *meta, uint8_t tos)
{
	if (!(meta->sa->flags & SADB_SA_NOECN)) {
		int ecn = ecn_decap(meta->outer_tos, tos);
		if (ecn < 0)
			return -1;
		tos = (uint8_t)((tos & ~RTE_IPV4_HDR_ECN_MASK) | ecn);
	}
	if (meta->sa->flags & SADB_SA_DECAP_DSCP)
		tos = (uint8_t)((tos & RTE_IPV4_HDR_ECN_MASK) | (meta->outer_tos & ~RTE_IPV4_HDR_ECN_MASK));
	return tos;
}

/* The reasons of the outer header's checks, as those of an inner one. */
static enum dp_drop
inner_reason(unsigned verdict)
{
	switch (verdict) {
	case DP_DROP_IP_VERSION:
		return DP_DROP_INNER_VERSION;
	case DP_DROP_IP_TRUNCATED:
	case DP_DROP_IP_LENGTH:
		return DP_DROP_INNER_LENGTH;
	case DP_DROP_IP_CHECKSUM:
		return DP_DROP_INNER_CHECKSUM;
	default:
		return verdict;
	}
}

/* Is it a packet, and one that this SA may carry? False: dropped. */
static bool
check_one(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
	unsigned verdict = dp_ipv4_check(ip, m->data_len);
	if (verdict != DP_IP_VERIFIED) {
		dp_drop(w, m, inner_reason(verdict));
		return false;
	}
	if (rte_be_to_cpu_32(ip->dst_addr) >> 28 >= 0xe) {
		if (!dp_ipv4_is_group(ip->dst_addr)) {
			dp_drop(w, m, DP_DROP_IP_MULTICAST);
			return false;
		}
		meta->flags |= DP_META_GROUP;
	}
	meta->ip_bytes = dp_be16(ip->total_length);
	if (m->data_len > meta->ip_bytes) /* TFC padding (RFC 4303 2.7) */
		rte_pktmbuf_trim(m, (uint16_t)(m->data_len - meta->ip_bytes));
	int tos = decap_tos(meta, ip->type_of_service);
	if (tos < 0) {
		dp_drop(w, m, DP_DROP_INNER_ECN);
		return false;
	}
	if (tos != ip->type_of_service)
		dp_ipv4_tos_set(ip, (uint8_t)tos);
	dp_flow_read(&meta->flow, ip, meta->ip_bytes);
	if (!meta->sa->sel_any && !dp_flow_selected(&meta->sa->cold->config.sel, &meta->flow)) {
		dp_drop(w, m, DP_DROP_INNER_SELECTOR);
		return false;
	}
	return true;
}

/* The same of IPv6, but for what only its sender's link may see. Returns DP_IP_VERIFIED or why it is dropped. */
static unsigned
check_v6(struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *);
	unsigned verdict = dp_ipv6_check(ip, m->data_len);
	if (verdict != DP_IP_VERIFIED)
		return inner_reason(verdict);
	if (dp_ipv6_is_group(ip->dst_addr))
		meta->flags |= DP_META_GROUP;
	else if (dp_ipv6_is_multicast(ip->dst_addr))
		return DP_DROP_IP_MULTICAST;
	if (dp_ipv6_martian(ip))
		return DP_DROP_IP_MARTIAN;
	meta->ip_bytes = dp_ipv6_bytes(ip);
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - meta->ip_bytes)); /* TFC padding (RFC 4303 2.7) */
	/* A tunnel would make anyone behind it a neighbour, who could take over addresses here (RFC 4861 11.1). */
	if (dp_ipv6_is_link_local(ip->src_addr) || dp_ipv6_is_link_local(ip->dst_addr) ||
	    dp_ipv6_is_discovery(ip, meta->ip_bytes))
		return DP_DROP_IP6_LINK;
	int tclass = decap_tos(meta, dp_ipv6_tclass(ip));
	if (tclass < 0)
		return DP_DROP_INNER_ECN;
	dp_ipv6_tclass_set(ip, (uint8_t)tclass);
	verdict = dp_ipv6_flow_read(&dp_v6(m)->flow, ip, meta->ip_bytes);
	if (verdict != DP_IP_VERIFIED)
		return verdict;
	if (!(meta->sa->flags & SADB_HOT_ANY_V6) && !dp_ipv6_selected(&meta->sa->cold->config.sel, &dp_v6(m)->flow))
		return DP_DROP_INNER_SELECTOR;
	return DP_IP_VERIFIED;
}

/* The common packet: all that check_one() and dp_ipv4_check() would find good, in one branch, of an SA that carries any
 * packet and without congestion marks. */
static inline bool
common(struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	uint32_t wrong = ip->version_ihl ^ (uint32_t)RTE_IPV4_VHL_DEF;
	wrong |= (uint32_t)dp_be16(ip->total_length) ^ m->data_len;
	wrong |= m->data_len < sizeof(*ip);
	wrong |= dp_ipv4_sum20((const uint8_t *)ip) ^ 0xffffu;
	wrong |= dp_ipv4_rare[*(const uint8_t *)&ip->src_addr] | dp_ipv4_rare[*(const uint8_t *)&ip->dst_addr];
	wrong |= (meta->outer_tos | ip->type_of_service) & RTE_IPV4_HDR_ECN_MASK;
	wrong |= (meta->sa->flags & SADB_SA_DECAP_DSCP) | (meta->sa->sel_any ^ 1u);
	return wrong == 0;
}

/* For the gateway itself, or beyond it? */
static void
find_route(struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	meta->hop = dp_route_inside(m);
	meta->flags |= DP_META_HOP;
	meta->local = meta->hop != NULL && meta->hop->kind == SADB_ROUTE_LOCAL;
	if (meta->local)
		meta->in_port = meta->hop->port; /* the twin that is to receive it */
}

/* RFC 4301 5.2 step 4: the policy must ask for protection and the packet must have come through its SA. */
static void
decide(struct dp_worker *w, struct rte_mbuf *m, struct sadb_policy *policy)
{
	struct dp_meta *meta = dp_meta(m);
	const bool group = (meta->flags & DP_META_GROUP) != 0;
	if (unlikely(group) && (policy == NULL || !policy->names_group)) {
		dp_drop(w, m, DP_DROP_IP_MULTICAST);
		return;
	}
	if (policy == NULL || policy->action != SADB_PROTECT || !sadb_policy_permits(policy, meta->sa)) {
		dp_drop(w, m, DP_DROP_INNER_POLICY);
		return;
	}
	dp_policy_touch(w, policy);
	if (unlikely(group))
		meta->flags &= (uint16_t)~DP_META_HOP; /* its way is no other packet's; see forward's same_way() */
	else if (!meta->local && !dp_is_v6(m))
		dp_flow_remember(&w->flows, &meta->flow, dp_flow_domain(meta->vnet, SADB_POLICY_FWD), policy,
				 meta->hop);
	dp_vec_push(meta->local ? &w->punt : &w->forward, m);
}

static void
check_policy(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, enum sadb_policy_dir dir)
{
	for (unsigned i = 0; i < n;) {
		struct sadb_policy *policy[DP_SPD_BATCH];
		bool blocked[DP_SPD_BATCH];
		unsigned run = dp_spd_lookup_run(&pkt[i], n - i, dir, policy, blocked);
		for (unsigned k = 0; k < run; k++) {
			if (blocked[k])
				dp_drop(w, pkt[i + k], DP_DROP_FRAGMENT_PORTS);
			else
				decide(w, pkt[i + k], policy[k]);
		}
		i += run;
	}
}

/* Asks the tables. */
static void
ask(struct dp_worker *w, struct rte_mbuf **pkt, unsigned n)
{
	struct rte_mbuf *local[DP_VEC_MAX];
	unsigned stay = 0, n_local = 0;

	for (unsigned i = 0; i < n; i++) {
		find_route(pkt[i]);
		if (dp_meta(pkt[i])->local)
			local[n_local++] = pkt[i];
		else
			pkt[stay++] = pkt[i];
	}
	check_policy(w, pkt, stay, SADB_POLICY_FWD);
	check_policy(w, local, n_local, SADB_POLICY_IN);
}

void
dp_inner_v6(struct dp_worker *w)
{
	struct dp_vec *in = &w->inner_v6;

	for (unsigned i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct dp_meta *meta = dp_meta(m);
		meta->flags |= DP_META_V6;
		unsigned verdict = check_v6(m);
		if (verdict != DP_IP_VERIFIED) {
			dp_drop(w, m, verdict);
			continue;
		}
		meta->vnet = meta->sa->vnet;
		meta->next_hop_be = 0;
		find_route(m);
		bool blocked;
		struct sadb_policy *policy =
		    dp_spd_lookup_v6(w, m, meta->local ? SADB_POLICY_IN : SADB_POLICY_FWD, &blocked);
		if (blocked)
			dp_drop(w, m, DP_DROP_FRAGMENT_PORTS);
		else
			decide(w, m, policy);
	}
	in->n = 0;
}

/* Flows seen a moment ago, going on: the policy is known, and only whether it names this SA is asked, once for a row of
 * packets. The rest asks the tables, and all packets of one flow go the same way, so their order stays. */
void
dp_inner(struct dp_worker *w)
{
	struct dp_vec *in = &w->inner, *out = &w->forward;
	const struct dp_flow_entry *place[DP_VEC_MAX];
	const struct sadb_policy *policy = NULL; /* names sa */
	const struct sadb_sa *sa = NULL;
	unsigned n = 0, n_out = out->n, rest = 0;

	for (unsigned i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct dp_meta *meta = dp_meta(m);
		if (unlikely(!common(m)) && !check_one(w, m))
			continue;
		meta->vnet = meta->sa->vnet;
		dp_flow_read(&meta->flow, rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *), meta->ip_bytes);
		place[n] = dp_flow_place(&w->flows, &meta->flow);
		rte_prefetch0(place[n]);
		in->pkt[n++] = m;
	}
	for (unsigned i = 0; i < n; i++) {
		struct dp_meta *meta = dp_meta(in->pkt[i]);
		const struct dp_flow_entry *entry = place[i];
		bool known = dp_flow_holds(&w->flows, entry, &meta->flow, dp_flow_domain(meta->vnet, SADB_POLICY_FWD));
		if (known && (entry->policy != policy || meta->sa != sa)) {
			policy = entry->policy;
			sa = meta->sa;
			known = policy->action == SADB_PROTECT && sadb_policy_permits(policy, sa);
			if (known)
				dp_policy_touch(w, entry->policy);
			else
				policy = NULL;
		}
		if (unlikely(!known)) {
			in->pkt[rest++] = in->pkt[i];
			continue;
		}
		meta->hop = entry->hop;
		meta->local = 0;
		meta->flags |= DP_META_HOP;
		out->pkt[n_out++] = in->pkt[i];
	}
	out->n = n_out;
	ask(w, in->pkt, rest);
	in->n = 0;
}
