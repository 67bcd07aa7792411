/* SPDX-License-Identifier: BSD-3-Clause
 * The maximum segment size that TCP's SYNs announce (RFC 9293 3.7.1), lowered to what fits a tunnel, so that no host has to
 * learn it by ICMP. Worker threads. */
#ifndef DP_MSS_H
#define DP_MSS_H

#include <stdbool.h>
#include <stdint.h>

struct dp_worker;
struct dp_vec;

/* A TCP header of which bytes are there, in a packet of whichever length: if it is a SYN's, every segment size in it that is
 * greater than most becomes most, and the checksum with it (RFC 1624). True: it changed. Pure. */
bool dp_mss_lower(uint8_t *tcp, uint32_t bytes, uint16_t most);

/* Packets on their way into an SA, and opened ones on their way to a port: those of ports that want it. */
void dp_mss_out(struct dp_worker *w, const struct dp_vec *vec);
void dp_mss_in(struct dp_worker *w, const struct dp_vec *vec);

#endif
