/* SPDX-License-Identifier: BSD-3-Clause
 * What keeps keys inside the process: no core dump, no debugger of another user, no swap. Before the first key and the
 * first thread. */
#ifndef CTL_HARDENING_H
#define CTL_HARDENING_H

/* Does what it can; what it cannot is logged as a warning with its cure. -errno when cores cannot be prevented. */
int ctl_harden(void);

#endif
