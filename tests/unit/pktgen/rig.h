/* SPDX-License-Identifier: BSD-3-Clause
 * A transmitter and a receiver on a net_ring device, under a clock of the test's own, so that nothing depends on the
 * machine's speed. What the transmitter sends stands in the device's ring until the test takes it. */
#ifndef TESTS_PKTGEN_RIG_H
#define TESTS_PKTGEN_RIG_H

#include "pktgen/receive.h"
#include "pktgen/transmit.h"

#define HZ   UINT64_C(1000000000) /* a tick is a nanosecond */
#define RING 1024

struct rig_device {
	uint16_t port;
	struct rte_mempool *pool;
};
extern struct rig_device device;

struct rig {
	struct pg_mix mix;
	struct pg_flow *flows;
	struct pg_frame_format format;
	struct pg_tx tx;
	struct pg_rx rx;
};

/* Run 1 has begun at 0 on both sides. A rate in percent is of 10 Gbit/s. */
struct rig *rig_create(uint32_t flows, const char *sizes, const struct pg_rate *rate);
/* Every buffer must be back: neither side keeps or loses one. */
void rig_destroy(struct rig *rig);
/* Frees what stands in the ring. */
void rig_drain(void);

/* DPDK, the device and the pool: a cmocka group's set-up and tear-down. */
int rig_start(void **state);
int rig_stop(void **state);

#endif
