/* SPDX-License-Identifier: BSD-3-Clause
 * The file of sequence marks: which numbers each key may have used. Control thread only. */
#ifndef SADB_STORE_H
#define SADB_STORE_H

#include <stdint.h>

#include "sa-db/sa.h"

struct sadb_error;
struct sadb_memory;
struct sadb_store;

struct sadb_store_mark {
	uint64_t out;    /* no number above it was ever used under this key */
	uint64_t in_seq; /* highest number known to have been received under it */
};

/* Opens or creates the file (mode 0600) and holds it against any other process. 0, or -errno with err filled: the file
 * cannot be read or written, is held by another process, damaged, or not a store of Culvert's. */
int sadb_store_open(const char *path, struct sadb_store **store, struct sadb_error *err);
void sadb_store_close(struct sadb_store *store);
struct sadb_memory sadb_store_memory(const struct sadb_store *store);

/* 0, -ENOENT, or another -errno with err filled: then nothing is known, and the key must not be used. */
int sadb_store_get(struct sadb_store *store, const uint8_t key_id[SADB_KEY_ID_BYTES], struct sadb_store_mark *mark,
		   struct sadb_error *err);

/* One transaction: begin, any number of puts, commit. When commit returns 0, all of it is on the disk. After a failure
 * of any step the transaction is rolled back and must be begun anew. */
int sadb_store_begin(struct sadb_store *store, struct sadb_error *err);
int sadb_store_put(struct sadb_store *store, const uint8_t key_id[SADB_KEY_ID_BYTES],
		   const struct sadb_store_mark *mark, struct sadb_error *err);
int sadb_store_commit(struct sadb_store *store, struct sadb_error *err);

/* About ten times a second: if no mark came since the last call, takes some of what was written lately to its place for
 * good. No mark changes by it, and what fails is tried again. */
int sadb_store_tidy(struct sadb_store *store, struct sadb_error *err);

#endif
