/* SPDX-License-Identifier: BSD-3-Clause
 * SAs that cut after ESP (RFC 4303 3.3.4): what is too long is sealed whole, under one number, and the outer packet cut. See
 * after_rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/after_rig.h"
#include "tests/unit/dataplane/outer_v6_rig.h"

#define BUFFER AFTER_BUFFER
#define DF     AFTER_DF
#define AFTER  SADB_SA_FRAGMENT_AFTER

static size_t
pieces_of(size_t outer, bool v6, size_t mtu)
{
	const size_t head = v6 ? 40 : 20, most = (mtu - head - (v6 ? 8 : 0)) / 8 * 8;
	return outer <= mtu ? 1 : (outer - head + most - 1) / most;
}

static void
every_length_is_sealed_whole_and_its_pieces_open(const struct tunnel *kind, bool inner_v6, uint16_t mtu)
{
	static struct joined whole;
	static uint8_t ip[BUFFER], inner[BUFFER];
	static struct tunnel t;
	const size_t head = (kind->outer_v6 ? 40u : 20u) + (kind->udp ? 8u : 0u) + 16u,
		     fits = (mtu - head - 16) / 4 * 4 - 2;
	uint32_t seq = 0;
	after_start(&t, kind->outer_v6, kind->udp, AFTER | SADB_SA_NOPMTUDISC, mtu);
	for (size_t length = fits - 9; length <= 8900; length += length < fits + 12 ? 1 : 397) {
		size_t inner_bytes, bytes = after_packet(ip, inner_v6, length, 0);
		after_put(&t, ip, bytes);
		gateway_turn(&t.gw);
		if (!after_join(&t, mtu, &whole))
			fail_msg("%zu bytes for a way of %u: nothing came", bytes, mtu);
		assert_int_equal(whole.bytes, head + (bytes + 5) / 4 * 4 + 16);
		assert_int_equal(whole.pieces, pieces_of(whole.bytes, kind->outer_v6, mtu));
		assert_int_equal(whole.pieces > 1, bytes > fits);
		assert_int_equal(after_open(&t, &whole, inner, &inner_bytes), ++seq);
		after_assert_inner(inner, inner_bytes, ip, bytes);
		assert_int_equal(gateway_take(&t.gw, GW_PORT_WAN, ip), 0);
	}
	gateway_assert_balanced(&t.gw);
	assert_int_equal(rte_mempool_in_use_count(t.gw.dp->pool), 0);
	gateway_stop(&t.gw);
}

static void
every_length_by_every_way(void **state)
{
	static const uint16_t mtu[] = {1500, 1497, 1281, 9000 - 200};
	(void)state;
	for (unsigned i = 0; i < 16; i++)
		every_length_is_sealed_whole_and_its_pieces_open(
		    &(const struct tunnel){.outer_v6 = i & 1, .udp = i & 2}, i & 4, mtu[i / 4 % 4]);
	every_length_is_sealed_whole_and_its_pieces_open(&(const struct tunnel){.udp = true}, false, 576);
}

enum outcome { WHOLE, CUT_FIRST, TOLD, DROPPED };

static const struct row {
	bool outer_v6, inner_v6;
	uint8_t df;
	uint32_t flags;
	uint16_t mtu, bytes;
	enum outcome outcome;
} rows[] = {
    {false, false, 0, AFTER, 1500, 1447, WHOLE},
    {false, false, DF, AFTER, 1500, 1447, TOLD},
    {false, false, 0, AFTER | SADB_SA_OUTER_DF, 1500, 1447, CUT_FIRST},
    {false, false, DF, AFTER | SADB_SA_OUTER_DF, 1500, 1447, TOLD},
    {false, false, 0, AFTER | SADB_SA_NOPMTUDISC, 1500, 1447, WHOLE},
    {false, false, DF, AFTER | SADB_SA_NOPMTUDISC, 1500, 1447, WHOLE},
    {false, false, 0, 0, 1500, 1447, CUT_FIRST},
    {false, false, DF, SADB_SA_NOPMTUDISC, 1500, 1447, TOLD},
    {true, false, 0, AFTER, 1500, 1427, WHOLE},
    {true, false, DF, AFTER, 1500, 1427, TOLD},
    {true, false, 0, AFTER | SADB_SA_OUTER_DF, 1500, 1427, CUT_FIRST},
    {true, false, DF, AFTER | SADB_SA_NOPMTUDISC, 1500, 1427, WHOLE},
    {true, false, 0, 0, 1500, 1427, CUT_FIRST},
    {false, true, 0, AFTER, 1500, 1447, TOLD},
    {false, true, 0, AFTER | SADB_SA_NOPMTUDISC, 1500, 1447, WHOLE},
    {false, true, 0, AFTER | SADB_SA_OUTER_DF, 1500, 1447, TOLD},
    {true, true, 0, AFTER, 1500, 1427, TOLD},
    {true, true, 0, AFTER | SADB_SA_NOPMTUDISC, 1500, 1427, WHOLE},
    /* RFC 8200 5: every way takes 1280 bytes. */
    {false, true, 0, AFTER, 1300, 1280, WHOLE},
    {false, true, 0, AFTER, 1300, 1281, TOLD},
    {false, true, 0, AFTER | SADB_SA_OUTER_DF, 1300, 1280, DROPPED},
    {false, true, 0, 0, 1300, 1280, DROPPED},
    {true, true, 0, AFTER, 1280, 1280, WHOLE},
    {true, true, 0, AFTER, 1280, 1281, TOLD},
    {true, true, 0, 0, 1280, 1280, DROPPED},
};

static void
whether_it_is_sealed_whole_is_said_by_the_outer_df_bit(void **state)
{
	static struct tunnel t;
	static struct joined whole;
	static uint8_t ip[BUFFER], inner[BUFFER];
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const bool told = row->outcome == TOLD;
		size_t inner_bytes, bytes = after_packet(ip, row->inner_v6, row->bytes, row->df);
		after_start(&t, row->outer_v6, false, row->flags, row->mtu);
		after_put(&t, ip, bytes);
		gateway_turn(&t.gw);
		unsigned packets = 0, pieces = 0;
		for (; after_join(&t, row->mtu, &whole); packets++) {
			pieces += whole.pieces;
			assert_int_equal(after_open(&t, &whole, inner, &inner_bytes), packets + 1);
		}
		if (packets != (row->outcome == WHOLE       ? 1u
				: row->outcome == CUT_FIRST ? 2u
							    : 0u) ||
		    pieces != (row->outcome == WHOLE || row->outcome == CUT_FIRST ? 2u : 0u))
			fail_msg("row %u: %u packets in %u pieces", i, packets, pieces);
		if (row->outcome == WHOLE)
			after_assert_inner(inner, inner_bytes, ip, bytes);
		assert_int_equal(gateway_dropped(&t.gw, DP_DROP_MTU), told || row->outcome == DROPPED);
		if ((gateway_take(&t.gw, GW_PORT_LAN, inner) > 0) != told)
			fail_msg("row %u: the host is %s", i, told ? "not told" : "told");
		gateway_assert_balanced(&t.gw);
		gateway_stop(&t.gw);
	}
}

/* A rekey begins with number 1 again, between the same gateways: a fragment of its first packets is none of the old SA's. */
static void
identifications_are_no_zero_and_go_on_over_sas(void **state)
{
	enum { NONE = 0x10000 };
	static const uint16_t length[] = {3000, 40, 3000, 1500};
	static struct tunnel t;
	static struct joined whole;
	static uint8_t ip[BUFFER], inner[BUFFER];
	(void)state;
	for (unsigned outer_v6 = 0; outer_v6 < 2; outer_v6++) {
		uint32_t id[8];
		unsigned n = 0;
		after_start(&t, outer_v6, false, AFTER, 1500);
		t.gw.dp->fragment_ids = outer_v6 ? UINT32_MAX - 1 : UINT16_MAX - 3;
		for (unsigned sa = 0; sa < 2; sa++) {
			for (unsigned i = 0; i < 4; i++)
				after_put(&t, ip, after_packet(ip, false, length[i], 0));
			gateway_turn(&t.gw);
			for (size_t bytes; after_join(&t, 1500, &whole);) {
				assert_int_equal(after_open(&t, &whole, inner, &bytes), n % 4 + 1);
				id[n++] = whole.id;
			}
			assert_int_equal(n, 4 * (sa + 1));
			t.gw.out.spi++;
			t.gw.out.key[0] += 16;
			const struct sadb_sa_config next =
			    outer_v6 ? outer_sa(&t.gw.out, AFTER, false) : gateway_sa(&t.gw.out, AFTER, 128);
			gateway_add_sa(&t.gw, &next);
			gateway_commit(&t.gw);
		}
		/* Only what is cut has one of them, and of IPv6 0 is as good as any. */
		static const uint32_t wanted[2][8] = {{65533, NONE, 65534, 65535, 1, NONE, 2, 3},
						      {UINT32_MAX - 1, NONE, UINT32_MAX, 0, 1, NONE, 2, 3}};
		for (unsigned i = 0; i < 8; i++)
			id[i] = wanted[outer_v6][i] == NONE ? NONE : id[i];
		assert_memory_equal(id, wanted[outer_v6], sizeof(id));
		gateway_stop(&t.gw);
	}
}

static void
it_is_cut_for_the_narrowest_link_that_the_way_told_of(void **state)
{
	static struct tunnel t;
	static struct joined whole;
	static uint8_t ip[BUFFER], inner[BUFFER];
	(void)state;
	for (unsigned outer_v6 = 0; outer_v6 < 2; outer_v6++) {
		after_start(&t, outer_v6, false, AFTER, 1500);
		const struct sadb_addr dst =
		    outer_v6 ? rig_address(OUTER_PEER) : sadb_addr_v4(rte_cpu_to_be_32(GW_PEER));
		const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(t.gw.out.spi), IPPROTO_ESP);
		const uint16_t mtu = outer_v6 ? 1280 : 576;
		size_t bytes = after_packet(ip, false, 8900, 0), inner_bytes;
		after_put(&t, ip, after_packet(ip, false, 60, 0)); /* for the clock */
		gateway_turn(&t.gw);
		assert_true(after_join(&t, 1500, &whole));
		sadb_sa_path_mtu_learn(sadb_sa_find(t.gw.db, &key)->hot->mut, mtu, t.gw.w->now_s, 600);
		after_packet(ip, false, 8900, 0);
		after_put(&t, ip, bytes);
		gateway_turn(&t.gw);
		assert_true(after_join(&t, mtu, &whole));
		assert_int_equal(whole.pieces, pieces_of(whole.bytes, outer_v6, mtu));
		assert_int_equal(t.gw.w->stats.made, whole.pieces - 1);
		assert_int_equal(after_open(&t, &whole, inner, &inner_bytes), 2);
		after_assert_inner(inner, inner_bytes, ip, bytes);
		gateway_assert_balanced(&t.gw);
		gateway_stop(&t.gw);
	}
}

/* Behind one that its SA cuts first, in one batch. */
static void
an_sa_that_cuts_first_leaves_the_next_one_s_packets_whole(void **state)
{
	static struct tunnel t;
	static struct joined whole;
	static uint8_t ip[BUFFER], inner[BUFFER];
	struct witness_ip header = {.src = GW_HOST, .dst = GW_FAR, .payload = 2000, .proto = 17, .ttl = 64};
	struct sadb_policy_config policy = gateway_policy(SADB_POLICY_OUT);
	struct witness_sa first, second;
	size_t bytes;
	(void)state;
	after_start(&t, false, false, 0, 1500);
	first = second = t.gw.out;
	second.spi += 0x100;
	second.key[0] ^= 1;
	struct sadb_sa_config config = gateway_sa(&second, AFTER, 128);
	config.reqid = policy.tmpl.reqid = 2;
	policy.sel.proto = 17;
	policy.sel.dport_be = RTE_BE16(7);
	policy.sel.dport_mask_be = 0xffff;
	policy.priority = 1;
	gateway_add_sa(&t.gw, &config);
	gateway_set_policy(&t.gw, &policy);
	gateway_commit(&t.gw);
	for (unsigned i = 0; i < 4; i++) {
		header.dport = i % 2 == 0 ? 5000 : 7;
		after_put(&t, ip, witness_packet(&header, ip));
	}
	gateway_turn(&t.gw);
	for (unsigned i = 0; i < 2; i++) {
		t.gw.out = first;
		for (unsigned k = 0; k < 2; k++) {
			assert_true(after_join(&t, 1500, &whole));
			assert_int_equal(after_open(&t, &whole, inner, &bytes), 2 * i + k + 1);
			assert_int_equal(whole.pieces, 1);
		}
		t.gw.out = second;
		assert_true(after_join(&t, 1500, &whole));
		assert_int_equal(after_open(&t, &whole, inner, &bytes), i + 1);
		assert_int_equal(whole.pieces, 2);
		assert_int_equal(bytes, 2028);
	}
	gateway_assert_balanced(&t.gw);
	gateway_stop(&t.gw);
}

/* RFC 4303 2.7: up to what the way takes in one piece, and no further. */
static void
padding_makes_nothing_too_long(void **state)
{
	static const size_t length[] = {28, 1445, 1446, 1447, 2000};
	static struct tunnel t;
	static struct joined whole;
	static uint8_t ip[BUFFER], inner[BUFFER];
	(void)state;
	after_start(&t, false, false, AFTER, 1500);
	after_update(&t, AFTER, UINT16_MAX);
	for (unsigned i = 0; i < 5; i++) {
		size_t bytes = after_packet(ip, false, length[i], 0), inner_bytes;
		after_put(&t, ip, bytes);
		gateway_turn(&t.gw);
		assert_true(after_join(&t, 1500, &whole));
		assert_int_equal(whole.pieces, 1 + (bytes > 1446));
		assert_int_equal(after_open(&t, &whole, inner, &inner_bytes), i + 1);
		assert_int_equal(inner_bytes, bytes < 1446 ? 1446 : bytes);
	}
	gateway_assert_balanced(&t.gw);
	gateway_stop(&t.gw);
}

static void
set_neighbour(struct tunnel *t)
{
	struct sadb_neigh neigh = {.addr_v4_be = rte_cpu_to_be_32(GW_PEER), .port = GW_PORT_WAN, .mac = {2}};
	if (t->outer_v6) {
		neigh = (struct sadb_neigh){.port = GW_PORT_WAN, .v6 = 1, .mac = {2}};
		memcpy(neigh.addr_v6, rig_address(OUTER_PEER).bytes, 16);
	}
	sadb_neighs_set(t->gw.db, sadb_neigh_table_create(&neigh, 1));
}

/* Its SA is gone when its neighbour answers. */
static void
it_waits_sealed_and_in_one_piece_for_its_neighbour(void **state)
{
	static struct tunnel t;
	static struct joined whole;
	static uint8_t ip[BUFFER], inner[BUFFER];
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		struct sadb_error err;
		after_start(&t, kind & 1, kind & 2, AFTER, 1500);
		size_t bytes = after_packet(ip, false, 5000, 0), inner_bytes;
		sadb_neighs_set(t.gw.db, sadb_neigh_table_create(NULL, 0));
		after_put(&t, ip, bytes);
		gateway_turn(&t.gw);
		assert_int_equal(t.gw.w->n_held, 1);
		const struct sadb_addr dst =
		    t.outer_v6 ? rig_address(OUTER_PEER) : sadb_addr_v4(rte_cpu_to_be_32(GW_PEER));
		const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(t.gw.out.spi), IPPROTO_ESP);
		assert_int_equal(sadb_sa_del(t.gw.db, &key, &err), 0);
		gateway_commit(&t.gw);
		set_neighbour(&t);
		gateway_turn(&t.gw);
		assert_true(after_join(&t, 1500, &whole));
		assert_int_equal(whole.pieces, 4);
		assert_int_equal(after_open(&t, &whole, inner, &inner_bytes), 1);
		after_assert_inner(inner, inner_bytes, ip, bytes);
		gateway_assert_balanced(&t.gw);
		gateway_stop(&t.gw);
	}
}

static void
without_buffers_for_all_pieces_none_leaves(void **state)
{
	static struct tunnel t;
	static uint8_t ip[BUFFER];
	struct rte_mbuf *all[2048];
	(void)state;
	for (unsigned outer_v6 = 0; outer_v6 < 2; outer_v6++) {
		unsigned n = 0;
		after_start(&t, outer_v6, false, AFTER, 1500);
		after_put(&t, ip, after_packet(ip, false, 2000, 0));
		while (n < 2048 && (all[n] = rte_pktmbuf_alloc(t.gw.dp->pool)) != NULL)
			n++;
		rte_pktmbuf_free(all[--n]); /* one piece, and not the other */
		gateway_turn(&t.gw);
		assert_int_equal(gateway_take(&t.gw, GW_PORT_WAN, ip), 0);
		assert_int_equal(gateway_dropped(&t.gw, DP_DROP_NO_BUFFER), 1);
		gateway_assert_balanced(&t.gw);
		rte_pktmbuf_free_bulk(all, n);
		gateway_stop(&t.gw);
	}
}

/* The worst that a batch can ask for; nothing is lost track of. */
static void
a_batch_that_grows_beyond_all_room_is_accounted_for(void **state)
{
	static struct tunnel t;
	static uint8_t ip[BUFFER];
	(void)state;
	for (unsigned outer_v6 = 0; outer_v6 < 2; outer_v6++) {
		after_start(&t, outer_v6, false, AFTER, 1280);
		for (unsigned i = 0; i < DP_BURST; i++)
			after_put(&t, ip, after_packet(ip, false, 8900, 0));
		gateway_turn(&t.gw);
		assert_int_equal(t.gw.w->stats.tx + gateway_dropped(&t.gw, DP_DROP_TX_FULL) +
				     8 * gateway_dropped(&t.gw, DP_DROP_NO_BUFFER),
				 DP_BURST * 8);
		gateway_assert_balanced(&t.gw);
		gateway_stop(&t.gw);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_length_by_every_way),
	    cmocka_unit_test(whether_it_is_sealed_whole_is_said_by_the_outer_df_bit),
	    cmocka_unit_test(identifications_are_no_zero_and_go_on_over_sas),
	    cmocka_unit_test(it_is_cut_for_the_narrowest_link_that_the_way_told_of),
	    cmocka_unit_test(an_sa_that_cuts_first_leaves_the_next_one_s_packets_whole),
	    cmocka_unit_test(padding_makes_nothing_too_long),
	    cmocka_unit_test(it_waits_sealed_and_in_one_piece_for_its_neighbour),
	    cmocka_unit_test(without_buffers_for_all_pieces_none_leaves),
	    cmocka_unit_test(a_batch_that_grows_beyond_all_room_is_accounted_for),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
