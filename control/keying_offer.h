/* SPDX-License-Identifier: BSD-3-Clause
 * Offers and answers as text: lines of a word and a value, from "culvert-keying 1" to "end". Pure: bytes and a length in,
 * a struct or an error out; no allocation, so that no copy of a key stays behind. Both the text and the struct hold a key:
 * wipe them with sadb_wipe(). */
#ifndef CTL_KEYING_OFFER_H
#define CTL_KEYING_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/keying.h"
#include "control/tunnel.h"

#define CTL_NONCE_BYTES    16
#define CTL_INSTANCE_BYTES 8

struct ctl_offer {
	bool answer;
	char tunnel[CTL_TUNNEL_NAME];
	uint8_t nonce[CTL_NONCE_BYTES]; /* names the exchange: an answer has its offer's */
	uint64_t generation;            /* an answer's is not below its offer's */
	uint8_t
	    instance[CTL_INSTANCE_BYTES]; /* of the sender's tunnel: another one after a restart, which counts anew */
	/* As the sender sees them: its local is the receiver's remote. */
	struct sadb_addr local, remote;
	struct sadb_prefix local_prefix[CTL_TUNNEL_PREFIXES], remote_prefix[CTL_TUNNEL_PREFIXES];
	uint32_t n_local, n_remote;
	uint32_t spi; /* host order */
	const struct sadb_algorithm *algorithm;
	bool esn;
	/* Limits of the sender's inbound SA, which the receiver must keep too: SADB_INF, and 0 seconds, for none. */
	uint64_t hard_bytes, hard_packets, hard_s;
	uint32_t key_bytes; /* the algorithm's */
	uint8_t key[SADB_KEY_MAX], salt[SADB_SALT_BYTES];
};

/* Returns the length, without the closing zero. Every offer that ctl_tunnel_check() could let pass fits. */
size_t ctl_offer_encode(const struct ctl_offer *offer, char out[CTL_OFFER_BYTES]);
/* 0, or -EINVAL with the line at fault and what is accepted; never with what may be key material. */
int ctl_offer_decode(const struct ctl_keying_text *text, struct ctl_offer *out, struct sadb_error *err);

#endif
