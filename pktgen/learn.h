/* SPDX-License-Identifier: BSD-3-Clause
 * The learning frames of RFC 2544 23: before the first trial a frame goes to each destination, a few at a time and again
 * until it arrives, so that every router on the path has asked for its neighbours by then. Otherwise a trial begins with
 * what a device holds, and drops, while it waits for ARP. Main thread. */
#ifndef PG_LEARN_H
#define PG_LEARN_H

#include <stdint.h>

#include "pktgen/error.h"

struct pg_rig;

struct pg_learning {
	uint32_t destinations, reached;
	uint64_t sent, received; /* frames; copies count too */
	uint64_t took_ns;
};

/* Ends when all destinations are reached, or with those that are after the scenario's time. -EINTR: interrupted. */
int pg_learn(struct pg_rig *rig, struct pg_learning *out, struct pg_error *err);

#endif
