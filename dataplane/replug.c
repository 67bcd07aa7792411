/* SPDX-License-Identifier: BSD-3-Clause
 * A device that is unplugged while packets flow, and one that is plugged in again: workers pause for the moments in which ports
 * change under them. Control thread, or one that it waits for. */
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/dp.h"
#include "dataplane/vlan.h"

/* ---- moments without workers ---- */
/* Between the two no worker is in a round: each waits, or sleeps and will wait. */
static void
workers_pause(struct dp *dp)
{
	/* pairs with the acquire in dp_worker_main() */
	__atomic_store_n(&dp->turn, DP_TURN_PAUSE, __ATOMIC_RELEASE);
	rte_rcu_qsbr_check(dp->qsbr, rte_rcu_qsbr_start(dp->qsbr), true);
}

static void
workers_resume(struct dp *dp)
{
	__atomic_store_n(&dp->turn, DP_TURN_RUN, __ATOMIC_RELEASE); /* pairs with the acquires in dp_worker_main() */
}

/* ---- whose queues are whose ---- */
/* Queue q of a port goes to worker q; a port with fewer queues than workers starts at another worker than the port
 * before it, so that single-queue ports spread. */
void
dp_queues_assign(struct dp *dp, struct dp_port *port)
{
	unsigned first = port->rx_queues < dp->n_workers ? port->number : 0;

	if (port->vlan != 0)
		return;
	for (uint16_t q = 0; q < port->rx_queues; q++) {
		struct dp_worker *w = dp->worker[(first + q) % dp->n_workers];
		w->queue[w->n_queues++] = (struct dp_rx_queue){.port = port, .queue = q};
	}
}

static void
queues_take_away(struct dp *dp, const struct dp_port *port)
{
	for (unsigned i = 0; i < dp->n_workers; i++) {
		struct dp_worker *w = dp->worker[i];
		unsigned stay = 0;

		for (unsigned q = 0; q < w->n_queues; q++)
			if (w->queue[q].port != port)
				w->queue[stay++] = w->queue[q];
		w->n_queues = stay;
		w->next_queue = 0;
	}
}

/* Of the port and its VLANs. */
static void
links_down(struct dp *dp, const struct dp_port *device)
{
	for (unsigned i = 0; i < dp->n_ports; i++)
		if (dp->port[i]->below == device)
			__atomic_store_n(&dp->port[i]->up, 0, __ATOMIC_RELAXED); /* workers pause */
}

/* ---- unplugged ---- */
unsigned
dp_port_unplug(struct dp *dp, uint16_t number)
{
	struct dp_port *port = dp->port[number];

	if (port->below != port || port->unplugged)
		return 0;
	workers_pause(dp);
	links_down(dp, port);
	queues_take_away(dp, port);
	workers_resume(dp);
	return dp_port_device_close(port, dp->pool);
}

/* ---- and plugged in again ---- */
/* A port of its own for the device that is opened: the other is in use. */
static struct dp_port *
stand_in(const struct dp_port *port)
{
	struct dp_port *fresh = rte_zmalloc(NULL, sizeof(*fresh), RTE_CACHE_LINE_SIZE);

	if (fresh == NULL)
		return NULL;
	fresh->config = port->config;
	fresh->mtu = port->mtu;
	fresh->lock_fd = port->lock_fd;
	memcpy(fresh->device, port->device, sizeof(fresh->device));
	memcpy(fresh->iface, port->iface, sizeof(fresh->iface));
	return fresh;
}

static void
take_over(struct dp_port *port, const struct dp_port *fresh)
{
	port->ethdev = fresh->ethdev;
	port->rx_queues = fresh->rx_queues;
	port->tx_queues = fresh->tx_queues;
	port->tx_shared = fresh->tx_shared;
	port->mac = fresh->mac;
	port->sorts = port->sorts || fresh->sorts;
	port->ifindex = fresh->ifindex;
	port->n_xdp = fresh->n_xdp;
	memcpy(port->xdp_fd, fresh->xdp_fd, sizeof(port->xdp_fd));
	memcpy(port->driver, fresh->driver, sizeof(port->driver));
	port->started = true;
	port->unplugged = false;
}

static int
twin_mac_set(const struct dp_port *port, struct dp_error *err)
{
	struct ifreq ifr = {.ifr_hwaddr = {.sa_family = ARPHRD_ETHER}};
	int rc = 0;

	memcpy(ifr.ifr_name, port->config.name, sizeof(ifr.ifr_name));
	memcpy(ifr.ifr_hwaddr.sa_data, port->mac.addr_bytes, RTE_ETHER_ADDR_LEN);
	if (ioctl(port->tap_fd, SIOCSIFHWADDR, &ifr) < 0) {
		rc = -errno;
		snprintf(err->text, sizeof(err->text),
			 "port %s: runs again, but its twin cannot have its MAC address " RTE_ETHER_ADDR_PRT_FMT
			 ": %s; cure: ip link set %s address",
			 port->config.name, RTE_ETHER_ADDR_BYTES(&port->mac), strerror(-rc), port->config.name);
	}
	return rc;
}

static bool
twin_mac_is(const struct dp_port *port)
{
	struct ifreq ifr = {0};

	return ioctl(port->tap_fd, SIOCGIFHWADDR, &ifr) == 0 &&
	       memcmp(ifr.ifr_hwaddr.sa_data, port->mac.addr_bytes, RTE_ETHER_ADDR_LEN) == 0;
}

/* The twins of the port and its VLANs get the MAC, which they tell their neighbours (arp_notify); the kernel forgets theirs, so one
 * that has it already is left alone, unless it shall tell them again. dp_twin_restore() gives it to one that is lost. */
static int
twins_follow(struct dp *dp, struct dp_port *device, bool again, struct dp_error *err)
{
	bool changed = false;
	int rc = 0;

	for (unsigned i = 0; i < dp->n_ports; i++) {
		const struct dp_port *port = dp->port[i];

		if (port->below != device || port->tap_fd < 0 || __atomic_load_n(&port->twin_lost, __ATOMIC_RELAXED) ||
		    (!again && twin_mac_is(port)))
			continue;
		const int set = twin_mac_set(port, err);
		rc = set < 0 ? set : rc;
		changed = true;
	}
	device->announce = changed && !again && !__atomic_load_n(&device->up, __ATOMIC_RELAXED);
	return rc;
}

void
dp_port_poll_link(struct dp *dp)
{
	struct dp_error err;

	for (unsigned i = 0; i < dp->n_ports; i++)
		__atomic_store_n(&dp->port[i]->up, dp_port_link_up(dp->port[i]->below), __ATOMIC_RELAXED);
	for (unsigned i = 0; i < dp->n_ports; i++)
		if (dp->port[i]->announce && __atomic_load_n(&dp->port[i]->up, __ATOMIC_RELAXED))
			twins_follow(dp, dp->port[i], true, &err);
}

int
dp_port_plug(struct dp *dp, uint16_t number, struct dp_error *err)
{
	struct dp_port *port = dp->port[number];
	struct dp_port *fresh = stand_in(port);

	if (fresh == NULL) {
		snprintf(err->text, sizeof(err->text), "port %s: no memory to open its device", port->config.name);
		return -ENOMEM;
	}
	int rc = dp_port_device_open(fresh, dp->pool, dp->n_workers, err);
	if (rc < 0)
		goto out;
	rc = dp_port_start(fresh, err);
	if (rc < 0) {
		dp_port_device_close(fresh, dp->pool);
		goto out;
	}
	workers_pause(dp);
	take_over(port, fresh);
	for (unsigned i = 0; i < dp->n_ports; i++)
		if (dp->port[i]->below == port && dp->port[i] != port)
			dp_vlan_follow(dp->port[i]);
	dp_queues_assign(dp, port);
	workers_resume(dp);
	dp_port_poll_link(dp);
	rc = twins_follow(dp, port, false, err);
out:
	rte_free(fresh);
	return rc;
}
