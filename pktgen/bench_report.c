/* SPDX-License-Identifier: BSD-3-Clause
 * The benchmark's results as a table and as JSON. Main thread. */
#include "pktgen/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* What the machine says of its CPU. */
static void
cpu_name(char *out, size_t size)
{
	char line[256];
	FILE *in = fopen("/proc/cpuinfo", "re");
	snprintf(out, size, "unknown");
	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		const char *at = strstr(line, ": ");
		if (strncmp(line, "model name", 10) != 0 || at == NULL)
			continue;
		snprintf(out, size, "%.*s", (int)strcspn(at + 2, "\n"), at + 2);
		break;
	}
	if (in != NULL)
		fclose(in);
}

void
pg_bench_text_head(FILE *out, const struct pg_bench_options *o)
{
	char cpu[128];
	cpu_name(cpu, sizeof(cpu));
	fprintf(out, "%s, TSC %.3f GHz; AES-256-GCM, IPv4 in IPv4; cycles are the median of %u trials of %u ms\n", cpu,
		(double)dp_tsc_hz() / 1e9, o->trials, o->trial_ms);
	if (o->kind == PG_BENCH_AEAD) {
		fprintf(out, "%-9s %7s  %-7s %9s %8s %8s %9s %8s\n", "engine", "frame", "dir", "cycles", "low", "high",
			"Mpps", "Gbit/s");
		return;
	}
	fprintf(out, "batches of %u, replay window %u\n", o->batch, o->window);
	fprintf(out, "%-9s %7s  %-7s %7s %8s %7s %-3s %9s %8s %8s %7s %6s %8s %8s\n", "engine", "frame", "dir", "sas",
		"policies", "workers", "esn", "cycles", "low", "high", "raw", "ratio", "Mpps", "Gbit/s");
}

static void
print_stages(FILE *out, const struct pg_bench_result *r)
{
	fprintf(out, "          source and sink %.1f, taken off; by the worker's own clock:", r->edges.median);
	for (unsigned i = 0; i < DP_STAGE_COUNT; i++)
		if (r->stage[i] > 0)
			fprintf(out, " %s %.1f", dp_stage_name(i), r->stage[i]);
	fputc('\n', out);
}

void
pg_bench_text(FILE *out, const struct pg_bench_options *o, const struct pg_bench_result *r)
{
	const struct pg_bench_case *w = &r->what;
	if (w->kind == PG_BENCH_AEAD) {
		fprintf(out, "%-9s %7s  %-7s %9.1f %8.1f %8.1f %9.3f %8.3f\n", w->engine, w->frame->name,
			pg_bench_dir_name(w->dir), r->cycles.median, r->cycles.low, r->cycles.high, r->mpps, r->gbps);
		return;
	}
	fprintf(out, "%-9s %7s  %-7s %7u %8u %7u %-3s %9.1f %8.1f %8.1f %7.1f %6.2f %8.3f %8.3f\n", w->engine,
		w->frame->name, pg_bench_dir_name(w->dir), w->sas, w->policies, w->workers, w->esn ? "on" : "off",
		r->cycles.median, r->cycles.low, r->cycles.high, r->raw, r->cycles.median / r->raw, r->mpps, r->gbps);
	if (o->stages)
		print_stages(out, r);
}

/* A size is a number, a mix its name. */
static json_t *
frame_value(const struct pg_mix *frame)
{
	return frame->cycle == 1 ? json_integer(frame->size[0]) : json_string(frame->name);
}

static json_t *
result_object(const struct pg_bench_result *r, const struct pg_bench_options *o)
{
	const struct pg_bench_case *w = &r->what;
	json_t *object = json_pack(
	    "{ss ss ss so si si si sf sf sf sf sf sb}", "bench", w->kind == PG_BENCH_PATH ? "path" : "aead", "dir",
	    pg_bench_dir_name(w->dir), "engine", w->engine, "frame", frame_value(w->frame), "sas", (int)w->sas,
	    "policies", (int)w->policies, "workers", (int)w->workers, "cycles", r->cycles.median, "mpps", r->mpps,
	    "gbps", r->gbps, "cycles_low", r->cycles.low, "cycles_high", r->cycles.high, "esn", w->esn);
	if (w->kind == PG_BENCH_PATH) {
		json_object_set_new(object, "raw_cycles", json_real(r->raw));
		json_object_set_new(object, "source_sink_cycles", json_real(r->edges.median));
		json_object_set_new(object, "batch", json_integer(o->batch));
		json_object_set_new(object, "window", json_integer(o->window));
	}
	return object;
}

int
pg_bench_json(FILE *out, const struct pg_bench_options *o, const struct pg_bench_result *results, unsigned n)
{
	char cpu[128];
	cpu_name(cpu, sizeof(cpu));
	json_t *list = json_array();
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, result_object(&results[i], o));
	json_t *whole = json_pack("{sI ss si so}", "tsc_hz", (json_int_t)dp_tsc_hz(), "cpu", cpu, "trials",
				  (int)o->trials, "results", list);
	const int rc = whole == NULL || json_dumpf(whole, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0 ? -EIO : 0;
	json_decref(whole);
	fputc('\n', out);
	return rc;
}
