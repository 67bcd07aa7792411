/* SPDX-License-Identifier: BSD-3-Clause
 * The tables of policies, changed: see tuple.h. Extendible hashing: a shard that fills up is split in two and the
 * directory doubles when its bits do not tell them apart, so that no change ever rehashes a whole table. Control thread.
 *
 * Shards of policies that are gone stay until their table is empty: the next policies want them again. */
#include "sa-db/tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

/* Split above this share of 192 slots; above it ever more entries would stand outside their bucket. */
#define SHARD_FULL 134
/* With fewer than that and yet no place for one more, the keys crowd in one place and no split parts them. Of keys that
 * do not, 25 meet in a window of 24 slots where 6 are expected: less than once in 10^8. */
#define SHARD_SPARSE 48

struct sadb_tuple *
sadb_tuple_create(const struct sadb_tuple_id *id, unsigned width)
{
	struct sadb_tuple *tuple = calloc(1, sizeof(*tuple));
	if (tuple == NULL)
		return NULL;
	tuple->id = *id;
	tuple->width = (uint8_t)width;
	/* The kernel's: from numbers that peers see, such as SPIs, the next of rte_rand() could be computed. */
	if (getentropy(tuple->seed, sizeof(tuple->seed)) == 0)
		return tuple;
	free(tuple);
	return NULL;
}

static uint64_t
hash_of(const struct sadb_tuple *tuple, const struct sadb_match *match)
{
	uint64_t words[SADB_WORDS_MAX];
	sadb_match_words(match, tuple->width, words);
	for (unsigned i = 0; i < tuple->width; i++)
		words[i] &= tuple->id.mask[i];
	return tuple->width == SADB_WIDTH_V6 ? sadb_table_hash_v6(tuple->seed, tuple->seed + 2, words)
					     : sadb_table_hash(tuple->seed, words[0], words[1]);
}

/* ---- one shard ---- */

struct place {
	unsigned home, bucket, slot;
};

static bool
find_match(const struct sadb_shard *shard, uint64_t hash, const struct sadb_match *match, struct place *place)
{
	place->home = sadb_hash_bucket(hash);
	for (unsigned i = 0; i < SADB_WINDOW; i++) {
		place->bucket = (place->home + i) % SADB_BUCKETS;
		for (place->slot = 0; place->slot < SADB_SLOTS; place->slot++)
			if (shard->bucket[place->bucket].match[place->slot] == match)
				return true;
	}
	return false;
}

static bool
put(struct sadb_shard *shard, uint64_t hash, struct sadb_match *match)
{
	struct place place;
	if (!find_match(shard, hash, NULL, &place))
		return false;
	shard->bucket[place.bucket].tag[place.slot] = sadb_hash_tag(hash);
	shard->bucket[place.bucket].match[place.slot] = match;
	shard->bucket[place.home].away += place.bucket != place.home;
	shard->count++;
	return true;
}

static void
take(struct sadb_shard *shard, const struct place *place)
{
	shard->bucket[place->bucket].tag[place->slot] = 0;
	shard->bucket[place->bucket].match[place->slot] = NULL;
	shard->bucket[place->home].away -= place->bucket != place->home;
	shard->count--;
}

/* ---- copies ---- */

static struct sadb_shard *
shard_create(struct sadb_build *build)
{
	struct sadb_shard *shard = sadb_slab_alloc(&build->db->shards);
	if (shard == NULL)
		return NULL;
	shard->version = build->version;
	shard->note.next = build->fresh_shards;
	build->fresh_shards = &shard->note;
	shard->note.p = shard;
	return shard;
}

static struct sadb_directory *
dir_create(unsigned depth)
{
	struct sadb_directory *dir = calloc(1, sizeof(*dir) + (sizeof(dir->shard[0]) << depth));
	if (dir != NULL)
		dir->depth = (uint8_t)depth;
	return dir;
}

static int
make_dir_writable(struct sadb_build *build, struct sadb_tuple *tuple)
{
	struct sadb_directory *old = tuple->dir;
	if (old != NULL && old != tuple->published)
		return 0;
	struct sadb_directory *dir = dir_create(old != NULL ? old->depth : 1);
	if (dir == NULL)
		return -ENOMEM;
	tuple->dir = dir; /* its shards, too, go with the build if that fails */
	if (old != NULL) {
		memcpy(dir->shard, old->shard, sizeof(dir->shard[0]) << dir->depth);
		return 0;
	}
	dir->shard[0] = dir->shard[1] = shard_create(build);
	return dir->shard[0] != NULL ? 0 : -ENOMEM;
}

/* Puts a shard at the places of all hashes that begin like this one, in as many bits as the shard has depth. */
static void
dir_set(struct sadb_directory *dir, uint64_t hash, struct sadb_shard *shard)
{
	size_t span = (size_t)1 << (dir->depth - shard->depth);
	size_t first = (hash >> (64 - dir->depth)) & ~(span - 1);
	for (size_t i = first; i < first + span; i++)
		dir->shard[i] = shard;
}

static struct sadb_shard *
writable_shard(struct sadb_build *build, struct sadb_tuple *tuple, uint64_t hash)
{
	if (make_dir_writable(build, tuple) != 0)
		return NULL;
	struct sadb_shard *old = tuple->dir->shard[hash >> (64 - tuple->dir->depth)];
	if (old->version == build->version)
		return old;
	struct sadb_shard *shard = shard_create(build);
	if (shard == NULL)
		return NULL;
	memcpy(shard->bucket, old->bucket, sizeof(shard->bucket));
	shard->count = old->count;
	shard->depth = old->depth;
	dir_set(tuple->dir, hash, shard);
	old->note.p = old;
	old->note.next = build->stale_shards;
	build->stale_shards = &old->note;
	return shard;
}

/* ---- a shard becomes two ---- */

static int
double_dir(struct sadb_tuple *tuple)
{
	struct sadb_directory *old = tuple->dir;
	if (old->depth == SADB_DIR_DEPTH_MAX)
		return -E2BIG;
	struct sadb_directory *dir = dir_create(old->depth + 1u);
	if (dir == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < (size_t)1 << dir->depth; i++)
		dir->shard[i] = old->shard[i / 2];
	tuple->dir = dir;
	free(old); /* writable: no worker saw it */
	return 0;
}

/* An entry takes along its place, so that there is one for it; then those outside their bucket come closer if they can. */
static void
move(struct sadb_shard *from, struct sadb_shard *to, const struct place *place, uint64_t hash)
{
	struct sadb_match *match = from->bucket[place->bucket].match[place->slot];
	take(from, place);
	to->bucket[place->bucket].tag[place->slot] = sadb_hash_tag(hash);
	to->bucket[place->bucket].match[place->slot] = match;
	to->bucket[place->home].away += place->bucket != place->home;
	to->count++;
}

static void
bring_home(const struct sadb_tuple *tuple, struct sadb_shard *shard)
{
	struct place place;
	for (place.bucket = 0; place.bucket < SADB_BUCKETS; place.bucket++) {
		for (place.slot = 0; place.slot < SADB_SLOTS; place.slot++) {
			struct sadb_match *match = shard->bucket[place.bucket].match[place.slot];
			if (match == NULL)
				continue;
			uint64_t hash = hash_of(tuple, match);
			place.home = sadb_hash_bucket(hash);
			if (place.bucket == place.home)
				continue;
			take(shard, &place);
			put(shard, hash, match); /* cannot fail: the slot just left is in its window */
		}
	}
}

static int
split(struct sadb_build *build, struct sadb_tuple *tuple, uint64_t hash)
{
	struct sadb_shard *shard = tuple->dir->shard[hash >> (64 - tuple->dir->depth)];
	int rc = shard->depth == tuple->dir->depth ? double_dir(tuple) : 0;
	if (rc != 0)
		return rc;
	struct sadb_shard *sibling = shard_create(build);
	if (sibling == NULL)
		return -ENOMEM;
	uint64_t bit = (uint64_t)1 << (63 - shard->depth);
	sibling->depth = ++shard->depth;
	for (unsigned i = 0; i < SADB_BUCKETS; i++) {
		for (unsigned slot = 0; slot < SADB_SLOTS; slot++) {
			const struct sadb_match *match = shard->bucket[i].match[slot];
			uint64_t at = match == NULL ? 0 : hash_of(tuple, match);
			const struct place place = {.home = sadb_hash_bucket(at), .bucket = i, .slot = slot};
			if (at & bit)
				move(shard, sibling, &place, at);
		}
	}
	bring_home(tuple, shard);
	bring_home(tuple, sibling);
	dir_set(tuple->dir, hash | bit, sibling);
	return 0;
}

/* ---- changes ---- */

int
sadb_tuple_insert(struct sadb_build *build, struct sadb_tuple *tuple, struct sadb_match *match)
{
	uint64_t hash = hash_of(tuple, match);
	for (;;) {
		struct sadb_shard *shard = writable_shard(build, tuple, hash);
		if (shard == NULL)
			return -ENOMEM;
		if (shard->count < SHARD_FULL && put(shard, hash, match))
			return 0;
		if (shard->count < SHARD_SPARSE)
			return -E2BIG;
		int rc = split(build, tuple, hash);
		if (rc != 0)
			return rc;
	}
}

int
sadb_tuple_remove(struct sadb_build *build, struct sadb_tuple *tuple, const struct sadb_match *match)
{
	struct place place;
	uint64_t hash = hash_of(tuple, match);
	struct sadb_shard *shard = writable_shard(build, tuple, hash);
	if (shard == NULL)
		return -ENOMEM;
	if (find_match(shard, hash, match, &place))
		take(shard, &place);
	return 0;
}

int
sadb_tuple_replace(struct sadb_build *build, struct sadb_tuple *tuple, const struct sadb_match *match,
		   struct sadb_match *by)
{
	struct place place;
	uint64_t hash = hash_of(tuple, match);
	struct sadb_shard *shard = writable_shard(build, tuple, hash);
	if (shard == NULL)
		return -ENOMEM;
	if (find_match(shard, hash, match, &place))
		shard->bucket[place.bucket].match[place.slot] = by;
	return 0;
}

struct sadb_match **
sadb_tuple_slot(const struct sadb_tuple *tuple, const struct sadb_match *match)
{
	struct place place;
	uint64_t hash = hash_of(tuple, match);
	struct sadb_shard *shard = tuple->dir->shard[hash >> (64 - tuple->dir->depth)];
	return find_match(shard, hash, match, &place) ? &shard->bucket[place.bucket].match[place.slot] : NULL;
}

struct sadb_entry *
sadb_tuple_entry(const struct sadb_tuple *tuple, const struct sadb_policy *policy)
{
	uint64_t hash = hash_of(tuple, &policy->match);
	const struct sadb_shard *shard = tuple->dir->shard[hash >> (64 - tuple->dir->depth)];
	for (unsigned i = 0; i < SADB_WINDOW * SADB_SLOTS; i++) {
		const struct sadb_bucket *bucket =
		    &shard->bucket[(sadb_hash_bucket(hash) + i / SADB_SLOTS) % SADB_BUCKETS];
		struct sadb_entry *entry = (struct sadb_entry *)(void *)bucket->match[i % SADB_SLOTS];
		if (entry != NULL && entry->policy == policy)
			return entry;
	}
	return NULL;
}

/* ---- the end of a build ---- */

static void
retire_dir(struct sadb *db, struct sadb_directory *dir)
{
	if (dir != NULL)
		sadb_retire_embedded(db, &dir->note, dir, free);
}

void
sadb_tuple_publish(struct sadb_build *build, struct sadb_tuple *tuple)
{
	if (tuple->dir == tuple->published)
		return;
	retire_dir(build->db, tuple->published);
	tuple->published = tuple->dir;
}

void
sadb_tuple_revert(struct sadb_tuple *tuple)
{
	if (tuple->dir == tuple->published)
		return;
	free(tuple->dir);
	tuple->dir = tuple->published;
}

void
sadb_tuple_destroy(struct sadb *db, struct sadb_tuple *tuple)
{
	struct sadb_directory *dir = tuple->dir;
	for (size_t i = 0; dir != NULL && i < (size_t)1 << dir->depth;) {
		struct sadb_shard *shard = dir->shard[i];
		i += (size_t)1 << (dir->depth - shard->depth);
		sadb_retire_embedded(db, &shard->note, shard, sadb_slab_free);
	}
	retire_dir(db, dir);
	free(tuple);
}
