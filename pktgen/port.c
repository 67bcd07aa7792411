/* SPDX-License-Identifier: BSD-3-Clause
 * A DPDK port for the generator. Main thread. */
#include "pktgen/port.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "pktgen/eal.h"

#define DESCRIPTORS 1024
#define SETTLE_MS   1000
#define POOL_CACHE  256
#define POOL_PRIV   64 /* of a buffer: the alignment that AF_XDP needs */

static int
fail(const struct pg_port_config *config, int rc, const char *what, struct pg_error *err)
{
	return pg_error_set(err, rc, "%s: device %s: %s: %s", config->where, config->device, what, strerror(-rc));
}

/* Devices that sit on a kernel interface name it; NULL: this one does not. */
static const char *
on_interface(const char *device)
{
	const char *at = strstr(device, "iface=");
	return at != NULL && strncmp(device, "net_tap", 7) != 0 ? at + strlen("iface=") : NULL;
}

/* The interface's MTU is the operator's: it must do, and is not changed. */
static int
check_interface_mtu(const struct pg_port_config *config, const char *name, struct pg_error *err)
{
	struct ifreq request = {.ifr_mtu = 0};
	const int mtu = config->max_frame - RTE_ETHER_HDR_LEN;
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(request.ifr_name, name, IFNAMSIZ);
	if (fd < 0 || ioctl(fd, SIOCGIFMTU, &request) < 0)
		request.ifr_mtu = mtu; /* the loss will show whether it does */
	if (fd >= 0)
		close(fd);
	if (request.ifr_mtu >= mtu)
		return 0;
	return pg_error_set(
	    err, -EMSGSIZE,
	    "%s: device %s: interface %s has mtu %d, frames of %u bytes need %d (ip link set %s mtu %d)", config->where,
	    config->device, name, request.ifr_mtu, config->max_frame, mtu, name, mtu);
}

/* Says plainly when an interface is not there, since the driver's error does not. */
static int
check_interface(const struct pg_port_config *config, struct pg_error *err)
{
	char name[IFNAMSIZ] = "";
	const char *at = on_interface(config->device);
	if (at == NULL)
		return 0;
	const size_t len = strcspn(at, ",");
	if (len == 0 || len >= sizeof(name))
		return pg_error_set(err, -EINVAL, "%s: device %s: iface= wants an interface name of 1 to %zu letters",
				    config->where, config->device, sizeof(name) - 1);
	memcpy(name, at, len);
	if (if_nametoindex(name) == 0)
		return pg_error_set(err, -ENODEV, "%s: device %s: no network interface named %s (see 'ip link')",
				    config->where, config->device, name);
	return check_interface_mtu(config, name, err);
}

/* Likewise the folder of a socket that two processes meet at. */
static int
check_socket(const struct pg_port_config *config, struct pg_error *err)
{
	const char *at = strstr(config->device, "socket=/");
	char path[PATH_MAX];

	if (at == NULL || strstr(config->device, "socket-abstract=no") == NULL)
		return 0;
	at += strlen("socket=");
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(at, ","), at);
	*strrchr(path, '/') = '\0';
	if (access(path[0] != '\0' ? path : "/", W_OK | X_OK) == 0)
		return 0;
	const int rc = -errno;
	return pg_error_set(err, rc, "%s: device %s: folder %s of its socket: %s", config->where, config->device, path,
			    strerror(-rc));
}

static int
probe(struct pg_port *port, const struct pg_port_config *config, struct pg_error *err)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_dev_iterator it;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(config->device, ","), config->device);
	if (rte_eth_dev_get_port_by_name(name, &port->id) == 0) {
		/* A PCI device is there from DPDK's start on; a virtual one that is there already belongs to the other port. */
		if (strchr(name, ':') != NULL)
			return 0;
		return pg_error_set(err, -EEXIST,
				    "%s: device %s: the other port uses that name; give each its own number",
				    config->where, config->device);
	}
	const int rc = rte_dev_probe(config->device);
	if (rc < 0)
		return pg_error_set(
		    err, rc,
		    "%s: device %s: DPDK cannot open it: no such device or driver, a wrong argument, or "
		    "in use (-v shows its messages)",
		    config->where, config->device);
	if (rte_eth_dev_get_port_by_name(name, &port->id) == 0)
		return 0;
	RTE_ETH_FOREACH_MATCHING_DEV(port->id, config->device, &it)
	{
		rte_eth_iterator_cleanup(&it);
		return 0;
	}
	return pg_error_set(err, -ENODEV, "%s: device %s: it is no Ethernet device", config->where, config->device);
}

/* A device that cannot change its MTU (virtual ones) keeps what it has; what it then carries the loss will show. */
static int
set_mtu(const struct pg_port *port, const struct pg_port_config *config, const struct rte_eth_dev_info *info,
	struct pg_error *err)
{
	const uint16_t mtu = (uint16_t)(config->max_frame - RTE_ETHER_HDR_LEN);
	if (mtu <= RTE_ETHER_MTU || on_interface(config->device) != NULL)
		return 0;
	if (info->max_mtu != 0 && mtu > info->max_mtu)
		return pg_error_set(
		    err, -EINVAL, "%s: device %s: carries frames of up to %u bytes, the scenario has %u", config->where,
		    config->device, info->max_mtu + RTE_ETHER_HDR_LEN, config->max_frame);
	const int rc = rte_eth_dev_set_mtu(port->id, mtu);
	return rc == 0 || rc == -ENOTSUP ? 0 : fail(config, rc, "cannot carry such large frames", err);
}

static int
set_up(struct pg_port *port, const struct pg_port_config *config, struct pg_error *err)
{
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	struct rte_eth_dev_info info;
	uint16_t rx_n = DESCRIPTORS, tx_n = DESCRIPTORS;

	int rc = rte_eth_dev_info_get(port->id, &info);
	if (rc < 0)
		return fail(config, rc, "cannot ask what it can do", err);
	port->tx_queues = config->two_queues && info.max_tx_queues > 1 ? 2 : 1;
	if (config->max_frame > config->buffer_room - RTE_PKTMBUF_HEADROOM)
		return fail(config, -EMSGSIZE, "its buffers are too small", err);
	rc = rte_eth_dev_configure(port->id, 1, port->tx_queues, &conf);
	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx_n, &tx_n);
	if (rc < 0)
		return fail(config, rc, "cannot configure it", err);
	port->rx_ring = rx_n;
	rc = set_mtu(port, config, &info, err);
	if (rc < 0)
		return rc;
	rc = rte_eth_rx_queue_setup(port->id, 0, rx_n, SOCKET_ID_ANY, NULL, port->pool);
	if (rc < 0)
		return fail(config, rc, "cannot set up its receive queue (is another program on it?)", err);
	for (uint16_t q = 0; q < port->tx_queues && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(port->id, q, tx_n, SOCKET_ID_ANY, NULL);
	if (rc < 0)
		return fail(config, rc, "cannot set up its transmit queue", err);
	rc = rte_eth_dev_start(port->id);
	return rc < 0 ? fail(config, rc, "cannot start it", err) : 0;
}

int
pg_port_open(struct pg_port *port, const struct pg_port_config *config, struct pg_error *err)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	*port = (struct pg_port){.id = RTE_MAX_ETHPORTS};
	int rc = check_interface(config, err);
	if (rc == 0)
		rc = check_socket(config, err);
	if (rc == 0)
		rc = probe(port, config, err);
	if (rc < 0)
		return rc;
	snprintf(name, sizeof(name), "pg-port-%u", port->id);
	port->pool = rte_pktmbuf_pool_create(name, PG_POOL_FRAMES, POOL_CACHE, POOL_PRIV, (uint16_t)config->buffer_room,
					     SOCKET_ID_ANY);
	if (port->pool == NULL)
		rc = fail(config, -rte_errno, "no memory for its packet buffers", err);
	else
		rc = set_up(port, config, err);
	if (rc < 0) {
		pg_port_close(port);
		return rc;
	}
	memcpy(&port->mac, config->mac, sizeof(port->mac));
	if (rte_is_zero_ether_addr(&port->mac))
		rte_eth_macaddr_get(port->id, &port->mac);
	if (rte_is_zero_ether_addr(&port->mac)) /* a software device without one */
		rte_eth_random_addr(port->mac.addr_bytes);
	/* Frames may come to any of the hosts it plays. Not every device can, or needs to. */
	rte_eth_promiscuous_enable(port->id);
	return 0;
}

static void
pass_by(void *arg)
{
	__atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE); /* pairs with the acquire in settle() */
}

/* When a port closes, its peer may be another port of this process (memif), and then DPDK's interrupt thread takes that
 * one's link down, which must not happen while we close it: it crashes. The thread works off what is pending in rounds;
 * one alarm passes in the present round or the next, so the second one finds the round over that began before it. */
static void
settle(void)
{
	for (unsigned round = 0; round < 2; round++) {
		static bool passed;                                 /* outlives a late alarm */
		__atomic_store_n(&passed, false, __ATOMIC_RELAXED); /* the alarm is set after it */
		if (rte_eal_alarm_set(1, pass_by, &passed) < 0)
			return;
		for (unsigned ms = 0; ms < SETTLE_MS && !__atomic_load_n(&passed, __ATOMIC_ACQUIRE); ms++)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* pairs with pass_by() */
	}
}

void
pg_port_close(struct pg_port *port)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_is_valid_port(port->id) && rte_eth_dev_info_get(port->id, &info) == 0) {
		rte_eth_promiscuous_disable(port->id); /* a kernel interface would stay so */
		rte_eth_dev_stop(port->id);
		rte_eth_dev_close(port->id);
		if (info.device != NULL)
			rte_dev_remove(info.device);
		settle();
	}
	rte_mempool_free(port->pool);
	*port = (struct pg_port){.id = RTE_MAX_ETHPORTS};
}

bool
pg_port_link_up(struct pg_port *port)
{
	struct rte_eth_link link = {0};
	if (rte_eth_link_get_nowait(port->id, &link) < 0 || link.link_status != RTE_ETH_LINK_UP)
		return false;
	port->link_bits = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN ? (uint64_t)link.link_speed * 1000000 : 0;
	return true;
}
