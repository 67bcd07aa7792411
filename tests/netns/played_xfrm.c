/* SPDX-License-Identifier: BSD-3-Clause
 * Preloaded into a culvertd with source: kernel, for tests on kernels without ESP: its NETLINK_XFRM sockets lead to the
 * played kernel (kernel.py) whose socket CULVERT_PLAYED_KERNEL names. All else is untouched. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netlink.h>

#define MAX_FD 4096

static unsigned char ours[MAX_FD];

static int
is_ours(int fd)
{
	return fd >= 0 && fd < MAX_FD && ours[fd];
}

static void *
next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort();
	return found;
}

int
socket(int domain, int type, int protocol)
{
	int (*real)(int, int, int) = (int (*)(int, int, int))next("socket");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const char *path = getenv("CULVERT_PLAYED_KERNEL");
	int fd;

	if (domain != AF_NETLINK || protocol != NETLINK_XFRM || path == NULL)
		return real(domain, type, protocol);
	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	fd = real(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= MAX_FD || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		abort();
	ours[fd] = 1;
	return fd;
}

/* The first packet says who wants to hear what. */
int
bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	int (*real)(int, const struct sockaddr *, socklen_t) =
	    (int (*)(int, const struct sockaddr *, socklen_t))next("bind");

	if (!is_ours(fd))
		return real(fd, addr, len);
	return send(fd, &((const struct sockaddr_nl *)(const void *)addr)->nl_groups, 4, 0) == 4 ? 0 : -1;
}

int
getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	int (*real)(int, struct sockaddr *, socklen_t *) =
	    (int (*)(int, struct sockaddr *, socklen_t *))next("getsockname");
	const struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_pid = (unsigned)(1000000 + fd)};

	if (!is_ours(fd))
		return real(fd, addr, len);
	memcpy(addr, &name, sizeof(name));
	*len = sizeof(name);
	return 0;
}

int
close(int fd)
{
	int (*real)(int) = (int (*)(int))next("close");

	if (is_ours(fd))
		ours[fd] = 0;
	return real(fd);
}
