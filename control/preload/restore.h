/* SPDX-License-Identifier: BSD-3-Clause
 * What outlives the daemon: the process's journal, and what is done with it when a daemon begins anew. Any thread. */
#ifndef PRE_RESTORE_H
#define PRE_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/preload/journal.h"

/* What a granted request changed. Takes it; NULL is allowed. */
void pre_restore_note(struct pre_change *change);
void pre_restore_expired(const struct nlmsghdr *event);
/* A daemon with that number says hello: the first time, the policies are sent to it and the SAs given up. Returns the
 * SAs that were lost with its predecessor, held for the caller; NULL: none. */
struct pre_lost *pre_restore(uint64_t boot);
void pre_lost_put(struct pre_lost *lost);
/* A policy whose deletion the new daemon did not know of, and which was sent to it since. */
void pre_restore_delete(const struct pre_change *change);
/* Of the daemon last met; 0: none began since the process did. */
uint64_t pre_restore_boot(void);

/* Around fork. */
void pre_restore_lock(void);
void pre_restore_unlock(void);

#endif
