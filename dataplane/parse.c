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

/* What the packets of one port share. */
struct glance {
	struct dp_port *port;
	rte_be32_t own_be; /* an address of the gateway in the underlay; 0: none met yet */
};

/* The common packet: unicast IPv4 to this port's MAC, whole, in one piece, without options or link padding. Everything
 * else parse_one() sorts out. Returns the IP header, or NULL. */
static inline const struct rte_ipv4_hdr *
common(const struct rte_mbuf *m, const struct dp_port *port)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);
	if (m->nb_segs != 1 || m->data_len < sizeof(*ether) + sizeof(*ip) ||
	    memcmp(&ether->dst_addr, &port->mac, sizeof(port->mac)) != 0 ||
	    ether->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
	    dp_ipv4_check(ip, m->data_len - (uint32_t)sizeof(*ether)) != DP_IP_VERIFIED ||
	    dp_be16(ip->total_length) + sizeof(*ether) != m->data_len || rte_be_to_cpu_32(ip->dst_addr) >> 28 >= 0xe)
		return NULL;
	return ip;
}

/* An ESP packet for an address known to be the gateway's own. */
static inline bool
common_esp(const struct rte_ipv4_hdr *ip, struct glance *glance)
{
	if (ip->next_proto_id != IPPROTO_ESP || dp_ipv4_is_fragment(ip))
		return false;
	if (ip->dst_addr == glance->own_be)
		return true;
	const struct sadb_nexthop *hop = sadb_fib_lookup(sadb_vnet_fib(glance->port->vnet), ip->dst_addr);
	if (hop == NULL || hop->kind != SADB_ROUTE_LOCAL)
		return false;
	glance->own_be = ip->dst_addr;
	return true;
}

static inline void
strip_ether(struct rte_mbuf *m)
{
	m->data_off += (uint16_t)sizeof(struct rte_ether_hdr);
	m->data_len = (uint16_t)(m->data_len - sizeof(struct rte_ether_hdr));
	m->pkt_len = m->data_len;
}

void
dp_parse(struct dp_worker *w)
{
	struct dp_vec *in = &w->parse, *esp_in = &w->esp_in, *classify = &w->classify;
	struct glance glance = {.port = NULL};

	for (unsigned i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct dp_meta *meta = dp_meta(m);
		if (i + DP_AHEAD < in->n)
			rte_prefetch0(rte_pktmbuf_mtod(in->pkt[i + DP_AHEAD], void *));
		if (glance.port == NULL || glance.port->number != meta->in_port)
			glance = (struct glance){.port = w->dp->port[meta->in_port]};
		const struct rte_ipv4_hdr *ip = common(m, glance.port);
		if (unlikely(ip == NULL)) {
			parse_one(w, m);
			continue;
		}
		uint16_t bytes = (uint16_t)(m->data_len - sizeof(struct rte_ether_hdr));
		if (!glance.port->underlay) {
			dp_flow_read(&meta->flow, ip, bytes);
			meta->vnet = glance.port->vnet;
			dp_vec_push(classify, m);
		} else if (common_esp(ip, &glance)) {
			dp_vec_push(esp_in, m);
		} else {
			parse_one(w, m);
			continue;
		}
		meta->ip_bytes = bytes;
		meta->flags = 0;
		meta->local = 0;
		strip_ether(m);
	}
	in->n = 0;
}
