/* SPDX-License-Identifier: BSD-3-Clause
 * Starting and ending DPDK's environment around the unit tests of a process. Main thread. */
#include "tests/unit/eal.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

static void
stop(void)
{
	char dir[256];
	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	rmdir(dir);
}

void
unit_eal_start(void)
{
	/* rte_eal_init() keeps pointers into its arguments and may write to them. */
	static char prefix[64], lcores[32], name[] = "unit", huge[] = "--no-huge", memory[] = "-m128",
					    pci[] = "--no-pci", shconf[] = "--no-shconf",
					    telemetry[] = "--no-telemetry", log[] = "--log-level=*:error";
	cpu_set_t allowed;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
		perror("sched_getaffinity");
		exit(1);
	}
	while (!CPU_ISSET(cpu, &allowed))
		cpu++;
	snprintf(prefix, sizeof(prefix), "--file-prefix=culvert-unit-%d", (int)getpid());
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", cpu);
	char *argv[] = {name, huge, memory, pci, shconf, telemetry, log, prefix, lcores, NULL};
	if (rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv) < 0) {
		fprintf(stderr, "DPDK does not start: %s\n", rte_strerror(rte_errno));
		exit(1);
	}
	sched_setaffinity(0, sizeof(allowed), &allowed);
	atexit(stop);
}
