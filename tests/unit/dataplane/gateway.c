/* SPDX-License-Identifier: BSD-3-Clause
 * A whole gateway in the test's process; see the header. */
#include "tests/unit/dataplane/gateway.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/xfrm.h>
#include <rte_eth_ring.h>

static const uint8_t peer_mac[6] = {0x02, 0, 0, 0, 0, 0x99};
static const char *const port_names[] = {"wan", "lan"};

int
gateway_process_start(void)
{
	return gateway_process_start_workers(1);
}

int
gateway_process_start_workers(unsigned workers)
{
	struct dp_eal_config config = {.workers = workers, .memory_mb = 192, .log_level = RTE_LOG_ERR};
	struct dp_error err;
	bool huge;

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("skipped: the ports' twins need root and a network namespace\n");
		return -1;
	}
	if (dp_eal_start(&config, &huge, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return 0;
}

/* The test's stand-in for the hash: the key itself is as collision-resistant as can be. */
int
gateway_key_id(const uint8_t *key, uint32_t key_bytes, const uint8_t salt[SADB_SALT_BYTES],
	       uint8_t id[SADB_KEY_ID_BYTES])
{
	memset(id, 0, SADB_KEY_ID_BYTES);
	memcpy(id, key, key_bytes);
	for (unsigned i = 0; i < SADB_SALT_BYTES; i++)
		id[i] ^= salt[i];
	return 0;
}

static struct sadb_addr
v4(uint32_t addr)
{
	return sadb_addr_v4(rte_cpu_to_be_32(addr));
}

static struct sadb_prefix
net24(uint32_t addr)
{
	return (struct sadb_prefix){.addr = v4(addr & 0xffffff00), .len = 24};
}

static void
add_port(struct gateway *gw, enum gw_port which, struct sadb_vnet *vnet, uint16_t mtu)
{
	struct dp_port_config config = {.vnet = vnet, .underlay = which == GW_PORT_WAN, .mtu = mtu};
	char name[32], device[64];
	struct dp_error err;
	uint16_t number;

	for (unsigned tx = 0; tx < 2; tx++) {
		snprintf(name, sizeof(name), "%s-%s", port_names[which], tx ? "tx" : "rx");
		struct rte_ring *ring = rte_ring_create(name, 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		assert_non_null(ring);
		*(tx ? &gw->tx[which] : &gw->rx[which]) = ring;
	}
	assert_true(rte_eth_from_rings(port_names[which], &gw->rx[which], 1, &gw->tx[which], 1, 0) >= 0);
	snprintf(device, sizeof(device), "net_ring_%s", port_names[which]);
	snprintf(config.name, sizeof(config.name), "%s", port_names[which]);
	config.device = device;
	if (dp_port_add(gw->dp, &config, &number, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(number, which);
	struct sadb_addr own = v4(which == GW_PORT_WAN ? GW_WAN : GW_LAN);
	assert_int_equal(dp_port_addrs_set(gw->dp, number, &own, 1), 0);
}

void
gateway_routes(struct gateway *gw, const struct sadb_route *more, unsigned n)
{
	struct sadb_route inside[8] = {
	    {.dst = {v4(GW_LAN), 32}, .port = GW_PORT_LAN, .kind = SADB_ROUTE_LOCAL},
	    {.dst = net24(GW_LAN), .port = GW_PORT_LAN, .kind = SADB_ROUTE_UNICAST},
	};
	assert_true(n <= 6);
	for (unsigned i = 0; i < n; i++)
		inside[2 + i] = more[i];
	sadb_vnet_fib_set(gw->db, gw->blue, sadb_fib_create(inside, 2 + n));
}

static void
add_routes(struct gateway *gw)
{
	struct sadb_route under[] = {
	    {.dst = {v4(GW_WAN), 32}, .port = GW_PORT_WAN, .kind = SADB_ROUTE_LOCAL},
	    {.dst = net24(GW_WAN), .port = GW_PORT_WAN, .kind = SADB_ROUTE_UNICAST},
	};
	struct sadb_neigh neigh[] = {
	    {.addr_v4_be = rte_cpu_to_be_32(GW_PEER), .port = GW_PORT_WAN},
	    {.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = GW_PORT_LAN},
	};
	for (unsigned i = 0; i < 2; i++)
		memcpy(neigh[i].mac, peer_mac, 6);
	sadb_vnet_fib_set(gw->db, sadb_underlay(gw->db), sadb_fib_create(under, 2));
	gateway_routes(gw, NULL, 0);
	sadb_neighs_set(gw->db, sadb_neigh_table_create(neigh, 2));
}

struct sadb_sa_config
gateway_sa(const struct witness_sa *sa, uint32_t flags, uint32_t window)
{
	static const uint8_t aeads[] = {[WITNESS_AES_GCM] = SADB_AEAD_AES_GCM_16,
					[WITNESS_CHACHA] = SADB_AEAD_CHACHA20_POLY1305,
					[WITNESS_AES_GMAC] = SADB_AEAD_AES_GMAC};
	struct sadb_sa_config config = {
	    .src = v4(sa->src),
	    .dst = v4(sa->dst),
	    .spi_be = rte_cpu_to_be_32(sa->spi),
	    .proto = IPPROTO_ESP,
	    .aead = aeads[sa->algorithm],
	    .mode = XFRM_MODE_TUNNEL,
	    .reqid = 1,
	    .vnet_id = 1,
	    .window_packets = window,
	    .flags = flags,
	    .key_bytes = 32,
	    .life = {
		.soft_bytes = SADB_INF, .hard_bytes = SADB_INF, .soft_packets = SADB_INF, .hard_packets = SADB_INF}};
	memcpy(config.key, sa->key, 32);
	memcpy(config.salt, sa->salt, 4);
	return config;
}

void
gateway_add_sa(struct gateway *gw, const struct sadb_sa_config *config)
{
	struct sadb_error err;
	if (sadb_sa_add(gw->db, config, &err) < 0)
		fail_msg("%s", err.text);
}

static void
add_sa(struct gateway *gw, const struct witness_sa *sa, uint32_t flags, uint32_t window)
{
	struct sadb_sa_config config = gateway_sa(sa, flags, window);
	gateway_add_sa(gw, &config);
}

struct sadb_policy_config
gateway_policy(enum sadb_policy_dir dir)
{
	bool out = dir == SADB_POLICY_OUT;
	return (struct sadb_policy_config){
	    .sel = {.src = net24(out ? GW_HOST : GW_FAR), .dst = net24(out ? GW_FAR : GW_HOST)},
	    .tmpl = {.src = v4(out ? GW_WAN : GW_PEER),
		     .dst = v4(out ? GW_PEER : GW_WAN),
		     .reqid = 1,
		     .proto = IPPROTO_ESP,
		     .mode = XFRM_MODE_TUNNEL},
	    .priority = 100,
	    .vnet_id = 1,
	    .dir = (uint8_t)dir,
	    .action = SADB_PROTECT};
}

void
gateway_set_policy(struct gateway *gw, const struct sadb_policy_config *config)
{
	struct sadb_policy_config copy = *config;
	struct sadb_error err;
	if (sadb_policy_add(gw->db, &copy, true, &err) < 0)
		fail_msg("%s", err.text);
}

void
gateway_commit(struct gateway *gw)
{
	struct sadb_error err;
	if (sadb_commit(gw->db, &err) < 0)
		fail_msg("%s", err.text);
}

static void
add_policies(struct gateway *gw)
{
	static const enum sadb_policy_dir dirs[] = {SADB_POLICY_OUT, SADB_POLICY_IN, SADB_POLICY_FWD};
	for (unsigned i = 0; i < 3; i++) {
		struct sadb_policy_config config = gateway_policy(dirs[i]);
		gateway_set_policy(gw, &config);
	}
}

void
gateway_start(struct gateway *gw, const char *engine, uint32_t flags, uint32_t window)
{
	gateway_start_mtu(gw, engine, flags, window, 1500);
}

void
gateway_start_mtu(struct gateway *gw, const char *engine, uint32_t flags, uint32_t window, uint16_t mtu)
{
	struct dp_config config = {.engine = engine, .workers = 1, .packets = 2048, .max_frame_bytes = mtu + 14u};
	struct sadb_config sadb = {.max_sas = 64, .max_policies = 64, .max_workers = 1, .key_id = gateway_key_id};
	struct dp_error err;
	struct sadb_error serr;

	memset(gw, 0, sizeof(*gw));
	gw->dp = dp_create(&config, &sadb.keyer, &err);
	if (gw->dp == NULL)
		fail_msg("%s", err.text);
	gw->db = sadb_create(&sadb, &serr);
	assert_non_null(gw->db);
	assert_int_equal(sadb_vnet_add(gw->db, 1, "blue", &serr), 0);
	gw->blue = sadb_vnet_find(gw->db, 1);
	dp_attach(gw->dp, gw->db);
	add_port(gw, GW_PORT_WAN, sadb_underlay(gw->db), mtu);
	add_port(gw, GW_PORT_LAN, gw->blue, mtu);
	add_routes(gw);
	gw->out = (struct witness_sa){.spi = GW_SPI_OUT, .src = GW_WAN, .dst = GW_PEER, .esn = flags & SADB_SA_ESN};
	gw->in = (struct witness_sa){.spi = GW_SPI_IN, .src = GW_PEER, .dst = GW_WAN, .esn = flags & SADB_SA_ESN};
	memset(gw->out.key, 0x11, 32);
	memset(gw->in.key, 0x22, 32);
	memset(gw->out.salt, 0x33, 4);
	memset(gw->in.salt, 0x44, 4);
	add_sa(gw, &gw->out, flags, window);
	add_sa(gw, &gw->in, flags, window);
	add_policies(gw);
	assert_int_equal(sadb_commit(gw->db, &serr), 0);
	if (dp_set_up(gw->dp, &err) < 0)
		fail_msg("%s", err.text);
	gw->w = gw->dp->worker[0];
}

void
gateway_stop(struct gateway *gw)
{
	struct rte_mbuf *m;
	for (unsigned i = 0; i < 2; i++)
		while ((m = gateway_take_frame(gw, i)) != NULL)
			rte_pktmbuf_free(m);
	dp_destroy(gw->dp);
	sadb_destroy(gw->db);
	for (unsigned i = 0; i < 2; i++) {
		rte_ring_free(gw->rx[i]);
		rte_ring_free(gw->tx[i]);
	}
}

struct rte_mbuf *
gateway_frame(struct gateway *gw, enum gw_port port, const uint8_t *ip, size_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(gw->dp->pool);
	assert_non_null(m);
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*ether) + bytes));
	assert_non_null(ether);
	ether->dst_addr = gw->dp->port[port]->mac;
	memcpy(&ether->src_addr, peer_mac, 6);
	ether->ether_type =
	    (port == GW_PORT_LAN ? gw->v6 : gw->wan_v6) ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	memcpy(ether + 1, ip, bytes);
	return m;
}

void
gateway_put(struct gateway *gw, enum gw_port port, const uint8_t *ip, size_t bytes)
{
	assert_int_equal(rte_ring_enqueue(gw->rx[port], gateway_frame(gw, port, ip, bytes)), 0);
}

void
gateway_inject(struct gateway *gw, enum gw_port port, const uint8_t *ip, size_t bytes)
{
	struct rte_mbuf *m = gateway_frame(gw, port, ip, bytes);
	dp_meta(m)->in_port = gw->dp->port[port]->number;
	assert_int_equal(rte_ring_enqueue(gw->w->inject, m), 0);
}

void
gateway_policy_any(struct gateway *gw, enum sadb_action action, uint32_t priority)
{
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_OUT);
	config.sel = (struct sadb_selector){0};
	config.priority = priority;
	config.action = (uint8_t)action;
	gateway_set_policy(gw, &config);
	gateway_commit(gw);
}

void
gateway_turn(struct gateway *gw)
{
	while (dp_worker_poll(gw->w))
		;
}

struct rte_mbuf *
gateway_take_frame(struct gateway *gw, enum gw_port port)
{
	void *frame;
	return rte_ring_dequeue(gw->tx[port], &frame) == 0 ? frame : NULL;
}

size_t
gateway_take(struct gateway *gw, enum gw_port port, uint8_t *ip)
{
	struct rte_mbuf *m = gateway_take_frame(gw, port);
	if (m == NULL)
		return 0;
	size_t bytes = m->data_len - sizeof(struct rte_ether_hdr);
	memcpy(ip, rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(struct rte_ether_hdr)), bytes);
	rte_pktmbuf_free(m);
	return bytes;
}

size_t
gateway_receive(struct gateway *gw, uint64_t seq, const uint8_t *inner, size_t inner_bytes,
		const struct witness_twist *twist, uint8_t *out)
{
	uint8_t wire[2048];
	size_t bytes = witness_seal(&gw->in, seq, inner, inner_bytes, twist, wire);
	gateway_put(gw, GW_PORT_WAN, wire, bytes);
	gateway_turn(gw);
	return gateway_take(gw, GW_PORT_LAN, out);
}

void
gateway_receive_many(struct gateway *gw, uint64_t first, unsigned n)
{
	static const struct witness_twist plain;
	uint8_t ip[2048], wire[2048];
	size_t bytes = gateway_inbound_packet(ip, 100);
	for (unsigned i = 0; i < n; i++)
		gateway_put(gw, GW_PORT_WAN, wire, witness_seal(&gw->in, first + i, ip, bytes, &plain, wire));
	gateway_turn(gw);
}

uint64_t
gateway_dropped(const struct gateway *gw, enum dp_drop reason)
{
	struct dp_worker_stats stats;
	assert_int_equal(dp_worker_stats_get(gw->dp, 0, &stats), 0);
	return stats.drops[reason];
}

void
gateway_assert_balanced(const struct gateway *gw)
{
	struct dp_worker_stats stats;
	assert_int_equal(dp_worker_stats_get(gw->dp, 0, &stats), 0);
	assert_int_equal(stats.from_ports + stats.from_twins + stats.made,
			 stats.tx + stats.punted + stats.dropped + stats.held + stats.joined);
	uint64_t sum = 0;
	for (unsigned i = 0; i < DP_DROP_COUNT; i++)
		sum += stats.drops[i];
	assert_int_equal(sum, stats.dropped);
}

size_t
gateway_outbound_packet(uint8_t *ip, uint16_t payload)
{
	struct witness_ip header = {
	    .src = GW_HOST, .dst = GW_FAR, .sport = 4000, .dport = 5000, .payload = payload, .proto = 17, .ttl = 64};
	return witness_packet(&header, ip);
}

size_t
gateway_inbound_packet(uint8_t *ip, uint16_t payload)
{
	struct witness_ip header = {
	    .src = GW_FAR, .dst = GW_HOST, .sport = 5000, .dport = 4000, .payload = payload, .proto = 17, .ttl = 63};
	return witness_packet(&header, ip);
}
