/* SPDX-License-Identifier: BSD-3-Clause
 * Transmitter and receiver with a wire between them that drops, doubles, holds back or spoils a known share: the report
 * must say exactly that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cmocka.h>

#include "tests/unit/pktgen/nth.h"
#include "tests/unit/pktgen/rig.h"

#define DELAY    7000  /* ticks that a frame is under way */
#define HOLD_END 19900 /* the last ones held must still be overtaken */
#define HELD_MAX 64

/* What the wire does to every n-th frame, counted from 0 (0: never), and how often it did. */
struct wire {
	unsigned drop, twice, hold, spoil;
	unsigned hold_for; /* frames that overtake a held one */
	uint64_t dropped, doubled, was_held, spoilt;

	uint64_t at; /* number of the next frame */
	struct rte_mbuf *held[HELD_MAX];
	uint64_t release[HELD_MAX];
	unsigned n_held;
};

static struct rte_mbuf *
copy_of(const struct rte_mbuf *m)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, device.pool, 0, UINT32_MAX);
	assert_non_null(copy);
	return copy;
}

/* Gives the receiver the held frames whose time has come; all of them at the end. */
static void
release(struct wire *w, struct rig *rig, uint64_t now, bool all)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < w->n_held; i++) {
		if (all || w->release[i] < w->at) {
			pg_rx_take(&rig->rx, &w->held[i], 1, now + DELAY);
			continue;
		}
		w->held[kept] = w->held[i];
		w->release[kept++] = w->release[i];
	}
	w->n_held = kept;
}

static void
pass(struct wire *w, struct rig *rig, struct rte_mbuf *m, uint64_t now)
{
	const uint64_t at = w->at++;

	if (is_nth(at, w->drop)) {
		rte_pktmbuf_free(m);
		w->dropped++;
	} else if (is_nth(at, w->hold) && at < HOLD_END) {
		assert_true(w->n_held < HELD_MAX);
		w->held[w->n_held] = m;
		w->release[w->n_held++] = at + w->hold_for;
		w->was_held++;
	} else if (is_nth(at, w->spoil)) {
		rte_pktmbuf_mtod(m, uint8_t *)[m->pkt_len - 1] ^= 0x10;
		pg_rx_take(&rig->rx, &m, 1, now + DELAY);
		w->spoilt++;
	} else {
		struct rte_mbuf *copies[2] = {m, is_nth(at, w->twice) ? copy_of(m) : NULL};
		const unsigned n = copies[1] != NULL ? 2 : 1;
		pg_rx_take(&rig->rx, copies, n, now + DELAY);
		w->doubled += n - 1;
	}
	release(w, rig, now, false);
}

/* Sends until `frames` have gone through the wire; a tick of the clock is `step`. */
static void
drive(struct rig *rig, struct wire *w, uint64_t frames, uint64_t step)
{
	struct rte_mbuf *burst[64];
	for (uint64_t now = 0; rig->tx.sent < frames; now += step) {
		pg_tx_poll(&rig->tx, now);
		const uint16_t n = rte_eth_rx_burst(device.port, 0, burst, 64);
		for (uint16_t i = 0; i < n; i++)
			pass(w, rig, burst[i], now);
	}
	release(w, rig, 0, true);
	assert_int_equal(w->at, rig->tx.sent);
}

static const struct pg_rate steady = {PG_RATE_PPS, 1000000};

/* ---- the wire's misdeeds are reported as they were ---- */
static const struct {
	const char *what;
	uint32_t flows;
	const char *sizes;
	struct wire wire;
	uint64_t distance; /* of the reordering */
} cases[] = {
    {"a perfect wire", 1, "64", {0}, 0},
    {"a perfect wire, many flows", 1000, "imix", {0}, 0},
    {"drops 10 %", 1, "64", {.drop = 10}, 0},
    {"drops 10 % of 7 flows", 7, "128", {.drop = 10}, 0},
    {"drops 1 of 1000 of 1000 flows", 1000, "imix", {.drop = 1000}, 0},
    {"drops all", 3, "64", {.drop = 1}, 0},
    {"doubles 1 %", 5, "64", {.twice = 100}, 0},
    {"doubles all", 5, "1422", {.twice = 1}, 0},
    {"swaps every tenth with the next", 1, "64", {.hold = 10, .hold_for = 1}, 2},
    {"holds one back by 20", 1, "imix", {.hold = 50, .hold_for = 20}, 21},
    {"holds back by two of its own flow", 4, "64", {.hold = 50, .hold_for = 8}, 3},
    {"lets only other flows overtake", 4, "64", {.hold = 50, .hold_for = 3}, 0},
    {"spoils 2 %", 3, "512", {.spoil = 50}, 0},
    {"everything at once", 11, "imix", {.drop = 7, .twice = 13, .hold = 31, .hold_for = 33, .spoil = 97}, 4},
};

static void
the_report_says_exactly_what_the_wire_did(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_create(cases[i].flows, cases[i].sizes, &steady);
		struct wire wire = cases[i].wire;
		struct pg_judgement got;

		drive(rig, &wire, 20000, 3000);
		pg_judge_finish(rig->rx.judge, rig->tx.sent, &got);
		const uint64_t reordered = cases[i].distance > 0 ? wire.was_held : 0;
		if (got.all.sent != rig->tx.sent || got.all.duplicates != wire.doubled ||
		    got.all.lost != wire.dropped + wire.spoilt || got.all.reordered != reordered ||
		    got.all.distance_max != cases[i].distance || got.all.too_late != 0 ||
		    rig->rx.verdicts[PG_FRAME_BAD_PAYLOAD] != wire.spoilt)
			fail_msg("%s: lost %llu duplicates %llu reordered %llu by %llu spoilt %llu", cases[i].what,
				 (unsigned long long)got.all.lost, (unsigned long long)got.all.duplicates,
				 (unsigned long long)got.all.reordered, (unsigned long long)got.all.distance_max,
				 (unsigned long long)rig->rx.verdicts[PG_FRAME_BAD_PAYLOAD]);
		assert_int_equal(rig->rx.received, got.all.received);
		assert_int_equal(rig->rx.verdicts[PG_FRAME_FOREIGN] + rig->rx.verdicts[PG_FRAME_STALE], 0);
		rig_destroy(rig);
	}
}

static void
each_flow_is_told_its_own_loss(void **state)
{
	(void)state;
	struct rig *rig = rig_create(10, "64", &steady);
	struct wire wire = {.drop = 20}; /* frames 19, 39, ..: always flow 9 */
	struct pg_judgement got;
	drive(rig, &wire, 10000, 1000);
	pg_judge_finish(rig->rx.judge, rig->tx.sent, &got);
	assert_int_equal(got.flows_lost, 1);
	assert_int_equal(got.worst[0].flow, 9);
	assert_int_equal(got.worst[0].sent, 1000);
	assert_int_equal(got.worst[0].lost, 500);
	assert_int_equal(got.worst[1].lost, 0);
	rig_destroy(rig);
}

static void
latency_is_the_time_under_way(void **state)
{
	(void)state;
	struct rig *rig = rig_create(3, "64", &steady);
	struct wire wire = {.twice = 2}; /* second copies do not count */
	drive(rig, &wire, 1000, 1000);
	assert_int_equal(rig->rx.latency.min, DELAY);
	assert_int_equal(rig->rx.latency.max, DELAY);
	assert_int_equal(rig->rx.latency.count, rig->tx.sent);
	rig_destroy(rig);
}

/* A share of the frames takes ten times as long: the percentile above that share, and none below, must say so. */
static void
a_delayed_share_shows_from_its_percentile_on(void **state)
{
	(void)state;
	static const struct {
		unsigned each;       /* so many'th frame is late */
		bool p50, p99, p999; /* has the delay in it */
	} rows[] = {{1, true, true, true},
		    {3, false, true, true},
		    {60, false, true, true},
		    {200, false, false, true},
		    {2000, false, false, false}};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig *rig = rig_create(3, "64", &steady);
		const struct pg_histogram *h = &rig->rx.latency;
		struct rte_mbuf *m;
		for (uint64_t now = 0, at = 0; rig->tx.sent < 20000; now += 1000) {
			pg_tx_poll(&rig->tx, now);
			while (rte_eth_rx_burst(device.port, 0, &m, 1) == 1)
				pg_rx_take(&rig->rx, &m, 1, now + (is_nth(at++, rows[i].each) ? 10 : 1) * DELAY);
		}
		const uint64_t late = 9 * DELAY;
		assert_int_equal(pg_histogram_quantile(h, 500000) > late, rows[i].p50);
		assert_int_equal(pg_histogram_quantile(h, 990000) > late, rows[i].p99);
		assert_int_equal(pg_histogram_quantile(h, 999000) > late, rows[i].p999);
		assert_int_equal(h->max, 10 * DELAY);
		rig_destroy(rig);
	}
}

static void
frames_of_another_run_are_stale_and_others_foreign(void **state)
{
	(void)state;
	struct rig *rig = rig_create(2, "64", &steady);
	struct wire wire = {.drop = 0};
	struct pg_judgement got;
	rig->rx.run = 2;
	drive(rig, &wire, 100, 1000);
	assert_int_equal(rig->rx.verdicts[PG_FRAME_STALE], rig->tx.sent);
	struct rte_mbuf *m = rte_pktmbuf_alloc(device.pool);
	memset(rte_pktmbuf_append(m, 300), 0, 300);
	pg_rx_take(&rig->rx, &m, 1, 0);
	m = rte_pktmbuf_alloc(device.pool); /* nothing in it at all */
	pg_rx_take(&rig->rx, &m, 1, 0);
	assert_int_equal(rig->rx.verdicts[PG_FRAME_FOREIGN], 2);
	pg_judge_finish(rig->rx.judge, rig->tx.sent, &got);
	assert_int_equal(got.all.lost, rig->tx.sent);
	rig_destroy(rig);
}

static void
a_frame_in_several_pieces_is_read_whole(void **state)
{
	(void)state;
	struct rig *rig = rig_create(1, "64", &steady);
	const struct pg_frame_id id = {.run = 1, .sequence = 0};
	static uint8_t frame[9000];
	struct rte_mbuf *first = rte_pktmbuf_alloc(device.pool);
	pg_frame_build(&rig->format, &id, sizeof(frame), frame);
	memcpy(rte_pktmbuf_append(first, 50), frame, 50); /* even the head is cut */
	for (unsigned at = 50; at < sizeof(frame);) {
		const unsigned n = sizeof(frame) - at < 1790 ? sizeof(frame) - at : 1790;
		struct rte_mbuf *next = rte_pktmbuf_alloc(device.pool);
		memcpy(rte_pktmbuf_append(next, (uint16_t)n), frame + at, n);
		assert_int_equal(rte_pktmbuf_chain(first, next), 0);
		at += n;
	}
	pg_rx_take(&rig->rx, &first, 1, 5);
	assert_int_equal(rig->rx.verdicts[PG_FRAME_OURS], 1);
	assert_int_equal(rig->rx.received_bytes, 9000);
	rig_destroy(rig);
}

static void
a_question_on_the_receivers_port_is_answered_there(void **state)
{
	(void)state;
	struct rig *rig = rig_create(1, "64", &steady);
	const struct pg_arp peer = {.mac = {{2, 0, 0, 0, 0, 9}}};
	struct rte_ether_addr mac;
	struct rte_mbuf *m = rte_pktmbuf_alloc(device.pool);
	pg_arp_request(&peer, 0x0a0200fe, 0x0a020001, (uint8_t *)rte_pktmbuf_append(m, PG_ARP_FRAME));
	pg_rx_take(&rig->rx, &m, 1, 0);
	assert_int_equal(rte_eth_rx_burst(device.port, 0, &m, 1), 1);
	assert_true(pg_arp_learn(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, 0x0a020001, &mac));
	assert_int_equal(mac.addr_bytes[5], 7);
	rte_pktmbuf_free(m);
	assert_int_equal(rig->rx.verdicts[PG_FRAME_FOREIGN], 0);
	rig_destroy(rig);
}

static void
a_port_without_room_delays_frames_but_loses_none(void **state)
{
	(void)state;
	static const struct pg_rate fast = {PG_RATE_MAX, 0};
	struct rig *rig = rig_create(3, "64", &fast);
	struct wire wire = {.drop = 0};
	struct pg_judgement got;
	for (unsigned i = 0; i < 100; i++)
		pg_tx_poll(&rig->tx, i);
	assert_in_range(rig->tx.sent, RING - 64, RING);
	assert_true(rig->tx.refused > 0);
	drive(rig, &wire, 10000, 1);
	struct rte_mbuf *m;
	while (rte_eth_rx_burst(device.port, 0, &m, 1) == 1)
		pass(&wire, rig, m, 0);
	pg_judge_finish(rig->rx.judge, rig->tx.sent, &got);
	assert_int_equal(got.all.lost + got.all.duplicates + got.all.reordered, 0);
	assert_int_equal(got.all.received, rig->tx.sent);
	rig_destroy(rig);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_report_says_exactly_what_the_wire_did),
	    cmocka_unit_test(each_flow_is_told_its_own_loss),
	    cmocka_unit_test(latency_is_the_time_under_way),
	    cmocka_unit_test(a_delayed_share_shows_from_its_percentile_on),
	    cmocka_unit_test(frames_of_another_run_are_stale_and_others_foreign),
	    cmocka_unit_test(a_frame_in_several_pieces_is_read_whole),
	    cmocka_unit_test(a_question_on_the_receivers_port_is_answered_there),
	    cmocka_unit_test(a_port_without_room_delays_frames_but_loses_none),
	};
	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
