/* SPDX-License-Identifier: BSD-3-Clause
 * Policies that ask for ports, as a fragment without ports meets them (RFC 4301 7): of those that agree in addresses and
 * protocol only the first in order matters, and that it asks for ports. One entry in a table of its own kind stands for
 * all of them. Control thread. */
#include "sa-db/tuple.h"

#include <errno.h>
#include <stdlib.h>

/* The policies of a domain that agree in all but ports. */
struct sadb_ports {
	struct sadb_link by_value;
	struct sadb_domain *domain;
	uint64_t mask[SADB_WORDS_MAX], value[SADB_WORDS_MAX];
	struct sadb_tree rules; /* struct sadb_ports_rule; what is staged */
	/* What is published, and what the build under way has instead. */
	struct sadb_entry *entry, *fresh;
	struct sadb_tuple *tuple, *fresh_tuple;
	struct sadb_node by_order;       /* in tuple */
	struct sadb_ports *next_changed; /* of the domain */
	bool changed;
};

struct sadb_ports_rule {
	struct sadb_node by_order; /* in ports->rules */
	struct sadb_rule *rule;
	struct sadb_ports *ports;
};

static bool
rule_before(const struct sadb_node *a, const struct sadb_node *b)
{
	const struct sadb_match *x = &sadb_entry(a, struct sadb_ports_rule, by_order)->rule->hot->match;
	return sadb_order_before(x->priority, x->age,
				 &sadb_entry(b, struct sadb_ports_rule, by_order)->rule->hot->match);
}

static bool
ports_before(const struct sadb_node *a, const struct sadb_node *b)
{
	const struct sadb_match *x = &sadb_entry(a, struct sadb_ports, by_order)->entry->match;
	return sadb_order_before(x->priority, x->age, &sadb_entry(b, struct sadb_ports, by_order)->entry->match);
}

const struct sadb_match *
sadb_ports_match(const struct sadb_node *node)
{
	return &sadb_entry(node, struct sadb_ports, by_order)->entry->match;
}

/* ---- staged ---- */

static struct sadb_ports *
ports_get(struct sadb *db, struct sadb_domain *domain, const uint64_t mask[SADB_WORDS_MAX],
	  const uint64_t value[SADB_WORDS_MAX])
{
	uint64_t key[1 + 2 * SADB_WORDS_MAX] = {(uintptr_t)domain};
	memcpy(key + 1, mask, SADB_WORDS_MAX * sizeof(key[0]));
	memcpy(key + 1 + SADB_WORDS_MAX, value, SADB_WORDS_MAX * sizeof(key[0]));
	uint32_t hash = sadb_hash(db, key, sizeof(key));
	for (struct sadb_link *link = sadb_map_first(&db->ports, hash); link != NULL; link = sadb_map_next(link)) {
		struct sadb_ports *ports = sadb_entry(link, struct sadb_ports, by_value);
		if (ports->domain == domain && memcmp(ports->mask, mask, sizeof(ports->mask)) == 0 &&
		    memcmp(ports->value, value, sizeof(ports->value)) == 0)
			return ports;
	}
	struct sadb_ports *ports = calloc(1, sizeof(*ports));
	if (ports == NULL)
		return NULL;
	ports->domain = domain;
	memcpy(ports->mask, mask, sizeof(ports->mask));
	memcpy(ports->value, value, sizeof(ports->value));
	ports->rules.before = rule_before;
	sadb_map_add(&db->ports, &ports->by_value, hash);
	return ports;
}

int
sadb_ports_create(struct sadb *db, struct sadb_rule *rule)
{
	struct sadb_selector sel = rule->sel;
	uint64_t mask[SADB_WORDS_MAX], value[SADB_WORDS_MAX];
	if ((sel.sport_mask_be | sel.dport_mask_be) == 0)
		return 0;
	sel.sport_mask_be = sel.dport_mask_be = 0;
	sadb_selector_words(&sel, mask, value);
	struct sadb_ports_rule *with_ports = calloc(1, sizeof(*with_ports));
	if (with_ports == NULL)
		return -ENOMEM;
	with_ports->rule = rule;
	with_ports->ports = ports_get(db, rule->domain, mask, value);
	if (with_ports->ports == NULL) {
		free(with_ports);
		return -ENOMEM;
	}
	rule->with_ports = with_ports;
	return 0;
}

static void
mark_changed(struct sadb_ports *ports)
{
	if (ports->changed)
		return;
	ports->changed = true;
	ports->fresh = ports->entry;
	ports->fresh_tuple = ports->tuple;
	ports->next_changed = ports->domain->changed;
	ports->domain->changed = ports;
}

void
sadb_ports_enter(struct sadb_rule *rule)
{
	if (rule->with_ports == NULL)
		return;
	sadb_tree_add(&rule->with_ports->ports->rules, &rule->with_ports->by_order);
	mark_changed(rule->with_ports->ports);
}

void
sadb_ports_leave(struct sadb_rule *rule)
{
	struct sadb_ports_rule *with_ports = rule->with_ports;
	if (with_ports == NULL)
		return;
	sadb_tree_del(&with_ports->ports->rules, &with_ports->by_order);
	mark_changed(with_ports->ports);
	rule->with_ports = NULL;
	free(with_ports);
}

/* ---- published ---- */

/* The first of the policies; NULL: none is left. */
static const struct sadb_match *
first_match(const struct sadb_ports *ports)
{
	const struct sadb_node *node = sadb_tree_first(&ports->rules);
	return node == NULL ? NULL : &sadb_entry(node, struct sadb_ports_rule, by_order)->rule->hot->match;
}

static bool
stands(const struct sadb_ports *ports)
{
	const struct sadb_match *first = first_match(ports);
	if (first == NULL || ports->entry == NULL)
		return first == NULL && ports->entry == NULL;
	return first->priority == ports->entry->match.priority && first->age == ports->entry->match.age;
}

bool
sadb_ports_changed(const struct sadb_domain *domain)
{
	for (const struct sadb_ports *ports = domain->changed; ports != NULL; ports = ports->next_changed)
		if (!stands(ports))
			return true;
	return false;
}

static int
put_entry(struct sadb_build *build, struct sadb_ports *ports, const struct sadb_match *first)
{
	struct sadb_tuple_id id = {.kind = SADB_TABLE_PORTS};
	struct sadb_entry *entry = sadb_build_entry(build, ports->mask, ports->value);
	if (entry == NULL)
		return -ENOMEM;
	sadb_order_as(&entry->match, first);
	memcpy(id.mask, ports->mask, sizeof(id.mask));
	ports->fresh = entry;
	return sadb_build_insert(build, &id, &entry->match, &ports->fresh_tuple);
}

int
sadb_ports_build(struct sadb_build *build)
{
	for (struct sadb_ports *ports = build->domain->changed; ports != NULL; ports = ports->next_changed) {
		const struct sadb_match *first = first_match(ports);
		int rc = 0;
		if (stands(ports))
			continue;
		ports->fresh = NULL;
		if (ports->entry != NULL)
			rc = sadb_tuple_remove(build, ports->tuple, &ports->entry->match);
		if (rc == 0 && first != NULL)
			rc = put_entry(build, ports, first);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void
sadb_ports_give_up(struct sadb_domain *domain)
{
	for (struct sadb_ports *ports = domain->changed; ports != NULL; ports = ports->next_changed) {
		ports->fresh = ports->entry;
		ports->fresh_tuple = ports->tuple;
	}
}

/* The group's part ends here if it has no policies any more. */
static void
settle(struct sadb_build *build, struct sadb_ports *ports)
{
	if (ports->fresh != ports->entry && ports->entry != NULL) {
		ports->entry->next = build->stale_entries;
		build->stale_entries = ports->entry;
	}
	ports->entry = ports->fresh;
	ports->tuple = ports->fresh_tuple;
	ports->changed = false;
	if (ports->rules.root == NULL) {
		sadb_map_del(&build->db->ports, &ports->by_value);
		free(ports);
	}
}

void
sadb_ports_publish(struct sadb_build *build)
{
	struct sadb_ports *ports;
	for (ports = build->domain->changed; ports != NULL; ports = ports->next_changed)
		if (ports->fresh != ports->entry && ports->entry != NULL)
			sadb_tree_del(&ports->tuple->members, &ports->by_order);
	while ((ports = build->domain->changed) != NULL) {
		bool enters = ports->fresh != ports->entry && ports->fresh != NULL;
		build->domain->changed = ports->next_changed;
		settle(build, ports);
		if (!enters) /* it may be gone */
			continue;
		ports->tuple->members.before = ports_before;
		sadb_tree_add(&ports->tuple->members, &ports->by_order);
	}
}

void
sadb_ports_settle(struct sadb *db, struct sadb_domain *domain)
{
	struct sadb_build build = {.db = db, .domain = domain};
	sadb_ports_publish(&build);
}

void
sadb_ports_drop(struct sadb_build *build)
{
	struct sadb_ports *ports;
	while ((ports = build->domain->changed) != NULL) {
		build->domain->changed = ports->next_changed;
		ports->fresh = NULL;
		settle(build, ports);
	}
}
