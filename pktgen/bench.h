/* SPDX-License-Identifier: BSD-3-Clause
 * culvert-pktgen bench: what the gateway's stages and its crypto engine cost, measured in this process. The parts of the
 * command. Main thread, unless a line says otherwise. */
#ifndef PG_BENCH_H
#define PG_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dataplane/dataplane.h"
#include "pktgen/error.h"
#include "pktgen/machine.h"
#include "pktgen/mix.h"

enum pg_bench_kind { PG_BENCH_PATH, PG_BENCH_AEAD };
enum pg_bench_dir { PG_BENCH_ENCRYPT, PG_BENCH_DECRYPT, PG_BENCH_DIRS };

#define PG_BENCH_LIST       16
#define PG_BENCH_CASES_MAX  4096
#define PG_BENCH_BATCH_MAX  256
#define PG_BENCH_TRIALS_MAX 101

/* What is measured: all combinations of the lists. */
struct pg_bench_options {
	enum pg_bench_kind kind;
	const char *engine[PG_BENCH_LIST];
	const struct sadb_algorithm *algorithm;
	struct pg_mix frame[PG_BENCH_LIST];
	unsigned sas[PG_BENCH_LIST], policies[PG_BENCH_LIST], workers[PG_BENCH_LIST];
	bool esn[2], dir[PG_BENCH_DIRS];
	unsigned n_engines, n_frames, n_sas, n_policies, n_workers;
	unsigned window, batch, trials, trial_ms;
	unsigned cpu[DP_MAX_WORKERS], n_cpus; /* of the workers; none: the program chooses */
	bool stages, quiet, verbose;
	const char *json, *svg;
};

/* One row of the table. */
struct pg_bench_case {
	enum pg_bench_kind kind;
	enum pg_bench_dir dir;
	const char *engine;
	const struct sadb_algorithm *algorithm;
	const struct pg_mix *frame;
	unsigned sas, policies, workers;
	bool esn;
};

/* TSC cycles a packet over the trials. */
struct pg_bench_figure {
	double median, low, high;
};

struct pg_bench_result {
	struct pg_bench_case what;
	struct pg_bench_figure cycles; /* of one worker, source and sink taken off */
	struct pg_bench_figure edges;  /* source and sink, measured apart */
	double raw;                    /* the engine's bare calls for the same packets in the same run; 0: not a path */
	double mpps, gbps;             /* all workers, at that cost; inner frames */
	double stage[DP_STAGE_COUNT];  /* by the worker's own count */
};

/* ---- bench_options.c ---- */
/* argv begins with the command's name, and options point into it. -1: go on; otherwise the exit code. */
int pg_bench_options_read(int argc, char **argv, struct pg_bench_options *options);
const char *pg_bench_dir_name(enum pg_bench_dir dir);
/* The most workers that a case asks for. */
unsigned pg_bench_workers(const struct pg_bench_options *options);
/* How many cases there are, all lists combined. */
uint64_t pg_bench_cases(const struct pg_bench_options *options);

/* What a plot has along its x axis: counts of pairs of SAs, or of policies where those alone vary. */
enum pg_bench_axis { PG_BENCH_AXIS_NONE, PG_BENCH_AXIS_SAS, PG_BENCH_AXIS_POLICIES };
enum pg_bench_axis pg_bench_axis(const struct pg_bench_options *options);

/* ---- bench_gateway.c: a gateway in this process, its ports made of rings ---- */
#define PG_BENCH_OUTER_OWN  0x0a090001u /* 10.9.0.1 */
#define PG_BENCH_OUTER_PEER 0x0a090002u
#define PG_BENCH_HOST       0x0a01000au /* inside, this side */
#define PG_BENCH_FAR        0x0b000000u /* inside, the other side: 11.0.0.0 and one up for each SA */
#define PG_BENCH_SPI_OUT    0x10000000u /* and one up for each SA */
#define PG_BENCH_SPI_IN     0x20000000u
#define PG_BENCH_SALT_IN    0x80000000u /* salt of inbound SA i is this plus i, of outbound SA i it is i; network order */

extern const uint8_t pg_bench_key[PG_BENCH_DIRS][32];
extern const uint8_t pg_bench_neighbour[6]; /* the MAC of both neighbours: who sends, and where packets go */

enum pg_bench_port { PG_BENCH_LAN, PG_BENCH_WAN, PG_BENCH_PORTS };

struct rte_ring;

struct pg_bench_gateway {
	struct dp *dp;
	struct sadb *db;
	struct rte_mempool *pool;
	struct rte_ring *rx[PG_BENCH_PORTS][DP_MAX_WORKERS], *tx[PG_BENCH_PORTS][DP_MAX_WORKERS];
	uint16_t ethdev[PG_BENCH_PORTS];
	uint8_t mac[PG_BENCH_PORTS][6];
	const struct sadb_algorithm *algorithm;
	unsigned workers, sas;
	bool esn;
	uint64_t *in_seq; /* last number sent under inbound SA i; threads add to it */
};

int pg_bench_gateway_create(const struct pg_bench_options *options, const struct pg_bench_case *what,
			    struct pg_bench_gateway **out, struct pg_error *err);
void pg_bench_gateway_destroy(struct pg_bench_gateway *gateway);
/* What a daemon's control thread does ten times a second: more sequence numbers, links. */
void pg_bench_gateway_tick(struct pg_bench_gateway *gateway);

/* ---- bench_frame.c: the frames that go in, and whether what comes out is right. One thread each ---- */
#define PG_BENCH_TAG_BYTES 16u

struct rte_mbuf;

struct pg_bench_source {
	struct pg_bench_gateway *gateway;
	enum pg_bench_dir dir;
	const struct pg_mix *mix;
	struct dp_aead *sealer, *opener;
	uint64_t *out_seq; /* highest number seen of outbound SA i */
	uint64_t random;
	unsigned at; /* place in the mix */
	unsigned n;  /* frames of the batch made last, and what they are */
	unsigned sa[PG_BENCH_BATCH_MAX];
	uint64_t seq[PG_BENCH_BATCH_MAX];
	uint16_t size[PG_BENCH_BATCH_MAX];
	uint8_t pattern[PG_FRAME_MAX + PG_BENCH_BATCH_MAX]; /* payloads; frame i's begins at i */
};

/* Bytes of ESP's text around the packet of an inner frame (RFC 4303 2.4). */
uint32_t pg_bench_text_bytes(unsigned frame);

/* Source i of a gateway: each makes frames of its own, the same ones in each run. */
int pg_bench_source_init(struct pg_bench_source *source, struct pg_bench_gateway *gateway,
			 const struct pg_bench_case *what, unsigned i, struct pg_error *err);
void pg_bench_source_fini(struct pg_bench_source *source);
/* Fills n fresh buffers with the next frames. */
void pg_bench_source_fill(struct pg_bench_source *source, struct rte_mbuf *const pkt[], unsigned n);
/* Are these the frames of the last fill, all of them, as they must leave the gateway? NULL, or what is wrong. */
const char *pg_bench_source_check(struct pg_bench_source *source, struct rte_mbuf *const pkt[], unsigned n);

/* ---- bench_errand.c: work for another thread. launch and wait on the main thread, each once ---- */
struct pg_bench_errand {
	void (*run)(void *arg);
	void *arg;
	unsigned lcore;
	uint8_t launched, ended;
};

void pg_bench_errand_launch(struct pg_bench_errand *errand);
bool pg_bench_errand_runs(const struct pg_bench_errand *errand);
void pg_bench_errand_wait(struct pg_bench_errand *errand);

/* ---- bench_path.c, bench_aead.c: the trials. -EINTR: ^C came before their end ---- */
int pg_bench_path(const struct pg_bench_options *options, const struct pg_bench_case *what,
		  struct pg_bench_result *result, struct pg_error *err);
int pg_bench_aead(const struct pg_bench_options *options, const struct pg_bench_case *what,
		  struct pg_bench_result *result, struct pg_error *err);

struct pg_bench_raw;
int pg_bench_raw_create(const struct pg_bench_options *options, const struct pg_bench_case *what,
			struct pg_bench_raw **out, struct pg_error *err);
void pg_bench_raw_destroy(struct pg_bench_raw *raw);
/* Cycles a packet of the bare calls, on the first worker's CPU; negative: they failed. */
double pg_bench_raw_trial(struct pg_bench_raw *raw);

/* Sorts samples. */
struct pg_bench_figure pg_bench_figure_of(double *samples, unsigned n);
/* mpps and gbps from the rest. */
void pg_bench_rates(struct pg_bench_result *result);

/* ---- the results: bench_report.c, bench_plot.c ---- */
struct pg_bench_report {
	const struct pg_bench_options *options;
	struct pg_bench_result *results;
	unsigned n;
	bool huge_pages, interrupted;
	char cpu[PG_MACHINE_CPU];
};

/* The head of the table, a row for each result, and what must be said at its end. */
void pg_bench_text_head(FILE *out, const struct pg_bench_report *report);
void pg_bench_text(FILE *out, const struct pg_bench_options *options, const struct pg_bench_result *result);
void pg_bench_text_end(FILE *out, const struct pg_bench_report *report);

/* NULL: memory ran out. The caller's. */
struct json_t *pg_bench_json(const struct pg_bench_report *report);

/* Cycles against what pg_bench_axis() says, a line for each of all else that differs. */
int pg_bench_plot(FILE *out, const struct pg_bench_report *report, struct pg_error *err);

#endif
