/* SPDX-License-Identifier: BSD-3-Clause
 * Puts fragments of ESP, and of UDP around it, together before anything else looks at them (RFC 791 3.2, 8200 4.5, 4303 3.4.1):
 * one table for all workers, of fixed size. What lies there is ciphertext that nobody has verified yet. */
#ifndef DP_REASSEMBLY_H
#define DP_REASSEMBLY_H

#include <stdint.h>

struct dp_reassembly;
struct dp_worker;
struct rte_mbuf;

/* Control thread, before the workers start and after they ended. NULL: no memory. */
struct dp_reassembly *dp_reassembly_create(void);
void dp_reassembly_destroy(struct dp_reassembly *table);

/* Worker: takes a fragment of IPv4, a whole frame as received whose header is verified. Returns the frame of the whole packet
 * when this was what it lacked, else NULL: it was taken (and counts as joined), or dropped. */
struct rte_mbuf *dp_reassemble(struct dp_worker *w, struct rte_mbuf *m);
/* The same of IPv6, with a fragment header at that offset of the IP packet, and no atomic one. Of the whole packet there are the
 * IPv6 header and what was cut; extension headers that each fragment had before are looked at and left out. */
struct rte_mbuf *dp_reassemble_v6(struct dp_worker *w, struct rte_mbuf *m, uint16_t at);

/* Worker, once a round: drops what waited too long. */
void dp_reassembly_poll(struct dp_worker *w);

#endif
