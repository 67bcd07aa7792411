/* SPDX-License-Identifier: BSD-3-Clause
 * Groups with a long packet, a part of gcm_kernel.h. Any worker thread. Packets of one key and about one length go by
 * columns; others one after the other, in steps of four vectors.
 *
 * The AES unit is what limits a long packet, so the products of one step's hash stand between the rounds of the next
 * step's AES and cost nothing of their own. As many blocks as there are powers are summed up before a reduction; the
 * reduced hash goes on as the next sum's carry. The last sum is reduced with those of the other packets. */
#define STEP_BLOCKS ((int32_t)(4 * LANES))
#define SUM_STEPS   (DP_GCM_POWERS / STEP_BLOCKS)

/* The hash on its way, one step behind the AES. */
struct hash {
	struct sum sum;
	vec text[4];          /* the step's ciphertext, in reverse */
	const uint8_t *power; /* of the hash key, for the step's first block */
	int32_t steps;        /* not hashed yet */
	int32_t left;         /* of these, in this sum */
	bool reduce;          /* the sum, when they are in */
};

/* A vector with a in its first lane and zeros in the others. */
V_INLINE vec
v_alone(__m128i a)
{
	__m128i lane[LANES] = {a};
	for (unsigned i = 1; i < LANES; i++)
		lane[i] = _mm_setzero_si128();
	return v_of(lane);
}

V_INLINE void
sum_add_carry(struct sum *sum, const struct packet *p, const uint8_t *power)
{
	sum_add(sum, v_alone(p->carry), v_alone(x_load(power)));
}

/* All lanes of a sum together, reduced: the packet's new carry. */
V_INLINE void
carry_set(struct packet *p, struct sum *sum)
{
	__m128i lane[LANES];
	v_lanes(sum_reduce(sum), lane);
	for (unsigned i = 1; i < LANES; i++)
		lane[0] = _mm_xor_si128(lane[0], lane[i]);
	p->carry = lane[0];
	p->carry_power = p->power; /* one block less to go, and one in the carry */
	*sum = sum_zero();
}

V_INLINE void
hash_begin_sum(struct hash *hash, const struct packet *p)
{
	hash->reduce = p->power < p->key->power[0];
	hash->left = hash->reduce && hash->steps > SUM_STEPS ? SUM_STEPS : hash->steps;
	hash->power = hash->reduce ? power_at(p->key, hash->left * STEP_BLOCKS) : p->power;
	if (hash->reduce)
		sum_add_carry(&hash->sum, p, hash->power);
}

/* One of the step's four vectors. */
V_INLINE void
hash_vector(struct hash *hash, unsigned i)
{
	sum_add(&hash->sum, hash->text[i], v_load(hash->power + i * VECTOR_BYTES));
}

/* After a step's four vectors. */
V_INLINE void
hash_advance(struct hash *hash, struct packet *p)
{
	p->power += STEP_BYTES;
	hash->power += STEP_BYTES;
	hash->steps--;
	if (--hash->left > 0)
		return;
	if (hash->reduce)
		carry_set(p, &hash->sum);
	if (hash->steps > 0)
		hash_begin_sum(hash, p);
}

/* The AES of a step, and between its rounds the hash of the step before, when there was one. */
V_INLINE void
long_step(struct packet *p, struct kind kind, vec *counter, struct hash *hash, bool hash_too)
{
	const unsigned every = kind.rounds / 4;
	vec state[4];
	UNROLL
	for (unsigned i = 0; i < 4; i++) {
		state[i] = v_xor3(v_reverse(*counter), v_each(p->iv), key_of_round(p, 0));
		*counter = v_add_words(*counter, v_each(_mm_cvtsi32_si128(LANES)));
	}
	UNROLL
	for (unsigned round = 1; round < kind.rounds; round++) {
		const vec key = key_of_round(p, round);
		UNROLL
		for (unsigned i = 0; i < 4; i++)
			state[i] = v_aes(state[i], key);
		if (hash_too && (round - 1) % every == 0 && (round - 1) / every < 4)
			hash_vector(hash, (round - 1) / every);
	}
	if (hash_too)
		hash_advance(hash, p);
	const vec key = key_of_round(p, kind.rounds);
	UNROLL
	for (unsigned i = 0; i < 4; i++) {
		uint8_t *text = p->text + i * VECTOR_BYTES;
		const vec before = v_load(text), after = v_aes_last(state[i], v_xor(key, before));
		v_store(text, after);
		hash->text[i] = v_reverse(kind.seal ? after : before);
	}
	p->text += STEP_BYTES;
	p->bytes -= STEP_BYTES;
}

/* What is left after the steps: a vector to four. */
V_INLINE void
long_tail(struct packet *p, struct sum *sum, struct kind kind, vec counter)
{
	while (p->bytes > 0) {
		const uint32_t n = p->bytes < VECTOR_BYTES ? p->bytes : VECTOR_BYTES;
		vec state = v_xor3(v_reverse(counter), v_each(p->iv), key_of_round(p, 0));
		UNROLL
		for (unsigned round = 1; round < kind.rounds; round++)
			state = v_aes(state, key_of_round(p, round));
		state = v_aes_last(state, key_of_round(p, kind.rounds));
		const vec before = v_load_part(p->text, n), after = v_keep(v_xor(before, state), n);
		v_store_part(p->text, n, after);
		sum_add(sum, v_reverse(kind.seal ? after : before), v_load(p->power));
		counter = v_add_words(counter, v_each(_mm_cvtsi32_si128(LANES)));
		p->text += n;
		p->bytes -= n;
		p->power += VECTOR_BYTES;
	}
}

V_INLINE void
long_run(struct packet *p, struct sum *sum, struct kind kind, uint32_t first)
{
	struct hash hash = {.sum = sum_zero(), .steps = p->bytes == 0 ? 0 : (int32_t)((p->bytes - 1) / STEP_BYTES)};
	p->power = power_at(p->key, 1) - (size_t)((p->bytes + 15) & ~15u);
	p->carry_power = p->power - 16;
	vec counter = v_add_words(v_each(_mm_cvtsi32_si128((int)first)), v_count(1));
	if (hash.steps > 0) {
		if (p->carry_power < p->key->power[0]) { /* the AAD is too far from the end */
			sum_add_carry(&hash.sum, p, power_at(p->key, 1));
			carry_set(p, &hash.sum);
		}
		hash_begin_sum(&hash, p);
		long_step(p, kind, &counter, &hash, false);
		for (int32_t step = hash.steps; step > 1; step--)
			long_step(p, kind, &counter, &hash, true);
		UNROLL
		for (unsigned i = 0; i < 4; i++)
			hash_vector(&hash, i);
		hash_advance(&hash, p);
	}
	long_tail(p, &hash.sum, kind, counter);
	*sum = hash.sum;
}

FORM unsigned
long_run_group(struct packet p[LANES], struct kind kind, uint32_t first)
{
	struct pending pending = {.bad = 0};
	struct sum sum[LANES];
	vec mask = first_blocks(p, first);
	UNROLL
	for (unsigned round = 0; round <= kind.rounds; round++)
		mask = aes_round(mask, keys_of_round(p, kind, round), round, kind.rounds);
	for (unsigned i = 0; i < LANES; i++)
		long_run(&p[i], &sum[i], kind, first);
	pending.mask = kind.seal ? mask : v_xor(mask, tags_given(p));
	for (unsigned i = 0; i < LANES; i++)
		pending.tag[i] = p[i].tag;
	total_begin(&pending.total, p, carries(p), kind, true);
	total_add(&pending.total, sum);
	pending_tags(&pending, kind);
	return pending.bad;
}

/* Packets of one key and about one length go by columns too: there the hash of a column stands between the rounds of the
 * next column's AES, and no packet has a tail of its own. */
FORM unsigned
long_columns(struct packet p[LANES], struct kind kind, const struct lengths *lengths, uint32_t first)
{
	uint8_t nobodys[DP_TAG_BYTES] = {0};
	struct pending pending;
	pending_none(&pending, p[0].key, nobodys);
	column_group(p, kind, lengths, first, &pending, true);
	return pending_end(&pending, kind);
}

#define LONG_FUNCTIONS(name, direction, size)                                                                   \
	static __attribute__((noinline)) unsigned name(struct packet p[LANES], uint32_t first)                  \
	{                                                                                                       \
		return long_run_group(p, KIND(direction, size, DP_GCM_OWN_KEYS), first);                        \
	}                                                                                                       \
	static __attribute__((noinline)) unsigned name##_columns(struct packet p[LANES],                        \
								 const struct lengths *lengths, uint32_t first) \
	{                                                                                                       \
		return long_columns(p, KIND(direction, size, DP_GCM_ONE_KEY), lengths, first);                  \
	}

LONG_FUNCTIONS(long_seal_128, DP_SEAL, DP_GCM_128)
LONG_FUNCTIONS(long_seal_256, DP_SEAL, DP_GCM_256)
LONG_FUNCTIONS(long_open_128, DP_OPEN, DP_GCM_128)
LONG_FUNCTIONS(long_open_256, DP_OPEN, DP_GCM_256)

V_INLINE unsigned
long_group(struct packet p[LANES], struct kind kind, const struct lengths *lengths, uint32_t first)
{
	if (!kind.own_keys && lengths->longest - lengths->shortest < VECTOR_BYTES) {
		if (kind.seal)
			return kind.rounds == 10 ? long_seal_128_columns(p, lengths, first)
						 : long_seal_256_columns(p, lengths, first);
		return kind.rounds == 10 ? long_open_128_columns(p, lengths, first)
					 : long_open_256_columns(p, lengths, first);
	}
	if (kind.seal)
		return kind.rounds == 10 ? long_seal_128(p, first) : long_seal_256(p, first);
	return kind.rounds == 10 ? long_open_128(p, first) : long_open_256(p, first);
}
