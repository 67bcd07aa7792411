/* SPDX-License-Identifier: BSD-3-Clause
 * The anti-replay window (RFC 4303 3.4.3, 6479): a ring of tagged words that any number of workers may use at once.
 *
 * Each 64-bit word carries 32 bits of the window below and, above, the lap of the ring in which those bits were set. To
 * accept a number, a worker changes the word with one compare-and-swap; a word that already belongs to a later lap
 * refuses. So each number is accepted exactly once, without a lock, and packets of one word share one swap. */
#ifndef SADB_REPLAY_H
#define SADB_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SADB_REPLAY_MIN 64
#define SADB_REPLAY_MAX 65536

enum sadb_replay_verdict {
	SADB_REPLAY_OK,
	SADB_REPLAY_OLD,  /* left of the window */
	SADB_REPLAY_DUP,  /* seen before */
	SADB_REPLAY_ZERO, /* sequence number 0 is never sent (RFC 4303 3.3.3) */
};

/* What never changes stands a line away from what every worker writes. */
struct sadb_replay {
	uint32_t window_packets; /* 0: anti-replay off */
	uint32_t word_mask;      /* words in the ring - 1; the ring is at least 32 numbers wider than the window */
	uint8_t apart[56];
	uint64_t top; /* highest number whose tag has verified; relaxed reads, compare-and-swap to raise */
	uint64_t words[];
};

/* Bytes of a window for that many packets (the structure and its ring). */
size_t sadb_replay_bytes(uint32_t window_packets);

/* Starts a window in memory of sadb_replay_bytes(), zeroed or not. Numbers up to and including top count as seen. */
void sadb_replay_init(struct sadb_replay *rp, uint32_t window_packets, uint64_t top);

/* RFC 4303 appendix A2.2: the 64-bit number that the low half on the wire stands for, given the window and its top. A top
 * that is a little old gives the same answer but at distances of 2^31 and more. */
uint64_t sadb_replay_esn(const struct sadb_replay *rp, uint64_t top, uint32_t seq_low);

/* The top as a hint, for the two functions around this: one look a batch is enough. Any thread. */
static inline uint64_t
sadb_replay_hint(const struct sadb_replay *rp)
{
	return __atomic_load_n(&rp->top, __ATOMIC_RELAXED); /* orders nothing: the commit decides */
}

/* ---- the ring: for this file and replay.c ---- */
#define SADB_REPLAY_SHIFT 5 /* 32 numbers to a word */
#define SADB_REPLAY_BITS  (1u << SADB_REPLAY_SHIFT)

static inline uint32_t
sadb_replay_index(const struct sadb_replay *rp, uint64_t seq)
{
	return (uint32_t)(seq >> SADB_REPLAY_SHIFT) & rp->word_mask;
}

static inline uint32_t
sadb_replay_lap(const struct sadb_replay *rp, uint64_t seq)
{
	return (uint32_t)((seq >> SADB_REPLAY_SHIFT) >> __builtin_popcount(rp->word_mask));
}

static inline uint32_t
sadb_replay_bit(uint64_t seq)
{
	return 1u << (seq & (SADB_REPLAY_BITS - 1));
}

/* How many laps the word is ahead of this lap: above 0, a later number owns it; below 0, its bits are stale. */
static inline int32_t
sadb_replay_ahead(uint64_t word, uint32_t lap)
{
	return (int32_t)((uint32_t)(word >> 32) - lap);
}

/* seq + window <= top, without the overflow. */
static inline bool
sadb_replay_left(const struct sadb_replay *rp, uint64_t top, uint64_t seq)
{
	return seq <= top && top - seq >= rp->window_packets;
}

/* Before decryption: is the number worth the work? Changes nothing. Any thread. */
static inline enum sadb_replay_verdict
sadb_replay_check(const struct sadb_replay *rp, uint64_t top, uint64_t seq)
{
	/* Above the top nothing was accepted as far as this caller knows; the commit knows. */
	if (seq > top || rp->window_packets == 0)
		return SADB_REPLAY_OK;
	if (seq == 0)
		return SADB_REPLAY_ZERO;
	if (sadb_replay_left(rp, top, seq))
		return SADB_REPLAY_OLD;
	/* Relaxed: only a hint, the commit decides. */
	uint64_t word = __atomic_load_n(&rp->words[sadb_replay_index(rp, seq)], __ATOMIC_RELAXED);
	int32_t ahead = sadb_replay_ahead(word, sadb_replay_lap(rp, seq));
	if (ahead > 0)
		return SADB_REPLAY_OLD;
	return ahead == 0 && (word & sadb_replay_bit(seq)) != 0 ? SADB_REPLAY_DUP : SADB_REPLAY_OK;
}

/* Soon these numbers will be committed: asks for the lines that other workers write too. */
static inline void
sadb_replay_prefetch(struct sadb_replay *rp, uint64_t seq)
{
	__builtin_prefetch(&rp->top, 1);
	__builtin_prefetch(&rp->words[sadb_replay_index(rp, seq)], 1);
}

/* After the tags have verified: takes n numbers and writes a verdict for each. Numbers in order of arrival; runs that
 * share a word cost one compare-and-swap. Any thread. Returns how many were accepted. */
unsigned sadb_replay_commit(struct sadb_replay *rp, const uint64_t *seq, unsigned n, enum sadb_replay_verdict *verdict);

uint64_t sadb_replay_top(const struct sadb_replay *rp);

/* Has this number been accepted (or does it lie left of the window)? For display and for export to netlink bitmaps. */
bool sadb_replay_seen(const struct sadb_replay *rp, uint64_t seq);

#endif
