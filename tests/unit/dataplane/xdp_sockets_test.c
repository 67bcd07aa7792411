/* SPDX-License-Identifier: BSD-3-Clause
 * What is read from an AF_XDP socket beside its driver, on sockets of the kernel's with rings that the test fills. */
#include "dataplane/xdp_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_xdp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/dataplane/gateway.h"

#define RING 2048u
#define N    10u
#define ROOM 256 /* where a frame begins in its buffer: as receivers say it, in the address */

static char engine[] = "auto";

/* A socket over a pool, as DPDK's driver sets it up, and its rings. */
struct xsk {
	int fd;
	uint8_t *base;
	struct xdp_mmap_offsets at;
	uint8_t *fill, *completion, *rx, *tx;
};

static uint8_t *
ring(struct xsk *xsk, int option, const struct xdp_ring_offset *at, uint64_t place, size_t entry_bytes)
{
	const unsigned size = RING;
	void *map;
	assert_int_equal(setsockopt(xsk->fd, SOL_XDP, option, &size, sizeof(size)), 0);
	map = mmap(NULL, at->desc + RING * entry_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, xsk->fd, (off_t)place);
	assert_true(map != MAP_FAILED);
	return map;
}

static void
xsk_open(struct xsk *xsk, const struct rte_mempool *pool)
{
	const struct rte_mempool_memhdr *memory = STAILQ_FIRST(&pool->mem_list);
	const uintptr_t page = (uintptr_t)getpagesize();
	socklen_t bytes = sizeof(xsk->at);

	xsk->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (xsk->fd < 0 && errno == EAFNOSUPPORT)
		skip();
	assert_true(xsk->fd >= 0);
	xsk->base = (uint8_t *)((uintptr_t)memory->addr & ~(page - 1));
	const struct xdp_umem_reg area = {.addr = (uintptr_t)xsk->base,
					  .len = ((uintptr_t)memory->addr + memory->len - (uintptr_t)xsk->base) &
						 ~(page - 1),
					  .chunk_size = pool->header_size + pool->elt_size + pool->trailer_size,
					  .flags = XDP_UMEM_UNALIGNED_CHUNK_FLAG};
	assert_int_equal(setsockopt(xsk->fd, SOL_XDP, XDP_UMEM_REG, &area, sizeof(area)), 0);
	assert_int_equal(getsockopt(xsk->fd, SOL_XDP, XDP_MMAP_OFFSETS, &xsk->at, &bytes), 0);
	xsk->fill = ring(xsk, XDP_UMEM_FILL_RING, &xsk->at.fr, XDP_UMEM_PGOFF_FILL_RING, sizeof(uint64_t));
	xsk->completion =
	    ring(xsk, XDP_UMEM_COMPLETION_RING, &xsk->at.cr, XDP_UMEM_PGOFF_COMPLETION_RING, sizeof(uint64_t));
	xsk->rx = ring(xsk, XDP_RX_RING, &xsk->at.rx, XDP_PGOFF_RX_RING, sizeof(struct xdp_desc));
	xsk->tx = ring(xsk, XDP_TX_RING, &xsk->at.tx, XDP_PGOFF_TX_RING, sizeof(struct xdp_desc));
}

static void
xsk_close(struct xsk *xsk)
{
	munmap(xsk->fill, xsk->at.fr.desc + RING * sizeof(uint64_t));
	munmap(xsk->completion, xsk->at.cr.desc + RING * sizeof(uint64_t));
	munmap(xsk->rx, xsk->at.rx.desc + RING * sizeof(struct xdp_desc));
	munmap(xsk->tx, xsk->at.tx.desc + RING * sizeof(struct xdp_desc));
	close(xsk->fd);
}

/* An entry more, behind those that are there. */
static void
put(uint8_t *map, const struct xdp_ring_offset *at, size_t entry_bytes, uint64_t addr)
{
	uint32_t *producer = (uint32_t *)(map + at->producer);
	memcpy(map + at->desc + (*producer & (RING - 1)) * entry_bytes, &addr, sizeof(addr));
	++*producer;
}

/* The ring has turned so often. */
static void
turn(uint8_t *map, const struct xdp_ring_offset *at, uint32_t n)
{
	*(uint32_t *)(map + at->producer) = *(uint32_t *)(map + at->consumer) = n;
}

/* As the driver has it. */
static uint64_t
addr_of(const struct xsk *xsk, const struct rte_mempool *pool, const void *buffer)
{
	return (uint64_t)((const uint8_t *)buffer - xsk->base) - pool->header_size;
}

static void
what_all_four_rings_hold_comes_back_to_the_pool(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	struct rte_mempool *pool = gw.dp->pool;
	const unsigned free_before = rte_mempool_avail_count(pool);
	struct rte_mbuf *buffer[4 * N];
	struct dp_xdp_left left;
	struct xsk xsk;

	xsk_open(&xsk, pool);
	turn(xsk.fill, &xsk.at.fr, UINT32_MAX - 3); /* they run over the end of the ring and of their numbers */
	turn(xsk.rx, &xsk.at.rx, RING - 2);
	turn(xsk.tx, &xsk.at.tx, N); /* as many as are completed and not yet taken back */
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, buffer, 4 * N), 0);
	for (unsigned i = 0; i < N; i++) {
		put(xsk.fill, &xsk.at.fr, sizeof(uint64_t), addr_of(&xsk, pool, buffer[i]));
		put(xsk.rx, &xsk.at.rx, sizeof(struct xdp_desc),
		    addr_of(&xsk, pool, buffer[N + i]) | (uint64_t)ROOM << XSK_UNALIGNED_BUF_OFFSET_SHIFT);
		put(xsk.tx, &xsk.at.tx, sizeof(struct xdp_desc),
		    addr_of(&xsk, pool, buffer[2 * N + i]) | (uint64_t)ROOM << XSK_UNALIGNED_BUF_OFFSET_SHIFT);
		put(xsk.completion, &xsk.at.cr, sizeof(uint64_t), addr_of(&xsk, pool, buffer[3 * N + i]));
	}
	buffer[2 * N]->nb_segs = 2;
	buffer[2 * N]->next = buffer[0];

	dp_xdp_left_list(&left, &xsk.fd, 1, pool);
	assert_int_equal(left.n, 4 * N);
	assert_int_equal(left.receiving, 2 * N);
	assert_int_equal(rte_mempool_avail_count(pool), free_before - 4 * N); /* not yet */
	xsk_close(&xsk);
	dp_xdp_left_put_back(&left);
	assert_int_equal(rte_mempool_avail_count(pool), free_before);
	assert_true(buffer[2 * N]->nb_segs == 1 && buffer[2 * N]->next == NULL);
	gateway_stop(&gw);
}

/* Of three sent two are completed, one of them is taken back and gone to somebody else; the kernel has not said that it read them. */
static void
what_was_completed_is_not_taken_from_the_ring_for_sending_again(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	struct rte_mempool *pool = gw.dp->pool;
	struct rte_mbuf *buffer[3];
	struct dp_xdp_left left;
	struct xsk xsk;

	xsk_open(&xsk, pool);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, buffer, 3), 0);
	for (unsigned i = 0; i < 3; i++)
		put(xsk.tx, &xsk.at.tx, sizeof(struct xdp_desc), addr_of(&xsk, pool, buffer[i]));
	for (unsigned i = 0; i < 2; i++)
		put(xsk.completion, &xsk.at.cr, sizeof(uint64_t), addr_of(&xsk, pool, buffer[i]));
	*(uint32_t *)(xsk.completion + xsk.at.cr.consumer) = 1;
	dp_xdp_left_list(&left, &xsk.fd, 1, pool);
	assert_int_equal(left.n, 2);
	assert_ptr_equal(left.buffer[0], buffer[2]);
	assert_ptr_equal(left.buffer[1], buffer[1]);
	assert_int_equal(left.receiving, 0);
	xsk_close(&xsk);
	dp_xdp_left_put_back(&left);
	rte_pktmbuf_free(buffer[0]);
	gateway_stop(&gw);
}

static void
what_is_no_buffer_of_the_device_stays_where_it_is(void **state)
{
	struct gateway gw;
	gateway_start(&gw, *state, 0, 128);
	struct rte_mempool *pool = gw.dp->pool;
	struct rte_mbuf *buffer[3];
	struct dp_xdp_left left;
	struct xsk xsk;

	xsk_open(&xsk, pool);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, buffer, 3), 0);
	rte_mbuf_refcnt_set(buffer[2], 2); /* somebody has it, too */
	const uint64_t own = addr_of(&xsk, pool, buffer[0]);
	const uint64_t object = pool->header_size + pool->elt_size + pool->trailer_size;
	const uint64_t addrs[] = {
	    own,
	    own,              /* twice */
	    own + object - 1, /* another place in it */
	    addr_of(&xsk, pool, buffer[2]),
	    own + object * pool->size,   /* behind the pool */
	    XSK_UNALIGNED_BUF_ADDR_MASK, /* far behind it */
	};
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++)
		put(xsk.fill, &xsk.at.fr, sizeof(uint64_t), addrs[i]);
	*(uint32_t *)(xsk.rx + xsk.at.rx.producer) = RING + 1; /* more than there is room for: it is not believed */
	dp_xdp_left_list(&left, &xsk.fd, 1, pool);
	assert_int_equal(left.n, 1);
	assert_ptr_equal(left.buffer[0], buffer[0]);
	xsk_close(&xsk);
	dp_xdp_left_put_back(&left);
	rte_mbuf_refcnt_set(buffer[2], 1);
	rte_pktmbuf_free(buffer[1]);
	rte_pktmbuf_free(buffer[2]);
	gateway_stop(&gw);
}

static void
sockets_that_a_driver_forgot_are_closed_and_no_others(void **state)
{
	struct dp_xdp_fds before;
	int old, more[2], other;

	(void)state;
	old = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (old < 0)
		skip();
	dp_xdp_list(DP_XDP_SOCKET, &before);
	assert_int_equal(before.n, 1);
	other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (unsigned i = 0; i < 2; i++)
		more[i] = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	dp_xdp_close_new(DP_XDP_SOCKET, &before);
	assert_true(fcntl(old, F_GETFD) >= 0 && fcntl(other, F_GETFD) >= 0);
	assert_true(fcntl(more[0], F_GETFD) < 0 && fcntl(more[1], F_GETFD) < 0);
	close(old);
	close(other);
}

/* The kernel lists descriptors as they come; a device's are those that are new. */
static void
new_sockets_are_those_that_were_not_there(void **state)
{
	static const struct {
		struct dp_xdp_fds before, after;
		unsigned max, n;
		int fd[4];
	} table[] = {
	    {{0, {0}}, {0, {0}}, 4, 0, {0}},
	    {{0, {0}}, {2, {7, 9}}, 4, 2, {7, 9}},
	    {{2, {9, 7}}, {2, {7, 9}}, 4, 0, {0}},
	    {{2, {9, 7}}, {4, {7, 12, 9, 11}}, 4, 2, {12, 11}},
	    {{1, {9}}, {4, {7, 12, 9, 11}}, 2, 2, {7, 12}},
	    {{2, {3, 4}}, {1, {3}}, 4, 0, {0}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int fd[4] = {0};
		assert_int_equal(dp_xdp_new(&table[i].before, &table[i].after, fd, table[i].max), table[i].n);
		assert_memory_equal(fd, table[i].fd, table[i].n * sizeof(fd[0]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(what_all_four_rings_hold_comes_back_to_the_pool, engine),
	    cmocka_unit_test_prestate(what_was_completed_is_not_taken_from_the_ring_for_sending_again, engine),
	    cmocka_unit_test_prestate(what_is_no_buffer_of_the_device_stays_where_it_is, engine),
	    cmocka_unit_test(sockets_that_a_driver_forgot_are_closed_and_no_others),
	    cmocka_unit_test(new_sockets_are_those_that_were_not_there),
	};
	if (gateway_process_start() < 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
