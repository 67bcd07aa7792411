/* SPDX-License-Identifier: BSD-3-Clause
 * A whole gateway as in gateway.h, with IPv6 inside besides: routes, neighbours and policies; and packets for it. */
#ifndef TEST_IPV6_RIG_H
#define TEST_IPV6_RIG_H

#include "dataplane/ipv6.h"
#include "tests/unit/dataplane/gateway.h"

#define RIG_BUFFER 4096
#define RIG_LAN    "2001:db8:1::1" /* the gateway inside */
#define RIG_HOST   "2001:db8:1::a" /* a host inside */
#define RIG_FAR    "2001:db8:2::a" /* a host behind the peer */
#define RIG_OWN_LL "fe80::1"       /* the gateway on its inside link */

extern const struct witness_twist rig_inside; /* next header 41 */

struct sadb_addr rig_address(const char *text);
struct sadb_prefix rig_prefix(const char *text);

/* Policies 2001:db8:1::/64 <-> 2001:db8:2::/64 beside those for IPv4; 2001:db8:7::/64 is behind the router fe80::7,
 * 2001:db8:8::/64 is a blackhole. */
void rig_start(struct gateway *gw);
void rig_start_mtu(struct gateway *gw, uint16_t mtu);
void rig_set_policy(struct gateway *gw, enum sadb_policy_dir dir, const char *src, const char *dst);
void rig_set_neighbour(struct gateway *gw, const char *host); /* the one inside that is known */

/* A UDP packet; what differs is written over it. Returns its length. */
size_t rig_packet(uint8_t *bytes, const char *src, const char *dst, uint16_t payload);
void rig_turn_with(struct gateway *gw, enum gw_port port, const uint8_t *bytes, size_t n);
uint64_t rig_punted(const struct gateway *gw);

#endif
