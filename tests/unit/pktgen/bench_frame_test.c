/* SPDX-License-Identifier: BSD-3-Clause
 * The benchmark's frames, looked at by a peer of the tests' own, on OpenSSL (esp_witness). */
#include "pktgen/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "tests/unit/pktgen/bench_bed.h"

#define ENTRIES(array) (sizeof(array) / sizeof((array)[0]))

static void
plain_frames_are_what_hosts_would_send(void **state)
{
	(void)state;
	bool met[BED_SAS] = {false};
	struct bed *bed = bed_create("imix", PG_BENCH_ENCRYPT, false, BED_SAS, 0);
	for (unsigned batch = 0; batch < 3; batch++) {
		bed_fill(bed, 50);
		for (unsigned i = 0; i < bed->n; i++) {
			const uint8_t *frame = bed_bytes(bed, i), *ip = frame + BED_IP;
			uint8_t header[20];
			const unsigned size = bed->mix.size[(batch * 50 + i) % bed->mix.cycle];
			assert_int_equal(bed->pkt[i]->data_len, size);
			assert_int_equal(bed->pkt[i]->pkt_len, size);
			assert_memory_equal(frame, bed_lan_mac, 6);
			assert_memory_equal(frame + 6, pg_bench_neighbour, 6);
			assert_int_equal(bed_number(frame + 12, 2), 0x0800);
			memcpy(header, ip, 20);
			witness_checksum(header, 20);
			assert_memory_equal(header, ip, 20);
			assert_int_equal(bed_number(ip, 1), 0x45);
			assert_int_equal(bed_number(ip + 2, 2), size - BED_IP);
			assert_int_equal(bed_number(ip + 6, 2), 0);
			assert_int_equal(ip[8], 64);
			assert_int_equal(ip[9], 17);
			assert_int_equal(bed_number(ip + 12, 4), 0x0a01000au);
			assert_in_range(bed_number(ip + 16, 4), 0x0b000000u, 0x0b000000u + BED_SAS - 1);
			met[bed_number(ip + 16, 4) - 0x0b000000u] = true;
			assert_int_equal(bed_number(ip + 24, 2), size - BED_IP - 20);
		}
	}
	for (unsigned i = 0; i < BED_SAS; i++)
		assert_true(met[i]);
	bed_destroy(bed);
}

static void
sealed_frames_open_at_an_independent_peer_with_numbers_that_rise(void **state)
{
	(void)state;
	static const uint64_t starts[] = {0, UINT64_C(0xfffffff0)};
	uint8_t inner[BED_BUFFER];
	for (unsigned row = 0; row < BED_MIXES * 4; row++) {
		const bool esn = row & 1, many = row & 2;
		struct bed *bed = bed_create(bed_mixes[row / 4], PG_BENCH_DECRYPT, esn, many ? BED_SAS : 1, 0);
		uint64_t last[BED_SAS];
		for (unsigned i = 0; i < BED_SAS; i++)
			last[i] = bed->in_seq[i] = starts[esn];
		for (unsigned batch = 0; batch < 2; batch++) {
			bed_fill(bed, 32);
			for (unsigned i = 0; i < bed->n; i++) {
				const uint8_t *frame = bed_bytes(bed, i);
				const uint32_t sa = bed_number(frame + BED_ESP, 4) - 0x20000000u;
				size_t bytes;
				uint32_t seq;
				assert_in_range(sa, 0, BED_SAS - 1);
				assert_memory_equal(frame, bed_wan_mac, 6);
				const struct witness_sa w = bed_sa(bed, PG_BENCH_DECRYPT, sa);
				const char *wrong = witness_open(&w, (uint32_t)(++last[sa] >> 32), frame + BED_IP,
								 bed->pkt[i]->data_len - BED_IP, inner, &bytes, &seq);
				if (wrong != NULL)
					fail_msg("%s, ESN %d, frame %u: %s", bed_mixes[row / 4], esn, i, wrong);
				assert_int_equal(seq, (uint32_t)last[sa]);
				assert_int_equal(bytes, bed->mix.size[(batch * 32 + i) % bed->mix.cycle] - BED_IP);
				assert_int_equal(bed_number(inner + 12, 4), 0x0b000000u + sa);
				assert_int_equal(bed_number(inner + 16, 4), 0x0a01000au);
			}
		}
		bed_destroy(bed);
	}
}

static void
sources_make_different_frames_and_each_the_same_in_every_run(void **state)
{
	(void)state;
	struct bed *bed = bed_create("64", PG_BENCH_ENCRYPT, false, BED_SAS, 0),
		   *again = bed_create("64", PG_BENCH_ENCRYPT, false, BED_SAS, 0),
		   *other = bed_create("64", PG_BENCH_ENCRYPT, false, BED_SAS, 1);
	bed_fill(bed, 64);
	bed_fill(again, 64);
	bed_fill(other, 64);
	for (unsigned i = 0; i < 64; i++)
		assert_memory_equal(bed_bytes(bed, i), bed_bytes(again, i), 64);
	assert_memory_not_equal(bed->source.sa, other->source.sa, 64 * sizeof(bed->source.sa[0]));
	bed_destroy(bed);
	bed_destroy(again);
	bed_destroy(other);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_frames_are_what_hosts_would_send),
	    cmocka_unit_test(sealed_frames_open_at_an_independent_peer_with_numbers_that_rise),
	    cmocka_unit_test(sources_make_different_frames_and_each_the_same_in_every_run),
	};
	bed_process_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
