/* SPDX-License-Identifier: BSD-3-Clause
 * The search with the real transmitter, receiver and judge, under a clock of the test's own, against a wire that carries
 * exactly so many frames or bits a second and drops what its small queue cannot hold. */
#include "pktgen/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cmocka.h>

#include "tests/unit/pktgen/rig.h"

#define TRIAL (HZ / 10)
#define STEP  1000 /* ns from poll to poll */
#define QUEUE 8    /* frames, of the largest size, that the wire holds back before it drops */
#define FLOWS 7
#define START 2000000 /* frames a second, where the search begins */

struct wire {
	uint64_t per_s; /* frames or bytes */
	bool bytes;
	const char *sizes;
	unsigned max_bytes;

	uint64_t free_at; /* when the last frame accepted is through */
};

/* A frame at now: whether the wire takes it. */
static bool
takes(struct wire *w, uint32_t frame_bytes, uint64_t now)
{
	const uint64_t begin = w->free_at > now ? w->free_at : now;
	if (begin - now > QUEUE * (w->bytes ? w->max_bytes : 1) * HZ / w->per_s)
		return false;
	w->free_at = begin + (w->bytes ? frame_bytes : 1) * HZ / w->per_s;
	return true;
}

static void
carry(struct wire *w, struct rig *rig, uint64_t now)
{
	struct rte_mbuf *burst[64];
	const uint16_t n = rte_eth_rx_burst(device.port, 0, burst, 64);
	for (uint16_t i = 0; i < n; i++) {
		if (takes(w, burst[i]->pkt_len, now))
			pg_rx_take(&rig->rx, &burst[i], 1, w->free_at);
		else
			rte_pktmbuf_free(burst[i]);
	}
}

static int
trial(void *arg, double pps, struct pg_result *out)
{
	struct wire *w = arg;
	const struct pg_rate rate = {PG_RATE_PPS, (uint64_t)pps};
	struct rig *rig = rig_create(FLOWS, w->sizes, &rate);

	w->free_at = 0;
	pg_pacer_end(&rig->tx.pacer, TRIAL);
	for (uint64_t now = 0; now <= TRIAL + STEP; now += STEP) {
		pg_tx_poll(&rig->tx, now);
		carry(w, rig, now);
	}
	memset(out, 0, sizeof(*out));
	out->mean_frame = pg_mix_mean(&rig->mix);
	out->asked_pps = pps;
	out->seconds = (double)TRIAL / (double)HZ;
	out->sent_pps = (double)rig->tx.sent / out->seconds;
	out->kept = pg_tx_kept(&rig->tx, TRIAL);
	pg_judge_finish(rig->rx.judge, rig->tx.sent, &out->judgement);
	rig_destroy(rig);
	return 0;
}

static void
the_search_ends_at_the_rate_the_wire_carries(void **state)
{
	(void)state;
	static const struct {
		struct wire wire;
		double resolution;
		double pps; /* that the wire carries of such frames */
	} rows[] = {
	    {{100000, false, "64", 64, 0}, 0.01, 100000},
	    {{100000, false, "64", 64, 0}, 0.001, 100000},
	    {{625000, false, "512", 512, 0}, 0.005, 625000},
	    {{1500, false, "64", 64, 0}, 0.01, 1500},
	    {{125000000, true, "1422", 1422, 0}, 0.005, 125e6 / 1422},
	    {{125000000, true, "imix", 1514, 0}, 0.005, 125e6 * 12 / 4322},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct pg_search search;
		struct wire wire = rows[i].wire;
		const struct pg_search_config config = {
		    .max_pps = START, .resolution = rows[i].resolution, .trial = trial, .arg = &wire};

		assert_int_equal(pg_search_run(&config, &search), 0);
		assert_int_equal(search.end, PG_SEARCH_FOUND);
		const double found = search.trials[search.best].sent_pps;
		/* What the queue holds at the end of a trial was above the wire's rate, but not lost. */
		const double mean = search.trials[search.best].mean_frame;
		const double held = (QUEUE * wire.max_bytes / mean + 2) * (double)HZ / (double)TRIAL;
		if (found < rows[i].pps * (1 - 2 * rows[i].resolution) - held || found > rows[i].pps + held)
			fail_msg("row %u: found %f, the wire carries %f", i, found, rows[i].pps);
		assert_int_equal(search.trials[search.best].judgement.all.lost, 0);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_search_ends_at_the_rate_the_wire_carries),
	};
	return cmocka_run_group_tests(tests, rig_start, rig_stop);
}
