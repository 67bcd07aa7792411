/* SPDX-License-Identifier: BSD-3-Clause
 * One argument's text to its value, by kind and range. The command's only thread. */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include "control/cli/grammar.h"
#include "control/cli/words.h"

/* Fills out's text, number and prefix from the text. A choice of a CLI_MANY argument is added to the number's bits. 0,
 * or -EINVAL with err saying what the text is not and what is accepted; out is then untouched. */
int cli_value_parse(const struct cli_arg *arg, const char *text, struct cli_value *out, struct cli_text *err);

/* A list of prefixes, with commas between; at most max. */
int cli_value_prefixes(const struct cli_arg *arg, const char *text, struct sadb_prefix out[], unsigned max,
		       struct cli_text *err);

/* How the value is written in help: "ADDR", "in|out", "N|off". */
void cli_value_syntax(const struct cli_arg *arg, struct cli_text *out);

/* The argument with it: "src ADDR", "VIEW summary|drops", "FILE". */
void cli_arg_syntax(const struct cli_arg *arg, struct cli_text *out);

#endif
