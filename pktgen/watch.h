/* SPDX-License-Identifier: BSD-3-Clause
 * How well the receiver watched its port. When the kernel keeps it off its CPU, or it is slower than what comes in, frames
 * wait in the port's ring, and when that is full they are lost: neither is the device's doing, and a result that did not
 * know would lay it at the device's door. One worker; the clock is the caller's. */
#ifndef PG_WATCH_H
#define PG_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define PG_WATCH_AWAY_US 200 /* from poll to poll: longer than an adaptive worker's sleep */

struct pg_watch {
	uint64_t hz;
	uint32_t ring, burst; /* frames: that the port's ring holds, that a full poll brings */

	uint64_t first, last; /* TSC of the first poll that brought frames, and of the latest poll */
	uint64_t frames;
	uint64_t full, partial; /* polls that brought all that one can, and others, as long as frames come */
	uint64_t since;         /* polls without a frame since the last one with */

	uint64_t longest, away; /* ticks from poll to poll, the longest, and all above PG_WATCH_AWAY_US */
	uint64_t overrun;       /* frames that came, as reckoned from their rate, when the ring may have been full */
};

void pg_watch_start(struct pg_watch *watch, uint64_t hz, uint32_t ring, uint32_t burst);
/* A poll at now brought n frames. */
void pg_watch_poll(struct pg_watch *watch, uint64_t now, uint32_t n);
/* Nearly every poll was full: frames came as fast as they were taken, or faster. */
bool pg_watch_saturated(const struct pg_watch *watch);

#endif
