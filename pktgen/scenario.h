/* SPDX-License-Identifier: BSD-3-Clause
 * What to send, where, how fast and for how long: a scenario, read from YAML and checked as a whole. Main thread. */
#ifndef PG_SCENARIO_H
#define PG_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "pktgen/error.h"
#include "pktgen/mix.h"
#include "pktgen/value.h"

#define PG_FLOWS_MAX    (1u << 20) /* as many as the payload can name */
#define PG_SEARCH_MIXES 16
#define PG_SEARCH_LOADS 16

struct pg_port_spec {
	char device[PG_TEXT]; /* devargs; empty for rx: the transmitter's */
	unsigned device_line;
	uint8_t mac[6]; /* all zero: the device's own */
};

struct pg_flow_spec {
	uint64_t count;
	unsigned count_line;
	struct pg_addr_range source, destination;
	struct pg_port_range source_port, destination_port;
};

struct pg_search_spec {
	struct pg_mix mixes[PG_SEARCH_MIXES]; /* none: the scenario's sizes */
	unsigned n_mixes;
	unsigned sizes_line;
	uint64_t trial_ns;
	uint64_t resolution_ppm;     /* the search ends when its bounds are this near, of the upper one */
	uint64_t loss_tolerance_ppm; /* a trial that loses no larger share has passed */
	struct pg_rate max;          /* where the search starts */
	unsigned max_line;
	uint64_t loads_ppm[PG_SEARCH_LOADS]; /* of the rate found: latency is measured there */
	unsigned n_loads;
};

struct pg_scenario {
	unsigned line_unused; /* PG_NO_LINE's */
	char file[PG_TEXT];
	struct pg_port_spec tx, rx;
	uint8_t destination_mac[6]; /* all zero: asked for by ARP */
	uint32_t gateway;           /* whose MAC to ask for, host order; 0: none */
	unsigned gateway_line;
	struct pg_flow_spec flows;
	struct pg_mix mix;
	unsigned sizes_line;
	struct pg_rate rate;
	unsigned rate_line;
	unsigned link_line;
	uint64_t link_bits; /* of the link, for rates in percent; 0: what the device says */
	uint64_t duration_ns, warm_up_ns;
	uint64_t drain_ns;     /* how long late frames are waited for */
	uint64_t link_wait_ns; /* how long a link, and the gateway's MAC, are waited for */
	uint64_t
	    link_settle_ns; /* what is left alone after a link came up: the other side looks at its own now and then */
	uint64_t learn_ns;  /* how long a way to each destination is tried before the first trial; 0: not at all */
	uint64_t burst;     /* most frames sent at once */
	unsigned burst_line;
	bool one_thread;   /* transmits and receives in turn */
	bool no_huge;      /* ordinary pages even when huge ones are free */
	bool adaptive;     /* sleeps a little when there is nothing to do */
	bool udp_checksum; /* right one; otherwise 0, which IPv4 allows */
	struct pg_cpus cpus;
	unsigned cpus_line;
	struct pg_search_spec search;
};

/* 0 or -errno with err set: one line that names file, line and key. text as read from the file of that name. */
int pg_scenario_parse(const char *file, const char *text, struct pg_scenario *out, struct pg_error *err);
/* Reads the file too; *out is allocated, and freed with free(). */
int pg_scenario_load(const char *file, struct pg_scenario **out, struct pg_error *err);

/* The largest frame of anything the scenario may send. */
uint16_t pg_scenario_max_frame(const struct pg_scenario *scenario);

#endif
