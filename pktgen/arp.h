/* SPDX-License-Identifier: BSD-3-Clause
 * Just enough ARP (RFC 826) for a port that no kernel sits on: the generator answers for the hosts it plays, and asks for
 * its gateway. Workers, or main before they start. */
#ifndef PG_ARP_H
#define PG_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "pktgen/value.h"

/* Whom a port answers for. */
struct pg_arp {
	struct rte_ether_addr mac;
	struct pg_addr_range ranges[2];
	unsigned n;
};

#define PG_ARP_FRAME 60 /* bytes, padded to Ethernet's least */

/* Turns a request for one of ours into its answer, in place. False: it is something else, and untouched. */
bool pg_arp_answer(const struct pg_arp *arp, uint8_t *frame, size_t bytes);

/* Writes a request from us (sender, host order) for target. */
void pg_arp_request(const struct pg_arp *arp, uint32_t sender, uint32_t target, uint8_t out[PG_ARP_FRAME]);

/* True when frame is an answer (or a request) in which target tells its MAC. */
bool pg_arp_learn(const uint8_t *frame, size_t bytes, uint32_t target, struct rte_ether_addr *mac);

/* Sends an answer, or drops it when the port has no room: whoever asked asks again. */
void pg_arp_send(struct rte_mbuf *m, uint16_t port, uint16_t queue);

#endif
