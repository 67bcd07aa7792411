/* SPDX-License-Identifier: BSD-3-Clause
 * The packet pool's operations with a word to ThreadSanitizer before and after; see the header. Any thread. */
#include "dataplane/told.h"

#ifdef DP_TOLD
#include <string.h>

#include <rte_mempool.h>

#include "dataplane/dp.h"

static rte_mempool_enqueue_t put;
static rte_mempool_dequeue_t get;

static int
put_told(struct rte_mempool *pool, void *const *buffers, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		dp_told_take(buffers[i]); /* what a device frees may be what another thread sent */
		dp_told_give(buffers[i]);
	}
	return put(pool, buffers, n);
}

static int
get_told(struct rte_mempool *pool, void **buffers, unsigned n)
{
	const int rc = get(pool, buffers, n);
	for (unsigned i = 0; rc == 0 && i < n; i++)
		dp_told_take(buffers[i]);
	return rc;
}

void
dp_told_pools(void)
{
	for (unsigned i = 0; i < rte_mempool_ops_table.num_ops; i++) {
		struct rte_mempool_ops *ops = &rte_mempool_ops_table.ops[i];
		if (strcmp(ops->name, DP_POOL_KIND) != 0 || ops->enqueue == put_told)
			continue;
		put = ops->enqueue;
		get = ops->dequeue;
		ops->enqueue = put_told;
		ops->dequeue = get_told;
	}
}
#endif
