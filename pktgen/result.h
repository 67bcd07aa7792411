/* SPDX-License-Identifier: BSD-3-Clause
 * What a trial found. Plain data. */
#ifndef PG_RESULT_H
#define PG_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "pktgen/frame.h"
#include "pktgen/judge.h"
#include "pktgen/learn.h"
#include "pktgen/mix.h"

/* Below this share of the asked rate the generator says that it could not keep it. */
#define PG_RATE_KEPT 0.99

struct pg_latency { /* of first copies, ns */
	uint64_t count, min, mean, p50, p90, p99, p999, max;
};

struct pg_result {
	char mix[PG_MIX_NAME];
	double mean_frame; /* bytes, of the mix */
	double seconds;    /* of sending, warm-up left out */
	double asked_pps;  /* 0: as fast as possible */
	double sent_pps, received_pps;
	double kept; /* share of the asked rate */
	bool interrupted;
	uint64_t sent_bytes, received_bytes;
	struct pg_judgement judgement;
	uint64_t verdicts[PG_FRAME_VERDICTS];
	struct pg_latency latency;
	/* Of the generator's own ports: what is lost there is not the device's doing. */
	uint64_t rx_missed, rx_no_buffers, tx_refused, tx_no_buffers, tx_errors;
	double rx_away; /* share of the time that the receiver was kept from its port */
	uint64_t rx_away_longest_ns;
	uint64_t rx_overrun; /* frames that came while it was away for so long that its ring may have been full */
	bool rx_saturated;   /* it never caught up with what came in */
	uint64_t icmp;       /* messages that came back to the transmitter: the path said why it drops */
	uint32_t window;     /* of the judge */
	struct pg_learning learning;
};

/* Below this share of the time that the receiver was away, only percentiles beyond p99.9 can tell. */
#define PG_AWAY_HARMLESS 0.001

static inline bool
pg_result_rate_kept(const struct pg_result *result)
{
	return result->kept >= PG_RATE_KEPT;
}

/* Share of the frames sent that did not come in. */
static inline double
pg_result_loss(const struct pg_result *result)
{
	const struct pg_flow_count *all = &result->judgement.all;
	return all->sent > 0 ? (double)all->lost / (double)all->sent : 0;
}

/* Frames of the lost that the generator itself may have lost, on its way out or in. */
static inline uint64_t
pg_result_own_loss(const struct pg_result *result)
{
	const uint64_t own = result->rx_missed + result->rx_no_buffers + result->rx_overrun + result->tx_errors;
	return result->rx_saturated || own > result->judgement.all.lost ? result->judgement.all.lost : own;
}

#endif
