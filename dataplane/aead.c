/* SPDX-License-Identifier: BSD-3-Clause
 * A crypto engine by itself, with one key: what benchmarks compare the path with, and what they make packets with that
 * the path did not. Any one thread. */
#include "dataplane/dataplane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/engine.h"

#define LINE 64

struct dp_aead {
	const struct dp_engine *engine;
	struct dp_engine_queue *queue;
	void *area;
	bool keyed;
};

struct dp_aead *
dp_aead_create(const char *engine, const struct sadb_algorithm *algorithm, const uint8_t *key, struct dp_error *err)
{
	struct dp_aead *aead = calloc(1, sizeof(*aead));
	if (aead == NULL)
		goto no_memory;
	aead->engine = dp_engine_choose(engine, err->text, sizeof(err->text));
	if (aead->engine == NULL)
		goto fail;
	size_t bytes = (aead->engine->area_bytes(1) + LINE - 1) / LINE * LINE;
	aead->queue = aead->engine->queue_create(0);
	aead->area = aligned_alloc(LINE, bytes);
	if (aead->queue == NULL || aead->area == NULL)
		goto no_memory;
	memset(aead->area, 0, bytes);
	int rc = aead->engine->key_init(aead->area, algorithm->aead, key, algorithm->key_bytes);
	if (rc != 0) {
		snprintf(err->text, sizeof(err->text), "engine %s refuses a key for %s: %s", aead->engine->name,
			 algorithm->name, strerror(-rc));
		goto fail;
	}
	aead->keyed = true;
	return aead;

no_memory:
	snprintf(err->text, sizeof(err->text), "no memory for a crypto engine");
fail:
	dp_aead_destroy(aead);
	return NULL;
}

void
dp_aead_destroy(struct dp_aead *aead)
{
	if (aead == NULL)
		return;
	if (aead->keyed)
		aead->engine->key_fini(aead->area);
	if (aead->queue != NULL)
		aead->engine->queue_destroy(aead->queue);
	free(aead->area);
	free(aead);
}

const char *
dp_aead_engine_name(const struct dp_aead *aead)
{
	return aead->engine->name;
}

unsigned
dp_aead_seal(struct dp_aead *aead, const struct dp_aead_job *jobs, unsigned n)
{
	return aead->engine->raw(aead->queue, aead->area, DP_SEAL, jobs, n);
}

unsigned
dp_aead_open(struct dp_aead *aead, const struct dp_aead_job *jobs, unsigned n)
{
	return aead->engine->raw(aead->queue, aead->area, DP_OPEN, jobs, n);
}
