/* SPDX-License-Identifier: BSD-3-Clause
 * What a trial found. Plain data. */
#ifndef PG_RESULT_H
#define PG_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "pktgen/frame.h"
#include "pktgen/judge.h"
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
	uint64_t icmp;   /* messages that came back to the transmitter: the path said why it drops */
	uint32_t window; /* of the judge */
};

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

#endif
