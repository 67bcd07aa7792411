/* SPDX-License-Identifier: BSD-3-Clause
 * The neighbour table: an open-addressing hash that does not change after it was built, but for the "used" marks.
 * Built by the control thread; any worker reads. */
#include "sa-db/fib.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_jhash.h>
#include <rte_random.h>

#define EMPTY UINT32_MAX

struct sadb_neigh_table {
	uint32_t n;
	uint32_t mask; /* slots - 1; at least half of them stay empty, so probing ends soon */
	uint32_t seed;
	uint32_t *slot; /* a neighbour's place in neigh[], or EMPTY */
	struct sadb_neigh neigh[];
};

static uint32_t
first_slot(const struct sadb_neigh_table *table, uint16_t port, rte_be32_t addr_be)
{
	return rte_jhash_2words(addr_be, port, table->seed) & table->mask;
}

/* The slot of this neighbour, or the empty one where it would go. */
static uint32_t
find_slot(const struct sadb_neigh_table *table, uint16_t port, rte_be32_t addr_be)
{
	uint32_t at = first_slot(table, port, addr_be);
	while (table->slot[at] != EMPTY) {
		const struct sadb_neigh *neigh = &table->neigh[table->slot[at]];
		if (neigh->addr_v4_be == addr_be && neigh->port == port)
			break;
		at = (at + 1) & table->mask;
	}
	return at;
}

struct sadb_neigh_table *
sadb_neigh_table_create(const struct sadb_neigh *neighs, unsigned n)
{
	struct sadb_neigh_table *table = calloc(1, sizeof(*table) + n * sizeof(table->neigh[0]));
	if (table == NULL)
		return NULL;
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
		uint32_t *slot = &table->slot[find_slot(table, neighs[i].port, neighs[i].addr_v4_be)];
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

struct sadb_neigh *
sadb_neigh_lookup(const struct sadb_neigh_table *table, uint16_t port, rte_be32_t addr_be)
{
	if (table == NULL)
		return NULL;
	uint32_t i = table->slot[find_slot(table, port, addr_be)];
	return i == EMPTY ? NULL : (struct sadb_neigh *)&table->neigh[i];
}

struct sadb_neigh *
sadb_neigh_at(const struct sadb_neigh_table *table, unsigned i)
{
	return table != NULL && i < table->n ? (struct sadb_neigh *)&table->neigh[i] : NULL;
}
