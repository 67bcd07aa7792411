/* SPDX-License-Identifier: BSD-3-Clause
 * Offloads of the kernel interface below a port. Control thread. */
#ifndef DP_OFFLOAD_H
#define DP_OFFLOAD_H

/* Has the kernel hand out packets of the interface as they came, never several merged into one (GRO, LRO), by any
 * socket. An interface that has no such thing is as wanted. 0 or -errno, and then *name is what cannot be switched off. */
int dp_offload_merging_off(int fd, const char *iface, const char **name);

#endif
