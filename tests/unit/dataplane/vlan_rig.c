/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway with two virtual networks on one device; see the header. */
#include "tests/unit/dataplane/vlan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

const uint8_t vlan_rig_host[6] = {0x02, 0, 0, 0, 0, 0x77};

static void
red_tables(struct vlans *v)
{
	const struct sadb_addr own = sadb_addr_v4(rte_cpu_to_be_32(GW_LAN));
	const struct sadb_route routes[] = {
	    {.dst = {own, 32}, .port = v->port, .kind = SADB_ROUTE_LOCAL},
	    {.dst = {sadb_addr_v4(rte_cpu_to_be_32(GW_LAN & 0xffffff00)), 24}, .port = v->port},
	};
	struct sadb_neigh neighs[] = {
	    {.addr_v4_be = rte_cpu_to_be_32(GW_PEER), .port = GW_PORT_WAN},
	    {.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = GW_PORT_LAN},
	    {.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = v->port},
	};
	memset(neighs[0].mac, 2, 6);
	memset(neighs[1].mac, 2, 6);
	memcpy(neighs[2].mac, vlan_rig_host, 6);
	assert_int_equal(dp_port_addrs_set(v->gw.dp, v->port, &own, 1), 0);
	sadb_vnet_fib_set(v->gw.db, v->red, sadb_fib_create(routes, 2));
	sadb_neighs_set(v->gw.db, sadb_neigh_table_create(neighs, 3));
}

static void
red_tunnel(struct vlans *v)
{
	static const enum sadb_policy_dir dirs[] = {SADB_POLICY_OUT, SADB_POLICY_IN, SADB_POLICY_FWD};
	v->out = v->gw.out;
	v->in = v->gw.in;
	v->out.spi++;
	v->in.spi++;
	memset(v->out.key, 0x55, 32);
	memset(v->in.key, 0x66, 32);
	for (unsigned i = 0; i < 2; i++) {
		struct sadb_sa_config config = gateway_sa(i == 0 ? &v->out : &v->in, 0, 128);
		config.vnet_id = 2;
		gateway_add_sa(&v->gw, &config);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct sadb_policy_config config = gateway_policy(dirs[i]);
		config.vnet_id = 2;
		gateway_set_policy(&v->gw, &config);
	}
	gateway_commit(&v->gw);
}

void
vlan_rig_start(struct vlans *v)
{
	struct dp_port_config config = {.name = "red", .mtu = 1500, .vlan = RED, .on = GW_PORT_LAN};
	struct sadb_error serr;
	struct dp_error err;

	gateway_start(&v->gw, "auto", 0, 128);
	assert_int_equal(sadb_vnet_add(v->gw.db, 2, "red", &serr), 0);
	v->red = config.vnet = sadb_vnet_find(v->gw.db, 2);
	if (dp_port_add(v->gw.dp, &config, &v->port, &err) < 0)
		fail_msg("%s", err.text);
	dp_port_poll_link(v->gw.dp);
	red_tables(v);
	red_tunnel(v);
}

void
vlan_rig_stop(struct vlans *v)
{
	gateway_assert_balanced(&v->gw);
	gateway_stop(&v->gw);
}

struct rte_mbuf *
vlan_rig_tagged(struct vlans *v, const uint8_t *ip, size_t bytes, const uint16_t tags[], unsigned n)
{
	struct rte_mbuf *m = gateway_frame(&v->gw, GW_PORT_LAN, ip, bytes);
	for (unsigned i = n; i-- > 0;) {
		assert_non_null(rte_pktmbuf_prepend(m, TAG));
		uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
		for (unsigned k = 0; k < 12; k++)
			frame[k] = frame[k + TAG];
		frame[12] = 0x81;
		frame[13] = 0x00;
		frame[14] = (uint8_t)(tags[i] >> 8);
		frame[15] = (uint8_t)tags[i];
	}
	return m;
}

void
vlan_rig_put(struct vlans *v, struct rte_mbuf *m)
{
	assert_int_equal(rte_ring_enqueue(v->gw.rx[GW_PORT_LAN], m), 0);
	gateway_turn(&v->gw);
}

void
vlan_rig_put_red(struct vlans *v, const uint8_t *ip, size_t bytes)
{
	static const uint16_t tag[] = {RED};
	vlan_rig_put(v, vlan_rig_tagged(v, ip, bytes, tag, 1));
}

void
vlan_rig_assert_sealed(struct vlans *v, const struct witness_sa *sa, const uint8_t *ip, size_t bytes)
{
	uint8_t wire[BUFFER], inner[BUFFER];
	size_t inner_bytes, sent = gateway_take(&v->gw, GW_PORT_WAN, wire);
	uint32_t seq;
	assert_true(sent > 0);
	const char *fault = witness_open(sa, 0, wire, sent, inner, &inner_bytes, &seq);
	if (fault != NULL)
		fail_msg("SPI 0x%x: %s", sa->spi, fault);
	assert_int_equal(inner_bytes, bytes);
	assert_memory_equal(inner + 12, ip + 12, bytes - 12);
}
