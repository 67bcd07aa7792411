/* SPDX-License-Identifier: BSD-3-Clause
 * What audit events say of the packets that caused them, where no peer on a wire can cause or time them; and that told and
 * suppressed are all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"

#define BUFFER 4096
#define RATE   50

static const struct witness_twist plain;
static char engine[] = "auto";

static void
start(struct gateway *gw, uint32_t flags, uint32_t rate)
{
	uint32_t per_s[DP_AUDIT_KINDS];
	gateway_start(gw, engine, flags, 64);
	for (unsigned i = 0; i < DP_AUDIT_KINDS; i++)
		per_s[i] = rate;
	dp_audit_set(gw->dp, per_s);
}

static void
stop(struct gateway *gw)
{
	gateway_assert_balanced(gw);
	gateway_stop(gw);
}

/* The only event there is. */
static struct dp_audit_event
take_one(struct gateway *gw, enum dp_audit_kind kind, enum dp_drop reason)
{
	struct dp_audit_event event, more;
	assert_int_equal(dp_audit_take(gw->dp, &event, 1), 1);
	assert_int_equal(dp_audit_take(gw->dp, &more, 1), 0);
	assert_int_equal(event.kind, kind);
	assert_int_equal(event.reason, reason);
	assert_int_equal(event.worker, 0);
	return event;
}

static void
assert_addr(const struct sadb_addr *addr, uint32_t expected)
{
	assert_int_equal(addr->family, AF_INET);
	assert_int_equal(rte_be_to_cpu_32(sadb_addr_to_v4(addr)), expected);
}

static void
assert_sa(const struct dp_audit_event *event, uint32_t spi, uint32_t src, uint32_t dst)
{
	assert_true(event->has & DP_AUDIT_HAS_SPI && event->has & DP_AUDIT_HAS_VNET);
	assert_int_equal(rte_be_to_cpu_32(event->spi_be), spi);
	assert_int_equal(event->vnet_id, 1);
	assert_int_equal(event->proto, IPPROTO_ESP);
	assert_addr(&event->src, src);
	assert_addr(&event->dst, dst);
}

static uint64_t
told(const struct gateway *gw, enum dp_audit_kind kind)
{
	return gw->w->stats.audit_told[kind];
}

static uint64_t
suppressed(const struct gateway *gw, enum dp_audit_kind kind)
{
	return gw->w->stats.audit_suppressed[kind];
}

static size_t
seal(struct gateway *gw, uint64_t seq, uint8_t *wire)
{
	uint8_t ip[BUFFER];
	const size_t bytes = gateway_inbound_packet(ip, 60);
	return witness_seal(&gw->in, seq, ip, bytes, &plain, wire);
}

/* Found only when the window moves, behind the packet of the same batch: it is opened by then. */
static void
a_replay_within_one_batch_is_told_with_its_whole_number(void **state)
{
	(void)state;
	const uint64_t seq = (UINT64_C(3) << 32) + 7;
	struct gateway gw;
	uint8_t wire[BUFFER], out[BUFFER];
	start(&gw, SADB_SA_ESN, RATE);
	for (uint64_t step = 0x80000000; step < seq;
	     step += 0x80000000) { /* the window learns the high half bit by bit */
		const size_t inner_bytes = gateway_inbound_packet(out, 60);
		assert_int_equal(gateway_receive(&gw, step, out, inner_bytes, &plain, wire), inner_bytes);
	}
	const size_t bytes = seal(&gw, seq, wire);
	gateway_put(&gw, GW_PORT_WAN, wire, bytes);
	gateway_put(&gw, GW_PORT_WAN, wire, bytes);
	gateway_turn(&gw);
	const struct dp_audit_event event = take_one(&gw, DP_AUDIT_REPLAY, DP_DROP_REPLAY_DUP);
	assert_sa(&event, GW_SPI_IN, GW_PEER, GW_WAN);
	assert_true(event.has & DP_AUDIT_HAS_SEQ);
	assert_true(event.seq == seq);
	while (gateway_take(&gw, GW_PORT_LAN, out) > 0)
		;
	stop(&gw);
}

static void
an_event_tells_when_it_was(void **state)
{
	(void)state;
	struct gateway gw;
	struct timespec before, after;
	uint8_t wire[BUFFER];
	start(&gw, 0, RATE);
	const size_t bytes = seal(&gw, 5, wire);
	wire[bytes - 1] ^= 1;
	gateway_put(&gw, GW_PORT_WAN, wire, bytes);
	clock_gettime(CLOCK_REALTIME, &before);
	gateway_turn(&gw);
	const struct dp_audit_event event = take_one(&gw, DP_AUDIT_ICV, DP_DROP_ICV);
	clock_gettime(CLOCK_REALTIME, &after);
	/* The two clocks are read one after the other: a moment of the scheduler's may lie between. */
	const uint64_t slack_ns = 1000000000;
	assert_in_range(event.time_ns, (uint64_t)before.tv_sec * 1000000000 + (uint64_t)before.tv_nsec - slack_ns,
			(uint64_t)after.tv_sec * 1000000000 + (uint64_t)after.tv_nsec + slack_ns);
	stop(&gw);
}

static void
told_and_suppressed_are_all_that_was_dropped(void **state)
{
	(void)state;
	static const unsigned rounds[] = {1, RATE - 1, 30, 200, 1};
	struct gateway gw;
	struct dp_audit_event event[BUFFER / 16];
	uint8_t wire[BUFFER];
	unsigned taken = 0, n;
	start(&gw, 0, RATE);
	const size_t bytes = seal(&gw, 5, wire);
	wire[bytes - 1] ^= 1;
	for (unsigned r = 0; r < sizeof(rounds) / sizeof(rounds[0]); r++) {
		for (unsigned i = 0; i < rounds[r]; i++)
			gateway_put(&gw, GW_PORT_WAN, wire, bytes);
		gateway_turn(&gw);
		assert_int_equal(told(&gw, DP_AUDIT_ICV) + suppressed(&gw, DP_AUDIT_ICV),
				 gateway_dropped(&gw, DP_DROP_ICV));
	}
	assert_true(told(&gw, DP_AUDIT_ICV) >= RATE && suppressed(&gw, DP_AUDIT_ICV) > 0);
	while ((n = dp_audit_take(gw.dp, event, BUFFER / 16)) > 0)
		taken += n;
	assert_int_equal(taken, told(&gw, DP_AUDIT_ICV));
	stop(&gw);
}

static void
a_ring_that_nobody_empties_suppresses_the_rest(void **state)
{
	(void)state;
	struct gateway gw;
	uint8_t wire[BUFFER];
	start(&gw, 0, 100000);
	const size_t bytes = seal(&gw, 5, wire);
	wire[bytes - 1] ^= 1;
	for (unsigned i = 0; i < 300; i++) {
		gateway_put(&gw, GW_PORT_WAN, wire, bytes);
		gateway_turn(&gw);
	}
	assert_int_equal(told(&gw, DP_AUDIT_ICV), 256);
	assert_int_equal(suppressed(&gw, DP_AUDIT_ICV), 44);
	stop(&gw);
}

static void
a_kind_that_is_off_is_neither_told_nor_counted(void **state)
{
	(void)state;
	struct gateway gw;
	struct dp_audit_event event;
	uint8_t wire[BUFFER];
	start(&gw, 0, 0);
	const size_t bytes = seal(&gw, 5, wire);
	wire[bytes - 1] ^= 1;
	gateway_put(&gw, GW_PORT_WAN, wire, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_ICV), 1);
	assert_int_equal(dp_audit_take(gw.dp, &event, 1), 0);
	assert_int_equal(told(&gw, DP_AUDIT_ICV) + suppressed(&gw, DP_AUDIT_ICV), 0);
	stop(&gw);
}

/* ---- an engine that fails, or takes nothing ---- */
static const struct dp_engine *library;
static bool full;

static unsigned
submit(struct dp_engine_queue *queue, struct dp_aead_op *const ops[], unsigned n, unsigned *finished)
{
	if (full) {
		*finished = 0;
		return 0;
	}
	const unsigned took = library->submit(queue, ops, n, finished);
	for (unsigned i = 0; i < *finished; i++)
		ops[i]->status = -EIO;
	return took;
}

static unsigned
complete(struct dp_engine_queue *queue, struct dp_aead_op *ops[], unsigned max)
{
	(void)queue;
	(void)ops;
	(void)max;
	return 0;
}

static void
an_engine_that_fails_is_told_with_the_sa_both_ways(void **state)
{
	(void)state;
	static struct dp_engine broken;
	struct gateway gw;
	uint8_t wire[BUFFER], ip[BUFFER];
	start(&gw, 0, RATE);
	library = gw.dp->engine;
	broken = *library;
	broken.submit = submit;
	broken.complete = complete;
	gw.dp->engine = &broken;
	for (unsigned i = 0; i < 2; i++) {
		const enum dp_drop reason = i == 0 ? DP_DROP_ENGINE_FAILED : DP_DROP_ENGINE_FULL;
		full = i == 1;
		gateway_put(&gw, GW_PORT_WAN, wire, seal(&gw, 5 + i, wire));
		gateway_turn(&gw);
		struct dp_audit_event event = take_one(&gw, DP_AUDIT_ENGINE, reason);
		assert_sa(&event, GW_SPI_IN, GW_PEER, GW_WAN);
		assert_int_equal(event.seq, 5 + i);
		gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 60));
		gateway_turn(&gw);
		event = take_one(&gw, DP_AUDIT_ENGINE, reason);
		assert_sa(&event, GW_SPI_OUT, GW_WAN, GW_PEER);
		assert_false(event.has & DP_AUDIT_HAS_INNER);
	}
	gw.dp->engine = library;
	stop(&gw);
}

/* ---- SAs at their end ---- */
static void
an_sa_past_its_limit_is_told_both_ways(void **state)
{
	(void)state;
	struct gateway gw;
	uint8_t wire[BUFFER], ip[BUFFER];
	start(&gw, 0, RATE);
	struct sadb_sa *sas[2];
	const struct sadb_sa_key keys[] = {
	    sadb_sa_key_make(&(struct sadb_addr){.family = AF_INET, .bytes = {10, 9, 0, 1}}, RTE_BE32(GW_SPI_IN),
			     IPPROTO_ESP),
	    sadb_sa_key_make(&(struct sadb_addr){.family = AF_INET, .bytes = {10, 9, 0, 2}}, RTE_BE32(GW_SPI_OUT),
			     IPPROTO_ESP)};
	const struct sadb_sa_key *const key[] = {&keys[0], &keys[1]};
	sadb_sa_lookup(gw.db, key, 2, sas);
	for (unsigned i = 0; i < 2; i++)
		sas[i]->mut->state |= SADB_SA_HARD;
	gateway_put(&gw, GW_PORT_WAN, wire, seal(&gw, 5, wire));
	gateway_turn(&gw);
	struct dp_audit_event event = take_one(&gw, DP_AUDIT_NO_SA, DP_DROP_SA_EXPIRED);
	assert_sa(&event, GW_SPI_IN, GW_PEER, GW_WAN);
	assert_int_equal(event.seq, 5);
	gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 60));
	gateway_turn(&gw);
	event = take_one(&gw, DP_AUDIT_NO_SA, DP_DROP_SA_EXPIRED);
	assert_sa(&event, GW_SPI_OUT, GW_WAN, GW_PEER);
	assert_true(event.has & DP_AUDIT_HAS_INNER);
	assert_addr(&event.inner.src, GW_HOST);
	assert_addr(&event.inner.dst, GW_FAR);
	stop(&gw);
}

static void
few_numbers_left_are_told_once_and_none_left_each_time(void **state)
{
	(void)state;
	struct gateway gw;
	uint8_t ip[BUFFER];
	struct sadb_sa *sa;
	start(&gw, 0, RATE);
	const struct sadb_sa_key name = sadb_sa_key_make(&(struct sadb_addr){.family = AF_INET, .bytes = {10, 9, 0, 2}},
							 RTE_BE32(GW_SPI_OUT), IPPROTO_ESP);
	const struct sadb_sa_key *const key = &name;
	sadb_sa_lookup(gw.db, &key, 1, &sa);
	sa->mut->out_limit = UINT32_MAX;
	sa->mut->out_seq = 0xf0000000 - 3;
	for (unsigned i = 0; i < 5; i++) { /* in one batch, and the one number is among them */
		gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 60));
	}
	gateway_turn(&gw);
	struct dp_audit_event event = take_one(&gw, DP_AUDIT_SEQUENCE_NEAR, DP_DROP_COUNT);
	assert_sa(&event, GW_SPI_OUT, GW_WAN, GW_PEER);
	assert_int_equal(event.seq, 0xf0000002);
	sa->mut->out_seq = UINT32_MAX - 1;
	for (unsigned i = 0; i < 2; i++)
		gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 60));
	gateway_turn(&gw);
	event = take_one(&gw, DP_AUDIT_SEQUENCE, DP_DROP_SEQ_SPENT);
	assert_sa(&event, GW_SPI_OUT, GW_WAN, GW_PEER);
	assert_addr(&event.inner.src, GW_HOST);
	while (gateway_take(&gw, GW_PORT_WAN, ip) > 0)
		;
	stop(&gw);
}

/* ---- fragments that never make a packet ---- */
static void
fragments_given_up_are_told_by_what_came_of_them(void **state)
{
	(void)state;
	struct gateway gw;
	uint8_t wire[BUFFER], piece[BUFFER];
	start(&gw, 0, RATE);
	const size_t bytes = seal(&gw, 5, wire);
	for (unsigned first = 0; first < 2; first++) { /* whether the one that bears the SPI came */
		const size_t at = first ? 0 : 32;
		memcpy(piece, wire, 20);
		memcpy(piece + 20, wire + 20 + at, 32);
		piece[2] = 0;
		piece[3] = 52;
		piece[5] = (uint8_t)first;
		piece[6] = 0x20;
		piece[7] = (uint8_t)(at / 8);
		witness_checksum(piece, 20);
		gateway_put(&gw, GW_PORT_WAN, piece, 52);
		piece[20] ^= 1;
		gateway_put(&gw, GW_PORT_WAN, piece, 52); /* another in its place */
		gateway_turn(&gw);
		struct dp_audit_event event[2];
		assert_int_equal(dp_audit_take(gw.dp, event, 2), 2); /* what was there, and what came */
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(event[i].reason, DP_DROP_FRAGMENT_OVERLAP);
			assert_addr(&event[i].src, GW_PEER);
			assert_addr(&event[i].dst, GW_WAN);
			assert_int_equal((event[i].has & DP_AUDIT_HAS_SPI) != 0, first);
		}
		if (first)
			assert_int_equal(rte_be_to_cpu_32(event[0].spi_be), GW_SPI_IN);
	}
	assert_true(bytes > 84);
	stop(&gw);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_replay_within_one_batch_is_told_with_its_whole_number),
	    cmocka_unit_test(an_event_tells_when_it_was),
	    cmocka_unit_test(told_and_suppressed_are_all_that_was_dropped),
	    cmocka_unit_test(a_ring_that_nobody_empties_suppresses_the_rest),
	    cmocka_unit_test(a_kind_that_is_off_is_neither_told_nor_counted),
	    cmocka_unit_test(an_engine_that_fails_is_told_with_the_sa_both_ways),
	    cmocka_unit_test(an_sa_past_its_limit_is_told_both_ways),
	    cmocka_unit_test(few_numbers_left_are_told_once_and_none_left_each_time),
	    cmocka_unit_test(fragments_given_up_are_told_by_what_came_of_them),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
