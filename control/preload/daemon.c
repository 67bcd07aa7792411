/* SPDX-License-Identifier: BSD-3-Clause
 * The way to the daemon. Any thread. */
#include "control/preload/daemon.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/client.h"
#include "control/preload/real.h"
#include "control/preload/wire.h"
#include "control/sender.h"

/* One line for one outage. Relaxed: at worst two threads both speak. */
static bool outage_told;

/* Nobody may read standard error any more: that must not end a program which itself would never have written there. */
void
pre_say(const char *format, ...)
{
	const struct timespec none = {0};
	sigset_t broken, before, pending;
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	sigemptyset(&broken);
	sigaddset(&broken, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &broken, &before);
	if (dprintf(STDERR_FILENO, "culvert: %s\n", line) < 0 && errno == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&broken, NULL, &none);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* As the program was started: daemons like to clear their environment. */
static char path_at_start[sizeof(((struct sockaddr_un *)0)->sun_path)];

__attribute__((constructor)) static void
keep_path(void)
{
	const char *path = secure_getenv(PRE_SOCKET_ENV);

	if (path)
		snprintf(path_at_start, sizeof(path_at_start), "%s", path);
}

static const char *
socket_path(void)
{
	const char *path = secure_getenv(PRE_SOCKET_ENV);

	if (path && path[0])
		return path;
	return path_at_start[0] ? path_at_start : CTL_SOCKET_DEFAULT;
}

/* What the program is told, and once the operator: cause and cure. */
static int
explain(int rc)
{
	const char *path = socket_path();
	const bool told = __atomic_exchange_n(&outage_told, true, __ATOMIC_RELAXED);

	if (rc == -ENOENT || rc == -ECONNREFUSED || rc == -ENOTDIR) {
		if (!told)
			pre_say("no daemon at %s: start culvertd, or name its socket with culvert --socket PATH run "
				"(" PRE_SOCKET_ENV "); in place of the kernel's XFRM this program has nobody to ask",
				path);
		return -ECONNREFUSED;
	}
	if (rc == -EACCES || rc == -EPERM) {
		if (!told)
			pre_say("not allowed to speak to the daemon at %s: be root or in the group culvert", path);
		return -EPERM;
	}
	if (!told)
		pre_say("cannot reach the daemon at %s: %s", path, strerror(-rc));
	return rc;
}

const char *
pre_daemon_text(const struct nlmsghdr *error, size_t *bytes)
{
	const char *text = pre_wire_attr(error, sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG, 1);

	if (text)
		*bytes = strnlen(text, (size_t)((const char *)error + error->nlmsg_len - text));
	return text;
}

void
pre_daemon_refused(const struct nlmsghdr *error)
{
	size_t bytes = 0;
	const char *text = pre_daemon_text(error, &bytes);

	if (text && !__atomic_exchange_n(&outage_told, true, __ATOMIC_RELAXED))
		pre_say("the daemon at %s: %.*s", socket_path(), (int)bytes, text);
}

/* The daemon knows its directory by the canonical path: ask with the same. */
static int
find_directory(char canonical[PATH_MAX], const char **name)
{
	const char *path = socket_path(), *slash = strrchr(path, '/');
	char directory[PATH_MAX];

	if (snprintf(directory, sizeof(directory), "%.*s",
		     slash == path ? 1
		     : slash       ? (int)(slash - path)
				   : 1,
		     slash ? path : ".") >= (int)sizeof(directory))
		return -ENAMETOOLONG;
	*name = slash ? slash + 1 : path;
	if (!realpath(directory, canonical))
		return -errno;
	if (strcmp(canonical, "/") == 0)
		canonical[0] = 0;
	return 0;
}

static int
fill(struct sockaddr_un *addr, const char *directory, const char *name)
{
	int n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%s", directory, name);

	addr->sun_family = AF_UNIX;
	return n < (int)sizeof(addr->sun_path) ? 0 : -ENAMETOOLONG;
}

static int
find_daemon(struct sockaddr_un *daemon)
{
	char directory[PATH_MAX];
	const char *name;
	int rc = find_directory(directory, &name);

	*daemon = (struct sockaddr_un){0};
	return rc ? rc : fill(daemon, directory, name);
}

int
pre_daemon_bind(int fd, struct sockaddr_un *own)
{
	char directory[PATH_MAX], file[40];
	const int on = 1;
	const char *name;
	uint32_t tag;
	int rc = find_directory(directory, &name);

	if (rc)
		return explain(rc);
	if (getrandom(&tag, sizeof(tag), 0) != (ssize_t)sizeof(tag))
		return -EAGAIN;
	snprintf(file, sizeof(file), "clients/%d-%08x", getpid(), tag);
	*own = (struct sockaddr_un){0};
	rc = fill(own, directory, file);
	if (rc == 0 && (pre_real()->setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
			pre_real()->bind(fd, (const struct sockaddr *)own, sizeof(*own)) != 0 ||
			chmod(own->sun_path, CTL_CLIENT_MODE) != 0))
		rc = -errno;
	return rc ? explain(rc) : 0;
}

bool
pre_daemon_sent(const struct msghdr *msg, uid_t *known)
{
	const uid_t sender = ctl_sender(msg);
	struct sockaddr_un daemon;

	if (sender == 0 || sender == *known)
		return true;
	return find_daemon(&daemon) == 0 && ctl_sender_is_daemon(sender, daemon.sun_path, known);
}

ssize_t
pre_daemon_send(int fd, const void *data, size_t bytes, int flags)
{
	struct sockaddr_un daemon;
	int rc = find_daemon(&daemon);

	if (rc)
		return explain(rc);
	ssize_t n =
	    pre_real()->sendto(fd, data, bytes, flags | MSG_NOSIGNAL, (const struct sockaddr *)&daemon, sizeof(daemon));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -errno : explain(-errno);
	__atomic_store_n(&outage_told, false, __ATOMIC_RELAXED);
	return n;
}

int
pre_daemon_probe(void)
{
	struct sockaddr_un daemon;
	int rc = find_daemon(&daemon), fd;

	if (rc)
		return explain(rc);
	fd = pre_real()->socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0; /* not known: no reason to give up */
	if (pre_real()->connect(fd, (const struct sockaddr *)&daemon, sizeof(daemon)) != 0)
		rc = explain(-errno);
	pre_real()->close(fd);
	return rc;
}
