/* SPDX-License-Identifier: BSD-3-Clause
 * Dummy packets (RFC 4303 2.6) that the control thread asked for: they use an SA as others do, say nothing, and are
 * dropped by who receives them, so that an onlooker cannot tell how much is said. */
#ifndef DP_DUMMY_H
#define DP_DUMMY_H

#include "dataplane/bucket.h"
#include "dataplane/dataplane.h"
#include "dataplane/engine.h"
#include "dataplane/random.h"

/* What one SA was asked for. The control thread's while its bit in running is clear, the worker's while it is set. */
struct dp_dummy_run {
	struct dp_dummy_request ask;
	const struct sadb_sa_mut *mut; /* the SA's, compared and no more: one that gets its name later was not asked */
	uint32_t left;                 /* relaxed, for who shows it */
	struct dp_bucket pace;         /* refilled 0: not begun */
	uint64_t waited; /* TSC, when one last went to wait for a neighbour that nobody knows; 0: none did */
	struct dp_random random;
};

struct dp_dummies {
	uint32_t running; /* bits; release where one changes hands, acquire where it is taken */
	uint32_t stop;    /* relaxed: the worker is asked to end it */
	unsigned turn;    /* the worker's: who is first in this round */
	struct dp_dummy_run run[DP_DUMMY_RUNS];
};
static_assert(DP_DUMMY_RUNS <= 32, "a bit for each");

struct dp_worker;

/* Worker: puts those that are due into w->esp_out, which is empty; they are a batch of their own. */
void dp_dummy_make(struct dp_worker *w);
/* Worker: that batch, about to be sealed, says what it is. */
void dp_dummy_mark(struct dp_aead_op *const ops[], unsigned n);

#endif
