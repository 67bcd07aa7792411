/* SPDX-License-Identifier: BSD-3-Clause
 * A mix of frame sizes: one size, a list, or IMIX, laid out as the cycle in which the generator sends them.
 * Sizes are Ethernet frames from the destination MAC to the last payload byte, without the FCS. No I/O; any thread. */
#ifndef PG_MIX_H
#define PG_MIX_H

#include <stdint.h>

#define PG_FRAME_MIN     64   /* the headers and the head of the payload just fit */
#define PG_FRAME_MAX     9216 /* the jumbo size that switches agree on */
#define PG_WIRE_OVERHEAD 24   /* preamble 8, FCS 4, gap 12: what a frame takes of a link besides itself */

#define PG_MIX_CYCLE 256 /* frames */
#define PG_MIX_NAME  48

struct pg_mix {
	char name[PG_MIX_NAME]; /* as written: "64", "imix", "64x7+590x4" */
	uint16_t size[PG_MIX_CYCLE];
	uint16_t cycle; /* entries of size[] in use */
	uint16_t min, max;
	uint32_t bytes; /* of a whole cycle */
};

/* "64", "64,512", "64x7+590x4+1514", "imix" (7 x 64, 4 x 590, 1 x 1514). 0, -EINVAL, or -ERANGE: a size out of bounds. */
int pg_mix_parse(const char *text, struct pg_mix *out);

/* Frame sizes are taken from the cycle in order, and at the end of each round over all flows this many entries are
 * skipped: just enough that every flow meets every size. */
unsigned pg_mix_skip(const struct pg_mix *mix, uint32_t flows);

/* Mean frame in bytes. */
double pg_mix_mean(const struct pg_mix *mix);

#endif
