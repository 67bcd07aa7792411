/* SPDX-License-Identifier: BSD-3-Clause
 * Words to a command, by the grammar's table. The command's only thread. */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include "control/cli/grammar.h"
#include "control/cli/words.h"

/* Object, verb and arguments. The values point into words. 0, or -EINVAL with err saying what is wrong and what is
 * accepted; out then holds the object and verb as far as they were understood, for a hint at their help. */
int cli_parse(int n, char *const words[], struct cli_command *out, struct cli_text *err);

/* The same for words that are nobody else's to see: a key may be among them. */
int cli_parse_private(int n, char *const words[], struct cli_command *out, struct cli_text *err);

/* The object and verb that the words begin with, NULL where there is none or it is unknown. */
void cli_parse_topic(int n, char *const words[], struct cli_command *out);

const struct cli_object *cli_object_find(const char *word);
const struct cli_verb *cli_verb_find(const struct cli_object *object, const char *word);

/* An object without verbs: monitor, keygen. */
bool cli_object_is_verb(const struct cli_object *object);

/* The argument of that verb with that id. */
const struct cli_arg *cli_arg_of(const struct cli_verb *verb, enum cli_id id);

#endif
