/* SPDX-License-Identifier: BSD-3-Clause
 * What the tests of remembered flows share: UDP packets to port 5000 through a gateway, one at a time. */
#ifndef TEST_FLOW_RIG_H
#define TEST_FLOW_RIG_H

#include "tests/unit/dataplane/gateway.h"

#define FLOW_BUFFER    4096
#define FLOW_OTHER_OUT 0x1007u /* SPIs of SAs that are not there at the start */
#define FLOW_OTHER_IN  0x2007u

struct sadb_addr flow_v4(uint32_t addr);
/* Commits, and frees at once what is withdrawn: who still uses it is caught. */
void flow_commit(struct gateway *gw);
/* How many flows the worker remembers that it may still use. */
unsigned flow_remembered(const struct gateway *gw);
/* A packet of 40 bytes of payload. Returns its length. */
size_t flow_packet(uint8_t *ip, uint32_t src, uint32_t dst, uint16_t sport);
/* Sends one from inside. Returns the SPI under which the wire shows it; 0: it shows none. Fails the test if anything
 * leaves in clear. */
uint32_t flow_send_out(struct gateway *gw, uint32_t src, uint32_t dst, uint16_t sport);
/* Puts one, sealed by the witness, on the wire. */
void flow_put_sealed(struct gateway *gw, const struct witness_sa *sa, uint64_t seq, uint32_t src, uint32_t dst,
		     uint16_t sport);
/* Makes the far host's address one of the gateway's own. */
void flow_far_is_local(struct gateway *gw);

#endif
