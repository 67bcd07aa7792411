/* SPDX-License-Identifier: BSD-3-Clause
 * What a worker remembers of flows never outlives a change: after sadb_commit() the very next packet of a remembered flow
 * goes by the new policies, SAs and routes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/flow_rig.h"

#define NOWHERE DP_DROP_COUNT /* not dropped */

static char engine[] = "auto";

/* ---- outbound ---- */

static const struct sadb_sa_key out_key = {
    .dst = {10, 9, 0, 2}, .spi_be = RTE_BE32(GW_SPI_OUT), .family = AF_INET, .proto = IPPROTO_ESP};
static const struct sadb_sa_key in_key = {
    .dst = {10, 9, 0, 1}, .spi_be = RTE_BE32(GW_SPI_IN), .family = AF_INET, .proto = IPPROTO_ESP};

static void
drop_all(struct gateway *gw)
{
	gateway_policy_any(gw, SADB_DROP, 1);
}

static void
bypass_all(struct gateway *gw)
{
	gateway_policy_any(gw, SADB_BYPASS, 1);
}

static void
delete_out_policy(struct gateway *gw)
{
	const struct sadb_policy_config which = gateway_policy(SADB_POLICY_OUT);
	struct sadb_error err;
	assert_int_equal(sadb_policy_del(gw->db, &which, NULL, &err), 0);
}

static void
flush_policies(struct gateway *gw)
{
	assert_int_equal(sadb_policy_flush(gw->db), 3);
}

static void
want_other_reqid(struct gateway *gw)
{
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_OUT);
	config.tmpl.reqid = 7;
	gateway_set_policy(gw, &config);
}

static void
add_other_sa(struct gateway *gw, uint32_t reqid)
{
	struct witness_sa other = gw->out;
	other.spi = FLOW_OTHER_OUT;
	other.key[0] ^= 1;
	struct sadb_sa_config config = gateway_sa(&other, 0, 128);
	config.reqid = reqid;
	gateway_add_sa(gw, &config);
}

static void
want_other_sa(struct gateway *gw)
{
	add_other_sa(gw, 7);
	want_other_reqid(gw);
}

static void
rekey(struct gateway *gw)
{
	add_other_sa(gw, 1);
}

static void
delete_sa(struct gateway *gw)
{
	struct sadb_error err;
	assert_int_equal(sadb_sa_del(gw->db, &out_key, &err), 0);
}

static void
drop_in_place(struct gateway *gw)
{
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_OUT);
	config.action = SADB_DROP;
	gateway_set_policy(gw, &config);
}

static void
peer_is_unreachable(struct gateway *gw)
{
	const struct sadb_route under[] = {
	    {.dst = {flow_v4(GW_WAN), 32}, .port = GW_PORT_WAN, .kind = SADB_ROUTE_LOCAL},
	    {.dst = {flow_v4(GW_PEER), 32}, .port = GW_PORT_WAN, .kind = SADB_ROUTE_BLACKHOLE},
	};
	sadb_vnet_fib_set(gw->db, sadb_underlay(gw->db), sadb_fib_create(under, 2));
}

static void
nothing(struct gateway *gw)
{
	(void)gw;
}

struct change {
	const char *name;
	void (*make)(struct gateway *gw);
	enum dp_drop reason; /* of the next packet; NOWHERE: it goes on */
	uint32_t spi;        /* under which it leaves; 0: it does not leave sealed */
};

static const struct change outbound[] = {
    {"nothing", nothing, NOWHERE, GW_SPI_OUT},
    {"a policy before it drops all", drop_all, DP_DROP_POLICY, 0},
    {"a policy before it lets all pass", bypass_all, DP_DROP_NO_ROUTE, 0},
    {"its policy is deleted", delete_out_policy, DP_DROP_NO_POLICY, 0},
    {"all policies are deleted", flush_policies, DP_DROP_NO_POLICY, 0},
    {"its policy is replaced by one that drops", drop_in_place, DP_DROP_POLICY, 0},
    {"its policy is replaced by one whose SA is not there", want_other_reqid, DP_DROP_NO_SA, 0},
    {"its policy is replaced by one of another SA", want_other_sa, NOWHERE, FLOW_OTHER_OUT},
    {"its SA is rekeyed", rekey, NOWHERE, FLOW_OTHER_OUT},
    {"its SA is deleted", delete_sa, DP_DROP_NO_SA, 0},
    {"its destination becomes the gateway's own", flow_far_is_local, NOWHERE, 0},
    {"the way to the peer becomes a black hole", peer_is_unreachable, DP_DROP_BLACKHOLE, 0},
};

static void
the_next_packet_out_obeys_each_change(void **state)
{
	for (unsigned i = 0; i < sizeof(outbound) / sizeof(outbound[0]); i++) {
		const struct change *change = &outbound[i];
		struct gateway gw;
		gateway_start(&gw, *state, 0, 128);
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(flow_send_out(&gw, GW_HOST, GW_FAR, 4000), GW_SPI_OUT);
		assert_int_equal(flow_remembered(&gw), 1);
		uint64_t dropped = gw.w->stats.dropped, punted = gw.w->stats.punted;
		change->make(&gw);
		flow_commit(&gw);
		uint32_t spi = flow_send_out(&gw, GW_HOST, GW_FAR, 4000);
		if (spi != change->spi)
			fail_msg("%s: it left under SPI %#x, not %#x", change->name, spi, change->spi);
		if (gw.w->stats.dropped - dropped != (change->reason != NOWHERE) ||
		    (change->reason != NOWHERE && gateway_dropped(&gw, change->reason) != 1))
			fail_msg("%s: it was not dropped for the right reason", change->name);
		assert_int_equal(gw.w->stats.punted - punted, change->reason == NOWHERE && change->spi == 0);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

/* ---- inbound ---- */

static void
fwd_policy(struct gateway *gw, uint32_t reqid, uint32_t spi, enum sadb_action action)
{
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_FWD);
	config.tmpl.reqid = reqid;
	config.tmpl.spi_be = rte_cpu_to_be_32(spi);
	config.action = (uint8_t)action;
	gateway_set_policy(gw, &config);
}

static void
fwd_names_other_reqid(struct gateway *gw)
{
	fwd_policy(gw, 7, 0, SADB_PROTECT);
}

static void
fwd_names_other_spi(struct gateway *gw)
{
	fwd_policy(gw, 1, FLOW_OTHER_IN, SADB_PROTECT);
}

static void
fwd_names_this_spi(struct gateway *gw)
{
	fwd_policy(gw, 1, GW_SPI_IN, SADB_PROTECT);
}

static void
fwd_bypasses(struct gateway *gw)
{
	fwd_policy(gw, 1, 0, SADB_BYPASS);
}

static void
delete_fwd_policy(struct gateway *gw)
{
	const struct sadb_policy_config which = gateway_policy(SADB_POLICY_FWD);
	struct sadb_error err;
	assert_int_equal(sadb_policy_del(gw->db, &which, NULL, &err), 0);
}

static void
fwd_drops_before(struct gateway *gw)
{
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_FWD);
	config.sel = (struct sadb_selector){.proto = 17};
	config.priority = 1;
	config.action = SADB_DROP;
	gateway_set_policy(gw, &config);
}

static void
sa_gets_other_reqid(struct gateway *gw)
{
	struct sadb_sa_config config = gateway_sa(&gw->in, 0, 128);
	struct sadb_error err;
	config.reqid = 7;
	assert_int_equal(sadb_sa_update(gw->db, &config, &err), 0);
}

static void
delete_in_sa(struct gateway *gw)
{
	struct sadb_error err;
	assert_int_equal(sadb_sa_del(gw->db, &in_key, &err), 0);
}

static void
host_route(struct gateway *gw, struct sadb_route route)
{
	route.dst = (struct sadb_prefix){flow_v4(GW_HOST), 32};
	gateway_routes(gw, &route, 1);
}

static void
host_is_local(struct gateway *gw)
{
	host_route(gw, (struct sadb_route){.port = GW_PORT_LAN, .kind = SADB_ROUTE_LOCAL});
}

static void
host_is_a_black_hole(struct gateway *gw)
{
	host_route(gw, (struct sadb_route){.port = GW_PORT_LAN, .kind = SADB_ROUTE_BLACKHOLE});
}

static void
host_is_on_the_underlay(struct gateway *gw)
{
	host_route(gw, (struct sadb_route){.port = GW_PORT_WAN, .kind = SADB_ROUTE_UNICAST});
}

static void
host_is_behind_a_router(struct gateway *gw)
{
	const struct sadb_neigh neigh = {.addr_v4_be = rte_cpu_to_be_32(GW_LAN + 76), .port = GW_PORT_LAN, .mac = {6}};
	host_route(
	    gw, (struct sadb_route){.gateway = flow_v4(GW_LAN + 76), .port = GW_PORT_LAN, .kind = SADB_ROUTE_UNICAST});
	sadb_neighs_set(gw->db, sadb_neigh_table_create(&neigh, 1));
}

struct change_in {
	const char *name;
	void (*make)(struct gateway *gw);
	enum dp_drop reason;
	uint8_t mac; /* first byte of where the frame goes; 0: it does not go on */
};

static const struct change_in inbound[] = {
    {"nothing", nothing, NOWHERE, 2},
    {"the policy names this SPI now", fwd_names_this_spi, NOWHERE, 2},
    {"the policy names another reqid", fwd_names_other_reqid, DP_DROP_INNER_POLICY, 0},
    {"the policy names another SPI", fwd_names_other_spi, DP_DROP_INNER_POLICY, 0},
    {"the policy lets pass what came in clear", fwd_bypasses, DP_DROP_INNER_POLICY, 0},
    {"the policy is deleted", delete_fwd_policy, DP_DROP_INNER_POLICY, 0},
    {"a policy before it drops", fwd_drops_before, DP_DROP_INNER_POLICY, 0},
    {"the SA gets another reqid", sa_gets_other_reqid, DP_DROP_INNER_POLICY, 0},
    {"the SA is deleted", delete_in_sa, DP_DROP_ESP_NO_SA, 0},
    {"the host's address becomes the gateway's own", host_is_local, NOWHERE, 0},
    {"the route becomes a black hole", host_is_a_black_hole, DP_DROP_BLACKHOLE, 0},
    {"the route leads to another network", host_is_on_the_underlay, DP_DROP_ROUTE_DOMAIN, 0},
    {"the route leads over a router", host_is_behind_a_router, NOWHERE, 6},
};

static void
the_next_packet_in_obeys_each_change(void **state)
{
	for (unsigned i = 0; i < sizeof(inbound) / sizeof(inbound[0]); i++) {
		const struct change_in *change = &inbound[i];
		struct gateway gw;
		uint8_t out[FLOW_BUFFER];
		gateway_start(&gw, *state, 0, 128);
		for (unsigned seq = 1; seq <= 3; seq++) {
			flow_put_sealed(&gw, &gw.in, seq, GW_FAR, GW_HOST, 5000);
			gateway_turn(&gw);
			assert_int_not_equal(gateway_take(&gw, GW_PORT_LAN, out), 0);
		}
		assert_int_equal(flow_remembered(&gw), 1);
		uint64_t dropped = gw.w->stats.dropped, punted = gw.w->stats.punted;
		change->make(&gw);
		flow_commit(&gw);
		flow_put_sealed(&gw, &gw.in, 4, GW_FAR, GW_HOST, 5000);
		gateway_turn(&gw);
		assert_null(gateway_take_frame(&gw, GW_PORT_WAN));
		struct rte_mbuf *m = gateway_take_frame(&gw, GW_PORT_LAN);
		uint8_t mac = m != NULL ? *rte_pktmbuf_mtod(m, uint8_t *) : 0;
		rte_pktmbuf_free(m);
		if (mac != change->mac)
			fail_msg("%s: it went to %02x:.., not %02x:..", change->name, mac, change->mac);
		if (gw.w->stats.dropped - dropped != (change->reason != NOWHERE) ||
		    (change->reason != NOWHERE && gateway_dropped(&gw, change->reason) != 1))
			fail_msg("%s: it was not dropped for the right reason", change->name);
		assert_int_equal(gw.w->stats.punted - punted, change->reason == NOWHERE && change->mac == 0);
		gateway_assert_balanced(&gw);
		gateway_stop(&gw);
	}
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
#define TEST(name) cmocka_unit_test_prestate(name, engine)
	const struct CMUnitTest tests[] = {
	    TEST(the_next_packet_out_obeys_each_change),
	    TEST(the_next_packet_in_obeys_each_change),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
