/* SPDX-License-Identifier: BSD-3-Clause
 * Policies of the kernel's in the database. Control thread.
 *
 * A policy that Culvert cannot have (a mark, a bundle, transport mode, a device in its selector) must not make room for a
 * wider one that lets its packets pass in the clear: a guard that drops them stands in its place, with its priority. Where
 * not even a guard can be had (the table is full), all policies that let pass in the clear are withheld until the next
 * comparison finds room. A policy whose virtual network does not exist needs no guard: no packet is of that network. */
#include "control/mirror_impl.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "control/attr.h"
#include "control/log.h"

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int
compare_policies(const void *left, const void *right)
{
	const struct ctl_mirror_policy *a = left, *b = right;

	return COMPARE(a->index, b->index);
}

static int
compare_prefixes(const struct sadb_prefix *a, const struct sadb_prefix *b)
{
	int rc = COMPARE(a->addr.family, b->addr.family);

	if (rc == 0)
		rc = COMPARE(a->len, b->len);
	return rc != 0 ? rc : memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
}

static int
compare_ports(const struct sadb_selector *a, const struct sadb_selector *b)
{
	int rc = COMPARE(a->sport_be, b->sport_be);

	if (rc == 0)
		rc = COMPARE(a->sport_mask_be, b->sport_mask_be);
	if (rc == 0)
		rc = COMPARE(a->dport_be, b->dport_be);
	if (rc == 0)
		rc = COMPARE(a->dport_mask_be, b->dport_mask_be);
	return rc != 0 ? rc : COMPARE(a->proto, b->proto);
}

static int
compare_slots(const void *left, const void *right)
{
	const struct ctl_mirror_slot *a = left, *b = right;
	int rc = COMPARE(a->vnet_id, b->vnet_id);

	if (rc == 0)
		rc = COMPARE(a->dir, b->dir);
	if (rc == 0)
		rc = compare_prefixes(&a->sel.dst, &b->sel.dst);
	if (rc == 0)
		rc = compare_prefixes(&a->sel.src, &b->sel.src);
	return rc != 0 ? rc : compare_ports(&a->sel, &b->sel);
}

static struct ctl_mirror_policy *
find(const struct ctl_mirror *mirror, uint32_t index)
{
	const struct ctl_mirror_policy like = {.index = index};
	void **node = tfind(&like, &mirror->policies, compare_policies);

	return node ? *node : NULL;
}

void
ctl_mirror_policy_free(void *arg)
{
	struct ctl_mirror_policy *entry = arg;

	free(entry->reason);
	free(entry);
}

/* ---- slots ---- */

static struct ctl_mirror_slot *
slot_of(struct ctl_mirror *mirror, const struct sadb_policy_config *config)
{
	const struct ctl_mirror_slot like = {.vnet_id = config->vnet_id, .dir = config->dir, .sel = config->sel};
	void **node = tfind(&like, &mirror->slots, compare_slots);
	struct ctl_mirror_slot *slot;

	if (node)
		return *node;
	slot = malloc(sizeof(*slot));
	if (!slot)
		return NULL;
	*slot = like;
	if (tsearch(slot, &mirror->slots, compare_slots))
		return slot;
	free(slot);
	return NULL;
}

static bool
comes_before(const struct ctl_mirror_policy *a, const struct ctl_mirror_policy *b)
{
	return a->config.priority != b->config.priority ? a->config.priority < b->config.priority
							: ctl_mirror_policy_rank(a) < ctl_mirror_policy_rank(b);
}

static struct ctl_mirror_policy *
first_of(const struct ctl_mirror_slot *slot)
{
	struct ctl_mirror_policy *best = slot->first;

	for (struct ctl_mirror_policy *p = slot->first; p; p = p->next)
		if (comes_before(p, best))
			best = p;
	return best;
}

static void
uninstall(struct ctl_mirror *mirror, struct ctl_mirror_slot *slot)
{
	struct sadb_error err;

	if (slot->installed.index != 0 && sadb_policy_del(mirror->config.db, &slot->installed, NULL, &err) == 0)
		mirror->changed = true;
	slot->installed.index = 0;
}

static int
install(struct ctl_mirror *mirror, struct ctl_mirror_slot *slot, const struct ctl_mirror_policy *entry,
	struct sadb_error *err)
{
	struct sadb_policy_config config = entry->config;
	int rc;

	if (memcmp(&slot->installed, &config, sizeof(config)) == 0)
		return 0;
	bool in_place = slot->installed.index == config.index && slot->installed.priority == config.priority;
	/* One policy that takes another's place in its selector has its own index. */
	if (slot->installed.index != config.index)
		uninstall(mirror, slot);
	rc = sadb_policy_add(mirror->config.db, &config, true, err);
	if (rc)
		return rc;
	memcpy(&slot->installed, &entry->config, sizeof(slot->installed)); /* with its padding: see above */
	slot->rank = ctl_mirror_policy_rank(entry);
	mirror->changed = true;
	if (in_place || slot->rank == mirror->age || ctl_mirror_policy_order(mirror, slot) == 0)
		return 0;
	mirror->again = true;
	ctl_mirror_policy_close(mirror, "out of memory");
	return 0;
}

static void
become_guard(struct ctl_mirror *mirror, struct ctl_mirror_policy *entry, const char *why)
{
	char what[CTL_MIRROR_WHAT];

	memset(&entry->config.tmpl, 0, sizeof(entry->config.tmpl));
	entry->config.action = SADB_DROP;
	entry->guard = true;
	ctl_mirror_reason(mirror, &entry->reason, ctl_mirror_policy_text(entry, what), why);
}

static void settle(struct ctl_mirror *mirror, struct ctl_mirror_slot *slot);

static void
on_slot(const void *node, VISIT order, void *arg)
{
	struct ctl_mirror_slot *slot = *(struct ctl_mirror_slot *const *)node;

	if ((order == postorder || order == leaf) && slot->first)
		settle(arg, slot);
}

void
ctl_mirror_policy_close(struct ctl_mirror *mirror, const char *why)
{
	if (mirror->closed)
		return;
	mirror->closed = true;
	ctl_log(CTL_LOG_ERROR,
		"mirror: not all policies can be had (%s): until they can, none lets packets pass in the clear", why);
	twalk_r(mirror->slots, on_slot, mirror);
}

/* Has the database agree with what the slot's first policy says. */
static void
settle(struct ctl_mirror *mirror, struct ctl_mirror_slot *slot)
{
	struct ctl_mirror_policy *entry = first_of(slot);
	struct sadb_error err = {0};
	char what[CTL_MIRROR_WHAT];
	int rc;

	if (!entry || (entry->config.action == SADB_BYPASS && mirror->closed)) {
		uninstall(mirror, slot);
		return;
	}
	rc = install(mirror, slot, entry, &err);
	if (rc != 0 && rc != -ENOSPC && rc != -ENOMEM && entry->config.action == SADB_PROTECT) {
		become_guard(mirror, entry, err.text);
		rc = install(mirror, slot, entry, &err);
	}
	if (rc == 0 && !entry->guard)
		ctl_mirror_reason(mirror, &entry->reason, ctl_mirror_policy_text(entry, what), NULL);
	if (rc == 0)
		return;
	uninstall(mirror, slot);
	ctl_mirror_reason(mirror, &entry->reason, ctl_mirror_policy_text(entry, what), err.text);
	if (entry->config.action != SADB_BYPASS)
		ctl_mirror_policy_close(mirror, err.text);
}

static void
enter(struct ctl_mirror_slot *slot, struct ctl_mirror_policy *entry)
{
	entry->slot = slot;
	entry->next = slot->first;
	slot->first = entry;
}

static struct ctl_mirror_slot *
leave(struct ctl_mirror_policy *entry)
{
	struct ctl_mirror_slot *slot = entry->slot;
	struct ctl_mirror_policy **place = slot ? &slot->first : NULL;

	if (!slot)
		return NULL;
	while (*place != entry)
		place = &(*place)->next;
	*place = entry->next;
	entry->slot = NULL;
	return slot;
}

static void
tidy(struct ctl_mirror *mirror, struct ctl_mirror_slot *slot)
{
	if (!slot)
		return;
	settle(mirror, slot);
	if (slot->first)
		return;
	tdelete(slot, &mirror->slots, compare_slots);
	free(slot);
}

/* ---- put ---- */

static struct ctl_mirror_policy *
find_or_create(struct ctl_mirror *mirror, uint32_t index)
{
	struct ctl_mirror_policy *entry = find(mirror, index);

	if (entry)
		return entry;
	entry = mirror->n_policies < mirror->config.max_policies + CTL_MIRROR_SPARE ? calloc(1, sizeof(*entry)) : NULL;
	if (entry) {
		entry->index = index;
		if (tsearch(entry, &mirror->policies, compare_policies)) {
			mirror->n_policies++;
			return entry;
		}
		free(entry);
	}
	mirror->n_unlisted++;
	return NULL;
}

/* A policy that is replaced with its priority keeps its place among equals. */
static void
place(struct ctl_mirror *mirror, struct ctl_mirror_policy *entry, const struct sadb_policy_config *config)
{
	if (entry->age == 0 || !entry->slot || entry->config.priority != config->priority)
		entry->age = ++mirror->age;
}

/* Does something of it go into the database? Says why it is not mirrored as it is. */
static bool
is_wanted(struct ctl_mirror *mirror, struct ctl_mirror_policy *entry, const struct ctl_mirror_policy_msg *msg)
{
	char what[CTL_MIRROR_WHAT];
	struct sadb_error err = msg->err;
	bool wanted = msg->rc == 0 || msg->guard;

	if (wanted && !sadb_vnet_find(mirror->config.db, msg->config.vnet_id)) {
		ctl_refuse(&err, -ENODEV, XFRMA_IF_ID, "no vnet with id %u: it waits for one", msg->config.vnet_id);
		wanted = false;
	}
	entry->guard = wanted && msg->rc != 0;
	if (!wanted || entry->guard)
		ctl_mirror_reason(mirror, &entry->reason, ctl_mirror_policy_text(entry, what), err.text);
	return wanted;
}

void
ctl_mirror_policy_put(struct ctl_mirror *mirror, const struct ctl_mirror_policy_msg *msg)
{
	struct ctl_mirror_policy *entry;
	struct ctl_mirror_slot *before, *after = NULL;

	if (msg->of_socket)
		return;
	entry = find_or_create(mirror, msg->index);
	if (!entry) {
		ctl_mirror_policy_close(mirror, "the kernel has more policies than are remembered: raise max_policies");
		return;
	}
	entry->round = mirror->round;
	entry->type = msg->type;
	place(mirror, entry, &msg->config);
	before = leave(entry);
	memcpy(&entry->config, &msg->config, sizeof(entry->config)); /* they are compared as bytes */
	if (is_wanted(mirror, entry, msg))
		after = slot_of(mirror, &entry->config);
	/* All of this is one commit: no packet finds neither. */
	if (before != after)
		tidy(mirror, before);
	if (after) {
		enter(after, entry);
		settle(mirror, after);
	} else if ((entry->guard || msg->rc == 0) && sadb_vnet_find(mirror->config.db, msg->config.vnet_id)) {
		mirror->again = true;
		ctl_mirror_policy_close(mirror, "out of memory");
	}
}

/* ---- gone ---- */

static void
forget(struct ctl_mirror *mirror, struct ctl_mirror_policy *entry)
{
	tidy(mirror, leave(entry));
	tdelete(entry, &mirror->policies, compare_policies);
	mirror->n_policies--;
	ctl_mirror_policy_free(entry);
}

void
ctl_mirror_policy_gone(struct ctl_mirror *mirror, uint32_t index)
{
	struct ctl_mirror_policy *entry = find(mirror, index);

	if (entry)
		forget(mirror, entry);
}

struct visit {
	const struct ctl_mirror *mirror;
	int type; /* -1: those that the last dump did not have */
	struct ctl_mirror_policy **found;
	unsigned n;
};

static void
on_policy(const void *node, VISIT order, void *arg)
{
	struct ctl_mirror_policy *entry = *(struct ctl_mirror_policy *const *)node;
	struct visit *visit = arg;

	if (order != postorder && order != leaf)
		return;
	if (visit->type < 0 ? entry->round != visit->mirror->round : entry->type == visit->type)
		visit->found[visit->n++] = entry;
}

static void
remove_all(struct ctl_mirror *mirror, int type)
{
	struct visit visit = {.mirror = mirror, .type = type};

	visit.found = calloc(mirror->n_policies + 1, sizeof(struct ctl_mirror_policy *));
	if (!visit.found) {
		mirror->again = true;
		return;
	}
	twalk_r(mirror->policies, on_policy, &visit);
	for (unsigned i = 0; i < visit.n; i++)
		forget(mirror, visit.found[i]);
	free(visit.found);
}

void
ctl_mirror_policy_flush(struct ctl_mirror *mirror, uint8_t type)
{
	remove_all(mirror, type);
}

void
ctl_mirror_policy_mark(struct ctl_mirror *mirror, uint32_t index)
{
	struct ctl_mirror_policy *entry = find(mirror, index);

	if (entry)
		entry->round = mirror->round;
}

void
ctl_mirror_policy_sweep(struct ctl_mirror *mirror)
{
	remove_all(mirror, -1);
}
