/* SPDX-License-Identifier: BSD-3-Clause
 * The flows of a scenario. Main thread makes the table, any thread reads. */
#include "pktgen/flows.h"

#include <stdlib.h>

/* Takes the digit of a number whose digits have different ranges. */
static uint32_t
digit(uint32_t *rest, uint32_t range)
{
	const uint32_t value = *rest % range;
	*rest /= range;
	return value;
}

struct pg_flow
pg_flow_at(const struct pg_flow_spec *spec, uint32_t i)
{
	struct pg_flow flow;
	flow.source_be = rte_cpu_to_be_32(spec->source.first + digit(&i, spec->source.count));
	flow.destination_be = rte_cpu_to_be_32(spec->destination.first + digit(&i, spec->destination.count));
	flow.source_port_be =
	    rte_cpu_to_be_16((uint16_t)(spec->source_port.first + digit(&i, spec->source_port.count)));
	flow.destination_port_be =
	    rte_cpu_to_be_16((uint16_t)(spec->destination_port.first + digit(&i, spec->destination_port.count)));
	return flow;
}

struct pg_flow *
pg_flows_create(const struct pg_flow_spec *spec)
{
	struct pg_flow *flows = calloc(spec->count, sizeof(*flows));
	for (uint32_t i = 0; flows != NULL && i < spec->count; i++)
		flows[i] = pg_flow_at(spec, i);
	return flows;
}
