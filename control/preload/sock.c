/* SPDX-License-Identifier: BSD-3-Clause
 * A NETLINK_XFRM socket's life, name, groups and options. Any thread. */
#include "control/preload/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "control/preload/daemon.h"
#include "control/preload/restore.h"
#include "control/preload/table.h"
#include "control/preload/wire.h"

#define GROUPS_KNOWN ((1u << (XFRMNLGRP_MAX + 1)) - 2)

int
pre_lock(pthread_mutex_t *lock)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_mutex_lock(lock);
	return state;
}

void
pre_unlock(pthread_mutex_t *lock, int state)
{
	pthread_mutex_unlock(lock);
	pthread_setcancelstate(state, NULL);
}

struct pre_sock *
pre_sock_create(void)
{
	struct pre_sock *sock = calloc(1, sizeof(*sock));

	if (!sock)
		return NULL;
	pthread_mutex_init(&sock->lock, NULL);
	sock->refs = 1;
	sock->maker = getpid();
	return sock;
}

/* The file of one that a fork has too is left to the daemon, which sweeps those of the dead. */
void
pre_sock_destroy(struct pre_sock *sock)
{
	if (sock->bound && !sock->shared && sock->maker == getpid())
		unlink(sock->own.sun_path);
	pre_pending_clear(&sock->pending);
	pre_lost_put(sock->lost);
	pthread_mutex_destroy(&sock->lock);
	free(sock->in);
	free(sock);
}

int
pre_sock_name(struct pre_sock *sock, uint32_t port)
{
	if (sock->port != 0)
		return port == 0 || port == sock->port ? 0 : -EINVAL;
	if (port == 0 && !pre_table_has_port((uint32_t)getpid()))
		port = (uint32_t)getpid();
	else if (port != 0 && (port == PRE_OWN_PORT || pre_table_has_port(port)))
		return -EADDRINUSE;
	/* As the kernel: the process's number, else one that no process has. */
	while (port == 0) {
		if (getrandom(&port, sizeof(port), 0) != (ssize_t)sizeof(port))
			return -EAGAIN;
		port |= 0xf0000000u;
		if (pre_table_has_port(port))
			port = 0;
	}
	/* Relaxed: pre_table_has_port() looks at all sockets without their locks; two that take one number at the same
	 * moment are told apart by nobody but the program, which asked for it. */
	__atomic_store_n(&sock->port, port, __ATOMIC_RELAXED);
	return 0;
}

int
pre_sock_attach(struct pre_sock *sock, int fd)
{
	int rc = sock->bound ? 0 : pre_daemon_bind(fd, &sock->own);

	if (rc == 0)
		sock->bound = true;
	return rc;
}

int
pre_sock_subscribe(struct pre_sock *sock, int fd)
{
	uint8_t request[PRE_SUBSCRIBE_BYTES] __attribute__((aligned(8)));
	int rc = pre_sock_attach(sock, fd);

	if (rc)
		return rc;
	if (++sock->own_seq == 0)
		sock->own_seq = 1;
	pre_wire_subscribe(request, sock->own_seq, sock->groups);
	ssize_t n = pre_daemon_send(fd, request, sizeof(request), 0);
	return n < 0 ? (int)n : 0;
}

/* Joins and leaves. Without a daemon it waits for one, whose hello makes it subscribe: only a directory that is not
 * there is an error, for nobody could say hello then. */
static int
set_groups(struct pre_sock *sock, int fd, uint32_t groups)
{
	const uint32_t before = sock->groups;
	int rc = 0;

	sock->groups = groups;
	if (groups != before)
		rc = pre_sock_subscribe(sock, fd);
	if (rc && !(rc == -ECONNREFUSED && sock->bound)) {
		sock->groups = before;
		return rc;
	}
	return 0;
}

int
pre_sock_bind(struct pre_sock *sock, int fd, const struct sockaddr *addr, socklen_t bytes)
{
	struct sockaddr_nl name;

	if (bytes < sizeof(name))
		return -EINVAL;
	memcpy(&name, addr, sizeof(name));
	if (name.nl_family != AF_NETLINK)
		return -EINVAL;
	int state = pre_lock(&sock->lock);
	int rc = pre_sock_name(sock, name.nl_pid);
	if (rc == 0)
		rc = set_groups(sock, fd, (name.nl_groups << 1) & GROUPS_KNOWN);
	pre_unlock(&sock->lock, state);
	return rc;
}

int
pre_sock_connect(struct pre_sock *sock, const struct sockaddr *addr, socklen_t bytes)
{
	struct sockaddr_nl name;

	if (bytes < sizeof(name.nl_family))
		return -EINVAL;
	if (addr->sa_family == AF_UNSPEC)
		return 0;
	if (bytes < sizeof(name))
		return -EINVAL;
	memcpy(&name, addr, sizeof(name));
	if (name.nl_family != AF_NETLINK)
		return -EINVAL;
	if (name.nl_pid != 0 || name.nl_groups != 0)
		return -ECONNREFUSED; /* there is nobody but the "kernel" */
	int state = pre_lock(&sock->lock);
	int rc = pre_sock_name(sock, 0);
	pre_unlock(&sock->lock, state);
	return rc;
}

int
pre_sock_getname(struct pre_sock *sock, struct sockaddr *addr, socklen_t *bytes)
{
	struct sockaddr_nl name = {.nl_family = AF_NETLINK};

	int state = pre_lock(&sock->lock);
	name.nl_pid = sock->port;
	name.nl_groups = sock->groups >> 1;
	pre_unlock(&sock->lock, state);
	memcpy(addr, &name, *bytes < sizeof(name) ? *bytes : sizeof(name));
	*bytes = sizeof(name);
	return 0;
}

/* The bit of a SOL_NETLINK option, 0 when it is none that is a switch. */
static uint32_t
option_bit(int name)
{
	switch (name) {
	case NETLINK_PKTINFO:
		return PRE_PKTINFO;
	case NETLINK_BROADCAST_ERROR:
		return PRE_BROADCAST_ERROR;
	case NETLINK_NO_ENOBUFS:
		return PRE_NO_ENOBUFS;
	case NETLINK_LISTEN_ALL_NSID:
		return PRE_ALL_NSID;
	case NETLINK_EXT_ACK:
		return PRE_EXT_ACK;
	case NETLINK_CAP_ACK:
		return PRE_CAP_ACK;
	case NETLINK_GET_STRICT_CHK:
		return PRE_STRICT;
	default:
		return 0;
	}
}

int
pre_sock_setsockopt(struct pre_sock *sock, int fd, int name, const void *value, socklen_t bytes)
{
	const bool join = name == NETLINK_ADD_MEMBERSHIP;
	const uint32_t bit = option_bit(name);
	unsigned number;
	int rc = 0;

	if (bytes < sizeof(number))
		return -EINVAL;
	memcpy(&number, value, sizeof(number));
	if (bit == 0 && !join && name != NETLINK_DROP_MEMBERSHIP)
		return -ENOPROTOOPT;
	if (bit == 0 && (number == 0 || number > XFRMNLGRP_MAX))
		return -EINVAL;
	int state = pre_lock(&sock->lock);
	if (bit)
		sock->options = number ? sock->options | bit : sock->options & ~bit;
	else
		rc = set_groups(sock, fd, join ? sock->groups | 1u << number : sock->groups & ~(1u << number));
	pre_unlock(&sock->lock, state);
	return rc;
}

int
pre_sock_getsockopt(struct pre_sock *sock, int name, void *value, socklen_t *bytes)
{
	const uint32_t bit = option_bit(name);
	uint32_t number;

	if (bit == 0 && name != NETLINK_LIST_MEMBERSHIPS)
		return -ENOPROTOOPT;
	int state = pre_lock(&sock->lock);
	number = bit ? (sock->options & bit) != 0 : sock->groups >> 1;
	pre_unlock(&sock->lock, state);
	/* A list of groups may be asked for its length first. */
	if (*bytes < sizeof(number) && bit)
		return -EINVAL;
	if (*bytes >= sizeof(number))
		memcpy(value, &number, sizeof(number));
	*bytes = sizeof(number);
	return 0;
}
