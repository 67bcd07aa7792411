/* SPDX-License-Identifier: BSD-3-Clause
 * A conversation with the daemon. The command's only thread. */
#include "control/cli/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/cli/words.h"

/* A command whose ACK has not come. */
struct under_way {
	const struct cli_object *object;
	const struct cli_verb *verb;
	unsigned line;
};

struct cli_session {
	struct cli *cli;
	struct under_way *under_way; /* by seq, round; NULL: commands wait for their ACKs */
	uint32_t seq;                /* after that of the last */
	unsigned n_under_way, n_done;
	int failed; /* exit code of the first that did */
	bool lost;  /* no answers will come any more */
	struct ctl_client *client;
	struct ctl_vnet *vnets;
	unsigned n_vnets;
	bool vnets_asked;
	sigset_t before;          /* the signal mask of the program */
	struct sadb_error unread; /* why an answer could not be decoded */
	struct ctl_own own;
};

static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static void
hold_signals(sigset_t *before)
{
	const struct sigaction action = {.sa_handler = on_signal};
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction old;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, before);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* nohup stays nohup */
			sigaction(numbers[i], &action, NULL);
}

struct cli_session *
cli_session_open(struct cli *cli)
{
	if (cli->shared != NULL)
		return cli->shared;

	struct cli_session *session = calloc(1, sizeof(*session));
	struct ctl_client_error err = {.text = ""};

	if (session == NULL) {
		cli_complain(cli, CLI_FAILED, "out of memory");
		return NULL;
	}
	session->cli = cli;
	hold_signals(&session->before);
	session->client = ctl_client_open(cli->socket, &err);
	if (session->client == NULL) {
		cli_complain(cli, CLI_FAILED, "%s", err.text);
		cli_session_close(session);
		return NULL;
	}
	return session;
}

void
cli_session_close(struct cli_session *session)
{
	if (session->under_way != NULL)
		return;
	if (session->client != NULL)
		ctl_client_close(session->client);
	sigprocmask(SIG_SETMASK, &session->before, NULL);
	free(session->vnets);
	free(session);
}

struct ctl_client *
cli_client(struct cli_session *session)
{
	return session->client;
}

struct nlmsghdr
cli_header(uint16_t type)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
}

struct nlmsghdr
cli_dump_header(uint16_t type)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
}

static int
complain(const struct cli *cli, int rc, const char *text)
{
	const char *name = strerrorname_np(-rc);

	if (text[0] == 0 && rc == -ETIMEDOUT)
		return cli_complain(cli, CLI_FAILED,
				    "no answer from the daemon at %s; is it stopped or overloaded? (ETIMEDOUT)",
				    cli->socket);
	return cli_complain(cli, CLI_FAILED, "%s (%s)", text[0] != 0 ? text : strerror(-rc),
			    name != NULL ? name : "unknown error");
}

/* How the answers of one request are taken: one of the two functions. */
struct asking {
	struct cli_session *session;
	cli_xfrm_fn xfrm_fn;
	cli_own_fn own_fn;
	void *arg;
};

static int
on_answer(void *arg, const struct nlmsghdr *nlh)
{
	const struct asking *asking = arg;
	struct sadb_error *err = &asking->session->unread;
	struct ctl_xfrm msg;
	int rc;

	if (asking->own_fn != NULL) {
		rc = ctl_own_decode(nlh, &asking->session->own, err);
		return rc != 0 ? rc : asking->own_fn(asking->arg, &asking->session->own);
	}
	if (asking->xfrm_fn == NULL)
		return 0;
	rc = ctl_xfrm_decode(nlh, &msg, err);
	if (rc == 0)
		rc = asking->xfrm_fn(asking->arg, &msg);
	sadb_wipe(&msg, sizeof(msg)); /* no daemon of ours sends keys, but XFRM answers may hold one */
	return rc;
}

static int
ask(struct cli_request *request, size_t length, struct asking *asking)
{
	struct cli_session *session = asking->session;
	struct ctl_client_error err = {.text = ""};
	int rc = -EMSGSIZE;

	session->unread.text[0] = 0;
	if (length > 0)
		rc = ctl_client_ask(session->client, (struct nlmsghdr *)request->bytes, on_answer, asking, &err);
	sadb_wipe(request, sizeof(*request));
	if (rc == 0)
		return CLI_DONE;
	if (session->unread.text[0] != 0)
		return cli_complain(session->cli, CLI_FAILED, "the daemon's answer cannot be read: %s",
				    session->unread.text);
	return complain(session->cli, rc, err.text);
}

/* ---- a batch ---- */
static void
on_ack(void *arg, uint32_t seq, int rc, const struct ctl_client_error *err)
{
	struct cli_session *session = arg;
	const struct under_way *one = &session->under_way[seq % CTL_CLIENT_WINDOW];
	struct cli_command cmd = {.object = one->object, .verb = one->verb};
	struct cli cli = *session->cli;

	/* Of a command given up before, or of none: what was sent was not understood. */
	if (session->seq - seq > session->n_under_way && rc == 0)
		return;
	session->n_under_way -= session->n_under_way > 0;
	session->n_done += rc == 0;
	if (rc == 0 || (rc == -ECANCELED && session->failed != CLI_DONE))
		return;
	cli.cmd = &cmd;
	cli.line = one->line;
	complain(&cli, rc, err->text);
	if (session->failed == CLI_DONE)
		session->failed = CLI_FAILED;
}

static int
collect(struct cli_session *session, bool wait)
{
	struct ctl_client_error err = {.text = ""};
	int rc = wait ? ctl_client_push(session->client, &err) : 0;

	if (rc == 0)
		rc = ctl_client_collect(session->client, wait, on_ack, session, &err);
	if (rc == 0 || rc == -EAGAIN)
		return CLI_DONE;
	session->n_under_way = 0;
	session->lost = true;
	return session->failed = complain(session->cli, rc, err.text);
}

static int
post(struct cli_session *session, struct cli_request *request, size_t length)
{
	const struct cli *cli = session->cli;
	struct nlmsghdr *nlh = (struct nlmsghdr *)request->bytes;
	struct ctl_client_error err = {.text = ""};
	int rc = -EMSGSIZE, code = CLI_DONE;

	while (code == CLI_DONE && session->n_under_way >= CTL_CLIENT_WINDOW)
		code = collect(session, true);
	if (code == CLI_DONE && session->n_under_way >= CTL_CLIENT_WINDOW / 2)
		code = collect(session, false);
	if (code == CLI_DONE && length > 0)
		rc = ctl_client_post(session->client, nlh, &err);
	if (code == CLI_DONE && rc == 0) {
		session->under_way[nlh->nlmsg_seq % CTL_CLIENT_WINDOW] =
		    (struct under_way){cli->cmd->object, cli->cmd->verb, cli->line};
		session->seq = nlh->nlmsg_seq + 1;
		session->n_under_way++;
	}
	sadb_wipe(request->bytes, length > 0 ? length : sizeof(request->bytes));
	if (code == CLI_DONE && rc != 0)
		code = session->failed = complain(cli, rc, err.text);
	session->lost |= rc != 0 && length > 0;
	return code != CLI_DONE ? code : session->failed;
}

int
cli_session_drain(struct cli_session *session)
{
	while (session->n_under_way > 0 && collect(session, true) == CLI_DONE)
		continue;
	return session->failed;
}

unsigned
cli_session_done(const struct cli_session *session)
{
	return session->n_done;
}

static int
post_chain(struct cli_session *session, bool chain)
{
	const struct nlmsghdr header = cli_header(CTL_MSG_CHAIN);
	struct cli_request request;

	return post(session, &request, ctl_own_encode_chain(request.bytes, sizeof(request.bytes), &header, chain));
}

int
cli_session_share(struct cli *cli, bool chain)
{
	struct cli_session *session = cli_session_open(cli);

	if (session == NULL)
		return CLI_FAILED;
	session->under_way = calloc(CTL_CLIENT_WINDOW, sizeof(*session->under_way));
	if (session->under_way == NULL) {
		cli_session_close(session);
		return cli_complain(cli, CLI_FAILED, "out of memory");
	}
	cli->shared = session;
	/* Names are asked for before anything is under way. */
	int code = cli_vnets_load(session);
	return code != CLI_DONE ? code : post_chain(session, chain);
}

void
cli_session_unshare(struct cli *cli)
{
	struct cli_session *session = cli->shared;

	cli->shared = NULL;
	if (session == NULL)
		return;
	if (!session->lost && session->under_way != NULL) {
		session->failed = CLI_DONE;
		post_chain(session, false); /* an idle client like any other */
		cli_session_drain(session);
	}
	free(session->under_way);
	session->under_way = NULL;
	cli_session_close(session);
}

int
cli_ask(struct cli_session *session, struct cli_request *request, size_t length, cli_xfrm_fn fn, void *arg)
{
	struct asking asking = {.session = session, .xfrm_fn = fn, .arg = arg};

	if (fn == NULL && session->under_way != NULL)
		return post(session, request, length);
	return ask(request, length, &asking);
}

int
cli_ask_own(struct cli_session *session, enum ctl_msg type, cli_own_fn fn, void *arg)
{
	struct asking asking = {.session = session, .own_fn = fn, .arg = arg};
	bool one = type == CTL_MSG_INFO_GET || type == CTL_MSG_MEMORY_GET || type == CTL_MSG_MIRROR_GET;
	struct nlmsghdr header = one ? cli_header(type) : cli_dump_header(type);
	struct cli_request request;

	return ask(&request, ctl_own_encode_get(request.bytes, sizeof(request.bytes), &header), &asking);
}

int
cli_ask_own_request(struct cli_session *session, struct cli_request *request, size_t length, cli_own_fn fn, void *arg)
{
	struct asking asking = {.session = session, .own_fn = fn, .arg = arg};

	return ask(request, length, &asking);
}

/* ---- virtual networks ---- */
static int
on_vnet(void *arg, const struct ctl_own *own)
{
	struct cli_session *session = arg;
	struct ctl_vnet *more;

	if (own->type != CTL_MSG_VNET)
		return 0;
	more = reallocarray(session->vnets, session->n_vnets + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	session->vnets = more;
	session->vnets[session->n_vnets++] = own->vnet;
	return 0;
}

int
cli_vnets_load(struct cli_session *session)
{
	if (session->vnets_asked)
		return CLI_DONE;
	session->vnets_asked = true;
	return cli_ask_own(session, CTL_MSG_VNET_GET, on_vnet, session);
}

#define UNDERLAY "underlay" /* as a vnet: what is in transport mode */

const char *
cli_vnet_name(const struct cli_session *session, uint32_t id)
{
	if (id == SADB_UNDERLAY_ID)
		return UNDERLAY;
	for (unsigned i = 0; i < session->n_vnets; i++)
		if (session->vnets[i].id == id)
			return session->vnets[i].name;
	return NULL;
}

static int
no_such_vnet(struct cli_session *session, const char *text)
{
	const char *names[64];
	struct cli_text err;
	unsigned n = 0;

	for (; n < session->n_vnets && n < sizeof(names) / sizeof(names[0]); n++)
		names[n] = session->vnets[n].name;
	cli_text_set(&err, "no virtual network ");
	cli_text_quote(&err, text);
	if (n == 0)
		cli_text_add(&err, "; the daemon has none, its configuration file defines them");
	else
		cli_text_candidates(&err, text, names, n);
	return cli_complain(session->cli, CLI_FAILED, "%s", err.text);
}

int
cli_vnet_id(struct cli_session *session, const char *text, uint32_t *id)
{
	char *end;
	unsigned long value;
	if (strcmp(text, UNDERLAY) == 0) { /* no vnet has that name */
		*id = SADB_UNDERLAY_ID;
		return CLI_DONE;
	}
	int code = cli_vnets_load(session);

	if (code != CLI_DONE)
		return code;
	for (unsigned i = 0; i < session->n_vnets; i++) {
		if (strcmp(session->vnets[i].name, text) == 0) {
			*id = session->vnets[i].id;
			return CLI_DONE;
		}
	}
	errno = 0;
	value = strtoul(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
	if (text[0] < '0' || text[0] > '9' || *end != 0 || errno != 0 || value > UINT32_MAX)
		return no_such_vnet(session, text);
	*id = (uint32_t)value; /* whether it exists is the daemon's to say */
	return CLI_DONE;
}

/* ---- waiting ---- */
uint64_t
cli_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int
cli_wait(struct cli_session *session, bool events, uint64_t timeout_ns)
{
	const struct timespec timeout = {(time_t)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u)};
	struct pollfd pfd = {.fd = ctl_client_fd(session->client), .events = POLLIN};
	int n;

	if (stopped)
		return -EINTR;
	/* The signals were blocked since the open: one that came in between ends the ppoll() at once. */
	n = ppoll(&pfd, events ? 1 : 0, &timeout, &session->before);
	if (n < 0)
		return -errno;
	return n > 0 ? 1 : 0;
}
