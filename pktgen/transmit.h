/* SPDX-License-Identifier: BSD-3-Clause
 * The transmitter: takes what the pacer allows, builds it, offers it to the port, and counts what the port took. Frames
 * go to the flows in turn. One worker; the clock is the caller's. */
#ifndef PG_TRANSMIT_H
#define PG_TRANSMIT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "pktgen/frame.h"
#include "pktgen/pace.h"

#define PG_TX_CHUNK 32 /* frames in one call of the driver */

struct pg_tx {
	/* Set by the caller before pg_tx_start(). */
	uint16_t port;
	struct rte_mempool *pool;
	const struct pg_frame_format *format;
	const struct pg_mix *mix;
	struct pg_load load;
	uint64_t burst; /* frames that may leave at once after a delay */

	/* The worker's. */
	struct pg_pacer pacer;
	uint32_t run, flow, sequence; /* of the next frame */
	unsigned size_at, size_skip;
	struct rte_mbuf *held[PG_TX_CHUNK]; /* built; the port has not taken them yet */
	uint16_t held_at, held_n;

	uint64_t sent; /* frames the port took; main reads it for the progress line */
	uint64_t sent_bytes;
	uint64_t refused;    /* times the port had no room for all it was offered */
	uint64_t no_buffers; /* times there was no buffer to build in */
};

/* Begins a run: flow 0, sequence 0, all counters zero. */
void pg_tx_start(struct pg_tx *tx, uint32_t run, uint64_t now, uint64_t hz);
/* Sends at most PG_TX_CHUNK of what is due. Returns the frames that the port took. */
unsigned pg_tx_poll(struct pg_tx *tx, uint64_t now);
/* Whether a frame that is due by now is still to be sent; without a rate none is ever due. */
bool pg_tx_owes(struct pg_tx *tx, uint64_t now);
/* Frees what the port did not take. */
void pg_tx_stop(struct pg_tx *tx);
/* Share of the asked rate that was kept from the start to now, 0 to 1 or a little more; 1 when none was asked. */
double pg_tx_kept(const struct pg_tx *tx, uint64_t now);

#endif
