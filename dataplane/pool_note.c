/* SPDX-License-Identifier: BSD-3-Clause
 * The packet pool's operations with a note beside them for a thread that wants it; see the header. Any thread. */
#include "dataplane/pool_note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dp.h"
#include "dataplane/pool_place.h"

struct note {
	struct rte_mempool *pool;
	uint8_t *out; /* a byte for each buffer of the pool, in the order of its list */
};

static rte_mempool_enqueue_t put;
static rte_mempool_dequeue_t get;
static __thread struct note *noting;

static __rte_noinline void
write_down(const struct rte_mempool *pool, void *const *buffers, unsigned n, uint8_t out)
{
	for (unsigned i = 0; pool == noting->pool && i < n; i++)
		noting->out[dp_pool_place(pool, (uintptr_t)buffers[i])] = out;
}

static int
put_noted(struct rte_mempool *pool, void *const *buffers, unsigned n)
{
	if (unlikely(noting != NULL))
		write_down(pool, buffers, n, 0);
	return put(pool, buffers, n);
}

static int
get_noted(struct rte_mempool *pool, void **buffers, unsigned n)
{
	const int rc = get(pool, buffers, n);
	if (unlikely(noting != NULL) && rc == 0)
		write_down(pool, buffers, n, 1);
	return rc;
}

void
dp_pool_note_install(void)
{
	for (unsigned i = 0; put == NULL && i < rte_mempool_ops_table.num_ops; i++) {
		struct rte_mempool_ops *ops = &rte_mempool_ops_table.ops[i];
		if (strcmp(ops->name, DP_POOL_KIND) != 0)
			continue;
		put = ops->enqueue;
		get = ops->dequeue;
		ops->enqueue = put_noted;
		ops->dequeue = get_noted;
	}
}

int
dp_pool_note_begin(struct rte_mempool *pool)
{
	if (rte_mempool_default_cache(pool, rte_lcore_id()) != NULL)
		return 0;
	struct note *note = calloc(1, sizeof(*note) + pool->populated_size);
	if (note == NULL)
		return -ENOMEM;
	*note = (struct note){.pool = pool, .out = (uint8_t *)(note + 1)};
	noting = note;
	return 0;
}

unsigned
dp_pool_note_give_back(void)
{
	unsigned n = 0;

	for (unsigned i = 0; noting != NULL && i < noting->pool->populated_size; i++) {
		if (!noting->out[i])
			continue;
		dp_pool_put_back(dp_pool_buffer(noting->pool, i));
		n++;
	}
	return n;
}

void
dp_pool_note_end(void)
{
	free(noting);
	noting = NULL;
}
