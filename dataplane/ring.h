/* SPDX-License-Identifier: BSD-3-Clause
 * A ring that several workers write to and one other thread reads. A writer that is put to sleep holds no other one up.
 *
 * DPDK's ring publishes an element by one half of a word that other writers change as a whole, and the last of several writers
 * publishes for those before it: with barriers, an order that ThreadSanitizer cannot see. So it is not shown the ring's inside,
 * and told instead what the ring does for each packet, and no more than that: it goes from who puts it in to who takes it out.
 * An event is copied, and what it says orders nothing. */
#ifndef DP_RING_H
#define DP_RING_H

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "dataplane/told.h"

static inline struct rte_ring *
dp_ring_create(const char *name, unsigned element_bytes, unsigned n)
{
	return rte_ring_create_elem(name, element_bytes, n, SOCKET_ID_ANY, RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
}

/* Any worker. 0, or -ENOBUFS: it is full. */
static DP_TOLD_UNSEEN int
dp_ring_put(struct rte_ring *ring, void *element, unsigned element_bytes)
{
	return rte_ring_enqueue_elem(ring, element, element_bytes);
}

/* The one reader. Returns how many it took. */
static DP_TOLD_UNSEEN unsigned
dp_ring_take(struct rte_ring *ring, void *out, unsigned element_bytes, unsigned max)
{
	return rte_ring_sc_dequeue_burst_elem(ring, out, element_bytes, max, NULL);
}

/* The packet is the reader's now. */
static inline int
dp_ring_put_packet(struct rte_ring *ring, struct rte_mbuf *m)
{
	dp_told_give(m);
	return dp_ring_put(ring, &m, sizeof(m));
}

static inline unsigned
dp_ring_take_packets(struct rte_ring *ring, struct rte_mbuf *out[], unsigned max)
{
	const unsigned n = dp_ring_take(ring, out, sizeof(out[0]), max);
	for (unsigned i = 0; i < n; i++)
		dp_told_take(out[i]);
	return n;
}

#endif
