/* SPDX-License-Identifier: BSD-3-Clause
 * The ESP packet's layout (RFC 4303 2) with AES-GCM (RFC 4106): sizes and the header as it is on the wire. */
#ifndef DP_ESP_H
#define DP_ESP_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "dataplane/byteorder.h"
#include "dataplane/engine.h"
#include "sa-db/sa.h"

/* RFC 4303 2 and RFC 4106 3.1: what stands before the ciphertext. */
struct dp_esp_head {
	rte_be32_t spi_be;
	rte_be32_t seq_be;
	rte_be64_t iv_be;
} __attribute__((packed));
static_assert(sizeof(struct dp_esp_head) == 16, "as on the wire");

#define DP_ESP_TRAILER    2 /* pad length, next header */
#define DP_ESP_ALIGN      4 /* RFC 4303 2.4; GCM asks for nothing more */
#define DP_ESP_MIN_TEXT   4
#define DP_OUTER_BYTES    20 /* outer IPv4 header without options */
#define DP_OUTER_V6_BYTES 40 /* outer IPv6 header, without extension headers */

#define DP_NEXT_IPV4  4 /* RFC 4303 2.6 */
#define DP_NEXT_IPV6  41
#define DP_NEXT_DUMMY 59 /* RFC 4303 2.6: discard */

/* RFC 4106 3.1, 4: salt and explicit IV, which is the 64-bit number here and whatever a peer likes. */
static inline void
dp_esp_nonce(struct dp_aead_op *op, uint32_t salt, rte_be64_t iv_be)
{
	dp_put32(op->iv, salt);
	dp_put64(op->iv + sizeof(salt), iv_be);
}

/* RFC 4106 5: SPI and the number, its low half, or with ESN both. */
static inline void
dp_esp_aad(struct dp_aead_op *op, rte_be32_t spi_be, uint32_t seq_high_be, uint32_t seq_low_be)
{
	dp_put64(op->aad, dp_word_pair(spi_be, op->aad_bytes == 12 ? seq_high_be : seq_low_be));
	dp_put32(op->aad + 8, seq_low_be); /* counts with ESN only */
}

/* The operation's sizes and direction, likewise; clears its status. */
static inline void
dp_esp_sizes(struct dp_aead_op *op, uint32_t text_bytes, uint8_t aad_bytes, enum dp_aead_dir dir)
{
	static_assert(offsetof(struct dp_aead_op, aad_bytes) == offsetof(struct dp_aead_op, text_bytes) + 4 &&
			  offsetof(struct dp_aead_op, dir) == offsetof(struct dp_aead_op, text_bytes) + 5 &&
			  offsetof(struct dp_aead_op, status) == offsetof(struct dp_aead_op, text_bytes) + 6,
		      "one word");
	dp_put64((uint8_t *)op + offsetof(struct dp_aead_op, text_bytes),
		 dp_word_pair(text_bytes, dp_word_pair_16(dp_byte_pair(aad_bytes, dir), 0)));
}

/* The text's length: padded, with its trailer. */
static inline unsigned
dp_esp_text_bytes(unsigned plain_bytes)
{
	return (plain_bytes + DP_ESP_TRAILER + DP_ESP_ALIGN - 1) & ~(DP_ESP_ALIGN - 1u);
}

#endif
