/* SPDX-License-Identifier: BSD-3-Clause
 * A command line to its words, without a shell. Pure; any thread. */
#include "control/keying_words.h"

#include <stddef.h>
#include <string.h>

#define BLANKS " \t\n"

/* Copies one word from line to out and ends it; where the line goes on, NULL when a quote does not end. */
static const char *
take_word(const char *line, char **out)
{
	while (*line != 0 && strchr(BLANKS, *line) == NULL) {
		if (*line != '"' && *line != '\'') {
			*(*out)++ = *line++;
			continue;
		}
		const char *end = strchr(line + 1, *line);
		if (end == NULL)
			return NULL;
		memcpy(*out, line + 1, (size_t)(end - line) - 1);
		*out += end - line - 1;
		line = end + 1;
	}
	*(*out)++ = 0;
	return line;
}

int
ctl_keying_words(const char *line, char *words, char *argv[CTL_KEYING_WORDS + 1])
{
	int n = 0;

	for (;;) {
		line += strspn(line, BLANKS);
		argv[n] = NULL;
		if (*line == 0)
			return n;
		if (n == CTL_KEYING_WORDS)
			return -1;
		argv[n++] = words;
		line = take_word(line, &words);
		if (line == NULL)
			return -1;
	}
}
