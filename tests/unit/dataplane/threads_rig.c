/* SPDX-License-Identifier: BSD-3-Clause
 * The gateway with threads, from start to stop; see the header. Control thread, but for what the header gives to others. */
#include "tests/unit/dataplane/threads_rig.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <rte_eth_ring.h>

#include "tests/unit/dataplane/told.h"

#define RING 1024

static const uint8_t far_mac[6] = {0x02, 0, 0, 0, 0, 0x99};
static const char *const port_names[RIG_PORTS] = {"wan", "blue", "red"};

int
rig_process_start(void)
{
	return gateway_process_start_workers(RIG_WORKERS);
}

/* ---- SAs ---- */
#define SPI_OUT 0x10000000u
#define SPI_IN  0x20000000u

struct witness_sa
rig_sa(enum rig_tunnel tunnel, unsigned number, bool in)
{
	struct witness_sa sa = {.spi = (in ? SPI_IN : SPI_OUT) | (uint32_t)tunnel << 16 | number,
				.src = in ? GW_PEER : GW_WAN,
				.dst = in ? GW_WAN : GW_PEER,
				.esn = tunnel == RIG_TUNNEL_BLUE};
	uint64_t x = sa.spi;
	for (unsigned i = 0; i < sizeof(sa.key); i++) {
		x = x * 6364136223846793005u + 1442695040888963407u; /* Knuth's, MMIX */
		sa.key[i] = (uint8_t)(x >> 56);
	}
	memcpy(sa.salt, &x, sizeof(sa.salt));
	return sa;
}

bool
rig_spi_read(uint32_t spi, enum rig_tunnel *tunnel, unsigned *number)
{
	*tunnel = (spi >> 16 & 0xfff);
	*number = spi & 0xffff;
	return (spi & 0xf0000000u) == SPI_OUT && *tunnel < RIG_TUNNELS && *number < RIG_KEYS_MAX;
}

/* ---- frames ---- */
void
rig_wrong(struct rig *rig, const char *what)
{
	const char *none = NULL;
	__atomic_compare_exchange_n(&rig->wrong, &none, what, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static struct rte_mbuf *
frame(struct rig *rig, enum rig_port port, const uint8_t *ip, size_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig->dp->pool);
	if (m == NULL)
		return NULL;
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*ether) + bytes));
	if (ether == NULL)
		abort();
	ether->dst_addr = rig->dp->port[port]->mac;
	memcpy(&ether->src_addr, far_mac, sizeof(far_mac));
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	memcpy(ether + 1, ip, bytes);
	return m;
}

struct rte_mbuf *
rig_put(struct rig *rig, enum rig_port port, unsigned queue, const uint8_t *ip, size_t bytes)
{
	struct rte_mbuf *m;
	while ((m = frame(rig, port, ip, bytes)) == NULL) {
		if (rig_stopped(rig))
			return NULL;
		sched_yield();
	}
	dp_told_give(m);
	while (rte_ring_sp_enqueue(rig->rx[port][queue], m) != 0) {
		if (rig_stopped(rig)) {
			rte_pktmbuf_free(m);
			return NULL;
		}
		sched_yield();
	}
	return m;
}

size_t
rig_take(struct rig *rig, enum rig_port port, unsigned queue, uint8_t ip[2048])
{
	void *taken;
	while (rte_ring_sc_dequeue(rig->tx[port][queue], &taken) == 0) {
		struct rte_mbuf *m = taken;
		dp_told_take(m);
		const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
		size_t bytes = m->data_len - sizeof(*ether);
		const bool wanted = ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && bytes <= 2048;
		if (wanted)
			memcpy(ip, ether + 1, bytes);
		rte_pktmbuf_free(m);
		if (wanted)
			return bytes;
	}
	return 0;
}

/* ---- set-up ---- */
static void
add_port(struct rig *rig, enum rig_port which, struct sadb_vnet *vnet)
{
	struct dp_port_config config = {.vnet = vnet, .underlay = which == RIG_WAN, .mtu = 1500};
	const struct sadb_addr own = sadb_addr_v4(rte_cpu_to_be_32(which == RIG_WAN ? GW_WAN : GW_LAN));
	char name[32], device[64];
	struct dp_error err;
	uint16_t number;

	for (unsigned q = 0; q < RIG_QUEUES; q++) {
		snprintf(name, sizeof(name), "%s-rx-%u", port_names[which], q);
		rig->rx[which][q] = rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		snprintf(name, sizeof(name), "%s-tx-%u", port_names[which], q);
		rig->tx[which][q] = rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		assert_true(rig->rx[which][q] != NULL && rig->tx[which][q] != NULL);
	}
	assert_true(rte_eth_from_rings(port_names[which], rig->rx[which], RIG_QUEUES, rig->tx[which], RIG_QUEUES, 0) >=
		    0);
	snprintf(device, sizeof(device), "net_ring_%s", port_names[which]);
	snprintf(config.name, sizeof(config.name), "%s", port_names[which]);
	config.device = device;
	if (dp_port_add(rig->dp, &config, &number, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(number, which);
	assert_int_equal(rig->dp->port[number]->rx_queues, RIG_QUEUES);
	assert_int_equal(rig->dp->port[number]->tx_queues, RIG_QUEUES);
	told_device(rig->dp->port[number]->ethdev, RIG_QUEUES);
	assert_int_equal(dp_port_addrs_set(rig->dp, number, &own, 1), 0);
}

/* One more, which no packet leaves by, and which is unplugged and plugged in again. */
static void
add_spare(struct rig *rig)
{
	const struct dp_port_config config = {
	    .name = "spare", .device = "net_null0,no-rx=1", .vnet = rig->vnet[0], .mtu = 1500, .twinless = true};
	struct dp_error err;
	uint16_t number;

	if (dp_port_add(rig->dp, &config, &number, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(number, RIG_PORTS);
}

/* The kernel has the gateway's addresses, too, answers pings to the one of BLUE, and knows the host that asks. */
static void
twin_up(const char *name, uint32_t addr, bool knows_host)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = rte_cpu_to_be_32(addr)};
	struct ifreq ifr = {0};

	assert_true(fd >= 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	memcpy(&ifr.ifr_addr, &in, sizeof(in));
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &ifr), 0);
	in.sin_addr.s_addr = RTE_BE32(0xffffff00);
	memcpy(&ifr.ifr_netmask, &in, sizeof(in));
	assert_int_equal(ioctl(fd, SIOCSIFNETMASK, &ifr), 0);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	if (knows_host) {
		struct arpreq arp = {.arp_flags = ATF_PERM | ATF_COM};
		in.sin_addr.s_addr = RTE_BE32(GW_HOST);
		memcpy(&arp.arp_pa, &in, sizeof(in));
		arp.arp_ha.sa_family = ARPHRD_ETHER;
		memcpy(arp.arp_ha.sa_data, far_mac, sizeof(far_mac));
		snprintf(arp.arp_dev, sizeof(arp.arp_dev), "%s", name);
		assert_int_equal(ioctl(fd, SIOCSARP, &arp), 0);
	}
	close(fd);
}

void
rig_start(struct rig *rig)
{
	struct dp_config config = {
	    .engine = "auto", .workers = RIG_WORKERS, .packets = 8192, .max_frame_bytes = 1500 + 14};
	char path[sizeof(rig->store) + 16];
	struct sadb_config sadb = {.max_sas = 256,
				   .max_policies = 256,
				   .max_workers = RIG_WORKERS,
				   .key_id = gateway_key_id,
				   .store_path = path};
	struct dp_error err;
	struct sadb_error serr;

	memset(rig, 0, sizeof(*rig));
	snprintf(rig->store, sizeof(rig->store), "/tmp/culvert-threads-XXXXXX");
	assert_non_null(mkdtemp(rig->store));
	snprintf(path, sizeof(path), "%s/marks.db", rig->store);
	rig->dp = dp_create(&config, &sadb.keyer, &err);
	if (rig->dp == NULL)
		fail_msg("%s", err.text);
	rig->db = sadb_create(&sadb, &serr);
	if (rig->db == NULL)
		fail_msg("%s", serr.text);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sadb_vnet_add(rig->db, i + 1, port_names[RIG_BLUE + i], &serr), 0);
		rig->vnet[i] = sadb_vnet_find(rig->db, i + 1);
	}
	dp_attach(rig->dp, rig->db);
	add_port(rig, RIG_WAN, sadb_underlay(rig->db));
	add_port(rig, RIG_BLUE, rig->vnet[0]);
	add_port(rig, RIG_RED, rig->vnet[1]);
	add_spare(rig);
	twin_up("blue", GW_LAN, true);
}

void
rig_drops(const struct rig *rig, uint64_t drops[DP_DROP_COUNT])
{
	struct dp_worker_stats stats;

	memset(drops, 0, DP_DROP_COUNT * sizeof(drops[0]));
	for (unsigned i = 0; i < RIG_WORKERS; i++) {
		assert_int_equal(dp_worker_stats_get(rig->dp, i, &stats), 0);
		for (unsigned reason = 0; reason < DP_DROP_COUNT; reason++)
			drops[reason] += stats.drops[reason];
	}
}

uint64_t
rig_lost(const uint64_t drops[DP_DROP_COUNT])
{
	return drops[DP_DROP_NEIGH_TIMEOUT] + drops[DP_DROP_HOLD_FULL] + drops[DP_DROP_TX_FULL] +
	       drops[DP_DROP_FRAGMENT_TIMEOUT] + drops[DP_DROP_NO_BUFFER];
}

static void
check_workers(const struct rig *rig)
{
	struct dp_worker_stats stats;

	for (unsigned i = 0; i < RIG_WORKERS; i++) {
		uint64_t sum = 0;
		assert_int_equal(dp_worker_stats_get(rig->dp, i, &stats), 0);
		assert_true(rig->sent < rig->packets || (stats.esp_in > 0 && stats.esp_out > 0));
		assert_int_equal(stats.from_ports + stats.from_twins + stats.made,
				 stats.tx + stats.punted + stats.dropped + stats.held + stats.joined);
		for (unsigned reason = 0; reason < DP_DROP_COUNT; reason++)
			sum += stats.drops[reason];
		assert_int_equal(sum, stats.dropped);
	}
}

void
rig_stop(struct rig *rig, uint64_t drops[DP_DROP_COUNT])
{
	char command[128];
	void *left;

	dp_stop(rig->dp);
	rig_drops(rig, drops);
	check_workers(rig);
	for (unsigned port = 0; port < RIG_PORTS; port++)
		for (unsigned q = 0; q < RIG_QUEUES; q++)
			while (rte_ring_sc_dequeue(rig->tx[port][q], &left) == 0 ||
			       rte_ring_sc_dequeue(rig->rx[port][q], &left) == 0) {
				dp_told_take(left);
				rte_pktmbuf_free(left);
			}
	/* What twins gave after the workers had ended; dp_destroy() would free it, too. */
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		while (rte_ring_sc_dequeue(rig->dp->worker[i]->inject, &left) == 0)
			rte_pktmbuf_free(left);
	/* A buffer that is not back is one that somebody lost. */
	assert_int_equal(rte_mempool_avail_count(rig->dp->pool), rig->dp->pool->size);
	dp_destroy(rig->dp);
	sadb_destroy(rig->db);
	for (unsigned port = 0; port < RIG_PORTS; port++)
		for (unsigned q = 0; q < RIG_QUEUES; q++) {
			rte_ring_free(rig->rx[port][q]);
			rte_ring_free(rig->tx[port][q]);
		}
	snprintf(command, sizeof(command), "rm -rf %s", rig->store);
	assert_int_equal(system(command), 0);
}
