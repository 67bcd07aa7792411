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
session(struct sadb *db, enum oracle_taste taste, unsigned *seed)
{
	static struct oracle now, published;
	unsigned hits = 0;
	now.n = published.n = 0;
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
tables_agree(enum oracle_taste taste)
{
	struct sadb *db = create();
	unsigned seed = 7 + taste, hits = 0;
	for (unsigned i = 0; i < SESSIONS; i++)
		hits += session(db, taste, &seed);
	assert_true(hits > SESSIONS * COMMITS * 20);
	sadb_destroy(db);
}

static void
few_masks_with_many_values_decide_as_a_plain_list(void **state)
{
	(void)state;
	tables_agree(ORACLE_GATEWAY);
}

static void
every_mask_around_few_addresses_decides_as_a_plain_list(void **state)
{
	(void)state;
	tables_agree(ORACLE_NESTED);
}

static void
many_ports_decide_as_a_plain_list(void **state)
{
	(void)state;
	tables_agree(ORACLE_PORTS);
}

static void
all_kinds_together_decide_as_a_plain_list(void **state)
{
	(void)state;
	tables_agree(ORACLE_MIXED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(few_masks_with_many_values_decide_as_a_plain_list),
	    cmocka_unit_test(every_mask_around_few_addresses_decides_as_a_plain_list),
	    cmocka_unit_test(many_ports_decide_as_a_plain_list),
	    cmocka_unit_test(all_kinds_together_decide_as_a_plain_list),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
