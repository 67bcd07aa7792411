/* SPDX-License-Identifier: BSD-3-Clause
 * Who sent a datagram, by the kernel's word (SCM_CREDENTIALS), as a client of the daemon asks. Any thread. */
#ifndef CTL_SENDER_H
#define CTL_SENDER_H

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Of a client's socket: the daemon, whoever it is, and its group's members may write to it; see ctl_sender_is_daemon(). */
#define CTL_CLIENT_MODE 0622

#define CTL_SENDER_BYTES CMSG_SPACE(sizeof(struct ucred))

/* After recvmsg() with CTL_SENDER_BYTES of control; the socket has SO_PASSCRED. (uid_t)-1: the kernel does not say. */
static inline uid_t
ctl_sender(const struct msghdr *msg)
{
	const struct cmsghdr *part = CMSG_FIRSTHDR(msg);
	struct ucred cred;

	if (part == NULL || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS ||
	    part->cmsg_len < CMSG_LEN(sizeof(cred)))
		return (uid_t)-1;
	memcpy(&cred, CMSG_DATA(part), sizeof(cred));
	return cred.uid;
}

/* Root, or whose the daemon's socket is. known remembers that, from 0 on: what a daemon sent before it stopped counts when
 * its socket is gone. */
static inline bool
ctl_sender_is_daemon(uid_t sender, const char *daemon_path, uid_t *known)
{
	struct stat st;

	if (sender == 0 || sender == *known)
		return true;
	if (sender == (uid_t)-1 || stat(daemon_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	*known = st.st_uid;
	return sender == *known;
}

#endif
