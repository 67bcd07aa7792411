/* SPDX-License-Identifier: BSD-3-Clause
 * Which SA a protect policy uses: of the SAs that fit its template, the newest whose numbers are on disk. Control
 * thread; workers see the outcome in policy->sa.
 *
 * SAs and policies meet in groups by (vnet, destination, reqid); a change looks at its own groups only. A template may
 * leave destination or reqid open, so there are four kinds of groups. An SA stands in the group of its own destination
 * and reqid, and in those of other kinds only if some policy ever asked for such a kind: the first one that does has all
 * SAs that are there join. SAs of peers, which never send, stand in none. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct group_key {
	uint8_t dst[16]; /* all zero: any */
	uint32_t reqid;  /* 0: any */
	uint32_t vnet_id;
};

/* The kind of a group: what it leaves open. */
enum { OPEN_DST = 1 << 0, OPEN_REQID = 1 << 1, OPEN_KINDS = 1 << 2 };

struct sadb_group {
	struct sadb_link link;
	struct group_key key;
	struct sadb_member *newest; /* the SAs, by age */
	struct sadb_rule *rules;
};

static struct sadb_group *
group_get(struct sadb *db, const struct group_key *key)
{
	uint32_t hash = sadb_hash(db, key, sizeof(*key));
	for (struct sadb_link *link = sadb_map_first(&db->groups, hash); link != NULL; link = sadb_map_next(link)) {
		struct sadb_group *group = sadb_entry(link, struct sadb_group, link);
		if (memcmp(&group->key, key, sizeof(*key)) == 0)
			return group;
	}
	struct sadb_group *group = sadb_slab_alloc(&db->group_slab);
	if (group == NULL)
		return NULL;
	group->key = *key;
	sadb_map_add(&db->groups, &group->link, hash);
	return group;
}

static void
group_put(struct sadb *db, struct sadb_group *group)
{
	if (group->newest != NULL || group->rules != NULL)
		return;
	sadb_map_del(&db->groups, &group->link);
	sadb_slab_free(group);
}

/* Does the SA's selector hold packets of the policy's family at all? */
static bool
family_fits(const struct sadb_selector *policy, const struct sadb_selector *sa)
{
	bool v6 = sa->src.addr.family == AF_INET6 || sa->dst.addr.family == AF_INET6;
	bool any = sa->src.addr.family == AF_UNSPEC && sa->dst.addr.family == AF_UNSPEC;
	return any || v6 == sadb_selector_v6(policy);
}

static bool
fits(const struct sadb_rule *rule, const struct sadb_sa_cold *cold)
{
	const struct sadb_policy *policy = rule->hot;
	/* Protocol and mode agree: sadb_config_check() and sadb_policy_check() take ESP in tunnel mode only. */
	const struct sadb_sa_config *config = &cold->config;
	return sadb_own(cold)->armed && config->dir != SADB_DIR_IN && family_fits(&rule->sel, &config->sel) &&
	       (policy->tmpl.spi_be == 0 || policy->tmpl.spi_be == config->spi_be) &&
	       sadb_policy_names(policy, cold->hot);
}

static void
resolve_rule(struct sadb_rule *rule)
{
	struct sadb_sa *sa = NULL;
	for (const struct sadb_member *member = rule->group->newest; member != NULL; member = member->next) {
		if (fits(rule, member->cold)) {
			sa = member->cold->hot;
			break;
		}
	}
	/* Only this thread writes sa. Release pairs with the acquire in sadb_policy_sa(). */
	if (rule->hot->sa != sa)
		__atomic_store_n(&rule->hot->sa, sa, __ATOMIC_RELEASE);
	if (sa !=
	    NULL) /* the ACQUIRE was answered: if this SA goes, the next packet asks at once. Relaxed: a flag alone */
		__atomic_store_n(&rule->hot->acquiring, 0, __ATOMIC_RELAXED);
}

static void
resolve_group(const struct sadb_group *group)
{
	for (struct sadb_rule *rule = group->rules; rule != NULL; rule = rule->group_next)
		resolve_rule(rule);
}

static void
member_insert(struct sadb_group *group, struct sadb_member *member, struct sadb_sa_cold *cold)
{
	struct sadb_member *before = NULL, *after = group->newest;
	/* At once for a new SA; an updated one stands in front of the part it replaces. */
	while (after != NULL && sadb_own(after->cold)->age > sadb_own(cold)->age) {
		before = after;
		after = after->next;
	}
	*member = (struct sadb_member){.next = after, .prev = before, .group = group, .cold = cold};
	if (after != NULL)
		after->prev = member;
	if (before != NULL)
		before->next = member;
	else
		group->newest = member;
}

static void
member_remove(struct sadb *db, struct sadb_member *member)
{
	struct sadb_group *group = member->group;
	if (group == NULL)
		return;
	if (member->next != NULL)
		member->next->prev = member->prev;
	if (member->prev != NULL)
		member->prev->next = member->next;
	else
		group->newest = member->next;
	member->group = NULL;
	resolve_group(group);
	group_put(db, group);
}

static int
join(struct sadb *db, const struct group_key *key, struct sadb_member *member, struct sadb_sa_cold *cold)
{
	struct sadb_group *group = group_get(db, key);
	if (group == NULL)
		return -ENOMEM;
	member_insert(group, member, cold);
	return 0;
}

static struct group_key
own_key(const struct sadb_sa_config *config)
{
	struct group_key key = {.reqid = config->reqid, .vnet_id = config->vnet_id};
	memcpy(key.dst, config->dst.bytes, sizeof(key.dst));
	return key;
}

static unsigned
kind_of(const struct group_key *key)
{
	static const uint8_t any[sizeof(key->dst)];
	return (memcmp(key->dst, any, sizeof(any)) == 0 ? OPEN_DST : 0) | (key->reqid == 0 ? OPEN_REQID : 0);
}

/* The group of that kind, unless it is the SA's own. */
static int
join_open(struct sadb *db, unsigned kind, struct sadb_sa_cold *cold)
{
	struct sadb_sa_own *own = sadb_own(cold);
	struct group_key key = own_key(&cold->config);
	if (kind_of(&key) == kind || (key.reqid == 0 && !(kind & OPEN_REQID)))
		return 0;
	if (kind & OPEN_DST)
		memset(key.dst, 0, sizeof(key.dst));
	if (kind & OPEN_REQID)
		key.reqid = 0;
	if (own->open == NULL)
		own->open = sadb_slab_alloc(&db->open_slab);
	return own->open != NULL ? join(db, &key, &own->open->member[kind - 1], cold) : -ENOMEM;
}

int
sadb_resolve_join(struct sadb *db, struct sadb_sa_cold *cold)
{
	if (cold->config.dir == SADB_DIR_IN)
		return 0;
	struct group_key key = own_key(&cold->config);
	int rc = join(db, &key, &sadb_own(cold)->member, cold);
	for (unsigned kind = 1; kind < OPEN_KINDS && rc == 0; kind++)
		if (db->open_kinds & 1u << kind)
			rc = join_open(db, kind, cold);
	if (rc != 0)
		sadb_resolve_leave(db, cold);
	return rc;
}

void
sadb_resolve_leave(struct sadb *db, struct sadb_sa_cold *cold)
{
	struct sadb_sa_own *own = sadb_own(cold);
	member_remove(db, &own->member);
	for (unsigned i = 0; own->open != NULL && i < SADB_OPEN_GROUPS; i++)
		member_remove(db, &own->open->member[i]);
	sadb_slab_free(own->open);
	own->open = NULL;
}

void
sadb_resolve_sa(struct sadb_sa_cold *cold)
{
	const struct sadb_sa_own *own = sadb_own(cold);
	if (own->member.group != NULL)
		resolve_group(own->member.group);
	for (unsigned i = 0; own->open != NULL && i < SADB_OPEN_GROUPS; i++)
		if (own->open->member[i].group != NULL)
			resolve_group(own->open->member[i].group);
}

static int
by_age(const void *a, const void *b)
{
	uint64_t x = sadb_own(*(struct sadb_sa_cold *const *)a)->age,
		 y = sadb_own(*(struct sadb_sa_cold *const *)b)->age;
	return x < y ? -1 : x > y;
}

/* The first policy that leaves this open: every SA joins, the oldest first, for then each comes in at its group's front. */
static int
open_kind(struct sadb *db, unsigned kind)
{
	uint32_t n = 0;
	int rc = 0;
	struct sadb_sa_cold **sas = malloc((db->sa_count + (size_t)1) * sizeof(*sas));
	if (sas == NULL)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < db->positions; slot++) {
		struct sadb_sa_cold *cold = db->cold[slot];
		if (cold != NULL && !cold->larval && cold->config.dir != SADB_DIR_IN)
			sas[n++] = cold;
	}
	qsort(sas, n, sizeof(*sas), by_age);
	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = join_open(db, kind, sas[i]);
	for (uint32_t i = 0; i < n && rc != 0; i++)
		if (sadb_own(sas[i])->open != NULL)
			member_remove(db, &sadb_own(sas[i])->open->member[kind - 1]);
	free(sas);
	if (rc == 0)
		db->open_kinds |= 1u << kind;
	return rc;
}

int
sadb_resolve_join_rule(struct sadb *db, struct sadb_rule *rule)
{
	const struct sadb_policy *policy = rule->hot;
	if (policy->action != SADB_PROTECT)
		return 0;
	struct group_key key = {.vnet_id = rule->domain->vnet_id, .reqid = policy->tmpl.reqid};
	if (policy->tmpl_v6)
		memcpy(key.dst, policy->tmpl.v6->dst, sizeof(key.dst));
	else
		memcpy(key.dst, &policy->tmpl.dst_be, sizeof(policy->tmpl.dst_be));
	unsigned kind = kind_of(&key);
	if (kind != 0 && !(db->open_kinds & 1u << kind) && open_kind(db, kind) != 0)
		return -ENOMEM;
	struct sadb_group *group = group_get(db, &key);
	if (group == NULL)
		return -ENOMEM;
	rule->group = group;
	rule->group_prev = NULL;
	rule->group_next = group->rules;
	if (group->rules != NULL)
		group->rules->group_prev = rule;
	group->rules = rule;
	resolve_rule(rule);
	return 0;
}

void
sadb_resolve_leave_rule(struct sadb *db, struct sadb_rule *rule)
{
	struct sadb_group *group = rule->group;
	if (group == NULL)
		return;
	if (rule->group_next != NULL)
		rule->group_next->group_prev = rule->group_prev;
	if (rule->group_prev != NULL)
		rule->group_prev->group_next = rule->group_next;
	else
		group->rules = rule->group_next;
	rule->group = NULL;
	group_put(db, group);
}

void
sadb_resolve_init(struct sadb *db)
{
	sadb_slab_init(&db->group_slab, sizeof(struct sadb_group));
	sadb_slab_init(&db->open_slab, sizeof(struct sadb_open));
}

void
sadb_resolve_fini(struct sadb *db)
{
	sadb_slab_fini(&db->group_slab);
	sadb_slab_fini(&db->open_slab);
}
