/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway with IPv6 outside; see the header. */
#include "tests/unit/dataplane/outer_v6_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void
outer_underlay(struct gateway *gw)
{
	const struct sadb_route under[] = {
	    {.dst = rig_prefix(OUTER_WAN "/128"), .port = GW_PORT_WAN, .kind = SADB_ROUTE_LOCAL},
	    {.dst = rig_prefix("2001:db8:f::/64"), .port = GW_PORT_WAN, .kind = SADB_ROUTE_UNICAST},
	    {.dst = rig_prefix("10.9.0.1/32"), .port = GW_PORT_WAN, .kind = SADB_ROUTE_LOCAL},
	    {.dst = rig_prefix("10.9.0.0/24"), .port = GW_PORT_WAN, .kind = SADB_ROUTE_UNICAST},
	};
	const struct sadb_addr own[] = {rig_address(OUTER_WAN), rig_address("10.9.0.1")};
	const struct sadb_addr inside[] = {rig_address(RIG_OWN_LL), rig_address(RIG_LAN), rig_address("10.1.0.1")};
	struct sadb_neigh neigh[] = {{.port = GW_PORT_WAN, .v6 = 1, .mac = {2, 0, 0, 0, 0, 9}},
				     {.port = GW_PORT_LAN, .v6 = 1, .mac = {2, 0, 0, 0, 0, 6}},
				     {.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = GW_PORT_LAN, .mac = {2}},
				     {.addr_v4_be = rte_cpu_to_be_32(GW_PEER), .port = GW_PORT_WAN, .mac = {2}}};
	memcpy(neigh[0].addr_v6, rig_address(OUTER_PEER).bytes, 16);
	memcpy(neigh[1].addr_v6, rig_address(RIG_HOST).bytes, 16);
	sadb_vnet_fib_set(gw->db, sadb_underlay(gw->db), sadb_fib_create(under, 4));
	assert_int_equal(dp_port_addrs_set(gw->dp, GW_PORT_WAN, own, 2), 0);
	assert_int_equal(dp_port_addrs_set(gw->dp, GW_PORT_LAN, inside, 3), 0);
	sadb_neighs_set(gw->db, sadb_neigh_table_create(neigh, 4));
}

struct sadb_sa_config
outer_sa(const struct witness_sa *sa, uint32_t flags, bool udp)
{
	const bool out = sa->src == GW_WAN;
	struct sadb_sa_config config = gateway_sa(sa, flags, 128);
	config.src = rig_address(out ? OUTER_WAN : OUTER_PEER);
	config.dst = rig_address(out ? OUTER_PEER : OUTER_WAN);
	if (udp) {
		config.encap_sport_be = rte_cpu_to_be_16(out ? OUTER_PORT : OUTER_PEERPORT);
		config.encap_dport_be = rte_cpu_to_be_16(out ? OUTER_PEERPORT : OUTER_PORT);
	}
	return config;
}

/* In place of those that gateway_start() made; one has the key. */
static void
replace_sa(struct gateway *gw, struct witness_sa *sa, uint32_t flags, bool udp)
{
	sa->key[0]++;
	struct sadb_sa_config config = outer_sa(sa, flags, udp);
	gateway_add_sa(gw, &config);
}

static void
replace_policy(struct gateway *gw, enum sadb_policy_dir dir, const char *src, const char *dst)
{
	const bool out = dir == SADB_POLICY_OUT;
	struct sadb_policy_config config = gateway_policy(dir);
	config.sel = (struct sadb_selector){.src = rig_prefix(src), .dst = rig_prefix(dst)};
	config.tmpl.src = rig_address(out ? OUTER_WAN : OUTER_PEER);
	config.tmpl.dst = rig_address(out ? OUTER_PEER : OUTER_WAN);
	gateway_set_policy(gw, &config);
}

void
outer_start(struct gateway *gw, uint32_t flags, uint16_t mtu, bool udp)
{
	rig_start_mtu(gw, mtu);
	gw->wan_v6 = true;
	gw->out.esn = gw->in.esn = (flags & SADB_SA_ESN) != 0;
	outer_underlay(gw);
	replace_sa(gw, &gw->out, flags, udp);
	replace_sa(gw, &gw->in, flags, udp);
	replace_policy(gw, SADB_POLICY_OUT, "10.1.0.0/24", "10.2.0.0/24");
	replace_policy(gw, SADB_POLICY_OUT, "2001:db8:1::/64", "2001:db8:2::/64");
	for (enum sadb_policy_dir dir = SADB_POLICY_IN; dir <= SADB_POLICY_FWD; dir += SADB_POLICY_FWD) {
		replace_policy(gw, dir, "10.2.0.0/24", "10.1.0.0/24");
		replace_policy(gw, dir, "2001:db8:2::/64", "2001:db8:1::/64");
	}
	gateway_commit(gw);
}

struct sadb_sa *
outer_sa_find(struct gateway *gw, bool out)
{
	const struct sadb_addr dst = rig_address(out ? OUTER_PEER : OUTER_WAN);
	const uint32_t spi = out ? gw->out.spi : gw->in.spi;
	const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(spi), IPPROTO_ESP);
	return sadb_sa_find(gw->db, &key)->hot;
}

uint32_t
outer_sum(const uint8_t *packet, size_t bytes, uint8_t proto)
{
	uint32_t sum = (uint32_t)(bytes - 40) + proto;
	for (size_t i = 8; i < bytes; i++)
		sum += i % 2 == 0 ? (uint32_t)packet[i] << 8 : packet[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void
put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static size_t
get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

size_t
outer_wrap(uint8_t *packet, size_t bytes, bool udp)
{
	const uint8_t tos = packet[1];
	const size_t head = udp ? 48 : 40, all = bytes - 20 + head;

	memmove(packet + head, packet + 20, bytes - 20);
	memset(packet, 0, head);
	packet[0] = 0x60 | tos >> 4;
	packet[1] = (uint8_t)(tos << 4);
	put16(packet + 4, all - 40);
	packet[6] = udp ? 17 : 50;
	packet[7] = 61;
	memcpy(packet + 8, rig_address(OUTER_PEER).bytes, 16);
	memcpy(packet + 24, rig_address(OUTER_WAN).bytes, 16);
	if (udp) {
		put16(packet + 40, OUTER_PEERPORT);
		put16(packet + 42, OUTER_PORT);
		put16(packet + 44, all - 40);
		put16(packet + 46, ~outer_sum(packet, all, 17) & 0xffff);
	}
	return all;
}

const char *
outer_unwrap(uint8_t *packet, size_t *bytes, const struct witness_sa *sa, bool udp)
{
	const size_t head = udp ? 48 : 40;
	const uint8_t tos = (uint8_t)(packet[0] << 4 | packet[1] >> 4);

	if (*bytes < head || packet[0] >> 4 != 6)
		return "too short, or not IPv6";
	if (get16(packet + 4) != *bytes - 40)
		return "payload length";
	if (packet[6] != (udp ? 17 : 50) || packet[7] != 64)
		return "next header or hop limit";
	if (memcmp(packet + 8, rig_address(OUTER_WAN).bytes, 16) != 0 ||
	    memcmp(packet + 24, rig_address(OUTER_PEER).bytes, 16) != 0)
		return "outer addresses";
	if (udp && (get16(packet + 40) != OUTER_PORT || get16(packet + 42) != OUTER_PEERPORT ||
		    get16(packet + 44) != *bytes - 40))
		return "UDP ports or length";
	if (udp && (get16(packet + 46) == 0 || outer_sum(packet, *bytes, 17) != 0xffff))
		return "UDP checksum";
	memmove(packet + 20, packet + head, *bytes - head);
	*bytes -= head - 20;
	memset(packet, 0, 20);
	packet[0] = 0x45;
	packet[1] = tos;
	put16(packet + 2, *bytes);
	packet[8] = 64;
	packet[9] = 50;
	put16(packet + 12, sa->src >> 16);
	put16(packet + 14, sa->src & 0xffff);
	put16(packet + 16, sa->dst >> 16);
	put16(packet + 18, sa->dst & 0xffff);
	witness_checksum(packet, 20);
	return NULL;
}

size_t
outer_seal(struct gateway *gw, uint64_t seq, const uint8_t *inner, size_t inner_bytes, uint8_t *wire, bool udp)
{
	const struct witness_twist twist = {.next_header = inner[0] >> 4 == 6 ? 41 : 4};
	return outer_wrap(wire, witness_seal(&gw->in, seq, inner, inner_bytes, &twist, wire), udp);
}
