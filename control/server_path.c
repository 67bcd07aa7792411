/* SPDX-License-Identifier: BSD-3-Clause
 * The server's files (directory, lock, socket, clients/) and who may speak. Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/attr.h"
#include "control/clock.h"
#include "control/log.h"

#define CLIENTS         "/clients/"
#define CLIENT_NAME_MAX 24 /* bytes that a client's file name may have */

static void
find_group(struct ctl_server *server)
{
	const char *name = server->config.group;
	const struct group *group = name ? getgrnam(name) : NULL;

	server->has_group = group != NULL;
	if (group)
		server->gid = group->gr_gid;
}

static uid_t
owner_of(const struct ctl_server *server)
{
	return server->config.owner != 0 ? server->config.owner : geteuid();
}

/* Made by systemd for this service alone, at each start for the user that it starts as (RuntimeDirectory=). */
static bool
is_services_own(const char *directory)
{
	const char *made = getenv("RUNTIME_DIRECTORY");

	return made != NULL && strcmp(made, directory) == 0;
}

/* Makes the socket's directory unless it is there, and finds the canonical path. One that is there keeps its mode. */
static int
open_directory(struct ctl_server *server, struct sadb_error *err)
{
	const char *path = server->config.path;
	const char *slash = strrchr(path, '/');
	char *directory = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	char *canonical = NULL;
	int rc = 0;

	if (!directory)
		return ctl_refuse(err, -ENOMEM, 0, "no memory");
	if (mkdir(directory, 0750) == 0) {
		if (chown(directory, owner_of(server), server->has_group ? server->gid : (gid_t)-1) != 0 ||
		    chmod(directory, 0750) != 0)
			rc = ctl_refuse(err, -errno, 0, "cannot set owner and mode of %s: %m", directory);
	} else if (errno != EEXIST) {
		rc = ctl_refuse(err, -errno, 0, "cannot create directory %s for the socket: %m", directory);
	} else if (is_services_own(directory) && chown(directory, owner_of(server), (gid_t)-1) != 0) {
		rc = ctl_refuse(err, -errno, 0, "cannot give directory %s to user %u: %m", directory, owner_of(server));
	}
	if (rc == 0 && !(canonical = realpath(directory, NULL)))
		rc = ctl_refuse(err, -errno, 0, "cannot use directory %s: %m", directory);
	if (rc == 0 &&
	    (strlen(canonical) + strlen(CLIENTS) + CLIENT_NAME_MAX >= sizeof(server->clients) ||
	     strlen(canonical) + 1 + strlen(slash ? slash + 1 : path) + strlen(".lock") >= sizeof(server->path)))
		rc = ctl_refuse(err, -ENAMETOOLONG, 0, "socket path %s is too long: at most %zu bytes of directory",
				path, sizeof(server->clients) - strlen(CLIENTS) - CLIENT_NAME_MAX - 1);
	if (rc == 0) {
		bool root = strcmp(canonical, "/") == 0;
		snprintf(server->path, sizeof(server->path), "%s/%s", root ? "" : canonical, slash ? slash + 1 : path);
		snprintf(server->clients, sizeof(server->clients), "%s" CLIENTS, root ? "" : canonical);
	}
	free(canonical);
	free(directory);
	return rc;
}

/* Where clients bind: writable for the group, and sticky, so that nobody removes another's file. No setgid bit: systemd's
 * RestrictSUIDSGID refuses it, and files that only their owner opens need none. */
static int
open_clients(struct ctl_server *server, struct sadb_error *err)
{
	char path[sizeof(server->clients)];
	struct stat st;

	/* Without the slash at the end, which would make the kernel follow a symbolic link after all. */
	snprintf(path, sizeof(path), "%.*s", (int)strlen(server->clients) - 1, server->clients);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return ctl_refuse(err, -errno, 0, "cannot create directory %s: %m", path);
	server->clients_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (server->clients_fd < 0 || fstat(server->clients_fd, &st) != 0)
		return ctl_refuse(err, -errno, 0, "cannot open directory %s: %m", path);
	if (st.st_uid != geteuid() && st.st_uid != owner_of(server))
		return ctl_refuse(err, -EPERM, 0, "directory %s belongs to user %u, not to this daemon's", path,
				  st.st_uid);
	if (fchown(server->clients_fd, owner_of(server), server->has_group ? server->gid : (gid_t)-1) != 0)
		return ctl_refuse(err, -errno, 0, "cannot give directory %s to user %u and its group: %m", path,
				  owner_of(server));
	if (fchmod(server->clients_fd, server->has_group ? 01770 : 0700) != 0)
		return ctl_refuse(err, -errno, 0, "cannot set the mode of directory %s: %m", path);
	return 0;
}

static void
lock_path(const struct ctl_server *server, char *out, size_t size)
{
	snprintf(out, size, "%.*s.lock", (int)(size - sizeof(".lock")), server->path);
}

static int
refuse_second(int fd, const char *path, struct sadb_error *err)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	return ctl_refuse(err, -EADDRINUSE, 0, "another daemon (pid %s) serves %s", n > 0 ? pid : "unknown", path);
}

int
ctl_server_is_alone(const char *path, struct sadb_error *err)
{
	char lock[PATH_MAX];
	int n = snprintf(lock, sizeof(lock), "%s.lock", path);
	int fd = n < (int)sizeof(lock) ? open(lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	int rc = 0;

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		rc = refuse_second(fd, path, err);
	close(fd);
	return rc;
}

/* The lock tells a living daemon from a dead one's socket. Its file may be removed by a daemon that ends while another
 * opens it: the lock only counts on the file that still has the name. */
static int
take_lock(struct ctl_server *server, struct sadb_error *err)
{
	char path[sizeof(server->path) + 8], pid[16] = "";
	struct stat held, named;

	lock_path(server, path, sizeof(path));
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return ctl_refuse(err, -errno, 0, "cannot open lock %s: %m", path);
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			int rc = refuse_second(fd, server->path, err);
			close(fd);
			return rc;
		}
		if (fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
		    held.st_dev == named.st_dev) {
			int n = snprintf(pid, sizeof(pid), "%d", getpid());
			server->lock_fd = fd;
			if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
				return ctl_refuse(err, -errno, 0, "cannot write lock %s: %m", path);
			return 0;
		}
		close(fd);
	}
}

static int
bind_socket(struct ctl_server *server, struct sadb_error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const int on = 1;
	struct stat st;

	server->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd < 0)
		return ctl_refuse(err, -errno, 0, "cannot open a socket: %m");
	if (lstat(server->path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return ctl_refuse(err, -EEXIST, 0, "%s is there and is no socket", server->path);
	memcpy(addr.sun_path, server->path, sizeof(addr.sun_path));
	/* The lock keeps other daemons of this kind away, but not what else may have bound this name. */
	if (!ctl_peer_is_dead(&addr))
		return ctl_refuse(err, -EADDRINUSE, 0,
				  "another program's socket is bound to %s: stop it, or set socket "
				  "to a path that is free",
				  server->path);
	if (unlink(server->path) != 0 && errno != ENOENT)
		return ctl_refuse(err, -errno, 0, "cannot remove the stale socket %s: %m", server->path);
	/* The file is born with the socket's own mode: nobody slips in before chmod. */
	if (fchmod(server->fd, 0600) != 0 || setsockopt(server->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
	    bind(server->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		return ctl_refuse(err, -errno, 0, "cannot bind %s: %m", server->path);
	server->bound = true;
	if (lchown(server->path, owner_of(server), server->has_group ? server->gid : (gid_t)-1) != 0 ||
	    (server->has_group && chmod(server->path, 0660) != 0))
		return ctl_refuse(err, -errno, 0, "cannot give %s to user %u and its group: %m", server->path,
				  owner_of(server));
	return 0;
}

int
ctl_path_open(struct ctl_server *server, struct sadb_error *err)
{
	int rc;

	find_group(server);
	rc = open_directory(server, err);
	if (rc == 0)
		rc = take_lock(server, err);
	if (rc == 0)
		rc = open_clients(server, err);
	if (rc == 0)
		rc = bind_socket(server, err);
	/* Only now: a start that is refused says one thing. */
	if (rc == 0 && !server->has_group && server->config.group)
		ctl_log(CTL_LOG_NOTICE, "there is no group %s: only root may speak to %s", server->config.group,
			server->config.path);
	return rc;
}

void
ctl_path_close(struct ctl_server *server)
{
	char path[sizeof(server->path) + 8];

	if (server->bound)
		unlink(server->path);
	if (server->fd >= 0)
		close(server->fd);
	if (server->clients_fd >= 0)
		close(server->clients_fd);
	if (server->lock_fd >= 0) {
		lock_path(server, path, sizeof(path));
		unlink(path);
		close(server->lock_fd);
	}
	server->fd = server->clients_fd = server->lock_fd = -1;
	server->bound = false;
}

const char *
ctl_path_client_name(const struct ctl_server *server, const struct sockaddr_un *addr, socklen_t bytes)
{
	size_t prefix = strlen(server->clients);
	size_t head = offsetof(struct sockaddr_un, sun_path);

	if (bytes <= head || bytes > sizeof(*addr) || addr->sun_family != AF_UNIX || addr->sun_path[0] == 0)
		return NULL;
	if (strnlen(addr->sun_path, bytes - head) == sizeof(addr->sun_path) ||
	    strncmp(addr->sun_path, server->clients, prefix) != 0)
		return NULL;
	const char *name = addr->sun_path + prefix;
	return name[0] == 0 || name[0] == '.' || strchr(name, '/') ? NULL : name;
}

/* Membership by the group file, for a sender whose process has other groups in front. */
static bool
look_up_member(uid_t uid, gid_t wanted)
{
	const struct passwd *user = getpwuid(uid);
	gid_t groups[256];
	int n = 256;

	if (!user)
		return false;
	if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
		n = 256; /* more than fit: those that came are looked at */
	for (int i = 0; i < n; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

/* The answer of the last minute, else a new one in the place of the oldest. */
static bool
is_member(struct ctl_server *server, uid_t uid)
{
	struct ctl_member *oldest = &server->members[0];
	const uint64_t now_s = ctl_now_s();

	for (unsigned i = 0; i < CTL_MAX_PEERS; i++) {
		struct ctl_member *member = &server->members[i];

		if (member->uid == uid && member->until_s > now_s)
			return member->is_member;
		if (member->until_s < oldest->until_s)
			oldest = member;
	}
	*oldest = (struct ctl_member){uid, look_up_member(uid, server->gid), now_s + CTL_MEMBER_S};
	return oldest->is_member;
}

bool
ctl_path_is_root(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

bool
ctl_path_may_speak(struct ctl_server *server, const struct ucred *cred)
{
	return ctl_path_is_root(cred->uid) ||
	       (server->has_group && (cred->gid == server->gid || is_member(server, cred->uid)));
}
