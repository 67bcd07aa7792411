/* SPDX-License-Identifier: BSD-3-Clause
 * Requests to the server over its socket: applied, durable and visible when the ACK comes, refused with a reason. */
#include "tests/unit/control/server_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>

static void
look_up(struct rig *rig, void *arg)
{
	const struct sadb_sa_config c = rig_sa(0x1001);
	const struct sadb_sa_key key = sadb_sa_key_make(&c.dst, c.spi_be, c.proto), *keys[] = {&key};

	sadb_sa_lookup(rig->db, keys, 1, arg);
}

static void
an_sa_is_added_shown_updated_and_deleted(void **state)
{
	struct rig *rig = *state;
	struct sadb_sa_config c = rig_sa(0x1001);
	struct ctl_xfrm shown;
	struct sadb_sa *hot = NULL;

	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	/* The ACK means that workers find it, and that it may send. */
	rig_call(rig, look_up, &hot);
	assert_non_null(hot);
	assert_true(hot->mut->out_limit > 0);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, &shown), 0);
	assert_int_equal(shown.type, XFRM_MSG_NEWSA);
	assert_int_equal(shown.sa.config.spi_be, c.spi_be);
	assert_int_equal(shown.sa.config.vnet_id, RIG_VNET);
	assert_int_equal(shown.sa.config.window_packets, 128);
	assert_int_equal(shown.sa.config.key_bytes, 32);
	for (unsigned i = 0; i + 4 <= 32; i++) /* what stands in the key's place has nothing of it */
		for (unsigned j = 0; j + 4 <= 32; j++)
			assert_memory_not_equal(shown.sa.config.key + i, c.key + j, 4);
	assert_true(shown.sa.cur.add_time_s > 0);
	c.reqid = 9;
	c.life.soft_add_s = 100;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_UPDSA, &c), 0);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, &shown), 0);
	assert_int_equal(shown.sa.config.reqid, 9);
	assert_true(shown.sa.config.life.soft_add_s == 100);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &c, NULL), 0);
	rig_call(rig, look_up, &hot);
	assert_null(hot);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, NULL), -ESRCH);
	assert_non_null(strstr(rig_error.text, "SPI 0x00001001"));
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &c, NULL), -ESRCH);
}

static void
make_its_destination_ours(struct rig *rig, void *arg)
{
	const struct sadb_route local = {.dst = rig_prefix("198.51.100.2/32"), .kind = SADB_ROUTE_LOCAL};
	struct sadb_fib *fib = sadb_fib_create(&local, 1);

	(void)arg;
	assert_non_null(fib);
	sadb_vnet_fib_set(rig->db, sadb_underlay(rig->db), fib);
}

/* As an IKE daemon without directions moves an SA: reads it back, deletes it, adds it elsewhere with what it read. */
static void
an_sa_that_turned_inbound_is_shown_so_and_moves_with_what_is_shown(void **state)
{
	struct rig *rig = *state;
	struct sadb_sa_config c = rig_sa(0x1001);
	struct ctl_xfrm shown;

	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	rig_call(rig, make_its_destination_ours, NULL);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, &shown), 0);
	assert_int_equal(shown.sa.config.dir, SADB_DIR_IN);
	assert_true(shown.sa.config.out_seq == 0);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &c, NULL), 0);
	c.dst = rig_addr("203.0.113.5");
	c.out_seq = shown.sa.config.out_seq;
	c.in_seq = shown.sa.config.in_seq;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, &shown), 0);
	assert_int_equal(shown.sa.config.dir, SADB_DIR_IN);
}

static void
a_refusal_names_the_attribute_and_changes_nothing(void **state)
{
	struct rig *rig = *state;
	struct sadb_sa_config c = rig_sa(0x1001), other = rig_sa(0x1002);
	struct ctl_xfrm info;

	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), -EEXIST);
	memcpy(other.key, c.key, sizeof(c.key));
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &other), -EEXIST);
	assert_non_null(strstr(rig_error.text, "repeat nonces"));
	memset(other.key, 0, sizeof(other.key));
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &other), -EINVAL);
	assert_non_null(strstr(rig_error.text, "XFRMA_ALG_AEAD"));
	other = rig_sa(0x1003);
	other.vnet_id = 5555;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &other), -ENODEV);
	other = rig_sa(255);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &other), -EINVAL);
	other = rig_sa(0x1004);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_UPDSA, &other), -ESRCH);
	other = rig_sa(0x1001);
	other.key[31] ^= 1;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_UPDSA, &other), -EINVAL);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, &info), 0);
	assert_int_equal(info.sad.count, 1);
	assert_int_equal(info.sad.hash_max, 4096);
}

static void
an_spi_is_given_out_and_then_filled(void **state)
{
	struct rig *rig = *state;
	struct sadb_sa_config c = rig_sa(0);
	uint8_t buf[1024] __attribute__((aligned(8)));
	const struct nlmsghdr h = {.nlmsg_type = XFRM_MSG_ALLOCSPI, .nlmsg_flags = NLM_F_REQUEST};
	const uint32_t taken = 0x8000;
	struct ctl_xfrm given;
	struct ctl_client_error err;

	/* A range of one SPI: the second asker finds it taken. */
	assert_true(ctl_xfrm_encode_alloc_spi(buf, sizeof(buf), &h, &c, taken, taken) > 0);
	memset(&given, 0, sizeof(given));
	assert_int_equal(ctl_client_ask(rig->client, (struct nlmsghdr *)buf, rig_keep, &given, &err), 0);
	assert_int_equal(given.type, XFRM_MSG_NEWSA);
	assert_int_equal(given.sa.config.spi_be, htonl(taken));
	assert_int_equal(given.sa.config.aead, SADB_AEAD_NONE);
	assert_int_equal(ctl_client_ask(rig->client, (struct nlmsghdr *)buf, NULL, NULL, &err), -ENOENT);
	struct sadb_sa_config full = rig_sa(taken);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_UPDSA, &full), 0);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &full, &given), 0);
	assert_int_equal(given.sa.config.aead, SADB_AEAD_AES_GCM_16);
}

static void
policies_are_added_shown_replaced_and_deleted(void **state)
{
	struct rig *rig = *state;
	struct sadb_policy_info out = rig_policy("10.2.0.0/16", SADB_POLICY_OUT), in = rig_policy("10.2.0.0/16", 0);
	struct ctl_xfrm shown, info;

	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &out), 0);
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &in), 0);
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &out), -EEXIST);
	out.config.priority = 5;
	out.config.tmpl.reqid = 8;
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_UPDPOLICY, &out), 0);
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_GETPOLICY, &out.config, &shown), 0);
	assert_int_equal(shown.type, XFRM_MSG_NEWPOLICY);
	assert_int_equal(shown.policy.config.priority, 5);
	assert_int_equal(shown.policy.config.tmpl.reqid, 8);
	assert_int_equal(shown.policy.config.index & 7, SADB_POLICY_OUT);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSPDINFO, 0, &info), 0);
	assert_true(info.spd.in == 1 && info.spd.out == 1 && info.spd.fwd == 0);
	/* By its index alone. */
	const struct sadb_policy_config which = {
	    .index = shown.policy.config.index,
	    .dir = SADB_POLICY_OUT,
	    .vnet_id = RIG_VNET,
	    .sel = {.src = rig_prefix("0.0.0.0/0"), .dst = rig_prefix("0.0.0.0/0")}};
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_DELPOLICY, &which, NULL), 0);
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_GETPOLICY, &out.config, NULL), -ENOENT);
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_DELPOLICY, &out.config, NULL), -ENOENT);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_FLUSHPOLICY, NLM_F_ACK, NULL), 0);
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSPDINFO, 0, &info), 0);
	assert_int_equal(info.spd.in, 0);
}

static void
a_flush_empties_the_database_and_an_empty_one_is_no_error(void **state)
{
	struct rig *rig = *state;
	struct ctl_xfrm info;

	for (uint32_t spi = 0x2000; spi < 0x2010; spi++) {
		const struct sadb_sa_config c = rig_sa(spi);
		assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	}
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, &info), 0);
	assert_int_equal(info.sad.count, 16);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_FLUSHSA, NLM_F_ACK, NULL), 0);
		assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSADINFO, 0, &info), 0);
		assert_int_equal(info.sad.count, 0);
	}
}

static void
requests_that_are_none_get_a_clear_answer(void **state)
{
	static const struct {
		uint16_t type, flags;
		int rc;
		const char *says;
	} table[] = {
	    {XFRM_MSG_NEWSADINFO, NLM_F_ACK, -EINVAL, "XFRM_MSG_NEWSADINFO has 0 bytes"},
	    {XFRM_MSG_GETAE, NLM_F_ACK, -EINVAL, "XFRM_MSG_GETAE has 0 bytes"},
	    {XFRM_MSG_MAX + 1, NLM_F_ACK, -EINVAL, "is unknown"},
	    {0x3ff, NLM_F_ACK, -EINVAL, "is unknown"},
	    {CTL_MSG_PORT_GET, NLM_F_ACK, -EINVAL, "bytes is shorter than its header"},
	    {CTL_MSG_MAX, NLM_F_ACK, -EINVAL, "is unknown"},
	    {NLMSG_NOOP, NLM_F_ACK, 0, ""}, /* no request: acknowledged and nothing else, as in the kernel */
	};
	struct rig *rig = *state;
	struct ctl_client_error err;

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nlmsghdr nlh = {.nlmsg_len = sizeof(nlh),
				       .nlmsg_type = table[i].type,
				       .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | table[i].flags)};

		assert_int_equal(ctl_client_ask(rig->client, &nlh, NULL, NULL, &err), table[i].rc);
		if (!strstr(err.text, table[i].says))
			fail_msg("row %u: \"%s\"", i, err.text);
	}
	struct ctl_xfrm shown;
	uint8_t buf[64] __attribute__((aligned(8)));
	const struct nlmsghdr get = {.nlmsg_type = CTL_MSG_PORT_GET, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
			      answer = {.nlmsg_type = XFRM_MSG_NEWSADINFO, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	assert_true(ctl_own_encode_get(buf, sizeof(buf), &get) > 0);
	assert_int_equal(ctl_client_ask(rig->client, (struct nlmsghdr *)buf, NULL, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "NLM_F_DUMP"));
	assert_true(ctl_xfrm_encode_sad_info(buf, sizeof(buf), &answer, 1, 2) > 0);
	assert_int_equal(ctl_client_ask(rig->client, (struct nlmsghdr *)buf, rig_keep, &shown, &err), -EINVAL);
	assert_non_null(strstr(err.text, "no request"));
}

static int
keep_own(void *arg, const struct nlmsghdr *nlh)
{
	struct sadb_error err;

	return ctl_own_decode(nlh, arg, &err);
}

static void
the_daemon_tells_what_it_is(void **state)
{
	struct rig *rig = *state;
	const struct nlmsghdr h = {.nlmsg_type = CTL_MSG_INFO_GET, .nlmsg_flags = NLM_F_REQUEST};
	const struct sadb_sa_config c = rig_sa(0x1001);
	uint8_t buf[64] __attribute__((aligned(8)));
	static struct ctl_own own;
	struct ctl_client_error err;

	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_true(ctl_own_encode_get(buf, sizeof(buf), &h) > 0);
	assert_int_equal(ctl_client_ask(rig->client, (struct nlmsghdr *)buf, keep_own, &own, &err), 0);
	assert_int_equal(own.type, CTL_MSG_INFO);
	assert_string_equal(own.info.version, CULVERT_VERSION);
	assert_string_equal(own.info.engine, "openssl");
	assert_int_equal(own.info.sa_count, 1);
	assert_int_equal(own.info.workers, 1);
	assert_false(own.info.huge);
}

/* A disk that takes no more: the SA may not send, and its owner must not believe that it can. */
static void
an_sa_that_cannot_be_made_durable_is_not_acknowledged(void **state)
{
	struct rig *rig = *state;
	const struct rlimit none = {0, RLIM_INFINITY};
	struct sadb_sa_config c = rig_sa(0x1001);
	struct rlimit before;
	struct sadb_sa *hot = NULL;
	struct ctl_client *listener = rig_client(rig);
	int told = 0;

	assert_int_equal(rig_subscribe(listener, 1u << XFRMNLGRP_SA), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	int rc = rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(rc < 0);
	assert_true(rig_error.text[0] != 0);
	rig_call(rig, look_up, &hot);
	assert_null(hot); /* taken back: its owner was told so */
	/* And who heard of it by an event hears that events cannot be trusted. */
	while (told == 0)
		told = ctl_client_events(listener, 5000, rig_keep, NULL);
	assert_int_equal(told, -ENOBUFS);
	ctl_client_close(listener);
	/* The disk is back: the same one again. */
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_sa_is_added_shown_updated_and_deleted, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(an_sa_that_turned_inbound_is_shown_so_and_moves_with_what_is_shown,
					    rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_refusal_names_the_attribute_and_changes_nothing, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(an_spi_is_given_out_and_then_filled, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(policies_are_added_shown_replaced_and_deleted, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(a_flush_empties_the_database_and_an_empty_one_is_no_error, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(requests_that_are_none_get_a_clear_answer, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(the_daemon_tells_what_it_is, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(an_sa_that_cannot_be_made_durable_is_not_acknowledged,
					    rig_create_with_store, rig_destroy),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
