/* SPDX-License-Identifier: BSD-3-Clause
 * Starts and stops DPDK for a scenario. Main thread. */
#ifndef PG_EAL_H
#define PG_EAL_H

#include <stdbool.h>

#include "pktgen/scenario.h"

#define PG_POOL_FRAMES 8191 /* buffers of each port's pool: AF_XDP keeps 2048 of them for itself */

/* Bytes of a buffer that a frame of the scenario fits in. */
unsigned pg_eal_buffer_room(const struct pg_scenario *scenario);

/* Once a process. Lcore 0 is main's, 1 transmits (and receives, with one thread), 2 receives. verbose: DPDK's own
 * messages go to stderr. */
int pg_eal_start(const struct pg_scenario *scenario, bool verbose, struct pg_error *err);
/* Just before the process ends, with all ports closed. */
void pg_eal_stop(void);

#endif
