/* SPDX-License-Identifier: BSD-3-Clause
 * Frames from inside through all stages. The input is a row of commands: send a packet or frame as it is, or one to a
 * network of the policies'. What leaves on the underlay is ESP, whole or in pieces, that the peer opens, to whom the policy says, under a
 * number never used before; what policy protects or blocks leaves nowhere else. */
#include <string.h>

#include "tests/fuzz/fuzz_gateway.h"
#include "tests/unit/dataplane/outer_v6_rig.h"
#include "tests/unit/dataplane/udp_rig.h"

enum command { PACKET, FRAME, POLICY_V4, POLICY_V6, INJECT, TURN, DUMMY, COMMANDS };
enum { AS_IT_IS = 0x8000 }; /* of a length: the checksum is left alone */

#define FRAMES_MAX 64
#define NEXT_DUMMY 59

static unsigned dummies; /* asked for, and not yet seen */

static bool
is_v6_net(const uint8_t *addr, uint8_t net)
{
	static const uint8_t prefix[] = {0x20, 0x01, 0x0d, 0xb8, 0};

	return memcmp(addr, prefix, sizeof(prefix)) == 0 && addr[5] == net && addr[6] == 0 && addr[7] == 0;
}

/* To a network of that policy: 10.NET.0.0/24 or 2001:db8:NET::/64. */
static bool
is_to(const uint8_t *ip, size_t bytes, uint8_t net)
{
	if (bytes >= 40 && ip[0] >> 4 == 6)
		return is_v6_net(ip + 24, net);
	return bytes >= 20 && ip[0] >> 4 == 4 && ip[16] == 10 && ip[17] == net && ip[18] == 0;
}

static uint64_t
get64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* What was cut after ESP, so far. */
static struct {
	size_t bytes, head;
	uint32_t id;
	uint8_t packet[4096];
} whole;

struct piece {
	unsigned at;         /* its place, in bytes */
	size_t before, head; /* what stands before its payload, and what of that is the packet's own header */
	uint32_t id;
};

/* Pieces come in order and one packet's after the other's, unless a port took no more: then one may be missing. False: nothing can be
 * made of it. */
static bool
take_piece(const uint8_t *ip, size_t bytes, const struct piece *piece)
{
	fuzz_expect(bytes > piece->before);
	if (piece->at == 0) {
		memcpy(whole.packet, ip, piece->head);
		whole.bytes = whole.head = piece->head;
		whole.id = piece->id;
	}
	if (whole.head != piece->head || whole.bytes != piece->head + piece->at || whole.id != piece->id) {
		fuzz_expect(gateway_dropped(&fuzz_gw.gw, DP_DROP_TX_FULL) > 0);
		whole.bytes = 0;
		return false;
	}
	fuzz_expect(memcmp(whole.packet + 12, ip + 12, 8) == 0);
	fuzz_expect(whole.bytes + bytes - piece->before <= sizeof(whole.packet));
	memcpy(whole.packet + whole.bytes, ip + piece->before, bytes - piece->before);
	whole.bytes += bytes - piece->before;
	return true;
}

/* Returns the length of the packet that this, the last piece, completes in whole; 0: it is none. */
static size_t
join_v4(const uint8_t *ip, size_t bytes)
{
	const unsigned place = get16(ip + 6);
	fuzz_expect((place & 0xc000) == 0 && get16(ip + 2) == bytes && get16(ip + 4) != 0);
	const struct piece piece = {.at = (place & 0x1fff) * 8, .before = 20, .head = 20, .id = get16(ip + 4)};
	if (!take_piece(ip, bytes, &piece) || (place & 0x2000))
		return 0;
	whole.packet[2] = (uint8_t)(whole.bytes >> 8);
	whole.packet[3] = (uint8_t)whole.bytes;
	whole.packet[6] = 0;
	witness_checksum(whole.packet, 20);
	return whole.bytes;
}

static size_t
join_v6(const uint8_t *ip, size_t bytes)
{
	fuzz_expect(bytes > 48 && get16(ip + 4) == bytes - 40 && ip[41] == 0);
	const struct piece piece = {
	    .at = get16(ip + 42) & 0xfff8, .before = 48, .head = 40, .id = get16(ip + 44) << 16 | get16(ip + 46)};
	if (!take_piece(ip, bytes, &piece) || (ip[43] & 1))
		return 0;
	whole.packet[4] = (uint8_t)((whole.bytes - 40) >> 8);
	whole.packet[5] = (uint8_t)(whole.bytes - 40);
	whole.packet[6] = ip[40];
	return whole.bytes;
}

static void
expect_whole(const uint8_t *ip, size_t bytes)
{
	static uint8_t wire[4096], inner[4096];
	struct fuzz_sa *sa = &fuzz_gw.out[FUZZ_OUT_PLAIN];
	size_t inner_bytes;
	uint32_t seq;

	fuzz_expect(bytes <= sizeof(wire) && bytes > 36);
	memcpy(wire, ip, bytes);
	if (wire[0] >> 4 == 6) {
		sa = &fuzz_gw.out[FUZZ_OUT_V6];
		fuzz_expect(outer_unwrap(wire, &bytes, &sa->sa, false) == NULL);
	} else if (wire[9] == 17) {
		sa = &fuzz_gw.out[FUZZ_OUT_UDP];
		fuzz_expect(witness_udp_unwrap(wire, &bytes, UDP_RIG_NAT_T, UDP_RIG_PEER) == NULL);
	}
	const uint64_t number = get64(wire + 28); /* the IV is the number */
	const char *wrong = witness_open(&sa->sa, (uint32_t)(number >> 32), wire, bytes, inner, &inner_bytes, &seq);
	const bool dummy = wrong != NULL;
	if (dummy) { /* it says that it is one, and nothing else is wrong */
		struct witness_sa none = sa->sa;
		none.next_header = NEXT_DUMMY;
		wrong = witness_open(&none, (uint32_t)(number >> 32), wire, bytes, inner, &inner_bytes, &seq);
		fuzz_expect(dummies-- > 0);
	}
	fuzz_expect(wrong == NULL);
	fuzz_expect(seq == (uint32_t)number && number > sa->top);
	sa->top = number;
	if (dummy)
		return;
	if (sa == &fuzz_gw.out[FUZZ_OUT_UDP])
		fuzz_expect(is_to(inner, inner_bytes, 3));
	else if (sa == &fuzz_gw.out[FUZZ_OUT_V6])
		fuzz_expect(is_to(inner, inner_bytes, 8));
	else
		fuzz_expect(is_to(inner, inner_bytes, 2) || is_to(inner, inner_bytes, 7));
}

static void
expect_esp(const uint8_t *ip, size_t bytes)
{
	fuzz_expect(bytes > 20 && bytes <= 1500);
	if (ip[0] >> 4 == 6 && ip[6] == 44)
		bytes = join_v6(ip, bytes);
	else if (ip[0] >> 4 == 4 && (get16(ip + 6) & 0x3fff) != 0)
		bytes = join_v4(ip, bytes);
	else {
		expect_whole(ip, bytes);
		return;
	}
	if (bytes != 0)
		expect_whole(whole.packet, bytes);
}

static void
left(enum gw_port port, bool punted, const uint8_t *ip, size_t bytes)
{
	static const uint8_t secret[] = {2, 3, 4, 6, 8}; /* of IPv6 the first */
	const size_t n = bytes > 0 && ip[0] >> 4 == 6 ? 1 : sizeof(secret);

	if (punted)
		return;
	if (port == GW_PORT_WAN) {
		expect_esp(ip, bytes);
		return;
	}
	for (size_t i = 0; i < n; i++)
		fuzz_expect(!is_to(ip, bytes, secret[i]));
}

/* A packet from the host inside to net, with what the input says elsewhere. */
static void
set_address(uint8_t *ip, size_t bytes, uint8_t net, bool v6)
{
	static const uint8_t from_v4[] = {10, 1, 0, 10, 10};
	static const uint8_t from_v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a};

	if (v6 && bytes >= 40) {
		ip[0] = 0x60;
		memcpy(ip + 8, from_v6, sizeof(from_v6));
		memcpy(ip + 24, from_v6, sizeof(from_v6));
		ip[29] = net;
	} else if (!v6 && bytes >= 20) {
		memcpy(ip + 12, from_v4, sizeof(from_v4));
		ip[17] = net;
		ip[18] = 0;
	}
}

static void
send_one(struct fuzz_input *in, enum command command)
{
	static uint8_t copy[FUZZ_FRAME];
	const uint8_t net = command == POLICY_V4 || command == POLICY_V6 ? fuzz_u8(in) % 10 : 0;
	const uint16_t word = fuzz_u16(in);
	size_t size;
	const uint8_t *bytes = fuzz_bytes(in, (word & 0x7fff) % FUZZ_FRAME, &size);

	memcpy(copy, bytes, size);
	if (command == FRAME) {
		fuzz_put_frame(GW_PORT_LAN, copy, size);
		return;
	}
	if (command == POLICY_V4 || command == POLICY_V6)
		set_address(copy, size, net, command == POLICY_V6);
	if (!(word & AS_IT_IS))
		fuzz_checksum(copy, size);
	if (command == INJECT)
		fuzz_inject(copy, size);
	else
		fuzz_put_packet(GW_PORT_LAN, copy, size);
}

/* One by one of the SAs. */
static void
ask_dummy(struct fuzz_input *in)
{
	const uint8_t which = fuzz_u8(in) % FUZZ_OUTS;
	const struct witness_sa *sa = &fuzz_gw.out[which].sa;
	const struct sadb_sa_config config = which == FUZZ_OUT_V6    ? outer_sa(sa, 0, false)
					     : which == FUZZ_OUT_UDP ? udp_rig_sa(sa, 0, 0)
								     : gateway_sa(sa, 0, 0);
	const uint16_t bytes = fuzz_u16(in);
	const struct dp_dummy_request request = {.sa = sadb_sa_key_make(&config.dst, config.spi_be, config.proto),
						 .packets = 1,
						 .per_s = 1,
						 .bytes = bytes < DP_DUMMY_SHORTEST ? DP_DUMMY_SHORTEST : bytes};
	struct dp_error err;
	unsigned worker;

	dummies += dp_dummy_start(fuzz_gw.gw.dp, &request, &worker, &err) == 0;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_gateway_start();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};

	dummies = 0;
	for (unsigned n = 0; in.size > 0 && n < FRAMES_MAX; n++) {
		const enum command command = fuzz_u8(&in) % COMMANDS;
		if (command == TURN)
			gateway_turn(&fuzz_gw.gw);
		else if (command == DUMMY)
			ask_dummy(&in);
		else
			send_one(&in, command);
	}
	fuzz_settle(left);
	return 0;
}
