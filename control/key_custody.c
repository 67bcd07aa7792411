/* SPDX-License-Identifier: BSD-3-Clause
 * Names for keys. Control thread. */
#include "control/key_custody.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

int
ctl_key_id(const uint8_t *key, uint32_t key_bytes, const uint8_t salt[SADB_SALT_BYTES], uint8_t id[SADB_KEY_ID_BYTES])
{
	static EVP_MD *sha256; /* found once: the search takes longer than the hash */
	EVP_MD_CTX *ctx;
	unsigned bytes = 0;
	bool done;

	memset(id, 0, SADB_KEY_ID_BYTES);
	if (key_bytes > SADB_KEY_MAX)
		return -EINVAL;
	if (sha256 == NULL)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	ctx = sha256 != NULL ? EVP_MD_CTX_new() : NULL;
	if (ctx == NULL)
		return -EIO;
	done = EVP_DigestInit_ex(ctx, sha256, NULL) == 1 && EVP_DigestUpdate(ctx, key, key_bytes) == 1 &&
	       EVP_DigestUpdate(ctx, salt, SADB_SALT_BYTES) == 1 && EVP_DigestFinal_ex(ctx, id, &bytes) == 1 &&
	       bytes == SADB_KEY_ID_BYTES;
	EVP_MD_CTX_free(ctx); /* clears its buffer of input */
	if (!done)
		memset(id, 0, SADB_KEY_ID_BYTES);
	return done ? 0 : -EIO;
}
