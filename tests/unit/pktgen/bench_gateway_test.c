/* SPDX-License-Identifier: BSD-3-Clause
 * The benchmark's gateway and its trials, in one process over and over: what was created goes away, also when creation
 * fails half way, and the real stages pass what the check looks at. No time decides. */
#include "pktgen/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <rte_ring.h>

#define ENTRIES(array) (sizeof(array) / sizeof((array)[0]))

static struct pg_bench_options options = {
    .kind = PG_BENCH_PATH, .window = 1024, .batch = 16, .trials = 5, .trial_ms = 1};
static struct pg_mix small;

/* What a leak would leave behind in DPDK. */
struct remains {
	unsigned memzones, devices;
	size_t heap;
};

static void
count_memzone(const struct rte_memzone *zone, void *arg)
{
	(void)zone;
	++*(unsigned *)arg;
}

static struct remains
remains(void)
{
	struct remains now = {.devices = rte_eth_dev_count_avail()};
	struct rte_malloc_socket_stats stats;
	rte_memzone_walk(count_memzone, &now.memzones);
	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	now.heap = stats.heap_allocsz_bytes;
	return now;
}

static void
assert_nothing_more(struct remains before)
{
	const struct remains after = remains();
	assert_int_equal(after.memzones, before.memzones);
	assert_int_equal(after.devices, before.devices);
	assert_int_equal(after.heap, before.heap);
}

static struct pg_bench_case
a_case(void)
{
	return (struct pg_bench_case){.kind = PG_BENCH_PATH,
				      .dir = PG_BENCH_ENCRYPT,
				      .engine = "auto",
				      .algorithm = sadb_algorithm_at(0),
				      .frame = &small,
				      .sas = 1,
				      .policies = 1,
				      .workers = 1};
}

static int
create(const struct pg_bench_case *what, struct pg_bench_gateway **out, struct pg_error *err)
{
	err->text[0] = '\0';
	return pg_bench_gateway_create(&options, what, out, err);
}

static void
create_and_destroy(const struct pg_bench_case *what)
{
	struct pg_bench_gateway *gateway;
	struct pg_error err;
	if (create(what, &gateway, &err) < 0)
		fail_msg("%s", err.text);
	pg_bench_gateway_destroy(gateway);
}

static void
gateways_come_and_go_and_leave_nothing(void **state)
{
	(void)state;
	struct pg_bench_case what = a_case();
	create_and_destroy(&what); /* DPDK makes some things once */
	const struct remains before = remains();
	for (unsigned i = 0; i < 6; i++) {
		what.workers = 1 + i % 2;
		what.sas = 1 + 99 * (i % 3);
		what.policies = 2 * what.sas;
		what.esn = i % 2;
		create_and_destroy(&what);
		assert_nothing_more(before);
	}
}

/* Of DPDK's, but for less than a pool of packets needs. Each block holds the address of the one before. */
static void **
take_all_memory(void)
{
	void **last = NULL, **block;
	while ((block = rte_malloc(NULL, 1 << 20, 0)) != NULL) {
		*block = last;
		last = block;
	}
	return last;
}

static void
give_back_memory(void **last)
{
	while (last != NULL) {
		void **before = *last;
		rte_free(last);
		last = before;
	}
}

/* Half way: everything that can fail, in its order. */
static void
a_gateway_that_cannot_be_says_why_and_leaves_nothing(void **state)
{
	(void)state;
	enum { NO_ENGINE, NO_MEMORY, RING_TAKEN, DEVICE_TAKEN, ANOTHER_ONE, NO_WINDOW, WAYS };
	static const char *const says[WAYS] = {
	    "no engine is called 'none'; accepted: auto",
	    "no memory for",
	    "cannot make ring bench-wan-1: File exists",
	    "DPDK cannot make device net_ring_bench-wan of rings",
	    "packet buffers",
	    "pair 1 of 1: ESN without a replay window",
	};
	struct pg_bench_case what = a_case();
	create_and_destroy(&what);
	const struct remains before = remains();
	for (unsigned way = 0; way < WAYS; way++) {
		struct pg_bench_gateway *gateway, *other = NULL;
		struct rte_ring *ring = NULL;
		struct pg_error err;
		void **all = NULL;
		what = a_case();
		what.engine = way == NO_ENGINE ? "none" : "auto";
		what.esn = way == NO_WINDOW;
		options.window = way == NO_WINDOW ? 0 : 1024;
		if (way == RING_TAKEN || way == DEVICE_TAKEN)
			ring = rte_ring_create(way == RING_TAKEN ? "bench-wan-1" : "mine", 64, 0, 0);
		if (way == DEVICE_TAKEN)
			assert_true(rte_eth_from_rings("bench-wan", &ring, 1, &ring, 1, 0) >= 0);
		if (way == NO_MEMORY)
			all = take_all_memory();
		if (way == ANOTHER_ONE)
			assert_int_equal(create(&what, &other, &err), 0);
		if (create(&what, &gateway, &err) == 0)
			fail_msg("way %u: created", way);
		if (strstr(err.text, says[way]) == NULL)
			fail_msg("way %u: %s", way, err.text);
		give_back_memory(all);
		if (way == DEVICE_TAKEN)
			assert_int_equal(rte_eal_hotplug_remove("vdev", "net_ring_bench-wan"), 0);
		rte_ring_free(ring);
		if (other != NULL)
			pg_bench_gateway_destroy(other);
		options.window = 1024;
		assert_nothing_more(before);
	}
	what = a_case();
	create_and_destroy(&what);
}

static void
assert_figures(const struct pg_bench_result *r)
{
	assert_true(r->cycles.median > 0 && r->cycles.low <= r->cycles.median && r->cycles.median <= r->cycles.high);
	assert_true(r->mpps > 0 && r->gbps > 0);
	if (r->what.kind == PG_BENCH_AEAD)
		return;
	assert_true(r->raw > 0 && r->edges.median > 0);
	assert_true(r->stage[DP_STAGE_RX] > 0 && r->stage[DP_STAGE_TX] > 0);
	assert_true(r->what.dir == PG_BENCH_ENCRYPT ? r->stage[DP_STAGE_ESP_OUT] > 0 && r->stage[DP_STAGE_ESP_IN] == 0
						    : r->stage[DP_STAGE_ESP_IN] > 0 && r->stage[DP_STAGE_ESP_OUT] == 0);
}

static void
the_stages_pass_what_the_check_looks_at(void **state)
{
	(void)state;
	static const struct {
		const char *frames, *engine;
		unsigned sas, policies, workers, window;
		bool esn;
		const char *algorithm;
	} rows[] = {
	    {"64", "auto", 1, 1, 1, 1024, false, "aes-256-gcm-16"},
	    {"65", "openssl", 1, 1, 1, 0, false, "aes-256-gcm-16"},
	    {"66", "auto", 3, 3, 1, 64, true, "aes-256-gcm-16"},
	    {"67", "auto", 50, 200, 1, 1024, false, "aes-256-gcm-16"},
	    {"imix", "openssl", 2, 2, 1, 1024, true, "aes-256-gcm-16"},
	    {"9216", "auto", 1, 1, 1, 1024, true, "aes-256-gcm-16"},
	    {"imix", "auto", 1, 1, 2, 1024, true, "aes-256-gcm-16"},
	    {"64", "auto", 1, 1, 2, 64, false, "aes-256-gcm-16"},
	    {"imix", "auto", 2, 2, 1, 1024, false, "aes-128-gcm-16"},
	    {"67", "auto", 2, 2, 1, 1024, true, "chacha20-poly1305"},
	    {"imix", "openssl", 1, 1, 2, 1024, false, "chacha20-poly1305"},
	    {"66", "auto", 2, 2, 1, 1024, true, "aes-256-gmac"},
	    {"imix", "openssl", 1, 1, 1, 1024, false, "aes-128-gmac"},
	    {"9216", "auto", 1, 1, 1, 1024, false, "aes-256-gmac"},
	};
	for (unsigned i = 0; i < 2 * ENTRIES(rows); i++) {
		struct pg_bench_case what = a_case();
		struct pg_bench_result result;
		struct pg_error err = {.text = ""};
		struct pg_mix mix;
		assert_int_equal(pg_mix_parse(rows[i / 2].frames, &mix), 0);
		what.frame = &mix;
		what.dir = i % 2;
		what.engine = rows[i / 2].engine;
		what.algorithm = sadb_algorithm_named(rows[i / 2].algorithm);
		what.sas = rows[i / 2].sas;
		what.policies = rows[i / 2].policies;
		what.workers = rows[i / 2].workers;
		what.esn = rows[i / 2].esn;
		options.window = rows[i / 2].window;
		if (pg_bench_path(&options, &what, &result, &err) < 0)
			fail_msg("row %u, %s: %s", i / 2, pg_bench_dir_name(what.dir), err.text);
		assert_figures(&result);
		what.kind = PG_BENCH_AEAD;
		if (pg_bench_aead(&options, &what, &result, &err) < 0)
			fail_msg("aead, row %u: %s", i / 2, err.text);
		assert_figures(&result);
	}
	options.window = 1024;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gateways_come_and_go_and_leave_nothing),
	    cmocka_unit_test(a_gateway_that_cannot_be_says_why_and_leaves_nothing),
	    cmocka_unit_test(the_stages_pass_what_the_check_looks_at),
	};
	const struct dp_eal_config config = {.workers = 2, .memory_mb = 256, .log_level = 1 /* RTE_LOG_EMERG */};
	struct dp_error err;
	bool huge;
	if (pg_mix_parse("64", &small) < 0 || dp_eal_start(&config, &huge, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed;
}
