/* SPDX-License-Identifier: BSD-3-Clause
 * Thousands of tables made at random, one from the other by commits of adds, replacements and deletes: each is to decide
 * as the plain list of its policies does, for whole packets and for fragments. */
#include "tests/unit/sa-db/spd_oracle.h"

#include "tests/unit/eal.h"

#define SESSIONS 40
#define COMMITS  25

static struct sadb *
create(void)
{
	struct sadb_config config = rig_config(NULL);
	config.max_policies = ORACLE_MAX;
	struct sadb *db = sadb_create(&config, &rig_err);
	assert_non_null(db);
	assert_int_equal(sadb_vnet_add(db, 1, "blue", &rig_err), 0);
	return db;
}

/* From no policies to some and back to none. */
static unsigned
session(struct sadb *db, enum oracle_taste taste, bool v6, unsigned *seed)
{
	static struct oracle now, published;
	unsigned hits = 0;
	now.n = published.n = 0;
	now.v6 = published.v6 = v6;
	now.both = true;
	for (unsigned commit = 0; commit < COMMITS; commit++) {
		oracle_change(&now, db, taste, seed);
		oracle_check(&published, db, 8, seed); /* workers see nothing yet */
		rig_commit(db);
		published = now;
		hits += oracle_check(&published, db, 60, seed);
		sadb_reclaim(db);
	}
	assert_int_equal(sadb_policy_flush(db), now.n);
	rig_commit(db);
	now.n = 0;
	oracle_check(&now, db, 1, seed);
	rig_reclaim_all(db);
	return hits;
}

static void
tables_agree(enum oracle_taste taste, bool v6)
{
	struct sadb *db = create();
	unsigned seed = 7 + taste, hits = 0;
	for (unsigned i = 0; i < SESSIONS; i++)
		hits += session(db, taste, v6, &seed);
	assert_true(hits > SESSIONS * COMMITS * 20);
	sadb_destroy(db);
}

static void
few_masks_with_many_values_decide_as_a_plain_list(void **state)
{
	(void)state;
	tables_agree(ORACLE_GATEWAY, false);
}

static void
every_mask_around_few_addresses_decides_as_a_plain_list(void **state)
{
	(void)state;
	tables_agree(ORACLE_NESTED, false);
}

static void
many_ports_decide_as_a_plain_list(void **state)
{
	(void)state;
	tables_agree(ORACLE_PORTS, false);
}

static void
all_kinds_together_decide_as_a_plain_list(void **state)
{
	(void)state;
	tables_agree(ORACLE_MIXED, false);
}

static void
policies_for_ipv6_decide_as_a_plain_list(void **state)
{
	(void)state;
	for (enum oracle_taste taste = 0; taste < ORACLE_TASTES; taste++)
		tables_agree(taste, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(few_masks_with_many_values_decide_as_a_plain_list),
	    cmocka_unit_test(every_mask_around_few_addresses_decides_as_a_plain_list),
	    cmocka_unit_test(many_ports_decide_as_a_plain_list),
	    cmocka_unit_test(all_kinds_together_decide_as_a_plain_list),
	    cmocka_unit_test(policies_for_ipv6_decide_as_a_plain_list),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
