/* SPDX-License-Identifier: BSD-3-Clause
 * The ESP packet's layout (RFC 4303 2) with AES-GCM (RFC 4106): sizes and the header as it is on the wire. */
#ifndef DP_ESP_H
#define DP_ESP_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/engine.h"
#include "sa-db/sa.h"

/* RFC 4303 2 and RFC 4106 3.1: what stands before the ciphertext. */
struct dp_esp_head {
	rte_be32_t spi_be;
	rte_be32_t seq_be;
	rte_be64_t iv_be;
} __attribute__((packed));
static_assert(sizeof(struct dp_esp_head) == 16, "as on the wire");

#define DP_ESP_TRAILER  2 /* pad length, next header */
#define DP_ESP_ALIGN    4 /* RFC 4303 2.4; GCM asks for nothing more */
#define DP_ESP_MIN_TEXT 4
#define DP_OUTER_BYTES  20 /* outer IPv4 header without options */

#define DP_NEXT_IPV4  4  /* RFC 4303 2.6 */
#define DP_NEXT_DUMMY 59 /* RFC 4303 2.6: discard */

/* Nonce and AAD from the SA and the 64-bit number (RFC 4106 3.1, 4, 5). */
static inline void
dp_esp_nonce(struct dp_aead_op *op, const struct sadb_sa *sa, rte_be64_t iv_be, uint64_t seq)
{
	memcpy(op->iv, sa->salt, SADB_SALT_BYTES);
	memcpy(op->iv + SADB_SALT_BYTES, &iv_be, sizeof(iv_be));
	memcpy(op->aad, &sa->spi_be, 4);
	op->aad_bytes = sa->aad_bytes;
	rte_be64_t seq_be = rte_cpu_to_be_64(seq);
	if (sa->aad_bytes == 12)
		memcpy(op->aad + 4, &seq_be, 8);
	else
		memcpy(op->aad + 4, (const uint8_t *)&seq_be + 4, 4);
}

#endif
