/* SPDX-License-Identifier: BSD-3-Clause
 * Policies added, replaced, deleted and shown; the tables they make are published by sadb_policies_commit(). Control
 * thread. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/xfrm.h>

int
sadb_policies_init(struct sadb *db)
{
	int rc = sadb_map_init(&db->groups);
	if (rc == 0)
		rc = sadb_map_init(&db->selectors);
	db->rule = calloc(db->config.max_policies, sizeof(*db->rule));
	return rc == 0 && db->rule == NULL ? -ENOMEM : rc;
}

/* ---- the index: an array sorted by the policy's number ---- */

/* Where this number is, or would be. */
static uint32_t
index_place(const struct sadb *db, uint32_t index)
{
	uint32_t low = 0, high = db->rule_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (db->rule[middle]->config.index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct sadb_rule *
find_index(const struct sadb *db, uint32_t index)
{
	uint32_t at = index_place(db, index);
	return at < db->rule_count && db->rule[at]->config.index == index ? db->rule[at] : NULL;
}

static uint32_t
free_index(struct sadb *db, uint8_t dir)
{
	uint32_t index;
	do {
		db->next_index += 8; /* as the kernel counts: above the three bits of the direction */
		index = db->next_index | dir;
	} while (db->next_index == 0 || find_index(db, index) != NULL);
	return index;
}

/* ---- the selectors ---- */

/* Of the address, what the prefix fixes in its first four bytes. */
static rte_be32_t
first_bits(const struct sadb_prefix *prefix)
{
	uint32_t mask = prefix->len == 0 ? 0 : prefix->len >= 32 ? UINT32_MAX : UINT32_MAX << (32 - prefix->len);
	return sadb_addr_to_v4(&prefix->addr) & rte_cpu_to_be_32(mask);
}

/* Only what sadb_selector_equal() compares for certain: bits outside prefixes and masks stay out. */
static uint32_t
hash_selector(const struct sadb *db, const struct sadb_policy_config *config)
{
	const struct sadb_selector *sel = &config->sel;
	struct {
		uint32_t vnet_id, dir;
		uint32_t lens, families, proto;
		rte_be16_t sport, sport_mask, dport, dport_mask;
		rte_be32_t src, dst;
	} key = {
	    .src = first_bits(&sel->src),
	    .dst = first_bits(&sel->dst),
	    .vnet_id = config->vnet_id,
	    .dir = config->dir,
	    .lens = (uint32_t)sel->src.len << 8 | sel->dst.len,
	    .families = (uint32_t)sel->src.addr.family << 8 | sel->dst.addr.family,
	    .proto = sel->proto,
	    .sport = sel->sport_be & sel->sport_mask_be,
	    .sport_mask = sel->sport_mask_be,
	    .dport = sel->dport_be & sel->dport_mask_be,
	    .dport_mask = sel->dport_mask_be,
	};
	return sadb_hash(db, &key, sizeof(key));
}

static struct sadb_rule *
find_selector(const struct sadb *db, const struct sadb_policy_config *config)
{
	struct sadb_link *link = sadb_map_first(&db->selectors, hash_selector(db, config));
	for (; link != NULL; link = sadb_map_next(link)) {
		struct sadb_rule *rule = sadb_entry(link, struct sadb_rule, by_selector);
		if (rule->config.vnet_id == config->vnet_id && rule->config.dir == config->dir &&
		    sadb_selector_equal(&rule->config.sel, &config->sel))
			return rule;
	}
	return NULL;
}

static struct sadb_rule *
find_rule(const struct sadb *db, const struct sadb_policy_config *which)
{
	return which->index != 0 ? find_index(db, which->index) : find_selector(db, which);
}

/* ---- rules come and go ---- */

static void
stage(struct sadb *db, struct sadb_domain *domain)
{
	if (domain->staged)
		return;
	domain->staged = true;
	domain->next_staged = db->staged;
	db->staged = domain;
}

static void
enter(struct sadb *db, struct sadb_rule *rule)
{
	struct sadb_domain *domain = rule->domain;
	uint32_t at = index_place(db, rule->config.index);

	memmove(&db->rule[at + 1], &db->rule[at], (db->rule_count - at) * sizeof(db->rule[0]));
	db->rule[at] = rule;
	db->rule_count++;
	db->dir_count[rule->config.dir]++;
	sadb_map_add(&db->selectors, &rule->by_selector, hash_selector(db, &rule->config));
	rule->prev = NULL;
	rule->next = domain->rules;
	if (domain->rules != NULL)
		domain->rules->prev = rule;
	domain->rules = rule;
	domain->count++;
	stage(db, domain);
}

/* Out of every index; workers see it until the next commit, so it keeps its place among the SA's policies. */
static void
withdraw(struct sadb *db, struct sadb_rule *rule)
{
	struct sadb_domain *domain = rule->domain;
	uint32_t at = index_place(db, rule->config.index);

	db->rule_count--;
	memmove(&db->rule[at], &db->rule[at + 1], (db->rule_count - at) * sizeof(db->rule[0]));
	db->dir_count[rule->config.dir]--;
	sadb_map_del(&db->selectors, &rule->by_selector);
	if (rule->next != NULL)
		rule->next->prev = rule->prev;
	if (rule->prev != NULL)
		rule->prev->next = rule->next;
	else
		domain->rules = rule->next;
	domain->count--;
	rule->next = domain->gone;
	domain->gone = rule;
	stage(db, domain);
}

static struct sadb_rule *
rule_create(struct sadb *db, const struct sadb_policy_config *config)
{
	struct sadb_vnet *vnet = sadb_vnet_find(db, config->vnet_id);
	struct sadb_rule *rule = calloc(1, sizeof(*rule));
	if (rule == NULL)
		return NULL;
	rule->config = *config;
	rule->hot.config = &rule->config;
	rule->hot.tmpl = config->tmpl;
	rule->hot.action = config->action;
	rule->domain = &sadb_entry(vnet, struct sadb_vnet_own, vnet)->domain[config->dir];
	rule->add_time_s = sadb_now_s();
	rule->age = ++db->age;
	rule->rank = SADB_NO_RANK;
	if (sadb_resolve_join_rule(db, rule) != 0) {
		free(rule);
		return NULL;
	}
	return rule;
}

/* The new one takes the old one's number; with the same priority also its place, and then no table is built anew. */
static void
replace_rule(struct sadb *db, struct sadb_rule *old, struct sadb_rule *rule)
{
	if (rule->config.priority == old->config.priority) {
		rule->age = old->age;
		rule->rank = old->rank;
		old->heir = rule;
	} else {
		rule->domain->rebuild = true;
	}
	withdraw(db, old);
	enter(db, rule);
}

static int
check_index(struct sadb *db, const struct sadb_policy_config *config, const struct sadb_rule *old,
	    struct sadb_error *err)
{
	if (config->index == 0)
		return 0;
	const struct sadb_rule *holder = find_index(db, config->index);
	if (holder != NULL && holder != old)
		return sadb_fail(err, -EEXIST, 0, "index %u belongs to another policy", config->index);
	if (old != NULL && old != holder)
		return sadb_fail(err, -EINVAL, 0, "index %u: this policy has the index %u", config->index,
				 old->config.index);
	return 0;
}

int
sadb_policy_add(struct sadb *db, struct sadb_policy_config *config, bool replace, struct sadb_error *err)
{
	int rc = sadb_policy_check(config, err);
	if (rc != 0)
		return rc;
	if (sadb_vnet_find(db, config->vnet_id) == NULL)
		return sadb_fail(err, -ENODEV, XFRMA_IF_ID, "no virtual network has the id %u", config->vnet_id);
	struct sadb_rule *old = find_selector(db, config);
	if (old != NULL && !replace)
		return sadb_fail(err, -EEXIST, 0, "a policy with this selector exists: index %u", old->config.index);
	rc = check_index(db, config, old, err);
	if (rc != 0)
		return rc;
	if (old == NULL && db->rule_count >= db->config.max_policies)
		return sadb_fail(err, -ENOSPC, 0, "the table is full: max_policies is %u", db->config.max_policies);
	if (config->index == 0)
		config->index = old != NULL ? old->config.index : free_index(db, config->dir);
	struct sadb_rule *rule = rule_create(db, config);
	if (rule == NULL)
		return sadb_fail(err, -ENOMEM, 0, "out of memory for the policy");
	if (old != NULL) {
		replace_rule(db, old, rule);
	} else {
		rule->domain->rebuild = true;
		enter(db, rule);
	}
	return 0;
}

int
sadb_policy_del(struct sadb *db, const struct sadb_policy_config *which, struct sadb_policy_config *out,
		struct sadb_error *err)
{
	struct sadb_rule *rule = find_rule(db, which);
	if (rule == NULL)
		return sadb_fail(err, -ENOENT, 0, "no such policy");
	if (out != NULL)
		*out = rule->config;
	rule->domain->rebuild = true;
	withdraw(db, rule);
	return 0;
}

unsigned
sadb_policy_flush(struct sadb *db)
{
	unsigned gone = db->rule_count;
	while (db->rule_count > 0) {
		struct sadb_rule *rule = db->rule[db->rule_count - 1];
		rule->domain->rebuild = true;
		withdraw(db, rule);
	}
	return gone;
}

/* ---- display ---- */

static void
describe(const struct sadb_rule *rule, struct sadb_policy_info *out)
{
	*out = (struct sadb_policy_info){
	    .config = rule->config,
	    .add_time_s = rule->add_time_s,
	    .use_time_s = __atomic_load_n(&rule->hot.last_use_s, __ATOMIC_RELAXED), /* workers' relaxed store */
	    .sa_spi_be = rule->hot.sa != NULL ? rule->hot.sa->spi_be : 0,
	};
}

int
sadb_policy_get(const struct sadb *db, const struct sadb_policy_config *which, struct sadb_policy_info *out)
{
	const struct sadb_rule *rule = find_rule(db, which);
	if (rule == NULL)
		return -ENOENT;
	describe(rule, out);
	return 0;
}

bool
sadb_policy_at(const struct sadb *db, uint32_t *slot, struct sadb_policy_info *out)
{
	uint32_t at = index_place(db, *slot);
	if (at == db->rule_count)
		return false;
	describe(db->rule[at], out);
	*slot = out->config.index + 1;
	return true;
}

uint32_t
sadb_policy_count(const struct sadb *db, enum sadb_policy_dir dir)
{
	return db->dir_count[dir];
}

void
sadb_policy_acquired(struct sadb *db, uint32_t index)
{
	struct sadb_rule *rule = find_index(db, index);
	if (rule != NULL) /* relaxed: a flag of its own, for the worker's exchange */
		__atomic_store_n(&rule->hot.acquiring, 0, __ATOMIC_RELAXED);
}
