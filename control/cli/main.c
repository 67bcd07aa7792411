/* SPDX-License-Identifier: BSD-3-Clause
 * culvert, the command line: the process. Its only thread. */
#include <signal.h>
#include <stdio.h>

#include "control/cli/run.h"

int
main(int argc, char *argv[])
{
	signal(SIGPIPE, SIG_IGN); /* a pager that ends is an error to handle: the socket's file must go */
	return cli_main(argc, argv, stdout);
}
