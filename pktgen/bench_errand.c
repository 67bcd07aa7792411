/* SPDX-License-Identifier: BSD-3-Clause
 * Work that the main thread gives to an lcore's. DPDK's launch and wait order memory, but where no sanitizer sees it: here
 * it is done in plain sight, too. */
#include "pktgen/bench.h"

#include <rte_launch.h>

static int
errand(void *arg)
{
	struct pg_bench_errand *e = arg;
	__atomic_load_n(&e->launched, __ATOMIC_ACQUIRE); /* pairs with the release in pg_bench_errand_launch() */
	e->run(e->arg);
	__atomic_store_n(&e->ended, 1, __ATOMIC_RELEASE); /* pairs with the acquire in pg_bench_errand_wait() */
	return 0;
}

void
pg_bench_errand_launch(struct pg_bench_errand *e)
{
	__atomic_store_n(&e->launched, 1, __ATOMIC_RELEASE); /* pairs with the acquire in errand() */
	rte_eal_remote_launch(errand, e, e->lcore);
}

bool
pg_bench_errand_runs(const struct pg_bench_errand *e)
{
	return rte_eal_get_lcore_state(e->lcore) == RUNNING;
}

void
pg_bench_errand_wait(struct pg_bench_errand *e)
{
	rte_eal_wait_lcore(e->lcore);
	__atomic_load_n(&e->ended, __ATOMIC_ACQUIRE); /* pairs with the release in errand() */
}
