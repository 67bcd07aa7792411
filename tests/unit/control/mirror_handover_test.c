/* SPDX-License-Identifier: BSD-3-Clause
 * One owner per sequence space: who may seal under an SA of the played kernel's, and from which number on. */
#include "tests/unit/control/mirror_rig.h"
#include "tests/unit/eal.h"

#include "control/mirror_impl.h"

static const uint64_t all_ones = UINT64_MAX;

static uint64_t
last_number(const struct sadb_sa_cold *sa)
{
	assert_non_null(sa);
	return __atomic_load_n(&sa->hot->mut->out_seq, __ATOMIC_RELAXED);
}

static void
the_kernels_outbound_copy_is_spent_before_the_first_packet(void **state)
{
	struct played *played = *state;

	played_install(played, &played_out);
	assert_true(played->sa[0].oseq == all_ones);
	/* Its own count of packets is left as it was: that says what it has sent. */
	const struct nlmsghdr *ask = played_asked(played, XFRM_MSG_NEWAE, 0);
	assert_int_equal(ask->nlmsg_flags, NLM_F_REQUEST | NLM_F_REPLACE | NLM_F_ACK);
	assert_int_equal(ask->nlmsg_len, NLMSG_HDRLEN + sizeof(struct xfrm_aevent_id) + 4 + 24 + 4 * 4);
	played_install(played, &played_in);
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
	played_install(played, &wide);
	played_install(played, &narrow);
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
	    {0, 0, 0, 0},         {0, 0, 3, 300}, /* between the event and the stop: no more numbers than bytes */
	    {1000, 800, 0, 1000}, /* before Culvert came; MOBIKE had set the number, so it is not the count */
	    {1000, 800, 5, 1500}, {0x100000000, 5, 1, 0x100000064},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct played *played = *state;
		struct played_sa sa = played_out;

		sa.spi += i;
		sa.key = (uint8_t)(0x30 + i);
		sa.oseq = cases[i].oseq;
		sa.packets = cases[i].packets;
		sa.sends = cases[i].sends;
		played_install(played, &sa);
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
	played_install(played, &sa);
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

/* MOBIKE: GETSA and GETAE, DELSA, then NEWSA with the same key and the numbers that were read. */
static void
an_sa_that_comes_back_with_all_ones_goes_on_where_it_was(void **state)
{
	struct played *played = *state;

	played_install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	struct played_sa read = played->sa[0];
	assert_true(read.oseq == all_ones);
	played->sa[0].spi = 0;
	played_event(played, XFRM_MSG_DELSA, &read, PLAYED_PID);
	read.dst = "192.0.2.77";
	played_install(played, &read);
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

	played_install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	played->sa[0].spi = 0;
	played_event(played, XFRM_MSG_DELSA, &played_out, PLAYED_PID);
	played_install(played, &played_out);
	const struct sadb_sa_cold *sa = played_find(played, "192.0.2.2", 0x1001);
	assert_true(rig_take(sa->hot, 1) > 10);
	assert_true(played->sa[0].oseq == all_ones);
}

static void
numbers_that_the_kernel_used_again_end_the_sa(void **state)
{
	struct played *played = *state;
	struct played_sa back = played_out;

	played_install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	played->sa[0].spi = 0;
	played_event(played, XFRM_MSG_DELSA, &played_out, PLAYED_PID);
	back.sends = 2; /* as numbers 1 and 2, which Culvert has used */
	played_install(played, &back);
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

	played_install(played, &played_out);
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

/* An update of what Culvert has to make anew: its event has no count, the kernel's copy has. */
static void
an_update_that_cannot_be_one_is_no_proof_that_the_kernel_sent(void **state)
{
	struct played *played = *state;
	struct played_sa update = played_out;

	played_install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	played->sa[0].packets = 10; /* as the last report said */
	played->sa[0].src = update.src = "192.0.2.111";
	played_event(played, XFRM_MSG_UPDSA, &update, PLAYED_PID);
	const struct sadb_sa_cold *sa = played_find(played, "192.0.2.2", 0x1001);
	assert_non_null(sa);
	assert_true(rig_take(sa->hot, 1) > 10);
	assert_int_equal(played_count_asked(played, XFRM_MSG_EXPIRE), 0);
}

/* xfrm_output_one() counts what GSO will cut up as one packet, whatever numbers its segments get. */
static void
a_packet_of_many_segments_took_as_many_numbers(void **state)
{
	struct played *played = *state;
	struct played_sa sa = played_out;

	sa.oseq = 50;
	sa.packets = 50;
	sa.sends = 2;
	sa.segments = 40;
	played_install(played, &sa);
	assert_true(last_number(played_find(played, "192.0.2.2", 0x1001)) >= 50 + 2 * 40);
}

/* The kernel's copy is stopped, and what it sent by then cannot be read: its numbers are unknown for ever. */
static void
a_kernel_that_stopped_at_an_unknown_number_ends_the_sa(void **state)
{
	struct played *played = *state;
	struct played_sa sa = played_out;

	sa.oseq = 100;
	sa.packets = 100;
	sa.unreadable = 1;
	played_install(played, &sa);
	assert_true(played->sa[0].spi == 0 || played->sa[0].oseq == all_ones);
	assert_null(played_find(played, "192.0.2.2", 0x1001));
	played_asked(played, XFRM_MSG_EXPIRE, 0);

	/* Its end was lost on the way, and it is found again. */
	played->sa[0] = sa;
	played->sa[0].oseq = all_ones;
	played->sa[0].unreadable = 0;
	played_sync(played);
	const struct sadb_sa_cold *again = played_find(played, "192.0.2.2", 0x1001);
	uint64_t first = 0;
	assert_true(again == NULL || sadb_sa_seq_take(again->hot->mut, 1, &first) == 0);
}

/* A key of Culvert's store, added again by hand while no daemon ran, and used. */
static void
numbers_that_the_kernel_used_while_culvert_was_away_end_the_sa(void **state)
{
	struct played *played = *state;

	played_install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	played_restart(played);
	played->sa[0] = played_out;
	played->sa[0].oseq = 4;
	played->sa[0].packets = 4;
	played_sync(played);
	assert_null(played_find(played, "192.0.2.2", 0x1001));
	played_asked(played, XFRM_MSG_EXPIRE, 0);
}

/* Linux 6.6 to 6.18, read from its source: with this module all ones of an ESN SA are not the end. */
static void
an_esn_sa_of_a_kernel_that_does_not_stop_at_all_ones_is_left_to_it(void **state)
{
	struct played *played = *state;
	struct played_sa plain = played_out, spent = played_out;

	played->mirror->offload_path = "/";
	played_install(played, &played_out);
	assert_null(played_find(played, "192.0.2.2", 0x1001));
	assert_int_equal(played->sa[0].oseq, 0);
	assert_non_null(strstr(played_reason(played, "SA to 192.0.2.2 spi 0x00001001"), "modprobe -r esp4_offload"));

	plain.spi = 0x1002;
	plain.key = 0x12;
	plain.esn = false;
	played_install(played, &plain);
	assert_non_null(played_find(played, "192.0.2.2", 0x1002));

	/* Here since before the module came, moved by IKE after it. */
	played->mirror->offload_path = NULL;
	spent.spi = 0x1003;
	spent.key = 0x13;
	played_install(played, &spent);
	assert_non_null(played_find(played, "192.0.2.2", 0x1003));
	played->mirror->offload_path = "/";
	spent.oseq = all_ones;
	played_event(played, XFRM_MSG_DELSA, &spent, PLAYED_PID);
	played_event(played, XFRM_MSG_NEWSA, &spent, PLAYED_PID);
	assert_null(played_find(played, "192.0.2.2", 0x1003));
	assert_int_equal(played_count_asked(played, XFRM_MSG_EXPIRE), 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, played_start, played_stop)
	const struct CMUnitTest tests[] = {
	    TEST(the_kernels_outbound_copy_is_spent_before_the_first_packet),
	    TEST(without_esn_all_ones_are_32),
	    TEST(culvert_starts_above_what_the_kernel_sent_until_the_last_moment),
	    TEST(a_kernel_that_does_not_stop_leaves_the_sa_unused),
	    TEST(an_sa_that_goes_while_it_is_taken_over_is_forgotten),
	    TEST(an_sa_that_comes_back_with_all_ones_goes_on_where_it_was),
	    TEST(an_sa_that_comes_back_with_old_numbers_goes_on_where_it_was),
	    TEST(numbers_that_the_kernel_used_again_end_the_sa),
	    TEST(all_ones_of_a_key_that_nobody_knows_end_the_sa),
	    TEST(a_restart_finds_the_kernels_copy_spent_and_goes_on),
	    TEST(an_update_that_cannot_be_one_is_no_proof_that_the_kernel_sent),
	    TEST(a_packet_of_many_segments_took_as_many_numbers),
	    TEST(a_kernel_that_stopped_at_an_unknown_number_ends_the_sa),
	    TEST(numbers_that_the_kernel_used_while_culvert_was_away_end_the_sa),
	    TEST(an_esn_sa_of_a_kernel_that_does_not_stop_at_all_ones_is_left_to_it),
	    TEST(what_others_say_of_its_numbers_does_not_let_the_kernel_loose),
	};
	unit_eal_start();
	return cmocka_run_group_tests_name("control/mirror_handover", tests, NULL, NULL);
}
