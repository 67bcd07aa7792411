/* SPDX-License-Identifier: BSD-3-Clause
 * Multicast of the server: who asked for it gets it, as the kernel words it, without keys; who does not read loses events
 * and is told. */
#include "tests/unit/control/server_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#define GROUP(name) (1u << XFRMNLGRP_##name)

static uint8_t buf[16384] __attribute__((aligned(8)));

/* The next event; its origin is the rig's own client in this process. */
static struct ctl_xfrm
next(struct ctl_client *listener, uint16_t type)
{
	const struct nlmsghdr *nlh = rig_event(listener, buf, sizeof(buf));
	struct ctl_xfrm m;
	struct sadb_error err;

	assert_int_equal(nlh->nlmsg_type, type);
	assert_int_equal(nlh->nlmsg_flags, 0);
	if (ctl_xfrm_decode(nlh, &m, &err) != 0)
		fail_msg("%s", err.text);
	return m;
}

static void
assert_no_key(void)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	for (size_t i = 0; i + 8 <= nlh->nlmsg_len; i++)
		assert_true(memcmp(buf + i, rig_key + 8, 8) != 0);
}

static void
changes_of_sas_are_announced_without_keys(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	struct sadb_sa_config c = rig_sa(0x1001);
	struct ctl_xfrm m;

	assert_int_equal(rig_subscribe(listener, GROUP(SA)), 0);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	m = next(listener, XFRM_MSG_NEWSA);
	assert_int_equal(m.sa.config.spi_be, c.spi_be);
	assert_int_equal(m.sa.config.key_bytes, 32);
	assert_int_equal(m.pid, getpid()); /* who did it */
	assert_no_key();
	c.reqid = 8;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_UPDSA, &c), 0);
	m = next(listener, XFRM_MSG_UPDSA);
	assert_int_equal(m.sa.config.reqid, 8);
	assert_no_key();
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &c, NULL), 0);
	m = next(listener, XFRM_MSG_DELSA);
	assert_int_equal(m.sa_id.spi_be, c.spi_be);
	assert_no_key();
	/* What is refused, or changes nothing, is no event: the flush of one SA comes next. */
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &c, NULL), -ESRCH);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_FLUSHSA, NLM_F_ACK, NULL), 0);
	c = rig_sa(0x1002);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_FLUSHSA, NLM_F_ACK, NULL), 0);
	next(listener, XFRM_MSG_NEWSA);
	next(listener, XFRM_MSG_FLUSHSA);
	/* Ended: nothing comes any more. */
	assert_int_equal(rig_subscribe(listener, 0), 0);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_int_equal(ctl_client_events(listener, 50, NULL, NULL), -EAGAIN);
	ctl_client_close(listener);
}

static void
changes_of_policies_are_announced_whole(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	struct sadb_policy_info p = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);
	struct ctl_xfrm m;

	assert_int_equal(rig_subscribe(listener, GROUP(POLICY)), 0);
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &p), 0);
	m = next(listener, XFRM_MSG_NEWPOLICY);
	assert_true(m.policy.config.index != 0);
	assert_int_equal(m.policy.config.tmpl.reqid, 7);
	p.config.priority = 3;
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_UPDPOLICY, &p), 0);
	assert_int_equal(next(listener, XFRM_MSG_UPDPOLICY).policy.config.priority, 3);
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_DELPOLICY, &p.config, NULL), 0);
	m = next(listener, XFRM_MSG_DELPOLICY);
	assert_int_equal(m.policy.config.priority, 3);
	assert_int_equal(m.policy.config.vnet_id, RIG_VNET);
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &p), 0);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_FLUSHPOLICY, NLM_F_ACK, NULL), 0);
	next(listener, XFRM_MSG_NEWPOLICY);
	next(listener, XFRM_MSG_FLUSHPOLICY);
	ctl_client_close(listener);
}

static void
expire(struct rig *rig, void *arg)
{
	const struct sadb_sa_config c = rig_sa(0x1001);
	const struct sadb_sa_key key = sadb_sa_key_make(&c.dst, c.spi_be, c.proto);

	ctl_server_expire(rig->server, sadb_sa_find(rig->db, &key), *(enum sadb_expire_kind *)arg);
}

struct acquiring {
	struct dp_event event;
	int rc;
};

static void
acquire(struct rig *rig, void *arg)
{
	struct acquiring *a = arg;

	a->rc = ctl_server_acquire(rig->server, &a->event);
}

static void
mapping(struct rig *rig, void *arg)
{
	struct acquiring *a = arg;

	a->rc = ctl_server_mapping(rig->server, &a->event);
}

static void
a_peer_s_new_place_reaches_its_group_and_changes_nothing(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	struct sadb_sa_config c = rig_sa(0x1001), plain = rig_sa(0x1002);
	struct acquiring a = {.event = {.kind = DP_EVENT_MAPPING,
					.addr = sadb_addr_v4(htonl(0xcb007109)),
					.sport_be = htons(61000),
					.sa = sadb_sa_key_make(&c.dst, c.spi_be, c.proto)}};
	struct ctl_xfrm m;

	assert_int_equal(rig_subscribe(listener, GROUP(MAPPING)), 0);
	rig_call(rig, mapping, &a);
	assert_int_equal(a.rc, -ESRCH); /* no such SA */
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &plain), 0);
	a.event.sa.spi_be = plain.spi_be;
	rig_call(rig, mapping, &a);
	assert_int_equal(a.rc, -ESRCH); /* not in UDP */
	a.event.sa.spi_be = c.spi_be;
	c.encap_sport_be = htons(4500);
	c.encap_dport_be = htons(4501);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	rig_call(rig, mapping, &a);
	assert_int_equal(a.rc, 0);
	m = next(listener, XFRM_MSG_MAPPING);
	assert_memory_equal(&m.mapping.sa_id, &a.event.sa, sizeof(a.event.sa));
	assert_int_equal(m.mapping.reqid, c.reqid);
	assert_true(sadb_addr_equal(&m.mapping.old_src, &c.src));
	assert_int_equal(sadb_addr_to_v4(&m.mapping.new_src), htonl(0xcb007109));
	assert_int_equal(m.mapping.old_sport_be, htons(4500));
	assert_int_equal(m.mapping.new_sport_be, htons(61000));
	/* Who keeps the keys updates the SA; a word that comes after that is old. */
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, &m), 0);
	assert_int_equal(m.sa.config.encap_sport_be, htons(4500));
	assert_int_equal(m.sa.config.encap_dport_be, htons(4501));
	c.encap_sport_be = htons(61000);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_UPDSA, &c), 0);
	a.event.addr = c.src;
	rig_call(rig, mapping, &a);
	assert_int_equal(a.rc, -ESRCH);
	assert_int_equal(ctl_client_events(listener, 50, NULL, NULL), -EAGAIN);
	ctl_client_close(listener);
}

static void
expiry_and_acquire_reach_their_groups_only(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *expiry = rig_client(rig), *asked = rig_client(rig);
	const struct sadb_sa_config c = rig_sa(0x1001);
	struct sadb_policy_info p = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);
	struct acquiring a = {.event = {.kind = DP_EVENT_ACQUIRE,
					.flow = {.proto = IPPROTO_TCP,
						 .src = sadb_addr_v4(htonl(0x0a010005)),
						 .dst = sadb_addr_v4(htonl(0x0a020006)),
						 .sport_be = htons(999),
						 .dport_be = htons(80)}}};
	enum sadb_expire_kind kind = SADB_EXPIRE_SOFT;
	struct ctl_xfrm m, shown;

	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &p), 0);
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_GETPOLICY, &p.config, &shown), 0);
	a.event.policy_index = shown.policy.config.index;
	rig_call(rig, acquire, &a);
	assert_int_equal(a.rc, -ESRCH); /* nobody listens */
	assert_int_equal(rig_subscribe(expiry, GROUP(EXPIRE)), 0);
	assert_int_equal(rig_subscribe(asked, GROUP(ACQUIRE)), 0);
	rig_call(rig, expire, &kind);
	m = next(expiry, XFRM_MSG_EXPIRE);
	assert_int_equal(m.sa.hard, 0);
	assert_int_equal(m.sa.config.spi_be, c.spi_be);
	assert_int_equal(m.sa.config.vnet_id, RIG_VNET);
	kind = SADB_EXPIRE_HARD;
	rig_call(rig, expire, &kind);
	assert_int_equal(next(expiry, XFRM_MSG_EXPIRE).sa.hard, 1);
	for (uint32_t seq = 1; seq <= 2; seq++) {
		rig_call(rig, acquire, &a);
		assert_int_equal(a.rc, 0);
		m = next(asked, XFRM_MSG_ACQUIRE);
		assert_int_equal(m.acquire.seq, seq);
		assert_int_equal(m.acquire.policy.index, a.event.policy_index);
		assert_int_equal(m.acquire.policy.tmpl.reqid, 7);
		assert_int_equal(m.acquire.policy.vnet_id, RIG_VNET);
		assert_int_equal(sadb_addr_to_v4(&m.acquire.flow.dst), htonl(0x0a020006));
		assert_int_equal(m.acquire.flow.dport_be, htons(80));
	}
	a.event.policy_index = 0x7ffff1;
	rig_call(rig, acquire, &a);
	assert_int_equal(a.rc, -ENOENT);
	assert_int_equal(ctl_client_events(expiry, 0, NULL, NULL), -EAGAIN);
	ctl_client_close(expiry);
	ctl_client_close(asked);
}

/* The policy as a worker finds it. */
static void
find_policy(struct rig *rig, void *arg)
{
	const struct sadb_flow_v4 flow = {.src_be = htonl(0x0a010005), .dst_be = htonl(0x0a020006)}, *flows[] = {&flow};

	sadb_spd_lookup(sadb_vnet_spd(sadb_vnet_find(rig->db, RIG_VNET), SADB_POLICY_OUT), flows, 1, arg);
}

static void
a_policy_that_nobody_heard_soon_asks_again(void **state)
{
	struct rig *rig = *state;
	struct sadb_policy_info p = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);
	struct sadb_policy *policy = NULL;
	struct acquiring a = {.event = {.kind = DP_EVENT_ACQUIRE}};
	time_t end = time(NULL) + 10;

	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &p), 0);
	rig_call(rig, find_policy, &policy);
	assert_non_null(policy);
	__atomic_store_n(&policy->acquiring, 1, __ATOMIC_RELAXED); /* as the worker does */
	a.event.policy_index = policy->match.index;
	rig_call(rig, acquire, &a);
	assert_int_equal(a.rc, -ESRCH);
	assert_int_equal(__atomic_load_n(&policy->acquiring, __ATOMIC_RELAXED), 1); /* not at once: no storm */
	while (__atomic_load_n(&policy->acquiring, __ATOMIC_RELAXED) && time(NULL) < end)
		poll(NULL, 0, 10);
	assert_int_equal(__atomic_load_n(&policy->acquiring, __ATOMIC_RELAXED), 0);
	/* Heard: the wait is the kernel's 30 s, so it still stands when a shorter one would be over. */
	assert_int_equal(rig_subscribe(rig->client, GROUP(ACQUIRE)), 0);
	__atomic_store_n(&policy->acquiring, 1, __ATOMIC_RELAXED);
	rig_call(rig, acquire, &a);
	assert_int_equal(a.rc, 0);
	poll(NULL, 0, 2500);
	assert_int_equal(__atomic_load_n(&policy->acquiring, __ATOMIC_RELAXED), 1);
}

struct counted {
	unsigned events;
	uint32_t last_spi;
};

static int
count(void *arg, const struct nlmsghdr *nlh)
{
	struct counted *c = arg;
	struct ctl_xfrm m;
	struct sadb_error err;

	assert_int_equal(nlh->nlmsg_type, XFRM_MSG_NEWSA);
	assert_int_equal(ctl_xfrm_decode(nlh, &m, &err), 0);
	assert_int_equal(ntohl(m.sa.config.spi_be), c->last_spi + 1);
	c->last_spi++;
	c->events++;
	return 0;
}

static void
a_listener_that_does_not_read_is_told_what_it_lost(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	struct counted c = {0, 0x1000 - 1};
	int rc;

	assert_int_equal(rig_subscribe(listener, GROUP(SA)), 0);
	for (uint32_t spi = 0x1000; spi < 0x1000 + 1500; spi++) {
		const struct sadb_sa_config sa = rig_sa(spi);
		assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &sa), 0);
	}
	/* The oldest are there, in order and without a gap, until the notice. */
	while ((rc = ctl_client_events(listener, 5000, count, &c)) == 0)
		continue;
	assert_int_equal(rc, -ENOBUFS);
	assert_in_range(c.events, 100, 1400);
	/* From then on it is up to date again. */
	const struct sadb_sa_config sa = rig_sa(0x9000);
	c.last_spi = 0x9000 - 1;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &sa), 0);
	assert_int_equal(ctl_client_events(listener, 5000, count, &c), 0);
	assert_int_equal(c.last_spi, 0x9000);
	ctl_client_close(listener);
}

static void
groups_that_are_none_are_refused(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_subscribe(rig->client, 1u << 31), -EINVAL);
	assert_non_null(strstr(rig_error.text, "CTL_A_GROUPS"));
	assert_int_equal(rig_subscribe(rig->client, 1), -EINVAL); /* XFRMNLGRP_NONE */
	assert_int_equal(
	    rig_subscribe(rig->client, GROUP(SA) | GROUP(POLICY) | GROUP(EXPIRE) | GROUP(ACQUIRE) | GROUP(MAPPING)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(changes_of_sas_are_announced_without_keys, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(changes_of_policies_are_announced_whole, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_peer_s_new_place_reaches_its_group_and_changes_nothing, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(expiry_and_acquire_reach_their_groups_only, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_policy_that_nobody_heard_soon_asks_again, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_listener_that_does_not_read_is_told_what_it_lost, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(groups_that_are_none_are_refused, rig_create, rig_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
