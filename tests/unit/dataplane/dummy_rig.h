/* SPDX-License-Identifier: BSD-3-Clause
 * Asking a gateway of one process for dummy packets, with time in the test's hand. */
#ifndef TEST_DUMMY_RIG_H
#define TEST_DUMMY_RIG_H

#include "tests/unit/dataplane/transport_rig.h"

static char engine[] = "auto";

/* Of the SA that goes out. */
static inline struct dp_dummy_request
request_of(const struct sadb_sa_config *config, uint32_t packets, uint16_t bytes)
{
	return (struct dp_dummy_request){.sa = sadb_sa_key_make(&config->dst, config->spi_be, config->proto),
					 .packets = packets,
					 .per_s = DP_DUMMY_RATE_MAX,
					 .bytes = bytes};
}

static inline struct dp_dummy_request
request(const struct gateway *gw, uint32_t packets, uint16_t bytes)
{
	const struct sadb_sa_config config = gateway_sa(&gw->out, 0, 0);
	return request_of(&config, packets, bytes);
}

static inline int
start(struct gateway *gw, const struct dp_dummy_request *ask)
{
	struct dp_error err;
	unsigned worker;
	return dp_dummy_start(gw->dp, ask, &worker, &err);
}

/* A token for every tick of the clock, so that each round makes as many as it may; or none after the first. */
static inline void
time_runs(struct gateway *gw, bool fast)
{
	gw->dp->second_tsc = fast ? 1 : UINT64_C(1) << 62;
}

/* One round of the worker. How many dummy packets it made. */
static inline uint64_t
round_makes(struct gateway *gw)
{
	const uint64_t before = gw->w->stats.dummies;
	dp_worker_poll(gw->w);
	return gw->w->stats.dummies - before;
}

/* So many SAs, the gateway's own and others, and a request for each; as many as one worker serves are started, and have made one
 * packet each. */
static inline void
fill_runs(struct gateway *gw, struct dp_dummy_request ask[], unsigned sas)
{
	for (unsigned i = 0; i < sas; i++) {
		struct witness_sa sa = gw->out;
		sa.spi += i;
		sa.key[0] = (uint8_t)i;
		const struct sadb_sa_config config = gateway_sa(&sa, 0, 128);
		if (i > 0)
			gateway_add_sa(gw, &config);
		ask[i] = request_of(&config, 1000, 100);
	}
	gateway_commit(gw);
	for (unsigned i = 0; i < DP_DUMMY_RUNS; i++)
		assert_int_equal(start(gw, &ask[i]), 0);
	assert_int_equal(round_makes(gw), DP_DUMMY_RUNS);
}

#endif
