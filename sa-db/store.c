/* SPDX-License-Identifier: BSD-3-Clause
 * The file of sequence marks, in SQLite: see store.h for the calls, mark.c for what a mark means. Control thread.
 *
 * A write-ahead log with synchronous=FULL: when a commit returns, the log was synced. New marks go to a journal first, and
 * from there into the table by and by: journal.c. The file is locked for as long as
 * it is open, because two gateways that share one would both believe that they alone use its keys. A file put back from
 * a backup, or a machine from a snapshot, brings old marks back: then numbers repeat unless all keys are new.
 *
 * Numbers are 64-bit unsigned and stand in SQLite's signed integers bit for bit, so one above 2^63 reads as negative. */
#include "sa-db/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "sa-db/journal.h"
#include "sa-db/sadb_private.h"

#define APPLICATION_ID 0x43564c54 /* "CVLT" */
#define FORMAT         2          /* 1 had no journal */
#define TIDY_MARKS     2048       /* at a time: some milliseconds, ten times a second */

struct sadb_store {
	sqlite3 *db;
	sqlite3_stmt *get;
	struct sadb_journal journal;
	int64_t quiet_since; /* the journal's next row at the last look */
	char *path;
};

static int
to_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

static int
fail(const struct sadb_store *store, const char *what, struct sadb_error *err)
{
	int code = sqlite3_errcode(store->db), rc = to_errno(code);
	if (rc == -EBUSY)
		return sadb_fail(err, rc, 0, "store %s: held by another process", store->path);
	return sadb_fail(err, rc != 0 ? rc : -EIO, 0, "store %s: %s: %s", store->path, what, sqlite3_errmsg(store->db));
}

static int
run(struct sadb_store *store, const char *sql, const char *what, struct sadb_error *err)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(store, what, err);
}

/* The first column of the first row. */
static int
ask(struct sadb_store *store, const char *sql, char *answer, size_t size)
{
	sqlite3_stmt *stmt;
	int code = sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL);
	if (code != SQLITE_OK)
		return -1;
	code = sqlite3_step(stmt);
	const unsigned char *text = code == SQLITE_ROW ? sqlite3_column_text(stmt, 0) : NULL;
	if (text != NULL)
		snprintf(answer, size, "%s", (const char *)text);
	sqlite3_finalize(stmt);
	return text != NULL ? 0 : -1;
}

/* A new file's name is on disk only when its folder is. */
static int
sync_folder(const char *path, struct sadb_error *err)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof(folder), "%s", path);
	int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) != 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return rc == 0 ? 0 : sadb_fail(err, rc, 0, "store %s: its folder cannot be synced: %s", path, strerror(-rc));
}

/* SQLite would make the file with the mode of the umask. A file that is there already keeps its mode. */
static int
make_file(const char *path, struct sadb_error *err)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0 || fstat(fd, &st) != 0) {
		int rc = -errno;
		if (fd >= 0)
			close(fd);
		return sadb_fail(err, rc, 0, "store %s: %s", path, strerror(-rc));
	}
	close(fd);
	if (!S_ISREG(st.st_mode))
		return sadb_fail(err, -EINVAL, 0, "store %s: not a regular file", path);
	return sync_folder(path, err);
}

/* A new file is laid out; any other must be ours, of this format, and sound. */
static int
check_format(struct sadb_store *store, struct sadb_error *err)
{
	char id[32], format[32], tables[32], sound[128];
	if (ask(store, "PRAGMA application_id", id, sizeof(id)) != 0 ||
	    ask(store, "PRAGMA user_version", format, sizeof(format)) != 0 ||
	    ask(store, "SELECT count(*) FROM sqlite_master", tables, sizeof(tables)) != 0)
		return fail(store, "cannot be read", err);
	if (strcmp(id, "0") == 0 && strcmp(format, "0") == 0 && strcmp(tables, "0") == 0)
		return run(store,
			   "CREATE TABLE mark (key_id BLOB PRIMARY KEY CHECK (length(key_id) = 32),"
			   " out INTEGER NOT NULL, in_seq INTEGER NOT NULL, updated INTEGER NOT NULL) WITHOUT "
			   "ROWID;" SADB_JOURNAL_SCHEMA "PRAGMA application_id = 1129729108; PRAGMA user_version = 2;",
			   "cannot be laid out", err);
	if (strtoul(id, NULL, 10) != APPLICATION_ID)
		return sadb_fail(err, -EINVAL, 0, "store %s: a database of another program", store->path);
	if (strcmp(format, "1") == 0)
		return run(store, SADB_JOURNAL_SCHEMA "PRAGMA user_version = 2;", "cannot be brought to format 2", err);
	if (strtoul(format, NULL, 10) != FORMAT)
		return sadb_fail(err, -EINVAL, 0, "store %s: format %s, this version reads formats 1 and %d",
				 store->path, format, FORMAT);
	if (ask(store, "PRAGMA quick_check(1)", sound, sizeof(sound)) != 0)
		return fail(store, "cannot be checked", err);
	if (strcmp(sound, "ok") != 0)
		return sadb_fail(err, -EBADMSG, 0, "store %s: damaged: %s", store->path, sound);
	return 0;
}

static int
configure(struct sadb_store *store, struct sadb_error *err)
{
	char mode[32];
	sqlite3_extended_result_codes(store->db, 1);
	/* Exclusive first: then the log needs no shared memory file. */
	int rc = run(store, "PRAGMA locking_mode = EXCLUSIVE", "cannot be locked", err);
	if (rc != 0)
		return rc;
	if (ask(store, "PRAGMA journal_mode = WAL", mode, sizeof(mode)) != 0)
		return fail(store, "cannot be opened", err);
	if (strcmp(mode, "wal") != 0)
		return sadb_fail(err, -EIO, 0, "store %s: no write-ahead log on this file system", store->path);
	/* The cache is for looking up keys that come back; a longer log is written to the file less often. */
	rc = run(store, "PRAGMA synchronous = FULL; PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 4000",
		 "cannot be configured", err);
	if (rc == 0) /* takes the lock and proves that it can write */
		rc = run(store, "BEGIN IMMEDIATE", "cannot be written", err);
	if (rc != 0)
		return rc;
	rc = check_format(store, err);
	if (rc == 0 && sadb_journal_open(&store->journal, store->db) != SQLITE_OK)
		rc = fail(store, "its journal cannot be read", err);
	if (rc == 0)
		rc = run(store, "COMMIT", "cannot be written", err);
	return rc;
}

static int
prepare(struct sadb_store *store, struct sadb_error *err)
{
	static const char get[] = "SELECT out, in_seq FROM mark WHERE key_id = ?1";
	if (sqlite3_prepare_v3(store->db, get, -1, SQLITE_PREPARE_PERSISTENT, &store->get, NULL) != SQLITE_OK)
		return fail(store, "has another layout", err);
	return 0;
}

int
sadb_store_open(const char *path, struct sadb_store **out, struct sadb_error *err)
{
	int rc = make_file(path, err);
	if (rc != 0)
		return rc;
	struct sadb_store *store = calloc(1, sizeof(*store));
	if (store == NULL || (store->path = strdup(path)) == NULL) {
		free(store);
		return sadb_fail(err, -ENOMEM, 0, "store %s: out of memory", path);
	}
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK)
		rc = fail(store, "cannot be opened", err);
	if (rc == 0)
		rc = configure(store, err);
	if (rc == 0)
		rc = prepare(store, err);
	if (rc != 0) {
		sadb_store_close(store);
		return rc;
	}
	*out = store;
	return 0;
}

void
sadb_store_close(struct sadb_store *store)
{
	if (store == NULL)
		return;
	sqlite3_finalize(store->get);
	sadb_journal_close(&store->journal);
	sqlite3_close(store->db);
	free(store->path);
	free(store);
}

struct sadb_memory
sadb_store_memory(const struct sadb_store *store)
{
	struct sadb_memory memory = sadb_journal_memory(&store->journal);
	memory.heap_bytes = (uint64_t)sqlite3_memory_used();
	memory.bytes += memory.heap_bytes;
	return memory;
}

int
sadb_store_get(struct sadb_store *store, const uint8_t key_id[SADB_KEY_ID_BYTES], struct sadb_store_mark *mark,
	       struct sadb_error *err)
{
	int rc = -ENOENT;
	if (sadb_journal_get(&store->journal, key_id, mark))
		return 0;
	sqlite3_bind_blob(store->get, 1, key_id, SADB_KEY_ID_BYTES, SQLITE_STATIC);
	int code = sqlite3_step(store->get);
	if (code == SQLITE_ROW) {
		mark->out = (uint64_t)sqlite3_column_int64(store->get, 0);
		mark->in_seq = (uint64_t)sqlite3_column_int64(store->get, 1);
		rc = 0;
	} else if (code != SQLITE_DONE) {
		rc = fail(store, "cannot be read", err);
	}
	sqlite3_reset(store->get);
	sqlite3_clear_bindings(store->get);
	return rc;
}

static void
roll_back(struct sadb_store *store)
{
	/* Some failures have rolled back already. */
	if (sqlite3_get_autocommit(store->db) == 0)
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	sadb_journal_rolled_back(&store->journal);
}

/* A file removed or replaced under us takes writes and forgets them. */
static int
check_place(struct sadb_store *store, struct sadb_error *err)
{
	char log[PATH_MAX];
	int moved = 0;
	snprintf(log, sizeof(log), "%s-wal", store->path);
	if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || moved != 0 ||
	    access(log, F_OK) != 0)
		return sadb_fail(
		    err, -ESTALE, 0,
		    "store %s: the file or its log was removed or replaced: stop, put it back, start again",
		    store->path);
	return 0;
}

int
sadb_store_begin(struct sadb_store *store, struct sadb_error *err)
{
	int rc = check_place(store, err);
	if (rc != 0)
		return rc;
	/* Without memory the last one could not be rolled back when it failed. */
	if (sqlite3_get_autocommit(store->db) == 0)
		roll_back(store);
	return run(store, "BEGIN IMMEDIATE", "cannot be written", err);
}

int
sadb_store_put(struct sadb_store *store, const uint8_t key_id[SADB_KEY_ID_BYTES], const struct sadb_store_mark *mark,
	       struct sadb_error *err)
{
	int code = sadb_journal_put(&store->journal, key_id, mark);
	if (code == SQLITE_OK)
		return 0;
	int rc = code == SQLITE_NOMEM ? sadb_fail(err, -ENOMEM, 0, "store %s: out of memory", store->path)
				      : fail(store, "cannot be written", err);
	roll_back(store);
	return rc;
}

int
sadb_store_commit(struct sadb_store *store, struct sadb_error *err)
{
	uint32_t overdue = sadb_journal_overdue(&store->journal);
	int rc = 0;
	if (overdue > 0 && sadb_journal_sweep(&store->journal, overdue) != SQLITE_OK)
		rc = fail(store, "cannot be written", err);
	if (rc == 0)
		rc = run(store, "COMMIT", "cannot be written", err);
	if (rc != 0)
		roll_back(store);
	else
		sadb_journal_committed(&store->journal);
	return rc;
}

int
sadb_store_tidy(struct sadb_store *store, struct sadb_error *err)
{
	/* While marks come in, it only gets in their way. */
	bool quiet = store->quiet_since == store->journal.next_id;
	store->quiet_since = store->journal.next_id;
	if (!quiet || !sadb_journal_ripe(&store->journal))
		return 0;
	int rc = sadb_store_begin(store, err);
	if (rc != 0)
		return rc;
	if (sadb_journal_sweep(&store->journal, TIDY_MARKS) == SQLITE_OK)
		return sadb_store_commit(store, err);
	rc = fail(store, "cannot be written", err);
	roll_back(store);
	return rc;
}
