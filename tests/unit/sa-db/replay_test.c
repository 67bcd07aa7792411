/* SPDX-License-Identifier: BSD-3-Clause
 * The replay window at its boundaries, and against an independent model: a plain bitmap over all numbers, by the words
 * of RFC 4303 3.4.3. */
#include "tests/unit/sa-db/rig.h"

#include <stdio.h>

enum { OK = SADB_REPLAY_OK, OLD = SADB_REPLAY_OLD, DUP = SADB_REPLAY_DUP, ZERO = SADB_REPLAY_ZERO };

static const uint32_t windows[] = {64, 65, 128, 1000, 1024, 4096, 65536};
#define N_WINDOWS (sizeof(windows) / sizeof(windows[0]))

#define HALF (UINT64_C(1) << 32)

static struct sadb_replay *
window_create(uint32_t packets, uint64_t top)
{
	struct sadb_replay *rp = malloc(sadb_replay_bytes(packets));
	assert_non_null(rp);
	memset(rp, 0xa5, sadb_replay_bytes(packets)); /* need not be zeroed */
	sadb_replay_init(rp, packets, top);
	return rp;
}

static int
commit(struct sadb_replay *rp, uint64_t seq)
{
	enum sadb_replay_verdict verdict;
	enum sadb_replay_verdict expected = sadb_replay_check(rp, sadb_replay_hint(rp), seq);
	unsigned accepted = sadb_replay_commit(rp, &seq, 1, &verdict);
	assert_int_equal(verdict, expected); /* alone, the check must say what the commit does */
	assert_int_equal(accepted, verdict == SADB_REPLAY_OK);
	return (int)verdict;
}

/* One step a line: what arrives, and what must become of it. W is the window, added w times; R the ring, r times. */
static const struct step {
	const char *what;
	uint64_t start; /* 0: go on with the window of the line before, else top + 1 of a new one */
	int64_t w;
	uint64_t seq;
	int verdict;
} steps[] = {
    {"first packet", 1, 0, 1, OK},
    {"the same again", 0, 0, 1, DUP},
    {"zero", 0, 0, 0, ZERO},
    {"in order", 0, 0, 2, OK},
    {"a gap", 0, 0, 5, OK},
    {"late, into the gap", 0, 0, 3, OK},
    {"late again", 0, 0, 3, DUP},
    {"the last of the gap", 0, 0, 4, OK},

    {"zero comes first", 1, 0, 0, ZERO},
    {"first packet in the middle of the window", 1, 0, 40, OK},
    {"all before it are still new", 0, 0, 1, OK},

    {"top is W", 1, 1, 0, OK},
    {"1 lies on the edge, inside", 0, 0, 1, OK},
    {"and only once", 0, 0, 1, DUP},
    {"top is W + 1", 0, 1, 1, OK},
    {"1 has left", 0, 0, 1, OLD},
    {"2 is the edge", 0, 0, 2, OK},
    {"top is W + 2", 0, 1, 2, OK},
    {"2 was seen, but has left: old", 0, 0, 2, OLD},
    {"3 is the edge", 0, 0, 3, OK},

    {"1000", 1, 0, 1000, OK},
    {"jump of W - 1: 1000 is the edge", 0, 1, 999, OK},
    {"1000 still known", 0, 0, 1000, DUP},
    {"jump of W: 1000 has left", 0, 1, 1000, OK},
    {"1000 has left", 0, 0, 1000, OLD},
    {"1001 is the edge", 0, 0, 1001, OK},

    {"5", 1, 0, 5, OK},
    {"far ahead: 100 windows", 0, 100, 5, OK},
    {"nothing of the old laps counts as seen", 0, 99, 6, OK},
    {"its edge", 0, 99, 5, OLD},
    {"again", 0, 99, 6, DUP},
    {"a lap further, same word", 0, 228, 5, OK},
    {"inside, a word never touched in this lap", 0, 227, 60, OK},
    {"the number of the lap before", 0, 100, 5, OLD},

    {"starts at a top of 99", 100, 0, 99, DUP},
    {"numbers up to the top count as seen", 0, 0, 98, DUP},
    {"the next is new", 0, 0, 100, OK},

    {"starts below 2^32", HALF - 2, 0, HALF - 2, OK},
    {"2^32 - 1", 0, 0, HALF - 1, OK},
    {"2^32", 0, 0, HALF, OK},
    {"2^32 + 1", 0, 0, HALF + 1, OK},
    {"back across", 0, 0, HALF - 1, DUP},
    {"W past", 0, 1, HALF - 1, OK},
    {"the edge at 2^32", 0, 0, HALF - 1, OLD},
    {"2^32 known", 0, 0, HALF, DUP},

    {"starts below 2^64", UINT64_MAX - 99, 0, UINT64_MAX - 99, OK},
    {"2^64 - 1", 0, 0, UINT64_MAX, OK},
    {"again", 0, 0, UINT64_MAX, DUP},
    {"between", 0, 0, UINT64_MAX - 50, OK},
    {"1, the other end", 0, 0, 1, OLD},
    {"zero, the other end", 0, 0, 0, ZERO},
    {"far below 2^64", UINT64_MAX - (1 << 20), 0, UINT64_MAX, OK},
    {"the edge at the end", 0, -1, UINT64_MAX, OLD},
    {"just inside: 2^64 - W", 0, -1, 0, OK},
    {"and only once", 0, -1, 0, DUP},
};

static void
each_boundary_has_its_verdict_in_every_window(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_WINDOWS; i++) {
		struct sadb_replay *rp = NULL;
		for (unsigned s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
			const struct step *step = &steps[s];
			uint64_t seq = step->seq + (uint64_t)(step->w * (int64_t)windows[i]);
			if (step->start != 0) {
				free(rp);
				rp = window_create(windows[i], step->start - 1);
			}
			int verdict = commit(rp, seq);
			if (verdict != step->verdict)
				fail_msg("window %u, '%s' (%#lx): %d instead of %d", windows[i], step->what,
					 (unsigned long)seq, verdict, step->verdict);
		}
		free(rp);
	}
}

static void
the_ring_is_wide_enough_for_the_window_and_a_word(void **state)
{
	(void)state;
	for (uint32_t packets = SADB_REPLAY_MIN; packets <= SADB_REPLAY_MAX; packets++) {
		size_t words = (sadb_replay_bytes(packets) - sizeof(struct sadb_replay)) / sizeof(uint64_t);
		assert_true(words * 32 >= packets + 32);
		assert_true((words & (words - 1)) == 0);
		assert_true(words * 32 < 2 * (packets + 32));
	}
}

static void
a_batch_is_judged_like_its_packets_one_by_one(void **state)
{
	static const struct {
		uint64_t seq;
		int verdict;
	} batch[] = {
	    {10, OK}, {11, OK},  {10, DUP}, {0, ZERO},  {12, OK},  {31, OK},   {32, OK},
	    {13, OK}, {300, OK}, {14, OLD}, {300, DUP}, {299, OK}, {236, OLD}, {237, OK},
	};
	enum { N = sizeof(batch) / sizeof(batch[0]) };
	uint64_t seq[N];
	enum sadb_replay_verdict verdict[N];
	struct sadb_replay *rp = window_create(64, 0);
	(void)state;
	for (unsigned i = 0; i < N; i++)
		seq[i] = batch[i].seq;
	assert_int_equal(sadb_replay_commit(rp, seq, N, verdict), 9);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(verdict[i], batch[i].verdict);
	assert_int_equal(sadb_replay_top(rp), 300);
	free(rp);
}

/* A worker is between its swap and its raise of top: the word has turned to the next lap, the top does not say so yet.
 * Here that moment is made to last. */
static void
a_word_of_a_later_lap_refuses_what_the_old_top_would_let_in(void **state)
{
	struct sadb_replay *rp = window_create(64, 0);
	const uint64_t again = 200;
	enum sadb_replay_verdict verdict;
	(void)state;
	assert_int_equal(commit(rp, 100), OK);
	assert_int_equal(commit(rp, 200), OK);
	rp->top = 100; /* 72 is 200 less one lap of 128: the same bit of the same word */
	assert_int_equal(commit(rp, 72), OLD);
	/* And the word still knows its own. The check does not look beyond the top: only the commit says this. */
	assert_int_equal(sadb_replay_check(rp, 100, again), OK);
	assert_int_equal(sadb_replay_commit(rp, &again, 1, &verdict), 0);
	assert_int_equal(verdict, DUP);
	assert_int_equal(sadb_replay_top(rp), 100);
	free(rp);
}

static void
seen_tells_what_was_accepted(void **state)
{
	struct sadb_replay *rp = window_create(64, 0);
	(void)state;
	assert_false(sadb_replay_seen(rp, 1));
	commit(rp, 100);
	assert_true(sadb_replay_seen(rp, 100));
	assert_false(sadb_replay_seen(rp, 99));
	assert_false(sadb_replay_seen(rp, 101));
	assert_false(sadb_replay_seen(rp, 37));
	assert_true(sadb_replay_seen(rp, 36)); /* left of the window */
	commit(rp, 37);
	assert_true(sadb_replay_seen(rp, 37));
	free(rp);
}

static void
without_a_window_all_pass_and_the_top_moves(void **state)
{
	struct sadb_replay *rp = window_create(0, 0);
	(void)state;
	assert_int_equal(commit(rp, 7), OK);
	assert_int_equal(commit(rp, 7), OK);
	assert_int_equal(commit(rp, 3), OK);
	assert_int_equal(sadb_replay_top(rp), 7);
	free(rp);
}

static void
the_high_half_is_found_on_both_sides_of_the_roll_over(void **state)
{
	/* RFC 4303 A2.2, with a window of 64. */
	static const struct {
		uint64_t top;
		uint32_t low;
		uint64_t seq;
	} cases[] = {
	    {0, 1, 1},
	    {0, 0xffffffff, 0xffffffff},  /* no subspace before the first */
	    {62, 0xffffffff, 0xffffffff}, /* the same */
	    {63, 0, 0},                   /* the window is 0 to 63 */
	    {63, 63, 63},
	    {100, 37, 37},        /* bottom of the window */
	    {100, 36, HALF + 36}, /* below it: next subspace */
	    {100, 101, 101},
	    {100, 0xffffffff, 0xffffffff},
	    {HALF - 1, 0xffffffff, HALF - 1},
	    {HALF - 1, 0xffffffff - 63, HALF - 64},     /* bottom */
	    {HALF - 1, 0xffffffff - 64, 2 * HALF - 65}, /* below: a jump of almost 2^32 */
	    {HALF - 1, 0, HALF},                        /* roll-over */
	    {HALF - 1, 5, HALF + 5},
	    {HALF, 0, HALF},
	    {HALF, 0xffffffff, HALF - 1},           /* the window straddles */
	    {HALF, 0xffffffff - 62, HALF - 63},     /* its bottom, in the old subspace */
	    {HALF, 0xffffffff - 63, 2 * HALF - 64}, /* below it */
	    {HALF + 62, 0xffffffff, HALF - 1},      /* the last bit that straddles */
	    {HALF + 62, 0xfffffffe, 2 * HALF - 2},
	    {HALF + 63, 0xffffffff, 2 * HALF - 1}, /* no more */
	    {HALF + 63, 0, HALF},
	    {HALF + 64, 0, 2 * HALF},
	    {5 * HALF + 10, 0xfffffff0, 5 * HALF - 16},
	    {UINT64_MAX, 0xffffffff, UINT64_MAX},
	    {UINT64_MAX, 0, 0}, /* a number that never comes: the window refuses it */
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_replay *rp = window_create(64, cases[i].top);
		if (sadb_replay_esn(rp, sadb_replay_hint(rp), cases[i].low) != cases[i].seq)
			fail_msg("top %#lx, low %#x: %#lx instead of %#lx", (unsigned long)cases[i].top, cases[i].low,
				 (unsigned long)sadb_replay_esn(rp, sadb_replay_hint(rp), cases[i].low),
				 (unsigned long)cases[i].seq);
		free(rp);
	}
}

/* Whatever is inside the window, or ahead by less than 2^32 minus the window, comes back from its low half. */
static void
every_number_in_reach_comes_back_from_its_low_half(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_WINDOWS; i++) {
		uint32_t w = windows[i];
		const uint64_t tops[] = {
		    w, HALF - 1, HALF, HALF + 1, HALF + w / 2, HALF + w - 2, HALF + w - 1, HALF + w, 7 * HALF + w / 3};
		for (unsigned t = 0; t < sizeof(tops) / sizeof(tops[0]); t++) {
			struct sadb_replay *rp = window_create(w, tops[t]);
			for (uint64_t back = 0; back < w; back++)
				assert_true(sadb_replay_esn(rp, sadb_replay_hint(rp), (uint32_t)(tops[t] - back)) ==
					    tops[t] - back);
			for (uint64_t ahead = 1; ahead <= HALF - w; ahead = ahead * 2 + 1)
				assert_true(sadb_replay_esn(rp, sadb_replay_hint(rp), (uint32_t)(tops[t] + ahead)) ==
					    tops[t] + ahead);
			assert_true(sadb_replay_esn(rp, sadb_replay_hint(rp), (uint32_t)(tops[t] + HALF - w)) ==
				    tops[t] + HALF - w);
			free(rp);
		}
	}
}

/* ---- the model ---- */

#define MODEL_SPAN (1u << 20)

struct model {
	uint64_t base, top;
	uint32_t window;
	uint8_t seen[MODEL_SPAN];
};

static int
model_commit(struct model *model, uint64_t seq)
{
	if (seq == 0)
		return ZERO;
	if (seq <= model->top && model->top - seq >= model->window)
		return OLD;
	if (seq <= model->base || model->seen[seq - model->base])
		return DUP;
	model->seen[seq - model->base] = 1;
	if (seq > model->top)
		model->top = seq;
	return OK;
}

static uint64_t
random_seq(const struct model *model)
{
	uint32_t w = model->window, kind = (uint32_t)rand() % 16;
	uint64_t top = model->top;
	if (kind == 0)
		return top + 1 + (uint64_t)rand() % (3 * w); /* past the window */
	if (kind == 1)
		return top - (top < w ? top : w - 2 + (uint64_t)rand() % 5); /* about the edge */
	if (kind < 6)
		return top - (uint64_t)rand() % (w + w / 8) % (top + 1);
	return top + 1 + (uint64_t)rand() % 4;
}

static void
run_model(uint32_t window, uint64_t base)
{
	static struct model model;
	uint64_t seq[64];
	enum sadb_replay_verdict verdict[64];
	struct sadb_replay *rp = window_create(window, base);

	memset(&model, 0, sizeof(model));
	model.base = model.top = base;
	model.window = window;
	while (model.top - base < MODEL_SPAN - 64 * (3 * (uint64_t)window + 5) &&
	       model.top < UINT64_MAX - 256 * (uint64_t)window) {
		unsigned n = 1 + (unsigned)rand() % 64;
		struct model at_start = {.top = model.top, .window = window};
		uint64_t top = model.top;
		for (unsigned i = 0; i < n; i++) {
			at_start.top = top;
			seq[i] = random_seq(&at_start);
			top = seq[i] > top ? seq[i] : top;
		}
		sadb_replay_commit(rp, seq, n, verdict);
		for (unsigned i = 0; i < n; i++) {
			int expected = model_commit(&model, seq[i]);
			if ((int)verdict[i] != expected)
				fail_msg("window %u, base %#lx, seq %#lx, top %#lx: %d instead of %d", window,
					 (unsigned long)base, (unsigned long)seq[i], (unsigned long)model.top,
					 verdict[i], expected);
		}
		assert_true(sadb_replay_top(rp) == model.top);
		for (unsigned i = 0; i < 8; i++) {
			uint64_t back = (uint64_t)rand() % window;
			uint64_t s = model.top - (back < model.top ? back : 0);
			assert_int_equal(sadb_replay_seen(rp, s), s <= base || model.seen[s - base]);
		}
	}
	free(rp);
}

static void
the_window_agrees_with_a_plain_bitmap(void **state)
{
	static const uint32_t small[] = {64, 65, 128, 1000, 1024, 4096};
	const uint64_t bases[] = {
	    0, 77, HALF - 1000, HALF - MODEL_SPAN / 2, (UINT64_C(1) << 38) - 500, UINT64_MAX - (1u << 22)};
	(void)state;
	srand(1);
	for (unsigned i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		for (unsigned b = 0; b < sizeof(bases) / sizeof(bases[0]); b++)
			run_model(small[i], bases[b]);
}

/* The widest window: the model's span is 16 of them, so steps are small. */
static void
the_widest_window_agrees_with_a_plain_bitmap(void **state)
{
	static struct model model;
	struct sadb_replay *rp = window_create(65536, HALF - 100);
	(void)state;
	srand(2);
	memset(&model, 0, sizeof(model));
	model.base = model.top = HALF - 100;
	model.window = 65536;
	while (model.top - model.base < MODEL_SPAN - 70000) {
		uint64_t seq;
		switch (rand() % 4) {
		case 0:
			seq = model.top - (uint64_t)rand() % 65600;
			break;
		case 1:
			seq = model.top - 65536 + (uint64_t)rand() % 3;
			break;
		default:
			seq = model.top + 1 + (uint64_t)rand() % (rand() % 1000 == 0 ? 65000 : 9);
		}
		assert_int_equal(commit(rp, seq), model_commit(&model, seq));
	}
	free(rp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_boundary_has_its_verdict_in_every_window),
	    cmocka_unit_test(the_ring_is_wide_enough_for_the_window_and_a_word),
	    cmocka_unit_test(a_batch_is_judged_like_its_packets_one_by_one),
	    cmocka_unit_test(a_word_of_a_later_lap_refuses_what_the_old_top_would_let_in),
	    cmocka_unit_test(seen_tells_what_was_accepted),
	    cmocka_unit_test(without_a_window_all_pass_and_the_top_moves),
	    cmocka_unit_test(the_high_half_is_found_on_both_sides_of_the_roll_over),
	    cmocka_unit_test(every_number_in_reach_comes_back_from_its_low_half),
	    cmocka_unit_test(the_window_agrees_with_a_plain_bitmap),
	    cmocka_unit_test(the_widest_window_agrees_with_a_plain_bitmap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
