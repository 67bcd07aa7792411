/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon's log: one line a message, to standard error, with a level that the journal understands. Control thread.
 * Never hand it a key. */
#ifndef CTL_LOG_H
#define CTL_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* syslog's numbers, for the journal. */
enum ctl_log_level {
	CTL_LOG_ERROR = 3,
	CTL_LOG_WARNING = 4,
	CTL_LOG_NOTICE = 5,
	CTL_LOG_INFO = 6,
	CTL_LOG_DEBUG = 7,
};

#define CTL_LOG_LINE_BYTES 1024 /* a longer message is cut */

/* Finds out whether standard error is the journal's stream (systemd.exec(5), JOURNAL_STREAM). */
void ctl_log_open(void);
void ctl_log_level_set(enum ctl_log_level level);
enum ctl_log_level ctl_log_level(void);

/* Writes the message if its level is wanted, in one write(2). Control characters become '?'. */
void ctl_log(enum ctl_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The line as ctl_log() writes it, newline and closing zero included; returns its length. The journal gets "<6>text";
 * others get "culvertd: info: text", with errors bare ("culvertd: text"), as compilers and shells print them. */
size_t ctl_log_format(char line[CTL_LOG_LINE_BYTES], bool journal, enum ctl_log_level level, const char *format,
		      va_list args) __attribute__((format(printf, 4, 0)));

/* True when JOURNAL_STREAM's value ("device:inode") names what fd is open on. NULL: false. */
bool ctl_log_is_journal(const char *journal_stream, int fd);

#endif
