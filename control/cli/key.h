/* SPDX-License-Identifier: BSD-3-Clause
 * Keys in files: reading one with care, making a new one. The command's only thread. */
#ifndef CLI_KEY_H
#define CLI_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "control/cli/words.h"
#include "sa-db/algorithm.h"
#include "sa-db/sa.h"

/* Reads hexadecimal digits of key and salt (white space between them is skipped) from a file, "-" being standard input,
 * into config's key and salt; its aead and key_bytes, which the caller has set, say how many. Refuses a file that others may
 * read, any other number of digits, and zeros only; config is touched on success only. 0 or -errno with err filled; no copy
 * of the key stays elsewhere. The caller wipes config. */
int cli_key_read(const char *path, struct sadb_sa_config *config, struct cli_text *err);

/* The same from an open file; name is for messages. */
int cli_key_read_fd(int fd, const char *name, struct sadb_sa_config *config, struct cli_text *err);

/* The same from digits in memory. */
int cli_key_digits(const char *digits, struct sadb_sa_config *config, struct cli_text *err);

/* Before a key comes into this process. */
void cli_key_stay_private(void);

/* Writes a new random key for that algorithm and salt to a file that must not exist, mode 0600; "-" is standard output, refused when that
 * is a terminal. 0 or -errno with err filled and no file left behind. */
int cli_key_make(const char *path, const struct sadb_algorithm *algorithm, struct cli_text *err);

#endif
