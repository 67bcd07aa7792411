/* SPDX-License-Identifier: BSD-3-Clause
 * The first word of a daemon that begins: clients of the one before learn that it knows nothing of them. Control
 * thread. */
#include "control/server_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/log.h"

/* Whoever owns the file is greeted as if he had sent something: the same checks, and places in the table. One who does
 * not read just now gets it later. */
static void
greet(struct ctl_server *server, const char *name, size_t bytes)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;
	int rc = 0;
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s%s", server->clients, name);

	if (n <= 0 || n >= (int)sizeof(addr.sun_path) ||
	    fstatat(server->clients_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISSOCK(st.st_mode))
		return;
	const struct ucred owner = {.uid = st.st_uid, .gid = st.st_gid};
	struct ctl_peer *peer = ctl_peer_admit(server, &addr, sizeof(addr), &owner, &rc);
	if (!peer)
		return;
	if (rc != -EPERM)
		ctl_peer_queue(peer, server->out, bytes, NULL);
	if (ctl_peer_flush(peer) && rc)
		ctl_peer_drop(peer);
}

void
ctl_peers_greet(struct ctl_server *server)
{
	const struct nlmsghdr header = {.nlmsg_type = CTL_MSG_HELLO};
	int fd = openat(server->clients_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	uint64_t boot_id = 0;

	if (!dir || getrandom(&boot_id, sizeof(boot_id), 0) != (ssize_t)sizeof(boot_id)) {
		ctl_log(CTL_LOG_ERROR, "clients of the daemon before cannot be told of this one: %m");
		if (dir)
			closedir(dir);
		else if (fd >= 0)
			close(fd);
		return;
	}
	/* 0 is what a client knows that met none. */
	size_t bytes = ctl_own_encode_hello(server->out, CTL_MESSAGE_BYTES, &header, boot_id | 1);
	while ((entry = readdir(dir)))
		greet(server, entry->d_name, bytes);
	closedir(dir);
}
