/* SPDX-License-Identifier: BSD-3-Clause
 * Names of keys: SHA-256 of key and salt, against values that another implementation (Python's hashlib) gave. */
#include "control/key_custody.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Keys 00 01 02 ... of 16 and 32 bytes, salt a0 a1 a2 a3. */
static const uint8_t id_16[] = {
    0xf1, 0x16, 0xc9, 0xc8, 0x05, 0x13, 0x68, 0x53, 0x1c, 0x6e, 0xc1, 0x94, 0xad, 0xfe, 0x53, 0xd8,
    0xf2, 0x51, 0xae, 0x07, 0x0b, 0x54, 0x5a, 0x8c, 0xbc, 0x75, 0x74, 0xc9, 0xbe, 0x6e, 0xde, 0x1e,
};
static const uint8_t id_32[] = {
    0xc7, 0x9b, 0xc1, 0x00, 0xed, 0x05, 0x5d, 0x51, 0x81, 0x33, 0x2a, 0xc5, 0xe2, 0xaf, 0x5a, 0x9f,
    0x1f, 0xaf, 0xf7, 0xf2, 0x64, 0xa5, 0x57, 0xe8, 0x42, 0x59, 0x6b, 0x25, 0x44, 0x04, 0x7b, 0xb7,
};

static void
fill(uint8_t key[SADB_KEY_MAX], uint8_t salt[SADB_SALT_BYTES])
{
	for (unsigned i = 0; i < SADB_KEY_MAX; i++)
		key[i] = (uint8_t)i;
	for (unsigned i = 0; i < SADB_SALT_BYTES; i++)
		salt[i] = (uint8_t)(0xa0 + i);
}

static void
the_name_is_the_hash_of_key_and_salt(void **state)
{
	uint8_t key[SADB_KEY_MAX], salt[SADB_SALT_BYTES], id[SADB_KEY_ID_BYTES];

	(void)state;
	fill(key, salt);
	assert_int_equal(ctl_key_id(key, 16, salt, id), 0);
	assert_memory_equal(id, id_16, sizeof(id));
	assert_int_equal(ctl_key_id(key, 32, salt, id), 0);
	assert_memory_equal(id, id_32, sizeof(id));
}

static void
another_salt_or_key_has_another_name(void **state)
{
	uint8_t key[SADB_KEY_MAX], salt[SADB_SALT_BYTES], id[SADB_KEY_ID_BYTES];

	(void)state;
	fill(key, salt);
	salt[3] ^= 1;
	assert_int_equal(ctl_key_id(key, 32, salt, id), 0);
	assert_memory_not_equal(id, id_32, sizeof(id));
	salt[3] ^= 1;
	key[31] ^= 0x80;
	assert_int_equal(ctl_key_id(key, 32, salt, id), 0);
	assert_memory_not_equal(id, id_32, sizeof(id));
}

static void
a_key_too_long_has_no_name(void **state)
{
	static const uint8_t zero[SADB_KEY_ID_BYTES];
	uint8_t key[SADB_KEY_MAX + 1] = {1}, salt[SADB_SALT_BYTES] = {2}, id[SADB_KEY_ID_BYTES];

	(void)state;
	memset(id, 0xff, sizeof(id));
	assert_int_equal(ctl_key_id(key, SADB_KEY_MAX + 1, salt, id), -EINVAL);
	assert_memory_equal(id, zero, sizeof(id));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_name_is_the_hash_of_key_and_salt),
	    cmocka_unit_test(another_salt_or_key_has_another_name),
	    cmocka_unit_test(a_key_too_long_has_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
