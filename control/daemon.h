/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon from start to stop. */
#ifndef CTL_DAEMON_H
#define CTL_DAEMON_H

#include "control/config.h"

/* In the environment: no huge pages this time. */
#define CTL_ORDINARY_PAGES "CULVERT_ORDINARY_PAGES"

/* Runs until SIGTERM or SIGINT on the calling thread, which becomes the control thread; takes the configuration over.
 * Everything that was made is removed again, also when the start fails. 0, or -errno after the reason was logged. Once
 * per process. -EAGAIN: huge pages were free and could not be had; the caller starts the program anew with
 * CTL_ORDINARY_PAGES set. */
int ctl_daemon_run(struct ctl_config *config);

#endif
