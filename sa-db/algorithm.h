/* SPDX-License-Identifier: BSD-3-Clause
 * The algorithms of SAs: one table, for what is accepted, what it is called, and how long its keys are. Constant; any thread. */
#ifndef SADB_ALGORITHM_H
#define SADB_ALGORITHM_H

#include <stdbool.h>
#include <stdint.h>

#include "sa-db/sa.h"

/* All have an ICV of 16 bytes, an explicit IV of 8, which is the sequence number, and with SADB_SALT_BYTES a nonce of 12. */
#define SADB_ICV_BYTES 16

struct sadb_algorithm {
	const char *name;        /* the operator's, with the key's length where there are several */
	const char *kernel_name; /* Linux's, in XFRMA_ALG_AEAD; the key's length stands beside it */
	enum sadb_aead aead;
	uint32_t key_bytes; /* without the salt */
	bool encrypts;      /* false: integrity only, everyone on the way reads the packets */
};

/* The names in the table's order, NULL-terminated. */
extern const char *const sadb_algorithm_names[];
/* The i-th; NULL past the last. The first is what an SA gets where nobody names one. */
const struct sadb_algorithm *sadb_algorithm_at(unsigned i);
/* NULL: there is none. */
const struct sadb_algorithm *sadb_algorithm_named(const char *name);
const struct sadb_algorithm *sadb_algorithm_find(enum sadb_aead aead, uint32_t key_bytes);

#endif
