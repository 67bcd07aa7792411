/* SPDX-License-Identifier: BSD-3-Clause
 * The way to the daemon: where its socket is, a socket file of our own beside it, whether it lives, and the one line
 * that tells the operator when it does not. Any thread. */
#ifndef PRE_DAEMON_H
#define PRE_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define PRE_SOCKET_ENV "CULVERT_SOCKET" /* where the daemon's socket is, unless it is CTL_SOCKET_DEFAULT */

/* Binds an AF_UNIX datagram socket to a new file in the daemon's directory. 0 with own filled, or -errno: -ECONNREFUSED
 * when there is no daemon's directory, -EPERM when this user may not. What was wrong has been said. */
int pre_daemon_bind(int fd, struct sockaddr_un *own);
/* Is it the daemon, or root, who sent what recvmsg() returned? known: 0 at first, then kept for the next. */
bool pre_daemon_sent(const struct msghdr *msg, uid_t *known);
/* Sends one datagram. Bytes or -errno, as pre_daemon_bind(). */
ssize_t pre_daemon_send(int fd, const void *data, size_t bytes, int flags);
/* 0, or -errno when nobody serves the socket. */
int pre_daemon_probe(void);
/* Says what an error of the daemon's says, once for an outage. */
void pre_daemon_refused(const struct nlmsghdr *error);
/* The text of an extended ACK, up to *bytes and not terminated; NULL: it has none. */
const char *pre_daemon_text(const struct nlmsghdr *error, size_t *bytes);
/* Says a line to the operator on standard error. */
void pre_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
