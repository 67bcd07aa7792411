/* SPDX-License-Identifier: BSD-3-Clause
 * Reads what the policy lookup wants of an IPv4 packet. Inline and pure. */
#ifndef DP_FLOW_H
#define DP_FLOW_H

#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "dataplane/ipv4.h"
#include "sa-db/policy.h"

/* The rare: fragments, protocols without ports, packets cut short. */
static inline __rte_cold void
dp_flow_read_rare(struct sadb_flow_v4 *flow, const struct rte_ipv4_hdr *ip, uint16_t bytes)
{
	const uint8_t *l4 = (const uint8_t *)(ip + 1);
	uint16_t l4_bytes = (uint16_t)(bytes - sizeof(*ip));

	*flow = (struct sadb_flow_v4){.proto = ip->next_proto_id, .src_be = ip->src_addr, .dst_be = ip->dst_addr};
	if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) {
		flow->later_fragment = 1;
		return;
	}
	switch (ip->next_proto_id) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_UDPLITE:
		if (l4_bytes >= 4) {
			memcpy(&flow->sport_be, l4, 2);
			memcpy(&flow->dport_be, l4 + 2, 2);
		} else {
			flow->later_fragment = 1; /* its ports are as unknown as a fragment's */
		}
		break;
	case IPPROTO_ICMP:
		if (l4_bytes >= 2) {
			flow->sport_be = rte_cpu_to_be_16(l4[0]);
			flow->dport_be = rte_cpu_to_be_16(l4[1]);
		} else {
			flow->later_fragment = 1;
		}
		break;
	default:
		break;
	}
}

/* The header is verified, 20 bytes long, and bytes long in all is there. Ports of a packet too short to have them, and
 * of every fragment but the first, read 0; the latter is marked. */
static __rte_always_inline void
dp_flow_read(struct sadb_flow_v4 *flow, const struct rte_ipv4_hdr *ip, uint16_t bytes)
{
	bool ports = ip->next_proto_id == IPPROTO_TCP || ip->next_proto_id == IPPROTO_UDP;
	if (unlikely(!ports || (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) || bytes < sizeof(*ip) + 4)) {
		dp_flow_read_rare(flow, ip, bytes);
		return;
	}
	static_assert(offsetof(struct sadb_flow_v4, dst_be) == 4 && offsetof(struct sadb_flow_v4, sport_be) == 8 &&
			  offsetof(struct sadb_flow_v4, dport_be) == 10 && offsetof(struct sadb_flow_v4, proto) == 12,
		      "addresses as in the packet; ports as in the packet, protocol");
	uint64_t addresses;
	uint32_t l4;
	memcpy(&addresses, &ip->src_addr, sizeof(addresses));
	memcpy(&l4, ip + 1, sizeof(l4));
	/* Written as it is read for the hash, in two words: a read of what smaller writes left behind would wait for them. */
	dp_put64(flow, addresses);
	dp_put64(&flow->sport_be, dp_word_pair(l4, dp_first_byte(ip->next_proto_id)));
}

/* Does the SA's selector hold the packet? Unknown ports match only a selector that asks for none (RFC 4301 7). */
static inline bool
dp_flow_selected(const struct sadb_selector *sel, const struct sadb_flow_v4 *flow)
{
	struct sadb_flow wide = {.src = sadb_addr_v4(flow->src_be),
				 .dst = sadb_addr_v4(flow->dst_be),
				 .sport_be = flow->sport_be,
				 .dport_be = flow->dport_be,
				 .proto = flow->proto};
	if (flow->later_fragment && (sel->sport_mask_be | sel->dport_mask_be) != 0)
		return false;
	return sadb_selector_matches(sel, &wide);
}

#endif
