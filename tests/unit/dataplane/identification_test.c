/* SPDX-License-Identifier: BSD-3-Clause
 * Identifications of IPv4 that come again while a packet still waits for a piece, as they do behind a fast tunnel (RFC 4963). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/dataplane/pieces_rig.h"

#define BETWEEN 4096 /* packets before one does, in reality 65535 */

/* A packet in two pieces, one of which may get lost. True: it arrived. */
static bool
in_two(struct gateway *gw, uint64_t seq, unsigned id, bool first, bool second)
{
	static uint8_t ip[PIECES_BUFFER], wire[PIECES_BUFFER];
	const size_t bytes = pieces_seal(gw, seq, 1400, ip, wire);
	bool arrived = false;
	pieces_identify(wire, id);
	if (first)
		pieces_put(gw, wire, bytes, 0, 800);
	if (second)
		pieces_put(gw, wire, bytes, 800, 800);
	gateway_turn(gw);
	while (gateway_take(gw, GW_PORT_LAN, ip) != 0)
		arrived = true;
	return arrived;
}

/* What is left of a packet meets the next one of its identification. That may cost this one, but not all that follow. */
static void
a_lost_piece_costs_at_most_one_packet_more(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct gateway gw;
		unsigned arrived = 0;
		uint64_t seq = 0;
		gateway_start(&gw, "auto", 0, 128);
		in_two(&gw, ++seq, 7, kind == 0, kind != 0);
		for (unsigned again = 0; again < 4; again++) {
			for (unsigned i = 0; i < BETWEEN; i++)
				if (!in_two(&gw, ++seq, 8 + i, true, true))
					fail_msg("packet %lu did not arrive", seq);
			arrived += in_two(&gw, ++seq, 7, true, true);
		}
		if (arrived < 3)
			fail_msg("the %s piece was lost: of 4 whole packets %u arrived; icv %lu, overlap %lu",
				 kind == 0 ? "second" : "first", arrived, gateway_dropped(&gw, DP_DROP_ICV),
				 gateway_dropped(&gw, DP_DROP_FRAGMENT_OVERLAP));
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_lost_piece_costs_at_most_one_packet_more)};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
