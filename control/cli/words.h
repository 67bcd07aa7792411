/* SPDX-License-Identifier: BSD-3-Clause
 * Words for messages: a text that grows without overflowing, the nearest right word to a wrong one, and quoting that
 * never repeats what may be a key. The command's only thread. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <stddef.h>

/* Long enough for the longest list of keywords; what does not fit is cut. */
struct cli_text {
	char text[1024];
};

/* Appends to the text. */
void cli_text_add(struct cli_text *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the text and returns -EINVAL, so that a check can end with it. */
int cli_text_set(struct cli_text *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define CLI_KEYLIKE_DIGITS 32

/* Appends 'word' in quotes. A word that could be key material (so many hexadecimal digits in a row, or more) is not repeated, control
 * characters neither. */
void cli_text_quote(struct cli_text *err, const char *word);

/* The candidate nearest to the word, NULL when none is near enough to be meant. */
const char *cli_nearest(const char *word, const char *const candidates[], size_t n);

/* Appends "; did you mean 'x'?" when there is a near one, and then "; accepted: a, b, c". */
void cli_text_candidates(struct cli_text *err, const char *word, const char *const candidates[], size_t n);

#endif
