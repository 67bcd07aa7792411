/* SPDX-License-Identifier: BSD-3-Clause
 * Stage parse: Ethernet and IPv4 headers of what the ports received, and where each packet goes. Worker threads.
 * Exits: esp_in, classify, punt, drop. */
#include "dataplane/worker.h"

#include <rte_prefetch.h>

#include "dataplane/dp.h"
#include "dataplane/flow.h"
#include "dataplane/ipv4.h"

/* 224.0.0.0/24 is for this link only (RFC 5771 4): routing protocols on the twin want it, nothing forwards it. */
static bool
link_multicast(rte_be32_t dst_be)
{
	return (dst_be & RTE_BE32(0xffffff00)) == RTE_BE32(0xe0000000);
}

static void
parse_underlay(struct dp_worker *w, struct rte_mbuf *m, const struct rte_ipv4_hdr *ip, const struct dp_port *port)
{
	if (link_multicast(ip->dst_addr)) {
		dp_vec_push(&w->punt, m);
		return;
	}
	const struct sadb_nexthop *hop = sadb_fib_lookup(sadb_vnet_fib(port->vnet), ip->dst_addr);
	if (hop == NULL || hop->kind != SADB_ROUTE_LOCAL) {
		dp_drop(w, m, DP_DROP_UNDERLAY_NOT_LOCAL);
		return;
	}
	if (ip->next_proto_id != IPPROTO_ESP) {
		dp_vec_push(&w->punt, m);
		return;
	}
	if (dp_ipv4_is_fragment(ip)) {
		dp_drop(w, m, DP_DROP_ESP_FRAGMENT);
		return;
	}
	rte_pktmbuf_adj(m, sizeof(struct rte_ether_hdr));
	dp_meta(m)->flags = 0;
	dp_vec_push(&w->esp_in, m);
}

static void
parse_ipv4(struct dp_worker *w, struct rte_mbuf *m, struct dp_port *port)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
	uint32_t avail = m->data_len - (uint32_t)sizeof(struct rte_ether_hdr);
	unsigned verdict = dp_ipv4_check(ip, avail);
	if (verdict != DP_IP_VERIFIED) {
		dp_drop(w, m, verdict);
		return;
	}
	struct dp_meta *meta = dp_meta(m);
	meta->ip_bytes = rte_be_to_cpu_16(ip->total_length);
	if (avail > meta->ip_bytes) /* the link's padding of short frames */
		rte_pktmbuf_trim(m, (uint16_t)(avail - meta->ip_bytes));
	bool multicast = rte_be_to_cpu_32(ip->dst_addr) >> 28 >= 0xe;
	if (multicast && !link_multicast(ip->dst_addr)) {
		dp_drop(w, m, DP_DROP_IP_MULTICAST);
		return;
	}
	/* RFC 1812 5.3.4: unicast in a link-layer broadcast is not forwarded. */
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	if (!multicast && rte_is_multicast_ether_addr(&ether->dst_addr)) {
		dp_drop(w, m, DP_DROP_ETHER_DST);
		return;
	}
	if (port->underlay) {
		parse_underlay(w, m, ip, port);
		return;
	}
	meta->local = multicast; /* for the gateway and no one beyond it */
	dp_flow_read(&meta->flow, ip, meta->ip_bytes);
	meta->vnet = port->vnet;
	meta->flags = 0;
	rte_pktmbuf_adj(m, sizeof(struct rte_ether_hdr));
	dp_vec_push(&w->classify, m);
}

static void
parse_one(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	struct dp_port *port = w->dp->port[meta->in_port];
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	if (m->nb_segs != 1) {
		dp_drop(w, m, DP_DROP_SEGMENTED);
		return;
	}
	if (m->data_len < sizeof(*ether)) {
		dp_drop(w, m, DP_DROP_IP_TRUNCATED);
		return;
	}
	meta->flags = DP_META_HAS_L2;
	meta->local = 0;
	if (!rte_is_same_ether_addr(&ether->dst_addr, &port->mac) && !rte_is_multicast_ether_addr(&ether->dst_addr)) {
		dp_drop(w, m, DP_DROP_ETHER_DST);
		return;
	}
	if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
		parse_ipv4(w, m, port);
	else if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP))
		dp_vec_push(&w->punt, m);
	else
		dp_drop(w, m, DP_DROP_ETHER_TYPE);
}

void
dp_parse(struct dp_worker *w)
{
	struct dp_vec *in = &w->parse;
	for (unsigned i = 0; i < in->n; i++) {
		if (i + 4 < in->n)
			rte_prefetch0(rte_pktmbuf_mtod(in->pkt[i + 4], void *));
		parse_one(w, in->pkt[i]);
	}
	in->n = 0;
}
