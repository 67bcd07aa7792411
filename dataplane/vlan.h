/* SPDX-License-Identifier: BSD-3-Clause
 * VLANs on a port (IEEE 802.1Q): each is a port of its own, with its own domain, twin and counters, and shares the device of
 * its trunk. Between their edges the stages know nothing of tags. */
#ifndef DP_VLAN_H
#define DP_VLAN_H

#include "dataplane/worker.h"

/* Of 802.1Q, of 802.1ad, or of what came before that. */
static inline bool
dp_vlan_is_tag(rte_be16_t ether_type)
{
	return ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || ether_type == RTE_BE16(RTE_ETHER_TYPE_QINQ) ||
	       ether_type == RTE_BE16(RTE_ETHER_TYPE_QINQ1);
}

/* Makes port a VLAN of trunk, by its configuration. Control thread, before the workers start. -EINVAL, -EEXIST. */
int dp_vlan_open(struct dp_port *port, struct dp_port *trunk, struct dp_error *err);
/* Its trunk's device is another one. */
void dp_vlan_follow(struct dp_port *port);

/* Whose is this frame of the device's port? Takes its tag away and notes the port as where it came in. NULL: dropped. */
struct dp_port *dp_vlan_untag(struct dp_worker *w, struct dp_port *device, struct rte_mbuf *m);

/* The same for a burst, counted port by port. Returns how many stay, compacted. */
unsigned dp_vlan_sort(struct dp_worker *w, struct dp_port *device, struct rte_mbuf **pkt, unsigned n);

/* Puts the port's tag into every frame of its buffer; what has no room is dropped. */
void dp_vlan_tag(struct dp_worker *w, const struct dp_port *port, struct dp_tx_buffer *buffer);

#endif
