/* SPDX-License-Identifier: BSD-3-Clause
 * The learning frames of RFC 2544 23. Main thread; no worker runs. */
#include "pktgen/learn.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "pktgen/interrupt.h"
#include "pktgen/rig.h"

#define WINDOW   32 /* frames under way: fewer than any router holds for one neighbour (Linux 101, RFC 1122 at least 1) */
#define PAUSE_MS 100 /* without an arrival: what is under way is lost, or waits for ARP */
#define QUIET_MS 5   /* without an arrival after the last: no copy of a frame is on its way */
#define REST_NS  50000

struct learner {
	struct pg_rig *rig;
	struct pg_learning *out;
	uint64_t deadline, last; /* TSC; of the latest arrival or send after a pause */
	uint32_t run, step;      /* step: from the flow of one destination to that of the next */
	uint32_t under_way;
};

static uint64_t
ticks(uint64_t ms)
{
	return rte_get_tsc_hz() / 1000 * ms;
}

/* Sources vary fastest, see pg_flow_at(). */
static void
count_destinations(struct learner *l)
{
	const struct pg_flow_spec *flows = &l->rig->scenario->flows;
	const uint64_t most = (flows->count + flows->source.count - 1) / flows->source.count;

	l->step = flows->source.count;
	l->out->destinations = most < flows->destination.count ? (uint32_t)most : flows->destination.count;
}

static void
send_to(struct learner *l, uint32_t destination)
{
	struct pg_rig *rig = l->rig;
	const struct pg_frame_id id = {.run = l->run, .flow = destination * l->step, .stamp = rte_rdtsc()};
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig->tx_port.pool);

	if (m == NULL)
		return;
	pg_frame_build(&rig->format, &id, PG_FRAME_MIN, (uint8_t *)rte_pktmbuf_append(m, PG_FRAME_MIN));
	if (rte_eth_tx_burst(rig->tx_port.id, 0, &m, 1) == 0) {
		rte_pktmbuf_free(m);
		return;
	}
	l->out->sent++;
	l->under_way++;
}

static void
look(struct learner *l)
{
	const uint64_t *ours = &l->rig->rx.verdicts[PG_FRAME_OURS], before = *ours;

	pg_rig_look(l->rig);
	const uint64_t arrived = *ours - before;
	l->under_way -= arrived < l->under_way ? (uint32_t)arrived : l->under_way;
	if (arrived > 0)
		l->last = rte_rdtsc();
	else
		nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
}

/* Looks until there are fewer than limit under way or nothing comes any more, which gives them up. */
static void
wait_below(struct learner *l, uint32_t limit)
{
	while (l->under_way >= limit && rte_rdtsc() - l->last < ticks(PAUSE_MS) && !pg_interrupted())
		look(l);
	if (l->under_way < limit)
		return;
	l->under_way = 0;
	l->last = rte_rdtsc();
}

/* One frame to each destination that none has reached yet. */
static void
round_of_frames(struct learner *l)
{
	for (uint32_t i = 0; i < l->out->destinations && rte_rdtsc() < l->deadline && !pg_interrupted(); i++) {
		if (pg_judge_received(l->rig->rx.judge, i * l->step) > 0)
			continue;
		if (l->under_way == 0)
			l->last = rte_rdtsc();
		send_to(l, i);
		wait_below(l, WINDOW);
	}
	wait_below(l, 1);
}

int
pg_learn(struct pg_rig *rig, struct pg_learning *out, struct pg_error *err)
{
	struct learner l = {.rig = rig, .out = out, .run = rig->run & PG_RUN_MASK};
	const uint64_t start = rte_rdtsc(), hz = rte_get_tsc_hz();

	memset(out, 0, sizeof(*out));
	if (rig->scenario->learn_ns == 0)
		return 0;
	l.deadline = start + (uint64_t)((unsigned __int128)rig->scenario->learn_ns * hz / 1000000000);
	count_destinations(&l);
	pg_rx_start(&rig->rx, l.run);
	while (rig->rx.received < out->destinations && rte_rdtsc() < l.deadline && !pg_interrupted())
		round_of_frames(&l);
	for (l.last = rte_rdtsc(); rte_rdtsc() - l.last < ticks(QUIET_MS) && !pg_interrupted();)
		look(&l);
	rig->run++;
	out->reached = (uint32_t)rig->rx.received;
	out->received = rig->rx.verdicts[PG_FRAME_OURS];
	out->took_ns = (uint64_t)((unsigned __int128)(rte_rdtsc() - start) * 1000000000 / hz);
	return pg_interrupted() ? pg_error_set(err, -EINTR, "interrupted while learning the path") : 0;
}
