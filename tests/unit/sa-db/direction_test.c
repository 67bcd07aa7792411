/* SPDX-License-Identifier: BSD-3-Clause
 * Whose key it is to seal with, when nobody told a direction: by destination, by what came before, and for ever. */
#include "tests/unit/sa-db/store_rig.h"

#include "tests/unit/eal.h"

#define OURS   "192.0.2.2" /* where rig_sa() leads */
#define MOVED  "192.0.2.9"
#define REMOTE "203.0.113.5"

/* SA n of dir any to another destination. */
static struct sadb_sa_config
to(uint32_t n, const char *dst)
{
	struct sadb_sa_config config = rig_sa(n);
	assert_int_equal(sadb_addr_parse(dst, &config.dst), 0);
	return config;
}

static const struct sadb_sa_cold *
find(struct sadb *db, const struct sadb_sa_config *config)
{
	struct sadb_sa_key key = sadb_sa_key_make(&config->dst, config->spi_be, config->proto);
	const struct sadb_sa_cold *cold = sadb_sa_find(db, &key);
	assert_non_null(cold);
	return cold;
}

static void
add(struct sadb *db, const struct sadb_sa_config *config)
{
	if (sadb_sa_add(db, config, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	rig_commit(db);
}

static void
del(struct sadb *db, const struct sadb_sa_config *config)
{
	struct sadb_sa_key key = sadb_sa_key_make(&config->dst, config->spi_be, config->proto);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	rig_reclaim_all(db);
	rig_commit(db);
}

/* Shown as inbound, for workers too; gives no number, however often it is asked and the control thread looks. */
static void
assert_inbound(struct sadb *db, const struct sadb_sa_config *config)
{
	const struct sadb_sa_cold *cold = find(db, config);
	uint64_t first;
	assert_int_equal(cold->config.dir, SADB_DIR_IN);
	assert_int_equal(cold->hot->dir, SADB_DIR_IN);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(sadb_sa_seq_take(cold->hot->mut, 64, &first), 0);
		sadb_tick(db, 1000 + i, NULL, NULL);
		rig_commit(db);
	}
}

static void
assert_outbound(struct sadb *db, const struct sadb_sa_config *config, uint64_t next)
{
	const struct sadb_sa_cold *cold = find(db, config);
	assert_int_equal(cold->config.dir, SADB_DIR_ANY);
	assert_int_equal(cold->hot->dir, SADB_DIR_OUT); /* a worker lets nothing in through it */
	assert_int_equal(rig_take(cold->hot, 1), next);
}

static void
an_sa_to_our_own_address_receives_and_never_sends(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config sa = rig_sa(1);
	struct sadb_policy_config policy = rig_policy("10.0.0.0/8", 1, 7);
	struct sadb_flow_v4 flow = rig_flow("10.0.0.1", "10.1.2.3", IPPROTO_UDP, 1, 2);
	rig_own_address(db, OURS);
	assert_int_equal(sadb_policy_add(db, &policy, false, &rig_err), 0);
	add(db, &sa);
	assert_inbound(db, &sa);
	rig_receive(db, 1, 5);
	assert_null(sadb_policy_sa(rig_find(db, &flow))); /* not even where a policy leads to ourselves */
	sadb_destroy(db);
}

static void
an_sa_to_any_other_address_sends_and_never_receives(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config sa = to(1, REMOTE);
	rig_own_address(db, OURS);
	add(db, &sa);
	assert_outbound(db, &sa, 1);
	sadb_destroy(db);
}

static void
what_was_told_counts_and_not_the_destination(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config in = to(1, REMOTE), out = rig_sa(2);
	in.dir = SADB_DIR_IN;
	out.dir = SADB_DIR_OUT;
	add(db, &in);
	add(db, &out);
	rig_own_address(db, OURS);
	rig_commit(db);
	assert_inbound(db, &in);
	assert_int_equal(find(db, &out)->config.dir, SADB_DIR_OUT);
	assert_int_equal(find(db, &out)->hot->dir, SADB_DIR_OUT);
	assert_int_equal(rig_take(rig_lookup(db, 2), 1), 1);
	sadb_destroy(db);
}

/* The peer has used the numbers from 1 on. */
static void
a_key_that_received_does_not_send_to_another_destination(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config sa = rig_sa(1), elsewhere = to(1, REMOTE);
	rig_own_address(db, OURS);
	add(db, &sa);
	rig_receive(db, 1, 1);
	del(db, &sa);
	add(db, &elsewhere);
	assert_inbound(db, &elsewhere);
	del(db, &elsewhere);
	elsewhere.dir = SADB_DIR_OUT;
	assert_int_equal(sadb_sa_add(db, &elsewhere, &rig_err), -EEXIST);
	assert_int_equal(rig_err.attr, XFRMA_ALG_AEAD);
	sadb_destroy(db);
}

/* What was not received may have been sent all the same, and be on its way. */
static void
a_key_that_was_inbound_does_not_send_though_nothing_came(void **state)
{
	static const uint8_t dirs[] = {SADB_DIR_ANY, SADB_DIR_IN};
	for (unsigned i = 0; i < 2; i++) {
		struct sadb *db = rig_create(*state);
		struct sadb_sa_config sa = rig_sa(1 + i), elsewhere = to(1 + i, REMOTE);
		rig_own_address(db, OURS);
		sa.dir = dirs[i];
		add(db, &sa);
		del(db, &sa);
		rig_own_address(db, NULL);
		add(db, &elsewhere);
		assert_inbound(db, &elsewhere);
		sadb_destroy(db);
	}
}

/* MOBIKE moves our own address; the kernel may have the new one before or after the SA comes. */
static void
an_inbound_sa_moves_with_our_address_and_remembers_its_window(void **state)
{
	for (unsigned sooner = 0; sooner < 2; sooner++) {
		struct sadb *db = rig_create(*state);
		struct sadb_sa_config before = rig_sa(1 + sooner), after = to(1 + sooner, MOVED);
		rig_own_address(db, OURS);
		add(db, &before);
		rig_receive(db, 1 + sooner, 1000);
		if (sooner)
			rig_own_address(db, MOVED);
		del(db, &before);
		add(db, &after);
		if (!sooner)
			rig_own_address(db, MOVED);
		assert_inbound(db, &after);
		struct sadb_replay *window = find(db, &after)->hot->replay;
		assert_int_equal(sadb_replay_check(window, sadb_replay_hint(window), 1000), SADB_REPLAY_DUP);
		assert_int_equal(sadb_replay_check(window, sadb_replay_hint(window), 1001), SADB_REPLAY_OK);
		sadb_destroy(db);
	}
}

static void
an_outbound_sa_moves_with_the_peers_address_and_goes_on_above(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config before = to(1, MOVED), after = to(1, REMOTE);
	rig_own_address(db, OURS);
	add(db, &before);
	rig_take(find(db, &before)->hot, 10);
	del(db, &before);
	add(db, &after);
	assert_outbound(db, &after, 11);
	sadb_destroy(db);
}

static void
an_address_that_comes_later_turns_an_sa_inbound_that_has_not_sent(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config older = rig_sa(1), sa = rig_sa(2), elsewhere = to(2, REMOTE);
	struct sadb_policy_config policy = rig_policy("10.0.0.0/8", 1, 7);
	struct sadb_flow_v4 flow = rig_flow("10.0.0.1", "10.1.2.3", IPPROTO_UDP, 1, 2);
	older.dir = SADB_DIR_OUT;
	assert_int_equal(sadb_policy_add(db, &policy, false, &rig_err), 0);
	add(db, &older);
	add(db, &sa);
	assert_ptr_equal(sadb_policy_sa(rig_find(db, &flow)), rig_lookup(db, 2));
	rig_own_address(db, OURS);
	assert_ptr_equal(sadb_policy_sa(rig_find(db, &flow)), rig_lookup(db, 1));
	assert_inbound(db, &sa);
	rig_receive(db, 2, 1);
	rig_own_address(db, NULL); /* it stays so when the address goes */
	assert_inbound(db, &sa);
	del(db, &sa);
	add(db, &elsewhere);
	assert_inbound(db, &elsewhere);
	sadb_destroy(db);
}

static void
an_address_that_comes_later_leaves_an_sa_outbound_that_has_sent(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config sa = rig_sa(1);
	add(db, &sa);
	rig_take(rig_lookup(db, 1), 1);
	rig_own_address(db, OURS);
	rig_commit(db);
	assert_outbound(db, &sa, 2);
	/* Nor does it come back as the peer's: what we sent, someone could send back to us. */
	del(db, &sa);
	assert_int_equal(sadb_sa_add(db, &sa, &rig_err), -EEXIST);
	assert_int_equal(rig_err.attr, XFRMA_ALG_AEAD);
	rig_own_address(db, NULL);
	add(db, &sa);
	assert_outbound(db, &sa, 3);
	sadb_destroy(db);
}

static void
one_prefix_of_addresses_counts_like_one_address(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config sa = rig_sa(1);
	struct sadb_route local[2] = {{.dst = rig_prefix("192.0.2.0/24"), .kind = SADB_ROUTE_LOCAL},
				      {.dst = rig_prefix(OURS "/32"), .kind = SADB_ROUTE_UNICAST}};
	sadb_vnet_fib_set(db, sadb_underlay(db), sadb_fib_create(local, 2));
	add(db, &sa);
	assert_int_equal(find(db, &sa)->config.dir, SADB_DIR_ANY);
	sadb_vnet_fib_set(db, sadb_underlay(db), sadb_fib_create(local, 1)); /* the exception is gone */
	assert_inbound(db, &sa);
	sadb_destroy(db);
}

static void
an_address_of_a_virtual_network_says_nothing(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config sa = rig_sa(1);
	struct sadb_route local = {.dst = rig_prefix(OURS "/32"), .kind = SADB_ROUTE_LOCAL};
	sadb_vnet_fib_set(db, sadb_vnet_find(db, 1), sadb_fib_create(&local, 1));
	add(db, &sa);
	assert_outbound(db, &sa, 1);
	sadb_destroy(db);
}

static void
an_update_keeps_the_direction(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config sa = rig_sa(1), out = sa;
	add(db, &sa);
	rig_own_address(db, OURS);
	sa.reqid = 8;
	assert_int_equal(sadb_sa_update(db, &sa, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(find(db, &sa)->config.reqid, 8);
	assert_inbound(db, &sa);
	assert_ptr_equal(rig_lookup(db, 1), find(db, &sa)->hot);
	out.dir = SADB_DIR_OUT;
	assert_int_equal(sadb_sa_update(db, &out, &rig_err), -EINVAL);
	sa.dir = SADB_DIR_IN; /* as it is shown */
	assert_int_equal(sadb_sa_update(db, &sa, &rig_err), 0);
	rig_commit(db);
	assert_inbound(db, &sa);
	sadb_destroy(db);
}

static void
before_the_commit_nothing_is_received(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config sa = rig_sa(1), told = rig_sa(2);
	told.dir = SADB_DIR_IN;
	rig_own_address(db, OURS);
	assert_int_equal(sadb_sa_add(db, &sa, &rig_err), 0);
	assert_int_equal(sadb_sa_add(db, &told, &rig_err), 0);
	assert_null(rig_lookup(db, 1));
	assert_null(rig_lookup(db, 2));
	assert_int_equal(sadb_sa_update(db, &sa, &rig_err), 0);
	assert_null(rig_lookup(db, 1));
	rig_commit(db);
	assert_ptr_equal(rig_lookup(db, 1), find(db, &sa)->hot);
	assert_ptr_equal(rig_lookup(db, 2), find(db, &told)->hot);
	sadb_destroy(db);
}

/* As they come by XFRM from a daemon that moves an SA, or from another gateway. */
static void
sequence_numbers_must_be_of_the_sas_own_direction(void **state)
{
	static const struct {
		uint8_t dir;
		const char *dst;
		uint64_t out_seq, in_seq;
		int rc;
		uint8_t becomes;
	} cases[] = {
	    {SADB_DIR_IN, OURS, 1, 0, -EINVAL, 0},         {SADB_DIR_IN, OURS, 0, 1, 0, SADB_DIR_IN},
	    {SADB_DIR_OUT, REMOTE, 0, 1, -EINVAL, 0},      {SADB_DIR_OUT, REMOTE, 1, 0, 0, SADB_DIR_OUT},
	    {SADB_DIR_ANY, REMOTE, 1, 0, 0, SADB_DIR_ANY}, {SADB_DIR_ANY, REMOTE, 0, 1, 0, SADB_DIR_IN},
	    {SADB_DIR_ANY, REMOTE, 1, 1, -EINVAL, 0},      {SADB_DIR_ANY, OURS, 1, 0, -EINVAL, 0},
	};
	struct sadb *db = rig_create(*state);
	rig_own_address(db, OURS);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_sa_config sa = to(i + 1, cases[i].dst);
		sa.dir = cases[i].dir;
		sa.out_seq = cases[i].out_seq;
		sa.in_seq = cases[i].in_seq;
		int rc = sadb_sa_add(db, &sa, &rig_err);
		if (rc != cases[i].rc || (rc == 0 && find(db, &sa)->config.dir != cases[i].becomes))
			fail_msg("case %u: %d, %s", i, rc, rig_err.text);
		if (rc != 0)
			assert_int_equal(rig_err.attr, XFRMA_REPLAY_VAL);
	}
	sadb_destroy(db);
}

static void
an_update_brings_no_sequence_number_of_the_other_direction(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config in = rig_sa(1), out = to(2, REMOTE);
	rig_own_address(db, OURS);
	add(db, &in);
	add(db, &out);
	in.out_seq = 1;
	out.in_seq = 1;
	assert_int_equal(sadb_sa_update(db, &in, &rig_err), -EINVAL);
	assert_int_equal(sadb_sa_update(db, &out, &rig_err), -EINVAL);
	in.out_seq = 0;
	out.in_seq = 0;
	in.in_seq = 1;
	out.out_seq = 1;
	assert_int_equal(sadb_sa_update(db, &in, &rig_err), 0);
	assert_int_equal(sadb_sa_update(db, &out, &rig_err), 0);
	sadb_destroy(db);
}

/* Added to an address that is not ours yet, deleted, and at once added to one that is: what was reserved for the first
 * must not look like used. */
static void
a_key_that_was_added_elsewhere_but_not_used_may_become_inbound(void **state)
{
	struct sadb *db = rig_create(*state);
	struct sadb_sa_config before = to(1, MOVED), after = rig_sa(1);
	struct sadb_sa_key key = sadb_sa_key_make(&before.dst, before.spi_be, before.proto);
	rig_own_address(db, OURS);
	add(db, &before);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	add(db, &after); /* the grace period was waited for */
	assert_inbound(db, &after);
	sadb_destroy(db);
}

int
main(void)
{
	/* Each twice: in memory only, and with a store. */
#define BOTH(test)                                                                            \
	{#test " (memory)", test, rig_store_set_up, rig_store_tear_down, NULL},               \
	{                                                                                     \
#test " (store)", test, rig_store_set_up, rig_store_tear_down, rig_store_path \
	}
	const struct CMUnitTest tests[] = {
	    BOTH(an_sa_to_our_own_address_receives_and_never_sends),
	    BOTH(an_sa_to_any_other_address_sends_and_never_receives),
	    BOTH(what_was_told_counts_and_not_the_destination),
	    BOTH(a_key_that_received_does_not_send_to_another_destination),
	    BOTH(a_key_that_was_inbound_does_not_send_though_nothing_came),
	    BOTH(an_inbound_sa_moves_with_our_address_and_remembers_its_window),
	    BOTH(an_outbound_sa_moves_with_the_peers_address_and_goes_on_above),
	    BOTH(an_address_that_comes_later_turns_an_sa_inbound_that_has_not_sent),
	    BOTH(an_address_that_comes_later_leaves_an_sa_outbound_that_has_sent),
	    BOTH(one_prefix_of_addresses_counts_like_one_address),
	    BOTH(an_address_of_a_virtual_network_says_nothing),
	    BOTH(an_update_keeps_the_direction),
	    BOTH(before_the_commit_nothing_is_received),
	    BOTH(sequence_numbers_must_be_of_the_sas_own_direction),
	    BOTH(an_update_brings_no_sequence_number_of_the_other_direction),
	    BOTH(a_key_that_was_added_elsewhere_but_not_used_may_become_inbound),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
