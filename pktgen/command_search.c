/* SPDX-License-Identifier: BSD-3-Clause
 * culvert-pktgen search: the highest rate without loss for each mix of sizes, and the latency at shares of it. Main
 * thread. */
#include "pktgen/command.h"

#include <errno.h>
#include <stdlib.h>

#include "pktgen/interrupt.h"
#include "pktgen/plot.h"
#include "pktgen/report.h"
#include "pktgen/trial.h"

/* What a trial of the search needs to know. */
struct context {
	struct pg_rig *rig;
	const struct pg_mix *mix;
};

static int
trial(void *arg, double pps, struct pg_result *out)
{
	const struct context *context = arg;
	const struct pg_scenario *scenario = context->rig->scenario;
	const struct pg_trial_spec spec = {
	    .mix = context->mix,
	    .load = {.units_per_s = pps > 0 && pps < 1 ? 1 : (uint64_t)pps, .frame_units = 1},
	    .duration_ns = scenario->search.trial_ns,
	    .warm_up_ns = scenario->warm_up_ns,
	};
	char label[64];

	if (pps > 0)
		snprintf(label, sizeof(label), "%s at %.4f Mpps", context->mix->name, pps / 1e6);
	else
		snprintf(label, sizeof(label), "%s at most", context->mix->name);
	pg_progress_start(&context->rig->progress, label);
	pg_trial_run(context->rig, &spec, out);
	return 0;
}

static int
search_mix(struct pg_rig *rig, const struct pg_mix *mix, struct pg_search_report *report, struct pg_error *err)
{
	const struct pg_search_spec *spec = &rig->scenario->search;
	struct context context = {.rig = rig, .mix = mix};
	struct pg_search_config config = {.resolution = (double)spec->resolution_ppm / 1e6,
					  .loss_tolerance = (double)spec->loss_tolerance_ppm / 1e6,
					  .trial = trial,
					  .arg = &context};
	struct pg_load load;

	int rc = pg_rig_load(rig, &spec->max, spec->max_line, &load, err);
	if (rc < 0)
		return rc;
	config.max_pps = pg_load_pps(&load, mix);
	rc = pg_search_run(&config, &report->search);
	if (rc < 0)
		return rc;
	report->n_loads = 0;
	for (unsigned i = 0; report->search.best >= 0 && i < spec->n_loads && !pg_interrupted(); i++) {
		const double best = report->search.trials[report->search.best].sent_pps;
		trial(&context, best * (double)spec->loads_ppm[i] / 1e6, &report->loads[report->n_loads++]);
	}
	return 0;
}

/* All mixes, with everything open; *n of them were looked at. */
static int
search(struct pg_rig *rig, struct pg_search_report *reports, unsigned *n, struct pg_error *err)
{
	const struct pg_search_spec *spec = &rig->scenario->search;

	for (*n = 0; *n < spec->n_mixes && !pg_interrupted(); (*n)++) {
		const int rc = search_mix(rig, &spec->mixes[*n], &reports[*n], err);
		if (rc < 0)
			return rc;
		if (*n == 0)
			pg_text_search_head(stdout);
		pg_text_search(stdout, &reports[*n]);
		fflush(stdout);
	}
	return 0;
}

static int
search_and_report(struct pg_rig *rig, struct pg_output *json, struct pg_output *svg, struct pg_error *err)
{
	unsigned n;
	struct pg_search_report *reports = calloc(rig->scenario->search.n_mixes, sizeof(*reports));

	if (reports == NULL)
		return pg_error_set(err, -ENOMEM, "not enough memory for the results");
	int rc = search(rig, reports, &n, err);
	if (rc == 0)
		rc = pg_json_search(json, rig, reports, n, err);
	if (rc == 0 && svg->file != NULL)
		pg_plot_search(svg->file, reports, n);
	free(reports);
	return rc;
}

int
pg_command_search(const struct pg_options *options, struct pg_error *err)
{
	struct pg_scenario *scenario;
	struct pg_output json, svg;
	struct pg_rig *rig;

	int rc = pg_scenario_load(options->operand, &scenario, err);
	if (rc < 0)
		return rc;
	rc = pg_output_open(&json, options->json, err);
	if (rc < 0)
		goto free_scenario;
	rc = pg_output_open(&svg, options->svg, err);
	if (rc < 0)
		goto discard_json;
	rc = pg_rig_create(scenario, options->verbose, &rig, err);
	if (rc < 0)
		goto discard_svg;
	pg_progress_init(&rig->progress, options->quiet);
	rc = search_and_report(rig, &json, &svg, err);
	pg_rig_destroy(rig);
	if (rc == 0)
		rc = pg_output_commit(&json, err);
	if (rc == 0)
		rc = pg_output_commit(&svg, err);
discard_svg:
	pg_output_discard(&svg);
discard_json:
	pg_output_discard(&json);
free_scenario:
	free(scenario);
	return rc;
}
