/* SPDX-License-Identifier: BSD-3-Clause
 * Sequence marks: which numbers each key may have used, in memory and on disk, so that no nonce comes twice: not after a
 * delete and a new add of the same key, not after a restart or a crash, not after a failed write. Control thread. Whether
 * a key is ours to seal with at all: direction.c.
 *
 * A living SA's numbers are open up to out_limit, and out_limit is never above what the disk holds: more are reserved on
 * disk first, then out_limit is raised. A dead SA's mark says out_limit until the grace period has passed, because a
 * worker may still take numbers up to it; then the last number taken is exact, and goes to the disk in its place. A crash
 * in between forfeits what was reserved and not used: the next SA of this key starts above.
 *
 * How much is reserved at once. A worker must never stand still for the disk: at 10 million packets a second, and a
 * quarter of the SAs looked at in each of ten ticks a second, 2^24 numbers with a raise at the half leave 0.8 s for what
 * takes 0.4 s. It costs 1/256 of the 2^32 numbers of an SA without ESN for each crash. With ESN there are numbers enough,
 * but a receiver finds the high half from the distance (RFC 4303 A2.2): all jumps together that it sees none of the
 * packets between must stay below 2^32. 2^26 allow 63 crashes in a row without one packet arriving.
 *
 * Marks of dead keys stay on disk for ever, about 100 bytes each. No age makes one safe to drop: a key given by hand
 * comes back after years. Dropping all of them by removing the file is safe only when no key ever used will be again. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_prefetch.h>

#define CHUNK     (UINT64_C(1) << 24)
#define CHUNK_ESN (UINT64_C(1) << 26)

#define OUT_LOOK_MIN  4096 /* places looked at in a tick, at least; or a quarter of all */
#define IN_SAVE_TICKS 100  /* received numbers of an SA go to disk about every ten seconds */

static struct sadb_mark *
find(const struct sadb *db, const uint8_t key_id[SADB_KEY_ID_BYTES], uint32_t hash)
{
	for (struct sadb_link *link = sadb_map_first(&db->marks, hash); link != NULL; link = sadb_map_next(link)) {
		struct sadb_mark *mark = sadb_entry(link, struct sadb_mark, link);
		if (memcmp(mark->key_id, key_id, SADB_KEY_ID_BYTES) == 0)
			return mark;
	}
	return NULL;
}

int
sadb_mark_get(struct sadb *db, const uint8_t key_id[SADB_KEY_ID_BYTES], struct sadb_mark **out, struct sadb_error *err)
{
	uint32_t hash = sadb_hash(db, key_id, SADB_KEY_ID_BYTES);
	*out = find(db, key_id, hash);
	if (*out != NULL)
		return 0;

	struct sadb_store_mark known = {0};
	if (db->store != NULL) {
		int rc = sadb_store_get(db->store, key_id, &known, err);
		if (rc != 0 && rc != -ENOENT)
			return rc;
	}
	struct sadb_mark *mark = calloc(1, sizeof(*mark));
	if (mark == NULL)
		return sadb_fail(err, -ENOMEM, 0, "out of memory for a sequence mark");
	memcpy(mark->key_id, key_id, SADB_KEY_ID_BYTES);
	mark->inbound = known.out == SADB_NO_NUMBERS;
	mark->bound = mark->inbound ? 0 : known.out;
	mark->in_seq = known.in_seq;
	sadb_map_add(&db->marks, &mark->link, hash);
	*out = mark;
	return 0;
}

int
sadb_mark_known(const struct sadb *db, const uint8_t key_id[SADB_KEY_ID_BYTES], struct sadb_error *err)
{
	struct sadb_store_mark on_disk;

	if (find(db, key_id, sadb_hash(db, key_id, SADB_KEY_ID_BYTES)) != NULL)
		return 0;
	return db->store != NULL ? sadb_store_get(db->store, key_id, &on_disk, err) : -ENOENT;
}

/* In memory only what the disk does not say yet, or what lives. Without a store, memory is all there is. */
void
sadb_mark_put(struct sadb *db, struct sadb_mark *mark)
{
	bool known_elsewhere = db->store != NULL || (mark->bound == 0 && !sadb_mark_inbound(mark));
	if (mark->lineages > 0 || mark->dirty || !known_elsewhere)
		return;
	sadb_map_del(&db->marks, &mark->link);
	free(mark);
}

void
sadb_mark_dirty(struct sadb *db, struct sadb_mark *mark)
{
	if (mark->dirty)
		return;
	mark->dirty = true;
	mark->next_dirty = db->dirty;
	db->dirty = mark;
}

void
sadb_mark_reserve(struct sadb *db, struct sadb_mark *mark)
{
	const struct sadb_sa_config *config = &mark->live->config;
	const struct sadb_sa_mut *mut = mark->live->hot->mut;
	/* Relaxed: workers only add, and an older value reserves a little less. */
	uint64_t used = __atomic_load_n(&mut->out_seq, __ATOMIC_RELAXED);
	uint64_t max = sadb_out_max(config);
	uint64_t chunk = config->flags & SADB_SA_ESN ? CHUNK_ESN : CHUNK;
	uint64_t want = used < max && max - used > chunk ? used + chunk : max;
	mark->want = want > mark->bound ? want : mark->bound;
	sadb_mark_dirty(db, mark);
}

/* What the mark would be worth on disk now. */
static struct sadb_store_mark
worth(const struct sadb_mark *mark)
{
	uint64_t out = mark->live != NULL ? mark->want : mark->bound;
	return (struct sadb_store_mark){.out = sadb_mark_inbound(mark) ? SADB_NO_NUMBERS : out, .in_seq = mark->in_seq};
}

static int
write_dirty(struct sadb *db, struct sadb_error *err)
{
	if (db->store == NULL)
		return 0;
	int rc = sadb_store_begin(db->store, err);
	for (struct sadb_mark *mark = db->dirty; mark != NULL && rc == 0; mark = mark->next_dirty) {
		struct sadb_store_mark on_disk = worth(mark);
		rc = sadb_store_put(db->store, mark->key_id, &on_disk, err);
	}
	return rc == 0 ? sadb_store_commit(db->store, err) : rc;
}

static void
open_numbers(struct sadb_mark *mark)
{
	const struct sadb_sa_cold *cold = mark->live;
	uint64_t max = sadb_out_max(&cold->config);
	mark->bound = mark->want;
	/* Release pairs with the acquire in sadb_sa_seq_take(). */
	__atomic_store_n(&cold->hot->mut->out_limit, mark->bound < max ? mark->bound : max, __ATOMIC_RELEASE);
}

/* The mark is on disk: its SA may be used as far as it says. */
static void
open_sa(struct sadb *db, struct sadb_mark *mark)
{
	struct sadb_sa_cold *cold = mark->live;
	struct sadb_sa_own *own = sadb_own(cold);

	if (cold->config.dir != SADB_DIR_IN)
		open_numbers(mark);
	if (!own->armed) {
		own->armed = true;
		sadb_resolve_sa(cold);
	}
	if (!own->shown) {
		own->shown = true;
		cold->hot->dir = SADB_DIR_IN; /* it may have turned inbound; no worker finds it yet, so it may change */
		sadb_sad_show(db, cold);
	}
}

int
sadb_marks_flush(struct sadb *db, struct sadb_error *err)
{
	if (db->dirty == NULL)
		return 0;
	int rc = write_dirty(db, err);
	if (rc != 0)
		return rc;

	struct sadb_mark *next;
	struct sadb_mark *mark = db->dirty;
	db->dirty = NULL;
	for (; mark != NULL; mark = next) {
		next = mark->next_dirty;
		mark->dirty = false;
		if (mark->live != NULL)
			open_sa(db, mark);
		sadb_mark_put(db, mark);
	}
	return 0;
}

void
sadb_marks_give_up(struct sadb *db)
{
	/* Removing an SA leaves its mark in the list: what it says still has to be written. */
	for (struct sadb_mark *mark = db->dirty; mark != NULL; mark = mark->next_dirty)
		if (mark->live != NULL && !sadb_own(mark->live)->armed)
			sadb_sa_remove(db, mark->live);
}

void
sadb_marks_fini(struct sadb *db)
{
	struct sadb_link *link;
	while ((link = sadb_map_any(&db->marks)) != NULL) {
		sadb_map_del(&db->marks, link);
		free(sadb_entry(link, struct sadb_mark, link));
	}
	sadb_map_fini(&db->marks);
}

static void
raise_if_low(struct sadb *db, struct sadb_sa_cold *cold)
{
	if (cold->larval || cold->config.dir == SADB_DIR_IN)
		return;
	const struct sadb_sa_mut *mut = cold->hot->mut;
	uint64_t used = __atomic_load_n(&mut->out_seq, __ATOMIC_RELAXED); /* an estimate is enough */
	uint64_t chunk = cold->config.flags & SADB_SA_ESN ? CHUNK_ESN : CHUNK;
	uint64_t max = sadb_out_max(&cold->config);
	/* Only this thread writes out_limit. */
	uint64_t limit = mut->out_limit;
	if (limit < max && (used >= limit || limit - used < chunk / 2))
		sadb_mark_reserve(db, sadb_own(cold)->lineage->mark);
	if (used >= max - max / 16)
		sadb_numbers_low(db, cold, used >= max);
}

static void
save_received(struct sadb *db, struct sadb_sa_cold *cold)
{
	if (cold->larval || cold->hot->replay == NULL)
		return;
	struct sadb_mark *mark = sadb_own(cold)->lineage->mark;
	uint64_t top = sadb_replay_top(cold->hot->replay);
	if (top > mark->in_seq) {
		mark->in_seq = top;
		if (!mark->dirty)
			mark->want = mark->bound;
		sadb_mark_dirty(db, mark);
	}
}

static struct sadb_lineage *
lineage_of(uintptr_t watched)
{
	return (struct sadb_lineage *)(watched & ~(uintptr_t)SADB_WATCH_BITS);
}

/* Is it worth a close look? Nearly no SA is, so this reads the one line that walk() has fetched. */
static bool
maybe_low(uintptr_t watched)
{
	const struct sadb_sa_mut *mut = &lineage_of(watched)->mut;
	bool esn = (watched & SADB_WATCH_ESN) != 0;
	uint64_t used = __atomic_load_n(&mut->out_seq, __ATOMIC_RELAXED); /* an estimate is enough */
	return !(watched & SADB_WATCH_IN) &&
	       (used >= mut->out_limit || mut->out_limit - used < (esn ? CHUNK_ESN : CHUNK) / 2 ||
		(!esn && used >= UINT32_MAX - UINT32_MAX / 16));
}

static bool
maybe_received(uintptr_t watched)
{
	return (watched & SADB_WATCH_WINDOW) &&
	       sadb_replay_top((struct sadb_replay *)(void *)lineage_of(watched)->replay) > 0;
}

struct look {
	size_t line; /* of the lineage, that maybe() reads */
	bool (*maybe)(uintptr_t watched);
	void (*look)(struct sadb *db, struct sadb_sa_cold *cold);
};
static const struct look look_out = {offsetof(struct sadb_lineage, mut), maybe_low, raise_if_low};
static const struct look look_in = {offsetof(struct sadb_lineage, replay) + offsetof(struct sadb_replay, top),
				    maybe_received, save_received};

#define AHEAD 16 /* SAs whose lines are under way from memory */

/* Looks at the next SAs in turn, at most this many places; returns where to go on. */
static uint32_t
walk(struct sadb *db, uint32_t cursor, uint32_t places, const struct look *look)
{
	for (uint32_t i = 0; i < places && i < db->positions; i++) {
		cursor = cursor + 1 < db->positions ? cursor + 1 : 0;
		if (cursor + AHEAD < db->positions)
			rte_prefetch0((const char *)lineage_of(db->watch[cursor + AHEAD]) + look->line);
		if (db->watch[cursor] != 0 && look->maybe(db->watch[cursor]))
			look->look(db, db->cold[cursor]);
	}
	return cursor;
}

void
sadb_marks_tick(struct sadb *db)
{
	uint32_t places = db->positions / 4 + 1;
	db->out_cursor = walk(db, db->out_cursor, places > OUT_LOOK_MIN ? places : OUT_LOOK_MIN, &look_out);
	db->in_cursor = walk(db, db->in_cursor, db->positions / IN_SAVE_TICKS + 1, &look_in);
	if (db->dirty == NULL && db->store != NULL)
		sadb_store_tidy(db->store, NULL);
	sadb_marks_flush(db, NULL); /* what fails stays in the list: sadb_commit() tells, the next tick tries again */
}
