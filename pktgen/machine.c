/* SPDX-License-Identifier: BSD-3-Clause
 * What results say of the machine. Any thread. */
#include "pktgen/machine.h"

#include <stdio.h>
#include <string.h>

void
pg_machine_cpu(char out[PG_MACHINE_CPU])
{
	char line[256];
	FILE *in = fopen("/proc/cpuinfo", "re");

	snprintf(out, PG_MACHINE_CPU, "unknown");
	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		const char *value = strstr(line, ": ");
		if (strncmp(line, "model name", 10) != 0 || value == NULL)
			continue;
		snprintf(out, PG_MACHINE_CPU, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
		break;
	}
	if (in != NULL)
		fclose(in);
}
