/* SPDX-License-Identifier: BSD-3-Clause
 * Limits in seconds, and what is done when any limit has passed (RFC 4301 4.4.2.1). Control thread. Limits in bytes and
 * packets are the workers', in sadb_sa_use().
 *
 * A binary heap by deadline: a tick looks at what is due only. Seconds are CLOCK_REALTIME, as the times of XFRM are; a
 * step of the clock moves the limits with it, as in the kernel. */
#include "sa-db/sadb_private.h"

#include <errno.h>

int
sadb_heap_init(struct sadb *db)
{
	db->heap.entry = sadb_pages_map(db->config.max_sas * sizeof(*db->heap.entry));
	return db->heap.entry != NULL ? 0 : -ENOMEM;
}

void
sadb_heap_fini(struct sadb *db)
{
	sadb_pages_unmap(db->heap.entry, db->config.max_sas * sizeof(*db->heap.entry));
}

static void
heap_put(struct sadb_heap *heap, uint32_t at, struct sadb_sa_cold *cold)
{
	heap->entry[at] = cold;
	sadb_own(cold)->heap_index = at;
}

static void
heap_up(struct sadb_heap *heap, uint32_t at)
{
	struct sadb_sa_cold *cold = heap->entry[at];
	for (; at > 0; at = (at - 1) / 2) {
		struct sadb_sa_cold *parent = heap->entry[(at - 1) / 2];
		if (sadb_own(parent)->deadline_s <= sadb_own(cold)->deadline_s)
			break;
		heap_put(heap, at, parent);
	}
	heap_put(heap, at, cold);
}

static void
heap_down(struct sadb_heap *heap, uint32_t at)
{
	struct sadb_sa_cold *cold = heap->entry[at];
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    sadb_own(heap->entry[child + 1])->deadline_s < sadb_own(heap->entry[child])->deadline_s)
			child++;
		if (sadb_own(cold)->deadline_s <= sadb_own(heap->entry[child])->deadline_s)
			break;
		heap_put(heap, at, heap->entry[child]);
		at = child;
	}
	heap_put(heap, at, cold);
}

void
sadb_heap_remove(struct sadb *db, struct sadb_sa_cold *cold)
{
	struct sadb_heap *heap = &db->heap;
	uint32_t at = sadb_own(cold)->heap_index;
	if (at == SADB_NO_HEAP)
		return;
	sadb_own(cold)->heap_index = SADB_NO_HEAP;
	struct sadb_sa_cold *last = heap->entry[--heap->count];
	if (last == cold)
		return;
	heap_put(heap, at, last);
	heap_up(heap, at);
	heap_down(heap, sadb_own(last)->heap_index);
}

static void
earlier(uint64_t *deadline, uint64_t since, uint64_t limit_s)
{
	if (limit_s != 0 && limit_s < UINT64_MAX - since && since + limit_s < *deadline)
		*deadline = since + limit_s;
}

/* When this limit, soft or hard, comes: UINT64_MAX for never. */
static uint64_t
limit_time(const struct sadb_sa_cold *cold, enum sadb_expire_kind kind)
{
	const struct sadb_lifetime *life = &cold->config.life;
	uint64_t when = UINT64_MAX;

	if (cold->larval) {
		if (kind == SADB_EXPIRE_HARD)
			earlier(&when, cold->add_time_s, SADB_LARVAL_S);
		return when;
	}
	/* Relaxed: a first use of this moment is seen a second later. */
	uint64_t used = __atomic_load_n(&cold->hot->mut->first_use_s, __ATOMIC_RELAXED);
	bool soft = kind == SADB_EXPIRE_SOFT;
	earlier(&when, cold->add_time_s, soft ? life->soft_add_s : life->hard_add_s);
	if (used != 0)
		earlier(&when, used, soft ? life->soft_use_s : life->hard_use_s);
	return when;
}

static bool
soft_was_reported(const struct sadb_sa_cold *cold)
{
	return !cold->larval && (__atomic_load_n(&cold->hot->mut->state, __ATOMIC_RELAXED) & SADB_SA_SOFT) != 0;
}

/* An SA with limits since its first use, but unused, is looked at again each second. */
static bool
awaits_use(const struct sadb_sa_cold *cold)
{
	const struct sadb_lifetime *life = &cold->config.life;
	return !cold->larval && (life->soft_use_s != 0 || life->hard_use_s != 0) &&
	       __atomic_load_n(&cold->hot->mut->first_use_s, __ATOMIC_RELAXED) == 0;
}

void
sadb_heap_update(struct sadb *db, struct sadb_sa_cold *cold, uint64_t now_s)
{
	struct sadb_heap *heap = &db->heap;
	uint64_t deadline = limit_time(cold, SADB_EXPIRE_HARD);
	if (!soft_was_reported(cold) && limit_time(cold, SADB_EXPIRE_SOFT) < deadline)
		deadline = limit_time(cold, SADB_EXPIRE_SOFT);
	if (awaits_use(cold))
		earlier(&deadline, now_s, 1);

	sadb_heap_remove(db, cold);
	if (deadline == UINT64_MAX)
		return;
	sadb_own(cold)->deadline_s = deadline;
	heap_put(heap, heap->count++, cold);
	if (heap->most < heap->count)
		heap->most = heap->count;
	heap_up(heap, heap->count - 1);
}

/* fn may change the database: is it the same SA still? Its age tells; its address may have been given to another. */
static bool
still_there(const struct sadb *db, const struct sadb_sa_key *key, uint64_t age)
{
	const struct sadb_sa_cold *cold = sadb_sad_find(db, key);
	return cold != NULL && sadb_own(cold)->age == age;
}

static void
expire(struct sadb *db, struct sadb_sa_cold *cold, enum sadb_expire_kind kind, sadb_expire_fn fn, void *arg)
{
	struct sadb_sa_key key = sadb_cold_key(cold);
	uint64_t age = sadb_own(cold)->age;
	/* Relaxed: workers that see HARD late are stopped by the grace period at the latest. */
	if (!cold->larval && kind == SADB_EXPIRE_HARD)
		__atomic_fetch_or(&cold->hot->mut->state, SADB_SA_HARD, __ATOMIC_RELAXED);
	if (fn != NULL)
		fn(arg, cold, kind);
	if (kind == SADB_EXPIRE_HARD && still_there(db, &key, age))
		sadb_sa_remove(db, sadb_sad_find(db, &key));
}

int
sadb_sa_expire(struct sadb *db, const struct sadb_sa_key *key, enum sadb_expire_kind kind, sadb_expire_fn fn, void *arg)
{
	struct sadb_sa_cold *cold = sadb_sad_find(db, key);
	uint32_t bit = kind == SADB_EXPIRE_HARD ? SADB_SA_HARD : SADB_SA_SOFT;
	/* The worker set the bit before it reported. Without it the report is of an SA that was here before this one.
	 * Relaxed: the report came through a ring, which orders. */
	if (cold == NULL || cold->larval || !(__atomic_load_n(&cold->hot->mut->state, __ATOMIC_RELAXED) & bit))
		return -ESRCH;
	expire(db, cold, kind, fn, arg);
	return 0;
}

/* True for one caller in the life of the SA, be it a worker in sadb_sa_use() or this thread. Larval SAs have no soft
 * limit. */
static bool
claim_soft(const struct sadb_sa_cold *cold)
{
	/* Relaxed: the bit alone decides. */
	uint32_t before = __atomic_fetch_or(&cold->hot->mut->state, SADB_SA_SOFT, __ATOMIC_RELAXED);
	return (before & SADB_SA_SOFT) == 0;
}

int
sadb_sa_expire_asked(struct sadb *db, const struct sadb_sa_key *key, enum sadb_expire_kind kind, sadb_expire_fn fn,
		     void *arg)
{
	struct sadb_sa_cold *cold = sadb_sad_find(db, key);
	if (cold == NULL)
		return -ESRCH;
	if (cold->larval)
		return -EINVAL;
	if (kind == SADB_EXPIRE_SOFT)
		claim_soft(cold);
	expire(db, cold, kind, fn, arg);
	return 0;
}

static void
due(struct sadb *db, struct sadb_sa_cold *cold, uint64_t now_s, sadb_expire_fn fn, void *arg)
{
	struct sadb_sa_key key = sadb_cold_key(cold);
	uint64_t age = sadb_own(cold)->age;
	if (limit_time(cold, SADB_EXPIRE_HARD) <= now_s) {
		expire(db, cold, SADB_EXPIRE_HARD, fn, arg);
		return;
	}
	if (limit_time(cold, SADB_EXPIRE_SOFT) <= now_s && claim_soft(cold) && fn != NULL)
		fn(arg, cold, SADB_EXPIRE_SOFT);
	if (still_there(db, &key, age))
		sadb_heap_update(db, sadb_sad_find(db, &key), now_s);
}

void
sadb_numbers_low(struct sadb *db, struct sadb_sa_cold *cold, bool spent)
{
	if (spent) {
		expire(db, cold, SADB_EXPIRE_HARD, db->tick_fn, db->tick_arg);
	} else if (!sadb_own(cold)->numbers_low) {
		sadb_own(cold)->numbers_low = true;
		claim_soft(cold);
		if (db->tick_fn != NULL)
			db->tick_fn(db->tick_arg, cold, SADB_EXPIRE_SOFT);
	}
}

void
sadb_tick(struct sadb *db, uint64_t now_s, sadb_expire_fn fn, void *arg)
{
	db->tick_fn = fn;
	db->tick_arg = arg;
	while (db->heap.count > 0 && sadb_own(db->heap.entry[0])->deadline_s <= now_s)
		due(db, db->heap.entry[0], now_s, fn, arg);
	sadb_keeps_tick(db, now_s);
	sadb_marks_tick(db);
	db->tick_fn = NULL;
}
