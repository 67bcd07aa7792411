/* SPDX-License-Identifier: BSD-3-Clause
 * Which descriptors of the process are NETLINK_XFRM sockets of ours. Any thread. */
#ifndef PRE_TABLE_H
#define PRE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/preload/sock.h"

#define PRE_DESCRIPTORS 65536 /* a higher one cannot become a socket of ours: EMFILE */

/* The socket behind a descriptor, held until pre_table_put(); NULL: not ours. */
struct pre_sock *pre_table_get(int fd);
void pre_table_put(struct pre_sock *sock);
/* Makes the descriptor one of sock's, whatever it was; NULL: none of ours. -EMFILE: its number is too high. */
int pre_table_set(int fd, struct pre_sock *sock);
/* This process shares its memory with the one that owns the table (vfork): it must leave it alone. */
bool pre_table_is_foreign(void);
bool pre_table_has_port(uint32_t port);
/* Whether the descriptor still stands for sock: another thread may have closed it, and its number be another file's. */
bool pre_table_is(int fd, const struct pre_sock *sock);

#endif
