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

#define BASE_MB        256 /* DPDK's: rings and packets; SAs and policies take theirs as they come */
#define WORKER_MB      32
#define LOG_EMERGENCY  1 /* RTE_LOG_EMERG */
#define LOG_NOTICE     6 /* RTE_LOG_NOTICE */
#define CPU_LIST_BYTES 256

/* The last ones this process may use: the first serves interrupts on many machines. */
static int
choose_cpus(unsigned workers, unsigned cpus[DP_MAX_WORKERS], struct pg_error *err)
{
	cpu_set_t set;
	unsigned n = 0;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return pg_error_set(err, -errno, "cannot tell which CPUs there are: %s", strerror(errno));
	if ((unsigned)CPU_COUNT(&set) < workers)
		return pg_error_set(err, -EINVAL, "--workers %u: this process may use %d CPUs, and each wants its own",
				    workers, CPU_COUNT(&set));
	for (unsigned cpu = CPU_SETSIZE; cpu-- > 0 && n < workers;)
		if (CPU_ISSET(cpu, &set))
			cpus[n++] = cpu;
	return 0;
}

/* Every name before the first is measured: a typo in the second shall not cost the time of the first. */
static int
check_engines(const struct pg_bench_options *o, struct pg_error *err)
{
	struct dp_error dp_err;
	for (unsigned i = 0; i < o->n_engines; i++) {
		struct dp_aead *aead = dp_aead_create(o->engine[i], o->algorithm, pg_bench_key[0], &dp_err);
		if (aead == NULL)
			return pg_error_set(err, -EINVAL, "--engine %s: %s", o->engine[i], dp_err.text);
		dp_aead_destroy(aead);
	}
	return 0;
}

static int
start(const struct pg_bench_options *o, bool *huge_pages, struct pg_error *err)
{
	const unsigned workers = pg_bench_workers(o);
	unsigned cpu[DP_MAX_WORKERS];
	char cpus[CPU_LIST_BYTES];
	struct dp_eal_config config = {.workers = workers,
				       .cpus = cpus,
				       .memory_mb = BASE_MB + WORKER_MB * workers,
				       .huge_pages = true,
				       .log_level = o->verbose ? LOG_NOTICE : LOG_EMERGENCY};
	struct dp_error dp_err;
	size_t at = 0;

	memcpy(cpu, o->cpu, sizeof(cpu));
	int rc = o->n_cpus > 0 ? 0 : choose_cpus(workers, cpu, err);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < workers; i++)
		at += (size_t)snprintf(cpus + at, sizeof(cpus) - at, "%s%u", i > 0 ? "," : "", cpu[i]);
	rc = dp_eal_start(&config, huge_pages, &dp_err);
	return rc < 0 ? pg_error_set(err, rc, "%s", dp_err.text) : 0;
}

static int
run_case(struct pg_bench_report *report, const struct pg_bench_case *what, struct pg_error *err)
{
	const struct pg_bench_options *o = report->options;
	const bool live = !o->quiet && isatty(STDERR_FILENO);
	struct pg_bench_result *result = &report->results[report->n];
	if (live)
		fprintf(stderr, "\r\033[K%s %s, %u SA pairs ...", what->frame->name, pg_bench_dir_name(what->dir),
			what->sas);
	const int rc =
	    what->kind == PG_BENCH_PATH ? pg_bench_path(o, what, result, err) : pg_bench_aead(o, what, result, err);
	if (live)
		fputs("\r\033[K", stderr);
	if (rc < 0)
		return rc;
	report->n++;
	pg_bench_text(stdout, o, result);
	return fflush(stdout) == 0 ? 0 : pg_error_set(err, -EIO, "the table cannot be written: %s", strerror(errno));
}

/* Frames and directions of one set-up. */
static int
run_frames(struct pg_bench_report *report, struct pg_bench_case *what, struct pg_error *err)
{
	const struct pg_bench_options *o = report->options;
	int rc = 0;
	for (unsigned dir = 0; dir < PG_BENCH_DIRS; dir++) {
		for (unsigned f = 0; o->dir[dir] && f < o->n_frames && rc == 0; f++) {
			what->dir = dir;
			what->frame = &o->frame[f];
			rc = run_case(report, what, err);
		}
	}
	return rc;
}

/* Policies that nobody asked for are as many as the SAs. */
static int
run_counts(struct pg_bench_report *report, struct pg_bench_case *what, struct pg_error *err)
{
	const struct pg_bench_options *o = report->options;
	int rc = 0;
	for (unsigned w = 0; w < o->n_workers && rc == 0; w++) {
		for (unsigned s = 0; s < o->n_sas && rc == 0; s++) {
			for (unsigned p = 0; p < (o->n_policies > 0 ? o->n_policies : 1) && rc == 0; p++) {
				what->workers = o->workers[w];
				what->sas = o->sas[s];
				what->policies = o->n_policies > 0 ? o->policies[p] : o->sas[s];
				rc = run_frames(report, what, err);
			}
		}
	}
	return rc;
}

static int
run_all(struct pg_bench_report *report, struct pg_error *err)
{
	const struct pg_bench_options *o = report->options;
	struct pg_bench_case what = {.kind = o->kind, .algorithm = o->algorithm};
	int rc = 0;
	pg_bench_text_head(stdout, report);
	for (unsigned e = 0; e < o->n_engines && rc == 0; e++) {
		for (unsigned esn = 0; esn < 2 && rc == 0; esn++) {
			what.engine = o->engine[e];
			what.esn = esn != 0;
			if (o->esn[esn])
				rc = run_counts(report, &what, err);
		}
	}
	report->interrupted = rc == -EINTR;
	pg_bench_text_end(stdout, report);
	return rc == -EINTR ? 0 : rc;
}

static int
run_and_report(struct pg_bench_report *report, struct pg_output *json, struct pg_output *svg, struct pg_error *err)
{
	int rc = check_engines(report->options, err);
	if (rc == 0)
		rc = run_all(report, err);
	if (rc == 0 && json->file != NULL)
		rc = pg_output_json(json, pg_bench_json(report), err);
	if (rc == 0 && svg->file != NULL)
		rc = pg_bench_plot(svg->file, report, err);
	return rc;
}

int
pg_command_bench(const struct pg_bench_options *options, struct pg_error *err)
{
	struct pg_bench_report report = {.options = options};
	struct pg_output json, svg;
	int rc = pg_output_open(&json, options->json, err);
	if (rc < 0)
		return rc;
	rc = pg_output_open(&svg, options->svg, err);
	if (rc < 0)
		goto discard_json;
	report.results = calloc(pg_bench_cases(options), sizeof(*report.results));
	if (report.results == NULL) {
		rc = pg_error_set(err, -ENOMEM, "no memory for the results");
		goto discard_svg;
	}
	rc = start(options, &report.huge_pages, err);
	if (rc < 0)
		goto free_results;
	pg_machine_cpu(report.cpu);
	rc = run_and_report(&report, &json, &svg, err);
	if (rc == 0)
		rc = pg_output_commit(&json, err);
	if (rc == 0)
		rc = pg_output_commit(&svg, err);
	dp_eal_stop();
free_results:
	free(report.results);
discard_svg:
	pg_output_discard(&svg);
discard_json:
	pg_output_discard(&json);
	return rc;
}
