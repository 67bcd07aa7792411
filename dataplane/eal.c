/* SPDX-License-Identifier: BSD-3-Clause
 * Starts DPDK's environment: cores, memory, no files left behind. Control thread, before any worker exists. */
#include "dataplane/dataplane.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#define DEFAULT_MEMORY_MB 256
#define MAX_ARGS          (24 + 2 * DP_MAX_PORTS)

struct args {
	int n;
	char *v[MAX_ARGS];
};

static void
push(struct args *args, const char *text)
{
	if (args->n < MAX_ARGS - 1)
		args->v[args->n++] = strdup(text);
}

static void
args_free(struct args *args)
{
	for (int i = 0; i < args->n; i++)
		free(args->v[i]);
}

/* Free huge pages of one size, in MiB. */
static unsigned long
free_huge_mb(const char *size, unsigned long page_mb)
{
	char path[128];
	unsigned long pages = 0;
	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%s/free_hugepages", size);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * page_mb;
}

static bool
huge_pages_free(unsigned memory_mb)
{
	return free_huge_mb("2048kB", 2) >= memory_mb || free_huge_mb("1048576kB", 1024) >= memory_mb;
}

/* "0-3,8" of a set: ranges keep it short on large machines. */
static void
cpu_ranges(const cpu_set_t *set, char *out, size_t size)
{
	size_t at = 0;
	out[0] = 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && at < size; cpu++) {
		if (!CPU_ISSET(cpu, set))
			continue;
		int last = cpu;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		at += (size_t)snprintf(out + at, size - at, last > cpu ? "%s%d-%d" : "%s%d", at ? "," : "", cpu, last);
		cpu = last;
	}
}

/* "0@(cpus),1@cpu,...": lcore 0 is the control thread, lcore i the i-th worker. Without cpus all float over what the
 * process may use. */
static int
lcores(const struct dp_eal_config *config, char *out, size_t size, struct dp_error *err)
{
	char all[256];
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0) {
		snprintf(err->text, sizeof(err->text), "cannot ask which CPUs may be used: %s", strerror(errno));
		return -errno;
	}
	cpu_ranges(&set, all, sizeof(all));
	if (config->cpus == NULL) {
		snprintf(out, size, "(0-%u)@(%s)", config->workers, all);
		return 0;
	}
	size_t at = (size_t)snprintf(out, size, "0@(%s)", all);
	const char *next = config->cpus;
	for (unsigned i = 1; i <= config->workers && at < size; i++) {
		char *end;
		unsigned long cpu = strtoul(next, &end, 10);
		if (end == next || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &set)) {
			snprintf(err->text, sizeof(err->text), "cpus: \"%s\" must name %u CPUs of %s", config->cpus,
				 config->workers, all);
			return -EINVAL;
		}
		at += (size_t)snprintf(out + at, size - at, ",%u@%lu", i, cpu);
		next = *end == ',' ? end + 1 : end;
	}
	return 0;
}

static void
build_args(struct args *args, const struct dp_eal_config *config, bool huge, const char *cores)
{
	char text[64];
	push(args, "culvertd");
	push(args, "--no-telemetry");
	push(args, "--no-shconf");
	push(args, "--file-prefix=culvert"); /* nothing is shared under it, so daemons may share the name */
	push(args, "--lcores");
	push(args, cores);
	snprintf(text, sizeof(text), "--log-level=%d", config->log_level);
	push(args, text);
	push(args, "-m");
	snprintf(text, sizeof(text), "%u", config->memory_mb ? config->memory_mb : DEFAULT_MEMORY_MB);
	push(args, text);
	push(args, huge ? "--in-memory" : "--no-huge");
	push(args, "--iova-mode=va"); /* one contiguous pool: what AF_XDP's buffers want */
	if (config->n_pci == 0)
		push(args, "--no-pci");
	for (unsigned i = 0; i < config->n_pci; i++) {
		push(args, "-a");
		push(args, config->pci_devices[i]);
	}
}

int
dp_eal_start(const struct dp_eal_config *config, bool *huge, struct dp_error *err)
{
	struct args args = {0};
	char cores[1024]; /* 32 workers, 10 letters each, and the ranges */
	unsigned memory_mb = config->memory_mb ? config->memory_mb : DEFAULT_MEMORY_MB;

	int rc = lcores(config, cores, sizeof(cores), err);
	if (rc < 0)
		return rc;
	*huge = config->huge_pages && huge_pages_free(memory_mb);
	build_args(&args, config, *huge, cores);
	char *argv[MAX_ARGS]; /* the library reorders what it is given */
	memcpy(argv, args.v, sizeof(argv));
	rc = rte_eal_init(args.n, argv);
	args_free(&args);
	if (rc >= 0)
		return 0;
	snprintf(err->text, sizeof(err->text), "DPDK does not start with %u MiB of memory: %s", memory_mb,
		 rte_strerror(rte_errno));
	return rte_errno ? -rte_errno : -EIO;
}

void
dp_eal_stop(void)
{
	char dir[256];
	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	rmdir(dir); /* the library leaves its directory behind; another daemon may still need it, then this fails */
}
