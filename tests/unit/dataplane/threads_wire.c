/* SPDX-License-Identifier: BSD-3-Clause
 * The wire and the peer at its end: opens what the gateway sealed, sees that no number was used twice under one key, seals the
 * answer in an SA of the other direction, and is no good network: packets come twice, changed, in pieces, from another
 * port, and with word of a narrow link. The wire's thread. */
#include "tests/unit/dataplane/threads_rig.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "tests/unit/dataplane/fragment_rig.h"
#include "tests/unit/dataplane/header_rig.h"
#include "tests/unit/dataplane/udp_rig.h"

#define NUMBERS_MAX (1u << 21)  /* of one key, to be remembered: more than are sent */
#define NARROW      1420        /* bytes of the link that ICMP tells of: none of the packets is as long */
#define ROUTER      0x0a090063u /* 10.9.0.99 */

struct key {
	uint8_t used[NUMBERS_MAX / 8];
	uint64_t answered;
};

struct wire {
	struct rig *rig;
	struct key *key[RIG_TUNNELS][RIG_KEYS_MAX];
	uint64_t n;
	uint16_t id;
	uint32_t asked;
	bool empty; /* nothing was left to come out since that was asked */
};

static void
send_on(struct wire *wire, const uint8_t *ip, size_t bytes, unsigned queue)
{
	rig_put(wire->rig, RIG_WAN, queue % RIG_QUEUES, ip, bytes);
}

/* RFC 791 3.2: one piece by each queue. */
static void
send_in_pieces(struct wire *wire, uint8_t *ip, size_t bytes)
{
	uint8_t piece[2048];
	const size_t first = (bytes - 20) / 2 & ~(size_t)7;

	header_put16(ip + 4, ++wire->id);
	size_t n = fragment_rig_cut(ip, bytes, 0, first, piece);
	send_on(wire, piece, n, (unsigned)wire->n);
	n = fragment_rig_cut(ip, bytes, first, bytes - 20 - first, piece);
	send_on(wire, piece, n, (unsigned)wire->n + 1);
	rig_tell(&wire->rig->cut, 1);
}

/* RFC 1191: about the packet that came. */
static void
tell_of_narrow_link(struct wire *wire, const uint8_t *sent)
{
	const struct witness_ip header = {
	    .src = ROUTER, .dst = GW_WAN, .payload = 28, .proto = IPPROTO_ICMP, .ttl = 60};
	uint8_t ip[128];
	const size_t bytes = witness_packet(&header, ip);
	struct icmphdr icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED};

	icmp.un.frag.mtu = RTE_BE16(NARROW);
	memset(ip + 20, 0, bytes - 20);
	memcpy(ip + 20, &icmp, sizeof(icmp));
	memcpy(ip + 28, sent, bytes - 28);
	header_put16(ip + 30, 1500); /* it was long, says who tells */
	icmp.checksum = (uint16_t)~rte_raw_cksum(ip + 20, bytes - 20);
	memcpy(ip + 20, &icmp, sizeof(icmp));
	send_on(wire, ip, bytes, (unsigned)wire->n);
}

/* What this network does to the answer. Each packet comes whole once, whatever comes beside. */
static void
deliver(struct wire *wire, uint8_t *ip, size_t bytes)
{
	struct rig *rig = wire->rig;
	uint8_t changed[2048];

	if (wire->n % 16 == 5) {
		send_in_pieces(wire, ip, bytes);
		return;
	}
	send_on(wire, ip, bytes, (unsigned)(wire->n * 2654435761u >> 9));
	if (wire->n % 32 == 1) {
		send_on(wire, ip, bytes, (unsigned)(wire->n * 2654435761u >> 9) + 1);
		rig_tell(&rig->twice, 1);
	}
	if (wire->n % 48 == 3) {
		memcpy(changed, ip, bytes);
		changed[bytes - 20] ^= 0x40;
		send_on(wire, changed, bytes, (unsigned)wire->n);
		rig_tell(&rig->tampered, 1);
	}
}

static void
answer(struct wire *wire, enum rig_tunnel tunnel, unsigned number, uint8_t *inner, size_t inner_bytes)
{
	static const struct witness_twist good;
	const struct witness_sa sa = rig_sa(tunnel, number, true);
	uint8_t swap[4], out[2500];

	memcpy(swap, inner + 12, 4);
	memcpy(inner + 12, inner + 16, 4);
	memcpy(inner + 16, swap, 4);
	memcpy(swap, inner + 20, 2);
	memcpy(inner + 20, inner + 22, 2);
	memcpy(inner + 22, swap, 2);
	size_t bytes = witness_seal(&sa, ++wire->key[tunnel][number]->answered, inner, inner_bytes, &good, out);
	if (tunnel == RIG_TUNNEL_RED)
		bytes = witness_udp_wrap(out, bytes, __atomic_load_n(&wire->rig->peer_port, __ATOMIC_RELAXED),
					 UDP_RIG_NAT_T);
	deliver(wire, out, bytes);
}

/* RFC 4106 3.1: "a given IV value is never used twice with the same key". */
static const char *
note_number(struct wire *wire, enum rig_tunnel tunnel, unsigned number, uint32_t seq)
{
	struct key **key = &wire->key[tunnel][number];
	if (*key == NULL)
		*key = calloc(1, sizeof(**key));
	if (*key == NULL || seq >= NUMBERS_MAX)
		return "a sequence number beyond what the test remembers";
	if ((*key)->used[seq / 8] & 1u << seq % 8)
		return "a sequence number used twice under one key";
	(*key)->used[seq / 8] |= (uint8_t)(1u << seq % 8);
	return NULL;
}

/* An ESP packet: plain, or in UDP from the gateway's port. NULL: it was right. */
static const char *
take(struct wire *wire, uint8_t *ip, size_t bytes)
{
	uint8_t inner[2048], as_sent[28];
	enum rig_tunnel tunnel;
	unsigned number;
	size_t inner_bytes;
	uint32_t seq, spi_be;
	const bool udp = ip[9] == IPPROTO_UDP;

	memcpy(as_sent, ip, sizeof(as_sent));
	const char *wrong = udp ? witness_udp_unwrap(ip, &bytes, UDP_RIG_NAT_T, header_get16(ip + 22)) : NULL;
	if (wrong != NULL)
		return wrong;
	memcpy(&spi_be, ip + 20, sizeof(spi_be));
	if (!rig_spi_read(rte_be_to_cpu_32(spi_be), &tunnel, &number) || udp != (tunnel == RIG_TUNNEL_RED))
		return "an SPI of nobody's";
	const struct witness_sa sa = rig_sa(tunnel, number, false);
	wrong = witness_open(&sa, 0, ip, bytes, inner, &inner_bytes, &seq);
	if (wrong == NULL)
		wrong = note_number(wire, tunnel, number, seq);
	if (wrong != NULL)
		return wrong;
	rig_tell(&wire->rig->sealed, 1);
	wire->n++;
	if (tunnel == RIG_TUNNEL_SINK) {
		rig_tell(&wire->rig->sunk, 1);
		return NULL;
	}
	if (wire->n % 64 == 7 && !udp)
		tell_of_narrow_link(wire, as_sent);
	if (wire->n % 1024 == 0) /* its NAT has forgotten it */
		__atomic_store_n(&wire->rig->peer_port, UDP_RIG_PEER + (uint16_t)(wire->n / 1024 % 8),
				 __ATOMIC_RELAXED);
	answer(wire, tunnel, number, inner, inner_bytes);
	return NULL;
}

static bool
gateway_took_all(const struct rig *rig)
{
	unsigned n = 0;
	for (unsigned q = 0; q < RIG_QUEUES; q++)
		n += rte_ring_count(rig->rx[RIG_WAN][q]);
	return n == 0;
}

/* What the gateway had sealed when it asked lies in the rings: once they are empty it is back in the gateway's. asked: as it was
 * before the rings were looked at; any: what was found there. */
static void
tell_drained(struct wire *wire, uint32_t asked, bool any)
{
	if (asked != wire->asked) {
		wire->asked = asked;
		wire->empty = false;
	}
	wire->empty |= !any;
	if (wire->empty && gateway_took_all(wire->rig))
		__atomic_store_n(&wire->rig->drained, asked, __ATOMIC_RELAXED);
}

static void
free_keys(struct wire *wire)
{
	for (unsigned i = 0; i < RIG_TUNNELS; i++)
		for (unsigned k = 0; k < RIG_KEYS_MAX; k++)
			free(wire->key[i][k]);
	free(wire);
}

void *
rig_wire_main(void *arg)
{
	struct wire *wire = calloc(1, sizeof(*wire));
	struct rig *rig = arg;
	uint8_t ip[2048];

	if (wire == NULL)
		abort();
	wire->rig = rig;
	while (!rig_stopped(rig)) {
		bool any = false;
		const uint32_t asked = __atomic_load_n(&rig->asked, __ATOMIC_RELAXED);
		for (unsigned q = 0; q < RIG_QUEUES; q++) {
			const size_t bytes = rig_take(rig, RIG_WAN, q, ip);
			any |= bytes != 0;
			if (bytes < 28 || (ip[9] != IPPROTO_ESP && ip[9] != IPPROTO_UDP))
				continue;
			const char *wrong = take(wire, ip, bytes);
			if (wrong != NULL)
				rig_wrong(rig, wrong);
		}
		tell_drained(wire, asked, any);
		if (!any)
			sched_yield();
	}
	free_keys(wire);
	return NULL;
}
