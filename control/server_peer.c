/* SPDX-License-Identifier: BSD-3-Clause
 * The server's clients: who they are, what waits for them, sending without ever blocking. Control thread. */
#include "control/server_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SEND_PARTS   512 /* messages that share a datagram, at most */
#define FLUSH_ROUNDS 8   /* datagrams of a dump before the loop gets its turn */

/* A socket whose peer is the client that is bound to addr now. Its name is asked back: a symbolic link in clients/ must
 * not make the daemon write to someone else's socket. */
static int
connect_to(const struct sockaddr_un *addr)
{
	struct sockaddr_un peer = {0};
	socklen_t bytes = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0 ||
	    getpeername(fd, (struct sockaddr *)&peer, &bytes) != 0)
		rc = -errno;
	else if (strncmp(peer.sun_path, addr->sun_path, sizeof(peer.sun_path)) != 0)
		rc = -EPERM;
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

bool
ctl_peer_is_dead(const struct sockaddr_un *addr)
{
	int fd = connect_to(addr);

	if (fd >= 0)
		close(fd);
	return fd == -ECONNREFUSED || fd == -ENOENT;
}

/* The first of the queue. */
static void
free_first(struct ctl_peer *peer)
{
	struct ctl_out *first = peer->first;

	peer->first = first->next;
	if (first->secret)
		sadb_wipe(first->data, first->bytes);
	if (!peer->spare && first->bytes <= CTL_ACK_BYTES)
		peer->spare = first;
	else
		free(first);
}

static void
free_queue(struct ctl_peer *peer)
{
	while (peer->first)
		free_first(peer);
	peer->last = &peer->first;
	peer->waiting_bytes = 0;
}

void
ctl_peer_drop(struct ctl_peer *peer)
{
	for (unsigned i = 0; i < CTL_MAX_PEERS; i++)
		if (peer->server->peers[i] == peer)
			peer->server->peers[i] = NULL;
	free_queue(peer);
	free(peer->spare);
	event_del(&peer->writable);
	close(peer->fd);
	memset(peer, 0, sizeof(*peer));
}

static const char *
name_of(const struct ctl_peer *peer)
{
	return peer->addr.sun_path + strlen(peer->server->clients);
}

/* The client died without removing its file. */
static void
drop_dead(struct ctl_peer *peer)
{
	struct stat st;

	if (fstatat(peer->server->clients_fd, name_of(peer), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode) &&
	    st.st_ino == peer->ino && ctl_peer_is_dead(&peer->addr))
		unlinkat(peer->server->clients_fd, name_of(peer), 0);
	ctl_peer_drop(peer);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	ctl_peer_flush(arg);
}

static struct ctl_peer *
find_room(struct ctl_server *server)
{
	struct ctl_peer *peer = server->room;

	while (peer->server) /* one is free: there are more than the table has places */
		peer++;
	return peer;
}

static struct ctl_peer *
create(struct ctl_server *server, const struct sockaddr_un *addr, const struct ucred *cred)
{
	int fd = connect_to(addr);

	if (fd < 0)
		return NULL;
	struct ctl_peer *peer = find_room(server);

	peer->server = server;
	peer->addr = *addr;
	peer->cred = *cred;
	peer->fd = fd;
	peer->last = &peer->first;
	peer->spare = malloc(sizeof(*peer->spare) + CTL_ACK_BYTES);
	event_assign(&peer->writable, server->config.base, fd, EV_WRITE, on_writable, peer);
	return peer;
}

static bool
is_idle(const struct ctl_peer *peer)
{
	return !peer->first && peer->groups == 0 && peer->dump.asked == 0 && !peer->chained;
}

/* Whose place a new client may take: with fewer of its kind in the table than there may be, a free one or anybody's. */
enum rivals { RIVALS_ALL, RIVALS_NOT_ROOT, RIVALS_SAME_USER };

static enum rivals
rivals_of(const struct ctl_server *server, uid_t uid)
{
	unsigned same = 0, not_root = 0;

	if (ctl_path_is_root(uid))
		return RIVALS_ALL;
	for (unsigned i = 0; i < CTL_MAX_PEERS; i++) {
		const struct ctl_peer *peer = server->peers[i];

		same += peer && peer->cred.uid == uid;
		not_root += peer && !ctl_path_is_root(peer->cred.uid);
	}
	if (same >= CTL_USER_PEERS)
		return RIVALS_SAME_USER;
	return not_root >= CTL_MAX_PEERS - CTL_ROOT_PEERS ? RIVALS_NOT_ROOT : RIVALS_ALL;
}

static bool
is_rival(const struct ctl_peer *peer, enum rivals rivals, uid_t uid)
{
	return rivals == RIVALS_ALL ||
	       (rivals == RIVALS_NOT_ROOT ? !ctl_path_is_root(peer->cred.uid) : peer->cred.uid == uid);
}

/* A place in the table: a free one, else that of the idle rival unheard of for longest, else that of a dead one. */
static struct ctl_peer **
find_place(struct ctl_server *server, uid_t uid)
{
	const enum rivals rivals = rivals_of(server, uid);
	struct ctl_peer **oldest = NULL;

	for (unsigned i = 0; i < CTL_MAX_PEERS; i++) {
		struct ctl_peer **place = &server->peers[i];

		if (!*place && rivals == RIVALS_ALL)
			return place;
		if (*place && is_rival(*place, rivals, uid) && is_idle(*place) &&
		    (!oldest || (*place)->used < (*oldest)->used))
			oldest = place;
	}
	for (unsigned i = 0; !oldest && i < CTL_MAX_PEERS; i++) {
		struct ctl_peer **place = &server->peers[i];

		if (*place && is_rival(*place, rivals, uid) && ctl_peer_is_dead(&(*place)->addr))
			oldest = place;
	}
	if (oldest)
		drop_dead(*oldest);
	return oldest;
}

static struct ctl_peer *
find(struct ctl_server *server, const struct sockaddr_un *addr)
{
	for (unsigned i = 0; i < CTL_MAX_PEERS; i++)
		if (server->peers[i] &&
		    strncmp(server->peers[i]->addr.sun_path, addr->sun_path, sizeof(addr->sun_path)) == 0)
			return server->peers[i];
	return NULL;
}

struct ctl_peer *
ctl_peer_admit(struct ctl_server *server, const struct sockaddr_un *addr, socklen_t bytes, const struct ucred *cred,
	       int *rc)
{
	const char *name = ctl_path_client_name(server, addr, bytes);
	struct stat st;

	/* The sender owns the file it wants its answers in, or answers could be pointed at others. */
	if (!name || fstatat(server->clients_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISSOCK(st.st_mode) ||
	    (cred->uid != 0 && st.st_uid != cred->uid))
		return NULL;
	struct ctl_peer *peer = find(server, addr);
	if (peer && (peer->ino != st.st_ino || peer->ctim.tv_sec != st.st_ctim.tv_sec ||
		     peer->ctim.tv_nsec != st.st_ctim.tv_nsec)) {
		ctl_peer_drop(peer);
		peer = NULL;
	}
	*rc = ctl_path_may_speak(server, cred) ? 0 : -EPERM;
	if (peer && *rc) /* no member any more */
		ctl_peer_drop(peer);
	if (peer && *rc == 0) {
		peer->cred = *cred;
		peer->used = server->batch;
		return peer;
	}
	struct ctl_peer **place = *rc == 0 ? find_place(server, cred->uid) : NULL;
	if (*rc == 0 && !place)
		*rc = -ENOBUFS;
	peer = create(server, addr, cred);
	if (!peer)
		return NULL;
	peer->ino = st.st_ino;
	peer->ctim = st.st_ctim;
	peer->used = server->batch;
	if (place)
		*place = peer;
	return peer;
}

bool
ctl_peer_queue(struct ctl_peer *peer, const void *data, size_t bytes, struct ctl_out **out)
{
	struct ctl_out *message = malloc(sizeof(*message) + (bytes < CTL_ACK_BYTES ? CTL_ACK_BYTES : bytes));

	if (!message && bytes <= CTL_ACK_BYTES) {
		message = peer->spare;
		peer->spare = NULL;
	}
	if (!message)
		return false;
	*message = (struct ctl_out){.bytes = (uint32_t)bytes};
	memcpy(message->data, data, bytes);
	*peer->last = message;
	peer->last = &message->next;
	peer->waiting_bytes += bytes;
	if (out)
		*out = message;
	return true;
}

static bool
queue_overrun(struct ctl_peer *peer)
{
	const struct nlmsghdr notice = {.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = NLMSG_OVERRUN};
	struct ctl_out *message;

	if (!ctl_peer_queue(peer, &notice, sizeof(notice), &message))
		return false;
	message->event = true;
	peer->lost_events = false;
	return true;
}

void
ctl_peer_queue_event(struct ctl_peer *peer, const void *data, size_t bytes)
{
	struct ctl_out *message;

	if (peer->waiting_bytes + bytes + NLMSG_HDRLEN > CTL_EVENT_BYTES ||
	    (peer->lost_events && !queue_overrun(peer)) || !ctl_peer_queue(peer, data, bytes, &message)) {
		peer->lost_events = true;
		return;
	}
	message->event = true;
}

/* Sends the first waiting messages as one datagram, as many as fit and are of one kind. */
static int
send_one(struct ctl_peer *peer)
{
	struct iovec parts[SEND_PARTS];
	struct msghdr msg = {.msg_iov = parts};
	size_t bytes = 0;

	for (struct ctl_out *m = peer->first; m && msg.msg_iovlen < SEND_PARTS; m = m->next) {
		if (msg.msg_iovlen > 0 && (m->event != peer->first->event || bytes + m->bytes > CTL_DATAGRAM_MAX))
			break;
		parts[msg.msg_iovlen++] = (struct iovec){m->data, m->bytes};
		bytes += m->bytes;
	}
	ssize_t sent;
	do
		sent = sendmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	for (size_t i = 0; i < msg.msg_iovlen; i++)
		free_first(peer);
	if (!peer->first)
		peer->last = &peer->first;
	peer->waiting_bytes -= bytes;
	return 0;
}

bool
ctl_peer_flush(struct ctl_peer *peer)
{
	for (unsigned round = 0; round < FLUSH_ROUNDS; round++) {
		while (peer->first) {
			int rc = send_one(peer);

			if (rc == -EAGAIN) {
				event_add(&peer->writable, NULL);
				return true;
			}
			if (rc) {
				drop_dead(peer);
				return false;
			}
		}
		if (peer->lost_events)
			queue_overrun(peer);
		else if (peer->dump.asked)
			ctl_dump_next(peer);
		else
			return true;
	}
	event_add(&peer->writable, NULL);
	return true;
}

void
ctl_peers_flush(struct ctl_server *server)
{
	for (unsigned i = 0; i < CTL_MAX_PEERS; i++)
		if (server->peers[i])
			ctl_peer_flush(server->peers[i]);
}

void
ctl_peers_sweep(struct ctl_server *server)
{
	int fd = openat(server->clients_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	struct stat st;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		struct sockaddr_un addr = {.sun_family = AF_UNIX};
		int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s%s", server->clients, entry->d_name);

		if (n > 0 && n < (int)sizeof(addr.sun_path) &&
		    fstatat(server->clients_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode) &&
		    ctl_peer_is_dead(&addr))
			unlinkat(server->clients_fd, entry->d_name, 0);
	}
	closedir(dir);
}
