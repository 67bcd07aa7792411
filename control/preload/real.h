/* SPDX-License-Identifier: BSD-3-Clause
 * The calls that this library stands in front of, as the next library has them. Any thread. */
#ifndef PRE_REAL_H
#define PRE_REAL_H

#include <sys/socket.h>
#include <sys/types.h>

struct pre_real {
	int (*socket)(int domain, int type, int protocol);
	int (*bind)(int fd, const struct sockaddr *addr, socklen_t bytes);
	int (*connect)(int fd, const struct sockaddr *addr, socklen_t bytes);
	int (*getsockname)(int fd, struct sockaddr *addr, socklen_t *bytes);
	int (*getpeername)(int fd, struct sockaddr *addr, socklen_t *bytes);
	int (*getsockopt)(int fd, int level, int name, void *value, socklen_t *bytes);
	int (*setsockopt)(int fd, int level, int name, const void *value, socklen_t bytes);
	ssize_t (*send)(int fd, const void *data, size_t bytes, int flags);
	ssize_t (*sendto)(int fd, const void *data, size_t bytes, int flags, const struct sockaddr *to,
			  socklen_t to_bytes);
	ssize_t (*sendmsg)(int fd, const struct msghdr *msg, int flags);
	ssize_t (*recv)(int fd, void *data, size_t bytes, int flags);
	ssize_t (*recvfrom)(int fd, void *data, size_t bytes, int flags, struct sockaddr *from, socklen_t *from_bytes);
	ssize_t (*recvmsg)(int fd, struct msghdr *msg, int flags);
	int (*dup)(int fd);
	int (*dup2)(int fd, int as);
	int (*dup3)(int fd, int as, int flags);
	int (*fcntl)(int fd, int command, ...);
	int (*close)(int fd);
};

/* Looked up at the first call of the process. */
const struct pre_real *pre_real(void);

#endif
