/* SPDX-License-Identifier: BSD-3-Clause
 * A command line to its words, without a shell. Pure; any thread. */
#ifndef CTL_KEYING_WORDS_H
#define CTL_KEYING_WORDS_H

#define CTL_KEYING_WORDS 64

/* Splits at blanks outside of single and double quotes, which are taken away; nothing else is special, so nothing is
 * expanded. words holds as many bytes as the line; argv ends with NULL. How many words; -1: too many, or a quote that does
 * not end. */
int ctl_keying_words(const char *line, char *words, char *argv[CTL_KEYING_WORDS + 1]);

#endif
