/* SPDX-License-Identifier: BSD-3-Clause
 * ^C and SIGTERM: what runs ends in order and says what it has so far; a second one ends the process. Any thread. */
#ifndef PG_INTERRUPT_H
#define PG_INTERRUPT_H

#include <stdbool.h>

void pg_interrupt_catch(void);
bool pg_interrupted(void);

#endif
