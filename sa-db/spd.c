/* SPDX-License-Identifier: BSD-3-Clause
 * Lookups in a published table of policies: see spd.h for how it lies in memory. Worker threads.
 *
 * A batch goes through each table in three passes, so that its cache misses overlap: hash every flow and ask for its
 * bucket; compare the tags there and ask for the policy; compare the policy's value. */
#include "sa-db/spd.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LOOKUP_MAX 64

/* Of one flow, the best so far. */
struct found {
	const struct sadb_match *match; /* NULL: none yet */
	struct sadb_policy *policy;     /* NULL with a match: it asks for ports that a fragment does not show */
};

static inline uint64_t
table_hash(const struct sadb_table *table, const uint64_t words[2])
{
	return sadb_table_hash(table->seed, words[0] & table->mask[0], words[1] & table->mask[1]);
}

static inline uint64_t
table_hash_v6(const struct sadb_table *table, const uint64_t words[SADB_WIDTH_V6])
{
	const struct sadb_table_more *more = table->more;
	uint64_t masked[SADB_WIDTH_V6];
	for (unsigned i = 0; i < SADB_WIDTH_V6; i++)
		masked[i] = words[i] & (i < SADB_WIDTH_V4 ? table->mask[i] : more->mask[i - SADB_WIDTH_V4]);
	return sadb_table_hash_v6(table->seed, more->seed, masked);
}

static inline const struct sadb_bucket *
home_bucket(const struct sadb_table *table, uint64_t hash)
{
	return &table->shard[hash >> table->shift]->bucket[sadb_hash_bucket(hash)];
}

/* What a tag tells of a bucket: two bits per slot that has it, and some if entries of the bucket stand elsewhere. */
#define SLOT_BITS 0x0fff
#define AWAY_BITS 0x3000

static inline unsigned
tag_bits(const struct sadb_bucket *bucket, uint16_t tag)
{
	static_assert(SADB_SLOTS == 6 && offsetof(struct sadb_bucket, away) == 12, "one vector of 8 x 16 bits");
#ifdef __SSE2__
	const __m128i lanes = _mm_setr_epi16(-1, -1, -1, -1, -1, -1, 0, 0);
	__m128i want = _mm_and_si128(_mm_set1_epi16((short)tag), lanes); /* away and zero: 0 */
	__m128i same = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)(const void *)bucket->tag), want);
	return (unsigned)_mm_movemask_epi8(same) ^ 0xf000;
#else
	unsigned bits = bucket->away != 0 ? AWAY_BITS : 0;
	for (unsigned i = 0; i < SADB_SLOTS; i++)
		bits |= bucket->tag[i] == tag ? 3u << 2 * i : 0;
	return bits;
#endif
}

/* The first slot that has the tag; there is one. */
static inline unsigned
first_slot(unsigned bits)
{
	return (unsigned)__builtin_ctz(bits) / 2;
}

static inline const struct sadb_match *
slot_match(const struct sadb_bucket *bucket, unsigned slot)
{
	return __atomic_load_n(&bucket->match[slot],
			       __ATOMIC_ACQUIRE); /* pairs with the release in sadb_spd_replace() */
}

static inline bool
agrees(const struct sadb_match *match, const uint64_t mask[2], const uint64_t words[2])
{
	return (((words[0] & mask[0]) ^ match->value[0]) | ((words[1] & mask[1]) ^ match->value[1])) == 0;
}

/* The words that only a wide match has. */
static inline bool
agrees_more(const struct sadb_table *table, const struct sadb_match *match, const uint64_t words[SADB_WIDTH_V6])
{
	const struct sadb_match_more *more = sadb_match_more(match);
	const uint64_t *mask = table->kind == SADB_TABLE_EXACT ? table->more->mask : more->mask;
	uint64_t wrong = 0;
	for (unsigned i = 0; i < SADB_WIDTH_V6 - SADB_WIDTH_V4; i++)
		wrong |= (words[SADB_WIDTH_V4 + i] & mask[i]) ^ more->value[i];
	return wrong == 0;
}

/* In an exact table the match is the policy's own. */
static inline struct sadb_policy *
exact_policy(const struct sadb_match *match)
{
	return (struct sadb_policy *)((uintptr_t)match - offsetof(struct sadb_policy, match));
}

static inline bool
better(const struct sadb_match *match, const struct found *found)
{
	return found->match == NULL || sadb_order_before(match->priority, match->age, found->match);
}

/* What is looked for: the words of a flow, two or five, and whether it has no ports. */
struct wanted {
	const uint64_t *words;
	bool v6, fragment;
};

/* What an entry says of the flow; nothing when it is for others, or stands behind what was found. */
static inline void
consider(const struct sadb_table *table, const struct sadb_match *match, const struct wanted *wanted,
	 struct found *found)
{
	const struct sadb_entry *entry = (const struct sadb_entry *)(const void *)match;
	const uint64_t *mask = table->kind == SADB_TABLE_EXACT ? table->mask : entry->mask;

	if (!agrees(match, mask, wanted->words) || (wanted->v6 && !agrees_more(table, match, wanted->words)) ||
	    !better(match, found))
		return;
	/* For a fragment such a policy stands in a table of ports. */
	if (wanted->fragment && table->kind == SADB_TABLE_SHARED && sadb_mask_ports(mask))
		return;
	found->match = match;
	if (table->kind == SADB_TABLE_EXACT)
		found->policy = exact_policy(match);
	else
		found->policy = __atomic_load_n(&entry->policy, __ATOMIC_ACQUIRE); /* see struct sadb_entry */
}

/* Every entry that the table may have for these words. */
static void
search_window(const struct sadb_table *table, const struct wanted *wanted, struct found *found)
{
	uint64_t hash = wanted->v6 ? table_hash_v6(table, wanted->words) : table_hash(table, wanted->words);
	const struct sadb_shard *shard = table->shard[hash >> table->shift];
	unsigned home = sadb_hash_bucket(hash), last = shard->bucket[home].away > 0 ? SADB_WINDOW : 1;

	for (unsigned i = 0; i < last; i++) {
		const struct sadb_bucket *bucket = &shard->bucket[(home + i) % SADB_BUCKETS];
		unsigned bits = tag_bits(bucket, sadb_hash_tag(hash)) & SLOT_BITS;
		for (; bits != 0; bits &= ~(3u << 2 * first_slot(bits)))
			consider(table, slot_match(bucket, first_slot(bits)), wanted, found);
	}
}

/* ---- one table, as most gateways have: what stands there decides ---- */

static void
search_only_table(const struct sadb_table *table, const struct sadb_flow_v4 *const flow[], unsigned n,
		  struct sadb_policy *out[])
{
	const struct sadb_bucket *bucket[LOOKUP_MAX];
	const struct sadb_match *match[LOOKUP_MAX];
	uint16_t tag[LOOKUP_MAX];
	uint64_t words[2];

	for (unsigned i = 0; i < n; i++) {
		sadb_flow_words(flow[i], words);
		uint64_t hash = table_hash(table, words);
		bucket[i] = home_bucket(table, hash);
		tag[i] = sadb_hash_tag(hash);
		rte_prefetch0(bucket[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned bits = tag_bits(bucket[i], tag[i]) & SLOT_BITS;
		match[i] = bits != 0 ? slot_match(bucket[i], first_slot(bits)) : NULL;
		if (match[i] != NULL)
			rte_prefetch0(match[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		struct found found = {NULL, NULL};
		sadb_flow_words(flow[i], words);
		if (match[i] != NULL && likely(agrees(match[i], table->mask, words)))
			found.policy = exact_policy(match[i]);
		else if (match[i] != NULL || bucket[i]->away > 0)
			search_window(table, &(struct wanted){.words = words}, &found);
		out[i] = found.policy;
	}
}

/* ---- several tables ---- */

/* The flows under way. live: those that the next table may still decide. */
struct batch {
	const struct sadb_spd *spd;
	unsigned n;
	uint8_t live[LOOKUP_MAX];
	uint32_t until[LOOKUP_MAX]; /* this table and the next ones have nothing better */
	uint32_t drop;              /* the lowest of these */
	uint64_t words[LOOKUP_MAX][2];
	struct found found[LOOKUP_MAX];
};

/* Which tables after this one can have something better than what was found. */
static inline void
look_ahead(struct batch *batch, unsigned t, unsigned i)
{
	const struct sadb_spd *spd = batch->spd;
	const struct sadb_match *match = batch->found[i].match;
	for (t++; t < spd->packets; t++)
		if (!sadb_order_before(spd->table[t].best_priority, spd->table[t].best_age, match))
			break;
	batch->until[i] = t;
	batch->drop = RTE_MIN(batch->drop, t);
}

/* One flow in a table that has candidates for it: first the most probable of them. */
static inline void
decide(struct batch *batch, unsigned t, unsigned i, const struct sadb_match *match)
{
	const struct sadb_table *table = &batch->spd->table[t];
	struct found *found = &batch->found[i];
	const struct sadb_match *before = found->match;

	if (table->kind == SADB_TABLE_EXACT && match != NULL && likely(agrees(match, table->mask, batch->words[i]))) {
		if (!better(match, found))
			return;
		*found = (struct found){match, exact_policy(match)};
	} else {
		search_window(table, &(struct wanted){.words = batch->words[i]}, found);
		if (found->match == before)
			return;
	}
	look_ahead(batch, t, i);
}

/* Few flows find something in one of many tables, and which is not to be foreseen: no branch on it before the last pass,
 * which is for those alone. */
static void
search_table(struct batch *batch, unsigned t)
{
	const struct sadb_table *table = &batch->spd->table[t];
	const struct sadb_bucket *bucket[LOOKUP_MAX];
	const struct sadb_match *match[LOOKUP_MAX];
	uint16_t tag[LOOKUP_MAX], bits[LOOKUP_MAX];
	uint8_t hit[LOOKUP_MAX];
	unsigned hits = 0;

	for (unsigned i = 0; i < batch->n; i++) {
		uint64_t hash = table_hash(table, batch->words[batch->live[i]]);
		bucket[i] = home_bucket(table, hash);
		tag[i] = sadb_hash_tag(hash);
		rte_prefetch0(bucket[i]);
	}
	for (unsigned i = 0; i < batch->n; i++) {
		bits[i] = (uint16_t)tag_bits(bucket[i], tag[i]);
		hit[hits] = (uint8_t)i;
		hits += bits[i] != 0;
	}
	for (unsigned k = 0; k < hits; k++) {
		unsigned i = hit[k];
		match[k] = bits[i] & SLOT_BITS ? slot_match(bucket[i], first_slot(bits[i])) : NULL;
		if (match[k] != NULL)
			rte_prefetch0(match[k]);
	}
	for (unsigned k = 0; k < hits; k++)
		decide(batch, t, batch->live[hit[k]], match[k]);
}

static void
drop_decided(struct batch *batch, unsigned t)
{
	unsigned kept = 0;
	batch->drop = UINT32_MAX;
	for (unsigned i = 0; i < batch->n; i++) {
		unsigned flow = batch->live[i];
		uint32_t until = batch->until[flow];
		batch->live[kept] = (uint8_t)flow;
		kept += t < until;
		batch->drop = RTE_MIN(batch->drop, t < until ? until : UINT32_MAX);
	}
	batch->n = kept;
}

static void
search_tables(const struct sadb_spd *spd, const struct sadb_flow_v4 *const flow[], unsigned n,
	      struct sadb_policy *out[])
{
	struct batch batch;

	batch.spd = spd;
	batch.n = n;
	batch.drop = UINT32_MAX;
	for (unsigned i = 0; i < n; i++) {
		sadb_flow_words(flow[i], batch.words[i]);
		batch.live[i] = (uint8_t)i;
		batch.until[i] = UINT32_MAX;
		batch.found[i] = (struct found){NULL, NULL};
	}
	for (unsigned t = 0; t < spd->packets && batch.n > 0; t++) {
		search_table(&batch, t);
		if (batch.drop <= t + 1 && t + 1 < spd->packets)
			drop_decided(&batch, t + 1);
	}
	for (unsigned i = 0; i < n; i++)
		out[i] = batch.found[i].policy;
}

void
sadb_spd_lookup(const struct sadb_spd *spd, const struct sadb_flow_v4 *const flow[], unsigned n,
		struct sadb_policy *out[])
{
	if (spd == NULL)
		memset(out, 0, n * sizeof(out[0]));
	else if (spd->packets == 1 && spd->table[0].kind == SADB_TABLE_EXACT)
		search_only_table(&spd->table[0], flow, n, out);
	else
		search_tables(spd, flow, n, out);
}

/* ---- one flow: fragments, and IPv6, of which a worker remembers the flows ---- */

/* For a fragment those tables of the first part whose mask has no ports, and those that stand for policies with ports. */
static void
search_in_order(const struct sadb_table table[], unsigned n, const struct wanted *wanted, struct found *found)
{
	for (unsigned t = 0; t < n; t++) {
		if (found->match != NULL && !sadb_order_before(table[t].best_priority, table[t].best_age, found->match))
			return;
		if (!wanted->fragment || !sadb_mask_ports(table[t].mask))
			search_window(&table[t], wanted, found);
	}
}

static struct sadb_policy *
search_one(const struct sadb_spd *spd, const struct wanted *wanted, bool *blocked)
{
	struct found found = {NULL, NULL};
	search_in_order(spd->table, spd->packets, wanted, &found);
	if (wanted->fragment)
		search_in_order(spd->table + spd->packets, spd->tables - spd->packets, wanted, &found);
	*blocked = found.match != NULL && found.policy == NULL;
	return found.policy;
}

struct sadb_policy *
sadb_spd_lookup_fragment(const struct sadb_spd *spd, const struct sadb_flow_v4 *flow, bool *blocked)
{
	uint64_t words[SADB_WIDTH_V4];

	*blocked = false;
	if (spd == NULL)
		return NULL;
	sadb_flow_words(flow, words);
	return search_one(spd, &(struct wanted){.words = words, .fragment = true}, blocked);
}

struct sadb_policy *
sadb_spd_lookup_v6(const struct sadb_spd *spd, const struct sadb_flow_v6 *flow, bool *blocked)
{
	uint64_t words[SADB_WIDTH_V6];

	*blocked = false;
	if (spd == NULL)
		return NULL;
	sadb_flow_words_v6(flow, words);
	return search_one(spd, &(struct wanted){.words = words, .v6 = true, .fragment = flow->later_fragment}, blocked);
}

static bool
is_or_any(const uint8_t tmpl[16], const uint8_t addr[16])
{
	static const uint8_t any[16];
	return memcmp(tmpl, any, sizeof(any)) == 0 || memcmp(tmpl, addr, sizeof(any)) == 0;
}

static __rte_noinline bool
names_v6(const struct sadb_policy *policy, const struct sadb_sa *sa)
{
	const struct sadb_sa_config *config = &sa->cold->config;
	if (!policy->tmpl_v6)
		return (policy->tmpl.src_be | policy->tmpl.dst_be) == 0;
	return (sa->flags & SADB_HOT_OUTER_V6) != 0 && is_or_any(policy->tmpl.v6->src, config->src.bytes) &&
	       is_or_any(policy->tmpl.v6->dst, config->dst.bytes);
}

bool
sadb_policy_names(const struct sadb_policy *policy, const struct sadb_sa *sa)
{
	if (policy->tmpl_v6 | (sa->flags & SADB_HOT_OUTER_V6))
		return names_v6(policy, sa);
	return (policy->tmpl.src_be == 0 || policy->tmpl.src_be == sa->src_v4_be) &&
	       (policy->tmpl.dst_be == 0 || policy->tmpl.dst_be == sa->dst_v4_be);
}

/* A packet that came in the clear needs a bypass; one that came through an SA needs a policy that asked for this SA. */
bool
sadb_policy_permits(const struct sadb_policy *policy, const struct sadb_sa *sa)
{
	if (sa == NULL)
		return policy->action == SADB_BYPASS;
	return policy->action == SADB_PROTECT && (policy->tmpl.spi_be == 0 || policy->tmpl.spi_be == sa->spi_be) &&
	       (policy->tmpl.reqid == 0 || policy->tmpl.reqid == sa->reqid) && sadb_policy_names(policy, sa);
}
