/* SPDX-License-Identifier: BSD-3-Clause
 * What is said of the database's memory: it grows with SAs, stays within what a pair may cost, and comes back. */
#include "tests/unit/sa-db/rig.h"

#include "sa-db/sadb_private.h"
#include "tests/unit/eal.h"

#define SAS 20000

static struct sadb *
create(uint32_t max_sas)
{
	struct sadb_config config = rig_config(NULL);
	config.max_sas = max_sas;
	config.keyer.area_bytes = 1024; /* the largest of the engines */
	struct sadb *db = sadb_create(&config, &rig_err);
	assert_non_null(db);
	assert_int_equal(sadb_vnet_add(db, 1, "blue", &rig_err), 0);
	return db;
}

/* Pairs as a gateway has them: a tunnel each, known by its reqid, with limits in seconds. */
static void
fill(struct sadb *db)
{
	for (uint32_t n = 0; n < SAS; n++) {
		struct sadb_sa_config config = rig_sa(n);
		config.dir = n % 2 == 0 ? SADB_DIR_OUT : SADB_DIR_IN;
		config.reqid = n / 2 + 1;
		config.window_packets = 128;
		config.life.soft_add_s = 3000;
		config.life.hard_add_s = 3600;
		if (sadb_sa_add(db, &config, &rig_err) != 0)
			fail_msg("%s", rig_err.text);
		if (n % 64 == 63)
			rig_commit(db);
	}
	rig_commit(db);
}

static uint64_t
total(const struct sadb *db)
{
	struct sadb_memory use[SADB_MEMORY_USES];
	uint64_t bytes = 0;
	sadb_memory_get(db, use);
	for (unsigned i = 0; i < SADB_MEMORY_USES; i++)
		bytes += use[i].bytes;
	return bytes;
}

static void
each_part_of_each_sa_is_counted(void **state)
{
	struct sadb *db = create(SAS);
	struct sadb_memory use[SADB_MEMORY_USES];
	(void)state;
	fill(db);
	sadb_memory_get(db, use);
	assert_int_equal(use[SADB_MEMORY_HOT].objects, SAS);
	assert_int_equal(use[SADB_MEMORY_COLD].objects, SAS);
	assert_int_equal(use[SADB_MEMORY_MUTABLE].objects, SAS);
	assert_int_equal(use[SADB_MEMORY_TABLE].objects, SAS);
	assert_int_equal(use[SADB_MEMORY_MARKS].objects, SAS);
	assert_int_equal(use[SADB_MEMORY_TIMES].objects, SAS);
	assert_int_equal(use[SADB_MEMORY_GROUPS].objects, SAS / 2); /* what receives is chosen by no policy */
	assert_true(use[SADB_MEMORY_HOT].bytes >= SAS * (64 + 1024ul));
	sadb_destroy(db);
}

static void
a_pair_of_sas_costs_at_most_four_kibibytes(void **state)
{
	struct sadb *db = create(SAS);
	(void)state;
	uint64_t before = total(db);
	fill(db);
	/* Chunks are whole: what the last of each slab does not hold is not the pairs'. */
	uint64_t rest = 5 * SADB_SLAB_CHUNK_BYTES;
	assert_in_range(total(db) - before, 3000ull * SAS / 2, 4096ull * SAS / 2 + rest);
	assert_true(total(db) - rest < 4096ull * SAS / 2);
	sadb_destroy(db);
}

static void
what_was_deleted_comes_back(void **state)
{
	struct sadb *db = create(SAS);
	struct sadb_memory use[SADB_MEMORY_USES];
	(void)state;
	fill(db);
	uint64_t full = total(db);
	assert_int_equal(sadb_sa_flush(db, 0), SAS);
	rig_commit(db);
	rig_reclaim_all(db);
	sadb_memory_get(db, use);
	assert_int_equal(use[SADB_MEMORY_HOT].objects, 0);
	assert_int_equal(use[SADB_MEMORY_HOT].bytes, SADB_SLAB_CHUNK_BYTES);
	assert_int_equal(use[SADB_MEMORY_COLD].objects, 0);
	assert_int_equal(use[SADB_MEMORY_MUTABLE].objects, 0);
	assert_int_equal(use[SADB_MEMORY_GROUPS].objects, 0);
	assert_true(total(db) < full / 2);
	sadb_destroy(db);
}

static void
every_use_has_a_name_and_a_line_of_help(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SADB_MEMORY_USES; i++) {
		assert_true(strlen(sadb_memory_name((enum sadb_memory_use)i)) > 3);
		assert_true(strlen(sadb_memory_help((enum sadb_memory_use)i)) > 10);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(sadb_memory_name((enum sadb_memory_use)i),
						sadb_memory_name((enum sadb_memory_use)j));
	}
}

static void
more_sas_than_the_machine_holds_are_refused_with_a_number_that_fits(void **state)
{
	struct sadb_config config = rig_config(NULL);
	(void)state;
	config.keyer.area_bytes = 1024;
	config.max_sas = UINT32_MAX;
	assert_null(sadb_create(&config, &rig_err));
	const char *advice = strstr(rig_err.text, "lower max_sas to ");
	assert_non_null(advice);
	config.max_sas = (uint32_t)strtoul(advice + strlen("lower max_sas to "), NULL, 10);
	assert_true(config.max_sas > 1000);
	struct sadb *db = sadb_create(&config, &rig_err);
	assert_non_null(db);
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_part_of_each_sa_is_counted),
	    cmocka_unit_test(a_pair_of_sas_costs_at_most_four_kibibytes),
	    cmocka_unit_test(what_was_deleted_comes_back),
	    cmocka_unit_test(every_use_has_a_name_and_a_line_of_help),
	    cmocka_unit_test(more_sas_than_the_machine_holds_are_refused_with_a_number_that_fits),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
