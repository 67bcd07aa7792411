/* SPDX-License-Identifier: BSD-3-Clause
 * What comes back to the transmitter's port, on a device that loops: what is put into it is what comes. */
#include "pktgen/aside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ip.h>

#include <cmocka.h>

#include "tests/unit/pktgen/rig.h"

#define GATEWAY 0x0a0100fe
#define HOST    0x0a010001

static const struct pg_arp gateway = {.mac = {{2, 0, 0, 0, 0, 9}}, .ranges = {{GATEWAY, 1}}, .n = 1};

static struct pg_aside
aside_of(uint32_t looked_for)
{
	return (struct pg_aside){.port = device.port,
				 .arp = {.mac = {{2, 0, 0, 0, 0, 7}}, .ranges = {{HOST, 3}}, .n = 1},
				 .gateway = looked_for};
}

static uint8_t *
next(struct rte_mbuf **m, uint16_t bytes)
{
	*m = rte_pktmbuf_alloc(device.pool);
	assert_non_null(*m);
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(*m, bytes);
	memset(frame, 0, bytes);
	return frame;
}

static void
put(struct rte_mbuf *m)
{
	assert_int_equal(rte_eth_tx_burst(device.port, 0, &m, 1), 1);
}

static void
put_ip(uint8_t protocol, uint16_t bytes)
{
	struct rte_mbuf *m;
	uint8_t *frame = next(&m, bytes);
	frame[12] = 8;
	if (bytes > 23)
		frame[23] = protocol;
	put(m);
}

static void
icmp_is_counted_and_nothing_else(void **state)
{
	(void)state;
	struct pg_aside aside = aside_of(0);
	put_ip(IPPROTO_ICMP, 70);
	put_ip(IPPROTO_ICMP, 34);
	put_ip(IPPROTO_ICMP, 33); /* cut off */
	put_ip(IPPROTO_UDP, 70);
	put_ip(IPPROTO_ICMP, 10);
	pg_aside_poll(&aside);
	assert_int_equal(aside.icmp, 2);
	assert_false(aside.heard);
	assert_int_equal(rte_mempool_in_use_count(device.pool), 0);
}

static void
the_gateway_is_heard_when_it_answers_or_asks(void **state)
{
	(void)state;
	static const struct {
		uint32_t looked_for, asked; /* whom the gateway asks for */
		bool answers, heard;
	} rows[] = {
	    {GATEWAY, HOST, false, true},      {GATEWAY, HOST, true, true},      {GATEWAY, HOST + 9, false, true},
	    {GATEWAY + 1, HOST, false, false}, {GATEWAY + 1, HOST, true, false}, {0, HOST, true, false},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_aside aside = aside_of(rows[i].looked_for);
		struct rte_mbuf *m;
		uint8_t *frame = next(&m, PG_ARP_FRAME);
		if (rows[i].answers) {
			pg_arp_request(&aside.arp, HOST, GATEWAY, frame);
			assert_true(pg_arp_answer(&gateway, frame, PG_ARP_FRAME));
		} else {
			pg_arp_request(&gateway, GATEWAY, rows[i].asked, frame);
		}
		put(m);
		pg_aside_poll(&aside);
		assert_int_equal(aside.heard, rows[i].heard);
		assert_int_equal(aside.mac.addr_bytes[5], rows[i].heard ? 9 : 0);
		rig_drain();
		assert_int_equal(rte_mempool_in_use_count(device.pool), 0);
	}
}

static void
who_asks_for_a_host_of_ours_is_answered(void **state)
{
	(void)state;
	struct pg_aside aside = aside_of(0);
	struct rte_ether_addr mac;
	struct rte_mbuf *m;
	pg_arp_request(&gateway, GATEWAY, HOST + 2, next(&m, PG_ARP_FRAME));
	put(m);
	pg_arp_request(&gateway, GATEWAY, HOST + 3, next(&m, PG_ARP_FRAME)); /* nobody's */
	put(m);
	pg_aside_poll(&aside);
	assert_int_equal(rte_eth_rx_burst(device.port, 0, &m, 1), 1);
	assert_true(pg_arp_learn(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, HOST + 2, &mac));
	assert_int_equal(mac.addr_bytes[5], 7);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_rx_burst(device.port, 0, &m, 1), 0);
	assert_int_equal(rte_mempool_in_use_count(device.pool), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(icmp_is_counted_and_nothing_else),
	    cmocka_unit_test(the_gateway_is_heard_when_it_answers_or_asks),
	    cmocka_unit_test(who_asks_for_a_host_of_ours_is_answered),
	};
	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
