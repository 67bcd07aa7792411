/* SPDX-License-Identifier: BSD-3-Clause
 * SPIs allocated, and the larval SAs that hold them. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

static uint32_t
alloc(struct sadb *db, uint32_t min, uint32_t max)
{
	struct sadb_sa_config config = rig_sa(0);
	rte_be32_t spi_be = 0;
	if (sadb_spi_alloc(db, &config, min, max, &spi_be, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	return rte_be_to_cpu_32(spi_be);
}

static void
a_range_is_given_out_whole_and_then_refused(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(0);
	rte_be32_t spi_be;
	bool seen[20] = {false};
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		uint32_t spi = alloc(db, 0x500, 0x513);
		assert_in_range(spi, 0x500, 0x513);
		assert_false(seen[spi - 0x500]);
		seen[spi - 0x500] = true;
	}
	assert_int_equal(sadb_spi_alloc(db, &config, 0x500, 0x513, &spi_be, &rig_err), -ENOENT);
	assert_int_equal(sadb_sa_count(db), 20);
	/* Another destination has SPIs of its own. */
	config.dst = sadb_addr_v4(77);
	assert_int_equal(sadb_spi_alloc(db, &config, 0x500, 0x500, &spi_be, &rig_err), 0);
	sadb_destroy(db);
}

static void
spis_are_not_predictable(void **state)
{
	struct sadb *db = rig_create(NULL);
	uint32_t spi[8];
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		spi[i] = alloc(db, 256, UINT32_MAX);
		assert_true(spi[i] >= 256);
		for (unsigned k = 0; k < i; k++) /* by chance once in 2^24 runs */
			assert_true(spi[i] - spi[k] > 8 && spi[k] - spi[i] > 8);
	}
	sadb_destroy(db);
}

/* charon's ALLOCSPI names none; the SA that completes it does. */
static void
an_spi_reserved_for_no_virtual_network_counts_for_none(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(0);
	const struct sadb_vnet *vnet = sadb_vnet_find(db, config.vnet_id);
	rte_be32_t spi_be;
	(void)state;
	for (unsigned kept = 0; kept < 2; kept++) {
		struct sadb_sa_config larval = config;
		larval.vnet_id = 0;
		assert_int_equal(sadb_spi_alloc(db, &larval, 0x700 + kept, 0x700 + kept, &spi_be, &rig_err), 0);
	}
	assert_int_equal(vnet->sa_count, 0);
	config.spi_be = spi_be;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	assert_int_equal(vnet->sa_count, 1);
	config.spi_be = rte_cpu_to_be_32(0x700);
	config.vnet_id = 0;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), -ENODEV);
	assert_int_equal(sadb_sa_flush(db, 0), 2);
	assert_int_equal(vnet->sa_count, 0);
	sadb_destroy(db);
}

static void
what_cannot_be_given_is_refused(void **state)
{
	static const struct {
		uint32_t min, max, vnet_id;
		uint8_t proto;
		int rc;
	} cases[] = {
	    {255, 1000, 1, IPPROTO_ESP, -EINVAL},          {0, 1000, 1, IPPROTO_ESP, -EINVAL},
	    {1000, 999, 1, IPPROTO_ESP, -EINVAL},          {1000, 1000, 5, IPPROTO_ESP, -ENODEV},
	    {1000, 1000, 1, IPPROTO_AH, -EPROTONOSUPPORT}, {256, 256, 1, IPPROTO_ESP, 0},
	    {UINT32_MAX, UINT32_MAX, 1, IPPROTO_ESP, 0},   {300, 300, 0, IPPROTO_ESP, 0},
	};
	struct sadb *db = rig_create(NULL);
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_sa_config config = rig_sa(0);
		rte_be32_t spi_be;
		config.vnet_id = cases[i].vnet_id;
		config.proto = cases[i].proto;
		assert_int_equal(sadb_spi_alloc(db, &config, cases[i].min, cases[i].max, &spi_be, &rig_err),
				 cases[i].rc);
	}
	sadb_destroy(db);
}

static void
a_larval_sa_is_completed_by_an_update_or_an_add(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	for (uint32_t n = 1; n <= 2; n++) {
		struct sadb_sa_config config = rig_sa(n);
		struct sadb_sa_key key = rig_key(n);
		assert_int_equal(alloc(db, 0x1000 + n, 0x1000 + n), 0x1000 + n);
		const struct sadb_sa_cold *cold = sadb_sa_find(db, &key);
		assert_int_equal(cold->larval, 1);
		assert_null(cold->hot);
		assert_null(rig_lookup(db, n)); /* not for workers */
		uint32_t slot = cold->slot;
		if (n == 1)
			assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
		else
			assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
		assert_int_equal(sadb_sa_find(db, &key)->larval, 0);
		assert_int_equal(sadb_sa_find(db, &key)->slot, slot);
		assert_int_equal(sadb_sa_count(db), n);
		rig_commit(db);
		assert_int_equal(rig_take(rig_lookup(db, n), 1), 1);
	}
	sadb_tick(db, (uint64_t)time(NULL) + 100, NULL, NULL); /* the 30 s are over for good */
	assert_int_equal(sadb_sa_count(db), 2);
	sadb_destroy(db);
}

static void
a_larval_sa_that_cannot_be_completed_stays(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	struct sadb_sa_key key = rig_key(1);
	(void)state;
	alloc(db, 0x1001, 0x1001);
	memset(config.key, 0, sizeof(config.key));
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), -EINVAL);
	assert_int_equal(sadb_sa_find(db, &key)->larval, 1);
	config = rig_sa(1);
	rig_keyer_rc = -EIO;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), -EIO);
	rig_keyer_rc = 0;
	assert_int_equal(sadb_sa_find(db, &key)->larval, 1);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	assert_int_equal(sadb_sa_count(db), 0);
	sadb_destroy(db);
}

static unsigned expired;

static void
count_hard_larval(void *arg, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	(void)arg;
	assert_int_equal(kind, SADB_EXPIRE_HARD);
	assert_int_equal(sa->larval, 1);
	expired++;
}

static void
a_larval_sa_ends_after_30_seconds(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_key key = rig_key(1);
	(void)state;
	alloc(db, 0x1001, 0x1001);
	uint64_t base_s = sadb_sa_find(db, &key)->add_time_s;
	expired = 0;
	sadb_tick(db, base_s + 29, count_hard_larval, NULL);
	assert_int_equal(expired, 0);
	sadb_tick(db, base_s + 30, count_hard_larval, NULL);
	assert_int_equal(expired, 1);
	assert_null(sadb_sa_find(db, &key));
	assert_int_equal(alloc(db, 0x1001, 0x1001), 0x1001);
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_range_is_given_out_whole_and_then_refused),
	    cmocka_unit_test(spis_are_not_predictable),
	    cmocka_unit_test(an_spi_reserved_for_no_virtual_network_counts_for_none),
	    cmocka_unit_test(what_cannot_be_given_is_refused),
	    cmocka_unit_test(a_larval_sa_is_completed_by_an_update_or_an_add),
	    cmocka_unit_test(a_larval_sa_that_cannot_be_completed_stays),
	    cmocka_unit_test(a_larval_sa_ends_after_30_seconds),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
