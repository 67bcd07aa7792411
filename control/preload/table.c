/* SPDX-License-Identifier: BSD-3-Clause
 * Descriptors and the sockets behind them; what fork and the process's end do to them. Any thread. */
#include "control/preload/table.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/preload/restore.h"

static struct pre_sock *table[PRE_DESCRIPTORS];
static int highest = -1; /* no descriptor of ours is above */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t process; /* whose table this is; written under the lock, read without (relaxed: it only ever changes to
                       * the id of the process that reads it) */

/* The child of a vfork sees its parent's memory, and must leave it alone. */
bool
pre_table_is_foreign(void)
{
	const pid_t owner = __atomic_load_n(&process, __ATOMIC_RELAXED);

	return owner != 0 && owner != getpid();
}

bool
pre_table_is(int fd, const struct pre_sock *sock)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == sock->dev && st.st_ino == sock->ino;
}

/* With the lock held. */
static struct pre_sock *
release(struct pre_sock *sock)
{
	return sock && --sock->refs == 0 ? sock : NULL;
}

/* Most descriptors are none of ours and must not pay for it. Relaxed: a descriptor that another thread opens or closes
 * at this moment is the program's own race; what is found is looked at again under the lock. */
struct pre_sock *
pre_table_get(int fd)
{
	struct pre_sock *sock, *gone = NULL;

	if (fd < 0 || fd >= PRE_DESCRIPTORS || !__atomic_load_n(&table[fd], __ATOMIC_RELAXED))
		return NULL;
	const int error = errno;
	int state = pre_lock(&lock);
	sock = table[fd];
	if (sock && !pre_table_is(fd, sock)) {
		gone = release(sock);
		__atomic_store_n(&table[fd], NULL, __ATOMIC_RELAXED);
		sock = NULL;
	}
	if (sock)
		sock->refs++;
	pre_unlock(&lock, state);
	if (gone)
		pre_sock_destroy(gone);
	errno = error;
	return sock;
}

void
pre_table_put(struct pre_sock *sock)
{
	int state = pre_lock(&lock);
	struct pre_sock *gone = release(sock);
	pre_unlock(&lock, state);
	if (gone)
		pre_sock_destroy(gone);
}

static int
note_file(int fd, struct pre_sock *sock)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	sock->dev = st.st_dev;
	sock->ino = st.st_ino;
	return 0;
}

int
pre_table_set(int fd, struct pre_sock *sock)
{
	struct pre_sock *gone;
	int rc = 0;

	if (fd < 0 || fd >= PRE_DESCRIPTORS)
		return sock ? -EMFILE : 0;
	int state = pre_lock(&lock);
	__atomic_store_n(&process, getpid(), __ATOMIC_RELAXED);
	if (sock)
		rc = note_file(fd, sock);
	if (sock && rc == 0)
		sock->refs++;
	gone = release(table[fd]);
	__atomic_store_n(&table[fd], rc == 0 ? sock : NULL, __ATOMIC_RELAXED);
	if (sock && fd > highest)
		highest = fd;
	pre_unlock(&lock, state);
	if (gone)
		pre_sock_destroy(gone);
	return rc;
}

bool
pre_table_has_port(uint32_t port)
{
	bool found = false;
	int state = pre_lock(&lock);

	for (int fd = 0; fd <= highest && !found; fd++)
		found = table[fd] && __atomic_load_n(&table[fd]->port, __ATOMIC_RELAXED) == port;
	pre_unlock(&lock, state);
	return found;
}

static void
before_fork(void)
{
	pthread_mutex_lock(&lock);
	pre_restore_lock();
	for (int fd = 0; fd <= highest; fd++)
		if (table[fd])
			table[fd]->shared = true;
}

static void
after_fork(void)
{
	pre_restore_unlock();
	pthread_mutex_unlock(&lock);
}

/* Threads that held a socket's lock are not here any more. */
static void
after_fork_in_child(void)
{
	for (int fd = 0; fd <= highest; fd++)
		if (table[fd])
			pthread_mutex_init(&table[fd]->lock, NULL);
	process = getpid();
	after_fork();
}

__attribute__((constructor)) static void
begin(void)
{
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

/* Files that nobody else has go with the process; those of one that is killed the daemon sweeps. */
__attribute__((destructor)) static void
end(void)
{
	for (int fd = 0; fd <= highest; fd++)
		if (table[fd] && table[fd]->bound && !table[fd]->shared && table[fd]->maker == getpid())
			unlink(table[fd]->own.sun_path);
}
