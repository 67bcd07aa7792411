/* SPDX-License-Identifier: BSD-3-Clause
 * What a peer sends whose way cuts its ESP packets. */
#ifndef TEST_PIECES_RIG_H
#define TEST_PIECES_RIG_H

#include "tests/unit/dataplane/gateway.h"

#define PIECES_BUFFER 9300

/* Every packet on the wire has an identification of its own. */
void pieces_identify(uint8_t *wire, unsigned id);
/* A packet from the far side, sealed; ip gets it as the host is to see it. Returns the length on the wire. */
size_t pieces_seal(struct gateway *gw, uint64_t seq, uint16_t payload, uint8_t *ip, uint8_t *wire);
/* The gateway gets so many bytes of its payload, from at on, or as many as there are. */
void pieces_put(struct gateway *gw, const uint8_t *wire, size_t bytes, size_t at, size_t n);

#endif
