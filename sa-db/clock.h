/* SPDX-License-Identifier: BSD-3-Clause
 * The clock of lifetimes. It tells the time of day, as the kernel's add_time does, but goes on evenly when somebody sets the
 * machine's clock: an hour forward ends no SA early, an hour back gives no key an hour more. Any thread. */
#ifndef SADB_CLOCK_H
#define SADB_CLOCK_H

#include <stdint.h>

/* Seconds since 1970 as the machine's clock counted them when this process first asked, and CLOCK_BOOTTIME's since. */
uint64_t sadb_now_s(void);

/* By how many seconds the machine's clock has been set forward since then; negative: back. */
int64_t sadb_clock_ahead_s(void);

/* A time moved by so much: by sadb_clock_ahead_s() for what is told to others, who compare it with the machine's clock, by
 * its negative for what they tell. 0 is never, and stays. */
static inline uint64_t
sadb_time_moved(uint64_t time_s, int64_t by_s)
{
	if (time_s == 0)
		return 0;
	return by_s < 0 && (uint64_t)-by_s >= time_s ? 1 : time_s + (uint64_t)by_s;
}

#endif
