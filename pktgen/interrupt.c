/* SPDX-License-Identifier: BSD-3-Clause
 * ^C and SIGTERM. Any thread. */
#include "pktgen/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupted;

static void
note(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

void
pg_interrupt_catch(void)
{
	struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool
pg_interrupted(void)
{
	return interrupted != 0;
}
