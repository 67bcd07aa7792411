/* SPDX-License-Identifier: BSD-3-Clause
 * The dataplane as its own files see it. Control thread writes before dp_start(), and while workers pause (replug.c); they read after. */
#ifndef DP_DP_H
#define DP_DP_H

#include <pthread.h>

#include "dataplane/dataplane.h"
#include "dataplane/engine.h"
#include "dataplane/port.h"
#include "dataplane/worker.h"

/* DPDK's name for the kind of pool that packet buffers come from. */
#define DP_POOL_KIND "ring_mt_rts"

/* What workers do between two rounds. */
enum dp_turn { DP_TURN_RUN, DP_TURN_PAUSE, DP_TURN_STOP };

struct dp {
	const struct dp_engine *engine;
	struct sadb *db;
	struct rte_rcu_qsbr *qsbr;
	struct rte_mempool *pool;
	struct rte_ring *events;
	struct dp_reassembly *reassembly;
	struct dp_port *port[DP_MAX_PORTS];
	unsigned n_ports;
	struct dp_worker *worker[DP_MAX_WORKERS];
	unsigned n_workers;
	uint64_t hold_tsc, second_tsc;
	uint32_t audit_per_s[DP_AUDIT_KINDS]; /* relaxed stores by dp_audit_set(), relaxed loads by workers */
	bool poll_busy;
	bool mss; /* a port wants segment sizes lowered; relaxed, by dp_port_mss_set() */
	unsigned idle_sleep_us;
	rte_be16_t nat_t_port_be;
	uint8_t turn; /* enum dp_turn; release stores by the control thread, acquire by workers */
	uint8_t twin_stop;
	bool set_up;  /* workers exist, ports run */
	bool running; /* in threads */
	pthread_t twin_thread;
	bool twin_running;
	alignas(64) uint64_t fragment_ids; /* see dp_fragment_ids(); a line that workers write */
};

/* Gives a port's queues to workers, that are not there yet or pause. */
void dp_queues_assign(struct dp *dp, struct dp_port *port);

/* The twin thread: moves frames between the workers' rings and the TAPs. */
int dp_twins_start(struct dp *dp, struct dp_error *err);
void dp_twins_stop(struct dp *dp);

#endif
