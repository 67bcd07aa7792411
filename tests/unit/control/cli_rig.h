/* SPDX-License-Identifier: BSD-3-Clause
 * What the tests of the command share: a line of text split as a shell would, and what was printed. */
#ifndef CLI_RIG_H
#define CLI_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/parse.h"

#define RIG_WORDS 64

struct rig_line {
	char text[1024];
	char *words[RIG_WORDS + 1];
	int n;
};

/* Splits at spaces outside of single quotes. A leading "-j" and the like stay words. */
static inline void
rig_split(struct rig_line *line, const char *text)
{
	assert_true(strlen(text) < sizeof(line->text));
	strcpy(line->text, text);
	line->n = 0;
	for (char *w = line->text + strspn(line->text, " "); *w != 0; w += strspn(w, " ")) {
		const bool quoted = *w == '\'';

		assert_true(line->n < RIG_WORDS);
		line->words[line->n++] = w += quoted;
		w += strcspn(w, quoted ? "'" : " ");
		if (*w != 0)
			*w++ = 0;
		if (strcmp(line->words[line->n - 1], "--") == 0) /* another program's words follow */
			break;
	}
	line->words[line->n] = NULL;
}

/* Parses; the values point into line. */
static inline int
rig_parse(struct rig_line *line, const char *text, struct cli_command *cmd, struct cli_text *err)
{
	rig_split(line, text);
	err->text[0] = 0;
	return cli_parse(line->n, line->words, cmd, err);
}

/* Parses what must be right. */
static inline void
rig_parse_ok(struct rig_line *line, const char *text, struct cli_command *cmd)
{
	struct cli_text err;

	if (rig_parse(line, text, cmd, &err) != 0)
		fail_msg("'%s' was refused: %s", text, err.text);
}

static inline void
rig_assert_contains(const char *text, const char *part)
{
	if (text == NULL || part == NULL)
		fail();
	else if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, text);
}

static inline void
rig_assert_lacks(const char *text, const char *part)
{
	if (text == NULL || part == NULL)
		fail();
	else if (strstr(text, part) != NULL)
		fail_msg("'%s' must not be in:\n%s", part, text);
}

#endif
