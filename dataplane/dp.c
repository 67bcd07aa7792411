/* SPDX-License-Identifier: BSD-3-Clause
 * Life of the dataplane: engine, packet pool, ports, workers; and the events that workers send. Control thread. */
#include "dataplane/dp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_random.h>

#include "dataplane/audit.h"
#include "dataplane/pool_note.h"
#include "dataplane/reassembly.h"
#include "dataplane/ring.h"
#include "dataplane/told.h"
#include "dataplane/udp_encap.h"
#include "dataplane/vlan.h"

/* AF_XDP keeps 2048 buffers in the fill ring of each port, another 1024 may wait to be sent. */
#define DEFAULT_PACKETS       16384
#define POOL_CACHE            256
#define BUFFER_SLACK          768
#define EVENTS                4096
#define INJECT_RING           1024
#define HOLD_S                3 /* the kernel gives up on a neighbour after three probes, a second each */
#define DEFAULT_IDLE_SLEEP_US 250

const char *
dp_engine_name(const struct dp *dp)
{
	return dp->engine->name;
}

struct rte_mempool *
dp_packet_pool(const struct dp *dp)
{
	return dp->pool;
}

/* Buffers hold the longest frame, what ESP adds, and what AF_XDP takes of each buffer for itself (the buffer's headers and
 * the kernel's headroom: a buffer too short there loses frames without a word). The private area carries struct dp_priv.
 * Threads that float share CPUs: the pool's ring is of the kind in which one that is put to sleep does not stop others.
 *
 * Without huge pages the library would begin each buffer on a page of its own, for devices that want contiguous bus
 * addresses; then the same field of all buffers competes for one set of the first-level cache, and a batch does not fit.
 * Bus addresses are virtual ones here (see eal.c), so the buffers may stand close: in one piece, as AF_XDP wants it. The
 * flag that says so would also hide the bus addresses from the buffers, so it is gone before a device sees the pool. */
#define CLOSE RTE_MEMPOOL_F_NO_IOVA_CONTIG

static void
memory_free(struct rte_mempool_memhdr *chunk, void *memory)
{
	(void)chunk;
	rte_memzone_free(memory);
}

static bool
populate(struct rte_mempool *pool)
{
	size_t least, align;
	ssize_t bytes = rte_mempool_op_calc_mem_size_default(pool, pool->size, 0, &least, &align);
	if (bytes < 0)
		return false;
	const struct rte_memzone *memory =
	    rte_memzone_reserve_aligned("packets", (size_t)bytes, SOCKET_ID_ANY, 0, (unsigned)align);
	if (memory == NULL)
		return false;
	int made = rte_mempool_populate_iova(pool, memory->addr, memory->iova, memory->len, memory_free,
					     (void *)(uintptr_t)memory);
	if (made <= 0)
		rte_memzone_free(memory);
	if (made != (int)pool->size)
		return false;
	pool->flags &= ~(unsigned)(CLOSE | RTE_MEMPOOL_F_NON_IO);
	return true;
}

static struct rte_mempool *
pool_create(const struct dp_config *config)
{
	unsigned room = config->max_frame_bytes + RTE_PKTMBUF_HEADROOM + BUFFER_SLACK;
	unsigned packets = config->packets ? config->packets : DEFAULT_PACKETS;
	if (room < RTE_MBUF_DEFAULT_BUF_SIZE)
		room = RTE_MBUF_DEFAULT_BUF_SIZE;
	struct rte_pktmbuf_pool_private layout = {.mbuf_data_room_size = (uint16_t)room,
						  .mbuf_priv_size = sizeof(struct dp_priv)};
	struct rte_mempool *pool = rte_mempool_create_empty(
	    "packets", packets, (unsigned)(sizeof(struct rte_mbuf) + sizeof(struct dp_priv)) + room, POOL_CACHE,
	    sizeof(layout), SOCKET_ID_ANY, CLOSE);
	if (pool == NULL)
		return NULL;
	if (rte_mempool_set_ops_byname(pool, DP_POOL_KIND, NULL) < 0)
		goto fail;
	rte_pktmbuf_pool_init(pool, &layout);
	if (!populate(pool))
		goto fail;
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
fail:
	rte_mempool_free(pool);
	return NULL;
}

static void
add_chunk(struct rte_mempool *pool, void *arg, struct rte_mempool_memhdr *chunk, unsigned index)
{
	(void)pool;
	(void)index;
	*(uint64_t *)arg += chunk->len;
}

void
dp_memory_get(const struct dp *dp, struct dp_memory *out)
{
	struct rte_malloc_socket_stats heap;
	*out = (struct dp_memory){.packets = dp->pool->size};
	rte_mempool_mem_iter(dp->pool, add_chunk, &out->packet_bytes);
	for (unsigned i = 0; i < rte_socket_count(); i++)
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &heap) == 0)
			out->heap_bytes += heap.heap_allocsz_bytes;
}

struct dp *
dp_create(const struct dp_config *config, struct sadb_keyer *keyer, struct dp_error *err)
{
	if (config->workers < 1 || config->workers > DP_MAX_WORKERS || config->workers > rte_lcore_count() - 1) {
		snprintf(err->text, sizeof(err->text),
			 "workers: %u; accepted: 1 to %d, as many as DPDK was started with", config->workers,
			 DP_MAX_WORKERS);
		return NULL;
	}
	struct dp *dp = aligned_alloc(alignof(struct dp), sizeof(*dp));
	if (dp == NULL) {
		snprintf(err->text, sizeof(err->text), "no memory for the dataplane");
		return NULL;
	}
	*dp = (struct dp){.fragment_ids = rte_rand()};
	dp->engine = dp_engine_choose(config->engine, err->text, sizeof(err->text));
	if (dp->engine == NULL)
		goto free_dp;
	dp->n_workers = config->workers;
	dp->poll_busy = config->poll_busy;
	dp->idle_sleep_us = config->idle_sleep_us ? config->idle_sleep_us : DEFAULT_IDLE_SLEEP_US;
	dp->nat_t_port_be = rte_cpu_to_be_16(config->nat_t_port ? config->nat_t_port : DP_NAT_T_PORT);
	dp->second_tsc = rte_get_tsc_hz();
	dp->hold_tsc = HOLD_S * dp->second_tsc;
	dp_pool_note_install();
	dp_told_pools();
	dp->pool = pool_create(config);
	if (dp->pool == NULL) {
		snprintf(err->text, sizeof(err->text),
			 "no memory for %u packet buffers: raise memory_mb or lower packets",
			 config->packets ? config->packets : DEFAULT_PACKETS);
		goto free_dp;
	}
	dp->events = dp_ring_create("events", sizeof(struct dp_event), EVENTS);
	if (dp->events == NULL) {
		snprintf(err->text, sizeof(err->text), "no memory for the event ring: raise memory_mb");
		goto free_pool;
	}
	dp->reassembly = dp_reassembly_create();
	if (dp->reassembly == NULL) {
		snprintf(err->text, sizeof(err->text), "no memory to put fragments together in: raise memory_mb");
		goto free_events;
	}
	*keyer = (struct sadb_keyer){.area_bytes = dp->engine->area_bytes(dp->n_workers),
				     .init = dp->engine->key_init,
				     .fini = dp->engine->key_fini};
	return dp;

free_events:
	rte_ring_free(dp->events);
free_pool:
	rte_mempool_free(dp->pool);
free_dp:
	free(dp);
	return NULL;
}

void
dp_attach(struct dp *dp, struct sadb *db)
{
	dp->db = db;
	dp->qsbr = sadb_qsbr(db);
}

int
dp_port_add(struct dp *dp, const struct dp_port_config *config, uint16_t *number, struct dp_error *err)
{
	if (dp->n_ports == DP_MAX_PORTS) {
		snprintf(err->text, sizeof(err->text), "port %s: there are %u ports already, the most", config->name,
			 DP_MAX_PORTS);
		return -ENOSPC;
	}
	struct dp_port *port = rte_zmalloc(NULL, sizeof(*port), RTE_CACHE_LINE_SIZE);
	if (port == NULL) {
		snprintf(err->text, sizeof(err->text), "port %s: no memory", config->name);
		return -ENOMEM;
	}
	port->config = *config;
	port->number = (uint16_t)dp->n_ports;
	port->vnet = config->vnet;
	port->underlay = config->underlay;
	port->mtu = config->mtu;
	port->tap_fd = -1;
	for (unsigned i = 0; i < DP_MAX_WORKERS; i++)
		rte_spinlock_init(&port->tx_lock[i]);
	memset(port->vlan_port, DP_VLAN_NONE, sizeof(port->vlan_port));
	int rc = config->vlan != 0 ? dp_vlan_open(port, dp->port[config->on], err)
				   : dp_port_open(port, dp->pool, dp->n_workers, err);
	if (rc < 0)
		goto free_port;
	rc = dp_twin_open(port, err);
	if (rc < 0)
		goto close_port;
	dp->port[dp->n_ports] = port;
	*number = (uint16_t)dp->n_ports++;
	return 0;

close_port:
	dp_port_close(port, dp->pool);
free_port:
	rte_free(port);
	return rc;
}

static void
free_addrs(void *p)
{
	free(p);
}

int
dp_port_addrs_set(struct dp *dp, uint16_t number, const struct sadb_addr *addrs, unsigned n)
{
	if (number >= dp->n_ports)
		return -ENOENT;
	struct dp_addrs *fresh = calloc(1, sizeof(*fresh));
	if (fresh == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		if (addrs[i].family == AF_INET && fresh->n < DP_PORT_ADDRS)
			fresh->addr_be[fresh->n++] = sadb_addr_to_v4(&addrs[i]);
		else if (addrs[i].family == AF_INET6 && fresh->n_v6 < DP_PORT_ADDRS)
			memcpy(fresh->addr_v6[fresh->n_v6++], addrs[i].bytes, sizeof(addrs[i].bytes));
	}
	/* pairs with the acquire in dp_port_has_addr() and dp_icmp_error() */
	struct dp_addrs *old = __atomic_exchange_n(&dp->port[number]->addrs, fresh, __ATOMIC_ACQ_REL);
	if (old != NULL)
		sadb_retire(dp->db, old, free_addrs);
	return 0;
}

static struct dp_worker *
worker_create(struct dp *dp, unsigned index, struct dp_error *err)
{
	char name[RTE_RING_NAMESIZE];
	struct dp_worker *w = rte_zmalloc(NULL, sizeof(*w), RTE_CACHE_LINE_SIZE);
	if (w == NULL) {
		snprintf(err->text, sizeof(err->text), "worker %u: no memory: raise memory_mb", index);
		return NULL;
	}
	w->dp = dp;
	w->db = dp->db;
	w->index = index;
	w->lcore = rte_get_next_lcore(-1, 1, 0);
	for (unsigned i = 0; i < index; i++)
		w->lcore = rte_get_next_lcore(w->lcore, 1, 0);
	rte_cpuset_t set = rte_lcore_cpuset(w->lcore);
	w->stats.cpu = CPU_COUNT(&set) == 1 ? rte_lcore_to_cpu_id((int)w->lcore) : -1;
	w->events = dp->events;
	w->flows.seed = rte_rand();
	snprintf(name, sizeof(name), "inject-%u", index);
	w->inject = rte_ring_create(name, INJECT_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	w->engine_queue = dp->engine->queue_create(index);
	w->audit = rte_zmalloc(NULL, sizeof(*w->audit), RTE_CACHE_LINE_SIZE);
	if (w->inject == NULL || w->engine_queue == NULL || w->audit == NULL) {
		snprintf(err->text, sizeof(err->text), "worker %u: no memory for its queues: raise memory_mb", index);
		rte_ring_free(w->inject);
		if (w->engine_queue != NULL)
			dp->engine->queue_destroy(w->engine_queue);
		rte_free(w->audit);
		rte_free(w);
		return NULL;
	}
	return w;
}

static void
worker_destroy(struct dp *dp, struct dp_worker *w)
{
	dp->engine->queue_destroy(w->engine_queue);
	rte_ring_free(w->inject);
	rte_free(w->audit);
	rte_free(w);
}

static void
workers_destroy(struct dp *dp)
{
	for (unsigned i = 0; i < dp->n_workers; i++) {
		if (dp->worker[i] != NULL)
			worker_destroy(dp, dp->worker[i]);
		dp->worker[i] = NULL;
	}
}

int
dp_set_up(struct dp *dp, struct dp_error *err)
{
	unsigned started = 0;
	int rc = -ENOMEM;
	for (unsigned i = 0; i < dp->n_workers; i++) {
		dp->worker[i] = worker_create(dp, i, err);
		if (dp->worker[i] == NULL)
			goto destroy;
	}
	for (unsigned i = 0; i < dp->n_ports; i++)
		dp_queues_assign(dp, dp->port[i]);
	for (; started < dp->n_ports; started++) {
		rc = dp_port_start(dp->port[started], err);
		if (rc < 0)
			goto stop_ports;
	}
	dp_port_poll_link(dp);
	dp->set_up = true;
	return 0;

stop_ports:
	while (started > 0)
		dp_port_stop(dp->port[--started]);
destroy:
	workers_destroy(dp);
	return rc;
}

bool
dp_poll(struct dp *dp, unsigned worker)
{
	return dp_worker_poll(dp->worker[worker]);
}

int
dp_start(struct dp *dp, struct dp_error *err)
{
	int rc = dp_set_up(dp, err);
	if (rc < 0)
		return rc;
	rc = dp_twins_start(dp, err);
	if (rc < 0) {
		dp_stop(dp);
		return rc;
	}
	for (unsigned i = 0; i < dp->n_workers; i++) {
		unsigned lcore = dp->worker[i]->lcore;
		/* pairs with the first acquire in dp_worker_main() */
		__atomic_store_n(&dp->worker[i]->launched, 1, __ATOMIC_RELEASE);
		rte_eal_remote_launch(dp_worker_main, dp->worker[i], lcore);
	}
	dp->running = true;
	return 0;
}

static void
stop_worker(struct dp *dp, struct dp_worker *w)
{
	if (!dp->running) { /* turned by hand: there is no thread that drains it */
		dp_worker_drain(w);
		return;
	}
	rte_eal_wait_lcore(w->lcore);
	__atomic_load_n(&w->ended, __ATOMIC_ACQUIRE); /* pairs with the release in dp_worker_main() */
}

void
dp_stop(struct dp *dp)
{
	if (!dp->set_up)
		return;
	__atomic_store_n(&dp->turn, DP_TURN_STOP, __ATOMIC_RELEASE); /* pairs with the acquire in dp_worker_main() */
	for (unsigned i = 0; i < dp->n_workers; i++)
		stop_worker(dp, dp->worker[i]);
	dp_twins_stop(dp); /* last: it hands over what the workers punted */
	for (unsigned i = 0; i < dp->n_ports; i++)
		dp_port_stop(dp->port[i]);
	dp->set_up = dp->running = false;
}

void
dp_destroy(struct dp *dp)
{
	if (dp == NULL)
		return;
	dp_stop(dp);
	for (unsigned i = 0; i < dp->n_workers; i++) {
		void *m;
		while (dp->worker[i] != NULL && rte_ring_sc_dequeue(dp->worker[i]->inject, &m) == 0)
			rte_pktmbuf_free(m);
	}
	workers_destroy(dp);
	for (unsigned i = dp->n_ports; i-- > 0;) { /* a VLAN before its trunk */
		dp_twin_close(dp->port[i]);
		dp_port_close(dp->port[i], dp->pool);
		free(dp->port[i]->addrs);
		rte_free(dp->port[i]);
	}
	dp_reassembly_destroy(dp->reassembly);
	rte_ring_free(dp->events);
	rte_mempool_free(dp->pool);
	free(dp);
}

unsigned
dp_events(struct dp *dp, struct dp_event *out, unsigned max)
{
	return dp_ring_take(dp->events, out, sizeof(*out), max);
}
