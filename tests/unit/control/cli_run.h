/* SPDX-License-Identifier: BSD-3-Clause
 * Runs the whole command inside the test and keeps what it printed. */
#ifndef CLI_RUN_RIG_H
#define CLI_RUN_RIG_H

#include <unistd.h>

#include "tests/unit/control/cli_rig.h"
#include "control/cli/run.h"

struct rig_run {
	char *out;
	char err[4096];
	int code;
};

static inline void
rig_run_free(struct rig_run *run)
{
	free(run->out);
	run->out = NULL;
}

/* "culvert " and the words of the line; the caller frees. */
static inline void
rig_run(struct rig_run *run, const char *words)
{
	struct rig_line line;
	FILE *err = tmpfile(), *out;
	int saved = dup(STDERR_FILENO);
	char text[1024];
	size_t size;

	assert_true(snprintf(text, sizeof(text), "culvert %s", words) < (int)sizeof(text));
	rig_split(&line, text);
	run->out = NULL;
	out = open_memstream(&run->out, &size);
	assert_true(out != NULL && err != NULL && saved >= 0);
	fflush(stderr);
	dup2(fileno(err), STDERR_FILENO);
	run->code = cli_main(line.n, line.words, out);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(out);
	rewind(err);
	run->err[fread(run->err, 1, sizeof(run->err) - 1, err)] = 0;
	fclose(err);
}

/* Runs and expects the exit code, and a text in what was printed (on standard error if the code is not 0). */
static inline void
rig_expect(const char *words, int code, const char *says)
{
	struct rig_run run;

	rig_run(&run, words);
	if (run.code != code)
		fail_msg("'%s' ended with %d, not %d:\n%s%s", words, run.code, code, run.out, run.err);
	rig_assert_contains(code == CLI_DONE ? run.out : run.err, says);
	if (code != CLI_DONE)
		assert_string_equal(run.out, "");
	else
		assert_string_equal(run.err, "");
	rig_run_free(&run);
}

#endif
