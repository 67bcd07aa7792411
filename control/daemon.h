/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon from start to stop. */
#ifndef CTL_DAEMON_H
#define CTL_DAEMON_H

#include "control/config.h"

/* Runs until SIGTERM or SIGINT on the calling thread, which becomes the control thread; takes the configuration over.
 * Everything that was made is removed again, also when the start fails. 0, or -errno after the reason was logged. Once
 * per process. */
int ctl_daemon_run(struct ctl_config *config);

#endif
