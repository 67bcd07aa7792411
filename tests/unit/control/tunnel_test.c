/* SPDX-License-Identifier: BSD-3-Clause
 * Tunnels: the exchange of keys in every order that two gateways and the line between them can bring about. */
#include <errno.h>

#include "tests/unit/control/tunnel_rig.h"

static char answer[CTL_OFFER_BYTES], offer[CTL_OFFER_BYTES], other[CTL_OFFER_BYTES];

static void
assert_says(const char *text)
{
	if (strstr(rig_err.text, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, rig_err.text);
}

/* Ends the exchange under way as if it were lost and keeps its offer. */
static size_t
keep_offer(struct gateway *from, char out[CTL_OFFER_BYTES])
{
	const size_t bytes = from->running->bytes;

	memcpy(out, from->running->offer, bytes);
	return bytes;
}

/* ---- the plain way ---- */

/* Each of its own, and each generation anew; the peer need not want the same. */
static void
what_a_tunnel_wants_of_its_packets_holds_for_each_outbound_sa(void **state)
{
	const struct sadb_sa_config wishes = {.flags = SADB_SA_OUTER_DSCP | SADB_SA_NOPMTUDISC | SADB_SA_ESN,
					      .tfc_pad_bytes = 1200,
					      .outer_ttl = 7,
					      .outer_dscp = 46};

	(void)state;
	ctl_tunnel_wishes_from(&west.tunnel->config, &wishes);
	for (unsigned generation = 1; generation <= 3; generation++) {
		if (generation == 1) {
			rig_bring_up();
		} else {
			assert_int_equal(ctl_tunnel_rekey(west.tunnels, "site", &rig_err), 0);
			rig_pass(100);
			assert_true(rig_deliver(&west) > 0);
		}
		const struct sadb_sa_config *out = &ctl_tunnel_out_sa(west.tunnel)->config,
					    *theirs = &ctl_tunnel_out_sa(east.tunnel)->config;
		assert_int_equal(out->flags, SADB_SA_OUTER_DSCP | SADB_SA_NOPMTUDISC | SADB_SA_ESN);
		assert_true(out->tfc_pad_bytes == 1200 && out->outer_ttl == 7 && out->outer_dscp == 46);
		assert_int_equal(theirs->flags, SADB_SA_ESN);
		assert_true(theirs->tfc_pad_bytes == 0 && theirs->outer_ttl == 0 && theirs->outer_dscp == 0);
		for (unsigned i = 0; i < west.tunnel->n_in; i++)
			assert_int_equal(ctl_tunnel_in_sa(west.tunnel, west.tunnel->in[i].spi_be)->config.flags,
					 SADB_SA_ESN);
		assert_int_equal(west.tunnel->generation, generation);
	}
}

static void
the_prefixes_are_protected_before_there_is_a_key(void **state)
{
	struct sadb_policy_info info;
	uint32_t slot = 0, n = 0;

	(void)state;
	while (sadb_policy_at(west.db, &slot, &info)) {
		assert_int_equal(info.config.action, SADB_PROTECT);
		assert_int_equal(info.config.tmpl.reqid, west.tunnel->reqid);
		assert_int_equal(info.sa_spi_be, 0);
		n++;
	}
	assert_int_equal(n, 2 * SADB_POLICY_DIRS); /* two pairs of prefixes */
	assert_true(ctl_tunnel_reqid(west.tunnel->reqid));
	assert_int_equal(rig_sas(&west), 0);
}

static void
an_exchange_gives_both_directions_a_key_of_their_own(void **state)
{
	(void)state;
	rig_bring_up();
	rig_send(&west);
	rig_send(&east);
	assert_int_equal(rig_sas(&west), 2);
	assert_int_equal(rig_sas(&east), 2);
	assert_memory_not_equal(ctl_tunnel_out_sa(west.tunnel)->hot->key_area,
				ctl_tunnel_out_sa(east.tunnel)->hot->key_area, SADB_KEY_MAX);
	assert_string_equal(west.event, "tunnel-up");
	assert_string_equal(east.event, "tunnel-up");
}

static void
the_responder_switches_with_the_offer_and_the_initiator_with_the_answer(void **state)
{
	(void)state;
	rig_bring_up();
	const rte_be32_t west_out = west.tunnel->out_spi_be, east_out = east.tunnel->out_spi_be;

	assert_int_equal(ctl_tunnel_rekey(west.tunnels, "site", &rig_err), 0);
	rig_pass(100);
	assert_true(rig_arrives(&west) && rig_arrives(&east));
	assert_int_equal(west.tunnel->n_in, 2); /* receives before anyone sends */
	int n = rig_accept(&east, west.running->offer, west.running->bytes, answer);
	assert_true(n > 0);
	assert_int_not_equal(east.tunnel->out_spi_be, east_out);
	assert_int_equal(west.tunnel->out_spi_be, west_out);
	rig_send(&west);
	rig_send(&east);
	rig_answer(&west, answer, (size_t)n);
	assert_int_not_equal(west.tunnel->out_spi_be, west_out);
	rig_send(&west);
	rig_send(&east);
	assert_int_equal(west.tunnel->generation, 2);
	assert_int_equal(east.tunnel->generation, 2);
	assert_string_equal(west.event, "tunnel-rekeyed");
}

static void
an_old_inbound_sa_goes_an_overlap_after_the_peer_is_known_to_have_left_it(void **state)
{
	(void)state;
	rig_bring_up();
	ctl_tunnel_rekey(west.tunnels, "site", &rig_err);
	rig_pass(100);
	assert_true(rig_deliver(&west) > 0);
	assert_int_equal(west.tunnel->n_in, 2);
	rig_pass(29900);
	assert_int_equal(west.tunnel->n_in, 2);
	rig_pass(200);
	assert_int_equal(west.tunnel->n_in, 1); /* the answer said that east had switched */
	rig_pass(3600 * 1000);
	assert_int_equal(east.tunnel->n_in, 2); /* whether its answer arrived, east cannot know ... */
	rig_send(&west);
	rig_pass(100); /* ... before this packet */
	rig_pass(29900);
	assert_int_equal(east.tunnel->n_in, 2);
	rig_pass(200);
	assert_int_equal(east.tunnel->n_in, 1);
	assert_int_equal(rig_sas(&west), 2);
	assert_int_equal(rig_sas(&east), 2);
	rig_send(&west);
	rig_send(&east);
}

/* ---- what is lost or comes twice ---- */
static void
a_lost_answer_is_made_again_for_the_same_offer(void **state)
{
	(void)state;
	rig_bring_up();
	ctl_tunnel_rekey(west.tunnels, "site", &rig_err);
	rig_pass(100);
	size_t bytes = keep_offer(&west, offer);
	int n = rig_accept(&east, offer, bytes, other);
	assert_true(n > 0);
	rig_fail(&west); /* the answer is gone */
	rig_send(&west);
	rig_send(&east);
	rig_pass(2000);
	assert_non_null(west.running); /* another try, ... */
	assert_int_equal(west.running->bytes, bytes);
	assert_memory_equal(west.running->offer, offer, bytes); /* ... with the same offer */
	assert_int_equal(rig_accept(&east, offer, bytes, answer), n);
	assert_memory_equal(answer, other, (size_t)n); /* and the same answer */
	assert_true(rig_deliver(&west) > 0);
	rig_send(&west);
	rig_send(&east);
	assert_int_equal(west.tunnel->generation, 2);
	assert_int_equal(east.tunnel->generation, 2);
}

/* The peer took it and began anew: it knows the key by its mark, and has no answer any more. */
static void
an_offer_that_stays_refused_makes_way_for_a_new_one(void **state)
{
	(void)state;
	rig_pass(100);
	rig_fail(&east);
	assert_true(rig_accept(&east, west.running->offer, west.running->bytes, answer) > 0);
	ctl_tunnel_out_sa(east.tunnel)->hot->mut->out_seq = 5;
	rig_restart(&east);
	east.tunnel->wanted = false; /* it has no way to reach west */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(rig_deliver(&west), -ESTALE);
		rig_pass(20000);
		assert_non_null(west.running);
	}
	assert_true(rig_deliver(&west) > 0);
	rig_send(&west);
	rig_send(&east);
}

static void
an_offer_whose_answer_arrived_is_not_taken_again(void **state)
{
	(void)state;
	rig_pass(100);
	size_t bytes = keep_offer(&west, offer);
	rig_fail(&east);
	assert_true(rig_deliver(&west) > 0);
	rig_send(&west);
	rig_pass(100);
	for (size_t i = 0; i < sizeof(east.tunnel->taken.answer); i++)
		assert_int_equal(east.tunnel->taken.answer[i], 0); /* the answer's key is wiped */
	assert_int_equal(rig_accept(&east, offer, bytes, answer), -ESTALE);
	assert_says("taken before");
	rig_send(&west);
	rig_send(&east);
}

static void
an_answer_is_taken_once(void **state)
{
	(void)state;
	rig_pass(100);
	rig_fail(&east);
	int n = rig_accept(&east, west.running->offer, west.running->bytes, answer);
	assert_true(n > 0);
	rig_answer(&west, answer, (size_t)n);
	assert_int_equal(rig_accept(&west, answer, (size_t)n, other), -ESTALE);
	assert_says("no offer of tunnel site waits");
	rig_send(&west);
}

static void
an_offer_of_an_older_generation_is_refused(void **state)
{
	(void)state;
	rig_bring_up();
	ctl_tunnel_rekey(west.tunnels, "site", &rig_err);
	rig_pass(100);
	size_t bytes = keep_offer(&west, offer); /* generation 2, lost on its way */
	rig_fail(&west);
	ctl_tunnel_rekey(east.tunnels, "site", &rig_err);
	rig_tick(&east);
	assert_true(rig_deliver(&east) > 0); /* generation 2, by east */
	assert_int_equal(rig_accept(&east, offer, bytes, answer), -ESTALE);
	assert_says("is an old one");
	rig_send(&east);
	rig_send(&west);
}

static void
a_key_that_was_used_is_refused_also_after_a_restart(void **state)
{
	(void)state;
	rig_pass(100);
	rig_fail(&east);
	size_t bytes = keep_offer(&west, offer);
	assert_true(rig_deliver(&west) > 0);
	/* East sends: its key's numbers are used. */
	ctl_tunnel_out_sa(east.tunnel)->hot->mut->out_seq = 5;
	rig_restart(&east);
	assert_int_equal(rig_accept(&east, offer, bytes, answer), -ESTALE);
	assert_says("in use here before");
	assert_int_equal(east.tunnel->n_in, 0); /* nothing is left of the try */
}

static void
a_gateway_that_begins_anew_takes_the_others_count(void **state)
{
	(void)state;
	rig_bring_up();
	for (int i = 0; i < 5; i++) {
		ctl_tunnel_rekey(west.tunnels, "site", &rig_err);
		rig_pass(100);
		assert_true(rig_deliver(&west) > 0);
	}
	assert_int_equal(west.tunnel->generation, 6);
	rig_restart(&east);
	assert_int_equal(east.tunnel->generation, 0);
	rig_tick(&east);
	assert_true(rig_deliver(&east) > 0);
	assert_int_equal(east.tunnel->generation, 7);
	assert_int_equal(west.tunnel->generation, 7);
	rig_send(&west);
	rig_send(&east);
}

static void
an_offer_from_before_the_peer_began_anew_is_refused(void **state)
{
	(void)state;
	rig_bring_up();
	ctl_tunnel_rekey(east.tunnels, "site", &rig_err);
	rig_pass(100);
	size_t bytes = keep_offer(&east, offer); /* never arrives, until it is too late */
	rig_fail(&east);
	rig_restart(&east);
	rig_tick(&east);
	assert_true(rig_deliver(&east) > 0);
	assert_int_equal(rig_accept(&west, offer, bytes, answer), -ESTALE);
	assert_says("began anew");
	rig_send(&west);
	rig_send(&east);
}

/* ---- both at once ---- */
static void
offers_that_cross_converge_on_the_higher_nonce(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		rig_set_up_tunnel(state);
		rig_pass(100);
		struct gateway *first =
		    memcmp(west.tunnel->pending.nonce, east.tunnel->pending.nonce, CTL_NONCE_BYTES) > 0 ? &west : &east;
		struct gateway *second = rig_peer(first);

		/* The lower one arrives, and is refused. */
		assert_int_equal(rig_accept(first, second->running->offer, second->running->bytes, answer), -EBUSY);
		assert_says("crossed");
		if (i % 2 == 0)
			rig_fail(second);
		assert_true(rig_deliver(first) > 0);
		assert_null(second->running);
		assert_int_equal(second->cancelled, i % 2 == 0 ? 0 : 1);
		rig_send(&west);
		rig_send(&east);
		assert_int_equal(west.tunnel->generation, 1);
		assert_int_equal(east.tunnel->generation, 1);
		rig_pass(60000);
		assert_null(west.running);
		assert_null(east.running);
		if (i < 7)
			rig_tear_down(state);
	}
}

static void
an_offer_that_waits_gives_way_to_the_peers(void **state)
{
	(void)state;
	rig_pass(100);
	struct gateway *first =
	    memcmp(west.tunnel->pending.nonce, east.tunnel->pending.nonce, CTL_NONCE_BYTES) > 0 ? &west : &east;
	struct gateway *second = rig_peer(first);

	rig_fail(first); /* it cannot reach its peer, though its nonce is the higher one */
	assert_true(rig_deliver(second) > 0);
	rig_send(&west);
	rig_send(&east);
	assert_false(first->tunnel->pending.open);
}

static void
two_offers_by_hand_that_were_both_taken_lose_nothing(void **state)
{
	(void)state;
	rig_bring_up();
	int n = ctl_tunnel_offer(west.tunnels, "site", false, offer, &rig_err);
	int m = ctl_tunnel_offer(east.tunnels, "site", false, other, &rig_err);

	assert_true(n > 0 && m > 0);
	assert_true(rig_accept(&east, offer, (size_t)n, answer) > 0);
	int a = rig_accept(&west, other, (size_t)m, answer);
	assert_true(a == -ESTALE || a > 0);
	rig_send(&west);
	rig_send(&east);
	rig_pass(60000);
	rig_send(&west);
	rig_send(&east);
	ctl_tunnel_rekey(west.tunnels, "site", &rig_err);
	rig_pass(100);
	assert_true(rig_deliver(&west) > 0);
	rig_send(&west);
	rig_send(&east);
	rig_pass(100);
	rig_pass(31000);
	assert_int_equal(rig_sas(&west), 2); /* and leave nothing */
	assert_int_equal(rig_sas(&east), 2);
	rig_send(&west);
	rig_send(&east);
}

#define PLAIN(test)  cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)
#define TUNNEL(test) cmocka_unit_test_setup_teardown(test, rig_set_up_tunnel, rig_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TUNNEL(the_prefixes_are_protected_before_there_is_a_key),
	    TUNNEL(what_a_tunnel_wants_of_its_packets_holds_for_each_outbound_sa),
	    TUNNEL(an_exchange_gives_both_directions_a_key_of_their_own),
	    TUNNEL(the_responder_switches_with_the_offer_and_the_initiator_with_the_answer),
	    TUNNEL(an_old_inbound_sa_goes_an_overlap_after_the_peer_is_known_to_have_left_it),
	    TUNNEL(a_lost_answer_is_made_again_for_the_same_offer),
	    TUNNEL(an_offer_that_stays_refused_makes_way_for_a_new_one),
	    TUNNEL(an_offer_whose_answer_arrived_is_not_taken_again),
	    TUNNEL(an_answer_is_taken_once),
	    TUNNEL(an_offer_of_an_older_generation_is_refused),
	    TUNNEL(a_key_that_was_used_is_refused_also_after_a_restart),
	    TUNNEL(a_gateway_that_begins_anew_takes_the_others_count),
	    TUNNEL(an_offer_from_before_the_peer_began_anew_is_refused),
	    cmocka_unit_test_teardown(offers_that_cross_converge_on_the_higher_nonce, rig_tear_down),
	    TUNNEL(an_offer_that_waits_gives_way_to_the_peers),
	    TUNNEL(two_offers_by_hand_that_were_both_taken_lose_nothing),
	};
	return cmocka_run_group_tests(tests, rig_dpdk, NULL);
}
