/* SPDX-License-Identifier: BSD-3-Clause
 * A commit is seen whole or not at all: by workers that look up meanwhile, and when memory runs out in the middle of it.
 * The linker puts the functions below in the place of the allocators (see meson.build). */
#include "tests/unit/sa-db/spd_oracle.h"

#include <pthread.h>
#include <sched.h>

#include "sa-db/slab.h"
#include "tests/unit/eal.h"

/* ---- allocators that fail ---- */

static unsigned fail_in; /* the allocation that fails, counted from 1; 0: none */

void *__real_sadb_slab_alloc(struct sadb_slab *slab);
void *__wrap_sadb_slab_alloc(struct sadb_slab *slab);
void *__real_calloc(size_t n, size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);

static bool
fails(void)
{
	return fail_in > 0 && --fail_in == 0;
}

void *
__wrap_sadb_slab_alloc(struct sadb_slab *slab)
{
	return fails() ? NULL : __real_sadb_slab_alloc(slab);
}

void *
__wrap_calloc(size_t n, size_t bytes)
{
	return fails() ? NULL : __real_calloc(n, bytes);
}

void *
__wrap_aligned_alloc(size_t align, size_t bytes)
{
	return fails() ? NULL : __real_aligned_alloc(align, bytes);
}

static struct sadb *
create(void)
{
	struct sadb_config config = rig_config(NULL);
	config.max_policies = ORACLE_MAX;
	struct sadb *db = sadb_create(&config, &rig_err);
	assert_non_null(db);
	assert_int_equal(sadb_vnet_add(db, 1, "blue", &rig_err), 0);
	return db;
}

/* The first allocations of a commit fail one after the other, the later ones now and then; what more is staged meanwhile
 * comes with the commit that succeeds. */
static unsigned
commit_with_failures(struct sadb *db, struct oracle *now, const struct oracle *published, unsigned *seed)
{
	unsigned failures = 0;
	for (unsigned nth = 1;; nth += 1 + nth / 8) {
		fail_in = nth;
		int rc = sadb_commit(db, &rig_err);
		bool all = fail_in > 0;
		fail_in = 0;
		if (all) {
			assert_int_equal(rc, 0);
			return failures;
		}
		assert_int_equal(rc, -ENOMEM);
		assert_non_null(strstr(rig_err.text, "the old one stays"));
		oracle_check(published, db, 1, seed);
		if (failures % 4 == 3)
			oracle_change(now, db, ORACLE_MIXED, seed);
		failures++;
	}
}

static void
a_commit_without_memory_leaves_the_old_table_and_succeeds_later(void **state)
{
	static struct oracle now, published;
	struct sadb *db = create();
	unsigned seed = 3, failures = 0;
	(void)state;
	for (unsigned commit = 0; commit < 60; commit++) {
		if (commit % 20 == 19) {
			sadb_policy_flush(db);
			now.n = 0;
		}
		oracle_change(&now, db, (enum oracle_taste)(commit % ORACLE_TASTES), &seed);
		failures += commit_with_failures(db, &now, &published, &seed);
		published = now;
		oracle_check(&published, db, 60, &seed);
		rig_reclaim_all(db);
	}
	assert_true(failures > 100);
	sadb_destroy(db);
}

static void
an_add_without_memory_leaves_no_trace(void **state)
{
	static struct oracle now;
	struct sadb *db = create();
	unsigned seed = 4, failures = 0;
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct sadb_policy_config config = oracle_policy(ORACLE_PORTS, &seed);
		for (fail_in = 1;; fail_in = failures + 1) {
			unsigned nth = fail_in;
			int rc = sadb_policy_add(db, &config, true, &rig_err);
			bool all = fail_in > 0;
			fail_in = 0;
			if (all || rc == 0)
				break;
			assert_int_equal(rc, -ENOMEM);
			failures = nth;
			config.index = 0;
		}
		assert_int_equal(sadb_policy_del(db, &config, NULL, &rig_err), 0);
		assert_int_equal(sadb_policy_count(db, SADB_POLICY_OUT), 0);
		rig_commit(db);
		oracle_check(&now, db, 4, &seed);
		assert_true(failures >= 3);
		failures = 0;
	}
	sadb_destroy(db);
}

/* ---- a worker that looks on ---- */

#define ROUNDS 2000 /* at least, and until the worker has seen so many */
#define SEEN   100

/* What the policies of a round are like: two of them, with the round's number as reqid. */
enum round_kind { WIDE, NARROW, NARROW_REPLACED, WITH_PORTS, ROUND_KINDS };

struct watcher {
	struct sadb *db;
	bool *stop;
	uint64_t rounds; /* that it has seen */
};

static void
make_round(uint32_t round, struct sadb_policy_config policy[2])
{
	unsigned kind = round % ROUND_KINDS;
	policy[0] = rig_policy(kind == WIDE ? "10.1.0.0/16" : "10.1.1.0/24", 5, round);
	policy[1] = rig_policy(kind == WIDE ? "10.2.0.0/16" : "10.2.2.2/32", 5, round);
	for (unsigned i = 0; i < 2 && kind == WITH_PORTS; i++) {
		policy[i].sel.proto = IPPROTO_UDP;
		policy[i].sel.dport_be = rte_cpu_to_be_16(53);
		policy[i].sel.dport_mask_be = UINT16_MAX;
	}
}

static void
look(struct watcher *watcher, const struct sadb_flow_v4 flow[2], uint32_t *last)
{
	const struct sadb_spd *spd = sadb_vnet_spd(sadb_vnet_find(watcher->db, 1), SADB_POLICY_OUT);
	const struct sadb_flow_v4 *flows[] = {&flow[0], &flow[1]};
	struct sadb_policy *policy[2], *fragment;
	bool blocked;

	if (spd == NULL)
		return;
	sadb_spd_lookup(spd, flows, 2, policy);
	fragment = sadb_spd_lookup_fragment(spd, &flow[0], &blocked);
	/* cmocka's asserts belong to the main thread */
	if (policy[0] == NULL || policy[1] == NULL || policy[0]->tmpl.reqid != policy[1]->tmpl.reqid)
		abort();
	uint32_t round = policy[0]->tmpl.reqid;
	if (round < *last || blocked != (round % ROUND_KINDS == WITH_PORTS) || (fragment == NULL) != blocked)
		abort();
	if (!blocked && fragment != policy[0])
		abort();
	if (round != *last)
		__atomic_add_fetch(&watcher->rounds, 1, __ATOMIC_RELAXED); /* a count alone */
	*last = round;
}

static void *
watch(void *arg)
{
	struct watcher *watcher = arg;
	struct rte_rcu_qsbr *qsbr = sadb_qsbr(watcher->db);
	const struct sadb_flow_v4 flow[] = {
	    {.src_be = 1, .dst_be = RTE_BE32(0x0a010101), .dport_be = RTE_BE16(53), .proto = IPPROTO_UDP},
	    {.src_be = 1, .dst_be = RTE_BE32(0x0a020202), .dport_be = RTE_BE16(53), .proto = IPPROTO_UDP}};
	uint32_t last = 0;

	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	/* Acquire pairs with the release in the control thread. */
	while (!__atomic_load_n(watcher->stop, __ATOMIC_ACQUIRE)) {
		look(watcher, flow, &last);
		rte_rcu_qsbr_quiescent(qsbr, 0);
	}
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
	return NULL;
}

static void
next_round(struct sadb *db, uint32_t round)
{
	struct sadb_policy_config old[2], fresh[2];
	make_round(round - 1, old);
	make_round(round, fresh);
	for (unsigned i = 0; i < 2; i++) {
		if (round > 1 && round % ROUND_KINDS != NARROW_REPLACED)
			assert_int_equal(sadb_policy_del(db, &old[i], NULL, &rig_err), 0);
		assert_int_equal(sadb_policy_add(db, &fresh[i], round % ROUND_KINDS == NARROW_REPLACED, &rig_err), 0);
	}
	rig_commit(db);
	sadb_reclaim(db);
}

static void
a_worker_sees_every_commit_whole(void **state)
{
	struct sadb *db = create();
	bool stop = false;
	struct watcher watcher = {.db = db, .stop = &stop};
	pthread_t id;
	(void)state;
	/* Neighbours that no round touches: the tables stay, and are many enough to be shared. */
	for (unsigned i = 0; i < 6; i++) {
		struct sadb_policy_config other = rig_policy("172.16.0.0/12", 1, 1);
		other.sel.dst.len = (uint8_t)(12 + i);
		assert_int_equal(sadb_policy_add(db, &other, false, &rig_err), 0);
	}
	next_round(db, 1);
	assert_int_equal(pthread_create(&id, NULL, watch, &watcher), 0);
	for (uint32_t round = 2; round < ROUNDS || __atomic_load_n(&watcher.rounds, __ATOMIC_RELAXED) < SEEN; round++) {
		next_round(db, round);
		sched_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE); /* pairs with the acquire in watch() */
	pthread_join(id, NULL);
	rig_reclaim_all(db);
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_commit_without_memory_leaves_the_old_table_and_succeeds_later),
	    cmocka_unit_test(an_add_without_memory_leaves_no_trace),
	    cmocka_unit_test(a_worker_sees_every_commit_whole),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
