/* SPDX-License-Identifier: BSD-3-Clause
 * The anti-replay window: see replay.h for the ring. Any thread; no lock, no system call.
 *
 * Why a number is accepted at most once: it is accepted only by the compare-and-swap that sets its bit in a word that
 * carries its own lap. After that the word carries this bit, or a later lap that refuses the number; laps of a word only
 * go up. The atomicity of each word is enough for that, so the swaps are relaxed; only top is stored with release, for
 * readers that export the window and want the bits that belong to it.
 *
 * Why no number inside the window is refused wrongly: the ring holds at least window + 32 numbers, so a word of a later
 * lap than s holds only numbers above s + window, and s was left of the window when such a number was accepted.
 *
 * The tag is the lap modulo 2^32 and compares as a signed distance (RFC 1982). A word would have to be skipped for 2^31
 * laps, at least 2^38 packets, to be misread, and then it refuses packets; it never accepts one twice. */
#include "sa-db/replay.h"

#include <assert.h>
#include <string.h>

static uint32_t
ring_words(uint32_t window_packets)
{
	uint32_t words = 1;
	while (words * SADB_REPLAY_BITS < window_packets + SADB_REPLAY_BITS)
		words *= 2;
	return words;
}

static inline uint64_t
make_word(uint32_t lap, uint32_t bits)
{
	return (uint64_t)lap << 32 | bits;
}

size_t
sadb_replay_bytes(uint32_t window_packets)
{
	return sizeof(struct sadb_replay) + ring_words(window_packets) * sizeof(uint64_t);
}

void
sadb_replay_init(struct sadb_replay *rp, uint32_t window_packets, uint64_t top)
{
	uint32_t words = ring_words(window_packets);
	uint64_t top_word = top >> SADB_REPLAY_SHIFT;

	rp->top = top;
	rp->window_packets = window_packets;
	rp->word_mask = words - 1;
	for (uint32_t i = 0; i < words; i++)
		rp->words[i] = 0; /* lap 0, nothing seen: right for every word ahead of top in lap 0 */
	rp->words[sadb_replay_index(rp, top)] =
	    make_word(sadb_replay_lap(rp, top), (uint32_t)((UINT64_C(2) << (top % SADB_REPLAY_BITS)) - 1));
	for (uint32_t behind = 1; behind < words && behind <= top_word; behind++) {
		uint64_t seq = (top_word - behind) << SADB_REPLAY_SHIFT;
		rp->words[sadb_replay_index(rp, seq)] = make_word(sadb_replay_lap(rp, seq), UINT32_MAX);
	}
}

uint64_t
sadb_replay_esn(const struct sadb_replay *rp, uint64_t top, uint32_t seq_low)
{
	uint32_t top_low = (uint32_t)top, top_high = (uint32_t)(top >> 32);
	uint32_t bottom = top_low - rp->window_packets + 1;
	uint32_t high = top_high;

	if (top_low >= rp->window_packets - 1) { /* case A: the window lies in one subspace */
		if (seq_low < bottom)
			high++;
	} else if (seq_low >= bottom && top_high > 0) { /* case B: it straddles two; there is none before the first */
		high--;
	}
	return (uint64_t)high << 32 | seq_low;
}

static void
raise_top(struct sadb_replay *rp, uint64_t seq)
{
	/* Pairs with the load in sadb_replay_top() and sadb_replay_seen(): the bits come with it. Sequentially consistent
	 * for sadb_sa_remove(), also where another worker was further and nothing is written: on x86 that costs nothing
	 * more. */
	uint64_t top = __atomic_load_n(&rp->top, __ATOMIC_SEQ_CST);
	while (top < seq && !__atomic_compare_exchange_n(&rp->top, &top, seq, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

/* Judges a run of numbers that share one word against the word's bits. Returns the new bits. Within a run the window's
 * edge cannot pass a number: they lie less than 32 apart and the window is wider. */
static uint32_t
judge_run(const struct sadb_replay *rp, uint64_t top, const uint64_t *seq, unsigned n, uint32_t bits,
	  enum sadb_replay_verdict *verdict)
{
	for (unsigned i = 0; i < n; i++) {
		if (seq[i] == 0) {
			verdict[i] = SADB_REPLAY_ZERO;
		} else if (sadb_replay_left(rp, top, seq[i])) {
			verdict[i] = SADB_REPLAY_OLD;
		} else if (bits & sadb_replay_bit(seq[i])) {
			verdict[i] = SADB_REPLAY_DUP;
		} else {
			verdict[i] = SADB_REPLAY_OK;
			bits |= sadb_replay_bit(seq[i]);
		}
	}
	return bits;
}

/* A run without a gap, all of it new, as nearly all are: one look at the window and one swap for the whole. False: nothing
 * was done. */
static bool
commit_whole_run(struct sadb_replay *rp, uint64_t *top, uint64_t first, unsigned n)
{
	uint64_t *slot = &rp->words[sadb_replay_index(rp, first)];
	uint32_t lap = sadb_replay_lap(rp, first);
	uint32_t bits = (uint32_t)((UINT64_C(1) << n) - 1) << (first & (SADB_REPLAY_BITS - 1));
	/* Relaxed, all of it: see the head of the file. */
	uint64_t word = __atomic_load_n(slot, __ATOMIC_RELAXED);
	int32_t ahead = sadb_replay_ahead(word, lap);
	uint32_t before = ahead == 0 ? (uint32_t)word : 0;
	if (first == 0 || ahead > 0 || (before & bits) != 0 || sadb_replay_left(rp, *top, first) ||
	    !__atomic_compare_exchange_n(slot, &word, make_word(lap, before | bits), false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED))
		return false;
	if (*top < first + n - 1)
		*top = first + n - 1;
	return true;
}

/* Returns how many were accepted. */
static unsigned
commit_run(struct sadb_replay *rp, uint64_t *top, const uint64_t *seq, unsigned n, enum sadb_replay_verdict *verdict)
{
	uint64_t *slot = &rp->words[sadb_replay_index(rp, seq[0])];
	uint32_t lap = sadb_replay_lap(rp, seq[0]);
	uint64_t word = __atomic_load_n(slot, __ATOMIC_RELAXED);
	uint64_t next;
	unsigned accepted = 0;

	do {
		int32_t ahead = sadb_replay_ahead(word, lap);
		if (ahead > 0) {
			for (unsigned i = 0; i < n; i++)
				verdict[i] = seq[i] == 0 ? SADB_REPLAY_ZERO : SADB_REPLAY_OLD;
			return 0;
		}
		uint32_t before = ahead == 0 ? (uint32_t)word : 0;
		uint32_t after = judge_run(rp, *top, seq, n, before, verdict);
		if (after == before)
			return 0;
		next = make_word(lap, after);
		/* Relaxed, see the head of the file: competes only with other commits of this word. */
	} while (!__atomic_compare_exchange_n(slot, &word, next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));

	for (unsigned i = 0; i < n; i++) {
		if (verdict[i] != SADB_REPLAY_OK)
			continue;
		accepted++;
		if (seq[i] > *top)
			*top = seq[i];
	}
	return accepted;
}

/* Without a window nothing is refused, but top still moves: ESN needs it to find the high half. */
static unsigned
accept_all(uint64_t *top, const uint64_t *seq, unsigned n, enum sadb_replay_verdict *verdict)
{
	for (unsigned i = 0; i < n; i++) {
		verdict[i] = SADB_REPLAY_OK;
		if (seq[i] > *top)
			*top = seq[i];
	}
	return n;
}

unsigned
sadb_replay_commit(struct sadb_replay *rp, const uint64_t *seq, unsigned n, enum sadb_replay_verdict *verdict)
{
	unsigned accepted = 0, end;
	/* The window as this call moves it; other workers see it once, at the end. Meanwhile they judge by an older top, which
	 * is wider: as if their packets had come first. Relaxed: pairs with no one. */
	uint64_t top = __atomic_load_n(&rp->top, __ATOMIC_RELAXED);

	if (rp->window_packets == 0)
		accepted = accept_all(&top, seq, n, verdict);
	for (unsigned start = 0; start < n && rp->window_packets != 0; start = end) {
		const uint64_t first = seq[start];
		const unsigned room = SADB_REPLAY_BITS - (unsigned)(first % SADB_REPLAY_BITS); /* in its word */
		const unsigned most = n - start < room ? n - start : room;
		unsigned run = 1;
		while (run < most && seq[start + run] == first + run)
			run++;
		if (run == most && commit_whole_run(rp, &top, first, run)) {
			static_assert(SADB_REPLAY_OK == 0, "bytes of zero");
			memset(&verdict[start], 0, run * sizeof(verdict[0]));
			end = start + run;
			accepted += run;
			continue;
		}
		for (end = start + run; end < n && seq[end] >> SADB_REPLAY_SHIFT == first >> SADB_REPLAY_SHIFT; end++)
			;
		accepted += commit_run(rp, &top, &seq[start], end - start, &verdict[start]);
	}
	raise_top(rp, top);
	return accepted;
}

uint64_t
sadb_replay_top(const struct sadb_replay *rp)
{
	/* Pairs with the swap in raise_top(); sequentially consistent for sadb_sa_remove(), which says why. */
	return __atomic_load_n(&rp->top, __ATOMIC_SEQ_CST);
}

bool
sadb_replay_seen(const struct sadb_replay *rp, uint64_t seq)
{
	if (sadb_replay_left(rp, sadb_replay_top(rp), seq))
		return true;
	uint64_t word = __atomic_load_n(&rp->words[sadb_replay_index(rp, seq)], __ATOMIC_RELAXED);
	int32_t ahead = sadb_replay_ahead(word, sadb_replay_lap(rp, seq));
	return ahead > 0 || (ahead == 0 && (word & sadb_replay_bit(seq)) != 0);
}
