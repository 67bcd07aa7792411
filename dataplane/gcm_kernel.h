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
 * stores: every address and mask is made of pointers, lengths, and lanes' numbers, none of a byte of key, text or tag.
 * Branches: on lengths, on the direction, and on a packet's verdict, which is public once it exists; the comparison of the
 * tags is one of whole vectors, and its mask goes as a number to the end of the batch. No division, no table.
 *
 * What stays on the stack of a worker when a call is over, where the compiler had no register left: sums, tags' masks, and
 * text. It is memory of the same process as the key areas, overwritten by the next batch, and never given back before they
 * are wiped. To wipe it each time costs a packet more than its hash. Round keys are read where they are. */
#include "dataplane/gcm_hash.h"

#define STEP_BYTES (4 * VECTOR_BYTES)

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
	__m128i counter;            /* of the block before, in its lowest word; the IV above. All in reverse */
	uint64_t sizes;             /* of text and, in the upper half, of AAD */
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

/* The carries and the blocks of the sizes, multiplied. */
V_INLINE void
total_begin(struct sum *total, const struct packet p[LANES], struct kind kind)
{
	__m128i carry[LANES], carry_power[LANES], last_power[LANES], sizes[LANES];
	UNROLL
	for (unsigned i = 0; i < LANES; i++) {
		carry[i] = p[i].carry;
		carry_power[i] = x_load(p[i].carry_power);
		last_power[i] = x_load(power_at(p[i].key, 1));
		/* Bits of both, each in a half of its own. */
		sizes[i] = _mm_slli_epi64(_mm_cvtepu32_epi64(_mm_cvtsi64_si128((int64_t)p[i].sizes)), 3);
	}
	*total = sum_zero();
	sum_add(total, v_of(carry), v_of(carry_power));
	sum_add(total, v_of(sizes), kind.own_keys ? v_of(last_power) : v_each(last_power[0]));
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

/* ---- groups of short packets: a vector of each at a time ---- */

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

/* The AES of one vector of each packet, in the first column of their tags' masks too; and what is pending: the sums of the
 * column before, in the first one all of the group before. */
V_INLINE void
column_aes(const struct packet p[LANES], struct kind kind, vec state[LANES], vec *mask, struct pending *pending,
	   struct sum sum[LANES])
{
	const unsigned parts = mask != NULL ? END_PARTS : LANES;
	UNROLL
	for (unsigned round = 0; round <= kind.rounds; round++) {
		vec key = key_of_round(&p[0], round);
		UNROLL
		for (unsigned i = 0; i < LANES; i++) {
			if (kind.own_keys)
				key = key_of_round(&p[i], round);
			state[i] = aes_round(state[i], key, round, kind.rounds);
		}
		if (mask != NULL)
			*mask = aes_round(*mask, keys_of_round(p, kind, round), round, kind.rounds);
		if (round < parts)
			pending_part(pending, sum, kind, round);
	}
}

/* One vector of each packet, from that offset on: what is behind its end is neither read nor written, and counts as zero. */
V_INLINE void
column(const struct packet p[LANES], struct kind kind, uint32_t offset, vec count, vec *mask, struct pending *pending,
       struct sum sum[LANES])
{
	vec state[LANES];
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		state[i] = v_reverse(v_add_words(v_each(p[i].counter), count));
	column_aes(p, kind, state, mask, pending, sum);
	UNROLL
	for (unsigned i = 0; i < LANES; i++) {
		const uint32_t left = p[i].bytes > offset ? p[i].bytes - offset : 0;
		const uint32_t n = left < VECTOR_BYTES ? left : VECTOR_BYTES;
		const vec before = v_load_part(p[i].text + offset, n), after = v_keep(v_xor(before, state[i]), n);
		v_store_part(p[i].text + offset, n, after);
		pending->text[i] = v_reverse(kind.seal ? after : before);
		pending->power[i] = p[i].power + offset;
	}
}

/* The counter blocks of the packets' tags (SP 800-38D: J0). */
V_INLINE vec
first_counters(const struct packet p[LANES])
{
	__m128i lane[LANES];
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		lane[i] = p[i].counter;
	return v_reverse(v_of(lane));
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

/* Seals or opens a group of short packets; its last column's hash is pending afterwards. Returns the verdict of the group
 * before. */
V_INLINE unsigned
short_group(struct packet p[LANES], struct kind kind, uint32_t longest, struct pending *pending)
{
	struct sum sum[LANES], total;
	/* Read before the text is written: a store of a part of a vector holds up a load of what is next to it. */
	const vec given = kind.seal ? v_zero() : tags_given(p);
	vec mask = first_counters(p), count = v_count(1);
	UNROLL
	for (unsigned i = 0; i < LANES; i++)
		sum[i] = sum_zero();
	total_begin(&total, p, kind);
	column(p, kind, 0, count, &mask, pending, sum);
	const unsigned bad = pending->bad;
	if (longest > VECTOR_BYTES) {
		UNROLL
		for (unsigned i = 0; i < LANES; i++)
			sum[i] = sum_zero();
		for (uint32_t offset = VECTOR_BYTES; offset < longest; offset += VECTOR_BYTES) {
			count = v_add_words(count, v_each(_mm_cvtsi32_si128(LANES)));
			column(p, kind, offset, count, NULL, pending, sum);
		}
		total_add(&total, sum);
	}
	pending->total = total;
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

/* What a batch comes in: operations, or jobs of one key. */
struct batch {
	struct dp_aead_op *const *op;
	const struct dp_gcm_key *key;
	const struct dp_aead_job *job;
	unsigned groups;
};

/* ---- the forms in which packets come ---- */
V_INLINE void
packet_load_op(const struct dp_aead_op *op, struct packet *p)
{
	/* In reverse the IV's twelve bytes stand above the counter: 1 (SP 800-38D 7.1). */
	const __m128i iv_in_reverse = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -1, -1, -1, -1);
	const __m128i numbers = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	p->key = op->key_area;
	p->text = op->text;
	p->tag = op->tag;
	p->bytes = op->text_bytes;
	p->sizes = (uint64_t)op->aad_bytes << 32 | op->text_bytes;
	/* Both loads stay inside the operation: the AAD is its end. */
	p->counter = _mm_or_si128(_mm_shuffle_epi8(x_load(op->iv), iv_in_reverse), _mm_cvtsi32_si128(1));
	const __m128i aad = _mm_srli_si128(x_load(op->aad + sizeof(op->aad) - 16), 4);
	p->carry = x_reverse(_mm_and_si128(aad, _mm_cmpgt_epi8(_mm_set1_epi8((char)op->aad_bytes), numbers)));
}

V_INLINE void
packet_load_job(const struct dp_gcm_key *key, const struct dp_aead_job *job, enum source source, struct packet *p)
{
	int64_t iv_low, aad_low;
	uint32_t iv_high, counter = 1 << 24, aad_high = 0;
	memcpy(&iv_low, job->iv, 8);
	memcpy(&iv_high, job->iv + 8, 4);
	if (source == COUNTERS)
		memcpy(&counter, job->iv + 12, 4);
	memcpy(&aad_low, job->aad, 8);
	if (job->aad_bytes > 8)
		memcpy(&aad_high, job->aad + 8, 4);
	p->key = key;
	p->text = job->text;
	p->tag = job->tag;
	p->bytes = job->text_bytes;
	p->sizes = (uint64_t)job->aad_bytes << 32 | job->text_bytes;
	p->counter = x_reverse(_mm_set_epi64x((int64_t)((uint64_t)counter << 32 | iv_high), iv_low));
	p->carry = x_reverse(_mm_set_epi64x(aad_high, aad_low));
}

V_INLINE void
packets_load(const struct batch *batch, unsigned group, enum source source, struct packet p[LANES])
{
	UNROLL
	for (unsigned i = 0; i < LANES; i++) {
		if (source == OPS)
			packet_load_op(batch->op[group * LANES + i], &p[i]);
		else
			packet_load_job(batch->key, &batch->job[group * LANES + i], source, &p[i]);
	}
}

V_INLINE uint64_t
run(const struct batch *batch, struct kind kind, enum source source)
{
	uint8_t nobodys[DP_TAG_BYTES] = {0};
	struct pending pending;
	uint64_t bad = 0;
	unsigned before = 0; /* groups whose verdict is known */
	bool waits = false;
	pending_none(&pending, source == OPS ? batch->op[0]->key_area : batch->key, nobodys);
	for (unsigned group = 0; group < batch->groups; group++) {
		struct packet p[LANES];
		uint32_t longest = 0;
		packets_load(batch, group, source, p);
		UNROLL
		for (unsigned i = 0; i < LANES; i++) {
			/* The blocks that follow, and that of the sizes. */
			p[i].power = power_at(p[i].key, 1) - (size_t)((p[i].bytes + 15) & ~15u);
			p[i].carry_power = p[i].power - 16;
			longest = p[i].bytes > longest ? p[i].bytes : longest;
		}
		if (__builtin_expect(longest > STEP_BYTES, false)) {
			struct packet in_memory[LANES];
			UNROLL
			for (unsigned i = 0; i < LANES; i++)
				in_memory[i] = p[i];
			bad |= (uint64_t)long_group(in_memory, kind) << group * LANES;
			continue;
		}
		const uint64_t verdict = short_group(p, kind, longest, &pending);
		bad |= waits ? verdict << before * LANES : 0;
		before = group;
		waits = true;
	}
	if (waits)
		bad |= (uint64_t)pending_end(&pending, kind) << before * LANES;
	return bad;
}

#include "dataplane/gcm_functions.h"
