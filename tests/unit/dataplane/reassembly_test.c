/* SPDX-License-Identifier: BSD-3-Clause
 * ESP, and UDP around it, that comes in fragments: in whatever order they come, what the witness sealed reaches the host; what
 * does not fit together is refused, and the table has an end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/reassembly.h"
#include "tests/unit/dataplane/fragment_rig.h"
#include "tests/unit/dataplane/gateway.h"
#include "tests/unit/dataplane/header_rig.h"
#include "tests/unit/dataplane/pieces_rig.h"
#include "tests/unit/dataplane/udp_rig.h"

#define BUFFER PIECES_BUFFER
#define PLACES 64

static const char *engine = "auto";

static uint64_t
joined(const struct gateway *gw)
{
	struct dp_worker_stats stats;
	assert_int_equal(dp_worker_stats_get(gw->dp, 0, &stats), 0);
	return stats.joined;
}

static void
expect_host_gets(struct gateway *gw, const uint8_t *ip, uint16_t payload)
{
	static uint8_t out[BUFFER];
	assert_int_equal(gateway_take(gw, GW_PORT_LAN, out), 28 + payload);
	assert_memory_equal(out, ip, 28u + payload);
}

static void
pieces_make_the_packet_in_every_order(void **state)
{
	static const unsigned orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};
	static uint8_t ip[BUFFER], wire[BUFFER];
	struct gateway gw;
	uint64_t seq = 1;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	for (uint16_t payload = 900; payload < 1472; payload = (uint16_t)(payload + 37)) {
		for (unsigned o = 0; o < 4; o++) {
			size_t bytes = pieces_seal(&gw, seq++, payload, ip, wire);
			size_t quarter = ((bytes - 20) / 4 + 7) & ~7u;
			for (unsigned i = 0; i < 4; i++)
				pieces_put(&gw, wire, bytes, orders[o][i] * quarter, quarter);
			gateway_turn(&gw);
			expect_host_gets(&gw, ip, payload);
		}
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* A peer that fragments after ESP has packets in its tunnel that are longer than any buffer of the pool. */
static void
what_is_longer_than_a_buffer_is_opened_and_cut_for_the_network_behind(void **state)
{
	static struct fragment_rig rig;
	static uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	struct gateway gw;
	size_t got;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	size_t bytes = pieces_seal(&gw, 1, 8000, ip, wire);
	for (size_t at = 0; at < bytes - 20; at += 1480)
		pieces_put(&gw, wire, bytes, at, 1480);
	gateway_turn(&gw);
	fragment_rig_start(&rig);
	while ((got = gateway_take(&gw, GW_PORT_LAN, out)) > 0) {
		assert_true(got <= 1500);
		fragment_rig_add(&rig, out, got);
	}
	assert_int_equal(rig.n, 6);
	fragment_rig_check(&rig, ip, 8028);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
esp_in_udp_is_put_together_and_ike_goes_to_the_kernel_whole(void **state)
{
	static uint8_t ip[BUFFER], wire[BUFFER];
	struct gateway gw;
	void *frame = NULL;
	(void)state;
	udp_rig_start(&gw, 0, 128);
	size_t inner = gateway_inbound_packet(ip, 1400), bytes = udp_rig_seal(&gw, 1, ip, inner, wire);
	pieces_put(&gw, wire, bytes, 800, 800); /* the later one first: it has no ports */
	pieces_put(&gw, wire, bytes, 0, 800);
	gateway_turn(&gw);
	ip[8]--;
	witness_checksum(ip, 20);
	expect_host_gets(&gw, ip, 1400);
	memset(wire + 28, 0, 4); /* the marker */
	pieces_identify(wire, 2);
	pieces_put(&gw, wire, bytes, 0, 800);
	pieces_put(&gw, wire, bytes, 800, 800);
	gateway_turn(&gw);
	assert_int_equal(rte_ring_dequeue(gw.dp->port[GW_PORT_WAN]->punt, &frame), 0);
	const struct rte_mbuf *m = frame;
	assert_int_equal(m->data_len, 14 + bytes);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, const uint8_t *, 14), wire, bytes);
	rte_pktmbuf_free(frame);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* RFC 5722: what overlaps ends the packet, and so does what comes of it later. Another packet is not touched. */
static void
overlapping_pieces_end_the_packet(void **state)
{
	static const struct {
		const char *name;
		struct {
			uint16_t at, n;
			bool other; /* bytes */
		} piece[4];
	} rows[] = {
	    {"over the end of the first", {{0, 800, 0}, {792, 400, 0}, {1192, 400, 0}, {800, 400, 0}}},
	    {"over the start of the second", {{800, 400, 0}, {0, 808, 0}, {0, 800, 0}, {1200, 400, 0}}},
	    {"inside, with other bytes", {{0, 800, 0}, {400, 8, 1}, {800, 400, 0}, {1200, 400, 0}}},
	    {"in the place of the first, with other bytes", {{0, 800, 0}, {0, 800, 1}, {800, 400, 0}, {1200, 400, 0}}},
	    {"over the end, with other bytes", {{1200, 400, 0}, {1400, 200, 1}, {0, 800, 0}, {800, 400, 0}}},
	};
	static uint8_t ip[BUFFER], wire[BUFFER], good_ip[BUFFER], good[BUFFER], twisted[BUFFER];
	struct gateway gw;
	uint64_t seq = 1;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		size_t bytes = pieces_seal(&gw, seq++, 1400, ip, wire),
		       good_bytes = pieces_seal(&gw, seq++, 1400, good_ip, good);
		uint64_t before = gateway_dropped(&gw, DP_DROP_FRAGMENT_OVERLAP);
		memcpy(twisted, wire, bytes);
		for (size_t i = 20; i < bytes; i++)
			twisted[i] ^= 1;
		pieces_put(&gw, good, good_bytes, 0, 800);
		for (unsigned i = 0; i < 4; i++)
			pieces_put(&gw, rows[r].piece[i].other ? twisted : wire, bytes, rows[r].piece[i].at,
				   rows[r].piece[i].n);
		gateway_turn(&gw);
		if (gateway_take(&gw, GW_PORT_LAN, ip) != 0)
			fail_msg("%s: it reached the host", rows[r].name);
		/* What was there, and three of the pieces. */
		if (gateway_dropped(&gw, DP_DROP_FRAGMENT_OVERLAP) != before + 4)
			fail_msg("%s: %d drops", rows[r].name,
				 (int)(gateway_dropped(&gw, DP_DROP_FRAGMENT_OVERLAP) - before));
		pieces_put(&gw, good, good_bytes, 800, 800);
		gateway_turn(&gw);
		expect_host_gets(&gw, good_ip, 1400);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* A header and nothing that ESP could read. */
static void
put_bare(struct gateway *gw, unsigned id, uint16_t field, uint16_t payload)
{
	uint8_t ip[BUFFER] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 50, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1};
	header_put16(ip + 2, 20u + payload);
	header_put16(ip + 6, field);
	pieces_identify(ip, id);
	gateway_put(gw, GW_PORT_WAN, ip, 20u + payload);
	gateway_turn(gw);
}

static void
the_end_of_a_packet_does_not_move(void **state)
{
	static const uint16_t fields[][2] = {
	    {0x0002, 0x2003}, /* more behind the last */
	    {0x2003, 0x0002}, /* the last before another */
	    {0x0002, 0x0003}, /* two are the last */
	};
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < 2; k++)
			put_bare(&gw, i, fields[i][k], 8);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_FRAGMENT_OVERLAP), 2 * (i + 1));
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_piece_that_comes_twice_does_no_harm(void **state)
{
	static uint8_t ip[BUFFER], wire[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	size_t bytes = pieces_seal(&gw, 1, 1400, ip, wire);
	pieces_put(&gw, wire, bytes, 800, 800);
	pieces_put(&gw, wire, bytes, 800, 800);
	pieces_put(&gw, wire, bytes, 0, 400);
	pieces_put(&gw, wire, bytes, 0, 400);
	pieces_put(&gw, wire, bytes, 400, 400);
	gateway_turn(&gw);
	expect_host_gets(&gw, ip, 1400);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_FRAGMENT_DUPLICATE), 2);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_no_piece_can_be_is_dropped(void **state)
{
	static const struct {
		uint16_t field, payload;
		bool taken;
	} rows[] = {
	    {0x2000, 8, true},     {0x2000, 0, false}, {0x2000, 7, false}, {0x2001, 12, false},
	    {0x0001, 0, false},    {0x0001, 7, true},  {8160, 8, true}, /* 65288 in all, what the buffers hold */
	    {8191, 8, false},                                           /* 65536 */
	    {0x1fff, 1400, false},
	};
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t before = joined(&gw), dropped = gateway_dropped(&gw, DP_DROP_FRAGMENT_LENGTH);
		put_bare(&gw, i, rows[i].field, rows[i].payload);
		assert_int_equal(joined(&gw) - before, rows[i].taken);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_FRAGMENT_LENGTH) - dropped, !rows[i].taken);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_lacks_a_piece_for_too_long_is_dropped(void **state)
{
	static uint8_t ip[BUFFER], wire[BUFFER];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	const uint64_t second_tsc = gw.dp->second_tsc;
	size_t bytes = pieces_seal(&gw, 1, 1400, ip, wire);
	pieces_put(&gw, wire, bytes, 0, 800);
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_FRAGMENT_TIMEOUT), 0);
	bytes = pieces_seal(&gw, 2, 1400, ip, wire);
	gw.dp->second_tsc = 1; /* the seconds fly from here */
	pieces_put(&gw, wire, bytes, 0, 800);
	gateway_turn(&gw);
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_FRAGMENT_TIMEOUT), 1);
	gw.dp->second_tsc = second_tsc;
	pieces_put(&gw, wire, bytes, 800, 800);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, ip), 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
when_the_table_is_full_the_oldest_goes(void **state)
{
	static uint8_t ip[PLACES + 1][BUFFER], wire[PLACES + 1][BUFFER];
	size_t bytes[PLACES + 1];
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	for (unsigned i = 0; i <= PLACES; i++) {
		bytes[i] = pieces_seal(&gw, i + 1, 1000, ip[i], wire[i]);
		pieces_put(&gw, wire[i], bytes[i], 0, 800);
		gateway_turn(&gw);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_FRAGMENT_FULL), i == PLACES);
	}
	for (unsigned i = 1; i <= PLACES; i++) {
		pieces_put(&gw, wire[i], bytes[i], 800, 800);
		gateway_turn(&gw);
		expect_host_gets(&gw, ip[i], 1000);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* RFC 3168 5.3: congestion that one fragment met is the packet's. */
static void
a_mark_on_any_piece_is_the_packet_s(void **state)
{
	static uint8_t ip[BUFFER], wire[BUFFER], piece[BUFFER], out[BUFFER];
	const struct witness_ip header = {
	    .src = GW_FAR, .dst = GW_HOST, .payload = 1000, .proto = 17, .ttl = 64, .tos = 2};
	const struct witness_twist twist = {.tos = 2};
	struct gateway gw;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	size_t bytes = witness_seal(&gw.in, 1, ip, witness_packet(&header, ip), &twist, wire);
	pieces_put(&gw, wire, bytes, 0, 400);
	size_t n = fragment_rig_cut(wire, bytes, 400, 400, piece);
	piece[1] = 3;
	witness_checksum(piece, 20);
	gateway_put(&gw, GW_PORT_WAN, piece, n);
	pieces_put(&gw, wire, bytes, 800, 800);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 1028);
	assert_int_equal(out[1], 3);
	gateway_stop(&gw);
}

/* ---- several workers ---- */
#define PACKETS 400
#define PIECES  4

struct hand {
	struct gateway *gw;
	struct dp_worker *w;
	pthread_barrier_t *both;
	unsigned parity, wholes;
};

static void
join_piece(struct hand *hand, unsigned packet, unsigned i)
{
	uint8_t ip[20 + 8 * PIECES] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 50, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1}, piece[28];
	header_put16(ip + 2, sizeof(ip));
	pieces_identify(ip, packet);
	size_t n = fragment_rig_cut(ip, sizeof(ip), i * 8ul, 8, piece);
	struct rte_mbuf *m = gateway_frame(hand->gw, GW_PORT_WAN, piece, n);
	dp_meta(m)->ip_bytes = (uint16_t)n;
	dp_meta(m)->in_port = GW_PORT_WAN;
	hand->w->now = rte_rdtsc();
	struct rte_mbuf *whole = dp_reassemble(hand->w, m);
	if (whole == NULL)
		return;
	hand->wholes += dp_meta(whole)->ip_bytes == sizeof(ip);
	rte_pktmbuf_free(whole);
}

/* One worker's share: every other piece of each packet, both at the same time. */
static void *
join_every_other(void *arg)
{
	struct hand *hand = arg;
	for (unsigned packet = 0; packet < PACKETS; packet++) {
		pthread_barrier_wait(hand->both);
		for (unsigned i = hand->parity; i < PIECES; i += 2)
			join_piece(hand, packet, i);
	}
	return NULL;
}

static void
pieces_of_a_packet_may_come_to_different_workers(void **state)
{
	pthread_barrier_t both;
	struct gateway gw;
	pthread_t thread;
	(void)state;
	gateway_start(&gw, engine, 0, 128);
	struct hand other = {&gw, calloc(1, sizeof(*other.w)), &both, 1, 0}, own = {&gw, gw.w, &both, 0, 0};
	assert_non_null(other.w);
	other.w->dp = gw.dp;
	assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, join_every_other, &other), 0);
	join_every_other(&own);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&both);
	/* Each packet is whole for exactly one of them. */
	assert_int_equal(own.wholes + other.wholes, PACKETS);
	assert_int_equal(own.w->stats.made + other.w->stats.made, PACKETS);
	assert_int_equal(own.w->stats.joined + other.w->stats.joined, PACKETS * PIECES);
	assert_int_equal(own.w->drop.n + other.w->drop.n, 0);
	free(other.w);
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_make_the_packet_in_every_order),
	    cmocka_unit_test(what_is_longer_than_a_buffer_is_opened_and_cut_for_the_network_behind),
	    cmocka_unit_test(esp_in_udp_is_put_together_and_ike_goes_to_the_kernel_whole),
	    cmocka_unit_test(overlapping_pieces_end_the_packet),
	    cmocka_unit_test(the_end_of_a_packet_does_not_move),
	    cmocka_unit_test(a_piece_that_comes_twice_does_no_harm),
	    cmocka_unit_test(what_no_piece_can_be_is_dropped),
	    cmocka_unit_test(what_lacks_a_piece_for_too_long_is_dropped),
	    cmocka_unit_test(when_the_table_is_full_the_oldest_goes),
	    cmocka_unit_test(a_mark_on_any_piece_is_the_packet_s),
	    cmocka_unit_test(pieces_of_a_packet_may_come_to_different_workers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
