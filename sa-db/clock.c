/* SPDX-License-Identifier: BSD-3-Clause
 * The clock of lifetimes: see the header. Any thread. */
#include "sa-db/clock.h"

#include <pthread.h>
#include <time.h>

#define NS 1000000000

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int64_t since_1970_ns; /* at CLOCK_BOOTTIME's zero; written once */

static int64_t
read_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * NS + now.tv_nsec;
}

static void
start(void)
{
	since_1970_ns = read_ns(CLOCK_REALTIME) - read_ns(CLOCK_BOOTTIME);
}

static int64_t
steady_ns(void)
{
	pthread_once(&once, start);
	return read_ns(CLOCK_BOOTTIME) + since_1970_ns;
}

uint64_t
sadb_now_s(void)
{
	return (uint64_t)(steady_ns() / NS);
}

/* In whole seconds, to the nearest: what it drifts by is none. */
int64_t
sadb_clock_ahead_s(void)
{
	const int64_t ahead_ns = read_ns(CLOCK_REALTIME) - steady_ns();
	return (ahead_ns + (ahead_ns < 0 ? -NS / 2 : NS / 2)) / NS;
}
