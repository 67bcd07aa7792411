/* SPDX-License-Identifier: BSD-3-Clause
 * Words for messages: lists, quotes, and the word that was meant. The command's only thread. */
#include "control/cli/words.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX_BYTES 32 /* no word of the grammar is longer */

static void __attribute__((format(printf, 2, 0))) append(struct cli_text *err, const char *format, va_list args)
{
	size_t used = strlen(err->text);

	vsnprintf(err->text + used, sizeof(err->text) - used, format, args);
}

void
cli_text_add(struct cli_text *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(err, format, args);
	va_end(args);
}

int
cli_text_set(struct cli_text *err, const char *format, ...)
{
	va_list args;

	err->text[0] = 0;
	va_start(args, format);
	append(err, format, args);
	va_end(args);
	return -EINVAL;
}

void
cli_text_quote(struct cli_text *err, const char *word)
{
	size_t run = 0;

	for (const char *p = word; *p != 0; p++) {
		run = isxdigit((unsigned char)*p) ? run + 1 : 0;
		if (run >= CLI_KEYLIKE_DIGITS) {
			cli_text_add(err, "(a long hexadecimal word, not repeated here: it may be a key)");
			return;
		}
	}
	cli_text_add(err, "'");
	for (const char *p = word; *p != 0 && p < word + 80; p++)
		cli_text_add(err, "%c", iscntrl((unsigned char)*p) ? '?' : *p);
	cli_text_add(err, "'");
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits between two words: insert, delete, replace, or swap two neighbours (optimal string alignment). */
static unsigned
distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned d[WORD_MAX_BYTES + 1][WORD_MAX_BYTES + 1];

	if (n > WORD_MAX_BYTES || m > WORD_MAX_BYTES)
		return UINT32_MAX;
	for (unsigned i = 0; i <= n; i++)
		d[i][0] = i;
	for (unsigned j = 0; j <= m; j++)
		d[0][j] = j;
	for (unsigned i = 1; i <= n; i++) {
		for (unsigned j = 1; j <= m; j++) {
			unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			best = least(best, least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = least(best, d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	}
	return d[n][m];
}

const char *
cli_nearest(const char *word, const char *const candidates[], size_t n)
{
	size_t len = strlen(word);
	unsigned best = len <= 3 ? 2 : 3; /* one slip in a short word, two in a longer one */
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(word, candidates[i]);
		size_t n_short = strlen(candidates[i]) < len ? strlen(candidates[i]) : len;

		if (n_short >= 2 && strncmp(word, candidates[i], n_short) == 0)
			d = 1; /* one abbreviates the other: sh and show, delete and del */
		if (d < best && d < len) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}

void
cli_text_candidates(struct cli_text *err, const char *word, const char *const candidates[], size_t n)
{
	const char *near = cli_nearest(word, candidates, n);

	if (near != NULL)
		cli_text_add(err, "; did you mean '%s'?", near);
	for (size_t i = 0; i < n; i++)
		cli_text_add(err, "%s%s", i > 0 ? ", " : near != NULL ? " Accepted: " : "; accepted: ", candidates[i]);
}
