/* SPDX-License-Identifier: BSD-3-Clause
 * Frames as built, read by a parser of the test's own, byte by byte; and frames spoiled on the way. */
#include "pktgen/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct pg_flow_spec flows_spec = {
    .count = 6,
    .source = {.first = 0x0a010001, .count = 3},
    .destination = {.first = 0x0a0200ff, .count = 2},
    .source_port = {.first = 1024, .count = 1},
    .destination_port = {.first = 65535, .count = 1},
};

struct fixture {
	struct pg_frame_format format;
	struct pg_flow *flows;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	pg_frame_format_init(&f->format);
	f->flows = pg_flows_create(&flows_spec);
	f->format.flows = f->flows;
	f->format.flow_count = 6;
	memcpy(&f->format.source, (const uint8_t[]){2, 0, 0, 0, 0, 1}, 6);
	memcpy(&f->format.destination, (const uint8_t[]){2, 0, 0, 0, 0, 2}, 6);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	free(f->flows);
	free(f);
	return 0;
}

/* ---- the parser: nothing of the generator's, and nothing of DPDK's ---- */
static uint64_t
be(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;
	while (bytes-- > 0)
		value = value << 8 | *at++;
	return value;
}

static uint32_t
ones_sum(const uint8_t *at, size_t bytes, uint32_t sum)
{
	for (size_t i = 0; i < bytes; i++)
		sum += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* CRC32C, a bit at a time. */
static uint32_t
crc32c(const uint8_t *at, size_t bytes)
{
	uint32_t crc = UINT32_MAX;
	while (bytes-- > 0) {
		crc ^= *at++;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void
assert_ethernet_and_ip(const uint8_t *frame, unsigned size, uint32_t source, uint32_t destination)
{
	assert_memory_equal(frame, ((const uint8_t[]){2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}), 14);
	assert_int_equal(frame[14], 0x45);
	assert_int_equal(be(frame + 16, 2), size - 14);
	assert_int_equal(be(frame + 20, 2), 0x4000); /* not to be fragmented */
	assert_in_range(frame[22], 32, 255);
	assert_int_equal(frame[23], 17);
	assert_int_equal(ones_sum(frame + 14, 20, 0), 0xffff);
	assert_int_equal(be(frame + 26, 4), source);
	assert_int_equal(be(frame + 30, 4), destination);
}

static void
assert_payload(const uint8_t *frame, unsigned size, const struct pg_frame_id *id)
{
	uint8_t checked[18 + 4];
	const uint8_t *payload = frame + 42;

	assert_int_equal(be(payload, 2), 0xc59e);
	assert_int_equal(be(payload + 2, 4), (uint64_t)id->run << 20 | id->flow);
	assert_int_equal(be(payload + 6, 4), id->sequence);
	assert_int_equal(be(payload + 10, 8), id->stamp);
	memcpy(checked, payload, 18);
	checked[18] = checked[19] = 0;
	checked[20] = (uint8_t)((size - 42) >> 8);
	checked[21] = (uint8_t)(size - 42);
	assert_int_equal(be(payload + 18, 4), crc32c(checked, sizeof(checked)));
}

static void
a_frame_reads_as_ipv4_and_udp_with_right_checksums(void **state)
{
	struct fixture *f = *state;
	static const unsigned sizes[] = {64, 65, 66, 127, 128, 590, 1422, 1514, 9215, 9216};
	static const struct pg_frame_id id = {
	    .run = 0xabc, .flow = 4, .sequence = 0xfedcba98, .stamp = 0x0123456789abcdef};
	for (unsigned full = 0; full < 2; full++) {
		f->format.udp_checksum = full;
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint8_t *frame = malloc(sizes[i]); /* so that a byte too many is seen by the sanitizer */
			pg_frame_build(&f->format, &id, (uint16_t)sizes[i], frame);
			assert_ethernet_and_ip(frame, sizes[i], 0x0a010002, 0x0a020100);
			assert_int_equal(be(frame + 34, 2), 1024);
			assert_int_equal(be(frame + 36, 2), 65535);
			assert_int_equal(be(frame + 38, 2), sizes[i] - 34);
			assert_int_equal(be(frame + 40, 2) != 0, full);
			if (full) /* over the pseudo header: addresses, protocol, length */
				assert_int_equal(
				    ones_sum(frame + 34, sizes[i] - 34, ones_sum(frame + 26, 8, 17 + sizes[i] - 34)),
				    0xffff);
			assert_payload(frame, sizes[i], &id);
			free(frame);
		}
	}
}

static void
what_was_built_is_recognised_as_ours(void **state)
{
	struct fixture *f = *state;
	for (unsigned size = 64; size <= 9216; size += size < 200 ? 1 : 167) {
		const struct pg_frame_id id = {.run = 5, .flow = size % 6, .sequence = size * 7, .stamp = size * 11};
		struct pg_frame_id got;
		uint8_t *frame = malloc(size);
		f->format.udp_checksum = size % 2;
		pg_frame_build(&f->format, &id, (uint16_t)size, frame);
		assert_int_equal(pg_frame_check(&f->format, 5, frame, size, &got), PG_FRAME_OURS);
		assert_int_equal(got.run, 5);
		assert_int_equal(got.flow, id.flow);
		assert_int_equal(got.sequence, id.sequence);
		assert_int_equal(got.stamp, id.stamp);
		free(frame);
	}
}

/* Only the MACs, which every router writes anew, are nobody's business. */
static void
no_bit_can_change_unseen(void **state)
{
	struct fixture *f = *state;
	const struct pg_frame_id id = {.run = 5, .flow = 1, .sequence = 99, .stamp = 12345};
	uint8_t good[200], frame[200];
	for (unsigned full = 0; full < 2; full++) {
		f->format.udp_checksum = full;
		pg_frame_build(&f->format, &id, sizeof(good), good);
		for (unsigned bit = 0; bit < sizeof(good) * 8; bit++) {
			struct pg_frame_id got;
			memcpy(frame, good, sizeof(good));
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			const enum pg_verdict verdict = pg_frame_check(&f->format, 5, frame, sizeof(frame), &got);
			if (verdict == PG_FRAME_STALE || (verdict == PG_FRAME_OURS) != (bit / 8 < 12))
				fail_msg("bit %u of byte %u: verdict %d", bit % 8, bit / 8, (int)verdict);
			if (bit / 8 >= 42 + 22)
				assert_int_equal(verdict, full ? PG_FRAME_BAD_HEADER : PG_FRAME_BAD_PAYLOAD);
		}
	}
}

/* Sums an IPv4 header anew, as a router does. */
static void
sum_header(uint8_t *ip)
{
	ip[10] = ip[11] = 0;
	const uint32_t sum = ~ones_sum(ip, 20, 0) & 0xffff;
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static void
a_router_may_change_what_routers_change(void **state)
{
	struct fixture *f = *state;
	const struct pg_frame_id id = {.run = 5, .flow = 1, .sequence = 99, .stamp = 12345};
	struct pg_frame_id got;
	uint8_t frame[100];
	pg_frame_build(&f->format, &id, 64, frame);
	memset(frame, 0x42, 12); /* MACs */
	frame[14 + 1] = 0xb8;    /* TOS */
	frame[14 + 8] -= 2;      /* TTL */
	sum_header(frame + 14);
	memset(frame + 64, 0xee, 36); /* padding of some driver */
	assert_int_equal(pg_frame_check(&f->format, 5, frame, 100, &got), PG_FRAME_OURS);
}

static void
verdicts_say_what_is_wrong(void **state)
{
	struct fixture *f = *state;
	enum change {
		NONE,
		TRUNCATED,
		ARP,
		TCP,
		FRAGMENT,
		MAGIC,
		ADDRESS,
		PORT,
		SHORT_UDP,
		IP_SUM,
		RUN,
		FLOW_COUNT,
		TINY
	};
	static const struct {
		enum change change;
		enum pg_verdict verdict;
	} rows[] = {
	    {NONE, PG_FRAME_OURS},
	    {TRUNCATED, PG_FRAME_BAD_HEADER},
	    {ARP, PG_FRAME_FOREIGN},
	    {TCP, PG_FRAME_FOREIGN},
	    {FRAGMENT, PG_FRAME_FOREIGN},
	    {MAGIC, PG_FRAME_FOREIGN},
	    {ADDRESS, PG_FRAME_BAD_FLOW},
	    {PORT, PG_FRAME_BAD_FLOW},
	    {SHORT_UDP, PG_FRAME_BAD_HEADER},
	    {IP_SUM, PG_FRAME_BAD_HEADER},
	    {RUN, PG_FRAME_STALE},
	    {FLOW_COUNT, PG_FRAME_BAD_FLOW},
	    {TINY, PG_FRAME_FOREIGN},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const enum change change = rows[i].change;
		const struct pg_frame_id id = {.run = change == RUN ? 6 : 5, .flow = 5};
		struct pg_frame_id got;
		size_t bytes = change == TRUNCATED ? 99 : change == TINY ? 63 : 100;
		uint8_t frame[100];
		pg_frame_build(&f->format, &id, 100, frame);
		frame[13] = change == ARP ? 6 : frame[13];
		frame[23] = change == TCP ? 6 : frame[23];
		frame[20] = change == FRAGMENT ? 0x20 : frame[20];
		frame[42] ^= change == MAGIC;
		frame[33] ^= change == ADDRESS;
		frame[35] ^= change == PORT;
		frame[39] -= change == SHORT_UDP;
		sum_header(frame + 14);
		frame[24] ^= change == IP_SUM;
		f->format.flow_count = change == FLOW_COUNT ? 5 : 6;
		const enum pg_verdict verdict = pg_frame_check(&f->format, 5, frame, bytes, &got);
		if (verdict != rows[i].verdict)
			fail_msg("row %u: verdict %d", i, (int)verdict);
	}
}

static void
flows_are_all_different_and_addresses_vary_first(void **state)
{
	struct fixture *f = *state;
	static const struct pg_flow_spec wide = {.count = 2 * 3 * 5 * 7,
						 .source = {0x0a000001, 2},
						 .destination = {0x0b000001, 3},
						 .source_port = {1000, 5},
						 .destination_port = {2000, 7}};
	struct pg_flow *flows = pg_flows_create(&wide);
	for (unsigned i = 0; i < wide.count; i++)
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(&flows[i], &flows[k], sizeof(flows[i]));
	free(flows);
	assert_int_equal(be((const uint8_t *)&f->flows[0].source_be, 4), 0x0a010001);
	assert_int_equal(be((const uint8_t *)&f->flows[1].source_be, 4), 0x0a010002);
	assert_int_equal(be((const uint8_t *)&f->flows[3].source_be, 4), 0x0a010001);
	assert_int_equal(be((const uint8_t *)&f->flows[3].destination_be, 4), 0x0a020100);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_frame_reads_as_ipv4_and_udp_with_right_checksums, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_was_built_is_recognised_as_ours, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_bit_can_change_unseen, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_router_may_change_what_routers_change, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(verdicts_say_what_is_wrong, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(flows_are_all_different_and_addresses_vary_first, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
