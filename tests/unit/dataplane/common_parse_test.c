/* SPDX-License-Identifier: BSD-3-Clause
 * Stage parse with its short way for the common packet against the rules in full: random frames, mostly nearly right, and
 * for each the way, drop reason, notes and bytes that the rules ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"
#include "tests/unit/dataplane/header_rig.h"

#define BUFFER 4096
#define TRIALS 60000
#define NAT_T  4500

static char engine[] = "auto";

static bool
link_multicast(const uint8_t *ip)
{
	return ip[16] == 224 && ip[17] == 0 && ip[18] == 0;
}

enum way { DROP, PUNT, CLASSIFY, ESP_IN, JOIN };

struct verdict {
	enum way way;
	unsigned reason;
	bool local;
	bool group;
	bool udp; /* around ESP */
};

static struct verdict
drop(unsigned reason)
{
	return (struct verdict){.way = DROP, .reason = reason};
}

/* RFC 3948 2, of a datagram to one of the gateway's own addresses; ip holds as much as its total length says. */
static struct verdict
judge_udp(const uint8_t *ip)
{
	const unsigned there = header_get16(ip + 2) - 20u;
	const bool marker = header_get16(ip + 28) == 0 && header_get16(ip + 30) == 0;
	if (there < 4 || header_get16(ip + 22) != NAT_T)
		return (struct verdict){.way = PUNT};
	if (there < 8 || header_get16(ip + 24) < 8 || header_get16(ip + 24) > there)
		return drop(DP_DROP_UDP_LENGTH);
	const unsigned payload = header_get16(ip + 24) - 8u;
	if (payload == 1 && ip[28] == 0xff)
		return drop(DP_DROP_NAT_KEEPALIVE);
	if (payload >= 4 && marker)
		return (struct verdict){.way = PUNT};
	return (struct verdict){.way = ESP_IN, .udp = true};
}

/* RFC 791 3.1. What becomes of a right one hangs on those before it: reassembly_test asks. */
static struct verdict
judge_fragment(const uint8_t *ip)
{
	const unsigned field = header_get16(ip + 6), there = header_get16(ip + 2) - 20u;
	if (there == 0 || (field & 0x2000 && there % 8 != 0))
		return drop(DP_DROP_FRAGMENT_LENGTH);
	return (struct verdict){.way = JOIN};
}

static struct verdict
judge_frame(const uint8_t *frame, size_t bytes, const uint8_t mac[6], bool underlay)
{
	const uint8_t *ip = frame + 14;
	if (bytes < 14)
		return drop(DP_DROP_IP_TRUNCATED);
	if (memcmp(frame, mac, 6) != 0 && !(frame[0] & 1))
		return drop(DP_DROP_ETHER_DST);
	if (header_get16(frame + 12) == 0x0806)
		return (struct verdict){.way = PUNT};
	if (header_get16(frame + 12) != 0x0800)
		return drop(DP_DROP_ETHER_TYPE);
	unsigned reason = header_check(ip, bytes - 14);
	if (reason != DP_DROP_COUNT)
		return drop(reason);
	if (ip[16] >= 224 && !link_multicast(ip)) {
		const bool group = ip[16] < 240 || (ip[16] == 255 && ip[17] == 255 && ip[18] == 255 && ip[19] == 255);
		if (underlay || !group)
			return drop(DP_DROP_IP_MULTICAST);
		return ip[8] <= 1 ? drop(DP_DROP_TTL) : (struct verdict){.way = CLASSIFY, .group = true};
	}
	if (ip[16] < 224 && (frame[0] & 1))
		return drop(DP_DROP_ETHER_DST);
	if (!underlay)
		return (struct verdict){.way = CLASSIFY, .local = link_multicast(ip)};
	static const uint8_t own[] = {10, 9, 0, 1};
	if (link_multicast(ip))
		return (struct verdict){.way = PUNT};
	if (memcmp(ip + 16, own, 4) != 0)
		return drop(DP_DROP_UNDERLAY_NOT_LOCAL);
	if (ip[9] != 17 && ip[9] != 50)
		return (struct verdict){.way = PUNT};
	if (header_get16(ip + 6) & 0x3fff)
		return judge_fragment(ip);
	return ip[9] == 17 ? judge_udp(ip) : (struct verdict){.way = ESP_IN};
}

/* RFC 4301 4.4.1.1, as the header of sadb_flow_v4 says. */
static void
check_flow(const struct sadb_flow_v4 *flow, const uint8_t *ip)
{
	bool ports = ip[9] == 6 || ip[9] == 17 || ip[9] == 132 || ip[9] == 33 || ip[9] == 136;
	struct sadb_flow_v4 expected = {.proto = ip[9]};
	unsigned l4 = header_get16(ip + 2) - 20u;
	memcpy(&expected.src_be, ip + 12, 4);
	memcpy(&expected.dst_be, ip + 16, 4);
	if (header_get16(ip + 6) & 0x1fff || (ports && l4 < 4) || (ip[9] == 1 && l4 < 2)) {
		expected.later_fragment = 1;
	} else if (ports) {
		memcpy(&expected.sport_be, ip + 20, 2);
		memcpy(&expected.dport_be, ip + 22, 2);
	} else if (ip[9] == 1) {
		expected.sport_be = rte_cpu_to_be_16(ip[20]);
		expected.dport_be = rte_cpu_to_be_16(ip[21]);
	}
	assert_memory_equal(flow, &expected, sizeof(expected));
}

/* Most often ESP in UDP, else what may come there too; and one thing of it that is wrong. Returns the IP packet's length. */
static size_t
nearly_right_udp(uint8_t *ip, size_t bytes)
{
	header_put16(ip + 22, header_any(8) ? NAT_T : NAT_T ^ 1u << header_any(16));
	if (header_any(4) == 0) { /* a keepalive, or a byte more or less */
		bytes = 28 + header_any(4);
		header_put16(ip + 2, (unsigned)bytes);
		header_put16(ip + 24, (unsigned)bytes - 20);
		ip[28] = header_any(4) ? 0xff : (uint8_t)rand();
	} else if (bytes >= 32 && header_any(4) == 0) { /* IKE, or nearly */
		memset(ip + 28, 0, 4);
		if (header_any(4) == 0)
			ip[28 + header_any(4)] = 1;
	} else if (bytes >= 32) {
		ip[28] = (uint8_t)(1 + header_any(255));
	}
	if (header_any(6) == 0)
		header_put16(ip + 24, header_any(2) ? header_any(12) : header_get16(ip + 24) + 3 - header_any(7));
	return bytes;
}

static size_t
nearly_right_frame(uint8_t *frame, const struct dp_port *port)
{
	const struct witness_ip header = {.src = port->underlay ? GW_PEER : GW_HOST,
					  .dst = port->underlay ? GW_WAN : GW_FAR,
					  .sport = (uint16_t)rand(),
					  .dport = (uint16_t)rand(),
					  .payload = (uint16_t)header_any(40),
					  .proto = port->underlay && header_any(2) ? 50 : 17,
					  .ttl = 64};
	static const uint8_t multicast[] = {0x01, 0x00, 0x5e, 0, 0, 5};
	size_t bytes = witness_packet(&header, frame + 14);
	if (port->underlay && header.proto == 17)
		bytes = nearly_right_udp(frame + 14, bytes);
	if (header_any(20) == 0) { /* no more than a header, or a byte or two */
		bytes = 20 + header_any(5);
		header_put16(frame + 16, (unsigned)bytes);
	}
	for (unsigned bends = header_any(4); bends > 0; bends--)
		header_bend(frame + 14, bytes);
	if (header_any(50) == 0) { /* shorter than its header, and it says so */
		bytes = header_any(20);
		header_put16(frame + 16, (unsigned)bytes);
	}
	header_bend_checksum(frame + 14);
	memcpy(frame, header_any(20) == 0 ? multicast : port->mac.addr_bytes, 6);
	if (header_any(20) == 0)
		frame[header_any(6)] ^= (uint8_t)(1 << header_any(8));
	memcpy(frame + 6, "\2\0\0\0\0\1", 6);
	header_put16(frame + 12, header_any(20) ? 0x0800 : header_any(2) ? 0x0806 : (unsigned)rand());
	bytes += 14;
	if (header_any(8) == 0)
		bytes += header_any(30); /* the link's padding */
	else if (header_any(8) == 0)
		bytes = header_any((unsigned)bytes + 1);
	return bytes;
}

/* Behind a frame that is cut stands what was cut off; the notes are an earlier packet's. */
static struct rte_mbuf *
buffer(struct gateway *gw, const uint8_t *frame, size_t bytes, uint16_t port)
{
	struct rte_mbuf *m = gateway_frame(gw, port, frame + RTE_ETHER_HDR_LEN, 200 - RTE_ETHER_HDR_LEN);
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), frame, RTE_ETHER_HDR_LEN);
	m->data_len = (uint16_t)bytes;
	m->pkt_len = (uint32_t)bytes;
	*dp_meta(m) = (struct dp_meta){.flags = 0xff, .local = 1, .in_port = port};
	return m;
}

/* As ESP without UDP would stand there, as far as anyone reads it. */
static void
check_unwrapped(struct rte_mbuf *m, const uint8_t *ip)
{
	const struct dp_meta *meta = dp_meta(m);
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	const unsigned esp = header_get16(ip + 24) - 8u;
	assert_memory_equal(&meta->udp, ip + 20, 4);
	assert_int_equal(meta->ip_bytes, 20 + esp);
	assert_int_equal(m->data_len, meta->ip_bytes);
	assert_int_equal(m->pkt_len, meta->ip_bytes);
	assert_int_equal(data[1], ip[1]);
	assert_memory_equal(data + 12, ip + 12, 8);
	assert_memory_equal(data + 20, ip + 28, esp);
}

static void
check_parsed(const struct gateway *gw, struct rte_mbuf *m, const struct verdict *verdict, const uint8_t *frame)
{
	const struct dp_worker *w = gw->w;
	const struct dp_vec *const out[] = {&w->drop, &w->punt, &w->classify, &w->esp_in};
	const struct dp_meta *meta = dp_meta(m);
	for (unsigned i = 0; i < 4; i++)
		if (out[i]->n != (i == verdict->way))
			fail_msg("%u packets went way %u, not %u", out[i]->n, i, verdict->way);
	if (verdict->way == DROP) {
		if (meta->reason != verdict->reason)
			fail_msg("dropped as %s, not %s", dp_drop_name(meta->reason), dp_drop_name(verdict->reason));
		return;
	}
	if (verdict->way == PUNT) {
		assert_int_equal(meta->flags, DP_META_HAS_L2);
		assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), frame, 14);
		return;
	}
	assert_int_equal(meta->flags, verdict->group ? DP_META_GROUP : 0);
	assert_int_equal(meta->local, verdict->local);
	if (verdict->udp) {
		check_unwrapped(m, frame + 14);
		return;
	}
	if (verdict->way == ESP_IN)
		assert_int_equal(meta->udp, 0);
	assert_int_equal(meta->ip_bytes, header_get16(frame + 16));
	assert_int_equal(m->data_len, meta->ip_bytes);
	assert_int_equal(m->pkt_len, meta->ip_bytes);
	assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), frame + 14, meta->ip_bytes);
	if (verdict->way == CLASSIFY) {
		assert_ptr_equal(meta->vnet, gw->blue);
		check_flow(&meta->flow, frame + 14);
	}
}

static void
parse_judges_every_frame_by_the_rules_in_full(void **state)
{
	unsigned ways[4] = {0}, in_udp = 0, reasons[DP_DROP_COUNT] = {0};
	uint8_t frame[BUFFER] = {0};
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	srand(2);
	for (unsigned i = 0; i < TRIALS; i++) {
		struct dp_vec *const vecs[] = {&gw.w->drop, &gw.w->punt, &gw.w->classify, &gw.w->esp_in};
		const struct dp_port *port = gw.dp->port[header_any(2)];
		size_t bytes = nearly_right_frame(frame, port);
		struct rte_mbuf *m = buffer(&gw, frame, bytes, port->number);
		struct verdict verdict = judge_frame(frame, bytes, port->mac.addr_bytes, port->underlay);
		if (verdict.way == JOIN) {
			rte_pktmbuf_free(m);
			continue;
		}
		dp_vec_push(&gw.w->parse, m);
		dp_parse(gw.w);
		check_parsed(&gw, m, &verdict, frame);
		ways[verdict.way]++;
		in_udp += verdict.udp;
		reasons[verdict.way == DROP ? verdict.reason : 0]++;
		for (unsigned k = 0; k < 4; k++)
			vecs[k]->n = 0;
		rte_pktmbuf_free(m);
	}
	/* The trial was one. */
	assert_true(in_udp > TRIALS / 50);
	for (unsigned k = 0; k < 4; k++)
		assert_true(ways[k] > TRIALS / 50);
	static const enum dp_drop met[] = {
	    DP_DROP_IP_TRUNCATED,  DP_DROP_ETHER_DST,       DP_DROP_ETHER_TYPE,         DP_DROP_IP_VERSION,
	    DP_DROP_IP_LENGTH,     DP_DROP_IP_OPTIONS,      DP_DROP_IP_CHECKSUM,        DP_DROP_IP_MARTIAN,
	    DP_DROP_IP_MULTICAST,  DP_DROP_FRAGMENT_LENGTH, DP_DROP_UNDERLAY_NOT_LOCAL, DP_DROP_UDP_LENGTH,
	    DP_DROP_NAT_KEEPALIVE,
	};
	for (unsigned k = 0; k < sizeof(met) / sizeof(met[0]); k++)
		assert_true(reasons[met[k]] > 20);
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(parse_judges_every_frame_by_the_rules_in_full, engine),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
