/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway with threads for a test of what they share: two workers, each with a queue of each port, the twins' thread; a host
 * inside of two virtual networks that have the same addresses; and a wire that plays the peer: it opens what the gateway seals
 * with code of its own, and sends each packet back to where it came from in an SA of the other direction.
 *
 * The test's threads tell each other only numbers, by relaxed atomics, so that none of them brings about an order between
 * two threads of the gateway that the gateway does not make itself. Keys are known by the SPI. */
#ifndef TEST_THREADS_RIG_H
#define TEST_THREADS_RIG_H

#include "tests/unit/dataplane/gateway.h"

#define RIG_WORKERS 2
#define RIG_QUEUES  RIG_WORKERS
#define RIG_RARE    0x0a01004du /* 10.1.0.77: a host whose MAC is not always known */
#define RIG_SINK    0x0a03000au /* 10.3.0.10: behind the peer, too; what goes there does not come back */

enum rig_port { RIG_WAN, RIG_BLUE, RIG_RED, RIG_PORTS };

/* BLUE: ESP with ESN between 10.1/24 and 10.2/24 of vnet 1. RED: ESP in UDP between the same of vnet 2. SINK: an SA that ends
 * after some packets, from 10.1/24 to 10.3/24 of vnet 1; one way. */
enum rig_tunnel { RIG_TUNNEL_BLUE, RIG_TUNNEL_RED, RIG_TUNNEL_SINK, RIG_TUNNELS };

#define RIG_KEYS_MAX 4096 /* one after the other, of a tunnel */

struct rig {
	struct dp *dp;
	struct sadb *db;
	struct sadb_vnet *vnet[2];
	struct rte_ring *rx[RIG_PORTS][RIG_QUEUES], *tx[RIG_PORTS][RIG_QUEUES];
	char store[64];
	/* numbers that threads tell each other */
	uint64_t packets, packets_max; /* to be sent by the host: at least, and at most */
	uint8_t enough;   /* the control thread has seen all that it waits for: no more than packets need be sent */
	bool race;        /* the host looks at a frame after it gave it away */
	uint8_t stop;     /* the host's and the wire's threads end */
	uint32_t asked;   /* the control thread wants to know that all sealed before has come back to the gateway... */
	uint32_t drained; /* ...and so it has, by that number */
	uint16_t peer_port; /* of the peer of RED, as the wire uses it */
	const char *wrong;  /* the first thing that was */
	/* counted by one thread each; read by others for progress */
	uint64_t sent, back, sunk_sent, pings, answers; /* host */
	uint8_t sent_all;
	uint64_t sealed, sunk, twice, tampered, cut; /* wire */
};

/* Once per process; -1: skipped. */
int rig_process_start(void);
/* Up to dp_start(), which is the test's. */
void rig_start(struct rig *rig);
/* What both workers dropped so far, by reason. */
void rig_drops(const struct rig *rig, uint64_t drops[DP_DROP_COUNT]);
/* How many of them were the host's, for want of time or room: that happens to the best of gateways. */
uint64_t rig_lost(const uint64_t drops[DP_DROP_COUNT]);
/* After the threads: stops the gateway, checks that each worker has had its share of a whole run and that its counts balance, and
 * leaves nothing behind. */
void rig_stop(struct rig *rig, uint64_t drops[DP_DROP_COUNT]);

/* The SA with that number of a tunnel, as the peer sees it; in: what the gateway receives. */
struct witness_sa rig_sa(enum rig_tunnel tunnel, unsigned number, bool in);
/* Whose is it? False: nobody's. */
bool rig_spi_read(uint32_t spi, enum rig_tunnel *tunnel, unsigned *number);

/* Threads; arg is the rig. They end by stop. */
void *rig_host_main(void *arg);
void *rig_wire_main(void *arg);

/* ---- for these threads ---- */
/* Gives an IP packet in an Ethernet frame to a port's queue, and waits while that is full. Returns the buffer, which is no
 * longer the caller's. NULL: the test ends. */
struct rte_mbuf *rig_put(struct rig *rig, enum rig_port port, unsigned queue, const uint8_t *ip, size_t bytes);
/* Takes the IPv4 packet that comes next out of a port. Returns its bytes, 0: there is none. Other frames are passed over. */
size_t rig_take(struct rig *rig, enum rig_port port, unsigned queue, uint8_t ip[2048]);
/* Notes what is wrong, unless something was. */
void rig_wrong(struct rig *rig, const char *what);

static inline void
rig_tell(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED); /* orders nothing: see above */
}

static inline uint64_t
rig_told(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static inline bool
rig_stopped(const struct rig *rig)
{
	return __atomic_load_n(&rig->stop, __ATOMIC_RELAXED) != 0;
}

#endif
