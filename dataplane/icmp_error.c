/* SPDX-License-Identifier: BSD-3-Clause
 * ICMP errors to hosts inside: time exceeded, fragmentation needed, packet too big (RFC 792, 1191, 1812 4.3.2, 4443).
 * Worker threads. */
#include "dataplane/worker.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "dataplane/dp.h"
#include "dataplane/ipv4.h"
#include "dataplane/ipv6.h"

#define QUOTE_MAX 548                    /* RFC 1812 4.3.2.3: as much as fits 576 bytes in all */
#define QUOTE_V6  (DP_IPV6_MIN_MTU - 48) /* RFC 4443 2.4 (c): as much as fits the smallest MTU */
#define RATE      200                    /* errors a second and worker (RFC 1812 4.3.2.8) */
#define BURST     50

static bool
allowed_by_rate(struct dp_worker *w)
{
	return dp_bucket_take(&w->icmp, w->now, w->dp->second_tsc, RATE, BURST);
}

/* RFC 1122 3.2.2: never about an ICMP error, a later fragment, or to what is no single host. */
static bool
allowed_about(const struct rte_ipv4_hdr *ip, uint16_t bytes)
{
	if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	if (dp_ipv4_martian_source(ip->src_addr) || dp_ipv4_is_group(ip->dst_addr))
		return false;
	if (ip->next_proto_id != IPPROTO_ICMP)
		return true;
	uint8_t type = bytes > sizeof(*ip) ? *(const uint8_t *)(ip + 1) : ICMP_DEST_UNREACH;
	return type == ICMP_ECHO || type == ICMP_ECHOREPLY || type == ICMP_TIMESTAMP || type == ICMP_TIMESTAMPREPLY;
}

/* RFC 4443 2.4 (e): never about an ICMPv6 error or a redirect. What is too big is said of later fragments, too. */
static bool
allowed_about_v6(const struct sadb_flow_v6 *flow)
{
	if (flow->proto != IPPROTO_ICMPV6)
		return true;
	uint8_t type = (uint8_t)rte_be_to_cpu_16(flow->sport_be);
	return !flow->later_fragment && (type & ICMP6_INFOMSG_MASK) != 0 && type != ND_REDIRECT;
}

/* The address that the error comes from: one of the port's, if it can be one beyond the link. */
static const uint8_t *
source_v6(const struct dp_addrs *addrs)
{
	for (unsigned i = 0; i < addrs->n_v6; i++)
		if (!dp_ipv6_is_link_local(addrs->addr_v6[i]))
			return addrs->addr_v6[i];
	return NULL;
}

/* A buffer for an error that quotes so much, sent out of the port where the packet came in. NULL: none. */
static struct rte_mbuf *
reply_alloc(struct dp_worker *w, const struct dp_port *port, uint16_t bytes)
{
	struct rte_mbuf *reply = rte_pktmbuf_alloc(w->dp->pool);
	if (reply == NULL)
		return NULL;
	if (rte_pktmbuf_append(reply, bytes) == NULL) {
		rte_pktmbuf_free(reply);
		return NULL;
	}
	*dp_meta(reply) = (struct dp_meta){.vnet = port->vnet,
					   .in_port = port->number,
					   .out_port = port->number,
					   .ip_bytes = bytes,
					   .flags = DP_META_ROUTED};
	return reply;
}

static void
write_v4(struct dp_worker *w, struct rte_mbuf *reply, struct rte_mbuf *m, rte_be32_t from_be,
	 const struct icmphdr *what)
{
	const struct rte_ipv4_hdr *about = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(reply, struct rte_ipv4_hdr *);
	struct icmphdr *icmp = (struct icmphdr *)(ip + 1);
	const uint16_t bytes = dp_meta(reply)->ip_bytes;

	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .type_of_service = 0xc0, /* RFC 1812 4.3.2.5: internetwork control */
				    .total_length = rte_cpu_to_be_16(bytes),
				    .packet_id = rte_cpu_to_be_16(w->made_id++),
				    .time_to_live = 64,
				    .next_proto_id = IPPROTO_ICMP,
				    .src_addr = from_be,
				    .dst_addr = about->src_addr};
	ip->hdr_checksum = (uint16_t)~dp_ipv4_sum20((const uint8_t *)ip);
	*icmp = *what;
	memcpy(icmp + 1, about, bytes - sizeof(*ip) - sizeof(*icmp));
	icmp->checksum = (uint16_t)~rte_raw_cksum(icmp, bytes - sizeof(*ip));
}

static struct rte_mbuf *
make_v4(struct dp_worker *w, struct rte_mbuf *m, const struct dp_addrs *addrs, const struct icmphdr *what)
{
	const struct dp_port *port = w->dp->port[dp_meta(m)->in_port];
	const struct rte_ipv4_hdr *about = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	const uint16_t about_bytes = dp_meta(m)->ip_bytes, quote = about_bytes < QUOTE_MAX ? about_bytes : QUOTE_MAX;

	if (addrs->n == 0 || !allowed_about(about, about_bytes))
		return NULL;
	/* The quote may be of a packet that policy protects: it goes back where it came from, and nowhere else. */
	const struct sadb_nexthop *hop = sadb_fib_lookup(sadb_vnet_fib(port->vnet), about->src_addr);
	if (hop == NULL || hop->kind != SADB_ROUTE_UNICAST || hop->port != port->number || !allowed_by_rate(w))
		return NULL;
	struct rte_mbuf *reply =
	    reply_alloc(w, port, (uint16_t)(sizeof(struct rte_ipv4_hdr) + sizeof(struct icmphdr) + quote));
	if (reply == NULL)
		return NULL;
	write_v4(w, reply, m, addrs->addr_be[0], what);
	dp_meta(reply)->next_hop_be = hop->gateway_v4_be ? hop->gateway_v4_be : about->src_addr;
	return reply;
}

static void
write_v6(struct rte_mbuf *reply, struct rte_mbuf *m, const uint8_t from[16], const struct icmp6_hdr *what)
{
	const struct rte_ipv6_hdr *about = rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *);
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod(reply, struct rte_ipv6_hdr *);
	struct icmp6_hdr *icmp = (struct icmp6_hdr *)(ip + 1);
	const uint16_t payload = (uint16_t)(dp_meta(reply)->ip_bytes - sizeof(*ip));

	*ip = (struct rte_ipv6_hdr){.vtc_flow = RTE_BE32(6u << 28),
				    .payload_len = rte_cpu_to_be_16(payload),
				    .proto = IPPROTO_ICMPV6,
				    .hop_limits = 64};
	memcpy(ip->src_addr, from, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, about->src_addr, sizeof(ip->dst_addr));
	*icmp = *what;
	memcpy(icmp + 1, about, payload - sizeof(*icmp));
	icmp->icmp6_cksum = rte_ipv6_udptcp_cksum(ip, icmp);
}

static struct rte_mbuf *
make_v6(struct dp_worker *w, struct rte_mbuf *m, const struct dp_addrs *addrs, const struct icmp6_hdr *what)
{
	const struct dp_port *port = w->dp->port[dp_meta(m)->in_port];
	const struct rte_ipv6_hdr *about = rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *);
	const uint16_t about_bytes = dp_meta(m)->ip_bytes, quote = about_bytes < QUOTE_V6 ? about_bytes : QUOTE_V6;
	const uint8_t *from = source_v6(addrs);

	if (from == NULL || !allowed_about_v6(&dp_v6(m)->flow))
		return NULL;
	const struct sadb_nexthop *hop = sadb_fib_lookup_v6(sadb_vnet_fib(port->vnet), about->src_addr);
	if (hop == NULL || hop->kind != SADB_ROUTE_UNICAST || hop->port != port->number || !allowed_by_rate(w))
		return NULL;
	struct rte_mbuf *reply =
	    reply_alloc(w, port, (uint16_t)(sizeof(struct rte_ipv6_hdr) + sizeof(struct icmp6_hdr) + quote));
	if (reply == NULL)
		return NULL;
	write_v6(reply, m, from, what);
	dp_meta(reply)->flags |= DP_META_V6;
	memcpy(dp_meta(reply)->next_hop_v6, sadb_nexthop_of_v6(hop, about->src_addr),
	       sizeof(dp_meta(reply)->next_hop_v6));
	return reply;
}

/* RFC 8200 5: every link carries 1280 bytes of IPv6, so no host is told of less. One that sent no more than that cannot
 * help it. */
static struct rte_mbuf *
tell_v6(struct dp_worker *w, struct rte_mbuf *m, const struct dp_addrs *addrs, enum dp_icmp_error error, uint16_t mtu)
{
	struct icmp6_hdr what = {.icmp6_type = ICMP6_TIME_EXCEEDED, .icmp6_code = ICMP6_TIME_EXCEED_TRANSIT};
	if (error == DP_ICMP_TOO_BIG) {
		what = (struct icmp6_hdr){.icmp6_type = ICMP6_PACKET_TOO_BIG};
		what.icmp6_mtu = rte_cpu_to_be_32(mtu < DP_IPV6_MIN_MTU ? DP_IPV6_MIN_MTU : mtu);
		if (dp_meta(m)->ip_bytes <= DP_IPV6_MIN_MTU)
			return NULL;
	}
	return make_v6(w, m, addrs, &what);
}

static struct rte_mbuf *
tell_v4(struct dp_worker *w, struct rte_mbuf *m, const struct dp_addrs *addrs, enum dp_icmp_error error, uint16_t mtu)
{
	struct icmphdr what = {.type = ICMP_TIME_EXCEEDED, .code = ICMP_EXC_TTL};
	if (error == DP_ICMP_TOO_BIG) {
		what = (struct icmphdr){.type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED};
		what.un.frag.mtu = rte_cpu_to_be_16(mtu);
	}
	return make_v4(w, m, addrs, &what);
}

void
dp_icmp_error(struct dp_worker *w, struct rte_mbuf *m, enum dp_icmp_error error, uint16_t mtu)
{
	const struct dp_meta *meta = dp_meta(m);
	const struct dp_port *port = w->dp->port[meta->in_port];
	const struct dp_addrs *addrs =
	    __atomic_load_n(&port->addrs, __ATOMIC_ACQUIRE); /* pairs with dp_port_addrs_set() */
	/* Only to a host on the port it came from: what came through an SA would need the SA back. */
	if ((meta->flags & (DP_META_FROM_ESP | DP_META_FROM_TWIN)) || port->underlay || addrs == NULL)
		return;
	struct rte_mbuf *reply = dp_is_v6(m) ? tell_v6(w, m, addrs, error, mtu) : tell_v4(w, m, addrs, error, mtu);
	if (reply == NULL)
		return;
	dp_vec_push(&w->forward, reply);
	dp_count(&w->stats.made, 1);
}

/* As if a router next to the packet's destination said so: the kernel heeds that for the destination. */
void
dp_icmp_to_twin(struct dp_worker *w, struct rte_mbuf *m, uint16_t mtu)
{
	const struct dp_port *port = w->dp->port[dp_meta(m)->in_port];
	const bool v6 = dp_is_v6(m);
	const uint16_t all = dp_meta(m)->ip_bytes, most = v6 ? QUOTE_V6 : QUOTE_MAX, quote = all < most ? all : most,
		       head = v6 ? sizeof(struct rte_ipv6_hdr) + sizeof(struct icmp6_hdr)
				 : sizeof(struct rte_ipv4_hdr) + sizeof(struct icmphdr);
	struct rte_mbuf *reply = allowed_by_rate(w) ? reply_alloc(w, port, (uint16_t)(head + quote)) : NULL;
	if (reply == NULL)
		return;
	if (v6) {
		struct icmp6_hdr what = {.icmp6_type = ICMP6_PACKET_TOO_BIG};
		what.icmp6_mtu = rte_cpu_to_be_32(mtu);
		write_v6(reply, m, rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *)->dst_addr, &what);
		dp_meta(reply)->flags = DP_META_V6;
	} else {
		struct icmphdr what = {.type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED};
		what.un.frag.mtu = rte_cpu_to_be_16(mtu);
		write_v4(w, reply, m, rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *)->dst_addr, &what);
		dp_meta(reply)->flags = 0;
	}
	dp_vec_push(&w->punt, reply);
	dp_count(&w->stats.made, 1);
}
