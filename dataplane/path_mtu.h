/* SPDX-License-Identifier: BSD-3-Clause
 * What the underlay tells of an SA's path: ICMP fragmentation needed, ICMPv6 packet too big (RFC 4301 8.2.1, 1191, 8201).
 * Worker threads. */
#ifndef DP_PATH_MTU_H
#define DP_PATH_MTU_H

#include "dataplane/ipv4.h"

struct dp_worker;

/* An ICMP packet to one of the gateway's own underlay addresses: its IP header is verified, and bytes of it are there. If it
 * says that a packet of an SA is too long for a link on its way, the SA's packets are cut to fit, or their senders told. */
void dp_path_mtu_learn(struct dp_worker *w, const struct rte_ipv4_hdr *ip, uint16_t bytes);
/* The same of ICMPv6 right behind its header. */
void dp_path_mtu_learn_v6(struct dp_worker *w, const struct rte_ipv6_hdr *ip, uint16_t bytes);

#endif
