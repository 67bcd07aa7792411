/* SPDX-License-Identifier: BSD-3-Clause
 * Ports: opens a DPDK device by its devargs, sets up its queues, starts and closes it. Control thread. */
#include "dataplane/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "dataplane/dp.h"
#include "dataplane/iface.h"
#include "dataplane/pool_note.h"
#include "dataplane/xdp_sockets.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024

static int
fail(struct dp_error *err, const struct dp_port *port, int rc, const char *what)
{
	snprintf(err->text, sizeof(err->text), "port %s: device %s: %s: %s", port->config.name, port->device, what,
		 strerror(-rc));
	return rc;
}

/* Plugs the device in and finds its number. again: with the rights that are left then (see dp_xdp_program()). */
static int
probe(struct dp_port *port, bool again, struct dp_error *err)
{
	struct rte_dev_iterator it;
	uint16_t id = RTE_MAX_ETHPORTS;
	char name[RTE_ETH_NAME_MAX_LEN], devargs[sizeof(port->device) + DP_XDP_PROGRAM_STRLEN] = "";

	if (again && strncmp(port->device, "net_af_xdp", 10) == 0 && strstr(port->device, "xdp_prog=") == NULL)
		dp_xdp_program(devargs + strlen(port->device), DP_XDP_PROGRAM_STRLEN);
	memcpy(devargs, port->device, strlen(port->device));

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(port->device, ","), port->device);
	if (rte_eth_dev_get_port_by_name(name, &id) == 0) {
		if (strchr(port->device, ',') == NULL) { /* a PCI device: DPDK opened it at the start */
			port->ethdev = id;
			return 0;
		}
		snprintf(err->text, sizeof(err->text),
			 "port %s: device %s: another port uses that device name; give each its own number",
			 port->config.name, port->device);
		return -EEXIST;
	}
	int rc = rte_dev_probe(devargs);
	if (rc < 0) { /* the library's error numbers name no cause: a wrong argument comes back as EPERM */
		snprintf(err->text, sizeof(err->text),
			 "port %s: device %s: DPDK cannot open it: no such driver or PCI device, a wrong argument, or "
			 "in use",
			 port->config.name, port->device);
		return rc;
	}
	id = RTE_MAX_ETHPORTS;
	if (rte_eth_dev_get_port_by_name(name, &id) == 0) {
		port->ethdev = id;
		return 0;
	}
	RTE_ETH_FOREACH_MATCHING_DEV(id, port->device, &it)
	{
		port->ethdev = id;
		rte_eth_iterator_cleanup(&it);
		return 0;
	}
	return fail(err, port, -ENODEV, "opened, but it is no Ethernet device");
}

static uint16_t
at_most(uint16_t wanted, uint16_t limit)
{
	return limit < wanted ? limit : wanted;
}

static int
set_up_queues(struct dp_port *port, const struct rte_eth_dev_info *info, struct rte_mempool *pool, struct dp_error *err)
{
	uint16_t rx_n = RX_DESCRIPTORS, tx_n = TX_DESCRIPTORS;
	struct rte_eth_txconf txconf = info->default_txconf;
	int socket = rte_eth_dev_socket_id(port->ethdev);
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->ethdev, &rx_n, &tx_n);
	if (rc < 0)
		return fail(err, port, rc, "cannot size its queues");
	txconf.offloads = 0;
	for (uint16_t q = 0; q < port->rx_queues; q++) {
		rc = rte_eth_rx_queue_setup(port->ethdev, q, rx_n, (unsigned)socket, NULL, pool);
		if (rc < 0)
			return fail(
			    err, port, rc,
			    "cannot set up a receive queue (for a kernel interface: is another program on it?)");
	}
	for (uint16_t q = 0; q < port->tx_queues; q++) {
		rc = rte_eth_tx_queue_setup(port->ethdev, q, tx_n, (unsigned)socket, &txconf);
		if (rc < 0)
			return fail(err, port, rc, "cannot set up a transmit queue");
	}
	return 0;
}

/* A device that cannot set its MTU (af_packet's would alter the interface) keeps the one it has, if that is enough. */
static int
set_mtu(struct dp_port *port, struct dp_error *err)
{
	uint16_t have = 0;
	if (rte_eth_dev_get_mtu(port->ethdev, &have) == 0 && have == port->mtu)
		return 0;
	int rc = rte_eth_dev_set_mtu(port->ethdev, port->mtu);
	if (rc == 0 || (rc == -ENOTSUP && have >= port->mtu))
		return 0;
	snprintf(err->text, sizeof(err->text), "port %s: device %s: cannot set mtu %u (it has %u): %s",
		 port->config.name, port->device, port->mtu, have, strerror(-rc));
	return rc;
}

/* Opened, it is configured. On failure the caller closes it. */
static int
configure(struct dp_port *port, struct rte_mempool *pool, unsigned workers, struct dp_error *err)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(port->ethdev, &info);
	if (rc < 0)
		return fail(err, port, rc, "cannot ask what it can do");
	port->rx_queues = at_most((uint16_t)workers, info.max_rx_queues);
	port->tx_queues = at_most((uint16_t)workers, info.max_tx_queues);
	port->tx_shared = port->tx_queues < workers;
	if (port->rx_queues > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
		    (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_ESP) &
		    info.flow_type_rss_offloads;
	}
	if (strcmp(info.driver_name, "net_ring") == 0) /* a device of nothing but memory takes what it is told here */
		conf.rxmode.mtu = port->mtu;
	if (info.max_mtu != 0 && port->mtu > info.max_mtu) {
		snprintf(err->text, sizeof(err->text), "port %s: device %s: mtu %u is too large; accepted: up to %u",
			 port->config.name, port->device, port->mtu, info.max_mtu);
		return -EINVAL;
	}
	rc = rte_eth_dev_configure(port->ethdev, port->rx_queues, port->tx_queues, &conf);
	if (rc < 0)
		return fail(err, port, rc, "cannot configure it");
	rc = set_up_queues(port, &info, pool, err);
	if (rc < 0)
		return rc;
	rc = set_mtu(port, err);
	if (rc < 0)
		return rc;
	rc = rte_eth_macaddr_get(port->ethdev, &port->mac);
	if (rc < 0)
		return fail(err, port, rc, "cannot read its MAC address");
	if (rte_is_zero_ether_addr(&port->mac)) /* a software device without one: the kernel's twin needs one */
		rte_eth_random_addr(port->mac.addr_bytes);
	snprintf(port->driver, sizeof(port->driver), "%s", info.driver_name);
	return 0;
}

/* Returns how many of the pool's buffers that were to receive came back. */
static unsigned
close_device(struct dp_port *port, struct rte_mempool *pool)
{
	struct rte_eth_dev_info info;
	struct rte_device *device = rte_eth_dev_info_get(port->ethdev, &info) == 0 ? info.device : NULL;
	struct dp_xdp_left left;
	dp_xdp_left_list(&left, port->xdp_fd, port->n_xdp, pool);
	port->n_xdp = 0;
	rte_eth_dev_close(port->ethdev);
	if (device != NULL)
		rte_dev_remove(device);
	dp_xdp_left_put_back(&left);
	return left.receiving;
}

/* What becomes of the pool's buffers and of sockets is noted, for when it is unplugged. */
static int
open_device(struct dp_port *port, bool again, struct rte_mempool *pool, unsigned workers, struct dp_error *err)
{
	struct dp_xdp_fds before, after;
	int rc = dp_iface_prepare(port, err);
	port->ifindex = dp_iface_find(port); /* one that takes its place meanwhile is seen as another */
	if (rc == 0)
		rc = probe(port, again, err);
	if (rc < 0)
		return rc;
	dp_xdp_list(DP_XDP_SOCKET, &before);
	const unsigned had = rte_mempool_avail_count(pool);
	rc = configure(port, pool, workers, err);
	dp_xdp_list(DP_XDP_SOCKET, &after);
	port->n_xdp = dp_xdp_new(&before, &after, port->xdp_fd, DP_MAX_WORKERS);
	if (rc < 0) {
		close_device(port, pool);
		dp_xdp_close_new(DP_XDP_SOCKET, &before); /* those that the driver forgets when it fails midway */
		return rc;
	}
	if (!again) /* later, workers take and give too */
		port->queue_buffers = (had - rte_mempool_avail_count(pool)) / port->rx_queues;
	if (port->ifindex == 0) /* net_tap has made it */
		port->ifindex = dp_iface_find(port);
	return 0;
}

int
dp_port_open(struct dp_port *port, struct rte_mempool *pool, unsigned workers, struct dp_error *err)
{
	/* AF_XDP's busy polling makes a system call of every empty poll; workers back off by themselves. */
	const char *device = port->config.device;
	bool plain_xdp = strncmp(device, "net_af_xdp", 10) == 0 && strstr(device, "busy_budget=") == NULL;
	snprintf(port->device, sizeof(port->device), "%s%s", device, plain_xdp ? ",busy_budget=0" : "");
	port->config.device = port->device;
	port->below = port;
	port->sorts = port->config.trunk;
	if (port->vnet != NULL)
		port->vlan_port[0] = (uint8_t)port->number;
	port->lock_fd = -1;
	int rc = dp_iface_take(port, err);
	if (rc == 0)
		rc = open_device(port, false, pool, workers, err);
	if (rc < 0)
		dp_iface_release(port);
	return rc;
}

int
dp_port_device_open(struct dp_port *port, struct rte_mempool *pool, unsigned workers, struct dp_error *err)
{
	struct dp_xdp_fds bpf;
	int rc = dp_pool_note_begin(pool);
	if (rc < 0)
		return fail(err, port, rc, "cannot note what it takes");
	dp_xdp_list(DP_XDP_BPF, &bpf);
	rc = open_device(port, true, pool, workers, err);
	/* libbpf's object of the program that the driver loaded is never closed; the interface holds the program. */
	dp_xdp_close_new(DP_XDP_BPF, &bpf);
	if (rc < 0)
		dp_pool_note_give_back();
	else
		port->unplugged = false;
	dp_pool_note_end();
	return rc;
}

int
dp_port_start(struct dp_port *port, struct dp_error *err)
{
	if (port->vlan != 0) /* its trunk does */
		return 0;
	int rc = rte_eth_dev_start(port->ethdev);
	if (rc < 0)
		return fail(err, port, rc, "cannot start it");
	/* A bridge or switch floods what is for others; the parse stage sorts by MAC. Not every device can or needs to. */
	rte_eth_promiscuous_disable(port->ethdev);
	rte_eth_allmulticast_enable(port->ethdev);
	/* A tag that the device takes away is no longer in the frame: who does not look would take it for untagged. */
	int offloads = rte_eth_dev_get_vlan_offload(port->ethdev);
	if (offloads > 0 && (offloads & RTE_ETH_VLAN_STRIP_OFFLOAD) != 0)
		port->sorts = true;
	port->started = true;
	return 0;
}

void
dp_port_stop(struct dp_port *port)
{
	if (port->started)
		rte_eth_dev_stop(port->ethdev);
	port->started = false;
}

void
dp_port_close(struct dp_port *port, struct rte_mempool *pool)
{
	if (port->vlan != 0) {
		port->below->vlan_port[port->vlan] = DP_VLAN_NONE;
		return;
	}
	if (!port->unplugged)
		close_device(port, pool);
	dp_iface_release(port);
}

static void
keep_counts(struct dp_port *port)
{
	struct rte_eth_stats eth = {0};
	if (rte_eth_stats_get(port->ethdev, &eth) < 0)
		return;
	port->past.rx_missed += eth.imissed;
	port->past.rx_errors += eth.ierrors;
	port->past.rx_nombuf += eth.rx_nombuf;
	port->past.tx_errors += eth.oerrors;
}

unsigned
dp_port_device_close(struct dp_port *port, struct rte_mempool *pool)
{
	const unsigned took = port->queue_buffers * port->rx_queues;
	keep_counts(port);
	dp_port_stop(port);
	const unsigned back = close_device(port, pool);
	port->unplugged = true;
	return back < took ? took - back : 0;
}

/* The drivers on kernel interfaces say "up" whatever happens: there the kernel is asked. */
bool
dp_port_link_up(const struct dp_port *port)
{
	struct rte_eth_link link = {0};
	if (dp_port_gone(port))
		return false;
	if (port->iface[0] != 0)
		return (dp_iface_flags(port) & IFF_RUNNING) != 0;
	return rte_eth_link_get_nowait(port->ethdev, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

bool
dp_port_gone(const struct dp_port *port)
{
	struct ifreq ifr = {.ifr_ifindex = port->ifindex};
	return port->unplugged ||
	       (port->iface[0] != 0 && ioctl(port->lock_fd, SIOCGIFNAME, &ifr) < 0 && errno == ENODEV);
}

bool
dp_port_back(const struct dp_port *port)
{
	return port->unplugged && (port->iface[0] == 0 || (dp_iface_flags_of(port, dp_iface_find(port)) & IFF_UP) != 0);
}

bool
dp_port_has_addr(const struct dp_port *port, rte_be32_t addr_be)
{
	const struct dp_addrs *addrs =
	    __atomic_load_n(&port->addrs, __ATOMIC_ACQUIRE); /* pairs with dp_port_addrs_set() */
	for (unsigned i = 0; addrs != NULL && i < addrs->n; i++)
		if (addrs->addr_be[i] == addr_be)
			return true;
	return false;
}

bool
dp_port_has_addr_v6(const struct dp_port *port, const uint8_t addr[16])
{
	const struct dp_addrs *addrs =
	    __atomic_load_n(&port->addrs, __ATOMIC_ACQUIRE); /* pairs with dp_port_addrs_set() */
	for (unsigned i = 0; addrs != NULL && i < addrs->n_v6; i++)
		if (memcmp(addrs->addr_v6[i], addr, sizeof(addrs->addr_v6[i])) == 0)
			return true;
	return false;
}
