/* SPDX-License-Identifier: BSD-3-Clause
 * Keeps a rate by the TSC. One worker; the clock is the caller's. */
#include "pktgen/pace.h"

#include <errno.h>

int
pg_load_of(const struct pg_rate *rate, uint64_t link_bits, struct pg_load *out)
{
	switch (rate->kind) {
	case PG_RATE_MAX:
		*out = (struct pg_load){.units_per_s = 0, .frame_units = 1};
		return 0;
	case PG_RATE_PPS:
		*out = (struct pg_load){.units_per_s = rate->value, .frame_units = 1};
		return 0;
	case PG_RATE_BITS:
		*out = (struct pg_load){.units_per_s = rate->value, .byte_units = 8};
		return 0;
	case PG_RATE_PERCENT:
		*out = (struct pg_load){.units_per_s = (uint64_t)((unsigned __int128)link_bits * rate->value / 1000000),
					.frame_units = 8 * PG_WIRE_OVERHEAD,
					.byte_units = 8};
		return out->units_per_s > 0 ? 0 : -ERANGE;
	}
	return -ERANGE;
}

double
pg_load_pps(const struct pg_load *load, const struct pg_mix *mix)
{
	return (double)load->units_per_s / (load->frame_units + load->byte_units * pg_mix_mean(mix));
}

void
pg_pacer_start(struct pg_pacer *pacer, uint64_t now, uint64_t hz, uint64_t units_per_s, uint64_t bound)
{
	*pacer =
	    (struct pg_pacer){.hz = hz, .start = now, .span = UINT64_MAX, .units_per_s = units_per_s, .bound = bound};
}

void
pg_pacer_end(struct pg_pacer *pacer, uint64_t span)
{
	pacer->span = span;
}

uint64_t
pg_pacer_due(const struct pg_pacer *pacer, uint64_t now)
{
	const uint64_t passed = now - pacer->start < pacer->span ? now - pacer->start : pacer->span;
	return (uint64_t)((unsigned __int128)passed * pacer->units_per_s / pacer->hz);
}

uint64_t
pg_pacer_credit(struct pg_pacer *pacer, uint64_t now)
{
	if (pacer->units_per_s == 0)
		return now - pacer->start < pacer->span ? pacer->bound : 0;
	const uint64_t credit = pg_pacer_due(pacer, now) - pacer->spent - pacer->forfeited;
	if (credit <= pacer->bound)
		return credit;
	pacer->forfeited += credit - pacer->bound;
	return pacer->bound;
}

void
pg_pacer_spend(struct pg_pacer *pacer, uint64_t units)
{
	pacer->spent += units;
}
