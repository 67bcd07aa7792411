/* SPDX-License-Identifier: BSD-3-Clause
 * What became of every frame: received, lost, duplicated, reordered, per flow.
 *
 *   received   first intact copies
 *   duplicate  a copy of a frame that is in the window and was seen
 *   reordered  RFC 4737 3: a first copy whose sequence number is below the next expected one, which is one above the
 *              highest seen so far in its flow; its distance is how far below
 *   too late   a copy from before the window, of which nobody can say whether it is the first: it counts as none
 *   lost       sent, but never received intact: sent - received
 *
 * The window is a bitmap per flow: 64 MiB in all, so 512 frames deep with a million flows and a million with a few.
 * One worker writes; read when that has stopped. */
#ifndef PG_JUDGE_H
#define PG_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

enum pg_arrival { PG_ARRIVAL_IN_ORDER, PG_ARRIVAL_REORDERED, PG_ARRIVAL_DUPLICATE, PG_ARRIVAL_TOO_LATE };

struct pg_flow_count {
	uint64_t sent, received, lost, duplicates, reordered, too_late;
	uint64_t distance_max;
	uint32_t flow;
};

#define PG_JUDGE_WORST 64

struct pg_judgement {
	struct pg_flow_count all; /* sums; distance_max of any; flow means nothing */
	uint32_t flows_lost, flows_duplicated, flows_reordered;
	struct pg_flow_count worst[PG_JUDGE_WORST]; /* most lost first, then duplicates, then reordered, then number */
	unsigned n_worst;                           /* all flows when there are no more */
};

struct pg_judge;

/* NULL: not enough memory. window: frames per flow, rounded up to a power of two from 64; 0: as many as fit. */
struct pg_judge *pg_judge_create(uint32_t flows, uint32_t window);
void pg_judge_destroy(struct pg_judge *judge);
void pg_judge_reset(struct pg_judge *judge);
uint32_t pg_judge_window(const struct pg_judge *judge);

/* A frame that came in whole. sequence is the low half of a number that starts at 0 in each flow. */
enum pg_arrival pg_judge_frame(struct pg_judge *judge, uint32_t flow, uint32_t sequence);

/* First copies of a flow so far. */
uint64_t pg_judge_received(const struct pg_judge *judge, uint32_t flow);

/* sent frames went out, to each flow in turn from flow 0. */
void pg_judge_finish(const struct pg_judge *judge, uint64_t sent, struct pg_judgement *out);

#endif
