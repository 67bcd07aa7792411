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
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* Puts a packet that the witness sealed on the wire; returns what reached the host. */
static size_t
receive(struct gateway *gw, uint64_t seq, const uint8_t *inner, size_t inner_bytes, const struct witness_twist *twist,
	uint8_t *out)
{
	uint8_t wire[BUFFER];
	size_t bytes = witness_seal(&gw->in, seq, inner, inner_bytes, twist, wire);
	gateway_put(gw, GW_PORT_WAN, wire, bytes);
	gateway_turn(gw);
	return gateway_take(gw, GW_PORT_LAN, out);
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
			assert_int_equal(receive(&gw, seq++, ip, bytes, &plain, out), bytes);
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
	assert_int_equal(receive(&gw, 1, ip, bytes, &twist, out), bytes);
	gateway_stop(&gw);
}

/* ---- what must be dropped ---- */

struct bad {
	const char *name;
	enum dp_drop reason;
	struct witness_twist twist;
	void (*inner)(uint8_t *ip, size_t *bytes); /* bends the inner packet before it is sealed */
	void (*outer)(uint8_t *ip, size_t *bytes); /* bends the packet on the wire */
};

static void
outer_fragment(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[6] = 0x20; /* more fragments */
	witness_checksum(ip, 20);
}

static void
outer_later_fragment(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[7] = 1;
	witness_checksum(ip, 20);
}

static void
outer_checksum(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[10] ^= 1;
}

static void
outer_version(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[0] = 0x65;
}

static void
outer_short_header(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[0] = 0x44;
}

static void
outer_options(uint8_t *ip, size_t *bytes)
{
	memmove(ip + 24, ip + 20, *bytes - 20);
	memset(ip + 20, 1, 4); /* four no-operations */
	*bytes += 4;
	ip[0] = 0x46;
	ip[2] = (uint8_t)(*bytes >> 8);
	ip[3] = (uint8_t)*bytes;
	witness_checksum(ip, 24);
}

static void
outer_too_long(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[2] = 0x7f;
	witness_checksum(ip, 20);
}

static void
outer_other_host(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[19] = 77;
	witness_checksum(ip, 20);
}

static void
outer_martian(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[12] = 127;
	witness_checksum(ip, 20);
}

static void
unknown_spi(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[23] ^= 0x80;
}

static void
seq_zero(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	memset(ip + 24, 0, 4);
}

static void
cut_to(uint8_t *ip, size_t *bytes, size_t to)
{
	*bytes = to;
	ip[2] = (uint8_t)(to >> 8);
	ip[3] = (uint8_t)to;
	witness_checksum(ip, 20);
}

static void
cut_to_the_header(uint8_t *ip, size_t *bytes)
{
	cut_to(ip, bytes, 20 + 16 + 2 + 16);
}

static void
cut_two_bytes(uint8_t *ip, size_t *bytes)
{
	cut_to(ip, bytes, *bytes - 2);
}

static void
cut_four_bytes(uint8_t *ip, size_t *bytes)
{
	cut_to(ip, bytes, *bytes - 4);
}

static void
inner_version(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[0] = 0x65;
}

static void
inner_too_long(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[2] = 9;
	witness_checksum(ip, 20);
}

static void
inner_too_short(uint8_t *ip, size_t *bytes)
{
	(void)ip;
	*bytes = 10;
}

static void
inner_checksum(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[10] ^= 1;
}

static void
inner_source(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[13] = 3; /* 10.3.0.10: in nobody's selector */
	witness_checksum(ip, 20);
}

static void
inner_multicast(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[16] = 224;
	witness_checksum(ip, 20);
}

static void
inner_last_hop(uint8_t *ip, size_t *bytes)
{
	(void)bytes;
	ip[8] = 1;
	witness_checksum(ip, 20);
}

static const struct bad bad_packets[] = {
    {"outer version", DP_DROP_IP_VERSION, {0}, NULL, outer_version},
    {"outer header length below 20", DP_DROP_IP_LENGTH, {0}, NULL, outer_short_header},
    {"outer total length beyond the frame", DP_DROP_IP_LENGTH, {0}, NULL, outer_too_long},
    {"outer checksum", DP_DROP_IP_CHECKSUM, {0}, NULL, outer_checksum},
    {"outer options", DP_DROP_IP_OPTIONS, {0}, NULL, outer_options},
    {"outer source on loopback", DP_DROP_IP_MARTIAN, {0}, NULL, outer_martian},
    {"outer destination of another host", DP_DROP_UNDERLAY_NOT_LOCAL, {0}, NULL, outer_other_host},
    {"first fragment of ESP", DP_DROP_ESP_FRAGMENT, {0}, NULL, outer_fragment},
    {"later fragment of ESP", DP_DROP_ESP_FRAGMENT, {0}, NULL, outer_later_fragment},
    {"unknown SPI", DP_DROP_ESP_NO_SA, {0}, NULL, unknown_spi},
    {"sequence number 0", DP_DROP_SEQ_ZERO, {0}, NULL, seq_zero},
    {"shorter than the least ESP", DP_DROP_ESP_TRUNCATED, {0}, NULL, cut_to_the_header},
    {"ciphertext not aligned", DP_DROP_ESP_UNALIGNED, {0}, NULL, cut_two_bytes},
    {"cut by four", DP_DROP_ICV, {0}, NULL, cut_four_bytes},
    {"padding is not 1, 2, 3", DP_DROP_ESP_PADDING, {.pad_extra = 8, .pad_zero = true}, NULL, NULL},
    {"pad length beyond the text", DP_DROP_ESP_PADDING, {.pad_length = 255}, NULL, NULL},
    {"next header UDP", DP_DROP_ESP_NEXT_HEADER, {.next_header = 17}, NULL, NULL},
    {"dummy packet", DP_DROP_ESP_DUMMY, {.next_header = 59}, NULL, NULL},
    {"inner version", DP_DROP_INNER_VERSION, {0}, inner_version, NULL},
    {"inner total length beyond the text", DP_DROP_INNER_LENGTH, {0}, inner_too_long, NULL},
    {"inner packet of 10 bytes", DP_DROP_INNER_LENGTH, {0}, inner_too_short, NULL},
    {"inner checksum", DP_DROP_INNER_CHECKSUM, {0}, inner_checksum, NULL},
    {"inner packet without ECN under a CE mark", DP_DROP_INNER_ECN, {.tos = 3}, NULL, NULL},
    {"inner source outside the policy", DP_DROP_INNER_POLICY, {0}, inner_source, NULL},
    {"inner multicast", DP_DROP_IP_MULTICAST, {0}, inner_multicast, NULL},
    {"inner TTL spent", DP_DROP_TTL, {0}, inner_last_hop, NULL},
};

static void
each_bad_packet_is_dropped_under_its_own_reason_and_the_next_good_one_passes(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	uint64_t seq = 1;
	for (unsigned i = 0; i < sizeof(bad_packets) / sizeof(bad_packets[0]); i++) {
		const struct bad *bad = &bad_packets[i];
		uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
		size_t bytes = gateway_inbound_packet(ip, 60);
		if (bad->inner != NULL)
			bad->inner(ip, &bytes);
		size_t wire_bytes = witness_seal(&gw.in, seq++, ip, bytes, &bad->twist, wire);
		if (bad->outer != NULL)
			bad->outer(wire, &wire_bytes);
		uint64_t before = gateway_dropped(&gw, bad->reason);
		gateway_put(&gw, GW_PORT_WAN, wire, wire_bytes);
		gateway_turn(&gw);
		if (gateway_take(&gw, GW_PORT_LAN, out) != 0)
			fail_msg("%s: it reached the host", bad->name);
		if (gateway_dropped(&gw, bad->reason) != before + 1)
			fail_msg("%s: not dropped as %s", bad->name, dp_drop_name(bad->reason));
		bytes = gateway_inbound_packet(ip, 60);
		if (receive(&gw, seq++, ip, bytes, &plain, out) != bytes)
			fail_msg("%s: the next good packet did not pass", bad->name);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
every_flipped_bit_of_esp_is_noticed(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_inbound_packet(ip, 20);
	size_t wire_bytes = witness_seal(&gw.in, 5, ip, bytes, &plain, wire);
	for (size_t bit = 20 * 8; bit < wire_bytes * 8; bit++) {
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		gateway_put(&gw, GW_PORT_WAN, wire, wire_bytes);
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		gateway_turn(&gw);
		if (gateway_take(&gw, GW_PORT_LAN, out) != 0)
			fail_msg("bit %zu flipped, and the packet passed", bit);
	}
	/* SPI bits find no SA; sequence bits fail the tag, or make 0; all others fail the tag. */
	assert_int_equal(gateway_dropped(&gw, DP_DROP_ESP_NO_SA), 32);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_ICV) + gateway_dropped(&gw, DP_DROP_SEQ_ZERO),
			 wire_bytes * 8 - 192);
	/* And none of them moved the window: number 5 is still new. */
	assert_int_equal(receive(&gw, 5, ip, bytes, &plain, out), bytes);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_packet_cut_at_any_length_is_dropped(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], cut[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_inbound_packet(ip, 20);
	size_t wire_bytes = witness_seal(&gw.in, 5, ip, bytes, &plain, wire);
	for (size_t n = 0; n < wire_bytes; n++) {
		memcpy(cut, wire, wire_bytes);
		gateway_put(&gw, GW_PORT_WAN, cut, n); /* the frame is cut, the header still promises more */
		if (n >= 20) {
			size_t told = n;
			cut_to(cut, &told, n);
			gateway_put(&gw, GW_PORT_WAN, cut, n); /* the header tells the truth */
		}
		gateway_turn(&gw);
		if (gateway_take(&gw, GW_PORT_LAN, out) != 0)
			fail_msg("cut to %zu bytes, and it passed", n);
	}
	assert_int_equal(receive(&gw, 5, ip, bytes, &plain, out), bytes);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
a_replayed_packet_is_dropped_also_within_one_batch(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_inbound_packet(ip, 20);
	size_t wire_bytes = witness_seal(&gw.in, 9, ip, bytes, &plain, wire);
	for (unsigned i = 0; i < 10; i++)
		gateway_put(&gw, GW_PORT_WAN, wire, wire_bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), bytes);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	gateway_put(&gw, GW_PORT_WAN, wire, wire_bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_REPLAY_DUP), 10);
	assert_int_equal(receive(&gw, 1000, ip, bytes, &plain, out), bytes);
	assert_int_equal(receive(&gw, 873, ip, bytes, &plain, out), bytes); /* the left edge: 1000 - 128 + 1 */
	assert_int_equal(receive(&gw, 872, ip, bytes, &plain, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_REPLAY_OLD), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
clear_packets_on_the_wire_never_reach_the_inside(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	size_t bytes = gateway_inbound_packet(ip, 20);
	gateway_put(&gw, GW_PORT_WAN, ip, bytes);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_UNDERLAY_NOT_LOCAL), 1);
	gateway_assert_balanced(&gw);
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
	assert_int_equal(rte_be_to_cpu_32(event[0].flow.dst_be), GW_FAR);
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

static void
a_packet_too_long_for_the_tunnel_is_answered_with_the_size_that_fits(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 1472));
	gateway_turn(&gw);
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
	gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, (uint16_t)(fits - 28 + 1)));
	gateway_turn(&gw);
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
	assert_int_equal(rte_be_to_cpu_32(event[0].addr_be), GW_PEER);
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

int
main(void)
{
	int failed = 0;
	if (gateway_process_start() < 0)
		return 77;
	static char engines[][16] = {"ipsec-mb", "openssl"};
	for (unsigned e = 0; e < 2; e++) {
#define WITH_ENGINE(test) cmocka_unit_test_prestate(test, engines[e])
		const struct CMUnitTest tests[] = {
		    WITH_ENGINE(every_length_leaves_sealed_and_the_witness_opens_it),
		    WITH_ENGINE(with_esn_the_high_half_is_authenticated_but_not_sent),
		    WITH_ENGINE(without_esn_the_last_number_is_the_last_packet),
		    WITH_ENGINE(what_the_witness_sealed_reaches_the_host),
		    WITH_ENGINE(tfc_padding_is_cut_off),
		    WITH_ENGINE(each_bad_packet_is_dropped_under_its_own_reason_and_the_next_good_one_passes),
		    WITH_ENGINE(every_flipped_bit_of_esp_is_noticed),
		    WITH_ENGINE(a_packet_cut_at_any_length_is_dropped),
		    WITH_ENGINE(a_replayed_packet_is_dropped_also_within_one_batch),
		    WITH_ENGINE(clear_packets_on_the_wire_never_reach_the_inside),
		    WITH_ENGINE(without_its_sa_a_protected_packet_is_dropped_and_one_acquire_is_sent),
		    WITH_ENGINE(what_no_policy_names_is_dropped),
		    WITH_ENGINE(a_packet_too_long_for_the_tunnel_is_answered_with_the_size_that_fits),
		    WITH_ENGINE(a_full_transmit_ring_drops_and_counts_and_burns_the_numbers),
		    WITH_ENGINE(packets_wait_for_their_neighbour_and_then_leave_in_order),
		    WITH_ENGINE(the_gateway_s_own_addresses_are_punted),
		};
		failed += cmocka_run_group_tests_name(engines[e], tests, NULL, NULL);
	}
	dp_eal_stop();
	return failed != 0;
}
