/* SPDX-License-Identifier: BSD-3-Clause
 * Starting a program: see starter.h. The helper's thread. */
#include "control/starter.h"

#include <signal.h>
#include <spawn.h>
#include <unistd.h>

/* A program to start, and what became of it. */
struct start {
	char *const *argv;
	const struct ctl_starter_pipes *pipes;
	pid_t *pid;
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

static int
start(void *arg)
{
	const struct start *program = arg;

	return spawn(program->argv, program->pipes, program->pid);
}

int
ctl_starter_start(struct ctl_helper *starter, char *const argv[], const struct ctl_starter_pipes *pipes, pid_t *pid)
{
	struct start program = {argv, pipes, pid};

	return ctl_helper_run(starter, start, &program);
}
