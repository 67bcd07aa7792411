/* SPDX-License-Identifier: BSD-3-Clause
 * GETAE and NEWAE against a running server, and an SA that is moved with what was read of it. */
#include "tests/unit/control/server_verbs_rig.h"

#include <errno.h>
#include <netinet/in.h>

/* Windows on both sides of what fits in XFRMA_REPLAY_VAL, each told and read back. */
static void
progress_is_told_and_read_back_in_the_sas_own_form(void **state)
{
	static const struct {
		uint32_t window, flags;
		uint64_t top;
		uint32_t has;
	} table[] = {
	    {32, 0, 100, CTL_HAS_REPLAY},
	    {33, 0, 100, CTL_HAS_REPLAY_ESN},
	    {64, SADB_SA_ESN, 0x700000041, CTL_HAS_REPLAY_ESN},
	    {4096, SADB_SA_ESN, 5000, CTL_HAS_REPLAY_ESN},
	};
	struct rig *rig = *state;

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sadb_sa_config c = rig_sa(0x1001 + i);
		uint32_t words = (table[i].window + 31) / 32, bitmap[128] = {0};
		struct ctl_sa_state s = {.bytes = 900,
					 .packets = 9,
					 .add_time_s = 1000,
					 .use_time_s = 1001,
					 .in_seq = table[i].top,
					 .bitmap_words = words,
					 .bitmap = bitmap};
		uint32_t last = (uint32_t)((table[i].top - 1) % table[i].window); /* the ring's bit of the highest */

		c.dir = SADB_DIR_IN;
		c.window_packets = table[i].window;
		c.flags = table[i].flags;
		if (table[i].has == CTL_HAS_REPLAY)
			bitmap[0] = 0x5; /* the highest and the one two below */
		else
			bitmap[last / 32] |= 1u << last % 32;
		assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
		assert_int_equal(new_ae(rig, &c, &s), 0);
		struct ctl_xfrm m = get_ae(rig, &c);
		assert_int_equal(m.ae.past.has, CTL_HAS_LIFETIME | table[i].has);
		assert_true(m.ae.past.bytes == 900 && m.ae.past.packets == 9);
		assert_true(m.ae.past.add_time_s == 1000 && m.ae.past.use_time_s == 1001);
		assert_true(m.ae.past.in_seq == table[i].top && m.ae.past.out_seq == 0);
		assert_int_equal(m.ae.reqid, 7);
	}
}

static void
a_bitmap_comes_back_as_it_was_told(void **state)
{
	struct rig *rig = *state;
	struct ctl_client *listener = rig_client(rig);
	struct sadb_sa_config c = rig_sa(0x1001);
	uint32_t bitmap[4] = {0x80000001, 0, 0x00ff0000, 0x12345678}; /* the highest number's bit is the first */
	struct ctl_sa_state s = {.in_seq = 3 * 128 + 1, .bitmap_words = 4, .bitmap = bitmap};

	c.dir = SADB_DIR_IN;
	c.flags = SADB_SA_ESN;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_int_equal(rig_subscribe(listener, GROUP(AEVENTS)), 0);
	assert_int_equal(new_ae(rig, &c, &s), 0);
	struct ctl_xfrm m = next(listener, XFRM_MSG_NEWAE);
	assert_int_equal(m.ae.flags, XFRM_AE_CU);
	assert_int_equal(m.ae.past.bitmap_words, 4);
	assert_memory_equal(m.ae.past.bitmap, bitmap, sizeof(bitmap)); /* in the buffer of the event */
	ctl_client_close(listener);
}

static void
the_sequence_that_is_told_never_goes_back(void **state)
{
	struct rig *rig = *state;
	struct sadb_sa_config c = rig_sa(0x1001);

	c.dir = SADB_DIR_OUT;
	c.flags = SADB_SA_ESN;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	for (uint64_t seq = 1000; seq > 0; seq /= 10) {
		struct ctl_sa_state s = {.out_seq = seq};

		assert_int_equal(new_ae(rig, &c, &s), 0);
		assert_true(get_ae(rig, &c).ae.past.out_seq == 1000);
	}
}

static void
wrong_progress_gets_the_kernels_error(void **state)
{
	static const struct {
		uint32_t spi, window, flags;
		uint64_t in_seq, out_seq;
		int rc;
		const char *says;
	} table[] = {
	    {0x1001, 64, 0, 5, 0, 0, ""},
	    {0x1002, 64, 0, 5, 0, -ESRCH, "no SA with SPI 0x00001002"},
	    {0x1001, 32, 0, 5, 0, -EINVAL, "this SA has XFRMA_REPLAY_ESN_VAL"},
	    {0x1001, 96, 0, 5, 0, -EINVAL, "window of 96 packets and 3 words"},
	    {0x1001, 65, 0, 5, 0, -EINVAL, "this SA has 64 and 2"},
	    {0x1001, 64, 0, 1ull << 32, 0, -EINVAL, "past the last one"},
	    {0x1001, 64, 0, 5, 1, -EINVAL, "an inbound SA has sent nothing"},
	    {0x1003, 64, 0, 5, 0, -EINVAL, "no key yet"},
	};
	const struct nlmsghdr alloc = request(XFRM_MSG_ALLOCSPI, 0);
	struct rig *rig = *state;
	struct sadb_sa_config c = rig_sa(0x1001);
	struct ctl_xfrm m;

	c.dir = SADB_DIR_IN;
	c.window_packets = 64;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	assert_int_equal(ask(rig, ctl_xfrm_encode_alloc_spi(out, sizeof(out), &alloc, &c, 0x1003, 0x1003), &m), 0);
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sadb_sa_config told = rig_sa(table[i].spi);
		static const uint32_t bitmap[4];
		struct ctl_sa_state s = {
		    .in_seq = table[i].in_seq, .out_seq = table[i].out_seq, .bitmap_words = 4, .bitmap = bitmap};

		told.window_packets = table[i].window;
		told.flags = table[i].flags;
		if (table[i].in_seq >> 32) /* in a form that can say it */
			told.flags = SADB_SA_ESN;
		/* A larval SA was made without a window. */
		if (table[i].spi == 0x1003)
			told.window_packets = 0;
		int rc = new_ae(rig, &told, &s);
		if (rc != table[i].rc)
			fail_msg("case %u: %d %s", i, rc, rig_error.text);
		if (rc)
			assert_says(table[i].says);
	}
}

/* A daemon that moves an SA: what it read is given back with the new one. */
static void
counters_that_come_with_a_new_sa_are_its_own(void **state)
{
	struct rig *rig = *state;
	struct sadb_sa_config c = rig_sa(0x1001);
	const struct xfrm_lifetime_cur cur = {.bytes = 500, .packets = 5, .add_time = 77, .use_time = 78};
	const struct nlmsghdr add = request(XFRM_MSG_NEWSA, 0);
	struct ctl_xfrm m;
	size_t n = ctl_xfrm_encode_sa(out, sizeof(out), &add, &c, NULL);
	struct nlmsghdr *nlh = rig_add(rig_cut((struct nlmsghdr *)out, n), XFRMA_LTIME_VAL, &cur, sizeof(cur));

	assert_int_equal(ctl_client_ask(rig->client, nlh, NULL, NULL, &rig_error), 0);
	free(nlh);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, &m), 0);
	assert_true(m.sa.cur.bytes == 500 && m.sa.cur.packets == 5);
	assert_true(m.sa.cur.add_time_s == 77 && m.sa.cur.use_time_s == 78);
	/* An update of one that lives says nothing of its past. */
	nlh = rig_add(rig_cut((struct nlmsghdr *)out, n), XFRMA_LTIME_VAL, &(struct xfrm_lifetime_cur){.bytes = 1},
		      sizeof(cur));
	nlh->nlmsg_type = XFRM_MSG_UPDSA;
	assert_int_equal(ctl_client_ask(rig->client, nlh, NULL, NULL, &rig_error), 0);
	free(nlh);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, &m), 0);
	assert_true(m.sa.cur.bytes == 500);
}

/* As strongSwan does for MOBIKE and a new NAT mapping: GETSA, DELSA, NEWSA with what was read. */
static void
an_sa_that_was_read_is_deleted_and_added_elsewhere(void **state)
{
	struct rig *rig = *state;
	struct sadb_sa_config c = rig_sa(0x1001);
	struct ctl_sa_state s = {.out_seq = 4321};
	struct ctl_xfrm m;

	c.dir = SADB_DIR_OUT;
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	c.window_packets = 128;
	assert_int_equal(new_ae(rig, &c, &s), 0);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &c, &m), 0);
	assert_memory_not_equal(m.sa.config.key, c.key, 8);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &c, NULL), 0);
	struct sadb_sa_config moved = m.sa.config;
	moved.dst = rig_addr("203.0.113.2");
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &moved), 0);
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_GETSA, &moved, &m), 0);
	assert_true(m.sa.config.out_seq >= 4321);
	/* It has the key that was never shown: its like is refused. */
	c.spi_be = htonl(0x1002);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), -EEXIST);
	assert_says("has this key and salt already");
	/* A dump, and an event, show nothing at all. */
	assert_int_equal(rig_ask_plain(rig->client, XFRM_MSG_GETSA, NLM_F_DUMP, &m), 0);
	for (unsigned i = 0; i < m.sa.config.key_bytes; i++)
		assert_int_equal(m.sa.config.key[i], 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_create, rig_destroy)
	const struct CMUnitTest tests[] = {
	    TEST(progress_is_told_and_read_back_in_the_sas_own_form),
	    TEST(a_bitmap_comes_back_as_it_was_told),
	    TEST(the_sequence_that_is_told_never_goes_back),
	    TEST(wrong_progress_gets_the_kernels_error),
	    TEST(counters_that_come_with_a_new_sa_are_its_own),
	    TEST(an_sa_that_was_read_is_deleted_and_added_elsewhere),
	};

	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
