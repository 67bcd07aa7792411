/* SPDX-License-Identifier: BSD-3-Clause
 * A whole gateway in the test's process: real database, engine and stages, ports made of rings, no thread. The test puts
 * frames in, turns the worker by hand, and takes frames out. */
#ifndef TEST_GATEWAY_H
#define TEST_GATEWAY_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/dp.h"
#include "tests/unit/dataplane/esp_witness.h"

#define GW_WAN  0x0a090001u /* 10.9.0.1: the gateway's outer address */
#define GW_PEER 0x0a090002u /* 10.9.0.2: the other gateway */
#define GW_LAN  0x0a010001u /* 10.1.0.1: the gateway inside */
#define GW_HOST 0x0a01000au /* 10.1.0.10: a host inside */
#define GW_FAR  0x0a02000au /* 10.2.0.10: a host behind the peer */

#define GW_SPI_OUT 0x1001u
#define GW_SPI_IN  0x2001u

enum gw_port { GW_PORT_WAN, GW_PORT_LAN };

struct gateway {
	struct dp *dp;
	struct sadb *db;
	struct sadb_vnet *blue;
	struct dp_worker *w;
	struct rte_ring *rx[2], *tx[2];
	struct witness_sa out, in; /* the peer's view of the two SAs: what opens, what seals */
	bool v6;                   /* frames bear IPv6's EtherType where the port is an inside one */
	bool wan_v6;               /* and where it is not */
};

/* Once per process: namespace of its own, DPDK. 0, or a skip reason is printed and -1 returned (no root). */
int gateway_process_start(void);
/* The same for a gateway with threads. */
int gateway_process_start_workers(unsigned workers);
/* Takes the key itself for its hash. */
int gateway_key_id(const uint8_t *key, uint32_t key_bytes, const uint8_t salt[SADB_SALT_BYTES],
		   uint8_t id[SADB_KEY_ID_BYTES]);

/* Two SAs and policies 10.1.0.0/24 <-> 10.2.0.0/24, neighbours known. flags: SADB_SA_*; window as in the SA. */
void gateway_start(struct gateway *gw, const char *engine, uint32_t flags, uint32_t window);
/* The same with that MTU, not 1500. */
void gateway_start_mtu(struct gateway *gw, const char *engine, uint32_t flags, uint32_t window, uint16_t mtu);
void gateway_stop(struct gateway *gw);

/* ---- changes; seen by the worker after gateway_commit() ---- */
/* An SA that the witness knows, with reqid 1; to be altered, then added. */
struct sadb_sa_config gateway_sa(const struct witness_sa *sa, uint32_t flags, uint32_t window);
void gateway_add_sa(struct gateway *gw, const struct sadb_sa_config *config);
/* The policy of that direction as it is at the start; to be altered, then set. One of the same selector is replaced. */
struct sadb_policy_config gateway_policy(enum sadb_policy_dir dir);
void gateway_set_policy(struct gateway *gw, const struct sadb_policy_config *config);
/* The routes inside: those of the start, and these (at most 6). */
void gateway_routes(struct gateway *gw, const struct sadb_route *more, unsigned n);
void gateway_commit(struct gateway *gw);

/* ---- packets ---- */

/* A buffer with an IPv4 packet in an Ethernet frame to the port. */
struct rte_mbuf *gateway_frame(struct gateway *gw, enum gw_port port, const uint8_t *ip, size_t bytes);
/* Puts an IPv4 packet, in an Ethernet frame to the port, into a port's receive ring. */
void gateway_put(struct gateway *gw, enum gw_port port, const uint8_t *ip, size_t bytes);
/* The same through the port's twin: what the gateway's own kernel sends. */
void gateway_inject(struct gateway *gw, enum gw_port port, const uint8_t *ip, size_t bytes);
/* Adds a policy any to any in the vnet, outbound. */
void gateway_policy_any(struct gateway *gw, enum sadb_action action, uint32_t priority);
/* Turns the worker until nothing is left to do. */
void gateway_turn(struct gateway *gw);
/* Takes one sent frame; returns the bytes of its IP packet (0: none), written to ip. */
size_t gateway_take(struct gateway *gw, enum gw_port port, uint8_t *ip);
/* The frame itself; NULL: none. The caller frees it. */
struct rte_mbuf *gateway_take_frame(struct gateway *gw, enum gw_port port);
/* The witness seals a packet, the worker takes it from the wire; returns what reached the host inside, 0 for nothing. */
size_t gateway_receive(struct gateway *gw, uint64_t seq, const uint8_t *inner, size_t inner_bytes,
		       const struct witness_twist *twist, uint8_t *out);
/* So many of gateway_inbound_packet(), sealed with numbers from first on, and a round. */
void gateway_receive_many(struct gateway *gw, uint64_t first, unsigned n);
uint64_t gateway_dropped(const struct gateway *gw, enum dp_drop reason);
/* Fails the test unless rx = tx + punted + dropped + held + joined. */
void gateway_assert_balanced(const struct gateway *gw);

/* A UDP packet from the host inside to the far one, and the other way round. */
size_t gateway_outbound_packet(uint8_t *ip, uint16_t payload);
size_t gateway_inbound_packet(uint8_t *ip, uint16_t payload);

#endif
