/* SPDX-License-Identifier: BSD-3-Clause
 * Where the tests of the benchmark's frames lie; see the header. */
#include "tests/unit/pktgen/bench_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/eal.h"

const char *const bed_mixes[BED_MIXES] = {"64", "65", "66", "67", "1422", "9216", "imix"};
const uint8_t bed_lan_mac[6] = {2, 0, 0, 0, 0, 1}, bed_wan_mac[6] = {2, 0, 0, 0, 0, 2};

static struct rte_mempool *pool;

void
bed_process_start(void)
{
	unit_eal_start();
	pool = rte_pktmbuf_pool_create("bench-bed", 2 * PG_BENCH_BATCH_MAX, 0, 0, BED_BUFFER, SOCKET_ID_ANY);
	if (pool == NULL) {
		fprintf(stderr, "no memory for packets\n");
		exit(1);
	}
}

struct bed *
bed_create(const char *mix, enum pg_bench_dir dir, bool esn, unsigned sas, unsigned i)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct pg_error err;
	assert_non_null(bed);
	bed->gateway = (struct pg_bench_gateway){.workers = 1, .sas = sas, .esn = esn, .in_seq = bed->in_seq};
	memcpy(bed->gateway.mac[PG_BENCH_LAN], bed_lan_mac, 6);
	memcpy(bed->gateway.mac[PG_BENCH_WAN], bed_wan_mac, 6);
	assert_int_equal(pg_mix_parse(mix, &bed->mix), 0);
	const struct pg_bench_case what = {.dir = dir,
					   .engine = "auto",
					   .algorithm = sadb_algorithm_at(0),
					   .frame = &bed->mix,
					   .sas = sas,
					   .esn = esn};
	if (pg_bench_source_init(&bed->source, &bed->gateway, &what, i, &err) < 0)
		fail_msg("%s", err.text);
	return bed;
}

void
bed_destroy(struct bed *bed)
{
	rte_pktmbuf_free_bulk(bed->pkt, bed->n);
	pg_bench_source_fini(&bed->source);
	free(bed);
}

void
bed_fill(struct bed *bed, unsigned n)
{
	rte_pktmbuf_free_bulk(bed->pkt, bed->n);
	bed->n = 0;
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, bed->pkt, n), 0);
	bed->n = n;
	pg_bench_source_fill(&bed->source, bed->pkt, n);
}

uint8_t *
bed_bytes(const struct bed *bed, unsigned i)
{
	return rte_pktmbuf_mtod(bed->pkt[i], uint8_t *);
}

void
bed_length_set(struct bed *bed, unsigned i, size_t bytes)
{
	bed->pkt[i]->data_len = (uint16_t)bytes;
	bed->pkt[i]->pkt_len = (uint32_t)bytes;
}

struct witness_sa
bed_sa(const struct bed *bed, enum pg_bench_dir dir, uint32_t sa)
{
	const bool out = dir == PG_BENCH_ENCRYPT;
	const uint32_t salt = (out ? 0 : 0x80000000u) + sa;
	struct witness_sa w = {
	    .spi = (out ? 0x10000000u : 0x20000000u) + sa,
	    .salt = {(uint8_t)(salt >> 24), (uint8_t)(salt >> 16), (uint8_t)(salt >> 8), (uint8_t)salt},
	    .src = out ? 0x0a090001u : 0x0a090002u,
	    .dst = out ? 0x0a090002u : 0x0a090001u,
	    .esn = bed->gateway.esn};
	memcpy(w.key, pg_bench_key[dir], sizeof(w.key));
	return w;
}

uint32_t
bed_number(const uint8_t *at, unsigned bytes)
{
	uint32_t value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}
