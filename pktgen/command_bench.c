/* SPDX-License-Identifier: BSD-3-Clause
 * culvert-pktgen bench: walks through the cases and prints as it goes. Main thread. */
#include "pktgen/command.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pktgen/bench.h"
#include "pktgen/interrupt.h"
#include "pktgen/output.h"

#define PAIR_BYTES     6144 /* of memory for a pair of SAs and its policies */
#define BASE_MB        256
#define CASES_MAX      4096
#define LOG_EMERGENCY  1 /* RTE_LOG_EMERG */
#define LOG_NOTICE     6 /* RTE_LOG_NOTICE */
#define CPU_LIST_BYTES 256

struct run {
	const struct pg_bench_options *options;
	struct pg_bench_result *results;
	unsigned n, room;
};

static unsigned
largest(const unsigned *list, unsigned n)
{
	unsigned most = 1;
	for (unsigned i = 0; i < n; i++)
		most = list[i] > most ? list[i] : most;
	return most;
}

/* The last ones this process may use: the first serves interrupts on many machines. */
static int
choose_cpus(unsigned workers, char out[CPU_LIST_BYTES], struct pg_error *err)
{
	cpu_set_t set;
	size_t at = 0;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return pg_error_set(err, -errno, "cannot tell which CPUs there are: %s", strerror(errno));
	if ((unsigned)CPU_COUNT(&set) < workers)
		return pg_error_set(err, -EINVAL, "--workers %u: this process may use %d CPUs, and each wants its own",
				    workers, CPU_COUNT(&set));
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && workers > 0; cpu--) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		at += (size_t)snprintf(out + at, CPU_LIST_BYTES - at, "%s%d", at > 0 ? "," : "", cpu);
		workers--;
	}
	return 0;
}

static int
start(const struct pg_bench_options *o, struct pg_error *err)
{
	const unsigned workers = largest(o->workers, o->n_workers), sas = largest(o->sas, o->n_sas);
	const unsigned policies = largest(o->policies, o->n_policies);
	const uint64_t pairs = sas > policies ? sas : policies;
	struct dp_eal_config config = {.workers = workers,
				       .cpus = o->cpus,
				       .memory_mb = BASE_MB + 32 * workers + (unsigned)(pairs * PAIR_BYTES >> 20),
				       .huge_pages = true,
				       .log_level = o->verbose ? LOG_NOTICE : LOG_EMERGENCY};
	char cpus[CPU_LIST_BYTES];
	struct dp_error dp_err;
	bool huge;

	if (o->cpus == NULL) {
		const int rc = choose_cpus(workers, cpus, err);
		if (rc < 0)
			return rc;
		config.cpus = cpus;
	}
	const int rc = dp_eal_start(&config, &huge, &dp_err);
	return rc < 0 ? pg_error_set(err, rc, "%s", dp_err.text) : 0;
}

static int
run_case(struct run *run, const struct pg_bench_case *what, struct pg_error *err)
{
	const bool live = !run->options->quiet && isatty(STDERR_FILENO);
	if (run->n == run->room)
		return pg_error_set(err, -EINVAL, "more than %u cases: ask for fewer at a time", run->room);
	if (live)
		fprintf(stderr, "\r\033[K%s %s, %u SA pairs ...", what->frame->name, pg_bench_dir_name(what->dir),
			what->sas);
	struct pg_bench_result *result = &run->results[run->n];
	const int rc = what->kind == PG_BENCH_PATH ? pg_bench_path(run->options, what, result, err)
						   : pg_bench_aead(run->options, what, result, err);
	if (live)
		fputs("\r\033[K", stderr);
	if (rc < 0)
		return rc;
	run->n++;
	pg_bench_text(stdout, run->options, result);
	fflush(stdout);
	return 0;
}

/* Frames and directions of one set-up. */
static int
run_frames(struct run *run, struct pg_bench_case *what, struct pg_error *err)
{
	const struct pg_bench_options *o = run->options;
	int rc = 0;
	for (unsigned dir = 0; dir < PG_BENCH_DIRS; dir++) {
		for (unsigned f = 0; o->dir[dir] && f < o->n_frames && rc == 0 && !pg_interrupted(); f++) {
			what->dir = dir;
			what->frame = &o->frame[f];
			rc = run_case(run, what, err);
		}
	}
	return rc;
}

/* SAs, policies and workers make no difference to the bare calls. */
static int
run_counts(struct run *run, struct pg_bench_case *what, struct pg_error *err)
{
	const struct pg_bench_options *o = run->options;
	if (what->kind == PG_BENCH_AEAD) {
		what->sas = what->policies = what->workers = 1;
		return run_frames(run, what, err);
	}
	int rc = 0;
	for (unsigned w = 0; w < o->n_workers && rc == 0; w++) {
		for (unsigned s = 0; s < o->n_sas && rc == 0; s++) {
			for (unsigned p = 0; p < (o->n_policies > 0 ? o->n_policies : 1) && rc == 0; p++) {
				what->workers = o->workers[w];
				what->sas = o->sas[s];
				what->policies =
				    o->n_policies > 0 && o->policies[p] > o->sas[s] ? o->policies[p] : o->sas[s];
				rc = run_frames(run, what, err);
			}
		}
	}
	return rc;
}

static int
run_all(struct run *run, struct pg_error *err)
{
	const struct pg_bench_options *o = run->options;
	struct pg_bench_case what = {.kind = o->kind};
	int rc = 0;
	pg_bench_text_head(stdout, o);
	for (unsigned e = 0; e < o->n_engines && rc == 0; e++) {
		for (unsigned esn = 0; esn < 2 && rc == 0; esn++) {
			what.engine = o->engine[e];
			what.esn = esn != 0;
			if (o->esn[esn])
				rc = run_counts(run, &what, err);
		}
	}
	return rc;
}

int
pg_command_bench(const struct pg_bench_options *options, struct pg_error *err)
{
	struct run run = {.options = options, .room = CASES_MAX};
	struct pg_output json;
	int rc = pg_output_open(&json, options->json, err);
	if (rc < 0)
		return rc;
	run.results = calloc(run.room, sizeof(*run.results));
	rc = run.results == NULL ? pg_error_set(err, -ENOMEM, "no memory for the results") : start(options, err);
	if (rc < 0)
		goto discard;
	rc = run_all(&run, err);
	if (rc == 0 && json.file != NULL && pg_bench_json(json.file, options, run.results, run.n) < 0)
		rc = pg_error_set(err, -EIO, "%s: cannot be written", options->json);
	if (rc == 0)
		rc = pg_output_commit(&json, err);
	dp_eal_stop();
discard:
	free(run.results);
	pg_output_discard(&json);
	return rc;
}
