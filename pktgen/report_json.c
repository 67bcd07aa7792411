/* SPDX-License-Identifier: BSD-3-Clause
 * Results for programs. Main thread. */
#include "pktgen/report.h"

#include <arpa/inet.h>

#include <jansson.h>

#include <rte_cycles.h>

#include "pktgen/machine.h"

static json_t *
latency_object(const struct pg_latency *l)
{
	return json_pack("{sI sI sI sI sI sI sI sI}", "count", (json_int_t)l->count, "min", (json_int_t)l->min, "mean",
			 (json_int_t)l->mean, "p50", (json_int_t)l->p50, "p90", (json_int_t)l->p90, "p99",
			 (json_int_t)l->p99, "p99.9", (json_int_t)l->p999, "max", (json_int_t)l->max);
}

static json_t *
flow_object(const struct pg_flow *flow, const struct pg_flow_count *c)
{
	char source[INET_ADDRSTRLEN], destination[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &flow->source_be, source, sizeof(source));
	inet_ntop(AF_INET, &flow->destination_be, destination, sizeof(destination));
	return json_pack("{si ss si ss si sI sI sI sI sI sI}", "flow", (int)c->flow, "source", source, "source_port",
			 (int)ntohs(flow->source_port_be), "destination", destination, "destination_port",
			 (int)ntohs(flow->destination_port_be), "sent", (json_int_t)c->sent, "received",
			 (json_int_t)c->received, "lost", (json_int_t)c->lost, "duplicates", (json_int_t)c->duplicates,
			 "reordered", (json_int_t)c->reordered, "too_late", (json_int_t)c->too_late);
}

static json_t *
flow_array(const struct pg_rig *rig, const struct pg_judgement *j)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < j->n_worst; i++)
		json_array_append_new(array, flow_object(&rig->flows[j->worst[i].flow], &j->worst[i]));
	return array;
}

static json_t *
remark_array(const struct pg_result *result)
{
	char remarks[PG_REMARKS_MAX][PG_REMARK_BYTES];
	const unsigned n = pg_remarks(result, remarks);
	json_t *array = json_array();
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(array, json_string(remarks[i]));
	return array;
}

/* A trial in figures. */
static json_t *
result_object(const struct pg_result *r)
{
	const struct pg_flow_count *all = &r->judgement.all;
	const uint64_t *v = r->verdicts;
	json_t *rate = json_pack("{sf sf sf sf sb}", "asked_pps", r->asked_pps, "sent_pps", r->sent_pps, "received_pps",
				 r->received_pps, "kept", r->kept, "rate_kept", pg_result_rate_kept(r));
	json_t *frames =
	    json_pack("{sI sI sI sf sI sI sI sI sI sI sI sI sI}", "sent", (json_int_t)all->sent, "received",
		      (json_int_t)all->received, "lost", (json_int_t)all->lost, "loss", pg_result_loss(r), "duplicates",
		      (json_int_t)all->duplicates, "reordered", (json_int_t)all->reordered, "reordered_by_max",
		      (json_int_t)all->distance_max, "too_late", (json_int_t)all->too_late, "corrupt_header",
		      (json_int_t)v[PG_FRAME_BAD_HEADER], "corrupt_flow", (json_int_t)v[PG_FRAME_BAD_FLOW],
		      "corrupt_payload", (json_int_t)v[PG_FRAME_BAD_PAYLOAD], "foreign",
		      (json_int_t)v[PG_FRAME_FOREIGN], "stale", (json_int_t)v[PG_FRAME_STALE]);
	json_t *own =
	    json_pack("{sI sI sI sI sI sI sf sI sI sb}", "rx_missed", (json_int_t)r->rx_missed, "rx_no_buffers",
		      (json_int_t)r->rx_no_buffers, "tx_refused", (json_int_t)r->tx_refused, "tx_no_buffers",
		      (json_int_t)r->tx_no_buffers, "tx_errors", (json_int_t)r->tx_errors, "icmp", (json_int_t)r->icmp,
		      "rx_away", r->rx_away, "rx_away_longest_ns", (json_int_t)r->rx_away_longest_ns, "rx_overrun",
		      (json_int_t)r->rx_overrun, "rx_saturated", r->rx_saturated);
	json_t *flows =
	    json_pack("{si si si}", "with_loss", (int)r->judgement.flows_lost, "with_duplicates",
		      (int)r->judgement.flows_duplicated, "with_reordering", (int)r->judgement.flows_reordered);
	return json_pack("{ss sf sf sb sI sI so so so so so so}", "sizes", r->mix, "mean_frame_bytes", r->mean_frame,
			 "seconds", r->seconds, "interrupted", r->interrupted, "sent_bytes", (json_int_t)r->sent_bytes,
			 "received_bytes", (json_int_t)r->received_bytes, "rate", rate, "frames", frames, "flows",
			 flows, "latency_ns", latency_object(&r->latency), "generator", own, "remarks",
			 remark_array(r));
}

/* What every result begins with. */
static json_t *
head(const char *command, const struct pg_rig *rig)
{
	char cpu[PG_MACHINE_CPU];
	pg_machine_cpu(cpu);
	const struct pg_learning *l = &rig->learning;
	json_t *learning =
	    json_pack("{si si sI sI sI}", "destinations", (int)l->destinations, "reached", (int)l->reached, "sent",
		      (json_int_t)l->sent, "received", (json_int_t)l->received, "took_ns", (json_int_t)l->took_ns);
	return json_pack("{ss ss ss ss ss sI si so}", "tool", "culvert-pktgen", "version", CULVERT_VERSION, "command",
			 command, "scenario", rig->scenario->file, "cpu", cpu, "tsc_hz", (json_int_t)rte_get_tsc_hz(),
			 "flow_count", (int)rig->format.flow_count, "learning", learning);
}

int
pg_json_run(struct pg_output *output, const struct pg_rig *rig, const struct pg_result *result, struct pg_error *err)
{
	if (output->file == NULL)
		return 0;
	json_t *root = head("run", rig);
	json_object_set_new(root, "result", result_object(result));
	json_object_set_new(root, "worst_flows", flow_array(rig, &result->judgement));
	return pg_output_json(output, root, err);
}

static json_t *
search_object(const struct pg_search_report *report)
{
	const struct pg_search *search = &report->search;
	json_t *trials = json_array(), *loads = json_array();

	for (unsigned i = 0; i < search->n; i++)
		json_array_append_new(trials, result_object(&search->trials[i]));
	for (unsigned i = 0; i < report->n_loads; i++)
		json_array_append_new(loads, result_object(&report->loads[i]));
	return json_pack("{ss ss so so so}", "sizes", search->n > 0 ? search->trials[0].mix : "", "outcome",
			 pg_search_end_name(search->end), "throughput",
			 search->best >= 0 ? result_object(&search->trials[search->best]) : json_null(), "loads", loads,
			 "trials", trials);
}

int
pg_json_search(struct pg_output *output, const struct pg_rig *rig, const struct pg_search_report *reports, unsigned n,
	       struct pg_error *err)
{
	if (output->file == NULL)
		return 0;
	json_t *root = head("search", rig), *results = json_array();
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(results, search_object(&reports[i]));
	json_object_set_new(root, "results", results);
	return pg_output_json(output, root, err);
}
