/* SPDX-License-Identifier: BSD-3-Clause
 * What a thread takes from the packet pool and does not give back while it opens a device: DPDK's AF_XDP driver forgets the
 * buffers of a try that fails, as many as a queue has. Of a thread that has a cache of the pool nothing is noted: what lies there
 * is free. Inside the dataplane only. */
#ifndef DP_POOL_NOTE_H
#define DP_POOL_NOTE_H

#include <rte_mempool.h>

/* Of pools of the kind that dp_create() makes; before the first is made, and before dp_told_pools(). Control thread. */
void dp_pool_note_install(void);

/* Between begin and end what this thread takes is noted. end: forget. give_back: to the pool
 * with what is still out; nobody may use it. Returns how many. begin: -ENOMEM, and nothing is noted. */
int dp_pool_note_begin(struct rte_mempool *pool);
unsigned dp_pool_note_give_back(void);
void dp_pool_note_end(void);

#endif
