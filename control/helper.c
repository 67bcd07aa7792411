/* SPDX-License-Identifier: BSD-3-Clause
 * The helper's thread: see helper.h. */
#include "control/helper.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

/* The semaphores order what lies between them. */
struct ctl_helper {
	pthread_t thread;
	sem_t asked, done;
	int (*job)(void *arg); /* NULL: end */
	void *arg;
	int rc;
	pid_t tid;
};

static void
semaphore_wait(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0 && errno == EINTR)
		;
}

/* The thread's main function. */
static void *
help(void *arg)
{
	struct ctl_helper *helper = arg;

	helper->tid = gettid();
	sem_post(&helper->done);
	for (semaphore_wait(&helper->asked); helper->job != NULL; semaphore_wait(&helper->asked)) {
		helper->rc = helper->job(helper->arg);
		sem_post(&helper->done);
	}
	return NULL;
}

struct ctl_helper *
ctl_helper_create(const char *name)
{
	struct ctl_helper *helper = calloc(1, sizeof(*helper));

	if (helper == NULL)
		return NULL;
	sem_init(&helper->asked, 0, 0);
	sem_init(&helper->done, 0, 0);
	if (pthread_create(&helper->thread, NULL, help, helper) != 0) {
		free(helper);
		return NULL;
	}
	pthread_setname_np(helper->thread, name);
	semaphore_wait(&helper->done);
	return helper;
}

void
ctl_helper_destroy(struct ctl_helper *helper)
{
	if (helper == NULL)
		return;
	helper->job = NULL;
	sem_post(&helper->asked);
	pthread_join(helper->thread, NULL);
	sem_destroy(&helper->asked);
	sem_destroy(&helper->done);
	free(helper);
}

pid_t
ctl_helper_tid(const struct ctl_helper *helper)
{
	return helper->tid;
}

int
ctl_helper_run(struct ctl_helper *helper, int (*job)(void *arg), void *arg)
{
	helper->job = job;
	helper->arg = arg;
	sem_post(&helper->asked);
	semaphore_wait(&helper->done);
	return helper->rc;
}
