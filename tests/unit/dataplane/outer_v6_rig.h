/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway as in ipv6_rig.h whose two SAs have IPv6 addresses outside, and their peer. The outer headers are written and
 * checked here once more, by RFC 8200. */
#ifndef TEST_OUTER_V6_RIG_H
#define TEST_OUTER_V6_RIG_H

#include "tests/unit/dataplane/ipv6_rig.h"

#define OUTER_WAN      "2001:db8:f::1" /* the gateway's outer address */
#define OUTER_PEER     "2001:db8:f::2"
#define OUTER_PORT     4500
#define OUTER_PEERPORT 61000 /* the peer's, with UDP */

/* Policies and SAs of ipv6_rig.h, over IPv6; udp: in UDP. */
void outer_start(struct gateway *gw, uint32_t flags, uint16_t mtu, bool udp);
/* The addresses, routes and neighbours alone. */
void outer_underlay(struct gateway *gw);
/* An SA that the witness knows, as it is at the start; to be altered, then added or updated. */
struct sadb_sa_config outer_sa(const struct witness_sa *sa, uint32_t flags, bool udp);
struct sadb_sa *outer_sa_find(struct gateway *gw, bool out);

/* What the witness sealed (its IPv4 header goes, with its TOS) from the peer to the gateway. Returns the new length. */
size_t outer_wrap(uint8_t *packet, size_t bytes, bool udp);
/* The other way: checks every field of what the gateway sent, and makes it a packet for witness_open(). NULL, or what is wrong. */
const char *outer_unwrap(uint8_t *packet, size_t *bytes, const struct witness_sa *sa, bool udp);
/* Seals inner as the peer, and wraps it. */
size_t outer_seal(struct gateway *gw, uint64_t seq, const uint8_t *inner, size_t inner_bytes, uint8_t *wire, bool udp);
/* One's complement sum of a packet's upper layer with its pseudo-header (RFC 8200 8.1): 0xffff if its checksum is right. */
uint32_t outer_sum(const uint8_t *packet, size_t bytes, uint8_t proto);

#endif
