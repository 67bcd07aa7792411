/* SPDX-License-Identifier: BSD-3-Clause
 * A tunnel moves to other addresses (XFRM_MSG_MIGRATE): a policy's template and the SAs it names. Control thread.
 *
 * An SA that moved is the same SA: it has the mutable part of the old one, so no number comes twice, and its window has
 * seen what it saw. Its key is not known here any more, so the new hot part takes over the expanded one. Workers find the
 * new SA before the old one goes, and take numbers from the one counter whichever of them they hold. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/xfrm.h>

#include "sa-db/fib.h"

/* An SA and what will take its place. */
struct move {
	struct sadb_sa_cold *old, *cold;
};

struct moves {
	uint32_t vnet_id; /* of the policy: the same gateways may serve others */
	struct move *move;
	uint32_t n, room;
};

static bool
same_source(const struct sadb_migration *a, const struct sadb_migration *b)
{
	return sadb_addr_equal(&a->old_src, &b->old_src) && sadb_addr_equal(&a->old_dst, &b->old_dst) &&
	       a->proto == b->proto && a->mode == b->mode && a->reqid == b->reqid;
}

static int
check_list(const struct sadb_migration *list, unsigned n, struct sadb_error *err)
{
	if (n == 0)
		return sadb_fail(err, -EINVAL, XFRMA_MIGRATE, "no change is given");
	for (unsigned i = 0; i < n; i++) {
		if (sadb_addr_is_any(&list[i].new_src) || sadb_addr_is_any(&list[i].new_dst))
			return sadb_fail(err, -EINVAL, XFRMA_MIGRATE, "change %u: a new address is 0.0.0.0", i + 1);
		for (unsigned j = 0; j < i; j++)
			if (same_source(&list[i], &list[j]))
				return sadb_fail(err, -EINVAL, XFRMA_MIGRATE, "changes %u and %u are of the same",
						 j + 1, i + 1);
	}
	return 0;
}

static bool
is_source(const struct sadb_migration *m, const struct sadb_sa_config *config)
{
	return m->proto == config->proto && m->mode == config->mode && (m->reqid == 0 || m->reqid == config->reqid) &&
	       sadb_addr_equal(&m->old_src, &config->src) && sadb_addr_equal(&m->old_dst, &config->dst);
}

static bool
is_template(const struct sadb_migration *m, const struct sadb_template *tmpl)
{
	return m->proto == tmpl->proto && m->mode == tmpl->mode && (m->reqid == 0 || m->reqid == tmpl->reqid) &&
	       sadb_addr_equal(&m->old_src, &tmpl->src) && sadb_addr_equal(&m->old_dst, &tmpl->dst);
}

/* ---- SAs ---- */

static int
check_target(struct sadb *db, const struct sadb_sa_config *config, const struct sadb_sa_cold *old,
	     struct sadb_error *err)
{
	const struct sadb_sa_key key = sadb_sa_key_make(&config->dst, config->spi_be, config->proto);
	const struct sadb_sa_cold *holder = sadb_sad_find(db, &key);
	int rc = sadb_addresses_check(config, err);

	if (rc == 0 && holder != NULL && holder != old)
		return sadb_fail(err, -EEXIST, XFRMA_MIGRATE, "SPI %#x to the new destination lives already",
				 rte_be_to_cpu_32(config->spi_be));
	/* Its key is ours to seal with. Towards ourselves it would look like one of the peer's: see direction.c. */
	if (rc == 0 && config->dir != SADB_DIR_IN && sadb_direction_is_local(db, &config->dst))
		return sadb_fail(err, -EINVAL, XFRMA_MIGRATE,
				 "SPI %#x sends: its new destination is an address of this gateway",
				 rte_be_to_cpu_32(config->spi_be));
	return rc;
}

/* What will take the place of old, complete and not in the table. */
static int
build(struct sadb *db, struct sadb_sa_cold *old, const struct sadb_migration *to, struct sadb_sa_cold **out,
      struct sadb_error *err)
{
	struct sadb_sa_config config = old->config;
	config.src = to->new_src;
	config.dst = to->new_dst;
	int rc = check_target(db, &config, old, err);
	if (rc != 0)
		return rc;
	struct sadb_sa_cold *cold = sadb_cold_create(db, &config);
	if (cold == NULL)
		return sadb_fail(err, -ENOMEM, 0, "out of memory for the SA");
	sadb_sa_inherit(cold, old);
	/* Until nothing can fail any more no policy shows it to workers: else it is freed without a grace period. */
	sadb_own(cold)->armed = false;
	rc = sadb_hot_borrow(db, cold, old->hot->key_area, old->hot->salt, sadb_own(old)->lineage);
	if (rc == 0)
		rc = sadb_resolve_join(db, cold);
	if (rc != 0) {
		sadb_sa_free(cold);
		return sadb_fail(err, rc, 0, "out of memory for the SA");
	}
	*out = cold;
	return 0;
}

static int
add_move(struct moves *moves, const struct move *move)
{
	if (moves->n == moves->room) {
		uint32_t room = moves->room != 0 ? 2 * moves->room : 8;
		struct move *more = reallocarray(moves->move, room, sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		moves->move = more;
		moves->room = room;
	}
	moves->move[moves->n++] = *move;
	return 0;
}

static void
give_up(struct sadb *db, struct moves *moves)
{
	for (uint32_t i = 0; i < moves->n; i++) {
		sadb_resolve_leave(db, moves->move[i].cold);
		sadb_sa_free(moves->move[i].cold);
	}
	moves->n = 0;
}

static int
by_new_key(const void *a, const void *b)
{
	const struct sadb_sa_key x = sadb_cold_key(((const struct move *)a)->cold),
				 y = sadb_cold_key(((const struct move *)b)->cold);
	return memcmp(&x, &y, sizeof(x));
}

/* Two changes may lead SAs of one SPI to one destination; those of one change come from one, so that their SPIs differ. */
static int
check_apart(struct moves *moves, struct sadb_error *err)
{
	if (moves->n > 1)
		qsort(moves->move, moves->n, sizeof(moves->move[0]), by_new_key);
	for (uint32_t i = 1; i < moves->n; i++)
		if (by_new_key(&moves->move[i - 1], &moves->move[i]) == 0)
			return sadb_fail(err, -EEXIST, XFRMA_MIGRATE,
					 "two SAs with SPI %#x would lead to one destination",
					 rte_be_to_cpu_32(moves->move[i].cold->config.spi_be));
	return 0;
}

static int
build_all(struct sadb *db, const struct sadb_migration *list, unsigned n, struct moves *moves, struct sadb_error *err)
{
	for (uint32_t slot = 0; slot < db->positions; slot++) {
		struct move move = {.old = db->cold[slot]};
		const struct sadb_migration *to = NULL;

		if (move.old == NULL || move.old->larval || move.old->config.vnet_id != moves->vnet_id)
			continue;
		for (unsigned i = 0; i < n && to == NULL; i++)
			if (is_source(&list[i], &move.old->config))
				to = &list[i];
		if (to == NULL)
			continue;
		int rc = build(db, move.old, to, &move.cold, err);
		if (rc != 0)
			return rc;
		if (add_move(moves, &move) != 0)
			rc = sadb_fail(err, -ENOMEM, 0, "out of memory for the SAs");
		if (rc != 0) {
			sadb_resolve_leave(db, move.cold);
			sadb_sa_free(move.cold);
			return rc;
		}
	}
	return n > 1 ? check_apart(moves, err) : 0;
}

/* Cannot fail. */
static void
carry_out(struct sadb *db, struct sadb_sa_cold *old, struct sadb_sa_cold *cold)
{
	sadb_own(old)->key_borrowed = true;
	sadb_own(cold)->key_borrowed = false;
	sadb_own(cold)->armed = sadb_own(old)->armed;
	sadb_own(cold)->lineage->mark->live = cold;
	sadb_sad_move(db, old, cold, sadb_own(cold)->shown);
	sadb_resolve_leave(db, old);
	sadb_resolve_sa(cold);
	sadb_heap_remove(db, old);
	sadb_heap_update(db, cold, sadb_now_s());
	sadb_retire_embedded(db, &sadb_own(old)->note, old, sadb_sa_free);
}

/* ---- the policy ---- */

static int
retarget(struct sadb *db, const struct sadb_rule *rule, const struct sadb_migration *to, struct sadb_error *err)
{
	struct sadb_policy_info info;
	const uint64_t add_time_s = rule->add_time_s;
	const uint32_t last_use_s = __atomic_load_n(&rule->hot->last_use_s, __ATOMIC_RELAXED); /* workers' store */

	sadb_rule_describe(rule, &info);
	info.config.tmpl.src = to->new_src;
	info.config.tmpl.dst = to->new_dst;
	int rc = sadb_policy_add(db, &info.config, true, err);
	if (rc != 0)
		return rc;
	/* It is the same policy: what ends it goes on. */
	struct sadb_rule *heir = sadb_rule_find(db, &info.config);
	heir->add_time_s = add_time_s;
	heir->hot->last_use_s = last_use_s; /* no worker sees it yet */
	sadb_policy_life_start(db, heir);
	return 0;
}

int
sadb_migrate(struct sadb *db, const struct sadb_policy_config *which, const struct sadb_migration *list, unsigned n,
	     struct sadb_error *err)
{
	const struct sadb_migration *to = NULL;
	struct moves moves = {.n = 0};
	struct sadb_policy_info info;
	int rc = check_list(list, n, err);
	if (rc != 0)
		return rc;
	const struct sadb_rule *rule = sadb_rule_find(db, which);
	if (rule == NULL)
		return sadb_fail(err, -ENOENT, 0, "no such policy");
	sadb_rule_describe(rule, &info);
	for (unsigned i = 0; i < n && to == NULL && info.config.action == SADB_PROTECT; i++)
		if (is_template(&list[i], &info.config.tmpl))
			to = &list[i];
	if (to == NULL)
		return sadb_fail(err, -ENODATA, XFRMA_MIGRATE, "no change fits the template of policy %u",
				 info.config.index);
	moves.vnet_id = info.config.vnet_id;
	rc = build_all(db, list, n, &moves, err);
	if (rc == 0)
		rc = retarget(db, rule, to, err);
	if (rc != 0)
		give_up(db, &moves);
	for (uint32_t i = 0; i < moves.n; i++)
		carry_out(db, moves.move[i].old, moves.move[i].cold);
	free(moves.move);
	return rc;
}
