/* SPDX-License-Identifier: BSD-3-Clause
 * The manual keying backend: runs the operator's command, with the offer on its standard input and the answer from its
 * standard output. Control thread, in the event loop.
 *
 * No shell is started unless the command names one. A command has a process group of its own, which is killed when its
 * time is up; its output is taken up to the length of an answer, its standard error goes to the log. */
#include "control/keying.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "control/attr.h"
#include "control/keying_words.h"
#include "control/log.h"
#include "control/starter.h"
#include "control/tunnel.h"

#define AT_ONCE    16 /* commands */
#define LINES_MAX  20 /* of one command's standard error in the log */
#define LINE_BYTES 160
#define KEY_DIGITS 32 /* so many hexadecimal digits in a row could be a key's */

struct ctl_keying_exchange {
	struct manual *manual;
	struct ctl_keying_exchange *next;
	pid_t pid; /* and its process group */
	int pid_fd, out_fd, err_fd;
	struct event *ended, *output, *errors, *timeout;
	ctl_keying_done_fn done; /* NULL: cancelled, and only waits to be reaped */
	void *arg;
	char tunnel[CTL_TUNNEL_NAME];
	size_t n_answer, n_line;
	unsigned lines;
	unsigned digits; /* hexadecimal ones in a row, at the end of what came of the line */
	bool withheld;   /* the line may hold a key */
	bool late;
	char line[LINE_BYTES], last[LINE_BYTES];
	char answer[CTL_OFFER_BYTES + 1]; /* secret; full: too long */
};

struct manual {
	struct ctl_keying keying;
	struct event_base *base;
	struct timeval timeout;
	struct ctl_keying_exchange *first;
	unsigned n;
	struct ctl_helper *starter;
};

/* ---- what the command says ---- */
static void
end_line(struct ctl_keying_exchange *exchange)
{
	exchange->line[exchange->n_line] = 0;
	exchange->n_line = 0;
	if (exchange->line[0] == 0)
		return;
	snprintf(exchange->last, sizeof(exchange->last), "%s",
		 exchange->withheld ? "(a line that may hold a key is left out)" : exchange->line);
	sadb_wipe(exchange->line, sizeof(exchange->line));
	exchange->withheld = false;
	if (exchange->lines++ < LINES_MAX)
		ctl_log(CTL_LOG_NOTICE, "tunnel %s: its exchange command says: %s", exchange->tunnel, exchange->last);
}

/* Of a long line the beginning is kept, but all of it is looked at: a key in its rest began in what is kept, perhaps. */
static void
take_byte(struct ctl_keying_exchange *exchange, char byte)
{
	exchange->digits = isxdigit((unsigned char)byte) ? exchange->digits + 1 : 0;
	if (exchange->digits >= KEY_DIGITS)
		exchange->withheld = true;
	if (byte == '\n')
		end_line(exchange);
	else if (exchange->n_line < sizeof(exchange->line) - 1)
		exchange->line[exchange->n_line++] = byte;
}

static void
on_errors(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_keying_exchange *exchange = arg;
	char bytes[512];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)what;
	for (ssize_t i = 0; i < n; i++)
		take_byte(exchange, bytes[i]);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		event_del(exchange->errors);
	sadb_wipe(bytes, sizeof(bytes));
}

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_keying_exchange *exchange = arg;
	size_t room = sizeof(exchange->answer) - exchange->n_answer;
	ssize_t n = room > 0 ? read(fd, exchange->answer + exchange->n_answer, room) : 0;

	(void)what;
	if (n > 0)
		exchange->n_answer += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		event_del(
		    exchange->output); /* a command that writes on is stopped by a full pipe, and by its time-out */
}

/* ---- the end ---- */
static void
event_release(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

static void
fd_release(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The process is reaped or was never there. */
static void
release(struct ctl_keying_exchange *exchange)
{
	struct ctl_keying_exchange **place = &exchange->manual->first;

	while (*place != NULL && *place != exchange)
		place = &(*place)->next;
	if (*place != NULL) {
		*place = exchange->next;
		exchange->manual->n--;
	}
	event_release(exchange->ended);
	event_release(exchange->output);
	event_release(exchange->errors);
	event_release(exchange->timeout);
	fd_release(exchange->pid_fd);
	fd_release(exchange->out_fd);
	fd_release(exchange->err_fd);
	sadb_wipe(exchange, sizeof(*exchange));
	free(exchange);
}

/* It has not been waited for, so the number is still its own. */
static void
kill_group(const struct ctl_keying_exchange *exchange)
{
	kill(-exchange->pid, SIGKILL);
}

static int
judge(const struct ctl_keying_exchange *exchange, int status, char why[LINE_BYTES + 64])
{
	const char *last = exchange->last[0] != 0 ? exchange->last : "it said nothing on standard error";

	if (exchange->late) {
		snprintf(why, LINE_BYTES + 64, "the command was stopped after %ld s",
			 (long)exchange->manual->timeout.tv_sec);
		return -ETIMEDOUT;
	}
	if (exchange->n_answer > CTL_OFFER_BYTES) {
		snprintf(why, LINE_BYTES + 64, "the command's output is longer than an answer can be");
		return -EMSGSIZE;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		snprintf(why, LINE_BYTES + 64, "the command ended with status %d: %s", WEXITSTATUS(status), last);
	else
		snprintf(why, LINE_BYTES + 64, "the command was ended by signal %d: %s", WTERMSIG(status), last);
	return -ECONNABORTED;
}

/* The command is over. What it wrote lies in the pipes; who inherited them from it is not waited for. */
static void
on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_keying_exchange *exchange = arg;
	char why[LINE_BYTES + 64] = "";
	int status = 0;

	(void)fd, (void)what;
	if (waitpid(exchange->pid, &status, WNOHANG) != exchange->pid)
		return;
	if (exchange->done != NULL) {
		on_output(exchange->out_fd, 0, exchange);
		on_output(exchange->out_fd, 0, exchange);
		on_errors(exchange->err_fd, 0, exchange);
		end_line(exchange);
		const struct ctl_keying_text answer = {exchange->answer, exchange->n_answer};
		const int rc = judge(exchange, status, why);
		exchange->done(exchange->arg, rc, &answer, why);
	}
	release(exchange);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_keying_exchange *exchange = arg;

	(void)fd, (void)what;
	exchange->late = true;
	kill_group(exchange);
}

static void
manual_cancel(struct ctl_keying_exchange *exchange)
{
	exchange->done = NULL;
	event_del(exchange->output);
	event_del(exchange->errors);
	kill_group(exchange);
}

/* ---- the start ---- */
static void
pipes_close(struct ctl_starter_pipes *pipes)
{
	for (unsigned i = 0; i < 2; i++) {
		fd_release(pipes->in[i]);
		fd_release(pipes->out[i]);
		fd_release(pipes->err[i]);
	}
}

static int
pipes_open(struct ctl_starter_pipes *pipes)
{
	*pipes = (struct ctl_starter_pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	if (pipe2(pipes->in, O_CLOEXEC) != 0 || pipe2(pipes->out, O_CLOEXEC) != 0 ||
	    pipe2(pipes->err, O_CLOEXEC) != 0 || fcntl(pipes->out[0], F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(pipes->err[0], F_SETFL, O_NONBLOCK) != 0)
		return -errno;
	return 0;
}

static int
watch(struct ctl_keying_exchange *exchange)
{
	struct event_base *base = exchange->manual->base;

	exchange->pid_fd = (int)syscall(SYS_pidfd_open, exchange->pid, 0);
	if (exchange->pid_fd < 0)
		return -errno;
	exchange->ended = event_new(base, exchange->pid_fd, EV_READ | EV_PERSIST, on_ended, exchange);
	exchange->output = event_new(base, exchange->out_fd, EV_READ | EV_PERSIST, on_output, exchange);
	exchange->errors = event_new(base, exchange->err_fd, EV_READ | EV_PERSIST, on_errors, exchange);
	exchange->timeout = event_new(base, -1, 0, on_timeout, exchange);
	if (exchange->ended == NULL || event_add(exchange->ended, NULL) != 0 || exchange->output == NULL ||
	    event_add(exchange->output, NULL) != 0 || exchange->errors == NULL ||
	    event_add(exchange->errors, NULL) != 0 || exchange->timeout == NULL ||
	    event_add(exchange->timeout, &exchange->manual->timeout) != 0)
		return -ENOMEM;
	return 0;
}

/* Starts the program and leaves the offer in its pipe, which holds more than an offer's length. */
static int
run(struct ctl_keying_exchange *exchange, const struct ctl_keying_request *request)
{
	char words[CTL_TUNNEL_COMMAND], *argv[CTL_KEYING_WORDS + 1];
	struct ctl_starter_pipes pipes;
	int rc = pipes_open(&pipes);

	if (rc == 0 && ctl_keying_words(request->route, words, argv) <= 0)
		rc = -EINVAL;
	if (rc == 0)
		rc = ctl_starter_start(exchange->manual->starter, argv, &pipes, &exchange->pid);
	if (rc == 0 && write(pipes.in[1], request->offer.text, request->offer.bytes) != (ssize_t)request->offer.bytes)
		ctl_log(CTL_LOG_DEBUG, "tunnel %s: its exchange command ended at once", request->tunnel);
	if (rc == 0) {
		exchange->out_fd = pipes.out[0];
		exchange->err_fd = pipes.err[0];
		pipes.out[0] = pipes.err[0] = -1;
	}
	pipes_close(&pipes);
	return rc;
}

static int
manual_start(void *backend, const struct ctl_keying_request *request, struct ctl_keying_exchange **out,
	     struct sadb_error *err)
{
	struct manual *manual = backend;
	struct ctl_keying_exchange *exchange;
	int rc;

	if (manual->n >= AT_ONCE)
		return ctl_refuse(err, -EAGAIN, 0, "%d exchange commands are running", AT_ONCE);
	exchange = calloc(1, sizeof(*exchange));
	if (exchange == NULL)
		return ctl_refuse(err, -ENOMEM, 0, "no memory for the exchange");
	exchange->manual = manual;
	exchange->pid_fd = exchange->out_fd = exchange->err_fd = -1;
	exchange->done = request->done;
	exchange->arg = request->arg;
	snprintf(exchange->tunnel, sizeof(exchange->tunnel), "%s", request->tunnel);
	exchange->next = manual->first;
	manual->first = exchange;
	manual->n++;
	rc = run(exchange, request);
	if (rc == 0) {
		rc = watch(exchange);
		if (rc != 0) {
			kill_group(exchange);
			waitpid(exchange->pid, NULL, 0);
		}
	}
	if (rc != 0) {
		release(exchange);
		/* -EAGAIN of a process limit is no reason to come again at once. */
		return ctl_refuse(err, rc == -EAGAIN ? -ENOMEM : rc, 0,
				  "the exchange command '%.80s' cannot be started: %s", request->route, strerror(-rc));
	}
	*out = exchange;
	return 0;
}

struct ctl_keying *
ctl_keying_manual_create(struct event_base *base, unsigned timeout_s)
{
	struct manual *manual = calloc(1, sizeof(*manual));

	if (manual == NULL)
		return NULL;
	manual->keying = (struct ctl_keying){"manual", manual_start, manual_cancel, manual};
	manual->base = base;
	manual->timeout.tv_sec = timeout_s;
	manual->starter = ctl_helper_create("culvert-starter");
	if (manual->starter == NULL) {
		free(manual);
		return NULL;
	}
	return &manual->keying;
}

void
ctl_keying_manual_destroy(struct ctl_keying *keying)
{
	struct manual *manual = keying != NULL ? keying->backend : NULL;

	if (manual == NULL)
		return;
	while (manual->first != NULL) {
		kill_group(manual->first);
		waitpid(manual->first->pid, NULL, 0);
		release(manual->first);
	}
	ctl_helper_destroy(manual->starter);
	free(manual);
}
