/* SPDX-License-Identifier: BSD-3-Clause
 * Results for people. Main thread. */
#include "pktgen/report.h"

#include <arpa/inet.h>
#include <inttypes.h>

#define WORST_SHOWN 5

/* 1234567 -> "1.235 M" */
static const char *
scaled(double value, char out[32])
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T"};
	unsigned i = 0;
	while (value >= 1000 && i < 4) {
		value /= 1000;
		i++;
	}
	snprintf(out, 32, "%.*f %s", i == 0 && value >= 100 ? 0 : 3, value, prefixes[i]);
	return out;
}

static double
us(uint64_t ns)
{
	return (double)ns / 1e3;
}

static double
bits_per_s(const struct pg_result *result)
{
	return result->seconds > 0 ? (double)result->received_bytes * 8 / result->seconds : 0;
}

static void
print_flow(FILE *out, const struct pg_flow *flow, const struct pg_flow_count *count)
{
	char source[INET_ADDRSTRLEN], destination[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &flow->source_be, source, sizeof(source));
	inet_ntop(AF_INET, &flow->destination_be, destination, sizeof(destination));
	fprintf(out,
		"  flow %" PRIu32 " %s:%u > %s:%u  sent %" PRIu64 "  lost %" PRIu64 "  duplicates %" PRIu64
		"  reordered %" PRIu64 "\n",
		count->flow, source, ntohs(flow->source_port_be), destination, ntohs(flow->destination_port_be),
		count->sent, count->lost, count->duplicates, count->reordered);
}

/* The flows that something happened to, worst first. */
static void
print_worst(FILE *out, const struct pg_rig *rig, const struct pg_judgement *j)
{
	for (unsigned i = 0; i < j->n_worst && i < WORST_SHOWN; i++)
		if (j->worst[i].lost + j->worst[i].duplicates + j->worst[i].reordered > 0)
			print_flow(out, &rig->flows[j->worst[i].flow], &j->worst[i]);
}

static void
print_counts(FILE *out, const struct pg_result *r)
{
	const struct pg_judgement *j = &r->judgement;
	const uint64_t *v = r->verdicts;

	fprintf(out, "lost        %" PRIu64 " (%.4f %%) in %" PRIu32 " flows\n", j->all.lost, pg_result_loss(r) * 100,
		j->flows_lost);
	fprintf(out, "duplicates  %" PRIu64 " in %" PRIu32 " flows\n", j->all.duplicates, j->flows_duplicated);
	fprintf(out, "reordered   %" PRIu64 " in %" PRIu32 " flows, by at most %" PRIu64 "\n", j->all.reordered,
		j->flows_reordered, j->all.distance_max);
	fprintf(out,
		"corrupt     %" PRIu64 " (headers %" PRIu64 ", addresses or ports %" PRIu64 ", payload %" PRIu64 ")\n",
		v[PG_FRAME_BAD_HEADER] + v[PG_FRAME_BAD_FLOW] + v[PG_FRAME_BAD_PAYLOAD], v[PG_FRAME_BAD_HEADER],
		v[PG_FRAME_BAD_FLOW], v[PG_FRAME_BAD_PAYLOAD]);
	fprintf(out, "foreign     %" PRIu64 "\n", v[PG_FRAME_FOREIGN]);
}

static void
print_remarks(FILE *out, const struct pg_result *result)
{
	char remarks[PG_REMARKS_MAX][PG_REMARK_BYTES];
	const unsigned n = pg_remarks(result, remarks);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "note: %s\n", remarks[i]);
}

void
pg_text_run(FILE *out, const struct pg_rig *rig, const struct pg_result *r)
{
	const struct pg_latency *l = &r->latency;
	char text[32], more[32];

	fprintf(out, "frames      %s bytes, %" PRIu32 " flows, %.3f s\n", r->mix, rig->format.flow_count, r->seconds);
	if (r->asked_pps > 0)
		fprintf(out, "asked       %spps\n", scaled(r->asked_pps, text));
	else
		fputs("asked       as fast as possible\n", out);
	fprintf(out, "sent        %" PRIu64 " frames, %spps, %sbit/s\n", r->judgement.all.sent,
		scaled(r->sent_pps, text), scaled(r->seconds > 0 ? (double)r->sent_bytes * 8 / r->seconds : 0, more));
	fprintf(out, "received    %" PRIu64 " frames, %spps, %sbit/s\n", r->judgement.all.received,
		scaled(r->received_pps, text), scaled(bits_per_s(r), more));
	print_counts(out, r);
	fprintf(out, "latency us  min %.1f  mean %.1f  p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f\n",
		us(l->min), us(l->mean), us(l->p50), us(l->p90), us(l->p99), us(l->p999), us(l->max));
	print_worst(out, rig, &r->judgement);
	print_remarks(out, r);
}

void
pg_text_search_head(FILE *out)
{
	fprintf(out, "%-18s %6s %10s %9s %9s %9s %9s %9s  %s\n", "frame", "load", "Mpps", "Gbit/s", "p50 us", "p99 us",
		"p99.9 us", "max us", "outcome");
}

static void
print_row(FILE *out, const struct pg_result *r, const char *load, const char *outcome)
{
	const struct pg_latency *l = &r->latency;
	fprintf(out, "%-18s %6s %10.4f %9.4f %9.1f %9.1f %9.1f %9.1f  %s\n", r->mix, load, r->sent_pps / 1e6,
		r->sent_pps * r->mean_frame * 8 / 1e9, us(l->p50), us(l->p99), us(l->p999), us(l->max), outcome);
}

static const char *
explain(enum pg_search_end end)
{
	static const char *const words[] = {
	    [PG_SEARCH_FOUND] = "highest rate without more loss than tolerated",
	    [PG_SEARCH_AT_MAX] = "no loss at the largest rate allowed (search.max)",
	    [PG_SEARCH_GENERATOR] = "no loss as fast as the generator sends",
	    [PG_SEARCH_NONE] = "loss at every rate tried",
	    [PG_SEARCH_INTERRUPTED] = "interrupted: best so far",
	    [PG_SEARCH_UNSTEADY] = "unsteady generator or loss: best of all trials",
	};
	return words[end];
}

void
pg_text_search(FILE *out, const struct pg_search_report *report)
{
	const struct pg_search *search = &report->search;
	char outcome[128], load[16];

	snprintf(outcome, sizeof(outcome), "%s, %u trial%s", explain(search->end), search->n,
		 search->n == 1 ? "" : "s");
	if (search->best >= 0)
		print_row(out, &search->trials[search->best], "100%", outcome);
	else if (search->n > 0)
		fprintf(out, "%-18s %6s %10s  %s\n", search->trials[0].mix, "100%", "none", outcome);
	for (unsigned i = 0; i < report->n_loads; i++) {
		const struct pg_result *r = &report->loads[i];
		const double share = r->asked_pps / search->trials[search->best].sent_pps;
		snprintf(load, sizeof(load), "%.3g%%", share * 100);
		snprintf(outcome, sizeof(outcome), "lost %" PRIu64 "%s%s", r->judgement.all.lost,
			 pg_result_own_loss(r) > 0 ? ", perhaps by the generator itself" : "",
			 pg_result_rate_kept(r) ? "" : ", the generator could not keep the rate");
		print_row(out, r, load, outcome);
	}
}
