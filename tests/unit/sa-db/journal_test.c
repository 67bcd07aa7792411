/* SPDX-License-Identifier: BSD-3-Clause
 * Marks on their way into the store's table: whatever is swept when, however a transaction ends, and wherever the power
 * fails, each key's last committed mark comes back. */
#include "tests/unit/sa-db/store_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "sa-db/store.h"

#define KEYS   40000
#define MANY   600000 /* more than the journal holds before a commit must sweep */
#define ABSENT UINT64_MAX

static char crashed[96]; /* what a crash left, as a store of its own */
static uint64_t *model;  /* by key: what was committed last; ABSENT: nothing */

static int
set_up(void **state)
{
	int rc = rig_store_set_up(state);
	snprintf(crashed, sizeof(crashed), "%s.crashed", rig_store_path);
	model = malloc(MANY * sizeof(*model));
	for (unsigned n = 0; n < MANY; n++)
		model[n] = ABSENT;
	return rc;
}

static void
remove_crashed(void)
{
	char wal[128];
	snprintf(wal, sizeof(wal), "%s-wal", crashed);
	unlink(wal);
	unlink(crashed);
}

static int
tear_down(void **state)
{
	remove_crashed();
	free(model);
	return rig_store_tear_down(state);
}

/* Key ids as a hash gives them: in no order. */
static void
make_id(uint8_t id[SADB_KEY_ID_BYTES], uint32_t n)
{
	uint64_t x = n * UINT64_C(0x9e3779b97f4a7c15);
	memset(id, 0, SADB_KEY_ID_BYTES);
	memcpy(id, &x, sizeof(x));
	for (unsigned i = 0; i < 4; i++) /* the fast-changing bytes in front */
		id[i] = (uint8_t)(x >> (56 - 8 * i));
	memcpy(id + 20, &n, sizeof(n));
}

static struct sadb_store *
open_store(const char *path)
{
	struct sadb_store *store = NULL;
	if (sadb_store_open(path, &store, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	return store;
}

static int
put(struct sadb_store *store, uint32_t n, uint64_t value)
{
	uint8_t id[SADB_KEY_ID_BYTES];
	const struct sadb_store_mark mark = {.out = value, .in_seq = value / 3};
	make_id(id, n);
	return sadb_store_put(store, id, &mark, &rig_err);
}

static void
expect(struct sadb_store *store, uint32_t n)
{
	uint8_t id[SADB_KEY_ID_BYTES];
	struct sadb_store_mark mark = {0};
	make_id(id, n);
	int rc = sadb_store_get(store, id, &mark, &rig_err);
	assert_int_equal(rc, model[n] == ABSENT ? -ENOENT : 0);
	if (rc == 0 && (mark.out != model[n] || mark.in_seq != model[n] / 3))
		fail_msg("key %u: %lu, not %lu", n, mark.out, model[n]);
}

static void
expect_all(struct sadb_store *store, uint32_t keys)
{
	for (uint32_t n = 0; n < keys; n++)
		expect(store, n);
}

static void
copy(const char *from, const char *to)
{
	char buf[65536];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n;
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

/* The power fails now: what the files hold is all there is, and it is what was committed. */
static void
crash_and_look(uint32_t keys)
{
	char from[128], to[128];
	snprintf(from, sizeof(from), "%s-wal", rig_store_path);
	snprintf(to, sizeof(to), "%s-wal", crashed);
	copy(rig_store_path, crashed);
	copy(from, to);
	struct sadb_store *store = open_store(crashed);
	expect_all(store, keys);
	sadb_store_close(store);
	remove_crashed();
}

static uint64_t
rows(const char *table)
{
	char sql[64];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	assert_int_equal(sqlite3_open(rig_store_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	uint64_t n = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

/* Twice: the first one only sees that it is quiet. */
static int
tidy(struct sadb_store *store)
{
	int rc = sadb_store_tidy(store, &rig_err);
	return rc == 0 ? sadb_store_tidy(store, &rig_err) : rc;
}

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Puts that many marks of random keys in a transaction that ends well or not. */
static void
transaction(struct sadb_store *store, uint32_t *seed, unsigned puts, bool well)
{
	uint64_t *before = malloc(KEYS * sizeof(*before));
	int rc = 0;
	memcpy(before, model, KEYS * sizeof(*before));
	assert_int_equal(sadb_store_begin(store, &rig_err), 0);
	for (unsigned i = 0; i < puts; i++) {
		uint32_t n = next(seed) % KEYS;
		model[n] = next(seed);
		assert_int_equal(put(store, n, model[n]), 0);
	}
	rig_disk_fails(!well);
	rc = sadb_store_commit(store, &rig_err);
	rig_disk_fails(false);
	assert_int_equal(rc != 0, !well);
	if (!well)
		memcpy(model, before, KEYS * sizeof(*before));
	free(before);
}

static void
every_mark_comes_back_whatever_happens_when(void **state)
{
	struct sadb_store *store = open_store(rig_store_path);
	uint32_t seed = 7;
	(void)state;
	for (unsigned step = 0; step < 150; step++) {
		unsigned what = next(&seed) % 16;
		if (what < 8)
			transaction(store, &seed, 1 + next(&seed) % 2000, true);
		else if (what < 9)
			transaction(store, &seed, 500, false);
		else if (what < 14)
			assert_int_equal(tidy(store), 0);
		for (unsigned i = 0; i < 100; i++)
			expect(store, next(&seed) % KEYS);
		if (what == 14)
			crash_and_look(KEYS);
		if (what == 15 && step > 75) {
			sadb_store_close(store);
			store = open_store(rig_store_path);
		}
	}
	expect_all(store, KEYS);
	crash_and_look(KEYS);
	sadb_store_close(store);
}

/* At each of its commits a crash must find all; and in the end the journal is empty. */
static void
a_sweep_may_be_cut_off_anywhere(void **state)
{
	struct sadb_store *store = open_store(rig_store_path);
	uint32_t seed = 3;
	unsigned slices = 0;
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		transaction(store, &seed, 3000, true);
	for (; slices < 100; slices++) {
		if (slices % 3 == 1) /* others come in between, old keys and new ones */
			transaction(store, &seed, 40, true);
		rig_disk_fails(true);
		assert_int_not_equal(tidy(store), 0);
		rig_disk_fails(false);
		assert_int_equal(tidy(store), 0);
		if (slices % 4 == 0)
			crash_and_look(KEYS);
		expect_all(store, KEYS);
		rig_disk_fails(true); /* what has nothing left to do does not write */
		int rc = tidy(store);
		rig_disk_fails(false);
		if (rc == 0)
			break;
	}
	assert_in_range(slices, 5, 50);
	sadb_store_close(store);
	assert_in_range(rows("fresh"), 1, 40 * 20); /* those that came in between */
	assert_true(rows("mark") > 20000);
	store = open_store(rig_store_path);
	expect_all(store, KEYS);
	sadb_store_close(store);
	assert_int_equal(rows("fresh"), 0);
}

static void
a_journal_that_is_never_swept_in_quiet_times_stays_bounded(void **state)
{
	struct sadb_store *store = open_store(rig_store_path);
	uint32_t n = 0;
	(void)state;
	while (n < MANY) {
		assert_int_equal(sadb_store_begin(store, &rig_err), 0);
		for (unsigned i = 0; i < 8000 && n < MANY; i++, n++) {
			model[n] = n;
			assert_int_equal(put(store, n, n), 0);
		}
		assert_int_equal(sadb_store_commit(store, &rig_err), 0);
	}
	for (n = 0; n < MANY; n += 97)
		expect(store, n);
	sadb_store_close(store);
	assert_true(rows("mark") > MANY / 10);
	assert_in_range(rows("fresh"), 1, MANY);
	store = open_store(rig_store_path);
	for (n = 0; n < MANY; n += 89)
		expect(store, n);
	sadb_store_close(store);
	assert_int_equal(rows("mark"), MANY);
}

static void
a_store_of_format_1_is_taken_over(void **state)
{
	sqlite3 *db;
	(void)state;
	assert_int_equal(sqlite3_open(rig_store_path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db,
			 "PRAGMA journal_mode = WAL;"
			 "CREATE TABLE mark (key_id BLOB PRIMARY KEY CHECK (length(key_id) = 32),"
			 " out INTEGER NOT NULL, in_seq INTEGER NOT NULL, updated INTEGER NOT NULL) WITHOUT ROWID;"
			 "INSERT INTO mark VALUES (zeroblob(32), 7, 8, 9);"
			 "PRAGMA application_id = 1129729108; PRAGMA user_version = 1;",
			 NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	for (unsigned i = 0; i < 2; i++) {
		struct sadb_store *store = open_store(rig_store_path);
		const uint8_t id[SADB_KEY_ID_BYTES] = {0};
		struct sadb_store_mark mark = {0};
		assert_int_equal(sadb_store_get(store, id, &mark, &rig_err), 0);
		assert_true(mark.out == 7 && mark.in_seq == 8);
		sadb_store_close(store);
	}
}

#define JOURNAL(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    JOURNAL(every_mark_comes_back_whatever_happens_when),
	    JOURNAL(a_sweep_may_be_cut_off_anywhere),
	    JOURNAL(a_journal_that_is_never_swept_in_quiet_times_stays_bounded),
	    JOURNAL(a_store_of_format_1_is_taken_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
