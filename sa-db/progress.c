/* SPDX-License-Identifier: BSD-3-Clause
 * What someone else knows of an SA's past, taken over: counters, times and numbers. Control thread, while workers use
 * the SA. */
#include "sa-db/sadb_private.h"

#include <errno.h>

#include <linux/xfrm.h>

#define COMMIT_MAX 64

static int
check(const struct sadb_sa_cold *cold, const struct sadb_progress *progress, struct sadb_error *err)
{
	struct sadb_sa_config numbers = {.flags = cold->config.flags,
					 .out_seq = progress->has_out_seq ? progress->out_seq : 0,
					 .in_seq = progress->has_in_seq ? progress->in_seq : 0};
	uint64_t max = sadb_out_max(&numbers);
	uint16_t attr = numbers.flags & SADB_SA_ESN ? XFRMA_REPLAY_ESN_VAL : XFRMA_REPLAY_VAL;

	if (numbers.out_seq > max || numbers.in_seq > max)
		return sadb_fail(err, -EINVAL, attr, "sequence number past the last one this SA can have");
	return sadb_direction_numbers(cold->config.dir, &numbers, err);
}

static bool
was_seen(const struct sadb_progress *progress, uint64_t back)
{
	return back == 0 || back >= progress->seen_packets || (progress->seen[back / 32] & 1u << back % 32) != 0;
}

/* Whatever the bitmap does not reach counts as seen: our window may be wider than that of who tells.
 *
 * As if the packets came now, the oldest first: what is in the window already stays there, and a worker that receives one
 * of them at this moment and this thread cannot both win it. */
static void
see(struct sadb_replay *window, const struct sadb_progress *progress)
{
	enum sadb_replay_verdict verdict[COMMIT_MAX];
	uint64_t seq[COMMIT_MAX];
	uint64_t back = progress->seen_packets;
	unsigned n = 0;

	if (back < window->window_packets)
		back = window->window_packets;
	if (back > progress->in_seq)
		back = progress->in_seq;
	while (back-- > 0) {
		if (was_seen(progress, back))
			seq[n++] = progress->in_seq - back;
		if (n == COMMIT_MAX || (back == 0 && n > 0)) {
			sadb_replay_commit(window, seq, n, verdict);
			n = 0;
		}
	}
}

/* All relaxed: counters that order nothing; a batch that is counted at this moment may be lost or stay. */
static void
take_use(struct sadb *db, struct sadb_sa_cold *cold, const struct sadb_progress *progress)
{
	struct sadb_sa_mut *mut = cold->hot->mut;

	__atomic_store_n(&mut->bytes, progress->bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&mut->packets, progress->packets, __ATOMIC_RELAXED);
	const int64_t behind_s = -sadb_clock_ahead_s();
	if (progress->use_time_s != 0)
		__atomic_store_n(&mut->first_use_s, sadb_time_moved(progress->use_time_s, behind_s), __ATOMIC_RELAXED);
	if (progress->add_time_s != 0)
		cold->add_time_s = sadb_time_moved(progress->add_time_s, behind_s);
	sadb_heap_update(db, cold, sadb_now_s());
}

int
sadb_sa_progress(struct sadb *db, const struct sadb_sa_key *key, const struct sadb_progress *progress,
		 struct sadb_error *err)
{
	struct sadb_sa_cold *cold = sadb_sad_find(db, key);
	if (cold == NULL)
		return sadb_fail(err, -ESRCH, 0, "no SA with SPI %#x to this destination",
				 rte_be_to_cpu_32(key->spi_be));
	if (cold->larval)
		return sadb_fail(err, -EINVAL, 0, "this SA has no key yet, so it has no past either");
	int rc = check(cold, progress, err);
	if (rc != 0)
		return rc;
	if (progress->has_out_seq && cold->config.dir != SADB_DIR_IN)
		sadb_sequence_raise(db, sadb_own(cold)->lineage, progress->out_seq);
	if (progress->has_in_seq && cold->config.dir == SADB_DIR_IN && cold->hot->replay != NULL)
		see(cold->hot->replay, progress);
	if (progress->has_use)
		take_use(db, cold, progress);
	return 0;
}
