/* SPDX-License-Identifier: BSD-3-Clause
 * The benchmark's results as a table and as JSON. Main thread. */
#include "pktgen/bench.h"

#include <jansson.h>

void
pg_bench_text_head(FILE *out, const struct pg_bench_report *report)
{
	const struct pg_bench_options *o = report->options;
	fprintf(out, "%s, TSC %.3f GHz, %s pages; %s, IPv4 in IPv4; batches of %u", report->cpu,
		(double)dp_tsc_hz() / 1e9, report->huge_pages ? "huge" : "ordinary", o->algorithm->name, o->batch);
	if (o->kind == PG_BENCH_PATH)
		fprintf(out, ", replay window %u", o->window);
	fprintf(out, "\ncycles a packet, median of %u trials of %u ms\n", o->trials, o->trial_ms);
	if (o->kind == PG_BENCH_AEAD)
		fprintf(out, "%-9s %7s  %-7s %-3s %9s %8s %8s %9s %8s\n", "engine", "frame", "dir", "esn", "cycles",
			"low", "high", "Mpps", "Gbit/s");
	else
		fprintf(out, "%-9s %7s  %-7s %7s %8s %7s %-3s %9s %8s %8s %7s %6s %8s %8s\n", "engine", "frame", "dir",
			"sas", "policies", "workers", "esn", "cycles", "low", "high", "raw", "ratio", "Mpps", "Gbit/s");
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
		fprintf(out, "%-9s %7s  %-7s %-3s %9.1f %8.1f %8.1f %9.3f %8.3f\n", w->engine, w->frame->name,
			pg_bench_dir_name(w->dir), w->esn ? "on" : "off", r->cycles.median, r->cycles.low,
			r->cycles.high, r->mpps, r->gbps);
		return;
	}
	fprintf(out, "%-9s %7s  %-7s %7u %8u %7u %-3s %9.1f %8.1f %8.1f %7.1f %6.2f %8.3f %8.3f\n", w->engine,
		w->frame->name, pg_bench_dir_name(w->dir), w->sas, w->policies, w->workers, w->esn ? "on" : "off",
		r->cycles.median, r->cycles.low, r->cycles.high, r->raw, r->cycles.median / r->raw, r->mpps, r->gbps);
	if (o->stages)
		print_stages(out, r);
}

void
pg_bench_text_end(FILE *out, const struct pg_bench_report *report)
{
	if (report->interrupted)
		fprintf(out, "note: interrupted after %u of %lu cases\n", report->n,
			(unsigned long)pg_bench_cases(report->options));
}

/* A size is a number, a mix its name. */
static json_t *
frame_value(const struct pg_mix *frame)
{
	return frame->cycle == 1 ? json_integer(frame->size[0]) : json_string(frame->name);
}

static json_t *
stages_object(const struct pg_bench_result *r)
{
	json_t *object = json_object();
	for (unsigned i = 0; i < DP_STAGE_COUNT; i++)
		if (r->stage[i] > 0 && json_object_set_new(object, dp_stage_name(i), json_real(r->stage[i])) < 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}

static json_t *
result_object(const struct pg_bench_result *r, const struct pg_bench_options *o)
{
	const struct pg_bench_case *w = &r->what;
	const bool path = w->kind == PG_BENCH_PATH;
	json_t *object =
	    json_pack("{ss ss ss so si si si sf sf sf sf sf sb si}", "bench", path ? "path" : "aead", "dir",
		      pg_bench_dir_name(w->dir), "engine", w->engine, "frame", frame_value(w->frame), "sas",
		      (int)w->sas, "policies", (int)w->policies, "workers", (int)w->workers, "cycles", r->cycles.median,
		      "mpps", r->mpps, "gbps", r->gbps, "cycles_low", r->cycles.low, "cycles_high", r->cycles.high,
		      "esn", w->esn, "batch", (int)o->batch);
	json_t *more = !path ? json_object()
			     : json_pack("{si sf sf sf}", "window", (int)o->window, "raw_cycles", r->raw, "ratio",
					 r->cycles.median / r->raw, "source_sink_cycles", r->edges.median);
	if (path && o->stages)
		json_object_set_new(more, "stages", stages_object(r));
	if (json_object_update_missing(object, more) < 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(more);
	return object;
}

json_t *
pg_bench_json(const struct pg_bench_report *report)
{
	const struct pg_bench_options *o = report->options;
	json_t *list = json_array();
	for (unsigned i = 0; i < report->n; i++) {
		if (json_array_append_new(list, result_object(&report->results[i], o)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{sI ss ss ss sb sb si si so}", "tsc_hz", (json_int_t)dp_tsc_hz(), "cpu", report->cpu,
			 "version", CULVERT_VERSION, "algorithm", o->algorithm->name, "huge_pages", report->huge_pages,
			 "interrupted", report->interrupted, "trials", (int)o->trials, "trial_ms", (int)o->trial_ms,
			 "results", list);
}
