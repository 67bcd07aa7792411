/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon's log. Control thread. */
#include "control/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum ctl_log_level log_level = CTL_LOG_INFO;
static bool log_journal;

static const char *const label[] = {
    [CTL_LOG_ERROR] = "",      [CTL_LOG_WARNING] = "warning: ", [CTL_LOG_NOTICE] = "notice: ",
    [CTL_LOG_INFO] = "info: ", [CTL_LOG_DEBUG] = "debug: ",
};

bool
ctl_log_is_journal(const char *journal_stream, int fd)
{
	unsigned long long device, inode;
	struct stat st;
	int end = 0;

	if (journal_stream == NULL || sscanf(journal_stream, "%llu:%llu%n", &device, &inode, &end) != 2 ||
	    journal_stream[end] != '\0')
		return false;
	return fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void
ctl_log_open(void)
{
	log_journal = ctl_log_is_journal(getenv("JOURNAL_STREAM"), STDERR_FILENO);
}

void
ctl_log_level_set(enum ctl_log_level level)
{
	log_level = level;
}

enum ctl_log_level
ctl_log_level(void)
{
	return log_level;
}

size_t
ctl_log_format(char line[CTL_LOG_LINE_BYTES], bool journal, enum ctl_log_level level, const char *format, va_list args)
{
	const size_t room = CTL_LOG_LINE_BYTES - 2; /* newline and zero */
	size_t start, length;
	int n;

	if (journal)
		start = (size_t)snprintf(line, room, "<%u>", level);
	else
		start = (size_t)snprintf(line, room, "culvertd: %s", label[level]);
	n = vsnprintf(line + start, room - start + 1, format, args);
	length = start + (n < 0 ? 0 : (size_t)n);
	if (length > room)
		length = room;
	/* A name from outside must not be able to start a line of its own or to drive a terminal. */
	for (size_t i = start; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	line[length] = '\0';
	return length;
}

void
ctl_log(enum ctl_log_level level, const char *format, ...)
{
	char line[CTL_LOG_LINE_BYTES];
	const int saved = errno;
	size_t length;
	va_list args;

	if (level > log_level)
		return;
	va_start(args, format);
	length = ctl_log_format(line, log_journal, level, format, args);
	va_end(args);
	while (write(STDERR_FILENO, line, length) < 0 && errno == EINTR)
		;
	errno = saved;
}
