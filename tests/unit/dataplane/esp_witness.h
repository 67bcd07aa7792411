/* SPDX-License-Identifier: BSD-3-Clause
 * An ESP peer of its own for the tests: RFC 4303 with RFC 4106, 7634 and 4543 written once more, on OpenSSL's EVP, sharing no
 * code with the dataplane. Byte buffers in, byte buffers out. */
#ifndef TEST_ESP_WITNESS_H
#define TEST_ESP_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All with 32 bytes of key. */
enum witness_algorithm { WITNESS_AES_GCM, WITNESS_CHACHA, WITNESS_AES_GMAC };

struct witness_sa {
	uint8_t key[32], salt[4];
	enum witness_algorithm algorithm;
	uint32_t spi;
	uint32_t src, dst; /* host order */
	bool esn;
	uint8_t next_header; /* that opened packets must have; 0: that of the IP packet in the tunnel */
};

/* What the tests bend to make bad packets. A zeroed one means a good packet. */
struct witness_twist {
	int pad_extra;       /* more padding than needed */
	bool pad_zero;       /* padding bytes all zero instead of 1, 2, 3 */
	uint8_t pad_length;  /* non-zero: lie about it */
	uint8_t next_header; /* non-zero: instead of 4 */
	uint8_t tos;         /* of the outer header */
	size_t tfc;          /* zero bytes after the inner packet (RFC 4303 2.7) */
};

/* Writes an outer IPv4 packet with ESP around inner. Returns its length. out holds at least inner_bytes + 400. */
size_t witness_seal(const struct witness_sa *sa, uint64_t seq, const uint8_t *inner, size_t inner_bytes,
		    const struct witness_twist *twist, uint8_t *out);

/* Opens an outer IPv4 packet. Checks every field of RFC 791, 4303 and 4106; NULL when all is right (then inner holds
 * *inner_bytes and *seq the low half of the number), else what is wrong. seq_high: the ESN's high half. */
const char *witness_open(const struct witness_sa *sa, uint32_t seq_high, const uint8_t *packet, size_t bytes,
			 uint8_t *inner, size_t *inner_bytes, uint32_t *seq);

/* Puts UDP (RFC 3948 2.1) between the outer header of an ESP packet and ESP. Returns the new length. */
size_t witness_udp_wrap(uint8_t *packet, size_t bytes, uint16_t sport, uint16_t dport);
/* Takes it away again, checking every field; NULL when all is right, else what is wrong. *bytes: before and after. */
const char *witness_udp_unwrap(uint8_t *packet, size_t *bytes, uint16_t sport, uint16_t dport);

/* A plain IPv4 packet (UDP unless proto says otherwise) with a payload that counts up. Returns its length. */
struct witness_ip {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint16_t payload; /* bytes after the UDP header */
	uint8_t proto, ttl, tos;
	uint16_t fragment; /* the flags and offset field */
};
size_t witness_packet(const struct witness_ip *ip, uint8_t *out);
/* Sums a header of bytes length and stores the checksum. */
void witness_checksum(uint8_t *header, size_t bytes);

#endif
