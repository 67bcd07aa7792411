/* SPDX-License-Identifier: BSD-3-Clause
 * culvert-pktgen run: one trial, as the scenario says. Main thread. */
#include "pktgen/command.h"

#include <stdlib.h>

#include "pktgen/report.h"
#include "pktgen/trial.h"

/* The trial and its reports, with everything open. */
static int
run(struct pg_rig *rig, struct pg_output *json, struct pg_error *err)
{
	const struct pg_scenario *scenario = rig->scenario;
	struct pg_trial_spec spec = {
	    .mix = &scenario->mix, .duration_ns = scenario->duration_ns, .warm_up_ns = scenario->warm_up_ns};
	struct pg_result result;

	int rc = pg_rig_load(rig, &scenario->rate, scenario->rate_line, &spec.load, err);
	if (rc < 0)
		return rc;
	pg_progress_start(&rig->progress, scenario->mix.name);
	pg_trial_run(rig, &spec, &result);
	pg_text_run(stdout, rig, &result);
	return pg_json_run(json, rig, &result, err);
}

int
pg_command_run(const struct pg_options *options, struct pg_error *err)
{
	struct pg_scenario *scenario;
	struct pg_output json;
	struct pg_rig *rig;

	int rc = pg_scenario_load(options->operand, &scenario, err);
	if (rc < 0)
		return rc;
	rc = pg_output_open(&json, options->json, err);
	if (rc < 0)
		goto free_scenario;
	rc = pg_rig_create(scenario, options->verbose, &rig, err);
	if (rc < 0)
		goto discard;
	pg_progress_init(&rig->progress, options->quiet);
	rc = run(rig, &json, err);
	pg_rig_destroy(rig);
	if (rc == 0)
		rc = pg_output_commit(&json, err);
discard:
	pg_output_discard(&json);
free_scenario:
	free(scenario);
	return rc;
}
