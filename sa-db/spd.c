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
	const struct sadb_match *match; /* the order to beat; NULL: none yet */
	struct sadb_policy *policy;     /* NULL with a match: it asks for ports that a fragment does not show */
};

static inline const struct sadb_bucket *
home_bucket(const struct sadb_table *table, uint64_t hash)
{
	return &table->shard[hash >> table->shift]->bucket[sadb_hash_bucket(hash)];
}

/* One bit per slot of the bucket whose tag is this one. */
static inline unsigned
tag_slots(const struct sadb_bucket *bucket, uint16_t tag)
{
#ifdef __SSE2__
	__m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket->tag);
	__m128i same = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128())) & ((1 << SADB_SLOTS) - 1);
#else
	unsigned slots = 0;
	for (unsigned i = 0; i < SADB_SLOTS; i++)
		slots |= (unsigned)(bucket->tag[i] == tag) << i;
	return slots;
#endif
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

/* What an entry says of a flow that has these words; nothing when it is for others, or stands behind what was found. */
static inline void
consider(const struct sadb_table *table, const struct sadb_match *match, const uint64_t words[2], bool fragment,
	 struct found *found)
{
	const struct sadb_entry *entry = (const struct sadb_entry *)(const void *)match;
	const uint64_t *mask = table->kind == SADB_TABLE_EXACT ? table->mask : entry->mask;

	if (!agrees(match, mask, words) ||
	    (found->match != NULL && !sadb_order_before(match->priority, match->age, found->match)))
		return;
	/* For a fragment such a policy stands in a table of ports. */
	if (fragment && table->kind == SADB_TABLE_SHARED && sadb_mask_ports(mask))
		return;
	found->match = match;
	if (table->kind == SADB_TABLE_EXACT)
		found->policy = (struct sadb_policy *)(uintptr_t)match;
	else
		found->policy = __atomic_load_n(&entry->policy, __ATOMIC_ACQUIRE); /* see struct sadb_entry */
}

/* Every entry that the table may have for these words. */
static void
search_window(const struct sadb_table *table, const uint64_t words[2], bool fragment, struct found *found)
{
	uint64_t hash = sadb_table_hash(table->seed, words[0] & table->mask[0], words[1] & table->mask[1]);
	const struct sadb_shard *shard = table->shard[hash >> table->shift];
	unsigned home = sadb_hash_bucket(hash), last = shard->bucket[home].away > 0 ? SADB_WINDOW : 1;

	for (unsigned i = 0; i < last; i++) {
		const struct sadb_bucket *bucket = &shard->bucket[(home + i) % SADB_BUCKETS];
		for (unsigned slots = tag_slots(bucket, sadb_hash_tag(hash)); slots != 0; slots &= slots - 1)
			consider(table, slot_match(bucket, (unsigned)__builtin_ctz(slots)), words, fragment, found);
	}
}

/* live: which flows of the batch the table may still decide. */
static inline void
search_table(const struct sadb_table *table, const struct sadb_flow_v4 *const flow[], const uint8_t live[], unsigned n,
	     struct found found[])
{
	const struct sadb_bucket *bucket[LOOKUP_MAX];
	const struct sadb_match *match[LOOKUP_MAX];
	uint16_t tag[LOOKUP_MAX];
	uint64_t words[2];

	for (unsigned i = 0; i < n; i++) {
		sadb_flow_words(flow[live[i]], words);
		uint64_t hash = sadb_table_hash(table->seed, words[0] & table->mask[0], words[1] & table->mask[1]);
		bucket[i] = home_bucket(table, hash);
		tag[i] = sadb_hash_tag(hash);
		rte_prefetch0(bucket[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned slots = tag_slots(bucket[i], tag[i]);
		match[i] = slots != 0 ? slot_match(bucket[i], (unsigned)__builtin_ctz(slots)) : NULL;
		rte_prefetch0(match[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		struct found *best = &found[live[i]];
		sadb_flow_words(flow[live[i]], words);
		if (table->kind == SADB_TABLE_EXACT && match[i] != NULL && likely(agrees(match[i], table->mask, words)))
			consider(table, match[i], words, false, best);
		else if (match[i] != NULL || bucket[i]->away > 0)
			search_window(table, words, false, best);
	}
}

/* Keeps of live[] the flows that a table could still serve better. */
static inline unsigned
drop_decided(const struct sadb_table *table, const struct found found[], uint8_t live[], unsigned n)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct sadb_match *match = found[live[i]].match;
		live[kept] = live[i];
		kept += match == NULL || sadb_order_before(table->best_priority, table->best_age, match);
	}
	return kept;
}

void
sadb_spd_lookup(const struct sadb_spd *spd, const struct sadb_flow_v4 *const flow[], unsigned n,
		struct sadb_policy *out[])
{
	struct found found[LOOKUP_MAX];
	uint8_t live[LOOKUP_MAX];
	unsigned left = n;

	for (unsigned i = 0; i < n; i++) {
		found[i] = (struct found){NULL, NULL};
		live[i] = (uint8_t)i;
	}
	for (unsigned t = 0; spd != NULL && t < spd->packets; t++) {
		if (t > 0)
			left = drop_decided(&spd->table[t], found, live, left);
		if (left == 0)
			break;
		search_table(&spd->table[t], flow, live, left, found);
	}
	for (unsigned i = 0; i < n; i++)
		out[i] = found[i].policy;
}

/* Tables of the first part, those whose mask has no ports, and those that stand for policies with ports. */
static void
search_fragment(const struct sadb_table table[], unsigned n, const uint64_t words[2], struct found *found)
{
	for (unsigned t = 0; t < n; t++) {
		if (found->match != NULL && !sadb_order_before(table[t].best_priority, table[t].best_age, found->match))
			return;
		if (!sadb_mask_ports(table[t].mask))
			search_window(&table[t], words, true, found);
	}
}

struct sadb_policy *
sadb_spd_lookup_fragment(const struct sadb_spd *spd, const struct sadb_flow_v4 *flow, bool *blocked)
{
	struct found found = {NULL, NULL};
	uint64_t words[2];

	*blocked = false;
	if (spd == NULL)
		return NULL;
	sadb_flow_words(flow, words);
	search_fragment(spd->table, spd->packets, words, &found);
	search_fragment(spd->table + spd->packets, spd->tables - spd->packets, words, &found);
	*blocked = found.match != NULL && found.policy == NULL;
	return found.policy;
}

/* A packet that came in the clear needs a bypass; one that came through an SA needs a policy that asked for this SA. */
bool
sadb_policy_permits(const struct sadb_policy *policy, const struct sadb_sa *sa)
{
	if (sa == NULL)
		return policy->action == SADB_BYPASS;
	return policy->action == SADB_PROTECT && (policy->tmpl.spi_be == 0 || policy->tmpl.spi_be == sa->spi_be) &&
	       (policy->tmpl.reqid == 0 || policy->tmpl.reqid == sa->reqid) &&
	       (policy->tmpl.src_be == 0 || policy->tmpl.src_be == sa->src_v4_be) &&
	       (policy->tmpl.dst_be == 0 || policy->tmpl.dst_be == sa->dst_v4_be);
}
