/* SPDX-License-Identifier: BSD-3-Clause
 * Stage forward: route where none is set yet, neighbour, Ethernet header (RFC 1812 5.2). Worker threads.
 * Exits: tx, hold, drop. */
#include "dataplane/worker.h"

#include "dataplane/dp.h"
#include "dataplane/fragment.h"
#include "dataplane/ipv4.h"
#include "dataplane/ipv6.h"
#include "dataplane/udp_encap.h"

/* Its hop is counted, and where it goes next noted. cut_bytes: to be cut so that it fits; 0: it does. */
static void
hop_done(struct rte_mbuf *m, const struct sadb_nexthop *hop, uint16_t cut_bytes)
{
	struct dp_meta *meta = dp_meta(m);
	if (dp_is_v6(m)) {
		struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *);
		ip->hop_limits--;
		memcpy(dp_meta(m)->next_hop_v6, sadb_nexthop_of_v6(hop, ip->dst_addr), sizeof(dp_meta(m)->next_hop_v6));
	} else {
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
		dp_ipv4_ttl_down(ip);
		meta->next_hop_be = hop->gateway_v4_be ? hop->gateway_v4_be : ip->dst_addr;
	}
	meta->out_port = hop->port;
	meta->cut_bytes = cut_bytes;
	meta->flags |= cut_bytes != 0 ? DP_META_LONG : DP_META_ROUTED;
}

static uint8_t
hops_left(struct rte_mbuf *m)
{
	return dp_is_v6(m) ? rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *)->hop_limits
			   : rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *)->time_to_live;
}

/* Route, TTL and MTU of a packet that stays clear: bypassed, or fresh out of an SA. False: dropped. */
static bool
route(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	const struct sadb_nexthop *hop = meta->flags & DP_META_HOP ? meta->hop : dp_route_inside(m);
	if (hop == NULL || hop->kind != SADB_ROUTE_UNICAST) {
		dp_drop(w, m, hop == NULL ? DP_DROP_NO_ROUTE : DP_DROP_BLACKHOLE);
		return false;
	}
	const struct dp_port *port = w->dp->port[hop->port];
	if (port->vnet != meta->vnet) { /* clear traffic never changes its domain */
		dp_drop(w, m, DP_DROP_ROUTE_DOMAIN);
		return false;
	}
	if (hops_left(m) <= 1) {
		dp_icmp_error(w, m, DP_ICMP_TTL, 0);
		dp_drop(w, m, DP_DROP_TTL);
		return false;
	}
	const bool is_long = meta->ip_bytes > port->mtu;
	if (is_long && (dp_is_v6(m) || !dp_ipv4_may_fragment(rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *)))) {
		dp_icmp_error(w, m, DP_ICMP_TOO_BIG, port->mtu);
		dp_drop(w, m, DP_DROP_MTU);
		return false;
	}
	hop_done(m, hop, is_long ? port->mtu : 0);
	return true;
}

/* The way of the packet before, which most often is that of the next. */
struct way {
	struct dp_port *port; /* NULL: none */
	struct dp_tx_buffer *tx;
	rte_be32_t next_hop_be;
	uint16_t out_port;
	struct rte_ether_hdr ether;
	/* of a decapsulated packet: the route that it took, and from which network */
	const struct sadb_nexthop *hop;
	const struct sadb_vnet *vnet;
};

/* A group is on the link, whatever gateway its route has: RFC 1112 6.4, RFC 2464 7, and for all the broadcast address. */
static void
group_way(struct rte_mbuf *m, struct dp_port *port, struct dp_tx_buffer *tx, struct way *way)
{
	uint8_t *mac = way->ether.dst_addr.addr_bytes;

	*way = (struct way){.port = port, .tx = tx};
	way->ether.src_addr = port->mac;
	if (dp_is_v6(m)) {
		way->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
		memset(mac, 0x33, 2);
		memcpy(mac + 2, rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *)->dst_addr + 12, 4);
		return;
	}
	const uint8_t *dst = (const uint8_t *)&rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *)->dst_addr;
	const uint8_t mapped[RTE_ETHER_ADDR_LEN] = {0x01, 0x00, 0x5e, dst[1] & 0x7f, dst[2], dst[3]};
	way->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	if (dst[0] == 0xff)
		memset(mac, 0xff, RTE_ETHER_ADDR_LEN);
	else
		memcpy(mac, mapped, sizeof(mapped));
}

/* False: nobody knows the neighbour yet. */
static bool
find_way(struct dp_worker *w, struct rte_mbuf *m, struct way *way)
{
	const struct dp_meta *meta = dp_meta(m);
	struct dp_port *port = w->dp->port[meta->out_port];
	bool v6 = dp_is_v6(m);
	if (unlikely(meta->flags & DP_META_GROUP)) {
		group_way(m, port, &w->tx[port->number], way);
		return true;
	}
	struct sadb_neigh *neigh = v6 ? sadb_neigh_lookup_v6(w->neighs, port->number, dp_meta(m)->next_hop_v6)
				      : sadb_neigh_lookup(w->neighs, port->number, meta->next_hop_be);
	if (neigh == NULL)
		return false;
	if (!__atomic_load_n(&neigh->used, __ATOMIC_RELAXED))
		__atomic_store_n(&neigh->used, 1, __ATOMIC_RELAXED); /* a hint for the control thread: orders nothing */
	*way = (struct way){
	    .port = port, .tx = &w->tx[port->number], .next_hop_be = meta->next_hop_be, .out_port = port->number};
	memcpy(&way->ether.dst_addr, neigh->mac, RTE_ETHER_ADDR_LEN);
	way->ether.src_addr = port->mac;
	way->ether.ether_type = v6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	return true;
}

static __rte_always_inline void
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
	dp_tx_buffered(w, way->port, way->tx, m);
}

/* RFC 1812 4.2.2.7, and RFC 4303 3.3.4: cut after ESP. */
static void
cut_and_send(struct dp_worker *w, struct rte_mbuf *m, const struct way *way)
{
	struct rte_mbuf *piece[DP_FRAGMENTS_MAX];
	const unsigned n = dp_fragment(w, m, dp_meta(m)->cut_bytes, piece);
	for (unsigned i = 0; i < n; i++)
		send_by(w, piece[i], way);
}

/* Only now all is there that the checksum of UDP covers. */
static void
make_udp_sum(struct rte_mbuf *m)
{
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
	dp_meta(m)->flags &= (uint16_t)~DP_META_UDP_SUM;
}

/* A packet whose way has to be found out. */
static __rte_noinline void
find_and_send(struct dp_worker *w, struct rte_mbuf *m, struct way *way)
{
	const struct dp_meta *meta = dp_meta(m);
	bool routed = (meta->flags & (DP_META_ROUTED | DP_META_LONG)) != 0;
	if (!routed && !route(w, m))
		return;
	if (!find_way(w, m, way)) {
		way->port = NULL;
		dp_hold(w, m);
		return;
	}
	const bool of_its_own = (meta->flags & (DP_META_V6 | DP_META_GROUP)) != 0;
	if (meta->flags & DP_META_UDP_SUM)
		make_udp_sum(m);
	if (!routed && (meta->flags & DP_META_HOP)) {
		way->hop = meta->hop;
		way->vnet = meta->vnet;
	}
	if (unlikely((meta->flags & DP_META_LONG) && meta->ip_bytes > meta->cut_bytes))
		cut_and_send(w, m, way);
	else
		send_by(w, m, way);
	if (of_its_own)
		way->port = NULL; /* see same_way() */
}

/* May this packet go the way of the one before? An IPv6 packet leaves no way behind and goes none: its next_hop_be is 0, and
 * no way has its hop, so this need not ask; nor does one to a group, which has no DP_META_HOP. Sealed ones say where they go;
 * decapsulated ones have the same route from the same network, and what route() asks of each packet is asked here. */
static inline bool
same_way(struct rte_mbuf *m, const struct way *way)
{
	const struct dp_meta *meta = dp_meta(m);
	if (way->port == NULL)
		return false;
	if (meta->flags & DP_META_ROUTED)
		return ((meta->next_hop_be ^ way->next_hop_be) | (uint32_t)(meta->out_port ^ way->out_port)) == 0;
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
