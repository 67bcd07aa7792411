/* SPDX-License-Identifier: BSD-3-Clause
 * A NETLINK_XFRM socket of the program: an AF_UNIX datagram socket that speaks to the daemon, and what makes it look
 * like netlink. Several descriptors (dup, fork) may stand for one. Any thread; its own lock. */
#ifndef PRE_SOCK_H
#define PRE_SOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "control/preload/pending.h"

/* SOL_NETLINK options that are switches. */
enum pre_option {
	PRE_PKTINFO = 1 << 0,
	PRE_NO_ENOBUFS = 1 << 1,
	PRE_EXT_ACK = 1 << 2,
	PRE_CAP_ACK = 1 << 3,
	PRE_STRICT = 1 << 4,
	PRE_BROADCAST_ERROR = 1 << 5,
	PRE_ALL_NSID = 1 << 6,
};

struct pre_sock {
	/* table.c, under its lock */
	unsigned refs;
	dev_t dev;
	ino_t ino; /* of the socket: a descriptor that was closed behind our back shows another */

	pthread_mutex_t lock; /* of what follows */
	pid_t maker;
	bool shared;            /* a fork has it too: nobody knows who is the last */
	bool bound;             /* to the file own */
	struct sockaddr_un own; /* in the daemon's clients/ */
	uid_t daemon_uid;       /* for pre_daemon_sent() */
	uint32_t port;          /* 0: not given yet */
	uint32_t groups;        /* 1 << XFRMNLGRP_* */
	uint32_t options;       /* enum pre_option */
	struct pre_pending pending;
	uint32_t own_seq; /* of the library's requests on it */

	/* The datagram at the head of the queue, of which a part was delivered. It stays in the queue until all was: so
	 * the descriptor stays readable. */
	uint8_t *in;
	size_t in_bytes, at;
	bool in_valid;

	/* After a daemon began anew. */
	uint64_t boot; /* whose hello was met last */
	uint32_t
	    marker_seq; /* of the subscription sent then: what was asked before and is unanswered at its ACK is lost */
	struct pre_lost *lost; /* SAs to announce, from lost_at on */
	uint32_t lost_at;
};

struct pre_sock *pre_sock_create(void);
void pre_sock_destroy(struct pre_sock *sock);

/* What follows: with its lock held, and cancellation off. 0 or -errno. */
/* Gives it a port of its own, or that one: -EADDRINUSE. */
int pre_sock_name(struct pre_sock *sock, uint32_t port);
/* A file beside the daemon's socket, unless it has one. */
int pre_sock_attach(struct pre_sock *sock, int fd);
/* Tells the daemon which groups it wants. */
int pre_sock_subscribe(struct pre_sock *sock, int fd);

/* As the calls, without locks held. */
int pre_sock_bind(struct pre_sock *sock, int fd, const struct sockaddr *addr, socklen_t bytes);
int pre_sock_connect(struct pre_sock *sock, const struct sockaddr *addr, socklen_t bytes);
int pre_sock_getname(struct pre_sock *sock, struct sockaddr *addr, socklen_t *bytes);
ssize_t pre_sock_send(struct pre_sock *sock, int fd, const struct msghdr *msg, int flags);
ssize_t pre_sock_receive(struct pre_sock *sock, int fd, struct msghdr *msg, int flags);
int pre_sock_setsockopt(struct pre_sock *sock, int fd, int name, const void *value, socklen_t bytes);
int pre_sock_getsockopt(struct pre_sock *sock, int name, void *value, socklen_t *bytes);

/* Locks without a place where the thread could be cancelled in between; gives the state to hand back. */
int pre_lock(pthread_mutex_t *lock);
void pre_unlock(pthread_mutex_t *lock, int state);

#endif
