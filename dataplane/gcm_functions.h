/* SPDX-License-Identifier: BSD-3-Clause
 * A kernel's functions, a part of gcm_kernel.h: how batches come in, and the source with its constants put in. Any worker
 * thread. */
/* What a batch comes in: operations, or jobs of one key. */
struct batch {
	struct dp_aead_op *const *op;
	const struct dp_gcm_key *key;
	const struct dp_aead_job *job;
	unsigned groups;
};

/* ---- the forms in which packets come ---- */
/* Puts AAD of that many bytes, which stands behind four others, in reverse and zeros below it. */
static const int8_t aad_in_reverse[13][16] = {
#define Z -1
    {Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z},       {Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, 4},
    {Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, 5, 4},       {Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, 6, 5, 4},
    {Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, 7, 6, 5, 4},       {Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, 8, 7, 6, 5, 4},
    {Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, 9, 8, 7, 6, 5, 4},       {Z, Z, Z, Z, Z, Z, Z, Z, Z, 10, 9, 8, 7, 6, 5, 4},
    {Z, Z, Z, Z, Z, Z, Z, Z, 11, 10, 9, 8, 7, 6, 5, 4},     {Z, Z, Z, Z, Z, Z, Z, 12, 11, 10, 9, 8, 7, 6, 5, 4},
    {Z, Z, Z, Z, Z, Z, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4},   {Z, Z, Z, Z, Z, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4},
    {Z, Z, Z, Z, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4},
#undef Z
};

V_INLINE void
packet_load_op(const struct dp_aead_op *op, struct packet *p)
{
	p->key = op->key_area;
	p->text = op->text;
	p->tag = op->tag;
	p->bytes = op->text_bytes;
	p->sizes = (uint64_t)op->aad_bytes << 35 | (uint64_t)op->text_bytes * 8;
	/* Both loads stay inside the operation: the AAD is its end. */
	p->iv = _mm_and_si128(x_load(op->iv), _mm_set_epi32(0, -1, -1, -1));
	p->carry = _mm_shuffle_epi8(x_load(op->aad + sizeof(op->aad) - 16), x_load(aad_in_reverse[op->aad_bytes]));
}

V_INLINE void
packet_load_job(const struct dp_gcm_key *key, const struct dp_aead_job *job, struct packet *p)
{
	p->key = key;
	p->text = job->text;
	p->tag = job->tag;
	p->bytes = job->text_bytes;
	p->sizes = (uint64_t)job->aad_bytes << 35 | (uint64_t)job->text_bytes * 8;
	p->iv = x_load_words(job->iv, 3);
	p->carry = x_reverse(x_load_words(job->aad, job->aad_bytes / 4u));
}

V_INLINE void
packets_load(const struct batch *batch, unsigned group, enum source source, struct packet p[LANES])
{
	UNROLL
	for (unsigned i = 0; i < LANES; i++) {
		if (source == OPS)
			packet_load_op(batch->op[group * LANES + i], &p[i]);
		else
			packet_load_job(batch->key, &batch->job[group * LANES + i], &p[i]);
	}
}

FORM uint64_t
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
		struct lengths lengths = {0, UINT32_MAX};
		uint32_t first = 1; /* SP 800-38D 7.1 */
		packets_load(batch, group, source, p);
		if (source == COUNTERS) {
			memcpy(&first, batch->job[group * LANES].iv + 12, 4);
			first = __builtin_bswap32(first);
		}
		UNROLL
		for (unsigned i = 0; i < LANES; i++) {
			lengths.longest = p[i].bytes > lengths.longest ? p[i].bytes : lengths.longest;
			lengths.shortest = p[i].bytes < lengths.shortest ? p[i].bytes : lengths.shortest;
		}
		if (__builtin_expect(lengths.longest > STEP_BYTES, false)) {
			struct packet in_memory[LANES];
			UNROLL
			for (unsigned i = 0; i < LANES; i++)
				in_memory[i] = p[i];
			bad |= (uint64_t)long_group(in_memory, kind, &lengths, first) << group * LANES;
			continue;
		}
		const uint64_t verdict = column_group(p, kind, &lengths, first, &pending, false);
		bad |= waits ? verdict << before * LANES : 0;
		before = group;
		waits = true;
	}
	if (waits)
		bad |= (uint64_t)pending_end(&pending, kind) << before * LANES;
	return bad;
}

/* ---- the functions ---- */
#define OPS_FUNCTION(name, direction, size, ways)                            \
	static uint64_t name(struct dp_aead_op *const op[], unsigned groups) \
	{                                                                    \
		const struct batch batch = {.op = op, .groups = groups};     \
		return run(&batch, KIND(direction, size, ways), OPS);        \
	}
#define JOBS_FUNCTION(name, direction, size, source)                                                        \
	static uint64_t name(const struct dp_gcm_key *key, const struct dp_aead_job job[], unsigned groups) \
	{                                                                                                   \
		const struct batch batch = {.key = key, .job = job, .groups = groups};                      \
		return run(&batch, KIND(direction, size, DP_GCM_ONE_KEY), source);                          \
	}

OPS_FUNCTION(seal_128, DP_SEAL, DP_GCM_128, DP_GCM_ONE_KEY)
OPS_FUNCTION(seal_256, DP_SEAL, DP_GCM_256, DP_GCM_ONE_KEY)
OPS_FUNCTION(open_128, DP_OPEN, DP_GCM_128, DP_GCM_ONE_KEY)
OPS_FUNCTION(open_256, DP_OPEN, DP_GCM_256, DP_GCM_ONE_KEY)
OPS_FUNCTION(seal_128_own, DP_SEAL, DP_GCM_128, DP_GCM_OWN_KEYS)
OPS_FUNCTION(seal_256_own, DP_SEAL, DP_GCM_256, DP_GCM_OWN_KEYS)
OPS_FUNCTION(open_128_own, DP_OPEN, DP_GCM_128, DP_GCM_OWN_KEYS)
OPS_FUNCTION(open_256_own, DP_OPEN, DP_GCM_256, DP_GCM_OWN_KEYS)
JOBS_FUNCTION(seal_jobs_128, DP_SEAL, DP_GCM_128, JOBS)
JOBS_FUNCTION(seal_jobs_256, DP_SEAL, DP_GCM_256, JOBS)
JOBS_FUNCTION(open_jobs_128, DP_OPEN, DP_GCM_128, JOBS)
JOBS_FUNCTION(open_jobs_256, DP_OPEN, DP_GCM_256, JOBS)
JOBS_FUNCTION(seal_counters_128, DP_SEAL, DP_GCM_128, COUNTERS)
JOBS_FUNCTION(seal_counters_256, DP_SEAL, DP_GCM_256, COUNTERS)
JOBS_FUNCTION(open_counters_128, DP_OPEN, DP_GCM_128, COUNTERS)
JOBS_FUNCTION(open_counters_256, DP_OPEN, DP_GCM_256, COUNTERS)

#define KERNEL_FUNCTIONS                                                          \
	.ops = {{{seal_128, seal_128_own}, {seal_256, seal_256_own}},             \
		{{open_128, open_128_own}, {open_256, open_256_own}}},            \
	.jobs = {{seal_jobs_128, seal_jobs_256}, {open_jobs_128, open_jobs_256}}, \
	.counters = {{seal_counters_128, seal_counters_256}, {open_counters_128, open_counters_256}}
