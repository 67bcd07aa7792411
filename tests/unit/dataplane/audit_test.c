/* SPDX-License-Identifier: BSD-3-Clause
 * Which drops are audit events, how many may be told, and the ring they go through. */
#include "dataplane/audit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the table ---- */
static void
every_reason_to_drop_says_whether_it_is_an_event(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DP_DROP_COUNT; i++) {
		const enum dp_audit_kind kind = dp_audit_kind_of((enum dp_drop)i);
		if (kind <= DP_AUDIT_UNDECIDED || kind >= DP_AUDIT_KINDS)
			fail_msg("%s: dataplane/audit_kind.c does not say which event it is, or none",
				 dp_drop_name((enum dp_drop)i));
	}
	assert_int_equal(dp_audit_kind_of(DP_DROP_COUNT), DP_AUDIT_NONE);
}

/* RFC 4301 5.2, RFC 4303 2.2, 3.3.3, 3.4.1 to 3.4.4: these MUST be auditable. */
static void
what_the_rfcs_call_auditable_is(void **state)
{
	(void)state;
	static const struct {
		enum dp_drop reason;
		enum dp_audit_kind kind;
	} rows[] = {
	    {DP_DROP_ESP_NO_SA, DP_AUDIT_NO_SA},
	    {DP_DROP_SA_EXPIRED, DP_AUDIT_NO_SA},
	    {DP_DROP_REPLAY_DUP, DP_AUDIT_REPLAY},
	    {DP_DROP_REPLAY_OLD, DP_AUDIT_REPLAY},
	    {DP_DROP_SEQ_ZERO, DP_AUDIT_REPLAY},
	    {DP_DROP_ICV, DP_AUDIT_ICV},
	    {DP_DROP_INNER_SELECTOR, DP_AUDIT_SELECTOR},
	    {DP_DROP_INNER_POLICY, DP_AUDIT_SELECTOR},
	    {DP_DROP_CLEAR_PROTECTED, DP_AUDIT_CLEAR},
	    {DP_DROP_NO_POLICY, DP_AUDIT_POLICY},
	    {DP_DROP_POLICY, DP_AUDIT_POLICY},
	    {DP_DROP_SEQ_SPENT, DP_AUDIT_SEQUENCE},
	    {DP_DROP_FRAGMENT_OVERLAP, DP_AUDIT_FRAGMENT},
	    {DP_DROP_ESP_PADDING, DP_AUDIT_MALFORMED},
	    {DP_DROP_ENGINE_FAILED, DP_AUDIT_ENGINE},
	    {DP_DROP_TTL, DP_AUDIT_NONE},
	    {DP_DROP_ESP_DUMMY, DP_AUDIT_NONE},
	    {DP_DROP_NAT_KEEPALIVE, DP_AUDIT_NONE},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (dp_audit_kind_of(rows[i].reason) != rows[i].kind)
			fail_msg("%s", dp_drop_name(rows[i].reason));
}

static void
every_kind_has_a_name_of_its_own_and_a_line_of_help(void **state)
{
	(void)state;
	assert_null(dp_audit_name(DP_AUDIT_UNDECIDED));
	assert_null(dp_audit_name(DP_AUDIT_NONE));
	assert_null(dp_audit_name(DP_AUDIT_KINDS));
	assert_null(dp_audit_help(DP_AUDIT_KINDS));
	for (unsigned i = DP_AUDIT_NONE + 1; i < DP_AUDIT_KINDS; i++) {
		const char *name = dp_audit_name((enum dp_audit_kind)i);
		assert_non_null(name);
		assert_in_range(strlen(dp_audit_help((enum dp_audit_kind)i)), 30, 159);
		for (unsigned k = DP_AUDIT_NONE + 1; k < i; k++)
			assert_string_not_equal(name, dp_audit_name((enum dp_audit_kind)k));
	}
}

/* ---- the bucket ---- */
#define HZ UINT64_C(1000)

static unsigned
takes(struct dp_bucket *bucket, uint64_t now, uint32_t per_s, unsigned tries)
{
	unsigned n = 0;
	for (unsigned i = 0; i < tries; i++)
		n += dp_bucket_take(bucket, now, HZ, per_s, per_s);
	return n;
}

static void
a_bucket_gives_its_rate_and_no_more_than_a_second_of_it_at_once(void **state)
{
	(void)state;
	static const struct {
		uint64_t pause; /* since the one before, of HZ a second */
		unsigned gives;
	} rows[] = {
	    {0, 0},                                             /* empty again at once */
	    {99, 0},                                            /* a tenth of a second is a token at 10 a second */
	    {1, 1},                                             /* now it is one */
	    {100, 1}, {250, 2},                                 /* the half is kept */
	    {50, 1},  {1000, 10}, {999, 9}, {1, 1}, {5000, 10}, /* a long pause saves up a second, no more */
	    {0, 0},
	};
	struct dp_bucket bucket = {0};
	uint64_t now = 100 * HZ;
	assert_int_equal(takes(&bucket, now, 10, 50), 10);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		now += rows[i].pause;
		if (takes(&bucket, now, 10, 50) != rows[i].gives)
			fail_msg("row %u", i);
	}
}

static void
a_rate_beyond_the_clock_is_that_of_the_clock(void **state)
{
	(void)state;
	struct dp_bucket bucket = {0};
	assert_int_equal(takes(&bucket, 7, 5 * HZ, 50), 7);
	assert_int_equal(takes(&bucket, 9, 5 * HZ, 50), 2);
}

/* ---- the ring ---- */
static struct dp_audit_ring *
ring_create(uint32_t at)
{
	struct dp_audit_ring *ring = aligned_alloc(64, sizeof(*ring));
	assert_non_null(ring);
	memset(ring, 0, sizeof(*ring));
	ring->head = ring->tail = ring->tail_seen = at;
	return ring;
}

static bool
put(struct dp_audit_ring *ring, uint64_t seq)
{
	struct dp_audit_event *event = dp_audit_ring_place(ring);
	if (event == NULL)
		return false;
	*event = (struct dp_audit_event){.seq = seq, .time_ns = ~seq};
	dp_audit_ring_put(ring);
	return true;
}

static void
a_ring_takes_all_its_places_and_then_refuses(void **state)
{
	(void)state;
	static const uint32_t starts[] = {0, 5, UINT32_MAX - DP_AUDIT_RING / 2, UINT32_MAX};
	struct dp_audit_event out[DP_AUDIT_RING + 1];
	for (unsigned s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		struct dp_audit_ring *ring = ring_create(starts[s]);
		assert_int_equal(dp_audit_ring_take(ring, out, DP_AUDIT_RING), 0);
		for (unsigned i = 0; i < DP_AUDIT_RING; i++)
			assert_true(put(ring, i));
		assert_false(put(ring, 999));
		assert_int_equal(dp_audit_ring_take(ring, out, 3), 3);
		for (unsigned i = 0; i < 3; i++)
			assert_true(put(ring, DP_AUDIT_RING + i));
		assert_false(put(ring, 999));
		assert_int_equal(dp_audit_ring_take(ring, out, DP_AUDIT_RING + 1), DP_AUDIT_RING);
		for (unsigned i = 0; i < DP_AUDIT_RING; i++)
			assert_int_equal(out[i].seq, i + 3);
		assert_int_equal(dp_audit_ring_take(ring, out, 1), 0);
		free(ring);
	}
}

#define TOLD 200000

static void *
produce(void *arg)
{
	struct dp_audit_ring *ring = arg;
	uintptr_t refused = 0;
	for (uint64_t i = 0; i < TOLD; i++)
		refused += !put(ring, i);
	return (void *)refused;
}

static void
what_a_thread_puts_in_another_takes_out_whole_and_in_order(void **state)
{
	(void)state;
	struct dp_audit_ring *ring = ring_create(0);
	struct dp_audit_event out[64];
	pthread_t producer;
	uint64_t taken = 0, next = 0;
	void *refused = NULL;
	bool ended = false;

	assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);
	for (;;) {
		const unsigned n = dp_audit_ring_take(ring, out, 64);
		for (unsigned i = 0; i < n; i++) {
			assert_true(out[i].seq >= next && out[i].time_ns == ~out[i].seq);
			next = out[i].seq + 1;
		}
		taken += n;
		if (n == 0 && ended)
			break;
		if (n == 0 && taken > 0) { /* what came while this thread did not look is refused, and the rest stays */
			pthread_join(producer, &refused);
			ended = true;
		}
	}
	assert_true(ended);
	assert_int_equal(taken + (uintptr_t)refused, TOLD);
	free(ring);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_reason_to_drop_says_whether_it_is_an_event),
	    cmocka_unit_test(what_the_rfcs_call_auditable_is),
	    cmocka_unit_test(every_kind_has_a_name_of_its_own_and_a_line_of_help),
	    cmocka_unit_test(a_bucket_gives_its_rate_and_no_more_than_a_second_of_it_at_once),
	    cmocka_unit_test(a_rate_beyond_the_clock_is_that_of_the_clock),
	    cmocka_unit_test(a_ring_takes_all_its_places_and_then_refuses),
	    cmocka_unit_test(what_a_thread_puts_in_another_takes_out_whole_and_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
