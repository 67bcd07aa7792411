/* SPDX-License-Identifier: BSD-3-Clause
 * How well the receiver watched its port. One worker; the clock is the caller's. */
#include "pktgen/watch.h"

#define RINGS_SEEN    4   /* frames needed before polls say anything, in rings */
#define PARTIAL_SHARE 100 /* one poll in so many that is not full shows that the receiver caught up */

void
pg_watch_start(struct pg_watch *watch, uint64_t hz, uint32_t ring, uint32_t burst)
{
	*watch = (struct pg_watch){.hz = hz, .ring = ring, .burst = burst};
}

/* A gap that ended with frames there: they waited, or were lost when the ring had no room. Frames seldom come evenly: half
 * a ring of them on average may fill it. */
static void
note_gap(struct pg_watch *watch, uint64_t gap)
{
	/* The first frames come in a clump that says nothing of their rate. */
	const uint64_t least = watch->hz / 1000, so_far = watch->last - watch->first;
	const uint64_t expected =
	    (uint64_t)((unsigned __int128)watch->frames * gap / (so_far > least ? so_far : least));

	if (gap > watch->longest)
		watch->longest = gap;
	if (gap <= watch->hz / 1000000 * PG_WATCH_AWAY_US)
		return;
	watch->away += gap;
	watch->overrun += expected > watch->ring / 2 ? expected : 0;
}

void
pg_watch_poll(struct pg_watch *watch, uint64_t now, uint32_t n)
{
	if (n == 0) {
		watch->since++;
	} else if (watch->frames == 0) {
		watch->first = now;
		watch->since = 0;
	} else {
		note_gap(watch, now - watch->last);
		watch->partial += watch->since + (n < watch->burst);
		watch->full += n == watch->burst;
		watch->since = 0;
	}
	watch->frames += n;
	watch->last = now;
}

bool
pg_watch_saturated(const struct pg_watch *watch)
{
	return watch->frames > (uint64_t)RINGS_SEEN * watch->ring && watch->partial * PARTIAL_SHARE < watch->full;
}
