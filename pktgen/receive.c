/* SPDX-License-Identifier: BSD-3-Clause
 * The receiver. One worker; the clock is the caller's. */
#include "pktgen/receive.h"

#include <string.h>

#include <rte_prefetch.h>

void
pg_rx_start(struct pg_rx *rx, uint32_t run)
{
	rx->run = run;
	memset(rx->verdicts, 0, sizeof(rx->verdicts));
	__atomic_store_n(&rx->received, 0, __ATOMIC_RELAXED); /* a figure for the eye, ordered with nothing */
	rx->received_bytes = 0;
	rx->last = 0;
	pg_histogram_reset(&rx->latency);
	pg_judge_reset(rx->judge);
}

/* The run's first whole frame after a warm-up's: what was spoilt before it was the warm-up's. */
static void
forget_warm_up(struct pg_rx *rx)
{
	const uint64_t stale = rx->verdicts[PG_FRAME_STALE];
	if (stale == 0)
		return;
	memset(rx->verdicts, 0, sizeof(rx->verdicts));
	rx->verdicts[PG_FRAME_STALE] = stale;
}

/* A whole frame of this run. */
static void
take_ours(struct pg_rx *rx, const struct pg_frame_id *id, uint32_t bytes, uint64_t now)
{
	const enum pg_arrival arrival = pg_judge_frame(rx->judge, id->flow, id->sequence);

	if (rx->verdicts[PG_FRAME_OURS] == 0)
		forget_warm_up(rx);
	rx->last = now;
	if (arrival == PG_ARRIVAL_DUPLICATE || arrival == PG_ARRIVAL_TOO_LATE)
		return;
	/* TSCs of two sockets may differ by a few ticks: never let that become an enormous latency. */
	pg_histogram_record(&rx->latency, now > id->stamp ? now - id->stamp : 0);
	rx->received_bytes += bytes;
	__atomic_store_n(&rx->received, rx->received + 1, __ATOMIC_RELAXED); /* as above */
}

/* Returns true when the frame was handed on as an ARP answer, and so is not to be freed here. */
static bool
take(struct pg_rx *rx, struct rte_mbuf *m, uint64_t now)
{
	const uint32_t bytes = rte_pktmbuf_pkt_len(m);
	struct pg_frame_id id;

	if (bytes > PG_FRAME_MAX) {
		rx->verdicts[PG_FRAME_FOREIGN]++;
		return false;
	}
	const uint8_t *frame = rte_pktmbuf_read(m, 0, bytes, rx->scratch);
	const enum pg_verdict verdict = pg_frame_check(rx->format, rx->run, frame, bytes, &id);
	if (verdict == PG_FRAME_OURS)
		take_ours(rx, &id, bytes, now);
	if (verdict == PG_FRAME_FOREIGN && !rx->arp_off && m->nb_segs == 1 &&
	    pg_arp_answer(&rx->arp, rte_pktmbuf_mtod(m, uint8_t *), bytes)) {
		pg_arp_send(m, rx->port, rx->arp_queue);
		return true;
	}
	rx->verdicts[verdict]++;
	return false;
}

void
pg_rx_take(struct pg_rx *rx, struct rte_mbuf **frames, unsigned n, uint64_t now)
{
	unsigned to_free = 0;

	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(frames[i], void *));
	for (unsigned i = 0; i < n; i++)
		if (!take(rx, frames[i], now))
			frames[to_free++] = frames[i];
	rte_pktmbuf_free_bulk(frames, to_free);
}
