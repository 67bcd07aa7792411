/* SPDX-License-Identifier: BSD-3-Clause
 * An engine that works like a device with a queue: it keeps what it takes and gives it back in later rounds, in part, is
 * full at times, and fails at times. No packet is lost, doubled or overtaken for that. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/engine.h"
#include "tests/unit/dataplane/gateway.h"

#define BUFFER 4096
#define RING   2048
#define ROUNDS 400

static const struct witness_twist plain;
static char engine[] = "auto";

/* How the device behaves; each test sets it. */
static struct {
	const struct dp_engine *library; /* does the work, when the device hands it out */
	unsigned capacity;
	unsigned at_once;   /* per cent of the submits to an empty device that it finishes in part at once */
	unsigned patience;  /* per cent of the polls that give nothing */
	unsigned most;      /* given back by one poll; 0: as many as asked for */
	unsigned fail_each; /* every so manyth operation fails; 0: none */
} device;

struct dp_engine_queue {
	struct dp_engine_queue *library;
	struct dp_aead_op *op[RING];
	unsigned first, n, served;
};

static void
serve(struct dp_engine_queue *queue, struct dp_aead_op *op)
{
	unsigned finished;
	assert_int_equal(device.library->submit(queue->library, &op, 1, &finished), 1);
	if (device.fail_each != 0 && ++queue->served % device.fail_each == 0)
		op->status = -EIO;
}

static unsigned
device_submit(struct dp_engine_queue *queue, struct dp_aead_op *const ops[], unsigned n, unsigned *finished)
{
	unsigned taken = 0;
	*finished = 0;
	if (queue->n == 0 && (unsigned)rand() % 100 < device.at_once)
		for (*finished = (unsigned)rand() % (n + 1); taken < *finished; taken++)
			serve(queue, ops[taken]);
	for (; taken < n && queue->n < device.capacity; taken++)
		queue->op[(queue->first + queue->n++) % RING] = ops[taken];
	return taken;
}

static unsigned
device_complete(struct dp_engine_queue *queue, struct dp_aead_op *ops[], unsigned max)
{
	unsigned n = queue->n < max ? queue->n : max;
	assert_true(max > 0 && max <= DP_ENGINE_BATCH);
	if ((unsigned)rand() % 100 < device.patience)
		return 0;
	if (device.most != 0 && n > device.most)
		n = 1 + (unsigned)rand() % device.most;
	for (unsigned i = 0; i < n; i++) {
		ops[i] = queue->op[queue->first];
		queue->first = (queue->first + 1) % RING;
		queue->n--;
		serve(queue, ops[i]);
	}
	return n;
}

static void
device_destroy(struct dp_engine_queue *queue)
{
	assert_int_equal(queue->n, 0);
	device.library->queue_destroy(queue->library);
	free(queue);
}

/* Puts the device in the place of the library that the gateway started with. */
static void
start(struct gateway *gw, uint32_t flags)
{
	static struct dp_engine as_device;
	gateway_start(gw, engine, flags, 128);
	device.library = gw->dp->engine;
	as_device = *device.library;
	as_device.submit = device_submit;
	as_device.complete = device_complete;
	as_device.queue_destroy = device_destroy;
	struct dp_engine_queue *queue = calloc(1, sizeof(*queue));
	queue->library = gw->w->engine_queue;
	gw->w->engine_queue = queue;
	gw->dp->engine = &as_device;
}

static void
mark(uint8_t *ip, size_t bytes, uint32_t ordinal)
{
	memcpy(ip + bytes - sizeof(ordinal), &ordinal, sizeof(ordinal));
}

static void
put_out(struct gateway *gw, uint32_t ordinal)
{
	uint8_t ip[BUFFER];
	size_t bytes = gateway_outbound_packet(ip, (uint16_t)(4 + ordinal % 100));
	mark(ip, bytes, ordinal);
	gateway_put(gw, GW_PORT_LAN, ip, bytes);
}

static void
put_in(struct gateway *gw, uint32_t ordinal)
{
	uint8_t ip[BUFFER], wire[BUFFER];
	size_t bytes = gateway_inbound_packet(ip, (uint16_t)(4 + ordinal % 100));
	mark(ip, bytes, ordinal);
	gateway_put(gw, GW_PORT_WAN, wire, witness_seal(&gw->in, ordinal, ip, bytes, &plain, wire));
}

/* What came out, in the order it came. */
struct seen {
	uint32_t out, in; /* the last ordinals */
	unsigned n_out, n_in;
};

static void
take_all(struct gateway *gw, struct seen *seen)
{
	uint8_t ip[BUFFER], inner[BUFFER];
	uint32_t seq, ordinal;
	size_t bytes, inner_bytes;
	for (; (bytes = gateway_take(gw, GW_PORT_WAN, ip)) > 0; seen->n_out++) {
		assert_null(witness_open(&gw->out, 0, ip, bytes, inner, &inner_bytes, &seq));
		memcpy(&ordinal, inner + inner_bytes - sizeof(ordinal), sizeof(ordinal));
		assert_int_equal(seq, ordinal); /* numbers were given in this order */
		assert_true(ordinal > seen->out);
		seen->out = ordinal;
	}
	for (; (bytes = gateway_take(gw, GW_PORT_LAN, ip)) > 0; seen->n_in++) {
		memcpy(&ordinal, ip + bytes - sizeof(ordinal), sizeof(ordinal));
		assert_true(ordinal > seen->in);
		seen->in = ordinal;
	}
}

/* Traffic both ways for some rounds, then until the device is empty. Returns how many were put in each way. */
static unsigned
traffic(struct gateway *gw, struct seen *seen)
{
	uint32_t sent = 0;
	srand(1);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned n = gw->w->in_flight < 600 ? (unsigned)rand() % 40 : 0; n > 0; n--) {
			put_out(gw, ++sent);
			put_in(gw, sent);
		}
		dp_worker_poll(gw->w);
		take_all(gw, seen);
	}
	gateway_turn(gw);
	take_all(gw, seen);
	assert_int_equal(gw->w->in_flight, 0);
	gateway_assert_balanced(gw);
	return sent;
}

static void
all_packets_come_out_once_and_in_order(void **state)
{
	static const struct {
		unsigned at_once, patience, most;
	} manners[] = {{0, 0, 0}, {0, 50, 0}, {0, 0, 7}, {0, 60, 30}, {60, 0, 0}, {60, 60, 20}};
	(void)state;
	for (unsigned i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		struct gateway gw;
		struct seen seen = {0};
		device.capacity = RING;
		device.at_once = manners[i].at_once;
		device.patience = manners[i].patience;
		device.most = manners[i].most;
		device.fail_each = 0;
		start(&gw, i % 2 ? SADB_SA_ESN : 0);
		unsigned sent = traffic(&gw, &seen);
		assert_int_equal(seen.n_out, sent);
		assert_int_equal(seen.n_in, sent);
		assert_int_equal(gw.w->stats.esp_out, sent);
		assert_int_equal(gw.w->stats.esp_in, sent);
		assert_int_equal(gw.w->stats.dropped, 0);
		gateway_stop(&gw);
	}
}

static void
what_a_full_device_does_not_take_is_dropped_and_its_number_never_used(void **state)
{
	struct gateway gw;
	struct seen seen = {0};
	(void)state;
	device.capacity = 10;
	device.at_once = 0;
	device.patience = 30;
	device.most = 6;
	device.fail_each = 0;
	start(&gw, 0);
	unsigned sent = traffic(&gw, &seen);
	uint64_t full = gateway_dropped(&gw, DP_DROP_ENGINE_FULL);
	assert_true(full > 0 && seen.n_out > 0 && seen.n_in > 0);
	assert_int_equal(seen.n_out + seen.n_in + full, 2 * sent);
	assert_int_equal(gw.w->stats.esp_out, seen.n_out);
	assert_int_equal(gw.w->stats.dropped, full);
	gateway_stop(&gw);
}

static void
what_a_device_fails_at_goes_no_further(void **state)
{
	struct gateway gw;
	struct seen seen = {0};
	(void)state;
	device.capacity = RING;
	device.at_once = 30;
	device.patience = 30;
	device.most = 0;
	device.fail_each = 5;
	start(&gw, 0);
	unsigned sent = traffic(&gw, &seen);
	uint64_t failed = gateway_dropped(&gw, DP_DROP_ENGINE_FAILED);
	assert_int_equal(failed, 2 * sent / 5);
	assert_int_equal(seen.n_out + seen.n_in + failed, 2 * sent);
	assert_int_equal(gw.w->stats.esp_out, seen.n_out);
	gateway_stop(&gw);
}

/* A device that gives back more than a stage can hold, in a round that has packets of its own of every kind. */
static void
a_device_that_gives_back_all_at_once_overruns_nothing(void **state)
{
	struct gateway gw;
	struct seen seen = {0};
	struct sadb_policy_config bypass = gateway_policy(SADB_POLICY_OUT);
	uint8_t ip[BUFFER];
	uint32_t sent = 0;
	(void)state;
	device.capacity = RING;
	device.at_once = 0;
	device.most = 0;
	device.fail_each = 0;
	start(&gw, 0);
	bypass.sel.proto = 1; /* ICMP stays clear, from host to host on the port */
	bypass.sel.dst = bypass.sel.src;
	bypass.action = SADB_BYPASS;
	gateway_set_policy(&gw, &bypass);
	gateway_commit(&gw);
	for (unsigned again = 0; again < 3; again++) {
		device.patience = 100;
		for (unsigned i = 0; i < 20; i++) {
			for (unsigned k = 0; k < 40; k++) {
				put_out(&gw, ++sent);
				put_in(&gw, sent);
			}
			dp_worker_poll(gw.w);
		}
		assert_int_equal(gw.w->in_flight, 1600);
		device.patience = 0;
		const struct witness_ip echo = {
		    .src = GW_HOST, .dst = GW_HOST, .payload = 20, .proto = 1, .ttl = 1, .sport = 0x0800};
		size_t bytes = witness_packet(&echo, ip);
		for (unsigned k = 0; k < DP_BURST; k++) { /* each is answered: its TTL is spent */
			gateway_put(&gw, GW_PORT_LAN, ip, bytes);
			put_in(&gw, sent + 1 + k);
		}
		while (dp_worker_poll(gw.w)) {
			for (struct rte_mbuf *m; (m = gateway_take_frame(&gw, GW_PORT_LAN)) != NULL; seen.n_in++)
				rte_pktmbuf_free(m);
			for (struct rte_mbuf *m; (m = gateway_take_frame(&gw, GW_PORT_WAN)) != NULL; seen.n_out++)
				rte_pktmbuf_free(m);
		}
		sent += DP_BURST;
		gateway_assert_balanced(&gw);
	}
	assert_int_equal(seen.n_out, 3 * 800);
	assert_int_equal(seen.n_in, 3 * (800 + DP_BURST) + gw.w->stats.made);
	assert_int_equal(gateway_dropped(&gw, DP_DROP_TTL), 3 * DP_BURST);
	gateway_stop(&gw);
}

static void
stopping_waits_for_the_device_and_leaks_nothing(void **state)
{
	struct gateway gw;
	struct seen seen = {0};
	(void)state;
	device.capacity = RING;
	device.at_once = 0;
	device.patience = 100;
	device.most = 5;
	device.fail_each = 0;
	start(&gw, 0);
	for (uint32_t sent = 1; sent <= 300; sent++) {
		put_out(&gw, sent);
		put_in(&gw, sent);
		if (sent % 30 == 0)
			dp_worker_poll(gw.w);
	}
	assert_int_equal(gw.w->in_flight, 600);
	device.patience = 50;
	dp_stop(gw.dp);
	assert_int_equal(gw.w->in_flight, 0);
	take_all(&gw, &seen);
	assert_int_equal(seen.n_out, 300);
	assert_int_equal(seen.n_in, 300);
	gateway_assert_balanced(&gw);
	assert_int_equal(rte_mempool_in_use_count(gw.dp->pool), 0);
	gateway_stop(&gw);
}

/* Two pieces become the packet again, in first. Returns its length. */
static size_t
join(uint8_t *first, size_t bytes, const uint8_t *second, size_t more)
{
	assert_int_equal(bytes, 1500);
	assert_int_equal(first[6], 0x20);
	assert_true(second[6] == 0 && second[7] == 1480 / 8);
	memcpy(first + bytes, second + 20, more - 20);
	bytes += more - 20;
	first[2] = (uint8_t)(bytes >> 8);
	first[3] = (uint8_t)bytes;
	first[6] = 0;
	witness_checksum(first, 20);
	return bytes;
}

/* RFC 4303 3.3.4: cut after ESP, whenever that is done. */
static void
what_a_device_sealed_whole_is_cut_when_it_comes_back(void **state)
{
	uint8_t ip[BUFFER], wire[BUFFER], more[BUFFER], inner[BUFFER];
	struct sadb_error err;
	struct gateway gw;
	uint32_t seq;
	size_t inner_bytes;
	(void)state;
	device.capacity = RING;
	device.at_once = 20;
	device.patience = 80;
	device.most = 3;
	device.fail_each = 0;
	start(&gw, 0);
	const struct sadb_sa_config config = gateway_sa(&gw.out, SADB_SA_FRAGMENT_AFTER, 128);
	assert_int_equal(sadb_sa_update(gw.db, &config, &err), 0);
	gateway_commit(&gw);
	for (unsigned n = 0; n < 50; n++)
		gateway_put(&gw, GW_PORT_LAN, ip, gateway_outbound_packet(ip, n % 2 == 0 ? 1472 : 100));
	gateway_turn(&gw);
	for (unsigned n = 0; n < 50; n++) {
		size_t bytes = gateway_take(&gw, GW_PORT_WAN, wire);
		if (n % 2 == 0)
			bytes = join(wire, bytes, more, gateway_take(&gw, GW_PORT_WAN, more));
		assert_null(witness_open(&gw.out, 0, wire, bytes, inner, &inner_bytes, &seq));
		assert_int_equal(seq, n + 1);
		assert_int_equal(inner_bytes, n % 2 == 0 ? 1500 : 128);
	}
	gateway_assert_balanced(&gw);
	gateway_stop(&gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_packets_come_out_once_and_in_order),
	    cmocka_unit_test(what_a_full_device_does_not_take_is_dropped_and_its_number_never_used),
	    cmocka_unit_test(what_a_device_fails_at_goes_no_further),
	    cmocka_unit_test(a_device_that_gives_back_all_at_once_overruns_nothing),
	    cmocka_unit_test(what_a_device_sealed_whole_is_cut_when_it_comes_back),
	    cmocka_unit_test(stopping_waits_for_the_device_and_leaks_nothing),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
