/* SPDX-License-Identifier: BSD-3-Clause
 * The peer's packets, sealed, in pieces; see the header. */
#include "tests/unit/dataplane/pieces_rig.h"

#include "tests/unit/dataplane/fragment_rig.h"
#include "tests/unit/dataplane/header_rig.h"

static const struct witness_twist plain;

void
pieces_identify(uint8_t *wire, unsigned id)
{
	header_put16(wire + 4, id);
	witness_checksum(wire, 20);
}

size_t
pieces_seal(struct gateway *gw, uint64_t seq, uint16_t payload, uint8_t *ip, uint8_t *wire)
{
	size_t bytes = gateway_inbound_packet(ip, payload);
	size_t wire_bytes = witness_seal(&gw->in, seq, ip, bytes, &plain, wire);
	pieces_identify(wire, (unsigned)seq);
	ip[8]--;
	witness_checksum(ip, 20);
	return wire_bytes;
}

void
pieces_put(struct gateway *gw, const uint8_t *wire, size_t bytes, size_t at, size_t n)
{
	static uint8_t piece[PIECES_BUFFER];
	if (20 + at + n > bytes)
		n = bytes - 20 - at;
	gateway_put(gw, GW_PORT_WAN, piece, fragment_rig_cut(wire, bytes, at, n, piece));
}
