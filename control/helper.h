/* SPDX-License-Identifier: BSD-3-Clause
 * A thread that does, one job at a time, what the control thread may no longer do by itself: it keeps rights of its own
 * (privilege.h) and has no filter. The control thread waits meanwhile. Control thread. */
#ifndef CTL_HELPER_H
#define CTL_HELPER_H

#include <sys/types.h>

struct ctl_helper;

/* In the network namespace where the caller is. name: at most 15 characters. NULL: no memory, or no thread. */
struct ctl_helper *ctl_helper_create(const char *name);
void ctl_helper_destroy(struct ctl_helper *helper); /* NULL: does nothing */
pid_t ctl_helper_tid(const struct ctl_helper *helper);

/* Returns what the job returns. */
int ctl_helper_run(struct ctl_helper *helper, int (*job)(void *arg), void *arg);

#endif
