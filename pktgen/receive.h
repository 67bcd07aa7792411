/* SPDX-License-Identifier: BSD-3-Clause
 * The receiver: judges each frame that came in, notes its latency, and frees it. One worker; the clock is the caller's. */
#ifndef PG_RECEIVE_H
#define PG_RECEIVE_H

#include <stdint.h>

#include <rte_mbuf.h>

#include "pktgen/arp.h"
#include "pktgen/frame.h"
#include "pktgen/histogram.h"
#include "pktgen/judge.h"

#define PG_RX_BURST 64

struct pg_rx {
	/* Set by the caller before pg_rx_start(). */
	uint16_t port;
	const struct pg_frame_format *format;
	struct pg_judge *judge;
	struct pg_arp arp;
	uint16_t arp_queue; /* where ARP answers leave */
	bool arp_off;       /* the port has no transmit queue of the receiver's own */

	/* The worker's. */
	uint32_t run;
	uint64_t verdicts[PG_FRAME_VERDICTS];
	uint64_t received;             /* first copies; main reads it for the progress line */
	uint64_t received_bytes;       /* of those */
	uint64_t last;                 /* TSC when the last frame of this run came */
	struct pg_histogram latency;   /* of first copies, in TSC ticks */
	uint8_t scratch[PG_FRAME_MAX]; /* a frame that came in several pieces */
};

/* Begins a run: everything zero. Frames of other runs are stale from now on. */
void pg_rx_start(struct pg_rx *rx, uint32_t run);
/* Judges n frames that were there at now, and frees them. */
void pg_rx_take(struct pg_rx *rx, struct rte_mbuf **frames, unsigned n, uint64_t now);

#endif
