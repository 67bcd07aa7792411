/* SPDX-License-Identifier: BSD-3-Clause
 * Batches of one SA go a way of their own through esp_out and esp_in, as long as nothing about them is rare. One packet that is,
 * at any place, changes nothing for the others, and no number is given twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"

#define BUFFER 4096
#define BATCH  8

static const struct witness_twist plain;

static uint16_t
payload_of(unsigned i)
{
	return (uint16_t)(10 + 37 * i);
}

/* The next frame on the wire is packet i, its TTL lowered once, under that number. */
static void
assert_sealed(struct gateway *gw, unsigned i, uint32_t number)
{
	uint8_t ip[BUFFER], wire[BUFFER], inner[BUFFER];
	size_t bytes = gateway_outbound_packet(ip, payload_of(i)), inner_bytes;
	uint32_t seq;
	const size_t sent = gateway_take(gw, GW_PORT_WAN, wire);
	assert_int_not_equal(sent, 0);
	const char *wrong = witness_open(&gw->out, 0, wire, sent, inner, &inner_bytes, &seq);
	if (wrong != NULL)
		fail_msg("packet %u: %s", i, wrong);
	assert_int_equal(seq, number);
	ip[8]--;
	witness_checksum(ip, 20);
	assert_int_equal(inner_bytes, bytes);
	assert_memory_equal(inner, ip, bytes);
}

static struct sadb_sa_mut *
mut_of(const struct gateway *gw, uint32_t dst, uint32_t spi)
{
	const struct sadb_addr addr = sadb_addr_v4(rte_cpu_to_be_32(dst));
	const struct sadb_sa_key key = sadb_sa_key_make(&addr, rte_cpu_to_be_32(spi), IPPROTO_ESP);
	return sadb_sa_find(gw->db, &key)->hot->mut;
}

static struct sadb_sa_mut *
outbound(const struct gateway *gw)
{
	return mut_of(gw, GW_PEER, GW_SPI_OUT);
}

static size_t
bytes_of(unsigned i)
{
	return 28u + payload_of(i);
}

/* What buffers remember of packets before must not matter. */
static void
leave_groups_behind(const struct gateway *gw)
{
	struct rte_mbuf *m[2 * BATCH];
	assert_int_equal(rte_pktmbuf_alloc_bulk(gw->dp->pool, m, 2 * BATCH), 0);
	for (unsigned i = 0; i < 2 * BATCH; i++) {
		dp_meta(m[i])->group = 7;
		dp_meta(m[i])->reason = DP_DROP_ICV;
	}
	rte_pktmbuf_free_bulk(m, 2 * BATCH);
}

static void
one_rare_packet_at_any_place_of_a_batch_is_dropped_alone_and_takes_no_number(void **state)
{
	static const struct {
		uint8_t ttl;
		uint16_t payload;
		enum dp_drop reason;
	} rare[] = {
	    {0, 10, DP_DROP_TTL},
	    {1, 10, DP_DROP_TTL},
	    {64, 1472, DP_DROP_MTU},
	};
	for (unsigned r = 0; r < sizeof(rare) / sizeof(rare[0]); r++) {
		struct gateway gw;
		uint32_t number = 1;
		gateway_start(&gw, *state, 0, 128);
		for (unsigned place = 0; place <= BATCH; place++) { /* BATCH: none is */
			uint8_t ip[BUFFER];
			for (unsigned i = 0; i < BATCH; i++) {
				const bool is = i == place;
				const size_t bytes = gateway_outbound_packet(ip, is ? rare[r].payload : payload_of(i));
				ip[6] = is ? 0x40 : 0; /* not to be cut */
				ip[8] = is ? rare[r].ttl : 64;
				witness_checksum(ip, 20);
				gateway_put(&gw, GW_PORT_LAN, ip, bytes);
			}
			gateway_turn(&gw);
			for (unsigned i = 0; i < BATCH; i++)
				if (i != place)
					assert_sealed(&gw, i, number++);
			assert_int_equal(gateway_take(&gw, GW_PORT_WAN, ip), 0);
			while (gateway_take(&gw, GW_PORT_LAN, ip) != 0) /* what its sender is told */
				assert_int_equal(ip[9], 1);
		}
		assert_int_equal(gateway_dropped(&gw, rare[r].reason), BATCH);
		assert_int_equal(outbound(&gw)->packets, number - 1);
		assert_int_equal(outbound(&gw)->out_seq, number - 1);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

static void
numbers_that_end_within_a_batch_are_all_used_and_the_rest_is_dropped(void **state)
{
	for (unsigned left = 0; left <= BATCH; left++) {
		struct gateway gw;
		uint8_t ip[BUFFER];
		gateway_start(&gw, *state, 0, 128);
		outbound(&gw)->out_limit = left;
		leave_groups_behind(&gw);
		for (unsigned i = 0; i < BATCH; i++)
			gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, payload_of(i)));
		gateway_turn(&gw);
		for (unsigned i = 0; i < left; i++)
			assert_sealed(&gw, i, i + 1);
		assert_int_equal(gateway_take(&gw, GW_PORT_WAN, ip), 0);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_SEQ_SPENT), BATCH - left);
		assert_int_equal(outbound(&gw)->packets, left);
		uint64_t bytes = 0;
		for (unsigned i = 0; i < left; i++)
			bytes += bytes_of(i);
		assert_int_equal(outbound(&gw)->bytes, bytes);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

/* The last byte that may go does, and the next one takes the whole batch with it. */
static void
a_batch_is_counted_to_the_byte(void **state)
{
	for (unsigned missing = 0; missing <= 1; missing++) {
		struct gateway gw;
		uint8_t ip[BUFFER];
		uint64_t bytes = 0;
		gateway_start(&gw, *state, 0, 128);
		for (unsigned i = 0; i < BATCH; i++)
			bytes += bytes_of(i);
		outbound(&gw)->hard_bytes = bytes - missing;
		for (unsigned i = 0; i < BATCH; i++)
			gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, payload_of(i)));
		gateway_turn(&gw);
		for (unsigned i = 0; i < BATCH && missing == 0; i++)
			assert_sealed(&gw, i, i + 1);
		assert_int_equal(gateway_take(&gw, GW_PORT_WAN, ip), 0);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_SA_EXPIRED), missing == 0 ? 0 : BATCH);
		assert_int_equal(outbound(&gw)->bytes, missing == 0 ? bytes : 0);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

#define OTHER_SPI 0x1777u

/* Packets for the host beside the far one have an SA and a key of their own. */
static struct witness_sa
other_tunnel(struct gateway *gw)
{
	struct witness_sa other = gw->out;
	other.spi = OTHER_SPI;
	memset(other.key, 0x66, sizeof(other.key));
	struct sadb_sa_config config = gateway_sa(&other, 0, 128);
	config.reqid = 7;
	gateway_add_sa(gw, &config);
	struct sadb_policy_config policy = gateway_policy(SADB_POLICY_OUT);
	policy.tmpl.reqid = 7;
	policy.priority = 1;
	policy.sel.dst = (struct sadb_prefix){.addr = sadb_addr_v4(rte_cpu_to_be_32(GW_FAR + 1)), .len = 32};
	gateway_set_policy(gw, &policy);
	gateway_commit(gw);
	return other;
}

static void
one_packet_of_another_sa_at_any_place_of_a_batch_is_sealed_by_its_own(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER], inner[BUFFER];
	uint32_t number = 1, other_number = 1, seq;
	size_t inner_bytes;
	gateway_start(&gw, *state, 0, 128);
	const struct witness_sa other = other_tunnel(&gw);
	const struct witness_ip beside = {
	    .src = GW_HOST, .dst = GW_FAR + 1, .sport = 4000, .dport = 5000, .payload = 9, .proto = 17, .ttl = 64};
	for (unsigned place = 0; place < BATCH; place++) {
		for (unsigned i = 0; i < BATCH; i++)
			gateway_put(&gw, GW_PORT_LAN, ip,
				    i == place ? witness_packet(&beside, ip)
					       : gateway_outbound_packet(ip, payload_of(i)));
		gateway_turn(&gw);
		for (unsigned i = 0; i < BATCH; i++) {
			if (i != place) {
				assert_sealed(&gw, i, number++);
				continue;
			}
			assert_null(witness_open(&other, 0, wire, gateway_take(&gw, GW_PORT_WAN, wire), inner,
						 &inner_bytes, &seq));
			assert_int_equal(seq, other_number++);
			assert_int_equal(inner_bytes, 28 + beside.payload);
			assert_int_equal(inner[19], (GW_FAR + 1) & 0xff);
		}
	}
	assert_int_equal(outbound(&gw)->packets, number - 1);
	assert_int_equal(mut_of(&gw, GW_PEER, OTHER_SPI)->packets, other_number - 1);
	assert_int_equal(mut_of(&gw, GW_PEER, OTHER_SPI)->bytes, (28 + beside.payload) * (other_number - 1));
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* What may come from the wire between good packets. */
struct odd {
	const char *name;
	enum dp_drop reason; /* DP_DROP_COUNT: it arrives */
	struct witness_twist twist;
	bool flip;   /* a bit of its tag */
	bool repeat; /* it has the number of the one before, or of the last batch's last */
};

static const struct odd odds[] = {
    {"tag is wrong", DP_DROP_ICV, {0}, true, false},
    {"came before", DP_DROP_REPLAY_DUP, {0}, false, true},
    {"more padding than alignment asks for", DP_DROP_COUNT, {.pad_extra = 8}, false, false},
    {"TFC padding", DP_DROP_COUNT, {.tfc = 40}, false, false},
    {"padding is not 1, 2, 3", DP_DROP_ESP_PADDING, {.pad_extra = 8, .pad_zero = true}, false, false},
    {"pad length beyond the text", DP_DROP_ESP_PADDING, {.pad_length = 255}, false, false},
    {"dummy", DP_DROP_ESP_DUMMY, {.next_header = 59}, false, false},
    {"neither IPv4 nor IPv6 inside", DP_DROP_ESP_NEXT_HEADER, {.next_header = 6}, false, false},
};

static void
put_sealed(struct gateway *gw, uint64_t seq, unsigned i, const struct witness_twist *twist, bool flip)
{
	uint8_t ip[BUFFER], wire[BUFFER];
	const size_t bytes = gateway_inbound_packet(ip, payload_of(i));
	const size_t sealed = witness_seal(&gw->in, seq, ip, bytes, twist, wire);
	if (flip)
		wire[sealed - 1] ^= 1;
	gateway_put(gw, GW_PORT_WAN, wire, sealed);
}

static void
assert_opened(struct gateway *gw, unsigned i)
{
	uint8_t ip[BUFFER], out[BUFFER];
	const size_t bytes = gateway_inbound_packet(ip, payload_of(i));
	ip[8]--;
	witness_checksum(ip, 20);
	assert_int_equal(gateway_take(gw, GW_PORT_LAN, out), bytes);
	assert_memory_equal(out, ip, bytes);
}

static void
one_odd_packet_at_any_place_of_an_opened_batch_changes_nothing_for_the_others(void **state)
{
	for (unsigned o = 0; o < sizeof(odds) / sizeof(odds[0]); o++) {
		const struct odd *odd = &odds[o];
		struct gateway gw;
		const bool counts = odd->reason == DP_DROP_COUNT;
		uint64_t seq = 1, bytes = bytes_of(0);
		uint8_t out[BUFFER];
		gateway_start(&gw, *state, 0, 128);
		put_sealed(&gw, seq++, 0, &plain, false);
		gateway_turn(&gw);
		assert_opened(&gw, 0);
		for (unsigned place = 0; place < BATCH; place++) {
			leave_groups_behind(&gw);
			for (unsigned i = 0; i < BATCH; i++) {
				const bool is = i == place;
				bytes += !is || counts ? bytes_of(i) : 0;
				bytes += is && counts ? odd->twist.tfc : 0;
				put_sealed(&gw, is && odd->repeat ? seq - 1 : seq++, i, is ? &odd->twist : &plain,
					   is && odd->flip);
			}
			gateway_turn(&gw);
			for (unsigned i = 0; i < BATCH; i++)
				if (i != place || counts)
					assert_opened(&gw, i);
			assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
		}
		if (!counts)
			assert_int_equal(gateway_dropped(&gw, odd->reason), BATCH);
		if (counts || odd->flip || odd->repeat)
			assert_int_equal(mut_of(&gw, GW_WAN, GW_SPI_IN)->bytes, bytes);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

/* RFC 4303 2.4: every byte of the padding that alignment asks for, 1, 2, 3, wrong by one bit, between good packets. */
static void
each_byte_of_short_padding_is_looked_at(void **state)
{
	struct gateway gw;
	uint64_t seq = 1;
	uint64_t dropped = 0;
	uint8_t ip[BUFFER], wire[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	for (uint8_t pad = 1; pad <= 3; pad++) {
		for (unsigned wrong = 0; wrong <= pad; wrong++) { /* pad: none is */
			const struct witness_twist twist = {.pad_length = pad};
			const uint16_t payload = (uint16_t)(100 + (6u - pad) % 4); /* with the padding it is aligned */
			const size_t bytes = gateway_inbound_packet(ip, payload);
			for (unsigned k = 0; k < pad; k++)
				ip[bytes + k] = (uint8_t)((k + 1) ^ (k == wrong ? 0x80 : 0));
			put_sealed(&gw, seq++, 0, &plain, false);
			gateway_put(&gw, GW_PORT_WAN, wire, witness_seal(&gw.in, seq++, ip, bytes + pad, &twist, wire));
			put_sealed(&gw, seq++, 2, &plain, false);
			gateway_turn(&gw);
			assert_opened(&gw, 0);
			if (wrong == pad)
				assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), bytes);
			assert_opened(&gw, 2);
			assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
			dropped += wrong < pad;
			assert_int_equal(gateway_dropped(&gw, DP_DROP_ESP_PADDING), dropped);
		}
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* What is sealed for an SA that only sends is none's to open. */
static void
a_batch_for_an_sa_that_only_sends_is_dropped(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER], wire[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	struct witness_sa sends = gw.in;
	sends.spi = OTHER_SPI;
	memset(sends.key, 0x66, sizeof(sends.key));
	struct sadb_sa_config config = gateway_sa(&sends, 0, 128);
	config.dir = SADB_DIR_OUT;
	gateway_add_sa(&gw, &config);
	gateway_commit(&gw);
	for (unsigned i = 0; i < BATCH; i++) {
		const size_t bytes = gateway_inbound_packet(ip, payload_of(i));
		gateway_put(&gw, GW_PORT_WAN, wire, witness_seal(&sends, i + 1, ip, bytes, &plain, wire));
	}
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, ip), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_SA_DIRECTION), BATCH);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* Four bytes of text, 2, 3, 3, 4, after an IV that ends with 1: the padding 1, 2, 3 would begin before them. */
static void
padding_that_begins_before_the_text_is_none(void **state)
{
	const uint8_t text[2] = {2, 3};
	const struct witness_twist twist = {.pad_length = 3};
	struct gateway gw;
	uint8_t wire[BUFFER], out[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	gateway_put(&gw, GW_PORT_WAN, wire, witness_seal(&gw.in, 1, text, sizeof(text), &twist, wire));
	gateway_turn(&gw);
	assert_int_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_ESP_PADDING), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	static char engine[] = "auto";
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(one_rare_packet_at_any_place_of_a_batch_is_dropped_alone_and_takes_no_number,
				      engine),
	    cmocka_unit_test_prestate(numbers_that_end_within_a_batch_are_all_used_and_the_rest_is_dropped, engine),
	    cmocka_unit_test_prestate(a_batch_is_counted_to_the_byte, engine),
	    cmocka_unit_test_prestate(one_packet_of_another_sa_at_any_place_of_a_batch_is_sealed_by_its_own, engine),
	    cmocka_unit_test_prestate(each_byte_of_short_padding_is_looked_at, engine),
	    cmocka_unit_test_prestate(a_batch_for_an_sa_that_only_sends_is_dropped, engine),
	    cmocka_unit_test_prestate(one_odd_packet_at_any_place_of_an_opened_batch_changes_nothing_for_the_others,
				      engine),
	    cmocka_unit_test_prestate(padding_that_begins_before_the_text_is_none, engine),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
