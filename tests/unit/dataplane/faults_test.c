/* SPDX-License-Identifier: BSD-3-Clause
 * What fails around a gateway: a link, a full queue, no packet buffer left, a spent SA, an SA that its policy may not use.
 * Each ends in drops under its own reason, and when it is over all goes on as before, without a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"

#define BUFFER 4096

static char engine[] = "auto";

static void
put_out(struct gateway *gw, unsigned n)
{
	uint8_t ip[BUFFER];
	for (unsigned i = 0; i < n; i++)
		gateway_put(gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 100));
	gateway_turn(gw);
}

static unsigned
came_out(struct gateway *gw, enum gw_port port)
{
	unsigned n = 0;
	for (struct rte_mbuf *m; (m = gateway_take_frame(gw, port)) != NULL; n++)
		rte_pktmbuf_free(m);
	return n;
}

static void
set_link(struct gateway *gw, enum gw_port port, bool up)
{
	const uint16_t ethdev = gw->dp->port[port]->ethdev;
	assert_int_equal(up ? rte_eth_dev_set_link_up(ethdev) : rte_eth_dev_set_link_down(ethdev), 0);
	dp_port_poll_link(gw->dp);
}

static void
a_link_that_is_down_drops_and_comes_back(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	for (unsigned again = 0; again < 3; again++) {
		set_link(&gw, GW_PORT_WAN, false);
		const uint64_t before = gateway_dropped(&gw, DP_DROP_PORT_DOWN);
		put_out(&gw, 5);
		assert_int_equal(gateway_dropped(&gw, DP_DROP_PORT_DOWN), before + 5);
		assert_int_equal(came_out(&gw, GW_PORT_WAN), 0);
		gateway_receive_many(&gw, 1 + 3 * again, 3); /* the other way is not concerned */
		assert_int_equal(came_out(&gw, GW_PORT_LAN), 3);
		set_link(&gw, GW_PORT_WAN, true);
		put_out(&gw, 5);
		assert_int_equal(came_out(&gw, GW_PORT_WAN), 5);
	}
	gateway_assert_balanced(&gw);
	assert_int_equal(rte_mempool_in_use_count(gw.dp->pool), 0);
	gateway_stop(&gw);
}

/* Nobody empties the twin's ring here. */
static void
what_the_kernel_does_not_take_in_time_is_dropped(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER];
	const struct witness_ip ping = {
	    .src = GW_HOST, .dst = GW_LAN, .payload = 20, .proto = 1, .ttl = 64, .sport = 0x0800};
	void *frame;
	gateway_start(&gw, *state, 0, 128);
	struct rte_ring *punt = gw.dp->port[GW_PORT_LAN]->punt;
	const unsigned room = rte_ring_get_capacity(punt);
	for (unsigned i = 0; i < room + 40; i++) {
		gateway_put(&gw, GW_PORT_LAN, ip, witness_packet(&ping, ip));
		gateway_turn(&gw);
	}
	assert_int_equal(gateway_dropped(&gw, DP_DROP_PUNT_FULL), 40);
	assert_int_equal(gw.w->stats.punted, room);
	put_out(&gw, 5); /* what is forwarded is not concerned */
	assert_int_equal(came_out(&gw, GW_PORT_WAN), 5);
	while (rte_ring_sc_dequeue(punt, &frame) == 0)
		rte_pktmbuf_free(frame);
	gateway_put(&gw, GW_PORT_LAN, ip, witness_packet(&ping, ip));
	gateway_turn(&gw);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_PUNT_FULL), 40);
	assert_int_equal(rte_ring_count(punt), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

/* Packets on their way need no further buffer; what is made here does: it is left out and, if a packet goes with it, counted. */
static void
without_a_buffer_left_packets_pass_and_only_answers_are_missing(void **state)
{
	struct gateway gw;
	uint8_t ip[BUFFER];
	struct witness_ip header = {
	    .src = GW_HOST, .dst = GW_FAR, .payload = 100, .proto = 17, .ttl = 1, .sport = 4000, .dport = 5000};
	static struct rte_mbuf *taken[BUFFER];
	unsigned n = 0;
	gateway_start(&gw, *state, 0, 128);
	for (unsigned i = 0; i < 5; i++)
		gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, 100));
	gateway_put(&gw, GW_PORT_LAN, ip, witness_packet(&header, ip)); /* its sender would be told */
	header.ttl = 64;
	header.payload = 1452;
	gateway_put(&gw, GW_PORT_LAN, ip, witness_packet(&header, ip)); /* would be cut */
	while (n < BUFFER && (taken[n] = rte_pktmbuf_alloc(gw.dp->pool)) != NULL)
		n++;
	assert_true(n > 0 && n < BUFFER);
	gateway_turn(&gw);
	assert_int_equal(gw.w->stats.esp_out, 5);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_TTL), 1);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_NO_BUFFER), 1);
	assert_int_equal(gw.w->stats.made, 0);
	assert_int_equal(came_out(&gw, GW_PORT_WAN), 5);
	gateway_assert_balanced(&gw);

	rte_pktmbuf_free_bulk(taken, n);
	gateway_put(&gw, GW_PORT_LAN, ip, witness_packet(&header, ip));
	gateway_turn(&gw);
	assert_int_equal(came_out(&gw, GW_PORT_WAN), 2);
	gateway_assert_balanced(&gw);
	assert_int_equal(rte_mempool_in_use_count(gw.dp->pool), 0);
	gateway_stop(&gw);
}

/* Its hard limit in packets, then a new one in its place. */
static void
a_spent_sa_drops_until_its_heir_is_there(void **state)
{
	struct gateway gw;
	struct sadb_error err;
	gateway_start(&gw, *state, 0, 128);
	struct sadb_sa_config config = gateway_sa(&gw.out, 0, 128);
	config.life.hard_packets = 3;
	if (sadb_sa_update(gw.db, &config, &err) < 0)
		fail_msg("%s", err.text);
	gateway_commit(&gw);
	for (unsigned i = 0; i < 10; i++)
		put_out(&gw, 1);
	assert_int_equal(came_out(&gw, GW_PORT_WAN), 3);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_SA_EXPIRED), 7);

	struct witness_sa heir = gw.out;
	heir.spi++;
	memset(heir.key, 0x55, sizeof(heir.key));
	config = gateway_sa(&heir, 0, 128);
	gateway_add_sa(&gw, &config);
	gateway_commit(&gw);
	put_out(&gw, 4);
	assert_int_equal(came_out(&gw, GW_PORT_WAN), 4);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_SA_EXPIRED), 7);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
what_lies_outside_the_selector_of_its_sa_is_not_sealed_by_it(void **state)
{
	struct gateway gw;
	struct witness_sa narrow;
	uint8_t ip[BUFFER];
	gateway_start(&gw, *state, 0, 128);
	narrow = gw.out;
	narrow.spi = 0x1777;
	memset(narrow.key, 0x66, sizeof(narrow.key));
	struct sadb_sa_config config = gateway_sa(&narrow, 0, 128);
	config.reqid = 7;
	config.sel.dst = (struct sadb_prefix){.addr = sadb_addr_v4(rte_cpu_to_be_32(GW_FAR + 1)), .len = 32};
	gateway_add_sa(&gw, &config);
	struct sadb_policy_config policy = gateway_policy(SADB_POLICY_OUT);
	policy.tmpl.reqid = 7;
	gateway_set_policy(&gw, &policy);
	gateway_commit(&gw);
	put_out(&gw, 5);
	assert_int_equal(came_out(&gw, GW_PORT_WAN), 0);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_OUT_SELECTOR), 5);
	const struct witness_ip inside = {
	    .src = GW_HOST, .dst = GW_FAR + 1, .payload = 100, .proto = 17, .ttl = 64, .sport = 4000, .dport = 5000};
	gateway_put(&gw, GW_PORT_LAN, ip, witness_packet(&inside, ip));
	gateway_turn(&gw);
	assert_int_equal(came_out(&gw, GW_PORT_WAN), 1);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(a_link_that_is_down_drops_and_comes_back, engine),
	    cmocka_unit_test_prestate(what_the_kernel_does_not_take_in_time_is_dropped, engine),
	    cmocka_unit_test_prestate(without_a_buffer_left_packets_pass_and_only_answers_are_missing, engine),
	    cmocka_unit_test_prestate(a_spent_sa_drops_until_its_heir_is_there, engine),
	    cmocka_unit_test_prestate(what_lies_outside_the_selector_of_its_sa_is_not_sealed_by_it, engine),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
