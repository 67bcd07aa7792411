/* SPDX-License-Identifier: BSD-3-Clause
 * Words for the enums of sa-db: what the grammar accepts is what is shown. The command's only thread. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <stdint.h>

/* By the enum's value, NULL-terminated. */
extern const char *const cli_sa_dirs[];     /* enum sadb_dir */
extern const char *const cli_policy_dirs[]; /* enum sadb_policy_dir */
extern const char *const cli_actions[];     /* enum sadb_action */
extern const char *const cli_route_kinds[]; /* enum sadb_route_kind */

/* names[i], NULL past the end. */
const char *cli_name(const char *const names[], unsigned i);

/* A protocol's name, NULL for one without a name here; and the i-th name of all, NULL past the end, with its number. */
const char *cli_proto_name(uint8_t proto);
const char *cli_proto_at(unsigned i, uint8_t *proto);

#endif
