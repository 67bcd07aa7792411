/* SPDX-License-Identifier: BSD-3-Clause
 * Marks on their way into the store's table. Control thread.
 *
 * The table of marks is sorted by key id, a hash: a thousand new SAs touch a thousand pages of it, and each would be
 * written and synced whole. So marks are first appended to a second table in the order of their coming, a page for fifty
 * of them, and memory remembers which those are. When there are many, a sweep takes them into the sorted table in its
 * own order, where several fall on a page: in slices in quiet times, or along with new marks when the journal is full.
 *
 * What holds at every commit, and so after a crash: a key's mark is its last row in the journal, or, without one, its row
 * in the table. A sweep writes to the table what memory says, which is the last row or an older one than a transaction
 * adds; rows are forgotten in the order of their coming, and only those that were there when the sweep began, whose keys
 * all are in the table by its end. What a crash leaves is swept at the next opening. */
#include "sa-db/journal.h"

#include <string.h>
#include <time.h>

#include "sa-db/sadb.h"

#define BUCKETS     (1u << 18)
#define FULL        (1u << 19) /* marks: then each commit sweeps more than it adds */
#define RIPE        8192       /* marks that are worth a sweep: fewer wait, at the latest for the next opening */
#define FORGET_ROWS 8192       /* at a time: a row costs far less than a mark */

struct sadb_fresh {
	struct sadb_fresh *next;
	uint8_t key_id[SADB_KEY_ID_BYTES];
	struct sadb_store_mark mark;
};

static struct sadb_fresh **
bucket_of(const struct sadb_journal *journal, const uint8_t key_id[SADB_KEY_ID_BYTES])
{
	return &journal->bucket[(uint32_t)key_id[0] << 10 | (uint32_t)key_id[1] << 2 | key_id[2] >> 6];
}

static struct sadb_fresh *
find(const struct sadb_journal *journal, const uint8_t key_id[SADB_KEY_ID_BYTES])
{
	struct sadb_fresh *fresh = *bucket_of(journal, key_id);
	while (fresh != NULL && memcmp(fresh->key_id, key_id, SADB_KEY_ID_BYTES) != 0)
		fresh = fresh->next;
	return fresh;
}

/* Of several rows of a key the last one counts. */
static int
take_over(sqlite3 *db)
{
	return sqlite3_exec(db,
			    "INSERT INTO mark (key_id, out, in_seq, updated)"
			    " SELECT key_id, out, in_seq, updated FROM fresh"
			    " WHERE id IN (SELECT max(id) FROM fresh GROUP BY key_id) ORDER BY key_id"
			    " ON CONFLICT (key_id) DO UPDATE SET out = excluded.out, in_seq = excluded.in_seq,"
			    " updated = excluded.updated;"
			    "DELETE FROM fresh;",
			    NULL, NULL, NULL);
}

static int
prepare(sqlite3 *db, const char *sql, sqlite3_stmt **stmt)
{
	return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
}

int
sadb_journal_open(struct sadb_journal *journal, sqlite3 *db)
{
	*journal = (struct sadb_journal){.db = db, .next_id = 1, .staged_end = &journal->staged};
	sadb_slab_init(&journal->slab, sizeof(struct sadb_fresh));
	journal->bucket = sadb_pages_map(BUCKETS * sizeof(*journal->bucket));
	if (journal->bucket == NULL)
		return SQLITE_NOMEM;
	int code = take_over(db);
	if (code == SQLITE_OK)
		code = prepare(db, "INSERT INTO fresh (id, key_id, out, in_seq, updated) VALUES (?1, ?2, ?3, ?4, ?5)",
			       &journal->append);
	if (code == SQLITE_OK)
		code = prepare(db,
			       "INSERT INTO mark (key_id, out, in_seq, updated) VALUES (?1, ?2, ?3, ?4) "
			       "ON CONFLICT (key_id) DO UPDATE SET out = ?2, in_seq = ?3, updated = ?4",
			       &journal->merge);
	if (code == SQLITE_OK)
		code = prepare(db, "DELETE FROM fresh WHERE id <= ?1", &journal->forget);
	return code;
}

void
sadb_journal_close(struct sadb_journal *journal)
{
	sqlite3_finalize(journal->append);
	sqlite3_finalize(journal->merge);
	sqlite3_finalize(journal->forget);
	sadb_slab_fini(&journal->slab);
	sadb_pages_unmap(journal->bucket, BUCKETS * sizeof(*journal->bucket));
}

bool
sadb_journal_get(const struct sadb_journal *journal, const uint8_t key_id[SADB_KEY_ID_BYTES],
		 struct sadb_store_mark *mark)
{
	const struct sadb_fresh *fresh = find(journal, key_id);
	if (fresh != NULL)
		*mark = fresh->mark;
	return fresh != NULL;
}

/* Binds what both tables hold from the first parameter on, and runs. */
static int
run(sqlite3_stmt *stmt, int first, const uint8_t key_id[SADB_KEY_ID_BYTES], const struct sadb_store_mark *mark)
{
	sqlite3_bind_blob(stmt, first, key_id, SADB_KEY_ID_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, first + 1, (sqlite3_int64)mark->out);
	sqlite3_bind_int64(stmt, first + 2, (sqlite3_int64)mark->in_seq);
	sqlite3_bind_int64(stmt, first + 3, (sqlite3_int64)time(NULL));
	sqlite3_step(stmt);
	int code = sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return code;
}

int
sadb_journal_put(struct sadb_journal *journal, const uint8_t key_id[SADB_KEY_ID_BYTES],
		 const struct sadb_store_mark *mark)
{
	struct sadb_fresh *fresh = sadb_slab_alloc(&journal->slab);
	if (fresh == NULL)
		return SQLITE_NOMEM;
	memcpy(fresh->key_id, key_id, sizeof(fresh->key_id));
	fresh->mark = *mark;
	*journal->staged_end = fresh;
	journal->staged_end = &fresh->next;
	journal->n_staged++;
	sqlite3_bind_int64(journal->append, 1, journal->next_id++);
	return run(journal->append, 2, key_id, mark);
}

bool
sadb_journal_ripe(const struct sadb_journal *journal)
{
	return journal->sweeping || journal->count >= RIPE;
}

uint32_t
sadb_journal_overdue(const struct sadb_journal *journal)
{
	return journal->count > FULL ? 2 * journal->n_staged : 0;
}

static int
merge_some(struct sadb_journal *journal, uint32_t marks)
{
	uint32_t done = 0;
	int code = SQLITE_OK;
	for (; journal->merged_to < BUCKETS && done < marks && code == SQLITE_OK; journal->merged_to++)
		for (const struct sadb_fresh *fresh = journal->bucket[journal->merged_to];
		     fresh != NULL && code == SQLITE_OK; fresh = fresh->next, done++)
			code = run(journal->merge, 1, fresh->key_id, &fresh->mark);
	return code;
}

static int
forget_some(struct sadb_journal *journal)
{
	int64_t left = journal->last_id - journal->first_id;
	journal->forgotten_to = journal->first_id + (left < FORGET_ROWS ? left : FORGET_ROWS);
	sqlite3_bind_int64(journal->forget, 1, journal->forgotten_to);
	sqlite3_step(journal->forget);
	return sqlite3_reset(journal->forget);
}

int
sadb_journal_sweep(struct sadb_journal *journal, uint32_t marks)
{
	if (!journal->sweeping) {
		/* Not those of the transaction under way: their keys may be in buckets that are done by then. */
		journal->sweeping = true;
		journal->cursor = journal->merged_to = 0;
		journal->last_id = journal->next_id - 1 - journal->n_staged;
	}
	return journal->cursor < BUCKETS ? merge_some(journal, marks) : forget_some(journal);
}

struct sadb_memory
sadb_journal_memory(const struct sadb_journal *journal)
{
	return (struct sadb_memory){.bytes = sadb_slab_bytes(&journal->slab) +
					     sadb_pages_bytes(BUCKETS, sizeof(*journal->bucket)),
				    .objects = journal->count};
}

static void
clear(struct sadb_journal *journal, struct sadb_fresh **bucket)
{
	struct sadb_fresh *fresh;
	while ((fresh = *bucket) != NULL) {
		*bucket = fresh->next;
		sadb_slab_free(fresh);
		journal->count--;
	}
}

static void
enter(struct sadb_journal *journal, struct sadb_fresh *fresh)
{
	struct sadb_fresh *known = find(journal, fresh->key_id);
	if (known != NULL) {
		known->mark = fresh->mark;
		sadb_slab_free(fresh);
		return;
	}
	struct sadb_fresh **bucket = bucket_of(journal, fresh->key_id);
	fresh->next = *bucket;
	*bucket = fresh;
	journal->count++;
}

static void
no_more_staged(struct sadb_journal *journal)
{
	journal->staged = NULL;
	journal->staged_end = &journal->staged;
	journal->n_staged = 0;
}

void
sadb_journal_committed(struct sadb_journal *journal)
{
	/* First what the table has now, then what came after it. */
	for (; journal->cursor < journal->merged_to; journal->cursor++)
		clear(journal, &journal->bucket[journal->cursor]);
	if (journal->forgotten_to > journal->first_id)
		journal->first_id = journal->forgotten_to;
	if (journal->sweeping && journal->cursor == BUCKETS && journal->first_id >= journal->last_id)
		journal->sweeping = false;
	struct sadb_fresh *next;
	for (struct sadb_fresh *fresh = journal->staged; fresh != NULL; fresh = next) {
		next = fresh->next;
		enter(journal, fresh);
	}
	no_more_staged(journal);
}

void
sadb_journal_rolled_back(struct sadb_journal *journal)
{
	struct sadb_fresh *next;
	for (struct sadb_fresh *fresh = journal->staged; fresh != NULL; fresh = next) {
		next = fresh->next;
		sadb_slab_free(fresh);
	}
	no_more_staged(journal);
	journal->merged_to = journal->cursor;
	journal->forgotten_to = journal->first_id;
}
