/* SPDX-License-Identifier: BSD-3-Clause
 * Virtual networks, their route tables, and the neighbours. Control thread; workers read what is published. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sa-db/spd.h"

static void
vnet_init(struct sadb_vnet_own *own, uint32_t id, const char *name)
{
	own->vnet.id = id;
	snprintf(own->vnet.name, sizeof(own->vnet.name), "%s", name);
	for (unsigned dir = 0; dir < SADB_POLICY_DIRS; dir++) {
		own->domain[dir] = (struct sadb_domain){
		    .published = &own->vnet.spd[dir], .vnet_id = id, .dir = (uint8_t)dir, .width = SADB_WIDTH_V4};
		own->domain_v6[dir] = (struct sadb_domain){
		    .published = &own->vnet.spd_v6[dir], .vnet_id = id, .dir = (uint8_t)dir, .width = SADB_WIDTH_V6};
	}
}

int
sadb_vnets_init(struct sadb *db)
{
	db->vnet_end = &db->vnet_first;
	vnet_init(&db->underlay, SADB_UNDERLAY_ID, "underlay");
	return sadb_map_init(&db->vnets);
}

void
sadb_vnets_fini(struct sadb *db)
{
	struct sadb_vnet_own *next;
	for (struct sadb_vnet_own *own = db->vnet_first; own != NULL; own = next) {
		next = own->next;
		sadb_fib_destroy(own->vnet.fib);
		free(own);
	}
	sadb_fib_destroy(db->underlay.vnet.fib);
	sadb_neigh_table_destroy(db->neighs);
	sadb_map_fini(&db->vnets);
}

static uint32_t
hash_id(const struct sadb *db, uint32_t id)
{
	return sadb_hash(db, &id, sizeof(id));
}

int
sadb_vnet_add(struct sadb *db, uint32_t id, const char *name, struct sadb_error *err)
{
	if (name[0] == '\0' || strlen(name) >= SADB_VNET_NAME)
		return sadb_fail(err, -EINVAL, 0, "virtual network %u: a name has 1 to %u characters", id,
				 SADB_VNET_NAME - 1);
	if (sadb_vnet_find(db, id) != NULL)
		return sadb_fail(err, -EEXIST, 0, "virtual network '%s': id %u belongs to '%s'", name, id,
				 sadb_vnet_find(db, id)->name);
	for (const struct sadb_vnet_own *own = db->vnet_first; own != NULL; own = own->next)
		if (strcmp(own->vnet.name, name) == 0)
			return sadb_fail(err, -EEXIST, 0, "virtual network '%s' exists, with id %u", name,
					 own->vnet.id);
	struct sadb_vnet_own *own = calloc(1, sizeof(*own));
	if (own == NULL)
		return sadb_fail(err, -ENOMEM, 0, "out of memory for virtual network '%s'", name);
	vnet_init(own, id, name);
	sadb_map_add(&db->vnets, &own->by_id, hash_id(db, id));
	*db->vnet_end = own;
	db->vnet_end = &own->next;
	return 0;
}

struct sadb_vnet *
sadb_vnet_find(struct sadb *db, uint32_t id)
{
	if (id == SADB_UNDERLAY_ID)
		return &db->underlay.vnet;
	struct sadb_link *link = sadb_map_first(&db->vnets, hash_id(db, id));
	for (; link != NULL; link = sadb_map_next(link)) {
		struct sadb_vnet_own *own = sadb_entry(link, struct sadb_vnet_own, by_id);
		if (own->vnet.id == id)
			return &own->vnet;
	}
	return NULL;
}

struct sadb_vnet *
sadb_vnet_next(struct sadb *db, const struct sadb_vnet *after)
{
	struct sadb_vnet_own *own =
	    after == NULL ? db->vnet_first : sadb_entry(after, struct sadb_vnet_own, vnet)->next;
	return own == NULL ? NULL : &own->vnet;
}

struct sadb_vnet *
sadb_underlay(struct sadb *db)
{
	return &db->underlay.vnet;
}

void
sadb_vnet_bypass_set(struct sadb *db, struct sadb_vnet *vnet, bool bypass)
{
	__atomic_store_n(&vnet->bypass, bypass, __ATOMIC_RELAXED); /* see sadb_vnet_bypasses() */
	sadb_generation_raise(db);
}

static void
fib_free(void *fib)
{
	sadb_fib_destroy(fib);
}

static void
neighs_free(void *table)
{
	sadb_neigh_table_destroy(table);
}

void
sadb_vnet_fib_set(struct sadb *db, struct sadb_vnet *vnet, struct sadb_fib *fib)
{
	struct sadb_fib *old = vnet->fib;
	if (vnet == sadb_underlay(db))
		sadb_direction_locals(db, fib);
	__atomic_store_n(&vnet->fib, fib, __ATOMIC_RELEASE); /* pairs with the acquire in sadb_vnet_fib() */
	sadb_generation_raise(db);
	sadb_retire(db, old, fib_free);
}

void
sadb_neighs_set(struct sadb *db, struct sadb_neigh_table *table)
{
	struct sadb_neigh_table *old = db->neighs;
	__atomic_store_n(&db->neighs, table, __ATOMIC_RELEASE); /* pairs with the acquire in sadb_neighs() */
	sadb_retire(db, old, neighs_free);
}

struct sadb_neigh_table *
sadb_neighs(const struct sadb *db)
{
	return __atomic_load_n(&db->neighs, __ATOMIC_ACQUIRE); /* pairs with the release in sadb_neighs_set() */
}
