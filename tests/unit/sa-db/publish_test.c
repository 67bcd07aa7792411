/* SPDX-License-Identifier: BSD-3-Clause
 * Publish and retire under concurrent readers: a writer adds, updates and deletes SAs, policies and routes, while
 * readers do what workers do and check all that they see. What is freed is wiped first, so a reader that still uses it
 * finds no living key area; ThreadSanitizer and AddressSanitizer see the rest. */
#include "tests/unit/sa-db/rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "tests/unit/eal.h"

#define READERS 3
#define SAS     48
#define ROUNDS  1500

struct reader {
	struct sadb *db;
	unsigned n;
	bool *stop;
	uint64_t hits, policies, routes;
	bool met_all;
};

static void
check_sa(struct reader *reader, struct sadb_sa *sa, uint32_t n)
{
	const struct rig_area *area = (const void *)sa->key_area;
	uint32_t from_key;
	uint8_t check = 0;
	uint64_t first;

	memcpy(&from_key, area->key, sizeof(from_key));
	for (unsigned i = 0; i < SADB_KEY_MAX; i++)
		check ^= area->key[i];
	if (area->alive != RIG_ALIVE || from_key != n || area->check != check)
		abort(); /* cmocka's asserts belong to the main thread */
	if (sa->spi_be != rte_cpu_to_be_32(0x1000 + n) || sa->cold->config.reqid != sa->reqid || sa->vnet->id != 1)
		abort();
	sadb_sa_seq_take(sa->mut, 1, &first);
	sadb_sa_use(sa, 1, 100, 1);
	uint64_t seq = __atomic_load_n(&sa->mut->packets, __ATOMIC_RELAXED);
	enum sadb_replay_verdict verdict;
	sadb_replay_commit(sa->replay, &seq, 1, &verdict);
	reader->hits++;
}

static void
look_at_sas(struct reader *reader, unsigned seed)
{
	struct sadb_sa_key key[32];
	const struct sadb_sa_key *keys[32];
	struct sadb_sa *out[32];
	uint32_t n[32];
	for (unsigned i = 0; i < 32; i++) {
		n[i] = (seed + i * 7) % SAS;
		key[i] = rig_key(n[i]);
		keys[i] = &key[i];
	}
	sadb_sa_lookup(reader->db, keys, 32, out);
	for (unsigned i = 0; i < 32; i++)
		if (out[i] != NULL)
			check_sa(reader, out[i], n[i]);
}

/* Of the destination that the policy is for. */
static unsigned
second_octet(const struct sadb_policy *policy)
{
	struct sadb_flow_v4 value;
	memcpy(&value, policy->match.value, sizeof(value));
	return rte_be_to_cpu_32(value.dst_be) >> 16 & 0xff;
}

static void
look_at_policies(struct reader *reader)
{
	const struct sadb_vnet *vnet = sadb_vnet_find(reader->db, 1);
	struct sadb_flow_v4 flow[4];
	const struct sadb_flow_v4 *flows[4];
	struct sadb_policy *policy[4];
	bool blocked;
	for (unsigned i = 0; i < 4; i++) {
		flow[i] =
		    (struct sadb_flow_v4){.proto = IPPROTO_UDP, .dst_be = rte_cpu_to_be_32(0x0a000001 + (i << 16))};
		flows[i] = &flow[i];
	}
	const struct sadb_spd *spd = sadb_vnet_spd(vnet, SADB_POLICY_OUT);
	sadb_spd_lookup(spd, flows, 4, policy);
	for (unsigned i = 0; i < 4; i++) {
		if (policy[i] == NULL)
			continue;
		if (policy[i]->tmpl.reqid % 2 != policy[i]->match.priority || second_octet(policy[i]) != i)
			abort();
		__atomic_store_n(&policy[i]->last_use_s, 1, __ATOMIC_RELAXED);
		struct sadb_sa *sa = sadb_policy_sa(policy[i]);
		if (sa != NULL)
			check_sa(reader, sa, rte_be_to_cpu_32(sa->spi_be) - 0x1000);
		struct sadb_policy *by_scan = sadb_spd_lookup_fragment(spd, &flow[i], &blocked);
		if (by_scan == NULL || second_octet(by_scan) != i)
			abort();
		reader->policies++;
	}
}

static void
look_at_routes(struct reader *reader)
{
	const struct sadb_nexthop *hop = sadb_fib_lookup(sadb_vnet_fib(sadb_underlay(reader->db)), 77);
	const struct sadb_neigh_table *neighs = sadb_neighs(reader->db);
	if (hop == NULL)
		return;
	reader->routes++;
	if (hop->gateway_v4_be != hop->port)
		abort();
	struct sadb_neigh *neigh = sadb_neigh_lookup(neighs, 1, 9);
	if (neigh != NULL && neigh->mac[0] != neigh->mac[5])
		abort();
	if (neigh != NULL)
		__atomic_store_n(&neigh->used, 1, __ATOMIC_RELAXED);
}

static void *
read_on(void *arg)
{
	struct reader *reader = arg;
	struct rte_rcu_qsbr *qsbr = sadb_qsbr(reader->db);
	unsigned seed = reader->n;
	rte_rcu_qsbr_thread_register(qsbr, reader->n);
	rte_rcu_qsbr_thread_online(qsbr, reader->n);
	/* Acquire pairs with the release in the writer. */
	while (!__atomic_load_n(reader->stop, __ATOMIC_ACQUIRE)) {
		look_at_sas(reader, seed++);
		look_at_policies(reader);
		look_at_routes(reader);
		bool met_all = reader->hits > 0 && reader->policies > 0 && reader->routes > 0;
		__atomic_store_n(&reader->met_all, met_all, __ATOMIC_RELAXED); /* a flag alone */
		rte_rcu_qsbr_quiescent(qsbr, reader->n);
	}
	rte_rcu_qsbr_thread_offline(qsbr, reader->n);
	rte_rcu_qsbr_thread_unregister(qsbr, reader->n);
	return NULL;
}

static bool
met_all(const struct reader reader[READERS])
{
	for (unsigned i = 0; i < READERS; i++)
		if (!__atomic_load_n(&reader[i].met_all, __ATOMIC_RELAXED))
			return false;
	return true;
}

static void
change_an_sa(struct sadb *db, unsigned *seed)
{
	uint32_t n = (uint32_t)rand_r(seed) % SAS;
	struct sadb_sa_key key = rig_key(n);
	struct sadb_sa_config config = rig_sa(n);
	config.reqid = 7 + (uint32_t)rand_r(seed) % 4;
	if (sadb_sa_find(db, &key) == NULL)
		assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	else if (rand_r(seed) % 2)
		assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	else
		assert_int_equal(sadb_sa_del(db, &key, &rig_err), 0);
}

static void
change_a_policy(struct sadb *db, unsigned *seed)
{
	char dst[32];
	snprintf(dst, sizeof(dst), "10.%u.0.0/16", (unsigned)rand_r(seed) % 4);
	uint32_t reqid = 7 + (uint32_t)rand_r(seed) % 4;
	struct sadb_policy_config config = rig_policy(dst, reqid % 2, reqid);
	if (rand_r(seed) % 8 == 0)
		sadb_policy_del(db, &config, NULL, &rig_err);
	else
		assert_int_equal(sadb_policy_add(db, &config, true, &rig_err), 0);
}

static void
change_a_route(struct sadb *db, unsigned *seed)
{
	uint16_t port = (uint16_t)rand_r(seed);
	uint8_t mac = (uint8_t)rand_r(seed);
	struct sadb_route route = {.dst = rig_prefix("0.0.0.0/0"), .gateway = sadb_addr_v4(port), .port = port};
	struct sadb_neigh neigh = {.addr_v4_be = 9, .port = 1, .mac = {mac, 0, 0, 0, 0, mac}};
	sadb_vnet_fib_set(db, sadb_underlay(db), sadb_fib_create(&route, 1));
	sadb_neighs_set(db, sadb_neigh_table_create(&neigh, 1));
}

static void
readers_never_see_what_is_freed(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct reader reader[READERS] = {{0}};
	pthread_t id[READERS];
	bool stop = false;
	unsigned seed = 5;
	(void)state;
	for (unsigned i = 0; i < READERS; i++) {
		reader[i] = (struct reader){.db = db, .n = i, .stop = &stop};
		assert_int_equal(pthread_create(&id[i], NULL, read_on, &reader[i]), 0);
	}
	/* However late they come: until each of them has met an SA, a policy and a route. */
	for (unsigned round = 0; round < ROUNDS || !met_all(reader); round++) {
		change_an_sa(db, &seed);
		if (round % 8 == 0)
			change_a_policy(db, &seed);
		if (round % 16 == 0)
			change_a_route(db, &seed);
		rig_commit(db);
		sadb_reclaim(db);
		sadb_tick(db, round, NULL, NULL);
	}
	sadb_sa_flush(db, 0);
	sadb_policy_flush(db);
	rig_commit(db);
	while (sadb_reclaim(db) > 0) /* the readers go on: the grace periods must end without them stopping */
		sched_yield();
	assert_int_equal(rig_areas, 0);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE); /* pairs with the acquire in read_on() */
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(id[i], NULL);
	sadb_destroy(db);
}

static unsigned freed;

static void
count_freed(void *p)
{
	assert_ptr_equal(p, &freed);
	freed++;
}

static void
what_is_retired_is_freed_after_every_registered_worker_was_quiescent(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct rte_rcu_qsbr *qsbr = sadb_qsbr(db);
	(void)state;
	freed = 0;
	for (unsigned w = 0; w < 2; w++) {
		rte_rcu_qsbr_thread_register(qsbr, w);
		rte_rcu_qsbr_thread_online(qsbr, w);
	}
	sadb_retire(db, &freed, count_freed);
	assert_int_equal(sadb_reclaim(db), 1);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	assert_int_equal(sadb_reclaim(db), 1);
	sadb_retire(db, &freed, count_freed); /* waits for a grace period of its own */
	rte_rcu_qsbr_quiescent(qsbr, 1);
	assert_int_equal(sadb_reclaim(db), 1);
	assert_int_equal(freed, 1);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	rte_rcu_qsbr_thread_offline(qsbr, 1); /* a worker that is offline holds nothing */
	assert_int_equal(sadb_reclaim(db), 0);
	assert_int_equal(freed, 2);
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	for (unsigned w = 0; w < 2; w++)
		rte_rcu_qsbr_thread_unregister(qsbr, w);
	sadb_retire(db, NULL, count_freed); /* nothing was there before */
	assert_int_equal(sadb_reclaim(db), 0);
	sadb_retire(db, &freed, count_freed);
	sadb_destroy(db);
	assert_int_equal(freed, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_retired_is_freed_after_every_registered_worker_was_quiescent),
	    cmocka_unit_test(readers_never_see_what_is_freed),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
