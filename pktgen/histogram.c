/* SPDX-License-Identifier: BSD-3-Clause
 * A histogram with a bounded relative error. One thread writes. */
#include "pktgen/histogram.h"

#include <string.h>

#define SUB (1u << PG_HISTOGRAM_BITS)

void
pg_histogram_reset(struct pg_histogram *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

/* Octave 0 holds 0..63, octave k > 0 holds 2^(k+5) .. 2^(k+6)-1 in 64 steps of 2^(k-1). */
static unsigned
bucket_of(uint64_t value)
{
	if (value < SUB)
		return (unsigned)value;
	const unsigned shift = 63u - (unsigned)__builtin_clzll(value) - PG_HISTOGRAM_BITS;
	return ((shift + 1) << PG_HISTOGRAM_BITS) + (unsigned)(value >> shift) - SUB;
}

static uint64_t
middle_of(unsigned bucket)
{
	if (bucket < SUB)
		return bucket;
	const unsigned shift = (bucket >> PG_HISTOGRAM_BITS) - 1;
	const uint64_t low = (uint64_t)((bucket & (SUB - 1)) + SUB) << shift;
	return low + ((UINT64_C(1) << shift) >> 1);
}

void
pg_histogram_record(struct pg_histogram *h, uint64_t value)
{
	h->buckets[bucket_of(value)]++;
	h->count++;
	h->sum += value;
	if (value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
}

uint64_t
pg_histogram_quantile(const struct pg_histogram *h, uint32_t ppm)
{
	const uint64_t rank = (uint64_t)(((unsigned __int128)h->count * ppm + 999999) / 1000000);
	uint64_t below = 0;

	for (unsigned i = 0; h->count > 0 && i < PG_HISTOGRAM_BUCKETS; i++) {
		below += h->buckets[i];
		if (below < rank || below == 0)
			continue;
		const uint64_t value = middle_of(i);
		return value < h->min ? h->min : value > h->max ? h->max : value;
	}
	return 0;
}

uint64_t
pg_histogram_mean(const struct pg_histogram *h)
{
	return h->count > 0 ? (uint64_t)(h->sum / h->count) : 0;
}
