/* SPDX-License-Identifier: BSD-3-Clause
 * What the database's memory goes to, and whether the machine has enough for what was configured. Control thread. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <unistd.h>

static const struct {
	const char *name, *help;
} uses[SADB_MEMORY_USES] = {
    [SADB_MEMORY_HOT] = {"sa-hot", "of each SA what workers read: addresses, expanded key"},
    [SADB_MEMORY_MUTABLE] = {"sa-mutable", "of each SA what workers write: sequence, counters, replay window"},
    [SADB_MEMORY_COLD] = {"sa-cold", "of each SA its configuration and times"},
    [SADB_MEMORY_TABLE] = {"sa-table",
			   "the table that finds SAs, as large as max_sas asks for, and their order in dumps"},
    [SADB_MEMORY_GROUPS] = {"sa-groups", "which outbound SAs fit which policies"},
    [SADB_MEMORY_TIMES] = {"sa-lifetimes", "SAs with limits in seconds, by time"},
    [SADB_MEMORY_MARKS] = {"marks", "which numbers the keys of living SAs have used"},
    [SADB_MEMORY_STORE] = {"store", "SQLite: cached pages of the marks on disk; marks that are in its journal still"},
    [SADB_MEMORY_POLICIES] = {"policies", "policies, their indexes and the tables that workers search"},
};

const char *
sadb_memory_name(enum sadb_memory_use use)
{
	return uses[use].name;
}

const char *
sadb_memory_help(enum sadb_memory_use use)
{
	return uses[use].help;
}

/* What malloc() takes for that many bytes: its header, and all in steps of 16. */
static uint64_t
heap_bytes(size_t bytes)
{
	size_t whole = RTE_ALIGN_CEIL(bytes + sizeof(size_t), (size_t)16);
	return whole < 32 ? 32 : whole;
}

static struct sadb_memory
in_slab(const struct sadb_slab *slab)
{
	return (struct sadb_memory){.bytes = sadb_slab_bytes(slab), .objects = slab->objects};
}

static uint64_t
map_bytes(const struct sadb_map *map)
{
	return heap_bytes((map->mask + (size_t)1) * sizeof(*map->bucket));
}

/* Blocks of malloc(). */
static struct sadb_memory
in_heap(uint64_t bytes, uint64_t objects)
{
	return (struct sadb_memory){.bytes = bytes, .heap_bytes = bytes, .objects = objects};
}

void
sadb_memory_get(const struct sadb *db, struct sadb_memory out[SADB_MEMORY_USES])
{
	const struct sadb_sad *sad = &db->sad;
	struct sadb_memory *use = &out[SADB_MEMORY_MUTABLE];

	out[SADB_MEMORY_HOT] = in_slab(&db->hot_slab);
	out[SADB_MEMORY_COLD] = in_slab(&db->cold_slab);
	*use = (struct sadb_memory){0};
	for (unsigned i = 0; i < SADB_LINEAGE_SIZES; i++) {
		use->bytes += sadb_slab_bytes(&db->lineage_slab[i]);
		use->objects += db->lineage_slab[i].objects;
	}
	/* Arrays as long as max_sas asks for come with use: up to the last entry that was ever used. */
	out[SADB_MEMORY_TABLE] =
	    (struct sadb_memory){.bytes = sadb_sad_bytes(sad) + 2 * sadb_pages_bytes(db->positions, sizeof(*db->cold)) +
					  sadb_pages_bytes(db->positions, sizeof(*sad->free_slot)),
				 .objects = db->sa_count};
	out[SADB_MEMORY_TIMES] = (struct sadb_memory){.bytes = sadb_pages_bytes(db->heap.most, sizeof(*db->heap.entry)),
						      .objects = db->heap.count};
	use = &out[SADB_MEMORY_GROUPS];
	*use = in_heap(map_bytes(&db->groups), db->groups.count);
	use->bytes += sadb_slab_bytes(&db->group_slab) + sadb_slab_bytes(&db->open_slab);
	out[SADB_MEMORY_MARKS] =
	    in_heap(db->marks.count * heap_bytes(sizeof(struct sadb_mark)) + map_bytes(&db->marks), db->marks.count);
	out[SADB_MEMORY_STORE] = db->store != NULL ? sadb_store_memory(db->store) : (struct sadb_memory){0};
	use = &out[SADB_MEMORY_POLICIES];
	*use = in_heap(map_bytes(&db->selectors) + map_bytes(&db->ports), db->rule_count);
	use->bytes += sadb_slab_bytes(&db->rules) + sadb_slab_bytes(&db->hots) + sadb_slab_bytes(&db->shards) +
		      sadb_slab_bytes(&db->entries) + sadb_slab_bytes(&db->lives) + sadb_slab_bytes(&db->hots_v6) +
		      sadb_slab_bytes(&db->entries_v6) + sadb_slab_bytes(&db->outers);
}

/* For one SA, with a window of 128 packets, whatever its direction. */
static uint64_t
sa_bytes(const struct sadb *db)
{
	return db->hot_slab.object_bytes + db->lineage_slab[4].object_bytes + db->cold_slab.object_bytes +
	       heap_bytes(sizeof(struct sadb_mark)) + db->group_slab.object_bytes + 8 * sizeof(void *);
}

int
sadb_memory_check(const struct sadb *db, struct sadb_error *err)
{
	const uint64_t mib = 1 << 20;
	uint64_t has = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / mib;
	uint64_t wants = db->config.max_sas * sa_bytes(db) / mib;
	if (wants < has)
		return 0;
	return sadb_fail(
	    err, -ENOMEM, 0,
	    "max_sas: %u SAs take %lu MiB of memory, %lu bytes each; this machine has %lu MiB in all: lower "
	    "max_sas to %lu or less",
	    db->config.max_sas, wants, sa_bytes(db), has, has * mib / sa_bytes(db) * 3 / 4);
}
