/* SPDX-License-Identifier: BSD-3-Clause
 * Policies added, replaced, deleted and shown; the tables they make are published by sadb_policies_commit(). Control
 * thread. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <netinet/in.h>

#include <linux/xfrm.h>

#include <rte_random.h>

#include "sa-db/spd.h"

/* ---- the index: a tree by the policy's number ---- */

static bool
index_before(const struct sadb_node *a, const struct sadb_node *b)
{
	return sadb_entry(a, struct sadb_rule, by_index)->index < sadb_entry(b, struct sadb_rule, by_index)->index;
}

int
sadb_policies_init(struct sadb *db)
{
	sadb_slab_init(&db->rules, sizeof(struct sadb_rule));
	sadb_slab_init(&db->hots, sizeof(struct sadb_policy));
	sadb_slab_init(&db->hots_v6, sizeof(struct sadb_policy_v6));
	sadb_slab_init(&db->outers, sizeof(struct sadb_outer_v6));
	sadb_slab_init(&db->shards, sizeof(struct sadb_shard));
	sadb_slab_init(&db->entries, sizeof(struct sadb_entry));
	sadb_slab_init(&db->entries_v6, sizeof(struct sadb_entry_v6));
	sadb_policy_lives_init(db);
	db->indexes.before = index_before;
	int rc = sadb_map_init(&db->groups);
	if (rc == 0)
		rc = sadb_map_init(&db->selectors);
	return rc == 0 ? sadb_map_init(&db->ports) : rc;
}

/* The first policy whose number is not below this one. */
static struct sadb_rule *
index_from(const struct sadb *db, uint32_t index)
{
	struct sadb_rule *found = NULL;
	for (struct sadb_node *node = db->indexes.root; node != NULL;) {
		struct sadb_rule *rule = sadb_entry(node, struct sadb_rule, by_index);
		if (rule->index >= index)
			found = rule;
		node = rule->index >= index ? node->left : node->right;
	}
	return found;
}

static struct sadb_rule *
find_index(const struct sadb *db, uint32_t index)
{
	struct sadb_rule *rule = index_from(db, index);
	return rule != NULL && rule->index == index ? rule : NULL;
}

/* Counts up as the kernel does, above the three bits of the direction. From a number in use it goes on anywhere: many may
 * follow that are in use too. */
static uint32_t
free_index(struct sadb *db, uint8_t dir)
{
	for (;;) {
		db->next_index += 8;
		if (db->next_index != 0 && find_index(db, db->next_index | dir) == NULL)
			return db->next_index | dir;
		db->next_index = (uint32_t)rte_rand() & ~(uint32_t)7;
	}
}

/* ---- the selectors ---- */

/* Only what sadb_selector_equal() compares for certain: bits outside prefixes and masks stay out. */
static uint32_t
hash_selector(const struct sadb *db, uint32_t vnet_id, uint8_t dir, const struct sadb_selector *sel)
{
	struct {
		uint32_t vnet_id, dir;
		uint32_t lens, families, proto;
		rte_be16_t sport, sport_mask, dport, dport_mask;
		uint8_t src[16], dst[16];
	} key = {
	    .vnet_id = vnet_id,
	    .dir = dir,
	    .lens = (uint32_t)sel->src.len << 8 | sel->dst.len,
	    .families = (uint32_t)sel->src.addr.family << 8 | sel->dst.addr.family,
	    .proto = sel->proto,
	    .sport = sel->sport_be & sel->sport_mask_be,
	    .sport_mask = sel->sport_mask_be,
	    .dport = sel->dport_be & sel->dport_mask_be,
	    .dport_mask = sel->dport_mask_be,
	};
	struct sadb_prefix src = sel->src, dst = sel->dst;
	sadb_prefix_trim(&src);
	sadb_prefix_trim(&dst);
	memcpy(key.src, src.addr.bytes, sizeof(key.src));
	memcpy(key.dst, dst.addr.bytes, sizeof(key.dst));
	return sadb_hash(db, &key, sizeof(key));
}

static struct sadb_rule *
find_selector(const struct sadb *db, const struct sadb_policy_config *config)
{
	uint32_t hash = hash_selector(db, config->vnet_id, config->dir, &config->sel);
	for (struct sadb_link *link = sadb_map_first(&db->selectors, hash); link != NULL; link = sadb_map_next(link)) {
		struct sadb_rule *rule = sadb_entry(link, struct sadb_rule, by_selector);
		if (rule->domain->vnet_id == config->vnet_id && rule->domain->dir == config->dir &&
		    sadb_selector_equal(&rule->sel, &config->sel))
			return rule;
	}
	return NULL;
}

struct sadb_rule *
sadb_rule_find(const struct sadb *db, const struct sadb_policy_config *which)
{
	if (which->index != 0)
		return find_index(db, which->index);
	struct sadb_rule *rule = find_selector(db, which);
	/* No if_id: of the vnet 0, or where there is none, of no vnet. */
	if (rule != NULL || which->vnet_id != 0 || sadb_vnet_find((struct sadb *)(uintptr_t)db, 0) != NULL)
		return rule;
	struct sadb_policy_config underlay = *which;
	underlay.vnet_id = SADB_UNDERLAY_ID;
	return find_selector(db, &underlay);
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
link_rule(struct sadb_rule **list, struct sadb_rule *rule)
{
	rule->prev = NULL;
	rule->next = *list;
	if (*list != NULL)
		(*list)->prev = rule;
	*list = rule;
}

static void
enter(struct sadb *db, struct sadb_rule *rule)
{
	struct sadb_domain *domain = rule->domain;

	sadb_tree_add(&db->indexes, &rule->by_index);
	sadb_policy_life_start(db, rule);
	db->rule_count++;
	db->rule_changes++;
	db->dir_count[domain->dir]++;
	sadb_map_add(&db->selectors, &rule->by_selector, hash_selector(db, domain->vnet_id, domain->dir, &rule->sel));
	sadb_ports_enter(rule);
	stage(db, domain);
	rule->added = true;
	link_rule(&domain->added, rule);
	domain->count++;
}

/* Out of every index; workers see it until the next commit, so it keeps its place among the SA's policies. */
void
sadb_rule_withdraw(struct sadb *db, struct sadb_rule *rule)
{
	struct sadb_domain *domain = rule->domain;

	sadb_tree_del(&db->indexes, &rule->by_index);
	sadb_policy_life_end(db, rule);
	db->rule_count--;
	db->rule_changes++;
	db->dir_count[domain->dir]--;
	sadb_map_del(&db->selectors, &rule->by_selector);
	sadb_ports_leave(rule);
	stage(db, domain);
	domain->count--;
	if (rule->added) {
		if (rule->next != NULL)
			rule->next->prev = rule->prev;
		if (rule->prev != NULL)
			rule->prev->next = rule->next;
		else
			domain->added = rule->next;
	}
	rule->added = false;
	rule->gone = true;
	link_rule(&domain->gone, rule);
}

/* A destination of everything does not name a group: multicast is carried only where somebody asked for it. */
static bool
names_group(const struct sadb_prefix *dst)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	if (dst->addr.family == AF_INET6)
		return dst->len >= 8 && dst->addr.bytes[0] == 0xff;
	if (dst->addr.family != AF_INET)
		return false;
	return (dst->len >= 4 && dst->addr.bytes[0] >> 4 == 0xe) ||
	       (dst->len == 32 && memcmp(dst->addr.bytes, broadcast, sizeof(broadcast)) == 0);
}

static void
fill_hot(struct sadb_policy *hot, const struct sadb_policy_config *config, uint64_t age)
{
	uint64_t mask[SADB_WORDS_MAX], value[SADB_WORDS_MAX];

	sadb_selector_words(&config->sel, mask, value);
	memcpy(hot->match.value, value, sizeof(hot->match.value));
	if (sadb_selector_v6(&config->sel))
		memcpy(sadb_match_more(&hot->match)->value, value + SADB_WIDTH_V4,
		       sizeof(sadb_match_more(&hot->match)->value));
	hot->match.age = age;
	hot->match.priority = config->priority;
	hot->match.index = config->index;
	hot->action = config->action;
	hot->names_group = names_group(&config->sel.dst);
	if (config->action != SADB_PROTECT)
		return;
	hot->tmpl.spi_be = config->tmpl.spi_be;
	hot->tmpl.reqid = config->tmpl.reqid;
}

static bool
names_v6(const struct sadb_addr *addr)
{
	return addr->family == AF_INET6 && !sadb_addr_is_any(addr);
}

/* The template's outer addresses. 0 or -ENOMEM. */
static int
fill_outer(struct sadb *db, struct sadb_rule *rule, const struct sadb_template *tmpl)
{
	struct sadb_policy *hot = rule->hot;

	if (!names_v6(&tmpl->src) && !names_v6(&tmpl->dst)) {
		hot->tmpl.src_be = sadb_addr_to_v4(&tmpl->src);
		hot->tmpl.dst_be = sadb_addr_to_v4(&tmpl->dst);
		return 0;
	}
	rule->outer = sadb_slab_alloc(&db->outers);
	if (rule->outer == NULL)
		return -ENOMEM;
	memcpy(rule->outer->src, tmpl->src.bytes, sizeof(rule->outer->src));
	memcpy(rule->outer->dst, tmpl->dst.bytes, sizeof(rule->outer->dst));
	hot->tmpl.v6 = rule->outer;
	hot->tmpl_v6 = 1;
	return 0;
}

/* age: of the policy that it replaces, in the same place of the order; 0: it is new. */
static struct sadb_rule *
rule_create(struct sadb *db, const struct sadb_policy_config *config, uint64_t age)
{
	struct sadb_rule *rule = sadb_slab_alloc(&db->rules);
	if (rule == NULL)
		return NULL;
	bool v6 = sadb_selector_v6(&config->sel);
	rule->hot = sadb_slab_alloc(v6 ? &db->hots_v6 : &db->hots);
	if (rule->hot == NULL)
		goto fail;
	struct sadb_vnet_own *own = sadb_entry(sadb_vnet_find(db, config->vnet_id), struct sadb_vnet_own, vnet);
	rule->domain = v6 ? &own->domain_v6[config->dir] : &own->domain[config->dir];
	rule->add_time_s = sadb_now_s();
	rule->sel = config->sel;
	rule->index = config->index;
	rule->tmpl_src_family = config->tmpl.src.family;
	rule->tmpl_dst_family = config->tmpl.dst.family;
	fill_hot(rule->hot, config, age != 0 ? age : ++db->age);
	if (config->action == SADB_PROTECT && fill_outer(db, rule, &config->tmpl) != 0)
		goto fail;
	if (sadb_policy_life_create(db, rule, &config->life) != 0)
		goto fail;
	if (sadb_resolve_join_rule(db, rule) != 0)
		goto fail;
	if (sadb_ports_create(db, rule) == 0)
		return rule;
	sadb_resolve_leave_rule(db, rule);
fail:
	sadb_policy_life_end(db, rule);
	sadb_rule_free(rule);
	return NULL;
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
		return sadb_fail(err, -EINVAL, 0, "index %u: this policy has the index %u", config->index, old->index);
	return 0;
}

int
sadb_policy_add(struct sadb *db, struct sadb_policy_config *config, bool replace, struct sadb_error *err)
{
	sadb_policy_complete(config);
	int rc = sadb_policy_check(config, err);
	if (rc != 0)
		return rc;
	if (sadb_vnet_find(db, config->vnet_id) == NULL)
		return sadb_fail(err, -ENODEV, XFRMA_IF_ID,
				 "no virtual network has the id %u: 'culvert vnet show' lists them", config->vnet_id);
	struct sadb_rule *old = find_selector(db, config);
	if (old != NULL && !replace)
		return sadb_fail(err, -EEXIST, 0, "a policy with this selector exists: index %u", old->index);
	rc = check_index(db, config, old, err);
	if (rc != 0)
		return rc;
	if (old == NULL && db->rule_count >= db->config.max_policies)
		return sadb_fail(err, -ENOSPC, 0, "the table is full: max_policies is %u", db->config.max_policies);
	if (config->index == 0)
		config->index = old != NULL ? old->index : free_index(db, config->dir);
	bool in_place = old != NULL && old->hot->match.priority == config->priority;
	struct sadb_rule *rule = rule_create(db, config, in_place ? old->hot->match.age : 0);
	if (rule == NULL)
		return sadb_fail(err, -ENOMEM, 0, "out of memory for the policy");
	if (in_place)
		old->heir = rule;
	if (old != NULL)
		sadb_rule_withdraw(db, old);
	enter(db, rule);
	return 0;
}

/* ---- display ---- */

static struct sadb_policy_config
config_of(const struct sadb_rule *rule)
{
	const struct sadb_policy *hot = rule->hot;
	struct sadb_policy_config config = {
	    .sel = rule->sel,
	    .priority = hot->match.priority,
	    .index = rule->index,
	    .vnet_id = rule->domain->vnet_id,
	    .dir = rule->domain->dir,
	    .action = hot->action,
	};
	if (rule->life != NULL)
		config.life = rule->life->limits;
	if (hot->action == SADB_PROTECT) {
		config.tmpl = (struct sadb_template){
		    .src = hot->tmpl_v6 ? sadb_addr_v6(hot->tmpl.v6->src) : sadb_addr_v4(hot->tmpl.src_be),
		    .dst = hot->tmpl_v6 ? sadb_addr_v6(hot->tmpl.v6->dst) : sadb_addr_v4(hot->tmpl.dst_be),
		    .spi_be = hot->tmpl.spi_be,
		    .reqid = hot->tmpl.reqid,
		    .proto = IPPROTO_ESP, /* sadb_policy_check() takes no others */
		    .mode = rule->domain->vnet_id == SADB_UNDERLAY_ID ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL,
		};
		config.tmpl.src.family = rule->tmpl_src_family;
		config.tmpl.dst.family = rule->tmpl_dst_family;
	}
	return config;
}

void
sadb_rule_describe(const struct sadb_rule *rule, struct sadb_policy_info *out)
{
	const struct sadb_policy *hot = rule->hot;
	const uint64_t last_use_s = __atomic_load_n(&hot->last_use_s, __ATOMIC_RELAXED); /* workers' relaxed store */
	const int64_t ahead_s = sadb_clock_ahead_s();
	*out = (struct sadb_policy_info){
	    .config = config_of(rule),
	    .add_time_s = sadb_time_moved(rule->add_time_s, ahead_s),
	    .use_time_s = sadb_time_moved(last_use_s, ahead_s),
	    .sa_spi_be = hot->sa != NULL ? hot->sa->spi_be : 0,
	};
}

int
sadb_policy_get(const struct sadb *db, const struct sadb_policy_config *which, struct sadb_policy_info *out)
{
	const struct sadb_rule *rule = sadb_rule_find(db, which);
	if (rule == NULL)
		return -ENOENT;
	sadb_rule_describe(rule, out);
	return 0;
}

bool
sadb_policy_at(const struct sadb *db, uint32_t *slot, struct sadb_policy_info *out)
{
	const struct sadb_rule *rule = index_from(db, *slot);
	if (rule == NULL)
		return false;
	sadb_rule_describe(rule, out);
	*slot = rule->index + 1;
	return true;
}

uint64_t
sadb_policy_changes(const struct sadb *db)
{
	return db->rule_changes;
}

uint32_t
sadb_policy_count(const struct sadb *db, enum sadb_policy_dir dir)
{
	return db->dir_count[dir];
}

/* ---- deletes ---- */

int
sadb_policy_del(struct sadb *db, const struct sadb_policy_config *which, struct sadb_policy_config *out,
		struct sadb_error *err)
{
	struct sadb_rule *rule = sadb_rule_find(db, which);
	if (rule == NULL)
		return sadb_fail(err, -ENOENT, 0, "no such policy");
	if (out != NULL)
		*out = config_of(rule);
	sadb_rule_withdraw(db, rule);
	return 0;
}

unsigned
sadb_policy_flush(struct sadb *db)
{
	unsigned gone = db->rule_count;
	while (db->indexes.root != NULL)
		sadb_rule_withdraw(db, sadb_entry(db->indexes.root, struct sadb_rule, by_index));
	return gone;
}

void
sadb_policy_acquired(struct sadb *db, uint32_t index)
{
	struct sadb_rule *rule = find_index(db, index);
	if (rule != NULL) /* relaxed: a flag of its own, for the worker's exchange */
		__atomic_store_n(&rule->hot->acquiring, 0, __ATOMIC_RELAXED);
}
