/* SPDX-License-Identifier: BSD-3-Clause
 * Retiring what workers may still see: batches that wait for one grace period each (DPDK's QSBR). Control thread; the
 * workers' side is rte_rcu_qsbr_quiescent() on sadb_qsbr().
 *
 * The order that everything published keeps: build aside, one release store, retire the old. A worker that loaded the
 * old pointer has not reported quiescence since, so the token taken after the store waits for it. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

static void
list_clear(struct sadb_retire_list *list)
{
	list->first = NULL;
	list->end = &list->first;
	list->count = 0;
}

static void
list_append(struct sadb_retire_list *list, struct sadb_retired *note)
{
	note->next = NULL;
	*list->end = note;
	list->end = &note->next;
	list->count++;
}

static void
list_free(struct sadb_retire_list *list)
{
	struct sadb_retired *next;
	struct sadb_retired *note = list->first;
	list_clear(list); /* before the calls: they may retire more */
	for (; note != NULL; note = next) {
		next = note->next; /* the note may lie in what is freed */
		note->free_fn(note->p);
	}
}

int
sadb_publish_init(struct sadb_publish *publish, unsigned max_workers)
{
	list_clear(&publish->fresh);
	list_clear(&publish->waiting);
	size_t bytes = rte_rcu_qsbr_get_memsize(max_workers);
	publish->qsbr = rte_zmalloc("sadb_qsbr", bytes, RTE_CACHE_LINE_SIZE);
	if (publish->qsbr == NULL)
		return -ENOMEM;
	return rte_rcu_qsbr_init(publish->qsbr, max_workers) == 0 ? 0 : -EINVAL;
}

void
sadb_publish_fini(struct sadb_publish *publish)
{
	while (publish->waiting.count + publish->fresh.count > 0) {
		list_free(&publish->waiting);
		list_free(&publish->fresh);
	}
	rte_free(publish->qsbr);
	publish->qsbr = NULL;
}

struct rte_rcu_qsbr *
sadb_qsbr(struct sadb *db)
{
	return db->publish.qsbr;
}

void
sadb_retire_embedded(struct sadb *db, struct sadb_retired *note, void *p, void (*free_fn)(void *p))
{
	note->p = p;
	note->free_fn = free_fn;
	list_append(&db->publish.fresh, note);
}

/* A note of its own for what has no place for one. */
struct outside {
	struct sadb_retired note;
	void *p;
	void (*free_fn)(void *p);
};

static void
outside_free(void *p)
{
	struct outside *outside = p;
	outside->free_fn(outside->p);
	free(outside);
}

/* Release pairs with the acquire below: who sees the new number sees the table published before it. */
void
sadb_generation_raise(struct sadb *db)
{
	__atomic_store_n(&db->generation, db->generation + 1, __ATOMIC_RELEASE);
}

uint64_t
sadb_generation(const struct sadb *db)
{
	return __atomic_load_n(&db->generation, __ATOMIC_ACQUIRE);
}

void
sadb_retire(struct sadb *db, void *p, void (*free_fn)(void *p))
{
	if (p == NULL)
		return;
	struct outside *outside = malloc(sizeof(*outside));
	if (outside == NULL) {
		/* Rather wait for the workers than free under their hands. */
		rte_rcu_qsbr_synchronize(db->publish.qsbr, RTE_QSBR_THRID_INVALID);
		free_fn(p);
		return;
	}
	outside->p = p;
	outside->free_fn = free_fn;
	sadb_retire_embedded(db, &outside->note, outside, outside_free);
}

unsigned
sadb_reclaim(struct sadb *db)
{
	struct sadb_publish *publish = &db->publish;
	for (;;) {
		if (publish->waiting.count == 0) {
			if (publish->fresh.count == 0)
				return 0;
			publish->waiting = publish->fresh;
			list_clear(&publish->fresh);
			publish->token = rte_rcu_qsbr_start(publish->qsbr);
		}
		if (rte_rcu_qsbr_check(publish->qsbr, publish->token, false) != 1)
			return publish->waiting.count + publish->fresh.count;
		list_free(&publish->waiting);
	}
}

static uint64_t
monotonic_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

bool
sadb_grace_try(struct sadb *db, unsigned max_us)
{
	const struct timespec pause = {.tv_nsec = 20000};
	uint64_t end = monotonic_us() + max_us;
	while (sadb_reclaim(db) > 0) {
		if (monotonic_us() >= end)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}
