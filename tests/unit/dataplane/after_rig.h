/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway as in ipv6_rig.h whose outbound SA cuts after ESP (RFC 4303 3.3.4), and its peer, who puts the pieces together by
 * RFC 791 and RFC 8200 4.5 before the witness opens what they make. */
#ifndef TEST_AFTER_RIG_H
#define TEST_AFTER_RIG_H

#include <stdbool.h>

#include "tests/unit/dataplane/fragment_rig.h"
#include "tests/unit/dataplane/gateway.h"

#define AFTER_BUFFER 9300
#define AFTER_DF     0x40 /* in the byte where it stands */

struct tunnel {
	struct gateway gw;
	bool outer_v6, udp;
};

struct joined {
	unsigned pieces;
	uint32_t id; /* IPv6: of what was cut; else 0 */
	size_t bytes;
	uint8_t packet[FRAGMENT_RIG_MAX];
};

/* Inside 9000 bytes go through, outside mtu. flags: of the outbound SA. */
void after_start(struct tunnel *t, bool outer_v6, bool udp, uint32_t flags, uint16_t mtu);
void after_update(struct tunnel *t, uint32_t flags, uint16_t pad);

/* From the host inside, that long. */
size_t after_packet(uint8_t *ip, bool v6, size_t bytes, uint8_t df);
void after_put(struct tunnel *t, const uint8_t *ip, size_t bytes);

/* The next packet, whole again; each of its pieces that is not the last is as long as can be. False: none. */
bool after_join(struct tunnel *t, size_t longest, struct joined *out);
/* Opens it. Returns its number; inner: what was sealed. */
uint32_t after_open(struct tunnel *t, struct joined *whole, uint8_t *inner, size_t *inner_bytes);
/* It is that packet, but for the hop that it went. */
void after_assert_inner(const uint8_t *inner, size_t inner_bytes, const uint8_t *ip, size_t bytes);

#endif
