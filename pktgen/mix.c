/* SPDX-License-Identifier: BSD-3-Clause
 * Mixes of frame sizes. No I/O; any thread. */
#include "pktgen/mix.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define KINDS 64 /* different sizes in a mix */

static const char imix[] =
    "64x7+590x4+1514x1"; /* IP packets of 40 (padded), 576 and 1500 bytes, RFC 6985's old friend */

struct kind {
	uint16_t size, weight;
	int due;
};

/* Digits up to limit; NULL when there are none or they say more. */
static const char *
number(const char *at, unsigned limit, unsigned *out)
{
	unsigned value = 0;
	if (*at < '0' || *at > '9')
		return NULL;
	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (unsigned)(*at - '0');
		if (value > limit)
			return NULL;
	}
	*out = value;
	return at;
}

/* One item "SIZE" or "SIZExWEIGHT"; moves *at behind it and its comma or plus. */
static int
parse_kind(const char **at, struct kind *kind)
{
	unsigned size, weight = 1;
	const char *next = number(*at, 99999, &size);
	if (next == NULL)
		return -EINVAL;
	if (*next == 'x') {
		next = number(next + 1, PG_MIX_CYCLE, &weight);
		if (next == NULL || weight == 0)
			return -EINVAL;
	}
	if ((*next == ',' || *next == '+') && next[1] != '\0')
		next++;
	else if (*next != '\0')
		return -EINVAL;
	if (size < PG_FRAME_MIN || size > PG_FRAME_MAX)
		return -ERANGE;
	*kind = (struct kind){.size = (uint16_t)size, .weight = (uint16_t)weight};
	*at = next;
	return 0;
}

/* Spreads the kinds over the cycle, so that seven small frames do not come in one clump: each step every kind gains its
 * weight, and the one that is owed most is next. */
static void
lay_out(struct pg_mix *mix, struct kind *kinds, unsigned n)
{
	for (unsigned i = 0; i < mix->cycle; i++) {
		struct kind *most = &kinds[0];
		for (unsigned k = 0; k < n; k++) {
			kinds[k].due += kinds[k].weight;
			if (kinds[k].due > most->due)
				most = &kinds[k];
		}
		most->due -= mix->cycle;
		mix->size[i] = most->size;
		mix->bytes += most->size;
	}
}

int
pg_mix_parse(const char *text, struct pg_mix *out)
{
	struct kind kinds[KINDS];
	unsigned n = 0, total = 0;
	struct pg_mix mix = {.min = UINT16_MAX};
	const char *at = strcmp(text, "imix") == 0 ? imix : text;

	if (snprintf(mix.name, sizeof(mix.name), "%s", text) >= (int)sizeof(mix.name))
		memcpy(mix.name + sizeof(mix.name) - 4, "...", 4);
	do {
		if (n == KINDS)
			return -EINVAL;
		const int rc = parse_kind(&at, &kinds[n]);
		if (rc < 0)
			return rc;
		total += kinds[n].weight;
		if (total > PG_MIX_CYCLE)
			return -EINVAL;
		if (kinds[n].size < mix.min)
			mix.min = kinds[n].size;
		if (kinds[n].size > mix.max)
			mix.max = kinds[n].size;
		n++;
	} while (*at != '\0');
	mix.cycle = (uint16_t)total;
	lay_out(&mix, kinds, n);
	*out = mix;
	return 0;
}

static unsigned
common_divisor(unsigned a, unsigned b)
{
	while (b != 0) {
		const unsigned rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

unsigned
pg_mix_skip(const struct pg_mix *mix, uint32_t flows)
{
	unsigned skip = 0;
	/* A flow moves by flows + skip entries a round; it meets all of them when that shares no divisor with the cycle. */
	while (common_divisor(flows + skip, mix->cycle) != 1)
		skip++;
	return skip;
}

double
pg_mix_mean(const struct pg_mix *mix)
{
	return (double)mix->bytes / mix->cycle;
}
