/* SPDX-License-Identifier: BSD-3-Clause
 * What a worker remembers of the flows it saw last: the policy and the route inside that the tables gave. Its own
 * worker's alone, one line a flow, each flow in one place.
 *
 * Why an old answer is never used: an entry bears the database's generation, read before the round's lookups. Every
 * publication of a policy or route table raises the generation before the old table's grace period begins, so a round
 * that still uses an old entry is one that the grace period waits for; a round after that reads a newer generation. Which
 * SA a policy uses is not remembered: that pointer is read anew for each packet. */
#ifndef DP_FLOW_CACHE_H
#define DP_FLOW_CACHE_H

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "sa-db/fib.h"
#include "sa-db/policy.h"
#include "sa-db/sadb.h"

#define DP_FLOW_BITS  10
#define DP_FLOW_SLOTS (1u << DP_FLOW_BITS) /* 64 KiB: a part of the second-level cache */

struct dp_flow_entry {
	alignas(64) struct sadb_flow_v4 flow;
	uintptr_t domain; /* see dp_flow_domain(); 0: empty */
	uint64_t generation;
	struct sadb_policy *policy;
	const struct sadb_nexthop *hop; /* of the packet's destination, inside; NULL: no route */
};
static_assert(sizeof(struct dp_flow_entry) == 64, "one line");
static_assert(sizeof(struct sadb_flow_v4) == 16, "two words");

/* Of an IPv6 flow its policy only: its route is looked up for each packet. */
struct dp_flow_entry_v6 {
	alignas(64) struct sadb_flow_v6 flow;
	uintptr_t domain;
	uint64_t generation;
	struct sadb_policy *policy;
};
static_assert(sizeof(struct dp_flow_entry_v6) == 64, "one line");

#define DP_FLOW_BITS_V6 8

struct dp_flow_cache {
	uint64_t generation; /* this round's */
	uint64_t seed;       /* an outsider cannot aim two flows at one place */
	struct dp_flow_entry entry[DP_FLOW_SLOTS];
	struct dp_flow_entry_v6 entry_v6[1u << DP_FLOW_BITS_V6];
};

/* The table that was asked: a vnet's, in one direction. */
static inline uintptr_t
dp_flow_domain(const struct sadb_vnet *vnet, enum sadb_policy_dir dir)
{
	return (uintptr_t)vnet | dir;
}
static_assert(SADB_POLICY_DIRS <= alignof(struct sadb_vnet), "a direction fits in the low bits");

static inline struct dp_flow_entry *
dp_flow_place(struct dp_flow_cache *cache, const struct sadb_flow_v4 *flow)
{
	uint64_t word[2];
	memcpy(word, flow, sizeof(word));
	uint64_t mixed = (word[0] ^ cache->seed) * UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ mixed >> 32 ^ word[1]) * UINT64_C(0xd6e8feb86659fd93);
	/* The highest bits: they alone depend on every bit of the ports. */
	return &cache->entry[mixed >> (64 - DP_FLOW_BITS)];
}

static inline bool
dp_flow_holds(const struct dp_flow_cache *cache, const struct dp_flow_entry *entry, const struct sadb_flow_v4 *flow,
	      uintptr_t domain)
{
	uint64_t a[2], b[2];
	memcpy(a, flow, sizeof(a));
	memcpy(b, &entry->flow, sizeof(b));
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (domain ^ entry->domain) | (cache->generation ^ entry->generation)) ==
	       0;
}

static inline struct dp_flow_entry_v6 *
dp_flow_place_v6(struct dp_flow_cache *cache, const struct sadb_flow_v6 *flow)
{
	uint64_t word[5], mixed = cache->seed;
	memcpy(word, flow, sizeof(word));
	for (unsigned i = 0; i < 5; i++)
		mixed = (mixed ^ mixed >> 32 ^ word[i]) * UINT64_C(0xd6e8feb86659fd93);
	return &cache->entry_v6[mixed >> (64 - DP_FLOW_BITS_V6)];
}

static inline bool
dp_flow_holds_v6(const struct dp_flow_cache *cache, const struct dp_flow_entry_v6 *entry,
		 const struct sadb_flow_v6 *flow, uintptr_t domain)
{
	return entry->domain == domain && entry->generation == cache->generation &&
	       memcmp(&entry->flow, flow, sizeof(*flow)) == 0;
}

/* A fragment without ports is not a flow: never remembered. */
static inline void
dp_flow_remember(struct dp_flow_cache *cache, const struct sadb_flow_v4 *flow, uintptr_t domain,
		 struct sadb_policy *policy, const struct sadb_nexthop *hop)
{
	if (flow->later_fragment)
		return;
	*dp_flow_place(cache, flow) = (struct dp_flow_entry){
	    .flow = *flow, .domain = domain, .generation = cache->generation, .policy = policy, .hop = hop};
}

#endif
