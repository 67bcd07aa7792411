/* SPDX-License-Identifier: BSD-3-Clause
 * Addresses, prefixes and selectors: plain values that every room compares and prints. No thread of their own. */
#ifndef SADB_ADDR_H
#define SADB_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <rte_byteorder.h>

/* An IPv4 or IPv6 address in network byte order. An IPv4 address fills the first four bytes; the rest is zero, so that
 * two equal addresses are equal bytes. family is AF_INET, AF_INET6, or AF_UNSPEC for "none". */
struct sadb_addr {
	uint8_t bytes[16];
	uint8_t family;
};

struct sadb_prefix {
	struct sadb_addr addr;
	uint8_t len; /* bits, 0..32 or 0..128 */
};

/* RFC 4301 4.4.1.1. Ports compare under a mask, as XFRM carries them; a zero mask means any port. proto 0 means any. */
struct sadb_selector {
	struct sadb_prefix src;
	struct sadb_prefix dst;
	rte_be16_t sport_be, sport_mask_be;
	rte_be16_t dport_be, dport_mask_be;
	uint8_t proto;
};

/* What a packet shows to a selector. Ports are 0 where the protocol has none. */
struct sadb_flow {
	struct sadb_addr src;
	struct sadb_addr dst;
	rte_be16_t sport_be, dport_be;
	uint8_t proto;
};

#define SADB_ADDR_STRLEN 64 /* holds any prefix in text, with its length and the closing zero */

struct sadb_addr sadb_addr_v4(rte_be32_t addr_be);
rte_be32_t sadb_addr_to_v4(const struct sadb_addr *addr);
struct sadb_addr sadb_addr_v6(const uint8_t bytes[16]);
unsigned sadb_addr_bits(uint8_t family); /* the longest prefix: 32, 128; 0 for AF_UNSPEC and what is no family */
bool sadb_addr_equal(const struct sadb_addr *a, const struct sadb_addr *b);
/* All four words of an IPv6 address, XORed: for hashes, and to see quickly that two differ. */
uint32_t sadb_addr_fold(const uint8_t bytes[16]);

/* Text to value and back. Parsing returns 0 or -EINVAL and leaves out untouched on failure; a prefix may lack its
 * length, which then is the full one. Formatting always terminates buf and returns it. */
int sadb_addr_parse(const char *text, struct sadb_addr *out);
int sadb_prefix_parse(const char *text, struct sadb_prefix *out);
const char *sadb_addr_format(const struct sadb_addr *addr, char *buf, size_t size);
const char *sadb_prefix_format(const struct sadb_prefix *prefix, char *buf, size_t size);

/* Clears the bits beyond the prefix's length: one prefix, one value. */
void sadb_prefix_trim(struct sadb_prefix *prefix);

/* True when addr lies in prefix. A prefix of family AF_UNSPEC holds every address; families never match each other. */
bool sadb_prefix_contains(const struct sadb_prefix *prefix, const struct sadb_addr *addr);
bool sadb_selector_matches(const struct sadb_selector *sel, const struct sadb_flow *flow);
bool sadb_selector_equal(const struct sadb_selector *a, const struct sadb_selector *b);

#endif
