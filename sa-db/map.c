/* SPDX-License-Identifier: BSD-3-Clause
 * The control thread's intrusive hash: see map.h. */
#include "sa-db/map.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_BUCKETS 64

int
sadb_map_init(struct sadb_map *map)
{
	map->bucket = calloc(FIRST_BUCKETS, sizeof(*map->bucket));
	map->mask = FIRST_BUCKETS - 1;
	map->count = map->empty = 0;
	return map->bucket != NULL ? 0 : -ENOMEM;
}

void
sadb_map_fini(struct sadb_map *map)
{
	free(map->bucket);
	map->bucket = NULL;
}

static void
put(struct sadb_link **bucket, uint32_t mask, struct sadb_link *link)
{
	link->next = bucket[link->hash & mask];
	bucket[link->hash & mask] = link;
}

static void
grow(struct sadb_map *map)
{
	uint32_t mask = map->mask * 2 + 1;
	struct sadb_link **bucket = calloc((size_t)mask + 1, sizeof(*bucket));
	if (bucket == NULL)
		return;
	for (uint32_t i = 0; i <= map->mask; i++) {
		struct sadb_link *next;
		for (struct sadb_link *link = map->bucket[i]; link != NULL; link = next) {
			next = link->next;
			put(bucket, mask, link);
		}
	}
	free(map->bucket);
	map->bucket = bucket;
	map->mask = mask;
	map->empty = 0;
}

void
sadb_map_add(struct sadb_map *map, struct sadb_link *link, uint32_t hash)
{
	if (map->count > map->mask && map->mask < UINT32_MAX / 2)
		grow(map);
	link->hash = hash;
	put(map->bucket, map->mask, link);
	if (map->empty > (hash & map->mask))
		map->empty = hash & map->mask;
	map->count++;
}

void
sadb_map_del(struct sadb_map *map, struct sadb_link *link)
{
	struct sadb_link **at = &map->bucket[link->hash & map->mask];
	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	map->count--;
}

static struct sadb_link *
same_hash(struct sadb_link *link, uint32_t hash)
{
	while (link != NULL && link->hash != hash)
		link = link->next;
	return link;
}

struct sadb_link *
sadb_map_first(const struct sadb_map *map, uint32_t hash)
{
	return same_hash(map->bucket[hash & map->mask], hash);
}

struct sadb_link *
sadb_map_next(const struct sadb_link *link)
{
	return same_hash(link->next, link->hash);
}

struct sadb_link *
sadb_map_any(struct sadb_map *map)
{
	while (map->count > 0 && map->bucket[map->empty] == NULL)
		map->empty++;
	return map->count > 0 ? map->bucket[map->empty] : NULL;
}
