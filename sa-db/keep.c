/* SPDX-License-Identifier: BSD-3-Clause
 * Keys of SAs that are about to move. Control thread.
 *
 * An IKE daemon that moves an SA to another address (MOBIKE, a new NAT mapping) reads it, deletes it and adds it again
 * with what it read, the key included. No key is shown here: in its place stands something that says nothing of the key
 * and that an add takes for it. Whoever reads an SA so may delete it and add it under the same SPI, both within KEEP_S; for
 * so long the deleted SA's expanded key is kept. Its numbers go on above those used, as with every key (mark.c). */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/xfrm.h>

#define KEEP_S   10
#define KEEP_MAX 4096

/* What a stand-in begins with: a key that begins so by chance, one in 2^64, is refused. */
static const uint8_t magic[8] = {'c', 'u', 'l', 'v', 'e', 'r', 't', 0};

struct sadb_keep {
	struct sadb_keep *next;
	struct sadb *db;
	uint64_t id;
	uint64_t until_s;
	struct sadb_sa_key sa;
	uint64_t age; /* of the SA that was read: not one that came in its place */
	struct sadb_kept_key key;
};

static void
keep_free(void *p)
{
	struct sadb_keep *keep = p;
	if (keep->key.area != NULL) {
		keep->db->config.keyer.fini(keep->key.area);
		sadb_wipe(keep->key.area, keep->db->config.keyer.area_bytes);
		free(keep->key.area);
	}
	sadb_wipe(keep, sizeof(*keep));
	free(keep);
}

static struct sadb_keep *
unlink_keep(struct sadb *db, struct sadb_keep **at)
{
	struct sadb_keep *keep = *at;
	*at = keep->next;
	if (db->keeps.last == &keep->next)
		db->keeps.last = at;
	db->keeps.n--;
	return keep;
}

/* Late workers may use the key still. */
static void
drop_first(struct sadb *db)
{
	sadb_retire(db, unlink_keep(db, &db->keeps.first), keep_free);
}

void
sadb_keeps_init(struct sadb *db)
{
	db->keeps.last = &db->keeps.first;
}

void
sadb_keeps_fini(struct sadb *db)
{
	while (db->keeps.first != NULL)
		drop_first(db);
}

/* Its time has come, or the clock was set back and the time would be longer. */
static bool
is_over(const struct sadb_keep *keep, uint64_t now_s)
{
	return keep->until_s <= now_s || keep->until_s - now_s > KEEP_S;
}

/* They all last as long, but for a delete in between: then the ones behind wait a little more. */
void
sadb_keeps_tick(struct sadb *db, uint64_t now_s)
{
	while (db->keeps.first != NULL && is_over(db->keeps.first, now_s))
		drop_first(db);
}

static struct sadb_keep **
find(struct sadb *db, const struct sadb_sa_cold *cold)
{
	const struct sadb_sa_key sa = sadb_cold_key(cold);
	struct sadb_keep **at = &db->keeps.first;
	while (*at != NULL && ((*at)->age != sadb_own(cold)->age || memcmp(&(*at)->sa, &sa, sizeof(sa)) != 0))
		at = &(*at)->next;
	return at;
}

static struct sadb_keep *
keep_create(struct sadb *db, const struct sadb_sa_cold *cold)
{
	struct sadb_keep *keep = calloc(1, sizeof(*keep));
	if (keep == NULL)
		return NULL;
	*keep = (struct sadb_keep){.db = db, .sa = sadb_cold_key(cold), .age = sadb_own(cold)->age};
	if (sadb_random(&keep->id, sizeof(keep->id)) == 0)
		return keep;
	free(keep);
	return NULL;
}

/* One for all who read this SA: one may ask for its counters while another moves it. */
int
sadb_sa_stand_in(struct sadb *db, const struct sadb_sa_key *key, uint8_t out[SADB_KEY_MAX])
{
	const struct sadb_sa_cold *cold = sadb_sad_find(db, key);
	memset(out, 0, SADB_KEY_MAX);
	if (cold == NULL || cold->larval)
		return -ESRCH;
	struct sadb_keep **at = find(db, cold);
	struct sadb_keep *keep = *at != NULL ? unlink_keep(db, at) : keep_create(db, cold);
	if (keep == NULL)
		return -ENOMEM;
	if (db->keeps.n == KEEP_MAX)
		drop_first(db);
	keep->next = NULL;
	keep->until_s = sadb_now_s() + KEEP_S;
	*db->keeps.last = keep;
	db->keeps.last = &keep->next;
	db->keeps.n++;
	memcpy(out, magic, sizeof(magic));
	memcpy(out + sizeof(magic), &keep->id, sizeof(keep->id));
	return 0;
}

void
sadb_keep_take(struct sadb *db, struct sadb_sa_cold *cold)
{
	size_t bytes = RTE_ALIGN_CEIL(db->config.keyer.area_bytes, (size_t)RTE_CACHE_LINE_SIZE);
	struct sadb_keep *keep = cold->larval ? NULL : *find(db, cold);

	if (keep == NULL || keep->until_s <= sadb_now_s())
		return;
	keep->key.area = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	if (keep->key.area == NULL)
		return;
	memcpy(keep->key.area, cold->hot->key_area, db->config.keyer.area_bytes);
	memcpy(keep->key.salt, cold->hot->salt, sizeof(keep->key.salt));
	memcpy(keep->key.key_id, sadb_own(cold)->lineage->mark->key_id, sizeof(keep->key.key_id));
	keep->key.aead = cold->config.aead;
	keep->key.key_bytes = cold->config.key_bytes;
	keep->until_s = sadb_now_s() + KEEP_S;
	sadb_own(cold)->key_borrowed = true;
}

int
sadb_keep_find(struct sadb *db, const struct sadb_sa_config *config, const struct sadb_kept_key **key,
	       struct sadb_error *err)
{
	uint64_t id;
	*key = NULL;
	if (memcmp(config->key, magic, sizeof(magic)) != 0)
		return 0;
	memcpy(&id, config->key + sizeof(magic), sizeof(id));
	for (struct sadb_keep *at = db->keeps.first; at != NULL; at = at->next)
		if (at->id == id && at->key.area != NULL && at->sa.spi_be == config->spi_be &&
		    at->key.aead == config->aead && at->key.key_bytes == config->key_bytes) {
			*key = &at->key;
			return 0;
		}
	return sadb_fail(
	    err, -EINVAL, XFRMA_ALG_AEAD,
	    "this stands for the key of an SA: it is good for %u s from its delete, for the same SPI and algorithm",
	    KEEP_S);
}

void
sadb_keep_use(struct sadb *db, const struct sadb_kept_key *key)
{
	struct sadb_keep **at = &db->keeps.first;
	while (&(*at)->key != key)
		at = &(*at)->next;
	struct sadb_keep *keep = unlink_keep(db, at);
	sadb_wipe(keep->key.area, db->config.keyer.area_bytes); /* its copy lives on */
	free(keep->key.area);
	keep->key.area = NULL;
	keep_free(keep);
}
