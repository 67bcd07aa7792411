/* SPDX-License-Identifier: BSD-3-Clause
 * SAs of a kernel that is played: every message that changes them, and who owns their sequence numbers. */
#include "tests/unit/control/mirror_rig.h"
#include "tests/unit/eal.h"

static const uint64_t all_ones = UINT64_MAX;

static uint64_t
last_number(const struct sadb_sa_cold *sa)
{
	assert_non_null(sa);
	return __atomic_load_n(&sa->hot->mut->out_seq, __ATOMIC_RELAXED);
}

static void
install(struct played *played, const struct played_sa *sa)
{
	for (unsigned i = 0; i < PLAYED_MAX; i++) {
		if (played->sa[i].spi == 0) {
			played->sa[i] = *sa;
			played_event(played, XFRM_MSG_NEWSA, sa, PLAYED_PID);
			return;
		}
	}
	fail_msg("no room");
}

static void
a_dump_and_events_bring_sas_of_both_directions(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played_sync(played);
	install(played, &played_out);
	const struct sadb_sa_cold *in = played_find(played, "192.0.2.1", 0x2001);
	const struct sadb_sa_cold *out = played_find(played, "192.0.2.2", 0x1001);
	assert_non_null(in);
	assert_non_null(out);
	assert_int_equal(in->config.dir, SADB_DIR_IN);
	assert_int_not_equal(out->config.dir, SADB_DIR_IN);
	assert_int_equal(in->config.vnet_id, 1);
	assert_int_equal(in->config.window_packets, 128); /* usersa.replay_window is 0: the attribute says it */
	assert_true(in->config.flags & SADB_SA_ESN);
	assert_int_equal(played_count(played, "sas"), 2);
	assert_int_equal(played_count(played, "sas_missing"), 0);
}

static void
the_kernels_outbound_copy_is_spent_before_the_first_packet(void **state)
{
	struct played *played = *state;

	install(played, &played_out);
	assert_true(played->sa[0].oseq == all_ones);
	/* Its own count of packets is left as it was: that says what it has sent. */
	const struct nlmsghdr *ask = played_asked(played, XFRM_MSG_NEWAE, 0);
	assert_int_equal(ask->nlmsg_flags, NLM_F_REQUEST | NLM_F_REPLACE | NLM_F_ACK);
	assert_int_equal(ask->nlmsg_len, NLMSG_HDRLEN + sizeof(struct xfrm_aevent_id) + 4 + 24 + 4 * 4);
	install(played, &played_in);
	assert_true(played->sa[1].oseq == 0); /* an inbound one is left alone */
	assert_int_equal(played_count_asked(played, XFRM_MSG_NEWAE), 1);
}

static void
without_esn_all_ones_are_32(void **state)
{
	struct played *played = *state;
	struct played_sa wide = played_out, narrow = played_out;

	wide.esn = narrow.esn = false;
	narrow.window = 32;
	narrow.spi = 0x1002;
	narrow.key = 0x12;
	install(played, &wide);
	install(played, &narrow);
	assert_true(played->sa[0].oseq == UINT32_MAX);
	assert_true(played->sa[1].oseq == UINT32_MAX);
	assert_int_equal(played_find(played, "192.0.2.2", 0x1002)->config.flags & SADB_SA_ESN, 0);
}

static void
culvert_starts_above_what_the_kernel_sent_until_the_last_moment(void **state)
{
	static const struct {
		uint64_t oseq, packets;
		unsigned sends;
		uint64_t last;
	} cases[] = {
	    {0, 0, 0, 0},         {0, 0, 3, 3}, /* between the event and the stop */
	    {1000, 800, 0, 1000}, /* before Culvert came; MOBIKE had set the number, so it is not the count */
	    {1000, 800, 5, 1005}, {0x100000000, 5, 1, 0x100000001},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct played *played = *state;
		struct played_sa sa = played_out;

		sa.spi += i;
		sa.key = (uint8_t)(0x30 + i);
		sa.oseq = cases[i].oseq;
		sa.packets = cases[i].packets;
		sa.sends = cases[i].sends;
		install(played, &sa);
		assert_true(last_number(played_find(played, "192.0.2.2", sa.spi)) == cases[i].last);
		assert_true(played->sa[i].oseq == all_ones);
	}
}

static void
a_kernel_that_does_not_stop_leaves_the_sa_unused(void **state)
{
	struct played *played = *state;
	struct played_sa sa = played_out;

	sa.stubborn = true;
	install(played, &sa);
	assert_null(played_find(played, "192.0.2.2", 0x1001));
	assert_non_null(
	    strstr(played_reason(played, "SA to 192.0.2.2 spi 0x00001001"), "does not give up its sequence"));
}

static void
an_sa_that_goes_while_it_is_taken_over_is_forgotten(void **state)
{
	struct played *played = *state;

	played_event(played, XFRM_MSG_NEWSA, &played_out, PLAYED_PID); /* the kernel has it no more */
	assert_null(played_find(played, "192.0.2.2", 0x1001));
	assert_int_equal(played_count(played, "sas_missing"), 0);
}

static void
every_end_of_an_sa_ends_it_here(void **state)
{
	struct played *played = *state;
	const uint8_t esp[8] = {IPPROTO_ESP}, ah[8] = {IPPROTO_AH};

	install(played, &played_in);
	played_event(played, XFRM_MSG_DELSA, &played_in, PLAYED_PID);
	assert_null(played_find(played, "192.0.2.1", 0x2001));

	played->sa[0].spi = 0;
	install(played, &played_in);
	played_event(played, XFRM_MSG_EXPIRE, &played_in, 0); /* hard: no DELSA follows */
	assert_null(played_find(played, "192.0.2.1", 0x2001));

	played->sa[0].spi = 0;
	install(played, &played_in);
	played_send(played, XFRM_MSG_FLUSHSA, ah, 1);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
	played_send(played, XFRM_MSG_FLUSHSA, esp, 1);
	assert_null(played_find(played, "192.0.2.1", 0x2001));
	assert_int_equal(played_count(played, "sas") + played_count(played, "sas_missing"), 0);
}

static void
a_soft_expire_changes_nothing(void **state)
{
	struct played *played = *state;
	struct xfrm_user_expire expire = {.state.family = AF_INET};

	install(played, &played_in);
	memcpy(&expire.state.id.daddr, (const uint8_t[]){192, 0, 2, 1}, 4);
	expire.state.id.spi = htonl(0x2001);
	expire.state.id.proto = IPPROTO_ESP;
	played_send(played, XFRM_MSG_EXPIRE, &expire, sizeof(expire));
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
}

static void
an_update_changes_lifetimes_and_keeps_the_numbers(void **state)
{
	struct played *played = *state;

	install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	/* The event of an update has the numbers of its sender, here none, and not those of the kernel's copy. */
	struct played_sa update = played_out;
	update.hard_packets = 1000;
	update.reqid = 8;
	played->sa[0].hard_packets = 1000;
	played->sa[0].reqid = 8;
	played_event(played, XFRM_MSG_UPDSA, &update, PLAYED_PID);
	const struct sadb_sa_cold *sa = played_find(played, "192.0.2.2", 0x1001);
	assert_true(last_number(sa) == 10);
	assert_int_equal(sa->config.reqid, 8);
	assert_true(sa->config.life.hard_packets == 1000);
	assert_true(played->sa[0].oseq == all_ones);
	assert_int_equal(played_count_asked(played, XFRM_MSG_NEWAE), 1);
}

static void
what_did_not_change_is_not_touched(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played->sa[1] = played_out;
	played_sync(played);
	const struct sadb_sa_cold *in = played_find(played, "192.0.2.1", 0x2001);
	const struct sadb_sa_cold *out = played_find(played, "192.0.2.2", 0x1001);
	unsigned aes = played_count_asked(played, XFRM_MSG_NEWAE);

	played_event(played, XFRM_MSG_NEWSA, &played_in, PLAYED_PID);
	played_event(played, XFRM_MSG_UPDSA, &played_in, PLAYED_PID);
	played_event(played, XFRM_MSG_UPDSA, &played_out, PLAYED_PID);
	played->sa[0].seq = 77; /* moves with every report */
	played_sync(played);
	assert_ptr_equal(played_find(played, "192.0.2.1", 0x2001), in);
	assert_ptr_equal(played_find(played, "192.0.2.2", 0x1001), out);
	assert_int_equal(played_count_asked(played, XFRM_MSG_NEWAE), aes);
}

static void
the_same_spi_with_another_key_is_another_sa(void **state)
{
	struct played *played = *state;

	install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	played->sa[0] = played_out; /* DELSA and NEWSA were lost */
	played->sa[0].key = 0x99;
	played_sync(played);
	assert_true(last_number(played_find(played, "192.0.2.2", 0x1001)) == 0);
	assert_true(played->sa[0].oseq == all_ones);
}

/* MOBIKE: GETSA and GETAE, DELSA, then NEWSA with the same key and the numbers that were read. */
static void
an_sa_that_comes_back_with_all_ones_goes_on_where_it_was(void **state)
{
	struct played *played = *state;

	install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	struct played_sa read = played->sa[0];
	assert_true(read.oseq == all_ones);
	played->sa[0].spi = 0;
	played_event(played, XFRM_MSG_DELSA, &read, PLAYED_PID);
	read.dst = "192.0.2.77";
	install(played, &read);
	const struct sadb_sa_cold *sa = played_find(played, "192.0.2.77", 0x1001);
	assert_true(last_number(sa) >= 10 && last_number(sa) < UINT32_MAX);
	assert_true(rig_take(sa->hot, 1) > 10);
	assert_true(played->sa[0].oseq == all_ones);
	assert_int_equal(played_count_asked(played, XFRM_MSG_NEWAE), 1); /* it was spent when it came */
}

/* The same with numbers that were read before Culvert's came there. */
static void
an_sa_that_comes_back_with_old_numbers_goes_on_where_it_was(void **state)
{
	struct played *played = *state;

	install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	played->sa[0].spi = 0;
	played_event(played, XFRM_MSG_DELSA, &played_out, PLAYED_PID);
	install(played, &played_out);
	const struct sadb_sa_cold *sa = played_find(played, "192.0.2.2", 0x1001);
	assert_true(rig_take(sa->hot, 1) > 10);
	assert_true(played->sa[0].oseq == all_ones);
}

static void
numbers_that_the_kernel_used_again_end_the_sa(void **state)
{
	struct played *played = *state;
	struct played_sa back = played_out;

	install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	played->sa[0].spi = 0;
	played_event(played, XFRM_MSG_DELSA, &played_out, PLAYED_PID);
	back.sends = 2; /* as numbers 1 and 2, which Culvert has used */
	install(played, &back);
	assert_null(played_find(played, "192.0.2.2", 0x1001));
	played_asked(played, XFRM_MSG_EXPIRE, 0);
	assert_int_equal(played->sa[0].spi, 0); /* so IKE makes a new one */
}

static void
all_ones_of_a_key_that_nobody_knows_end_the_sa(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_out;
	played->sa[0].oseq = all_ones;
	played_sync(played);
	assert_null(played_find(played, "192.0.2.2", 0x1001));
	played_asked(played, XFRM_MSG_EXPIRE, 0);
	assert_int_equal(played->sa[0].spi, 0);
}

static void
a_restart_finds_the_kernels_copy_spent_and_goes_on(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_out;
	played->sa[0].packets = 4;
	played->sa[0].oseq = 4;
	played_sync(played);
	assert_true(rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10) == 5);
	played_restart(played);
	played_sync(played);
	assert_true(rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 1) == 15);
	assert_true(played->sa[0].oseq == all_ones);
}

static void
what_others_say_of_its_numbers_does_not_let_the_kernel_loose(void **state)
{
	struct played *played = *state;
	struct played_sa said = played_out;

	install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	said.oseq = played->sa[0].oseq = 500; /* a NEWAE of somebody else's */
	played_event(played, XFRM_MSG_NEWAE, &said, PLAYED_PID);
	assert_true(played->sa[0].oseq == all_ones);
	assert_true(last_number(played_find(played, "192.0.2.2", 0x1001)) == 500);

	/* It sent before Culvert could stop it, under numbers that were Culvert's. */
	said.oseq = played->sa[0].oseq = 2;
	played->sa[0].packets = said.packets = 2;
	played_event(played, XFRM_MSG_NEWAE, &said, PLAYED_PID);
	assert_null(played_find(played, "192.0.2.2", 0x1001));
	played_asked(played, XFRM_MSG_EXPIRE, 0);
}

static void
limits_count_what_the_kernel_passed_before(void **state)
{
	struct played *played = *state;
	struct played_sa sa = played_in;

	sa.packets = 40;
	sa.hard_packets = 100;
	sa.soft_packets = 30;
	sa.hard_bytes = 5000;
	sa.bytes = 1000;
	sa.soft_add = 10;
	sa.hard_add = 20; /* long past: the kernel's timer ends it, nobody else */
	install(played, &sa);
	const struct sadb_sa_cold *cold = played_find(played, "192.0.2.1", 0x2001);
	assert_true(cold->config.life.hard_packets == 60);
	assert_true(cold->config.life.soft_packets == 1);
	assert_true(cold->config.life.hard_bytes == 4000);
	assert_true(cold->config.life.soft_bytes == SADB_INF);
	sadb_tick(played->db, 1800000000, NULL, NULL);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
}

static void
what_cannot_be_mirrored_is_named_with_its_reason(void **state)
{
	static const struct {
		struct played_sa sa;
		const char *reason;
	} cases[] = {
	    {{.key = 0, .if_id = 1}, "key (all zero)"},
	    {{.key = 1, .if_id = 9}, "no vnet with id 9"},
	    {{.key = 1, .if_id = 1, .mark = 5}, "XFRMA_MARK"},
	    {{.key = 1, .if_id = 1, .transport = true}, "transport mode"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct played *played = *state;
		struct played_sa sa = cases[i].sa;

		sa.spi = 0x3000 + i;
		sa.src = "192.0.2.2";
		sa.dst = "192.0.2.1";
		sa.esn = true;
		sa.window = 64;
		install(played, &sa);
		char what[64];
		snprintf(what, sizeof(what), "SA to 192.0.2.1 spi 0x%08x", sa.spi);
		if (!strstr(played_reason(played, what), cases[i].reason))
			fail_msg("%s: %s", what, played_reason(played, what));
		assert_int_equal(played_count(played, "sas_missing"), i + 1);
		assert_null(played_find(played, "192.0.2.1", sa.spi));
	}
}

static void
a_larval_sa_is_none(void **state)
{
	struct played *played = *state;
	struct played_sa sa = played_in;

	sa.larval = true;
	played->sa[0] = sa;
	played_sync(played);
	assert_int_equal(played_count(played, "sas") + played_count(played, "sas_missing"), 0);
	played->sa[0] = played_in;
	played_event(played, XFRM_MSG_UPDSA, &played_in, PLAYED_PID); /* how strongSwan completes it */
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
}

static void
an_sa_that_waits_for_a_vnet_comes_with_it(void **state)
{
	struct played *played = *state;
	struct played_sa sa = played_in;

	sa.if_id = 9;
	install(played, &sa);
	assert_null(played_find(played, "192.0.2.1", 0x2001));
	assert_int_equal(sadb_vnet_add(played->db, 9, "nine", &rig_err), 0);
	ctl_mirror_again(played->mirror);
	ctl_mirror_tick(played->mirror);
	rig_commit(played->db);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
	assert_string_equal(played_reason(played, "SA to 192.0.2.1"), "");
}

static void
two_sas_that_differ_by_mark_alone_are_two(void **state)
{
	struct played *played = *state;
	struct played_sa marked = played_in;

	marked.mark = 5;
	install(played, &played_in);
	install(played, &marked);
	assert_int_equal(played_count(played, "sas_missing"), 1);
	played_event(played, XFRM_MSG_DELSA, &marked, PLAYED_PID);
	assert_int_equal(played_count(played, "sas_missing"), 0);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
}

static void
a_mapping_has_the_sa_read_again(void **state)
{
	struct played *played = *state;
	struct xfrm_user_mapping mapping = {.id = {.spi = htonl(0x2001), .family = AF_INET, .proto = IPPROTO_ESP}};

	install(played, &played_in);
	memcpy(&mapping.id.daddr, (const uint8_t[]){192, 0, 2, 1}, 4);
	played->sa[0].reqid = 99;
	played_send(played, XFRM_MSG_MAPPING, &mapping, sizeof(mapping));
	assert_int_equal(played_find(played, "192.0.2.1", 0x2001)->config.reqid, 99);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, played_start, played_stop)
	const struct CMUnitTest tests[] = {
	    TEST(a_dump_and_events_bring_sas_of_both_directions),
	    TEST(the_kernels_outbound_copy_is_spent_before_the_first_packet),
	    TEST(without_esn_all_ones_are_32),
	    TEST(culvert_starts_above_what_the_kernel_sent_until_the_last_moment),
	    TEST(a_kernel_that_does_not_stop_leaves_the_sa_unused),
	    TEST(an_sa_that_goes_while_it_is_taken_over_is_forgotten),
	    TEST(every_end_of_an_sa_ends_it_here),
	    TEST(a_soft_expire_changes_nothing),
	    TEST(an_update_changes_lifetimes_and_keeps_the_numbers),
	    TEST(what_did_not_change_is_not_touched),
	    TEST(the_same_spi_with_another_key_is_another_sa),
	    TEST(an_sa_that_comes_back_with_all_ones_goes_on_where_it_was),
	    TEST(an_sa_that_comes_back_with_old_numbers_goes_on_where_it_was),
	    TEST(numbers_that_the_kernel_used_again_end_the_sa),
	    TEST(all_ones_of_a_key_that_nobody_knows_end_the_sa),
	    TEST(a_restart_finds_the_kernels_copy_spent_and_goes_on),
	    TEST(what_others_say_of_its_numbers_does_not_let_the_kernel_loose),
	    TEST(limits_count_what_the_kernel_passed_before),
	    TEST(what_cannot_be_mirrored_is_named_with_its_reason),
	    TEST(a_larval_sa_is_none),
	    TEST(an_sa_that_waits_for_a_vnet_comes_with_it),
	    TEST(two_sas_that_differ_by_mark_alone_are_two),
	    TEST(a_mapping_has_the_sa_read_again),
	};
	unit_eal_start();
	return cmocka_run_group_tests_name("control/mirror_sa", tests, NULL, NULL);
}
