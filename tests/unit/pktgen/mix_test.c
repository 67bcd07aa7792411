/* SPDX-License-Identifier: BSD-3-Clause
 * Mixes of frame sizes: what they hold, in which order, and that every flow meets every size. */
#include "pktgen/mix.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
a_mix_holds_what_is_written(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		unsigned cycle, min, max, bytes;
	} rows[] = {
	    {"64", 0, 1, 64, 64, 64},        {"9216", 0, 1, 9216, 9216, 9216},
	    {"64,512", 0, 2, 64, 512, 576},  {"64x7+590x4+1514x1", 0, 12, 64, 1514, 4322},
	    {"imix", 0, 12, 64, 1514, 4322}, {"100x256", 0, 256, 100, 100, 25600},
	    {"63", -ERANGE, 0, 0, 0, 0},     {"9217", -ERANGE, 0, 0, 0, 0},
	    {"0", -ERANGE, 0, 0, 0, 0},      {"64,63", -ERANGE, 0, 0, 0, 0},
	    {"100000", -EINVAL, 0, 0, 0, 0}, {"64x0", -EINVAL, 0, 0, 0, 0},
	    {"64x257", -EINVAL, 0, 0, 0, 0}, {"64x200,65x57", -EINVAL, 0, 0, 0, 0},
	    {"64,", -EINVAL, 0, 0, 0, 0},    {"64x", -EINVAL, 0, 0, 0, 0},
	    {"", -EINVAL, 0, 0, 0, 0},       {"big", -EINVAL, 0, 0, 0, 0},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_mix mix;
		const int rc = pg_mix_parse(rows[i].text, &mix);
		if (rc != rows[i].rc)
			fail_msg("'%s': %d", rows[i].text, rc);
		if (rc != 0)
			continue;
		assert_int_equal(mix.cycle, rows[i].cycle);
		assert_int_equal(mix.min, rows[i].min);
		assert_int_equal(mix.max, rows[i].max);
		assert_int_equal(mix.bytes, rows[i].bytes);
		assert_string_equal(mix.name, rows[i].text);
	}
}

static void
a_cycle_has_each_size_as_often_as_its_weight_and_spread_out(void **state)
{
	(void)state;
	struct pg_mix mix;
	unsigned small = 0, middle = 0, large = 0, run = 0, longest = 0;

	assert_int_equal(pg_mix_parse("imix", &mix), 0);
	for (unsigned i = 0; i < mix.cycle; i++) {
		small += mix.size[i] == 64;
		middle += mix.size[i] == 590;
		large += mix.size[i] == 1514;
		run = mix.size[i] == 64 ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	assert_int_equal(small, 7);
	assert_int_equal(middle, 4);
	assert_int_equal(large, 1);
	assert_in_range(longest, 1, 2);
	assert_true(pg_mix_mean(&mix) > 360.16 && pg_mix_mean(&mix) < 360.17);
}

/* Walks as the transmitter does, and marks which entry of the cycle each flow met. */
static void
every_flow_meets_every_size_whatever_the_number_of_flows(void **state)
{
	(void)state;
	static const char *const mixes[] = {"64", "64,512", "imix", "64x5+128x5+1422x5", "64x100+1422x156"};
	static const uint32_t flows[] = {1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 15, 24, 60, 256, 1000};
	for (unsigned m = 0; m < sizeof(mixes) / sizeof(mixes[0]); m++) {
		struct pg_mix mix;
		assert_int_equal(pg_mix_parse(mixes[m], &mix), 0);
		for (unsigned f = 0; f < sizeof(flows) / sizeof(flows[0]); f++) {
			uint8_t *met = calloc(flows[f], mix.cycle);
			const unsigned skip = pg_mix_skip(&mix, flows[f]);
			unsigned at = 0;
			for (unsigned round = 0; round < mix.cycle; round++) {
				for (unsigned flow = 0; flow < flows[f]; flow++)
					met[flow * mix.cycle + at++ % mix.cycle] = 1;
				at += skip;
			}
			if (memchr(met, 0, (size_t)flows[f] * mix.cycle) != NULL)
				fail_msg("%s with %u flows: a flow misses a size", mixes[m], flows[f]);
			free(met);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_mix_holds_what_is_written),
	    cmocka_unit_test(a_cycle_has_each_size_as_often_as_its_weight_and_spread_out),
	    cmocka_unit_test(every_flow_meets_every_size_whatever_the_number_of_flows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
