/* SPDX-License-Identifier: BSD-3-Clause
 * The ring between a worker and the control thread. A worker's end and the control thread's end. */
#include "dataplane/audit.h"

#include <string.h>

static_assert((DP_AUDIT_RING & (DP_AUDIT_RING - 1)) == 0, "numbers that wrap find their place by a mask");

struct dp_audit_event *
dp_audit_ring_place(struct dp_audit_ring *ring)
{
	if (ring->head - ring->tail_seen == DP_AUDIT_RING) {
		/* pairs with the release in dp_audit_ring_take(): what is written now was read before */
		ring->tail_seen = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
		if (ring->head - ring->tail_seen == DP_AUDIT_RING)
			return NULL;
	}
	return &ring->event[ring->head & (DP_AUDIT_RING - 1)];
}

void
dp_audit_ring_put(struct dp_audit_ring *ring)
{
	__atomic_store_n(&ring->head, ring->head + 1, __ATOMIC_RELEASE); /* pairs with dp_audit_ring_take() */
}

unsigned
dp_audit_ring_take(struct dp_audit_ring *ring, struct dp_audit_event *out, unsigned max)
{
	const uint32_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE); /* pairs with dp_audit_ring_put() */
	const uint32_t tail = ring->tail;
	const unsigned n = head - tail < max ? head - tail : max;

	for (unsigned i = 0; i < n; i++)
		out[i] = ring->event[(tail + i) & (DP_AUDIT_RING - 1)];
	__atomic_store_n(&ring->tail, tail + n, __ATOMIC_RELEASE); /* pairs with dp_audit_ring_place() */
	return n;
}
