/* SPDX-License-Identifier: BSD-3-Clause
 * A transmitter and a receiver on a net_ring device, under a clock of the test's own. */
#include "tests/unit/pktgen/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cmocka.h>

struct rig_device device;

struct rig *
rig_create(uint32_t flows, const char *sizes, const struct pg_rate *rate)
{
	const struct pg_flow_spec spec = {.count = flows,
					  .source = {0x0a010001, flows},
					  .destination = {0x0a020001, 1},
					  .source_port = {1000, 1},
					  .destination_port = {2000, 1}};
	struct rig *rig = calloc(1, sizeof(*rig));
	assert_int_equal(pg_mix_parse(sizes, &rig->mix), 0);
	rig->flows = pg_flows_create(&spec);
	pg_frame_format_init(&rig->format);
	rig->format.flows = rig->flows;
	rig->format.flow_count = flows;
	rig->tx = (struct pg_tx){
	    .port = device.port, .pool = device.pool, .format = &rig->format, .mix = &rig->mix, .burst = 64};
	assert_int_equal(pg_load_of(rate, 10000000000, &rig->tx.load), 0);
	rig->rx.port = device.port;
	rig->rx.format = &rig->format;
	rig->rx.judge = pg_judge_create(flows, 1024);
	rig->rx.arp = (struct pg_arp){.mac = {{2, 0, 0, 0, 0, 7}}, .ranges = {spec.destination}, .n = 1};
	pg_tx_start(&rig->tx, 1, 0, HZ);
	pg_rx_start(&rig->rx, 1);
	return rig;
}

void
rig_destroy(struct rig *rig)
{
	pg_tx_stop(&rig->tx);
	assert_int_equal(rte_mempool_in_use_count(device.pool), 0);
	pg_judge_destroy(rig->rx.judge);
	free(rig->flows);
	free(rig);
}

void
rig_drain(void)
{
	struct rte_mbuf *burst[64];
	uint16_t n;
	while ((n = rte_eth_rx_burst(device.port, 0, burst, 64)) > 0)
		rte_pktmbuf_free_bulk(burst, n);
}

int
rig_start(void **state)
{
	(void)state;
	struct rte_eth_conf conf = {0};
	static char name[] = "rig", no_huge[] = "--no-huge", memory[] = "-m", mb[] = "64", shconf[] = "--no-shconf",
		    pci[] = "--no-pci", telemetry[] = "--no-telemetry", lcores[] = "--lcores", one[] = "0",
		    log[] = "--log-level=*:error";
	char prefix[48];
	char *argv[] = {name, no_huge, memory, mb, shconf, pci, telemetry, lcores, one, log, prefix};
	snprintf(prefix, sizeof(prefix), "--file-prefix=culvert-rig-%d", (int)getpid());
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) < 0)
		return 1;
	assert_int_equal(rte_dev_probe("net_ring0"), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_ring0", &device.port), 0);
	device.pool = rte_pktmbuf_pool_create("wire", 4095, 0, 0, 2176, SOCKET_ID_ANY);
	assert_non_null(device.pool);
	assert_int_equal(rte_eth_dev_configure(device.port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(device.port, 0, RING, SOCKET_ID_ANY, NULL, device.pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(device.port, 0, RING, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start(device.port), 0);
	return 0;
}

int
rig_stop(void **state)
{
	(void)state;
	rte_eth_dev_stop(device.port);
	rte_eth_dev_close(device.port);
	rte_mempool_free(device.pool);
	rte_eal_cleanup();
	rmdir(rte_eal_get_runtime_dir()); /* DPDK leaves it, empty */
	return 0;
}
