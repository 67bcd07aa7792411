/* SPDX-License-Identifier: BSD-3-Clause
 * A DPDK port for the generator: opened by its devargs, one receive queue, one or two transmit queues, a pool of its own.
 * Main thread. */
#ifndef PG_PORT_H
#define PG_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mempool.h>

#include "pktgen/error.h"

struct pg_port_config {
	const char *device;
	const char *where;  /* "FILE:LINE: tx.device", for messages */
	uint16_t max_frame; /* bytes without FCS */
	unsigned buffer_room;
	const uint8_t *mac; /* all zero: the device's own */
	bool two_queues;    /* a second transmit queue is wanted, and done without */
};

struct pg_port {
	uint16_t id;
	uint16_t tx_queues;
	struct rte_ether_addr mac;
	struct rte_mempool *pool;
	uint16_t rx_ring;   /* frames that may wait to be received */
	uint64_t link_bits; /* 0: not known; set by pg_port_link_up() */
};

int pg_port_open(struct pg_port *port, const struct pg_port_config *config, struct pg_error *err);
void pg_port_close(struct pg_port *port);
/* Asks for the link now. */
bool pg_port_link_up(struct pg_port *port);

#endif
