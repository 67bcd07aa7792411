/* SPDX-License-Identifier: BSD-3-Clause
 * ThreadSanitizer in a test; see the header. */
#include "tests/unit/dataplane/told.h"

#ifdef DP_TOLD
#include <stdlib.h>

#include <rte_ethdev.h>

static unsigned races;

/* The sanitizer's run-time library calls it with each report. */
void __tsan_on_report(void *report);
void
__tsan_on_report(void *report)
{
	(void)report;
	__atomic_fetch_add(&races, 1, __ATOMIC_RELAXED);
}

bool
told_watched(void)
{
	return true;
}

unsigned
told_races(void)
{
	return __atomic_load_n(&races, __ATOMIC_RELAXED);
}

/* Called around the driver's functions, in the worker that polls. */
static uint16_t
on_receive(uint16_t ethdev, uint16_t queue, struct rte_mbuf *frames[], uint16_t n, uint16_t max, void *arg)
{
	(void)ethdev;
	(void)queue;
	(void)max;
	(void)arg;
	for (unsigned i = 0; i < n; i++)
		dp_told_take(frames[i]);
	return n;
}

void
told_device(uint16_t ethdev, uint16_t queues)
{
	for (uint16_t q = 0; q < queues; q++)
		if (rte_eth_add_rx_callback(ethdev, q, on_receive, NULL) == NULL)
			abort();
}

#else

bool
told_watched(void)
{
	return false;
}

unsigned
told_races(void)
{
	return 0;
}

void
told_device(uint16_t ethdev, uint16_t queues)
{
	(void)ethdev;
	(void)queues;
}

#endif
