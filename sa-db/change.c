/* SPDX-License-Identifier: BSD-3-Clause
 * SAs added, updated and deleted. Control thread.
 *
 * Before sadb_commit() has the mark of a new SA on disk, workers do not find an inbound one, and no policy chooses an
 * outbound one: no number is received or sent before the disk says whose key it is. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <string.h>

#include <linux/xfrm.h>

#define GRACE_TRY_US 2000 /* for an SA whose key was deleted a moment ago */

static int
key_id_of(struct sadb *db, const struct sadb_sa_config *config, uint8_t key_id[SADB_KEY_ID_BYTES],
	  struct sadb_error *err)
{
	int rc = db->config.key_id(config->key, config->key_bytes, config->salt, key_id);
	return rc == 0 ? 0 : sadb_fail(err, rc, XFRMA_ALG_AEAD, "key cannot be hashed: %s", strerror(-rc));
}

int
sadb_key_known(struct sadb *db, const struct sadb_sa_config *config, struct sadb_error *err)
{
	uint8_t key_id[SADB_KEY_ID_BYTES];
	int rc = key_id_of(db, config, key_id, err);
	return rc == 0 ? sadb_mark_known(db, key_id, err) : rc;
}

/* What a new SA is made of, besides its configuration. */
struct parts {
	const struct sadb_kept_key *kept; /* NULL: the configuration has the key */
	struct sadb_mark *mark;
	uint8_t dir;
};

static int
find_mark(struct sadb *db, const struct sadb_sa_config *config, struct parts *parts, struct sadb_error *err)
{
	uint8_t key_id[SADB_KEY_ID_BYTES];
	int rc = sadb_keep_find(db, config, &parts->kept, err);
	if (rc == 0 && parts->kept != NULL)
		memcpy(key_id, parts->kept->key_id, sizeof(key_id));
	else if (rc == 0)
		rc = key_id_of(db, config, key_id, err);
	if (rc == 0)
		rc = sadb_mark_get(db, key_id, &parts->mark, err);
	if (rc != 0)
		return rc;
	if (parts->mark->live != NULL)
		return sadb_fail(err, -EEXIST, XFRMA_ALG_AEAD,
				 "SPI %#x has this key and salt already: two SAs would repeat nonces",
				 rte_be_to_cpu_32(parts->mark->live->config.spi_be));
	/* MOBIKE deletes and adds the same SA at once: with a little patience the numbers used are known exactly. */
	if (parts->mark->lineages > 0)
		sadb_grace_try(db, GRACE_TRY_US);
	return 0;
}

/* Builds the three parts, not seen by anyone yet. */
static int
build(struct sadb *db, const struct sadb_sa_config *config, const struct parts *parts, struct sadb_sa_cold **out)
{
	int rc = -ENOMEM;
	struct sadb_sa_cold *cold = sadb_cold_create(db, config);
	if (cold == NULL)
		return rc;
	cold->config.dir = parts->dir;
	sadb_own(cold)->age = ++db->age;
	struct sadb_lineage *lineage = sadb_lineage_create(db, &cold->config, parts->mark);
	if (lineage == NULL)
		goto fail_cold;
	rc = parts->kept != NULL ? sadb_hot_borrow(db, cold, parts->kept->area, parts->kept->salt, lineage)
				 : sadb_hot_create(db, cold, config, lineage);
	if (rc != 0)
		goto fail_lineage;
	rc = sadb_resolve_join(db, cold);
	if (rc != 0)
		goto fail_cold; /* which owns the lineage now */
	*out = cold;
	return 0;

fail_lineage:
	sadb_lineage_put(lineage);
fail_cold:
	sadb_sa_free(cold);
	return rc;
}

/* The place in the table: the larval SA's, which is replaced, or a new one. */
static int
take_place(struct sadb *db, struct sadb_sa_cold *cold, struct sadb_sa_cold *larval, struct sadb_error *err)
{
	if (larval != NULL) {
		sadb_sad_replace(db, cold, larval);
		sadb_heap_remove(db, larval);
		/* No worker ever saw it, but the table names it until the new one is shown. */
		sadb_retire_embedded(db, &sadb_own(larval)->note, larval, sadb_sa_free);
		return 0;
	}
	return sadb_sad_insert(db, cold, err);
}

static void
make_visible(struct sadb *db, struct sadb_sa_cold *cold, bool shown)
{
	sadb_own(cold)->shown = shown;
	if (shown)
		sadb_sad_show(db, cold);
	else
		sadb_sad_place(db, cold);
}

static int
install(struct sadb *db, const struct sadb_sa_config *config, struct sadb_sa_cold *larval, struct sadb_error *err)
{
	struct parts parts;
	struct sadb_sa_cold *cold;
	int rc = sadb_config_check(config, err);
	if (rc != 0)
		return rc;
	if (sadb_vnet_find(db, config->vnet_id) == NULL)
		return sadb_fail(err, -ENODEV, XFRMA_IF_ID,
				 "no virtual network has the id %u: 'culvert vnet show' lists them", config->vnet_id);
	rc = find_mark(db, config, &parts, err);
	if (rc != 0)
		return rc;
	struct sadb_mark *mark = parts.mark;
	parts.dir = sadb_direction_of(db, config, mark);
	rc = sadb_direction_check(parts.dir, config, mark, err);
	if (rc != 0)
		goto fail_mark;
	rc = build(db, config, &parts, &cold);
	if (rc != 0) {
		sadb_fail(err, rc, 0, "the SA cannot be made: %s", strerror(-rc));
		goto fail_mark;
	}
	rc = take_place(db, cold, larval, err);
	if (rc != 0) {
		sadb_resolve_leave(db, cold);
		sadb_sa_free(cold);
		return rc;
	}
	if (parts.kept != NULL) {
		sadb_keep_use(db, parts.kept);
		sadb_own(cold)->key_borrowed = false;
	}
	mark->live = cold;
	if (parts.dir == SADB_DIR_IN)
		mark->inbound = true;
	sadb_mark_reserve(db, mark);
	make_visible(db, cold, parts.dir != SADB_DIR_IN);
	sadb_heap_update(db, cold, sadb_now_s());
	return 0;

fail_mark:
	sadb_mark_put(db, mark);
	return rc;
}

int
sadb_sa_add(struct sadb *db, const struct sadb_sa_config *config, struct sadb_error *err)
{
	struct sadb_sa_key key = sadb_sa_key_make(&config->dst, config->spi_be, config->proto);
	struct sadb_sa_cold *cold = sadb_sad_find(db, &key);
	if (cold != NULL && !cold->larval)
		return sadb_fail(err, -EEXIST, 0, "SPI %#x to this destination lives already",
				 rte_be_to_cpu_32(config->spi_be));
	return install(db, config, cold, err);
}

/* What an update must leave as it is. */
static int
check_update(struct sadb *db, const struct sadb_sa_cold *cold, const struct sadb_sa_config *config,
	     struct sadb_error *err)
{
	uint8_t key_id[SADB_KEY_ID_BYTES];
	const struct sadb_sa_config *old = &cold->config;
	int rc = sadb_config_check(config, err);
	if (rc == 0)
		rc = key_id_of(db, config, key_id, err);
	if (rc != 0)
		return rc;
	if (old->aead != config->aead)
		return sadb_fail(err, -EINVAL, XFRMA_ALG_AEAD, "an update cannot change the algorithm: use a new key");
	if (old->key_bytes != config->key_bytes ||
	    memcmp(sadb_own(cold)->lineage->mark->key_id, key_id, sizeof(key_id)) != 0)
		return sadb_fail(err, -EINVAL, XFRMA_ALG_AEAD, "an update cannot change the key: delete and add");
	if ((old->flags ^ config->flags) & SADB_SA_ESN)
		return sadb_fail(err, -EINVAL, XFRMA_REPLAY_ESN_VAL, "an update cannot switch ESN: delete and add");
	if (!sadb_addr_equal(&old->src, &config->src))
		return sadb_fail(err, -EINVAL, XFRMA_SRCADDR, "an update cannot change the source: delete and add");
	if (old->vnet_id != config->vnet_id)
		return sadb_fail(err, -EINVAL, XFRMA_IF_ID, "an update cannot change the virtual network");
	if (sadb_window_packets(config) != sadb_window_packets(old))
		return sadb_fail(err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
				 "an update cannot change the replay window (%u packets): delete and add",
				 old->window_packets);
	if ((old->encap_sport_be == 0) != (config->encap_sport_be == 0))
		return sadb_fail(err, -EINVAL, XFRMA_ENCAP,
				 "an update changes the ports of UDP encapsulation, not whether there is any");
	if (config->dir != SADB_DIR_ANY && config->dir != old->dir)
		return sadb_fail(err, -EINVAL, 0, "an update cannot change the direction: delete and add");
	return sadb_direction_numbers(old->dir, config, err);
}

void
sadb_sequence_raise(struct sadb *db, struct sadb_lineage *lineage, uint64_t out_seq)
{
	uint64_t now = __atomic_load_n(&lineage->mut.out_seq, __ATOMIC_RELAXED);
	/* Relaxed, as the add in sadb_sa_seq_take(): only the order of this one variable counts. */
	while (now < out_seq && !__atomic_compare_exchange_n(&lineage->mut.out_seq, &now, out_seq, true,
							     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	if (lineage->mark->bound < out_seq) {
		lineage->mark->bound = out_seq;
		sadb_mark_reserve(db, lineage->mark);
	}
}

void
sadb_sa_inherit(struct sadb_sa_cold *cold, const struct sadb_sa_cold *old)
{
	cold->config.dir = old->config.dir;
	cold->config.window_packets = old->config.window_packets;
	cold->config.acquire_seq = old->config.acquire_seq;
	cold->add_time_s = old->add_time_s;
	cold->slot = old->slot;
	sadb_own(cold)->age = sadb_own(old)->age;
	sadb_own(cold)->armed = sadb_own(old)->armed;
	sadb_own(cold)->shown = sadb_own(old)->shown;
	sadb_own(cold)->numbers_low = sadb_own(old)->numbers_low;
}

/* New cold and hot parts in the place of the old ones, with the mutable part of the old ones. */
static int
rebuild(struct sadb *db, struct sadb_sa_cold *old, const struct sadb_sa_config *config, struct sadb_sa_cold **out)
{
	struct sadb_sa_cold *cold = sadb_cold_create(db, config);
	if (cold == NULL)
		return -ENOMEM;
	sadb_sa_inherit(cold, old);
	int rc = sadb_hot_create(db, cold, config, sadb_own(old)->lineage);
	if (rc == 0)
		rc = sadb_resolve_join(db, cold);
	if (rc != 0) {
		sadb_sa_free(cold);
		return rc;
	}
	*out = cold;
	return 0;
}

int
sadb_sa_update(struct sadb *db, const struct sadb_sa_config *config, struct sadb_error *err)
{
	struct sadb_sa_key key = sadb_sa_key_make(&config->dst, config->spi_be, config->proto);
	struct sadb_sa_cold *old = sadb_sad_find(db, &key), *cold;
	if (old == NULL)
		return sadb_fail(err, -ESRCH, 0, "no SA with SPI %#x to this destination",
				 rte_be_to_cpu_32(config->spi_be));
	if (old->larval)
		return install(db, config, old, err);
	int rc = check_update(db, old, config, err);
	if (rc != 0)
		return rc;
	rc = rebuild(db, old, config, &cold);
	if (rc != 0)
		return sadb_fail(err, rc, 0, "the SA cannot be updated: %s", strerror(-rc));

	struct sadb_lineage *lineage = sadb_own(cold)->lineage;
	lineage->mark->live = cold;
	sadb_limits_set(&lineage->mut, &config->life);
	/* Relaxed, see sadb_sa_use(): a new soft limit may be reported again. */
	if (memcmp(&old->config.life, &config->life, sizeof(config->life)) != 0)
		__atomic_fetch_and(&lineage->mut.state, ~(uint32_t)SADB_SA_SOFT, __ATOMIC_RELAXED);
	sadb_sequence_raise(db, lineage, config->out_seq);
	make_visible(db, cold, sadb_own(old)->shown);
	sadb_resolve_leave(db, old); /* its policies take the new one */
	sadb_resolve_sa(cold);
	sadb_heap_remove(db, old);
	sadb_heap_update(db, cold, sadb_now_s());
	sadb_retire_embedded(db, &sadb_own(old)->note, old, sadb_sa_free);
	return 0;
}

int
sadb_sa_spend(struct sadb *db, const struct sadb_sa_key *key)
{
	struct sadb_sa_cold *cold = sadb_sad_find(db, key);
	if (cold == NULL || cold->larval || cold->config.dir == SADB_DIR_IN)
		return -ESRCH;
	sadb_sequence_raise(db, sadb_own(cold)->lineage, sadb_out_max(&cold->config));
	return 0;
}

void
sadb_sa_remove(struct sadb *db, struct sadb_sa_cold *cold)
{
	if (!cold->larval) {
		/* First the bit, then the top of the window, both sequentially consistent as their partners are in
		 * sadb_sa_use() and in raise_top(): a worker that moves the window after this look sees the bit and drops
		 * what it opened. So the mark knows every number that was let in. */
		struct sadb_mark *mark = sadb_own(cold)->lineage->mark;
		__atomic_fetch_or(&cold->hot->mut->state, SADB_SA_DEAD, __ATOMIC_SEQ_CST);
		uint64_t top = cold->hot->replay != NULL ? sadb_replay_top(cold->hot->replay) : 0;
		if (mark->in_seq < top)
			mark->in_seq = top;
		mark->live = NULL;
		sadb_resolve_leave(db, cold);
	}
	sadb_heap_remove(db, cold);
	sadb_sad_remove(db, cold);
}

int
sadb_sa_del(struct sadb *db, const struct sadb_sa_key *key, struct sadb_error *err)
{
	struct sadb_sa_cold *cold = sadb_sad_find(db, key);
	if (cold == NULL)
		return sadb_fail(err, -ESRCH, 0, "no SA with SPI %#x to this destination",
				 rte_be_to_cpu_32(key->spi_be));
	sadb_keep_take(db, cold);
	sadb_sa_remove(db, cold);
	return 0;
}

unsigned
sadb_sa_flush(struct sadb *db, uint8_t proto)
{
	unsigned gone = 0;
	for (uint32_t slot = 0; slot < db->positions; slot++) {
		struct sadb_sa_cold *cold = db->cold[slot];
		if (cold == NULL || (proto != 0 && proto != 255 && proto != cold->config.proto))
			continue;
		sadb_sa_remove(db, cold);
		gone++;
	}
	return gone;
}

int
sadb_key_used(struct sadb *db, const struct sadb_sa_config *config, struct sadb_error *err)
{
	uint8_t key_id[SADB_KEY_ID_BYTES];
	struct sadb_mark *mark;
	int rc = key_id_of(db, config, key_id, err);
	if (rc == 0)
		rc = sadb_mark_get(db, key_id, &mark, err);
	if (rc != 0)
		return rc;
	bool used = mark->live != NULL || mark->lineages > 0 || mark->bound > 0 || sadb_mark_inbound(mark);
	sadb_mark_put(db, mark);
	return used;
}
