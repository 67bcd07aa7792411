/* SPDX-License-Identifier: BSD-3-Clause
 * The judge on patterns whose outcome is known, and against a plain model that remembers everything. */
#include "pktgen/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct outcome {
	uint64_t received, lost, duplicates, reordered, too_late, distance_max;
};

static void
assert_outcome(const char *what, const struct pg_flow_count *got, const struct outcome *want)
{
	if (got->received != want->received || got->lost != want->lost || got->duplicates != want->duplicates ||
	    got->reordered != want->reordered || got->too_late != want->too_late ||
	    got->distance_max != want->distance_max)
		fail_msg("%s: received %llu lost %llu duplicates %llu reordered %llu too late %llu distance %llu", what,
			 (unsigned long long)got->received, (unsigned long long)got->lost,
			 (unsigned long long)got->duplicates, (unsigned long long)got->reordered,
			 (unsigned long long)got->too_late, (unsigned long long)got->distance_max);
}

#define END (-1)

static void
arrivals_are_named_as_the_definition_says(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		int arrivals[12]; /* sequence numbers as they come in; 64 wide */
		uint64_t sent;
		struct outcome want;
	} rows[] = {
	    {"nothing", {END}, 0, {0}},
	    {"nothing of ten", {END}, 10, {.lost = 10}},
	    {"in order", {0, 1, 2, 3, END}, 4, {.received = 4}},
	    {"first lost", {1, 2, 3, END}, 4, {.received = 3, .lost = 1}},
	    {"last lost", {0, 1, 2, END}, 4, {.received = 3, .lost = 1}},
	    {"middle lost", {0, 3, END}, 4, {.received = 2, .lost = 2}},
	    {"a swap is one reordered", {0, 2, 1, 3, END}, 4, {.received = 4, .reordered = 1, .distance_max = 2}},
	    {"one held back", {1, 2, 3, 0, END}, 4, {.received = 4, .reordered = 1, .distance_max = 4}},
	    {"backwards", {3, 2, 1, 0, END}, 4, {.received = 4, .reordered = 3, .distance_max = 4}},
	    {"a duplicate", {0, 0, 1, END}, 2, {.received = 2, .duplicates = 1}},
	    {"three copies", {0, 1, 0, 0, END}, 2, {.received = 2, .duplicates = 2}},
	    {"a late duplicate is not reordered", {0, 1, 2, 0, END}, 3, {.received = 3, .duplicates = 1}},
	    {"reordered, then twice",
	     {1, 0, 0, END},
	     2,
	     {.received = 2, .reordered = 1, .duplicates = 1, .distance_max = 2}},
	    {"edge of the window", {64, 1, END}, 65, {.received = 2, .lost = 63, .reordered = 1, .distance_max = 64}},
	    {"past the window", {64, 0, END}, 65, {.received = 1, .lost = 64, .too_late = 1}},
	    {"a jump forgets the old", {0, 64, 0, END}, 65, {.received = 2, .lost = 63, .too_late = 1}},
	    {"a jump over the whole window",
	     {0, 200, 137, END},
	     201,
	     {.received = 3, .lost = 198, .reordered = 1, .distance_max = 64}},
	    {"same bit, next lap", {0, 64, 128, 64, END}, 129, {.received = 3, .lost = 126, .too_late = 1}},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_judge *judge = pg_judge_create(1, 64);
		struct pg_judgement got;
		assert_int_equal(pg_judge_window(judge), 64);
		for (const int *at = rows[i].arrivals; *at != END; at++)
			pg_judge_frame(judge, 0, (uint32_t)*at);
		pg_judge_finish(judge, rows[i].sent, &got);
		assert_outcome(rows[i].what, &got.all, &rows[i].want);
		pg_judge_destroy(judge);
	}
}

/* ---- against a model that remembers everything ---- */
#define MODEL_FLOWS 7
#define MODEL_SENT  4000

struct model {
	uint8_t seen[MODEL_SENT];
	int64_t highest;
	struct outcome o;
};

static void
model_arrive(struct model *m, uint32_t sequence, uint32_t window)
{
	const int64_t distance = m->highest + 1 - (int64_t)sequence;
	if (distance > (int64_t)window) {
		m->o.too_late++;
	} else if (m->seen[sequence]) {
		m->o.duplicates++;
	} else {
		m->seen[sequence] = 1;
		m->o.received++;
		if (distance > 0) {
			m->o.reordered++;
			if (distance > (int64_t)m->o.distance_max)
				m->o.distance_max = (uint64_t)distance;
		}
	}
	if ((int64_t)sequence > m->highest)
		m->highest = sequence;
}

static void
a_wild_wire_is_reported_as_a_plain_model_sees_it(void **state)
{
	(void)state;
	static const uint32_t windows[] = {64, 128, 1024};
	for (unsigned seed = 0; seed < 30; seed++) {
		const uint32_t window = windows[seed % 3], spread = 1 + seed * 7;
		static struct model models[MODEL_FLOWS];
		struct pg_judge *judge = pg_judge_create(MODEL_FLOWS, window);
		struct pg_judgement got;

		memset(models, 0, sizeof(models));
		for (unsigned f = 0; f < MODEL_FLOWS; f++)
			models[f].highest = -1;
		srandom(seed);
		/* Copies of frames from around a place that moves on: some come twice, some never. */
		for (unsigned i = 0; i < MODEL_SENT * MODEL_FLOWS; i++) {
			const uint32_t flow = (uint32_t)random() % MODEL_FLOWS;
			const uint32_t sequence = (i / MODEL_FLOWS + (uint32_t)random() % spread) % MODEL_SENT;
			model_arrive(&models[flow], sequence, window);
			pg_judge_frame(judge, flow, sequence);
		}
		pg_judge_finish(judge, MODEL_SENT * MODEL_FLOWS, &got);
		assert_int_equal(got.n_worst, MODEL_FLOWS);
		for (unsigned i = 0; i < got.n_worst; i++) {
			struct outcome *want = &models[got.worst[i].flow].o;
			want->lost = MODEL_SENT - want->received;
			assert_outcome("a flow of the model", &got.worst[i], want);
		}
		pg_judge_destroy(judge);
	}
}

static void
numbers_go_on_past_32_bits(void **state)
{
	(void)state;
	struct pg_judge *judge = pg_judge_create(1, 64);
	/* Jumps of just under half the range, which is as far as the nearest number can be told. */
	uint64_t number = 0;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(pg_judge_frame(judge, 0, (uint32_t)number), PG_ARRIVAL_IN_ORDER);
		number += INT32_MAX;
	}
	number -= INT32_MAX;
	assert_true(number > UINT32_MAX);
	assert_int_equal(pg_judge_frame(judge, 0, (uint32_t)(number - 1)), PG_ARRIVAL_REORDERED);
	assert_int_equal(pg_judge_frame(judge, 0, (uint32_t)(number - 1)), PG_ARRIVAL_DUPLICATE);
	assert_int_equal(pg_judge_frame(judge, 0, (uint32_t)(number + 1)), PG_ARRIVAL_IN_ORDER);
	pg_judge_destroy(judge);
}

static void
a_number_from_before_the_first_is_never_taken(void **state)
{
	(void)state;
	struct pg_judge *judge = pg_judge_create(1, 64);
	assert_int_equal(pg_judge_frame(judge, 0, 3), PG_ARRIVAL_IN_ORDER);
	assert_int_equal(pg_judge_frame(judge, 0, UINT32_MAX), PG_ARRIVAL_TOO_LATE); /* it would be -1 */
	pg_judge_destroy(judge);
}

static void
a_million_flows_are_judged_in_bounded_memory(void **state)
{
	(void)state;
	const uint32_t flows = 1u << 20;
	struct pg_judge *judge = pg_judge_create(flows, 0);
	struct pg_judgement got;

	assert_non_null(judge);
	assert_int_equal(pg_judge_window(judge), 512);
	for (uint32_t sequence = 0; sequence < 3; sequence++)
		for (uint32_t flow = 0; flow < flows; flow++)
			if (!(flow == 777 && sequence == 1) && !(flow == flows - 1 && sequence == 2))
				pg_judge_frame(judge, flow, sequence);
	pg_judge_frame(judge, 4711, 0);
	pg_judge_finish(judge, 3 * (uint64_t)flows, &got);
	assert_int_equal(got.all.sent, 3 * (uint64_t)flows);
	assert_int_equal(got.all.lost, 2);
	assert_int_equal(got.flows_lost, 2);
	assert_int_equal(got.all.duplicates, 1);
	assert_int_equal(got.worst[0].flow, 777);
	assert_int_equal(got.worst[1].flow, flows - 1);
	assert_int_equal(got.worst[2].flow, 4711);
	assert_int_equal(got.n_worst, PG_JUDGE_WORST);
	pg_judge_destroy(judge);
}

static void
what_was_sent_is_shared_out_to_the_flows_in_turn(void **state)
{
	(void)state;
	struct pg_judge *judge = pg_judge_create(4, 0);
	struct pg_judgement got;
	pg_judge_finish(judge, 10, &got);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(got.worst[i].sent, got.worst[i].flow < 2 ? 3 : 2);
	assert_int_equal(got.worst[0].flow, 0);
	assert_int_equal(got.worst[3].flow, 3);
	pg_judge_destroy(judge);
}

static void
a_reset_forgets_everything(void **state)
{
	(void)state;
	struct pg_judge *judge = pg_judge_create(2, 64);
	struct pg_judgement got;
	pg_judge_frame(judge, 1, 5);
	pg_judge_frame(judge, 1, 5);
	pg_judge_reset(judge);
	assert_int_equal(pg_judge_frame(judge, 1, 5), PG_ARRIVAL_IN_ORDER);
	assert_int_equal(pg_judge_frame(judge, 1, 4), PG_ARRIVAL_REORDERED);
	pg_judge_finish(judge, 12, &got);
	assert_int_equal(got.all.received, 2);
	assert_int_equal(got.all.duplicates, 0);
	pg_judge_destroy(judge);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arrivals_are_named_as_the_definition_says),
	    cmocka_unit_test(a_wild_wire_is_reported_as_a_plain_model_sees_it),
	    cmocka_unit_test(numbers_go_on_past_32_bits),
	    cmocka_unit_test(a_number_from_before_the_first_is_never_taken),
	    cmocka_unit_test(a_million_flows_are_judged_in_bounded_memory),
	    cmocka_unit_test(what_was_sent_is_shared_out_to_the_flows_in_turn),
	    cmocka_unit_test(a_reset_forgets_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
