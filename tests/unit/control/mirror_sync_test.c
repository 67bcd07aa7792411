/* SPDX-License-Identifier: BSD-3-Clause
 * Dumps, what happens amid them, and what is lost: the mirror comes to what the kernel has. */
#include "tests/unit/control/mirror_rig.h"
#include "tests/unit/eal.h"

#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/mirror_impl.h"

static void
tick(struct played *played)
{
	played->mirror->retry_ns = 0; /* some time has passed */
	ctl_mirror_tick(played->mirror);
	ctl_mirror_take_changed(played->mirror);
	rig_commit(played->db);
}

static void
write_event_only(struct played *played, uint16_t type, const struct played_sa *sa)
{
	struct xfrm_usersa_id id = {.spi = htonl(sa->spi), .family = AF_INET, .proto = IPPROTO_ESP};
	struct {
		struct nlmsghdr header;
		struct xfrm_usersa_id id;
	} message = {.header = {.nlmsg_len = sizeof(message), .nlmsg_type = type}};

	memcpy(&id.daddr, (const uint8_t[]){192, 0, 2, 1}, 4);
	message.id = id;
	assert_int_equal(send(played->events, &message, sizeof(message), 0), sizeof(message));
}

/* The snapshot of the dump still had it. */
static void
delete_amid(struct played *played)
{
	played->sa[0].spi = 0;
	write_event_only(played, XFRM_MSG_DELSA, &played_in);
}

static void
what_goes_amid_a_dump_is_gone_after_it(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played->amid = delete_amid;
	played_sync(played);
	assert_null(played_find(played, "192.0.2.1", 0x2001));
	assert_int_equal(played_count(played, "events"), 1);
}

static void
what_was_said_before_a_dump_is_not_said_again_after_it(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in; /* it was deleted and has come back since */
	write_event_only(played, XFRM_MSG_DELSA, &played_in);
	played_sync(played);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
}

static void
a_dump_that_changes_cut_through_is_made_again(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played->interruptions = 3;
	played_sync(played);
	assert_int_equal(played->dumps, 5); /* SAs four times, policies once */
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
}

static void
a_dump_that_is_always_cut_through_leaves_what_is_there(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played_sync(played);
	played->sa[0].spi = 0;
	played->interruptions = 1000;
	assert_int_equal(ctl_mirror_sync(played->mirror, &rig_err), -EINTR);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
	assert_int_equal(played->dumps, 2 + 8);
}

static void
a_comparison_adds_changes_and_removes(void **state)
{
	struct played *played = *state;
	struct played_sa third = played_in;

	third.spi = 0x2003;
	third.key = 0x33;
	played->sa[0] = played_in;
	played->sa[1] = played_out;
	played->policy[0] = played_out_policy;
	played_sync(played);
	const struct sadb_sa_cold *out = played_find(played, "192.0.2.2", 0x1001);
	rig_take(out->hot, 5);
	played->sa[0] = third;
	played->policy[0].action = XFRM_POLICY_BLOCK;
	played->policy[1] = played_out_policy;
	played->policy[1].index = 17;
	played->policy[1].dst = "10.5.0.0";
	ctl_mirror_again(played->mirror);
	tick(played);
	assert_null(played_find(played, "192.0.2.1", 0x2001));
	assert_non_null(played_find(played, "192.0.2.1", 0x2003));
	assert_ptr_equal(played_find(played, "192.0.2.2", 0x1001), out);
	assert_true(out->hot->mut->out_seq == 5);
	assert_true(played_policy_is(played, 9, SADB_DROP));
	assert_true(played_policy_is(played, 17, SADB_PROTECT));
	assert_int_equal(played_count(played, "syncs"), 2);
}

/* Its old place holds the key still when the new one comes. */
static void
an_sa_that_moved_while_nobody_looked_is_at_its_new_place(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_out;
	played_sync(played);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 5);
	played->sa[0].dst = "192.0.2.99";
	played_sync(played);
	assert_null(played_find(played, "192.0.2.2", 0x1001));
	const struct sadb_sa_cold *sa = played_find(played, "192.0.2.99", 0x1001);
	assert_non_null(sa);
	assert_true(rig_take(sa->hot, 1) > 5);
}

static void
a_migrate_or_nonsense_leads_to_a_comparison(void **state)
{
	struct played *played = *state;
	const struct xfrm_userpolicy_id id = {.dir = 1};

	played_sync(played);
	played->sa[0] = played_in;
	played_send(played, XFRM_MSG_MIGRATE, &id, sizeof(id));
	tick(played);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
	played->sa[0].spi = 0;
	played_send(played, XFRM_MSG_NEWSA, &id, 8); /* cut short */
	assert_int_equal(played_count(played, "behind"), 1);
	tick(played);
	assert_null(played_find(played, "192.0.2.1", 0x2001));
	assert_int_equal(played_count(played, "behind"), 0);
}

static void
a_datagram_longer_than_any_is_a_loss(void **state)
{
	static uint8_t huge[CTL_MIRROR_BYTES + 8];
	struct played *played = *state;
	int bytes = 1 << 20;

	played_sync(played);
	setsockopt(played->events, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	assert_int_equal(send(played->events, huge, sizeof(huge), 0), sizeof(huge));
	played->sa[0] = played_in;
	played_read(played);
	assert_int_equal(played_count(played, "losses"), 1);
	tick(played);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
}

static void
what_the_mirror_did_itself_comes_back_as_an_echo(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played_sync(played);
	played_event(played, XFRM_MSG_EXPIRE, &played_in, (uint32_t)getpid()); /* its own, which it has dealt with */
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
	assert_int_equal(played_count(played, "echoes"), 1);
	/* Only what it sends can be an echo. */
	played_event(played, XFRM_MSG_DELSA, &played_in, (uint32_t)getpid());
	assert_null(played_find(played, "192.0.2.1", 0x2001));
}

static void
defaults_are_noted_and_not_taken_over(void **state)
{
	const struct xfrm_userpolicy_default block = {
	    .in = XFRM_USERPOLICY_BLOCK, .fwd = XFRM_USERPOLICY_BLOCK, .out = XFRM_USERPOLICY_BLOCK};
	struct played *played = *state;

	played_sync(played);
	assert_int_equal(played_count(played, "kernel_default_fwd"), XFRM_USERPOLICY_ACCEPT);
	played_send(played, XFRM_MSG_GETDEFAULT, &block, sizeof(block));
	assert_int_equal(played_count(played, "kernel_default_fwd"), XFRM_USERPOLICY_BLOCK);
}

static void
an_audit_finds_what_no_event_told(void **state)
{
	struct played *played = *state;

	played->mirror->config.audit_s = 1;
	played_sync(played);
	played->sa[0] = played_in;
	tick(played);
	assert_null(played_find(played, "192.0.2.1", 0x2001));   /* not yet */
	played->mirror->audit_ns = played->mirror->retry_ns = 0; /* its time has come */
	tick(played);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
}

static void
a_kernel_that_went_away_costs_a_line_and_nothing_else(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played_sync(played);
	shutdown(played->requests, SHUT_RDWR);
	ctl_mirror_again(played->mirror);
	tick(played);
	assert_int_equal(played_count(played, "behind"), 1);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));
}

/* What the kernel protects now is not known: nothing passes in the clear until it is. */
static void
while_the_mirror_is_behind_and_cannot_compare_nothing_passes_in_the_clear(void **state)
{
	struct played *played = *state;

	played->policy[0] = played_out_policy;
	played->policy[0].tmpl_dst = NULL;
	played_sync(played);
	assert_true(played_policy_is(played, 9, SADB_BYPASS));
	played->interruptions = 8;
	ctl_mirror_again(played->mirror); /* as after a loss */
	tick(played);
	assert_false(played_policy_is(played, 9, SADB_BYPASS));
	assert_int_equal(played_count(played, "closed"), 1);
	tick(played);
	assert_true(played_policy_is(played, 9, SADB_BYPASS));
	assert_int_equal(played_count(played, "closed"), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, played_start, played_stop)
	const struct CMUnitTest tests[] = {
	    TEST(what_goes_amid_a_dump_is_gone_after_it),
	    TEST(what_was_said_before_a_dump_is_not_said_again_after_it),
	    TEST(a_dump_that_changes_cut_through_is_made_again),
	    TEST(a_dump_that_is_always_cut_through_leaves_what_is_there),
	    TEST(a_comparison_adds_changes_and_removes),
	    TEST(an_sa_that_moved_while_nobody_looked_is_at_its_new_place),
	    TEST(a_migrate_or_nonsense_leads_to_a_comparison),
	    TEST(a_datagram_longer_than_any_is_a_loss),
	    TEST(what_the_mirror_did_itself_comes_back_as_an_echo),
	    TEST(defaults_are_noted_and_not_taken_over),
	    TEST(an_audit_finds_what_no_event_told),
	    TEST(while_the_mirror_is_behind_and_cannot_compare_nothing_passes_in_the_clear),
	    TEST(a_kernel_that_went_away_costs_a_line_and_nothing_else),
	};
	unit_eal_start();
	return cmocka_run_group_tests_name("control/mirror_sync", tests, NULL, NULL);
}
