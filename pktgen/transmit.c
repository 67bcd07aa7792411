/* SPDX-License-Identifier: BSD-3-Clause
 * The transmitter. One worker; the clock is the caller's. */
#include "pktgen/transmit.h"

#include <rte_ethdev.h>

static uint64_t
units_of(const struct pg_tx *tx, uint16_t size)
{
	return tx->load.frame_units + (uint64_t)tx->load.byte_units * size;
}

void
pg_tx_start(struct pg_tx *tx, uint32_t run, uint64_t now, uint64_t hz)
{
	pg_pacer_start(&tx->pacer, now, hz, tx->load.units_per_s, tx->burst * units_of(tx, tx->mix->max));
	tx->run = run;
	tx->flow = 0;
	tx->sequence = 0;
	tx->size_at = 0;
	tx->size_skip = pg_mix_skip(tx->mix, tx->format->flow_count) % tx->mix->cycle;
	tx->held_at = 0;
	tx->held_n = 0;
	__atomic_store_n(&tx->sent, 0, __ATOMIC_RELAXED); /* a figure for the eye, ordered with nothing */
	tx->sent_bytes = 0;
	tx->refused = 0;
	tx->no_buffers = 0;
}

static void
wrap(unsigned *at, unsigned step, unsigned cycle)
{
	*at += step;
	if (*at >= cycle)
		*at -= cycle;
}

/* The next frame: its size, and whose it is. */
static uint16_t
next_frame(struct pg_tx *tx, struct pg_frame_id *id)
{
	const uint16_t size = tx->mix->size[tx->size_at];

	id->flow = tx->flow;
	id->sequence = tx->sequence;
	wrap(&tx->size_at, 1, tx->mix->cycle);
	if (++tx->flow == tx->format->flow_count) {
		tx->flow = 0;
		tx->sequence++;
		wrap(&tx->size_at, tx->size_skip, tx->mix->cycle);
	}
	return size;
}

/* Builds as many frames as there is credit for. */
static void
build(struct pg_tx *tx, uint64_t now)
{
	uint64_t credit = pg_pacer_credit(&tx->pacer, now);
	struct pg_frame_id id = {.run = tx->run, .stamp = now};
	uint16_t n = 0;

	tx->held_at = 0;
	tx->held_n = 0;
	if (credit < units_of(tx, tx->mix->size[tx->size_at]))
		return;
	if (rte_pktmbuf_alloc_bulk(tx->pool, tx->held, PG_TX_CHUNK) != 0) {
		tx->no_buffers++;
		return;
	}
	while (n < PG_TX_CHUNK && credit >= units_of(tx, tx->mix->size[tx->size_at])) {
		struct rte_mbuf *m = tx->held[n++];
		const uint16_t size = next_frame(tx, &id);
		pg_frame_build(tx->format, &id, size, rte_pktmbuf_mtod(m, uint8_t *));
		m->data_len = size;
		m->pkt_len = size;
		credit -= units_of(tx, size);
		pg_pacer_spend(&tx->pacer, units_of(tx, size));
	}
	if (n < PG_TX_CHUNK)
		rte_pktmbuf_free_bulk(tx->held + n, PG_TX_CHUNK - n);
	tx->held_n = n;
}

unsigned
pg_tx_poll(struct pg_tx *tx, uint64_t now)
{
	uint64_t bytes[PG_TX_CHUNK + 1]; /* of the first 0, 1, .. frames: the port may free them while it takes them */
	uint16_t n;

	if (tx->held_n == 0)
		build(tx, now);
	if (tx->held_n == 0)
		return 0;
	bytes[0] = 0;
	for (uint16_t i = 0; i < tx->held_n; i++)
		bytes[i + 1] = bytes[i] + tx->held[tx->held_at + i]->pkt_len;
	n = rte_eth_tx_burst(tx->port, 0, tx->held + tx->held_at, tx->held_n);
	tx->refused += n < tx->held_n;
	tx->held_at += n;
	tx->held_n -= n;
	tx->sent_bytes += bytes[n];
	__atomic_store_n(&tx->sent, tx->sent + n, __ATOMIC_RELAXED); /* as above */
	return n;
}

bool
pg_tx_owes(struct pg_tx *tx, uint64_t now)
{
	if (tx->load.units_per_s == 0)
		return false;
	return tx->held_n > 0 || pg_pacer_credit(&tx->pacer, now) >= units_of(tx, tx->mix->size[tx->size_at]);
}

void
pg_tx_stop(struct pg_tx *tx)
{
	rte_pktmbuf_free_bulk(tx->held + tx->held_at, tx->held_n);
	tx->held_n = 0;
}

double
pg_tx_kept(const struct pg_tx *tx, uint64_t now)
{
	if (tx->load.units_per_s == 0)
		return 1;
	const uint64_t due = pg_pacer_due(&tx->pacer, now);
	/* A frame that is due in part is not late. */
	const uint64_t whole = due > units_of(tx, tx->mix->max) ? due - units_of(tx, tx->mix->max) : 0;
	const uint64_t sent = tx->sent * tx->load.frame_units + tx->sent_bytes * tx->load.byte_units;
	return sent >= whole ? 1 : (double)sent / (double)due;
}
