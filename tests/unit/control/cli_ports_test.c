/* SPDX-License-Identifier: BSD-3-Clause
 * Ranges of ports and the blocks that they are made of. */
#include "control/cli/ports.h"

#include "tests/unit/control/cli_rig.h"

static void
a_range_becomes_the_fewest_blocks_in_order(void **state)
{
	static const struct {
		uint16_t first, last, max;
		const char *blocks;
	} cases[] = {
	    {0, 65535, 65535, "any"},
	    {0, 0, 65535, "0"},
	    {65535, 65535, 65535, "65535"},
	    {80, 80, 65535, "80"},
	    {5000, 5007, 65535, "5000-5007"},
	    {5000, 5008, 65535, "5000-5007 5008"},
	    {4999, 5007, 65535, "4999 5000-5007"},
	    {0, 65534, 65535,
	     "0-32767 32768-49151 49152-57343 57344-61439 61440-63487 63488-64511 64512-65023 65024-65279 65280-65407 "
	     "65408-65471 65472-65503 65504-65519 65520-65527 65528-65531 65532-65533 65534"},
	    {1, 65535, 65535,
	     "1 2-3 4-7 8-15 16-31 32-63 64-127 128-255 256-511 512-1023 1024-2047 2048-4095 4096-8191 8192-16383 "
	     "16384-32767 32768-65535"},
	    {1000, 1999, 65535, "1000-1007 1008-1023 1024-1535 1536-1791 1792-1919 1920-1983 1984-1999"},
	    {1024, 65535, 65535, "1024-2047 2048-4095 4096-8191 8192-16383 16384-32767 32768-65535"},
	    {0, 255, 65535, "0-255"},
	    {0, 255, 255, "any"},
	    {0, 8, 255, "0-7 8"},
	    {128, 255, 255, "128-255"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cli_ports blocks[CLI_PORTS_MAX];
		struct cli_text text = {.text = ""};
		char buf[CLI_PORTS_STRLEN];
		const unsigned n = cli_ports_split(cases[i].first, cases[i].last, cases[i].max, blocks);

		for (unsigned k = 0; k < n; k++)
			cli_text_add(&text, "%s%s", k > 0 ? " " : "", cli_ports_format(blocks[k], buf));
		assert_string_equal(text.text, cases[i].blocks);
	}
}

/* Every port of the range in one block, every other in none; by counting, not by the ranges of the blocks. */
static void
blocks_hold_the_range_and_nothing_else(void **state)
{
	static const uint16_t ends[] = {0, 1, 2, 255, 256, 999, 1000, 1999, 32767, 32768, 49151, 65533, 65534, 65535};
	unsigned most = 0;

	(void)state;
	for (size_t a = 0; a < sizeof(ends) / sizeof(ends[0]); a++) {
		for (size_t b = a; b < sizeof(ends) / sizeof(ends[0]); b++) {
			struct cli_ports blocks[CLI_PORTS_MAX];
			const unsigned n = cli_ports_split(ends[a], ends[b], UINT16_MAX, blocks);

			assert_in_range(n, 1, CLI_PORTS_MAX);
			most = n > most ? n : most;
			for (uint32_t port = 0; port <= UINT16_MAX; port++) {
				unsigned in = 0;

				for (unsigned k = 0; k < n; k++)
					in += (port & blocks[k].mask) == blocks[k].port;
				if (in != (port >= ends[a] && port <= ends[b]))
					fail_msg("%u-%u: port %u is in %u blocks", ends[a], ends[b], port, in);
			}
		}
	}
	assert_int_equal(most, CLI_PORTS_MAX);
}

static void
a_mask_is_shown_as_the_range_that_it_makes_or_as_it_is(void **state)
{
	static const struct {
		struct cli_ports ports;
		const char *text;
	} cases[] = {
	    {{0, 0}, "any"},
	    {{5000, 0}, "any"},
	    {{80, 0xffff}, "80"},
	    {{5000, 0xfff8}, "5000-5007"},
	    {{5003, 0xfff8}, "5000-5007"},
	    {{0x8000, 0x8000}, "32768-65535"},
	    {{80, 0x00ff}, "0x0050/0x00ff"},
	    {{80, 0xfffd}, "0x0050/0xfffd"},
	    {{1, 0x7fff}, "0x0001/0x7fff"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char buf[CLI_PORTS_STRLEN];

		assert_string_equal(cli_ports_format(cases[i].ports, buf), cases[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_range_becomes_the_fewest_blocks_in_order),
	    cmocka_unit_test(blocks_hold_the_range_and_nothing_else),
	    cmocka_unit_test(a_mask_is_shown_as_the_range_that_it_makes_or_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
