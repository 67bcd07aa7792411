/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway (gateway.h) whose network blue is untagged on the LAN's device and whose network red is a VLAN on it. Their
 * addresses, routes and policies are the same. */
#ifndef TEST_VLAN_RIG_H
#define TEST_VLAN_RIG_H

#include "tests/unit/dataplane/gateway.h"

#define BUFFER 2048
#define RED    20 /* the VLAN of the virtual network of that name */
#define ETHER  14
#define TAG    4

struct vlans {
	struct gateway gw;
	struct sadb_vnet *red;
	uint16_t port; /* red's */
	struct witness_sa out, in;
};

extern const uint8_t vlan_rig_host[6]; /* red's host, with blue's address */

void vlan_rig_start(struct vlans *v);
void vlan_rig_stop(struct vlans *v);

/* A packet behind that many tags, as the bytes of 802.1Q. */
struct rte_mbuf *vlan_rig_tagged(struct vlans *v, const uint8_t *ip, size_t bytes, const uint16_t tags[], unsigned n);
/* Into the LAN's device. */
void vlan_rig_put(struct vlans *v, struct rte_mbuf *m);
void vlan_rig_put_red(struct vlans *v, const uint8_t *ip, size_t bytes);

/* What left to the peer is a packet that this SA sealed. */
void vlan_rig_assert_sealed(struct vlans *v, const struct witness_sa *sa, const uint8_t *ip, size_t bytes);

#endif
