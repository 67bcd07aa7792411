/* SPDX-License-Identifier: BSD-3-Clause
 * The worker's loop: receive, run the stages in their fixed order, report quiescence, sleep when idle. Worker threads. */
#include "dataplane/worker.h"

#include <sys/prctl.h>
#include <time.h>

#include <rte_pause.h>

#include "dataplane/dp.h"
#include "dataplane/fragment.h"
#include "dataplane/mss.h"
#include "dataplane/reassembly.h"
#include "dataplane/ring.h"
#include "dataplane/vlan.h"

#define IDLE_ROUNDS    64 /* empty rounds before the first sleep */
#define FIRST_SLEEP_US 5u /* doubles while nothing comes */
#define PAUSE_LOOK_NS  5000

bool
dp_event_send(struct dp_worker *w, const struct dp_event *event)
{
	struct dp_event copy = *event; /* the ring does not promise const */
	return dp_ring_put(w->events, &copy, sizeof(copy)) == 0;
}

static uint64_t
stage_done(struct dp_worker *w, enum dp_stage stage, unsigned packets, uint64_t started)
{
	uint64_t now = rte_rdtsc();
	struct dp_stage_stats *stats = &w->stats.stages[stage];
	dp_count(&stats->packets, packets);
	dp_count(&stats->batches, 1);
	dp_count(&stats->cycles, now - started);
	return now;
}

/* One burst from each of up to DP_ROUND_QUEUES queues, in turn. */
static unsigned
receive(struct dp_worker *w)
{
	unsigned polls = w->n_queues < DP_ROUND_QUEUES ? w->n_queues : DP_ROUND_QUEUES;
	struct dp_vec *out = &w->parse;
	unsigned received = 0;

	for (unsigned i = 0; i < polls; i++) {
		const struct dp_rx_queue *q = &w->queue[w->next_queue];
		w->next_queue = w->next_queue + 1 == w->n_queues ? 0 : w->next_queue + 1;
		struct rte_mbuf **pkt = &out->pkt[out->n];
		uint16_t n = rte_eth_rx_burst(q->port->ethdev, q->queue, pkt, DP_BURST);
		uint64_t bytes = 0;
		if (n == 0)
			continue;
		received += n;
		if (unlikely(q->port->sorts)) {
			out->n += dp_vlan_sort(w, q->port, pkt, n);
			continue;
		}
		for (unsigned k = 0; k < n; k++) {
			dp_meta(pkt[k])->in_port = q->port->number;
			bytes += pkt[k]->pkt_len;
		}
		dp_count(&q->port->use[w->index].rx_packets, n);
		dp_count(&q->port->use[w->index].rx_bytes, bytes);
		out->n += n;
	}
	dp_count(&w->stats.from_ports, received);
	return received;
}

/* Runs a stage when it has input, and charges its cycles. */
static uint64_t
run(struct dp_worker *w, enum dp_stage stage, const struct dp_vec *in, void (*fn)(struct dp_worker *w), uint64_t t)
{
	unsigned n = in->n;
	if (n == 0)
		return t;
	fn(w);
	return stage_done(w, stage, n, t);
}

/* The finishing half of esp_in: cycles count, its packets were counted going in. */
static uint64_t
finish_esp_in(struct dp_worker *w, uint64_t t)
{
	if (w->opened.n == 0)
		return t;
	dp_esp_in_finish(w);
	uint64_t now = rte_rdtsc();
	dp_count(&w->stats.stages[DP_STAGE_ESP_IN].cycles, now - t);
	return now;
}

/* Packets that are cut first, and what came behind them: once more from there. Each turn ends with what it brought forth
 * on its way, so that the vectors have room for the next; dp_drop() makes room for itself. */
static __rte_noinline uint64_t
cut(struct dp_worker *w, uint64_t t)
{
	w->cutting = true;
	while (w->uncut.n > 0) {
		dp_fragment_uncut(w);
		t = run(w, DP_STAGE_ESP_OUT, &w->esp_out, dp_esp_out, t);
		dp_crypto_complete(w);
		t = run(w, DP_STAGE_FORWARD, &w->forward, dp_forward, t);
	}
	w->cutting = false;
	return t;
}

/* A batch of their own, so that no other packet is asked whether it is one. */
static __rte_noinline uint64_t
dummies(struct dp_worker *w)
{
	const uint64_t t = rte_rdtsc();
	dp_dummy_make(w);
	w->dummy_batch = true;
	const uint64_t made = run(w, DP_STAGE_ESP_OUT, &w->esp_out, dp_esp_out, t);
	w->dummy_batch = false;
	return made;
}

static void
stages(struct dp_worker *w, uint64_t t)
{
	const uint64_t sent = w->stats.tx;
	t = run(w, DP_STAGE_PARSE, &w->parse, dp_parse, t);
	t = run(w, DP_STAGE_ESP_IN, &w->esp_in, dp_esp_in, t);
	t = run(w, DP_STAGE_ESP_IN, &w->esp_in_v6, dp_esp_in_v6, t);
	t = run(w, DP_STAGE_CLASSIFY, &w->classify, dp_classify, t);
	t = run(w, DP_STAGE_CLASSIFY, &w->classify_v6, dp_classify_v6, t);
	const bool mss = __atomic_load_n(&w->dp->mss, __ATOMIC_RELAXED); /* see dp_port_mss_set() */
	if (unlikely(mss)) {
		dp_mss_out(w, &w->esp_out);
		dp_mss_out(w, &w->esp_out_v6);
	}
	t = run(w, DP_STAGE_ESP_OUT, &w->esp_out, dp_esp_out, t);
	t = run(w, DP_STAGE_ESP_OUT, &w->esp_out_v6, dp_esp_out_v6, t);
	dp_crypto_complete(w);
	t = finish_esp_in(w, t);
	t = run(w, DP_STAGE_INNER, &w->inner, dp_inner, t);
	t = run(w, DP_STAGE_INNER, &w->inner_v6, dp_inner_v6, t);
	if (unlikely(mss))
		dp_mss_in(w, &w->forward);
	t = run(w, DP_STAGE_FORWARD, &w->forward, dp_forward, t);
	if (unlikely(w->uncut.n > 0))
		t = cut(w, t);
	t = run(w, DP_STAGE_PUNT, &w->punt, dp_punt, t);
	dp_tx_flush(w);
	if (w->stats.tx != sent)
		stage_done(w, DP_STAGE_TX, (unsigned)(w->stats.tx - sent), t);
	if (w->drop.n > 0)
		dp_drop_flush(w);
}

static void
read_clock(struct dp_worker *w)
{
	if (w->now - w->clock_read < w->dp->second_tsc / 1000)
		return;
	w->now_s = sadb_now_s(); /* vDSO: no system call */
	w->clock_read = w->now;
}

bool
dp_worker_poll(struct dp_worker *w)
{
	w->now = rte_rdtsc();
	read_clock(w);
	w->neighs = sadb_neighs(w->db);
	w->flows.generation = sadb_generation(w->db);
	unsigned n = receive(w) + dp_inject(w);
	uint64_t t = n > 0 ? stage_done(w, DP_STAGE_RX, n, w->now) : w->now;
	dp_hold_poll(w);
	dp_reassembly_poll(w);
	if (unlikely(__atomic_load_n(&w->dummies.running, __ATOMIC_RELAXED) != 0)) /* dp_dummy_make() acquires */
		t = dummies(w);
	dp_count(&w->stats.polls, 1);
	if (n == 0 && w->in_flight == 0 && w->forward.n == 0 && w->drop.n == 0) {
		dp_count(&w->stats.idle_polls, 1);
		return false;
	}
	stages(w, t);
	return true;
}

/* While it sleeps a worker holds no reference, so nobody's grace period waits for it. */
static void
idle_sleep(struct dp_worker *w, unsigned us)
{
	struct timespec ts = {.tv_nsec = (long)us * 1000};
	rte_rcu_qsbr_thread_offline(w->dp->qsbr, w->index);
	dp_count(&w->stats.sleeps, 1);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	rte_rcu_qsbr_thread_online(w->dp->qsbr, w->index);
}

/* What the engine still has goes its way. */
static void
finish_engine(struct dp_worker *w)
{
	while (w->in_flight > 0) {
		dp_crypto_complete(w);
		dp_esp_in_finish(w);
		stages(w, rte_rdtsc());
	}
}

/* The control thread waits for those that are online, and changes ports when there is none. */
static __rte_noinline void
pause_rounds(struct dp_worker *w)
{
	const struct timespec ts = {.tv_nsec = PAUSE_LOOK_NS};
	finish_engine(w);
	rte_rcu_qsbr_thread_offline(w->dp->qsbr, w->index);
	/* pairs with the release in workers_resume() */
	while (__atomic_load_n(&w->dp->turn, __ATOMIC_ACQUIRE) == DP_TURN_PAUSE)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	rte_rcu_qsbr_thread_online(w->dp->qsbr, w->index);
}

void
dp_worker_drain(struct dp_worker *w)
{
	finish_engine(w);
	dp_hold_drain(w, DP_DROP_SHUTDOWN);
	dp_drop_flush(w);
}

int
dp_worker_main(void *arg)
{
	struct dp_worker *w = arg;
	unsigned idle = 0, sleep_us = FIRST_SLEEP_US;
	uint8_t turn;

	__atomic_load_n(&w->launched, __ATOMIC_ACQUIRE); /* pairs with the release in dp_start() */
	const struct dp *dp = w->dp;
	prctl(PR_SET_TIMERSLACK, 1000UL); /* ns: a sleep of 5 us shall not become 55 */
	rte_rcu_qsbr_thread_register(dp->qsbr, w->index);
	rte_rcu_qsbr_thread_online(dp->qsbr, w->index);
	/* pairs with the releases in dp_stop() and replug.c */
	while ((turn = __atomic_load_n(&dp->turn, __ATOMIC_ACQUIRE)) != DP_TURN_STOP) {
		if (unlikely(turn == DP_TURN_PAUSE)) {
			pause_rounds(w);
			continue; /* while it was offline the next pause may have begun */
		}
		bool worked = dp_worker_poll(w);
		const unsigned rounds = w->n_queues / DP_ROUND_QUEUES; /* it may change once the round is over */
		if (w->in_flight == 0)                                 /* a packet with the engine holds its SA */
			rte_rcu_qsbr_quiescent(dp->qsbr, w->index);
		if (worked) {
			idle = 0;
			sleep_us = FIRST_SLEEP_US;
		} else if (dp->poll_busy || ++idle < IDLE_ROUNDS) {
			rte_pause();
		} else {
			idle = IDLE_ROUNDS - 1 - rounds; /* every queue is asked between sleeps */
			idle_sleep(w, sleep_us < dp->idle_sleep_us ? sleep_us : dp->idle_sleep_us);
			sleep_us = sleep_us < dp->idle_sleep_us ? sleep_us * 2 : sleep_us;
		}
	}
	dp_worker_drain(w);
	rte_rcu_qsbr_thread_offline(dp->qsbr, w->index);
	rte_rcu_qsbr_thread_unregister(dp->qsbr, w->index);
	__atomic_store_n(&w->ended, 1, __ATOMIC_RELEASE); /* pairs with the acquire in dp_stop() */
	return 0;
}
