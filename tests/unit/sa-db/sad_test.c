/* SPDX-License-Identifier: BSD-3-Clause
 * The table that finds SAs: against a plain list, when it is full, and under readers whose SAs must never be missed. */
#include "tests/unit/sa-db/rig.h"

#include <pthread.h>
#include <sched.h>

#include "sa-db/sadb_private.h"
#include "tests/unit/eal.h"

#define SAS 400 /* of which a table of 200 holds half at a time */

static struct sadb *
create(uint32_t max_sas)
{
	struct sadb_config config = rig_config(NULL);
	config.max_sas = max_sas;
	struct sadb *db = sadb_create(&config, &rig_err);
	assert_non_null(db);
	assert_int_equal(sadb_vnet_add(db, 1, "blue", &rig_err), 0);
	return db;
}

static void
del(struct sadb *db, uint32_t n)
{
	struct sadb_sa_key key = rig_key(n);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
}

/* A larval SA under the key of number n. */
static void
reserve(struct sadb *db, uint32_t n)
{
	struct sadb_sa_config config = rig_sa(n);
	uint32_t spi = rte_be_to_cpu_32(config.spi_be);
	rte_be32_t got;
	assert_int_equal(sadb_spi_alloc(db, &config, spi, spi, &got, &rig_err), 0);
	assert_int_equal(got, config.spi_be);
}

enum now { ABSENT, LARVAL, FULL };

static void
agree(struct sadb *db, const enum now now[])
{
	for (uint32_t n = 0; n < SAS; n++) {
		struct sadb_sa_key key = rig_key(n);
		const struct sadb_sa_cold *cold = sadb_sa_find(db, &key);
		struct sadb_sa *sa = rig_lookup(db, n);
		assert_int_equal(cold != NULL, now[n] != ABSENT);
		assert_int_equal(sa != NULL, now[n] == FULL);
		assert_true(cold == NULL || cold->config.spi_be == key.spi_be);
		assert_true(sa == NULL || sa->cold == cold);
	}
}

/* Every passed bucket was left by the SAs that passed it, and every slot is free. */
static void
assert_empty(const struct sadb *db)
{
	assert_int_equal(db->sa_count, 0);
	assert_int_equal(db->sad.n_free, db->positions);
	for (uint32_t i = 0; i < db->sad.buckets; i++)
		assert_int_equal(db->sad.passed[i], 0);
}

static void
it_agrees_with_a_plain_list_through_any_changes(void **state)
{
	struct sadb *db = create(SAS / 2);
	enum now now[SAS] = {ABSENT};
	uint32_t seed = 1, count = 0, passed = 0;
	(void)state;
	for (unsigned step = 0; step < 60000; step++) {
		seed = seed * 1664525 + 1013904223;
		uint32_t n = (seed >> 8) % SAS;
		if (now[n] == FULL || (now[n] == LARVAL && seed >> 31)) {
			del(db, n);
			now[n] = ABSENT;
			count--;
		} else if (now[n] == LARVAL || count < SAS / 2) {
			count += now[n] == ABSENT;
			now[n] = now[n] == ABSENT && seed >> 30 == 0 ? LARVAL : FULL;
			if (now[n] == LARVAL)
				reserve(db, n);
			else
				rig_add(db, n);
		}
		assert_int_equal(sadb_sa_count(db), count);
		if (step % 64 == 0)
			sadb_reclaim(db);
		if (step % 1000 == 0)
			agree(db, now);
		for (uint32_t i = 0; i < db->sad.buckets && step % 1000 == 0; i++)
			passed += db->sad.passed[i];
	}
	assert_true(passed > 0); /* or the interesting part was never seen */
	sadb_sa_flush(db, 0);
	assert_empty(db);
	memset(now, 0, sizeof(now));
	agree(db, now);
	sadb_destroy(db);
}

static void
keys_that_differ_in_any_part_are_different(void **state)
{
	struct sadb *db = create(8);
	struct sadb_sa_key right = rig_key(1);
	(void)state;
	rig_add(db, 1);
	for (unsigned byte = 0; byte < sizeof(right); byte++) {
		struct sadb_sa_key key = right;
		const struct sadb_sa_key *keys[1] = {&key};
		struct sadb_sa *out[1] = {NULL};
		((uint8_t *)&key)[byte] ^= 0x40;
		if (byte >= offsetof(struct sadb_sa_key, zero))
			continue; /* always zero: sadb_sa_key_make() */
		sadb_sa_lookup(db, keys, 1, out);
		assert_null(out[0]);
		assert_null(sadb_sa_find(db, &key));
	}
	sadb_destroy(db);
}

static void
a_full_table_takes_the_last_one_and_says_what_the_limit_is(void **state)
{
	static const uint32_t sizes[] = {1, 2, 3, 7, 64, 100};
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(sizes); i++) {
		struct sadb *db = create(sizes[i]);
		struct sadb_sa_config config = rig_sa(SAS);
		for (uint32_t n = 0; n < sizes[i]; n++)
			rig_add(db, n);
		assert_int_equal(sadb_sa_add(db, &config, &rig_err), -ENOSPC);
		assert_non_null(strstr(rig_err.text, "max_sas"));
		for (uint32_t n = 0; n < sizes[i]; n++)
			assert_non_null(rig_lookup(db, n));
		/* A full set can be exchanged at once. */
		for (uint32_t n = 0; n < sizes[i]; n++)
			del(db, n);
		for (uint32_t n = 0; n < sizes[i]; n++)
			rig_add(db, 1000 + n);
		assert_int_equal(sadb_sa_count(db), sizes[i]);
		sadb_destroy(db);
	}
}

static void
what_a_worker_holds_is_bounded_too(void **state)
{
	struct sadb *db = create(4);
	struct sadb_sa_config config = rig_sa(77);
	uint32_t n = 0;
	int rc = 0;
	(void)state;
	rte_rcu_qsbr_thread_register(sadb_qsbr(db), 0);
	rte_rcu_qsbr_thread_online(sadb_qsbr(db), 0); /* and is not quiescent from here on */
	while (rc == 0 && n < 100) {
		config = rig_sa(n);
		rc = sadb_sa_add(db, &config, &rig_err);
		if (rc == 0)
			del(db, n++);
	}
	assert_int_equal(rc, -ENOSPC);
	assert_in_range(n, 4, 6);
	assert_non_null(strstr(rig_err.text, "worker"));
	rte_rcu_qsbr_quiescent(sadb_qsbr(db), 0);
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	rte_rcu_qsbr_thread_offline(sadb_qsbr(db), 0);
	rte_rcu_qsbr_thread_unregister(sadb_qsbr(db), 0);
	sadb_destroy(db);
}

static void
a_dump_sees_every_sa_that_stays_once(void **state)
{
	struct sadb *db = create(64);
	unsigned seen[SAS] = {0};
	uint32_t other = 100;
	(void)state;
	for (uint32_t n = 0; n < 32; n++)
		rig_add(db, n);
	const struct sadb_sa_cold *sa;
	uint32_t next = 0;
	while ((sa = sadb_sa_at(db, next)) != NULL && other < 300) {
		struct sadb_sa_config config = rig_sa(7); /* one that stays, rebuilt before and after it is seen */
		next = sa->slot + 1;
		seen[rte_be_to_cpu_32(sa->config.spi_be) - 0x1000]++;
		if (other > 100)
			del(db, other - 1);
		rig_add(db, other++);
		config.reqid = 0x100 + next;
		assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
		sadb_reclaim(db);
	}
	for (uint32_t n = 0; n < 32; n++)
		assert_int_equal(seen[n], 1);
	sadb_destroy(db);
}

/* ---- readers ---- */
#define READERS 2
#define STAY    16 /* SAs that are never touched */
#define ROUNDS  3000
#define LOOKS   500

struct reader {
	struct sadb *db;
	pthread_t thread;
	unsigned n;
	bool *stop;
	uint64_t rounds, missed;
};

static void *
read_on(void *arg)
{
	struct reader *reader = arg;
	struct sadb_sa_key key[STAY];
	const struct sadb_sa_key *keys[STAY];
	struct sadb_sa *out[STAY];
	struct rte_rcu_qsbr *qsbr = sadb_qsbr(reader->db);

	for (unsigned i = 0; i < STAY; i++) {
		key[i] = rig_key(i);
		keys[i] = &key[i];
	}
	rte_rcu_qsbr_thread_register(qsbr, reader->n);
	rte_rcu_qsbr_thread_online(qsbr, reader->n);
	while (!__atomic_load_n(reader->stop, __ATOMIC_RELAXED)) {
		sadb_sa_lookup(reader->db, keys, STAY, out);
		for (unsigned i = 0; i < STAY; i++)
			reader->missed += out[i] == NULL || out[i]->spi_be != key[i].spi_be;
		__atomic_fetch_add(&reader->rounds, 1, __ATOMIC_RELAXED); /* the writer waits for some */
		rte_rcu_qsbr_quiescent(qsbr, reader->n);
	}
	rte_rcu_qsbr_thread_offline(qsbr, reader->n);
	rte_rcu_qsbr_thread_unregister(qsbr, reader->n);
	return NULL;
}

static bool
all_read_on(const struct reader reader[READERS])
{
	for (unsigned i = 0; i < READERS; i++)
		if (__atomic_load_n(&reader[i].rounds, __ATOMIC_RELAXED) < LOOKS)
			return false;
	return true;
}

/* In the same few buckets others come and go all the time, pass full ones, and leave them. */
static void
an_sa_that_stays_is_never_missed_while_others_come_and_go(void **state)
{
	struct sadb *db = create(64);
	struct reader reader[READERS] = {{0}};
	bool stop = false;
	(void)state;
	for (uint32_t n = 0; n < 40; n++) /* so that some of those that stay have passed a full bucket */
		rig_add(db, 100 + n);
	for (uint32_t n = 0; n < STAY; n++)
		rig_add(db, n);
	for (unsigned i = 0; i < READERS; i++) {
		reader[i] = (struct reader){.db = db, .n = i, .stop = &stop};
		assert_int_equal(pthread_create(&reader[i].thread, NULL, read_on, &reader[i]), 0);
	}
	for (unsigned round = 0; round < ROUNDS || !all_read_on(reader); round++) {
		uint32_t n = 100 + round % 40;
		del(db, n);
		rig_add(db, n); /* in the same place, perhaps: the grace period is for the memory */
		while (sadb_reclaim(db) > 16)
			sched_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(reader[i].thread, NULL);
		assert_int_equal(reader[i].missed, 0);
	}
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_agrees_with_a_plain_list_through_any_changes),
	    cmocka_unit_test(keys_that_differ_in_any_part_are_different),
	    cmocka_unit_test(a_full_table_takes_the_last_one_and_says_what_the_limit_is),
	    cmocka_unit_test(what_a_worker_holds_is_bounded_too),
	    cmocka_unit_test(a_dump_sees_every_sa_that_stays_once),
	    cmocka_unit_test(an_sa_that_stays_is_never_missed_while_others_come_and_go),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
