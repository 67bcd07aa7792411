/* SPDX-License-Identifier: BSD-3-Clause
 * A hash of links that live inside what they link, for the control thread's own indexes. Adding never fails: when there
 * is no memory to grow, the chains grow. Control thread only; workers use rte_hash and the tables of spd.h and fib.h. */
#ifndef SADB_MAP_H
#define SADB_MAP_H

#include <stddef.h>
#include <stdint.h>

struct sadb_link {
	struct sadb_link *next;
	uint32_t hash;
};

struct sadb_map {
	struct sadb_link **bucket;
	uint32_t mask;
	uint32_t count;
	uint32_t empty; /* buckets before this one hold nothing, as sadb_map_any() found */
};

#define sadb_entry(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

int sadb_map_init(struct sadb_map *map); /* 0 or -ENOMEM */
void sadb_map_fini(struct sadb_map *map);
void sadb_map_add(struct sadb_map *map, struct sadb_link *link, uint32_t hash);
void sadb_map_del(struct sadb_map *map, struct sadb_link *link);

/* The links of one hash value, one after the other; NULL ends. The caller compares the keys. */
struct sadb_link *sadb_map_first(const struct sadb_map *map, uint32_t hash);
struct sadb_link *sadb_map_next(const struct sadb_link *link);

/* Every link of the map, for clearing it: any one, NULL when it is empty. */
struct sadb_link *sadb_map_any(struct sadb_map *map);

#endif
