/* SPDX-License-Identifier: BSD-3-Clause
 * Stage forward: route where none is set yet, neighbour, Ethernet header (RFC 1812 5.2). Worker threads.
 * Exits: tx, hold, drop. */
#include "dataplane/worker.h"

#include <netinet/ip_icmp.h>

#include "dataplane/dp.h"
#include "dataplane/ipv4.h"

/* Route, TTL and MTU of a packet that stays clear: bypassed, or fresh out of an SA. False: dropped. */
static bool
route(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
	const struct sadb_nexthop *hop =
	    meta->flags & DP_META_HOP ? meta->hop : sadb_fib_lookup(sadb_vnet_fib(meta->vnet), ip->dst_addr);
	if (hop == NULL || hop->kind != SADB_ROUTE_UNICAST) {
		dp_drop(w, m, hop == NULL ? DP_DROP_NO_ROUTE : DP_DROP_BLACKHOLE);
		return false;
	}
	const struct dp_port *port = w->dp->port[hop->port];
	if (port->vnet != meta->vnet) { /* clear traffic never changes its domain */
		dp_drop(w, m, DP_DROP_ROUTE_DOMAIN);
		return false;
	}
	if (ip->time_to_live <= 1) {
		dp_icmp_error(w, m, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
		dp_drop(w, m, DP_DROP_TTL);
		return false;
	}
	if (meta->ip_bytes > port->mtu) {
		dp_icmp_error(w, m, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, port->mtu);
		dp_drop(w, m, DP_DROP_MTU);
		return false;
	}
	dp_ipv4_ttl_down(ip);
	meta->out_port = hop->port;
	meta->next_hop_be = hop->gateway_v4_be ? hop->gateway_v4_be : ip->dst_addr;
	meta->flags |= DP_META_ROUTED;
	return true;
}

/* The way of the packet before, which most often is that of the next. */
struct way {
	struct dp_port *port; /* NULL: none */
	rte_be32_t next_hop_be;
	struct rte_ether_hdr ether;
	/* of a decapsulated packet: the route that it took, and from which network */
	const struct sadb_nexthop *hop;
	const struct sadb_vnet *vnet;
};

/* False: nobody knows the neighbour yet. */
static bool
find_way(struct dp_worker *w, const struct dp_meta *meta, struct way *way)
{
	struct dp_port *port = w->dp->port[meta->out_port];
	struct sadb_neigh *neigh = sadb_neigh_lookup(w->neighs, port->number, meta->next_hop_be);
	if (neigh == NULL)
		return false;
	if (!__atomic_load_n(&neigh->used, __ATOMIC_RELAXED))
		__atomic_store_n(&neigh->used, 1, __ATOMIC_RELAXED); /* a hint for the control thread: orders nothing */
	*way = (struct way){.port = port, .next_hop_be = meta->next_hop_be};
	memcpy(&way->ether.dst_addr, neigh->mac, RTE_ETHER_ADDR_LEN);
	way->ether.src_addr = port->mac;
	way->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	return true;
}

static void
send_by(struct dp_worker *w, struct rte_mbuf *m, const struct way *way)
{
	const uint16_t ether = sizeof(way->ether);
	if (unlikely(m->data_off < ether)) {
		dp_drop(w, m, DP_DROP_NO_HEADROOM);
		return;
	}
	const uint16_t bytes = (uint16_t)(m->data_len + ether);
	m->data_off = (uint16_t)(m->data_off - ether);
	m->data_len = bytes;
	m->pkt_len = bytes;
	memcpy(rte_pktmbuf_mtod(m, void *), &way->ether, sizeof(way->ether));
	dp_tx(w, way->port, m);
}

/* A packet whose way has to be found out. */
static void
find_and_send(struct dp_worker *w, struct rte_mbuf *m, struct way *way)
{
	const struct dp_meta *meta = dp_meta(m);
	bool routed = (meta->flags & DP_META_ROUTED) != 0;
	if (!routed && !route(w, m))
		return;
	if (!find_way(w, meta, way)) {
		way->port = NULL;
		dp_hold(w, m);
		return;
	}
	if (!routed && (meta->flags & DP_META_HOP)) {
		way->hop = meta->hop;
		way->vnet = meta->vnet;
	}
	send_by(w, m, way);
}

/* May this packet go the way of the one before? Sealed ones say where they go; decapsulated ones have the same route from
 * the same network, and what route() asks of each packet is asked here. */
static inline bool
same_way(struct rte_mbuf *m, const struct way *way)
{
	const struct dp_meta *meta = dp_meta(m);
	if (way->port == NULL)
		return false;
	if (meta->flags & DP_META_ROUTED)
		return meta->next_hop_be == way->next_hop_be && meta->out_port == way->port->number;
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
	const struct sadb_nexthop *hop = way->hop;
	if (!(meta->flags & DP_META_HOP) || meta->hop != hop || hop == NULL || meta->vnet != way->vnet ||
	    (hop->gateway_v4_be == 0 && ip->dst_addr != way->next_hop_be) || ip->time_to_live <= 1 ||
	    meta->ip_bytes > way->port->mtu)
		return false;
	dp_ipv4_ttl_down(ip);
	return true;
}

void
dp_forward(struct dp_worker *w)
{
	struct dp_vec *in = &w->forward;
	struct way way = {.port = NULL};

	/* ICMP errors made on the way join the end of the vector and are taken in the same pass; an error about an error
	 * is never made (RFC 1122 3.2.2), so the vector stays bounded. */
	for (unsigned i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		if (likely(same_way(m, &way)))
			send_by(w, m, &way);
		else
			find_and_send(w, m, &way);
	}
	in->n = 0;
}
