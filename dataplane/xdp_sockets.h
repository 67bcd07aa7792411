/* SPDX-License-Identifier: BSD-3-Clause
 * AF_XDP beside DPDK's driver: what a device needs that is closed and opened again in a process that is no longer root. Inside
 * the dataplane only. Control thread, or one that it waits for. */
#ifndef DP_XDP_SOCKETS_H
#define DP_XDP_SOCKETS_H

#include <sys/types.h>

#include <rte_mempool.h>

#include "dataplane/dataplane.h"

#define DP_XDP_FDS            256
#define DP_XDP_PROGRAM_STRLEN 256

/* Descriptors of this process that are AF_XDP sockets, or BPF's: programs, maps, types. */
enum dp_xdp_kind { DP_XDP_SOCKET, DP_XDP_BPF };
struct dp_xdp_fds {
	unsigned n;
	int fd[DP_XDP_FDS];
};
void dp_xdp_list(enum dp_xdp_kind kind, struct dp_xdp_fds *out);
/* Those of after that were not there before; at most max. */
unsigned dp_xdp_new(const struct dp_xdp_fds *before, const struct dp_xdp_fds *after, int *fd, unsigned max);
/* Closes those that were not there before. */
void dp_xdp_close_new(enum dp_xdp_kind kind, const struct dp_xdp_fds *before);

/* What the sockets' rings hold of the packet pool: DPDK's driver forgets those buffers when it closes. They are listed before it
 * does, with no worker on the device, and put back after: until then the kernel may use them. */
struct dp_xdp_left {
	struct rte_mempool *pool;
	unsigned n, receiving; /* how many of them were to receive */
	unsigned n_sockets;
	int fd[DP_MAX_WORKERS];
	ino_t inode[DP_MAX_WORKERS];
	void **buffer;
	uint8_t *listed; /* a byte for each buffer of the pool */
};
void dp_xdp_left_list(struct dp_xdp_left *left, const int *fd, unsigned n, struct rte_mempool *pool);
/* Before that it closes those of the sockets that are still there: the driver of DPDK 22.11 forgets them too, and as long as they
 * are bound no other gets their queue. */
void dp_xdp_left_put_back(struct dp_xdp_left *left);

/* Writes ",xdp_prog=FILE", for the device's arguments, with the program that libxdp itself would load, or "" where it has none:
 * libxdp looks up what it loaded in a way that wants CAP_SYS_ADMIN, the driver by itself does with CAP_BPF. */
void dp_xdp_program(char *out, size_t bytes);

#endif
