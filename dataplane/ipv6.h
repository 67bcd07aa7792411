/* SPDX-License-Identifier: BSD-3-Clause
 * IPv6 packets: header checks, extension headers, what the policy lookup wants of them (RFC 8200, 4291, 5095). Any thread.
 *
 * IPv6 goes through the same stages as IPv4, one after it in each round, in vectors of its own: what is asked of every IPv4
 * packet does not grow by a question of its family. */
#ifndef DP_IPV6_H
#define DP_IPV6_H

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

#include <rte_ip.h>

#include "dataplane/packet.h"
#include "sa-db/sadb.h"

#define DP_IPV6_MIN_MTU   1280u /* RFC 8200 5 */
#define DP_IPV6_HOPS_FROM 255   /* RFC 4861 7.1: what came from a neighbour and no farther */

/* RFC 8200 3 for a header of which avail bytes are there. Returns DP_IP_VERIFIED or the check that failed. */
unsigned dp_ipv6_check(const struct rte_ipv6_hdr *ip, uint32_t avail);

/* Of one kind, in either place: no packet on a network may bear it (RFC 4291 2.5.2, 2.5.3, 2.5.5). Multicast is the caller's
 * to judge, but as a source. */
bool dp_ipv6_martian(const struct rte_ipv6_hdr *ip);

/* Neighbour discovery that a neighbour sent, not from beyond the link: RS, RA, NS, NA, redirect (RFC 4861 4). */
bool dp_ipv6_is_discovery(const struct rte_ipv6_hdr *ip, uint32_t bytes);

/* Is it from no address, and may the gateway's kernel send it so? Duplicate address detection, multicast listener reports, RS (RFC 4862
 * 5.4.2, 3590 4). */
bool dp_ipv6_may_lack_source(const struct rte_ipv6_hdr *ip, uint32_t bytes);

/* What the policy lookup wants, behind the extension headers; bytes: of the whole packet, checked. Returns DP_IP_VERIFIED,
 * or why these headers go no further. */
unsigned dp_ipv6_flow_read(struct sadb_flow_v6 *flow, const struct rte_ipv6_hdr *ip, uint32_t bytes);

bool dp_ipv6_is_extension(uint8_t proto);

/* What stands behind the extension headers of a packet for the gateway itself, at offset at of the packet. A fragment header
 * ends the walk, but for that of an atomic fragment, which is a whole packet (RFC 6946). */
struct dp_ipv6_upper {
	uint16_t at;
	uint8_t proto;
};
/* Returns DP_IP_VERIFIED, or why the packet goes no further. */
unsigned dp_ipv6_walk(const struct rte_ipv6_hdr *ip, uint32_t bytes, struct dp_ipv6_upper *upper);

/* What the policy lookup wants of a packet for the gateway itself that dp_ipv6_walk() lets through, also in fragments. */
unsigned dp_ipv6_own_flow_read(struct sadb_flow_v6 *flow, const struct rte_ipv6_hdr *ip, uint32_t bytes);

/* Does the SA's selector hold the packet? Unknown ports match only a selector that asks for none (RFC 4301 7). */
bool dp_ipv6_selected(const struct sadb_selector *sel, const struct sadb_flow_v6 *flow);

static inline bool
dp_ipv6_is_multicast(const uint8_t addr[16])
{
	return addr[0] == 0xff;
}

/* RFC 4291 2.7: of this link. */
static inline bool
dp_ipv6_is_link_multicast(const uint8_t addr[16])
{
	return addr[0] == 0xff && (addr[1] & 0x0f) == 0x02;
}

/* RFC 4291 2.7: to several hosts beyond the link. */
static inline bool
dp_ipv6_is_group(const uint8_t addr[16])
{
	return addr[0] == 0xff && (addr[1] & 0x0f) > 0x02;
}

/* RFC 4291 2.5.6: not beyond this link. */
static inline bool
dp_ipv6_is_link_local(const uint8_t addr[16])
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

static inline uint8_t
dp_ipv6_tclass(const struct rte_ipv6_hdr *ip)
{
	return (uint8_t)(rte_be_to_cpu_32(ip->vtc_flow) >> RTE_IPV6_HDR_TC_SHIFT);
}

static inline void
dp_ipv6_tclass_set(struct rte_ipv6_hdr *ip, uint8_t tclass)
{
	uint32_t rest = rte_be_to_cpu_32(ip->vtc_flow) & ~(uint32_t)RTE_IPV6_HDR_TC_MASK;
	ip->vtc_flow = rte_cpu_to_be_32(rest | (uint32_t)tclass << RTE_IPV6_HDR_TC_SHIFT);
}

static inline uint16_t
dp_ipv6_bytes(const struct rte_ipv6_hdr *ip)
{
	return (uint16_t)(rte_be_to_cpu_16(ip->payload_len) + sizeof(*ip));
}

/* ---- packets of either family, in stages that have both ---- */

static inline bool
dp_is_v6(const struct rte_mbuf *m)
{
	return (dp_meta((struct rte_mbuf *)(uintptr_t)m)->flags & DP_META_V6) != 0;
}

/* The route to the packet's destination in its virtual network. */
static inline const struct sadb_nexthop *
dp_route_inside(struct rte_mbuf *m)
{
	const struct sadb_fib *fib = sadb_vnet_fib(dp_meta(m)->vnet);
	return dp_is_v6(m) ? sadb_fib_lookup_v6(fib, dp_v6(m)->flow.dst)
			   : sadb_fib_lookup(fib, dp_meta(m)->flow.dst_be);
}

/* Is it an address of the gateway's, in that domain? */
static inline bool
dp_ipv6_is_own(const struct sadb_vnet *vnet, const uint8_t addr[16])
{
	const struct sadb_nexthop *hop = sadb_fib_lookup_v6(sadb_vnet_fib(vnet), addr);
	return hop != NULL && hop->kind == SADB_ROUTE_LOCAL;
}

/* What the packet shows to a selector, as the control thread wants it. */
struct sadb_flow dp_flow_of(struct rte_mbuf *m);

#endif
