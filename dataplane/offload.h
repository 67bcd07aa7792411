/* SPDX-License-Identifier: BSD-3-Clause
 * Offloads of the kernel interface below a port. Control thread. */
#ifndef DP_OFFLOAD_H
#define DP_OFFLOAD_H

enum dp_offload {
	DP_OFFLOAD_MERGING, /* several packets received as one (GRO, LRO) */
	DP_OFFLOAD_TAGS,    /* VLAN tags told beside the frame, no longer in it */
	DP_OFFLOADS
};

/* Has the kernel hand out what the interface receives as it came, in that regard. An interface that has no such thing is as
 * wanted. 0 or -errno, and then *name is what cannot be switched off. */
int dp_offload_off(int fd, const char *iface, enum dp_offload which, const char **name);

#endif
