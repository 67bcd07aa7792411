/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway as in outer_v6_rig.h with SAs and policies in transport mode between its own outer address and the peer's, of either
 * family; and the packets of the two. */
#ifndef TEST_TRANSPORT_RIG_H
#define TEST_TRANSPORT_RIG_H

#include "tests/unit/dataplane/outer_v6_rig.h"

/* One end's view of the SAs. */
struct host {
	struct gateway gw;
	bool v6, udp;
	uint8_t head; /* bytes of the IP header */
};

struct sadb_addr transport_own(bool v6);
struct sadb_addr transport_peer(bool v6);
/* As it is at the start, for that protocol; to be altered, then set. */
struct sadb_policy_config transport_policy(const struct host *h, enum sadb_policy_dir dir, uint8_t proto);
/* Policies for that protocol (0: all) each way. */
void transport_start(struct host *h, bool v6, bool udp, uint8_t proto);

/* A packet between the two ends. Returns its length. */
size_t transport_packet(const struct host *h, bool out, uint8_t proto, uint16_t sport, uint16_t dport, size_t l4,
			uint8_t *ip);
/* What left last is that packet sealed; fails the test otherwise. */
void transport_assert_sealed(struct host *h, const uint8_t *plain, size_t bytes);
/* What the peer makes of a plain packet. */
size_t transport_seal(struct host *h, uint64_t seq, const uint8_t *plain, size_t bytes, uint8_t *wire);
/* What the twin gets next, without its Ethernet header; 0: nothing. */
size_t transport_twin_takes(struct host *h, uint8_t *ip);

#endif
