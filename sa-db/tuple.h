/* SPDX-License-Identifier: BSD-3-Clause
 * The control thread's side of one table of a domain: entries come and go in a copy of what is published, made shard by
 * shard as changes touch them. */
#ifndef SADB_TUPLE_H
#define SADB_TUPLE_H

#include "sa-db/spd.h"
#include "sa-db/tree.h"

/* A build makes the next version of a domain's tables. Until it is published, workers see none of it. */
struct sadb_build {
	struct sadb *db;
	struct sadb_domain *domain;
	uint64_t version;
	struct sadb_retired *fresh_shards, *stale_shards; /* made; replaced and still seen by workers */
	struct sadb_entry *fresh_entries, *stale_entries;
};

/* What makes a table this one and no other. */
struct sadb_tuple_id {
	uint64_t mask[SADB_WORDS_MAX]; /* beyond the domain's width 0 */
	uint8_t kind;                  /* enum sadb_table_kind */
	uint8_t variant;               /* of a mask that has more than one table: see exact_id() and shared_id() */
};

struct sadb_tuple {
	struct sadb_tuple_id id;
	uint8_t width; /* the domain's */
	uint64_t seed[SADB_SEED_WORDS];
	struct sadb_directory *dir;       /* as built; NULL: none yet */
	struct sadb_directory *published; /* the same, but during a build */
	struct sadb_tree members;         /* what is published in it, by order: rules, or struct sadb_ports */
	struct sadb_tuple *next;
};

struct sadb_tuple *sadb_tuple_create(const struct sadb_tuple_id *id, unsigned width); /* NULL: out of memory */

/* In the build's copy. -ENOMEM; insert also -E2BIG: too many keys crowd there. After an error the build must be given up,
 * but after -E2BIG, which changes nothing that is seen. */
int sadb_tuple_insert(struct sadb_build *build, struct sadb_tuple *tuple, struct sadb_match *match);
int sadb_tuple_remove(struct sadb_build *build, struct sadb_tuple *tuple, const struct sadb_match *match);
int sadb_tuple_replace(struct sadb_build *build, struct sadb_tuple *tuple, const struct sadb_match *match,
		       struct sadb_match *by);

/* The slot of what is there. */
struct sadb_match **sadb_tuple_slot(const struct sadb_tuple *tuple, const struct sadb_match *match);
/* In a shared table: the entry of a policy. */
struct sadb_entry *sadb_tuple_entry(const struct sadb_tuple *tuple, const struct sadb_policy *policy);

/* Ends a build for this table: what the build made is now published, or thrown away. */
void sadb_tuple_publish(struct sadb_build *build, struct sadb_tuple *tuple);
void sadb_tuple_revert(struct sadb_tuple *tuple);
/* An empty table, published without it: retires what it is made of, and frees it. */
void sadb_tuple_destroy(struct sadb *db, struct sadb_tuple *tuple);

/* ---- spd_build.c ---- */
/* An entry with this mask and value, which goes with the build if that fails. NULL: no memory. */
struct sadb_entry *sadb_build_entry(struct sadb_build *build, const uint64_t mask[SADB_WORDS_MAX],
				    const uint64_t value[SADB_WORDS_MAX]);
/* Into the table of this id, which is made if there is none. *tuple: where it is. -ENOMEM; a shared table also -E2BIG. */
int sadb_build_insert(struct sadb_build *build, const struct sadb_tuple_id *id, struct sadb_match *match,
		      struct sadb_tuple **tuple);

/* An entry stands where its policy does in the order. */
static inline void
sadb_order_as(struct sadb_match *match, const struct sadb_match *policy)
{
	match->age = policy->age;
	match->priority = policy->priority;
	match->index = policy->index;
}

/* ---- spd_ports.c ---- */
const struct sadb_match *sadb_ports_match(const struct sadb_node *node); /* of a member of a table of ports */

#endif
