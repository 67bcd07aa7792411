/* SPDX-License-Identifier: BSD-3-Clause
 * The file of marks: what it keeps, and what it refuses to open. */
#include "tests/unit/sa-db/rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "sa-db/store.h"

static char dir[64], path[96];

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/culvert-store-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/marks.db", dir);
	return 0;
}

static int
tear_down(void **state)
{
	char part[128];
	static const char *const parts[] = {"-wal", "-shm", "-journal", ""};
	(void)state;
	chmod(dir, 0700);
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(part, sizeof(part), "%s%s", path, parts[i]);
		unlink(part);
	}
	rmdir(path); /* one test makes it a directory */
	return rmdir(dir);
}

static void
make_id(uint8_t id[SADB_KEY_ID_BYTES], unsigned n)
{
	memset(id, 0x5a, SADB_KEY_ID_BYTES);
	memcpy(id, &n, sizeof(n));
}

static struct sadb_store *
open_store(void)
{
	struct sadb_store *store = NULL;
	if (sadb_store_open(path, &store, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	return store;
}

static void
put(struct sadb_store *store, unsigned n, uint64_t out, uint64_t in_seq)
{
	uint8_t id[SADB_KEY_ID_BYTES];
	struct sadb_store_mark mark = {.out = out, .in_seq = in_seq};
	make_id(id, n);
	assert_int_equal(sadb_store_put(store, id, &mark, &rig_err), 0);
}

static void
expect(struct sadb_store *store, unsigned n, uint64_t out, uint64_t in_seq)
{
	uint8_t id[SADB_KEY_ID_BYTES];
	struct sadb_store_mark mark = {0};
	make_id(id, n);
	assert_int_equal(sadb_store_get(store, id, &mark, &rig_err), 0);
	assert_true(mark.out == out && mark.in_seq == in_seq);
}

static void
marks_of_any_size_come_back_after_reopening(void **state)
{
	uint8_t id[SADB_KEY_ID_BYTES];
	struct sadb_store_mark mark;
	struct sadb_store *store = open_store();
	(void)state;
	assert_int_equal(sadb_store_begin(store, &rig_err), 0);
	put(store, 1, 0, 0);
	put(store, 2, UINT32_MAX, 17);
	put(store, 3, UINT64_MAX - (1 << 20), UINT64_MAX);
	put(store, 4, 5, 6);
	put(store, 4, 7, 8); /* the later counts, up or down */
	assert_int_equal(sadb_store_commit(store, &rig_err), 0);
	expect(store, 4, 7, 8);
	sadb_store_close(store);
	store = open_store();
	expect(store, 1, 0, 0);
	expect(store, 2, UINT32_MAX, 17);
	expect(store, 3, UINT64_MAX - (1 << 20), UINT64_MAX);
	expect(store, 4, 7, 8);
	make_id(id, 5);
	assert_int_equal(sadb_store_get(store, id, &mark, &rig_err), -ENOENT);
	sadb_store_close(store);
}

static void
what_was_not_committed_is_not_there(void **state)
{
	uint8_t id[SADB_KEY_ID_BYTES];
	struct sadb_store_mark mark;
	struct sadb_store *store = open_store();
	(void)state;
	assert_int_equal(sadb_store_begin(store, &rig_err), 0);
	put(store, 1, 2, 3);
	sadb_store_close(store);
	store = open_store();
	make_id(id, 1);
	assert_int_equal(sadb_store_get(store, id, &mark, &rig_err), -ENOENT);
	sadb_store_close(store);
}

static void
only_its_owner_may_read_the_file(void **state)
{
	struct stat st;
	mode_t old = umask(0);
	struct sadb_store *store = open_store();
	(void)state;
	umask(old);
	assert_int_equal(sadb_store_begin(store, &rig_err), 0);
	put(store, 1, 2, 3);
	assert_int_equal(sadb_store_commit(store, &rig_err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	char wal[128];
	snprintf(wal, sizeof(wal), "%s-wal", path);
	if (stat(wal, &st) == 0)
		assert_int_equal(st.st_mode & 07777, 0600);
	sadb_store_close(store);
}

static void
a_store_in_use_is_refused_to_another_process(void **state)
{
	int status;
	struct sadb_store *store = open_store();
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct sadb_store *second = NULL;
		int rc = sadb_store_open(path, &second, &rig_err);
		_exit(rc == -EBUSY && strstr(rig_err.text, "another process") != NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	sadb_store_close(store);
}

static void
refused(int expected, const char *word)
{
	struct sadb_store *store = NULL;
	struct sadb_error err = {{0}, 0};
	int rc = sadb_store_open(path, &store, &err);
	if (rc != expected)
		fail_msg("%d instead of %d: %s", rc, expected, err.text);
	assert_non_null(strstr(err.text, path));
	if (strstr(err.text, word) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, word);
}

static void
write_file(const void *bytes, size_t n, off_t at)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
}

static void
a_file_that_is_no_database_is_refused(void **state)
{
	char junk[8192];
	(void)state;
	memset(junk, 'x', sizeof(junk));
	write_file(junk, sizeof(junk), 0);
	refused(-EBADMSG, "not a database");
}

/* Bytes 60 and 68 of the header: user version and application id (sqlite.org/fileformat.html). */
static void
a_database_of_another_program_is_refused(void **state)
{
	(void)state;
	sadb_store_close(open_store());
	write_file("\0\0\0\1", 4, 68);
	refused(-EINVAL, "another program");
}

static void
a_format_of_another_version_is_refused(void **state)
{
	(void)state;
	sadb_store_close(open_store());
	write_file("\0\0\0\3", 4, 60);
	refused(-EINVAL, "format 3");
}

static void
a_damaged_store_is_refused(void **state)
{
	char junk[4096];
	struct sadb_store *store = open_store();
	(void)state;
	assert_int_equal(sadb_store_begin(store, &rig_err), 0);
	for (unsigned n = 0; n < 500; n++)
		put(store, n, n, n);
	assert_int_equal(sadb_store_commit(store, &rig_err), 0);
	sadb_store_close(store);
	memset(junk, 0xff, sizeof(junk));
	write_file(junk, sizeof(junk), 4096);
	refused(-EBADMSG, "");
}

static void
a_path_that_cannot_be_a_file_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	refused(-EISDIR, "directory");
	rmdir(path);
	snprintf(path, sizeof(path), "%s/none/marks.db", dir);
	refused(-ENOENT, "No such file");
	snprintf(path, sizeof(path), "%s/marks.db", dir);
	assert_int_equal(symlink("/dev/null", path), 0);
	refused(-ELOOP, "");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-EINVAL, "not a regular file");
}

static void
a_store_that_cannot_be_written_is_refused(void **state)
{
	int status;
	(void)state;
	sadb_store_close(open_store());
	assert_int_equal(chmod(path, 0400), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) { /* root may write anything: be someone else */
		struct sadb_store *store = NULL;
		if (geteuid() == 0 &&
		    (chown(path, 65534, 65534) != 0 || chown(dir, 65534, 65534) != 0 || setuid(65534) != 0))
			_exit(2);
		int rc = sadb_store_open(path, &store, &rig_err);
		_exit(rc == -EACCES && strstr(rig_err.text, path) != NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* SQLite, when there is no memory: neither the end of the transaction nor taking it back is carried out. */
static bool no_memory;
int __real_sqlite3_exec(sqlite3 *db, const char *sql, int (*fn)(void *, int, char **, char **), void *arg, char **text);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*fn)(void *, int, char **, char **), void *arg, char **text);

int
__wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*fn)(void *, int, char **, char **), void *arg, char **text)
{
	if (no_memory && (strcmp(sql, "COMMIT") == 0 || strcmp(sql, "ROLLBACK") == 0))
		return SQLITE_NOMEM;
	return __real_sqlite3_exec(db, sql, fn, arg, text);
}

static void
when_there_is_memory_again_marks_are_written_again(void **state)
{
	struct sadb_store *store = open_store();
	uint8_t id[SADB_KEY_ID_BYTES];
	const struct sadb_store_mark lost = {.out = 7}, kept = {.out = 9};
	struct sadb_store_mark mark;
	(void)state;
	make_id(id, 1);
	assert_int_equal(sadb_store_begin(store, &rig_err), 0);
	assert_int_equal(sadb_store_put(store, id, &lost, &rig_err), 0);
	no_memory = true;
	assert_true(sadb_store_commit(store, &rig_err) < 0);
	no_memory = false;
	make_id(id, 2);
	assert_int_equal(sadb_store_begin(store, &rig_err), 0);
	assert_int_equal(sadb_store_put(store, id, &kept, &rig_err), 0);
	assert_int_equal(sadb_store_commit(store, &rig_err), 0);
	sadb_store_close(store);
	store = open_store();
	assert_int_equal(sadb_store_get(store, id, &mark, &rig_err), 0);
	assert_int_equal(mark.out, 9);
	make_id(id, 1); /* its asker was told that it failed */
	assert_int_equal(sadb_store_get(store, id, &mark, &rig_err), -ENOENT);
	sadb_store_close(store);
}

int
main(void)
{
#define STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    STORE(marks_of_any_size_come_back_after_reopening),
	    STORE(what_was_not_committed_is_not_there),
	    STORE(when_there_is_memory_again_marks_are_written_again),
	    STORE(only_its_owner_may_read_the_file),
	    STORE(a_store_in_use_is_refused_to_another_process),
	    STORE(a_file_that_is_no_database_is_refused),
	    STORE(a_database_of_another_program_is_refused),
	    STORE(a_format_of_another_version_is_refused),
	    STORE(a_damaged_store_is_refused),
	    STORE(a_path_that_cannot_be_a_file_is_refused),
	    STORE(a_store_that_cannot_be_written_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
