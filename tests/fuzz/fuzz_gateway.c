/* SPDX-License-Identifier: BSD-3-Clause
 * A whole gateway for inputs without end; see the header. One thread. */
#include "tests/fuzz/fuzz_gateway.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <linux/xfrm.h>

#include "tests/unit/dataplane/outer_v6_rig.h"
#include "tests/unit/dataplane/udp_rig.h"

#define WINDOW  128
#define NUMBERS UINT64_C(0xfff00000) /* of an SA without ESN; more than one input uses are left */

struct fuzz_gateway fuzz_gw;

static void
make_sa(struct fuzz_sa *sa, uint32_t spi, bool out, bool esn)
{
	sa->sa =
	    (struct witness_sa){.spi = spi, .src = out ? GW_WAN : GW_PEER, .dst = out ? GW_PEER : GW_WAN, .esn = esn};
	for (unsigned i = 0; i < sizeof(sa->sa.key); i++)
		sa->sa.key[i] = (uint8_t)(spi + i);
	memcpy(sa->sa.salt, &spi, sizeof(sa->sa.salt));
}

/* The inbound SA as it is added: each of another kind. */
static void
add_in(struct fuzz_gateway *f, unsigned which)
{
	const struct witness_sa *sa = &f->in[which].sa;
	const uint32_t flags = sa->esn ? SADB_SA_ESN : 0;
	struct sadb_sa_config config = which == FUZZ_IN_UDP ? udp_rig_sa(sa, flags, WINDOW)
				       : fuzz_is_v6(which)  ? outer_sa(sa, flags, which == FUZZ_IN_V6_UDP)
							    : gateway_sa(sa, flags, WINDOW);

	if (which == FUZZ_IN_TRANSPORT) {
		config.mode = XFRM_MODE_TRANSPORT;
		config.vnet_id = SADB_UNDERLAY_ID;
	}
	if (which == FUZZ_IN_HOST)
		config.sel =
		    (struct sadb_selector){.src = rig_prefix("10.2.0.10/32"), .dst = rig_prefix("10.1.0.0/24")};
	gateway_add_sa(&f->gw, &config);
}

static void
add_sas(struct fuzz_gateway *f)
{
	f->in[FUZZ_IN_PLAIN].sa = f->gw.in;
	f->out[FUZZ_OUT_PLAIN].sa = f->gw.out;
	for (unsigned i = FUZZ_IN_PLAIN + 1; i < FUZZ_INS; i++) {
		make_sa(&f->in[i], GW_SPI_IN + i, false, i == FUZZ_IN_ESN || i == FUZZ_IN_GMAC);
		f->in[i].sa.algorithm = i == FUZZ_IN_CHACHA ? WITNESS_CHACHA
					: i == FUZZ_IN_GMAC ? WITNESS_AES_GMAC
							    : WITNESS_AES_GCM;
		add_in(f, i);
	}
	make_sa(&f->out[FUZZ_OUT_UDP], GW_SPI_OUT + 1, true, true);
	struct sadb_sa_config config =
	    udp_rig_sa(&f->out[FUZZ_OUT_UDP].sa, SADB_SA_ESN | SADB_SA_FRAGMENT_AFTER, WINDOW);
	config.reqid = 2;
	gateway_add_sa(&f->gw, &config);
	make_sa(&f->out[FUZZ_OUT_V6], GW_SPI_OUT + 2, true, false);
	config = outer_sa(&f->out[FUZZ_OUT_V6].sa, SADB_SA_FRAGMENT_AFTER, false);
	config.reqid = 3;
	gateway_add_sa(&f->gw, &config);
}

void
fuzz_in_advance(unsigned which)
{
	struct fuzz_sa *sa = &fuzz_gw.in[which];
	const struct sadb_addr dst =
	    fuzz_is_v6(which) ? rig_address(OUTER_WAN) : sadb_addr_v4(rte_cpu_to_be_32(sa->sa.dst));
	const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(sa->sa.spi), IPPROTO_ESP);
	struct sadb_error err;

	sa->top += 2 * WINDOW;
	if (sa->sa.esn || sa->top < NUMBERS)
		return;
	fuzz_expect(sadb_sa_del(fuzz_gw.gw.db, &key, &err) == 0);
	for (unsigned i = 0; i < sizeof(sa->sa.key) && ++sa->sa.key[i] == 0; i++)
		continue;
	sa->top = 2 * WINDOW;
	add_in(&fuzz_gw, which);
	gateway_commit(&fuzz_gw.gw);
}

static void
add_policies(struct gateway *gw)
{
	static const struct {
		const char *dst;
		uint32_t reqid;
		enum sadb_action action;
		bool ike; /* only UDP to port 500 */
	} table[] = {
	    {"10.3.0.0/24", 2, SADB_PROTECT, false}, {"10.4.0.0/24", 0, SADB_DROP, false},
	    {"10.5.0.0/24", 0, SADB_BYPASS, false},  {"10.6.0.0/24", 9, SADB_PROTECT, false},
	    {"10.7.0.0/24", 1, SADB_PROTECT, true},  {"10.8.0.0/24", 3, SADB_PROTECT, false},
	};
	struct sadb_policy_config own = gateway_policy(SADB_POLICY_IN);
	own.sel = (struct sadb_selector){.src = rig_prefix("10.9.0.2/32"), .dst = rig_prefix("10.9.0.1/32")};
	own.tmpl.mode = XFRM_MODE_TRANSPORT;
	own.vnet_id = SADB_UNDERLAY_ID;
	gateway_set_policy(gw, &own);
	own.sel = (struct sadb_selector){
	    .src = rig_prefix(OUTER_PEER "/128"), .dst = rig_prefix(OUTER_WAN "/128"), .proto = 6};
	own.tmpl.src = own.tmpl.dst = (struct sadb_addr){0}; /* those of the selector */
	gateway_set_policy(gw, &own);
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sadb_policy_config config = gateway_policy(SADB_POLICY_OUT);
		config.sel.dst = rig_prefix(table[i].dst);
		config.tmpl.reqid = table[i].reqid;
		config.action = (uint8_t)table[i].action;
		if (table[i].reqid == 3) {
			config.tmpl.src = rig_address(OUTER_WAN);
			config.tmpl.dst = rig_address(OUTER_PEER);
		}
		if (table[i].ike) {
			config.sel.proto = 17;
			config.sel.dport_be = RTE_BE16(500);
			config.sel.dport_mask_be = RTE_BE16(0xffff);
		}
		gateway_set_policy(gw, &config);
	}
}

/* Both hosts inside and the peer are known; the router to half of 10.5.0.0/24 is not. There is a way inside to every network,
 * so what policy fails to stop is seen to leave. */
static void
add_ways(struct gateway *gw)
{
	const struct sadb_route routes[] = {
	    {.dst = rig_prefix(RIG_LAN "/128"), .port = GW_PORT_LAN, .kind = SADB_ROUTE_LOCAL},
	    {.dst = rig_prefix("2001:db8:1::/64"), .port = GW_PORT_LAN, .kind = SADB_ROUTE_UNICAST},
	    {.dst = rig_prefix("2001:db8::/32"), .gateway = rig_address(RIG_HOST), .port = GW_PORT_LAN},
	    {.dst = rig_prefix("10.0.0.0/8"), .gateway = rig_address("10.1.0.10"), .port = GW_PORT_LAN},
	    {.dst = rig_prefix("10.5.0.128/25"), .gateway = rig_address("10.1.0.99"), .port = GW_PORT_LAN},
	    {.dst = rig_prefix("2001:db8:8::/64"), .kind = SADB_ROUTE_BLACKHOLE},
	};
	const struct sadb_addr own[] = {rig_address("10.1.0.1"), rig_address(RIG_OWN_LL), rig_address(RIG_LAN)};
	struct sadb_neigh neigh[] = {
	    {.addr_v4_be = rte_cpu_to_be_32(GW_PEER), .port = GW_PORT_WAN, .mac = {2}},
	    {.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = GW_PORT_LAN, .mac = {2, 0, 0, 0, 0, 4}},
	    {.port = GW_PORT_LAN, .v6 = 1, .mac = {2, 0, 0, 0, 0, 6}},
	    {.port = GW_PORT_WAN, .v6 = 1, .mac = {2, 0, 0, 0, 0, 9}},
	};
	memcpy(neigh[2].addr_v6, rig_address(RIG_HOST).bytes, 16);
	memcpy(neigh[3].addr_v6, rig_address(OUTER_PEER).bytes, 16);
	sadb_neighs_set(gw->db, sadb_neigh_table_create(neigh, 4));
	gateway_routes(gw, routes, 6);
	fuzz_expect(dp_port_addrs_set(gw->dp, GW_PORT_LAN, own, 3) == 0);
}

/* The underlay's VLAN is one more way to it; the one inside is a network without policies, with the same addresses: nothing
 * of it may ever leave. */
static void
add_vlans(struct gateway *gw)
{
	struct dp_port_config config[] = {
	    {.name = "wan10",
	     .vnet = sadb_underlay(gw->db),
	     .underlay = true,
	     .mtu = 1500,
	     .vlan = 10,
	     .on = GW_PORT_WAN},
	    {.name = "lan20", .mtu = 1500, .vlan = 20, .on = GW_PORT_LAN},
	};
	const struct sadb_addr own = rig_address("10.1.0.1");
	struct sadb_error serr;
	struct dp_error err;
	uint16_t port = 0;

	fuzz_expect(sadb_vnet_add(gw->db, 2, "red", &serr) == 0);
	struct sadb_vnet *red = config[1].vnet = sadb_vnet_find(gw->db, 2);
	for (unsigned i = 0; i < 2; i++)
		fuzz_expect(dp_port_add(gw->dp, &config[i], &port, &err) == 0);
	const struct sadb_route routes[] = {
	    {.dst = {own, 32}, .port = port, .kind = SADB_ROUTE_LOCAL},
	    {.dst = rig_prefix("10.0.0.0/8"), .port = port},
	};
	fuzz_expect(dp_port_addrs_set(gw->dp, port, &own, 1) == 0);
	sadb_vnet_fib_set(gw->db, red, sadb_fib_create(routes, 2));
	dp_port_poll_link(gw->dp);
}

/* Hands over a frame that left, without its Ethernet header. */
static void
hand_over(fuzz_left_fn left, enum gw_port port, bool punted, struct rte_mbuf *m)
{
	const size_t head = sizeof(struct rte_ether_hdr);

	fuzz_expect(m->data_len >= head && m->data_len == m->pkt_len);
	fuzz_expect(rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN));
	left(port, punted, rte_pktmbuf_mtod_offset(m, uint8_t *, head), m->data_len - head);
	rte_pktmbuf_free(m);
}

static void
stop(void)
{
	gateway_stop(&fuzz_gw.gw);
}

void
fuzz_gateway_start(void)
{
	setenv("CMOCKA_TEST_ABORT", "1", 1); /* what the rigs assert ends the process */
	if (gateway_process_start() < 0)
		exit(77); /* they are skipped without root, as the tests are */
	rig_start(&fuzz_gw.gw);
	outer_underlay(&fuzz_gw.gw);
	add_sas(&fuzz_gw);
	add_policies(&fuzz_gw.gw);
	add_ways(&fuzz_gw.gw);
	add_vlans(&fuzz_gw.gw);
	gateway_commit(&fuzz_gw.gw);
	atexit(stop);
	fuzz_gw.buffers = rte_mempool_avail_count(fuzz_gw.gw.dp->pool);
}

static struct rte_mbuf *
frame_of(enum gw_port port, const uint8_t *bytes, size_t size, size_t head)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(fuzz_gw.gw.dp->pool);
	fuzz_expect(m != NULL);
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(head + size));
	if (data == NULL) { /* no port would have received it */
		rte_pktmbuf_free(m);
		return NULL;
	}
	memset(data, 0x02, head);
	memcpy(data + head, bytes, size);
	if (head + size >= 6)
		memcpy(data, &fuzz_gw.gw.dp->port[port]->mac, 6);
	return m;
}

static struct rte_mbuf *
packet_of(enum gw_port port, const uint8_t *ip, size_t bytes)
{
	struct rte_mbuf *m = frame_of(port, ip, bytes, sizeof(struct rte_ether_hdr));
	const bool v6 = bytes > 0 && ip[0] >> 4 == 6;

	if (m != NULL)
		rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->ether_type =
		    v6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	return m;
}

static bool
put(enum gw_port port, struct rte_mbuf *m)
{
	if (m != NULL)
		fuzz_expect(rte_ring_enqueue(fuzz_gw.gw.rx[port], m) == 0);
	return m != NULL;
}

bool
fuzz_put_packet(enum gw_port port, const uint8_t *ip, size_t bytes)
{
	return put(port, packet_of(port, ip, bytes));
}

bool
fuzz_put_frame(enum gw_port port, const uint8_t *frame, size_t bytes)
{
	return put(port, frame_of(port, frame, bytes, 0));
}

void
fuzz_inject(const uint8_t *ip, size_t bytes)
{
	struct rte_mbuf *m = packet_of(GW_PORT_LAN, ip, bytes);

	if (m == NULL)
		return;
	dp_meta(m)->in_port = fuzz_gw.gw.dp->port[GW_PORT_LAN]->number;
	fuzz_expect(rte_ring_enqueue(fuzz_gw.gw.w->inject, m) == 0);
}

void
fuzz_checksum(uint8_t *ip, size_t bytes)
{
	const size_t header = bytes > 0 ? (ip[0] & 15u) * 4u : 0;

	if (header >= 20 && header <= bytes && ip[0] >> 4 == 4)
		witness_checksum(ip, header);
}

void
fuzz_settle(fuzz_left_fn left)
{
	struct gateway *gw = &fuzz_gw.gw;
	struct dp_event events[64];
	struct dp_worker_stats stats;
	struct rte_mbuf *m;
	void *punted;

	gateway_turn(gw);
	dp_worker_drain(gw->w);
	for (unsigned port = 0; port < 2; port++)
		while ((m = gateway_take_frame(gw, port)) != NULL)
			hand_over(left, port, false, m);
	for (unsigned port = 0; port < gw->dp->n_ports; port++)
		while (rte_ring_dequeue(gw->dp->port[port]->punt, &punted) == 0)
			hand_over(left, gw->dp->port[port]->below->number, true, punted);
	while (dp_events(gw->dp, events, 64) > 0)
		continue;
	gateway_assert_balanced(gw);
	fuzz_expect(dp_worker_stats_get(gw->dp, 0, &stats) == 0 && stats.held == 0);
	fuzz_expect(rte_mempool_avail_count(gw->dp->pool) == fuzz_gw.buffers);
}
