/* SPDX-License-Identifier: BSD-3-Clause
 * Which SA a protect policy uses: of the SAs that fit its template, the newest whose numbers are on disk. Control
 * thread; workers see the outcome in policy->sa.
 *
 * SAs and policies meet in groups by (vnet, destination, reqid). A template may leave destination or reqid open, so an
 * SA stands in up to four groups and a policy in one; a change looks at its own groups only. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct group_key {
	uint8_t dst[16]; /* all zero: any */
	uint32_t reqid;  /* 0: any */
	uint32_t vnet_id;
};

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
	struct sadb_group *group = calloc(1, sizeof(*group));
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
	free(group);
}

static bool
fits(const struct sadb_policy *policy, const struct sadb_sa_cold *cold)
{
	/* Protocol and mode agree: sadb_config_check() and sadb_policy_check() take ESP in tunnel mode only. */
	const struct sadb_sa_config *config = &cold->config;
	return sadb_own(cold)->armed && config->dir != SADB_DIR_IN &&
	       (policy->tmpl.spi_be == 0 || policy->tmpl.spi_be == config->spi_be) &&
	       (policy->tmpl.src_be == 0 || policy->tmpl.src_be == sadb_addr_to_v4(&config->src));
}

static void
resolve_rule(struct sadb_rule *rule)
{
	struct sadb_sa *sa = NULL;
	for (const struct sadb_member *member = rule->group->newest; member != NULL; member = member->next) {
		if (fits(rule->hot, member->cold)) {
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

int
sadb_resolve_join(struct sadb *db, struct sadb_sa_cold *cold)
{
	for (unsigned i = 0; i < SADB_GROUPS_PER_SA; i++) {
		bool any_dst = (i & 1) != 0, any_reqid = (i & 2) != 0;
		if (any_reqid && cold->config.reqid == 0)
			continue; /* the same group as without */
		struct group_key key = {.vnet_id = cold->config.vnet_id};
		if (!any_dst)
			memcpy(key.dst, cold->config.dst.bytes, sizeof(key.dst));
		if (!any_reqid)
			key.reqid = cold->config.reqid;
		struct sadb_group *group = group_get(db, &key);
		if (group == NULL) {
			sadb_resolve_leave(db, cold);
			return -ENOMEM;
		}
		member_insert(group, &sadb_own(cold)->member[i], cold);
	}
	return 0;
}

void
sadb_resolve_leave(struct sadb *db, struct sadb_sa_cold *cold)
{
	for (unsigned i = 0; i < SADB_GROUPS_PER_SA; i++)
		member_remove(db, &sadb_own(cold)->member[i]);
}

void
sadb_resolve_sa(struct sadb_sa_cold *cold)
{
	for (unsigned i = 0; i < SADB_GROUPS_PER_SA; i++)
		if (sadb_own(cold)->member[i].group != NULL)
			resolve_group(sadb_own(cold)->member[i].group);
}

int
sadb_resolve_join_rule(struct sadb *db, struct sadb_rule *rule)
{
	const struct sadb_policy *policy = rule->hot;
	if (policy->action != SADB_PROTECT)
		return 0;
	struct group_key key = {.vnet_id = rule->domain->vnet_id, .reqid = policy->tmpl.reqid};
	memcpy(key.dst, &policy->tmpl.dst_be, sizeof(policy->tmpl.dst_be));
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
