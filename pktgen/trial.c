/* SPDX-License-Identifier: BSD-3-Clause
 * One trial. Main starts and waits; one or two workers send and receive. */
#include "pktgen/trial.h"

#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>

#include "pktgen/interrupt.h"
#include "pktgen/watch.h"

#define LCORE_TX 1
#define LCORE_RX 2
#define WAIT_NS  20000000 /* between main's looks */
#define QUIET_MS 20       /* all frames are in, and for so long no copy of one came */
#define SIDE_US  500      /* between looks at what came back to the transmitter */
#define IDLE_US  50       /* without work before an adaptive worker sleeps */
#define SLEEP_NS 20000
#define FLOOD_NS UINT64_C(1000000000)
#define LATE_NS  10000000 /* that the port may take for the last frames */

enum phase { WARMING_UP, MEASURING, OVER };

struct trial {
	uint8_t launched, ended; /* of the workers */
	struct pg_rig *rig;
	const struct pg_trial_spec *spec;
	uint64_t hz;

	/* The transmitting worker's. */
	enum phase phase;
	uint64_t start, end; /* TSC, of the measured phase; end is when sending really ended, once OVER */
	uint64_t side_next;
	uint64_t icmp_before;

	struct pg_watch watch; /* the receiving worker's */

	/* Transmitter to receiver. */
	uint64_t sent;    /* in all; stored before over */
	uint64_t over_at; /* TSC; likewise */
	uint32_t over;    /* release by the transmitter, acquire by the receiver */
	uint32_t stop;    /* main tells the transmitter to end; orders nothing else */
};

static uint64_t
ticks(const struct trial *t, uint64_t ns)
{
	return (uint64_t)((unsigned __int128)ns * t->hz / 1000000000);
}

static uint64_t
to_ns(const struct trial *t, uint64_t tsc)
{
	return (uint64_t)((unsigned __int128)tsc * 1000000000 / t->hz);
}

/* ---- the transmitter ---- */

/* What came back to the transmitter's port. */
static void
look_aside(struct trial *t, uint64_t now)
{
	if (t->rig->one_port || now < t->side_next)
		return;
	t->side_next = now + t->hz / 1000000 * SIDE_US;
	pg_aside_poll(&t->rig->aside);
}

static void
begin_phase(struct trial *t, enum phase phase, uint64_t now)
{
	struct pg_tx *tx = &t->rig->tx;
	const uint64_t ns = phase == WARMING_UP ? t->spec->warm_up_ns : t->spec->duration_ns;

	__atomic_store_n(&t->phase, phase, __ATOMIC_RELAXED); /* main shows it; orders nothing */
	t->start = now;
	t->end = now + ticks(t, ns);
	/* The receiver counts the run after the warm-up's, whether or not there was one. */
	pg_tx_start(tx, (t->rig->run + (phase == MEASURING)) & PG_RUN_MASK, now, t->hz);
	pg_pacer_end(&tx->pacer, t->end - now);
}

static void
end_transmission(struct trial *t, uint64_t now)
{
	t->end = now < t->end ? now : t->end;
	t->sent = t->phase == MEASURING ? t->rig->tx.sent : 0;
	if (t->phase != MEASURING)
		t->start = t->end;
	__atomic_store_n(&t->phase, OVER, __ATOMIC_RELAXED); /* as above */
	t->over_at = now;
	__atomic_store_n(&t->over, 1, __ATOMIC_RELEASE); /* pairs with the acquire in receive_step() */
}

enum step { STEP_IDLE, STEP_BUSY, STEP_OVER };

static enum step
transmit_step(struct trial *t)
{
	const uint64_t now = rte_rdtsc();

	if (t->phase == OVER)
		return STEP_OVER;
	look_aside(t, now);
	const bool told = __atomic_load_n(&t->stop, __ATOMIC_RELAXED) != 0;
	if (!told && pg_tx_poll(&t->rig->tx, now) > 0)
		return STEP_BUSY;
	/* What became due before the end still goes out, when the port makes room for it soon. */
	if (!told && now < t->end + (pg_tx_owes(&t->rig->tx, now) ? ticks(t, LATE_NS) : 0))
		return STEP_IDLE;
	pg_tx_stop(&t->rig->tx);
	if (!told && t->phase == WARMING_UP) {
		begin_phase(t, MEASURING, now);
		return STEP_BUSY;
	}
	end_transmission(t, now);
	return STEP_OVER;
}

/* ---- the receiver ---- */

/* Whether no frame is worth waiting for any more. */
static bool
nothing_more(const struct trial *t, uint64_t now)
{
	const struct pg_rx *rx = &t->rig->rx;
	const uint64_t quiet_since = rx->last > t->over_at ? rx->last : t->over_at;

	if (now >= t->over_at + ticks(t, t->rig->scenario->drain_ns))
		return true;
	return rx->received == t->sent && now >= quiet_since + t->hz / 1000 * QUIET_MS;
}

/* The end is not waited for any longer than this though the port never runs empty. */
static bool
is_flooded(const struct trial *t, uint64_t now)
{
	return now >= t->over_at + ticks(t, t->rig->scenario->drain_ns + FLOOD_NS);
}

static enum step
receive_step(struct trial *t)
{
	struct rte_mbuf *frames[PG_RX_BURST];
	struct pg_rx *rx = &t->rig->rx;

	/* Before the port is looked at: what is in it now was sent before the end. */
	const bool over = __atomic_load_n(&t->over, __ATOMIC_ACQUIRE) != 0; /* pairs with end_transmission() */
	const uint16_t n = rte_eth_rx_burst(rx->port, 0, frames, PG_RX_BURST);
	const uint64_t now = rte_rdtsc();
	pg_rx_take(rx, frames, n, now);
	if (rx->last != 0) /* the warm-up's frames are over */
		pg_watch_poll(&t->watch, now, n);
	if (over && (n < PG_RX_BURST || is_flooded(t, now)) && nothing_more(t, now))
		return STEP_OVER;
	return n > 0 ? STEP_BUSY : STEP_IDLE;
}

/* ---- the workers ---- */

/* On a small machine a worker that has nothing to do makes room for the gateway under test. */
static void
rest(const struct trial *t, enum step step, uint64_t *busy_at)
{
	if (!t->rig->scenario->adaptive)
		return;
	const uint64_t now = rte_rdtsc();
	if (step == STEP_BUSY)
		*busy_at = now;
	else if (now - *busy_at > t->hz / 1000000 * IDLE_US)
		nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
}

/* DPDK's hand-over to a worker and back orders memory, but inside a library that a sanitizer does not see. These two do
 * it in plain sight: worker_begin() pairs with the store before the launch, worker_end() with the load after the wait. */
static void
worker_begin(struct trial *t)
{
	__atomic_load_n(&t->launched, __ATOMIC_ACQUIRE);
	prctl(PR_SET_TIMERSLACK, 1UL);
}

static int
worker_end(struct trial *t)
{
	__atomic_fetch_add(&t->ended, 1, __ATOMIC_RELEASE);
	return 0;
}

static int
transmitter(void *arg)
{
	struct trial *t = arg;
	uint64_t busy_at = 0;
	enum step step;

	worker_begin(t);
	begin_phase(t, t->spec->warm_up_ns > 0 ? WARMING_UP : MEASURING, rte_rdtsc());
	while ((step = transmit_step(t)) != STEP_OVER)
		rest(t, step, &busy_at);
	return worker_end(t);
}

static int
receiver(void *arg)
{
	struct trial *t = arg;
	uint64_t busy_at = 0;
	enum step step;

	worker_begin(t);
	while ((step = receive_step(t)) != STEP_OVER)
		rest(t, step, &busy_at);
	return worker_end(t);
}

static int
both(void *arg)
{
	struct trial *t = arg;
	uint64_t busy_at = 0;
	enum step sent, received;

	worker_begin(t);
	begin_phase(t, t->spec->warm_up_ns > 0 ? WARMING_UP : MEASURING, rte_rdtsc());
	do {
		sent = transmit_step(t);
		received = receive_step(t);
		rest(t, sent == STEP_BUSY || received == STEP_BUSY ? STEP_BUSY : STEP_IDLE, &busy_at);
	} while (received != STEP_OVER);
	return worker_end(t);
}

/* ---- main's part ---- */

static void
watch(struct trial *t)
{
	struct pg_rig *rig = t->rig;

	while (rte_eal_get_lcore_state(LCORE_TX) == RUNNING ||
	       (!rig->scenario->one_thread && rte_eal_get_lcore_state(LCORE_RX) == RUNNING)) {
		if (pg_interrupted())
			__atomic_store_n(&t->stop, 1,
					 __ATOMIC_RELAXED); /* pairs with transmit_step(); orders nothing */
		if (__atomic_load_n(&t->phase, __ATOMIC_RELAXED) != WARMING_UP) /* figures for the eye */
			pg_progress_update(&rig->progress, __atomic_load_n(&rig->tx.sent, __ATOMIC_RELAXED),
					   __atomic_load_n(&rig->rx.received, __ATOMIC_RELAXED));
		nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
	}
	rte_eal_mp_wait_lcore();
	__atomic_load_n(&t->ended, __ATOMIC_ACQUIRE);
	pg_progress_end(&rig->progress);
}

static void
fill_latency(const struct trial *t, struct pg_latency *out)
{
	const struct pg_histogram *h = &t->rig->rx.latency;
	*out = (struct pg_latency){
	    .count = h->count,
	    .min = h->count > 0 ? to_ns(t, h->min) : 0,
	    .mean = to_ns(t, pg_histogram_mean(h)),
	    .p50 = to_ns(t, pg_histogram_quantile(h, 500000)),
	    .p90 = to_ns(t, pg_histogram_quantile(h, 900000)),
	    .p99 = to_ns(t, pg_histogram_quantile(h, 990000)),
	    .p999 = to_ns(t, pg_histogram_quantile(h, 999000)),
	    .max = to_ns(t, h->max),
	};
}

struct port_stats {
	struct rte_eth_stats rx, tx;
};

static void
read_stats(const struct pg_rig *rig, struct port_stats *out)
{
	*out = (struct port_stats){.rx = {.imissed = 0}};
	rte_eth_stats_get(rig->rx.port, &out->rx);
	rte_eth_stats_get(rig->tx.port, &out->tx);
}

static void
fill_watch(const struct trial *t, struct pg_result *out)
{
	const struct pg_watch *w = &t->watch;
	out->rx_away = out->seconds > 0 ? (double)w->away / (double)t->hz / out->seconds : 0;
	out->rx_away_longest_ns = to_ns(t, w->longest);
	out->rx_overrun = w->overrun;
	out->rx_saturated = pg_watch_saturated(w);
}

static void
fill_result(const struct trial *t, const struct port_stats *before, struct pg_result *out)
{
	const struct pg_rig *rig = t->rig;
	struct port_stats after;

	memset(out, 0, sizeof(*out));
	memcpy(out->mix, t->spec->mix->name, sizeof(out->mix));
	out->mean_frame = pg_mix_mean(t->spec->mix);
	out->seconds = (double)(t->end - t->start) / (double)t->hz;
	out->asked_pps = pg_load_pps(&t->spec->load, t->spec->mix);
	pg_judge_finish(rig->rx.judge, t->sent, &out->judgement);
	if (t->sent > 0) {
		out->sent_pps = (double)t->sent / out->seconds;
		out->received_pps = (double)out->judgement.all.received / out->seconds;
		out->sent_bytes = rig->tx.sent_bytes;
	}
	out->kept = t->end > t->start ? pg_tx_kept(&rig->tx, t->end) : 1;
	out->interrupted = pg_interrupted();
	out->received_bytes = rig->rx.received_bytes;
	memcpy(out->verdicts, rig->rx.verdicts, sizeof(out->verdicts));
	fill_latency(t, &out->latency);
	read_stats(rig, &after);
	out->rx_missed = after.rx.imissed - before->rx.imissed;
	out->rx_no_buffers = after.rx.rx_nombuf - before->rx.rx_nombuf;
	out->tx_errors = after.tx.oerrors - before->tx.oerrors;
	out->tx_refused = rig->tx.refused;
	out->tx_no_buffers = rig->tx.no_buffers;
	out->icmp = rig->aside.icmp - t->icmp_before;
	fill_watch(t, out);
	out->learning = rig->learning;
	out->window = pg_judge_window(rig->rx.judge);
}

void
pg_trial_run(struct pg_rig *rig, const struct pg_trial_spec *spec, struct pg_result *out)
{
	struct trial t = {.rig = rig, .spec = spec, .hz = rte_get_tsc_hz(), .phase = WARMING_UP};
	struct port_stats before;

	t.icmp_before = rig->aside.icmp;
	pg_watch_start(&t.watch, t.hz, rig->rx_ring, PG_RX_BURST);
	rig->tx.mix = spec->mix;
	rig->tx.load = spec->load;
	pg_rx_start(&rig->rx, (rig->run + 1) & PG_RUN_MASK);
	read_stats(rig, &before);
	__atomic_store_n(&t.launched, 1, __ATOMIC_RELEASE);
	if (rig->scenario->one_thread) {
		rte_eal_remote_launch(both, &t, LCORE_TX);
	} else {
		rte_eal_remote_launch(receiver, &t, LCORE_RX);
		rte_eal_remote_launch(transmitter, &t, LCORE_TX);
	}
	watch(&t);
	rig->run += 2;
	fill_result(&t, &before, out);
}
