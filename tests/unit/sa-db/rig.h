/* SPDX-License-Identifier: BSD-3-Clause
 * What the tests of the database share: a keyer that shows what happened to key material, ready-made SAs and policies. */
#ifndef SADB_RIG_H
#define SADB_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <linux/xfrm.h>

#include "sa-db/sadb.h"

#define RIG_AREA 128

/* What the keyer writes into every key area: a reader that finds anything else reads freed memory. */
struct rig_area {
	uint8_t key[SADB_KEY_MAX];
	uint32_t key_bytes;
	uint32_t alive; /* RIG_ALIVE */
	uint8_t check;  /* xor of the key */
};
#define RIG_ALIVE 0xa11ce5a1

extern unsigned rig_areas; /* key areas now in use */
extern int rig_keyer_rc;   /* what the keyer's init returns */
extern struct sadb_error rig_err;

struct sadb *rig_create(const char *store_path); /* 64 SAs, 64 policies, vnet 1 "blue"; asserts success */
struct sadb_config rig_config(const char *store_path);
/* A full SA from 192.0.2.1 to 192.0.2.2 in vnet 1; n makes SPI (0x1000 + n) and key. */
struct sadb_sa_config rig_sa(uint32_t n);
struct sadb_sa_key rig_key(uint32_t n);
struct sadb_sa *rig_lookup(struct sadb *db, uint32_t n); /* as a worker sees it */
void rig_add(struct sadb *db, uint32_t n);               /* asserts success; no commit */
void rig_commit(struct sadb *db);
/* The underlay's routes: this address is the gateway's own (NULL: none is), all others lead out of port 0. */
void rig_own_address(struct sadb *db, const char *addr);
void rig_reclaim_all(struct sadb *db); /* asserts that nothing waits */

struct sadb_prefix rig_prefix(const char *text);
/* Outbound protect policy of vnet 1 from any to dst, template 192.0.2.1 -> 192.0.2.2 with this reqid. */
struct sadb_policy_config rig_policy(const char *dst, uint32_t priority, uint32_t reqid);
struct sadb_flow_v4 rig_flow(const char *src, const char *dst, uint8_t proto, uint16_t sport, uint16_t dport);
struct sadb_policy *rig_find(struct sadb *db, const struct sadb_flow_v4 *flow); /* vnet 1, out */

/* Takes n numbers; asserts that all n came, and returns the first. */
uint64_t rig_take(struct sadb_sa *sa, unsigned n);

#endif
