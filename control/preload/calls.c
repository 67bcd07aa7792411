/* SPDX-License-Identifier: BSD-3-Clause
 * The C library's calls as the program sees them: for a NETLINK_XFRM socket ours, for all else the next library's. They
 * stand under names of their own, for the C library's headers declare (and, fortified, define) theirs. Any thread. */
#include "control/preload/real.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <sys/uio.h>

#include "control/preload/table.h"

#define CALL(type, name) __attribute__((visibility("default"))) type pre_call_##name
#define AS(name)         __asm__(name)

CALL(int, socket)(int domain, int type, int protocol) AS("socket");
CALL(int, bind)(int fd, const struct sockaddr *addr, socklen_t bytes) AS("bind");
CALL(int, connect)(int fd, const struct sockaddr *addr, socklen_t bytes) AS("connect");
CALL(int, getsockname)(int fd, struct sockaddr *addr, socklen_t *bytes) AS("getsockname");
CALL(int, getpeername)(int fd, struct sockaddr *addr, socklen_t *bytes) AS("getpeername");
CALL(int, getsockopt)(int fd, int level, int name, void *value, socklen_t *bytes) AS("getsockopt");
CALL(int, setsockopt)(int fd, int level, int name, const void *value, socklen_t bytes) AS("setsockopt");
CALL(ssize_t, send)(int fd, const void *data, size_t bytes, int flags) AS("send");
CALL(ssize_t, sendto)
(int fd, const void *data, size_t bytes, int flags, const struct sockaddr *to, socklen_t to_bytes) AS("sendto");
CALL(ssize_t, sendmsg)(int fd, const struct msghdr *msg, int flags) AS("sendmsg");
CALL(ssize_t, recv)(int fd, void *data, size_t bytes, int flags) AS("recv");
CALL(ssize_t, recvfrom)
(int fd, void *data, size_t bytes, int flags, struct sockaddr *from, socklen_t *from_bytes) AS("recvfrom");
CALL(ssize_t, recvmsg)(int fd, struct msghdr *msg, int flags) AS("recvmsg");
CALL(ssize_t, recv_chk)(int fd, void *data, size_t bytes, size_t room, int flags) AS("__recv_chk");
CALL(ssize_t, recvfrom_chk)
(int fd, void *data, size_t bytes, size_t room, int flags, struct sockaddr *from, socklen_t *from_bytes)
    AS("__recvfrom_chk");
CALL(int, dup)(int fd) AS("dup");
CALL(int, dup2)(int fd, int as) AS("dup2");
CALL(int, dup3)(int fd, int as, int flags) AS("dup3");
CALL(int, fcntl)(int fd, int command, ...) AS("fcntl");
CALL(int, fcntl64)(int fd, int command, ...) AS("fcntl64");
CALL(int, close)(int fd) AS("close");

/* glibc's end of a program that is about to write beyond a buffer. */
extern void __chk_fail(void) __attribute__((noreturn));

static int
as_errno(ssize_t rc)
{
	if (rc < 0)
		errno = (int)-rc;
	return rc < 0 ? -1 : (int)rc;
}

/* The answer of a call on a socket of ours, which ends with it. */
static ssize_t
finish(struct pre_sock *sock, ssize_t rc)
{
	const int error = errno;

	pre_table_put(sock);
	errno = rc < 0 ? (int)-rc : error;
	return rc < 0 ? -1 : rc;
}

static int
open_ours(int type)
{
	const int fd = pre_real()->socket(AF_UNIX, SOCK_DGRAM | (type & (SOCK_CLOEXEC | SOCK_NONBLOCK)), 0);
	struct pre_sock *sock = fd >= 0 ? pre_sock_create() : NULL;
	int rc = sock ? pre_table_set(fd, sock) : -ENOBUFS;

	if (fd < 0)
		return -1;
	if (sock)
		pre_table_put(sock); /* the table holds it now */
	if (rc) {
		pre_real()->close(fd);
		return as_errno(rc);
	}
	return fd;
}

/* charon also opens an AF_NETLINK, SOCK_DGRAM socket of this family, for ioctl() on devices: that is none of ours. */
int
pre_call_socket(int domain, int type, int protocol)
{
	if (domain == AF_NETLINK && protocol == NETLINK_XFRM && (type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) == SOCK_RAW)
		return open_ours(type);
	return pre_real()->socket(domain, type, protocol);
}

int
pre_call_bind(int fd, const struct sockaddr *addr, socklen_t bytes)
{
	struct pre_sock *sock = pre_table_get(fd);

	if (!sock)
		return pre_real()->bind(fd, addr, bytes);
	return (int)finish(sock, pre_sock_bind(sock, fd, addr, bytes));
}

int
pre_call_connect(int fd, const struct sockaddr *addr, socklen_t bytes)
{
	struct pre_sock *sock = pre_table_get(fd);

	if (!sock)
		return pre_real()->connect(fd, addr, bytes);
	return (int)finish(sock, pre_sock_connect(sock, addr, bytes));
}

int
pre_call_getsockname(int fd, struct sockaddr *addr, socklen_t *bytes)
{
	struct pre_sock *sock = pre_table_get(fd);

	if (!sock)
		return pre_real()->getsockname(fd, addr, bytes);
	return (int)finish(sock, pre_sock_getname(sock, addr, bytes));
}

/* The peer is the "kernel", connected or not. */
int
pre_call_getpeername(int fd, struct sockaddr *addr, socklen_t *bytes)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct pre_sock *sock = pre_table_get(fd);

	if (!sock)
		return pre_real()->getpeername(fd, addr, bytes);
	memcpy(addr, &kernel, *bytes < sizeof(kernel) ? *bytes : sizeof(kernel));
	*bytes = sizeof(kernel);
	return (int)finish(sock, 0);
}

/* What the socket would be if it were netlink. */
static bool
is_feigned(int name, int *value)
{
	*value = name == SO_DOMAIN ? AF_NETLINK : name == SO_TYPE ? SOCK_RAW : NETLINK_XFRM;
	return name == SO_DOMAIN || name == SO_TYPE || name == SO_PROTOCOL;
}

int
pre_call_getsockopt(int fd, int level, int name, void *value, socklen_t *bytes)
{
	struct pre_sock *sock = pre_table_get(fd);
	int feigned;

	if (!sock)
		return pre_real()->getsockopt(fd, level, name, value, bytes);
	if (level == SOL_NETLINK)
		return (int)finish(sock, pre_sock_getsockopt(sock, name, value, bytes));
	if (level == SOL_SOCKET && is_feigned(name, &feigned)) {
		*bytes = *bytes < sizeof(feigned) ? *bytes : (socklen_t)sizeof(feigned);
		memcpy(value, &feigned, *bytes);
		return (int)finish(sock, 0);
	}
	int rc = pre_real()->getsockopt(fd, level, name, value, bytes);
	return (int)finish(sock, rc < 0 ? -errno : rc);
}

/* A packet filter would see datagrams that the program does not: refused. */
int
pre_call_setsockopt(int fd, int level, int name, const void *value, socklen_t bytes)
{
	struct pre_sock *sock = pre_table_get(fd);

	if (!sock)
		return pre_real()->setsockopt(fd, level, name, value, bytes);
	if (level == SOL_NETLINK)
		return (int)finish(sock, pre_sock_setsockopt(sock, fd, name, value, bytes));
	if (level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == SO_ATTACH_BPF))
		return (int)finish(sock, -ENOPROTOOPT);
	int rc = pre_real()->setsockopt(fd, level, name, value, bytes);
	return (int)finish(sock, rc < 0 ? -errno : rc);
}

ssize_t
pre_call_sendto(int fd, const void *data, size_t bytes, int flags, const struct sockaddr *to, socklen_t to_bytes)
{
	struct iovec part = {(void *)(uintptr_t)data, bytes};
	const struct msghdr msg = {
	    .msg_name = (void *)(uintptr_t)to, .msg_namelen = to ? to_bytes : 0, .msg_iov = &part, .msg_iovlen = 1};
	struct pre_sock *sock = pre_table_get(fd);

	if (!sock)
		return pre_real()->sendto(fd, data, bytes, flags, to, to_bytes);
	return finish(sock, pre_sock_send(sock, fd, &msg, flags));
}

ssize_t
pre_call_send(int fd, const void *data, size_t bytes, int flags)
{
	struct iovec part = {(void *)(uintptr_t)data, bytes};
	const struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	struct pre_sock *sock = pre_table_get(fd);

	if (!sock)
		return pre_real()->send(fd, data, bytes, flags);
	return finish(sock, pre_sock_send(sock, fd, &msg, flags));
}

ssize_t
pre_call_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct pre_sock *sock = pre_table_get(fd);

	if (!sock)
		return pre_real()->sendmsg(fd, msg, flags);
	return finish(sock, pre_sock_send(sock, fd, msg, flags));
}

static ssize_t
receive(struct pre_sock *sock, int fd, struct iovec part, int flags)
{
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};

	return finish(sock, pre_sock_receive(sock, fd, &msg, flags));
}

ssize_t
pre_call_recv(int fd, void *data, size_t bytes, int flags)
{
	struct pre_sock *sock = pre_table_get(fd);

	if (!sock)
		return pre_real()->recv(fd, data, bytes, flags);
	return receive(sock, fd, (struct iovec){data, bytes}, flags);
}

ssize_t
pre_call_recvfrom(int fd, void *data, size_t bytes, int flags, struct sockaddr *from, socklen_t *from_bytes)
{
	struct pre_sock *sock = pre_table_get(fd);
	struct iovec part = {data, bytes};
	struct msghdr msg = {.msg_name = from, .msg_iov = &part, .msg_iovlen = 1};

	if (!sock)
		return pre_real()->recvfrom(fd, data, bytes, flags, from, from_bytes);
	if (from && from_bytes)
		msg.msg_namelen = *from_bytes;
	ssize_t rc = pre_sock_receive(sock, fd, &msg, flags);
	if (rc >= 0 && from && from_bytes)
		*from_bytes = msg.msg_namelen;
	return finish(sock, rc);
}

ssize_t
pre_call_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct pre_sock *sock = pre_table_get(fd);

	if (!sock)
		return pre_real()->recvmsg(fd, msg, flags);
	return finish(sock, pre_sock_receive(sock, fd, msg, flags));
}

ssize_t
pre_call_recv_chk(int fd, void *data, size_t bytes, size_t room, int flags)
{
	if (bytes > room)
		__chk_fail();
	return pre_call_recv(fd, data, bytes, flags);
}

ssize_t
pre_call_recvfrom_chk(int fd, void *data, size_t bytes, size_t room, int flags, struct sockaddr *from,
		      socklen_t *from_bytes)
{
	if (bytes > room)
		__chk_fail();
	return pre_call_recvfrom(fd, data, bytes, flags, from, from_bytes);
}

/* A copy that succeeded also stands for the socket; what its number stood for before is gone. */
static int
copied(int fd, int copy)
{
	struct pre_sock *sock = copy >= 0 ? pre_table_get(fd) : NULL;
	int rc = 0;

	if (copy < 0 || copy == fd || pre_table_is_foreign())
		return copy;
	rc = pre_table_set(copy, sock);
	if (sock)
		pre_table_put(sock);
	if (rc) {
		pre_real()->close(copy);
		return as_errno(rc);
	}
	return copy;
}

int
pre_call_dup(int fd)
{
	return copied(fd, pre_real()->dup(fd));
}

int
pre_call_dup2(int fd, int as)
{
	return copied(fd, pre_real()->dup2(fd, as));
}

int
pre_call_dup3(int fd, int as, int flags)
{
	return copied(fd, pre_real()->dup3(fd, as, flags));
}

static int
control(int fd, int command, void *value)
{
	int rc = pre_real()->fcntl(fd, command, value);

	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, rc) : rc;
}

/* Whatever the third argument is, an int or a pointer, and whether there is one, the machine hands it on alike. */
int
pre_call_fcntl(int fd, int command, ...)
{
	va_list args;

	va_start(args, command);
	void *value = va_arg(args, void *);
	va_end(args);
	return control(fd, command, value);
}

int
pre_call_fcntl64(int fd, int command, ...)
{
	va_list args;

	va_start(args, command);
	void *value = va_arg(args, void *);
	va_end(args);
	return control(fd, command, value);
}

int
pre_call_close(int fd)
{
	struct pre_sock *sock = pre_table_is_foreign() ? NULL : pre_table_get(fd);

	if (sock) {
		pre_table_set(fd, NULL);
		pre_table_put(sock);
	}
	return pre_real()->close(fd);
}
