/* SPDX-License-Identifier: BSD-3-Clause
 * How a published table of policies lies in memory: what spd.c reads on workers, and tuple.c and spd_build.c write on the
 * control thread.
 *
 * Tuple space search: policies whose selectors fix the same bits stand in one table, a hash of what those bits must be. A
 * lookup asks one table after the other, in the order of their best policies, until none that is left can be better.
 *
 *   struct sadb_spd  ->  sadb_table[0..n)  ->  directory  ->  shard: 32 buckets  ->  6 matches
 *
 * An IPv6 packet is five words where an IPv4 packet is two. Tables for either are made and searched by the same code, which
 * is told the width; no table holds both. Of a wide table, match or entry the first two words are where they are of a narrow
 * one, so that the one that has the ports is the second of either, and the others are further on.
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
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sa-db/policy.h"
#include "sa-db/sadb_private.h"

#define SADB_WIDTH_V4   2 /* words */
#define SADB_WIDTH_V6   5
#define SADB_WORDS_MAX  SADB_WIDTH_V6
#define SADB_SEED_WORDS (SADB_WORDS_MAX + 1) /* pairs of words are hashed */

#define SADB_SLOTS   6  /* of a bucket */
#define SADB_BUCKETS 32 /* of a shard */
#define SADB_WINDOW  4  /* buckets that may hold an entry, from its own one on, round the shard */

/* What a match for IPv6 has beyond struct sadb_match: the line after the one that the match begins. mask: of an entry; an
 * exact table's is the mask of all that stands in it. */
struct sadb_match_more {
	alignas(64) uint64_t value[SADB_WIDTH_V6 - SADB_WIDTH_V4];
	uint64_t mask[SADB_WIDTH_V6 - SADB_WIDTH_V4];
};

/* A policy for IPv6 as it lies in memory. */
struct sadb_policy_v6 {
	struct sadb_policy policy;
	struct sadb_match_more more;
};
static_assert(offsetof(struct sadb_policy_v6, more) == 64, "the line after the match");

static inline struct sadb_match_more *
sadb_match_more(const struct sadb_match *match)
{
	return (struct sadb_match_more *)((uintptr_t)match + 64);
}

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

struct sadb_entry_v6 {
	struct sadb_entry entry;
	struct sadb_match_more more;
};
static_assert(offsetof(struct sadb_entry_v6, more) == 64, "the line after the match");

/* What a table for IPv6 has beyond struct sadb_table. */
struct sadb_table_more {
	alignas(64) uint64_t mask[SADB_WIDTH_V6 - SADB_WIDTH_V4];
	uint64_t seed[SADB_SEED_WORDS - SADB_WIDTH_V4];
};
static_assert(sizeof(struct sadb_table_more) == 64, "one cache line more");

/* One cache line. */
struct sadb_table {
	alignas(64) uint64_t mask[2];
	uint64_t seed[2];
	struct sadb_shard *const *shard;
	uint64_t best_age;
	uint32_t best_priority;
	uint8_t shift;                      /* of the hash, to index shard */
	uint8_t kind;                       /* enum sadb_table_kind */
	const struct sadb_table_more *more; /* behind the tables; NULL: for IPv4 */
};
static_assert(sizeof(struct sadb_table) == 64, "one cache line a table");

struct sadb_spd {
	struct sadb_retired note;
	uint32_t packets; /* so many tables for whole packets come first, in the order of their best policies */
	uint32_t tables;  /* then those of kind SADB_TABLE_PORTS, likewise */
	struct sadb_table table[];
};

static inline unsigned __int128
sadb_pair_product(const uint64_t seed[2], uint64_t first, uint64_t second)
{
	return (unsigned __int128)(first + seed[0]) * (second + seed[1]);
}

static inline uint64_t
sadb_product_hash(unsigned __int128 product)
{
	uint64_t hash =
	    ((uint64_t)product ^ (uint64_t)(product >> 64)) * 0x9e3779b97f4a7c15ULL; /* 2^64 / golden ratio */
	return hash ^ hash >> 32;
}

static inline uint64_t
sadb_table_hash(const uint64_t seed[2], uint64_t first, uint64_t second)
{
	return sadb_product_hash(sadb_pair_product(seed, first, second));
}

/* more: the seed's other words. The last word has none to be paired with. */
static inline uint64_t
sadb_table_hash_v6(const uint64_t seed[2], const uint64_t more[SADB_SEED_WORDS - 2],
		   const uint64_t words[SADB_WIDTH_V6])
{
	return sadb_product_hash(sadb_pair_product(seed, words[0], words[1]) +
				 sadb_pair_product(more, words[2], words[3]) +
				 sadb_pair_product(more + 2, words[4], 0));
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

/* What struct sadb_flow_v4 has second is second here, too. */
static inline void
sadb_flow_words_v6(const struct sadb_flow_v6 *flow, uint64_t words[SADB_WIDTH_V6])
{
	memcpy(&words[0], flow->src, 8);
	memcpy(&words[1], &flow->sport_be, 8);
	memcpy(&words[2], flow->src + 8, 8);
	memcpy(&words[3], flow->dst, 16);
}

/* What a match must be: as many words as its table is wide. */
static inline void
sadb_match_words(const struct sadb_match *match, unsigned width, uint64_t words[SADB_WORDS_MAX])
{
	memcpy(words, match->value, sizeof(match->value));
	if (width == SADB_WIDTH_V6)
		memcpy(&words[2], sadb_match_more(match)->value, sizeof(sadb_match_more(match)->value));
}

#endif
