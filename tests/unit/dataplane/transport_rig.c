/* SPDX-License-Identifier: BSD-3-Clause
 * Transport mode between a gateway and its peer; see the header. */
#include "tests/unit/dataplane/transport_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <linux/xfrm.h>

struct sadb_addr
transport_own(bool v6)
{
	return rig_address(v6 ? OUTER_WAN : "10.9.0.1");
}

struct sadb_addr
transport_peer(bool v6)
{
	return rig_address(v6 ? OUTER_PEER : "10.9.0.2");
}

static void
add_sa(struct host *h, struct witness_sa *sa, bool out)
{
	sa->spi += 0x100;
	sa->key[1]++;
	struct sadb_sa_config config = outer_sa(sa, 0, h->udp);
	config.src = out ? transport_own(h->v6) : transport_peer(h->v6);
	config.dst = out ? transport_peer(h->v6) : transport_own(h->v6);
	config.mode = XFRM_MODE_TRANSPORT;
	config.vnet_id = SADB_UNDERLAY_ID;
	config.dir = out ? SADB_DIR_OUT : SADB_DIR_IN;
	gateway_add_sa(&h->gw, &config);
}

struct sadb_policy_config
transport_policy(const struct host *h, enum sadb_policy_dir dir, uint8_t proto)
{
	const bool out = dir == SADB_POLICY_OUT;
	struct sadb_policy_config config = gateway_policy(dir);
	config.vnet_id = SADB_UNDERLAY_ID;
	config.sel = (struct sadb_selector){.src.addr = out ? transport_own(h->v6) : transport_peer(h->v6),
					    .dst.addr = out ? transport_peer(h->v6) : transport_own(h->v6),
					    .proto = proto};
	config.sel.src.len = config.sel.dst.len = h->v6 ? 128 : 32;
	config.tmpl = (struct sadb_template){.reqid = 1, .proto = IPPROTO_ESP, .mode = XFRM_MODE_TRANSPORT};
	return config;
}

void
transport_start(struct host *h, bool v6, bool udp, uint8_t proto)
{
	*h = (struct host){.v6 = v6, .udp = udp, .head = v6 ? 40 : 20};
	outer_start(&h->gw, 0, 1500, false);
	h->gw.wan_v6 = v6;
	add_sa(h, &h->gw.out, true);
	add_sa(h, &h->gw.in, false);
	for (enum sadb_policy_dir dir = SADB_POLICY_IN; dir <= SADB_POLICY_OUT; dir++) {
		struct sadb_policy_config config = transport_policy(h, dir, proto);
		gateway_set_policy(&h->gw, &config);
	}
	gateway_commit(&h->gw);
}

/* A packet between the two ends, whose checksums are right. */
size_t
transport_packet(const struct host *h, bool out, uint8_t proto, uint16_t sport, uint16_t dport, size_t l4, uint8_t *ip)
{
	memset(ip, 0, h->head + l4);
	for (size_t i = 4; i < l4; i++)
		ip[h->head + i] = (uint8_t)(i * 7);
	uint8_t *t = ip + h->head;
	t[0] = (uint8_t)(sport >> 8), t[1] = (uint8_t)sport, t[2] = (uint8_t)(dport >> 8), t[3] = (uint8_t)dport;
	const struct sadb_addr src = out ? transport_own(h->v6) : transport_peer(h->v6),
			       dst = out ? transport_peer(h->v6) : transport_own(h->v6);
	if (h->v6) {
		ip[0] = 0x6b, ip[1] = 0x81, ip[2] = 0x23, ip[3] = 0x45;
		ip[4] = (uint8_t)(l4 >> 8), ip[5] = (uint8_t)l4;
		ip[6] = proto, ip[7] = 61;
		memcpy(ip + 8, src.bytes, 16);
		memcpy(ip + 24, dst.bytes, 16);
	} else {
		ip[0] = 0x45, ip[1] = 0xb8;
		ip[2] = (uint8_t)((20 + l4) >> 8), ip[3] = (uint8_t)(20 + l4);
		ip[4] = 0x12, ip[5] = 0x34, ip[6] = 0x40, ip[8] = 61, ip[9] = proto;
		memcpy(ip + 12, src.bytes, 4);
		memcpy(ip + 16, dst.bytes, 4);
		witness_checksum(ip, 20);
	}
	return h->head + l4;
}

/* The IP header of a sealed packet must be that of the plain one but for length, protocol and checksum. What the witness opens is a
 * packet of its own: one of IPv4 without UDP. */
void
transport_assert_sealed(struct host *h, const uint8_t *plain, size_t bytes)
{
	uint8_t wire[2048], lean[2048], text[2048];
	size_t sent = gateway_take(&h->gw, GW_PORT_WAN, wire), inner;
	uint32_t seq;
	const size_t esp = h->head + (h->udp ? 8u : 0);
	assert_true(sent > esp);
	const uint8_t proto = h->v6 ? wire[6] : wire[9];
	assert_int_equal(proto, h->udp ? 17 : 50);
	if (h->v6) {
		assert_memory_equal(wire, plain, 4);
		assert_memory_equal(wire + 7, plain + 7, 33);
		assert_int_equal(wire[4] << 8 | wire[5], sent - 40);
	} else {
		assert_memory_equal(wire, plain, 2);
		assert_memory_equal(wire + 4, plain + 4, 5);
		assert_memory_equal(wire + 12, plain + 12, 8);
		assert_int_equal(wire[2] << 8 | wire[3], sent);
	}
	if (h->udp) {
		assert_int_equal(wire[h->head] << 8 | wire[h->head + 1], OUTER_PORT);
		assert_int_equal(wire[h->head + 2] << 8 | wire[h->head + 3], OUTER_PEERPORT);
		assert_int_equal(wire[h->head + 4] << 8 | wire[h->head + 5], sent - h->head);
		if (h->v6)
			assert_int_equal(outer_sum(wire, sent, 17), 0xffff);
		else
			assert_int_equal(wire[26] | wire[27], 0);
	}
	/* RFC 4303 3.1.1, opened by the witness: its own IPv4 header before ESP. */
	struct witness_ip header = {.src = h->gw.out.src, .dst = h->gw.out.dst, .proto = 50, .ttl = 9};
	header.payload = (uint16_t)(sent - esp - 8);
	witness_packet(&header, lean);
	memcpy(lean + 20, wire + esp, sent - esp);
	h->gw.out.next_header = h->v6 ? plain[6] : plain[9];
	const char *wrong = witness_open(&h->gw.out, 0, lean, sent - esp + 20, text, &inner, &seq);
	if (wrong != NULL)
		fail_msg("%zu bytes: %s", bytes, wrong);
	assert_int_equal(inner, bytes - h->head);
	assert_memory_equal(text, plain + h->head, inner);
}

/* What the peer makes of a plain packet. */
size_t
transport_seal(struct host *h, uint64_t seq, const uint8_t *plain, size_t bytes, uint8_t *wire)
{
	const struct witness_twist twist = {.next_header = h->v6 ? plain[6] : plain[9]};
	uint8_t lean[2048];
	const size_t sealed = witness_seal(&h->gw.in, seq, plain + h->head, bytes - h->head, &twist, lean) - 20;
	const size_t esp = h->head + (h->udp ? 8u : 0), all = esp + sealed;

	memcpy(wire, plain, h->head);
	memcpy(wire + esp, lean + 20, sealed);
	if (h->v6) {
		wire[4] = (uint8_t)((all - 40) >> 8), wire[5] = (uint8_t)(all - 40);
		wire[6] = h->udp ? 17 : 50;
	} else {
		wire[2] = (uint8_t)(all >> 8), wire[3] = (uint8_t)all;
		wire[9] = h->udp ? 17 : 50;
		witness_checksum(wire, 20);
	}
	if (h->udp) {
		const uint16_t words[4] = {OUTER_PEERPORT, OUTER_PORT, (uint16_t)(all - h->head), 0};
		for (unsigned i = 0; i < 4; i++) {
			wire[h->head + 2 * i] = (uint8_t)(words[i] >> 8);
			wire[h->head + 2 * i + 1] = (uint8_t)words[i];
		}
	}
	return all;
}

/* What the twin gets next, without its Ethernet header; 0: nothing. */
size_t
transport_twin_takes(struct host *h, uint8_t *ip)
{
	void *frame;
	if (rte_ring_dequeue(h->gw.dp->port[GW_PORT_WAN]->punt, &frame) != 0)
		return 0;
	struct rte_mbuf *m = frame;
	const size_t bytes = m->data_len - sizeof(struct rte_ether_hdr);
	memcpy(ip, rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(struct rte_ether_hdr)), bytes);
	rte_pktmbuf_free(m);
	return bytes;
}
