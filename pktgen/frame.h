/* SPDX-License-Identifier: BSD-3-Clause
 * A frame on the wire: Ethernet, IPv4, UDP, and a payload that names itself, so that the receiver can tell whose it is,
 * when it left and whether anything of it changed.
 *
 *      0      2             6             10                          18            22
 *      | magic| run . flow  | sequence    | time stamp (TSC)          | check       | filler ...
 *
 * All big-endian. check is CRC32C over bytes 0..17 and the payload's length. The filler is a slice of a fixed random
 * text, where it begins depends on flow and sequence. Workers; no I/O. */
#ifndef PG_FRAME_H
#define PG_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "pktgen/flows.h"
#include "pktgen/mix.h"

#define PG_MAGIC        0xc59e
#define PG_RUN_BITS     12 /* which trial a frame belongs to */
#define PG_RUN_MASK     ((1u << PG_RUN_BITS) - 1)
#define PG_FLOW_BITS    20
#define PG_FILLER_SHIFT 64 /* filler starts at one of so many places */

struct pg_payload {
	rte_be16_t magic_be;
	rte_be32_t run_flow_be;
	rte_be32_t sequence_be;
	rte_be64_t stamp_be;
	rte_be32_t check_be;
} __attribute__((packed));

struct pg_headers {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	struct pg_payload payload;
} __attribute__((packed, aligned(2)));

static_assert(sizeof(struct pg_headers) == PG_FRAME_MIN, "the smallest frame holds all of the head");

struct pg_frame_id {
	uint32_t run, flow, sequence;
	uint64_t stamp; /* TSC when it was built */
};

/* What all frames of a scenario share. */
struct pg_frame_format {
	struct rte_ether_addr source, destination;
	const struct pg_flow *flows;
	uint32_t flow_count;
	bool udp_checksum;
	uint8_t filler[PG_FRAME_MAX + PG_FILLER_SHIFT];
};

enum pg_verdict {
	PG_FRAME_OURS,
	PG_FRAME_FOREIGN,     /* not made by a generator of this kind */
	PG_FRAME_STALE,       /* whole, but of another trial (a warm-up's, say) or another generator */
	PG_FRAME_BAD_HEADER,  /* lengths or checksums of IP or UDP are wrong */
	PG_FRAME_BAD_FLOW,    /* addresses or ports are not those of the flow the payload names */
	PG_FRAME_BAD_PAYLOAD, /* the check or the filler is wrong */
	PG_FRAME_VERDICTS
};

/* Fills the random text; the rest is the caller's to set. */
void pg_frame_format_init(struct pg_frame_format *format);

/* Writes a frame of size bytes (PG_FRAME_MIN..PG_FRAME_MAX) to out, which is aligned to 2. */
void pg_frame_build(const struct pg_frame_format *format, const struct pg_frame_id *id, uint16_t size, uint8_t *out);

/* Judges a frame as it came in. *id is set for PG_FRAME_OURS and PG_FRAME_STALE. The MACs, TTL and TOS may have changed
 * on the way; what follows the IP packet (padding) is not looked at. */
enum pg_verdict pg_frame_check(const struct pg_frame_format *format, uint32_t run, const uint8_t *frame, size_t bytes,
			       struct pg_frame_id *id);

#endif
