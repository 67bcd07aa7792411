/* SPDX-License-Identifier: BSD-3-Clause
 * The engine's bare calls: the same number of bytes as the path seals or opens, one packet a call, on the CPU the path
 * runs on. Main thread; the trials run on the first worker's. */
#include "pktgen/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "pktgen/interrupt.h"

#define LINE 64u
#define HEAD 2u /* ESP text does not start on a cache line in a packet either */

struct pg_bench_raw {
	struct dp_aead *aead;
	enum pg_bench_dir dir;
	unsigned batch;
	uint64_t budget; /* TSC cycles of a trial */
	uint8_t *text;
	uint8_t iv[12], aad[12];
	double cycles;
	struct dp_aead_job job[]; /* whole cycles of the mix, at least a batch */
};

int
pg_bench_raw_create(const struct pg_bench_options *options, const struct pg_bench_case *what, struct pg_bench_raw **out,
		    struct pg_error *err)
{
	const struct pg_mix *mix = what->frame;
	const unsigned cycles = (options->batch + mix->cycle - 1) / mix->cycle, n = cycles * mix->cycle;
	const size_t stride = (pg_bench_text_bytes(mix->max) + PG_BENCH_TAG_BYTES + HEAD + LINE - 1) / LINE * LINE;
	struct dp_error dp_err;
	struct pg_bench_raw *raw = calloc(1, sizeof(*raw) + n * sizeof(raw->job[0]));
	if (raw == NULL)
		return pg_error_set(err, -ENOMEM, "no memory for the bare calls");
	raw->text = aligned_alloc(LINE, n * stride);
	raw->aead = dp_aead_create(what->engine, what->algorithm, pg_bench_key[what->dir], &dp_err);
	if (raw->text == NULL || raw->aead == NULL) {
		const bool memory = raw->text == NULL;
		pg_bench_raw_destroy(raw);
		return pg_error_set(err, -EIO, "%s", memory ? "no memory for the bare calls" : dp_err.text);
	}
	memset(raw->text, 0xa5, n * stride);
	raw->dir = what->dir;
	raw->batch = n;
	raw->budget = dp_tsc_hz() / 1000 * options->trial_ms;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *text = raw->text + i * stride + HEAD;
		const uint32_t bytes = pg_bench_text_bytes(mix->size[i % mix->cycle]);
		raw->job[i] = (struct dp_aead_job){.text = text,
						   .tag = text + bytes,
						   .iv = raw->iv,
						   .aad = raw->aad,
						   .text_bytes = bytes,
						   .aad_bytes = what->esn ? 12 : 8};
	}
	*out = raw;
	return 0;
}

void
pg_bench_raw_destroy(struct pg_bench_raw *raw)
{
	if (raw == NULL)
		return;
	dp_aead_destroy(raw->aead);
	free(raw->text);
	free(raw);
}

static void
trial(void *arg)
{
	struct pg_bench_raw *raw = arg;
	uint64_t spent = 0, packets = 0;
	unsigned failed = 0;
	do {
		uint64_t start = rte_rdtsc_precise();
		failed += dp_aead_seal(raw->aead, raw->job, raw->batch);
		uint64_t middle = rte_rdtsc_precise();
		if (raw->dir == PG_BENCH_ENCRYPT) {
			spent += middle - start;
		} else {
			failed += dp_aead_open(raw->aead, raw->job, raw->batch);
			spent += rte_rdtsc_precise() - middle;
		}
		packets += raw->batch;
	} while (spent < raw->budget && !pg_interrupted());
	raw->cycles = failed == 0 ? (double)spent / (double)packets : -1;
}

double
pg_bench_raw_trial(struct pg_bench_raw *raw)
{
	struct pg_bench_errand errand = {.run = trial, .arg = raw, .lcore = rte_get_next_lcore(-1, 1, 0)};
	pg_bench_errand_launch(&errand);
	pg_bench_errand_wait(&errand);
	return raw->cycles;
}

int
pg_bench_aead(const struct pg_bench_options *options, const struct pg_bench_case *what, struct pg_bench_result *result,
	      struct pg_error *err)
{
	double sample[PG_BENCH_TRIALS_MAX];
	struct pg_bench_raw *raw;
	const int rc = pg_bench_raw_create(options, what, &raw, err);
	if (rc < 0)
		return rc;
	pg_bench_raw_trial(raw); /* warms up */
	for (unsigned i = 0; i < options->trials; i++)
		sample[i] = pg_bench_raw_trial(raw);
	*result = (struct pg_bench_result){.what = *what, .cycles = pg_bench_figure_of(sample, options->trials)};
	result->what.engine = dp_aead_engine_name(raw->aead);
	pg_bench_raw_destroy(raw);
	if (pg_interrupted())
		return pg_error_set(err, -EINTR, "interrupted");
	if (result->cycles.low < 0)
		return pg_error_set(err, -EIO, "engine %s fails on its own packets", result->what.engine);
	pg_bench_rates(result);
	return 0;
}
