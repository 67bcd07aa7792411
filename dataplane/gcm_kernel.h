/* SPDX-License-Identifier: BSD-3-Clause
 * AES-GCM (NIST SP 800-38D) over groups of packets, as many as a vector has lanes: the source of all kernels, included
 * after a width. Any worker thread.
 *
 * AES in counter mode. A group's tags are encrypted by the block of counter 1 of each packet (J0), and these four are one
 * vector of their own: it costs a lane a packet instead of a vector. The hash of what is sealed can only begin when the AES
 * is done, so it stands between the rounds of the group that follows: two units of the processor then work at a time.
 *
 * Constant time, by class of instruction: AESENC, PCLMULQDQ, PSHUFB and other shuffles by constants, PADDD, PXOR, shifts and
 * blends take as long for any operands (Intel's list of data operand independent timing instructions has them). Loads and
 * stores: every address and mask is made of pointers, lengths, and lanes' numbers, none of a byte of key, text or tag (the
 * one table is chosen from by the AAD's length).
 * Branches: on lengths, on the direction, and on a packet's verdict, which is public once it exists; the comparison of the
 * tags is one of whole vectors, and its mask goes as a number to the end of the batch. No division.
 *
 * Where the compiler has no register left, tags' masks, powers of the hash key and sums go to the worker's stack. A mask
 * with its tag, or a power, is enough to forge packets, and a stack outlives its keys: whoever calls a kernel wipes
 * DP_GCM_STACK bytes below, once a batch, which costs a packet of a full one a cycle. */
#include "dataplane/gcm_hash.h"

#define STEP_BYTES  (4 * VECTOR_BYTES)
#define CHUNK_BYTES (44 * 16u) /* whole columns, summed up before a reduction; AAD has a power too */

enum source { OPS, JOBS, COUNTERS };

/* What is fixed for a whole group; constants wherever a kernel is made. */
struct kind {
	unsigned rounds;
	bool seal, own_keys;
};

#define KIND(direction, size, ways)                              \
	((struct kind){.rounds = (size) == DP_GCM_256 ? 14 : 10, \
		       .seal = (direction) == DP_SEAL,           \
		       .own_keys = (ways) == DP_GCM_OWN_KEYS})

/* A packet on its way through. */
struct packet {
	const struct dp_gcm_key *key;
	uint8_t *text, *tag;  /* what is left of the text */
	uint32_t bytes;       /* of it */
	const uint8_t *power; /* of the hash key, by which its first block is multiplied; behind it stand those below */
	const uint8_t *carry_power; /* by which the carry is */
	__m128i carry;              /* the AAD; or the hash so far */
	__m128i iv;                 /* and a zero where the counter goes */
	uint64_t sizes;             /* in bits, of text and, in the upper half, of AAD */
};

V_INLINE vec
key_of_round(const struct packet *p, unsigned round)
{
	return v_each(x_load(p->key->round[round]));
}

/* ---- what is still to be done for a group: it stands between the rounds of the next one's AES ---- */
struct pending {
	vec text[LANES]; /* the last column's ciphertext, in reverse */
	const uint8_t *power[LANES];
	uint8_t *tag[LANES];
	struct sum total; /* of all before, a packet in each lane */
	vec mask;         /* of the tags; to open, their difference from it */
	unsigned bad;
};

/* Adds each packet's sum to its own lane. */
V_INLINE void
total_add(struct sum *total, const struct sum sums[LANES])
{
	vec part[LANES];
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		part[i] = sums[i].high;
	total->high = v_xor(total->high, v_sums(part));
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		part[i] = sums[i].middle;
	total->middle = v_xor(total->middle, v_sums(part));
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		part[i] = sums[i].low;
	total->low = v_xor(total->low, v_sums(part));
}

V_INLINE vec
carries(const struct packet p[LANES])
{
	__m128i lane[LANES];
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		lane[i] = p[i].carry;
	return v_of(lane);
}

/* The carries, multiplied; and before the last blocks the blocks of the sizes, which follow those. */
V_INLINE void
total_begin(struct sum *total, const struct packet p[LANES], vec carry, struct kind kind, bool last)
{
	__m128i power[LANES], sizes[LANES];
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		power[i] = x_load(p[i].carry_power);
	*total = sum_zero();
	sum_add(total, carry, v_of(power));
	if (!last)
		return;
	UNROLL
	for (unsigned i = 0; i < LANES; i++) {
		power[i] = x_load(power_at(p[i].key, 1));
		sizes[i] = _mm_cvtsi64_si128((int64_t)p[i].sizes);
	}
	sum_add(total, v_spread(v_of(sizes)), kind.own_keys ? v_of(power) : v_each(power[0]));
}

/* Writes the tags, or compares with them. */
V_INLINE void
pending_tags(struct pending *pending, struct kind kind)
{
	const vec hash = v_reverse(sum_reduce(&pending->total));
	__m128i lane[LANES];
	if (!kind.seal) {
		pending->bad = v_differ(hash, pending->mask);
		return;
	}
	v_lanes(v_xor(hash, pending->mask), lane);
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		_mm_storeu_si128((__m128i *)pending->tag[i], lane[i]);
}

#define END_PARTS (LANES + 2)

V_INLINE void
pending_part(struct pending *pending, struct sum sum[LANES], struct kind kind, unsigned part)
{
	if (part < LANES)
		sum_add(&sum[part], pending->text[part], v_load(pending->power[part]));
	else if (part == LANES)
		total_add(&pending->total, sum);
	else if (part == LANES + 1)
		pending_tags(pending, kind);
}

V_INLINE unsigned
pending_end(struct pending *pending, struct kind kind)
{
	struct sum sum[LANES];
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		sum[i] = sum_zero();
	UNROLL
	for (unsigned part = 0; part < END_PARTS; part++)
		pending_part(pending, sum, kind, part);
	return pending->bad;
}

/* ---- by columns: a vector of each packet at a time ---- */

/* The round's key, each packet's in its lane. */
V_INLINE vec
keys_of_round(const struct packet p[LANES], struct kind kind, unsigned round)
{
	__m128i each[LANES];
	if (!kind.own_keys)
		return key_of_round(&p[0], round);
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		each[i] = x_load(p[i].key->round[round]);
	return v_of(each);
}

V_INLINE vec
aes_round(vec state, vec key, unsigned round, unsigned rounds)
{
	return round == 0 ? v_xor(state, key) : round == rounds ? v_aes_last(state, key) : v_aes(state, key);
}

/* The AES of one vector of each packet, after its first key, in the first column of their tags' masks too; and what is
 * pending: the sums of the column before, in the first one all of the group before. */
V_INLINE void
column_aes(const struct packet p[LANES], struct kind kind, vec state[LANES], vec *mask, struct pending *pending,
	   struct sum sum[LANES])
{
	const unsigned parts = mask != NULL ? END_PARTS : LANES;
	UNROLL
	for (unsigned round = 1; round <= kind.rounds; round++) {
		vec key = key_of_round(&p[0], round);
		UNROLL
		for (unsigned i = 0; i < LANES; i++) {
			if (kind.own_keys)
				key = key_of_round(&p[i], round);
			state[i] = aes_round(state[i], key, round, kind.rounds);
		}
		if (mask != NULL)
			*mask = aes_round(*mask, keys_of_round(p, kind, round), round, kind.rounds);
		if (round <= parts)
			pending_part(pending, sum, kind, round - 1);
	}
}

/* As a number: a packet may have no text, and end before that offset. */
V_INLINE uint8_t *
text_at(const struct packet *p, uint32_t offset)
{
	return (uint8_t *)((uintptr_t)p->text + offset);
}

/* One vector of each packet, from that offset on; counters are the blocks' numbers where they stand in a block. Of a part
 * of a vector, what is behind the packet's end is neither read nor written, and counts as zero. */
V_INLINE void
column(const struct packet p[LANES], struct kind kind, uint32_t offset, vec counters, vec *mask, bool whole,
       struct pending *pending, struct sum sum[LANES])
{
	vec state[LANES];
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		state[i] = v_xor3(v_each(p[i].iv), counters, key_of_round(&p[kind.own_keys ? i : 0], 0));
	if (mask != NULL)
		*mask = v_xor(*mask, keys_of_round(p, kind, 0));
	column_aes(p, kind, state, mask, pending, sum);
	UNROLL
	for (unsigned i = 0; i < LANES; i++) {
		uint8_t *text = text_at(&p[i], offset);
		vec before, after;
		if (whole) {
			before = v_load(text);
			after = v_xor(before, state[i]);
			v_store(text, after);
		} else {
			const uint32_t left = p[i].bytes > offset ? p[i].bytes - offset : 0;
			const uint32_t n = left < VECTOR_BYTES ? left : VECTOR_BYTES;
			before = v_load_part(text, n);
			after = v_keep(v_xor(before, state[i]), n);
			v_store_part(text, n, after);
		}
		pending->text[i] = v_reverse(kind.seal ? after : before);
		pending->power[i] = p[i].power + offset;
	}
}

/* The blocks that encrypt the packets' tags (SP 800-38D: J0). */
V_INLINE vec
first_blocks(const struct packet p[LANES], uint32_t first)
{
	__m128i lane[LANES];
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		lane[i] = p[i].iv;
	return v_xor(v_of(lane), v_reverse(v_each(_mm_cvtsi32_si128((int)first))));
}

V_INLINE vec
tags_given(const struct packet p[LANES])
{
	__m128i lane[LANES];
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		lane[i] = x_load(p[i].tag);
	return v_of(lane);
}

/* The packets of a group. */
struct lengths {
	uint32_t longest, shortest;
};

/* The powers for the columns from that offset on: of the last ones, or of as many as are summed up before a reduction. */
V_INLINE void
powers_set(struct packet p[LANES], uint32_t offset, bool last)
{
	UNROLL
	for (unsigned i = 0; i < LANES; i++) {
		const uint32_t left = p[i].bytes > offset ? (p[i].bytes - offset + 15) & ~15u : 0;
		const uint32_t before = last ? left + 16 : left < CHUNK_BYTES ? left : CHUNK_BYTES;
		p[i].carry_power = power_at(p[i].key, 0) - before;
		p[i].power = p[i].carry_power - offset;
		if (offset == 0)
			p[i].carry_power -= 16; /* AAD is a block of its own */
	}
}

/* Are the columns from that offset on the last ones that a sum has room for, with AAD and sizes? */
V_INLINE bool
last_from(const struct lengths *lengths, uint32_t offset)
{
	return lengths->longest <= offset + (DP_GCM_POWERS - 2) * 16;
}

/* A group under way, after its first column. */
struct columns {
	const struct lengths *lengths;
	struct sum sum[LANES], total;
	vec number;           /* of each lane's block, in reverse */
	uint32_t offset, end; /* of the column; and where a reduction is due */
};

V_INLINE void
sums_clear(struct sum sum[LANES])
{
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		sum[i] = sum_zero();
}

V_INLINE void
next_column(struct columns *c, struct packet p[LANES], struct kind kind, bool whole, bool may_be_long,
	    struct pending *pending)
{
	const bool reduce = may_be_long && c->offset == c->end;
	bool last = true;
	if (__builtin_expect(reduce, false)) {
		last = last_from(c->lengths, c->offset);
		c->end = last ? UINT32_MAX : c->offset + CHUNK_BYTES;
		powers_set(p, c->offset, last);
	}
	c->number = v_add_words(c->number, v_each(_mm_cvtsi32_si128(LANES)));
	column(p, kind, c->offset, v_reverse(c->number), NULL, whole, pending, c->sum);
	c->offset += VECTOR_BYTES;
	if (__builtin_expect(reduce, false)) { /* the column before was the sum's last */
		total_add(&c->total, c->sum);
		total_begin(&c->total, p, sum_reduce(&c->total), kind, last);
		sums_clear(c->sum);
	}
}

/* Seals or opens a group by columns; the last column's hash is pending afterwards. Returns the verdict of the group before. */
V_INLINE unsigned
column_group(struct packet p[LANES], struct kind kind, const struct lengths *lengths, uint32_t first,
	     struct pending *pending, bool may_be_long)
{
	/* Read before the text is written: a store of a part of a vector holds up a load of what is next to it. */
	const vec given = kind.seal ? v_zero() : tags_given(p);
	const bool last = !may_be_long || last_from(lengths, 0);
	struct columns c = {.lengths = lengths, .offset = VECTOR_BYTES, .end = last ? UINT32_MAX : CHUNK_BYTES};
	vec mask = first_blocks(p, first);
	c.number = v_add_words(v_each(_mm_cvtsi32_si128((int)first)), v_count(1));
	sums_clear(c.sum);
	powers_set(p, 0, last);
	total_begin(&c.total, p, carries(p), kind, last);
	column(p, kind, 0, v_reverse(c.number), &mask, false, pending, c.sum);
	const unsigned bad = pending->bad;
	if (lengths->longest > VECTOR_BYTES) {
		sums_clear(c.sum);
		while (c.offset + VECTOR_BYTES <= lengths->shortest)
			next_column(&c, p, kind, true, may_be_long, pending);
		while (c.offset < lengths->longest)
			next_column(&c, p, kind, false, may_be_long, pending);
		total_add(&c.total, c.sum);
	}
	pending->total = c.total;
	pending->mask = v_xor(mask, given);
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		pending->tag[i] = p[i].tag;
	return bad;
}

/* A group of no packets, to begin with. Its tags are nobody's. */
V_INLINE void
pending_none(struct pending *pending, const struct dp_gcm_key *key, uint8_t *tag)
{
	pending->mask = v_zero();
	pending->total = sum_zero();
	pending->bad = 0;
	UNROLL
	for (unsigned i = 0; i < LANES; i++) {
		pending->text[i] = v_zero();
		pending->power[i] = key->power[0];
		pending->tag[i] = tag;
	}
}

#include "dataplane/gcm_long.h"

#include "dataplane/gcm_functions.h"
