/* SPDX-License-Identifier: BSD-3-Clause
 * Tags off what the trunks receive and onto what leaves for their VLANs; see the header. Worker threads. */
#include "dataplane/vlan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_ether.h>

#include "dataplane/dp.h"

#define ADDRESSES (2 * RTE_ETHER_ADDR_LEN)
#define TAG       ((uint16_t)sizeof(struct rte_vlan_hdr))
#define VID       0x0fffu
#define VID_LAST  4094 /* the one above is reserved (802.1Q 9.6) */

static_assert(DP_MAX_PORTS < DP_VLAN_NONE, "a port's number fits a byte, and there is one that says: none");

int
dp_vlan_open(struct dp_port *port, struct dp_port *trunk, struct dp_error *err)
{
	const uint16_t vlan = port->config.vlan;

	if (vlan > VID_LAST || trunk->below != trunk || port->mtu > trunk->mtu) {
		snprintf(
		    err->text, sizeof(err->text),
		    "port %s: VLAN %u, mtu %u on port %s: accepted: VLAN 1 to %d, an mtu up to %u, on a port with a "
		    "device of its own",
		    port->config.name, vlan, port->mtu, trunk->config.name, VID_LAST, trunk->mtu);
		return -EINVAL;
	}
	if (trunk->vlan_port[vlan] != DP_VLAN_NONE) {
		snprintf(err->text, sizeof(err->text), "port %s: VLAN %u on port %s is another port already",
			 port->config.name, vlan, trunk->config.name);
		return -EEXIST;
	}
	trunk->vlan_port[vlan] = (uint8_t)port->number;
	trunk->sorts = true;
	port->below = trunk;
	port->vlan = vlan;
	memcpy(port->device, trunk->device, sizeof(port->device));
	dp_vlan_follow(port);
	return 0;
}

void
dp_vlan_follow(struct dp_port *port)
{
	const struct dp_port *trunk = port->below;

	port->mac = trunk->mac;
	port->ethdev = trunk->ethdev;
	port->tx_queues = trunk->tx_queues;
	port->rx_queues = trunk->rx_queues;
	memcpy(port->driver, trunk->driver, sizeof(port->driver));
}

/* The frame's VLAN; 0: none, or a priority and no VLAN (802.1Q 6.9.1). Returns DP_DROP_COUNT, or why it is dropped. */
static enum dp_drop
take_tag(struct rte_mbuf *m, uint16_t *vid)
{
	const bool stripped = (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0;
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	*vid = stripped ? m->vlan_tci & VID : 0;
	if (m->data_len < sizeof(*ether))
		return DP_DROP_IP_TRUNCATED;
	if (!dp_vlan_is_tag(ether->ether_type))
		return DP_DROP_COUNT;
	if (stripped || ether->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN))
		return DP_DROP_VLAN_STACKED;
	if (m->data_len < sizeof(*ether) + TAG)
		return DP_DROP_IP_TRUNCATED;
	const struct rte_vlan_hdr *tag = (const struct rte_vlan_hdr *)(ether + 1);
	if (dp_vlan_is_tag(tag->eth_proto))
		return DP_DROP_VLAN_STACKED;
	*vid = rte_be_to_cpu_16(tag->vlan_tci) & VID;
	memmove((uint8_t *)ether + TAG, ether, ADDRESSES);
	m->data_off = (uint16_t)(m->data_off + TAG);
	m->data_len = (uint16_t)(m->data_len - TAG);
	m->pkt_len -= TAG;
	return DP_DROP_COUNT;
}

struct dp_port *
dp_vlan_untag(struct dp_worker *w, struct dp_port *device, struct rte_mbuf *m)
{
	uint16_t vid;
	enum dp_drop reason = take_tag(m, &vid);

	if (reason == DP_DROP_COUNT && device->vlan_port[vid] == DP_VLAN_NONE)
		reason = vid == 0 ? DP_DROP_VLAN_MISSING : DP_DROP_VLAN_UNKNOWN;
	if (reason != DP_DROP_COUNT) {
		dp_drop(w, m, reason);
		return NULL;
	}
	dp_meta(m)->in_port = device->vlan_port[vid];
	return w->dp->port[device->vlan_port[vid]];
}

/* Frames in a row of one port. */
struct run {
	struct dp_port *port;
	uint64_t packets, bytes;
};

static void
count_run(const struct dp_worker *w, const struct run *run)
{
	dp_count(&run->port->use[w->index].rx_packets, run->packets);
	dp_count(&run->port->use[w->index].rx_bytes, run->bytes);
}

unsigned
dp_vlan_sort(struct dp_worker *w, struct dp_port *device, struct rte_mbuf **pkt, unsigned n)
{
	struct run run = {.port = device};
	unsigned stay = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkt[i];
		const uint64_t bytes = m->pkt_len; /* as on the wire */
		struct dp_port *port = dp_vlan_untag(w, device, m);
		if (port != NULL)
			pkt[stay++] = m;
		else
			port = device; /* what is nobody's counts there */
		if (port != run.port) {
			count_run(w, &run);
			run = (struct run){.port = port};
		}
		run.packets++;
		run.bytes += bytes;
	}
	count_run(w, &run);
	return stay;
}

void
dp_vlan_tag(struct dp_worker *w, const struct dp_port *port, struct dp_tx_buffer *buffer)
{
	const rte_be16_t tag[2] = {RTE_BE16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(port->vlan)};
	unsigned stay = 0;

	for (unsigned i = 0; i < buffer->n; i++) {
		struct rte_mbuf *m = buffer->pkt[i];
		if (unlikely(m->data_off < TAG)) {
			buffer->bytes -= m->pkt_len;
			dp_drop(w, m, DP_DROP_NO_HEADROOM);
			continue;
		}
		m->data_off = (uint16_t)(m->data_off - TAG);
		m->data_len = (uint16_t)(m->data_len + TAG);
		m->pkt_len += TAG;
		buffer->bytes += TAG;
		uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
		memmove(frame, frame + TAG, ADDRESSES);
		memcpy(frame + ADDRESSES, tag, sizeof(tag));
		buffer->pkt[stay++] = m;
	}
	buffer->n = stay;
}
