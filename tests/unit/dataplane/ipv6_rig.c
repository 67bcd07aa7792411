/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway with IPv6 inside: see ipv6_rig.h. */
#include "tests/unit/dataplane/ipv6_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct witness_twist rig_inside = {.next_header = 41};

struct sadb_addr
rig_address(const char *text)
{
	struct sadb_addr addr;
	if (sadb_addr_parse(text, &addr) != 0)
		fail_msg("%s", text);
	return addr;
}

struct sadb_prefix
rig_prefix(const char *text)
{
	struct sadb_prefix out;
	assert_int_equal(sadb_prefix_parse(text, &out), 0);
	return out;
}

void
rig_set_policy(struct gateway *gw, enum sadb_policy_dir dir, const char *src, const char *dst)
{
	struct sadb_policy_config config = gateway_policy(dir);
	config.sel = (struct sadb_selector){.src = rig_prefix(src), .dst = rig_prefix(dst)};
	gateway_set_policy(gw, &config);
}

void
rig_set_neighbour(struct gateway *gw, const char *host)
{
	struct sadb_neigh neigh[] = {{.addr_v4_be = rte_cpu_to_be_32(GW_PEER), .port = GW_PORT_WAN, .mac = {2}},
				     {.port = GW_PORT_LAN, .v6 = 1, .mac = {2, 0, 0, 0, 0, 6}}};
	memcpy(neigh[1].addr_v6, rig_address(host).bytes, 16);
	sadb_neighs_set(gw->db, sadb_neigh_table_create(neigh, 2));
}

/* Policies 2001:db8:1::/64 <-> 2001:db8:2::/64 beside those for IPv4. */
void
rig_start_mtu(struct gateway *gw, uint16_t mtu)
{
	const struct sadb_route routes[] = {
	    {.dst = rig_prefix(RIG_LAN "/128"), .port = GW_PORT_LAN, .kind = SADB_ROUTE_LOCAL},
	    {.dst = rig_prefix("2001:db8:1::/64"), .port = GW_PORT_LAN, .kind = SADB_ROUTE_UNICAST},
	    {.dst = rig_prefix("2001:db8:7::/64"), .gateway = rig_address("fe80::7"), .port = GW_PORT_LAN},
	    {.dst = rig_prefix("2001:db8:8::/64"), .kind = SADB_ROUTE_BLACKHOLE},
	};
	const struct sadb_addr own[] = {rig_address(RIG_OWN_LL), rig_address(RIG_LAN)};
	gateway_start_mtu(gw, "auto", 0, 128, mtu);
	gw->v6 = true;
	gateway_routes(gw, routes, 4);
	assert_int_equal(dp_port_addrs_set(gw->dp, GW_PORT_LAN, own, 2), 0);
	rig_set_neighbour(gw, RIG_HOST);
	rig_set_policy(gw, SADB_POLICY_OUT, "2001:db8:1::/64", "2001:db8:2::/64");
	rig_set_policy(gw, SADB_POLICY_FWD, "2001:db8:2::/64", "2001:db8:1::/64");
	rig_set_policy(gw, SADB_POLICY_IN, "2001:db8:2::/64", RIG_LAN "/128");
	gateway_commit(gw);
}

void
rig_start(struct gateway *gw)
{
	rig_start_mtu(gw, 1500);
}

/* A UDP packet; what differs is written over it. */
size_t
rig_packet(uint8_t *bytes, const char *src, const char *dst, uint16_t payload)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(void *)bytes;
	memset(bytes, 0, sizeof(*ip) + 8);
	ip->vtc_flow = RTE_BE32(0x60012345);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(8 + payload));
	ip->proto = 17;
	ip->hop_limits = 64;
	memcpy(ip->src_addr, rig_address(src).bytes, 16);
	memcpy(ip->dst_addr, rig_address(dst).bytes, 16);
	bytes[41] = 53;
	bytes[43] = 80;
	for (unsigned i = 0; i < payload; i++)
		bytes[48 + i] = (uint8_t)i;
	return 48u + payload;
}

void
rig_turn_with(struct gateway *gw, enum gw_port port, const uint8_t *bytes, size_t n)
{
	gateway_put(gw, port, bytes, n);
	gateway_turn(gw);
}

uint64_t
rig_punted(const struct gateway *gw)
{
	struct dp_worker_stats stats;
	assert_int_equal(dp_worker_stats_get(gw->dp, 0, &stats), 0);
	return stats.punted;
}
