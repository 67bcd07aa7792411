/* SPDX-License-Identifier: BSD-3-Clause
 * culvert, the command line: the process. Its only thread. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "control/cli/run.h"

int
main(int argc, char *argv[])
{
	signal(SIGPIPE, SIG_IGN);           /* a pager that ends is an error to handle: the socket's file must go */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core dump, no ptrace by others: keys pass through */
	return cli_main(argc, argv, stdout);
}
