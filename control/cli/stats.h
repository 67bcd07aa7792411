/* SPDX-License-Identifier: BSD-3-Clause
 * Counters as rows, apart from where they come from. The command's only thread. */
#ifndef CLI_STATS_H
#define CLI_STATS_H

#include "control/cli/display.h"
#include "control/own_codec.h"

/* The workers' drops, stages and audit events added up by name. */
struct cli_totals {
	struct ctl_worker_drop drops[CTL_MAX_DROPS];
	struct ctl_worker_stage stages[CTL_MAX_STAGES];
	struct ctl_worker_audit audits[CTL_MAX_AUDITS];
	unsigned n_drops, n_stages, n_audits;
};

void cli_totals_add(struct cli_totals *totals, const struct ctl_worker *worker);

/* A row of section "workers", with its balance rx - (tx + punted + dropped + held + joined). */
void cli_stats_worker(struct show *show, const struct ctl_worker *worker);
void cli_stats_port(struct show *show, const struct dp_port_info *port);

/* Sections "memory", with a total, and "process". A pair is an inbound and an outbound SA. */
void cli_stats_memory(struct show *show, const struct ctl_memory *memory);

/* Whole sections. Reasons and kinds of events without a packet are left out. */
void cli_stats_drops(struct show *show, const struct cli_totals *totals);
void cli_stats_audit(struct show *show, const struct cli_totals *totals);
void cli_stats_stages(struct show *show, const struct cli_totals *totals);

#endif
