/* SPDX-License-Identifier: BSD-3-Clause
 * Stage parse: Ethernet and IP headers of what the ports received, and where each packet goes. Worker threads.
 * Exits: esp_in, classify, punt, drop. */
#include "dataplane/worker.h"

#include <rte_prefetch.h>

#include "dataplane/dp.h"
#include "dataplane/flow.h"
#include "dataplane/ipv4.h"
#include "dataplane/ipv6.h"
#include "dataplane/path_mtu.h"
#include "dataplane/reassembly.h"
#include "dataplane/udp_encap.h"
#include "dataplane/vlan.h"
#include "dataplane/underlay_v6.h"

/* Its first bytes, with the Ethernet header, are not needed any more. */
static void
parse_esp(struct dp_worker *w, struct rte_mbuf *m, uint32_t udp, unsigned first)
{
	struct dp_meta *meta = dp_meta(m);
	rte_pktmbuf_adj(m, (uint16_t)first);
	meta->flags = 0;
	meta->udp = udp;
	dp_vec_push(&w->esp_in, m);
}

static void
parse_udp(struct dp_worker *w, struct rte_mbuf *m, struct rte_ipv4_hdr *ip)
{
	const unsigned there = dp_meta(m)->ip_bytes - (unsigned)sizeof(*ip);
	unsigned verdict = dp_udp_judge((const struct rte_udp_hdr *)(ip + 1), there, w->dp->nat_t_port_be);
	if (verdict == DP_UDP_OTHER) {
		dp_vec_push(&w->punt, m);
	} else if (verdict == DP_UDP_ESP) {
		const uint16_t datagram_end = dp_meta(m)->ip_bytes - DP_UDP_BYTES;
		uint32_t ports;
		dp_meta(m)->ip_bytes = dp_udp_unwrap((uint8_t *)ip, &ports);
		/* What IP carried behind the datagram. */
		rte_pktmbuf_trim(m, (uint16_t)(datagram_end - dp_meta(m)->ip_bytes));
		parse_esp(w, m, ports, sizeof(struct rte_ether_hdr) + DP_UDP_BYTES);
	} else {
		dp_drop(w, m, verdict);
	}
}

static void
parse_underlay(struct dp_worker *w, struct rte_mbuf *m, struct rte_ipv4_hdr *ip, const struct dp_port *port)
{
	if (dp_ipv4_is_link_multicast(ip->dst_addr)) {
		dp_vec_push(&w->punt, m);
		return;
	}
	const struct sadb_nexthop *hop = sadb_fib_lookup(sadb_vnet_fib(port->vnet), ip->dst_addr);
	if (hop == NULL || hop->kind != SADB_ROUTE_LOCAL) {
		dp_drop(w, m, DP_DROP_UNDERLAY_NOT_LOCAL);
		return;
	}
	if (ip->next_proto_id != IPPROTO_ESP && ip->next_proto_id != IPPROTO_UDP) {
		if (ip->next_proto_id == IPPROTO_ICMP)
			dp_path_mtu_learn(w, ip, dp_meta(m)->ip_bytes);
		dp_vec_push(&w->punt, m);
		return;
	}
	if (dp_ipv4_is_fragment(ip)) { /* only a whole datagram says whether it is ESP or the kernel's */
		m = dp_reassemble(w, m);
		if (m == NULL)
			return;
		ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
	}
	if (ip->next_proto_id == IPPROTO_UDP)
		parse_udp(w, m, ip);
	else
		parse_esp(w, m, 0, sizeof(struct rte_ether_hdr));
}

/* Policies inside decide on it; the underlay has none. What goes one hop only is no error (RFC 1122 3.2.2). False: dropped. */
static bool
group_may_pass(struct dp_worker *w, struct rte_mbuf *m, const struct rte_ipv4_hdr *ip, const struct dp_port *port)
{
	const bool group = !port->underlay && dp_ipv4_is_group(ip->dst_addr);
	if (group && ip->time_to_live > 1)
		return true;
	dp_drop(w, m, group ? DP_DROP_TTL : DP_DROP_IP_MULTICAST);
	return false;
}

static void
parse_ipv4(struct dp_worker *w, struct rte_mbuf *m, struct dp_port *port)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
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
	bool group = multicast && !dp_ipv4_is_link_multicast(ip->dst_addr);
	if (group && !group_may_pass(w, m, ip, port))
		return;
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
	meta->local = multicast && !group; /* for the gateway and no one beyond it */
	dp_flow_read(&meta->flow, ip, meta->ip_bytes);
	meta->vnet = port->vnet;
	meta->flags = group ? DP_META_GROUP : 0;
	rte_pktmbuf_adj(m, sizeof(struct rte_ether_hdr));
	dp_vec_push(&w->classify, m);
}

/* Where an IPv6 packet from inside goes, whose header is right. */
static void
parse_ipv6_inside(struct dp_worker *w, struct rte_mbuf *m, const struct rte_ipv6_hdr *ip, const struct dp_port *port)
{
	struct dp_meta *meta = dp_meta(m);
	bool for_link = dp_ipv6_is_link_multicast(ip->dst_addr) || dp_ipv6_is_link_local(ip->dst_addr);
	/* Among neighbours, as ARP is: the twin answers. A source may be missing then (RFC 4862 5.4.2). What only looks so and
	 * is for a host beyond is not the kernel's: were it a router, it would route that past the policies. */
	if (for_link || (dp_ipv6_is_discovery(ip, meta->ip_bytes) && dp_ipv6_is_own(port->vnet, ip->dst_addr))) {
		dp_vec_push(&w->punt, m);
		return;
	}
	const bool group = dp_ipv6_is_group(ip->dst_addr);
	unsigned verdict = dp_ipv6_is_multicast(ip->dst_addr) && !group ? (unsigned)DP_DROP_IP_MULTICAST
			   : dp_ipv6_martian(ip)                        ? (unsigned)DP_DROP_IP_MARTIAN
			   : group && ip->hop_limits <= 1               ? (unsigned)DP_DROP_TTL
							  : dp_ipv6_flow_read(&dp_v6(m)->flow, ip, meta->ip_bytes);
	if (verdict != DP_IP_VERIFIED) {
		dp_drop(w, m, verdict);
		return;
	}
	meta->vnet = port->vnet;
	meta->flags = group ? DP_META_V6 | DP_META_GROUP : DP_META_V6;
	meta->next_hop_be = 0;
	if (dp_ipv6_is_link_local(ip->src_addr) && !dp_ipv6_is_own(port->vnet, ip->dst_addr)) {
		dp_drop(w, m, DP_DROP_IP6_LINK);
		return;
	}
	rte_pktmbuf_adj(m, sizeof(struct rte_ether_hdr));
	dp_vec_push(&w->classify_v6, m);
}

/* Out of the way of IPv4. */
static __rte_noinline void
parse_ipv6(struct dp_worker *w, struct rte_mbuf *m, const struct dp_port *port)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(ether + 1);
	uint32_t avail = m->data_len - (uint32_t)sizeof(*ether);
	unsigned verdict = dp_ipv6_check(ip, avail);
	if (verdict != DP_IP_VERIFIED) {
		dp_drop(w, m, verdict);
		return;
	}
	dp_meta(m)->ip_bytes = dp_ipv6_bytes(ip);
	rte_pktmbuf_trim(m, (uint16_t)(avail - dp_meta(m)->ip_bytes));
	if (!dp_ipv6_is_multicast(ip->dst_addr) && rte_is_multicast_ether_addr(&ether->dst_addr)) {
		dp_drop(w, m, DP_DROP_ETHER_DST);
		return;
	}
	if (port->underlay)
		dp_underlay_v6(w, m);
	else
		parse_ipv6_inside(w, m, ip, port);
}

/* What a device put into several buffers, copied into one: ESP is sealed and opened in place. NULL: dropped, it fits none. */
static struct rte_mbuf *
in_one_piece(struct dp_worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *one = rte_pktmbuf_alloc(w->dp->pool);
	if (one == NULL || rte_pktmbuf_tailroom(one) < m->pkt_len) {
		rte_pktmbuf_free(one);
		dp_drop(w, m, DP_DROP_SEGMENTED);
		return NULL;
	}
	for (const struct rte_mbuf *part = m; part != NULL; part = part->next)
		memcpy(rte_pktmbuf_append(one, part->data_len), rte_pktmbuf_mtod(part, const void *), part->data_len);
	dp_meta(one)->in_port = dp_meta(m)->in_port;
	rte_pktmbuf_free(m);
	return one;
}

static void parse_one(struct dp_worker *w, struct rte_mbuf *m);

/* A tag on a port without VLANs: with a priority alone it is as good as none. Never twice: stacked ones are dropped. */
static void
parse_tagged(struct dp_worker *w, struct rte_mbuf *m, struct dp_port *port)
{
	if (dp_vlan_untag(w, port, m) != NULL)
		parse_one(w, m);
}

static void
parse_one(struct dp_worker *w, struct rte_mbuf *m)
{
	if (m->nb_segs != 1 && (m = in_one_piece(w, m)) == NULL)
		return;
	struct dp_meta *meta = dp_meta(m);
	struct dp_port *port = w->dp->port[meta->in_port];
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
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
	else if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		parse_ipv6(w, m, port);
	else if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP))
		dp_vec_push(&w->punt, m);
	else if (dp_vlan_is_tag(ether->ether_type))
		parse_tagged(w, m, port);
	else
		dp_drop(w, m, DP_DROP_ETHER_TYPE);
}

/* What the packets of one port share. */
struct glance {
	struct dp_port *port;
	uint64_t mac;      /* the first eight bytes of a frame for the port, of which six count */
	rte_be32_t own_be; /* an address of the gateway in the underlay; 0: none met yet */
	rte_be16_t nat_t_port_be;
};

static struct glance
glance_at(const struct dp *dp, uint16_t port)
{
	struct glance glance = {.port = dp->port[port], .nat_t_port_be = dp->nat_t_port_be};
	memcpy(&glance.mac, &glance.port->mac, sizeof(glance.port->mac));
	return glance;
}

/* The common packet: unicast IPv4 to this port's MAC, whole, in one piece, without options or link padding. Its header is
 * found good by the same rules as in dp_ipv4_check(), all of them gathered into one branch; everything else parse_one()
 * sorts out. Reads a header's length from the buffer whatever the frame's: there is always room. */
static inline bool
common(const struct rte_mbuf *m, const struct glance *glance)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame + sizeof(struct rte_ether_hdr));
	const uint32_t type = dp_word_pair_16(RTE_BE16(RTE_ETHER_TYPE_IPV4), RTE_BE16(RTE_IPV4_VHL_DEF << 8));
	const uint32_t type_mask = dp_word_pair_16(0xffff, RTE_BE16(0xff00));
	uint64_t mac;
	uint32_t type_and_version;
	memcpy(&mac, frame, sizeof(mac));
	memcpy(&type_and_version, frame + offsetof(struct rte_ether_hdr, ether_type), sizeof(type_and_version));

	uint64_t wrong = dp_first_six(mac ^ glance->mac);
	wrong |= (type_and_version ^ type) & type_mask;
	wrong |= m->nb_segs ^ 1u;
	wrong |= ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
	wrong |= (dp_be16(ip->total_length) + (uint32_t)sizeof(struct rte_ether_hdr)) ^ m->data_len;
	wrong |= m->data_len < sizeof(struct rte_ether_hdr) + sizeof(*ip);
	wrong |= dp_ipv4_sum20((const uint8_t *)ip) ^ 0xffffu;
	wrong |= dp_ipv4_rare[*(const uint8_t *)&ip->src_addr] | dp_ipv4_rare[*(const uint8_t *)&ip->dst_addr];
	return wrong == 0;
}

/* An ESP packet, maybe in UDP, for an address known to be the gateway's own. */
static inline bool
common_esp(const struct rte_ipv4_hdr *ip, uint16_t bytes, struct glance *glance)
{
	if (ip->next_proto_id != IPPROTO_ESP && !dp_udp_common(ip, bytes, glance->nat_t_port_be))
		return false;
	if (ip->dst_addr == glance->own_be)
		return true;
	const struct sadb_nexthop *hop = sadb_fib_lookup(sadb_vnet_fib(glance->port->vnet), ip->dst_addr);
	if (hop == NULL || hop->kind != SADB_ROUTE_LOCAL)
		return false;
	glance->own_be = ip->dst_addr;
	return true;
}

void
dp_parse(struct dp_worker *w)
{
	struct dp_vec *in = &w->parse, *out;
	struct glance glance = {.port = NULL};
	const unsigned n = in->n;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct dp_meta *meta = dp_meta(m);
		if (i + DP_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(in->pkt[i + DP_AHEAD], void *));
		if (unlikely(glance.port == NULL || glance.port->number != meta->in_port))
			glance = glance_at(w->dp, meta->in_port);
		struct rte_ipv4_hdr *ip =
		    rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
		bool underlay = glance.port->underlay;
		uint16_t bytes = (uint16_t)(m->data_len - sizeof(struct rte_ether_hdr));
		if (unlikely(!common(m, &glance) || (underlay && !common_esp(ip, bytes, &glance)))) {
			parse_one(w, m);
			continue;
		}
		if (underlay) {
			out = &w->esp_in;
			meta->udp = 0;
			if (unlikely(ip->next_proto_id != IPPROTO_ESP)) {
				bytes = dp_udp_unwrap((uint8_t *)ip, &meta->udp);
				m->data_off = (uint16_t)(m->data_off + DP_UDP_BYTES);
			}
		} else {
			dp_flow_read(&meta->flow, ip, bytes);
			meta->vnet = glance.port->vnet;
			out = &w->classify;
		}
		meta->ip_bytes = bytes;
		meta->flags = 0;
		meta->local = 0;
		m->data_off = (uint16_t)(m->data_off + sizeof(struct rte_ether_hdr));
		m->data_len = bytes;
		m->pkt_len = bytes;
		dp_vec_push(out, m);
	}
	in->n = 0;
}
