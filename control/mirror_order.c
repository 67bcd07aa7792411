/* SPDX-License-Identifier: BSD-3-Clause
 * The kernel's order among policies of one priority, kept in the database. Control thread.
 *
 * The database puts a policy that is added behind all of its priority. One that was in the kernel all the time, and was
 * not in the database for a while (another of its selector hid it, or bypasses were withheld), belongs before the younger
 * ones: these are added again behind it, all in one commit.
 *
 * A dump tells of age in two ways, and neither is sure. Its order has the newest first, but one that was replaced in its
 * place counts as new. The index counts up and outlasts a replacement, but may be chosen by hand, and says nothing of one
 * whose priority changed. Where the two disagree, a policy that lets pass in the clear comes after one that does not. */
#include "control/mirror_impl.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

uint64_t
ctl_mirror_policy_rank(const struct ctl_mirror_policy *entry)
{
	return entry->type == XFRM_POLICY_TYPE_MAIN ? entry->age : 0; /* sub policies come before all main ones */
}

struct visit {
	const struct ctl_mirror_slot *than;
	struct ctl_mirror_slot **found; /* NULL: they are counted only */
	unsigned n;
};

static void
on_slot(const void *node, VISIT order, void *arg)
{
	struct ctl_mirror_slot *slot = *(struct ctl_mirror_slot *const *)node;
	struct visit *visit = arg;

	if ((order != postorder && order != leaf) || slot == visit->than || slot->installed.index == 0 ||
	    slot->vnet_id != visit->than->vnet_id || slot->dir != visit->than->dir ||
	    slot->installed.priority != visit->than->installed.priority || slot->rank <= visit->than->rank)
		return;
	if (visit->found)
		visit->found[visit->n] = slot;
	visit->n++;
}

static int
by_rank(const void *left, const void *right)
{
	const struct ctl_mirror_slot *const *a = left, *const *b = right;

	return COMPARE((*a)->rank, (*b)->rank);
}

static int
add_again(struct ctl_mirror *mirror, struct ctl_mirror_slot *slot)
{
	struct sadb_policy_config config = slot->installed;
	struct sadb_error err;
	int rc = sadb_policy_del(mirror->config.db, &config, NULL, &err);

	if (rc == 0)
		rc = sadb_policy_add(mirror->config.db, &config, false, &err);
	if (rc)
		slot->installed.index = 0;
	return rc;
}

int
ctl_mirror_policy_order(struct ctl_mirror *mirror, const struct ctl_mirror_slot *slot)
{
	struct visit visit = {.than = slot};
	int rc = 0;

	twalk_r(mirror->slots, on_slot, &visit);
	if (visit.n == 0)
		return 0;
	visit.found = calloc(visit.n, sizeof(struct ctl_mirror_slot *));
	if (!visit.found)
		return -ENOMEM;
	visit.n = 0;
	twalk_r(mirror->slots, on_slot, &visit);
	qsort(visit.found, visit.n, sizeof(struct ctl_mirror_slot *), by_rank);
	for (unsigned i = 0; i < visit.n; i++) {
		int one = add_again(mirror, visit.found[i]);

		rc = rc ? rc : one;
	}
	free(visit.found);
	return rc;
}

/* ---- after a dump ---- */

static int
by_group_and_dump(const void *left, const void *right)
{
	const struct ctl_mirror_place *a = left, *b = right;
	int rc = COMPARE(a->vnet_id, b->vnet_id);

	if (rc == 0)
		rc = COMPARE(a->dir, b->dir);
	if (rc == 0)
		rc = COMPARE(a->priority, b->priority);
	return rc != 0 ? rc : COMPARE(a->dumped, b->dumped);
}

static int
by_key(const void *left, const void *right)
{
	const struct ctl_mirror_place *a = left, *b = right;
	int rc = COMPARE(a->key, b->key);

	if (rc == 0)
		rc = COMPARE(a->bypass, b->bypass);
	return rc != 0 ? rc : COMPARE(a->dumped, b->dumped);
}

void
ctl_mirror_places_sort(struct ctl_mirror_place *place, size_t n)
{
	uint32_t protects = 0; /* the highest number of a policy of the group that is older by the dump and no bypass */

	qsort(place, n, sizeof(*place), by_group_and_dump);
	for (size_t i = 0; i < n; i++) {
		bool same = i > 0 && place[i].vnet_id == place[i - 1].vnet_id && place[i].dir == place[i - 1].dir &&
			    place[i].priority == place[i - 1].priority;
		if (!same)
			protects = 0;
		place[i].key = place[i].index;
		if (place[i].bypass && place[i].key < protects)
			place[i].key = protects;
		if (!place[i].bypass && place[i].index > protects)
			protects = place[i].index;
	}
	qsort(place, n, sizeof(*place), by_key);
}
