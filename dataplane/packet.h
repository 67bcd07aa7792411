/* SPDX-License-Identifier: BSD-3-Clause
 * What the stages know of a packet beside its bytes: two cache lines in the packet buffer's private area, written by the
 * worker that carries the packet. */
#ifndef DP_PACKET_H
#define DP_PACKET_H

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "dataplane/drop.h"
#include "dataplane/engine.h"
#include "sa-db/policy.h"

struct sadb_vnet;
struct sadb_nexthop;

enum dp_meta_flag {
	DP_META_FROM_TWIN = 1 << 0, /* the gateway's own kernel sent it: its TTL is not ours to lower */
	DP_META_FROM_ESP = 1 << 1,  /* came out of an SA: no ICMP error leaves in clear about it */
	DP_META_ROUTED = 1 << 2,    /* out_port and next_hop are set; TTL is done */
	DP_META_HOP = 1 << 4,       /* hop is set */
	DP_META_HAS_L2 = 1 << 3,    /* the Ethernet header stands before the data, as received */
	DP_META_LONG = 1 << 5,      /* as ROUTED, and may be longer than cut_bytes: to be cut then */
	DP_META_UDP_SUM = 1 << 7,   /* sealed in UDP over IPv6, whose checksum is still to be made */
	DP_META_V6 = 1 << 6,        /* IPv6: its flow is in struct dp_v6, next_hop_be is 0 */
	DP_META_DUMMY = 1 << 9,     /* RFC 4303 2.6: no packet, and under no selector */
	DP_META_GROUP = 1 << 8, /* to multicast beyond its link, or to all: only a policy that names it carries it */
};

struct dp_meta {
	union {
		struct sadb_flow_v4 flow;
		uint8_t next_hop_v6[16]; /* with DP_META_V6 */
	};
	struct sadb_vnet *vnet;
	struct sadb_sa *sa;
	union {
		uint64_t seq;                   /* in esp_in */
		const struct sadb_nexthop *hop; /* after it, with DP_META_HOP: the way inside, NULL: none */
	};
	union {
		uint32_t udp; /* in esp_in: UDP's ports around ESP as on the wire, source and destination; 0: none */
		rte_be32_t next_hop_be;
	};
	uint16_t in_port, out_port;
	uint16_t ip_bytes;  /* total length of the IP packet at data */
	uint16_t flags;     /* enum dp_meta_flag */
	uint16_t group;     /* index of the packet's SA group in its batch */
	uint16_t reason;    /* enum dp_drop, once dropped */
	uint8_t outer_tos;  /* inbound: of the ESP packet's outer header */
	uint8_t local;      /* 1: for the gateway itself */
	uint16_t cut_bytes; /* with DP_META_LONG: the longest that its way takes */
};

/* Of an IPv6 packet, which has no business with the engine at the same time: before esp_out, or after esp_in. */
struct dp_v6 {
	struct sadb_flow_v6 flow;
};

/* Private area of every packet buffer. */
struct dp_priv {
	alignas(64) struct dp_meta meta;
	union {
		alignas(64) struct dp_aead_op op;
		struct dp_v6 v6;
	};
};
static_assert(sizeof(struct dp_priv) % 64 == 0 && sizeof(struct dp_meta) <= 64, "one line for the stages");

static inline struct dp_meta *
dp_meta(struct rte_mbuf *m)
{
	return &((struct dp_priv *)rte_mbuf_to_priv(m))->meta;
}

static inline struct dp_aead_op *
dp_op(struct rte_mbuf *m)
{
	return &((struct dp_priv *)rte_mbuf_to_priv(m))->op;
}

static inline struct dp_v6 *
dp_v6(struct rte_mbuf *m)
{
	return &((struct dp_priv *)rte_mbuf_to_priv(m))->v6;
}

/* The longest batch of one round, and what a vector of packets can hold: a batch, what a hold table lets go, one ICMP error
 * for each packet, and dummy packets. */
#define DP_BURST        64
#define DP_AHEAD        4 /* packets that a stage prefetches ahead */
#define DP_ROUND_QUEUES 4
#define DP_HOLD_SLOTS   256
#define DP_INJECT_BURST 32
#define DP_DUMMY_BURST  32
#define DP_VEC_MAX      1024
static_assert(2 * (DP_BURST * DP_ROUND_QUEUES + DP_INJECT_BURST) + DP_HOLD_SLOTS + DP_DUMMY_BURST <= DP_VEC_MAX,
	      "vectors are large enough");

/* The input of a stage. */
struct dp_vec {
	unsigned n;
	struct rte_mbuf *pkt[DP_VEC_MAX];
};

static inline void
dp_vec_push(struct dp_vec *vec, struct rte_mbuf *m)
{
	vec->pkt[vec->n++] = m;
}

#endif
