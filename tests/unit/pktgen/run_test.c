/* SPDX-License-Identifier: BSD-3-Clause
 * Whole runs, as culvert-pktgen run makes them: scenario, ports, learning, workers, judge and report, in real time, over a
 * device that loops. Between the device's ring and the receiver sits a wire (a callback of the device) that drops, doubles,
 * holds back and spoils a known share. It keeps its own books, flow by flow, and the result must agree with them exactly,
 * whatever the machine's speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "pktgen/report.h"
#include "pktgen/trial.h"
#include "tests/unit/pktgen/nth.h"

#define FLOWS  7
#define HELD   64
#define PASSED 8192 /* frames on their way from the wire to the receiver */

static const char scenario_text[] = "tx: {device: net_ring0, destination_mac: 02:00:00:00:00:02}\n"
				    "flows: {count: 7, source: 10.1.0.1-10.1.0.7, destination: 10.2.0.1}\n"
				    "sizes: [64, 300, 1514]\nrate: 20kpps\nduration: 300ms\nwarm_up: 20ms\ndrain: "
				    "200ms\nlearn: 2s\nhuge_pages: off\npoll: adaptive\nthreads: 1\n"
				    "udp_checksum: full\n"; /* one thread: the wire's books are its own */

/* What the wire did to the frames of one flow, and the highest number of it that went through. */
struct books {
	uint64_t seen, dropped, doubled, spoilt, reordered;
	int64_t newest;
};

struct wire {
	unsigned drop, twice, hold, hold_for, spoil; /* every so many'th frame; 0: none */
	unsigned swallow;                            /* the first so many, whatever else */
	unsigned stall_at, stall_us;                 /* keeps the receiver busy for so long at this frame; 0: never */

	uint32_t run; /* whose frames are counted */
	bool counting;
	uint64_t at; /* frames so far */
	struct books books[FLOWS];
	struct rte_mbuf *held[HELD];
	uint64_t release[HELD];
	unsigned n_held;
	struct rte_mbuf *passed[PASSED];
	unsigned head, tail;
};

static struct pg_rig *rig;
static struct wire wire;

static uint32_t
word_at(const struct rte_mbuf *m, unsigned offset)
{
	rte_be32_t value;
	memcpy(&value, rte_pktmbuf_mtod_offset(m, uint8_t *, offset), sizeof(value));
	return rte_be_to_cpu_32(value);
}

/* The flow by its source address, unless the frame is of another run. */
static struct books *
books_of(const struct rte_mbuf *m)
{
	const uint32_t source = word_at(m, 26), run = word_at(m, 44) >> 20;
	return run == wire.run ? &wire.books[source - 0x0a010001] : NULL;
}

static void
let_through(struct rte_mbuf *m)
{
	wire.passed[wire.tail++ % PASSED] = m;
	assert_true(wire.tail - wire.head <= PASSED);
}

/* A whole frame: late when a newer one of its flow went before it. */
static void
deliver(struct rte_mbuf *m)
{
	struct books *books = books_of(m);
	if (books != NULL) {
		const int64_t number = word_at(m, 48);
		books->reordered += number < books->newest;
		books->newest = number > books->newest ? number : books->newest;
	}
	let_through(m);
}

static void
release(void)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < wire.n_held; i++) {
		if (wire.release[i] < wire.at) {
			deliver(wire.held[i]);
			continue;
		}
		wire.held[kept] = wire.held[i];
		wire.release[kept++] = wire.release[i];
	}
	wire.n_held = kept;
}

static void
spoil(struct rte_mbuf *m, uint64_t at)
{
	const unsigned from = 12; /* the MACs are every router's to change */
	*rte_pktmbuf_mtod_offset(m, uint8_t *, from + at * 7 % (m->pkt_len - from)) ^= (uint8_t)(1 << at % 8);
}

static void
carry(struct rte_mbuf *m)
{
	struct books *books = books_of(m), nobodys = {0};
	if (books != NULL && !wire.counting) { /* the warm-up is over: the first frame that counts is whole */
		wire.counting = true;
		wire.at = 0;
	}
	const uint64_t at = wire.at++;
	if (books == NULL)
		books = &nobodys;
	books->seen++;
	if (wire.counting && at > 0 && at == wire.stall_at)
		rte_delay_us_block(wire.stall_us);
	if (at < wire.swallow || is_nth(at, wire.drop)) {
		books->dropped++;
		rte_pktmbuf_free(m);
	} else if (is_nth(at, wire.hold)) {
		assert_true(wire.n_held < HELD);
		wire.held[wire.n_held] = m;
		wire.release[wire.n_held++] = at + wire.hold_for;
	} else if (is_nth(at, wire.spoil)) {
		books->spoilt++;
		spoil(m, at);
		let_through(m);
	} else {
		deliver(m);
		if (is_nth(at, wire.twice)) {
			books->doubled++;
			let_through(rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX));
		}
	}
	release();
}

/* The device's callback: what came in goes through the wire, and as much comes out as the receiver asked for. */
static uint16_t
between(uint16_t port, uint16_t queue, struct rte_mbuf **frames, uint16_t n, uint16_t max, void *arg)
{
	uint16_t out = 0;
	(void)port;
	(void)queue;
	(void)arg;
	for (uint16_t i = 0; i < n; i++)
		carry(frames[i]);
	while (out < max && wire.head != wire.tail)
		frames[out++] = wire.passed[wire.head++ % PASSED];
	return out;
}

/* A trial of the scenario through such a wire. What the wire still holds back at the end never arrives. */
static void
run_through(const struct wire *such, struct pg_result *result)
{
	struct pg_error err;
	struct pg_trial_spec spec = {.mix = &rig->scenario->mix,
				     .duration_ns = rig->scenario->duration_ns,
				     .warm_up_ns = rig->scenario->warm_up_ns};
	wire = *such;
	wire.run = (rig->run + 1) & PG_RUN_MASK;
	assert_int_equal(pg_rig_load(rig, &rig->scenario->rate, 0, &spec.load, &err), 0);
	pg_trial_run(rig, &spec, result);
	for (unsigned i = 0; i < wire.n_held; i++) {
		struct books *books = books_of(wire.held[i]);
		if (books != NULL)
			books->dropped++;
		rte_pktmbuf_free(wire.held[i]);
	}
	assert_int_equal(wire.head, wire.tail);
}

static uint64_t
not_ours(const struct pg_result *r)
{
	return r->verdicts[PG_FRAME_FOREIGN] + r->verdicts[PG_FRAME_BAD_HEADER] + r->verdicts[PG_FRAME_BAD_FLOW] +
	       r->verdicts[PG_FRAME_BAD_PAYLOAD];
}

/* Flow by flow. Returns the sums. */
static struct books
compare(const char *what, const struct pg_judgement *got)
{
	struct books sum = {0};
	assert_int_equal(got->n_worst, FLOWS);
	for (unsigned i = 0; i < FLOWS; i++) {
		const struct pg_flow_count *flow = &got->worst[i];
		const struct books *books = &wire.books[flow->flow];
		if (flow->sent != books->seen || flow->lost != books->dropped + books->spoilt ||
		    flow->received != flow->sent - flow->lost || flow->duplicates != books->doubled ||
		    flow->reordered != books->reordered || flow->too_late != 0)
			fail_msg("%s: flow %u: sent %llu lost %llu duplicates %llu reordered %llu; the wire saw %llu, "
				 "dropped %llu, spoilt %llu, doubled %llu, reordered %llu",
				 what, flow->flow, (unsigned long long)flow->sent, (unsigned long long)flow->lost,
				 (unsigned long long)flow->duplicates, (unsigned long long)flow->reordered,
				 (unsigned long long)books->seen, (unsigned long long)books->dropped,
				 (unsigned long long)books->spoilt, (unsigned long long)books->doubled,
				 (unsigned long long)books->reordered);
		sum.seen += books->seen;
		sum.dropped += books->dropped;
		sum.doubled += books->doubled;
		sum.spoilt += books->spoilt;
		sum.reordered += books->reordered;
	}
	return sum;
}

static const struct {
	const char *what;
	struct wire wire;
} wires[] = {
    {"perfect", {0}},
    {"drops", {.drop = 10}},
    {"swaps neighbours of a flow", {.hold = 20, .hold_for = FLOWS}},
    {"doubles", {.twice = 9}},
    {"spoils", {.spoil = 11}},
    {"everything", {.drop = 13, .twice = 17, .hold = 19, .hold_for = 3 * FLOWS, .spoil = 23}},
};

static void
a_run_reports_exactly_what_the_wire_did_to_each_flow(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(wires) / sizeof(wires[0]); i++) {
		static struct pg_result result;
		run_through(&wires[i].wire, &result);
		const struct books sum = compare(wires[i].what, &result.judgement);
		assert_int_equal(result.judgement.all.sent, sum.seen);
		assert_int_equal(result.judgement.all.lost, sum.dropped + sum.spoilt);
		assert_int_equal(result.judgement.all.duplicates, sum.doubled);
		assert_int_equal(result.judgement.all.reordered, sum.reordered);
		assert_int_equal(not_ours(&result), sum.spoilt);
		assert_int_equal(result.latency.count, result.judgement.all.received);
		/* That each misdeed took place at all: a fair share of at least one frame in two hundred. */
		const uint64_t least = sum.seen / 200;
		assert_true(sum.seen > 0 && sum.seen <= 6000);
		assert_true(wires[i].wire.drop == 0 || sum.dropped > least);
		assert_true(wires[i].wire.twice == 0 || sum.doubled > least);
		assert_true(wires[i].wire.hold == 0 || sum.reordered > least);
		assert_true(wires[i].wire.spoil == 0 || sum.spoilt > least);
	}
}

static bool
remarked(const struct pg_result *result, const char *words)
{
	char remarks[PG_REMARKS_MAX][PG_REMARK_BYTES];
	bool told = false;
	const unsigned n = pg_remarks(result, remarks);
	for (unsigned i = 0; i < n; i++)
		told |= strstr(remarks[i], words) != NULL;
	return told;
}

static void
an_absence_of_the_receiver_is_in_the_result(void **state)
{
	(void)state;
	static struct pg_result result;
	run_through(&(struct wire){.stall_at = 1000, .stall_us = 7000}, &result);
	assert_true(result.rx_away_longest_ns >= 7000000);
	assert_true(result.rx_away >= 0.007 / 0.3);
	assert_true(remarked(&result, "the receiver came late to its port"));
}

static json_int_t
number(const json_t *object, const char *group, const char *name)
{
	const json_t *value = json_object_get(json_object_get(object, group), name);
	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void
the_report_carries_the_figures_to_their_names(void **state)
{
	(void)state;
	static struct pg_result result;
	const struct pg_flow_count *all = &result.judgement.all;
	char path[] = "/tmp/pg-run-XXXXXX", text[4096] = "", line[128];
	struct pg_output output;
	struct pg_error err;

	run_through(&(struct wire){.drop = 13, .twice = 17, .hold = 19, .hold_for = 3 * FLOWS, .spoil = 23}, &result);
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(pg_output_open(&output, path, &err), 0);
	assert_int_equal(pg_json_run(&output, rig, &result, &err), 0);
	assert_int_equal(pg_output_commit(&output, &err), 0);
	json_t *root = json_load_file(path, 0, NULL);
	remove(path);
	assert_non_null(root);
	const json_t *out = json_object_get(root, "result");
	assert_int_equal(number(out, "frames", "sent"), all->sent);
	assert_int_equal(number(out, "frames", "received"), all->received);
	assert_int_equal(number(out, "frames", "lost"), all->lost);
	assert_int_equal(number(out, "frames", "duplicates"), all->duplicates);
	assert_int_equal(number(out, "frames", "reordered"), all->reordered);
	assert_int_equal(number(out, "frames", "reordered_by_max"), all->distance_max);
	assert_int_equal(number(out, "frames", "corrupt_header") + number(out, "frames", "corrupt_flow") +
			     number(out, "frames", "corrupt_payload") + number(out, "frames", "foreign"),
			 not_ours(&result));
	assert_int_equal(number(out, "flows", "with_loss"), FLOWS);
	const json_t *flow = json_array_get(json_object_get(root, "worst_flows"), 0);
	const struct pg_flow_count *worst = &result.judgement.worst[0];
	assert_int_equal(json_integer_value(json_object_get(flow, "flow")), worst->flow);
	assert_int_equal(json_integer_value(json_object_get(flow, "lost")), worst->lost);
	assert_int_equal(json_integer_value(json_object_get(flow, "duplicates")), worst->duplicates);
	assert_int_equal(json_integer_value(json_object_get(flow, "reordered")), worst->reordered);
	json_decref(root);

	FILE *printed = fmemopen(text, sizeof(text), "w");
	pg_text_run(printed, rig, &result);
	fclose(printed);
	snprintf(line, sizeof(line), "lost        %llu (", (unsigned long long)all->lost);
	assert_non_null(strstr(text, line));
	snprintf(line, sizeof(line), "duplicates  %llu in 7 flows\n", (unsigned long long)all->duplicates);
	assert_non_null(strstr(text, line));
	snprintf(line, sizeof(line), "reordered   %llu in 7 flows", (unsigned long long)all->reordered);
	assert_non_null(strstr(text, line));
}

/* ---- learning ---- */
static void
learning_goes_on_until_a_frame_comes_through(void **state)
{
	(void)state;
	struct pg_learning learning;
	struct pg_error err;

	wire = (struct wire){.swallow = 3};
	assert_int_equal(pg_learn(rig, &learning, &err), 0);
	assert_int_equal(learning.destinations, 1);
	assert_int_equal(learning.reached, 1);
	assert_int_equal(learning.sent, wire.at);
	assert_int_equal(learning.received, learning.sent - 3);
	assert_true(learning.received >= 1);
}

static void
a_path_that_carries_nothing_is_named_in_the_result(void **state)
{
	(void)state;
	static struct pg_result result;
	struct pg_error err;

	wire = (struct wire){.drop = 1};
	assert_int_equal(pg_learn(rig, &rig->learning, &err), 0);
	assert_int_equal(rig->learning.reached, 0);
	assert_true(rig->learning.sent > 0);
	run_through(&(struct wire){.drop = 1}, &result);
	assert_int_equal(result.judgement.all.lost, result.judgement.all.sent);
	assert_true(remarked(&result, "no learning frame came through to 1 of 1 destinations"));
}

static int
start(void **state)
{
	static struct pg_scenario scenario;
	struct pg_error err = {.text = ""};
	(void)state;
	if (pg_scenario_parse("run_test", scenario_text, &scenario, &err) != 0 ||
	    pg_rig_create(&scenario, false, &rig, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return rte_eth_add_rx_callback(rig->rx.port, 0, between, NULL) != NULL ? 0 : 1;
}

static int
stop(void **state)
{
	(void)state;
	pg_rig_destroy(rig);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_run_reports_exactly_what_the_wire_did_to_each_flow),
	    cmocka_unit_test(an_absence_of_the_receiver_is_in_the_result),
	    cmocka_unit_test(the_report_carries_the_figures_to_their_names),
	    cmocka_unit_test(learning_goes_on_until_a_frame_comes_through),
	    cmocka_unit_test(a_path_that_carries_nothing_is_named_in_the_result),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
