/* SPDX-License-Identifier: BSD-3-Clause
 * How a published table of policies lies in memory: what spd.c reads on workers, and tuple.c and spd_build.c write on the
 * control thread.
 *
 * Tuple space search: policies whose selectors fix the same bits stand in one table, a hash of what those bits must be. A
 * lookup asks one table after the other, in the order of their best policies, until none that is left can be better.
 *
 *   struct sadb_spd  ->  sadb_table[0..n)  ->  directory  ->  shard: 32 buckets  ->  6 matches
 *
 * What is published does not change, but for a pointer to a policy that another takes the place of. The tables of two
 * commits share the directories and shards that the second one did not touch.
 *
 * The hash is a pair-multiply hash in the manner of UMAC's NH (RFC 4418 5.2.2), under a secret key of its own for every
 * table: the products of two values are equal with a chance of at most 2^-64, whoever chose the values. Folding them and a
 * second multiplication spread what consecutive addresses leave uneven. No hash decides how long a lookup takes: an entry stands in its own bucket or one
 * of the next three, or there is no place for it in this table. */
#ifndef SADB_SPD_H
#define SADB_SPD_H

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "sa-db/policy.h"
#include "sa-db/sadb_private.h"

#define SADB_SLOTS   6  /* of a bucket */
#define SADB_BUCKETS 32 /* of a shard */
#define SADB_WINDOW  4  /* buckets that may hold an entry, from its own one on, round the shard */

/* One cache line. The tag is a part of the hash, odd; 0: the slot is free. */
struct sadb_bucket {
	alignas(64) uint16_t tag[SADB_SLOTS];
	uint16_t away; /* how many entries of this bucket stand in the next ones */
	uint16_t zero;
	struct sadb_match *match[SADB_SLOTS];
};
static_assert(sizeof(struct sadb_bucket) == 64, "one cache line a bucket");

struct sadb_shard {
	struct sadb_bucket bucket[SADB_BUCKETS];
	/* of the control thread: */
	struct sadb_retired note;
	uint64_t version; /* the build that made it */
	uint16_t count;
	uint8_t depth; /* its entries agree in so many of the hash's first bits */
};

/* By the first bits of the hash; a shard of less depth stands in several places. */
struct sadb_directory {
	struct sadb_retired note;
	uint8_t depth; /* 1 to SADB_DIR_DEPTH_MAX */
	struct sadb_shard *shard[];
};
#define SADB_DIR_DEPTH_MAX 24

enum sadb_table_kind {
	SADB_TABLE_EXACT,  /* entries: the match in struct sadb_policy; its mask is the table's */
	SADB_TABLE_SHARED, /* entries: struct sadb_entry; their masks have the table's bits and more */
	SADB_TABLE_PORTS,  /* entries: struct sadb_entry without a policy, see there; not for whole packets */
};

/* What stands in a shared table: a policy with a mask of its own. And in a table of ports, for all policies that agree in
 * addresses and protocol and ask for ports: the order of the first of them. */
struct sadb_entry {
	alignas(64) struct sadb_match match;
	uint64_t mask[2];
	struct sadb_policy *policy; /* NULL: asks for ports; acquire pairs with the release in sadb_spd_replace() */
	struct sadb_entry *next;    /* of the control thread */
};
static_assert(sizeof(struct sadb_entry) == 64, "one cache line an entry");

/* One cache line. */
struct sadb_table {
	alignas(64) uint64_t mask[2];
	uint64_t seed[2];
	struct sadb_shard *const *shard;
	uint64_t best_age;
	uint32_t best_priority;
	uint8_t shift; /* of the hash, to index shard */
	uint8_t kind;  /* enum sadb_table_kind */
};
static_assert(sizeof(struct sadb_table) == 64, "one cache line a table");

struct sadb_spd {
	struct sadb_retired note;
	uint32_t packets; /* so many tables for whole packets come first, in the order of their best policies */
	uint32_t tables;  /* then those of kind SADB_TABLE_PORTS, likewise */
	struct sadb_table table[];
};

static inline uint64_t
sadb_table_hash(const uint64_t seed[2], uint64_t first, uint64_t second)
{
	unsigned __int128 product = (unsigned __int128)(first + seed[0]) * (second + seed[1]);
	uint64_t hash =
	    ((uint64_t)product ^ (uint64_t)(product >> 64)) * 0x9e3779b97f4a7c15ULL; /* 2^64 / golden ratio */
	return hash ^ hash >> 32;
}

static inline uint16_t
sadb_hash_tag(uint64_t hash)
{
	return (uint16_t)(hash | 1);
}

static inline unsigned
sadb_hash_bucket(uint64_t hash)
{
	return (unsigned)(hash >> 16) % SADB_BUCKETS;
}

static inline bool
sadb_order_before(uint32_t priority, uint64_t age, const struct sadb_match *than)
{
	return priority != than->priority ? priority < than->priority : age < than->age;
}

static inline bool
sadb_mask_ports(const uint64_t mask[2])
{
	struct sadb_flow_v4 fields;
	memcpy(&fields, mask, sizeof(fields));
	return (fields.sport_be | fields.dport_be) != 0;
}

static inline void
sadb_flow_words(const struct sadb_flow_v4 *flow, uint64_t words[2])
{
	memcpy(words, flow, 16);
}

#endif
