/* SPDX-License-Identifier: BSD-3-Clause
 * A conversation with the daemon: asking, its errors as the operator sees them, names of virtual networks, and waiting
 * that ^C ends cleanly. The command's only thread. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/cli/display.h"
#include "control/cli/run.h"
#include "control/client.h"
#include "control/own_codec.h"
#include "control/xfrm_codec.h"

struct cli_session;

/* A request on its way; wiped by cli_ask(), since it may hold a key. */
struct cli_request {
	alignas(struct nlmsghdr) uint8_t bytes[16384]; /* NEWSA with the widest window takes 8.7 KiB */
};

/* Complains and returns NULL when there is no daemon. In a batch it is the one that all commands share. From here to the close, SIGINT, SIGTERM and SIGHUP take effect in
 * cli_wait() only, so that the socket's file is always removed. */
struct cli_session *cli_session_open(struct cli *cli);
void cli_session_close(struct cli_session *session);

/* Sends the request of length bytes (0: it did not fit) and hands each decoded answer to fn (NULL: only an ACK is
 * expected); fn returns 0 or -errno. A session that is shared sends on before the ACKs come; what they say is the
 * outcome of a later command or of cli_session_drain(). Returns the exit code, after a complaint if it is not CLI_DONE. */
typedef int (*cli_xfrm_fn)(void *arg, const struct ctl_xfrm *msg);
int cli_ask(struct cli_session *session, struct cli_request *request, size_t length, cli_xfrm_fn fn, void *arg);

/* Makes it the session that cli's commands share, until cli_session_unshare(), which closes it. With chain, the daemon
 * carries out nothing after a command that failed. Exit code. */
int cli_session_share(struct cli *cli, bool chain);
/* Waits for every ACK. Exit code of the first command that failed, which was complained of. */
int cli_session_drain(struct cli_session *session);
void cli_session_unshare(struct cli *cli);
/* How many requests were carried out since cli_session_share(); its own is one. Of a chain: the first so many. */
unsigned cli_session_done(const struct cli_session *session);

/* The same for one of Culvert's own messages without attributes. */
typedef int (*cli_own_fn)(void *arg, const struct ctl_own *own);
int cli_ask_own(struct cli_session *session, enum ctl_msg type, cli_own_fn fn, void *arg);

/* And for one that has attributes; length 0: it did not fit. Each answer goes to fn, until the ACK. */
int cli_ask_own_request(struct cli_session *session, struct cli_request *request, size_t length, cli_own_fn fn,
			void *arg);

/* The header of a request that is answered by an ACK. */
struct nlmsghdr cli_header(uint16_t type);
struct nlmsghdr cli_dump_header(uint16_t type);

/* Learns the virtual networks' names, once. Exit code. */
int cli_vnets_load(struct cli_session *session);
/* A name, NULL when the daemon did not know the id; asks nobody, so it may be called while answers come in. */
const char *cli_vnet_name(const struct cli_session *session, uint32_t id);
/* An id from what was typed: a name, or the id itself. Exit code. */
int cli_vnet_id(struct cli_session *session, const char *text, uint32_t *id);

/* Waits for events (fd >= 0) or only for the time. 1: readable, 0: time is up, -EINTR: told to stop. */
int cli_wait(struct cli_session *session, bool events, uint64_t timeout_ns);

struct ctl_client *cli_client(struct cli_session *session);
uint64_t cli_now_ns(void); /* monotonic */

#endif
