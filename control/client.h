/* SPDX-License-Identifier: BSD-3-Clause
 * The asking side of the daemon's socket: bind, send a request, read answers. Used by the CLI; one thread. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#define CTL_SOCKET_DEFAULT "/run/culvert/culvert.sock"
#define CTL_DATAGRAM_MAX   32768 /* no datagram either way is longer */

struct ctl_client;

/* What went wrong, for the operator: cause and cure. */
struct ctl_client_error {
	char text[256];
};

/* Binds a socket file of its own in the daemon's directory (clients/, removed at close) and checks that the daemon is
 * there. NULL with err filled: "no daemon at PATH: is culvertd running? ...", "not allowed: ... group culvert". */
struct ctl_client *ctl_client_open(const char *path, struct ctl_client_error *err);
void ctl_client_close(struct ctl_client *client);
int ctl_client_fd(const struct ctl_client *client); /* for poll() */

/* Sends one request (seq and pid are filled in) and hands every answer message to fn until the ACK, NLMSG_DONE or
 * error. With NLM_F_DUMP in its flags it is a dump; with NLM_F_ACK an ACK is waited for. fn's non-zero return stops and
 * is returned. Returns 0 or the daemon's negative errno; err->text then holds its extended ACK. -ETIMEDOUT after 5 s
 * without any answer. */
typedef int (*ctl_client_fn)(void *arg, const struct nlmsghdr *nlh);
int ctl_client_ask(struct ctl_client *client, struct nlmsghdr *request, ctl_client_fn fn, void *arg,
		   struct ctl_client_error *err);

/* ---- many requests under way at once, each answered by an ACK alone ---- */

/* More than these must not wait for their ACKs: the daemon takes no requests of a client for whom too much waits. */
#define CTL_CLIENT_WINDOW 2048

/* Puts a request with NLM_F_ACK among those to be sent (seq and pid are filled in), sending a datagram when it is full.
 * The seq of the next request is one higher. 0 or -errno with err filled. */
int ctl_client_post(struct ctl_client *client, struct nlmsghdr *request, struct ctl_client_error *err);
/* Sends what was posted and not sent yet. */
int ctl_client_push(struct ctl_client *client, struct ctl_client_error *err);
/* Hands the ACKs of one datagram to fn; rc is 0 or the daemon's error, err its text. Waits for one if wait is true, as
 * ctl_client_ask() does; else -EAGAIN when there is none. */
typedef void (*ctl_client_ack_fn)(void *arg, uint32_t seq, int rc, const struct ctl_client_error *err);
int ctl_client_collect(struct ctl_client *client, bool wait, ctl_client_ack_fn fn, void *arg,
		       struct ctl_client_error *err);

/* Waits up to timeout_ms (-1: for ever) for one datagram of events and hands its messages to fn. 0, -EAGAIN on time-out,
 * -ENOBUFS when the daemon had to leave events out. */
int ctl_client_events(struct ctl_client *client, int timeout_ms, ctl_client_fn fn, void *arg);

#endif
