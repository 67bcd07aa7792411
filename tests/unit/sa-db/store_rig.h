/* SPDX-License-Identifier: BSD-3-Clause
 * A store on disk for a test, a disk that fails, and a worker that stays in a grace period. */
#ifndef SADB_STORE_RIG_H
#define SADB_STORE_RIG_H

#include "tests/unit/sa-db/rig.h"

#define RIG_WORKER 3

extern char rig_store_path[64]; /* between set-up and tear-down */

int rig_store_set_up(void **state);
int rig_store_tear_down(void **state);
/* Every write to a file fails from here on, as on a disk that is full or broken; or again works. */
void rig_disk_fails(bool fails);

/* A worker that has seen everything published so far and reports no quiescence. */
void rig_worker_online(struct sadb *db);
void rig_worker_offline(struct sadb *db);

bool rig_can_send(struct sadb *db, uint32_t n); /* does SA n give a number? */
void rig_del(struct sadb *db, uint32_t n);
void rig_receive(struct sadb *db, uint32_t n, uint64_t seq); /* as a worker whose packet has verified */

/* Another process opens the store, does this work and dies without a word. What the work told by out is returned. */
uint64_t rig_crash_after(void (*work)(struct sadb *db, int out));
void rig_tell(int out, uint64_t number);

#endif
