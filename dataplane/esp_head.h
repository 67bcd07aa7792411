/* SPDX-License-Identifier: BSD-3-Clause
 * What stands before the text of a packet that goes out: outer header (RFC 4301 5.1.2, RFC 6040 4.1), UDP (RFC 3948 2.1),
 * ESP header (RFC 4303 2). Inline, for the one stage that seals. Worker threads. */
#ifndef DP_ESP_HEAD_H
#define DP_ESP_HEAD_H

#include "dataplane/esp.h"
#include "dataplane/ipv4.h"
#include "dataplane/ipv6.h"
#include "dataplane/udp_encap.h"
#include "dataplane/worker.h"

#define DP_OUTER_TTL 64

/* Of an SA that does not just copy DSCP, ECN and DF. */
#define DP_ESP_ODD_FLAGS (SADB_SA_DONT_ENCAP_DSCP | SADB_SA_NOECN | SADB_SA_NOPMTUDISC)

/* Of which families a batch's packets are, inside and outside, or that nothing about them is rare. Constants of the code that
 * is made for them: what is asked of IPv4 in IPv4 does not grow by a question of its family. */
enum dp_esp_kind {
	DP_ESP_INNER_V6 = 1 << 0,
	DP_ESP_OUTER_V6 = 1 << 1,
	DP_ESP_STRAIGHT =
	    1 << 2, /* IPv4 in IPv4 of one SA without UDP that copies DSCP, ECN and DF; TTL still to be lowered */
};

/* What the packets of a group have in common, at hand: what stands in the group itself has to be read again after every
 * byte that is written to a packet. */
struct dp_esp_common {
	const struct sadb_sa *sa;
	const void *key_area;
	uint64_t addresses; /* destination, and what follows the outer header: the SPI, or UDP's ports */
	uint64_t v6[4];     /* IPv6's: source and destination, as in the header */
	const uint8_t *next_hop_v6;
	uint32_t outer_sum, spi, salt;
	rte_be32_t src_be, next_hop_be;
	uint16_t out_port;
	uint8_t aad_bytes;
	bool odd; /* does not just copy DSCP, ECN and DF */
	bool udp;
};

/* All that ESP adds before the inner packet. */
static inline unsigned
dp_esp_head_bytes(bool outer_v6, bool udp)
{
	return (outer_v6 ? DP_OUTER_V6_BYTES : DP_OUTER_BYTES) + (udp ? DP_UDP_BYTES : 0) +
	       (unsigned)sizeof(struct dp_esp_head);
}

/* The longest inner packet that fits when the outer one may have that many bytes. */
static inline uint16_t
dp_esp_inner_bytes(uint16_t outer_bytes, const struct sadb_sa *sa)
{
	const unsigned head = dp_esp_head_bytes((sa->flags & SADB_HOT_OUTER_V6) != 0, sa->encap != 0);
	return (uint16_t)(((outer_bytes - head - DP_TAG_BYTES) & ~(DP_ESP_ALIGN - 1u)) - DP_ESP_TRAILER);
}

static inline uint16_t
dp_esp_ttl_proto(bool udp)
{
	return udp ? RTE_BE16(DP_OUTER_TTL << 8 | IPPROTO_UDP) : RTE_BE16(DP_OUTER_TTL << 8 | IPPROTO_ESP);
}

static __rte_always_inline struct dp_esp_common
dp_esp_common_of(const struct dp_group *group, const unsigned kind)
{
	const struct sadb_sa *sa = group->sa;
	const bool udp = !(kind & DP_ESP_STRAIGHT) && sa->encap != 0;
	struct dp_esp_common common = {.sa = sa,
				       .key_area = sa->key_area,
				       .udp = udp,
				       .spi = sa->spi_be,
				       .out_port = group->out_port,
				       .aad_bytes = sa->aad_bytes};
	if (kind & DP_ESP_OUTER_V6) {
		memcpy(&common.v6[0], sa->cold->config.src.bytes, 16);
		memcpy(&common.v6[2], sa->cold->config.dst.bytes, 16);
		common.next_hop_v6 = group->next_hop_v6;
	} else {
		common.addresses = dp_word_pair(sa->dst_v4_be, udp ? sa->encap : sa->spi_be);
		common.outer_sum = sa->outer_sum + dp_esp_ttl_proto(udp);
		common.src_be = sa->src_v4_be;
		common.next_hop_be = group->next_hop_be;
	}
	memcpy(&common.salt, sa->salt, sizeof(common.salt));
	common.odd = !(kind & DP_ESP_STRAIGHT) && (sa->flags & DP_ESP_ODD_FLAGS) != 0;
	return common;
}

static inline void
dp_esp_adjust(const struct sadb_sa *sa, uint16_t *head, uint16_t *fragment)
{
	if (sa->flags & SADB_SA_DONT_ENCAP_DSCP)
		*head &= (uint16_t)~RTE_BE16(RTE_IPV4_HDR_DSCP_MASK);
	if (sa->flags & SADB_SA_NOECN)
		*head &= (uint16_t)~RTE_BE16(RTE_IPV4_HDR_ECN_MASK);
	if (sa->flags & SADB_SA_NOPMTUDISC)
		*fragment = 0;
}

/* Outer IPv4 header and ESP header (RFC 4106 3.1), written in whole words:
 *   version and TOS, length | id, DF || TTL, protocol, checksum | source || destination | SPI || sequence | IV || IV
 * The first word of the inner header has the version and TOS that the outer one takes over. The checksum is summed from
 * values at hand (RFC 1071). RFC 6864: the id must be unique per source, destination and protocol while fragments may
 * live: the number's low half is, within its SA. The IV is the 64-bit sequence number, given out once.
 * With UDP (no checksum):
 *   ... || destination | ports || length, 0 | SPI || sequence | IV || IV */
static __rte_always_inline void
dp_esp_write_v4(uint8_t *inner, const struct dp_esp_common *common, uint32_t seq_low, uint32_t seq_high, uint16_t bytes,
		const bool v6)
{
	const uint16_t length = dp_be16(bytes), id = dp_last_two(seq_low);
	uint16_t head, fragment;
	if (v6) {
		/* An IPv6 packet is never fragmented on its way: nor is its outer one (RFC 8200 4.5, 4301 8.1). */
		head = dp_byte_pair(RTE_IPV4_VHL_DEF, dp_ipv6_tclass((const struct rte_ipv6_hdr *)inner));
		fragment = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	} else {
		memcpy(&head, inner, sizeof(head));
		memcpy(&fragment, inner + offsetof(struct rte_ipv4_hdr, fragment_offset), sizeof(fragment));
		fragment &= RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	}
	if (unlikely(common->odd))
		dp_esp_adjust(common->sa, &head, &fragment);
	const uint16_t sum = (uint16_t)~dp_csum_fold(common->outer_sum + head + length + id + fragment);
	uint8_t *at =
	    inner - (common->udp ? DP_OUTER_BYTES + DP_UDP_BYTES : DP_OUTER_BYTES) - sizeof(struct dp_esp_head);
	dp_put64(at, dp_word_pair(dp_word_pair_16(head, length), dp_word_pair_16(id, fragment)));
	dp_put64(at + 8, dp_word_pair(dp_word_pair_16(dp_esp_ttl_proto(common->udp), sum), common->src_be));
	dp_put64(at + 16, common->addresses);
	if (common->udp) {
		const uint16_t udp_length = dp_be16((uint16_t)(bytes - DP_OUTER_BYTES));
		dp_put64(at + 24, dp_word_pair(dp_word_pair_16(udp_length, 0), common->spi));
		at += DP_UDP_BYTES;
	}
	dp_put64(at + 24, dp_word_pair(seq_low, seq_high));
	dp_put32(at + 32, seq_low);
}

/* Outer IPv6 header and ESP header:
 *   version, traffic class, flow label | payload length, next header, hop limit || source || destination | SPI, sequence | IV
 * The flow label is that of an inner IPv6 packet (RFC 4301 5.1.2.2), else 0: as in Linux. With UDP its length and a checksum
 * of 0 stand before the SPI: forward makes it once the text is sealed (RFC 8200 8.1; not every peer takes 0, RFC 6936). */
static __rte_always_inline void
dp_esp_write_v6(uint8_t *inner, const struct dp_esp_common *common, uint32_t seq_low, uint32_t seq_high, uint16_t bytes,
		const bool v6)
{
	const uint16_t length = dp_be16((uint16_t)(bytes - DP_OUTER_V6_BYTES));
	uint32_t head;
	if (v6) {
		memcpy(&head, inner, sizeof(head)); /* all that it starts with */
	} else {
		head = rte_cpu_to_be_32(6u << 28 | (uint32_t)inner[1] << RTE_IPV6_HDR_TC_SHIFT);
	}
	if (unlikely(common->odd)) {
		if (common->sa->flags & SADB_SA_DONT_ENCAP_DSCP)
			head &= ~RTE_BE32(RTE_IPV6_HDR_DSCP_MASK);
		if (common->sa->flags & SADB_SA_NOECN)
			head &= ~RTE_BE32(RTE_IPV6_HDR_ECN_MASK);
	}
	const uint16_t next = dp_byte_pair(common->udp ? IPPROTO_UDP : IPPROTO_ESP, DP_OUTER_TTL);
	uint8_t *at =
	    inner - (common->udp ? DP_OUTER_V6_BYTES + DP_UDP_BYTES : DP_OUTER_V6_BYTES) - sizeof(struct dp_esp_head);
	dp_put64(at, dp_word_pair(head, dp_word_pair_16(length, next)));
	for (unsigned i = 0; i < 4; i++)
		dp_put64(at + 8 + 8 * (size_t)i, common->v6[i]);
	at += DP_OUTER_V6_BYTES;
	if (common->udp) {
		dp_put64(at, dp_word_pair(common->sa->encap, dp_word_pair_16(length, 0)));
		at += DP_UDP_BYTES;
	}
	dp_put64(at, dp_word_pair(common->spi, seq_low));
	dp_put64(at + 8, dp_word_pair(seq_high, seq_low));
}

#endif
