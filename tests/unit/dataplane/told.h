/* SPDX-License-Identifier: BSD-3-Clause
 * ThreadSanitizer in a test: what it is told beside dataplane/told.h, of devices that are rings, and what it tells. Without it
 * all this is nothing. */
#ifndef TEST_TOLD_H
#define TEST_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/told.h"

/* A frame goes from the test to who receives it: of a device's queues, once they are set up. The test's own end of the rings is
 * the test's to tell. */
void told_device(uint16_t ethdev, uint16_t queues);

/* Does it watch? */
bool told_watched(void);
/* How many races it has reported; any thread. */
unsigned told_races(void);

#endif
