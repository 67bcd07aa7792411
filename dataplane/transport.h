/* SPDX-License-Identifier: BSD-3-Clause
 * Transport mode (RFC 4301 4.1, 4303 3.1.1): ESP of the gateway's own packets, between its kernel and another host. Worker
 * threads.
 *
 * Its policies are the underlay's. Without one packets of the kernel leave and come as they are: the underlay is not a virtual
 * network, where nothing passes without a policy. IKE, neighbour discovery and ESP that the kernel makes itself stand under none. */
#ifndef DP_TRANSPORT_H
#define DP_TRANSPORT_H

#include "dataplane/worker.h"

struct dp_group;

/* What the kernel sends from an underlay address: a frame whose length and flow are known. It is sent, sealed, or dropped. */
void dp_transport_out(struct dp_worker *w, struct rte_mbuf *m, struct dp_port *port);

/* An opened packet, as esp_in finds its tag right: its data begins at the outer header again, whatever strip() took it for. */
void dp_transport_unstrip(struct rte_mbuf *m);
/* One whose number is new, too, goes to the twin, or is dropped. */
void dp_transport_in(struct dp_worker *w, struct rte_mbuf *m);

/* Is there any policy that what comes in clear stands under? */
static inline bool
dp_transport_guarded(const struct dp_worker *w)
{
	const struct sadb_vnet *underlay = sadb_underlay(w->db);
	return sadb_vnet_spd(underlay, SADB_POLICY_IN) != NULL || sadb_vnet_spd_v6(underlay, SADB_POLICY_IN) != NULL;
}

/* May this frame, on its way to the twin of an underlay port, have come in clear (RFC 4301 5.2)? */
bool dp_transport_clear_allowed(struct dp_worker *w, struct rte_mbuf *m);

#endif
