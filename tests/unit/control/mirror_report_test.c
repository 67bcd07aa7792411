/* SPDX-License-Identifier: BSD-3-Clause
 * What the kernel is told, byte for byte, and what it would make of it. */
#include "tests/unit/control/mirror_rig.h"
#include "tests/unit/eal.h"

#include <arpa/inet.h>
#include <poll.h>

#include "control/mirror_impl.h"

#define NOW 1700000100u

/* Time for another round of reports; waits until the kernel has carried out n of them. */
static void
report(struct played *played, unsigned n)
{
	played->mirror->report_ns = 0;
	ctl_mirror_tick(played->mirror);
	if (n > 0)
		played_asked(played, XFRM_MSG_NEWAE, n - 1);
	pthread_mutex_lock(&played->lock); /* the last of them is done */
	pthread_mutex_unlock(&played->lock);
}

static const struct sadb_sa_cold *
use(struct played *played, const char *dst, uint32_t spi, unsigned packets, uint64_t bytes)
{
	const struct sadb_sa_cold *sa = played_find(played, dst, spi);

	assert_non_null(sa);
	assert_int_equal(sadb_sa_use(sa->hot, packets, bytes, NOW) & SADB_USE_STOPPED, 0);
	return sa;
}

static void
receive(const struct sadb_sa_cold *sa, uint64_t seq)
{
	enum sadb_replay_verdict verdict;

	assert_int_equal(sadb_replay_commit(sa->hot->replay, &seq, 1, &verdict), 1);
}

/* Linux 6.6, struct by struct. */
struct wire_ae {
	struct nlmsghdr header;
	struct xfrm_aevent_id id;
	struct nlattr replay_attr;
	struct {
		uint32_t bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window;
	} replay; /* struct xfrm_replay_state_esn */
	uint32_t bitmap[4];
	struct nlattr use_attr;
	struct xfrm_lifetime_cur use;
} __attribute__((packed));

static void
an_inbound_sas_report_has_the_window_and_all_use(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played->sa[0].packets = 100;
	played->sa[0].bytes = 10000;
	played->sa[0].seq = 100;
	played_sync(played);
	const struct sadb_sa_cold *sa = use(played, "192.0.2.1", 0x2001, 3, 300);
	const uint64_t seen[] = {101, 102, 105};
	for (unsigned i = 0; i < 3; i++)
		receive(sa, seen[i]);
	report(played, 1);

	struct wire_ae wire;
	const struct nlmsghdr *ask = played_asked(played, XFRM_MSG_NEWAE, 0);
	assert_int_equal(ask->nlmsg_len, sizeof(wire));
	memcpy(&wire, ask, sizeof(wire));
	assert_int_equal(wire.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_REPLACE);
	assert_int_not_equal(wire.header.nlmsg_pid, 0);
	assert_int_equal(ntohl(wire.id.sa_id.daddr.a4), 0xc0000201);
	assert_int_equal(ntohl(wire.id.saddr.a4), 0xc0000202);
	assert_int_equal(ntohl(wire.id.sa_id.spi), 0x2001);
	assert_int_equal(wire.id.sa_id.family, AF_INET);
	assert_int_equal(wire.id.sa_id.proto, IPPROTO_ESP);
	assert_int_equal(wire.id.reqid, 7);
	assert_int_equal(wire.replay_attr.nla_type, XFRMA_REPLAY_ESN_VAL);
	assert_int_equal(wire.replay_attr.nla_len, 4 + 24 + 16);
	assert_int_equal(wire.replay.bmp_len, 4);
	assert_int_equal(wire.replay.replay_window, 128);
	assert_int_equal(wire.replay.seq, 105);
	assert_int_equal(wire.replay.seq_hi, 0);
	assert_int_equal(wire.replay.oseq, 0);
	/* Number n is bit (n - 1) % 128: 1 to 100 count as seen, then 101, 102 and 105. */
	assert_int_equal(wire.bitmap[0], 0xffffffff);
	assert_int_equal(wire.bitmap[3], 1u << (100 - 96) | 1u << (101 - 96) | 1u << (104 - 96) | 0xf);
	assert_int_equal(wire.use_attr.nla_type, XFRMA_LTIME_VAL);
	assert_true(wire.use.packets == 103);
	assert_true(wire.use.bytes == 10300);
	assert_true(wire.use.add_time == 1700000000);
	assert_true(wire.use.use_time == NOW);
}

static void
an_outbound_sas_report_says_all_ones_and_the_true_use(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_out;
	played->sa[0].packets = 50;
	played->sa[0].use_time = 1700000050;
	played_sync(played);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 8);
	use(played, "192.0.2.2", 0x1001, 8, 800);
	report(played, 2);
	assert_true(played->sa[0].oseq == UINT64_MAX);
	assert_true(played->sa[0].packets == 58);
	assert_true(played->sa[0].bytes == 800);
	assert_true(played->sa[0].add_time == 1700000000);
	assert_true(played->sa[0].use_time == 1700000050); /* the first */
	assert_true(played->sa[0].seq == 0);
}

static void
a_short_window_is_told_in_its_own_attribute(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played->sa[0].esn = false;
	played->sa[0].window = 32;
	played_sync(played);
	const struct sadb_sa_cold *sa = use(played, "192.0.2.1", 0x2001, 2, 200);
	receive(sa, 40);
	receive(sa, 37);
	report(played, 1);
	assert_true(played->sa[0].seq == 40);
	assert_int_equal(played->sa[0].bitmap[0], 1u | 1u << 3); /* the highest is bit 0 */
	assert_true(played->sa[0].packets == 2);
}

/* Windows whose ring does not end with 2^32, and more words than the window needs: as the kernel counts them. */
static void
the_bitmap_is_the_kernels_ring_past_2_to_the_32(void **state)
{
	const uint64_t top = 0x100000003;
	struct played *played = *state;

	played->sa[0] = played_in;
	played->sa[0].window = 100;
	played->sa[0].words = 6;
	played->sa[0].seq = top - 1;
	played_sync(played);
	const struct sadb_sa_cold *sa = use(played, "192.0.2.1", 0x2001, 1, 100);
	receive(sa, top + 2);
	report(played, 1);
	assert_true(played->sa[0].seq == top + 2);
	/* xfrm_replay_check_esn(): pos = (seq - 1) % window of the low half; older ones lie before, around the ring. */
	for (unsigned back = 0; back < 100; back++) {
		unsigned pos = (5 - 1) % 100, bit = (pos + 100 - back) % 100;
		bool set = played->sa[0].bitmap[bit / 32] >> bit % 32 & 1;
		assert_int_equal(set, back != 1 && back != 2);
	}
}

static void
only_what_was_used_is_reported_and_once(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played->sa[1] = played_out;
	played_sync(played);
	report(played, 1); /* the handover's */
	assert_int_equal(played_count(played, "reports"), 0);
	use(played, "192.0.2.1", 0x2001, 1, 100);
	report(played, 2);
	report(played, 2);
	report(played, 2);
	assert_int_equal(played_count(played, "reports"), 1);
	assert_int_equal(played->sa[1].aes, 1);
}

static void
the_use_goes_on_where_it_was_after_a_restart(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played_sync(played);
	use(played, "192.0.2.1", 0x2001, 5, 500);
	played_restart(played); /* the end tells the kernel once more */
	assert_true(played->sa[0].packets == 5);
	played_sync(played);
	use(played, "192.0.2.1", 0x2001, 2, 200);
	report(played, 2);
	assert_true(played->sa[0].packets == 7);
	assert_true(played->sa[0].bytes == 700);
}

static void
on_expire(void *arg, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	struct played *played = arg;

	ctl_mirror_expire(played->mirror, sa, kind);
}

/* Twice twelve packets of 100 bytes go past first the soft limit, then the hard one. */
static void
pass_both_limits(struct played *played)
{
	struct sadb_sa_key key;

	played_sync(played);
	const struct sadb_sa_cold *sa = played_find(played, "192.0.2.1", 0x2001);
	key = sadb_sa_key_make(&sa->config.dst, sa->config.spi_be, IPPROTO_ESP);
	assert_int_equal(sadb_sa_use(sa->hot, 12, 1200, NOW), SADB_USE_SOFT);
	assert_int_equal(sadb_sa_expire(played->db, &key, SADB_EXPIRE_SOFT, on_expire, played), 0);
	const struct xfrm_user_expire *soft = NLMSG_DATA(played_asked(played, XFRM_MSG_EXPIRE, 0));
	assert_int_equal(soft->hard, 0);
	assert_int_equal(ntohl(soft->state.id.spi), 0x2001);
	assert_int_equal(soft->state.family, AF_INET);
	assert_true(played->sa[0].packets == 12 && played->sa[0].bytes == 1200);
	assert_non_null(played_find(played, "192.0.2.1", 0x2001));

	assert_true(sadb_sa_use(sa->hot, 12, 1200, NOW) & SADB_USE_HARD);
	assert_int_equal(sadb_sa_expire(played->db, &key, SADB_EXPIRE_HARD, on_expire, played), 0);
	const struct xfrm_user_expire *hard = NLMSG_DATA(played_asked(played, XFRM_MSG_EXPIRE, 1));
	assert_int_equal(hard->hard, 1);
	assert_int_equal(played->sa[0].spi, 0);
	rig_commit(played->db);
	assert_null(played_find(played, "192.0.2.1", 0x2001));
	assert_int_equal(played_count(played, "sas"), 0);
	assert_int_equal(played_count(played, "expires"), 2);
}

static void
limits_in_packets_are_told_with_the_use_that_passed_them(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played->sa[0].soft_packets = 10;
	played->sa[0].hard_packets = 20;
	pass_both_limits(played);
}

static void
limits_in_bytes_are_told_too(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played->sa[0].soft_bytes = 1000;
	played->sa[0].hard_bytes = 2000;
	pass_both_limits(played);
}

static void
an_acquire_asks_the_kernel_to_say_it(void **state)
{
	struct played *played = *state;
	struct sadb_policy_info info;
	struct sadb_policy_config which = {.index = 9};
	struct sadb_flow flow = {.proto = IPPROTO_UDP, .sport_be = htons(1000), .dport_be = htons(53)};

	played->policy[0] = played_out_policy;
	played_sync(played);
	assert_int_equal(sadb_addr_parse("10.1.0.5", &flow.src), 0);
	assert_int_equal(sadb_addr_parse("10.2.0.6", &flow.dst), 0);
	assert_int_equal(sadb_policy_get(played->db, &which, &info), 0);
	assert_int_equal(ctl_mirror_acquire(played->mirror, &info.config, &flow), 0);

	struct xfrm_user_acquire acquire;
	const struct nlmsghdr *ask = played_asked(played, XFRM_MSG_ACQUIRE, 0);
	memcpy(&acquire, NLMSG_DATA(ask), sizeof(acquire));
	assert_int_equal(acquire.policy.index, 9);
	assert_int_equal(acquire.policy.dir, XFRM_POLICY_OUT);
	assert_int_equal(acquire.policy.action, XFRM_POLICY_ALLOW);
	assert_int_equal(acquire.policy.share, 0);
	assert_int_equal(ntohl(acquire.sel.daddr.a4), 0x0a020006);
	assert_int_equal(ntohs(acquire.sel.dport), 53);
	/* Without templates xfrm_add_acquire() asks nobody. */
	const struct nlattr *attr =
	    (const void *)((const uint8_t *)ask + NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct xfrm_user_acquire)));
	struct xfrm_user_tmpl tmpl;
	assert_int_equal(attr->nla_type, XFRMA_TMPL);
	memcpy(&tmpl, attr + 1, sizeof(tmpl));
	assert_int_equal(tmpl.reqid, 7);
	assert_int_equal(ntohl(tmpl.id.daddr.a4), 0xc0000202);
}

static void
a_report_that_the_kernel_refuses_is_counted(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played_sync(played);
	use(played, "192.0.2.1", 0x2001, 1, 100);
	pthread_mutex_lock(&played->lock);
	played->sa[0].words = 9; /* whoever made it anew took another bmp_len */
	pthread_mutex_unlock(&played->lock);
	report(played, 1);
	for (unsigned i = 0; i < 500 && played_count(played, "reports_refused") == 0; i++) {
		poll(NULL, 0, 10);
		ctl_mirror_tick(played->mirror);
	}
	assert_int_equal(played_count(played, "reports_refused"), 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, played_start, played_stop)
	const struct CMUnitTest tests[] = {
	    TEST(an_inbound_sas_report_has_the_window_and_all_use),
	    TEST(an_outbound_sas_report_says_all_ones_and_the_true_use),
	    TEST(a_short_window_is_told_in_its_own_attribute),
	    TEST(the_bitmap_is_the_kernels_ring_past_2_to_the_32),
	    TEST(only_what_was_used_is_reported_and_once),
	    TEST(the_use_goes_on_where_it_was_after_a_restart),
	    TEST(limits_in_packets_are_told_with_the_use_that_passed_them),
	    TEST(limits_in_bytes_are_told_too),
	    TEST(an_acquire_asks_the_kernel_to_say_it),
	    TEST(a_report_that_the_kernel_refuses_is_counted),
	};
	unit_eal_start();
	return cmocka_run_group_tests_name("control/mirror_report", tests, NULL, NULL);
}
