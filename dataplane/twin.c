/* SPDX-License-Identifier: BSD-3-Clause
 * The kernel's twin of each port: a TAP device that lives as long as the daemon's file descriptor, and the thread that
 * moves frames between the TAPs and the workers' rings, so that no worker makes a system call for them. */
#include "dataplane/dp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "dataplane/ring.h"

#define PUNT_RING  1024
#define TWIN_BURST 32
#define POLL_MS    1 /* how long a punted frame may wait: workers do not wake this thread, that would be a system call */

static int
set_mac(const char *name, const struct rte_ether_addr *mac, int *ifindex)
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = 0;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, RTE_ETHER_ADDR_LEN);
	if (ioctl(fd, SIOCSIFHWADDR, &ifr) < 0)
		rc = -errno;
	*ifindex = (int)if_nametoindex(name);
	close(fd);
	return rc;
}

int
dp_netns_enter(const struct dp_netns *netns)
{
	int before = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (before >= 0 && setns(netns->fd, CLONE_NEWNET) == 0)
		return before;
	int rc = -errno;
	if (before >= 0)
		close(before);
	return rc;
}

int
dp_netns_leave(int before)
{
	int rc = setns(before, CLONE_NEWNET) < 0 ? -errno : 0;
	close(before);
	return rc;
}

/* In the namespace where the thread is. It stays there, wherever its descriptor is used. */
static int
open_tap(struct dp_port *port, struct dp_error *err)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int rc;

	if (if_nametoindex(port->config.name) != 0) {
		snprintf(err->text, sizeof(err->text),
			 "port %s: a network interface of that name exists already; choose another name for the port",
			 port->config.name);
		return -EEXIST;
	}
	port->tap_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", port->config.name);
	if (port->tap_fd < 0 || ioctl(port->tap_fd, TUNSETIFF, &ifr) < 0) {
		rc = -errno;
		snprintf(err->text, sizeof(err->text),
			 "port %s: cannot make its twin (TAP device): %s; is the tun driver there?", port->config.name,
			 strerror(-rc));
		return rc;
	}
	rc = set_mac(port->config.name, &port->mac, &port->twin_ifindex);
	if (rc < 0)
		snprintf(err->text, sizeof(err->text), "port %s: cannot set the twin's MAC address: %s",
			 port->config.name, strerror(-rc));
	return rc;
}

static int
open_tap_there(struct dp_port *port, struct dp_error *err)
{
	const struct dp_netns *netns = port->config.netns;
	if (netns == NULL)
		return open_tap(port, err);
	int before = dp_netns_enter(netns);
	int rc = before < 0 ? before : open_tap(port, err);
	int back = before < 0 ? before : dp_netns_leave(before);
	if (back < 0)
		snprintf(err->text, sizeof(err->text), "port %s: cannot change to or from network namespace %s: %s",
			 port->config.name, netns->name, strerror(-back));
	return rc < 0 ? rc : back;
}

int
dp_twin_open(struct dp_port *port, struct dp_error *err)
{
	char ring_name[RTE_RING_NAMESIZE];

	port->tap_fd = -1;
	snprintf(ring_name, sizeof(ring_name), "punt-%u", port->number);
	port->punt = dp_ring_create(ring_name, sizeof(struct rte_mbuf *), PUNT_RING);
	if (port->punt == NULL) {
		snprintf(err->text, sizeof(err->text), "port %s: no memory for its punt ring", port->config.name);
		return -ENOMEM;
	}
	if (port->config.twinless || port->vnet == NULL)
		return 0;
	int rc = open_tap_there(port, err);
	if (rc < 0)
		dp_twin_close(port);
	return rc;
}

void
dp_twin_close(struct dp_port *port)
{
	struct rte_mbuf *m;
	if (port->punt != NULL) {
		while (dp_ring_take_packets(port->punt, &m, 1) > 0)
			rte_pktmbuf_free(m);
		rte_ring_free(port->punt);
		port->punt = NULL;
	}
	if (port->tap_fd >= 0)
		close(port->tap_fd); /* not persistent: the device goes with it */
	port->tap_fd = -1;
}

int
dp_twin_restore(struct dp *dp, uint16_t number, struct dp_error *err)
{
	struct dp_port *port = dp->port[number];
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int rc = 0;

	memcpy(ifr.ifr_name, port->config.name, sizeof(ifr.ifr_name));
	if (ioctl(port->tap_fd, TUNSETIFINDEX, &port->twin_ifindex) < 0 || ioctl(port->tap_fd, TUNSETIFF, &ifr) < 0)
		rc = -errno;
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, port->mac.addr_bytes, RTE_ETHER_ADDR_LEN);
	if (rc == 0 && ioctl(port->tap_fd, SIOCSIFHWADDR, &ifr) < 0)
		rc = -errno;
	if (rc < 0)
		snprintf(err->text, sizeof(err->text), "port %s: cannot make its twin again: %s", port->config.name,
			 strerror(-rc));
	else
		__atomic_store_n(&port->twin_lost, 0, __ATOMIC_RELEASE); /* pairs with the acquire in watch_twin() */
	return rc;
}

static unsigned
punt_to_tap(struct dp_port *port)
{
	struct rte_mbuf *frame[TWIN_BURST];
	unsigned n = dp_ring_take_packets(port->punt, frame, TWIN_BURST);
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = frame[i];
		ssize_t wrote = write(port->tap_fd, rte_pktmbuf_mtod(m, void *), m->data_len);
		dp_count(wrote == (ssize_t)m->data_len ? &port->punted : &port->punt_dropped, 1);
		rte_pktmbuf_free(m);
	}
	return n;
}

/* Reads one frame into a fresh buffer. NULL: nothing there, or no buffer (then the frame is read and lost, counted). */
static struct rte_mbuf *
read_frame(struct dp *dp, struct dp_port *port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
	char lost[64];
	if (m == NULL) {
		if (read(port->tap_fd, lost, sizeof(lost)) > 0)
			dp_count(&port->inject_dropped, 1);
		return NULL;
	}
	ssize_t got = read(port->tap_fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
	if (got <= 0) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	m->data_len = (uint16_t)got;
	m->pkt_len = (uint32_t)got;
	dp_meta(m)->in_port = port->number;
	return m;
}

static unsigned
tap_to_worker(struct dp *dp, struct dp_port *port)
{
	/* One worker a port, so that what the kernel sends keeps its order. */
	struct dp_worker *w = dp->worker[port->number % dp->n_workers];
	unsigned n = 0;
	struct rte_mbuf *m;
	while (n < TWIN_BURST && (m = read_frame(dp, port)) != NULL) {
		n++;
		if (rte_ring_sp_enqueue(w->inject, m) == 0) {
			dp_count(&port->injected, 1);
		} else {
			dp_count(&port->inject_dropped, 1);
			rte_pktmbuf_free(m);
		}
	}
	return n;
}

/* A twin that was deleted says so for ever: it is not asked until it is there again. Meanwhile punts to it fail and are
 * counted. */
static void
watch_twin(const struct dp_port *port, struct pollfd *fd)
{
	/* pairs with the release in dp_twin_restore() */
	fd->fd = __atomic_load_n(&port->twin_lost, __ATOMIC_ACQUIRE) ? -1 : port->tap_fd;
}

static void *
twin_main(void *arg)
{
	struct dp *dp = arg;
	struct pollfd fds[DP_MAX_PORTS];

	for (unsigned i = 0; i < dp->n_ports; i++)
		fds[i] = (struct pollfd){.fd = dp->port[i]->tap_fd, .events = POLLIN};
	/* pairs with the release in dp_twins_stop() */
	while (!__atomic_load_n(&dp->twin_stop, __ATOMIC_ACQUIRE)) {
		unsigned moved = 0;
		for (unsigned i = 0; i < dp->n_ports; i++) {
			moved += punt_to_tap(dp->port[i]);
			watch_twin(dp->port[i], &fds[i]);
		}
		if (poll(fds, dp->n_ports, moved > 0 ? 0 : POLL_MS) <= 0)
			continue;
		for (unsigned i = 0; i < dp->n_ports; i++) {
			if (fds[i].revents & POLLIN)
				tap_to_worker(dp, dp->port[i]);
			else if (fds[i].revents & (POLLERR | POLLHUP | POLLNVAL))
				__atomic_store_n(&dp->port[i]->twin_lost, 1, __ATOMIC_RELAXED);
		}
	}
	for (unsigned i = 0; i < dp->n_ports; i++)
		while (punt_to_tap(dp->port[i]) > 0)
			;
	return NULL;
}

int
dp_twins_start(struct dp *dp, struct dp_error *err)
{
	int rc = pthread_create(&dp->twin_thread, NULL, twin_main, dp);
	if (rc != 0) {
		snprintf(err->text, sizeof(err->text), "cannot start the twins' thread: %s", strerror(rc));
		return -rc;
	}
	pthread_setname_np(dp->twin_thread, "culvert-twins");
	dp->twin_running = true;
	return 0;
}

void
dp_twins_stop(struct dp *dp)
{
	if (!dp->twin_running)
		return;
	__atomic_store_n(&dp->twin_stop, 1, __ATOMIC_RELEASE); /* pairs with the acquire in twin_main() */
	pthread_join(dp->twin_thread, NULL);
	dp->twin_running = false;
}
