/* SPDX-License-Identifier: BSD-3-Clause
 * Transport mode against who would get past it: extension headers that hide what a policy protects, another host's address, what
 * stays on its link, and deletes that mean another policy. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/xfrm.h>

#include "tests/unit/dataplane/transport_rig.h"

/* A header of eight bytes behind the IPv6 header. */
static size_t
put_before(uint8_t *ip, size_t bytes, uint8_t proto, const uint8_t header[8])
{
	memmove(ip + 48, ip + 40, bytes - 40);
	memcpy(ip + 40, header, 8);
	ip[40] = ip[6];
	ip[6] = proto;
	ip[4] = (uint8_t)((bytes - 32) >> 8);
	ip[5] = (uint8_t)(bytes - 32);
	return bytes + 8;
}

static void
no_extension_header_hides_what_a_policy_protects(void **state)
{
	static const uint8_t pad[8] = {0, 0, 1, 4, 0, 0, 0, 0}, first[8] = {0, 0, 0, 1, 0, 0, 0, 7},
			     later[8] = {0, 0, 0, 64, 0, 0, 0, 7}, atomic[8] = {0, 0, 0, 0, 0, 0, 0, 7};
	static const struct {
		const char *name;
		const uint8_t *inner, *outer; /* headers; the outer one stands first */
		uint8_t inner_proto, outer_proto;
	} rows[] = {
	    {"none", NULL, NULL, 0, 0},
	    {"hop-by-hop options", pad, NULL, 0, 0},
	    {"destination options", pad, NULL, 60, 0},
	    {"both", pad, pad, 60, 0},
	    {"a first fragment", first, NULL, 44, 0},
	    {"a later fragment", later, NULL, 44, 0},
	    {"an atomic one", atomic, NULL, 44, 0},
	    {"a first fragment behind hop-by-hop options", first, pad, 44, 0},
	    {"a later one", later, pad, 44, 0},
	    {"an atomic one behind them", atomic, pad, 44, 0},
	};
	static struct host h;
	uint8_t ip[2048], got[2048];
	(void)state;
	transport_start(&h, true, false, 6); /* TCP alone */
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t bytes = transport_packet(&h, false, 6, 80, 4000, 40, ip);
		if (rows[i].inner != NULL)
			bytes = put_before(ip, bytes, rows[i].inner_proto, rows[i].inner);
		if (rows[i].outer != NULL)
			bytes = put_before(ip, bytes, rows[i].outer_proto, rows[i].outer);
		rig_turn_with(&h.gw, GW_PORT_WAN, ip, bytes);
		if (transport_twin_takes(&h, got) != 0)
			fail_msg("%s: it came in clear", rows[i].name);
		if (gateway_dropped(&h.gw, DP_DROP_CLEAR_PROTECTED) != i + 1)
			fail_msg("%s: not dropped for that reason", rows[i].name);
	}
	/* Of a protocol that the policy does not name they pass, with the same headers. */
	size_t bytes = transport_packet(&h, false, 132, 80, 4000, 40, ip);
	bytes = put_before(ip, bytes, 0, pad);
	rig_turn_with(&h.gw, GW_PORT_WAN, ip, bytes);
	assert_int_equal(transport_twin_takes(&h, got), bytes);
	gateway_assert_balanced(&h.gw);
	gateway_stop(&h.gw);
}

static void
what_leads_on_by_a_routing_header_leaves_under_no_policy(void **state)
{
	static const uint8_t on[8] = {0, 0, 4, 1, 0, 0, 0, 0}, done[8] = {0, 0, 4, 0, 0, 0, 0, 0};
	static struct host h;
	uint8_t ip[2048], got[2048];
	(void)state;
	transport_start(&h, true, false, 0);
	size_t bytes = transport_packet(&h, true, 6, 80, 4000, 40, ip);
	gateway_inject(&h.gw, GW_PORT_WAN, ip, put_before(ip, bytes, 43, on));
	gateway_turn(&h.gw);
	assert_int_equal(gateway_take(&h.gw, GW_PORT_WAN, got), 0);
	assert_int_equal(gateway_dropped(&h.gw, DP_DROP_IP6_ROUTING), 1);
	transport_packet(&h, true, 6, 80, 4000, 40, ip);
	bytes = put_before(ip, bytes, 43, done);
	gateway_inject(&h.gw, GW_PORT_WAN, ip, bytes);
	gateway_turn(&h.gw);
	transport_assert_sealed(&h, ip, bytes);
	gateway_assert_balanced(&h.gw);
	gateway_stop(&h.gw);
}

static void
an_sa_vouches_for_no_other_hosts_address(void **state)
{
	static struct host h;
	struct sadb_error err;
	(void)state;
	transport_start(&h, false, false, 0);
	for (unsigned i = 0; i < 3; i++) {
		struct sadb_policy_config wide = transport_policy(&h, SADB_POLICY_IN, 6);
		wide.tmpl.src = transport_peer(false);
		wide.tmpl.dst = transport_own(false);
		if (i == 0)
			wide.sel.src.len = 31;
		else if (i == 1)
			wide.sel.dst.len = 24;
		else
			wide.sel.src.addr.bytes[3] ^= 4; /* another host, vouched for by the peer */
		assert_int_equal(sadb_policy_add(h.gw.db, &wide, false, &err), -EINVAL);
	}
	gateway_stop(&h.gw);
}

static void
a_policy_for_what_stays_on_its_link_is_refused(void **state)
{
	static const char *const ends[][2] = {
	    {"fe80::1", "fe80::2"}, {"fe80::1", OUTER_PEER}, {OUTER_WAN, "fe80::2"}, {OUTER_WAN, "ff02::5"}};
	static struct host h;
	struct sadb_error err;
	(void)state;
	transport_start(&h, true, false, 0);
	for (unsigned i = 0; i < 4; i++) {
		struct sadb_policy_config p = transport_policy(&h, SADB_POLICY_OUT, 0);
		p.sel.src.addr = p.tmpl.src = rig_address(ends[i][0]);
		p.sel.dst.addr = p.tmpl.dst = rig_address(ends[i][1]);
		assert_int_equal(sadb_policy_add(h.gw.db, &p, false, &err), -EINVAL);
	}
	gateway_stop(&h.gw);
}

static void
a_delete_in_the_vnet_0_takes_nothing_from_the_underlay(void **state)
{
	static struct host h;
	uint8_t ip[2048], got[2048];
	struct sadb_error err;
	(void)state;
	transport_start(&h, false, false, 0);
	assert_int_equal(sadb_vnet_add(h.gw.db, 0, "zero", &err), 0);
	struct sadb_policy_config inside = transport_policy(&h, SADB_POLICY_OUT, 0);
	inside.vnet_id = 0;
	inside.tmpl.mode = XFRM_MODE_TUNNEL;
	inside.tmpl.src = transport_own(false);
	inside.tmpl.dst = transport_peer(false);
	assert_int_equal(sadb_policy_add(h.gw.db, &inside, false, &err), 0);
	const struct sadb_policy_config which = {.sel = inside.sel, .dir = SADB_POLICY_OUT, .vnet_id = 0};
	assert_int_equal(sadb_policy_del(h.gw.db, &which, NULL, &err), 0);
	assert_int_equal(sadb_policy_del(h.gw.db, &which, NULL, &err), -ENOENT);
	gateway_commit(&h.gw);
	const size_t bytes = transport_packet(&h, true, 6, 1, 2, 40, ip);
	gateway_inject(&h.gw, GW_PORT_WAN, ip, bytes);
	gateway_turn(&h.gw);
	transport_assert_sealed(&h, ip, bytes);
	assert_int_equal(gateway_take(&h.gw, GW_PORT_WAN, got), 0);
	gateway_stop(&h.gw);
}

int
main(void)
{
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_extension_header_hides_what_a_policy_protects),
	    cmocka_unit_test(what_leads_on_by_a_routing_header_leaves_under_no_policy),
	    cmocka_unit_test(an_sa_vouches_for_no_other_hosts_address),
	    cmocka_unit_test(a_policy_for_what_stays_on_its_link_is_refused),
	    cmocka_unit_test(a_delete_in_the_vnet_0_takes_nothing_from_the_underlay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
