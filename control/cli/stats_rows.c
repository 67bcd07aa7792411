/* SPDX-License-Identifier: BSD-3-Clause
 * Counters as rows: workers, ports, drops, stages, memory. The command's only thread. */
#include "control/cli/stats.h"

#include <string.h>

static void
add_audit(struct cli_totals *totals, const struct ctl_worker_audit *audit)
{
	unsigned at = 0;

	while (at < totals->n_audits && strcmp(totals->audits[at].name, audit->name) != 0)
		at++;
	if (at == CTL_MAX_AUDITS)
		return;
	if (at == totals->n_audits) {
		totals->audits[totals->n_audits++] = *audit;
		return;
	}
	totals->audits[at].told += audit->told;
	totals->audits[at].suppressed += audit->suppressed;
}

void
cli_totals_add(struct cli_totals *totals, const struct ctl_worker *worker)
{
	for (unsigned i = 0; i < worker->n_drops; i++) {
		const struct ctl_worker_drop *drop = &worker->drops[i];
		unsigned at = 0;

		while (at < totals->n_drops && strcmp(totals->drops[at].name, drop->name) != 0)
			at++;
		if (at == CTL_MAX_DROPS)
			continue;
		if (at == totals->n_drops)
			totals->drops[totals->n_drops++] = *drop;
		else
			totals->drops[at].packets += drop->packets;
	}
	for (unsigned i = 0; i < worker->n_stages; i++) {
		const struct ctl_worker_stage *stage = &worker->stages[i];
		unsigned at = 0;

		while (at < totals->n_stages && strcmp(totals->stages[at].name, stage->name) != 0)
			at++;
		if (at == CTL_MAX_STAGES)
			continue;
		if (at == totals->n_stages) {
			totals->stages[totals->n_stages++] = *stage;
			continue;
		}
		totals->stages[at].packets += stage->packets;
		totals->stages[at].batches += stage->batches;
		totals->stages[at].cycles += stage->cycles;
	}
	for (unsigned i = 0; i < worker->n_audits; i++)
		add_audit(totals, &worker->audits[i]);
}

void
cli_stats_worker(struct show *show, const struct ctl_worker *worker)
{
	uint64_t rx = worker->from_ports + worker->from_twins + worker->made;

	show_row(show);
	show_number(show, "worker", worker->worker);
	if (worker->cpu >= 0)
		show_number(show, "cpu", (uint64_t)worker->cpu);
	else
		show_absent(show, "cpu");
	show_counter(show, "rx", rx);
	show_counter(show, "tx", worker->tx);
	show_number(show, "punted", worker->punted);
	show_counter(show, "dropped", worker->dropped);
	show_number(show, "held", worker->held);
	show_rare(show, "joined", worker->joined);
	show_balance(show, "balance",
		     (int64_t)(rx - (worker->tx + worker->punted + worker->dropped + worker->held + worker->joined)));
	show_number(show, "from_ports", worker->from_ports);
	show_number(show, "from_twins", worker->from_twins);
	show_rare(show, "made", worker->made);
	show_rare(show, "dummies", worker->dummies);
	show_rare(show, "dummies_unsent", worker->unsent);
	show_number(show, "esp_in", worker->esp_in);
	show_number(show, "esp_out", worker->esp_out);
	show_percent(show, "idle_percent", worker->idle_polls, worker->polls);
	show_number(show, "sleeps", worker->sleeps);
}

void
cli_stats_port(struct show *show, const struct dp_port_info *port)
{
	show_row(show);
	show_text(show, "port", port->name);
	show_counter(show, "rx_packets", port->rx_packets);
	show_counter(show, "rx_bytes", port->rx_bytes);
	show_counter(show, "tx_packets", port->tx_packets);
	show_counter(show, "tx_bytes", port->tx_bytes);
	show_rare(show, "rx_missed", port->rx_missed);
	show_rare(show, "rx_errors", port->rx_errors);
	show_rare(show, "rx_nombuf", port->rx_nombuf);
	show_rare(show, "tx_errors", port->tx_errors);
	show_number(show, "punted", port->punted);
	show_rare(show, "punt_dropped", port->punt_dropped);
	show_number(show, "injected", port->injected);
	show_rare(show, "inject_dropped", port->inject_dropped);
}

void
cli_stats_drops(struct show *show, const struct cli_totals *totals)
{
	show_section(show, "drops", SHOW_TABLE, 1);
	for (unsigned i = 0; i < totals->n_drops; i++) {
		if (totals->drops[i].packets == 0)
			continue;
		show_row(show);
		show_text(show, "reason", totals->drops[i].name);
		show_counter(show, "packets", totals->drops[i].packets);
		show_text(show, "help", totals->drops[i].help);
	}
}

void
cli_stats_audit(struct show *show, const struct cli_totals *totals)
{
	show_section(show, "audit", SHOW_TABLE, 1);
	for (unsigned i = 0; i < totals->n_audits; i++) {
		if (totals->audits[i].told == 0 && totals->audits[i].suppressed == 0)
			continue;
		show_row(show);
		show_text(show, "kind", totals->audits[i].name);
		show_counter(show, "told", totals->audits[i].told);
		show_counter(show, "suppressed", totals->audits[i].suppressed);
		show_text(show, "help", totals->audits[i].help);
	}
}

void
cli_stats_stages(struct show *show, const struct cli_totals *totals)
{
	uint64_t cycles = 0;

	for (unsigned i = 0; i < totals->n_stages; i++)
		cycles += totals->stages[i].cycles;
	show_section(show, "stages", SHOW_TABLE, 1);
	for (unsigned i = 0; i < totals->n_stages; i++) {
		const struct ctl_worker_stage *stage = &totals->stages[i];

		show_row(show);
		show_text(show, "stage", stage->name);
		show_counter(show, "packets", stage->packets);
		show_number(show, "batches", stage->batches);
		show_ratio(show, "packets_per_batch", stage->packets, stage->batches);
		show_ratio(show, "cycles_per_packet", stage->cycles, stage->packets);
		show_percent(show, "share_percent", stage->cycles, cycles);
	}
}

/* An SA of a pair bears half of what is there for all. */
static void
per_pair(struct show *show, uint64_t bytes, uint32_t sa_count)
{
	if (sa_count >= 2)
		show_number(show, "bytes_per_sa_pair", bytes * 2 / sa_count);
	else
		show_absent(show, "bytes_per_sa_pair");
}

void
cli_stats_memory(struct show *show, const struct ctl_memory *memory)
{
	uint64_t total = 0;

	show_section(show, "memory", SHOW_TABLE, 1);
	for (unsigned i = 0; i < memory->n_uses; i++) {
		const struct ctl_memory_use *use = &memory->uses[i];

		show_row(show);
		show_text(show, "use", use->name);
		show_number(show, "bytes", use->bytes);
		show_number(show, "objects", use->objects);
		per_pair(show, use->bytes, memory->sa_count);
		show_text(show, "help", use->help);
		total += use->bytes;
	}
	show_row(show);
	show_text(show, "use", "total");
	show_number(show, "bytes", total);
	show_absent(show, "objects");
	per_pair(show, total, memory->sa_count);
	show_text(show, "help", "what was allocated");
	show_section(show, "process", SHOW_TABLE, 0);
	show_row(show);
	show_number(show, "rss_bytes", memory->rss_bytes);
	show_number(show, "sas", memory->sa_count);
	per_pair(show, memory->rss_bytes, memory->sa_count);
}
