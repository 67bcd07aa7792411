/* SPDX-License-Identifier: BSD-3-Clause
 * A host's end of fragmentation (RFC 791 3.2) for the tests: puts pieces together, and cuts. Shares no code with the
 * dataplane. */
#ifndef TEST_FRAGMENT_RIG_H
#define TEST_FRAGMENT_RIG_H

#include <stddef.h>
#include <stdint.h>

#define FRAGMENT_RIG_MAX 66000

struct fragment_rig {
	unsigned n;       /* pieces */
	uint8_t head[20]; /* of the first piece */
	size_t start, at; /* of the payload: where it starts in the packet that it is of, and how far it came */
	int more;         /* the last piece's bit */
	uint8_t payload[FRAGMENT_RIG_MAX];
};

void fragment_rig_start(struct fragment_rig *rig);
/* Takes the next piece, in order; fails the test if it does not go on where the last one ended. */
void fragment_rig_add(struct fragment_rig *rig, const uint8_t *ip, size_t bytes);
/* Fails the test unless the pieces are this packet (itself maybe a fragment), in every field. */
void fragment_rig_check(const struct fragment_rig *rig, const uint8_t *ip, size_t bytes);

/* Cuts a packet: the piece with so many bytes of its payload from at on. Returns its length. */
size_t fragment_rig_cut(const uint8_t *ip, size_t bytes, size_t at, size_t piece, uint8_t *out);

#endif
