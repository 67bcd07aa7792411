/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway that cuts after ESP, and its peer; see the header. */
#include "tests/unit/dataplane/after_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/header_rig.h"
#include "tests/unit/dataplane/outer_v6_rig.h"
#include "tests/unit/dataplane/udp_rig.h"

void
after_update(struct tunnel *t, uint32_t flags, uint16_t pad)
{
	struct gateway *gw = &t->gw;
	struct sadb_error err;
	struct sadb_sa_config config = t->outer_v6 ? outer_sa(&gw->out, flags, t->udp)
				       : t->udp    ? udp_rig_sa(&gw->out, flags, 128)
						   : gateway_sa(&gw->out, flags, 128);
	config.tfc_pad_bytes = pad;
	if (sadb_sa_update(gw->db, &config, &err) < 0)
		fail_msg("%s", err.text);
	gateway_commit(gw);
}

/* An update makes no SA one in UDP: a new one, with a key of its own. */
static void
replace_by_udp(struct gateway *gw)
{
	const struct sadb_addr dst = sadb_addr_v4(rte_cpu_to_be_32(gw->out.dst));
	const struct sadb_sa_key key = sadb_sa_key_make(&dst, rte_cpu_to_be_32(gw->out.spi), IPPROTO_ESP);
	struct sadb_error err;
	assert_int_equal(sadb_sa_del(gw->db, &key, &err), 0);
	gw->out.spi++;
	gw->out.key[0]++;
	const struct sadb_sa_config config = udp_rig_sa(&gw->out, 0, 128);
	gateway_add_sa(gw, &config);
}

static void
start_v4(struct gateway *gw, bool udp)
{
	const struct sadb_addr inside[] = {rig_address(RIG_OWN_LL), rig_address(RIG_LAN), rig_address("10.1.0.1")};
	struct sadb_neigh neigh[] = {{.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = GW_PORT_LAN, .mac = {2}},
				     {.addr_v4_be = rte_cpu_to_be_32(GW_PEER), .port = GW_PORT_WAN, .mac = {2}},
				     {.port = GW_PORT_LAN, .v6 = 1, .mac = {2}}};
	memcpy(neigh[2].addr_v6, rig_address(RIG_HOST).bytes, 16);
	rig_start_mtu(gw, 9000);
	sadb_neighs_set(gw->db, sadb_neigh_table_create(neigh, 3));
	assert_int_equal(dp_port_addrs_set(gw->dp, GW_PORT_LAN, inside, 3), 0); /* what ICMP comes from */
	if (udp)
		replace_by_udp(gw);
	gateway_commit(gw);
}

void
after_start(struct tunnel *t, bool outer_v6, bool udp, uint32_t flags, uint16_t mtu)
{
	t->outer_v6 = outer_v6;
	t->udp = udp;
	if (outer_v6)
		outer_start(&t->gw, 0, 9000, udp);
	else
		start_v4(&t->gw, udp);
	after_update(t, flags, 0);
	t->gw.dp->port[GW_PORT_WAN]->mtu = mtu;
}

size_t
after_packet(uint8_t *ip, bool v6, size_t bytes, uint8_t df)
{
	if (v6)
		return rig_packet(ip, RIG_HOST, RIG_FAR, (uint16_t)(bytes - 48));
	gateway_outbound_packet(ip, (uint16_t)(bytes - 28));
	ip[6] = df;
	witness_checksum(ip, 20);
	return bytes;
}

void
after_put(struct tunnel *t, const uint8_t *ip, size_t bytes)
{
	t->gw.v6 = ip[0] >> 4 == 6;
	gateway_put(&t->gw, GW_PORT_LAN, ip, bytes);
}

/* ---- the peer's end ---- */

static void
join_v4(struct gateway *gw, uint8_t *wire, size_t n, size_t longest, struct joined *out)
{
	static struct fragment_rig rig;
	fragment_rig_start(&rig);
	fragment_rig_add(&rig, wire, n);
	while (rig.more) {
		assert_true(n <= longest && n + 8 > longest);
		assert_int_equal(wire[6] & AFTER_DF, 0);
		n = gateway_take(gw, GW_PORT_WAN, wire);
		fragment_rig_add(&rig, wire, n);
	}
	assert_true(n <= longest);
	out->pieces = rig.n;
	out->id = header_get16(rig.head + 4);
	out->bytes = 20 + rig.at;
	memcpy(out->packet, rig.head, 20);
	memcpy(out->packet + 20, rig.payload, rig.at);
	header_put16(out->packet + 2, (unsigned)out->bytes);
	out->packet[6] &= AFTER_DF;
	witness_checksum(out->packet, 20);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)header_get16(p) << 16 | header_get16(p + 2);
}

static void
join_v6(struct gateway *gw, uint8_t *wire, size_t n, size_t longest, struct joined *out)
{
	uint8_t head[48];
	unsigned more = wire[6] == 44;
	memcpy(head, wire, sizeof(head));
	out->pieces = 1;
	out->bytes = more ? 40 : n;
	memcpy(out->packet, wire, out->bytes);
	if (!more) {
		assert_true(n <= longest);
		return;
	}
	out->id = get32(wire + 44);
	for (out->pieces = 0; more; out->pieces++) {
		if (out->pieces > 0)
			n = gateway_take(gw, GW_PORT_WAN, wire);
		assert_true(n > 48 && n <= longest);
		assert_int_equal(header_get16(wire + 4), n - 40);
		assert_int_equal(header_get16(wire + 42) & 0xfff8, out->bytes - 40);
		memcpy(head + 4, wire + 4, 2);   /* payload length */
		memcpy(head + 42, wire + 42, 2); /* place */
		assert_memory_equal(wire, head, sizeof(head));
		assert_int_equal(wire[41], 0);
		more = wire[43] & 7;
		assert_true(more <= 1);
		assert_true(!more || ((n - 48) % 8 == 0 && n + 8 > longest));
		memcpy(out->packet + out->bytes, wire + 48, n - 48);
		out->bytes += n - 48;
	}
	out->packet[6] = head[40];
	header_put16(out->packet + 4, (unsigned)(out->bytes - 40));
}

bool
after_join(struct tunnel *t, size_t longest, struct joined *out)
{
	static uint8_t wire[AFTER_BUFFER];
	const size_t n = gateway_take(&t->gw, GW_PORT_WAN, wire);
	out->id = 0;
	if (n == 0)
		return false;
	(t->outer_v6 ? join_v6 : join_v4)(&t->gw, wire, n, longest, out);
	return true;
}

uint32_t
after_open(struct tunnel *t, struct joined *whole, uint8_t *inner, size_t *inner_bytes)
{
	const char *wrong = NULL;
	uint32_t seq = 0;
	if (t->outer_v6)
		wrong = outer_unwrap(whole->packet, &whole->bytes, &t->gw.out, t->udp);
	else if (t->udp)
		wrong = witness_udp_unwrap(whole->packet, &whole->bytes, UDP_RIG_NAT_T, UDP_RIG_PEER);
	if (wrong == NULL)
		wrong = witness_open(&t->gw.out, 0, whole->packet, whole->bytes, inner, inner_bytes, &seq);
	if (wrong != NULL)
		fail_msg("%u pieces: %s", whole->pieces, wrong);
	return seq;
}

void
after_assert_inner(const uint8_t *inner, size_t inner_bytes, const uint8_t *ip, size_t bytes)
{
	const size_t after_hops = ip[0] >> 4 == 6 ? 8 : 12; /* hop limit, or TTL and checksum */
	assert_int_equal(inner_bytes, bytes);
	assert_memory_equal(inner + after_hops, ip + after_hops, bytes - after_hops);
}
