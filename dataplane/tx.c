/* SPDX-License-Identifier: BSD-3-Clause
 * The ends of a packet's way: bursts to the ports, rings to the twins, and the drop that counts. Worker threads. */
#include "dataplane/audit.h"
#include "dataplane/dp.h"
#include "dataplane/ipv6.h"
#include "dataplane/ring.h"
#include "dataplane/told.h"
#include "dataplane/transport.h"
#include "dataplane/vlan.h"
#include "dataplane/worker.h"

void
dp_tx_flush_port(struct dp_worker *w, struct dp_port *port)
{
	struct dp_tx_buffer *buffer = &w->tx[port->number];
	struct dp_port *below = port->below;
	if (port->vlan != 0)
		dp_vlan_tag(w, port, buffer);
	uint16_t n = (uint16_t)buffer->n, queue = (uint16_t)(w->index % port->tx_queues), sent = 0;
	uint64_t bytes = buffer->bytes;

	if (__atomic_load_n(&port->up, __ATOMIC_RELAXED)) {
		if (below->tx_shared)
			rte_spinlock_lock(&below->tx_lock[queue]);
		for (unsigned i = 0; i < n; i++)
			dp_told_give(buffer->pkt[i]); /* whoever sends by that queue next may free it */
		sent = rte_eth_tx_burst(port->ethdev, queue, buffer->pkt, n);
		if (below->tx_shared)
			rte_spinlock_unlock(&below->tx_lock[queue]);
	}
	for (unsigned i = sent; i < n; i++) {
		bytes -= buffer->pkt[i]->pkt_len;
		dp_drop(w, buffer->pkt[i],
			__atomic_load_n(&port->up, __ATOMIC_RELAXED) ? DP_DROP_TX_FULL : DP_DROP_PORT_DOWN);
	}
	dp_count(&w->stats.tx, sent);
	dp_count(&port->use[w->index].tx_packets, sent);
	dp_count(&port->use[w->index].tx_bytes, bytes);
	buffer->n = 0;
	buffer->bytes = 0;
}

void
dp_tx_flush(struct dp_worker *w)
{
	for (unsigned i = 0; i < w->dp->n_ports; i++)
		if (w->tx[i].n > 0)
			dp_tx_flush_port(w, w->dp->port[i]);
}

/* An inner packet for the gateway itself gets an Ethernet header, so that the twin can take it: to the port's own
 * address, from a locally administered one that no host has. */
static bool
frame_for_twin(struct rte_mbuf *m, const struct dp_port *port)
{
	static const struct rte_ether_addr from_esp = {{0x02, 0x00, 0x00, 0x00, 0x00, 0x32}};
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)rte_pktmbuf_prepend(m, sizeof(*ether));
	if (ether == NULL)
		return false;
	ether->dst_addr = port->mac;
	ether->src_addr = from_esp;
	ether->ether_type = dp_is_v6(m) ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	return true;
}

void
dp_punt(struct dp_worker *w)
{
	struct dp_vec *in = &w->punt;
	const bool guarded = dp_transport_guarded(w);
	for (unsigned i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct dp_port *port = w->dp->port[dp_meta(m)->in_port];
		if (guarded && port->underlay && !dp_transport_clear_allowed(w, m))
			dp_drop(w, m, DP_DROP_CLEAR_PROTECTED);
		else if (!(dp_meta(m)->flags & DP_META_HAS_L2) && !frame_for_twin(m, port))
			dp_drop(w, m, DP_DROP_NO_HEADROOM);
		else if (dp_ring_put_packet(port->punt, m) != 0)
			dp_drop(w, m, DP_DROP_PUNT_FULL);
		else
			dp_count(&w->stats.punted, 1);
	}
	in->n = 0;
}

void
dp_drop_flush(struct dp_worker *w)
{
	struct dp_vec *in = &w->drop;
	for (unsigned i = 0; i < in->n; i++) {
		const enum dp_drop reason = dp_meta(in->pkt[i])->reason;
		dp_count(&w->stats.drops[reason], 1);
		if (dp_audit_kind_of(reason) > DP_AUDIT_NONE)
			dp_audit_drop(w, in->pkt[i], reason);
	}
	dp_count(&w->stats.dropped, in->n);
	rte_pktmbuf_free_bulk(in->pkt, in->n);
	in->n = 0;
}
