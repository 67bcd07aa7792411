/* SPDX-License-Identifier: BSD-3-Clause
 * Frames from the underlay through all stages. The input is a row of commands: send a packet or frame as it is, or have
 * the peer (tests/unit/dataplane/esp_witness.h) seal one and spoil a byte of it, or not. What leaves inside is what the
 * peer sealed and the policies ask to be sealed so, no number twice; nothing else. */
#include <string.h>

#include "tests/fuzz/fuzz_gateway.h"
#include "tests/unit/dataplane/outer_v6_rig.h"
#include "tests/unit/dataplane/udp_rig.h"

enum command { PACKET, FRAME, SEAL, TURN, COMMANDS };
enum seal_flag {
	SEAL_SPOIL = 1 << 0,    /* then: where, and what with */
	SEAL_ADDRESS = 1 << 1,  /* addresses that the policies protect */
	SEAL_CHECKSUM = 1 << 2, /* a right one inside */
	SEAL_FAR = 1 << 3,      /* a number far ahead */
	SEAL_TWIST = 1 << 4,    /* then: padding, next header, TOS, TFC */
};

#define SEALED_MAX 64
#define TFC        64 /* bytes of zeros behind a packet: they may be what it lacks */

/* What the peer sealed and may arrive. */
static struct sealed {
	uint8_t inner[FUZZ_FRAME + TFC];
	size_t bytes;
	const struct fuzz_sa *sa;
	uint64_t seq;
	bool doubtful; /* its outer header was changed: what it says may still be good */
	bool arrived;
} sealed[SEALED_MAX];
static unsigned n_sealed;

/* From there on a packet is not changed on its way, but for what was padding. */
static size_t
constant_part(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 ? 8 : 12;
}

/* May this SA bring it? Only from the networks of the policies, to the networks inside (RFC 4301 5.2). */
static bool
is_permitted(const struct fuzz_sa *sa, const uint8_t *ip)
{
	static const uint8_t far_v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0},
			     near_v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 1};
	static const uint8_t far_v4[] = {10, 2, 0, 10}, near_v4[] = {10, 1, 0};
	const bool one_host = sa == &fuzz_gw.in[FUZZ_IN_HOST];

	if (sa == &fuzz_gw.in[FUZZ_IN_TRANSPORT])
		return false;
	if (ip[0] >> 4 == 6)
		return !one_host && memcmp(ip + 8, far_v6, 8) == 0 && memcmp(ip + 24, near_v6, sizeof(near_v6)) == 0;
	return memcmp(ip + 12, far_v4, one_host ? 4 : 3) == 0 && memcmp(ip + 16, near_v4, sizeof(near_v4)) == 0;
}

static bool
is_from_peer(const uint8_t *ip, size_t bytes)
{
	fuzz_expect(bytes >= (ip[0] >> 4 == 6 ? 40 : 20));
	for (unsigned i = 0; i < n_sealed; i++) {
		struct sealed *s = &sealed[i];
		const size_t from = constant_part(ip);
		if (s->bytes >= bytes && s->inner[0] == ip[0] && !s->arrived && is_permitted(s->sa, ip) &&
		    memcmp(s->inner + from, ip + from, bytes - from) == 0) {
			s->arrived = true;
			return true;
		}
	}
	return false;
}

/* What stands behind the extension headers, as the kernel will find it; of a later fragment what was cut. */
static uint8_t
protocol_v6(const uint8_t *ip, size_t bytes)
{
	uint8_t proto = ip[6];

	for (size_t at = 40; at + 8 <= bytes && (proto == 0 || proto == 43 || proto == 44 || proto == 60);) {
		const bool later = proto == 44 && (ip[at + 2] | (ip[at + 3] & 0xf8)) != 0;
		const size_t length = proto == 44 ? 8 : 8 + 8 * (size_t)ip[at + 1];
		proto = ip[at];
		at += length;
		if (later)
			break;
	}
	return proto;
}

/* Over IPv6 policy asks for it of TCP, and there is no SA. */
static bool
is_own_v6(const uint8_t *ip, size_t bytes)
{
	return bytes < 40 || memcmp(ip + 8, rig_address(OUTER_PEER).bytes, 16) != 0 ||
	       memcmp(ip + 24, rig_address(OUTER_WAN).bytes, 16) != 0 || protocol_v6(ip, bytes) != 6;
}

/* Between the two that policy asks to be in transport mode: ESP, and nothing of it twice; or IKE. */
static bool
is_own(const uint8_t *ip, size_t bytes)
{
	static const uint8_t between[] = {10, 9, 0, 2, 10, 9, 0, 1};

	if (bytes > 0 && ip[0] >> 4 == 6)
		return is_own_v6(ip, bytes);
	if (bytes < 20 || ip[0] != 0x45 || memcmp(ip + 12, between, sizeof(between)) != 0)
		return true;
	if (ip[9] == 17 && bytes >= 24 &&
	    (memcmp(ip + 22, (uint8_t[]){500 >> 8, 500 & 255}, 2) == 0 ||
	     memcmp(ip + 22, (uint8_t[]){4500 >> 8, 4500 & 255}, 2) == 0))
		return true;
	for (unsigned i = 0; i < n_sealed; i++) {
		struct sealed *s = &sealed[i];
		const size_t same = bytes - 20 < s->bytes ? bytes - 20 : s->bytes;
		if (s->sa == &fuzz_gw.in[FUZZ_IN_TRANSPORT] && !s->arrived && memcmp(s->inner, ip + 20, same) == 0) {
			s->arrived = true;
			return true;
		}
	}
	return false;
}

static void
left(enum gw_port port, bool punted, const uint8_t *ip, size_t bytes)
{
	if (port == GW_PORT_LAN)
		fuzz_expect(is_from_peer(ip, bytes));
	else
		fuzz_expect(punted && is_own(ip, bytes)); /* what arrives from the underlay does not go back there */
}

/* A number that was used for certain takes nothing more. */
static bool
is_replay(const struct fuzz_sa *sa, uint64_t seq)
{
	for (unsigned i = 0; i < n_sealed; i++)
		if (!sealed[i].doubtful && sealed[i].sa == sa && sealed[i].seq == seq)
			return true;
	return false;
}

static void
set_address(uint8_t *inner, size_t bytes)
{
	static const uint8_t v4[] = {10, 2, 0, 10, 10, 1, 0, 10};
	static const uint8_t v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a,
				     0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a};

	if (bytes >= 40 && inner[0] >> 4 == 6)
		memcpy(inner + 8, v6, sizeof(v6));
	else if (bytes >= 20 && inner[0] >> 4 == 4)
		memcpy(inner + 12, v4, sizeof(v4));
}

static struct witness_twist
take_twist(struct fuzz_input *in, uint8_t flags, const uint8_t *inner, size_t bytes)
{
	struct witness_twist twist = {.next_header = bytes > 0 && inner[0] >> 4 == 6 ? 41 : 0};

	if (flags & SEAL_TWIST) {
		const uint8_t how = fuzz_u8(in);
		twist.pad_extra = (how & 15) * 4;
		twist.pad_zero = how & 16;
		twist.tfc = how & 32 ? TFC : 0;
		twist.pad_length = how & 64 ? fuzz_u8(in) : 0;
		twist.next_header = how & 128 ? fuzz_u8(in) : twist.next_header;
		twist.tos = fuzz_u8(in);
	}
	return twist;
}

static uint64_t
take_number(struct fuzz_input *in, struct fuzz_sa *sa, uint8_t flags)
{
	const uint16_t far = flags & SEAL_FAR ? fuzz_u16(in) : 0;
	const uint64_t step = sa->sa.esn ? (uint64_t)far << 8 : far >> 8;
	const uint64_t seq = sa->top + step + (uint64_t)(int64_t)(int8_t)fuzz_u8(in);

	sa->top = seq > sa->top ? seq : sa->top;
	return seq;
}

static void
seal(struct fuzz_input *in)
{
	static uint8_t wire[FUZZ_FRAME + 512];
	const unsigned which = fuzz_u8(in) % FUZZ_INS;
	const uint8_t flags = fuzz_u8(in);
	struct fuzz_sa *sa = &fuzz_gw.in[which];
	const uint64_t seq = take_number(in, sa, flags);
	const size_t where = flags & SEAL_SPOIL ? fuzz_u16(in) : 0;
	const uint8_t with = flags & SEAL_SPOIL ? fuzz_u8(in) : 0;
	struct sealed *s = &sealed[n_sealed];
	const uint8_t *inner = fuzz_bytes(in, fuzz_u16(in) % FUZZ_FRAME, &s->bytes);

	memcpy(s->inner, inner, s->bytes);
	if (flags & SEAL_ADDRESS)
		set_address(s->inner, s->bytes);
	if (flags & SEAL_CHECKSUM)
		fuzz_checksum(s->inner, s->bytes);
	struct witness_twist twist = take_twist(in, flags, s->inner, s->bytes);
	if (which == FUZZ_IN_TRANSPORT && s->bytes > 0 && !(flags & SEAL_TWIST))
		twist.next_header = s->inner[0]; /* of any kind */
	size_t bytes = witness_seal(&sa->sa, seq, s->inner, s->bytes, &twist, wire);
	if (which == FUZZ_IN_UDP)
		bytes = witness_udp_wrap(wire, bytes, UDP_RIG_PEER, UDP_RIG_NAT_T);
	else if (fuzz_is_v6(which))
		bytes = outer_wrap(wire, bytes, which == FUZZ_IN_V6_UDP);
	static const uint8_t heads[FUZZ_INS] = {20, 20, 28, 20, 20, 20, 40, 48, 20};
	const bool outside = where % bytes < heads[which];
	wire[where % bytes] ^= with;
	if (with != 0 && where % bytes < 20 && !fuzz_is_v6(which))
		fuzz_checksum(wire, bytes);
	if (!fuzz_put_packet(GW_PORT_WAN, wire, bytes) || (with != 0 && !outside) || is_replay(sa, seq))
		return;
	memset(s->inner + s->bytes, 0, twist.tfc);
	s->bytes += twist.tfc;
	s->sa = sa;
	s->seq = seq;
	s->doubtful = with != 0;
	s->arrived = false;
	n_sealed++;
}

static void
send_as_is(struct fuzz_input *in, enum command command)
{
	static uint8_t copy[FUZZ_FRAME];
	const uint16_t word = fuzz_u16(in);
	size_t size;
	const uint8_t *bytes = fuzz_bytes(in, (word & 0x7fff) % FUZZ_FRAME, &size);

	memcpy(copy, bytes, size);
	if (command == FRAME) {
		fuzz_put_frame(GW_PORT_WAN, copy, size);
		return;
	}
	if (word & 0x8000)
		fuzz_checksum(copy, size);
	fuzz_put_packet(GW_PORT_WAN, copy, size);
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

	n_sealed = 0;
	/* Out of the window goes what earlier inputs left there. */
	for (unsigned i = 0; i < FUZZ_INS; i++)
		fuzz_in_advance(i);
	for (unsigned n = 0; in.size > 0 && n < SEALED_MAX; n++) {
		const enum command command = fuzz_u8(&in) % COMMANDS;
		if (command == SEAL)
			seal(&in);
		else if (command == TURN)
			gateway_turn(&fuzz_gw.gw);
		else
			send_as_is(&in, command);
	}
	fuzz_settle(left);
	return 0;
}
