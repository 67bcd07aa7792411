/* SPDX-License-Identifier: BSD-3-Clause
 * The way through the stages with the algorithms that are not AES-GCM, by each engine, judged by the witness; and beside SAs with
 * AES-GCM in one batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/engine.h"
#include "tests/unit/dataplane/gateway.h"

#define BUFFER 4096

static const struct witness_twist plain;
static const enum witness_algorithm others[] = {WITNESS_CHACHA, WITNESS_AES_GMAC};
static const uint32_t flags[] = {0, SADB_SA_ESN};

/* A gateway whose two SAs have that algorithm, with keys of their own. */
static void
start(struct gateway *gw, const char *engine, enum witness_algorithm algorithm, uint32_t sa_flags)
{
	struct witness_sa *const sas[] = {&gw->out, &gw->in};
	gateway_start(gw, engine, sa_flags, 128);
	for (unsigned i = 0; i < 2; i++) {
		const struct sadb_addr dst = sadb_addr_v4(rte_cpu_to_be_32(sas[i]->dst));
		const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(sas[i]->spi), IPPROTO_ESP);
		struct sadb_error err;
		assert_int_equal(sadb_sa_del(gw->db, &key, &err), 0);
		sas[i]->key[0] ^= (uint8_t)(1 + i);
		sas[i]->algorithm = algorithm;
		const struct sadb_sa_config config = gateway_sa(sas[i], sa_flags, 128);
		gateway_add_sa(gw, &config);
	}
	gateway_commit(gw);
}

static void
seal_and_compare(struct gateway *gw, uint16_t payload, uint32_t expected)
{
	uint8_t ip[BUFFER], wire[BUFFER], inner[BUFFER];
	size_t bytes = gateway_outbound_packet(ip, payload), inner_bytes;
	uint32_t seq;
	gateway_put(gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(gw);
	const size_t sent = gateway_take(gw, GW_PORT_WAN, wire);
	assert_int_not_equal(sent, 0);
	const bool hidden = memmem(wire, sent, ip + 12, bytes - 12) == NULL;
	assert_int_equal(hidden, gw->out.algorithm != WITNESS_AES_GMAC);
	const char *wrong = witness_open(&gw->out, 0, wire, sent, inner, &inner_bytes, &seq);
	if (wrong != NULL)
		fail_msg("payload %u: %s", payload, wrong);
	assert_int_equal(seq, expected);
	ip[8]--;
	witness_checksum(ip, 20);
	assert_int_equal(inner_bytes, bytes);
	assert_memory_equal(inner, ip, bytes);
}

static void
every_length_leaves_and_comes(const char *engine, enum witness_algorithm algorithm, uint32_t sa_flags)
{
	uint8_t ip[BUFFER], out[BUFFER];
	struct gateway gw;
	uint32_t seq = 0;
	start(&gw, engine, algorithm, sa_flags);
	for (uint16_t payload = 0; payload <= 1400; payload = (uint16_t)(payload + (payload < 40 ? 1 : 71))) {
		seal_and_compare(&gw, payload, ++seq);
		const size_t bytes = gateway_inbound_packet(ip, payload);
		assert_int_equal(gateway_receive(&gw, seq, ip, bytes, &plain, out), bytes);
		ip[8]--;
		witness_checksum(ip, 20);
		assert_memory_equal(out, ip, bytes);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
every_length_leaves_for_the_witness_and_comes_from_it(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		every_length_leaves_and_comes(*state, others[i / 2], flags[i % 2]);
}

/* After ESP's header, which says the SA and the number: the IV, the text and the tag. */
static void
no_changed_bit_passes(const char *engine, enum witness_algorithm algorithm, uint32_t sa_flags)
{
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	struct gateway gw;
	start(&gw, engine, algorithm, sa_flags);
	const size_t bytes = gateway_inbound_packet(ip, 11), sent = witness_seal(&gw.in, 9, ip, bytes, &plain, wire);
	uint64_t refused = 0;
	for (size_t bit = 8 * 28; bit < 8 * sent; bit++) {
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		gateway_put(&gw, GW_PORT_WAN, wire, sent);
		gateway_turn(&gw);
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_ICV), ++refused);
	}
	/* None of them moved the window: the packet itself is still taken, once. */
	gateway_put(&gw, GW_PORT_WAN, wire, sent);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), bytes);
	gateway_put(&gw, GW_PORT_WAN, wire, sent);
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_REPLAY_DUP), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
no_changed_bit_of_iv_text_or_tag_passes(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		no_changed_bit_passes(*state, others[i / 2], flags[i % 2]);
}

/* Packets in turn under SAs of every algorithm, in one batch. */
static void
a_batch_mixes_algorithms(void **state)
{
	enum { SAS = 3, EACH = 8 };
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	struct witness_sa sas[SAS];
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	for (unsigned i = 0; i < SAS; i++) {
		sas[i] = gw.in;
		sas[i].spi = 0x3000 + i;
		sas[i].key[0] ^= (uint8_t)(1 + i);
		sas[i].algorithm = (enum witness_algorithm)i;
		const struct sadb_sa_config config = gateway_sa(&sas[i], 0, 128);
		gateway_add_sa(&gw, &config);
	}
	gateway_commit(&gw);
	for (unsigned i = 0; i < SAS * EACH; i++) {
		const size_t bytes = gateway_inbound_packet(ip, (uint16_t)(7 * i)),
			     sent = witness_seal(&sas[i % SAS], 1 + i / SAS, ip, bytes, &plain, wire);
		wire[sent - 1] ^= i / SAS == 3; /* one of each is wrong */
		gateway_put(&gw, GW_PORT_WAN, wire, sent);
	}
	gateway_turn(&gw);
	unsigned came = 0;
	while (gateway_take(&gw, GW_PORT_LAN, out) != 0)
		came++;
	assert_int_equal(came, SAS * (EACH - 1));
	assert_int_equal(gateway_dropped(&gw, DP_DROP_ICV), SAS);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	int failed = 0;
	if (gateway_process_start() < 0)
		return 77;
	for (const struct dp_engine *const *engine = dp_engines; *engine != NULL; engine++) {
		char *name = (char *)(uintptr_t)(*engine)->name;
		const struct CMUnitTest tests[] = {
		    {"every length leaves for the witness and comes from it",
		     every_length_leaves_for_the_witness_and_comes_from_it, NULL, NULL, name},
		    {"no changed bit of IV, text or tag passes", no_changed_bit_of_iv_text_or_tag_passes, NULL, NULL,
		     name},
		    {"a batch mixes algorithms", a_batch_mixes_algorithms, NULL, NULL, name},
		};
		if ((*engine)->supported())
			failed += cmocka_run_group_tests_name(name, tests, NULL, NULL);
	}
	dp_eal_stop();
	return failed != 0;
}
