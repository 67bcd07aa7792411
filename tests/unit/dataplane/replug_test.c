/* SPDX-License-Identifier: BSD-3-Clause
 * A port whose device is let go and opened again, beside others that go on; with the real thing in tests/netns/34_unplug.sh,
 * and under threads in threads_test. */
#include <net/if.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/pool_note.h"
#include "tests/unit/dataplane/gateway.h"

#define SPARE 2u /* a port on a device that takes all and gives nothing */
#define VLAN  3u /* and a VLAN on it */

static char engine[] = "auto";

static void
add_spare(struct gateway *gw)
{
	struct dp_port_config spare = {
	    .name = "spare", .device = "net_null0,no-rx=1", .vnet = gw->blue, .mtu = 1500, .trunk = true};
	struct dp_port_config vlan = {.name = "spare-7", .vnet = gw->blue, .mtu = 1500, .vlan = 7, .on = SPARE};
	const struct sadb_route host = {
	    .dst = {sadb_addr_v4(rte_cpu_to_be_32(GW_HOST)), 32}, .port = SPARE, .kind = SADB_ROUTE_UNICAST};
	const struct sadb_neigh neigh = {
	    .addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = SPARE, .mac = {2, 0, 0, 0, 0, 1}};
	struct dp_error err;
	uint16_t number;

	if (dp_port_add(gw->dp, &spare, &number, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(number, SPARE);
	if (dp_port_add(gw->dp, &vlan, &number, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(number, VLAN);
	gateway_routes(gw, &host, 1);
	sadb_neighs_set(gw->db, sadb_neigh_table_create(&neigh, 1));
}

static void
plug(struct gateway *gw)
{
	struct dp_error err;
	if (dp_port_plug(gw->dp, SPARE, &err) < 0)
		fail_msg("%s", err.text);
}

/* It came after the gateway was set up: plugging it in starts it. */
static void
start(struct gateway *gw, void **state)
{
	gateway_start(gw, *state, 0, 128);
	add_spare(gw);
	assert_int_equal(dp_port_unplug(gw->dp, SPARE), 0);
	plug(gw);
}

static struct dp_port_info
port(const struct gateway *gw, uint16_t number)
{
	struct dp_port_info info;
	assert_int_equal(dp_port_get(gw->dp, number, &info), 0);
	return info;
}

static unsigned
queues_of(const struct gateway *gw, uint16_t number)
{
	unsigned n = 0;
	for (unsigned i = 0; i < gw->dp->worker[0]->n_queues; i++)
		n += gw->dp->worker[0]->queue[i].port == gw->dp->port[number];
	return n;
}

static void
a_port_that_is_unplugged_drops_and_others_go_on(void **state)
{
	struct gateway gw;
	start(&gw, state);
	gateway_receive_many(&gw, 1, 5);
	assert_int_equal(port(&gw, SPARE).tx_packets, 5);
	assert_int_equal(queues_of(&gw, SPARE), 1);

	gw.w->next_queue = gw.w->n_queues - 1; /* as it may be where there are more than a round asks */
	assert_int_equal(dp_port_unplug(gw.dp, SPARE), 0);
	assert_true(gw.w->next_queue < gw.w->n_queues);
	assert_int_equal(queues_of(&gw, SPARE), 0);
	assert_int_equal(queues_of(&gw, GW_PORT_WAN) + queues_of(&gw, GW_PORT_LAN), 2);
	for (uint16_t number = SPARE; number <= VLAN; number++) {
		assert_true(port(&gw, number).gone);
		assert_true(port(&gw, number).back); /* it has no interface that could be missing */
		assert_false(port(&gw, number).up);
	}
	dp_port_poll_link(gw.dp);
	assert_false(port(&gw, SPARE).up);
	gateway_receive_many(&gw, 6, 5);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_PORT_DOWN), 5);
	assert_int_equal(port(&gw, SPARE).tx_packets, 5);
	assert_int_equal(dp_port_unplug(gw.dp, SPARE), 0); /* twice does nothing */
	assert_int_equal(dp_port_unplug(gw.dp, VLAN), 0);  /* nor a VLAN by itself */
	gateway_assert_balanced(&gw);
	gateway_stop(&gw); /* as it is */
}

static void
plugged_in_again_it_goes_on_and_the_twins_have_its_mac(void **state)
{
	struct gateway gw;
	start(&gw, state);
	gateway_receive_many(&gw, 1, 5);
	dp_port_unplug(gw.dp, SPARE);
	gateway_receive_many(&gw, 6, 5);
	plug(&gw);
	assert_true(gw.dp->port[SPARE]->sorts); /* a trunk's tags */
	assert_int_equal(queues_of(&gw, SPARE), 1);
	gateway_receive_many(&gw, 11, 5);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_PORT_DOWN), 5);
	assert_int_equal(port(&gw, SPARE).tx_packets, 10); /* the packets of before are not forgotten */
	for (uint16_t number = SPARE; number <= VLAN; number++) {
		struct ifreq ifr = {0};
		const struct dp_port_info info = port(&gw, number);
		const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		assert_true(!info.gone && !info.back && info.up);
		assert_memory_equal(info.mac, port(&gw, SPARE).mac, 6);
		snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", info.name);
		assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &ifr), 0);
		close(fd);
		assert_memory_equal(ifr.ifr_hwaddr.sa_data, info.mac, 6);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

static void
many_times_cost_no_buffer(void **state)
{
	struct gateway gw;
	start(&gw, state);
	gateway_receive_many(&gw, 1, 5);
	const unsigned free_before = rte_mempool_avail_count(gw.dp->pool);
	for (unsigned i = 0; i < 100; i++) {
		dp_port_unplug(gw.dp, SPARE);
		plug(&gw);
	}
	assert_int_equal(rte_mempool_avail_count(gw.dp->pool), free_before);
	gateway_receive_many(&gw, 6, 5);
	assert_int_equal(port(&gw, SPARE).tx_packets, 10);
	gateway_stop(&gw);
}

#define TAKEN 300u

struct taker {
	struct rte_mempool *pool;
	unsigned taken, back, begun;
};

/* A thread without a cache of the pool, as the one that opens devices is: takes some, gives a few back, forgets the others. */
static void *
take_and_forget(void *arg)
{
	struct taker *taker = arg;
	struct rte_mbuf *m[TAKEN], *before;

	if (rte_pktmbuf_alloc_bulk(taker->pool, &before, 1) < 0 || dp_pool_note_begin(taker->pool) < 0)
		return NULL;
	taker->begun = 1;
	if (rte_pktmbuf_alloc_bulk(taker->pool, m, TAKEN) == 0)
		taker->taken = TAKEN;
	m[TAKEN - 1]->next = m[TAKEN - 2];
	m[TAKEN - 1]->nb_segs = 2; /* as it may have been when it was sent */
	rte_pktmbuf_free_bulk(m, taker->taken / 3);
	taker->back = dp_pool_note_give_back();
	dp_pool_note_end();
	rte_pktmbuf_free(before);
	return NULL;
}

static void
what_a_thread_took_and_forgot_goes_back_to_the_pool_and_no_more(void **state)
{
	struct gateway gw;
	struct rte_mbuf *m[TAKEN];
	pthread_t thread;

	start(&gw, state);
	gateway_receive_many(&gw, 1, 5);
	const unsigned free_before = rte_mempool_avail_count(gw.dp->pool);
	struct taker taker = {.pool = gw.dp->pool};
	assert_int_equal(pthread_create(&thread, NULL, take_and_forget, &taker), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(taker.begun, 1);
	assert_int_equal(taker.taken, TAKEN);
	assert_int_equal(taker.back, TAKEN - TAKEN / 3);
	assert_int_equal(rte_mempool_avail_count(gw.dp->pool), free_before);
	/* This one has a cache: what it takes is not noted. */
	assert_int_equal(dp_pool_note_begin(gw.dp->pool), 0);
	assert_int_equal(rte_pktmbuf_alloc_bulk(gw.dp->pool, m, TAKEN), 0);
	assert_int_equal(dp_pool_note_give_back(), 0);
	dp_pool_note_end();
	for (unsigned i = 0; i < TAKEN; i++)
		assert_true(m[i]->next == NULL && m[i]->nb_segs == 1);
	rte_pktmbuf_free_bulk(m, TAKEN);
	assert_int_equal(rte_mempool_avail_count(gw.dp->pool), free_before);
	gateway_receive_many(&gw, 6, 5);
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(a_port_that_is_unplugged_drops_and_others_go_on, engine),
	    cmocka_unit_test_prestate(plugged_in_again_it_goes_on_and_the_twins_have_its_mac, engine),
	    cmocka_unit_test_prestate(many_times_cost_no_buffer, engine),
	    cmocka_unit_test_prestate(what_a_thread_took_and_forgot_goes_back_to_the_pool_and_no_more, engine),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
