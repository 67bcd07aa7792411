/* SPDX-License-Identifier: BSD-3-Clause
 * One line for the operator. Any thread. */
#include "pktgen/error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

int
pg_error_set(struct pg_error *err, int rc, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	for (char *p = err->text; *p != '\0'; p++) /* it may quote a file, and stays one line */
		*p = iscntrl((unsigned char)*p) ? '?' : *p;
	return rc;
}
