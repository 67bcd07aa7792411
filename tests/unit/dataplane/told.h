/* SPDX-License-Identifier: BSD-3-Clause
 * What ThreadSanitizer is told of DPDK, whose libraries it does not see into: a packet buffer goes from who frees it to who gets it
 * next, and from who sends it to who receives it. For each buffer and no more: what else two threads share has to be ordered
 * by the dataplane's own atomics, or is a race. Without the sanitizer all this does nothing. */
#ifndef TEST_TOLD_H
#define TEST_TOLD_H

#include <stdbool.h>

#include <rte_mbuf.h>

/* Of every pool of packet buffers that is made after it. */
void told_pools(void);
/* Of a device's queues, once they are set up. */
void told_device(uint16_t ethdev, uint16_t queues);
/* At the test's own end of a device's ring: before it gives frames to it, and after it has taken some. */
void told_give(struct rte_mbuf *const frames[], unsigned n);
void told_take(struct rte_mbuf *const frames[], unsigned n);

/* Does ThreadSanitizer watch? */
bool told_watched(void);
/* How many races it has reported; any thread. */
unsigned told_races(void);

#endif
