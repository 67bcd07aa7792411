/* SPDX-License-Identifier: BSD-3-Clause
 * Ports: a DPDK device, its queues, and its twin in the kernel. Inside the dataplane only. Set up by the control thread
 * before the workers start, and while they pause (replug.c); workers read. */
#ifndef DP_PORT_H
#define DP_PORT_H

#include <net/if.h>

#include <rte_ethdev.h>
#include <rte_spinlock.h>

#include "dataplane/dataplane.h"

#define DP_PORT_ADDRS 64
#define DP_VLANS      4096
#define DP_VLAN_NONE  0xff

/* Addresses of the gateway on one port. Published as a whole. */
struct dp_addrs {
	unsigned n, n_v6;
	rte_be32_t addr_be[DP_PORT_ADDRS];
	uint8_t addr_v6[DP_PORT_ADDRS][16];
};

/* What the device counted before it was unplugged. */
struct dp_port_past {
	uint64_t rx_missed, rx_errors, rx_nombuf, tx_errors;
};

struct dp_port {
	/* read by workers per packet */
	uint16_t ethdev;
	uint16_t number;
	uint16_t mtu;
	uint16_t tx_queues;
	uint16_t vlan;         /* the tag of what leaves; 0: none */
	struct dp_port *below; /* whose device, queues and locks it uses: its own, but a VLAN's are its trunk's */
	struct rte_ether_addr mac;
	bool underlay;
	bool sorts;   /* what the device receives has to be looked at for tags first */
	uint16_t mss; /* see dp_port_mss_set(); relaxed */
	uint8_t up;   /* relaxed; dp_port_poll_link() writes */
	struct sadb_vnet *vnet;
	struct dp_addrs *addrs; /* published; acquire-load */
	/* set-up and display */
	uint16_t rx_queues;
	struct dp_port_config config;
	char device[128];
	char driver[32];
	char iface[IFNAMSIZ]; /* the kernel interface below, "" when there is none */
	bool started;
	rte_spinlock_t tx_lock[DP_MAX_WORKERS]; /* one a queue; taken only where workers share one */
	bool tx_shared;
	int lock_fd;            /* the kernel interface is ours; -1: the device has none */
	int ifindex;            /* of that interface */
	bool unplugged;         /* the device is closed, and may be opened again */
	bool announce;          /* it has another MAC, and no link yet over which neighbours could be told */
	unsigned queue_buffers; /* of the packet pool, that it takes for each queue when it is opened */
	unsigned n_xdp;         /* its AF_XDP sockets */
	int xdp_fd[DP_MAX_WORKERS];
	struct dp_port_past past;
	int tap_fd;        /* the twin; -1 once gone */
	uint8_t twin_lost; /* somebody deleted it: the twin thread says so, dp_twin_restore() takes it back */
	int twin_ifindex;
	struct rte_ring *punt; /* workers -> twin thread */
	/* Of a device's port: whose frames of each VLAN are, those without a tag at 0. A port's number, or DP_VLAN_NONE. */
	uint8_t vlan_port[DP_VLANS];
	/* written by the twin thread */
	uint64_t punted, punt_dropped, injected, inject_dropped;
	/* written by workers, a line each */
	struct {
		alignas(64) uint64_t rx_packets;
		uint64_t rx_bytes, tx_packets, tx_bytes;
	} use[DP_MAX_WORKERS];
};

/* Is it one of the gateway's own addresses on this port? */
bool dp_port_has_addr(const struct dp_port *port, rte_be32_t addr_be);
bool dp_port_has_addr_v6(const struct dp_port *port, const uint8_t addr[16]);

/* Opens the device with that many queue pairs at most. */
int dp_port_open(struct dp_port *port, struct rte_mempool *pool, unsigned workers, struct dp_error *err);
int dp_port_start(struct dp_port *port, struct dp_error *err);
void dp_port_stop(struct dp_port *port);
void dp_port_close(struct dp_port *port, struct rte_mempool *pool);
bool dp_port_link_up(const struct dp_port *port);
/* Is the kernel interface that the device sits on no longer there? Nothing brings that device back. Another name is no harm. */
bool dp_port_gone(const struct dp_port *port);
/* After dp_port_device_close(): is there an interface of the name that it was opened by, and up? */
bool dp_port_back(const struct dp_port *port);

/* The device alone, of a port that is open: closes it, and opens it again, with the MAC and the queues that it has then. No
 * worker may be on it. close returns how many packet buffers it did not give back. */
unsigned dp_port_device_close(struct dp_port *port, struct rte_mempool *pool);
int dp_port_device_open(struct dp_port *port, struct rte_mempool *pool, unsigned workers, struct dp_error *err);

/* The twin: a TAP of the port's name with its MAC. */
int dp_twin_open(struct dp_port *port, struct dp_error *err);
void dp_twin_close(struct dp_port *port);

#endif
