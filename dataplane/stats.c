/* SPDX-License-Identifier: BSD-3-Clause
 * Counters read out for the control thread: relaxed loads of what single writers keep. */
#include "dataplane/dp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const stage_names[] = {
    [DP_STAGE_RX] = "rx",
    [DP_STAGE_PARSE] = "parse",
    [DP_STAGE_ESP_IN] = "esp_in",
    [DP_STAGE_INNER] = "inner",
    [DP_STAGE_CLASSIFY] = "classify",
    [DP_STAGE_ESP_OUT] = "esp_out",
    [DP_STAGE_FORWARD] = "forward",
    [DP_STAGE_TX] = "tx",
    [DP_STAGE_PUNT] = "punt",
};
static_assert(sizeof(stage_names) / sizeof(stage_names[0]) == DP_STAGE_COUNT, "every stage has a name");

const char *
dp_stage_name(enum dp_stage stage)
{
	return (unsigned)stage < DP_STAGE_COUNT ? stage_names[stage] : NULL;
}

static uint64_t
load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

int
dp_worker_stats_get(const struct dp *dp, unsigned worker, struct dp_worker_stats *out)
{
	if (worker >= dp->n_workers || dp->worker[worker] == NULL)
		return -ENOENT;
	const struct dp_worker_stats *in = &dp->worker[worker]->stats;
	memset(out, 0, sizeof(*out));
	out->from_ports = load(&in->from_ports);
	out->from_twins = load(&in->from_twins);
	out->made = load(&in->made);
	out->tx = load(&in->tx);
	out->punted = load(&in->punted);
	out->dropped = load(&in->dropped);
	out->held = load(&in->held);
	out->esp_in = load(&in->esp_in);
	out->esp_out = load(&in->esp_out);
	out->polls = load(&in->polls);
	out->idle_polls = load(&in->idle_polls);
	out->sleeps = load(&in->sleeps);
	out->joined = load(&in->joined);
	out->dummies = load(&in->dummies);
	out->dummies_unsent = load(&in->dummies_unsent);
	out->cpu = in->cpu;
	for (unsigned i = 0; i < DP_DROP_COUNT; i++)
		out->drops[i] = load(&in->drops[i]);
	for (unsigned i = 0; i < DP_AUDIT_KINDS; i++) {
		out->audit_told[i] = load(&in->audit_told[i]);
		out->audit_suppressed[i] = load(&in->audit_suppressed[i]);
	}
	for (unsigned i = 0; i < DP_STAGE_COUNT; i++) {
		out->stages[i].packets = load(&in->stages[i].packets);
		out->stages[i].batches = load(&in->stages[i].batches);
		out->stages[i].cycles = load(&in->stages[i].cycles);
	}
	return 0;
}

unsigned
dp_workers(const struct dp *dp)
{
	return dp->n_workers;
}

uint64_t
dp_tsc_hz(void)
{
	return rte_get_tsc_hz();
}

int
dp_port_get(const struct dp *dp, uint16_t number, struct dp_port_info *out)
{
	struct rte_eth_stats eth = {0};
	struct rte_eth_link link = {0};

	if (number >= dp->n_ports)
		return -ENOENT;
	const struct dp_port *port = dp->port[number];
	memset(out, 0, sizeof(*out));
	memcpy(out->name, port->config.name, sizeof(out->name));
	memcpy(out->device, port->device, sizeof(out->device));
	memcpy(out->driver, port->driver, sizeof(out->driver));
	memcpy(out->iface, port->below->iface, sizeof(out->iface));
	memcpy(out->mac, &port->mac, sizeof(out->mac));
	out->underlay = port->underlay;
	out->up = __atomic_load_n(&port->up, __ATOMIC_RELAXED);
	out->gone = dp_port_gone(port->below);
	out->back = dp_port_back(port->below);
	out->twin_lost = __atomic_load_n(&port->twin_lost, __ATOMIC_RELAXED);
	out->port = number;
	out->mtu = port->mtu;
	out->rx_queues = port->rx_queues;
	out->tx_queues = port->tx_queues;
	out->trunk = port->vnet == NULL;
	out->vnet_id = port->underlay || port->vnet == NULL ? 0 : port->vnet->id;
	out->vlan = port->vlan;
	if (port->config.netns != NULL)
		memcpy(out->netns, port->config.netns->name, sizeof(out->netns));
	if (port->vlan != 0)
		memcpy(out->on, port->below->config.name, sizeof(out->on));
	out->twin_ifindex = port->twin_ifindex;
	const bool open = !port->below->unplugged;
	if (open && rte_eth_link_get_nowait(port->ethdev, &link) == 0 && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		out->speed_mbps = link.link_speed;
	if (open && port->vlan == 0 && rte_eth_stats_get(port->ethdev, &eth) < 0)
		memset(&eth, 0, sizeof(eth));
	out->rx_missed = port->past.rx_missed + eth.imissed;
	out->rx_errors = port->past.rx_errors + eth.ierrors;
	out->rx_nombuf = port->past.rx_nombuf + eth.rx_nombuf;
	out->tx_errors = port->past.tx_errors + eth.oerrors;
	for (unsigned w = 0; w < dp->n_workers; w++) {
		out->rx_packets += load(&port->use[w].rx_packets);
		out->rx_bytes += load(&port->use[w].rx_bytes);
		out->tx_packets += load(&port->use[w].tx_packets);
		out->tx_bytes += load(&port->use[w].tx_bytes);
	}
	out->punted = load(&port->punted);
	out->punt_dropped = load(&port->punt_dropped);
	out->injected = load(&port->injected);
	out->inject_dropped = load(&port->inject_dropped);
	return 0;
}

const struct dp_netns *
dp_port_netns(const struct dp *dp, uint16_t number)
{
	return dp->port[number]->config.netns;
}
