/* SPDX-License-Identifier: BSD-3-Clause
 * The packet's way through the stages, judged by the witness: what leaves is right to the last bit, what is wrong is
 * dropped under its own reason, and no packet goes uncounted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"

#define BUFFER 4096

static const struct witness_twist plain;

/* Sends one packet from inside; the wire must show it sealed, and equal but for TTL and checksum. */
static void
seal_and_compare(struct gateway *gw, uint16_t payload, uint32_t expect_seq, uint32_t seq_high)
{
	uint8_t ip[BUFFER], wire[BUFFER], inner[BUFFER];
	size_t bytes = gateway_outbound_packet(ip, payload), inner_bytes;
	uint32_t seq;

	gateway_put(gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(gw);
	size_t sent = gateway_take(gw, GW_PORT_WAN, wire);
	assert_int_not_equal(sent, 0);
	const char *wrong = witness_open(&gw->out, seq_high, wire, sent, inner, &inner_bytes, &seq);
	if (wrong != NULL)
		fail_msg("payload %u: %s", payload, wrong);
	assert_int_equal(seq, expect_seq);
	ip[8]--;
	witness_checksum(ip, 20);
	assert_int_equal(inner_bytes, bytes);
	assert_memory_equal(inner, ip, bytes);
}

static void
every_length_leaves_sealed_and_the_witness_opens_it(void **state)
{
	const char *engine = *state;
	struct gateway gw;
	gateway_start(&gw, engine, 0, 128);
	uint32_t seq = 1;
	for (uint16_t payload = 0; payload <= 1418; payload = (uint16_t)(payload + (payload < 40 ? 1 : 53)))
		seal_and_compare(&gw, payload, seq++, 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
with_esn_the_high_half_is_authenticated_but_not_sent(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, SADB_SA_ESN, 128);
	seal_and_compare(&gw, 100, 1, 0);
	/* The number goes on over 2^32: the control thread's limit allows it with ESN. */
	const struct sadb_sa_key key = sadb_sa_key_make(&(struct sadb_addr){.bytes = {10, 9, 0, 2}, .family = AF_INET},
							rte_cpu_to_be_32(GW_SPI_OUT), IPPROTO_ESP);
	struct sadb_sa_mut *mut = sadb_sa_find(gw.db, &key)->hot->mut;
	mut->out_seq = UINT32_MAX - 1;
	mut->out_limit = UINT64_MAX - 1000;
	seal_and_compare(&gw, 100, UINT32_MAX, 0);
	seal_and_compare(&gw, 100, 0, 1);
	seal_and_compare(&gw, 100, 1, 1);
	gateway_stop(&gw);
}

static void
without_esn_the_last_number_is_the_last_packet(void **state)
{
	uint8_t ip[BUFFER];
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	const struct sadb_sa_key key = sadb_sa_key_make(&(struct sadb_addr){.bytes = {10, 9, 0, 2}, .family = AF_INET},
							rte_cpu_to_be_32(GW_SPI_OUT), IPPROTO_ESP);
	struct sadb_sa_mut *mut = sadb_sa_find(gw.db, &key)->hot->mut;
	mut->out_seq = UINT32_MAX - 1;
	mut->out_limit = UINT32_MAX;
	seal_and_compare(&gw, 10, UINT32_MAX, 0);
	for (unsigned i = 0; i < 5; i++)
		gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 10));
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, ip), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_SEQ_SPENT), 5);
	assert_int_equal(mut->packets, 1); /* lifetimes count what went */
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_the_witness_sealed_reaches_the_host(void **state)
{
	static const uint32_t flags[] = {0, SADB_SA_ESN};
	for (unsigned f = 0; f < 2; f++) {
		struct gateway gw;
		uint64_t seq = 1;
		gateway_start(&gw, *state, flags[f], 128);
		for (uint16_t payload = 0; payload <= 1400; payload = (uint16_t)(payload + (payload < 40 ? 1 : 71))) {
			uint8_t ip[BUFFER], out[BUFFER];
			size_t bytes = gateway_inbound_packet(ip, payload);
			assert_int_equal(gateway_receive(&gw, seq++, ip, bytes, &plain, out), bytes);
			ip[8]--;
			witness_checksum(ip, 20);
			assert_memory_equal(out, ip, bytes);
		}
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

static void
tfc_padding_is_cut_off(void **state)
{
	uint8_t ip[BUFFER], out[BUFFER];
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_inbound_packet(ip, 60);
	const struct witness_twist twist = {.tfc = 333};
	assert_int_equal(gateway_receive(&gw, 1, ip, bytes, &twist, out), bytes);
	gateway_stop(&gw);
}

/* ---- outbound: nothing leaves in clear ---- */

static void
without_its_sa_a_protected_packet_is_dropped_and_one_acquire_is_sent(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	struct sadb_error err;
	struct dp_event event[4];
	gateway_start(&gw, *state, 0, 128);
	const struct sadb_sa_key key = sadb_sa_key_make(&(struct sadb_addr){.bytes = {10, 9, 0, 2}, .family = AF_INET},
							rte_cpu_to_be_32(GW_SPI_OUT), IPPROTO_ESP);
	assert_int_equal(sadb_sa_del(gw.db, &key, &err), 0);
	assert_int_equal(sadb_commit(gw.db, &err), 0);
	for (unsigned i = 0; i < 20; i++)
		gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 30));
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_SA), 20);
	assert_int_equal(dp_events(gw.dp, event, 4), 1);
	assert_int_equal(event[0].kind, DP_EVENT_ACQUIRE);
	assert_int_equal(rte_be_to_cpu_32(sadb_addr_to_v4(&event[0].flow.dst)), GW_FAR);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_no_policy_names_is_dropped(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_outbound_packet(ip, 30);
	ip[17] = 77; /* to 10.77.0.10 */
	witness_checksum(ip, 20);
	gateway_put(&gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), 0);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_POLICY), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* A packet that nobody may cut. */
static void
put_whole(struct gateway *gw, uint8_t *ip, uint16_t payload)
{
	const size_t bytes = gateway_outbound_packet(ip, payload);
	ip[6] = 0x40;
	witness_checksum(ip, 20);
	gateway_put(gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(gw);
}

static void
a_packet_too_long_for_the_tunnel_is_answered_with_the_size_that_fits(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	put_whole(&gw, ip, 1472);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), 1);
	assert_int_not_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(out[9], 1);  /* ICMP */
	assert_int_equal(out[20], 3); /* destination unreachable */
	assert_int_equal(out[21], 4); /* fragmentation needed */
	unsigned fits = (unsigned)out[26] << 8 | out[27];
	assert_memory_equal(out + 28, ip, 28); /* the quote */
	/* That size really fits, and one byte more does not. */
	seal_and_compare(&gw, (uint16_t)(fits - 28), 1, 0);
	put_whole(&gw, ip, (uint16_t)(fits - 28 + 1));
	assert_int_equal(gateway_dropped(&gw, DP_DROP_MTU), 2);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_full_transmit_ring_drops_and_counts_and_burns_the_numbers(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], inner[BUFFER];
	size_t bytes = gateway_outbound_packet(ip, 30), inner_bytes;
	uint32_t seq = 0, last = 0;
	gateway_start(&gw, *state, 0, 128);
	unsigned room = rte_ring_free_count(gw.tx[GW_PORT_WAN]);
	for (unsigned i = 0; i < room + 10; i++) {
		gateway_put(&gw, GW_PORT_LAN, ip, bytes);
		gateway_turn(&gw);
	}
	assert_int_equal(gateway_dropped(&gw, DP_DROP_TX_FULL), 10);
	for (size_t n; (n = gateway_take(&gw, GW_PORT_WAN, wire)) > 0; last = seq)
		assert_null(witness_open(&gw.out, 0, wire, n, inner, &inner_bytes, &seq));
	assert_int_equal(last, room);
	seal_and_compare(&gw, 30, room + 11, 0); /* those of the dropped packets are not given again */
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
packets_wait_for_their_neighbour_and_then_leave_in_order(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], inner[BUFFER];
	size_t inner_bytes;
	uint32_t seq;
	struct dp_event event[4];
	gateway_start(&gw, *state, 0, 128);
	sadb_neighs_set(gw.db, sadb_neigh_table_create(NULL, 0));
	for (unsigned i = 0; i < 5; i++)
		gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 30));
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_WAN, wire), 0);
	assert_int_equal(gw.w->n_held, 5);
	gateway_assert_balanced(&gw);
	assert_int_equal(dp_events(gw.dp, event, 4), 1);
	assert_int_equal(event[0].kind, DP_EVENT_NEIGH);
	assert_int_equal(rte_be_to_cpu_32(sadb_addr_to_v4(&event[0].addr)), GW_PEER);
	struct sadb_neigh neigh = {.addr_v4_be = rte_cpu_to_be_32(GW_PEER), .port = GW_PORT_WAN, .mac = {2}};
	sadb_neighs_set(gw.db, sadb_neigh_table_create(&neigh, 1));
	gateway_turn(&gw);
	for (unsigned i = 1; i <= 5; i++) {
		size_t n = gateway_take(&gw, GW_PORT_WAN, wire);
		assert_null(witness_open(&gw.out, 0, wire, n, inner, &inner_bytes, &seq));
		assert_int_equal(seq, i);
	}
	assert_int_equal(gw.w->n_held, 0);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
the_gateway_s_own_addresses_are_punted(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER];
	struct dp_worker_stats stats;
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_outbound_packet(ip, 30);
	ip[17] = 1;
	ip[19] = 1; /* to 10.1.0.1 */
	witness_checksum(ip, 20);
	gateway_put(&gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(&gw);
	dp_worker_stats_get(gw.dp, 0, &stats);
	assert_int_equal(stats.punted, 1);
	assert_int_equal(rte_ring_count(gw.dp->port[GW_PORT_LAN]->punt), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* An IP packet in a frame for the port, in as many buffers as it takes when each gets so much. */
static struct rte_mbuf *
frame_in_pieces(struct gateway *gw, enum gw_port port, const uint8_t *ip, size_t bytes, size_t each)
{
	struct rte_mbuf *first = gateway_frame(gw, port, ip, bytes < each ? bytes : each);
	for (size_t at = each; at < bytes; at += each) {
		const size_t n = bytes - at < each ? bytes - at : each;
		struct rte_mbuf *next = rte_pktmbuf_alloc(gw->dp->pool);
		assert_non_null(next);
		memcpy(rte_pktmbuf_append(next, (uint16_t)n), ip + at, n);
		assert_int_equal(rte_pktmbuf_chain(first, next), 0);
	}
	return first;
}

static void
what_comes_in_several_buffers_goes_on_in_one(void **state)
{
	static const size_t each[] = {1, 20, 500, 4000, 8000};
	static uint8_t ip[9300], wire[9300], out[9300];
	struct gateway gw;
	uint32_t seq;
	gateway_start_mtu(&gw, *state, 0, 128, 9000);
	for (unsigned i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		const uint16_t payload = each[i] < 500 ? 60 : 8900;
		size_t bytes = gateway_outbound_packet(ip, payload), sealed;
		assert_int_equal(
		    rte_ring_enqueue(gw.rx[GW_PORT_LAN], frame_in_pieces(&gw, GW_PORT_LAN, ip, bytes, each[i])), 0);
		gateway_turn(&gw);
		sealed = gateway_take(&gw, GW_PORT_WAN, wire);
		assert_null(witness_open(&gw.out, 0, wire, sealed, out, &sealed, &seq));
		assert_int_equal(sealed, bytes);
		assert_memory_equal(out + 20, ip + 20, bytes - 20);

		bytes = gateway_inbound_packet(ip, payload);
		sealed = witness_seal(&gw.in, i + 1, ip, bytes, &plain, wire);
		assert_int_equal(
		    rte_ring_enqueue(gw.rx[GW_PORT_WAN], frame_in_pieces(&gw, GW_PORT_WAN, wire, sealed, each[i])), 0);
		gateway_turn(&gw);
		assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), bytes);
		assert_memory_equal(out + 20, ip + 20, bytes - 20);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_fits_no_buffer_is_dropped(void **state)
{
	static uint8_t ip[9300];
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_outbound_packet(ip, 4000);
	assert_int_equal(rte_ring_enqueue(gw.rx[GW_PORT_LAN], frame_in_pieces(&gw, GW_PORT_LAN, ip, bytes, 1400)), 0);
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_SEGMENTED), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	int failed = 0;
	if (gateway_process_start() < 0)
		return 77;
	static char engines[][16] = {"vaes", "ipsec-mb", "openssl"};
	for (unsigned e = 0; e < 3; e++) {
#define WITH_ENGINE(test) cmocka_unit_test_prestate(test, engines[e])
		const struct CMUnitTest tests[] = {
		    WITH_ENGINE(every_length_leaves_sealed_and_the_witness_opens_it),
		    WITH_ENGINE(with_esn_the_high_half_is_authenticated_but_not_sent),
		    WITH_ENGINE(without_esn_the_last_number_is_the_last_packet),
		    WITH_ENGINE(what_the_witness_sealed_reaches_the_host),
		    WITH_ENGINE(tfc_padding_is_cut_off),
		    WITH_ENGINE(without_its_sa_a_protected_packet_is_dropped_and_one_acquire_is_sent),
		    WITH_ENGINE(what_no_policy_names_is_dropped),
		    WITH_ENGINE(a_packet_too_long_for_the_tunnel_is_answered_with_the_size_that_fits),
		    WITH_ENGINE(a_full_transmit_ring_drops_and_counts_and_burns_the_numbers),
		    WITH_ENGINE(packets_wait_for_their_neighbour_and_then_leave_in_order),
		    WITH_ENGINE(the_gateway_s_own_addresses_are_punted),
		    WITH_ENGINE(what_comes_in_several_buffers_goes_on_in_one),
		    WITH_ENGINE(what_fits_no_buffer_is_dropped),
		};
		char why[256];
		if (dp_engine_choose(engines[e], why, sizeof(why)) == NULL)
			print_message("%s\n", why);
		else
			failed += cmocka_run_group_tests_name(engines[e], tests, NULL, NULL);
	}
	dp_eal_stop();
	return failed != 0;
}
