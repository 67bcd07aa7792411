/* SPDX-License-Identifier: BSD-3-Clause
 * The manual backend against real commands. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "control/clock.h"
#include "control/keying.h"
#include "control/keying_words.h"
#include "control/log.h"

static struct event_base *base;
static struct ctl_keying *keying;
static struct sadb_error err;

static struct outcome {
	unsigned calls;
	int rc;
	char answer[CTL_OFFER_BYTES + 1], why[512];
	size_t bytes;
} outcome;

static void
on_done(void *arg, int rc, const struct ctl_keying_text *answer, const char *why)
{
	assert_ptr_equal(arg, &outcome);
	outcome.calls++;
	outcome.rc = rc;
	outcome.bytes = answer->bytes;
	memcpy(outcome.answer, answer->text, answer->bytes);
	snprintf(outcome.why, sizeof(outcome.why), "%s", why);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&outcome, 0, sizeof(outcome));
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	ctl_log_level_set(CTL_LOG_ERROR);
	base = event_base_new();
	keying = ctl_keying_manual_create(base, 1);
	assert_non_null(keying);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ctl_keying_manual_destroy(keying);
	event_base_free(base);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left, ... */
	assert_int_equal(errno, ECHILD);                  /* ... not even a dead one */
	return 0;
}

static int
start(const char *command, struct ctl_keying_exchange **exchange)
{
	static const char offer[] = "the offer\n";
	const struct ctl_keying_request request = {
	    .tunnel = "site", .route = command, .offer = {offer, sizeof(offer) - 1}, .done = on_done, .arg = &outcome};

	return keying->start(keying->backend, &request, exchange, &err);
}

/* Runs the command to its end. */
static void
run(const char *command)
{
	const uint64_t limit_s = ctl_now_s() + 20;
	struct ctl_keying_exchange *exchange;

	if (start(command, &exchange) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(outcome.calls, 0); /* never from inside start() */
	while (outcome.calls == 0 && ctl_now_s() < limit_s)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(outcome.calls, 1);
}

static void
the_offer_goes_in_and_the_answer_comes_out(void **state)
{
	(void)state;
	run("cat");
	assert_int_equal(outcome.rc, 0);
	assert_int_equal(outcome.bytes, 10);
	assert_memory_equal(outcome.answer, "the offer\n", 10);
}

static void
a_shell_runs_only_where_one_is_named(void **state)
{
	(void)state;
	run("echo a;b '$HOME' \"x  y\"");
	assert_string_equal(outcome.answer, "a;b $HOME x  y\n");
	memset(&outcome, 0, sizeof(outcome));
	run("sh -c 'tr a-z A-Z; echo end'");
	assert_string_equal(outcome.answer, "THE OFFER\nend\n");
}

static void
a_command_that_fails_says_why_by_its_last_line(void **state)
{
	(void)state;
	run("sh -c 'echo first >&2; echo no route to east >&2; exit 3'");
	assert_int_equal(outcome.rc, -ECONNABORTED);
	assert_string_equal(outcome.why, "the command ended with status 3: no route to east");
}

static void
what_looks_like_a_key_is_not_repeated(void **state)
{
	(void)state;
	run("sh -c 'echo key 00112233445566778899aabbccddeeff >&2; exit 1'");
	assert_null(strstr(outcome.why, "8899"));
	assert_non_null(strstr(outcome.why, "may hold a key"));
}

static void
a_key_is_not_repeated_where_a_long_line_is_cut(void **state)
{
	(void)state;
	/* On both sides of the cut there is less of it than a key has. */
	run("sh -c 'printf \"%150s%s\\n\" no 0011223344556677889900112233445566778899 >&2; exit 1'");
	assert_null(strstr(outcome.why, "0011"));
	assert_null(strstr(outcome.why, "8899"));
}

static void
a_command_has_one_second_here_and_is_killed_with_its_children(void **state)
{
	(void)state;
	const uint64_t start_ns = ctl_now_ns();
	run("sh -c 'sleep 1000 & sleep 1000; echo late'");
	assert_int_equal(outcome.rc, -ETIMEDOUT);
	assert_string_equal(outcome.why, "the command was stopped after 1 s");
	assert_true(ctl_now_ns() - start_ns >= 1000000000);
}

static void
a_child_that_keeps_the_output_open_is_not_waited_for(void **state)
{
	(void)state;
	run("sh -c 'sleep 0.3 & cat'");
	assert_int_equal(outcome.rc, 0);
	assert_string_equal(outcome.answer, "the offer\n");
}

static void
an_output_longer_than_any_answer_is_refused(void **state)
{
	(void)state;
	run("head -c 4097 /dev/zero");
	assert_int_equal(outcome.rc, -EMSGSIZE);
	memset(&outcome, 0, sizeof(outcome));
	run("head -c 4096 /dev/zero");
	assert_int_equal(outcome.rc, 0);
	assert_int_equal(outcome.bytes, 4096);
}

static void
a_program_that_is_not_there_is_told_at_once(void **state)
{
	struct ctl_keying_exchange *exchange;

	(void)state;
	assert_int_equal(start("/nowhere/to-be-found x", &exchange), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere/to-be-found"));
	assert_int_equal(start("", &exchange), -EINVAL);
}

static void
a_command_that_does_not_read_ends_well(void **state)
{
	(void)state;
	run("true");
	assert_int_equal(outcome.rc, 0);
	assert_int_equal(outcome.bytes, 0);
}

/* The daemon blocks SIGTERM and ignores SIGPIPE; a command must not. */
static void
signals_are_as_in_a_shell(void **state)
{
	sigset_t set;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	run("grep -E '^Sig(Blk|Ign)' /proc/self/status");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	outcome.answer[outcome.bytes] = 0;
	assert_non_null(strstr(outcome.answer, "SigBlk:\t0000000000000000\n"));
	/* 32 and 33 are glibc's own. */
	const char *ignored = strstr(outcome.answer, "SigIgn:\t");
	assert_non_null(ignored);
	assert_int_equal(strtoull(ignored + 8, NULL, 16) & INT32_MAX, 0);
}

static void
no_file_of_the_daemon_is_open_in_a_command(void **state)
{
	int fd = dup(STDOUT_FILENO); /* not close-on-exec, as a library's may be */

	(void)state;
	assert_true(fd > STDERR_FILENO);
	run("ls /proc/self/fd");
	close(fd);
	assert_string_equal(outcome.answer, "0\n1\n2\n3\n"); /* 3 is the listing's own */
}

static void
what_is_cancelled_is_killed_and_never_done(void **state)
{
	struct ctl_keying_exchange *exchange;

	(void)state;
	assert_int_equal(start("sleep 1000", &exchange), 0);
	keying->cancel(exchange);
	for (int i = 0; i < 3; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(outcome.calls, 0);
}

static void
sixteen_run_at_once_and_the_next_is_asked_to_come_again(void **state)
{
	struct ctl_keying_exchange *exchange;

	(void)state;
	for (int i = 0; i < 16; i++)
		assert_int_equal(start("sleep 1000", &exchange), 0);
	assert_int_equal(start("sleep 1000", &exchange), -EAGAIN);
	keying->cancel(exchange);
	while (start("true", &exchange) == -EAGAIN)
		event_base_loop(base, EVLOOP_ONCE);
}

struct line {
	const char *line;
	int n;
	const char *last;
};

static void
a_line_is_split_at_blanks_outside_of_quotes(void **state)
{
	static const struct line lines[] = {
	    {"", 0, NULL},
	    {"  ", 0, NULL},
	    {"ssh", 1, "ssh"},
	    {" ssh  -o\tX east ", 4, "east"},
	    {"sh -c 'a b  c'", 3, "a b  c"},
	    {"sh -c \"a 'b'\"", 3, "a 'b'"},
	    {"a b'c d'e", 2, "bc de"},
	    {"a ''", 2, ""},
	    {"a 'b", -1, NULL},
	    {"a \"b", -1, NULL},
	    {"a \\ b$c", 3, "b$c"},
	};
	char words[512], *argv[CTL_KEYING_WORDS + 1], many[3 * CTL_KEYING_WORDS] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(ctl_keying_words(lines[i].line, words, argv), lines[i].n);
		if (lines[i].last != NULL)
			assert_string_equal(argv[lines[i].n - 1], lines[i].last);
		if (lines[i].n >= 0)
			assert_null(argv[lines[i].n]);
	}
	for (int i = 0; i < CTL_KEYING_WORDS; i++)
		strcat(many, "x ");
	assert_int_equal(ctl_keying_words(many, words, argv), CTL_KEYING_WORDS);
	strcat(many, "x");
	assert_int_equal(ctl_keying_words(many, words, argv), -1);
}

#define BACKEND(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BACKEND(the_offer_goes_in_and_the_answer_comes_out),
	    BACKEND(a_shell_runs_only_where_one_is_named),
	    BACKEND(a_command_that_fails_says_why_by_its_last_line),
	    BACKEND(what_looks_like_a_key_is_not_repeated),
	    BACKEND(a_key_is_not_repeated_where_a_long_line_is_cut),
	    BACKEND(a_command_has_one_second_here_and_is_killed_with_its_children),
	    BACKEND(a_child_that_keeps_the_output_open_is_not_waited_for),
	    BACKEND(an_output_longer_than_any_answer_is_refused),
	    BACKEND(a_program_that_is_not_there_is_told_at_once),
	    BACKEND(a_command_that_does_not_read_ends_well),
	    BACKEND(signals_are_as_in_a_shell),
	    BACKEND(no_file_of_the_daemon_is_open_in_a_command),
	    BACKEND(what_is_cancelled_is_killed_and_never_done),
	    BACKEND(sixteen_run_at_once_and_the_next_is_asked_to_come_again),
	    cmocka_unit_test(a_line_is_split_at_blanks_outside_of_quotes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
