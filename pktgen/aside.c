/* SPDX-License-Identifier: BSD-3-Clause
 * What comes back to the transmitter's port. One thread at a time. */
#include "pktgen/aside.h"

#include <rte_ethdev.h>
#include <rte_ip.h>

#define BURST 64

static bool
is_icmp(const uint8_t *frame, uint16_t bytes)
{
	const struct rte_ether_hdr *ether = (const struct rte_ether_hdr *)frame;
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(ether + 1);
	return bytes >= sizeof(*ether) + sizeof(*ip) && ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
	       ip->next_proto_id == IPPROTO_ICMP;
}

void
pg_aside_poll(struct pg_aside *aside)
{
	struct rte_mbuf *frames[BURST];
	const uint16_t n = rte_eth_rx_burst(aside->port, 0, frames, BURST);

	for (uint16_t i = 0; i < n; i++) {
		uint8_t *frame = rte_pktmbuf_mtod(frames[i], uint8_t *);
		const uint16_t bytes = frames[i]->data_len;
		if (aside->gateway != 0 && pg_arp_learn(frame, bytes, aside->gateway, &aside->mac))
			aside->heard = true;
		aside->icmp += is_icmp(frame, bytes);
		if (pg_arp_answer(&aside->arp, frame, bytes))
			pg_arp_send(frames[i], aside->port, 0);
		else
			rte_pktmbuf_free(frames[i]);
	}
}
