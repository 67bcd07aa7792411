/* SPDX-License-Identifier: BSD-3-Clause
 * The neighbour table: an open-addressing hash that does not change after it was built, but for the "used" marks.
 * Built by the control thread; any worker reads. */
#include "sa-db/fib.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include <rte_jhash.h>
#include <rte_random.h>

#define EMPTY UINT32_MAX

struct sadb_neigh_table {
	uint32_t n;
	uint32_t mask; /* slots - 1; at least half of them stay empty, so probing ends soon */
	uint32_t seed;
	uint32_t *slot; /* a neighbour's place in neigh[], or EMPTY */
	alignas(32) struct sadb_neigh neigh[];
};

static inline uint32_t
first_slot(const struct sadb_neigh_table *table, uint16_t port, const uint8_t *addr, bool v6)
{
	uint32_t word[4];
	memcpy(word, addr, v6 ? 16 : 4);
	uint32_t hash = v6 ? rte_jhash_32b(word, 4, table->seed ^ port) : rte_jhash_2words(word[0], port, table->seed);
	return hash & table->mask;
}

/* The slot of this neighbour, or the empty one where it would go. addr: 4 or 16 bytes. */
static inline uint32_t
find_slot(const struct sadb_neigh_table *table, uint16_t port, const uint8_t *addr, bool v6)
{
	uint32_t at = first_slot(table, port, addr, v6);
	while (table->slot[at] != EMPTY) {
		const struct sadb_neigh *neigh = &table->neigh[table->slot[at]];
		if (neigh->port == port && neigh->v6 == v6 && memcmp(neigh->addr_v6, addr, v6 ? 16 : 4) == 0)
			break;
		at = (at + 1) & table->mask;
	}
	return at;
}

struct sadb_neigh_table *
sadb_neigh_table_create(const struct sadb_neigh *neighs, unsigned n)
{
	size_t bytes = sizeof(struct sadb_neigh_table) + n * sizeof(struct sadb_neigh);
	struct sadb_neigh_table *table = aligned_alloc(alignof(struct sadb_neigh_table), bytes);
	if (table == NULL)
		return NULL;
	memset(table, 0, bytes);
	uint32_t slots = 8;
	while (slots < 2 * (uint64_t)n)
		slots *= 2;
	table->mask = slots - 1;
	table->seed = (uint32_t)rte_rand();
	table->slot = malloc(slots * sizeof(*table->slot));
	if (table->slot == NULL) {
		free(table);
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t i = 0; i < slots; i++)
		table->slot[i] = EMPTY;
	for (unsigned i = 0; i < n; i++) {
		uint32_t *slot = &table->slot[find_slot(table, neighs[i].port, neighs[i].addr_v6, neighs[i].v6 != 0)];
		if (*slot == EMPTY)
			*slot = table->n++;
		table->neigh[*slot] = neighs[i]; /* of two for one address the later counts */
	}
	return table;
}

void
sadb_neigh_table_destroy(struct sadb_neigh_table *table)
{
	if (table == NULL)
		return;
	free(table->slot);
	free(table);
}

static inline struct sadb_neigh *
lookup(const struct sadb_neigh_table *table, uint16_t port, const uint8_t *addr, bool v6)
{
	if (table == NULL)
		return NULL;
	uint32_t i = table->slot[find_slot(table, port, addr, v6)];
	return i == EMPTY ? NULL : (struct sadb_neigh *)&table->neigh[i];
}

struct sadb_neigh *
sadb_neigh_lookup(const struct sadb_neigh_table *table, uint16_t port, rte_be32_t addr_be)
{
	return lookup(table, port, (const uint8_t *)&addr_be, false);
}

struct sadb_neigh *
sadb_neigh_lookup_v6(const struct sadb_neigh_table *table, uint16_t port, const uint8_t addr[16])
{
	return lookup(table, port, addr, true);
}

struct sadb_neigh *
sadb_neigh_find(const struct sadb_neigh_table *table, uint16_t port, const struct sadb_addr *addr)
{
	return lookup(table, port, addr->bytes, addr->family == AF_INET6);
}

struct sadb_addr
sadb_neigh_addr(const struct sadb_neigh *neigh)
{
	return neigh->v6 ? sadb_addr_v6(neigh->addr_v6) : sadb_addr_v4(neigh->addr_v4_be);
}

struct sadb_neigh *
sadb_neigh_at(const struct sadb_neigh_table *table, unsigned i)
{
	return table != NULL && i < table->n ? (struct sadb_neigh *)&table->neigh[i] : NULL;
}
