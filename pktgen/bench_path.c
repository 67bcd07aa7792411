/* SPDX-License-Identifier: BSD-3-Clause
 * The gateway's stages under load from memory: trials of the path in turn with trials of the engine's bare calls, so that
 * their ratio is one of the same minute. Main thread as the gateway's control thread; one thread for each worker. */
#include "pktgen/bench.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include "pktgen/interrupt.h"

#define PATIENCE    1000 /* polls for a batch to come out: a device's engine takes a few */
#define WARM_ROUNDS 64
#define TICK_US     10000
#define BURST       32
#define LEAD_MAX    8

/* A worker with its source and sink. */
struct lane {
	struct pg_bench_gateway *gateway;
	struct pg_bench_source source;
	enum pg_bench_port in, out;
	struct pg_bench_errand errand; /* the trial */
	unsigned index, batch, lcore;
	uint64_t budget;      /* TSC cycles of a trial */
	double cycles, edges; /* of the last trial: a packet's whole way, and what of it is source and sink */
	const char *wrong;
	unsigned *waiting; /* for the start, of all lanes */
	struct lane
	    *all; /* none runs so far ahead of another that its packets push that one's out of the replay window:
			   * as where a NIC spreads one SA's packets over queues */
	unsigned lanes, lead;
	unsigned rounds; /* begun in this trial; UINT_MAX: there will be no more. Relaxed: the count alone */
};

static int
figure_order(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

struct pg_bench_figure
pg_bench_figure_of(double *samples, unsigned n)
{
	qsort(samples, n, sizeof(samples[0]), figure_order);
	const double median = n % 2 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
	return (struct pg_bench_figure){.median = median, .low = samples[0], .high = samples[n - 1]};
}

void
pg_bench_rates(struct pg_bench_result *r)
{
	r->mpps = (double)dp_tsc_hz() / r->cycles.median * r->what.workers / 1e6;
	r->gbps = r->mpps * pg_mix_mean(r->what.frame) * 8 / 1e3;
}

/* Until the whole batch has come out; returns the cycles it took. */
static uint64_t
turn(struct lane *lane, unsigned n)
{
	struct dp *dp = lane->gateway->dp;
	const struct rte_ring *out = lane->gateway->tx[lane->out][lane->index];
	const uint64_t start = rte_rdtsc_precise();
	for (unsigned polls = 0; polls < PATIENCE && rte_ring_count(out) < n; polls++)
		dp_poll(dp, lane->index);
	return rte_rdtsc_precise() - start;
}

/* What the devices themselves take for a batch: the source and the sink without the stages between. */
static uint64_t
turn_edges(struct lane *lane, unsigned n)
{
	const uint16_t in = lane->gateway->ethdev[lane->in], out = lane->gateway->ethdev[lane->out];
	const uint16_t queue = (uint16_t)lane->index;
	struct rte_mbuf *pkt[BURST];
	const uint64_t start = rte_rdtsc_precise();
	for (unsigned done = 0; done < n;) {
		const uint16_t got = rte_eth_rx_burst(in, queue, pkt, BURST);
		done += rte_eth_tx_burst(out, queue, pkt, got);
	}
	return rte_rdtsc_precise() - start;
}

static void
keep_step(struct lane *lane)
{
	if (lane->rounds == UINT_MAX)
		return;
	for (unsigned i = 0; i < lane->lanes; i++)
		while (lane->rounds > __atomic_load_n(&lane->all[i].rounds, __ATOMIC_RELAXED) + (uint64_t)lane->lead)
			rte_pause();
	__atomic_store_n(&lane->rounds, lane->rounds + 1, __ATOMIC_RELAXED);
}

/* A batch from its making to its end. Returns the cycles that what took; after a failure, which is noted, 0. */
static uint64_t
round_of(struct lane *lane, uint64_t (*what)(struct lane *lane, unsigned n), bool check)
{
	struct rte_mbuf *pkt[PG_BENCH_BATCH_MAX];
	const unsigned n = lane->batch;
	keep_step(lane);
	if (rte_pktmbuf_alloc_bulk(lane->gateway->pool, pkt, n) != 0) {
		lane->wrong = "packets leaked: the pool is empty";
		return 0;
	}
	pg_bench_source_fill(&lane->source, pkt, n);
	rte_ring_sp_enqueue_bulk(lane->gateway->rx[lane->in][lane->index], (void **)pkt, n, NULL);
	const uint64_t took = what(lane, n);
	const unsigned came =
	    rte_ring_sc_dequeue_burst(lane->gateway->tx[lane->out][lane->index], (void **)pkt, n, NULL);
	if (came != n)
		lane->wrong = "not every packet came out";
	else if (check)
		lane->wrong = pg_bench_source_check(&lane->source, pkt, n);
	rte_pktmbuf_free_bulk(pkt, came);
	return lane->wrong == NULL ? took : 0;
}

static bool
goes_on(const struct lane *lane)
{
	return lane->wrong == NULL && !pg_interrupted();
}

static void
trial(void *arg)
{
	struct lane *lane = arg;
	uint64_t spent = 0, rounds = 0, edges = 0;

	for (unsigned i = 0; i < WARM_ROUNDS && goes_on(lane); i++)
		round_of(lane, turn, true);
	if (!goes_on(lane)) /* nobody shall wait for it */
		__atomic_store_n(&lane->rounds, UINT_MAX, __ATOMIC_RELAXED);
	/* All lanes measure at the same time. Relaxed: nothing else depends on the count. */
	__atomic_sub_fetch(lane->waiting, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(lane->waiting, __ATOMIC_RELAXED) > 0)
		rte_pause();
	for (; spent < lane->budget && goes_on(lane); rounds++)
		spent += round_of(lane, turn, false);
	for (unsigned i = 0; i < WARM_ROUNDS && goes_on(lane); i++)
		edges += round_of(lane, turn_edges, false);
	__atomic_store_n(&lane->rounds, UINT_MAX, __ATOMIC_RELAXED);
	lane->edges = (double)edges / (WARM_ROUNDS * lane->batch);
	lane->cycles = rounds > 0 ? (double)spent / (double)(rounds * lane->batch) : 0;
}

/* One trial of all lanes at once; the main thread is the control thread meanwhile. */
static void
run_lanes(struct pg_bench_gateway *gateway, struct lane *lane, unsigned n)
{
	unsigned waiting = n;
	for (unsigned i = 0; i < n; i++) {
		lane[i].waiting = &waiting;
		lane[i].rounds = 0;
		lane[i].errand = (struct pg_bench_errand){.run = trial, .arg = &lane[i], .lcore = lane[i].lcore};
	}
	for (unsigned i = 0; i < n; i++)
		pg_bench_errand_launch(&lane[i].errand);
	for (unsigned i = 0; i < n; i++) {
		while (pg_bench_errand_runs(&lane[i].errand)) {
			usleep(TICK_US);
			pg_bench_gateway_tick(gateway);
		}
		pg_bench_errand_wait(&lane[i].errand);
	}
}

/* Why the stages did not let everything through, in their own words. */
static int
check_counters(struct pg_bench_gateway *gateway, const struct lane *lane, unsigned n, struct pg_error *err)
{
	struct dp_worker_stats stats;
	const char *wrong = NULL;
	for (unsigned i = 0; i < n && wrong == NULL; i++)
		wrong = lane[i].wrong;
	for (unsigned i = 0; i < n; i++) {
		dp_worker_stats_get(gateway->dp, i, &stats);
		for (unsigned reason = 0; reason < DP_DROP_COUNT; reason++)
			if (stats.drops[reason] > 0)
				return pg_error_set(err, -EIO, "the path dropped %lu packets: %s",
						    (unsigned long)stats.drops[reason], dp_drop_name(reason));
	}
	return wrong == NULL ? 0 : pg_error_set(err, -EIO, "the path is wrong: %s", wrong);
}

/* Rounds that a lane may be ahead of another, few enough that all are busy at the same time. Inbound, while one has its
 * numbers and has not come to the window with them, each of the others may use those of twice as many batches and two. */
static unsigned
lead_of(const struct pg_bench_options *options, const struct pg_bench_case *what)
{
	if (what->dir == PG_BENCH_ENCRYPT || what->workers == 1 || options->window == 0)
		return LEAD_MAX;
	const unsigned lead = (options->window - options->batch) / (2 * (what->workers - 1) * options->batch) - 1;
	return lead < LEAD_MAX ? lead : LEAD_MAX;
}

static int
lanes_init(const struct pg_bench_options *options, const struct pg_bench_case *what, struct pg_bench_gateway *gateway,
	   struct lane *lane, struct pg_error *err)
{
	unsigned lcore = (unsigned)-1;
	for (unsigned i = 0; i < what->workers; i++) {
		const bool encrypt = what->dir == PG_BENCH_ENCRYPT;
		lcore = rte_get_next_lcore(lcore, 1, 0);
		lane[i] = (struct lane){.gateway = gateway,
					.in = encrypt ? PG_BENCH_LAN : PG_BENCH_WAN,
					.out = encrypt ? PG_BENCH_WAN : PG_BENCH_LAN,
					.index = i,
					.batch = options->batch,
					.lcore = lcore,
					.all = lane,
					.lanes = what->workers,
					.lead = lead_of(options, what),
					.budget = dp_tsc_hz() / 1000 * options->trial_ms};
		const int rc = pg_bench_source_init(&lane[i].source, gateway, what, i, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void
add_stages(struct dp *dp, struct pg_bench_result *result)
{
	struct dp_worker_stats stats;
	dp_worker_stats_get(dp, 0, &stats);
	for (unsigned i = 0; i < DP_STAGE_COUNT; i++)
		if (stats.from_ports > 0)
			result->stage[i] = (double)stats.stages[i].cycles / (double)stats.from_ports;
}

/* A trial of everything: the path's cycles and edges, mean of the workers, and the bare calls'. */
static int
sample(struct lane *lane, unsigned workers, struct pg_bench_raw *raw, double out[3])
{
	run_lanes(lane[0].gateway, lane, workers);
	out[0] = out[1] = 0;
	for (unsigned i = 0; i < workers; i++) {
		if (lane[i].wrong != NULL)
			return -EIO;
		out[0] += lane[i].cycles / workers;
		out[1] += lane[i].edges / workers;
	}
	out[2] = pg_bench_raw_trial(raw);
	return pg_interrupted() ? -EINTR : out[2] < 0 ? -EBADMSG : 0;
}

/* Edges vary less than the path: their median is what is taken off, or a disturbance of one short measurement of them would
 * make a trial look fast. */
static int
measure(const struct pg_bench_options *options, struct lane *lane, struct pg_bench_raw *raw,
	struct pg_bench_result *result)
{
	double path[PG_BENCH_TRIALS_MAX], edges[PG_BENCH_TRIALS_MAX], bare[PG_BENCH_TRIALS_MAX], one[3];
	int rc = sample(lane, result->what.workers, raw, one); /* warms up */
	for (unsigned t = 0; t < options->trials && rc == 0; t++) {
		rc = sample(lane, result->what.workers, raw, one);
		path[t] = one[0];
		edges[t] = one[1];
		bare[t] = one[2];
	}
	if (rc < 0)
		return rc;
	result->edges = pg_bench_figure_of(edges, options->trials);
	for (unsigned t = 0; t < options->trials; t++)
		path[t] -= result->edges.median;
	result->cycles = pg_bench_figure_of(path, options->trials);
	result->raw = pg_bench_figure_of(bare, options->trials).median;
	pg_bench_rates(result);
	add_stages(lane[0].gateway->dp, result);
	return 0;
}

static int
measure_checked(const struct pg_bench_options *options, struct lane *lane, struct pg_bench_raw *raw,
		struct pg_bench_result *result, struct pg_error *err)
{
	const int rc = measure(options, lane, raw, result);
	if (rc == -EINTR)
		return pg_error_set(err, rc, "interrupted");
	if (rc == -EBADMSG)
		return pg_error_set(err, rc, "engine %s fails on its own packets", result->what.engine);
	return check_counters(lane[0].gateway, lane, result->what.workers, err);
}

int
pg_bench_path(const struct pg_bench_options *options, const struct pg_bench_case *what, struct pg_bench_result *result,
	      struct pg_error *err)
{
	struct pg_bench_gateway *gateway;
	struct pg_bench_raw *raw;
	struct lane *lane = calloc(what->workers, sizeof(*lane));
	if (lane == NULL)
		return pg_error_set(err, -ENOMEM, "no memory for %u workers", what->workers);
	*result = (struct pg_bench_result){.what = *what};
	int rc = pg_bench_gateway_create(options, what, &gateway, err);
	if (rc < 0)
		goto free_lanes;
	result->what.engine = dp_engine_name(gateway->dp);
	rc = pg_bench_raw_create(options, what, &raw, err);
	if (rc < 0)
		goto destroy_gateway;
	rc = lanes_init(options, what, gateway, lane, err);
	if (rc == 0)
		rc = measure_checked(options, lane, raw, result, err);
	for (unsigned i = 0; i < what->workers; i++)
		pg_bench_source_fini(&lane[i].source);
	pg_bench_raw_destroy(raw);
destroy_gateway:
	pg_bench_gateway_destroy(gateway);
free_lanes:
	free(lane);
	return rc;
}
