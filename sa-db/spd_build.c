/* SPDX-License-Identifier: BSD-3-Clause
 * The next version of a domain's published tables, from the one before and what is staged. First all that can fail, in
 * copies that no worker sees; then the control thread's own books and one release store. Control thread. */
#include "sa-db/tuple.h"

#include <errno.h>
#include <stdlib.h>

/* So many different masks have a table each. A peer that may choose selectors could make a lookup as slow as it likes by
 * asking for ever new masks; therefore further ones share tables of coarser masks, a bounded number of them (see
 * shared_id()). With few masks, which is what gateways have, every table has one candidate for a packet at most. */
#define EXACT_TABLES 4

/* ---- masks ---- */

bool
sadb_selector_v6(const struct sadb_selector *sel)
{
	return sel->src.addr.family == AF_INET6 || sel->dst.addr.family == AF_INET6;
}

/* Of a flow that has these addresses, ports and protocol, whatever its family. */
static void
words_of(bool v6, const struct sadb_flow *flow, uint64_t words[SADB_WORDS_MAX])
{
	struct sadb_flow_v6 wide = {.sport_be = flow->sport_be, .dport_be = flow->dport_be, .proto = flow->proto};
	struct sadb_flow_v4 narrow = {.src_be = sadb_addr_to_v4(&flow->src),
				      .dst_be = sadb_addr_to_v4(&flow->dst),
				      .sport_be = flow->sport_be,
				      .dport_be = flow->dport_be,
				      .proto = flow->proto};
	memcpy(wide.src, flow->src.bytes, sizeof(wide.src));
	memcpy(wide.dst, flow->dst.bytes, sizeof(wide.dst));
	memset(words, 0, SADB_WORDS_MAX * sizeof(words[0]));
	if (v6)
		sadb_flow_words_v6(&wide, words);
	else
		sadb_flow_words(&narrow, words);
}

void
sadb_selector_words(const struct sadb_selector *sel, uint64_t mask[SADB_WORDS_MAX], uint64_t value[SADB_WORDS_MAX])
{
	struct sadb_prefix src = {.len = sel->src.len}, dst = {.len = sel->dst.len};
	memset(src.addr.bytes, UINT8_MAX, sizeof(src.addr.bytes));
	memset(dst.addr.bytes, UINT8_MAX, sizeof(dst.addr.bytes));
	sadb_prefix_trim(&src);
	sadb_prefix_trim(&dst);
	const struct sadb_flow fixed = {.src = src.addr,
					.dst = dst.addr,
					.sport_be = sel->sport_mask_be,
					.dport_be = sel->dport_mask_be,
					.proto = sel->proto != 0 ? UINT8_MAX : 0};
	const struct sadb_flow flow = {.src = sel->src.addr,
				       .dst = sel->dst.addr,
				       .sport_be = sel->sport_be,
				       .dport_be = sel->dport_be,
				       .proto = sel->proto};
	words_of(sadb_selector_v6(sel), &fixed, mask);
	words_of(sadb_selector_v6(sel), &flow, value);
	for (unsigned i = 0; i < SADB_WORDS_MAX; i++)
		value[i] &= mask[i];
}

/* "Any" and 0.0.0.0/0 are two selectors, but the same bits: in tables of their own, no two entries have the same value. */
static struct sadb_tuple_id
exact_id(const struct sadb_selector *sel)
{
	struct sadb_tuple_id id = {.kind = SADB_TABLE_EXACT};
	uint64_t value[SADB_WORDS_MAX];
	sadb_selector_words(sel, id.mask, value);
	id.variant = (uint8_t)((sel->src.addr.family != AF_UNSPEC) | (sel->dst.addr.family != AF_UNSPEC) << 1);
	return id;
}

#define SHARED_LEVELS 2

/* Level 0: prefix lengths in steps of 8 (IPv6: 32), no protocol, no ports: 25 tables. What is crowded there goes to level 1:
 * half the steps, and the selector's own protocol and ports. In both, of the policies that can share a key, few can share a packet. */
static struct sadb_tuple_id
shared_id(const struct sadb_selector *sel, unsigned level)
{
	struct sadb_tuple_id id = {.kind = SADB_TABLE_SHARED, .variant = (uint8_t)level};
	struct sadb_selector wide = *sel;
	unsigned step = (sadb_selector_v6(sel) ? 32 : 8) >> level;
	uint64_t value[SADB_WORDS_MAX];
	wide.src.len = (uint8_t)(sel->src.len - sel->src.len % step);
	wide.dst.len = (uint8_t)(sel->dst.len - sel->dst.len % step);
	if (level == 0)
		wide.proto = 0, wide.sport_mask_be = wide.dport_mask_be = 0;
	sadb_selector_words(&wide, id.mask, value);
	return id;
}

/* ---- what comes in and goes out ---- */

struct sadb_entry *
sadb_build_entry(struct sadb_build *build, const uint64_t mask[SADB_WORDS_MAX], const uint64_t value[SADB_WORDS_MAX])
{
	bool v6 = build->domain->width == SADB_WIDTH_V6;
	struct sadb_entry *entry = sadb_slab_alloc(v6 ? &build->db->entries_v6 : &build->db->entries);
	if (entry == NULL)
		return NULL;
	memcpy(entry->mask, mask, sizeof(entry->mask));
	memcpy(entry->match.value, value, sizeof(entry->match.value));
	if (v6) {
		struct sadb_match_more *more = sadb_match_more(&entry->match);
		memcpy(more->mask, mask + SADB_WIDTH_V4, sizeof(more->mask));
		memcpy(more->value, value + SADB_WIDTH_V4, sizeof(more->value));
	}
	entry->next = build->fresh_entries;
	build->fresh_entries = entry;
	return entry;
}

static struct sadb_entry *
entry_for(struct sadb_build *build, const struct sadb_rule *rule)
{
	uint64_t mask[SADB_WORDS_MAX], value[SADB_WORDS_MAX];
	sadb_selector_words(&rule->sel, mask, value);
	struct sadb_entry *entry = sadb_build_entry(build, mask, value);
	if (entry == NULL)
		return NULL;
	sadb_order_as(&entry->match, &rule->hot->match);
	entry->policy = rule->hot;
	return entry;
}

static bool
is(const struct sadb_tuple *tuple, const struct sadb_tuple_id *id)
{
	return tuple->id.kind == id->kind && tuple->id.variant == id->variant &&
	       memcmp(tuple->id.mask, id->mask, sizeof(id->mask)) == 0;
}

int
sadb_build_insert(struct sadb_build *build, const struct sadb_tuple_id *id, struct sadb_match *match,
		  struct sadb_tuple **where)
{
	for (struct sadb_tuple *tuple = build->domain->tuples; tuple != NULL; tuple = tuple->next) {
		if (!is(tuple, id))
			continue;
		*where = tuple;
		int rc = sadb_tuple_insert(build, tuple, match);
		/* Keys that crowd under the seed of one table do not under that of the next: see spd.h. */
		if (rc != -E2BIG || id->kind == SADB_TABLE_SHARED)
			return rc;
	}
	struct sadb_tuple *tuple = sadb_tuple_create(id, build->domain->width);
	if (tuple == NULL)
		return -ENOMEM;
	tuple->next = build->domain->tuples;
	build->domain->tuples = tuple;
	*where = tuple;
	return sadb_tuple_insert(build, tuple, match);
}

/* Has the rule's mask a table of its own, or may it have one? */
static bool
has_own_table(const struct sadb_domain *domain, const struct sadb_tuple_id *id)
{
	unsigned exact = 0;
	for (const struct sadb_tuple *tuple = domain->tuples; tuple != NULL; tuple = tuple->next) {
		if (is(tuple, id))
			return true;
		exact += tuple->id.kind == SADB_TABLE_EXACT;
	}
	return exact < EXACT_TABLES;
}

static int
put_in_shared(struct sadb_build *build, struct sadb_rule *rule)
{
	int rc = -E2BIG;
	struct sadb_entry *entry = entry_for(build, rule);
	if (entry == NULL)
		return -ENOMEM;
	for (unsigned level = 0; level < SHARED_LEVELS && rc == -E2BIG; level++) {
		const struct sadb_tuple_id id = shared_id(&rule->sel, level);
		rc = sadb_build_insert(build, &id, &entry->match, &rule->tuple);
	}
	if (rc == -E2BIG) { /* the newest in the list */
		build->fresh_entries = entry->next;
		sadb_slab_free(entry);
	}
	return rc;
}

static int
put_in(struct sadb_build *build, struct sadb_rule *rule)
{
	const struct sadb_tuple_id id = exact_id(&rule->sel);
	int rc = -E2BIG;
	if (!has_own_table(build->domain, &id))
		rc = put_in_shared(build, rule);
	return rc == -E2BIG ? sadb_build_insert(build, &id, &rule->hot->match, &rule->tuple) : rc;
}

/* heir: takes its place, or NULL. */
static int
take_out(struct sadb_build *build, struct sadb_rule *rule, struct sadb_rule *heir)
{
	struct sadb_tuple *tuple = rule->tuple;
	struct sadb_match *match = &rule->hot->match, *by = heir != NULL ? &heir->hot->match : NULL;
	if (tuple->id.kind == SADB_TABLE_SHARED) {
		struct sadb_entry *entry = sadb_tuple_entry(tuple, rule->hot), *fresh = NULL;
		match = &entry->match;
		if (heir != NULL) {
			fresh = entry_for(build, heir);
			if (fresh == NULL)
				return -ENOMEM;
			by = &fresh->match;
		}
		entry->next = build->stale_entries;
		build->stale_entries = entry;
	}
	if (heir == NULL)
		return sadb_tuple_remove(build, tuple, match);
	heir->tuple = tuple;
	return sadb_tuple_replace(build, tuple, match, by);
}

static int
change_rules(struct sadb_build *build)
{
	int rc = 0;
	for (struct sadb_rule *rule = build->domain->gone; rule != NULL && rc == 0; rule = rule->next)
		if (rule->tuple != NULL)
			rc = take_out(build, rule, sadb_rule_heir(rule));
	for (struct sadb_rule *rule = build->domain->added; rule != NULL && rc == 0; rule = rule->next)
		if (rule->tuple == NULL) /* not an heir: those are in already */
			rc = put_in(build, rule);
	return rc;
}

static void
give_up(struct sadb_build *build)
{
	struct sadb *db = build->db;
	struct sadb_retired *note;
	struct sadb_entry *entry;
	struct sadb_tuple *tuple;

	sadb_ports_give_up(build->domain);
	for (struct sadb_rule *rule = build->domain->added; rule != NULL; rule = rule->next)
		rule->tuple = NULL;
	for (struct sadb_tuple **at = &build->domain->tuples; (tuple = *at) != NULL;) {
		sadb_tuple_revert(tuple);
		if (tuple->dir != NULL) {
			at = &tuple->next;
			continue;
		}
		*at = tuple->next;
		sadb_tuple_destroy(db, tuple);
	}
	while ((note = build->fresh_shards) != NULL) {
		build->fresh_shards = note->next;
		sadb_slab_free(note->p);
	}
	while ((entry = build->fresh_entries) != NULL) {
		build->fresh_entries = entry->next;
		sadb_slab_free(entry);
	}
}

/* ---- the books ---- */

static bool
rule_before(const struct sadb_node *a, const struct sadb_node *b)
{
	const struct sadb_match *x = &sadb_entry(a, struct sadb_rule, by_order)->hot->match;
	return sadb_order_before(x->priority, x->age, &sadb_entry(b, struct sadb_rule, by_order)->hot->match);
}

/* All that go first: an heir has the same place in the order. */
static void
count_members(struct sadb_domain *domain)
{
	for (struct sadb_rule *rule = domain->gone; rule != NULL; rule = rule->next)
		if (rule->tuple != NULL)
			sadb_tree_del(&rule->tuple->members, &rule->by_order);
	for (struct sadb_rule *rule = domain->added; rule != NULL; rule = rule->next) {
		rule->tuple->members.before = rule_before;
		sadb_tree_add(&rule->tuple->members, &rule->by_order);
	}
}

static const struct sadb_match *
best_of(const struct sadb_tuple *tuple)
{
	const struct sadb_node *node = sadb_tree_first(&tuple->members);
	return tuple->id.kind == SADB_TABLE_PORTS ? sadb_ports_match(node)
						  : &sadb_entry(node, struct sadb_rule, by_order)->hot->match;
}

/* At most so many will be published. */
static unsigned
tables_of(const struct sadb_domain *domain)
{
	unsigned n = 0;
	for (const struct sadb_tuple *tuple = domain->tuples; tuple != NULL; tuple = tuple->next)
		n++;
	return n;
}

/* Those of ports behind all others. */
static int
table_order(const void *a, const void *b)
{
	const struct sadb_table *x = a, *y = b;
	bool x_ports = x->kind == SADB_TABLE_PORTS, y_ports = y->kind == SADB_TABLE_PORTS;
	if (x_ports != y_ports)
		return x_ports ? 1 : -1;
	if (x->best_priority != y->best_priority)
		return x->best_priority < y->best_priority ? -1 : 1;
	return x->best_age < y->best_age ? -1 : x->best_age > y->best_age;
}

/* What a wide table has beyond the line of its struct. */
static const struct sadb_table_more *
fill_more(struct sadb_table_more *more, const struct sadb_tuple *tuple)
{
	if (tuple->width != SADB_WIDTH_V6)
		return NULL;
	memcpy(more->mask, tuple->id.mask + SADB_WIDTH_V4, sizeof(more->mask));
	memcpy(more->seed, tuple->seed + SADB_WIDTH_V4, sizeof(more->seed));
	return more;
}

static void
fill_spd(struct sadb_spd *spd, const struct sadb_domain *domain)
{
	struct sadb_table_more *more = (struct sadb_table_more *)(void *)&spd->table[tables_of(domain)];
	for (const struct sadb_tuple *tuple = domain->tuples; tuple != NULL; tuple = tuple->next) {
		if (tuple->members.root == NULL)
			continue;
		const struct sadb_match *best = best_of(tuple);
		spd->table[spd->tables] = (struct sadb_table){
		    .mask = {tuple->id.mask[0], tuple->id.mask[1]},
		    .seed = {tuple->seed[0], tuple->seed[1]},
		    .shard = tuple->dir->shard,
		    .best_age = best->age,
		    .best_priority = best->priority,
		    .shift = (uint8_t)(64 - tuple->dir->depth),
		    .kind = tuple->id.kind,
		    .more = fill_more(&more[spd->tables], tuple),
		};
		spd->tables++;
		spd->packets += tuple->id.kind != SADB_TABLE_PORTS;
	}
	qsort(spd->table, spd->tables, sizeof(spd->table[0]), table_order);
}

/* ---- published ---- */

static struct sadb_spd *
spd_alloc(const struct sadb_domain *domain)
{
	size_t one = sizeof(struct sadb_table);
	if (domain->width == SADB_WIDTH_V6)
		one += sizeof(struct sadb_table_more);
	size_t bytes = sizeof(struct sadb_spd) + tables_of(domain) * one;
	struct sadb_spd *spd = aligned_alloc(alignof(struct sadb_spd), bytes);
	if (spd != NULL)
		memset(spd, 0, sizeof(*spd));
	return spd;
}

static void
publish(struct sadb *db, struct sadb_domain *domain, struct sadb_spd *spd)
{
	struct sadb_spd *old = *domain->published;
	__atomic_store_n(domain->published, spd, __ATOMIC_RELEASE); /* pairs with the acquire in sadb_vnet_spd() */
	sadb_generation_raise(db);
	if (old != NULL)
		sadb_retire_embedded(db, &old->note, old, free);
}

/* What workers do not find any more. */
static void
retire_stale(struct sadb_build *build)
{
	struct sadb *db = build->db;
	struct sadb_retired *note;
	struct sadb_entry *entry;
	struct sadb_tuple *tuple;

	for (struct sadb_tuple **at = &build->domain->tuples; (tuple = *at) != NULL;) {
		sadb_tuple_publish(build, tuple);
		if (tuple->members.root != NULL) {
			at = &tuple->next;
			continue;
		}
		*at = tuple->next;
		sadb_tuple_destroy(db, tuple);
	}
	while ((note = build->stale_shards) != NULL) {
		build->stale_shards = note->next;
		sadb_retire_embedded(db, note, note->p, sadb_slab_free);
	}
	while ((entry = build->stale_entries) != NULL) {
		build->stale_entries = entry->next;
		sadb_retire(db, entry, sadb_slab_free);
	}
}

int
sadb_spd_build(struct sadb *db, struct sadb_domain *domain)
{
	struct sadb_build build = {.db = db, .domain = domain, .version = ++db->spd_version};
	struct sadb_spd *spd = NULL;
	int rc = change_rules(&build);
	if (rc == 0)
		rc = sadb_ports_build(&build);
	if (rc == 0 && (spd = spd_alloc(domain)) == NULL)
		rc = -ENOMEM;
	if (rc != 0) {
		give_up(&build);
		return rc;
	}
	count_members(domain);
	sadb_ports_publish(&build);
	fill_spd(spd, domain);
	publish(db, domain, spd);
	retire_stale(&build);
	return 0;
}

void
sadb_spd_drop(struct sadb *db, struct sadb_domain *domain)
{
	struct sadb_build build = {.db = db, .domain = domain};
	for (struct sadb_rule *rule = domain->gone; rule != NULL; rule = rule->next) {
		if (rule->tuple == NULL || rule->tuple->id.kind != SADB_TABLE_SHARED)
			continue;
		struct sadb_entry *entry = sadb_tuple_entry(rule->tuple, rule->hot);
		entry->next = build.stale_entries;
		build.stale_entries = entry;
	}
	for (struct sadb_tuple *tuple = domain->tuples; tuple != NULL; tuple = tuple->next)
		tuple->members.root = NULL;
	sadb_ports_drop(&build);
	publish(db, domain, NULL);
	retire_stale(&build);
}
