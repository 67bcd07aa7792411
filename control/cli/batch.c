/* SPDX-License-Identifier: BSD-3-Clause
 * Many commands from a file, as ip -batch and nft -f have it: one a line, errors by file and line. Changes are sent on
 * before the ones before them are acknowledged. The command's only thread. */
#include "control/cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/cli/key.h"
#include "control/cli/parse.h"
#include "control/cli/policies.h"
#include "control/cli/session.h"
#include "sa-db/sadb.h"

#define LINE_MAX_BYTES 4096
#define WORDS_MAX      128
#define LOOK_LINES     256 /* after so many it looks for ^C */

/* The file and what of it was read and not used yet. It may hold keys: no stdio, which keeps copies. */
struct source {
	int fd;
	size_t at, end;
	bool force;   /* go on after a command that failed */
	bool private; /* no one else could have read it */
	char why[80]; /* if not */
	char bytes[65536];
};

static int
source_open(struct cli *cli, const char *path, struct source *source)
{
	bool standard = strcmp(path, "-") == 0;
	struct stat st;

	source->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	cli->file = standard ? "standard input" : path;
	if (source->fd < 0 || fstat(source->fd, &st) != 0)
		return cli_complain(cli, CLI_FAILED, "%s", strerror(errno));
	if (isatty(source->fd))
		snprintf(source->why, sizeof(source->why), "a terminal shows it");
	else if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		snprintf(source->why, sizeof(source->why), "mode %04o lets others at it; chmod 600",
			 (unsigned)st.st_mode & 07777);
	source->private = source->why[0] == 0;
	cli_key_stay_private();
	return CLI_DONE;
}

static void
source_close(struct source *source)
{
	if (source->fd > STDIN_FILENO)
		close(source->fd);
	sadb_wipe(source->bytes, sizeof(source->bytes));
}

/* The next line, without its end, zero-terminated. 1, 0 at the end of the file, or -errno; -E2BIG: too long. */
static int
next_line(struct source *source, char line[LINE_MAX_BYTES])
{
	size_t n = 0;

	for (;;) {
		if (source->at == source->end) {
			ssize_t got = read(source->fd, source->bytes, sizeof(source->bytes));

			if (got < 0 && errno != EINTR)
				return -errno;
			if (got < 0)
				continue;
			source->at = 0;
			source->end = (size_t)got;
			if (got == 0) {
				line[n] = 0;
				return n > 0;
			}
		}
		char c = source->bytes[source->at++];
		if (c == '\n')
			break;
		if (n == LINE_MAX_BYTES - 1)
			return -E2BIG;
		line[n++] = c;
	}
	line[n] = 0;
	return 1;
}

/* Splits in place, at blanks outside quotes; a word that begins with # begins a comment. How many words; -1: too many, or
 * a quote that does not end. */
static int
split(char *line, char *words[WORDS_MAX])
{
	int n = 0;

	for (;;) {
		line += strspn(line, " \t\r");
		if (*line == 0 || *line == '#')
			return n;
		if (n == WORDS_MAX)
			return -1;
		char *to = words[n++] = line;
		while (*line != 0 && strchr(" \t\r", *line) == NULL) {
			if (*line != '"' && *line != '\'') {
				*to++ = *line++;
				continue;
			}
			char *end = strchr(line + 1, *line);
			if (end == NULL)
				return -1;
			memmove(to, line + 1, (size_t)(end - line) - 1);
			to += end - line - 1;
			line = end + 1;
		}
		bool last = *line == 0;
		*to = 0;
		if (last)
			return n;
		line++;
	}
}

/* What cannot be sent on: it may ask and show, so everything before it must have been carried out. */
static int
run_alone(struct cli *cli, bool force)
{
	struct cli_session *shared = cli->shared;
	int code = cli_session_drain(shared);

	if (code != CLI_DONE && !force)
		return code;
	cli->shared = NULL;
	code = cli->cmd->verb->run(cli);
	cli->shared = shared;
	return code;
}

static int
run_words(struct cli *cli, const struct source *source, int n, char *words[])
{
	struct cli_text err = {.text = ""};
	struct cli_command cmd = {0};

	cli->cmd = &cmd;
	if (n < 0)
		return cli_complain(cli, CLI_USAGE, "a quote does not end, or more than %d words", WORDS_MAX);
	if (cli_parse_private(n, words, &cmd, &err) != 0)
		return cli_complain(cli, CLI_USAGE, "%s", err.text);
	if (cmd.value[CLI_KEY].given && !source->private)
		return cli_complain(cli, CLI_FAILED, "a key is not accepted in here: %s", source->why);
	return cmd.verb->acked && !cli_policy_has_range(&cmd) ? cmd.verb->run(cli) : run_alone(cli, source->force);
}

static int
run_line(struct cli *cli, const struct source *source, char *line)
{
	const struct cli_command *outside = cli->cmd;
	char *words[WORDS_MAX];
	int n = split(line, words);
	int code = n != 0 ? run_words(cli, source, n, words) : CLI_DONE;

	cli->cmd = outside;
	return code;
}

static int
run_lines(struct cli *cli, struct source *source)
{
	char line[LINE_MAX_BYTES];
	int code = CLI_DONE, one, interrupted = CLI_DONE, rc;

	for (cli->line = 1; (rc = next_line(source, line)) > 0; cli->line++) {
		one = run_line(cli, source, line);
		if (one == CLI_DONE && cli->line % LOOK_LINES == 0 && cli_wait(cli->shared, false, 0) == -EINTR)
			one = interrupted = cli_complain(cli, CLI_FAILED, "stopped after this line");
		if (code == CLI_DONE)
			code = one;
		if ((one != CLI_DONE && !source->force) || interrupted != CLI_DONE)
			break;
	}
	sadb_wipe(line, sizeof(line));
	if (rc < 0)
		code = cli_complain(cli, CLI_FAILED, "%s",
				    rc == -E2BIG ? "the line is longer than 4095 bytes" : strerror(-rc));
	one = cli_session_drain(cli->shared);
	return code != CLI_DONE ? code : one;
}

int
cli_batch(struct cli *cli, const char *path, bool force)
{
	struct source *source = calloc(1, sizeof(*source));
	int code;

	if (source == NULL)
		return cli_complain(cli, CLI_FAILED, "out of memory");
	source->force = force;
	code = source_open(cli, path, source);
	if (code == CLI_DONE)
		code = cli_session_share(cli, !force);
	if (code == CLI_DONE)
		code = run_lines(cli, source);
	cli_session_unshare(cli);
	source_close(source);
	free(source);
	return code;
}
