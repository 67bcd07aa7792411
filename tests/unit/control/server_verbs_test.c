/* SPDX-License-Identifier: BSD-3-Clause
 * The requests beside add, delete and show: expiry, migration, defaults; each with the kernel's answer, event and error. */
#include "tests/unit/control/server_verbs_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

static int
expire(struct rig *rig, const struct sadb_sa_config *c, int hard)
{
	const struct nlmsghdr h = request(XFRM_MSG_EXPIRE, 0);
	const struct ctl_sa_state s = {.bytes = 0};

	return ask(rig, ctl_xfrm_encode_expire(out, sizeof(out), &h, c, &s, hard), NULL);
}

static void
an_sa_that_is_told_to_expire_is_announced_and_a_hard_one_goes(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	const struct nlmsghdr alloc = request(XFRM_MSG_ALLOCSPI, 0);
	struct sadb_sa_config c = rig_sa(0x1001), larval = rig_sa(0x1002);
	struct ctl_xfrm m;

	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_int_equal(rig_subscribe(listener, GROUP(EXPIRE) | GROUP(SA)), 0);
	assert_int_equal(expire(rig, &c, 0), 0);
	m = next(listener, XFRM_MSG_EXPIRE);
	assert_true(m.sa.hard == 0 && m.sa.config.spi_be == c.spi_be);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, NULL), 0);
	assert_int_equal(expire(rig, &c, 1), 0);
	m = next(listener, XFRM_MSG_EXPIRE); /* and no DELSA after it */
	assert_int_equal(m.sa.hard, 1);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, NULL), -ESRCH);
	assert_int_equal(expire(rig, &c, 1), -ENOENT);
	assert_says("no SA with SPI");
	assert_int_equal(ask(rig, ctl_xfrm_encode_alloc_spi(out, sizeof(out), &alloc, &larval, 0x1002, 0x1002), &m), 0);
	assert_int_equal(expire(rig, &larval, 1), -EINVAL);
	assert_says("no key yet");
	assert_int_equal(ctl_client_events(listener, 50, NULL, NULL), -EAGAIN);
	ctl_client_close(listener);
}

static int
expire_policy(struct rig *rig, const struct sadb_policy_info *p, int hard)
{
	const struct nlmsghdr h = request(XFRM_MSG_POLEXPIRE, 0);

	return ask(rig, ctl_xfrm_encode_policy_expire(out, sizeof(out), &h, p, hard), NULL);
}

static void
a_policy_that_is_told_to_expire_is_announced_and_a_hard_one_goes(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	struct sadb_policy_info p = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);

	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &p), 0);
	assert_int_equal(rig_subscribe(listener, GROUP(EXPIRE) | GROUP(POLICY)), 0);
	assert_int_equal(expire_policy(rig, &p, 0), 0);
	assert_int_equal(next(listener, XFRM_MSG_POLEXPIRE).policy.hard, 0);
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_GETPOLICY, &p.config, NULL), 0);
	assert_int_equal(expire_policy(rig, &p, 1), 0);
	assert_int_equal(next(listener, XFRM_MSG_POLEXPIRE).policy.hard, 1);
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_GETPOLICY, &p.config, NULL), -ENOENT);
	assert_int_equal(expire_policy(rig, &p, 1), -ENOENT);
	assert_int_equal(ctl_client_events(listener, 50, NULL, NULL), -EAGAIN);
	ctl_client_close(listener);
}

static void
end_policies(struct rig *rig, void *arg)
{
	const struct sadb_policy_info *p = arg;

	ctl_server_policy_expire(rig->server, p, SADB_EXPIRE_HARD);
}

static void
a_policy_keeps_its_limits_and_its_end_is_announced(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	struct sadb_policy_info p = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);
	struct ctl_xfrm m;

	p.config.life = (struct sadb_lifetime){SADB_INF, SADB_INF, SADB_INF, SADB_INF, 50, 60, 70, 80};
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &p), 0);
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_GETPOLICY, &p.config, &m), 0);
	assert_memory_equal(&m.policy.config.life, &p.config.life, sizeof(p.config.life));
	assert_int_equal(rig_subscribe(listener, GROUP(EXPIRE)), 0);
	rig_call(rig, end_policies, &p);
	m = next(listener, XFRM_MSG_POLEXPIRE);
	assert_true(m.policy.hard == 1 && m.policy.config.life.hard_use_s == 80);
	ctl_client_close(listener);
}

static void
a_tunnel_migrates_and_all_hear_of_it(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	const struct nlmsghdr h = request(XFRM_MSG_MIGRATE, 0);
	struct sadb_policy_info p = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);
	struct sadb_sa_config c = rig_sa(0x1001);
	struct ctl_migrate migrate = {
	    .sel = p.config.sel, .vnet_id = RIG_VNET, .dir = SADB_POLICY_OUT, .n = 1, .has_km = true};
	struct ctl_xfrm m;

	migrate.one[0] = (struct sadb_migration){.old_src = c.src,
						 .old_dst = c.dst,
						 .new_src = rig_addr("203.0.113.1"),
						 .new_dst = rig_addr("203.0.113.2"),
						 .reqid = 7,
						 .proto = IPPROTO_ESP,
						 .mode = XFRM_MODE_TUNNEL};
	migrate.km_local = migrate.one[0].new_src;
	migrate.km_remote = migrate.one[0].new_dst;
	assert_int_equal(rig_subscribe(listener, GROUP(MIGRATE)), 0);
	assert_int_equal(ask(rig, ctl_xfrm_encode_migrate(out, sizeof(out), &h, &migrate), NULL), -ENOENT);
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &p), 0);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_int_equal(ask(rig, ctl_xfrm_encode_migrate(out, sizeof(out), &h, &migrate), NULL), 0);
	m = next(listener, XFRM_MSG_MIGRATE);
	rig_assert_same_move(&m.migrate.one[0], &migrate.one[0]);
	assert_true(m.migrate.has_km && m.seq == 0 && m.pid == 0); /* as the kernel's */
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, NULL), -ESRCH);
	c.dst = migrate.one[0].new_dst;
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, &m), 0);
	assert_true(sadb_addr_equal(&m.sa.config.src, &migrate.one[0].new_src));
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_GETPOLICY, &p.config, &m), 0);
	assert_true(sadb_addr_equal(&m.policy.config.tmpl.dst, &c.dst));
	/* Once more: nothing fits any more. */
	assert_int_equal(ask(rig, ctl_xfrm_encode_migrate(out, sizeof(out), &h, &migrate), NULL), -ENODATA);
	ctl_client_close(listener);
}

static void
the_default_is_to_block_and_stays_so(void **state)
{
	static const struct {
		uint8_t in, fwd, out;
		int rc;
	} table[] = {
	    {XFRM_USERPOLICY_BLOCK, XFRM_USERPOLICY_BLOCK, XFRM_USERPOLICY_BLOCK, 0},
	    {XFRM_USERPOLICY_UNSPEC, XFRM_USERPOLICY_UNSPEC, XFRM_USERPOLICY_BLOCK, 0},
	    {XFRM_USERPOLICY_ACCEPT, XFRM_USERPOLICY_BLOCK, XFRM_USERPOLICY_BLOCK, -EOPNOTSUPP},
	    {XFRM_USERPOLICY_BLOCK, XFRM_USERPOLICY_ACCEPT, XFRM_USERPOLICY_BLOCK, -EOPNOTSUPP},
	    {XFRM_USERPOLICY_BLOCK, XFRM_USERPOLICY_BLOCK, XFRM_USERPOLICY_ACCEPT, -EOPNOTSUPP},
	    {3, 4, 255, 0}, /* no such action: ignored, as in the kernel */
	};
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	const struct nlmsghdr set = request(XFRM_MSG_SETDEFAULT, 0), get = request(XFRM_MSG_GETDEFAULT, 0);

	assert_int_equal(rig_subscribe(listener, GROUP(POLICY)), 0);
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct ctl_spd_default d = {.action = {[SADB_POLICY_IN] = table[i].in,
							     [SADB_POLICY_FWD] = table[i].fwd,
							     [SADB_POLICY_OUT] = table[i].out}};
		struct ctl_xfrm m;

		assert_int_equal(ask(rig, ctl_xfrm_encode_default(out, sizeof(out), &set, &d), NULL), table[i].rc);
		if (table[i].rc)
			assert_says("block is accepted");
		else
			next(listener, XFRM_MSG_GETDEFAULT);
		assert_int_equal(ask(rig, ctl_xfrm_encode_get(out, sizeof(out), &get), &m), 0);
		for (unsigned dir = 0; dir < SADB_POLICY_DIRS; dir++)
			assert_int_equal(m.spd_default.action[dir], XFRM_USERPOLICY_BLOCK);
	}
	ctl_client_close(listener);
}

static void
hash_thresholds_are_kept_and_shown(void **state)
{
	struct rig *rig = *state;
	const struct nlmsghdr set = request(XFRM_MSG_NEWSPDINFO, 0);
	const struct ctl_spd_info v4 = {.has_v4 = true, .v4 = {16, 24}}, v6 = {.has_v6 = true, .v6 = {64, 96}};
	struct ctl_xfrm m;

	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSPDINFO, 0, &m), 0);
	assert_true(m.spd.has_v4 && m.spd.v4[0] == 32 && m.spd.v4[1] == 32); /* as a kernel starts */
	assert_true(m.spd.has_v6 && m.spd.v6[0] == 128 && m.spd.v6[1] == 128);
	assert_int_equal(ask(rig, ctl_xfrm_encode_spd_info(out, sizeof(out), &set, &v4), NULL), 0);
	assert_int_equal(ask(rig, ctl_xfrm_encode_spd_info(out, sizeof(out), &set, &v6), NULL), 0);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSPDINFO, 0, &m), 0);
	assert_true(m.spd.v4[0] == 16 && m.spd.v4[1] == 24 && m.spd.v6[0] == 64 && m.spd.v6[1] == 96);
}

struct acquiring {
	struct dp_event event;
	int rc;
	bool waits;
};

static void
acquire(struct rig *rig, void *arg)
{
	struct acquiring *a = arg;

	a->rc = ctl_server_acquire(rig->server, &a->event);
}

/* What a worker sets before it asks, and the end of the wait clears. */
static void
mark_acquiring(struct rig *rig, void *arg)
{
	const struct sadb_vnet *vnet = sadb_vnet_find(rig->db, RIG_VNET);
	const struct sadb_flow_v4 flow = {.src_be = htonl(0x0a010005), .dst_be = htonl(0x0a020006)};
	const struct sadb_flow_v4 *flows[1] = {&flow};
	struct sadb_policy *policy[1];
	struct acquiring *a = arg;

	sadb_spd_lookup(sadb_vnet_spd(vnet, SADB_POLICY_OUT), flows, 1, policy);
	assert_non_null(policy[0]);
	if (!a->waits)
		policy[0]->acquiring = 1;
	a->waits = policy[0]->acquiring != 0;
}

static void
an_sa_that_names_the_acquire_ends_its_wait(void **state)
{
	static const struct {
		uint32_t plus; /* to the number of the ACQUIRE */
		const char *dst;
		bool ends;
	} table[] = {{1, "198.51.100.2", false}, {0, "198.51.100.3", false}, {0, "198.51.100.2", true}};
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	struct sadb_policy_info p = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);
	struct acquiring a = {
	    .event = {.kind = DP_EVENT_ACQUIRE, .flow = {.src = sadb_addr_v4(1), .dst = sadb_addr_v4(2)}}};
	struct ctl_xfrm m;

	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &p), 0);
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_GETPOLICY, &p.config, &m), 0);
	a.event.policy_index = m.policy.config.index;
	rig_call(rig, mark_acquiring, &a);
	assert_int_equal(rig_subscribe(listener, GROUP(ACQUIRE)), 0);
	rig_call(rig, acquire, &a);
	assert_int_equal(a.rc, 0);
	uint32_t seq = next(listener, XFRM_MSG_ACQUIRE).acquire.seq;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sadb_sa_config c = rig_sa(0x2000 + i);

		c.reqid = 99; /* the policy does not want it, which is another matter */
		c.dst = rig_addr(table[i].dst);
		c.acquire_seq = seq + table[i].plus;
		assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
		assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, &m), 0);
		assert_int_equal(m.sa.config.acquire_seq, c.acquire_seq);
		a.waits = true;
		rig_call(rig, mark_acquiring, &a);
		assert_int_equal(a.waits, !table[i].ends);
	}
	ctl_client_close(listener);
}

/* ---- dummy packets ---- */
static struct ctl_dummy told;

static int
keep_told(void *arg, const struct nlmsghdr *nlh)
{
	static struct ctl_own own;
	struct sadb_error err;

	(void)arg;
	if (ctl_own_decode(nlh, &own, &err) == 0 && own.type == CTL_MSG_DUMMY)
		told = own.dummy;
	return 0;
}

static int
ask_dummy(struct rig *rig, const struct sadb_sa_config *sa, uint64_t packets, uint32_t length, uint32_t rate)
{
	const struct nlmsghdr h = request(CTL_MSG_DUMMY, NLM_F_ACK);
	const struct ctl_dummy dummy = {
	    .dst = sa->dst, .spi_be = sa->spi_be, .packets = packets, .length = length, .rate_pps = rate};

	memset(&told, 0, sizeof(told));
	assert_true(ctl_own_encode_dummy(out, sizeof(out), &h, &dummy) > 0);
	return ctl_client_ask(rig->client, (struct nlmsghdr *)out, keep_told, NULL, &rig_error);
}

static uint64_t
count_of(const struct rig *rig, bool unsent)
{
	struct dp_worker_stats stats;

	assert_int_equal(dp_worker_stats_get(rig->dp, 0, &stats), 0);
	return unsent ? stats.dummies_unsent : stats.dummies;
}

/* There is no port, so that they end at the route; how they look on a wire is dataplane/dummy_test.c's. */
static void
dummy_packets_are_made_on_request(void **state)
{
	struct rig *rig = *state;
	struct sadb_sa_config c = rig_sa(0x1001), inbound = rig_sa(0x1002);
	static const struct {
		uint64_t packets;
		uint32_t length, rate;
		const char *says;
	} bad[] = {
	    {1000001, 0, 1, "1000001 dummy packets"},
	    {1, 0, 0, "0 dummy packets a second"},
	    {1, 0, 100001, "100001 dummy packets a second"},
	    {1, 19, 1, "19 bytes"},
	    {1, 65536, 1, "65536 bytes"},
	};

	assert_int_equal(ask_dummy(rig, &c, 5, 0, 1000), -ESRCH);
	c.dir = SADB_DIR_OUT;
	inbound.dir = SADB_DIR_IN;
	inbound.key[0] ^= 1;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &inbound), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ask_dummy(rig, &c, bad[i].packets, bad[i].length, bad[i].rate), -EINVAL);
		if (strstr(rig_error.text, bad[i].says) == NULL)
			fail_msg("'%s': '%s' expected", rig_error.text, bad[i].says);
	}
	assert_int_equal(ask_dummy(rig, &inbound, 5, 0, 1000), -EINVAL);
	assert_non_null(strstr(rig_error.text, "inbound"));
	assert_int_equal(ask_dummy(rig, &c, 0, 0, 0), -ENOENT);
	assert_int_equal(ask_dummy(rig, &c, 50, 100, 100000), 0);
	assert_true(told.packets == 50 && told.length == 100 && told.rate_pps == 100000 && told.worker == 0);
	for (unsigned i = 0; i < 5000 && count_of(rig, false) < 50; i++)
		usleep(1000);
	assert_int_equal(count_of(rig, false), 50);
	assert_int_equal(ask_dummy(rig, &c, 1000000, 0, 1), 0); /* that lasts */
	assert_int_equal(ask_dummy(rig, &c, 1, 0, 1), -EBUSY);
	assert_non_null(strstr(rig_error.text, "are still to be sent"));
	assert_int_equal(ask_dummy(rig, &c, 0, 0, 0), 0);
	assert_in_range(told.unsent, 999000, 1000000);
	for (unsigned i = 0; i < 5000 && ask_dummy(rig, &c, 1000, 0, 1) == -EBUSY; i++)
		usleep(1000); /* the worker ends it in a moment */
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &c, NULL), 0);
	for (unsigned i = 0; i < 5000 && count_of(rig, true) == 0; i++)
		usleep(1000);
	assert_in_range(count_of(rig, true), 900, 1000);
	assert_int_equal(ask_dummy(rig, &c, 1, 0, 1), -ESRCH);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_create, rig_destroy)
	const struct CMUnitTest tests[] = {
	    TEST(an_sa_that_is_told_to_expire_is_announced_and_a_hard_one_goes),
	    TEST(a_policy_that_is_told_to_expire_is_announced_and_a_hard_one_goes),
	    TEST(a_policy_keeps_its_limits_and_its_end_is_announced),
	    TEST(a_tunnel_migrates_and_all_hear_of_it),
	    TEST(the_default_is_to_block_and_stays_so),
	    TEST(hash_thresholds_are_kept_and_shown),
	    TEST(an_sa_that_names_the_acquire_ends_its_wait),
	    cmocka_unit_test_setup_teardown(dummy_packets_are_made_on_request, rig_create_with_workers, rig_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
