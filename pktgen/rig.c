/* SPDX-License-Identifier: BSD-3-Clause
 * What trials of a scenario share. Main thread. */
#include "pktgen/rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_random.h>

#include "pktgen/eal.h"
#include "pktgen/interrupt.h"

#define TICK_NS     10000000 /* between looks at a link */
#define ASK_TICKS   20       /* between ARP requests */
#define WHERE_BYTES (PG_TEXT + 48)

static void
tick(void)
{
	nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
}

static uint64_t
deadline_of(const struct pg_scenario *scenario)
{
	return rte_get_tsc_cycles() + (uint64_t)((double)scenario->link_wait_ns / 1e9 * (double)rte_get_tsc_hz());
}

static int
open_port(struct pg_rig *rig, const struct pg_port_spec *spec, const char *key, struct pg_port *port,
	  struct pg_error *err)
{
	char where[WHERE_BYTES];
	const struct pg_port_config config = {
	    .device = spec->device,
	    .where = where,
	    .max_frame = pg_scenario_max_frame(rig->scenario),
	    .buffer_room = pg_eal_buffer_room(rig->scenario),
	    .mac = spec->mac,
	    .two_queues = rig->one_port && !rig->scenario->one_thread,
	};
	snprintf(where, sizeof(where), "%s:%u: %s.device", rig->scenario->file, spec->device_line, key);
	return pg_port_open(port, &config, err);
}

/* A link of another process (memif) comes up when that does. *waited: it was not up at the first look. */
static int
wait_for_link(const struct pg_rig *rig, struct pg_port *port, const struct pg_port_spec *spec, bool *waited,
	      struct pg_error *err)
{
	const uint64_t deadline = deadline_of(rig->scenario);
	for (; !pg_port_link_up(port); *waited = true) {
		if (pg_interrupted())
			return pg_error_set(err, -EINTR, "interrupted while waiting for the link of device %s",
					    spec->device);
		if (rte_get_tsc_cycles() >= deadline)
			return pg_error_set(err, -ENOLINK,
					    "%s:%u: %s.device: device %s: no link after link_wait; is "
					    "the other side running?",
					    rig->scenario->file, spec->device_line, port == &rig->tx_port ? "tx" : "rx",
					    spec->device);
		tick();
	}
	return 0;
}

static int
wait_for_links(struct pg_rig *rig, bool *waited, struct pg_error *err)
{
	const struct pg_scenario *s = rig->scenario;
	int rc = wait_for_link(rig, &rig->tx_port, &s->tx, waited, err);
	return rc == 0 && !rig->one_port ? wait_for_link(rig, &rig->rx_port, &s->rx, waited, err) : rc;
}

void
pg_rig_look(struct pg_rig *rig)
{
	struct rte_mbuf *frames[PG_RX_BURST];
	const uint16_t n = rte_eth_rx_burst(rig->rx.port, 0, frames, PG_RX_BURST);
	pg_rx_take(&rig->rx, frames, n, rte_rdtsc());
	if (!rig->one_port)
		pg_aside_poll(&rig->aside);
}

/* The other side of a link that just came up looks at its own now and then, and drops until it knows. It may need our
 * first look at the port too: a memif client gives its peer the buffers to send with only then. */
static void
settle(struct pg_rig *rig, bool waited)
{
	pg_rig_look(rig);
	for (uint64_t ns = 0; waited && ns < rig->scenario->link_settle_ns && !pg_interrupted(); ns += TICK_NS) {
		tick();
		pg_rig_look(rig);
	}
}

static void
ask_gateway(const struct pg_rig *rig)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig->tx_port.pool);
	if (m == NULL)
		return;
	pg_arp_request(&rig->aside.arp, rig->scenario->flows.source.first, rig->scenario->gateway,
		       (uint8_t *)rte_pktmbuf_append(m, PG_ARP_FRAME));
	pg_arp_send(m, rig->tx_port.id, 0);
}

static int
find_gateway(struct pg_rig *rig, struct pg_error *err)
{
	const uint64_t deadline = deadline_of(rig->scenario);
	for (unsigned i = 0; !rig->aside.heard; i++) {
		if (pg_interrupted())
			return pg_error_set(err, -EINTR, "interrupted while asking for the gateway's MAC");
		if (rte_get_tsc_cycles() >= deadline)
			return pg_error_set(err, -EHOSTUNREACH,
					    "%s:%u: tx.gateway: no answer to ARP on device %s after link_wait",
					    rig->scenario->file, rig->scenario->gateway_line, rig->scenario->tx.device);
		if (i % ASK_TICKS == 0)
			ask_gateway(rig);
		tick();
		pg_aside_poll(&rig->aside);
	}
	rig->format.destination = rig->aside.mac;
	return 0;
}

static int
open_ports(struct pg_rig *rig, struct pg_error *err)
{
	const struct pg_scenario *s = rig->scenario;
	int rc = open_port(rig, &s->tx, "tx", &rig->tx_port, err);
	return rc == 0 && !rig->one_port ? open_port(rig, &s->rx, "rx", &rig->rx_port, err) : rc;
}

/* Wires transmitter and receiver to the ports. */
static void
wire_up(struct pg_rig *rig)
{
	const struct pg_scenario *s = rig->scenario;
	const struct pg_port *rx_port = rig->one_port ? &rig->tx_port : &rig->rx_port;

	rig->aside = (struct pg_aside){.port = rig->tx_port.id, .gateway = s->gateway};
	rig->aside.arp = (struct pg_arp){.mac = rig->tx_port.mac, .ranges = {s->flows.source}, .n = 1};
	rig->tx.port = rig->tx_port.id;
	rig->tx.pool = rig->tx_port.pool;
	rig->tx.format = &rig->format;
	rig->tx.burst = s->burst;
	rig->rx.port = rx_port->id;
	rig->rx_ring = rx_port->rx_ring;
	rig->rx.format = &rig->format;
	rig->rx.arp = (struct pg_arp){.mac = rx_port->mac, .ranges = {s->flows.destination}, .n = 1};
	if (rig->one_port) { /* it plays the sources too, on a queue that the transmitter does not use meanwhile */
		rig->rx.arp.ranges[rig->rx.arp.n++] = s->flows.source;
		rig->rx.arp_queue = rx_port->tx_queues - 1;
		rig->rx.arp_off = rx_port->tx_queues == 1 && !s->one_thread;
	}
	rig->format.source = rig->tx_port.mac;
	memcpy(&rig->format.destination, s->destination_mac, sizeof(rig->format.destination));
	rig->link_bits = s->link_bits != 0 ? s->link_bits : rig->tx_port.link_bits;
}

static int
prepare(struct pg_rig *rig, struct pg_error *err)
{
	const struct pg_flow_spec *spec = &rig->scenario->flows;
	rig->flows = pg_flows_create(spec);
	rig->rx.judge = pg_judge_create((uint32_t)spec->count, 0);
	if (rig->flows == NULL || rig->rx.judge == NULL)
		return pg_error_set(err, -ENOMEM, "not enough memory for %llu flows", (unsigned long long)spec->count);
	pg_frame_format_init(&rig->format);
	rig->format.flows = rig->flows;
	rig->format.flow_count = (uint32_t)spec->count;
	rig->format.udp_checksum = rig->scenario->udp_checksum;
	return 0;
}

/* What must be known of the path before the first trial. */
static int
meet(struct pg_rig *rig, bool waited, struct pg_error *err)
{
	wire_up(rig);
	settle(rig, waited);
	const int rc = rig->scenario->gateway != 0 ? find_gateway(rig, err) : 0;
	return rc < 0 ? rc : pg_learn(rig, &rig->learning, err);
}

int
pg_rig_create(const struct pg_scenario *scenario, bool verbose, struct pg_rig **out, struct pg_error *err)
{
	struct pg_rig *rig = calloc(1, sizeof(*rig));
	if (rig == NULL)
		return pg_error_set(err, -ENOMEM, "not enough memory");
	rig->scenario = scenario;
	rig->one_port = scenario->rx.device[0] == '\0';
	rig->tx_port.id = rig->rx_port.id = RTE_MAX_ETHPORTS;
	bool waited = false;
	int rc = pg_eal_start(scenario, verbose, err);
	if (rc < 0) {
		free(rig);
		return rc;
	}
	rig->run = (uint32_t)rte_rand(); /* frames of a generator that ran just before are not taken for ours */
	rc = prepare(rig, err);
	if (rc == 0)
		rc = open_ports(rig, err);
	if (rc == 0)
		rc = wait_for_links(rig, &waited, err);
	if (rc == 0)
		rc = meet(rig, waited, err);
	if (rc < 0) {
		pg_rig_destroy(rig);
		return rc;
	}
	*out = rig;
	return 0;
}

void
pg_rig_destroy(struct pg_rig *rig)
{
	pg_port_close(&rig->rx_port);
	pg_port_close(&rig->tx_port);
	pg_judge_destroy(rig->rx.judge);
	free(rig->flows);
	free(rig);
	pg_eal_stop();
}

int
pg_rig_load(const struct pg_rig *rig, const struct pg_rate *rate, unsigned line, struct pg_load *out,
	    struct pg_error *err)
{
	if (pg_load_of(rate, rig->link_bits, out) == 0)
		return 0;
	return pg_error_set(
	    err, -EINVAL,
	    "%s:%u: link: device %s does not tell its speed, so a rate in percent needs it; accepted: the "
	    "link's speed, such as 10Gbit/s",
	    rig->scenario->file, line, rig->scenario->tx.device);
}
