/* SPDX-License-Identifier: BSD-3-Clause
 * Where the tests of the benchmark's frames lie: a source, and a gateway that is not there, whose work the test does. */
#ifndef TEST_PG_BENCH_BED_H
#define TEST_PG_BENCH_BED_H

#include <stddef.h>

#include <rte_mbuf.h>

#include "pktgen/bench.h"
#include "tests/unit/dataplane/esp_witness.h"

#define BED_SAS    5
#define BED_BUFFER 10240

/* Where things stand in a frame. */
#define BED_IP  14
#define BED_ESP (BED_IP + 20)

/* All that lengths can bring: every padding, the longest, a mix. */
#define BED_MIXES 7
extern const char *const bed_mixes[BED_MIXES];
extern const uint8_t bed_lan_mac[6], bed_wan_mac[6];

struct bed {
	struct pg_bench_gateway gateway;
	struct pg_bench_source source;
	struct pg_mix mix;
	uint64_t in_seq[BED_SAS], out_seq[BED_SAS]; /* last numbers used */
	struct rte_mbuf *pkt[PG_BENCH_BATCH_MAX];
	unsigned n; /* in pkt */
};

/* Starts DPDK, once a process. */
void bed_process_start(void);

/* Source i. */
struct bed *bed_create(const char *mix, enum pg_bench_dir dir, bool esn, unsigned sas, unsigned i);
void bed_destroy(struct bed *bed);
/* The source's next batch. */
void bed_fill(struct bed *bed, unsigned n);

uint8_t *bed_bytes(const struct bed *bed, unsigned i);
void bed_length_set(struct bed *bed, unsigned i, size_t bytes);
/* What the witness must know of an SA of the benchmark's. */
struct witness_sa bed_sa(const struct bed *bed, enum pg_bench_dir dir, uint32_t sa);
/* A number of up to four bytes in network order. */
uint32_t bed_number(const uint8_t *at, unsigned bytes);

#endif
