/* SPDX-License-Identifier: BSD-3-Clause
 * Names for keys: what may be written down where a key may not. Control thread. */
#ifndef CTL_KEY_CUSTODY_H
#define CTL_KEY_CUSTODY_H

#include <stdint.h>

#include "sa-db/sa.h"

/* SHA-256 (FIPS 180-4) of key and salt: struct sadb_config's key_id. Key lengths that are allowed differ from each other
 * by more than a salt, so no two pairs share an input. 0, -EINVAL when the key is longer than SADB_KEY_MAX, or -EIO when
 * the library failed; id is zero then. */
int ctl_key_id(const uint8_t *key, uint32_t key_bytes, const uint8_t salt[SADB_SALT_BYTES],
	       uint8_t id[SADB_KEY_ID_BYTES]);

#endif
