/* SPDX-License-Identifier: BSD-3-Clause
 * The flows of a scenario: who sends to whom. A table, made once; both the transmitter and the receiver look there.
 * Main thread makes it, any thread reads. */
#ifndef PG_FLOWS_H
#define PG_FLOWS_H

#include <stdint.h>

#include <rte_byteorder.h>

#include "pktgen/scenario.h"

struct pg_flow {
	rte_be32_t source_be, destination_be;
	rte_be16_t source_port_be, destination_port_be;
};

/* Flow i of the ranges: source addresses vary fastest, then destinations, source ports, destination ports, so that few
 * flows already spread over many addresses. No two flows below the product of the ranges are alike. */
struct pg_flow pg_flow_at(const struct pg_flow_spec *spec, uint32_t i);

/* All of them; free() it. NULL: not enough memory. */
struct pg_flow *pg_flows_create(const struct pg_flow_spec *spec);

#endif
