/* SPDX-License-Identifier: BSD-3-Clause
 * Key files: what is taken, what is refused, and that nothing of a key is repeated. */
#include "control/cli/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/control/cli_rig.h"

#define HALF "000102030405060708090a0b0c0d0e0f10111213" /* 20 bytes */
#define GOOD HALF "1415161718191a1b1c1d1e1fa0a1a2a3"    /* 36 */
#define ZERO "000000000000000000000000000000000000000000000000000000000000000000000000"

static char dir[64];
static char path[96];

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/culvert-key-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/key", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void
put(const char *text, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* What a caller sets before it has a key read. */
static struct sadb_sa_config
for_gcm(void)
{
	return (struct sadb_sa_config){.aead = SADB_AEAD_AES_GCM_16, .key_bytes = 32};
}

static void
assert_good_key(const struct sadb_sa_config *config)
{
	static const uint8_t salt[] = {0xa0, 0xa1, 0xa2, 0xa3};

	assert_int_equal(config->aead, SADB_AEAD_AES_GCM_16);
	assert_int_equal(config->key_bytes, 32);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(config->key[i], i);
	assert_memory_equal(config->salt, salt, sizeof(salt));
}

static void
a_sound_file_gives_key_and_salt(void **state)
{
	static const char *const good[] = {
	    GOOD,
	    GOOD "\n",
	    " " GOOD "\r\n\n",
	    HALF "\n\t 14 15161718191A1B1C1D1E1FA0A1A2A3",
	};
	struct cli_text err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct sadb_sa_config config = for_gcm();

		config.reqid = 9;

		put(good[i], i % 2 == 0 ? 0600 : 0400);
		if (cli_key_read(path, &config, &err) != 0)
			fail_msg("case %zu: %s", i, err.text);
		assert_good_key(&config);
		assert_int_equal(config.reqid, 9);
	}
}

static void
what_is_no_key_is_refused_before_anything_is_written(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		int rc;
		const char *says;
	} bad[] = {
	    {"", 0600, -EINVAL, "holds 0 hexadecimal digits; accepted for aes-256-gcm-16: 72 (32 bytes of key"},
	    {"\n", 0600, -EINVAL, "holds 0 hexadecimal digits"},
	    {HALF, 0600, -EINVAL, "holds 40 hexadecimal digits"},
	    {GOOD "f", 0600, -EINVAL, "holds 73 hexadecimal digits"},
	    {GOOD GOOD, 0600, -EINVAL, "holds 144 hexadecimal digits"},
	    {"0x" GOOD, 0600, -EINVAL, "byte 2 is not a hexadecimal digit"},
	    {HALF "deadbeef!", 0600, -EINVAL, "byte 49 is not a hexadecimal digit"},
	    {ZERO, 0600, -EINVAL, "key of zeros"},
	    {GOOD, 0640, -EACCES, "chmod 600"},
	    {GOOD, 0604, -EACCES, "mode 0604"},
	    {GOOD, 0620, -EACCES, "mode 0620"},
	    {GOOD, 0601, -EACCES, "mode 0601"},
	};
	struct sadb_sa_config untouched;

	(void)state;
	memset(&untouched, 0xee, sizeof(untouched));
	untouched.aead = SADB_AEAD_AES_GCM_16;
	untouched.key_bytes = 32;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sadb_sa_config config = untouched;
		struct cli_text err;

		put(bad[i].text, bad[i].mode);
		assert_int_equal(cli_key_read(path, &config, &err), bad[i].rc);
		rig_assert_contains(err.text, bad[i].says);
		rig_assert_lacks(err.text, "0102");
		rig_assert_lacks(err.text, "dead");
		assert_memory_equal(&config, &untouched, sizeof(config));
	}
}

static void
a_file_that_is_not_there_is_named(void **state)
{
	struct sadb_sa_config config = for_gcm();
	struct cli_text err;

	(void)state;
	unlink(path);
	assert_int_equal(cli_key_read(path, &config, &err), -ENOENT);
	rig_assert_contains(err.text, path);
	rig_assert_contains(err.text, "culvert keygen");
	assert_int_equal(cli_key_read(dir, &config, &err), -EISDIR);
	/* A key typed where its file's name belongs is not repeated. */
	assert_int_equal(cli_key_read(GOOD, &config, &err), -ENOENT);
	rig_assert_lacks(err.text, "0102");
}

static void
a_file_without_end_is_refused(void **state)
{
	struct sadb_sa_config config = for_gcm();
	struct cli_text err;
	int fd = open("/dev/zero", O_RDONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(cli_key_read_fd(fd, "zero", &config, &err), -EINVAL);
	rig_assert_contains(err.text, "zero: too long for a key");
	close(fd);
}

static void
a_pipe_gives_the_key_in_pieces(void **state)
{
	struct sadb_sa_config config = for_gcm();
	struct cli_text err;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], GOOD, 30), 30);
	assert_int_equal(write(fds[1], &GOOD[30], strlen(GOOD) - 30), (ssize_t)strlen(GOOD) - 30);
	close(fds[1]);
	assert_int_equal(cli_key_read_fd(fds[0], "pipe", &config, &err), 0);
	assert_good_key(&config);
	close(fds[0]);
}

static void
a_new_key_is_private_random_and_readable(void **state)
{
	struct sadb_sa_config a = for_gcm(), b = for_gcm();
	struct cli_text err;
	struct stat st;
	mode_t mask = umask(0);

	(void)state;
	unlink(path);
	assert_int_equal(cli_key_make(path, sadb_algorithm_at(0), &err), 0);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 72 + 1);
	assert_int_equal(cli_key_read(path, &a, &err), 0);

	assert_int_equal(cli_key_make(path, sadb_algorithm_at(0), &err), -EEXIST);
	rig_assert_contains(err.text, "never overwritten");
	assert_int_equal(cli_key_read(path, &b, &err), 0);
	assert_memory_equal(&a, &b, sizeof(a));

	unlink(path);
	assert_int_equal(cli_key_make(path, sadb_algorithm_at(0), &err), 0);
	assert_int_equal(cli_key_read(path, &b, &err), 0);
	assert_memory_not_equal(a.key, b.key, sizeof(a.key));
	assert_memory_not_equal(a.salt, b.salt, sizeof(a.salt));
}

static void
a_key_is_as_long_as_its_algorithm_asks_for(void **state)
{
	struct cli_text err;
	struct stat st;

	(void)state;
	for (unsigned made = 0; sadb_algorithm_at(made) != NULL; made++) {
		const struct sadb_algorithm *algorithm = sadb_algorithm_at(made);

		unlink(path);
		assert_int_equal(cli_key_make(path, algorithm, &err), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, 2 * (algorithm->key_bytes + SADB_SALT_BYTES) + 1);
		for (unsigned read = 0; sadb_algorithm_at(read) != NULL; read++) {
			const struct sadb_algorithm *wanted = sadb_algorithm_at(read);
			struct sadb_sa_config config = {.aead = (uint8_t)wanted->aead, .key_bytes = wanted->key_bytes};
			const int rc = wanted->key_bytes == algorithm->key_bytes ? 0 : -EINVAL;

			assert_int_equal(cli_key_read(path, &config, &err), rc);
			if (rc != 0)
				rig_assert_contains(err.text, wanted->name);
			assert_int_equal(config.aead, wanted->aead);
			assert_int_equal(config.key_bytes, wanted->key_bytes);
		}
	}
}

static void
a_link_is_not_followed_to_make_a_key(void **state)
{
	struct cli_text err;
	char target[128];

	(void)state;
	unlink(path);
	snprintf(target, sizeof(target), "%s/elsewhere", dir);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(cli_key_make(path, sadb_algorithm_at(0), &err), -EEXIST);
	assert_int_not_equal(access(target, F_OK), 0);
}

/* A terminal in the place of standard input and output. */
static void
a_terminal_neither_gives_nor_gets_a_key(void **state)
{
	struct sadb_sa_config config = for_gcm();
	struct cli_text read_err, make_err;
	int saved_in = dup(STDIN_FILENO), saved_out, read_rc, make_rc, leader, terminal;

	(void)state;
	leader = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(leader >= 0 && grantpt(leader) == 0 && unlockpt(leader) == 0);
	terminal = open(ptsname(leader), O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	fflush(stdout);
	saved_out = dup(STDOUT_FILENO);
	dup2(terminal, STDIN_FILENO);
	dup2(terminal, STDOUT_FILENO);
	read_rc = cli_key_read("-", &config, &read_err);
	make_rc = cli_key_make("-", sadb_algorithm_at(0), &make_err);
	dup2(saved_in, STDIN_FILENO);
	dup2(saved_out, STDOUT_FILENO);
	close(saved_in);
	close(saved_out);
	close(terminal);
	close(leader);
	assert_int_equal(read_rc, -EINVAL);
	rig_assert_contains(read_err.text, "terminal");
	assert_int_equal(make_rc, -EINVAL);
	rig_assert_contains(make_err.text, "terminal");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sound_file_gives_key_and_salt),
	    cmocka_unit_test(what_is_no_key_is_refused_before_anything_is_written),
	    cmocka_unit_test(a_file_that_is_not_there_is_named),
	    cmocka_unit_test(a_file_without_end_is_refused),
	    cmocka_unit_test(a_pipe_gives_the_key_in_pieces),
	    cmocka_unit_test(a_new_key_is_private_random_and_readable),
	    cmocka_unit_test(a_key_is_as_long_as_its_algorithm_asks_for),
	    cmocka_unit_test(a_link_is_not_followed_to_make_a_key),
	    cmocka_unit_test(a_terminal_neither_gives_nor_gets_a_key),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
