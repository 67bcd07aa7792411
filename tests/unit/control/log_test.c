/* SPDX-License-Identifier: BSD-3-Clause
 * Lines of the log, as people and the journal get them. */
#include "control/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static size_t format(char line[CTL_LOG_LINE_BYTES], bool journal, enum ctl_log_level level, const char *text, ...)
    __attribute__((format(printf, 4, 5)));

static size_t
format(char line[CTL_LOG_LINE_BYTES], bool journal, enum ctl_log_level level, const char *text, ...)
{
	size_t n;
	va_list args;

	va_start(args, text);
	n = ctl_log_format(line, journal, level, text, args);
	va_end(args);
	return n;
}

static void
a_line_says_its_level(void **state)
{
	static const struct {
		enum ctl_log_level level;
		const char *plain, *journal;
	} cases[] = {
	    {CTL_LOG_ERROR, "culvertd: a 1\n", "<3>a 1\n"},
	    {CTL_LOG_WARNING, "culvertd: warning: a 1\n", "<4>a 1\n"},
	    {CTL_LOG_NOTICE, "culvertd: notice: a 1\n", "<5>a 1\n"},
	    {CTL_LOG_INFO, "culvertd: info: a 1\n", "<6>a 1\n"},
	    {CTL_LOG_DEBUG, "culvertd: debug: a 1\n", "<7>a 1\n"},
	};
	char line[CTL_LOG_LINE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(format(line, false, cases[i].level, "a %d", 1), strlen(cases[i].plain));
		assert_string_equal(line, cases[i].plain);
		assert_int_equal(format(line, true, cases[i].level, "a %d", 1), strlen(cases[i].journal));
		assert_string_equal(line, cases[i].journal);
	}
}

static void
a_name_from_outside_cannot_start_a_line(void **state)
{
	char line[CTL_LOG_LINE_BYTES];

	(void)state;
	format(line, true, CTL_LOG_INFO, "name %s", "x\n<0>forged\r\x1b[2J\x7f");
	assert_string_equal(line, "<6>name x?<0>forged??[2J?\n");
}

static void
a_long_message_is_cut_and_still_a_line(void **state)
{
	char line[CTL_LOG_LINE_BYTES], text[2 * CTL_LOG_LINE_BYTES];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	/* From one that fits to two that do not: 19 is "culvertd: " and the label "warning: ". */
	for (size_t n = CTL_LOG_LINE_BYTES - 2 - 19; n <= CTL_LOG_LINE_BYTES; n++) {
		assert_int_equal(format(line, false, CTL_LOG_WARNING, "%.*s", (int)n, text), CTL_LOG_LINE_BYTES - 1);
		assert_int_equal(line[CTL_LOG_LINE_BYTES - 2], '\n');
		assert_int_equal(line[CTL_LOG_LINE_BYTES - 3], 'x');
		assert_int_equal(line[CTL_LOG_LINE_BYTES - 1], '\0');
	}
}

static void
the_journal_is_known_by_device_and_inode(void **state)
{
	char value[64];
	struct stat st;
	int pipe_fds[2];

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(fstat(pipe_fds[1], &st), 0);
	snprintf(value, sizeof(value), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	assert_true(ctl_log_is_journal(value, pipe_fds[1]));
	snprintf(value, sizeof(value), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
	assert_false(ctl_log_is_journal(value, pipe_fds[1]));
	snprintf(value, sizeof(value), "%ju:%ju ", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	assert_false(ctl_log_is_journal(value, pipe_fds[1]));
	assert_false(ctl_log_is_journal("", pipe_fds[1]));
	assert_false(ctl_log_is_journal(NULL, pipe_fds[1]));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* Runs with standard error on a pipe; returns what was written. */
static void
written_at(enum ctl_log_level level, char *out, size_t size)
{
	const int saved = dup(STDERR_FILENO);
	int pipe_fds[2];
	ssize_t n;

	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	ctl_log_level_set(level);
	ctl_log(CTL_LOG_ERROR, "e");
	ctl_log(CTL_LOG_WARNING, "w");
	ctl_log(CTL_LOG_INFO, "i");
	ctl_log(CTL_LOG_DEBUG, "d");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fds[1]);
	n = read(pipe_fds[0], out, size - 1);
	close(pipe_fds[0]);
	assert_true(n > 0);
	out[n] = '\0';
}

static void
only_wanted_levels_are_written(void **state)
{
	char out[256];

	(void)state;
	written_at(CTL_LOG_ERROR, out, sizeof(out));
	assert_string_equal(out, "culvertd: e\n");
	written_at(CTL_LOG_INFO, out, sizeof(out));
	assert_string_equal(out, "culvertd: e\nculvertd: warning: w\nculvertd: info: i\n");
	written_at(CTL_LOG_DEBUG, out, sizeof(out));
	assert_string_equal(out, "culvertd: e\nculvertd: warning: w\nculvertd: info: i\nculvertd: debug: d\n");
	assert_int_equal(ctl_log_level(), CTL_LOG_DEBUG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_says_its_level),
	    cmocka_unit_test(a_name_from_outside_cannot_start_a_line),
	    cmocka_unit_test(a_long_message_is_cut_and_still_a_line),
	    cmocka_unit_test(the_journal_is_known_by_device_and_inode),
	    cmocka_unit_test(only_wanted_levels_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
