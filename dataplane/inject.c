/* SPDX-License-Identifier: BSD-3-Clause
 * What the gateway's own kernel sends through a twin. It must bear one of the gateway's addresses, so that a kernel that
 * forwards cannot become a way around the SPD; and an address of a virtual network stands under its outbound policies.
 * The underlay's own addresses live in the underlay: IKE leaves from there, and what its policies (transport mode) do not ask
 * for. Worker threads. */
#include "dataplane/worker.h"

#include "dataplane/dp.h"
#include "dataplane/flow.h"
#include "dataplane/ipv4.h"
#include "dataplane/ipv6.h"
#include "dataplane/spd.h"
#include "dataplane/transport.h"

static bool
owns(const struct dp_port *port, const struct sadb_addr *addr)
{
	return addr->family == AF_INET6 ? dp_port_has_addr_v6(port, addr->bytes)
					: dp_port_has_addr(port, sadb_addr_to_v4(addr));
}

/* Whose address is it: of the port itself, of another of its domain, else of any port. NULL: not the gateway's. Vnets may
 * share addresses, and no packet of one may come under the policies of another that has the same. */
static const struct dp_port *
owner(const struct dp_worker *w, const struct dp_port *port, const struct sadb_addr *addr)
{
	const struct dp_port *found = NULL;

	if (owns(port, addr))
		return port;
	for (unsigned i = 0; i < w->dp->n_ports; i++) {
		const struct dp_port *other = w->dp->port[i];
		/* Each namespace's kernel has addresses of its own. */
		if (other->config.netns != port->config.netns || !owns(other, addr))
			continue;
		if (other->vnet == port->vnet)
			return other;
		if (found == NULL)
			found = other;
	}
	return found;
}

/* Into the SA like any other: classify finds it. */
static void
protect(struct dp_worker *w, struct rte_mbuf *m, struct sadb_vnet *vnet)
{
	struct dp_meta *meta = dp_meta(m);
	if (!dp_is_v6(m) && rte_be_to_cpu_32(meta->flow.dst_be) >> 28 >= 0xe) { /* of IPv6 it is dropped before */
		if (!dp_ipv4_is_group(meta->flow.dst_be)) {
			dp_drop(w, m, DP_DROP_IP_MULTICAST);
			return;
		}
		meta->flags |= DP_META_GROUP;
	}
	meta->vnet = vnet;
	meta->flags &= (uint16_t)~DP_META_HAS_L2;
	rte_pktmbuf_adj(m, sizeof(struct rte_ether_hdr));
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - meta->ip_bytes));
	dp_vec_push(dp_is_v6(m) ? &w->classify_v6 : &w->classify, m);
}

/* Its length and flow are known. */
static void
inject_unicast(struct dp_worker *w, struct rte_mbuf *m, struct dp_port *port, const struct sadb_addr *source)
{
	const struct dp_port *from = owner(w, port, source);
	bool blocked = false;

	if (from == NULL) {
		dp_drop(w, m, DP_DROP_INJECT_SOURCE);
		return;
	}
	if (from->underlay) {
		if (port->underlay)
			dp_transport_out(w, m, port);
		else
			dp_drop(w, m, DP_DROP_INJECT_SOURCE);
		return;
	}
	struct sadb_policy *policy = dp_spd_lookup_one(from->vnet, SADB_POLICY_OUT, m, &blocked);
	if (blocked || (policy != NULL && policy->action != SADB_BYPASS))
		protect(w, m, from->vnet);
	else if (from->vnet == port->vnet)
		dp_tx(w, port, m);
	else
		dp_drop(w, m, DP_DROP_INJECT_SOURCE);
}

/* The kernel's own membership reports: to the link, with the router-alert option (RFC 2236 2, 3376 4). */
static bool
membership_report(const struct dp_port *port, const struct rte_ipv4_hdr *ip, uint32_t avail)
{
	return avail >= sizeof(*ip) && ip->next_proto_id == IPPROTO_IGMP &&
	       (rte_be_to_cpu_32(ip->dst_addr) >> 28) == 0xe &&
	       (ip->src_addr == 0 || dp_port_has_addr(port, ip->src_addr));
}

static void
inject_ipv4(struct dp_worker *w, struct rte_mbuf *m, struct dp_port *port)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
	uint32_t avail = m->data_len - (uint32_t)sizeof(struct rte_ether_hdr);
	struct dp_meta *meta = dp_meta(m);
	unsigned verdict = dp_ipv4_check(ip, avail);

	if (verdict == DP_IP_VERIFIED) {
		const struct sadb_addr source = sadb_addr_v4(ip->src_addr);
		meta->ip_bytes = rte_be_to_cpu_16(ip->total_length);
		dp_flow_read(&meta->flow, ip, meta->ip_bytes);
		inject_unicast(w, m, port, &source);
	} else if (membership_report(port, ip, avail)) {
		dp_tx(w, port, m);
	} else {
		dp_drop(w, m, verdict);
	}
}

/* What stays among neighbours of the port: neighbour discovery, and whatever has an address of the link's. Policies are not
 * asked, as they are not for ARP. */
static bool
for_link_v6(const struct rte_ipv6_hdr *ip, uint32_t bytes)
{
	return dp_ipv6_is_link_multicast(ip->dst_addr) || dp_ipv6_is_link_local(ip->dst_addr) ||
	       dp_ipv6_is_discovery(ip, bytes);
}

static void
inject_ipv6(struct dp_worker *w, struct rte_mbuf *m, struct dp_port *port)
{
	const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, sizeof(struct rte_ether_hdr));
	struct dp_meta *meta = dp_meta(m);
	unsigned verdict = dp_ipv6_check(ip, m->data_len - (uint32_t)sizeof(struct rte_ether_hdr));

	if (verdict != DP_IP_VERIFIED) {
		dp_drop(w, m, verdict);
		return;
	}
	meta->ip_bytes = dp_ipv6_bytes(ip);
	meta->flags |= DP_META_V6;
	meta->next_hop_be = 0;
	if (for_link_v6(ip, meta->ip_bytes)) {
		if (dp_port_has_addr_v6(port, ip->src_addr) || dp_ipv6_may_lack_source(ip, meta->ip_bytes))
			dp_tx(w, port, m);
		else
			dp_drop(w, m, DP_DROP_INJECT_SOURCE);
		return;
	}
	verdict = dp_ipv6_is_multicast(ip->dst_addr)    ? (unsigned)DP_DROP_IP_MULTICAST
		  : dp_ipv6_martian(ip)                 ? (unsigned)DP_DROP_IP_MARTIAN
		  : dp_ipv6_is_link_local(ip->src_addr) ? (unsigned)DP_DROP_IP6_LINK
							: dp_ipv6_flow_read(&dp_v6(m)->flow, ip, meta->ip_bytes);
	const struct sadb_addr source = sadb_addr_v6(ip->src_addr);
	if (verdict == DP_IP_VERIFIED)
		inject_unicast(w, m, port, &source);
	else
		dp_drop(w, m, verdict);
}

unsigned
dp_inject(struct dp_worker *w)
{
	void *frame[DP_INJECT_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(w->inject, frame, DP_INJECT_BURST, NULL);

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = frame[i];
		struct dp_port *port = w->dp->port[dp_meta(m)->in_port];
		const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
		dp_meta(m)->flags = DP_META_FROM_TWIN | DP_META_HAS_L2;
		dp_meta(m)->local = 0;
		if (m->data_len < sizeof(*ether))
			dp_drop(w, m, DP_DROP_IP_TRUNCATED);
		else if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP))
			dp_tx(w, port, m);
		else if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
			inject_ipv4(w, m, port);
		else if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
			inject_ipv6(w, m, port);
		else
			dp_drop(w, m, DP_DROP_ETHER_TYPE);
	}
	dp_count(&w->stats.from_twins, n);
	return n;
}
