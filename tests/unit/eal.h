/* SPDX-License-Identifier: BSD-3-Clause
 * DPDK's environment for unit tests: no huge pages, no devices, nothing left behind. Once per process. */
#ifndef UNIT_EAL_H
#define UNIT_EAL_H

/* Ends the process with a message when DPDK does not start. The caller may go on running on every CPU it was allowed:
 * threads made later are not bound to the one that DPDK chose. */
void unit_eal_start(void);

#endif
