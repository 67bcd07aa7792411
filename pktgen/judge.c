/* SPDX-License-Identifier: BSD-3-Clause
 * What became of every frame. One worker writes; main reads when that has stopped. */
#include "pktgen/judge.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_BITS_ALL (UINT64_C(1) << 29) /* 64 MiB */
#define WINDOW_MAX      (UINT32_C(1) << 20)
#define WINDOW_MIN      64u

struct state {
	uint64_t next; /* one above the highest sequence number seen */
	uint64_t received, duplicates, reordered, too_late;
	uint64_t distance_max;
};

struct pg_judge {
	uint32_t flows, window; /* window: frames, a power of two */
	struct state *state;
	uint64_t *bits; /* window bits a flow; sequence s is bit s mod window */
};

static uint32_t
choose_window(uint32_t flows, uint32_t wanted)
{
	const uint64_t fits = wanted != 0 ? wanted : WINDOW_BITS_ALL / flows;
	uint32_t window = WINDOW_MIN;
	while (window < WINDOW_MAX && (wanted != 0 ? window < fits : (uint64_t)window * 2 <= fits))
		window *= 2;
	return window;
}

struct pg_judge *
pg_judge_create(uint32_t flows, uint32_t window)
{
	struct pg_judge *judge = calloc(1, sizeof(*judge));
	if (judge == NULL)
		return NULL;
	judge->flows = flows;
	judge->window = choose_window(flows, window);
	judge->state = calloc(flows, sizeof(*judge->state));
	judge->bits = calloc(flows, judge->window / 8);
	if (judge->state == NULL || judge->bits == NULL) {
		pg_judge_destroy(judge);
		return NULL;
	}
	return judge;
}

void
pg_judge_destroy(struct pg_judge *judge)
{
	if (judge == NULL)
		return;
	free(judge->state);
	free(judge->bits);
	free(judge);
}

void
pg_judge_reset(struct pg_judge *judge)
{
	memset(judge->state, 0, judge->flows * sizeof(*judge->state));
	memset(judge->bits, 0, (size_t)judge->flows * (judge->window / 8));
}

uint32_t
pg_judge_window(const struct pg_judge *judge)
{
	return judge->window;
}

/* Forgets what stood where sequence numbers from first up to before end will stand. */
static void
clear_bits(uint64_t *bits, uint32_t window, uint64_t first, uint64_t end)
{
	if (end - first >= window) {
		memset(bits, 0, window / 8);
		return;
	}
	while (first < end) {
		const unsigned at = first % 64;
		const uint64_t n = end - first < 64 - at ? end - first : 64 - at;
		const uint64_t mask = n == 64 ? UINT64_MAX : ((UINT64_C(1) << n) - 1) << at;
		bits[(first & (window - 1)) / 64] &= ~mask;
		first += n;
	}
}

/* Sees a number below the next expected one. */
static enum pg_arrival
arrive_behind(const struct pg_judge *judge, struct state *state, uint64_t *bits, uint64_t distance)
{
	if (distance > judge->window || distance > state->next) {
		state->too_late++;
		return PG_ARRIVAL_TOO_LATE;
	}
	const uint64_t at = (state->next - distance) & (judge->window - 1);
	const uint64_t bit = UINT64_C(1) << (at % 64);
	if ((bits[at / 64] & bit) != 0) {
		state->duplicates++;
		return PG_ARRIVAL_DUPLICATE;
	}
	bits[at / 64] |= bit;
	state->received++;
	state->reordered++;
	if (distance > state->distance_max)
		state->distance_max = distance;
	return PG_ARRIVAL_REORDERED;
}

enum pg_arrival
pg_judge_frame(struct pg_judge *judge, uint32_t flow, uint32_t sequence)
{
	struct state *state = &judge->state[flow];
	uint64_t *bits = judge->bits + (size_t)flow * (judge->window / 64);
	/* The upper half is what brings the number nearest to the next expected one. */
	const int32_t ahead = (int32_t)(sequence - (uint32_t)state->next);

	if (ahead < 0)
		return arrive_behind(judge, state, bits, (uint64_t) - (int64_t)ahead);
	const uint64_t number = state->next + (uint32_t)ahead;
	clear_bits(bits, judge->window, state->next, number + 1);
	bits[(number & (judge->window - 1)) / 64] |= UINT64_C(1) << (number % 64);
	state->next = number + 1;
	state->received++;
	return PG_ARRIVAL_IN_ORDER;
}

uint64_t
pg_judge_received(const struct pg_judge *judge, uint32_t flow)
{
	return judge->state[flow].received;
}

static bool
is_worse(const struct pg_flow_count *a, const struct pg_flow_count *b)
{
	if (a->lost != b->lost)
		return a->lost > b->lost;
	if (a->duplicates != b->duplicates)
		return a->duplicates > b->duplicates;
	return a->reordered > b->reordered;
}

/* Keeps the list sorted; of equal ones the earlier stays ahead. */
static void
note_worst(struct pg_judgement *out, const struct pg_flow_count *count)
{
	unsigned at = out->n_worst;
	while (at > 0 && is_worse(count, &out->worst[at - 1]))
		at--;
	if (at == PG_JUDGE_WORST)
		return;
	if (out->n_worst < PG_JUDGE_WORST)
		out->n_worst++;
	memmove(&out->worst[at + 1], &out->worst[at], (out->n_worst - at - 1) * sizeof(out->worst[0]));
	out->worst[at] = *count;
}

static void
add_up(struct pg_judgement *out, const struct pg_flow_count *count)
{
	out->all.sent += count->sent;
	out->all.received += count->received;
	out->all.lost += count->lost;
	out->all.duplicates += count->duplicates;
	out->all.reordered += count->reordered;
	out->all.too_late += count->too_late;
	if (count->distance_max > out->all.distance_max)
		out->all.distance_max = count->distance_max;
	out->flows_lost += count->lost > 0;
	out->flows_duplicated += count->duplicates > 0;
	out->flows_reordered += count->reordered > 0;
}

void
pg_judge_finish(const struct pg_judge *judge, uint64_t sent, struct pg_judgement *out)
{
	memset(out, 0, sizeof(*out));
	for (uint32_t flow = 0; flow < judge->flows; flow++) {
		const struct state *state = &judge->state[flow];
		struct pg_flow_count count = {
		    .sent = sent / judge->flows + (flow < sent % judge->flows),
		    .received = state->received,
		    .duplicates = state->duplicates,
		    .reordered = state->reordered,
		    .too_late = state->too_late,
		    .distance_max = state->distance_max,
		    .flow = flow,
		};
		count.lost = count.sent > count.received ? count.sent - count.received : 0;
		add_up(out, &count);
		note_worst(out, &count);
	}
}
