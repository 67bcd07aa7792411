/* SPDX-License-Identifier: BSD-3-Clause
 * Between the ESP stages and the engine: submits operations, collects what is finished. Worker threads. */
#include "dataplane/dp.h"
#include "dataplane/worker.h"

void
dp_crypto_complete(struct dp_worker *w)
{
	struct dp_aead_op *done[DP_ENGINE_BATCH];
	const struct dp_engine *engine = w->dp->engine;

	while (w->in_flight > 0) {
		unsigned room = DP_VEC_MAX - (w->opened.n > w->sealed.n ? w->opened.n : w->sealed.n);
		unsigned n = engine->complete(w->engine_queue, done, room < DP_ENGINE_BATCH ? room : DP_ENGINE_BATCH);
		if (n == 0)
			return;
		w->in_flight -= n;
		for (unsigned i = 0; i < n; i++)
			dp_vec_push(done[i]->dir == DP_OPEN ? &w->opened : &w->sealed, done[i]->cookie);
	}
}

void
dp_crypto_submit(struct dp_worker *w, struct dp_aead_op *const ops[], unsigned n, struct dp_vec *done)
{
	const struct dp_engine *engine = w->dp->engine;

	for (unsigned at = 0; at < n;) {
		unsigned want = n - at < DP_ENGINE_BATCH ? n - at : DP_ENGINE_BATCH, finished = 0;
		unsigned took = engine->submit(w->engine_queue, &ops[at], want, &finished);
		for (unsigned i = 0; i < finished; i++)
			done->pkt[done->n + i] = ops[at + i]->cookie;
		done->n += finished;
		at += took;
		w->in_flight += took - finished;
		if (likely(w->in_flight == 0 && took > 0))
			continue;
		unsigned before = w->in_flight;
		dp_crypto_complete(w);
		if (took == 0 && w->in_flight == before) { /* full, and nothing has come back */
			while (at < n)
				dp_drop(w, ops[at++]->cookie, DP_DROP_ENGINE_FULL);
		}
	}
}
