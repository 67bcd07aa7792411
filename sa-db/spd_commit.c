/* SPDX-License-Identifier: BSD-3-Clause
 * Publishing staged policies: a new table where the order changed, one store where a policy took another's place.
 * Control thread. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* RFC 4301 4.4.1: ordered. Lower priority first, of equal ones the older, as in the kernel. */
static int
rule_order(const void *a, const void *b)
{
	const struct sadb_rule *x = *(struct sadb_rule *const *)a, *y = *(struct sadb_rule *const *)b;
	if (x->config.priority != y->config.priority)
		return x->config.priority < y->config.priority ? -1 : 1;
	return x->age < y->age ? -1 : x->age > y->age;
}

static bool
for_ipv4(const struct sadb_selector *sel)
{
	return sel->src.addr.family != AF_INET6 && sel->dst.addr.family != AF_INET6;
}

/* After the table that showed it is gone: no SA needs to tell it any more. */
static void
retire_gone(struct sadb *db, struct sadb_domain *domain)
{
	struct sadb_rule *next;
	for (struct sadb_rule *rule = domain->gone; rule != NULL; rule = next) {
		next = rule->next;
		sadb_resolve_leave_rule(db, rule);
		sadb_retire_embedded(db, &rule->note, rule, free);
	}
	domain->gone = NULL;
}

static int
rebuild(struct sadb *db, struct sadb_domain *domain)
{
	struct sadb_spd *old = *domain->published, *spd = NULL;
	unsigned n = 0;
	int rc = 0;
	struct sadb_rule **rules = calloc(domain->count + 1, sizeof(*rules));
	if (rules == NULL)
		return -ENOMEM;
	for (struct sadb_rule *rule = domain->rules; rule != NULL; rule = rule->next)
		if (for_ipv4(&rule->config.sel))
			rules[n++] = rule;
	qsort(rules, n, sizeof(*rules), rule_order);
	if (n > 0) {
		spd = sadb_spd_create(rules, n);
		if (spd == NULL) {
			rc = -errno;
			goto out;
		}
	}
	for (unsigned rank = 0; rank < n; rank++)
		rules[rank]->rank = rank;
	__atomic_store_n(domain->published, spd, __ATOMIC_RELEASE); /* pairs with the acquire in sadb_vnet_spd() */
	sadb_generation_raise(db);
	sadb_retire(db, old, sadb_spd_destroy);
	retire_gone(db, domain);
	domain->rebuild = false;
out:
	free(rules);
	return rc;
}

static void
replace_in_place(struct sadb *db, struct sadb_domain *domain)
{
	for (struct sadb_rule *rule = domain->gone; rule != NULL; rule = rule->next) {
		struct sadb_rule *heir = rule->heir;
		while (heir->heir != NULL) /* replaced again before this commit */
			heir = heir->heir;
		if (heir->rank != SADB_NO_RANK)
			sadb_spd_replace(*domain->published, heir);
	}
	sadb_generation_raise(db);
	retire_gone(db, domain);
}

int
sadb_policies_commit(struct sadb *db, struct sadb_error *err)
{
	int rc = 0;
	struct sadb_domain *domain, *failed = NULL;
	while ((domain = db->staged) != NULL) {
		db->staged = domain->next_staged;
		int one = 0;
		if (domain->rebuild)
			one = rebuild(db, domain);
		else
			replace_in_place(db, domain);
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

static void
domain_fini(struct sadb *db, struct sadb_domain *domain)
{
	sadb_spd_destroy(*domain->published);
	retire_gone(db, domain);
}

void
sadb_policies_fini(struct sadb *db)
{
	sadb_policy_flush(db);
	for (struct sadb_vnet_own *own = db->vnet_first; own != NULL; own = own->next)
		for (unsigned dir = 0; dir < SADB_POLICY_DIRS; dir++)
			domain_fini(db, &own->domain[dir]);
	free(db->rule);
	sadb_map_fini(&db->selectors);
	sadb_map_fini(&db->groups);
}
