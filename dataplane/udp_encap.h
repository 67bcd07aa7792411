/* SPDX-License-Identifier: BSD-3-Clause
 * ESP in UDP on its way in (RFC 3948): what a datagram to the NAT traversal port is, and ESP without it. Inline and pure.
 *
 * The UDP checksum is not looked at (2.1: zero or not; of IPv6 as well, RFC 6935): what it would tell of ESP the tag tells
 * better, and what is for IKE goes to the kernel, which checks it.
 *
 * What comes in fragments is put together before. So the kernel, which may know the same SA, never gets an ESP packet. */
#ifndef DP_UDP_ENCAP_H
#define DP_UDP_ENCAP_H

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include <rte_udp.h>

#include "dataplane/ipv4.h"

#define DP_UDP_BYTES      8
#define DP_NAT_T_PORT     4500 /* RFC 3947 4 */
#define DP_MARKER_BYTES   4    /* RFC 3948 2.2: four zero bytes where ESP has its SPI stand before IKE */
#define DP_KEEPALIVE_BYTE 0xff /* RFC 3948 2.3 */

/* Beside the reasons to drop. */
#define DP_UDP_ESP   DP_DROP_COUNT
#define DP_UDP_OTHER (DP_DROP_COUNT + 1) /* IKE, or another port: the kernel's */

/* What a UDP packet to one of the gateway's own addresses is. Its IP header is verified, and of the datagram that many bytes
 * are there; it is no fragment. */
static inline unsigned
dp_udp_judge(const struct rte_udp_hdr *udp, unsigned there, rte_be16_t nat_t_port_be)
{
	static const uint8_t marker[DP_MARKER_BYTES];
	const uint8_t *payload = (const uint8_t *)(udp + 1);

	if (there < 4 || udp->dst_port != nat_t_port_be)
		return DP_UDP_OTHER;
	if (there < DP_UDP_BYTES || dp_be16(udp->dgram_len) < DP_UDP_BYTES || dp_be16(udp->dgram_len) > there)
		return DP_DROP_UDP_LENGTH;
	const unsigned bytes = dp_be16(udp->dgram_len) - (unsigned)DP_UDP_BYTES;
	if (bytes == 1 && payload[0] == DP_KEEPALIVE_BYTE)
		return DP_DROP_NAT_KEEPALIVE;
	if (bytes >= DP_MARKER_BYTES && memcmp(payload, marker, sizeof(marker)) == 0)
		return DP_UDP_OTHER;
	return DP_UDP_ESP; /* too short for it or not: the next stage says */
}

/* The common packet: all that dp_udp_judge() would find to be ESP, of which nothing is to be trimmed, in one branch. The
 * IP packet is no fragment. */
static inline bool
dp_udp_common(const struct rte_ipv4_hdr *ip, uint16_t ip_bytes, rte_be16_t nat_t_port_be)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	uint32_t spi, wrong = ip->next_proto_id ^ (uint32_t)IPPROTO_UDP;
	memcpy(&spi, udp + 1, sizeof(spi));
	wrong |= (uint32_t)(udp->dst_port ^ nat_t_port_be);
	wrong |= dp_be16(udp->dgram_len) ^ (ip_bytes - (uint32_t)sizeof(*ip));
	wrong |= (uint32_t)(ip_bytes < sizeof(*ip) + DP_UDP_BYTES + DP_MARKER_BYTES) | (uint32_t)(spi == 0);
	return wrong == 0;
}

/* From here on the packet is as one without UDP: ESP follows the outer header, which moves up over that of UDP. Of what it
 * says only the addresses and TOS hold still, and are all that is read. Returns what is left of the IP packet, DP_UDP_BYTES
 * further on; ports gets those of UDP as on the wire. */
static inline uint16_t
dp_udp_unwrap(uint8_t *ip, uint32_t *ports)
{
	uint64_t first, second;
	uint32_t third;
	rte_be16_t length;

	memcpy(&first, ip, sizeof(first));
	memcpy(&second, ip + 8, sizeof(second));
	memcpy(&third, ip + 16, sizeof(third));
	memcpy(ports, ip + sizeof(struct rte_ipv4_hdr), sizeof(*ports));
	memcpy(&length, ip + sizeof(struct rte_ipv4_hdr) + offsetof(struct rte_udp_hdr, dgram_len), sizeof(length));
	dp_put64(ip + DP_UDP_BYTES, first);
	dp_put64(ip + DP_UDP_BYTES + 8, second);
	dp_put32(ip + DP_UDP_BYTES + 16, third);
	return (uint16_t)(dp_be16(length) + sizeof(struct rte_ipv4_hdr) - DP_UDP_BYTES);
}

#endif
