/* SPDX-License-Identifier: BSD-3-Clause
 * All that trials of a scenario share: ports, flows, the judge, and the frame format. Main thread. */
#ifndef PG_RIG_H
#define PG_RIG_H

#include "pktgen/aside.h"
#include "pktgen/learn.h"
#include "pktgen/port.h"
#include "pktgen/progress.h"
#include "pktgen/receive.h"
#include "pktgen/scenario.h"
#include "pktgen/transmit.h"

struct pg_rig {
	const struct pg_scenario *scenario;
	struct pg_port tx_port, rx_port; /* rx_port unused when there is one port for both */
	bool one_port;
	struct pg_flow *flows;
	struct pg_frame_format format;
	struct pg_tx tx;
	struct pg_rx rx;
	struct pg_aside aside; /* of the transmitter's port; not looked at when there is one port for both */
	uint32_t rx_ring;      /* frames that may wait at the receiver's port */
	struct pg_learning learning;
	uint32_t run;       /* of the next trial */
	uint64_t link_bits; /* 0: not known */
	struct pg_progress progress;
};

/* Starts DPDK, opens the ports, waits for their links and for the gateway's MAC, and learns the path. One at a time. */
int pg_rig_create(const struct pg_scenario *scenario, bool verbose, struct pg_rig **out, struct pg_error *err);
void pg_rig_destroy(struct pg_rig *rig);

/* Between trials: takes what came in on both ports, judges it and answers ARP. */
void pg_rig_look(struct pg_rig *rig);

/* A rate of the scenario as a load on its link; key and line are for the message. */
int pg_rig_load(const struct pg_rig *rig, const struct pg_rate *rate, unsigned line, struct pg_load *out,
		struct pg_error *err);

#endif
