/* SPDX-License-Identifier: BSD-3-Clause
 * SAs added, found, updated, deleted. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

static void
an_added_sa_is_found_with_all_that_a_worker_needs(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	(void)state;
	config.flags = SADB_SA_ESN | SADB_SA_DECAP_DSCP;
	config.dir = SADB_DIR_IN;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	struct sadb_sa *sa = rig_lookup(db, 1);
	assert_non_null(sa);
	assert_int_equal(sa->spi_be, config.spi_be);
	assert_memory_equal(sa->salt, config.salt, SADB_SALT_BYTES);
	assert_int_equal(sa->src_v4_be, sadb_addr_to_v4(&config.src));
	assert_int_equal(sa->dst_v4_be, sadb_addr_to_v4(&config.dst));
	assert_ptr_equal(sa->vnet, sadb_vnet_find(db, 1));
	assert_int_equal(sa->flags, config.flags | SADB_HOT_ANY_V6); /* a selector of no family is for both */
	assert_int_equal(sa->aad_bytes, 12);
	assert_int_equal(sa->sel_any, 1);
	assert_int_equal(sa->dir, SADB_DIR_IN);
	assert_int_equal(sa->reqid, 7);
	assert_int_equal(sa->outer_sum, 2 * RTE_BE16(0xc000) + RTE_BE16(0x0201) + RTE_BE16(0x0202));
	assert_int_equal((uintptr_t)sa->key_area % 64, 0);
	assert_memory_equal(((struct rig_area *)sa->key_area)->key, config.key, 32);
	assert_int_equal(sa->replay->window_packets, 64);
	assert_int_equal(sadb_sa_count(db), 1);
	assert_null(rig_lookup(db, 2));
	sadb_destroy(db);
	assert_int_equal(rig_areas, 0);
}

static void
the_cold_part_shows_no_key(void **state)
{
	static const uint8_t zero[SADB_KEY_MAX];
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_key key = rig_key(1);
	(void)state;
	rig_add(db, 1);
	const struct sadb_sa_cold *cold = sadb_sa_find(db, &key);
	assert_non_null(cold);
	assert_memory_equal(cold->config.key, zero, sizeof(zero));
	assert_memory_equal(cold->config.salt, zero, SADB_SALT_BYTES);
	assert_int_equal(cold->config.spi_be, key.spi_be);
	assert_true(cold->add_time_s + 5 >= (uint64_t)time(NULL));
	sadb_destroy(db);
}

static void
a_bulk_lookup_tells_hits_from_misses(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_key key[64];
	const struct sadb_sa_key *keys[64];
	struct sadb_sa *out[64];
	(void)state;
	for (uint32_t n = 0; n < 64; n++) {
		if (n % 3 != 0)
			rig_add(db, n);
		key[n] = rig_key(n);
		keys[n] = &key[n];
	}
	sadb_sa_lookup(db, keys, 64, out);
	for (uint32_t n = 0; n < 64; n++) {
		assert_int_equal(out[n] != NULL, n % 3 != 0);
		if (out[n] != NULL)
			assert_int_equal(out[n]->spi_be, key[n].spi_be);
	}
	sadb_destroy(db);
}

static void
the_same_spi_or_the_same_key_is_refused(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	(void)state;
	rig_add(db, 1);
	memset(config.key, 0x55, sizeof(config.key));
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), -EEXIST); /* same SPI */
	config = rig_sa(1);
	config.spi_be = rte_cpu_to_be_32(0x2000);
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), -EEXIST); /* same key and salt */
	assert_int_equal(rig_err.attr, XFRMA_ALG_AEAD);
	config.salt[0]++;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0); /* another salt: other nonces */
	config = rig_sa(1);
	config.dst = sadb_addr_v4(rte_cpu_to_be_32(0xc0000203));
	config.key[31]++;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0); /* same SPI, another destination */
	sadb_destroy(db);
}

static void
a_key_the_engine_refuses_leaves_nothing(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	(void)state;
	rig_keyer_rc = -EIO;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), -EIO);
	assert_int_equal(sadb_sa_count(db), 0);
	assert_null(rig_lookup(db, 1));
	struct sadb_sa_config inbound = config;
	inbound.dir = SADB_DIR_IN; /* nor does it make the key the peer's */
	assert_int_equal(sadb_sa_add(db, &inbound, &rig_err), -EIO);
	rig_keyer_rc = 0;
	rig_add(db, 1);
	assert_int_equal(rig_areas, 1);
	sadb_destroy(db);
}

static void
the_table_takes_as_many_as_configured(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(64);
	(void)state;
	for (uint32_t n = 0; n < 64; n++)
		rig_add(db, n);
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), -ENOSPC);
	struct sadb_sa_key key = rig_key(5);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	rig_add(db, 64);
	assert_non_null(rig_lookup(db, 64));
	sadb_destroy(db);
}

/* Far more SAs than places come and go: each place must return. */
static void
places_come_back_after_the_grace_period(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	for (uint32_t round = 0; round < 100; round++) {
		for (uint32_t n = 0; n < 64; n++)
			rig_add(db, round * 64 + n);
		for (uint32_t n = 0; n < 64; n++)
			assert_non_null(rig_lookup(db, round * 64 + n));
		assert_int_equal(sadb_sa_flush(db, 0), 64);
		rig_commit(db);
		rig_reclaim_all(db);
		assert_int_equal(rig_areas, 0);
	}
	assert_int_equal(sadb_sa_count(db), 0);
	sadb_destroy(db);
}

static void
a_deleted_sa_is_gone_and_dead_but_stays_until_workers_are_done(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct rte_rcu_qsbr *qsbr = sadb_qsbr(db);
	struct sadb_sa_key key = rig_key(1);
	(void)state;
	rte_rcu_qsbr_thread_register(qsbr, 3);
	rte_rcu_qsbr_thread_online(qsbr, 3);
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa *sa = rig_lookup(db, 1);
	assert_false(sadb_sa_stopped(sa));
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
	assert_null(rig_lookup(db, 1));
	assert_null(sadb_sa_find(db, &key));
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), -ESRCH);
	assert_true(sadb_reclaim(db) > 0);
	assert_true(sadb_sa_stopped(sa)); /* still memory of ours */
	assert_int_equal(((struct rig_area *)sa->key_area)->alive, RIG_ALIVE);
	assert_int_equal(rig_areas, 1);
	rte_rcu_qsbr_quiescent(qsbr, 3);
	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 0);
	rte_rcu_qsbr_thread_offline(qsbr, 3);
	rte_rcu_qsbr_thread_unregister(qsbr, 3);
	sadb_destroy(db);
}

static void
an_update_keeps_sequence_window_and_counters(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	struct sadb_sa_key key = rig_key(1);
	uint64_t seq = 1000;
	enum sadb_replay_verdict verdict;
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa *before = rig_lookup(db, 1);
	uint64_t add_time_s = before->cold->add_time_s;
	uint32_t slot = before->cold->slot;
	assert_int_equal(rig_take(before, 10), 1);
	assert_int_equal(sadb_sa_use(before, 10, 1000, 5), SADB_USE_OK);
	sadb_replay_commit(before->replay, &seq, 1, &verdict);
	assert_int_equal(verdict, SADB_REPLAY_OK);

	config.reqid = 8;
	config.flags = SADB_SA_NOECN;
	config.sel.dst = rig_prefix("10.0.0.0/8");
	config.life.hard_packets = 12;
	config.out_seq = 3; /* behind: does not count */
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	rig_commit(db);
	struct sadb_sa *sa = rig_lookup(db, 1);
	assert_ptr_not_equal(sa, before);
	assert_ptr_equal(sa->mut, before->mut);
	assert_int_equal(rig_take(before, 1), 11); /* a worker that holds the old part draws from the same */
	assert_int_equal(rig_take(sa, 1), 12);
	assert_int_equal(sadb_replay_check(sa->replay, sadb_replay_hint(sa->replay), 1000), SADB_REPLAY_DUP);
	assert_int_equal(sa->reqid, 8);
	assert_int_equal(sa->flags, SADB_SA_NOECN);
	assert_int_equal(sa->sel_any, 0);
	assert_int_equal(sa->cold->add_time_s, add_time_s);
	assert_int_equal(sa->cold->slot, slot);
	assert_int_equal(sadb_sa_use(sa, 2, 1, 5), SADB_USE_OK);
	assert_int_equal(sadb_sa_use(sa, 1, 1, 5), SADB_USE_STOPPED | SADB_USE_HARD); /* the new limit */
	assert_int_equal(sadb_sa_count(db), 1);

	rig_reclaim_all(db);
	assert_int_equal(rig_areas, 1);
	assert_int_equal(sa->mut->packets, 12); /* the shared part outlived the old one */
	assert_ptr_equal(sadb_sa_find(db, &key), sa->cold);
	sadb_destroy(db);
	assert_int_equal(rig_areas, 0);
}

static void
an_update_may_move_the_sequence_ahead(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	uint64_t first;
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	config.out_seq = UINT64_C(1) << 31; /* beyond what is reserved */
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	struct sadb_sa *sa = rig_lookup(db, 1);
	assert_int_equal(sadb_sa_seq_take(sa->mut, 1, &first), 0); /* before the mark is safe */
	rig_commit(db);
	assert_int_equal(rig_take(sa, 1), (UINT64_C(1) << 31) + 1);
	sadb_destroy(db);
}

typedef void (*spoil_fn)(struct sadb_sa_config *config);

static void
change_key(struct sadb_sa_config *c)
{
	c->key[0] ^= 1;
}
static void
change_algorithm(struct sadb_sa_config *c)
{
	c->aead = SADB_AEAD_AES_GMAC;
}
static void
change_salt(struct sadb_sa_config *c)
{
	c->salt[0] ^= 1;
}
static void
change_esn(struct sadb_sa_config *c)
{
	c->flags = SADB_SA_ESN;
}
static void
change_src(struct sadb_sa_config *c)
{
	c->src = sadb_addr_v4(5);
}
static void
change_dir(struct sadb_sa_config *c)
{
	c->dir = SADB_DIR_IN;
}
static void
change_vnet(struct sadb_sa_config *c)
{
	c->vnet_id = 2;
}

static void
change_window(struct sadb_sa_config *c)
{
	c->window_packets = 128;
}

static void
an_update_cannot_change_what_an_sa_is(void **state)
{
	static const spoil_fn cases[] = {change_key, change_algorithm, change_salt, change_esn,
					 change_src, change_dir,       change_vnet, change_window};
	struct sadb *db = rig_create(NULL);
	(void)state;
	assert_int_equal(sadb_vnet_add(db, 2, "red", &rig_err), 0);
	rig_add(db, 1);
	struct sadb_sa *sa = rig_lookup(db, 1);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sadb_sa_config config = rig_sa(1);
		cases[i](&config);
		assert_int_equal(sadb_sa_update(db, &config, &rig_err), -EINVAL);
		assert_ptr_equal(rig_lookup(db, 1), sa);
	}
	struct sadb_sa_config missing = rig_sa(2);
	assert_int_equal(sadb_sa_update(db, &missing, &rig_err), -ESRCH);
	sadb_destroy(db);
}

static void
an_update_moves_the_ports_of_udp_but_adds_and_takes_none(void **state)
{
	static const rte_be16_t ports[] = {RTE_BE16(4500), RTE_BE16(61000)};
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	uint32_t both;
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(rig_lookup(db, 1)->encap, 0);
	config.encap_sport_be = config.encap_dport_be = ports[0];
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), -EINVAL);
	assert_int_equal(rig_err.attr, XFRMA_ENCAP);

	config = rig_sa(2);
	config.encap_sport_be = config.encap_dport_be = ports[0];
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	config.encap_dport_be = ports[1];
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	rig_commit(db);
	memcpy(&both, ports, sizeof(both));
	assert_int_equal(rig_lookup(db, 2)->encap, both);
	config.encap_sport_be = config.encap_dport_be = 0;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), -EINVAL);
	assert_int_equal(rig_lookup(db, 2)->encap, both);
	sadb_destroy(db);
}

static void
a_peer_that_moved_is_told_once_for_each_place_and_again_while_nobody_heeds_it(void **state)
{
	static const struct {
		uint64_t now_s;
		uint32_t src;
		uint16_t port;
		bool told;
	} steps[] = {
	    {1000, 1, 10, true},  /* the first move */
	    {1000, 1, 10, false}, /* and its next packets */
	    {1000, 1, 11, false}, /* another port, but within a second */
	    {1001, 1, 11, true},  /* it is due now */
	    {1002, 2, 11, true},  /* another address */
	    {1003, 1, 11, true},  /* and back */
	    {1012, 1, 11, false}, /* nine seconds later */
	    {1013, 1, 11, true},  /* ten */
	    {1013, 1, 11, false}, /* once */
	    {900, 1, 11, true},   /* the clock was set back */
	    {909, 1, 11, false},  /* and goes on from there */
	    {910, 1, 11, true},
	};
	const struct sadb_addr place[] = {sadb_addr_v4(0), sadb_addr_v4(1), sadb_addr_v4(2)};
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	(void)state;
	config.dir = SADB_DIR_IN;
	config.encap_sport_be = config.encap_dport_be = RTE_BE16(4500);
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rig_commit(db);
	struct sadb_sa *sa = rig_lookup(db, 1);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (sadb_sa_moved(sa, &place[steps[i].src], steps[i].port, steps[i].now_s) != steps[i].told)
			fail_msg("step %u", i);
	sadb_sa_moved_untold(sa);
	assert_true(sadb_sa_moved(sa, &place[1], 11, 911));
	config.mapping_s = 60;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	rig_commit(db);
	sa = rig_lookup(db, 1);
	assert_false(sadb_sa_moved(sa, &place[1], 11, 911 + 59));
	assert_true(sadb_sa_moved(sa, &place[1], 11, 911 + 60));
	assert_true(sadb_sa_moved(sa, &place[1], 12, 911 + 61)); /* another place does not wait so long */
	sadb_destroy(db);
}

static void
a_dump_survives_changes_between_its_steps(void **state)
{
	struct sadb *db = rig_create(NULL);
	uint32_t slot = 0;
	unsigned seen = 0, deleted = 0;
	(void)state;
	for (uint32_t n = 0; n < 20; n++)
		rig_add(db, n);
	for (const struct sadb_sa_cold *cold; (cold = sadb_sa_at(db, slot)) != NULL; seen++) {
		slot = cold->slot + 1;
		if (seen % 2 == 0) {
			struct sadb_sa_key key = sadb_sa_key_make(&cold->config.dst, cold->config.spi_be, IPPROTO_ESP);
			assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
			deleted++;
		}
	}
	assert_int_equal(seen, 20);
	assert_int_equal(sadb_sa_count(db), 20 - deleted);
	sadb_destroy(db);
}

static void
a_flush_of_another_protocol_takes_nothing(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	rig_add(db, 1);
	assert_int_equal(sadb_sa_flush(db, IPPROTO_AH), 0);
	assert_int_equal(sadb_sa_flush(db, IPPROTO_ESP), 1);
	rig_add(db, 2);
	assert_int_equal(sadb_sa_flush(db, 255), 1);
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_added_sa_is_found_with_all_that_a_worker_needs),
	    cmocka_unit_test(the_cold_part_shows_no_key),
	    cmocka_unit_test(a_bulk_lookup_tells_hits_from_misses),
	    cmocka_unit_test(the_same_spi_or_the_same_key_is_refused),
	    cmocka_unit_test(a_key_the_engine_refuses_leaves_nothing),
	    cmocka_unit_test(the_table_takes_as_many_as_configured),
	    cmocka_unit_test(places_come_back_after_the_grace_period),
	    cmocka_unit_test(a_deleted_sa_is_gone_and_dead_but_stays_until_workers_are_done),
	    cmocka_unit_test(an_update_keeps_sequence_window_and_counters),
	    cmocka_unit_test(an_update_may_move_the_sequence_ahead),
	    cmocka_unit_test(an_update_cannot_change_what_an_sa_is),
	    cmocka_unit_test(an_update_moves_the_ports_of_udp_but_adds_and_takes_none),
	    cmocka_unit_test(a_peer_that_moved_is_told_once_for_each_place_and_again_while_nobody_heeds_it),
	    cmocka_unit_test(a_dump_survives_changes_between_its_steps),
	    cmocka_unit_test(a_flush_of_another_protocol_takes_nothing),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
