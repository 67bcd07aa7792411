/* SPDX-License-Identifier: BSD-3-Clause
 * Just enough ARP. Workers, or main before they start. */
#include "pktgen/arp.h"

#include <string.h>

#include <rte_arp.h>
#include <rte_ethdev.h>

struct arp_frame {
	struct rte_ether_hdr ether;
	struct rte_arp_hdr arp;
} __attribute__((packed, aligned(2)));

static bool
is_arp(const uint8_t *frame, size_t bytes)
{
	const struct arp_frame *f = (const struct arp_frame *)frame;
	return bytes >= sizeof(*f) && f->ether.ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP) &&
	       f->arp.arp_hardware == RTE_BE16(RTE_ARP_HRD_ETHER) &&
	       f->arp.arp_protocol == RTE_BE16(RTE_ETHER_TYPE_IPV4) && f->arp.arp_hlen == RTE_ETHER_ADDR_LEN &&
	       f->arp.arp_plen == sizeof(uint32_t);
}

bool
pg_arp_answer(const struct pg_arp *arp, uint8_t *frame, size_t bytes)
{
	struct arp_frame *f = (struct arp_frame *)frame;
	unsigned i = 0;

	if (!is_arp(frame, bytes) || f->arp.arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST))
		return false;
	const rte_be32_t target_be = f->arp.arp_data.arp_tip;
	while (i < arp->n && rte_be_to_cpu_32(target_be) - arp->ranges[i].first >= arp->ranges[i].count)
		i++;
	if (i == arp->n)
		return false;
	f->arp.arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	f->arp.arp_data.arp_tha = f->arp.arp_data.arp_sha;
	f->arp.arp_data.arp_tip = f->arp.arp_data.arp_sip;
	f->arp.arp_data.arp_sha = arp->mac;
	f->arp.arp_data.arp_sip = target_be;
	f->ether.dst_addr = f->ether.src_addr;
	f->ether.src_addr = arp->mac;
	return true;
}

void
pg_arp_request(const struct pg_arp *arp, uint32_t sender, uint32_t target, uint8_t out[PG_ARP_FRAME])
{
	struct arp_frame f = {
	    .ether = {.src_addr = arp->mac, .ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP)},
	    .arp = {.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
		    .arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		    .arp_hlen = RTE_ETHER_ADDR_LEN,
		    .arp_plen = sizeof(uint32_t),
		    .arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST),
		    .arp_data = {.arp_sha = arp->mac,
				 .arp_sip = rte_cpu_to_be_32(sender),
				 .arp_tip = rte_cpu_to_be_32(target)}},
	};
	memset(&f.ether.dst_addr, 0xff, sizeof(f.ether.dst_addr));
	memset(out, 0, PG_ARP_FRAME);
	memcpy(out, &f, sizeof(f));
}

bool
pg_arp_learn(const uint8_t *frame, size_t bytes, uint32_t target, struct rte_ether_addr *mac)
{
	const struct arp_frame *f = (const struct arp_frame *)frame;
	if (!is_arp(frame, bytes) || f->arp.arp_data.arp_sip != rte_cpu_to_be_32(target) ||
	    !rte_is_valid_assigned_ether_addr(&f->arp.arp_data.arp_sha))
		return false;
	*mac = f->arp.arp_data.arp_sha;
	return true;
}

void
pg_arp_send(struct rte_mbuf *m, uint16_t port, uint16_t queue)
{
	if (rte_eth_tx_burst(port, queue, &m, 1) == 0)
		rte_pktmbuf_free(m);
}
