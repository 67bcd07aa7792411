/* SPDX-License-Identifier: BSD-3-Clause
 * What comes by IPv6 from the underlay: ESP, also in UDP and behind extension headers, to esp_in; what else is for the gateway
 * to its twin. Worker threads. */
#include "dataplane/underlay_v6.h"

#include "dataplane/dp.h"
#include "dataplane/esp.h"
#include "dataplane/ipv6.h"
#include "dataplane/path_mtu.h"
#include "dataplane/reassembly.h"
#include "dataplane/udp_encap.h"

static struct rte_ipv6_hdr *
header(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, sizeof(struct rte_ether_hdr));
}

/* ESP stands at that place of the packet: the outer header moves there, over all that stood between, as esp_in wants it. Of
 * what it says only addresses and traffic class hold still, and are all that is read. */
static void
to_esp_in(struct dp_worker *w, struct rte_mbuf *m, uint16_t at, uint32_t udp)
{
	struct dp_meta *meta = dp_meta(m);
	uint8_t *ip = (uint8_t *)header(m);
	const uint16_t before = at - DP_OUTER_V6_BYTES;

	memmove(ip + before, ip, DP_OUTER_V6_BYTES);
	rte_pktmbuf_adj(m, (uint16_t)(sizeof(struct rte_ether_hdr) + before));
	meta->ip_bytes -= before;
	meta->flags = 0;
	meta->udp = udp;
	dp_vec_push(&w->esp_in_v6, m);
}

static void
datagram(struct dp_worker *w, struct rte_mbuf *m, uint16_t at)
{
	struct dp_meta *meta = dp_meta(m);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)((const uint8_t *)header(m) + at);
	const uint16_t there = meta->ip_bytes - at;
	const unsigned verdict = dp_udp_judge(udp, there, w->dp->nat_t_port_be);
	uint32_t ports;

	if (verdict == DP_UDP_OTHER) {
		dp_vec_push(&w->punt, m);
	} else if (verdict == DP_UDP_ESP) {
		const uint16_t behind = there - dp_be16(udp->dgram_len); /* what IP carried behind the datagram */
		memcpy(&ports, udp, sizeof(ports));
		rte_pktmbuf_trim(m, behind);
		meta->ip_bytes -= behind;
		to_esp_in(w, m, (uint16_t)(at + DP_UDP_BYTES), ports);
	} else {
		dp_drop(w, m, verdict);
	}
}

/* Only the whole packet says whether it is ESP or the kernel's; but what cannot lead there is the kernel's to put together. */
static bool
may_be_ours(uint8_t next)
{
	return next == IPPROTO_ESP || next == IPPROTO_UDP || dp_ipv6_is_extension(next);
}

/* For one of the gateway's addresses. */
static void
receive(struct dp_worker *w, struct rte_mbuf *m, bool joined)
{
	const struct rte_ipv6_hdr *ip = header(m);
	struct dp_ipv6_upper upper;
	const unsigned verdict = dp_ipv6_walk(ip, dp_meta(m)->ip_bytes, &upper);

	if (verdict != DP_IP_VERIFIED) {
		dp_drop(w, m, verdict);
	} else if (upper.proto == IPPROTO_ESP) {
		to_esp_in(w, m, upper.at, 0);
	} else if (upper.proto == IPPROTO_UDP) {
		datagram(w, m, upper.at);
	} else if (upper.proto == IPPROTO_FRAGMENT && may_be_ours(((const uint8_t *)ip)[upper.at])) {
		if (joined) /* a fragment within one: nobody makes such (RFC 8200 4.1) */
			dp_drop(w, m, DP_DROP_IP6_EXTENSION);
		else if ((m = dp_reassemble_v6(w, m, upper.at)) != NULL)
			receive(w, m, true);
	} else {
		if (upper.proto == IPPROTO_ICMPV6 && upper.at == sizeof(*ip))
			dp_path_mtu_learn_v6(w, ip, dp_meta(m)->ip_bytes);
		dp_vec_push(&w->punt, m);
	}
}

void
dp_underlay_v6(struct dp_worker *w, struct rte_mbuf *m)
{
	const struct rte_ipv6_hdr *ip = header(m);
	const bool own = dp_ipv6_is_own(w->dp->port[dp_meta(m)->in_port]->vnet, ip->dst_addr);

	/* Among neighbours, as ARP is: the twin answers. A source may be missing then (RFC 4862 5.4.2). */
	if (dp_ipv6_is_link_multicast(ip->dst_addr) || dp_ipv6_is_link_local(ip->dst_addr) ||
	    (own && dp_ipv6_is_discovery(ip, dp_meta(m)->ip_bytes)))
		dp_vec_push(&w->punt, m);
	else if (dp_ipv6_is_multicast(ip->dst_addr))
		dp_drop(w, m, DP_DROP_IP_MULTICAST);
	else if (dp_ipv6_martian(ip))
		dp_drop(w, m, DP_DROP_IP_MARTIAN);
	else if (!own)
		dp_drop(w, m, DP_DROP_UNDERLAY_NOT_LOCAL);
	else
		receive(w, m, false);
}
