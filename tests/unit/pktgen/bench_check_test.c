/* SPDX-License-Identifier: BSD-3-Clause
 * The benchmark's judgement of what comes out. A peer of the tests' own, on OpenSSL (esp_witness), does what the gateway
 * should: then all is right. Then it does one thing wrong, and the check must say which. */
#include "pktgen/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pktgen/bench_bed.h"

#define ENTRIES(array) (sizeof(array) / sizeof((array)[0]))

/* The hop's work on an IP packet. */
static void
lower_ttl(uint8_t *ip)
{
	ip[8]--;
	witness_checksum(ip, 20);
}

static void
write_ether(uint8_t *at, const uint8_t from[6])
{
	memcpy(at, pg_bench_neighbour, 6);
	memcpy(at + 6, from, 6);
	memcpy(at + 12, "\x08\x00", 2);
}

/* How packet `at` of a batch is sealed; the rest are as they should be. */
struct seal {
	unsigned at;
	struct witness_twist twist;
	int sa_off, seq_off;    /* another SA or number than it should be */
	bool turn_esn;          /* authenticates what the SA does not say */
	bool keep_ttl;          /* forwards it as it came */
	unsigned flip, shorten; /* this byte of the inner packet, and bytes off its end */
};

/* What the gateway should make of a filled batch of plain frames, with one exception. */
static void
seal_batch(struct bed *bed, const struct seal *seal)
{
	static const struct seal right;
	uint8_t inner[BED_BUFFER];
	for (unsigned i = 0; i < bed->n; i++) {
		const struct seal *how = seal != NULL && seal->at == i ? seal : &right;
		uint8_t *frame = bed_bytes(bed, i);
		size_t bytes = bed->pkt[i]->data_len - BED_IP;
		memcpy(inner, frame + BED_IP, bytes);
		const uint32_t sa = (bed_number(inner + 16, 4) - 0x0b000000u + (uint32_t)how->sa_off);
		struct witness_sa w = bed_sa(bed, PG_BENCH_ENCRYPT, sa);
		if (!how->keep_ttl)
			lower_ttl(inner);
		inner[how->flip] ^= how->flip > 0 ? 0x10 : 0;
		bytes -= how->shorten;
		w.esn ^= how->turn_esn;
		uint64_t *seq = &bed->out_seq[sa % BED_SAS];
		*seq += 1 + (uint64_t)(int64_t)how->seq_off;
		write_ether(frame, bed_wan_mac);
		bed_length_set(bed, i, BED_IP + witness_seal(&w, *seq, inner, bytes, &how->twist, frame + BED_IP));
	}
}

static const char *
check(struct bed *bed)
{
	return pg_bench_source_check(&bed->source, bed->pkt, bed->n);
}

static void
expect(const char *said, const char *expected, const char *what)
{
	if (expected == NULL ? said != NULL : said == NULL || strcmp(said, expected) != 0)
		fail_msg("%s: the check says '%s'", what, said != NULL ? said : "right");
}

static void
what_the_witness_seals_is_right(void **state)
{
	(void)state;
	for (unsigned row = 0; row < BED_MIXES * 4; row++) {
		const bool esn = row & 1, many = row & 2;
		struct bed *bed = bed_create(bed_mixes[row / 4], PG_BENCH_ENCRYPT, esn, many ? BED_SAS : 1, 0);
		for (unsigned i = 0; i < BED_SAS; i++)
			bed->out_seq[i] = esn ? UINT64_C(0xfffffff0) : 0;
		for (unsigned batch = 0; batch < 2; batch++) {
			bed_fill(bed, batch == 0 ? 32 : PG_BENCH_BATCH_MAX);
			seal_batch(bed, NULL);
			expect(check(bed), NULL, bed_mixes[row / 4]);
		}
		bed_destroy(bed);
	}
}

static void
packets_of_different_sas_may_change_places_those_of_one_may_not(void **state)
{
	(void)state;
	for (unsigned same = 0; same < 2; same++) {
		struct bed *bed = bed_create("64", PG_BENCH_ENCRYPT, false, BED_SAS, 0);
		unsigned i = 0;
		bed_fill(bed, 64);
		seal_batch(bed, NULL);
		while ((memcmp(bed_bytes(bed, i) + BED_ESP, bed_bytes(bed, i + 1) + BED_ESP, 4) == 0) != same)
			i++;
		assert_in_range(i, 0, bed->n - 2);
		struct rte_mbuf *first = bed->pkt[i];
		bed->pkt[i] = bed->pkt[i + 1];
		bed->pkt[i + 1] = first;
		expect(check(bed), same ? "a sequence number came twice or out of order" : NULL, "two exchanged");
		bed_destroy(bed);
	}
}

static void
a_packet_sealed_wrongly_is_found(void **state)
{
	(void)state;
	static const struct {
		struct seal seal;
		const char *what, *wrong;
	} rows[] = {
	    {{.flip = 40}, "a payload byte", "a packet holds something else than what went in"},
	    {{.flip = 50}, "the last byte", "a packet holds something else than what went in"},
	    {{.flip = 15}, "an address", "a packet holds something else than what went in"},
	    {{.flip = 23}, "a port", "a packet holds something else than what went in"},
	    {{.keep_ttl = true}, "the TTL not lowered", "a packet holds something else than what went in"},
	    {{.flip = 10}, "the inner checksum", "a packet holds something else than what went in"},
	    {{.flip = 4}, "the id", "a packet came out twice, or one that never went in"},
	    {{.sa_off = 1}, "another SA", "a packet went through the wrong SA"},
	    {{.sa_off = BED_SAS}, "an SA that is none", "an ESP header is wrong"},
	    {{.seq_off = -1}, "a number twice", "a sequence number came twice or out of order"},
	    {{.seq_off = -2}, "a number that goes back", "a sequence number came twice or out of order"},
	    {{.turn_esn = true}, "the number's high half", "a sealed packet does not open"},
	    {{.twist = {.tfc = 4}}, "more text", "a packet has the wrong length"},
	    {{.twist = {.pad_extra = 4}}, "more padding", "a packet has the wrong length"},
	    {{.shorten = 4}, "less text", "a packet has the wrong length"},
	    {{.twist = {.pad_zero = true}}, "padding of zeroes", "an ESP trailer is wrong"},
	    {{.twist = {.pad_length = 2}}, "the pad length", "an ESP trailer is wrong"},
	    {{.twist = {.next_header = 41}}, "the next header", "an ESP trailer is wrong"},
	};
	for (unsigned i = 0; i < 2 * ENTRIES(rows); i++) {
		struct seal seal = rows[i / 2].seal;
		struct bed *bed = bed_create("65", PG_BENCH_ENCRYPT, i % 2, BED_SAS, 0);
		for (unsigned k = 0; k < BED_SAS; k++)
			bed->out_seq[k] = UINT64_C(0x300000005);
		bed_fill(bed, 40);
		seal_batch(bed, NULL);
		expect(check(bed), NULL, "before");
		bed_fill(bed, 40);
		seal.at = 39;
		while (seal.sa_off == 1 &&
		       bed_number(bed_bytes(bed, seal.at) + BED_IP + 16, 4) == 0x0b000000u + BED_SAS - 1)
			seal.at--; /* not the last SA: there is none beside it */
		seal_batch(bed, &seal);
		expect(check(bed), rows[i / 2].wrong, rows[i / 2].what);
		bed_destroy(bed);
	}
}

/* A byte of a right packet changed on the wire; the outer checksum made right again, or not. */
static void
a_byte_that_is_wrong_on_the_wire_is_found(void **state)
{
	(void)state;
	static const struct {
		unsigned at; /* 0: the last byte */
		bool mend;
		const char *wrong;
	} rows[] = {
	    {3, false, "an Ethernet header is wrong"},
	    {9, false, "an Ethernet header is wrong"},
	    {12, false, "an Ethernet header is wrong"},
	    {BED_IP, true, "an outer header is wrong"},
	    {BED_IP + 3, true, "an outer header is wrong"},
	    {BED_IP + 9, true, "an outer header is wrong"},
	    {BED_IP + 10, false, "an outer header is wrong"},
	    {BED_IP + 11, false, "an outer header is wrong"},
	    {BED_IP + 15, true, "an outer header is wrong"},
	    {BED_IP + 19, true, "an outer header is wrong"},
	    {BED_ESP, false, "an ESP header is wrong"},
	    {BED_ESP + 7, false, "an ESP header is wrong"},
	    {BED_ESP + 8, false, "a sealed packet does not open"},
	    {BED_ESP + 16, false, "a sealed packet does not open"},
	    {BED_ESP + 16 + 30, false, "a sealed packet does not open"},
	    {0, false, "a sealed packet does not open"},
	};
	for (unsigned i = 0; i < ENTRIES(rows); i++) {
		char what[32];
		snprintf(what, sizeof(what), "byte %u", rows[i].at);
		struct bed *bed = bed_create("64", PG_BENCH_ENCRYPT, false, 1, 0);
		bed_fill(bed, 8);
		seal_batch(bed, NULL);
		uint8_t *frame = bed_bytes(bed, 7);
		frame[rows[i].at > 0 ? rows[i].at : bed->pkt[7]->data_len - 1u] ^= 0x02;
		if (rows[i].mend)
			witness_checksum(frame + BED_IP, 20);
		expect(check(bed), rows[i].wrong, what);
		bed_destroy(bed);
	}
}

static void
an_outer_ttl_of_zero_is_found(void **state)
{
	(void)state;
	struct bed *bed = bed_create("64", PG_BENCH_ENCRYPT, false, 1, 0);
	bed_fill(bed, 4);
	seal_batch(bed, NULL);
	bed_bytes(bed, 3)[BED_IP + 8] = 0;
	witness_checksum(bed_bytes(bed, 3) + BED_IP, 20);
	expect(check(bed), "an outer header is wrong", "TTL 0");
	bed_destroy(bed);
}

/* What the gateway should make of a filled batch of sealed frames. */
static void
open_batch(struct bed *bed)
{
	uint8_t inner[BED_BUFFER];
	for (unsigned i = 0; i < bed->n; i++) {
		uint8_t *frame = bed_bytes(bed, i);
		size_t bytes;
		uint32_t seq;
		const struct witness_sa w = bed_sa(bed, PG_BENCH_DECRYPT, bed_number(frame + BED_ESP, 4) - 0x20000000u);
		assert_null(witness_open(&w, bed_number(frame + BED_ESP + 8, 4), frame + BED_IP,
					 bed->pkt[i]->data_len - BED_IP, inner, &bytes, &seq));
		lower_ttl(inner);
		write_ether(frame, bed_lan_mac);
		memcpy(frame + BED_IP, inner, bytes);
		bed_length_set(bed, i, BED_IP + bytes);
	}
}

static void
what_the_witness_opens_is_right(void **state)
{
	(void)state;
	for (unsigned row = 0; row < BED_MIXES * 4; row++) {
		struct bed *bed = bed_create(bed_mixes[row / 4], PG_BENCH_DECRYPT, row & 1, row & 2 ? BED_SAS : 1, 0);
		for (unsigned batch = 0; batch < 2; batch++) {
			bed_fill(bed, batch == 0 ? 32 : PG_BENCH_BATCH_MAX);
			open_batch(bed);
			struct rte_mbuf *first = bed->pkt[0]; /* in any order */
			bed->pkt[0] = bed->pkt[9];
			bed->pkt[9] = first;
			expect(check(bed), NULL, bed_mixes[row / 4]);
		}
		bed_destroy(bed);
	}
}

static void
a_plain_packet_that_is_wrong_is_found(void **state)
{
	(void)state;
	static const struct {
		unsigned at; /* a byte to change; 0: none */
		int longer;
		bool mend; /* its IP checksum */
		const char *wrong;
	} rows[] = {
	    {0, 0, false, NULL},
	    {3, 0, false, "an Ethernet header is wrong"},
	    {11, 0, false, "an Ethernet header is wrong"},
	    {BED_IP + 5, 0, true, "a packet came out twice, or one that never went in"},
	    {BED_IP + 8, 0, true, "a packet holds something else than what went in"},
	    {BED_IP + 8, 0, false, "a packet holds something else than what went in"},
	    {BED_IP + 11, 0, false, "a packet holds something else than what went in"},
	    {BED_IP + 15, 0, true, "a packet holds something else than what went in"},
	    {BED_IP + 40, 0, false, "a packet holds something else than what went in"},
	    {63, 0, false, "a packet holds something else than what went in"},
	    {0, 1, false, "a packet has the wrong length"},
	    {0, -1, false, "a packet has the wrong length"},
	    {0, -63, false, "a packet has the wrong length"},
	};
	for (unsigned i = 0; i < ENTRIES(rows); i++) {
		char what[32];
		snprintf(what, sizeof(what), "row %u", i);
		struct bed *bed = bed_create("64", PG_BENCH_DECRYPT, true, BED_SAS, 0);
		bed_fill(bed, 10);
		open_batch(bed);
		uint8_t *frame = bed_bytes(bed, 6);
		frame[rows[i].at] ^= rows[i].at > 0 ? 0x03 : 0;
		if (rows[i].mend)
			witness_checksum(frame + BED_IP, 20);
		bed_length_set(bed, 6, (size_t)(64 + rows[i].longer));
		expect(check(bed), rows[i].wrong, what);
		bed_destroy(bed);
	}
}

static void
a_packet_that_is_missing_or_came_twice_is_found(void **state)
{
	(void)state;
	for (enum pg_bench_dir dir = 0; dir < PG_BENCH_DIRS; dir++) {
		struct bed *bed = bed_create("65", dir, false, 1, 0);
		bed_fill(bed, 10);
		if (dir == PG_BENCH_ENCRYPT)
			seal_batch(bed, NULL);
		else
			open_batch(bed);
		expect(pg_bench_source_check(&bed->source, bed->pkt, 9), "not every packet came out", "missing");
		const uint16_t bytes = bed->pkt[3]->data_len;
		memcpy(bed_bytes(bed, 4), bed_bytes(bed, 3), bytes);
		expect(check(bed),
		       dir == PG_BENCH_ENCRYPT ? "a sequence number came twice or out of order"
					       : "a packet came out twice, or one that never went in",
		       "twice");
		bed_fill(bed, 10);
		/* The same packet under two numbers. */
		memcpy(bed_bytes(bed, 4), bed_bytes(bed, 3), bed->pkt[3]->data_len);
		if (dir == PG_BENCH_ENCRYPT)
			seal_batch(bed, NULL);
		else
			open_batch(bed);
		expect(check(bed), "a packet came out twice, or one that never went in", "under two numbers");
		bed_destroy(bed);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_witness_seals_is_right),
	    cmocka_unit_test(packets_of_different_sas_may_change_places_those_of_one_may_not),
	    cmocka_unit_test(a_packet_sealed_wrongly_is_found),
	    cmocka_unit_test(a_byte_that_is_wrong_on_the_wire_is_found),
	    cmocka_unit_test(an_outer_ttl_of_zero_is_found),
	    cmocka_unit_test(what_the_witness_opens_is_right),
	    cmocka_unit_test(a_plain_packet_that_is_wrong_is_found),
	    cmocka_unit_test(a_packet_that_is_missing_or_came_twice_is_found),
	};
	bed_process_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
