/* SPDX-License-Identifier: BSD-3-Clause
 * Builds and judges frames. Workers; no I/O, no allocation. */
#include "pktgen/frame.h"

#include <string.h>

#include <rte_hash_crc.h>

#define TTL 64

void
pg_frame_format_init(struct pg_frame_format *format)
{
	uint64_t x = UINT64_C(0x9e3779b97f4a7c15); /* xorshift64, Marsaglia 2003: any seed but 0 */
	for (size_t i = 0; i < sizeof(format->filler); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		format->filler[i] = (uint8_t)(x >> 32);
	}
}

/* The part of the random text that a frame carries. */
static const uint8_t *
filler_of(const struct pg_frame_format *format, const struct pg_frame_id *id)
{
	return format->filler + ((id->flow + id->sequence) & (PG_FILLER_SHIFT - 1));
}

static uint32_t
payload_check(const struct pg_payload *payload, uint32_t payload_bytes)
{
	uint64_t first, second;
	uint16_t third;

	memcpy(&first, payload, 8);
	memcpy(&second, (const uint8_t *)payload + 8, 8);
	memcpy(&third, (const uint8_t *)payload + 16, 2);
	uint32_t crc = rte_hash_crc_8byte(first, UINT32_MAX);
	crc = rte_hash_crc_8byte(second, crc);
	crc = rte_hash_crc_2byte(third, crc);
	return ~rte_hash_crc_4byte(rte_cpu_to_be_32(payload_bytes), crc);
}

static void
build_ip(const struct pg_flow *flow, uint16_t total, struct rte_ipv4_hdr *ip)
{
	*ip = (struct rte_ipv4_hdr){
	    .version_ihl = RTE_IPV4_VHL_DEF,
	    .total_length = rte_cpu_to_be_16(total),
	    /* Not to be fragmented, so the identification may stay 0 (RFC 6864 4.1), and a path that cannot carry the size
	     * says so. */
	    .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
	    .time_to_live = TTL,
	    .next_proto_id = IPPROTO_UDP,
	    .src_addr = flow->source_be,
	    .dst_addr = flow->destination_be,
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

void
pg_frame_build(const struct pg_frame_format *format, const struct pg_frame_id *id, uint16_t size, uint8_t *out)
{
	struct pg_headers *h = (struct pg_headers *)out;
	const struct pg_flow *flow = &format->flows[id->flow];
	const uint16_t total = (uint16_t)(size - sizeof(h->ether));
	const uint16_t udp_bytes = (uint16_t)(total - sizeof(h->ip));

	h->ether = (struct rte_ether_hdr){
	    .dst_addr = format->destination, .src_addr = format->source, .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
	build_ip(flow, total, &h->ip);
	h->udp = (struct rte_udp_hdr){.src_port = flow->source_port_be,
				      .dst_port = flow->destination_port_be,
				      .dgram_len = rte_cpu_to_be_16(udp_bytes)};
	h->payload = (struct pg_payload){.magic_be = RTE_BE16(PG_MAGIC),
					 .run_flow_be = rte_cpu_to_be_32(id->run << PG_FLOW_BITS | id->flow),
					 .sequence_be = rte_cpu_to_be_32(id->sequence),
					 .stamp_be = rte_cpu_to_be_64(id->stamp)};
	h->payload.check_be = rte_cpu_to_be_32(payload_check(&h->payload, udp_bytes - (uint32_t)sizeof(h->udp)));
	memcpy(out + sizeof(*h), filler_of(format, id), size - sizeof(*h));
	if (format->udp_checksum)
		h->udp.dgram_cksum = rte_ipv4_udptcp_cksum(&h->ip, &h->udp);
}

/* Whether this is IPv4 and UDP, whole, and of such a generator. */
static bool
is_generated(const struct pg_headers *h, size_t bytes)
{
	return bytes >= sizeof(*h) && h->ether.ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
	       h->ip.version_ihl == RTE_IPV4_VHL_DEF && h->ip.next_proto_id == IPPROTO_UDP &&
	       (h->ip.fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) == 0 &&
	       h->payload.magic_be == RTE_BE16(PG_MAGIC);
}

static bool
headers_are_right(const struct pg_headers *h, size_t bytes)
{
	const size_t total = rte_be_to_cpu_16(h->ip.total_length);
	return total + sizeof(h->ether) <= bytes && total + sizeof(h->ether) >= sizeof(*h) &&
	       rte_be_to_cpu_16(h->udp.dgram_len) == total - sizeof(h->ip) &&
	       rte_raw_cksum(&h->ip, sizeof(h->ip)) == UINT16_MAX &&
	       (h->udp.dgram_cksum == 0 || /* a right one makes the sum all ones */
		rte_ipv4_udptcp_cksum(&h->ip, &h->udp) == UINT16_MAX);
}

enum pg_verdict
pg_frame_check(const struct pg_frame_format *format, uint32_t run, const uint8_t *frame, size_t bytes,
	       struct pg_frame_id *id)
{
	const struct pg_headers *h = (const struct pg_headers *)frame;

	if (!is_generated(h, bytes))
		return PG_FRAME_FOREIGN;
	if (!headers_are_right(h, bytes))
		return PG_FRAME_BAD_HEADER;
	const uint32_t payload_bytes = rte_be_to_cpu_16(h->udp.dgram_len) - (uint32_t)sizeof(h->udp);
	if (h->payload.check_be != rte_cpu_to_be_32(payload_check(&h->payload, payload_bytes)))
		return PG_FRAME_BAD_PAYLOAD;
	const uint32_t run_flow = rte_be_to_cpu_32(h->payload.run_flow_be);
	*id = (struct pg_frame_id){.run = run_flow >> PG_FLOW_BITS,
				   .flow = run_flow & ((1u << PG_FLOW_BITS) - 1),
				   .sequence = rte_be_to_cpu_32(h->payload.sequence_be),
				   .stamp = rte_be_to_cpu_64(h->payload.stamp_be)};
	if (id->run != run)
		return PG_FRAME_STALE;
	if (id->flow >= format->flow_count)
		return PG_FRAME_BAD_FLOW;
	const struct pg_flow *flow = &format->flows[id->flow];
	if (h->ip.src_addr != flow->source_be || h->ip.dst_addr != flow->destination_be ||
	    h->udp.src_port != flow->source_port_be || h->udp.dst_port != flow->destination_port_be)
		return PG_FRAME_BAD_FLOW;
	if (memcmp(frame + sizeof(*h), filler_of(format, id), payload_bytes - sizeof(h->payload)) != 0)
		return PG_FRAME_BAD_PAYLOAD;
	return PG_FRAME_OURS;
}
