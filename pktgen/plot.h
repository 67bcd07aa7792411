/* SPDX-License-Identifier: BSD-3-Clause
 * Throughput and latency against load, as SVG. Main thread. */
#ifndef PG_PLOT_H
#define PG_PLOT_H

#include <stdio.h>

#include "pktgen/report.h"

/* Two panels over the rate sent: frames received, and latency (p50, p99; a logarithmic scale). One colour for each mix. */
void pg_plot_search(FILE *out, const struct pg_search_report *reports, unsigned n);

#endif
