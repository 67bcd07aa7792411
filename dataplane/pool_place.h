/* SPDX-License-Identifier: BSD-3-Clause
 * The packet pool by places: its objects lie one behind the other in one piece of memory, as dp_create() makes it. Inside the
 * dataplane only. Any thread. */
#ifndef DP_POOL_PLACE_H
#define DP_POOL_PLACE_H

#include <rte_mbuf.h>

static inline size_t
dp_pool_object_bytes(const struct rte_mempool *pool)
{
	return pool->header_size + pool->elt_size + pool->trailer_size;
}

static inline struct rte_mbuf *
dp_pool_buffer(const struct rte_mempool *pool, size_t place)
{
	return (struct rte_mbuf *)((uintptr_t)(STAILQ_FIRST(&pool->elt_list) + 1) + place * dp_pool_object_bytes(pool));
}

/* The place of the object that this address lies in; pool->populated_size or more: in none. */
static inline size_t
dp_pool_place(const struct rte_mempool *pool, uintptr_t address)
{
	const uintptr_t first = (uintptr_t)dp_pool_buffer(pool, 0) - pool->header_size;

	return address < first ? SIZE_MAX : (address - first) / dp_pool_object_bytes(pool);
}

/* Gives back a buffer that its holder has forgotten, as it was; no thread's cache shall keep it. */
static inline void
dp_pool_put_back(struct rte_mbuf *m)
{
	void *buffer = m;

	m->next = NULL;
	m->nb_segs = 1;
	rte_mempool_generic_put(m->pool, &buffer, 1, NULL);
}

#endif
