/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway whose two SAs go in UDP; see the header. */
#include "tests/unit/dataplane/udp_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct witness_twist plain;

static void
delete_sa(struct gateway *gw, const struct witness_sa *sa)
{
	const struct sadb_addr dst = sadb_addr_v4(rte_cpu_to_be_32(sa->dst));
	const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(sa->spi), IPPROTO_ESP);
	struct sadb_error err;
	assert_int_equal(sadb_sa_del(gw->db, &key, &err), 0);
}

struct sadb_sa_config
udp_rig_sa(const struct witness_sa *sa, uint32_t flags, uint32_t window)
{
	struct sadb_sa_config config = gateway_sa(sa, flags, window);
	const bool out = sa->src == GW_WAN;
	config.encap_sport_be = rte_cpu_to_be_16(out ? UDP_RIG_NAT_T : UDP_RIG_PEER);
	config.encap_dport_be = rte_cpu_to_be_16(out ? UDP_RIG_PEER : UDP_RIG_NAT_T);
	return config;
}

void
udp_rig_start(struct gateway *gw, uint32_t flags, uint32_t window)
{
	gateway_start(gw, "auto", flags, window);
	delete_sa(gw, &gw->out);
	delete_sa(gw, &gw->in);
	gw->out.spi++;
	gw->in.spi++;
	memset(gw->out.key, 0x55, sizeof(gw->out.key));
	memset(gw->in.key, 0x66, sizeof(gw->in.key));
	struct sadb_sa_config out = udp_rig_sa(&gw->out, flags, window), in = udp_rig_sa(&gw->in, flags, window);
	gateway_add_sa(gw, &out);
	gateway_add_sa(gw, &in);
	gateway_commit(gw);
}

size_t
udp_rig_seal(struct gateway *gw, uint64_t seq, const uint8_t *inner, size_t inner_bytes, uint8_t *wire)
{
	return witness_udp_wrap(wire, witness_seal(&gw->in, seq, inner, inner_bytes, &plain, wire), UDP_RIG_PEER,
				UDP_RIG_NAT_T);
}

size_t
udp_rig_receive(struct gateway *gw, const uint8_t *wire, size_t bytes, uint8_t *out)
{
	gateway_put(gw, GW_PORT_WAN, wire, bytes);
	gateway_turn(gw);
	return gateway_take(gw, GW_PORT_LAN, out);
}
