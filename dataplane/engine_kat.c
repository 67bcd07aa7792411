/* SPDX-License-Identifier: BSD-3-Clause
 * Known answers, one at a time, from their table. Any thread. */
#include "dataplane/engine_impl.h"

#include <string.h>

static uint64_t
fnv1a(const uint8_t *bytes, size_t n)
{
	uint64_t digest = 0xcbf29ce484222325;
	for (size_t i = 0; i < n; i++)
		digest = (digest ^ bytes[i]) * 0x100000001b3;
	return digest;
}

static unsigned
nibble(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

/* Returns how many bytes the text stands for; writes at most max. The tables are lower case and even. */
static uint32_t
unhex(const char *text, uint8_t *out, size_t max)
{
	uint32_t n = 0;
	for (; text[2 * n] != '\0' && n < max; n++)
		out[n] = (uint8_t)(nibble(text[2 * n]) << 4 | nibble(text[2 * n + 1]));
	return n;
}

static void
published_get(const struct dp_kat_published *from, struct dp_kat *kat)
{
	uint8_t sealed[DP_KAT_TEXT_MAX];
	kat->aead = from->aead;
	kat->key_bytes = unhex(from->key, kat->key, sizeof(kat->key));
	kat->aad_bytes = unhex(from->aad, kat->aad, sizeof(kat->aad));
	kat->text_bytes = unhex(from->plain, kat->plain, sizeof(kat->plain));
	unhex(from->iv, kat->iv, sizeof(kat->iv));
	unhex(from->tag, kat->tag, sizeof(kat->tag));
	kat->sealed_fnv1a = fnv1a(sealed, unhex(from->sealed, sealed, sizeof(sealed)));
}

/* The inputs are formulas; engine_vectors.py has the same ones. */
static void
computed_get(const struct dp_kat_computed *from, struct dp_kat *kat)
{
	static const uint8_t iv[10] = {'C', 'U', 'L', 'V', 1, 2, 3, 4, 5, 6};
	kat->aead = from->aead;
	kat->key_bytes = from->key_bytes;
	kat->aad_bytes = from->aad_bytes;
	kat->text_bytes = from->text_bytes;
	for (unsigned i = 0; i < kat->key_bytes; i++)
		kat->key[i] = (uint8_t)(0x3b + 29 * i);
	memcpy(kat->iv, iv, sizeof(iv));
	kat->iv[10] = (uint8_t)(from->text_bytes >> 8);
	kat->iv[11] = (uint8_t)from->text_bytes;
	for (unsigned i = 0; i < kat->aad_bytes; i++)
		kat->aad[i] = (uint8_t)(0xa5 + 17 * i);
	for (unsigned i = 0; i < kat->text_bytes; i++)
		kat->plain[i] = (uint8_t)(131 * i + (i >> 8) + from->text_bytes);
	unhex(from->tag, kat->tag, sizeof(kat->tag));
	kat->sealed_fnv1a = from->sealed_fnv1a;
}

unsigned
dp_kat_count(void)
{
	return dp_kat_n_published + dp_kat_n_computed;
}

void
dp_kat_get(unsigned i, struct dp_kat *kat)
{
	memset(kat, 0, sizeof(*kat));
	if (i < dp_kat_n_published)
		published_get(&dp_kat_published[i], kat);
	else
		computed_get(&dp_kat_computed[i - dp_kat_n_published], kat);
}

bool
dp_kat_sealed_matches(const struct dp_kat *kat, const uint8_t *text)
{
	return fnv1a(text, kat->text_bytes) == kat->sealed_fnv1a;
}
