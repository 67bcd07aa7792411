/* SPDX-License-Identifier: BSD-3-Clause
 * Marks on their way into the store's table: see journal.c. For store.c alone; control thread. */
#ifndef SADB_JOURNAL_H
#define SADB_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "sa-db/slab.h"
#include "sa-db/store.h"

/* SQL that makes the journal of a store that has none. */
#define SADB_JOURNAL_SCHEMA                                                                             \
	"CREATE TABLE fresh (id INTEGER PRIMARY KEY, key_id BLOB NOT NULL CHECK (length(key_id) = 32)," \
	" out INTEGER NOT NULL, in_seq INTEGER NOT NULL, updated INTEGER NOT NULL);"

struct sadb_fresh;

struct sadb_journal {
	sqlite3 *db;
	sqlite3_stmt *append, *merge, *forget;
	struct sadb_slab slab;
	struct sadb_fresh **bucket;              /* by the first bits of the key id: in the table's order */
	struct sadb_fresh *staged, **staged_end; /* appended in the transaction under way */
	uint32_t count, n_staged;
	int64_t next_id;
	/* A sweep takes what the journal holds into the table, bucket by bucket, then forgets its rows. */
	bool sweeping;
	uint32_t cursor, merged_to; /* buckets before cursor are done; before merged_to when the transaction commits */
	int64_t first_id, last_id;  /* rows to forget */
	int64_t forgotten_to;       /* when the transaction commits */
};

/* All return SQLITE_OK, or what SQLite says; then errors are in the connection. */

/* Inside a transaction: brings into the table what an earlier run left, and prepares. */
int sadb_journal_open(struct sadb_journal *journal, sqlite3 *db);
void sadb_journal_close(struct sadb_journal *journal);

/* What was committed and is not in the table yet. */
bool sadb_journal_get(const struct sadb_journal *journal, const uint8_t key_id[SADB_KEY_ID_BYTES],
		      struct sadb_store_mark *mark);
/* Inside a transaction; SQLITE_NOMEM too. */
int sadb_journal_put(struct sadb_journal *journal, const uint8_t key_id[SADB_KEY_ID_BYTES],
		     const struct sadb_store_mark *mark);
/* Inside a transaction: takes about that many marks into the table. */
int sadb_journal_sweep(struct sadb_journal *journal, uint32_t marks);
/* So many that the transaction under way must sweep; 0: none. */
uint32_t sadb_journal_overdue(const struct sadb_journal *journal);
/* Is there enough for a sweep in quiet times, or one under way? */
bool sadb_journal_ripe(const struct sadb_journal *journal);

struct sadb_memory sadb_journal_memory(const struct sadb_journal *journal);

/* After the transaction. */
void sadb_journal_committed(struct sadb_journal *journal);
void sadb_journal_rolled_back(struct sadb_journal *journal);

#endif
