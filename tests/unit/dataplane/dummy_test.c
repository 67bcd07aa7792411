/* SPDX-License-Identifier: BSD-3-Clause
 * Dummy packets on request (RFC 4303 2.6): on the wire like others, opened by the witness. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/dummy_rig.h"

#define NEXT_DUMMY 59
#define LONGEST_V4 1446 /* what 1500 bytes on the wire take */
#define LONGEST_V6 1426

struct seen {
	uint8_t wire[RIG_BUFFER], inner[RIG_BUFFER];
	size_t wire_bytes, bytes;
	uint32_t seq;
};

/* The next on the wire; false: there is none. What it is, is that of a dummy packet. */
static bool
take(struct gateway *gw, bool outer_v6, bool udp, struct seen *seen)
{
	uint8_t copy[RIG_BUFFER];
	size_t n = seen->wire_bytes = gateway_take(gw, GW_PORT_WAN, seen->wire);
	const char *wrong = NULL;
	if (n == 0)
		return false;
	assert_true(n <= 1500);
	memcpy(copy, seen->wire, n);
	gw->out.next_header = NEXT_DUMMY;
	if (outer_v6)
		wrong = outer_unwrap(copy, &n, &gw->out, udp);
	if (wrong == NULL)
		wrong = witness_open(&gw->out, 0, copy, n, seen->inner, &seen->bytes, &seen->seq);
	if (wrong != NULL)
		fail_msg("%s", wrong);
	return true;
}

static void
assert_use(struct gateway *gw, uint64_t packets, uint64_t bytes)
{
	const struct dp_dummy_request ask = request(gw, 1, 0);
	const struct sadb_sa_cold *sa = sadb_sa_find(gw->db, &ask.sa);
	assert_non_null(sa);
	assert_int_equal(sa->hot->mut->packets, packets);
	assert_int_equal(sa->hot->mut->bytes, bytes);
}

static void
they_use_the_sa_as_others_do_and_say_that_they_are_none(void **state)
{
	(void)state;
	static const uint32_t flags[] = {0, SADB_SA_ESN};
	for (unsigned i = 0; i < 2; i++) {
		struct gateway gw;
		struct seen seen, before;
		gateway_start(&gw, engine, flags[i], 128);
		time_runs(&gw, true);
		const struct dp_dummy_request ask = request(&gw, 5, 100);
		assert_int_equal(start(&gw, &ask), 0);
		gateway_turn(&gw);
		for (uint32_t n = 1; n <= 5; n++) {
			assert_true(take(&gw, false, false, &seen));
			assert_int_equal(seen.seq, n);
			assert_int_equal(seen.bytes, 100);
			assert_int_equal(seen.wire[1], 0);    /* DSCP, ECN */
			assert_int_equal(seen.wire[6], 0x40); /* DF */
			assert_int_equal(seen.wire[8], 64);   /* TTL */
			if (n > 1)
				assert_memory_not_equal(seen.inner + 20, before.inner + 20, 80);
			before = seen;
		}
		assert_false(take(&gw, false, false, &seen));
		assert_int_equal(gw.w->stats.dummies, 5);
		assert_int_equal(gw.w->stats.esp_out, 5);
		assert_use(&gw, 5, 500);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

static void
numbers_are_shared_with_other_packets(void **state)
{
	(void)state;
	struct gateway gw;
	struct seen seen;
	uint8_t ip[RIG_BUFFER];
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, true);
	const struct dp_dummy_request ask = request(&gw, 2, 100);
	const size_t bytes = gateway_outbound_packet(ip, 50);
	assert_int_equal(start(&gw, &ask), 0);
	gateway_put(&gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(&gw);
	assert_true(take(&gw, false, false, &seen) && seen.seq == 1); /* the first at once */
	gw.out.next_header = 0;
	uint8_t wire[RIG_BUFFER], inner[RIG_BUFFER];
	size_t inner_bytes, n = gateway_take(&gw, GW_PORT_WAN, wire);
	uint32_t seq;
	assert_null(
	    witness_open(&gw.out, 0, wire, n, inner, &inner_bytes, &seq)); /* a packet, by its next header too */
	assert_int_equal(seq, 2);
	assert_true(take(&gw, false, false, &seen) && seen.seq == 3);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
lengths_are_random_from_64_to_what_the_way_takes(void **state)
{
	(void)state;
	struct gateway gw;
	struct seen seen;
	size_t least = SIZE_MAX, most = 0;
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, true);
	const struct dp_dummy_request ask = request(&gw, 2000, 0);
	assert_int_equal(start(&gw, &ask), 0);
	for (unsigned n = 0; n < 2000;) {
		dp_worker_poll(gw.w);
		for (; take(&gw, false, false, &seen); n++) {
			assert_true(seen.bytes >= 64 && seen.bytes <= LONGEST_V4);
			least = seen.bytes < least ? seen.bytes : least;
			most = seen.bytes > most ? seen.bytes : most;
		}
	}
	assert_true(least < 100 && most > LONGEST_V4 - 36); /* or 2000 throws missed 36 of 1383 faces: one in 10^22 */
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_length_is_kept_as_far_as_the_way_takes_it(void **state)
{
	(void)state;
	static const uint16_t wanted[] = {20, 21, 22, 23, 64, 1000, 1426, 1427, 1445, 1446, 1447, 9000, 65535};
	for (unsigned outer_v6 = 0; outer_v6 < 2; outer_v6++) {
		struct gateway gw;
		struct seen seen;
		const size_t longest = outer_v6 ? LONGEST_V6 : LONGEST_V4;
		if (outer_v6)
			outer_start(&gw, 0, 1500, false);
		else
			gateway_start(&gw, engine, 0, 128);
		time_runs(&gw, true);
		const struct sadb_sa_config config = outer_v6 ? outer_sa(&gw.out, 0, false) : gateway_sa(&gw.out, 0, 0);
		for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			const struct dp_dummy_request ask = request_of(&config, 1, wanted[i]);
			assert_int_equal(start(&gw, &ask), 0);
			gateway_turn(&gw);
			assert_true(take(&gw, outer_v6, false, &seen));
			assert_int_equal(seen.bytes, wanted[i] < longest ? wanted[i] : longest);
		}
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

static void
in_udp_over_ipv6_their_checksum_is_right(void **state)
{
	(void)state;
	struct gateway gw;
	struct seen seen;
	outer_start(&gw, 0, 1500, true);
	time_runs(&gw, true);
	const struct sadb_sa_config config = outer_sa(&gw.out, 0, true);
	const struct dp_dummy_request ask = request_of(&config, 40, 0);
	assert_int_equal(start(&gw, &ask), 0);
	gateway_turn(&gw);
	for (unsigned n = 0; n < 40; n++)
		assert_true(take(&gw, true, true, &seen));
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_the_sa_wants_of_its_packets_holds(void **state)
{
	(void)state;
	struct gateway gw;
	struct seen seen;
	struct sadb_error err;
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, true);
	struct sadb_sa_config config = gateway_sa(&gw.out, SADB_SA_OUTER_DSCP | SADB_SA_NOPMTUDISC, 128);
	config.outer_dscp = 46;
	config.outer_ttl = 9;
	config.tfc_pad_bytes = 700;
	config.sel.src.len = 32; /* and a selector that no random bytes would pass */
	config.sel.src.addr = sadb_addr_v4(rte_cpu_to_be_32(GW_HOST));
	config.sel.dst.addr.family = AF_INET;
	assert_int_equal(sadb_sa_update(gw.db, &config, &err), 0);
	gateway_commit(&gw);
	const struct dp_dummy_request ask = request(&gw, 10, 0);
	assert_int_equal(start(&gw, &ask), 0);
	gateway_turn(&gw);
	for (unsigned n = 0; n < 10; n++) {
		assert_true(take(&gw, false, false, &seen));
		assert_true(seen.bytes >= 700);
		assert_int_equal(seen.wire[1], 46 << 2);
		assert_int_equal(seen.wire[6], 0);
		assert_int_equal(seen.wire[8], 9);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
an_sa_in_transport_mode_sends_them_too(void **state)
{
	(void)state;
	struct host h;
	struct seen seen;
	transport_start(&h, false, false, 0);
	time_runs(&h.gw, true);
	const struct dp_dummy_request ask = request(&h.gw, 3, 200);
	assert_int_equal(start(&h.gw, &ask), 0);
	gateway_turn(&h.gw);
	for (unsigned n = 0; n < 3; n++) {
		assert_true(take(&h.gw, false, false, &seen));
		assert_int_equal(seen.bytes, 200);
	}
	gateway_assert_balanced(&h.gw);
	gateway_stop(&h.gw);
}

/* A gateway without buffers makes none, and goes on when there are some again. */
static void
without_buffers_they_wait(void **state)
{
	(void)state;
	struct gateway gw;
	struct seen seen;
	static struct rte_mbuf *all[8192];
	unsigned n = 0;
	gateway_start(&gw, engine, 0, 128);
	time_runs(&gw, true);
	while (n < 8192 && (all[n] = rte_pktmbuf_alloc(gw.dp->pool)) != NULL)
		n++;
	const struct dp_dummy_request ask = request(&gw, 3, 100);
	assert_int_equal(start(&gw, &ask), 0);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(round_makes(&gw), 0);
	rte_pktmbuf_free_bulk(all, n);
	gateway_turn(&gw);
	for (unsigned i = 1; i <= 3; i++)
		assert_true(take(&gw, false, false, &seen) && seen.seq == i);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(they_use_the_sa_as_others_do_and_say_that_they_are_none),
	    cmocka_unit_test(numbers_are_shared_with_other_packets),
	    cmocka_unit_test(lengths_are_random_from_64_to_what_the_way_takes),
	    cmocka_unit_test(a_length_is_kept_as_far_as_the_way_takes_it),
	    cmocka_unit_test(in_udp_over_ipv6_their_checksum_is_right),
	    cmocka_unit_test(what_the_sa_wants_of_its_packets_holds),
	    cmocka_unit_test(an_sa_in_transport_mode_sends_them_too),
	    cmocka_unit_test(without_buffers_they_wait),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
