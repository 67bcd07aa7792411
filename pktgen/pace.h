/* SPDX-License-Identifier: BSD-3-Clause
 * Keeps a rate by the TSC. Time earns credit, frames spend it; what is due is always reckoned from the start, so no
 * rounding adds up. A caller that comes late is not given more than a bound at once: the rest is forfeited and counted,
 * so that a generator that cannot keep the rate knows it. One worker; the clock is the caller's. */
#ifndef PG_PACE_H
#define PG_PACE_H

#include <stdint.h>

#include "pktgen/mix.h"
#include "pktgen/value.h"

/* A rate in units a second, and how many units a frame takes: frames, bits of frames, or bits of the link. */
struct pg_load {
	uint64_t units_per_s; /* 0: as fast as possible */
	uint32_t frame_units, byte_units;
};

/* 0, or -ERANGE: a percentage of a link whose speed is not known. */
int pg_load_of(const struct pg_rate *rate, uint64_t link_bits, struct pg_load *out);

/* Frames a second that a load asks for with such frames; 0: as many as possible. */
double pg_load_pps(const struct pg_load *load, const struct pg_mix *mix);

struct pg_pacer {
	uint64_t hz, start; /* TSC */
	uint64_t span;      /* ticks from the start; what is due then is all there will be */
	uint64_t units_per_s;
	uint64_t bound;     /* units */
	uint64_t spent;     /* units */
	uint64_t forfeited; /* units that were due and came too late */
};

void pg_pacer_start(struct pg_pacer *pacer, uint64_t now, uint64_t hz, uint64_t units_per_s, uint64_t bound);
/* No more becomes due so many ticks after the start; without a rate, nothing is from then on. */
void pg_pacer_end(struct pg_pacer *pacer, uint64_t span);
/* Units that may be sent now. */
uint64_t pg_pacer_credit(struct pg_pacer *pacer, uint64_t now);
void pg_pacer_spend(struct pg_pacer *pacer, uint64_t units);
/* Units that are due from the start to now. */
uint64_t pg_pacer_due(const struct pg_pacer *pacer, uint64_t now);

#endif
