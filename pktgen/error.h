/* SPDX-License-Identifier: BSD-3-Clause
 * One line for the operator about what was refused or failed. Any thread. */
#ifndef PG_ERROR_H
#define PG_ERROR_H

struct pg_error {
	char text[512];
};

/* Writes the line and returns rc, so that a caller can fail in one statement. */
int pg_error_set(struct pg_error *err, int rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
