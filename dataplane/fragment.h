/* SPDX-License-Identifier: BSD-3-Clause
 * Fragments of IPv4 packets (RFC 791 3.2, RFC 1812 4.2.2.7), and of ESP over IPv6 (RFC 8200 4.5). Worker threads. */
#ifndef DP_FRAGMENT_H
#define DP_FRAGMENT_H

#include "dataplane/ipv4.h"
#include "dataplane/worker.h"

#define DP_MTU_MIN 576 /* no way that packets are cut for is smaller: what says so is not believed (RFC 791 3.1) */
/* What the longest IP packet becomes where so little fits, ESP and UDP around each fragment. */
#define DP_FRAGMENTS_MAX 160

static inline bool
dp_ipv4_may_fragment(const struct rte_ipv4_hdr *ip)
{
	return (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) == 0;
}

/* n identifications in a row, the first of them returned. One series for all SAs and workers, begun anywhere: those of one SA, as
 * its numbers are, would meet those of the next SA between the same two gateways (RFC 6864 4.3, RFC 8200 4.5). */
uint64_t dp_fragment_ids(struct dp_worker *w, unsigned n);

/* Copies a packet, its header at data, into fragments of at most mtu bytes each, with the packet's notes: one of IPv4, or the outer
 * one of an SA over IPv6. Returns how many, and frees the packet; 0: it was dropped, for want of buffers, or as a fragment that ends
 * beyond any packet. */
unsigned dp_fragment(struct dp_worker *w, struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf *out[DP_FRAGMENTS_MAX]);

/* Cuts from w->uncut what its SAs cannot seal in one piece, and hands that and what came behind it to w->esp_out; at most as
 * many packets as the stages after it have room for. */
void dp_fragment_uncut(struct dp_worker *w);

#endif
