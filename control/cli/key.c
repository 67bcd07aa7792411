/* SPDX-License-Identifier: BSD-3-Clause
 * Keys in files. Bytes are read and written without stdio, whose buffers would keep a copy. The command's only
 * thread. */
#include "control/cli/key.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/cli/run.h"
#include "sa-db/sadb.h"

#define FILE_MAX_BYTES  4096 /* digits and a lot of white space */
#define KEYED_MAX_BYTES (SADB_KEY_MAX + SADB_SALT_BYTES)

static int
digit_value(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static unsigned
digits_of(const struct sadb_algorithm *algorithm)
{
	return 2 * (algorithm->key_bytes + SADB_SALT_BYTES);
}

static const struct sadb_algorithm *
algorithm_of(const struct sadb_sa_config *config)
{
	return sadb_algorithm_find((enum sadb_aead)config->aead, config->key_bytes);
}

/* Text to key and salt of that algorithm. Messages tell positions and counts, no content. */
static int
decode(const char *text, size_t n, const struct sadb_algorithm *algorithm, uint8_t *out, const char *name,
       struct cli_text *err)
{
	const unsigned wanted = digits_of(algorithm);
	size_t digits = 0;
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++) {
		int value = digit_value(text[i]);

		if (isspace((unsigned char)text[i]))
			continue;
		if (value < 0)
			return cli_text_set(
			    err, "%s: byte %zu is not a hexadecimal digit; accepted: %u digits 0-9 a-f and white space",
			    name, i + 1, wanted);
		if (digits < wanted)
			out[digits / 2] = (uint8_t)(digits % 2 == 0 ? value << 4 : out[digits / 2] | value);
		if (digits < wanted)
			any |= (uint8_t)value;
		digits++;
	}
	if (digits != wanted)
		return cli_text_set(
		    err, "%s holds %zu hexadecimal digits; accepted for %s: %u (%u bytes of key, then %d of salt)",
		    name, digits, algorithm->name, wanted, algorithm->key_bytes, SADB_SALT_BYTES);
	if (any == 0)
		return cli_text_set(err, "%s holds a key of zeros only; that is how a missing key is shown, not a key",
				    name);
	return 0;
}

static int
read_all(int fd, char *buf, size_t size, const char *name, struct cli_text *err)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = read(fd, buf + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			got = -errno;
			cli_text_set(err, "%s: %s", name, strerror((int)-got));
			return (int)got;
		}
		if (got == 0)
			return (int)n;
		n += (size_t)got;
		if (n == size)
			return cli_text_set(err, "%s: too long for a key: %d hexadecimal digits at most are expected",
					    name, 2 * KEYED_MAX_BYTES);
	}
}

static void
take_key(const uint8_t *bytes, struct sadb_sa_config *config)
{
	memcpy(config->key, bytes, config->key_bytes);
	memcpy(config->salt, bytes + config->key_bytes, SADB_SALT_BYTES);
}

int
cli_key_digits(const char *digits, struct sadb_sa_config *config, struct cli_text *err)
{
	uint8_t bytes[KEYED_MAX_BYTES];
	int rc = decode(digits, strlen(digits), algorithm_of(config), bytes, "key", err);

	if (rc == 0)
		take_key(bytes, config);
	sadb_wipe(bytes, sizeof(bytes));
	return rc;
}

/* From here on the process leaves no core dump and no other may trace it. Not from its start: /dev/fd/N, the shell's
 * <(command), could not be opened any more but by root. */
void
cli_key_stay_private(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int
cli_key_read_fd(int fd, const char *name, struct sadb_sa_config *config, struct cli_text *err)
{
	uint8_t bytes[KEYED_MAX_BYTES];
	char text[FILE_MAX_BYTES];
	struct stat st;
	int rc;

	if (fstat(fd, &st) != 0) {
		rc = -errno;
		cli_text_set(err, "%s: %s", name, strerror(-rc));
		return rc;
	}
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
		cli_text_set(
		    err,
		    "%s: mode %04o lets others at the key; 'chmod 600 %s', and replace the key if others could read it",
		    name, (unsigned)st.st_mode & 07777, name);
		return -EACCES;
	}
	cli_key_stay_private();
	rc = read_all(fd, text, sizeof(text), name, err);
	if (rc >= 0)
		rc = decode(text, (size_t)rc, algorithm_of(config), bytes, name, err);
	if (rc == 0)
		take_key(bytes, config);
	sadb_wipe(text, sizeof(text));
	sadb_wipe(bytes, sizeof(bytes));
	return rc;
}

int
cli_key_read(const char *path, struct sadb_sa_config *config, struct cli_text *err)
{
	int fd, rc;

	if (strcmp(path, "-") == 0) {
		if (isatty(STDIN_FILENO))
			return cli_text_set(
			    err, "standard input is a terminal, which would show the key; pipe it in or name a file");
		return cli_key_read_fd(STDIN_FILENO, "standard input", config, err);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		cli_text_set(err, "key-file ");
		cli_text_quote(err, path);
		cli_text_add(err, ": %s%s", strerror(-rc), rc == -ENOENT ? "; 'culvert keygen FILE' makes a key" : "");
		return rc;
	}
	rc = cli_key_read_fd(fd, path, config, err);
	close(fd);
	return rc;
}

static int
write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, text, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		text += put;
		n -= (size_t)put;
	}
	return 0;
}

static int
write_new_key(int fd, const struct sadb_algorithm *algorithm)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[KEYED_MAX_BYTES];
	char text[2 * KEYED_MAX_BYTES + 1];
	const size_t n = digits_of(algorithm) / 2;
	int rc;

	cli_key_stay_private();
	/* Up to 256 bytes come whole or not at all (getrandom(2)), once the pool is ready. */
	if (getrandom(bytes, n, 0) != (ssize_t)n)
		return -EIO;
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * n] = '\n';
	rc = write_all(fd, text, 2 * n + 1);
	sadb_wipe(bytes, sizeof(bytes));
	sadb_wipe(text, sizeof(text));
	return rc;
}

int
cli_key_make(const char *path, const struct sadb_algorithm *algorithm, struct cli_text *err)
{
	bool std = strcmp(path, "-") == 0;
	int fd = STDOUT_FILENO, rc;

	if (std && isatty(fd))
		return cli_text_set(err,
				    "standard output is a terminal, which would show the key; name a file or a pipe");
	if (!std)
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = -errno;
		cli_text_set(err, "%s: %s%s", path, strerror(-rc),
			     rc == -EEXIST ? "; a key is never overwritten, choose another name" : "");
		return rc;
	}
	rc = write_new_key(fd, algorithm);
	if (std)
		goto out;
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	close(fd);
	if (rc != 0)
		unlink(path);
out:
	if (rc != 0)
		cli_text_set(err, "%s: %s", std ? "standard output" : path, strerror(-rc));
	return rc;
}

int
cli_keygen(struct cli *cli)
{
	const struct sadb_algorithm *algorithm = sadb_algorithm_at((unsigned)cli->cmd->value[CLI_ALGORITHM].number);
	struct cli_text err;

	if (cli_key_make(cli->cmd->value[CLI_FILE].text, algorithm, &err) != 0)
		return cli_complain(cli, CLI_FAILED, "%s", err.text);
	return CLI_DONE;
}
