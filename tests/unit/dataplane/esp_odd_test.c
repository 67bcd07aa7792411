/* SPDX-License-Identifier: BSD-3-Clause
 * Outbound SAs with wishes: padding against traffic analysis, and an outer header that is not copied from the inner one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/xfrm.h>

#include <cmocka.h>

#include "tests/unit/dataplane/outer_v6_rig.h"

static char engine[] = "auto";

static void
update(struct gateway *gw, const struct sadb_sa_config *config)
{
	struct sadb_error err;
	if (sadb_sa_update(gw->db, config, &err) < 0)
		fail_msg("%s", err.text);
	gateway_commit(gw);
}

/* What the gateway made of a packet from inside: the outer packet; and opened, what was sealed. */
static size_t
sealed(struct gateway *gw, const uint8_t *ip, size_t bytes, uint8_t *wire, uint8_t *inner)
{
	uint8_t copy[RIG_BUFFER];
	size_t inner_bytes = 0;
	uint32_t seq;
	gw->v6 = ip[0] >> 4 == 6;
	rig_turn_with(gw, GW_PORT_LAN, ip, bytes);
	size_t n = gateway_take(gw, GW_PORT_WAN, wire);
	if (n == 0 || n > 1500)
		fail_msg("%zu bytes inside made %zu outside", bytes, n);
	memcpy(copy, wire, n);
	const char *wrong = NULL;
	if (wire[0] >> 4 == 6) {
		copy[7] = 64; /* is what the rig expects */
		wrong = outer_unwrap(copy, &n, &gw->out, false);
	}
	if (wrong == NULL)
		wrong = witness_open(&gw->out, 0, copy, n, inner, &inner_bytes, &seq);
	if (wrong != NULL)
		fail_msg("%zu bytes inside: %s", bytes, wrong);
	return inner_bytes;
}

static size_t
packet(uint8_t *ip, bool v6, uint16_t payload, uint8_t tos)
{
	if (v6) {
		const size_t bytes = rig_packet(ip, RIG_HOST, RIG_FAR, payload);
		ip[0] = (uint8_t)(0x60 | tos >> 4);
		ip[1] = (uint8_t)(tos << 4);
		return bytes;
	}
	const size_t bytes = gateway_outbound_packet(ip, payload);
	ip[1] = tos;
	witness_checksum(ip, 20);
	return bytes;
}

static void
start(struct gateway *gw, bool outer_v6, bool inner_v6)
{
	if (outer_v6)
		outer_start(gw, 0, 1500, false);
	else if (inner_v6)
		rig_start(gw);
	else
		gateway_start(gw, engine, 0, 128);
}

static struct sadb_sa_config
config_of(const struct gateway *gw, bool outer_v6)
{
	return outer_v6 ? outer_sa(&gw->out, 0, false) : gateway_sa(&gw->out, 0, 128);
}

/* RFC 4303 2.7: of the length wanted, as far as 1500 bytes on the wire take it; the packet in front, zeros behind. */
static void
short_packets_are_padded_and_long_ones_left(void **state)
{
	(void)state;
	static const uint16_t wanted[] = {1, 27, 28, 29, 100, 101, 102, 103, 1000, 1426, 1445, 1446, 1447, 9000, 65535};
	static const uint16_t payloads[] = {0, 1, 2, 3, 50, 500, 1370};
	for (unsigned families = 0; families < 4; families++) {
		const bool outer_v6 = families & 1, inner_v6 = families & 2;
		const size_t most = outer_v6 ? 1426 : 1446;
		struct gateway gw;
		start(&gw, outer_v6, inner_v6);
		struct sadb_sa_config config = config_of(&gw, outer_v6);
		for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			config.tfc_pad_bytes = wanted[i];
			update(&gw, &config);
			for (unsigned p = 0; p < sizeof(payloads) / sizeof(payloads[0]); p++) {
				uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER], inner[RIG_BUFFER];
				const size_t bytes = packet(ip, inner_v6, payloads[p], 0);
				const size_t fits = wanted[i] < most ? wanted[i] : most;
				const size_t n = sealed(&gw, ip, bytes, wire, inner);
				if (n != (bytes < fits ? fits : bytes))
					fail_msg("%zu bytes to %u: %zu", bytes, wanted[i], n);
				const size_t after_hops = inner_v6 ? 8 : 12; /* hop limit, or TTL and checksum */
				assert_memory_equal(inner + after_hops, ip + after_hops, bytes - after_hops);
				for (size_t k = bytes; k < n; k++)
					assert_int_equal(inner[k], 0);
			}
		}
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

static void
the_outer_header_is_what_the_sa_wants(void **state)
{
	(void)state;
	static const struct {
		uint32_t flags;
		uint8_t dscp, ttl;
	} rows[] = {
	    {0, 0, 1},
	    {0, 0, 255},
	    {SADB_SA_OUTER_DSCP, 0, 0},
	    {SADB_SA_OUTER_DSCP, 46, 0},
	    {SADB_SA_OUTER_DSCP, 63, 9},
	    {SADB_SA_OUTER_DF, 0, 0},
	    {SADB_SA_OUTER_DF | SADB_SA_OUTER_DSCP, 10, 200},
	    {SADB_SA_NOPMTUDISC, 0, 7},
	    {SADB_SA_OUTER_DSCP | SADB_SA_NOECN, 46, 0},
	};
	static const uint8_t tos[] = {0, 1, 3, 0xb8, 0xff};
	for (unsigned families = 0; families < 4; families++) {
		const bool outer_v6 = families & 1, inner_v6 = families & 2;
		struct gateway gw;
		start(&gw, outer_v6, inner_v6);
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct sadb_sa_config config = config_of(&gw, outer_v6);
			config.flags = rows[i].flags;
			config.outer_dscp = rows[i].dscp;
			config.outer_ttl = rows[i].ttl;
			update(&gw, &config);
			for (unsigned t = 0; t < sizeof(tos) / sizeof(tos[0]); t++) {
				uint8_t ip[RIG_BUFFER], wire[RIG_BUFFER], inner[RIG_BUFFER];
				const size_t bytes = packet(ip, inner_v6, 100, tos[t]);
				assert_int_equal(sealed(&gw, ip, bytes, wire, inner), bytes);
				const uint8_t got_tos = outer_v6 ? (uint8_t)(wire[0] << 4 | wire[1] >> 4) : wire[1];
				uint8_t expected = rows[i].flags & SADB_SA_NOECN ? tos[t] & 0xfc : tos[t];
				if (rows[i].flags & SADB_SA_OUTER_DSCP)
					expected = (uint8_t)(rows[i].dscp << 2 | (expected & 3));
				assert_int_equal(got_tos, expected);
				assert_int_equal(wire[outer_v6 ? 7 : 8], rows[i].ttl != 0 ? rows[i].ttl : 64);
				if (!outer_v6) {
					const bool df = (rows[i].flags & SADB_SA_OUTER_DF) ||
							(inner_v6 && !(rows[i].flags & SADB_SA_NOPMTUDISC));
					assert_int_equal(wire[6], df ? 0x40 : 0);
				}
			}
		}
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

static void
what_no_header_can_say_is_refused(void **state)
{
	(void)state;
	struct gateway gw;
	struct sadb_error err;
	gateway_start(&gw, engine, 0, 128);
	struct sadb_sa_config config = gateway_sa(&gw.out, SADB_SA_OUTER_DSCP, 128);
	config.outer_dscp = 64;
	assert_int_equal(sadb_sa_update(gw.db, &config, &err), -EINVAL);
	config = gateway_sa(&gw.out, SADB_SA_OUTER_DF | SADB_SA_NOPMTUDISC, 128);
	assert_int_equal(sadb_sa_update(gw.db, &config, &err), -EINVAL);
	config = gateway_sa(&gw.out, SADB_SA_FRAGMENT_AFTER, 128);
	config.mode = XFRM_MODE_TRANSPORT;
	config.vnet_id = SADB_UNDERLAY_ID;
	assert_int_equal(sadb_sa_update(gw.db, &config, &err), -EINVAL);
	assert_non_null(strstr(err.text, "transport mode cuts after"));
	gateway_stop(&gw);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(short_packets_are_padded_and_long_ones_left),
	    cmocka_unit_test(the_outer_header_is_what_the_sa_wants),
	    cmocka_unit_test(what_no_header_can_say_is_refused),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
