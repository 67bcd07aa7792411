/* SPDX-License-Identifier: BSD-3-Clause
 * The starter: see starter.h. Its own thread, which the control thread waits for. */
#include "control/starter.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

/* One program at a time: the semaphores order what lies between them. */
struct ctl_starter {
	pthread_t thread;
	sem_t asked, done;
	char *const *argv; /* NULL: end */
	const struct ctl_starter_pipes *pipes;
	pid_t pid;
	int rc;
};

/* A process group and signals of its own: the daemon blocks some and ignores one. */
static int
set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr,
					      POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return rc;
}

/* posix_spawn and not fork: the daemon's memory is locked and large. */
static int
spawn(char *const argv[], const struct ctl_starter_pipes *pipes, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc != 0)
		return -rc;
	rc = posix_spawnattr_init(&attr);
	if (rc != 0)
		goto out_actions;
	rc = set_attributes(&attr);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, pipes->in[0], STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, pipes->out[1], STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, pipes->err[1], STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (rc == 0)
		rc = posix_spawnp(pid, argv[0], &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
out_actions:
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

static void
semaphore_wait(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0 && errno == EINTR)
		;
}

/* The thread's main function. */
static void *
start_programs(void *arg)
{
	struct ctl_starter *starter = arg;

	for (semaphore_wait(&starter->asked); starter->argv != NULL; semaphore_wait(&starter->asked)) {
		starter->rc = spawn(starter->argv, starter->pipes, &starter->pid);
		sem_post(&starter->done);
	}
	return NULL;
}

struct ctl_starter *
ctl_starter_create(void)
{
	struct ctl_starter *starter = calloc(1, sizeof(*starter));

	if (starter == NULL)
		return NULL;
	sem_init(&starter->asked, 0, 0);
	sem_init(&starter->done, 0, 0);
	if (pthread_create(&starter->thread, NULL, start_programs, starter) != 0) {
		free(starter);
		return NULL;
	}
	pthread_setname_np(starter->thread, "culvert-starter");
	return starter;
}

void
ctl_starter_destroy(struct ctl_starter *starter)
{
	starter->argv = NULL;
	sem_post(&starter->asked);
	pthread_join(starter->thread, NULL);
	sem_destroy(&starter->asked);
	sem_destroy(&starter->done);
	free(starter);
}

int
ctl_starter_start(struct ctl_starter *starter, char *const argv[], const struct ctl_starter_pipes *pipes, pid_t *pid)
{
	starter->argv = argv;
	starter->pipes = pipes;
	sem_post(&starter->asked);
	semaphore_wait(&starter->done);
	*pid = starter->pid;
	return starter->rc;
}
