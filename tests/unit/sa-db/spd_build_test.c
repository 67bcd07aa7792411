/* SPDX-License-Identifier: BSD-3-Clause
 * How policies lie in the published tables: many, few, those that somebody aimed at one place, and those of ever new
 * masks. */
#include "tests/unit/sa-db/rig.h"

#include "sa-db/tuple.h"
#include "tests/unit/eal.h"

static struct sadb *
create(uint32_t max_policies)
{
	struct sadb_config config = rig_config(NULL);
	config.max_policies = max_policies;
	struct sadb *db = sadb_create(&config, &rig_err);
	assert_non_null(db);
	assert_int_equal(sadb_vnet_add(db, 1, "blue", &rig_err), 0);
	return db;
}

static const struct sadb_spd *
published(struct sadb *db)
{
	return sadb_vnet_spd(sadb_vnet_find(db, 1), SADB_POLICY_OUT);
}

static struct sadb_policy_config
host_policy(uint32_t dst)
{
	struct sadb_policy_config config = rig_policy("0.0.0.0/0", 5, dst);
	config.sel.dst = (struct sadb_prefix){.addr = sadb_addr_v4(rte_cpu_to_be_32(dst)), .len = 32};
	return config;
}

static void
add(struct sadb *db, struct sadb_policy_config config)
{
	if (sadb_policy_add(db, &config, false, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
}

static uint32_t
found(struct sadb *db, uint32_t dst)
{
	const struct sadb_flow_v4 flow = {.dst_be = rte_cpu_to_be_32(dst), .proto = IPPROTO_UDP};
	const struct sadb_policy *policy = rig_find(db, &flow);
	return policy == NULL ? 0 : policy->tmpl.reqid;
}

/* ---- many ---- */

#define MANY 100000

/* Counts the entries of a shard that stand outside their bucket; what the shard says of them must be true. */
static unsigned
count_away(const struct sadb_table *table, const struct sadb_shard *shard)
{
	unsigned away[SADB_BUCKETS] = {0}, entries = 0, outside = 0;
	for (unsigned i = 0; i < SADB_BUCKETS * SADB_SLOTS; i++) {
		const struct sadb_match *match = shard->bucket[i / SADB_SLOTS].match[i % SADB_SLOTS];
		uint16_t tag = shard->bucket[i / SADB_SLOTS].tag[i % SADB_SLOTS];
		if (match == NULL) {
			assert_int_equal(tag, 0);
			continue;
		}
		uint64_t hash = sadb_table_hash(table->seed, match->value[0], match->value[1]);
		unsigned home = sadb_hash_bucket(hash);
		assert_int_equal(tag, sadb_hash_tag(hash));
		assert_in_range((i / SADB_SLOTS - home) % SADB_BUCKETS, 0, SADB_WINDOW - 1);
		away[home] += i / SADB_SLOTS != home;
		entries++;
	}
	for (unsigned i = 0; i < SADB_BUCKETS; i++) {
		assert_int_equal(shard->bucket[i].away, away[i]);
		outside += away[i];
	}
	assert_int_equal(shard->count, entries);
	return outside;
}

static unsigned
count_all_away(const struct sadb_table *table)
{
	unsigned outside = 0;
	for (size_t i = 0; i < (size_t)1 << (64 - table->shift); i++)
		if (i == 0 || table->shard[i] != table->shard[i - 1])
			outside += count_away(table, table->shard[i]);
	return outside;
}

static void
a_hundred_thousand_policies_are_all_found_and_half_of_them_deleted(void **state)
{
	struct sadb *db = create(MANY);
	const uint32_t base = 0x0a000000;
	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		add(db, host_policy(base + i));
		if (i % 1000 != 999)
			continue;
		rig_commit(db);
		rig_reclaim_all(db);
		assert_int_equal(found(db, base + i), base + i);
	}
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(found(db, base + i), base + i);
	assert_int_equal(found(db, base + MANY), 0);
	assert_int_equal(published(db)->tables, 1);
	assert_in_range(count_all_away(&published(db)->table[0]), 0, MANY * 28 / 1000);
	for (uint32_t i = 0; i < MANY; i += 2) {
		struct sadb_policy_config which = host_policy(base + i);
		assert_int_equal(sadb_policy_del(db, &which, NULL, &rig_err), 0);
		if (i % 1000 == 0)
			rig_commit(db);
	}
	rig_commit(db);
	count_all_away(&published(db)->table[0]);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(found(db, base + i), i % 2 ? base + i : 0);
	sadb_destroy(db);
}

/* What was not touched is shared with the table before, or a commit would cost as much as all policies do. */
static void
a_commit_copies_what_it_touches_and_no_more(void **state)
{
	struct sadb *db = create(MANY);
	unsigned copied = 0;
	(void)state;
	for (uint32_t i = 0; i < 20000; i++)
		add(db, host_policy(0x0a000000 + i));
	rig_commit(db);
	const struct sadb_spd *before = published(db);
	unsigned shards = 1u << (64 - before->table[0].shift);
	assert_true(shards >= 20000 / (SADB_BUCKETS * SADB_SLOTS));
	add(db, host_policy(0x0b000000));
	rig_commit(db); /* the old one is retired, not freed */
	const struct sadb_spd *after = published(db);
	assert_ptr_not_equal(before, after);
	assert_int_equal(before->table[0].shift, after->table[0].shift);
	for (unsigned i = 0; i < shards; i++)
		copied += before->table[0].shard[i] != after->table[0].shard[i];
	assert_in_range(copied, 1, 2); /* two places of one shard, if it has less depth */
	sadb_destroy(db);
}

/* What commits replace serves again: a gateway whose policies come and go for years does not grow. */
static void
changes_without_end_take_no_more_memory(void **state)
{
	struct sadb *db = create(2100);
	const struct sadb_slab *slabs[] = {&db->rules, &db->hots, &db->shards, &db->entries};
	uint32_t newest[RTE_DIM(slabs)];
	(void)state;
	for (uint32_t i = 0; i < 2000; i++)
		add(db, host_policy(0x0a000000 + i));
	for (uint32_t len = 8; len < 30; len++) { /* more masks than have tables of their own */
		struct sadb_policy_config config = rig_policy("10.255.255.0/24", len, 1);
		config.sel.dst.len = (uint8_t)len;
		config.sel.dport_mask_be = config.sel.sport_mask_be = 0xffff;
		add(db, config);
	}
	for (uint32_t round = 0; round < 40000; round++) {
		struct sadb_policy_config which = host_policy(0x0a000000 + round % 2000),
					  ports = rig_policy("10.255.255.0/24", 1, 1);
		ports.sel.dst.len = (uint8_t)(8 + round % 22);
		ports.sel.dport_mask_be = ports.sel.sport_mask_be = 0xffff;
		assert_int_equal(sadb_policy_del(db, &which, NULL, &rig_err), 0);
		assert_int_equal(sadb_policy_del(db, &ports, NULL, &rig_err), 0);
		rig_commit(db);
		add(db, which);
		add(db, ports);
		rig_commit(db);
		rig_reclaim_all(db);
		for (unsigned i = 0; i < RTE_DIM(slabs); i++) {
			assert_true(round < 100 || slabs[i]->chunks == newest[i]);
			newest[i] = slabs[i]->chunks;
		}
	}
	sadb_destroy(db);
}

/* ---- crowds ---- */

/* Someone who knows the table's secret makes all keys fall into one bucket: what no longer fits there stands in a table
 * under another secret. */
static void
keys_aimed_at_one_bucket_are_found_all_the_same(void **state)
{
	struct sadb *db = create(256);
	uint32_t aimed[100], next = 0x0a000001;
	const uint32_t first = 0x09000001;
	(void)state;
	add(db, host_policy(first));
	rig_commit(db);
	const struct sadb_table table = published(db)->table[0];
	for (unsigned n = 0; n < RTE_DIM(aimed); next++) {
		const struct sadb_flow_v4 flow = {.dst_be = rte_cpu_to_be_32(next)};
		uint64_t words[2];
		sadb_flow_words(&flow, words);
		if (sadb_hash_bucket(sadb_table_hash(table.seed, words[0], words[1])) != 7)
			continue;
		add(db, host_policy(next));
		aimed[n++] = next;
	}
	rig_commit(db);
	assert_in_range(published(db)->tables, 2, 4);
	for (unsigned i = 0; i < RTE_DIM(aimed); i++)
		assert_int_equal(found(db, aimed[i]), aimed[i]);
	for (unsigned i = 0; i < RTE_DIM(aimed); i++) {
		struct sadb_policy_config which = host_policy(aimed[i]);
		assert_int_equal(sadb_policy_del(db, &which, NULL, &rig_err), 0);
	}
	rig_commit(db);
	assert_int_equal(published(db)->tables, 1);
	assert_int_equal(found(db, aimed[0]), 0);
	assert_int_equal(found(db, first), first);
	sadb_destroy(db);
}

/* Policies for ever new masks must not make every packet ask a table for each. */
static void
any_number_of_masks_takes_few_tables(void **state)
{
	struct sadb *db = create(33 * 33);
	(void)state;
	for (uint8_t src = 0; src <= 32; src++) {
		for (uint8_t dst = 0; dst <= 32; dst++) {
			struct sadb_policy_config config = host_policy(0x0a010203);
			config.sel.src = config.sel.dst; /* all hold this one address: no prefix tells two apart */
			config.sel.src.len = src;
			config.sel.dst.len = dst;
			config.priority = 1000u - src - dst;
			config.tmpl.reqid = src * 33u + dst + 1;
			add(db, config);
		}
	}
	rig_commit(db);
	assert_in_range(published(db)->tables, 1, 4 + 25 + 81);
	const struct sadb_flow_v4 inside = rig_flow("10.1.2.3", "10.1.2.3", IPPROTO_UDP, 1, 2),
				  outside = rig_flow("10.1.2.3", "138.1.2.3", IPPROTO_UDP, 1, 2);
	assert_int_equal(rig_find(db, &inside)->tmpl.reqid, 32 * 33 + 32 + 1);
	assert_int_equal(rig_find(db, &outside)->tmpl.reqid, 32 * 33 + 0 + 1);
	sadb_destroy(db);
}

/* ---- what differs less than it seems ---- */

static void
any_address_and_the_zero_prefix_are_two_policies_of_which_the_older_decides(void **state)
{
	struct sadb *db = create(8);
	struct sadb_policy_config zero = rig_policy("0.0.0.0/0", 5, 1), any = zero, half = zero;
	(void)state;
	memset(&any.sel, 0, sizeof(any.sel));
	memset(&half.sel.src, 0, sizeof(half.sel.src));
	any.tmpl.reqid = 2;
	half.tmpl.reqid = 3;
	add(db, zero);
	add(db, any);
	add(db, half);
	rig_commit(db);
	assert_int_equal(found(db, 1), 1);
	assert_int_equal(sadb_policy_del(db, &zero, NULL, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(found(db, 1), 2);
	assert_int_equal(sadb_policy_del(db, &any, NULL, &rig_err), 0);
	rig_commit(db);
	assert_int_equal(found(db, 1), 3);
	sadb_destroy(db);
}

/* For a fragment one entry stands for all of them, and for the first of them until that is gone. */
static void
a_thousand_policies_that_differ_in_ports_block_a_fragment_until_the_last_is_gone(void **state)
{
	struct sadb *db = create(2000);
	struct sadb_policy_config config = host_policy(0x0a010203), rest = rig_policy("0.0.0.0/0", 500, 77);
	const struct sadb_flow_v4 flow = rig_flow("10.9.9.9", "10.1.2.3", IPPROTO_UDP, 0, 0);
	bool blocked;
	(void)state;
	config.sel.proto = IPPROTO_UDP;
	config.sel.dport_mask_be = 0xffff;
	add(db, rest);
	for (uint32_t port = 0; port < 1000; port++) {
		config.priority = 1000 - port;
		config.sel.dport_be = rte_cpu_to_be_16((uint16_t)port);
		add(db, config);
	}
	rig_commit(db);
	assert_int_equal(published(db)->tables - published(db)->packets, 1);
	for (uint32_t port = 1000; port-- > 0;) { /* the best goes first */
		const struct sadb_policy *policy = sadb_spd_lookup_fragment(published(db), &flow, &blocked);
		assert_int_equal(blocked, 1000 - port < 500); /* else the rest stands before it */
		assert_int_equal(policy == NULL ? 0 : policy->tmpl.reqid, blocked ? 0 : 77);
		config.sel.dport_be = rte_cpu_to_be_16((uint16_t)port);
		assert_int_equal(sadb_policy_del(db, &config, NULL, &rig_err), 0);
		rig_commit(db);
	}
	assert_int_equal(published(db)->tables - published(db)->packets, 0);
	assert_int_equal(sadb_spd_lookup_fragment(published(db), &flow, &blocked)->tmpl.reqid, 77);
	sadb_destroy(db);
}

/* ---- the hash ---- */

/* What an IKE gateway's selectors look like must not crowd, whatever the seed: then shards stay small. */
static void
consecutive_addresses_spread_evenly_under_any_seed(void **state)
{
	static const uint32_t step[] = {1, 64, 256, 65536 + 256};
	uint64_t seed[2];
	(void)state;
	for (unsigned s = 0; s < 100 * RTE_DIM(step); s++) {
		uint16_t in_shard[256] = {0};
		seed[0] = (uint64_t)s * 0x123456789abcdefULL + 1;
		seed[1] = (seed[0] ^ 0x5555555555555555ULL) * 3;
		for (uint32_t i = 0; i < 256 * 100; i++) {
			const struct sadb_flow_v4 flow = {.dst_be = rte_cpu_to_be_32(0x0a000000 + i * step[s % 4])};
			uint64_t words[2];
			sadb_flow_words(&flow, words);
			in_shard[sadb_table_hash(seed, words[0], words[1]) >> 56]++;
		}
		for (unsigned i = 0; i < 256; i++)
			assert_in_range(in_shard[i], 40, 170); /* 100 and six times its root */
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hundred_thousand_policies_are_all_found_and_half_of_them_deleted),
	    cmocka_unit_test(a_commit_copies_what_it_touches_and_no_more),
	    cmocka_unit_test(changes_without_end_take_no_more_memory),
	    cmocka_unit_test(keys_aimed_at_one_bucket_are_found_all_the_same),
	    cmocka_unit_test(any_number_of_masks_takes_few_tables),
	    cmocka_unit_test(any_address_and_the_zero_prefix_are_two_policies_of_which_the_older_decides),
	    cmocka_unit_test(a_thousand_policies_that_differ_in_ports_block_a_fragment_until_the_last_is_gone),
	    cmocka_unit_test(consecutive_addresses_spread_evenly_under_any_seed),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
