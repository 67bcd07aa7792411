/* SPDX-License-Identifier: BSD-3-Clause
 * Virtual networks, their tables, and the database's own beginning and end. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

static void
an_id_and_a_name_belong_to_one_network(void **state)
{
	static const struct {
		uint32_t id;
		const char *name;
		int rc;
	} cases[] = {
	    {2, "red", 0},
	    {1, "green", -EEXIST},
	    {3, "blue", -EEXIST},
	    {3, "", -EINVAL},
	    {3, "a-name-of-thirty-one-characters", 0},
	    {4, "a-name-of-thirty-two-characters.", -EINVAL},
	    {0, "zero", 0},
	};
	struct sadb *db = rig_create(NULL);
	unsigned n = 0;
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(sadb_vnet_add(db, cases[i].id, cases[i].name, &rig_err), cases[i].rc);
	assert_string_equal(sadb_vnet_find(db, 2)->name, "red");
	assert_null(sadb_vnet_find(db, 4));
	for (struct sadb_vnet *vnet = NULL; (vnet = sadb_vnet_next(db, vnet)) != NULL; n++)
		assert_ptr_equal(sadb_vnet_find(db, vnet->id), vnet);
	assert_int_equal(n, 4);
	assert_non_null(sadb_underlay(db));
	assert_ptr_not_equal(sadb_underlay(db), sadb_vnet_find(db, 0));
	sadb_destroy(db);
}

static void
tables_are_exchanged_and_the_old_ones_freed(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_vnet *vnets[] = {sadb_vnet_find(db, 1), sadb_underlay(db)};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		for (uint16_t port = 1; port < 4; port++) {
			struct sadb_route route = {.dst = rig_prefix("0.0.0.0/0"), .port = port};
			sadb_vnet_fib_set(db, vnets[i], sadb_fib_create(&route, 1));
			assert_int_equal(sadb_fib_lookup(sadb_vnet_fib(vnets[i]), 5)->port, port);
		}
	}
	assert_null(sadb_neighs(db));
	struct sadb_neigh neigh = {.addr_v4_be = 9, .port = 1};
	sadb_neighs_set(db, sadb_neigh_table_create(&neigh, 1));
	sadb_neighs_set(db, sadb_neigh_table_create(&neigh, 1));
	assert_non_null(sadb_neigh_lookup(sadb_neighs(db), 1, 9));
	rig_reclaim_all(db);
	assert_non_null(sadb_neigh_lookup(sadb_neighs(db), 1, 9));
	sadb_vnet_fib_set(db, vnets[0], NULL);
	assert_null(sadb_fib_lookup(sadb_vnet_fib(vnets[0]), 5));
	sadb_destroy(db);
}

static void
a_database_that_cannot_be_made_says_why(void **state)
{
	struct sadb_config config = rig_config("/nonexistent/marks.db");
	struct sadb_error err = {{0}, 0};
	(void)state;
	assert_null(sadb_create(&config, &err));
	assert_non_null(strstr(err.text, "/nonexistent/marks.db"));
	config = rig_config(NULL);
	config.max_workers = 0;
	assert_null(sadb_create(&config, &err));
	assert_non_null(strstr(err.text, "max_workers"));
	config = rig_config(NULL);
	config.max_sas = UINT32_MAX; /* more than the memory of any machine of today */
	assert_null(sadb_create(&config, &err));
	assert_non_null(strstr(err.text, "max_sas"));
}

static void
two_databases_live_side_by_side(void **state)
{
	struct sadb *one = rig_create(NULL), *two = rig_create(NULL);
	(void)state;
	rig_add(one, 1);
	assert_null(rig_lookup(two, 1));
	rig_add(two, 1);
	sadb_destroy(one);
	assert_non_null(rig_lookup(two, 1));
	sadb_destroy(two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_id_and_a_name_belong_to_one_network),
	    cmocka_unit_test(tables_are_exchanged_and_the_old_ones_freed),
	    cmocka_unit_test(a_database_that_cannot_be_made_says_why),
	    cmocka_unit_test(two_databases_live_side_by_side),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
