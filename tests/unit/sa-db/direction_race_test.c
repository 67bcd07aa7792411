/* SPDX-License-Identifier: BSD-3-Clause
 * An address becomes ours while workers send to it: the key was used to send or it is inbound, never both. */
#include "tests/unit/sa-db/rig.h"

#include <pthread.h>
#include <sched.h>

#include "tests/unit/eal.h"

#define WORKERS 3
#define ROUNDS  400

struct round {
	struct sadb *db;
	struct sadb_sa *sa;
	uint32_t n;
	pthread_barrier_t start;
};

struct worker {
	struct round *round;
	unsigned number;
	uint64_t sent;
	bool may_receive;
};

/* As the stages do: send a few batches, then look for the SA that a packet names and heed its direction. */
static void *
work(void *arg)
{
	struct worker *worker = arg;
	struct round *round = worker->round;
	uint64_t first;

	rte_rcu_qsbr_thread_register(sadb_qsbr(round->db), worker->number);
	rte_rcu_qsbr_thread_online(sadb_qsbr(round->db), worker->number);
	pthread_barrier_wait(&round->start);
	for (unsigned pause = worker->number * (round->n % 16); pause > 0; pause--)
		sched_yield();
	for (unsigned i = 0; i < 8; i++) {
		worker->sent += sadb_sa_seq_take(round->sa->mut, 64, &first);
		/* A packet is let in when the route table says that it is for us. */
		const struct sadb_nexthop *hop =
		    sadb_fib_lookup(sadb_vnet_fib(sadb_underlay(round->db)), round->sa->dst_v4_be);
		if (hop == NULL || hop->kind != SADB_ROUTE_LOCAL)
			continue;
		struct sadb_sa *sa = rig_lookup(round->db, round->n);
		worker->may_receive |= sa != NULL && sa->dir == SADB_DIR_IN;
	}
	rte_rcu_qsbr_thread_offline(sadb_qsbr(round->db), worker->number);
	rte_rcu_qsbr_thread_unregister(sadb_qsbr(round->db), worker->number);
	return NULL;
}

static void
no_key_both_sends_and_receives_when_an_address_comes(void **state)
{
	struct sadb *db = rig_create(NULL);
	(void)state;
	for (uint32_t n = 0; n < ROUNDS; n++) {
		struct round round = {.db = db, .n = n};
		struct worker worker[WORKERS];
		pthread_t thread[WORKERS];
		struct sadb_sa_key key = rig_key(n);
		uint64_t sent = 0;
		bool may_receive = false;

		rig_own_address(db, NULL);
		rig_add(db, n);
		rig_commit(db);
		round.sa = rig_lookup(db, n);
		pthread_barrier_init(&round.start, NULL, WORKERS + 1);
		for (unsigned i = 0; i < WORKERS; i++) {
			worker[i] = (struct worker){.round = &round, .number = i};
			assert_int_equal(pthread_create(&thread[i], NULL, work, &worker[i]), 0);
		}
		pthread_barrier_wait(&round.start);
		rig_own_address(db, "192.0.2.2");
		for (unsigned i = 0; i < WORKERS; i++) {
			pthread_join(thread[i], NULL);
			sent += worker[i].sent;
			may_receive |= worker[i].may_receive;
		}
		pthread_barrier_destroy(&round.start);
		assert_int_equal(sadb_sa_find(db, &key)->config.dir, sent > 0 ? SADB_DIR_ANY : SADB_DIR_IN);
		assert_int_equal(rig_lookup(db, n)->dir, sent > 0 ? SADB_DIR_OUT : SADB_DIR_IN);
		assert_false(sent > 0 && may_receive);
		assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
		rig_reclaim_all(db);
		rig_commit(db);
	}
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_key_both_sends_and_receives_when_an_address_comes),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
