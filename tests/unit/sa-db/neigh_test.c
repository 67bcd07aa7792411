/* SPDX-License-Identifier: BSD-3-Clause
 * The neighbour table. */
#include "tests/unit/sa-db/rig.h"

static void
every_neighbour_is_found_on_its_port_only(void **state)
{
	enum { N = 1000 };
	static struct sadb_neigh neighs[N];
	(void)state;
	for (unsigned i = 0; i < N; i++)
		neighs[i] = (struct sadb_neigh){.addr_v4_be = rte_cpu_to_be_32(0x0a000000 + i / 2),
						.port = (uint16_t)(i % 2),
						.mac = {2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}};
	struct sadb_neigh_table *table = sadb_neigh_table_create(neighs, N);
	assert_non_null(table);
	for (unsigned i = 0; i < N; i++) {
		struct sadb_neigh *neigh = sadb_neigh_lookup(table, neighs[i].port, neighs[i].addr_v4_be);
		assert_non_null(neigh);
		assert_memory_equal(neigh->mac, neighs[i].mac, 6);
		assert_null(sadb_neigh_lookup(table, 2, neighs[i].addr_v4_be));
	}
	assert_null(sadb_neigh_lookup(table, 0, rte_cpu_to_be_32(0x0a000000 + N)));
	assert_null(sadb_neigh_lookup(table, 0, 0));
	sadb_neigh_table_destroy(table);
}

static void
the_mark_of_use_stays_in_the_table(void **state)
{
	const struct sadb_neigh neighs[] = {{.addr_v4_be = 1}, {.addr_v4_be = 2}};
	(void)state;
	struct sadb_neigh_table *table = sadb_neigh_table_create(neighs, 2);
	sadb_neigh_lookup(table, 0, 2)->used = 1;
	assert_int_equal(sadb_neigh_at(table, 0)->used, 0);
	assert_int_equal(sadb_neigh_at(table, 1)->used, 1);
	assert_null(sadb_neigh_at(table, 2));
	sadb_neigh_table_destroy(table);
}

static void
of_two_for_one_address_the_later_counts(void **state)
{
	const struct sadb_neigh neighs[] = {{.addr_v4_be = 1, .mac = {1}}, {.addr_v4_be = 1, .mac = {2}}};
	(void)state;
	struct sadb_neigh_table *table = sadb_neigh_table_create(neighs, 2);
	assert_int_equal(sadb_neigh_lookup(table, 0, 1)->mac[0], 2);
	assert_null(sadb_neigh_at(table, 1));
	sadb_neigh_table_destroy(table);
}

static void
an_empty_table_and_none_have_no_neighbours(void **state)
{
	(void)state;
	struct sadb_neigh_table *table = sadb_neigh_table_create(NULL, 0);
	assert_non_null(table);
	assert_null(sadb_neigh_lookup(table, 0, 1));
	assert_null(sadb_neigh_at(table, 0));
	sadb_neigh_table_destroy(table);
	assert_null(sadb_neigh_lookup(NULL, 0, 1));
	assert_null(sadb_neigh_at(NULL, 0));
}

static void
addresses_of_both_families_are_told_apart(void **state)
{
	struct sadb_neigh neighs[64];
	(void)state;
	for (unsigned i = 0; i < 64; i++) { /* the first four bytes are alike in all families, and on two ports */
		neighs[i] = (struct sadb_neigh){.port = (uint16_t)(i % 2), .v6 = i >= 2, .mac = {(uint8_t)i}};
		neighs[i].addr_v4_be = rte_cpu_to_be_32(0x20010db8);
		neighs[i].addr_v6[15] = (uint8_t)(i / 2 - 1) * (i >= 2);
	}
	struct sadb_neigh_table *table = sadb_neigh_table_create(neighs, 64);
	for (unsigned i = 0; i < 64; i++) {
		const struct sadb_addr addr = sadb_neigh_addr(&neighs[i]);
		const struct sadb_neigh *found = neighs[i].v6
						     ? sadb_neigh_lookup_v6(table, neighs[i].port, neighs[i].addr_v6)
						     : sadb_neigh_lookup(table, neighs[i].port, neighs[i].addr_v4_be);
		assert_int_equal(addr.family, i >= 2 ? AF_INET6 : AF_INET);
		assert_non_null(found);
		assert_int_equal(found->mac[0], i);
		assert_ptr_equal(sadb_neigh_find(table, neighs[i].port, &addr), found);
	}
	neighs[2].addr_v6[7] = 1;
	assert_null(sadb_neigh_lookup_v6(table, 0, neighs[2].addr_v6));
	assert_null(sadb_neigh_lookup_v6(table, 2, neighs[3].addr_v6));
	assert_null(sadb_neigh_lookup_v6(NULL, 0, neighs[3].addr_v6));
	sadb_neigh_table_destroy(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_neighbour_is_found_on_its_port_only),
	    cmocka_unit_test(the_mark_of_use_stays_in_the_table),
	    cmocka_unit_test(of_two_for_one_address_the_later_counts),
	    cmocka_unit_test(an_empty_table_and_none_have_no_neighbours),
	    cmocka_unit_test(addresses_of_both_families_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
