/* SPDX-License-Identifier: BSD-3-Clause
 * What comes back to the transmitter's port, aside from the traffic: ARP, which a router in front of it asks and answers,
 * and ICMP, which says why the path drops. One thread at a time: main before a trial, the transmitter during it. */
#ifndef PG_ASIDE_H
#define PG_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "pktgen/arp.h"

struct pg_aside {
	/* Set by the caller. */
	uint16_t port;
	struct pg_arp arp; /* whom the port answers for */
	uint32_t gateway;  /* whose MAC is looked for, host order; 0: nobody's */

	bool heard; /* the gateway told its MAC, last this one */
	struct rte_ether_addr mac;
	uint64_t icmp; /* messages, ever */
};

/* Takes what is there: answers ARP, learns the gateway's MAC, counts ICMP, frees all. */
void pg_aside_poll(struct pg_aside *aside);

#endif
