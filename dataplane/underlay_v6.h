/* SPDX-License-Identifier: BSD-3-Clause
 * IPv6 packets from the underlay. Worker threads. */
#ifndef DP_UNDERLAY_V6_H
#define DP_UNDERLAY_V6_H

#include "dataplane/worker.h"

/* A packet with its Ethernet header, whose IPv6 header is right, goes to esp_in, to the twin, or is dropped. */
void dp_underlay_v6(struct dp_worker *w, struct rte_mbuf *m);

#endif
