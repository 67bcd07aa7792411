/* SPDX-License-Identifier: BSD-3-Clause
 * What few SAs want of their outbound packets beside the common (SADB_HOT_ODD), done before and after their run of packets is
 * encapsulated, so that no other packet pays. Worker threads. */
#ifndef DP_ESP_ODD_H
#define DP_ESP_ODD_H

#include "dataplane/worker.h"

/* Before: packets shorter than the SA wants get bytes of zero behind them (RFC 4303 2.7), up to what its way takes. Their
 * own header says where they end. */
void dp_esp_pad(const struct dp_group *group, struct rte_mbuf *const pkt[], unsigned n);
/* After: DSCP, DF and TTL or hop limit of the outer headers become what the SA wants. */
void dp_esp_dress(const struct sadb_sa *sa, struct dp_aead_op *const ops[], unsigned n);

#endif
