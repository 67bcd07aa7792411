/* SPDX-License-Identifier: BSD-3-Clause
 * What a policy lookup costs, in TSC cycles a packet, and what a change of the policies costs: by how many there are, and
 * by how many different masks their selectors have. Flows are drawn at random over all policies. Beside it DPDK's ACL
 * library with the same policies and flows. Medians; nothing here passes or fails. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/xfrm.h>
#include <netinet/in.h>

#include <rte_acl.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_random.h>

#include "sa-db/sadb.h"
#include "tests/perf/acl.h"

#define BATCH   32
#define BATCHES 20000
#define ACL_MAX 10000 /* more it does not hold */
#define CHANGES 201
#define VNET    1

static void
must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "spd_bench: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double
median(double value[], unsigned n)
{
	qsort(value, n, sizeof(value[0]), by_value);
	return value[n / 2];
}

/* ---- the policies ---- */

/* As a gateway has them: each mask is a way to say which hosts, and the more of a packet it fixes the better. */
static const struct {
	uint8_t src, dst, proto;
	uint16_t dport_mask;
} shape[] = {
    {0, 32, 0, 0}, {0, 24, 0, 0},   {32, 32, 0, 0},          {24, 24, 0, 0},
    {0, 30, 0, 0}, {16, 32, 17, 0}, {0, 32, 17, UINT16_MAX}, {0, 28, 6, 0},
};

/* Each policy has a network of its own, so that a flow can be aimed at it. */
static struct sadb_policy_config
make_policy(unsigned i, unsigned masks)
{
	unsigned kind = i % masks;
	struct sadb_policy_config config = {
	    .sel = {.src = {.addr = {.family = AF_INET}}, .dst = {.addr = {.family = AF_INET}}},
	    .tmpl = {.proto = IPPROTO_ESP, .mode = XFRM_MODE_TUNNEL, .reqid = i + 1},
	    .priority = 1000,
	    .vnet_id = VNET,
	    .dir = SADB_POLICY_OUT,
	    .action = SADB_PROTECT,
	};
	config.tmpl.src = sadb_addr_v4(RTE_BE32(0xc0000201));
	config.tmpl.dst = sadb_addr_v4(RTE_BE32(0xc0000202));
	config.sel.dst.addr = sadb_addr_v4(rte_cpu_to_be_32(0x10000000 + i * 256));
	config.sel.src.addr = sadb_addr_v4(RTE_BE32(0x0a010203));
	if (masks <= RTE_DIM(shape)) {
		config.sel.src.len = shape[kind].src;
		config.sel.dst.len = shape[kind].dst;
		config.sel.proto = shape[kind].proto;
		config.sel.dport_be = rte_cpu_to_be_16(80) & shape[kind].dport_mask;
		config.sel.dport_mask_be = shape[kind].dport_mask;
	} else {
		config.sel.src.len = (uint8_t)(kind % 33);
		config.sel.dst.len = (uint8_t)(32 - kind / 33 % 9);
	}
	return config;
}

static struct sadb_flow_v4
make_flow(const struct sadb_policy_config *config)
{
	return (struct sadb_flow_v4){
	    .src_be = sadb_addr_to_v4(&config->sel.src.addr),
	    .dst_be = sadb_addr_to_v4(&config->sel.dst.addr),
	    .sport_be = 1,
	    .dport_be = rte_cpu_to_be_16(80),
	    .proto = config->sel.proto != 0 ? config->sel.proto : IPPROTO_UDP,
	};
}

static struct sadb *
make_db(const struct sadb_policy_config policy[], unsigned n, double *load_s)
{
	const struct sadb_config config = {.max_sas = 1, .max_policies = n + 1, .max_workers = 1};
	struct sadb_error err;
	struct sadb *db = sadb_create(&config, &err);
	if (db == NULL)
		must(-ENOMEM, err.text);
	must(sadb_vnet_add(db, VNET, "bench", &err), "vnet");
	uint64_t start = rte_rdtsc();
	for (unsigned i = 0; i < n; i++) {
		struct sadb_policy_config one = policy[i];
		must(sadb_policy_add(db, &one, false, &err), err.text);
		if (i % 1000 == 999 || i == n - 1)
			must(sadb_commit(db, &err), err.text);
		sadb_reclaim(db);
	}
	*load_s = (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();
	return db;
}

/* ---- lookups ---- */

struct table {
	const struct sadb_spd *spd;
	const struct rte_acl_ctx *acl; /* when there is no spd */
};

static void
look_up(const struct table *table, const struct sadb_flow_v4 *const flow[], unsigned n, unsigned *hits)
{
	struct sadb_policy *out[BATCH];
	uint32_t rank[BATCH];
	if (table->spd != NULL)
		sadb_spd_lookup(table->spd, flow, n, out);
	else
		rte_acl_classify(table->acl, (const uint8_t **)(uintptr_t)flow, rank, n, 1);
	for (unsigned i = 0; i < n; i++)
		*hits += table->spd != NULL ? out[i] != NULL : rank[i] != 0;
}

/* Cycles a packet, in batches of this size: of the median batch, as others may use the processor too. */
static double
measure(const struct table *table, const struct sadb_policy_config policy[], unsigned n, unsigned batch)
{
	static double cycles[BATCHES], none[BATCHES];
	unsigned hits = 0;
	for (unsigned b = 0; b < BATCHES; b++) {
		struct sadb_flow_v4 flow[BATCH];
		const struct sadb_flow_v4 *flows[BATCH];
		for (unsigned i = 0; i < batch; i++) {
			flow[i] = make_flow(&policy[rte_rand_max(n)]);
			flows[i] = &flow[i];
		}
		uint64_t start = rte_rdtsc_precise();
		look_up(table, flows, batch, &hits);
		cycles[b] = (double)(rte_rdtsc_precise() - start);
		start = rte_rdtsc_precise(); /* what the measuring takes */
		none[b] = (double)(rte_rdtsc_precise() - start);
	}
	if (hits != BATCHES * batch)
		must(-ENOENT, "a flow that a policy is for found none");
	return (median(cycles, BATCHES) - median(none, BATCHES)) / batch;
}

/* ---- changes ---- */

/* Microseconds from the call to the workers' seeing it: of a policy added, one replaced as by a rekey, and one deleted. */
static void
measure_changes(struct sadb *db, unsigned n, unsigned masks, double us[3])
{
	double trial[3][CHANGES];
	double to_us = 1e6 / (double)rte_get_tsc_hz();
	struct sadb_error err;
	for (unsigned t = 0; t < CHANGES; t++) {
		struct sadb_policy_config fresh = make_policy(n + t, masks);
		struct sadb_policy_config rekeyed = make_policy((unsigned)rte_rand_max(n), masks);
		uint64_t at[4];
		at[0] = rte_rdtsc();
		must(sadb_policy_add(db, &fresh, false, &err), err.text);
		must(sadb_commit(db, &err), err.text);
		at[1] = rte_rdtsc();
		must(sadb_policy_add(db, &rekeyed, true, &err), err.text);
		must(sadb_commit(db, &err), err.text);
		at[2] = rte_rdtsc();
		must(sadb_policy_del(db, &fresh, NULL, &err), err.text);
		must(sadb_commit(db, &err), err.text);
		at[3] = rte_rdtsc();
		sadb_reclaim(db);
		for (unsigned i = 0; i < 3; i++)
			trial[i][t] = (double)(at[i + 1] - at[i]) * to_us;
	}
	for (unsigned i = 0; i < 3; i++)
		us[i] = median(trial[i], CHANGES);
}

static double
resident_bytes(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f == NULL || fscanf(f, "%*u %lu", &pages) != 1)
		must(-EIO, "/proc/self/statm");
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void
print_acl(const struct sadb_policy_config policy[], unsigned n)
{
	if (n > ACL_MAX) {
		printf(" |       -       -         -\n");
		return;
	}
	uint64_t start = rte_rdtsc();
	struct rte_acl_ctx *acl = perf_acl_create(policy, n);
	double ms = (double)(rte_rdtsc() - start) * 1e3 / (double)rte_get_tsc_hz();
	if (acl == NULL) {
		printf(" |  no memory\n");
		return;
	}
	const struct table table = {.acl = acl};
	printf(" | %7.1f %7.1f %9.2f\n", measure(&table, policy, n, BATCH), measure(&table, policy, n, 1), ms);
	rte_acl_free(acl);
}

static void
bench(unsigned n, unsigned masks)
{
	double load_s, us[3], before;
	struct sadb_policy_config *policy = calloc(n, sizeof(*policy));
	if (policy == NULL)
		must(-ENOMEM, "policies");
	for (unsigned i = 0; i < n; i++)
		policy[i] = make_policy(i, masks);
	before = resident_bytes();
	struct sadb *db = make_db(policy, n, &load_s);
	double bytes = (resident_bytes() - before) / n;
	const struct table table = {.spd = sadb_vnet_spd(sadb_vnet_find(db, VNET), SADB_POLICY_OUT)};
	double burst = measure(&table, policy, n, BATCH), one = measure(&table, policy, n, 1);
	measure_changes(db, n, masks, us);
	printf("%5u %8u | %7.1f %7.1f | %6.2f %6.2f %6.2f | %6.2f", masks, n, burst, one, us[0], us[1], us[2], load_s);
	if (n >= 10000)
		printf(" %5.0f", bytes);
	else
		printf("     -");
	print_acl(policy, n);
	fflush(stdout);
	sadb_destroy(db);
	free(policy);
	malloc_trim(0);
}

int
main(void)
{
	static char name[] = "spd_bench", huge[] = "--no-huge", memory[] = "-m1024", pci[] = "--no-pci",
		    shconf[] = "--no-shconf", telemetry[] = "--no-telemetry", log[] = "--log-level=*:error";
	static const unsigned count[] = {1, 100, 10000, 1000000};
	static const unsigned odd[] = {16, 64, 297};
	char *argv[] = {name, huge, memory, pci, shconf, telemetry, log, NULL};

	if (rte_eal_init((int)RTE_DIM(argv) - 1, argv) < 0)
		must(-EIO, "DPDK does not start");
	printf("               | cycles a packet |  change, us          | load  bytes | rte_acl\n");
	printf("masks policies | of %2u    of 1   |    add  rekey    del |     s  each |  of %2u    of 1  build ms\n",
	       BATCH, BATCH);
	for (unsigned i = 0; i < RTE_DIM(count); i++)
		bench(count[i], 1);
	for (unsigned i = 1; i < RTE_DIM(count); i++)
		bench(count[i], RTE_DIM(shape));
	for (unsigned i = 0; i < RTE_DIM(odd); i++)
		bench(3000, odd[i]);
	rte_eal_cleanup();
	return 0;
}
