/* SPDX-License-Identifier: BSD-3-Clause
 * The table of algorithms. Constant; any thread. */
#include "sa-db/algorithm.h"

#include <stddef.h>
#include <string.h>

/* Those of one enum sadb_aead stand together. */
static const struct sadb_algorithm algorithms[] = {
    {"aes-256-gcm-16", "rfc4106(gcm(aes))", SADB_AEAD_AES_GCM_16, 32, true},
    {"aes-128-gcm-16", "rfc4106(gcm(aes))", SADB_AEAD_AES_GCM_16, 16, true},
    {"chacha20-poly1305", "rfc7539esp(chacha20,poly1305)", SADB_AEAD_CHACHA20_POLY1305, 32, true},
    {"aes-256-gmac", "rfc4543(gcm(aes))", SADB_AEAD_AES_GMAC, 32, false},
    {"aes-128-gmac", "rfc4543(gcm(aes))", SADB_AEAD_AES_GMAC, 16, false},
};
const char *const sadb_algorithm_names[] = {"aes-256-gcm-16", "aes-128-gcm-16", "chacha20-poly1305",
					    "aes-256-gmac",   "aes-128-gmac",   NULL};
#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

const struct sadb_algorithm *
sadb_algorithm_at(unsigned i)
{
	return i < ALGORITHMS ? &algorithms[i] : NULL;
}

const struct sadb_algorithm *
sadb_algorithm_named(const char *name)
{
	for (size_t i = 0; i < ALGORITHMS; i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	return NULL;
}

const struct sadb_algorithm *
sadb_algorithm_find(enum sadb_aead aead, uint32_t key_bytes)
{
	for (size_t i = 0; i < ALGORITHMS; i++)
		if (algorithms[i].aead == aead && algorithms[i].key_bytes == key_bytes)
			return &algorithms[i];
	return NULL;
}
