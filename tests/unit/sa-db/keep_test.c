/* SPDX-License-Identifier: BSD-3-Clause
 * An SA that was read, deleted and added again with what was read: it seals with its key, which nobody was shown. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

/* rig_sa(n) with what stands for its key. */
static struct sadb_sa_config
read_sa(struct sadb *db, uint32_t n)
{
	struct sadb_sa_config config = rig_sa(n);
	struct sadb_sa_key key = rig_key(n);

	assert_int_equal(sadb_sa_stand_in(db, &key, config.key), 0);
	memset(config.salt, 0, sizeof(config.salt));
	return config;
}

static void
del(struct sadb *db, uint32_t n)
{
	struct sadb_sa_key key = rig_key(n);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	rig_commit(db);
}

static struct sadb *
create(void)
{
	struct sadb *db = rig_create(NULL);

	rig_add(db, 1);
	rig_commit(db);
	return db;
}

static void
what_stands_for_a_key_says_nothing_of_it(void **state)
{
	struct sadb *db = create();
	const struct sadb_sa_config real = rig_sa(1);
	struct sadb_sa_config one = read_sa(db, 1), two = read_sa(db, 1), other;

	(void)state;
	for (unsigned i = 0; i + 4 <= sizeof(one.key); i++)
		for (unsigned j = 0; j + 4 <= sizeof(real.key); j++)
			assert_memory_not_equal(one.key + i, real.key + j, 4);
	assert_memory_equal(one.key, two.key, sizeof(one.key)); /* whoever reads it */
	rig_add(db, 2);
	rig_commit(db);
	other = read_sa(db, 2);
	assert_memory_not_equal(one.key, other.key, sizeof(one.key));
	sadb_destroy(db);
}

static void
a_moved_sa_has_its_key_and_goes_on_above(void **state)
{
	struct sadb *db = create();
	struct sadb_sa_config config = read_sa(db, 1);
	const struct sadb_sa_config real = rig_sa(1);

	(void)state;
	assert_int_equal(rig_take(rig_lookup(db, 1), 50), 1);
	del(db, 1);
	assert_int_equal(sadb_addr_parse("203.0.113.9", &config.src), 0);
	if (sadb_sa_add(db, &config, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	rig_commit(db);
	struct sadb_sa *sa = rig_lookup(db, 1);
	const struct rig_area *area = (const void *)sa->key_area;
	assert_memory_equal(area->key, real.key, sizeof(real.key));
	assert_memory_equal(sa->salt, real.salt, sizeof(real.salt));
	assert_true(rig_take(sa, 1) > 50);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 1);
	assert_int_equal(area->alive, RIG_ALIVE);
	/* The key is known for what it is. */
	struct sadb_sa_config other = rig_sa(2);
	memcpy(other.key, real.key, sizeof(real.key));
	assert_int_equal(sadb_sa_add(db, &other, &rig_err), -EEXIST);
	sadb_destroy(db);
	assert_int_equal(rig_areas, 0);
}

static void
an_sa_moves_again_and_again(void **state)
{
	struct sadb *db = create();
	uint64_t last = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct sadb_sa_config config = read_sa(db, 1);
		uint64_t first = rig_take(rig_lookup(db, 1), 1);
		assert_true(first > last);
		last = first;
		del(db, 1);
		assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
		rig_commit(db);
	}
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 1);
	sadb_destroy(db);
}

static void
no_key_is_kept_but_of_an_sa_that_was_read(void **state)
{
	struct sadb *db = create();

	(void)state;
	del(db, 1);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 0);
	sadb_destroy(db);
}

static void
a_kept_key_goes_after_its_time(void **state)
{
	struct sadb *db = create();
	struct sadb_sa_config config = read_sa(db, 1);
	uint64_t now_s = (uint64_t)time(NULL);

	(void)state;
	del(db, 1);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 1);
	sadb_tick(db, now_s + 8, NULL, NULL);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 1);
	sadb_tick(db, now_s + 12, NULL, NULL);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 0);
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), -EINVAL);
	assert_non_null(strstr(rig_err.text, "stands for the key of an SA"));
	sadb_destroy(db);
}

static void
a_clock_that_is_set_back_keeps_no_key_longer(void **state)
{
	struct sadb *db = create();
	const struct sadb_sa_config config = read_sa(db, 1);
	uint64_t now_s;

	(void)state;
	del(db, 1);
	now_s = (uint64_t)time(NULL); /* not before: a second may end meanwhile */
	sadb_tick(db, now_s, NULL, NULL);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 1);
	sadb_tick(db, now_s - 3600, NULL, NULL);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 0);
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), -EINVAL);
	sadb_destroy(db);
}

static void
a_stand_in_is_good_for_its_own_sa_only(void **state)
{
	static const struct {
		bool deleted;
		uint32_t spi_plus, key_bytes;
		uint8_t flip; /* a bit of the eighth byte of its number */
		int rc;
		uint8_t aead;
	} table[] = {
	    {false, 0, 32, 0, -EEXIST, SADB_AEAD_AES_GCM_16}, /* it lives */
	    {false, 1, 32, 0, -EINVAL, SADB_AEAD_AES_GCM_16},       {true, 1, 32, 0, -EINVAL, SADB_AEAD_AES_GCM_16},
	    {true, 0, 16, 0, -EINVAL, SADB_AEAD_AES_GCM_16},        {true, 0, 32, 1, -EINVAL, SADB_AEAD_AES_GCM_16},
	    {true, 0, 32, 0, -EINVAL, SADB_AEAD_AES_GMAC}, /* the area is expanded for another */
	    {true, 0, 32, 0, -EINVAL, SADB_AEAD_CHACHA20_POLY1305}, {true, 0, 32, 0, 0, SADB_AEAD_AES_GCM_16},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sadb *db = create();
		struct sadb_sa_config config = read_sa(db, 1);

		if (table[i].deleted)
			del(db, 1);
		config.spi_be = rte_cpu_to_be_32(0x1001 + table[i].spi_plus);
		config.key_bytes = table[i].key_bytes;
		config.key[15] ^= table[i].flip;
		config.aead = table[i].aead;
		if (sadb_sa_add(db, &config, &rig_err) != table[i].rc)
			fail_msg("case %u: %s", i, rig_err.text);
		sadb_destroy(db);
		assert_int_equal(rig_areas, 0);
	}
}

/* The one that a stand-in was given for is gone by another way, and a new one has its place. */
static void
a_successor_is_not_taken_for_the_sa_that_was_read(void **state)
{
	struct sadb *db = create();
	struct sadb_sa_config config = read_sa(db, 1), other = rig_sa(1);

	(void)state;
	assert_int_equal(sadb_sa_flush(db, 0), 1);
	rig_commit(db);
	other.key[9] ^= 1;
	assert_int_equal(sadb_sa_add(db, &other, &rig_err), 0);
	rig_commit(db);
	del(db, 1);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 0);
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), -EINVAL);
	sadb_destroy(db);
}

static void
an_add_that_fails_leaves_the_key_for_another_try(void **state)
{
	struct sadb *db = create();
	struct sadb_sa_config config = read_sa(db, 1), wrong;

	(void)state;
	del(db, 1);
	wrong = config;
	wrong.vnet_id = 77;
	assert_int_equal(sadb_sa_add(db, &wrong, &rig_err), -ENODEV);
	wrong = config;
	wrong.dir = SADB_DIR_IN;
	wrong.out_seq = 1;
	assert_int_equal(sadb_sa_add(db, &wrong, &rig_err), -EINVAL);
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 1);
	sadb_destroy(db);
}

/* 4096 SAs that were read and are gone push out what was read before them. */
static void
reads_are_bounded_and_the_latest_count(void **state)
{
	struct sadb *db = create();
	struct sadb_sa_config first = read_sa(db, 1), other = rig_sa(2);
	struct sadb_sa_key key = rig_key(2);
	uint8_t out[SADB_KEY_MAX];

	(void)state;
	for (unsigned i = 0; i < 4096; i++) {
		memcpy(other.key + 8, &i, sizeof(i));
		assert_int_equal(sadb_sa_add(db, &other, &rig_err), 0);
		rig_commit(db);
		assert_int_equal(sadb_sa_stand_in(db, &key, out), 0);
		assert_int_equal(sadb_sa_flush(db, 0), i == 0 ? 2 : 1);
		rig_commit(db);
	}
	rig_add(db, 1);
	rig_commit(db);
	del(db, 1);
	assert_int_equal(sadb_sa_add(db, &first, &rig_err), -EINVAL);
	sadb_destroy(db);
	assert_int_equal(rig_areas, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_stands_for_a_key_says_nothing_of_it),
	    cmocka_unit_test(a_moved_sa_has_its_key_and_goes_on_above),
	    cmocka_unit_test(an_sa_moves_again_and_again),
	    cmocka_unit_test(no_key_is_kept_but_of_an_sa_that_was_read),
	    cmocka_unit_test(a_kept_key_goes_after_its_time),
	    cmocka_unit_test(a_clock_that_is_set_back_keeps_no_key_longer),
	    cmocka_unit_test(a_stand_in_is_good_for_its_own_sa_only),
	    cmocka_unit_test(a_successor_is_not_taken_for_the_sa_that_was_read),
	    cmocka_unit_test(an_add_that_fails_leaves_the_key_for_another_try),
	    cmocka_unit_test(reads_are_bounded_and_the_latest_count),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
