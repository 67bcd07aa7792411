/* SPDX-License-Identifier: BSD-3-Clause
 * Between the ESP stages and the engine: submits operations, collects what is finished. Worker threads. */
#include "dataplane/dp.h"
#include "dataplane/worker.h"

/* A sealed packet goes out; an opened one, or one that did not open, back to esp_in. */
static inline void
finish(struct dp_worker *w, struct dp_aead_op *op)
{
	if (op->dir == DP_OPEN)
		dp_vec_push(&w->opened, op->cookie);
	else if (likely(op->status == 0))
		dp_vec_push(&w->forward, op->cookie);
	else
		dp_drop(w, op->cookie, DP_DROP_ENGINE_FAILED);
}

/* Of a call's operations, all of one direction, the first n. Opened ones go the same way whether their tags were right or not. */
static void
finish_run(struct dp_worker *w, struct dp_aead_op *const ops[], unsigned n)
{
	struct dp_vec *out = ops[0]->dir == DP_OPEN ? &w->opened : &w->forward;
	struct rte_mbuf **pkt = &out->pkt[out->n];
	unsigned failed = 0;

	for (unsigned i = 0; i < n; i++) {
		failed |= (uint16_t)ops[i]->status;
		pkt[i] = ops[i]->cookie;
	}
	if (likely(failed == 0 || out == &w->opened)) {
		out->n += n;
		return;
	}
	for (unsigned i = 0; i < n; i++)
		finish(w, ops[i]);
}

/* How many packets of earlier rounds may come back from a device now. What this round received, and an ICMP error for
 * each, still has to fit behind them, wherever they all end; and dummy packets. */
static unsigned
room_for(const struct dp_worker *w)
{
	const unsigned room = DP_VEC_MAX - 2 * (DP_BURST * DP_ROUND_QUEUES + DP_INJECT_BURST) - DP_DUMMY_BURST;
	unsigned in_hands = w->opened.n + w->forward.n + w->drop.n;
	return in_hands >= room ? 0 : room - in_hands < DP_ENGINE_BATCH ? room - in_hands : DP_ENGINE_BATCH;
}

static void
collect(struct dp_worker *w)
{
	struct dp_aead_op *done[DP_ENGINE_BATCH];
	const struct dp_engine *engine = w->dp->engine;
	unsigned room;

	while (w->in_flight > 0 && (room = room_for(w)) > 0) {
		unsigned n = engine->complete(w->engine_queue, done, room);
		if (n == 0)
			return;
		w->in_flight -= n;
		for (unsigned i = 0; i < n; i++)
			finish(w, done[i]);
	}
}

void
dp_crypto_complete(struct dp_worker *w)
{
	const unsigned before = w->forward.n;
	if (likely(w->in_flight == 0))
		return;
	collect(w);
	dp_count(&w->stats.esp_out, w->forward.n - before);
}

void
dp_crypto_submit(struct dp_worker *w, struct dp_aead_op *const ops[], unsigned n)
{
	const struct dp_engine *engine = w->dp->engine;
	const unsigned forward_before = w->forward.n;

	for (unsigned at = 0; at < n;) {
		unsigned want = n - at < DP_ENGINE_BATCH ? n - at : DP_ENGINE_BATCH, finished = 0;
		unsigned took = engine->submit(w->engine_queue, &ops[at], want, &finished);
		if (likely(finished > 0))
			finish_run(w, &ops[at], finished);
		at += took;
		w->in_flight += took - finished;
		if (likely(w->in_flight == 0 && took > 0))
			continue;
		unsigned before = w->in_flight;
		collect(w);
		if (took == 0 && w->in_flight == before) { /* full, and nothing has come back */
			while (at < n)
				dp_drop(w, ops[at++]->cookie, DP_DROP_ENGINE_FULL);
		}
	}
	dp_count(&w->stats.esp_out, w->forward.n - forward_before);
}
