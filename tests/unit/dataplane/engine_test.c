/* SPDX-License-Identifier: BSD-3-Clause
 * The choice of an engine, and a self-test that notices what can be wrong with one: each defect is put into a working
 * engine and must be found. */
#include "dataplane/engine.h"

#include <errno.h>
#include <stdio.h>

#include "dataplane/engine_impl.h"
#include "tests/unit/dataplane/engine_rig.h"

static const struct dp_engine *const real = &dp_engine_openssl;

enum defect {
	NONE,
	DOES_NOTHING,
	WRONG_TAG,
	WRONG_TAIL,
	WRITES_PAST,
	AAD_CUT,
	TAG_UNCHECKED,
	NOT_WIPED,
	TEXT_SPOILT,
	ONE_FAILS_ALL,
	REFUSES_ALL,
	STATUS_FORGOTTEN,
	REVERSED,
	TAKES_LESS,
	GIVES_TWICE,
	FINISHES_TOO_MANY,
	NEVER_DONE,
	CANNOT_COMPLETE,
	NO_LONG_KEYS,
	NO_CHACHA,
	GMAC_ENCRYPTS,
	NO_QUEUE,
};
static enum defect defect;

/* One operation after the real engine has done it. */
static void
spoil(struct dp_aead_op *op, bool any_bad)
{
	bool sealed = op->dir == DP_SEAL;
	uint32_t bytes = op->text_bytes;
	if (defect == WRONG_TAG && sealed)
		op->tag[15] ^= 1;
	if (defect == WRONG_TAIL && sealed && bytes > 1024)
		op->text[bytes - 1] ^= 1;
	if (defect == WRITES_PAST && bytes % 16 == 1)
		op->text[bytes] = 0;
	if (defect == TAG_UNCHECKED)
		op->status = 0;
	if (defect == NOT_WIPED && op->status == -EBADMSG && bytes > 256)
		op->text[bytes - 1] = 1;
	if (defect == TEXT_SPOILT && !sealed && op->status == 0 && bytes > 256)
		op->text[256] ^= 1;
	if (defect == ONE_FAILS_ALL && any_bad)
		op->status = -EBADMSG;
	if (defect == REFUSES_ALL && !sealed)
		op->status = -EBADMSG;
	if (defect == STATUS_FORGOTTEN)
		op->status = 1;
}

/* The engine works like a device: half of a batch comes back later. */
static struct dp_aead_op *later[DP_ENGINE_BATCH];
static unsigned n_later;

static unsigned
bad_submit(struct dp_engine_queue *queue, struct dp_aead_op *const ops[], unsigned n, unsigned *finished)
{
	struct dp_aead_op before[DP_ENGINE_BATCH];
	uint8_t sink[DP_KAT_TEXT_MAX], tag[DP_TAG_BYTES];
	if (defect == TAKES_LESS && n > 1)
		n--;
	for (unsigned i = 0; i < n; i++) {
		before[i] = *ops[i];
		if (defect == AAD_CUT)
			ops[i]->aad_bytes = 8;
		if (defect == DOES_NOTHING) {
			ops[i]->text = sink;
			ops[i]->tag = tag;
			ops[i]->dir = DP_SEAL;
		}
	}
	unsigned took = real->submit(queue, ops, n, finished);
	bool any_bad = false;
	for (unsigned i = 0; i < took; i++) {
		int16_t status = ops[i]->status;
		any_bad |= status != 0;
		*ops[i] = before[i];
		ops[i]->status = status;
	}
	for (unsigned i = 0; i < took; i++)
		spoil(ops[i], any_bad);
	*finished = defect == FINISHES_TOO_MANY ? took + 1 : took / 2;
	n_later = took - took / 2;
	memcpy(later, &ops[took / 2], n_later * sizeof(later[0]));
	return took;
}

static unsigned
bad_complete(struct dp_engine_queue *queue, struct dp_aead_op *ops[], unsigned max)
{
	if (defect == NEVER_DONE)
		return 0;
	unsigned n = n_later < max ? n_later : max;
	(void)queue;
	memcpy(ops, later, n * sizeof(ops[0]));
	n_later = 0;
	if (defect == GIVES_TWICE && n > 0 && n < max) {
		ops[n] = ops[n - 1];
		return n + 1;
	}
	for (unsigned i = 0; defect == REVERSED && i < n / 2; i++) {
		struct dp_aead_op *op = ops[i];
		ops[i] = ops[n - 1 - i];
		ops[n - 1 - i] = op;
	}
	return n;
}

static int
bad_key_init(void *area, enum sadb_aead aead, const uint8_t *key, uint32_t key_bytes)
{
	if ((defect == NO_LONG_KEYS && key_bytes == 32) || (defect == NO_CHACHA && aead == SADB_AEAD_CHACHA20_POLY1305))
		return -EINVAL;
	if (defect == GMAC_ENCRYPTS && aead == SADB_AEAD_AES_GMAC)
		aead = SADB_AEAD_AES_GCM_16;
	return real->key_init(area, aead, key, key_bytes);
}

static struct dp_engine_queue *
bad_queue_create(unsigned worker)
{
	return defect == NO_QUEUE ? NULL : real->queue_create(worker);
}

static bool
never(void)
{
	return false;
}

static struct dp_engine
bad_engine(enum defect which)
{
	struct dp_engine engine = *real;
	engine.name = "bad";
	engine.key_init = bad_key_init;
	engine.queue_create = bad_queue_create;
	engine.submit = bad_submit;
	engine.complete = which == CANNOT_COMPLETE ? NULL : bad_complete;
	defect = which;
	return engine;
}

static void
the_self_test_passes_every_engine_that_runs_here(void **state)
{
	(void)state;
	unsigned n = 0;
	for (const struct dp_engine *const *engine = dp_engines; *engine != NULL; engine++) {
		char why[256] = "something";
		if (!(*engine)->supported())
			continue;
		assert_int_equal(dp_engine_self_test(*engine, why, sizeof(why)), 0);
		assert_string_equal(why, "");
		n++;
	}
	assert_true(n >= 1); /* openssl runs anywhere */
}

static void
the_self_test_finds_every_defect_and_says_which(void **state)
{
	(void)state;
	static const struct {
		enum defect defect;
		const char *says;
	} rows[] = {
	    {NONE, NULL}, /* the disguise alone is no defect */
	    {DOES_NOTHING, "wrong tag"},
	    {WRONG_TAG, "wrong tag"},
	    {WRONG_TAIL, "wrong ciphertext"},
	    {WRITES_PAST, "wrote past the text"},
	    {AAD_CUT, "wrong tag"},
	    {TAG_UNCHECKED, "a bad tag was accepted"},
	    {NOT_WIPED, "not wiped"},
	    {TEXT_SPOILT, "wrong plaintext"},
	    {ONE_FAILS_ALL, "a good tag was refused"},
	    {REFUSES_ALL, "a good tag was refused"},
	    {STATUS_FORGOTTEN, "sealing failed"},
	    {REVERSED, "out of order"},
	    {TAKES_LESS, "did not take a full batch"},
	    {GIVES_TWICE, "more operations completed"},
	    {FINISHES_TOO_MANY, "more operations finished"},
	    {NEVER_DONE, "did not complete"},
	    {CANNOT_COMPLETE, "did not complete"},
	    {NO_LONG_KEYS, "aes-256-gcm-16"},
	    {NO_CHACHA, "chacha20-poly1305"},
	    {GMAC_ENCRYPTS, "aes-128-gmac"},
	    {NO_QUEUE, "no memory for a queue"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char why[256] = "";
		struct dp_engine engine = bad_engine(rows[i].defect);
		int err = dp_engine_self_test(&engine, why, sizeof(why));
		if (err != (rows[i].says == NULL ? 0 : -EIO))
			fail_msg("defect %d: self-test returned %d, '%s'", rows[i].defect, err, why);
		if (rows[i].says != NULL && (strstr(why, rows[i].says) == NULL || strstr(why, "engine bad: ") != why))
			fail_msg("defect %d: said '%s', not '%s'", rows[i].defect, why, rows[i].says);
	}
}

static void
an_engine_is_found_by_its_name(void **state)
{
	(void)state;
	for (const struct dp_engine *const *engine = dp_engines; *engine != NULL; engine++) {
		char why[256];
		const struct dp_engine *chosen = dp_engine_choose((*engine)->name, why, sizeof(why));
		if ((*engine)->supported()) {
			assert_ptr_equal(chosen, *engine);
			assert_string_equal(why, "");
		} else {
			assert_null(chosen);
			assert_non_null(strstr(why, "cannot run it"));
		}
	}
}

static void
auto_takes_the_first_that_works_and_tells_what_it_passed_over(void **state)
{
	(void)state;
	char why[400];
	struct dp_engine bad = bad_engine(WRONG_TAG), alien = *real;
	alien.name = "alien";
	alien.supported = never;
	const struct dp_engine *const list[] = {&alien, &bad, real, NULL};
	assert_ptr_equal(dp_engine_choose_from(list, "auto", why, sizeof(why)), real);
	assert_non_null(strstr(why, "engine alien: this machine cannot run it"));
	assert_non_null(strstr(why, "engine bad: self-test failed: aes-128-gcm-16, 72 bytes, AAD 12: wrong tag"));
	assert_null(strstr(why, "accepted"));

	const struct dp_engine *const none[] = {&alien, &bad, NULL};
	assert_null(dp_engine_choose_from(none, "auto", why, sizeof(why)));
	assert_non_null(strstr(why, "alien"));
	assert_non_null(strstr(why, "wrong tag"));
}

static void
a_named_engine_that_fails_is_not_replaced_by_another(void **state)
{
	(void)state;
	char why[256];
	struct dp_engine bad = bad_engine(TAG_UNCHECKED), alien = *real;
	alien.name = "alien";
	alien.supported = never;
	const struct dp_engine *const list[] = {real, &bad, &alien, NULL};
	assert_null(dp_engine_choose_from(list, "bad", why, sizeof(why)));
	assert_non_null(strstr(why, "a bad tag was accepted"));
	assert_null(dp_engine_choose_from(list, "alien", why, sizeof(why)));
	assert_non_null(strstr(why, "engine alien: this machine cannot run it"));
}

static void
an_unknown_name_is_answered_with_those_that_are_accepted(void **state)
{
	(void)state;
	static const char *const names[] = {"", "AUTO", "openss", "openssl ", "none"};
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char why[256], expected[256];
		snprintf(expected, sizeof(expected),
			 "no engine is called '%s'; accepted: auto, vaes, ipsec-mb, openssl", names[i]);
		assert_null(dp_engine_choose(names[i], why, sizeof(why)));
		assert_string_equal(why, expected);
	}
}

static void
a_short_buffer_gets_a_short_reason(void **state)
{
	(void)state;
	struct dp_engine bad = bad_engine(WRONG_TAG);
	const struct dp_engine *const list[] = {&bad, NULL};
	for (size_t size = 1; size < 200; size++) {
		char why[201];
		memset(why, '#', sizeof(why));
		assert_null(dp_engine_choose_from(list, "auto", why, size));
		assert_true(strnlen(why, sizeof(why)) < size);
		assert_int_equal(why[size], '#');
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_self_test_passes_every_engine_that_runs_here),
	    cmocka_unit_test(the_self_test_finds_every_defect_and_says_which),
	    cmocka_unit_test(an_engine_is_found_by_its_name),
	    cmocka_unit_test(auto_takes_the_first_that_works_and_tells_what_it_passed_over),
	    cmocka_unit_test(a_named_engine_that_fails_is_not_replaced_by_another),
	    cmocka_unit_test(an_unknown_name_is_answered_with_those_that_are_accepted),
	    cmocka_unit_test(a_short_buffer_gets_a_short_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
