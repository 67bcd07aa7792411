/* SPDX-License-Identifier: BSD-3-Clause
 * IPv4 header checks and checksum arithmetic, inline and pure (RFC 791, 1071, 1624, 1812). Any thread. */
#ifndef DP_IPV4_H
#define DP_IPV4_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ip.h>

#include "dataplane/byteorder.h"
#include "dataplane/drop.h"

#define DP_IP_VERIFIED DP_DROP_COUNT /* what dp_ipv4_check() answers for a good header */

static inline uint16_t
dp_csum_fold(uint32_t sum)
{
	/* With its halves exchanged and added, the upper half is their sum, and has the carry of the lower one. */
	sum += sum << 16 | sum >> 16;
	return (uint16_t)(sum >> 16);
}

/* One's complement sum of a 20-byte header, folded; 0xffff for a header whose checksum is right. Words as in memory. */
static inline uint16_t
dp_ipv4_sum20(const uint8_t *header)
{
	uint64_t a, b, sum;
	uint32_t c;
	__builtin_memcpy(&a, header, sizeof(a));
	__builtin_memcpy(&b, header + 8, sizeof(b));
	__builtin_memcpy(&c, header + 16, sizeof(c));
	/* A carry out of the top comes in at the bottom (RFC 1071 2). */
	sum = a + b;
	sum += sum < b;
	sum += c;
	sum += sum < c;
	sum += sum << 32 | sum >> 32; /* as in dp_csum_fold() */
	return dp_csum_fold((uint32_t)(sum >> 32));
}

/* RFC 1624: the checksum after one 16-bit word (as in memory) changed from before to after. */
static inline uint16_t
dp_csum_replace(uint16_t csum, uint16_t before, uint16_t after)
{
	return (uint16_t)~dp_csum_fold((uint32_t)(uint16_t)~csum + (uint16_t)~before + after);
}

/* Lowers the TTL by one and mends the checksum (RFC 1141): the word that TTL and protocol share loses 0x0100. */
static inline void
dp_ipv4_ttl_down(struct rte_ipv4_hdr *ip)
{
	uint32_t sum = ip->hdr_checksum + (uint32_t)dp_be16(0x0100);
	ip->time_to_live--;
	ip->hdr_checksum = (uint16_t)(sum + (sum >= 0xffff));
}

/* Sets the TOS byte and mends the checksum. It shares a word with version and length. */
static inline void
dp_ipv4_tos_set(struct rte_ipv4_hdr *ip, uint8_t tos)
{
	uint16_t before, after;
	__builtin_memcpy(&before, ip, 2);
	ip->type_of_service = tos;
	__builtin_memcpy(&after, ip, 2);
	ip->hdr_checksum = dp_csum_replace(ip->hdr_checksum, before, after);
}

static inline bool
dp_ipv4_is_fragment(const struct rte_ipv4_hdr *ip)
{
	return (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) != 0;
}

/* Addresses that no packet on a network may bear as its source (RFC 1812 5.3.7, 1122 3.2.1.3): 0/8, loopback,
 * multicast, class E and the broadcast address. */
static inline bool
dp_ipv4_martian_source(rte_be32_t addr_be)
{
	uint32_t top = rte_be_to_cpu_32(addr_be) >> 24;
	return top - 1 >= 223 || top == 127;
}

/* Nor as its destination (RFC 1812 5.3.7); multicast and above is the caller's to judge. */
static inline bool
dp_ipv4_martian_destination(rte_be32_t addr_be)
{
	uint32_t top = rte_be_to_cpu_32(addr_be) >> 24;
	return top == 0 || top == 127;
}

/* 224.0.0.0/24 is for this link only (RFC 5771 4): routing protocols on the twin want it, nothing forwards it. */
static inline bool
dp_ipv4_is_link_multicast(rte_be32_t dst_be)
{
	return (dst_be & RTE_BE32(0xffffff00)) == RTE_BE32(0xe0000000);
}

/* To several hosts beyond the link, or to all: 224.0.1.0 to 239.255.255.255, and the broadcast address. */
static inline bool
dp_ipv4_is_group(rte_be32_t dst_be)
{
	return ((dst_be & RTE_BE32(0xf0000000)) == RTE_BE32(0xe0000000) && !dp_ipv4_is_link_multicast(dst_be)) ||
	       dst_be == RTE_BE32(0xffffffff);
}

/* By its first byte: an address that is a martian in either place, or multicast and beyond. Such packets are looked at
 * more closely. */
extern const uint8_t dp_ipv4_rare[256];

/* RFC 1812 5.2.2 (1)-(5) for a header of which avail bytes are there. Returns DP_IP_VERIFIED or the check that failed. */
static inline unsigned
dp_ipv4_check(const struct rte_ipv4_hdr *ip, uint32_t avail)
{
	if (avail < sizeof(*ip))
		return DP_DROP_IP_TRUNCATED;
	if (ip->version_ihl != RTE_IPV4_VHL_DEF) {
		if (ip->version_ihl >> 4 != 4)
			return DP_DROP_IP_VERSION;
		return (ip->version_ihl & 0xf) < 5 ? DP_DROP_IP_LENGTH : DP_DROP_IP_OPTIONS;
	}
	uint16_t total = dp_be16(ip->total_length);
	if (total < sizeof(*ip) || total > avail)
		return DP_DROP_IP_LENGTH;
	if (dp_ipv4_sum20((const uint8_t *)ip) != 0xffff)
		return DP_DROP_IP_CHECKSUM;
	if (dp_ipv4_martian_source(ip->src_addr) || dp_ipv4_martian_destination(ip->dst_addr))
		return DP_DROP_IP_MARTIAN;
	return DP_IP_VERIFIED;
}

#endif
