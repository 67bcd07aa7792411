/* SPDX-License-Identifier: BSD-3-Clause
 * The table of algorithms, and that an SA may have each of them and nothing beside. */
#include "sa-db/algorithm.h"

#include <string.h>

#include "tests/unit/eal.h"
#include "tests/unit/sa-db/rig.h"

static void
each_algorithm_is_found_by_name_and_by_what_it_is(void **state)
{
	(void)state;
	unsigned n = 0;
	for (; sadb_algorithm_at(n) != NULL; n++) {
		const struct sadb_algorithm *one = sadb_algorithm_at(n);
		assert_ptr_equal(sadb_algorithm_named(one->name), one);
		assert_ptr_equal(sadb_algorithm_find(one->aead, one->key_bytes), one);
		assert_string_equal(sadb_algorithm_names[n], one->name);
		assert_true(one->key_bytes <= SADB_KEY_MAX);
	}
	assert_null(sadb_algorithm_names[n]);
	assert_int_equal(n, 5);
	assert_null(sadb_algorithm_named("aes-192-gcm-16"));
	assert_null(sadb_algorithm_named(""));
	assert_null(sadb_algorithm_find(SADB_AEAD_NONE, 0));
	assert_null(sadb_algorithm_find(SADB_AEAD_AES_GCM_16, 24));
	assert_null(sadb_algorithm_find(SADB_AEAD_CHACHA20_POLY1305, 16));
}

static void
nobody_gets_an_algorithm_that_does_not_encrypt_without_naming_it(void **state)
{
	(void)state;
	assert_string_equal(sadb_algorithm_at(0)->name, "aes-256-gcm-16");
	for (unsigned i = 0; sadb_algorithm_at(i) != NULL; i++)
		assert_int_equal(sadb_algorithm_at(i)->encrypts, sadb_algorithm_at(i)->aead != SADB_AEAD_AES_GMAC);
}

static void
an_sa_may_have_each_algorithm_with_its_own_key_lengths_only(void **state)
{
	(void)state;
	for (unsigned aead = 0; aead <= SADB_AEAD_AES_GMAC + 1; aead++) {
		for (uint32_t key_bytes = 0; key_bytes <= SADB_KEY_MAX + 4; key_bytes += 4) {
			struct sadb *db = rig_create(NULL);
			struct sadb_sa_config config = rig_sa(1);
			config.aead = (uint8_t)aead;
			config.key_bytes = key_bytes;
			const bool known = sadb_algorithm_find((enum sadb_aead)aead, key_bytes) != NULL;
			assert_int_equal(sadb_sa_add(db, &config, &rig_err), known ? 0 : -EINVAL);
			if (!known)
				assert_int_equal(rig_err.attr, XFRMA_ALG_AEAD);
			sadb_destroy(db);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_algorithm_is_found_by_name_and_by_what_it_is),
	    cmocka_unit_test(nobody_gets_an_algorithm_that_does_not_encrypt_without_naming_it),
	    cmocka_unit_test(an_sa_may_have_each_algorithm_with_its_own_key_lengths_only),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
