/* SPDX-License-Identifier: BSD-3-Clause
 * Each hand-over of a packet buffer inside of DPDK, told to ThreadSanitizer; see the header. */
#include "tests/unit/dataplane/told.h"

#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "dataplane/ring.h"

#ifdef DP_RING_TOLD

static unsigned races;

/* The sanitizer's run-time library calls it with each report. */
void __tsan_on_report(void *report);
void
__tsan_on_report(void *report)
{
	(void)report;
	__atomic_fetch_add(&races, 1, __ATOMIC_RELAXED);
}

bool
told_watched(void)
{
	return true;
}

unsigned
told_races(void)
{
	return __atomic_load_n(&races, __ATOMIC_RELAXED);
}

void
told_give(struct rte_mbuf *const frames[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__tsan_release(frames[i]);
}

void
told_take(struct rte_mbuf *const frames[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__tsan_acquire(frames[i]);
}

/* ---- the pool: its own operations, with a word before and after ---- */
static rte_mempool_enqueue_t put;
static rte_mempool_dequeue_t get;

static int
put_told(struct rte_mempool *pool, void *const *objects, unsigned n)
{
	told_give((struct rte_mbuf *const *)objects, n);
	return put(pool, objects, n);
}

static int
get_told(struct rte_mempool *pool, void **objects, unsigned n)
{
	const int rc = get(pool, objects, n);
	if (rc == 0)
		told_take((struct rte_mbuf *const *)objects, n);
	return rc;
}

void
told_pools(void)
{
	for (unsigned i = 0; i < rte_mempool_ops_table.num_ops; i++) {
		struct rte_mempool_ops *ops = &rte_mempool_ops_table.ops[i];
		if (strcmp(ops->name, "ring_mt_rts") != 0) /* the one that dp_create() chooses */
			continue;
		if (ops->enqueue == put_told)
			return;
		put = ops->enqueue;
		get = ops->dequeue;
		ops->enqueue = put_told;
		ops->dequeue = get_told;
		return;
	}
	abort();
}

/* ---- the device: called around its driver's functions, in the worker that polls or sends ---- */
static uint16_t
on_receive(uint16_t ethdev, uint16_t queue, struct rte_mbuf *frames[], uint16_t n, uint16_t max, void *arg)
{
	(void)ethdev;
	(void)queue;
	(void)max;
	(void)arg;
	told_take(frames, n);
	return n;
}

static uint16_t
on_send(uint16_t ethdev, uint16_t queue, struct rte_mbuf *frames[], uint16_t n, void *arg)
{
	(void)ethdev;
	(void)queue;
	(void)arg;
	told_give(frames, n);
	return n;
}

void
told_device(uint16_t ethdev, uint16_t queues)
{
	for (uint16_t q = 0; q < queues; q++)
		if (rte_eth_add_rx_callback(ethdev, q, on_receive, NULL) == NULL ||
		    rte_eth_add_tx_callback(ethdev, q, on_send, NULL) == NULL)
			abort();
}

#else

bool
told_watched(void)
{
	return false;
}

unsigned
told_races(void)
{
	return 0;
}

void
told_give(struct rte_mbuf *const frames[], unsigned n)
{
	(void)frames;
	(void)n;
}

void
told_take(struct rte_mbuf *const frames[], unsigned n)
{
	(void)frames;
	(void)n;
}

void
told_pools(void)
{
}

void
told_device(uint16_t ethdev, uint16_t queues)
{
	(void)ethdev;
	(void)queues;
}

#endif
