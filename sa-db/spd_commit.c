/* SPDX-License-Identifier: BSD-3-Clause
 * Publishing staged policies: a new version of the tables, or one store where one policy took another's place. Control
 * thread. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sa-db/tuple.h"

struct sadb_rule *
sadb_rule_heir(const struct sadb_rule *rule)
{
	struct sadb_rule *heir = rule->heir;
	while (heir != NULL && heir->heir != NULL) /* replaced again before this commit */
		heir = heir->heir;
	return heir == NULL || heir->gone ? NULL : heir;
}

void
sadb_rule_free(struct sadb_rule *rule)
{
	sadb_slab_free(rule->hot);
	sadb_slab_free(rule->outer);
	sadb_slab_free(rule);
}

static void
rule_free(void *p)
{
	sadb_rule_free(p);
}

/* After the table that showed it is gone: no SA needs to tell it any more. */
static void
retire_gone(struct sadb *db, struct sadb_domain *domain)
{
	struct sadb_rule *next;
	for (struct sadb_rule *rule = domain->gone; rule != NULL; rule = next) {
		next = rule->next;
		sadb_resolve_leave_rule(db, rule);
		sadb_retire_embedded(db, &rule->note, rule, rule_free);
	}
	domain->gone = NULL;
}

static void
settle_added(struct sadb_domain *domain)
{
	struct sadb_rule *next;
	for (struct sadb_rule *rule = domain->added; rule != NULL; rule = next) {
		next = rule->next;
		rule->next = rule->prev = NULL;
		rule->added = false;
	}
	domain->added = NULL;
}

/* When all that workers have to see is one policy in the place of another: that other. */
static struct sadb_rule *
only_replaced(const struct sadb_domain *domain)
{
	struct sadb_rule *only = NULL;
	if (domain->added == NULL || domain->added->next != NULL || sadb_ports_changed(domain))
		return NULL;
	for (struct sadb_rule *rule = domain->gone; rule != NULL; rule = rule->next) {
		if (rule->tuple == NULL)
			continue;
		if (only != NULL || sadb_rule_heir(rule) != domain->added)
			return NULL;
		only = rule;
	}
	return only;
}

/* Was all that is staged taken back again, or never for the table? */
static bool
unchanged(const struct sadb_domain *domain)
{
	if (domain->added != NULL)
		return false;
	for (const struct sadb_rule *rule = domain->gone; rule != NULL; rule = rule->next)
		if (rule->tuple != NULL)
			return false;
	return true;
}

/* Everything else is published in tables that no worker has seen. This is the one change in place, as at every rekey. */
static void
replace_in_place(struct sadb *db, struct sadb_rule *old, struct sadb_rule *heir)
{
	struct sadb_tuple *tuple = old->tuple;
	/* Release pairs with the acquires in the lookups: the new policy is complete. */
	if (tuple->id.kind == SADB_TABLE_SHARED)
		__atomic_store_n(&sadb_tuple_entry(tuple, old->hot)->policy, heir->hot, __ATOMIC_RELEASE);
	else
		__atomic_store_n(sadb_tuple_slot(tuple, &old->hot->match), &heir->hot->match, __ATOMIC_RELEASE);
	sadb_generation_raise(db);
	sadb_tree_del(&tuple->members, &old->by_order);
	sadb_tree_add(&tuple->members, &heir->by_order);
	heir->tuple = tuple;
}

static int
commit_domain(struct sadb *db, struct sadb_domain *domain)
{
	struct sadb_rule *replaced = only_replaced(domain);
	int rc = 0;
	if (replaced != NULL)
		replace_in_place(db, replaced, domain->added);
	else if (domain->count == 0)
		sadb_spd_drop(db, domain);
	else if (!unchanged(domain))
		rc = sadb_spd_build(db, domain);
	if (rc != 0)
		return rc;
	sadb_ports_settle(db, domain);
	settle_added(domain);
	retire_gone(db, domain);
	return 0;
}

int
sadb_policies_commit(struct sadb *db, struct sadb_error *err)
{
	int rc = 0;
	struct sadb_domain *domain, *failed = NULL;
	while ((domain = db->staged) != NULL) {
		db->staged = domain->next_staged;
		int one = commit_domain(db, domain);
		domain->staged = one != 0;
		if (one != 0) {
			rc = sadb_fail(err, one, 0, "%u policies cannot be made into a table: %s; the old one stays",
				       domain->count, strerror(-one));
			domain->next_staged = failed;
			failed = domain;
		}
	}
	db->staged = failed;
	return rc;
}

void
sadb_policies_fini(struct sadb *db)
{
	sadb_policy_flush(db);
	sadb_policies_commit(db, NULL); /* cannot fail: nothing is left to build */
	sadb_map_fini(&db->selectors);
	sadb_map_fini(&db->ports);
	sadb_map_fini(&db->groups);
}

void
sadb_policies_free(struct sadb *db)
{
	sadb_policy_lives_fini(db);
	sadb_slab_fini(&db->rules);
	sadb_slab_fini(&db->hots);
	sadb_slab_fini(&db->hots_v6);
	sadb_slab_fini(&db->outers);
	sadb_slab_fini(&db->shards);
	sadb_slab_fini(&db->entries);
	sadb_slab_fini(&db->entries_v6);
}
