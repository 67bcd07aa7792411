/* SPDX-License-Identifier: BSD-3-Clause
 * Audit events on their way from a worker to the control thread: which drop is one, how many of each kind may go in a second,
 * and the ring they go through. A packet that is not dropped never comes here. */
#ifndef DP_AUDIT_H
#define DP_AUDIT_H

#include <stdalign.h>

#include "dataplane/bucket.h"
#include "dataplane/dataplane.h"

struct dp_worker;
struct rte_mbuf;

#define DP_AUDIT_RING 256 /* events; a power of two */

/* One producer, one consumer, neither waits. Each writes a line of its own; the numbers run on and wrap. */
struct dp_audit_ring {
	alignas(64) uint32_t head; /* producer: events put in */
	uint32_t tail_seen;        /* producer: tail when it last looked */
	alignas(64) uint32_t tail; /* consumer: events taken */
	alignas(64) struct dp_audit_event event[DP_AUDIT_RING];
};

/* What a worker keeps. */
struct dp_audit {
	struct dp_bucket bucket[DP_AUDIT_KINDS];
	struct dp_audit_ring ring;
};

/* Producer: the place of the next event, NULL when the ring is full; then what makes it seen. */
struct dp_audit_event *dp_audit_ring_place(struct dp_audit_ring *ring);
void dp_audit_ring_put(struct dp_audit_ring *ring);
/* Consumer: up to max events, in order. */
unsigned dp_audit_ring_take(struct dp_audit_ring *ring, struct dp_audit_event *out, unsigned max);

/* Worker: a packet was dropped whose reason is an event, as dp_audit_kind_of() says. Its bytes and metadata are as they were. */
void dp_audit_drop(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason);
/* Worker: an outbound SA has used seq, and few numbers are left. */
void dp_audit_sequence_near(struct dp_worker *w, const struct sadb_sa *sa, uint64_t seq);

/* Of the numbers up to max 15 of 16 are used up: told once, by who takes that one. */
static inline bool
dp_seq_is_near(uint64_t first, unsigned n, uint64_t max)
{
	const uint64_t near = max - max / 16;
	return unlikely(first <= near && near - first < n);
}

#endif
