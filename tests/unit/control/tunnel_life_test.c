/* SPDX-License-Identifier: BSD-3-Clause
 * Tunnels: by hand, with time, at limits, and what does not fit. */
#include <errno.h>

#include "tests/unit/control/tunnel_rig.h"

static char answer[CTL_OFFER_BYTES], offer[CTL_OFFER_BYTES], other[CTL_OFFER_BYTES];

static void
assert_says(const char *text)
{
	if (strstr(rig_err.text, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, rig_err.text);
}

/* ---- by hand ---- */
static void
make_both_by_hand(void)
{
	struct ctl_tunnel_config config;

	for (struct gateway *g = &west; g != NULL; g = g == &west ? &east : NULL) {
		config = rig_tunnel_config(g);
		config.exchange[0] = 0;
		config.life.hard_packets = 1000;
		rig_add_tunnel(g, &config);
	}
}

static void
by_hand_the_offer_is_the_same_until_it_is_answered(void **state)
{
	(void)state;
	make_both_by_hand();
	int n = ctl_tunnel_offer(west.tunnels, "site", false, offer, &rig_err);
	assert_true(n > 0);
	assert_int_equal(ctl_tunnel_offer(west.tunnels, "site", false, other, &rig_err), n);
	assert_memory_equal(offer, other, (size_t)n);
	int a = rig_accept(&east, offer, (size_t)n, answer);
	assert_true(a > 0);
	assert_int_equal(rig_accept(&west, answer, (size_t)a, other), 0);
	rig_send(&west);
	rig_send(&east);
	assert_int_equal(ctl_tunnel_offer(west.tunnels, "site", false, other, &rig_err), n);
	assert_memory_not_equal(offer, other, (size_t)n);
	assert_int_equal(west.started + east.started, 0);
	assert_int_equal(ctl_tunnel_rekey(west.tunnels, "site", &rig_err), -ENOTSUP);
	assert_says("culvert tunnel offer site");
}

static void
by_hand_a_soft_limit_asks_for_hands(void **state)
{
	(void)state;
	make_both_by_hand();
	int n = ctl_tunnel_offer(west.tunnels, "site", false, offer, &rig_err);
	int a = rig_accept(&east, offer, (size_t)n, answer);
	assert_int_equal(rig_accept(&west, answer, (size_t)a, other), 0);
	ctl_tunnels_expire(west.tunnels, ctl_tunnel_out_sa(west.tunnel), SADB_EXPIRE_SOFT);
	assert_string_equal(west.event, "tunnel-rekey-wanted");
	assert_non_null(strstr(west.event_text, "culvert tunnel offer"));
	rig_pass(100);
	assert_int_equal(west.started, 0);
}

/* ---- time ---- */
static void
an_offer_without_an_answer_lapses_with_its_sa(void **state)
{
	(void)state;
	make_both_by_hand();
	assert_true(ctl_tunnel_offer(west.tunnels, "site", false, offer, &rig_err) > 0);
	assert_int_equal(rig_sas(&west), 1);
	rig_pass(3599 * 1000);
	assert_int_equal(rig_sas(&west), 1);
	rig_pass(1000);
	assert_int_equal(rig_sas(&west), 0);
	assert_false(west.tunnel->pending.open);
	for (size_t i = 0; i < sizeof(west.tunnel->pending.text); i++)
		assert_int_equal(west.tunnel->pending.text[i], 0); /* the key in it is wiped */
}

static void
an_offer_that_lapses_leaves_the_sa_that_the_peer_seals_for(void **state)
{
	(void)state;
	make_both_by_hand();
	int n = ctl_tunnel_offer(west.tunnels, "site", false, offer, &rig_err);
	assert_true(rig_accept(&east, offer, (size_t)n, answer) > 0);
	rig_send(&east);
	rig_pass(3600 * 1000);
	assert_false(west.tunnel->pending.open);
	rig_send(&east);
}

static void
failures_wait_longer_each_time_up_to_a_minute(void **state)
{
	const uint64_t waits_s[] = {1, 2, 4, 8, 16, 32, 60, 60};

	(void)state;
	east.refuse = -EAGAIN;
	rig_pass(100);
	for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		rig_fail(&west);
		assert_int_equal(west.tunnel->failures, i + 1);
		assert_string_equal(west.event, "tunnel-failed");
		rig_pass(waits_s[i] * 1000 - 100);
		assert_null(west.running);
		rig_pass(700);
		assert_non_null(west.running);
	}
	assert_string_equal(west.tunnel->error, "failed by the test");
	assert_int_equal(rig_sas(&west), 3); /* a new offer after four tries, and again */
	assert_true(rig_deliver(&west) > 0);
	assert_string_equal(west.tunnel->error, "");
}

static void
a_backend_that_is_busy_is_asked_again_at_once(void **state)
{
	(void)state;
	west.refuse = -EAGAIN;
	rig_pass(100);
	assert_int_equal(west.tunnel->failures, 0);
	west.refuse = 0;
	rig_pass(100);
	assert_non_null(west.running);
}

/* ---- limits ---- */
static void
a_soft_limit_begins_an_exchange_but_not_beside_one(void **state)
{
	(void)state;
	rig_bring_up();
	ctl_tunnels_expire(west.tunnels, ctl_tunnel_out_sa(west.tunnel), SADB_EXPIRE_SOFT);
	assert_null(west.running); /* not amid the database's walk */
	rig_pass(100);
	assert_non_null(west.running);
	unsigned started = west.started;
	ctl_tunnels_expire(west.tunnels, ctl_tunnel_out_sa(west.tunnel), SADB_EXPIRE_SOFT);
	rig_pass(100);
	assert_true(rig_deliver(&west) > 0);
	rig_pass(100);
	assert_int_equal(west.started, started); /* the new keys answer both */
	assert_null(west.running);
}

static void
few_sequence_numbers_left_begin_an_exchange(void **state)
{
	struct ctl_tunnel_config config;

	(void)state;
	for (struct gateway *g = &west; g != NULL; g = g == &west ? &east : NULL) {
		config = rig_tunnel_config(g);
		config.esn = false;
		rig_add_tunnel(g, &config);
	}
	rig_bring_up();
	/* 15/16 of 2^32 - 1 are used; at ten million a second 26 s are left. */
	ctl_tunnel_out_sa(west.tunnel)->hot->mut->out_seq = UINT32_MAX - UINT32_MAX / 16;
	sadb_tick(west.db, (uint64_t)time(NULL), (sadb_expire_fn)ctl_tunnels_expire, west.tunnels);
	rig_pass(100);
	assert_non_null(west.running);
	assert_true(rig_deliver(&west) > 0);
	rig_send(&west);
	assert_int_equal(ctl_tunnel_out_sa(west.tunnel)->hot->mut->out_seq, 0);
}

static void
a_hard_limit_stops_the_tunnel_and_begins_an_exchange(void **state)
{
	(void)state;
	rig_bring_up();
	const struct sadb_sa_key key = ctl_tunnel_out_key(west.tunnel, west.tunnel->out_spi_be);
	ctl_tunnel_out_sa(west.tunnel)->hot->mut->state |= SADB_SA_HARD;
	assert_int_equal(
	    sadb_sa_expire(west.db, &key, SADB_EXPIRE_HARD, (sadb_expire_fn)ctl_tunnels_expire, west.tunnels), 0);
	assert_int_equal(west.tunnel->out_spi_be, 0);
	assert_string_equal(west.event, "tunnel-down");
	rig_pass(100);
	assert_true(rig_deliver(&west) > 0);
	rig_send(&west);
	rig_send(&east);
}

static void
sas_that_others_deleted_are_made_anew(void **state)
{
	(void)state;
	rig_bring_up();
	sadb_sa_flush(west.db, 0);
	rig_tick(&west);
	assert_int_equal(west.tunnel->out_spi_be, 0);
	rig_pass(100);
	assert_true(rig_deliver(&west) > 0);
	rig_send(&west);
	rig_send(&east);
}

static void
an_outbound_sa_keeps_the_limits_of_both_ends(void **state)
{
	struct ctl_tunnel_config config = rig_tunnel_config(&west);

	(void)state;
	config.life.hard_packets = 1000; /* soft: 900 */
	config.life.hard_add_s = 100;
	rig_add_tunnel(&west, &config);
	config = rig_tunnel_config(&east);
	config.life.hard_packets = 600;
	config.life.hard_bytes = 5000;
	rig_add_tunnel(&east, &config);
	rig_bring_up();
	const struct sadb_lifetime *w = &ctl_tunnel_out_sa(west.tunnel)->config.life;
	const struct sadb_lifetime *e = &ctl_tunnel_out_sa(east.tunnel)->config.life;

	assert_int_equal(w->hard_packets, 600);
	assert_int_equal(e->hard_packets, 600);
	assert_int_equal(w->hard_bytes, 5000);
	assert_int_equal(e->hard_add_s, 100);
	/* Nine tenths, and up to a tenth of that earlier. */
	assert_in_range(w->soft_packets, 486, 540);
	assert_in_range(e->soft_packets, 486, 540);
	assert_in_range(w->soft_bytes, 4050, 4500);
	assert_in_range(e->soft_add_s, 81, 90);
	/* The receiver stops it too, later than any sender that keeps the limit. */
	const struct sadb_lifetime *in = &ctl_tunnel_in_sa(west.tunnel, east.tunnel->out_spi_be)->config.life;
	assert_int_equal(in->hard_packets, 1000);
	assert_true(in->hard_add_s >= 100 + CTL_TUNNEL_OFFER_S);
	assert_int_equal(in->soft_packets, SADB_INF);
}

/* ---- what does not fit ---- */
struct misfit {
	const char *what;
	void (*change)(struct ctl_tunnel_config *config);
	const char *says;
};

static void
other_name(struct ctl_tunnel_config *config)
{
	strcpy(config->name, "other");
}

static void
other_remote(struct ctl_tunnel_config *config)
{
	config->remote.bytes[3] = 9;
}

static void
fewer_prefixes(struct ctl_tunnel_config *config)
{
	config->n_remote--;
}

static void
other_prefix(struct ctl_tunnel_config *config)
{
	config->local_prefix[0].len = 25;
}

static void
other_algorithm(struct ctl_tunnel_config *config)
{
	config->algorithm = sadb_algorithm_named("aes-256-gmac");
}

static void
no_esn(struct ctl_tunnel_config *config)
{
	config->esn = false;
}

static void
an_offer_for_another_tunnel_is_refused(void **state)
{
	static const struct misfit misfits[] = {
	    {"name", other_name, "one name"},
	    {"remote", other_remote, "local and remote"},
	    {"fewer prefixes", fewer_prefixes, "local-prefix"}, /* the sender's local is east's remote */
	    {"other prefix", other_prefix, "remote-prefix"},
	    {"esn", no_esn, "esn"},
	    {"algorithm", other_algorithm, "ours aes-256-gmac: both ends must agree"},
	};

	for (size_t i = 0; i < sizeof(misfits) / sizeof(misfits[0]); i++) {
		rig_set_up(state);
		struct ctl_tunnel_config config = rig_tunnel_config(&west);
		rig_add_tunnel(&west, &config);
		config = rig_tunnel_config(&east);
		misfits[i].change(&config);
		rig_add_tunnel(&east, &config);
		int n = ctl_tunnel_offer(west.tunnels, "site", false, offer, &rig_err);
		const struct ctl_keying_text text = {offer, (size_t)n};
		assert_int_equal(ctl_tunnel_accept(east.tunnels, config.name, &text, answer, &rig_err), -EINVAL);
		assert_says(misfits[i].says);
		assert_int_equal(rig_sas(&east), 0);
		if (i + 1 < sizeof(misfits) / sizeof(misfits[0]))
			rig_tear_down(state);
	}
}

static void
an_offer_that_comes_back_to_its_sender_is_refused(void **state)
{
	(void)state;
	int n = ctl_tunnel_offer(west.tunnels, "site", false, offer, &rig_err);
	assert_int_equal(rig_accept(&west, offer, (size_t)n, answer), -EINVAL);
	rig_pass(100);
	rig_answer(&west, offer, (size_t)n);
	assert_int_equal(west.tunnel->failures, 1);
	assert_int_equal(west.tunnel->out_spi_be, 0);
}

static void
a_policy_that_is_there_already_refuses_the_tunnel_whole(void **state)
{
	struct ctl_tunnel_config config = rig_tunnel_config(&west);
	struct sadb_policy_config policy;

	(void)state;
	memset(&policy, 0, sizeof(policy));
	policy.sel.src = config.remote_prefix[0];
	policy.sel.dst = config.local_prefix[1];
	policy.vnet_id = 1;
	policy.dir = SADB_POLICY_FWD;
	policy.action = SADB_BYPASS;
	assert_int_equal(sadb_policy_add(west.db, &policy, false, &rig_err), 0);
	assert_int_equal(ctl_tunnel_add(west.tunnels, &config, &rig_err), -EEXIST);
	assert_says("a policy fwd from 10.2.0.0/24 to 10.3.0.0/24");
	for (unsigned dir = 0; dir < SADB_POLICY_DIRS; dir++)
		assert_int_equal(sadb_policy_count(west.db, dir), dir == SADB_POLICY_FWD);
	assert_false(ctl_tunnel_exists(west.tunnels, "site"));
}

static void
a_tunnel_that_is_deleted_takes_everything_with_it(void **state)
{
	(void)state;
	rig_bring_up();
	ctl_tunnel_rekey(west.tunnels, "site", &rig_err);
	rig_pass(100);
	assert_non_null(west.running);
	assert_int_equal(ctl_tunnel_del(west.tunnels, "site", &rig_err), 0);
	assert_int_equal(west.cancelled, 1);
	assert_int_equal(rig_sas(&west), 0);
	for (unsigned dir = 0; dir < SADB_POLICY_DIRS; dir++)
		assert_int_equal(sadb_policy_count(west.db, dir), 0);
	assert_int_equal(ctl_tunnel_del(west.tunnels, "site", &rig_err), -ENOENT);
}

static void
policies_come_back_after_a_flush_with_their_sa(void **state)
{
	struct sadb_policy_info info;
	uint32_t slot = 0, out = 0;

	(void)state;
	rig_bring_up();
	assert_true(sadb_policy_flush(west.db) > 0);
	ctl_tunnels_policies_restore(west.tunnels);
	assert_int_equal(sadb_commit(west.db, &rig_err), 0);
	while (sadb_policy_at(west.db, &slot, &info))
		out += info.config.dir == SADB_POLICY_OUT && info.sa_spi_be == west.tunnel->out_spi_be;
	assert_int_equal(out, 2);
}

#define PLAIN(test)  cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)
#define TUNNEL(test) cmocka_unit_test_setup_teardown(test, rig_set_up_tunnel, rig_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    PLAIN(by_hand_the_offer_is_the_same_until_it_is_answered),
	    PLAIN(by_hand_a_soft_limit_asks_for_hands),
	    PLAIN(an_offer_without_an_answer_lapses_with_its_sa),
	    PLAIN(an_offer_that_lapses_leaves_the_sa_that_the_peer_seals_for),
	    TUNNEL(failures_wait_longer_each_time_up_to_a_minute),
	    TUNNEL(a_backend_that_is_busy_is_asked_again_at_once),
	    TUNNEL(a_soft_limit_begins_an_exchange_but_not_beside_one),
	    PLAIN(few_sequence_numbers_left_begin_an_exchange),
	    TUNNEL(a_hard_limit_stops_the_tunnel_and_begins_an_exchange),
	    TUNNEL(sas_that_others_deleted_are_made_anew),
	    PLAIN(an_outbound_sa_keeps_the_limits_of_both_ends),
	    cmocka_unit_test_teardown(an_offer_for_another_tunnel_is_refused, rig_tear_down),
	    TUNNEL(an_offer_that_comes_back_to_its_sender_is_refused),
	    PLAIN(a_policy_that_is_there_already_refuses_the_tunnel_whole),
	    TUNNEL(a_tunnel_that_is_deleted_takes_everything_with_it),
	    TUNNEL(policies_come_back_after_a_flush_with_their_sa),
	};
	return cmocka_run_group_tests(tests, rig_dpdk, NULL);
}
