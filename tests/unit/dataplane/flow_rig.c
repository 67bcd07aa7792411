/* SPDX-License-Identifier: BSD-3-Clause
 * Flows through a gateway; see the header. */
#include "tests/unit/dataplane/flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct sadb_addr
flow_v4(uint32_t addr)
{
	return sadb_addr_v4(rte_cpu_to_be_32(addr));
}

void
flow_commit(struct gateway *gw)
{
	gateway_commit(gw);
	assert_int_equal(sadb_reclaim(gw->db), 0);
}

unsigned
flow_remembered(const struct gateway *gw)
{
	unsigned n = 0;
	for (unsigned i = 0; i < DP_FLOW_SLOTS; i++)
		n += gw->w->flows.entry[i].domain != 0 && gw->w->flows.entry[i].generation == sadb_generation(gw->db);
	return n;
}

size_t
flow_packet(uint8_t *ip, uint32_t src, uint32_t dst, uint16_t sport)
{
	const struct witness_ip header = {
	    .src = src, .dst = dst, .sport = sport, .dport = 5000, .payload = 40, .proto = 17, .ttl = 64};
	return witness_packet(&header, ip);
}

uint32_t
flow_send_out(struct gateway *gw, uint32_t src, uint32_t dst, uint16_t sport)
{
	uint8_t ip[FLOW_BUFFER], wire[FLOW_BUFFER];
	size_t bytes = flow_packet(ip, src, dst, sport);
	gateway_put(gw, GW_PORT_LAN, ip, bytes);
	gateway_turn(gw);
	assert_int_equal(gateway_take(gw, GW_PORT_LAN, wire), 0);
	if (gateway_take(gw, GW_PORT_WAN, wire) == 0)
		return 0;
	assert_int_equal(wire[9], IPPROTO_ESP);
	return (uint32_t)wire[20] << 24 | (uint32_t)wire[21] << 16 | (uint32_t)wire[22] << 8 | wire[23];
}

void
flow_put_sealed(struct gateway *gw, const struct witness_sa *sa, uint64_t seq, uint32_t src, uint32_t dst,
		uint16_t sport)
{
	static const struct witness_twist plain;
	uint8_t ip[FLOW_BUFFER], wire[FLOW_BUFFER];
	size_t bytes = flow_packet(ip, src, dst, sport);
	gateway_put(gw, GW_PORT_WAN, wire, witness_seal(sa, seq, ip, bytes, &plain, wire));
}

void
flow_far_is_local(struct gateway *gw)
{
	const struct sadb_route route = {.dst = {flow_v4(GW_FAR), 32}, .port = GW_PORT_LAN, .kind = SADB_ROUTE_LOCAL};
	gateway_routes(gw, &route, 1);
}
