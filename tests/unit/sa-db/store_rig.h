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

#endif
