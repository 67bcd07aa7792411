/* SPDX-License-Identifier: BSD-3-Clause
 * The table of SAs: DPDK's hash finds a place for each key, and two arrays say what lives there. Workers look up; the
 * control thread changes.
 *
 * The SA is published by a release store into hot[], not as the hash's own data: so an update of an SA is that one store,
 * and the order between a worker and the control thread is visible here, not hidden in the library. A place is given
 * back to the hash only after a grace period: a worker that found it just before cannot meet another SA there. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#define LOOKUP_MAX 64

/* The library writes keys and orders that write itself, but it is not instrumented, so ThreadSanitizer would see these
 * reads as racing with it. A place is not reused while anyone may compare against its key. */
__attribute__((no_sanitize("thread"))) static int
compare_keys(const void *a, const void *b, size_t bytes)
{
	typedef uint64_t unaligned_u64 __attribute__((aligned(4), may_alias));
	const unaligned_u64 *x = a, *y = b;
	(void)bytes; /* struct sadb_sa_key: three words */
	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2])) != 0;
}

int
sadb_sad_init(struct sadb *db)
{
	char name[RTE_HASH_NAMESIZE];
	/* Twice the SAs: a full set can be exchanged while the old one waits for its grace period. */
	uint32_t positions = 2 * db->config.max_sas + 64;
	snprintf(name, sizeof(name), "sadb_%p", (void *)db);
	const struct rte_hash_parameters params = {
	    .name = name,
	    .entries = positions,
	    .key_len = sizeof(struct sadb_sa_key),
	    .hash_func = rte_jhash,
	    .hash_func_init_val = db->seed,
	    .socket_id = SOCKET_ID_ANY,
	    .extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_NO_FREE_ON_DEL |
			  RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	db->sad = rte_hash_create(&params);
	if (db->sad == NULL)
		return -ENOMEM;
	db->hot = rte_zmalloc("sadb_hot", positions * sizeof(*db->hot), RTE_CACHE_LINE_SIZE);
	db->cold = calloc(positions, sizeof(*db->cold));
	if (db->hot == NULL || db->cold == NULL)
		return -ENOMEM;
	rte_hash_set_cmp_func(db->sad, compare_keys);
	db->positions = positions;
	return 0;
}

void
sadb_sad_fini(struct sadb *db)
{
	free(db->cold);
	rte_free(db->hot);
	rte_hash_free(db->sad);
}

int
sadb_sad_insert(struct sadb *db, struct sadb_sa_cold *cold, struct sadb_error *err)
{
	struct sadb_sa_key key = sadb_cold_key(cold);
	if (db->sa_count >= db->config.max_sas)
		return sadb_fail(err, -ENOSPC, 0, "the table is full: max_sas is %u", db->config.max_sas);
	int position = rte_hash_add_key(db->sad, &key);
	if (position < 0) {
		sadb_reclaim(db); /* places that wait for their grace period */
		position = rte_hash_add_key(db->sad, &key);
	}
	if (position < 0)
		return sadb_fail(err, -ENOSPC, 0, "the table is full of deleted SAs that a worker still holds");
	cold->slot = (uint32_t)position;
	db->sa_count++;
	return 0;
}

void
sadb_sad_place(struct sadb *db, struct sadb_sa_cold *cold)
{
	db->cold[cold->slot] = cold;
}

void
sadb_sad_show(struct sadb *db, struct sadb_sa_cold *cold)
{
	sadb_sad_place(db, cold);
	/* Release pairs with the acquire in sadb_sa_lookup(). */
	__atomic_store_n(&db->hot[cold->slot], cold->hot, __ATOMIC_RELEASE);
}

void
sadb_sad_hide(struct sadb *db, struct sadb_sa_cold *cold)
{
	/* Release for symmetry only: NULL brings nothing with it. */
	__atomic_store_n(&db->hot[cold->slot], NULL, __ATOMIC_RELEASE);
}

static void
free_with_place(void *p)
{
	struct sadb_sa_cold *cold = p;
	rte_hash_free_key_with_position(sadb_own(cold)->db->sad, (int32_t)cold->slot);
	sadb_sa_free(cold);
}

void
sadb_sad_remove(struct sadb *db, struct sadb_sa_cold *cold)
{
	struct sadb_sa_key key = sadb_cold_key(cold);
	sadb_sad_hide(db, cold);
	db->cold[cold->slot] = NULL;
	rte_hash_del_key(db->sad, &key);
	db->sa_count--;
	sadb_retire_embedded(db, &sadb_own(cold)->note, cold, free_with_place);
}

struct sadb_sa_cold *
sadb_sad_find(const struct sadb *db, const struct sadb_sa_key *key)
{
	int position = rte_hash_lookup(db->sad, key);
	return position < 0 ? NULL : db->cold[position];
}

const struct sadb_sa_cold *
sadb_sa_find(const struct sadb *db, const struct sadb_sa_key *key)
{
	return sadb_sad_find(db, key);
}

const struct sadb_sa_cold *
sadb_sa_at(const struct sadb *db, uint32_t slot)
{
	for (; slot < db->positions; slot++)
		if (db->cold[slot] != NULL)
			return db->cold[slot];
	return NULL;
}

uint32_t
sadb_sa_count(const struct sadb *db)
{
	return db->sa_count;
}

void
sadb_sa_lookup(const struct sadb *db, const struct sadb_sa_key *const keys[], unsigned n, struct sadb_sa *out[])
{
	int32_t position[LOOKUP_MAX];

	if (n == 0)
		return;
	rte_hash_lookup_bulk(db->sad, (const void **)(uintptr_t)keys, n, position);
	/* Acquire pairs with the release in sadb_sad_show(). */
	for (unsigned i = 0; i < n; i++)
		out[i] = position[i] < 0 ? NULL : __atomic_load_n(&db->hot[position[i]], __ATOMIC_ACQUIRE);
}
