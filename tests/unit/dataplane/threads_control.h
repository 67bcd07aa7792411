/* SPDX-License-Identifier: BSD-3-Clause
 * What the control thread of a daemon does all day, done without a pause: new keys, policies, routes, neighbours, addresses that
 * come and go; events and audit events taken; everything read and dumped. Control thread. */
#ifndef TEST_THREADS_CONTROL_H
#define TEST_THREADS_CONTROL_H

#include "tests/unit/dataplane/threads_rig.h"

/* A tunnel's change of keys: one step at a time, each once the one before has come through. */
enum control_step {
	CONTROL_REST,
	CONTROL_SWITCHED, /* the new pair is there; some worker may still seal with the old one */
	CONTROL_DRAINING, /* none does; what was sealed may still be on its way */
	CONTROL_RETIRING, /* all is back; some worker may still open it */
};

struct control_tunnel {
	enum control_step step;
	bool wanted;     /* the SA in charge has come to its soft limit, or there is none */
	unsigned number; /* of the keys in charge */
	uint64_t token;  /* the grace period waited for */
	uint32_t asked;
};

struct control {
	struct rig *rig;
	struct control_tunnel tunnel[RIG_TUNNELS];
	unsigned rounds;
	bool rare_known;
	rte_be32_t passing_spi_be; /* see threads_churn.c */
	uint32_t asked;
	uint64_t seen; /* numbers that replay windows have said to have, so that none is read for nothing */
	uint32_t narrow;
	/* what came */
	uint64_t rekeys, soft, hard, acquires, neighbours, mappings, audited[DP_AUDIT_KINDS];
	uint64_t policies_ended;
};

/* The SAs, policies, routes and neighbours of the start; before dp_start(). */
void control_start(struct control *control, struct rig *rig);
/* One turn of the loop. */
void control_round(struct control *control);
/* Asks the wire whether all that was sealed so far is back, or has come to its end. */
void control_ask(struct control *control);
bool control_drained(const struct control *control);

#endif
