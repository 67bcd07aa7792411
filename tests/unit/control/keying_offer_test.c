/* SPDX-License-Identifier: BSD-3-Clause
 * Offers as text: both ways, every mistake, every cut, every changed byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/keying_offer.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff01020304"

static const char good[] = "culvert-keying 1\n"
			   "message offer\n"
			   "tunnel site-1\n"
			   "exchange 000102030405060708090a0b0c0d0e0f\n"
			   "generation 7\n"
			   "instance 0011223344556677\n"
			   "local 192.0.2.1\n"
			   "remote 192.0.2.2\n"
			   "local-prefix 10.1.0.0/24\n"
			   "local-prefix 10.3.0.0/24\n"
			   "remote-prefix 10.2.0.0/24\n"
			   "algorithm aes-256-gcm-16\n"
			   "esn on\n"
			   "hard-packets 1000\n"
			   "spi 0x89abcdef\n"
			   "key " KEY "\n"
			   "end\n";

static struct sadb_error err;

static int
decode(const char *text, size_t bytes, struct ctl_offer *out)
{
	/* A copy of just that size: a sanitizer sees who reads past the end. */
	char *copy = malloc(bytes + 1);

	memcpy(copy, text, bytes);
	char *exact = realloc(copy, bytes > 0 ? bytes : 1);
	int rc = ctl_offer_decode(&(struct ctl_keying_text){exact, bytes}, out, &err);

	free(exact);
	return rc;
}

static void
an_offer_is_read_as_it_was_meant(void **state)
{
	struct ctl_offer offer;

	(void)state;
	assert_int_equal(decode(good, strlen(good), &offer), 0);
	assert_false(offer.answer);
	assert_string_equal(offer.tunnel, "site-1");
	assert_int_equal(offer.nonce[15], 15);
	assert_int_equal(offer.generation, 7);
	assert_int_equal(offer.instance[7], 0x77);
	assert_int_equal(offer.n_local, 2);
	assert_int_equal(offer.n_remote, 1);
	assert_int_equal(offer.local_prefix[1].addr.bytes[1], 3);
	assert_int_equal(offer.remote.bytes[3], 2);
	assert_true(offer.esn);
	assert_int_equal(offer.hard_packets, 1000);
	assert_true(offer.hard_bytes == SADB_INF);
	assert_int_equal(offer.hard_s, 0);
	assert_int_equal(offer.spi, 0x89abcdef);
	assert_string_equal(offer.algorithm->name, "aes-256-gcm-16");
	assert_int_equal(offer.key_bytes, 32);
	assert_int_equal(offer.key[31], 0xff);
	assert_int_equal(offer.salt[3], 4);
}

static void
what_is_written_is_read_as_the_same(void **state)
{
	char text[CTL_OFFER_BYTES], again[CTL_OFFER_BYTES];
	struct ctl_offer offer, back;

	(void)state;
	assert_int_equal(decode(good, strlen(good), &offer), 0);
	offer.answer = true;
	offer.esn = false;
	offer.hard_bytes = UINT64_MAX - 1;
	offer.hard_packets = SADB_INF;
	offer.hard_s = 3600;
	size_t n = ctl_offer_encode(&offer, text);
	assert_int_equal(decode(text, n, &back), 0);
	assert_memory_equal(&offer, &back, sizeof(offer));
	assert_int_equal(ctl_offer_encode(&back, again), n);
	assert_memory_equal(text, again, n);
}

static void
an_offer_of_every_algorithm_is_read_as_it_was_written(void **state)
{
	char text[CTL_OFFER_BYTES];
	struct ctl_offer offer, back;

	(void)state;
	for (unsigned i = 0; sadb_algorithm_at(i) != NULL; i++) {
		assert_int_equal(decode(good, strlen(good), &offer), 0);
		offer.algorithm = sadb_algorithm_at(i);
		offer.key_bytes = offer.algorithm->key_bytes;
		memset(offer.key + offer.key_bytes, 0, sizeof(offer.key) - offer.key_bytes);
		size_t n = ctl_offer_encode(&offer, text);
		assert_int_equal(decode(text, n, &back), 0);
		assert_memory_equal(&offer, &back, sizeof(offer));
	}
}

static void
the_longest_offer_fits(void **state)
{
	char text[CTL_OFFER_BYTES];
	struct ctl_offer offer, back;

	(void)state;
	assert_int_equal(decode(good, strlen(good), &offer), 0);
	memset(offer.tunnel, 'x', sizeof(offer.tunnel) - 1);
	for (unsigned i = 0; i < CTL_TUNNEL_PREFIXES; i++) {
		assert_int_equal(
		    sadb_prefix_parse("2001:db88:1111:2222:3333:4444:5555:6666/128", &offer.local_prefix[i]), 0);
		offer.local_prefix[i].addr.bytes[15] = (uint8_t)i;
		offer.remote_prefix[i] = offer.local_prefix[i];
	}
	offer.n_local = offer.n_remote = CTL_TUNNEL_PREFIXES;
	offer.local = offer.remote = offer.local_prefix[0].addr;
	offer.generation = INT64_MAX - 1;
	offer.hard_bytes = offer.hard_packets = offer.hard_s = UINT64_MAX - 1;
	size_t n = ctl_offer_encode(&offer, text);
	assert_in_range(n, 1000, CTL_OFFER_BYTES - 1);
	assert_int_equal(decode(text, n, &back), 0);
	assert_memory_equal(&offer, &back, sizeof(offer));
}

/* The good text with one piece replaced. */
struct mistake {
	const char *piece, *instead, *says;
};

static void
each_mistake_is_told_by_line_and_never_with_the_key(void **state)
{
	static const struct mistake mistakes[] = {
	    {"culvert-keying 1", "culvert-keying 2", "first line"},
	    {"message offer", "message ofer", "line 2"},
	    {"message offer\n", "", "lacks the line 'message'"},
	    {"tunnel site-1", "tunnel -site", "line 3 of the offer: tunnel"},
	    {"tunnel site-1", "tunnel", "line 3"},
	    {"tunnel site-1", "tunel site-1", "line 3 of the offer is no word"},
	    {"0e0f\n", "0e0\n", "exchange: accepted is 32"},
	    {"0e0f\n", "0e0f0\n", "exchange"},
	    {"0e0f\n", "0e0G\n", "exchange"},
	    {"generation 7", "generation 0", "generation"},
	    {"generation 7", "generation 07", "generation"},
	    {"generation 7", "generation -7", "generation"},
	    {"generation 7", "generation 9223372036854775807", "generation"},
	    {"generation 7", "generation 99999999999999999999", "generation"},
	    {"5566", "55", "instance"},
	    {"local 192.0.2.1", "local 192.0.2", "line 7"},
	    {"10.3.0.0/24", "10.3.0.0/33", "line 10"},
	    {"remote-prefix 10.2.0.0/24\n", "", "lacks the line 'remote-prefix'"},
	    {"aes-256", "aes-192", "algorithm: accepted is aes-256-gcm-16, aes-128-gcm-16, chacha20-poly1305"},
	    {"aes-256", "aes-128", "the offer's key has 32 bytes, but aes-128-gcm-16 takes 16"},
	    {KEY, "00112233445566778899aabbccddeeff01020304",
	     "the offer's key has 16 bytes, but aes-256-gcm-16 takes 32"},
	    {KEY, "00112233445566778899aabbccddeeff0011223301020304", "key: accepted is 72"},
	    {"esn on", "esn maybe", "esn: accepted is on or off"},
	    {"esn on", "esn on\nesn on", "esn is given twice"},
	    {"hard-packets 1000", "hard-packets 0", "hard-packets"},
	    {"0x89abcdef", "0x000000ff", "spi"},
	    {"0x89abcdef", "89abcdef", "spi"},
	    {"0x89abcdef", "0x89abcde", "spi"},
	    {"ff01020304", "ff0102030", "key: accepted is 72"},
	    {"ff01020304", "ff0102030405", "key: accepted is 72"},
	    {KEY, "000000000000000000000000000000000000000000000000000000000000000001020304", "not all zero"},
	    {"end\n", "", "cut off"},
	    {"end\n", "end", "cut off"},
	    {"end\n", "end\nmore\n", "goes on"},
	    {"esn on", "esn on\n\n", "is no word"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *m = &mistakes[i];
		const char *at = strstr(good, m->piece);
		struct ctl_offer offer;
		char text[2048];

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, m->instead, at + strlen(m->piece));
		assert_int_equal(decode(text, strlen(text), &offer), -EINVAL);
		if (strstr(err.text, m->says) == NULL)
			fail_msg("'%s' for '%s': '%s' expected", err.text, m->instead, m->says);
		assert_null(strstr(err.text, "ccdd"));
		for (size_t b = 0; b < sizeof(offer); b++)
			assert_int_equal(((const uint8_t *)&offer)[b], 0); /* nothing of a bad offer is left */
	}
}

static void
an_offer_that_is_cut_anywhere_is_refused(void **state)
{
	struct ctl_offer offer;

	(void)state;
	for (size_t n = 0; n < strlen(good); n++)
		assert_int_equal(decode(good, n, &offer), -EINVAL);
}

static void
no_changed_byte_makes_it_read_elsewhere(void **state)
{
	char text[sizeof(good)];
	struct ctl_offer offer;

	(void)state;
	for (size_t i = 0; i < strlen(good); i++) {
		for (unsigned c = 0; c < 256; c += 5) {
			memcpy(text, good, sizeof(good));
			text[i] = (char)c;
			if (decode(text, strlen(good), &offer) != 0)
				continue;
			assert_in_range(offer.n_local, 1, CTL_TUNNEL_PREFIXES);
			assert_true(ctl_tunnel_name_valid(offer.tunnel));
			assert_true(offer.spi >= 256);
		}
	}
}

static void
seventeen_prefixes_are_one_too_many(void **state)
{
	char text[4096], *at = text;
	struct ctl_offer offer;

	(void)state;
	const char *cut = strstr(good, "local-prefix");
	at += sprintf(at, "%.*s", (int)(cut - good), good);
	for (int i = 0; i < 15; i++)
		at += sprintf(at, "local-prefix 10.9.%d.0/24\n", i);
	sprintf(at, "%s", cut);
	assert_int_equal(decode(text, strlen(text), &offer), -EINVAL);
	assert_non_null(strstr(err.text, "at most 16 times"));
}

static void
lines_may_end_as_another_system_ends_them(void **state)
{
	char text[2048], *to = text;
	struct ctl_offer offer;

	(void)state;
	for (const char *from = good; *from != 0; from++) {
		if (*from == '\n')
			*to++ = '\r';
		*to++ = *from;
	}
	assert_int_equal(decode(text, (size_t)(to - text), &offer), 0);
	assert_int_equal(offer.spi, 0x89abcdef);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_offer_is_read_as_it_was_meant),
	    cmocka_unit_test(what_is_written_is_read_as_the_same),
	    cmocka_unit_test(an_offer_of_every_algorithm_is_read_as_it_was_written),
	    cmocka_unit_test(the_longest_offer_fits),
	    cmocka_unit_test(each_mistake_is_told_by_line_and_never_with_the_key),
	    cmocka_unit_test(an_offer_that_is_cut_anywhere_is_refused),
	    cmocka_unit_test(no_changed_byte_makes_it_read_elsewhere),
	    cmocka_unit_test(seventeen_prefixes_are_one_too_many),
	    cmocka_unit_test(lines_may_end_as_another_system_ends_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
