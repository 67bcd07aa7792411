/* SPDX-License-Identifier: BSD-3-Clause
 * The highest rate at which a device loses nothing. Main thread. */
#include "pktgen/search.h"

#include <stdbool.h>

#define LEAST_SHARE   1e-4 /* of the first rate: below it there is none */
#define LIMITED_TIMES 5    /* trials in which the generator fell short: then it is no use */

struct bounds {
	double low, high; /* frames a second: passed at low, lost at high */
	unsigned limited;
};

/* Makes a trial; *passed. */
static int
try(const struct pg_search_config *config, double pps, struct pg_search *out, bool *passed)
{
	struct pg_result *result = &out->trials[out->n];
	const int rc = config->trial(config->arg, pps, result);

	if (rc < 0)
		return rc;
	out->n++;
	*passed =
	    !result->interrupted && result->judgement.all.sent > 0 && pg_result_loss(result) <= config->loss_tolerance;
	if (*passed && (out->best < 0 || result->sent_pps > out->trials[out->best].sent_pps))
		out->best = (int)out->n - 1;
	return 0;
}

/* Whether a trial says something of the device at the rate asked: the generator kept that rate, and what it may have lost
 * itself does not decide. */
static bool
is_sound(const struct pg_search_config *config, const struct pg_result *result)
{
	const struct pg_flow_count *all = &result->judgement.all;
	const double devices = (double)(all->lost - pg_result_own_loss(result));
	return pg_result_rate_kept(result) && (pg_result_loss(result) <= config->loss_tolerance ||
					       devices > config->loss_tolerance * (double)all->sent);
}

/* What a trial in the middle says. The rate that counts is the one that was sent, not the one that was asked; and a loss
 * says nothing of the device when the generator stumbled: that trial is made again. */
static void
narrow(struct bounds *b, const struct pg_search_config *config, double asked, const struct pg_result *result,
       bool passed)
{
	const bool sound = is_sound(config, result);
	const double rate = sound ? asked : result->sent_pps;

	if (!passed && sound)
		b->high = asked;
	else if (passed && rate > b->low)
		b->low = rate < b->high ? rate : b->high;
	b->limited += !sound;
}

int
pg_search_run(const struct pg_search_config *config, struct pg_search *out)
{
	struct bounds b = {0};
	bool passed;

	out->n = 0;
	out->best = -1;
	out->end = PG_SEARCH_INTERRUPTED;
	int rc = try(config, config->max_pps, out, &passed);
	if (rc < 0 || out->trials[0].interrupted)
		return rc;
	const bool kept = config->max_pps > 0 && is_sound(config, &out->trials[0]);
	if (passed) {
		out->end = kept ? PG_SEARCH_AT_MAX : PG_SEARCH_GENERATOR;
		return 0;
	}
	b.high = kept ? config->max_pps : out->trials[0].sent_pps;
	const double least = b.high * LEAST_SHARE;
	while (b.high - b.low > config->resolution * b.high && b.high > least) {
		const double middle = (b.low + b.high) / 2;
		if (out->n == PG_SEARCH_TRIALS) {
			out->end = PG_SEARCH_UNSTEADY;
			return 0;
		}
		rc = try(config, middle, out, &passed);
		if (rc < 0 || out->trials[out->n - 1].interrupted)
			return rc;
		narrow(&b, config, middle, &out->trials[out->n - 1], passed);
		if (b.limited == LIMITED_TIMES) {
			out->end = PG_SEARCH_UNSTEADY;
			return 0;
		}
	}
	out->end = out->best < 0 ? PG_SEARCH_NONE : PG_SEARCH_FOUND;
	return 0;
}
