/* SPDX-License-Identifier: BSD-3-Clause
 * A whole gateway (tests/unit/dataplane/gateway.h) for inputs without end: SAs and policies of every kind, and after each
 * input the books: every packet is accounted for, every buffer is back. */
#ifndef TEST_FUZZ_GATEWAY_H
#define TEST_FUZZ_GATEWAY_H

#include "tests/fuzz/fuzz.h"
#include "tests/unit/dataplane/gateway.h"

#define FUZZ_FRAME 1536 /* most bytes of an IP packet that an input may make */

/* Inbound SAs: plain, with ESN, in UDP, with a selector of one host, with ChaCha20-Poly1305, with AES-GMAC, over IPv6, in UDP
 * over IPv6. All may carry what the policies protect. And one in transport mode, between the outer addresses of IPv4. */
enum {
	FUZZ_IN_PLAIN,
	FUZZ_IN_ESN,
	FUZZ_IN_UDP,
	FUZZ_IN_HOST,
	FUZZ_IN_CHACHA,
	FUZZ_IN_GMAC,
	FUZZ_IN_V6,
	FUZZ_IN_V6_UDP,
	FUZZ_IN_TRANSPORT,
	FUZZ_INS
};

static inline bool
fuzz_is_v6(unsigned which)
{
	return which == FUZZ_IN_V6 || which == FUZZ_IN_V6_UDP;
}

/* Outbound SAs: plain to 10.2.0.0/24, with ESN in UDP to 10.3.0.0/24, over IPv6 to 10.8.0.0/24. */
enum { FUZZ_OUT_PLAIN, FUZZ_OUT_UDP, FUZZ_OUT_V6, FUZZ_OUTS };

struct fuzz_sa {
	struct witness_sa sa;
	uint64_t top; /* the highest number used */
};

struct fuzz_gateway {
	struct gateway gw;
	struct fuzz_sa in[FUZZ_INS], out[FUZZ_OUTS];
	unsigned buffers; /* in the pool when nothing is under way */
};
extern struct fuzz_gateway fuzz_gw;

/* Once. Beside what ipv6_rig.h has: from 10.1.0.0/24, what goes to 10.3.0.0/24 is protected, to 10.4.0.0/24 blocked, to
 * 10.5.0.0/24 let through, to 10.6.0.0/24 protected without an SA, to 10.7.0.0/24 protected for UDP port 500 only, to
 * 10.8.0.0/24 protected over IPv6. */
void fuzz_gateway_start(void);

/* Puts an inbound SA's top beyond the window of numbers that were used; an SA without numbers left gets a new key. */
void fuzz_in_advance(unsigned which);

/* A frame to the port: an Ethernet header, or the frame's own after bytes [0, 6), which become the port's address. false: it
 * is longer than any port receives. */
bool fuzz_put_packet(enum gw_port port, const uint8_t *ip, size_t bytes);
bool fuzz_put_frame(enum gw_port port, const uint8_t *frame, size_t bytes);
/* What the gateway's own kernel sends inside. */
void fuzz_inject(const uint8_t *ip, size_t bytes);

/* Makes the checksum of an IPv4 header right, if one is there. */
void fuzz_checksum(uint8_t *ip, size_t bytes);

/* Turns the gateway until it rests, hands over what it sent and punted (without Ethernet header), and closes the books. */
typedef void (*fuzz_left_fn)(enum gw_port port, bool punted, const uint8_t *ip, size_t bytes);
void fuzz_settle(fuzz_left_fn left);

#endif
