/* SPDX-License-Identifier: BSD-3-Clause
 * SAs of a kernel that is played: every message that changes them, and what of them cannot be had. */
#include "tests/unit/control/mirror_rig.h"
#include "tests/unit/eal.h"

#include <linux/udp.h>

static const uint64_t all_ones = UINT64_MAX;

static uint64_t
last_number(const struct sadb_sa_cold *sa)
{
	assert_non_null(sa);
	return __atomic_load_n(&sa->hot->mut->out_seq, __ATOMIC_RELAXED);
}

static void
a_dump_and_events_bring_sas_of_both_directions(void **state)
{
	struct played *played = *state;

	played->sa[0] = played_in;
	played_sync(played);
	played_install(played, &played_out);
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
every_end_of_an_sa_ends_it_here(void **state)
{
	struct played *played = *state;
	const uint8_t esp[8] = {IPPROTO_ESP}, ah[8] = {IPPROTO_AH};

	played_install(played, &played_in);
	played_event(played, XFRM_MSG_DELSA, &played_in, PLAYED_PID);
	assert_null(played_find(played, "192.0.2.1", 0x2001));

	played->sa[0].spi = 0;
	played_install(played, &played_in);
	played_event(played, XFRM_MSG_EXPIRE, &played_in, 0); /* hard: no DELSA follows */
	assert_null(played_find(played, "192.0.2.1", 0x2001));

	played->sa[0].spi = 0;
	played_install(played, &played_in);
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

	played_install(played, &played_in);
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

	played_install(played, &played_out);
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

	played_install(played, &played_out);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);
	played->sa[0] = played_out; /* DELSA and NEWSA were lost */
	played->sa[0].key = 0x99;
	played_sync(played);
	assert_true(last_number(played_find(played, "192.0.2.2", 0x1001)) == 0);
	assert_true(played->sa[0].oseq == all_ones);
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
	played_install(played, &sa);
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
		played_install(played, &sa);
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
	played_install(played, &sa);
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
	played_install(played, &played_in);
	played_install(played, &marked);
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

	played_install(played, &played_in);
	memcpy(&mapping.id.daddr, (const uint8_t[]){192, 0, 2, 1}, 4);
	played->sa[0].reqid = 99;
	played_send(played, XFRM_MSG_MAPPING, &mapping, sizeof(mapping));
	assert_int_equal(played_find(played, "192.0.2.1", 0x2001)->config.reqid, 99);
}

static struct sadb_sa_config
config_of(struct played *played, const char *dst, uint32_t spi)
{
	const struct sadb_sa_cold *sa = played_find(played, dst, spi);

	assert_non_null(sa);
	return sa->config;
}

/* RFC 3948: the ports as the kernel has them, and what becomes of them. */
static void
udp_encapsulation_comes_along_with_its_ports(void **state)
{
	struct played *played = *state;
	struct played_sa out = played_out, in = played_in;
	struct xfrm_user_mapping mapping = {.id = {.spi = htonl(0x2001), .family = AF_INET, .proto = IPPROTO_ESP}};

	out.encap = in.encap = UDP_ENCAP_ESPINUDP;
	out.encap_dport = in.encap_sport = 61000;
	played_install(played, &out);
	played_install(played, &in);
	assert_int_equal(ntohs(config_of(played, "192.0.2.2", 0x1001).encap_sport_be), 4500);
	assert_int_equal(ntohs(config_of(played, "192.0.2.2", 0x1001).encap_dport_be), 61000);
	assert_int_equal(ntohs(config_of(played, "192.0.2.1", 0x2001).encap_sport_be), 61000);
	rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 10);

	/* The peer is behind another port: an update of one, a mapping of the other. */
	played->sa[0].encap_dport = played->sa[1].encap_sport = 61001;
	out.encap_dport = 61001;
	played_event(played, XFRM_MSG_UPDSA, &out, PLAYED_PID);
	assert_int_equal(ntohs(config_of(played, "192.0.2.2", 0x1001).encap_dport_be), 61001);
	assert_true(last_number(played_find(played, "192.0.2.2", 0x1001)) == 10);
	memcpy(&mapping.id.daddr, (const uint8_t[]){192, 0, 2, 1}, 4);
	played_send(played, XFRM_MSG_MAPPING, &mapping, sizeof(mapping));
	assert_int_equal(ntohs(config_of(played, "192.0.2.1", 0x2001).encap_sport_be), 61001);

	/* No NAT any more: IKE deletes it and adds it without, and here the events were lost. */
	played->sa[0].encap = 0;
	played_sync(played);
	assert_int_equal(config_of(played, "192.0.2.2", 0x1001).encap_dport_be, 0);
	assert_true(rig_take(played_find(played, "192.0.2.2", 0x1001)->hot, 1) > 10);
	assert_int_equal(played_count(played, "sas"), 2);
}

static void
other_encapsulations_are_named_as_missing(void **state)
{
	struct played *played = *state;
	struct played_sa in = played_in;

	in.encap = TCP_ENCAP_ESPINTCP;
	played_install(played, &in);
	assert_null(played_find(played, "192.0.2.1", 0x2001));
	assert_non_null(strstr(played_reason(played, "SA to 192.0.2.1 spi 0x00002001"), "espintcp"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, played_start, played_stop)
	const struct CMUnitTest tests[] = {
	    TEST(a_dump_and_events_bring_sas_of_both_directions),
	    TEST(every_end_of_an_sa_ends_it_here),
	    TEST(a_soft_expire_changes_nothing),
	    TEST(an_update_changes_lifetimes_and_keeps_the_numbers),
	    TEST(what_did_not_change_is_not_touched),
	    TEST(the_same_spi_with_another_key_is_another_sa),
	    TEST(limits_count_what_the_kernel_passed_before),
	    TEST(what_cannot_be_mirrored_is_named_with_its_reason),
	    TEST(a_larval_sa_is_none),
	    TEST(an_sa_that_waits_for_a_vnet_comes_with_it),
	    TEST(two_sas_that_differ_by_mark_alone_are_two),
	    TEST(a_mapping_has_the_sa_read_again),
	    TEST(udp_encapsulation_comes_along_with_its_ports),
	    TEST(other_encapsulations_are_named_as_missing),
	};
	unit_eal_start();
	return cmocka_run_group_tests_name("control/mirror_sa", tests, NULL, NULL);
}
