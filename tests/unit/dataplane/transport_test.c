/* SPDX-License-Identifier: BSD-3-Clause
 * Transport mode between the gateway's kernel and another host: the bytes both ways for both families, in UDP too; what stands
 * under no policy; and what may not pass in clear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/xfrm.h>

#include "tests/unit/dataplane/transport_rig.h"

static void
what_the_kernel_sends_is_sealed_behind_its_own_header(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		static struct host h;
		uint8_t ip[2048];
		transport_start(&h, i & 1, i & 2, 0);
		for (size_t l4 = 8; l4 < 24; l4++) { /* every padding */
			const size_t bytes = transport_packet(&h, true, l4 % 2 ? 6 : 132, 4000, 80, l4, ip);
			gateway_inject(&h.gw, GW_PORT_WAN, ip, bytes);
			gateway_turn(&h.gw);
			transport_assert_sealed(&h, ip, bytes);
		}
		gateway_assert_balanced(&h.gw);
		gateway_stop(&h.gw);
	}
}

static void
what_the_peer_seals_reaches_the_twin_as_it_was(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		static struct host h;
		uint8_t ip[2048], wire[2048], got[2048];
		transport_start(&h, i & 1, i & 2, 0);
		for (uint64_t seq = 1; seq < 24; seq++) {
			const size_t bytes = transport_packet(&h, false, 132, 80, 4000, 8 + seq, ip);
			rig_turn_with(&h.gw, GW_PORT_WAN, wire, transport_seal(&h, seq, ip, bytes, wire));
			assert_int_equal(transport_twin_takes(&h, got), bytes);
			assert_memory_equal(got, ip, bytes);
		}
		/* IP in IP is the kernel's too, and no tunnel of a virtual network. */
		const size_t bytes = transport_packet(&h, false, h.v6 ? 41 : 4, 80, 4000, 60, ip);
		rig_turn_with(&h.gw, GW_PORT_WAN, wire, transport_seal(&h, 30, ip, bytes, wire));
		assert_int_equal(transport_twin_takes(&h, got), bytes);
		gateway_assert_balanced(&h.gw);
		gateway_stop(&h.gw);
	}
}

/* RFC 3948 3.1.2: its sum was made for other addresses. */
static void
behind_a_nat_the_checksum_is_made_anew(void **state)
{
	static const struct {
		uint8_t proto, at;
	} rows[] = {{6, 16}, {17, 6}};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		static struct host h;
		uint8_t ip[2048], wire[2048], got[2048];
		const uint8_t proto = rows[i / 2].proto, at = rows[i / 2].at;
		transport_start(&h, i & 1, true, 0);
		const size_t bytes = transport_packet(&h, false, proto, 80, 4000, 41, ip);
		if (proto == 17)
			ip[h.head + 4] = 0, ip[h.head + 5] = 41;
		ip[h.head + at] = 0x12;
		rig_turn_with(&h.gw, GW_PORT_WAN, wire, transport_seal(&h, 1, ip, bytes, wire));
		assert_int_equal(transport_twin_takes(&h, got), bytes);
		/* The sum over a pseudo-header is the same of IPv4 if the addresses are its only words. */
		uint8_t six[2048] = {0};
		memcpy(six + 8, got + (h.v6 ? 8 : 12), h.v6 ? 32 : 8);
		memcpy(six + 40, got + h.head, 41);
		assert_int_equal(outer_sum(six, 81, proto), 0xffff);
		if (proto == 17) { /* none stays none */
			ip[h.head + at] = ip[h.head + at + 1] = 0;
			rig_turn_with(&h.gw, GW_PORT_WAN, wire, transport_seal(&h, 2, ip, bytes, wire));
			assert_int_equal(transport_twin_takes(&h, got), bytes);
			assert_int_equal(got[h.head + at] | got[h.head + at + 1], 0);
		}
		gateway_stop(&h.gw);
	}
}

static void
ike_and_what_no_policy_names_pass_in_clear_and_nothing_else(void **state)
{
	static const struct {
		uint8_t proto;
		uint16_t sport, dport;
		bool clear;
	} rows[] = {
	    {17, 500, 500, true}, {17, 4500, 4500, true}, {17, 53, 53, false},
	    {6, 500, 500, false}, {50, 0, 1, true},       {132, 4500, 4500, false},
	};
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		static struct host h;
		uint8_t ip[2048], got[2048];
		transport_start(&h, v6, false, 0);
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			size_t bytes = transport_packet(&h, true, rows[i].proto, rows[i].sport, rows[i].dport, 40, ip);
			gateway_inject(&h.gw, GW_PORT_WAN, ip, bytes);
			gateway_turn(&h.gw);
			size_t sent = gateway_take(&h.gw, GW_PORT_WAN, got);
			assert_true(sent > 0);
			assert_int_equal(sent == bytes && memcmp(got, ip, bytes) == 0, rows[i].clear);
			if (rows[i].proto == 50)
				continue;
			bytes = transport_packet(&h, false, rows[i].proto, rows[i].sport, rows[i].dport, 40, ip);
			memset(ip + h.head + 8, 0, 4); /* IKE's marker */
			ip[h.head + 4] = 0, ip[h.head + 5] = 40;
			const uint64_t before = gateway_dropped(&h.gw, DP_DROP_CLEAR_PROTECTED);
			rig_turn_with(&h.gw, GW_PORT_WAN, ip, bytes);
			assert_int_equal(transport_twin_takes(&h, got), rows[i].clear ? bytes : 0);
			assert_int_equal(gateway_dropped(&h.gw, DP_DROP_CLEAR_PROTECTED), before + !rows[i].clear);
		}
		/* Another host. */
		size_t bytes = transport_packet(&h, true, 6, 1, 2, 40, ip);
		ip[v6 ? 39 : 19] ^= 0x40;
		witness_checksum(ip, v6 ? 0 : 20);
		if (v6)
			transport_packet(&h, true, 6, 1, 2, 40, ip), ip[39] ^= 0x40;
		gateway_inject(&h.gw, GW_PORT_WAN, ip, bytes);
		gateway_turn(&h.gw);
		assert_int_equal(gateway_take(&h.gw, GW_PORT_WAN, got), bytes);
		assert_memory_equal(got, ip, bytes);
		gateway_assert_balanced(&h.gw);
		gateway_stop(&h.gw);
	}
}

/* What is told of a drop names both ends, the SA and the number, as if nothing had been taken off the packet. */
static void
assert_told(struct host *h, enum dp_drop reason, const uint8_t *wire, uint64_t seq)
{
	struct dp_audit_event event;
	assert_int_equal(dp_audit_take(h->gw.dp, &event, 1), 1);
	assert_int_equal(event.reason, reason);
	assert_memory_equal(event.src.bytes, wire + (h->v6 ? 8 : 12), h->v6 ? 16 : 4);
	assert_memory_equal(event.dst.bytes, wire + (h->v6 ? 24 : 16), h->v6 ? 16 : 4);
	assert_int_equal(event.spi_be, rte_cpu_to_be_32(h->gw.in.spi));
	assert_true(event.seq == seq && !(event.has & DP_AUDIT_HAS_VNET));
}

static void
what_its_sa_or_policy_does_not_name_is_dropped_under_its_reason(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		static struct host h;
		uint8_t ip[2048], wire[2048], got[2048];
		uint32_t per_s[DP_AUDIT_KINDS];
		for (unsigned i = 0; i < DP_AUDIT_KINDS; i++)
			per_s[i] = 1000;
		transport_start(&h, v6, false, 6); /* TCP alone */
		dp_audit_set(h.gw.dp, per_s);
		size_t bytes = transport_packet(&h, false, 17, 53, 53, 40, ip);
		rig_turn_with(&h.gw, GW_PORT_WAN, wire, transport_seal(&h, 1, ip, bytes, wire));
		assert_int_equal(gateway_dropped(&h.gw, DP_DROP_INNER_POLICY), 1);
		assert_told(&h, DP_DROP_INNER_POLICY, wire, 1);
		bytes = transport_packet(&h, false, 6, 53, 53, 40, ip);
		ip[v6 ? 23 : 15] ^= 0x40; /* under the right SA, but as another host */
		rig_turn_with(&h.gw, GW_PORT_WAN, wire, transport_seal(&h, 2, ip, bytes, wire));
		assert_int_equal(gateway_dropped(&h.gw, DP_DROP_INNER_SELECTOR), 1);
		assert_told(&h, DP_DROP_INNER_SELECTOR, wire, 2);
		bytes = transport_packet(&h, false, 6, 53, 53, 40, ip);
		size_t sealed = transport_seal(&h, 3, ip, bytes, wire);
		wire[sealed - 1] ^= 1;
		rig_turn_with(&h.gw, GW_PORT_WAN, wire, sealed);
		assert_int_equal(gateway_dropped(&h.gw, DP_DROP_ICV), 1);
		assert_told(&h, DP_DROP_ICV, wire, 3);
		for (unsigned i = 0; i < 2; i++)
			rig_turn_with(&h.gw, GW_PORT_WAN, wire, transport_seal(&h, 4, ip, bytes, wire));
		assert_int_equal(gateway_dropped(&h.gw, DP_DROP_REPLAY_DUP), 1);
		assert_told(&h, DP_DROP_REPLAY_DUP, wire, 4);
		assert_int_equal(transport_twin_takes(&h, got), bytes);
		assert_int_equal(transport_twin_takes(&h, got), 0);
		gateway_assert_balanced(&h.gw);
		gateway_stop(&h.gw);
	}
}

static void
without_an_sa_one_is_asked_for_and_nothing_leaves(void **state)
{
	static struct host h;
	uint8_t ip[2048], got[2048];
	struct dp_event event[4];
	struct sadb_error err;
	(void)state;
	transport_start(&h, false, false, 0);
	const struct sadb_addr dst = transport_peer(false);
	const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(h.gw.out.spi), IPPROTO_ESP);
	assert_int_equal(sadb_sa_del(h.gw.db, &key, &err), 0);
	gateway_commit(&h.gw);
	for (unsigned i = 0; i < 3; i++)
		gateway_inject(&h.gw, GW_PORT_WAN, ip, transport_packet(&h, true, 6, 1, 2, 40, ip));
	gateway_turn(&h.gw);
	assert_int_equal(gateway_take(&h.gw, GW_PORT_WAN, got), 0);
	assert_int_equal(gateway_dropped(&h.gw, DP_DROP_NO_SA), 3);
	assert_int_equal(dp_events(h.gw.dp, event, 4), 1);
	assert_int_equal(event[0].kind, DP_EVENT_ACQUIRE);
	gateway_assert_balanced(&h.gw);
	gateway_stop(&h.gw);
}

static void
what_is_too_long_is_cut_after_esp_or_the_kernel_is_told(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		static struct host h;
		uint8_t ip[2048], got[2048];
		transport_start(&h, v6, false, 0);
		const size_t bytes = transport_packet(&h, true, 6, 1, 2, 1500 - h.head, ip);
		gateway_inject(&h.gw, GW_PORT_WAN, ip, bytes);
		gateway_turn(&h.gw);
		assert_int_equal(gateway_dropped(&h.gw, DP_DROP_MTU), 1);
		assert_int_equal(gateway_take(&h.gw, GW_PORT_WAN, got), 0);
		assert_true(transport_twin_takes(&h, got) > 100);
		const uint8_t *icmp = got + h.head;
		assert_int_equal(icmp[0], v6 ? 2 : 3);
		/* 1500 less header, ESP and tag: a multiple of four, less the trailer. */
		assert_int_equal(icmp[6] << 8 | icmp[7], 1466);
		assert_memory_equal(icmp + 8, ip, 60);
		if (!v6) {
			ip[6] = 0;
			witness_checksum(ip, 20);
			gateway_inject(&h.gw, GW_PORT_WAN, ip, bytes);
			gateway_turn(&h.gw);
			size_t first = gateway_take(&h.gw, GW_PORT_WAN, got);
			assert_int_equal(first, 1500);
			assert_int_equal(got[6] & 0x20, 0x20);
			assert_int_equal(got[9], 50);
			assert_true(gateway_take(&h.gw, GW_PORT_WAN, got) > 20);
			ip[6] = 0x20; /* a fragment of the kernel's */
			witness_checksum(ip, 20);
			gateway_inject(&h.gw, GW_PORT_WAN, ip, bytes);
			gateway_turn(&h.gw);
			assert_int_equal(gateway_dropped(&h.gw, DP_DROP_OWN_FRAGMENT), 1);
		}
		gateway_assert_balanced(&h.gw);
		gateway_stop(&h.gw);
	}
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_kernel_sends_is_sealed_behind_its_own_header),
	    cmocka_unit_test(what_the_peer_seals_reaches_the_twin_as_it_was),
	    cmocka_unit_test(behind_a_nat_the_checksum_is_made_anew),
	    cmocka_unit_test(ike_and_what_no_policy_names_pass_in_clear_and_nothing_else),
	    cmocka_unit_test(what_its_sa_or_policy_does_not_name_is_dropped_under_its_reason),
	    cmocka_unit_test(without_an_sa_one_is_asked_for_and_nothing_leaves),
	    cmocka_unit_test(what_is_too_long_is_cut_after_esp_or_the_kernel_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
