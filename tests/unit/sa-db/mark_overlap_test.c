/* SPDX-License-Identifier: BSD-3-Clause
 * SAs of one key that overlap within grace periods, and the numbers at the very limit of a mark. */
#include "tests/unit/sa-db/rig.h"

#include "tests/unit/eal.h"

#define WORKER 3

static void
del(struct sadb *db, uint32_t n)
{
	struct sadb_sa_key key = rig_key(n);
	assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
}

/* Three SAs of one key: the end of the first says nothing about the second, which a worker still holds. */
static void
the_end_of_the_first_sa_does_not_lower_the_floor_of_the_third(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct rte_rcu_qsbr *qsbr = sadb_qsbr(db);
	(void)state;
	rte_rcu_qsbr_thread_register(qsbr, WORKER);
	rte_rcu_qsbr_thread_online(qsbr, WORKER);
	rig_add(db, 1);
	rig_commit(db);
	del(db, 1);
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa *second = rig_lookup(db, 1);
	rte_rcu_qsbr_quiescent(qsbr, WORKER);
	rig_reclaim_all(db); /* the first has ended */
	uint64_t limit = second->mut->out_limit;
	del(db, 1);
	rig_add(db, 1);
	rig_commit(db);
	assert_true(rig_take(rig_lookup(db, 1), 1) > limit);
	rte_rcu_qsbr_thread_offline(qsbr, WORKER);
	rte_rcu_qsbr_thread_unregister(qsbr, WORKER);
	sadb_destroy(db);
}

/* The add of a batch at the limit runs past it. What was refused was not used, so the next SA starts right above. */
static void
numbers_refused_at_the_limit_are_not_lost(void **state)
{
	struct sadb *db = rig_create(NULL);
	uint64_t first;
	unsigned n;
	(void)state;
	rig_add(db, 1);
	rig_commit(db);
	struct sadb_sa_mut *mut = rig_lookup(db, 1)->mut;
	uint64_t limit = mut->out_limit;
	assert_int_equal(sadb_sa_seq_take(mut, 1, &first), 1);
	while ((n = sadb_sa_seq_take(mut, 64, &first)) == 64)
		;
	assert_int_equal(n, 63);
	assert_int_equal(mut->out_seq, limit + 1);
	del(db, 1);
	rig_reclaim_all(db);
	rig_add(db, 1);
	rig_commit(db);
	assert_int_equal(rig_take(rig_lookup(db, 1), 1), limit + 1);
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_end_of_the_first_sa_does_not_lower_the_floor_of_the_third),
	    cmocka_unit_test(numbers_refused_at_the_limit_are_not_lost),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
