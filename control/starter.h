/* SPDX-License-Identifier: BSD-3-Clause
 * Starts programs for the control thread, on a helper: what the control thread may call is bounded (filter.h), and a program
 * would inherit that. Control thread. */
#ifndef CTL_STARTER_H
#define CTL_STARTER_H

#include "control/helper.h"

/* The program's standard input is in[0], its output out[1], its standard error err[1]; it gets no other descriptor. */
struct ctl_starter_pipes {
	int in[2], out[2], err[2];
};

/* Looks argv[0] up in PATH and starts it in a process group of its own. The program is a child of this process: the caller
 * waits for it. 0 or -errno. */
int ctl_starter_start(struct ctl_helper *starter, char *const argv[], const struct ctl_starter_pipes *pipes,
		      pid_t *pid);

#endif
