/* SPDX-License-Identifier: BSD-3-Clause
 * Policies that end: limits in seconds since they were added or last used, as the kernel heeds them. Control thread.
 *
 * A policy that ends is as one that is deleted: what it protected meets the next policy that matches, or none, and what
 * meets none is dropped. Its use is a time that workers write, so a deadline is only when to look again. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <string.h>

#define REMIND_S 30 /* between two reports of one soft limit */

static struct sadb_policy_life *
life_of(const struct sadb_node *node)
{
	return sadb_entry(node, struct sadb_policy_life, by_deadline);
}

static bool
deadline_before(const struct sadb_node *a, const struct sadb_node *b)
{
	const struct sadb_policy_life *x = life_of(a), *y = life_of(b);
	return x->deadline_s != y->deadline_s ? x->deadline_s < y->deadline_s : x->rule->index < y->rule->index;
}

void
sadb_policy_lives_init(struct sadb *db)
{
	sadb_slab_init(&db->lives, sizeof(struct sadb_policy_life));
	db->deadlines.before = deadline_before;
}

void
sadb_policy_lives_fini(struct sadb *db)
{
	sadb_slab_fini(&db->lives);
}

/* 0 is no limit, and so is one that time never comes to. */
static uint64_t
end_of(uint64_t since_s, uint64_t limit_s)
{
	return limit_s == 0 || limit_s > UINT64_MAX - since_s ? UINT64_MAX : since_s + limit_s;
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* As the kernel: a policy that was never used counts from when it was added. */
static uint64_t
limit_time(const struct sadb_policy_life *life, enum sadb_expire_kind kind)
{
	const struct sadb_lifetime *limits = &life->limits;
	uint64_t added_s = life->rule->add_time_s;
	uint32_t last_use_s = __atomic_load_n(&life->rule->hot->last_use_s, __ATOMIC_RELAXED); /* workers' store */
	uint64_t used_s = last_use_s != 0 ? last_use_s : added_s;

	if (kind == SADB_EXPIRE_HARD)
		return sooner(end_of(added_s, limits->hard_add_s), end_of(used_s, limits->hard_use_s));
	return sooner(end_of(added_s, limits->soft_add_s), end_of(used_s, limits->soft_use_s));
}

static void
put(struct sadb *db, struct sadb_policy_life *life)
{
	uint64_t soft = limit_time(life, SADB_EXPIRE_SOFT);
	uint64_t again = end_of(life->reported_s, REMIND_S);

	if (life->reported_s != 0 && soft < again)
		soft = again;
	life->deadline_s = sooner(limit_time(life, SADB_EXPIRE_HARD), soft);
	sadb_tree_add(&db->deadlines, &life->by_deadline);
	life->timed = true;
}

static void
take(struct sadb *db, struct sadb_policy_life *life)
{
	if (life->timed)
		sadb_tree_del(&db->deadlines, &life->by_deadline);
	life->timed = false;
}

int
sadb_policy_life_create(struct sadb *db, struct sadb_rule *rule, const struct sadb_lifetime *limits)
{
	static const struct sadb_lifetime none[] = {{.soft_bytes = 0},
						    {SADB_INF, SADB_INF, SADB_INF, SADB_INF, 0, 0, 0, 0}};

	if (memcmp(limits, &none[0], sizeof(none[0])) == 0 || memcmp(limits, &none[1], sizeof(none[1])) == 0)
		return 0;
	rule->life = sadb_slab_alloc(&db->lives);
	if (rule->life == NULL)
		return -ENOMEM;
	rule->life->rule = rule;
	rule->life->limits = *limits;
	return 0;
}

void
sadb_policy_life_start(struct sadb *db, struct sadb_rule *rule)
{
	if (rule->life == NULL)
		return;
	take(db, rule->life);
	put(db, rule->life);
}

void
sadb_policy_life_end(struct sadb *db, struct sadb_rule *rule)
{
	if (rule->life == NULL)
		return;
	take(db, rule->life);
	sadb_slab_free(rule->life);
	rule->life = NULL;
}

/* The report tells of the policy as it was, so it is described before it goes. */
static void
look(struct sadb *db, struct sadb_policy_life *life, uint64_t now_s, sadb_policy_expire_fn fn, void *arg)
{
	bool hard = limit_time(life, SADB_EXPIRE_HARD) <= now_s;
	bool soft = limit_time(life, SADB_EXPIRE_SOFT) <= now_s &&
		    (life->reported_s == 0 || end_of(life->reported_s, REMIND_S) <= now_s);
	struct sadb_policy_info info;

	sadb_rule_describe(life->rule, &info);
	if (hard) {
		sadb_rule_withdraw(db, life->rule);
	} else {
		take(db, life);
		if (soft)
			life->reported_s = now_s;
		put(db, life);
	}
	if ((hard || soft) && fn != NULL)
		fn(arg, &info, hard ? SADB_EXPIRE_HARD : SADB_EXPIRE_SOFT);
}

void
sadb_policies_tick(struct sadb *db, uint64_t now_s, sadb_policy_expire_fn fn, void *arg)
{
	const struct sadb_node *first;

	/* Each look moves a deadline past now, or ends the policy. */
	while ((first = sadb_tree_first(&db->deadlines)) != NULL && life_of(first)->deadline_s <= now_s)
		look(db, life_of(first), now_s, fn, arg);
}
