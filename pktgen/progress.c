/* SPDX-License-Identifier: BSD-3-Clause
 * The live line of a trial. Main thread. */
#include "pktgen/progress.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_NS 500000000

static uint64_t
now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void
pg_progress_init(struct pg_progress *progress, bool quiet)
{
	*progress = (struct pg_progress){.out = !quiet && isatty(STDERR_FILENO) ? stderr : NULL};
}

void
pg_progress_start(struct pg_progress *progress, const char *label)
{
	snprintf(progress->label, sizeof(progress->label), "%s", label);
	progress->start_ns = progress->last_ns = now_ns();
	progress->last_sent = progress->last_received = 0;
}

void
pg_progress_update(struct pg_progress *progress, uint64_t sent, uint64_t received)
{
	const uint64_t now = now_ns(), passed = now - progress->last_ns;
	if (progress->out == NULL || passed < INTERVAL_NS)
		return;
	fprintf(progress->out, "\r\033[K%s  %5.1f s  sent %.4f Mpps  received %.4f Mpps  missing or under way %" PRIu64,
		progress->label, (double)(now - progress->start_ns) / 1e9,
		(double)(sent - progress->last_sent) * 1e3 / (double)passed,
		(double)(received - progress->last_received) * 1e3 / (double)passed,
		sent > received ? sent - received : 0);
	fflush(progress->out);
	progress->shown = true;
	progress->last_ns = now;
	progress->last_sent = sent;
	progress->last_received = received;
}

void
pg_progress_end(struct pg_progress *progress)
{
	if (!progress->shown)
		return;
	fputs("\r\033[K", progress->out);
	fflush(progress->out);
	progress->shown = false;
}
