/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway whose two SAs go in UDP (RFC 3948), and their peer. */
#ifndef TEST_UDP_RIG_H
#define TEST_UDP_RIG_H

#include "tests/unit/dataplane/gateway.h"

#define UDP_RIG_NAT_T 4500
#define UDP_RIG_PEER  61000 /* the peer's port, as a NAT made it */

void udp_rig_start(struct gateway *gw, uint32_t flags, uint32_t window);
/* An SA that the witness knows, in UDP; to be altered, then added or updated. */
struct sadb_sa_config udp_rig_sa(const struct witness_sa *sa, uint32_t flags, uint32_t window);
/* What the peer makes of inner, in UDP. Returns its length. */
size_t udp_rig_seal(struct gateway *gw, uint64_t seq, const uint8_t *inner, size_t inner_bytes, uint8_t *wire);
/* The gateway takes a packet from the wire; returns what reached the host inside. */
size_t udp_rig_receive(struct gateway *gw, const uint8_t *wire, size_t bytes, uint8_t *out);

#endif
