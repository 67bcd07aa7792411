/* SPDX-License-Identifier: BSD-3-Clause
 * The random bytes of dummy packets are ChaCha20's key stream, by OpenSSL's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "dataplane/random.h"

#define BYTES 8192

static void
key_stream(const uint8_t key[32], uint64_t block, uint8_t *out, int bytes)
{
	uint8_t iv[16] = {0};
	int n = 0;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	for (unsigned i = 0; i < 8; i++)
		iv[i] = (uint8_t)(block >> 8 * i);
	memset(out, 0, (size_t)bytes);
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_chacha20(), NULL, key, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, out, bytes), 1);
	assert_int_equal(n, bytes);
	EVP_CIPHER_CTX_free(ctx);
}

static void
they_are_the_key_stream_however_they_are_taken(void **state)
{
	(void)state;
	static const size_t pieces[] = {1, 3, 63, 64, 65, 255, 256, 257, 1000, BYTES};
	uint8_t key[32], expected[BYTES], got[BYTES];
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 29 + 3);
	key_stream(key, 0, expected, BYTES);
	for (unsigned p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
		struct dp_random random;
		dp_random_start(&random, key);
		for (size_t at = 0; at < BYTES; at += pieces[p])
			dp_random_fill(&random, got + at, BYTES - at < pieces[p] ? BYTES - at : pieces[p]);
		assert_memory_equal(got, expected, BYTES);
	}
}

static void
the_counter_has_more_than_32_bits(void **state)
{
	(void)state;
	static const uint64_t first[] = {UINT32_MAX - 4ull, UINT32_MAX - 1ull, UINT32_MAX, UINT64_C(1) << 40};
	uint8_t key[32] = {7}, expected[1024], got[1024];
	for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		struct dp_random random;
		dp_random_start(&random, key);
		random.block = first[i];
		dp_random_fill(&random, got, sizeof(got));
		key_stream(key, first[i], expected, sizeof(expected));
		assert_memory_equal(got, expected, sizeof(expected));
	}
}

static void
numbers_stay_between_and_reach_both_ends(void **state)
{
	(void)state;
	static const uint32_t ends[][2] = {{0, 0}, {5, 5}, {0, 1}, {64, 70}, {0, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}};
	uint8_t key[32] = {1};
	struct dp_random random;
	dp_random_start(&random, key);
	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const uint32_t first = ends[i][0], last = ends[i][1];
		unsigned at_first = 0, at_last = 0;
		for (unsigned n = 0; n < 1000; n++) {
			const uint32_t got = dp_random_between(&random, first, last);
			assert_true(got >= first && got <= last);
			at_first += got == first;
			at_last += got == last;
		}
		if (last - first < 10)
			assert_true(at_first > 0 && at_last > 0);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(they_are_the_key_stream_however_they_are_taken),
	    cmocka_unit_test(the_counter_has_more_than_32_bits),
	    cmocka_unit_test(numbers_stay_between_and_reach_both_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
