/* SPDX-License-Identifier: BSD-3-Clause
 * One trial: a load for a while, and what came of it. Main starts it, shows its progress and waits; workers send and
 * receive. */
#ifndef PG_TRIAL_H
#define PG_TRIAL_H

#include "pktgen/result.h"
#include "pktgen/rig.h"

struct pg_trial_spec {
	const struct pg_mix *mix;
	struct pg_load load;
	uint64_t duration_ns, warm_up_ns;
};

/* Ends early, with the result so far, when the process is interrupted. */
void pg_trial_run(struct pg_rig *rig, const struct pg_trial_spec *spec, struct pg_result *out);

#endif
