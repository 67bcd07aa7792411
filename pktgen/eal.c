/* SPDX-License-Identifier: BSD-3-Clause
 * Starts and stops DPDK for a scenario. Main thread. */
#include "pktgen/eal.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#define ARGS_MAX        20
#define BUFFER_OVERHEAD 512 /* of a buffer besides its room: the mbuf, the pool's header and trailer, alignment */
#define TABLES_MB       64  /* rings, queues, and what DPDK keeps for itself */
#define ORDINARY_ROOM   2048
#define AF_XDP_TAKES    640 /* bytes of a buffer's room that AF_XDP does not fill; found by trial */

unsigned
pg_eal_buffer_room(const struct pg_scenario *scenario)
{
	const unsigned frame = pg_scenario_max_frame(scenario);
	const unsigned ordinary = RTE_PKTMBUF_HEADROOM + ORDINARY_ROOM;
	return frame + AF_XDP_TAKES <= ordinary ? ordinary : RTE_ALIGN_CEIL(frame + AF_XDP_TAKES, 64u);
}

static unsigned
memory_mb(const struct pg_scenario *scenario)
{
	const unsigned pools = 2;
	return pools * (PG_POOL_FRAMES + 1) / 1024 * (pg_eal_buffer_room(scenario) + BUFFER_OVERHEAD) / 1024 +
	       TABLES_MB;
}

static bool
huge_pages_free(unsigned mb)
{
	unsigned long pages = 0;
	FILE *in = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	if (in == NULL)
		return false;
	const bool read = fscanf(in, "%lu", &pages) == 1;
	fclose(in);
	return read && pages * 2 >= mb;
}

/* Main may run on every CPU this process has; a worker there too, or on the one the scenario gives it. */
static int
lcores(const struct pg_scenario *scenario, char out[2048], struct pg_error *err)
{
	const unsigned workers = scenario->one_thread ? 1 : 2;
	char all[512] = "";
	size_t at = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return pg_error_set(err, -errno, "cannot tell which CPUs there are: %s", strerror(errno));
	for (int cpu = 0; cpu < CPU_SETSIZE && at < sizeof(all) - 8; cpu++)
		if (CPU_ISSET(cpu, &set))
			at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%d", at > 0 ? "," : "", cpu);
	at = (size_t)snprintf(out, 2048, "0@(%s)", all);
	for (unsigned i = 0; i < workers; i++) {
		if (scenario->cpus.n == 0) {
			at += (size_t)snprintf(out + at, 2048 - at, ",%u@(%s)", i + 1, all);
			continue;
		}
		const unsigned cpu = scenario->cpus.cpu[i];
		if (scenario->cpus.n != workers || !CPU_ISSET(cpu, &set))
			return pg_error_set(err, -EINVAL, "%s:%u: cpus: give %u of %s, one for each thread",
					    scenario->file, scenario->cpus_line, workers, all);
		at += (size_t)snprintf(out + at, 2048 - at, ",%u@%u", i + 1, cpu);
	}
	return 0;
}

/* A PCI device must be allowed by name, and then the bus is looked at; without any it is left alone. */
static bool
is_pci(const char *device)
{
	unsigned domain, bus, slot, function;
	int end = 0;
	return (sscanf(device, "%x:%x:%x.%x%n", &domain, &bus, &slot, &function, &end) == 4 ||
		sscanf(device, "%x:%x.%x%n", &bus, &slot, &function, &end) == 3) &&
	       (device[end] == '\0' || device[end] == ',');
}

int
pg_eal_start(const struct pg_scenario *scenario, bool verbose, struct pg_error *err)
{
	/* The library may write to its arguments. */
	static char name[] = "culvert-pktgen", no_telemetry[] = "--no-telemetry", no_shconf[] = "--no-shconf",
		    iova[] = "--iova-mode=va", lcores_are[] = "--lcores", memory_is[] = "-m",
		    in_memory[] = "--in-memory", no_huge[] = "--no-huge", loud[] = "--log-level=*:info",
		    quiet[] = "--log-level=*:emergency", no_pci[] = "--no-pci", allow[] = "-a";
	char cores[2048], memory[16], prefix[48], tx[PG_TEXT], rx[PG_TEXT];

	const int rc = lcores(scenario, cores, err);
	if (rc < 0)
		return rc;
	const unsigned mb = memory_mb(scenario);
	snprintf(memory, sizeof(memory), "%u", mb);
	snprintf(prefix, sizeof(prefix), "--file-prefix=culvert-pktgen-%d", (int)getpid());
	snprintf(tx, sizeof(tx), "%s", scenario->tx.device);
	snprintf(rx, sizeof(rx), "%s", scenario->rx.device);
	char *argv[ARGS_MAX] = {name,
				no_telemetry,
				no_shconf,
				iova,
				lcores_are,
				cores,
				memory_is,
				memory,
				prefix,
				!scenario->no_huge && huge_pages_free(mb) ? in_memory : no_huge,
				verbose ? loud : quiet};
	int argc = 11;
	for (char **device = (char *[]){tx, rx, NULL}; *device != NULL; device++) {
		if (!is_pci(*device))
			continue;
		argv[argc++] = allow;
		argv[argc++] = *device;
	}
	if (argc == 11)
		argv[argc++] = no_pci;
	if (rte_eal_init(argc, argv) < 0) {
		rmdir(rte_eal_get_runtime_dir());
		return pg_error_set(err, -EIO, "DPDK does not start with %u MiB of memory: %s (-v shows its messages)",
				    mb, rte_strerror(rte_errno));
	}
	return 0;
}

/* DPDK's own clean-up would unmap its memory while its interrupt thread still runs, which crashes now and then after
 * memif ports: with the ports closed, the end of the process frees all there is. */
void
pg_eal_stop(void)
{
	rmdir(rte_eal_get_runtime_dir()); /* DPDK leaves it, empty, and its name is this process's alone */
}
