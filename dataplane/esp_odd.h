/* SPDX-License-Identifier: BSD-3-Clause
 * What few SAs want of their outbound packets beside the common (SADB_HOT_ODD), done before and after their run of packets is
 * encapsulated, so that no other packet pays. Worker threads. */
#ifndef DP_ESP_ODD_H
#define DP_ESP_ODD_H

#include "dataplane/worker.h"

/* Before: packets shorter than the SA wants get bytes of zero behind them (RFC 4303 2.7), up to what its way takes. Their
 * own header says where they end. */
void dp_esp_pad(const struct dp_group *group, struct rte_mbuf *const pkt[], unsigned n);
/* After: DSCP, DF and TTL or hop limit of the outer headers become what the SA wants, and what is longer than its way is
 * marked to be cut, by forward, once the engine has sealed it. */
void dp_esp_dress(struct dp_worker *w, const struct dp_group *group, struct dp_aead_op *const ops[], unsigned n);

/* Of an inner packet longer than the SA's way takes: is it sealed in one piece all the same, and the outer packet cut (RFC
 * 4303 3.3.4)? Where the SA wants that and the outer packet's DF bit allows it. */
bool dp_esp_seals_whole(const struct sadb_sa *sa, struct rte_mbuf *m);

#endif
