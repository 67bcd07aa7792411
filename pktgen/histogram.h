/* SPDX-License-Identifier: BSD-3-Clause
 * A histogram of 64-bit values with a bounded relative error, after HDR histogram: every power of two is cut into 64
 * equal buckets, values below 64 have one each. A value read back is the middle of its bucket: at most 1/128 (0.8 %) off
 * what was recorded. 30 KiB whatever is recorded. One thread writes; read it when that has stopped. */
#ifndef PG_HISTOGRAM_H
#define PG_HISTOGRAM_H

#include <stdint.h>

#define PG_HISTOGRAM_BITS    6
#define PG_HISTOGRAM_BUCKETS ((64 - PG_HISTOGRAM_BITS + 1) << PG_HISTOGRAM_BITS)

struct pg_histogram {
	uint64_t count, min, max; /* min and max are exact */
	unsigned __int128 sum;
	uint64_t buckets[PG_HISTOGRAM_BUCKETS];
};

void pg_histogram_reset(struct pg_histogram *h);
void pg_histogram_record(struct pg_histogram *h, uint64_t value);
/* The smallest recorded value that at least ppm millionths of all are not above (nearest rank); 0 when there is none. */
uint64_t pg_histogram_quantile(const struct pg_histogram *h, uint32_t ppm);
uint64_t pg_histogram_mean(const struct pg_histogram *h);

#endif
