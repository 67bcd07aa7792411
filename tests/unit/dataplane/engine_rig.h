/* SPDX-License-Identifier: BSD-3-Clause
 * What the tests of engines share: key areas, and single operations run to their end. */
#ifndef TESTS_ENGINE_RIG_H
#define TESTS_ENGINE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/engine.h"
#include "sa-db/algorithm.h"

/* A zeroed area, on whole lines, for that many workers. */
static inline void *
rig_area(const struct dp_engine *engine, unsigned workers)
{
	size_t bytes = (engine->area_bytes(workers) + 63) / 64 * 64;
	void *area = aligned_alloc(64, bytes);
	assert_non_null(area);
	return memset(area, 0, bytes);
}

static inline void *
rig_key_for(const struct dp_engine *engine, unsigned workers, const struct sadb_algorithm *algorithm,
	    const uint8_t *key)
{
	void *area = rig_area(engine, workers);
	assert_int_equal(engine->key_init(area, algorithm->aead, key, algorithm->key_bytes), 0);
	return area;
}

static inline void *
rig_key(const struct dp_engine *engine, unsigned workers, const uint8_t *key, uint32_t key_bytes)
{
	return rig_key_for(engine, workers, sadb_algorithm_find(SADB_AEAD_AES_GCM_16, key_bytes), key);
}

static inline void
rig_key_free(const struct dp_engine *engine, void *area)
{
	engine->key_fini(area);
	free(area);
}

/* A bit for each of eight operations in turn: has it a status left from before? An engine may look, and has a shorter way for
 * batches of none, as packets are. */
static uint8_t rig_stale;

/* Submits n operations that fit, and takes them back. Safe in any thread: no assertion. Returns how many came back in
 * order. */
static inline unsigned
rig_run_unchecked(const struct dp_engine *engine, struct dp_engine_queue *queue, struct dp_aead_op ops[], unsigned n)
{
	struct dp_aead_op *list[DP_ENGINE_BATCH], *done[DP_ENGINE_BATCH];
	for (unsigned i = 0; i < n; i++) {
		list[i] = &ops[i];
		ops[i].status = rig_stale >> i % 8 & 1;
	}
	unsigned got = 0, took = engine->submit(queue, list, n, &got);
	while (got < took && engine->complete != NULL) {
		unsigned more = engine->complete(queue, done, DP_ENGINE_BATCH);
		for (unsigned i = 0; i < more; i++, got++)
			if (got >= n || done[i] != list[got])
				return got;
	}
	return got;
}

static inline void
rig_run(const struct dp_engine *engine, struct dp_engine_queue *queue, struct dp_aead_op ops[], unsigned n)
{
	assert_int_equal(rig_run_unchecked(engine, queue, ops, n), n);
}

/* Bytes that look like nothing in particular and are the same every time. */
static inline void
rig_fill(uint8_t *bytes, size_t n, uint32_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15 + 1;
	for (size_t i = 0; i < n; i++) {
		x ^= x << 13; /* xorshift64 */
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (uint8_t)(x >> 32);
	}
}

static inline int
rig_all_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != 0)
			return 0;
	return 1;
}

#endif
