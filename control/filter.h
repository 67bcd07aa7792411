/* SPDX-License-Identifier: BSD-3-Clause
 * The system calls that the control thread may make. Control thread. */
#ifndef CTL_FILTER_H
#define CTL_FILTER_H

/* Puts the calling thread, for good, under the filter. What the daemon never does and an intruder would (to start a program,
 * to look into another process, to load code) ends the process; what is merely unknown fails with EPERM, and the kernel's
 * log says so: a gateway that a library's new call stops would be worse than that call failing. Where there is no filter,
 * that is logged as a warning. */
void ctl_filter_install(void);

#endif
