/* SPDX-License-Identifier: BSD-3-Clause
 * ICMP errors to hosts inside: time exceeded, fragmentation needed (RFC 792, 1191, 1812 4.3.2). Worker threads. */
#include "dataplane/worker.h"

#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "dataplane/dp.h"
#include "dataplane/ipv4.h"

#define QUOTE_MAX 548 /* RFC 1812 4.3.2.3: as much as fits 576 bytes in all */
#define RATE      200 /* errors a second and worker (RFC 1812 4.3.2.8) */
#define BURST     50

static bool
allowed_by_rate(struct dp_worker *w)
{
	uint64_t tsc_per_token = w->dp->second_tsc / RATE;
	uint64_t tokens = (w->now - w->icmp.refilled) / tsc_per_token;
	if (tokens > 0) {
		w->icmp.refilled += tokens * tsc_per_token;
		w->icmp.tokens = tokens + w->icmp.tokens > BURST ? BURST : (unsigned)tokens + w->icmp.tokens;
	}
	if (w->icmp.tokens == 0)
		return false;
	w->icmp.tokens--;
	return true;
}

/* RFC 1122 3.2.2: never about an ICMP error, a later fragment, or to what is no single host. */
static bool
allowed_about(const struct rte_ipv4_hdr *ip, uint16_t bytes)
{
	if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	if (dp_ipv4_martian_source(ip->src_addr))
		return false;
	if (ip->next_proto_id != IPPROTO_ICMP)
		return true;
	uint8_t type = bytes > sizeof(*ip) ? *(const uint8_t *)(ip + 1) : ICMP_DEST_UNREACH;
	return type == ICMP_ECHO || type == ICMP_ECHOREPLY || type == ICMP_TIMESTAMP || type == ICMP_TIMESTAMPREPLY;
}

static uint16_t
icmp_sum(const void *data, size_t bytes)
{
	return (uint16_t)~rte_raw_cksum(data, bytes);
}

void
dp_icmp_error(struct dp_worker *w, struct rte_mbuf *m, uint8_t type, uint8_t code, uint16_t mtu)
{
	const struct dp_meta *meta = dp_meta(m);
	const struct rte_ipv4_hdr *about = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	const struct dp_port *port = w->dp->port[meta->in_port];
	const struct dp_addrs *addrs =
	    __atomic_load_n(&port->addrs, __ATOMIC_ACQUIRE); /* pairs with dp_port_addrs_set() */
	/* Only to a host on the port it came from: what came through an SA would need the SA back. */
	if ((meta->flags & (DP_META_FROM_ESP | DP_META_FROM_TWIN)) || port->underlay || addrs == NULL || addrs->n == 0)
		return;
	if (!allowed_about(about, meta->ip_bytes))
		return;
	/* The quote may be of a packet that policy protects: it goes back where it came from, and nowhere else. */
	const struct sadb_nexthop *hop = sadb_fib_lookup(sadb_vnet_fib(port->vnet), about->src_addr);
	if (hop == NULL || hop->kind != SADB_ROUTE_UNICAST || hop->port != port->number || !allowed_by_rate(w))
		return;
	uint16_t quote = meta->ip_bytes < QUOTE_MAX ? meta->ip_bytes : QUOTE_MAX;
	struct rte_mbuf *reply = rte_pktmbuf_alloc(w->dp->pool);
	if (reply == NULL)
		return;
	uint16_t bytes = (uint16_t)(sizeof(struct rte_ipv4_hdr) + sizeof(struct icmphdr) + quote);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_append(reply, bytes);
	if (ip == NULL) {
		rte_pktmbuf_free(reply);
		return;
	}
	struct icmphdr *icmp = (struct icmphdr *)(ip + 1);
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .type_of_service = 0xc0, /* RFC 1812 4.3.2.5: internetwork control */
				    .total_length = rte_cpu_to_be_16(bytes),
				    .packet_id = rte_cpu_to_be_16(w->made_id++),
				    .time_to_live = 64,
				    .next_proto_id = IPPROTO_ICMP,
				    .src_addr = addrs->addr_be[0],
				    .dst_addr = about->src_addr};
	ip->hdr_checksum = (uint16_t)~dp_ipv4_sum20((const uint8_t *)ip);
	*icmp = (struct icmphdr){.type = type, .code = code};
	icmp->un.frag.mtu = rte_cpu_to_be_16(mtu);
	memcpy(icmp + 1, about, quote);
	icmp->checksum = icmp_sum(icmp, sizeof(*icmp) + quote);

	struct dp_meta *made = dp_meta(reply);
	*made = (struct dp_meta){.vnet = port->vnet,
				 .in_port = port->number,
				 .out_port = port->number,
				 .next_hop_be = hop->gateway_v4_be ? hop->gateway_v4_be : about->src_addr,
				 .ip_bytes = bytes,
				 .flags = DP_META_ROUTED};
	dp_vec_push(&w->forward, reply);
	dp_count(&w->stats.made, 1);
}
