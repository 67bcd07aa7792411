/* SPDX-License-Identifier: BSD-3-Clause
 * Help, made from the grammar's table. The command's only thread. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "control/cli/grammar.h"

/* Of everything when object is NULL, of the object when verb is NULL. */
void cli_help_print(FILE *out, const struct cli_object *object, const struct cli_verb *verb);

#endif
