/* SPDX-License-Identifier: BSD-3-Clause
 * Packet buffers as devices see them: at a bus address, close together, in one piece of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"

static void
check_buffer(struct rte_mempool *pool, void *arg, void *object, unsigned index)
{
	const struct rte_mbuf *m = object;
	(void)arg;
	(void)index;
	/* dp_eal_start() asks for bus addresses that are virtual ones. */
	assert_true(rte_mbuf_iova_get(m) == (rte_iova_t)(uintptr_t)m->buf_addr);
	assert_true(rte_mempool_virt2iova(m) == (rte_iova_t)(uintptr_t)m);
	assert_int_equal(m->buf_len, rte_pktmbuf_data_room_size(pool));
}

static void
every_buffer_has_its_bus_address(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	assert_int_equal(rte_mempool_obj_iter(gw.dp->pool, check_buffer, NULL), 2048);
	/* Drivers skip a pool that says it is of no use to devices. */
	assert_int_equal(gw.dp->pool->flags & RTE_MEMPOOL_F_NON_IO, 0);
	gateway_stop(&gw);
}

/* AF_XDP registers the pool's first piece of memory, as long as all buffers together. */
static void
the_buffers_lie_close_in_one_piece(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	const struct rte_mempool *pool = gw.dp->pool;
	assert_int_equal(pool->nb_mem_chunks, 1);
	const struct rte_mempool_memhdr *piece = STAILQ_FIRST(&pool->mem_list);
	const uint32_t bytes = rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL);
	assert_true(piece->len < (size_t)(pool->size + 1) * bytes);
	gateway_stop(&gw);
}

static void
the_memory_comes_back(void **state)
{
	for (unsigned i = 0; i < 60; i++) { /* more than there is for all at once */
		struct gateway gw;
		gateway_start(&gw, *state, 0, 128);
		gateway_stop(&gw);
	}
}

int
main(void)
{
	static char engine[] = "auto";
	if (gateway_process_start() < 0)
		return 77;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(every_buffer_has_its_bus_address, engine),
	    cmocka_unit_test_prestate(the_buffers_lie_close_in_one_piece, engine),
	    cmocka_unit_test_prestate(the_memory_comes_back, engine),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed != 0;
}
