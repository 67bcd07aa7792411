/* SPDX-License-Identifier: BSD-3-Clause
 * What the kernel is told: use and replay state of SAs in use, limits that were passed, policies that want an SA. Control
 * thread. */
#include "control/mirror_impl.h"

#include <errno.h>
#include <string.h>

#include "control/clock.h"
#include "control/log.h"

#define TICKS_S     10 /* calls a second, about */
#define ROUND_MIN   64 /* SAs looked at in a tick, at least */
#define DRAIN_EVERY 64 /* messages sent: their refusals must fit the socket */
#define NS_S        1000000000ull

/* Bit i of the kernel's bitmap. XFRMA_REPLAY_VAL: the highest number is bit 0, older ones above. XFRMA_REPLAY_ESN_VAL: a ring
 * in which the highest stands where the low half of its number says; older ones before it. */
static void
fill_bitmap(uint32_t *bitmap, const struct ctl_mirror_copy *copy, const struct sadb_replay *replay)
{
	uint32_t window = copy->wide ? copy->window_packets : 32;
	uint64_t top = copy->in_seq;

	memset(bitmap, 0, (copy->wide ? copy->bitmap_words : 1) * sizeof(uint32_t));
	for (uint32_t back = 0; back < window && back < top; back++) {
		uint32_t ring = ((uint32_t)top - 1) % window;
		uint32_t bit = copy->wide ? (ring + window - back) % window : back;

		if (sadb_replay_seen(replay, top - back))
			bitmap[bit / 32] |= 1u << bit % 32;
	}
}

static uint64_t
first_use(uint64_t kernel_s, uint64_t culvert_s)
{
	return kernel_s == 0 || (culvert_s != 0 && culvert_s < kernel_s) ? culvert_s : kernel_s;
}

/* What the kernel's copy is to be: its use so far in all; of an inbound SA the window, of an outbound one all ones. */
static const uint32_t *
copy_now(struct ctl_mirror *mirror, const struct ctl_mirror_sa *entry, const struct sadb_sa_cold *cold,
	 struct ctl_mirror_copy *copy)
{
	/* Relaxed: counters that workers go on changing; each value stands for itself. */
	const struct sadb_sa_mut *mut = cold->hot->mut;

	*copy = entry->copy;
	copy->bytes += __atomic_load_n(&mut->bytes, __ATOMIC_RELAXED);
	copy->packets += __atomic_load_n(&mut->packets, __ATOMIC_RELAXED);
	copy->use_time_s =
	    first_use(copy->use_time_s,
		      sadb_time_moved(__atomic_load_n(&mut->first_use_s, __ATOMIC_RELAXED), sadb_clock_ahead_s()));
	if (cold->config.dir != SADB_DIR_IN) {
		copy->out_seq = ctl_mirror_spent_seq(copy);
		copy->in_seq = 0;
		return NULL;
	}
	copy->out_seq = 0;
	if (!cold->hot->replay || copy->bitmap_words > CTL_MIRROR_BITMAP)
		return NULL;
	copy->in_seq = sadb_replay_top(cold->hot->replay);
	fill_bitmap(mirror->bitmap, copy, cold->hot->replay);
	return mirror->bitmap;
}

/* True when the kernel was told something new. */
static bool
report(struct ctl_mirror *mirror, const struct sadb_sa_cold *cold)
{
	const struct ctl_mirror_sa_id id = {
	    .key = sadb_sa_key_make(&cold->config.dst, cold->config.spi_be, cold->config.proto)};
	struct ctl_mirror_sa *entry = cold->hot ? ctl_mirror_sa_find(mirror, &id) : NULL;
	struct nlmsghdr header = ctl_mirror_header(XFRM_MSG_NEWAE, NLM_F_REPLACE);
	struct ctl_mirror_copy copy;

	if (!entry || !entry->mirrored)
		return false;
	const uint32_t *bitmap = copy_now(mirror, entry, cold, &copy);
	uint64_t packets = copy.packets - entry->copy.packets;
	if (packets == entry->told_packets && (!bitmap || copy.in_seq == entry->told_in_seq))
		return false;
	const struct ctl_mirror_ae ae = {.config = &entry->config, .copy = &copy, .bitmap = bitmap, .with_use = true};
	if (ctl_mirror_send(mirror, ctl_mirror_encode_ae(mirror->out, sizeof(mirror->out), &header, &ae)) != 0)
		return false;
	entry->told_packets = packets;
	entry->told_in_seq = copy.in_seq;
	mirror->n_reports++;
	return true;
}

/* Goes on with the round: at most so many SAs. */
static void
report_some(struct ctl_mirror *mirror, uint32_t most)
{
	unsigned sent = 0;

	for (uint32_t i = 0; i < most; i++) {
		const struct sadb_sa_cold *cold = sadb_sa_at(mirror->config.db, mirror->report_slot);

		if (!cold) {
			mirror->reporting = false;
			break;
		}
		mirror->report_slot = cold->slot + 1;
		if (report(mirror, cold) && ++sent % DRAIN_EVERY == 0)
			ctl_mirror_drain(mirror);
	}
	ctl_mirror_drain(mirror);
}

void
ctl_mirror_report_tick(struct ctl_mirror *mirror)
{
	uint32_t share = sadb_sa_count(mirror->config.db) / (mirror->config.report_s * TICKS_S) + 1;
	uint64_t now_ns = ctl_now_ns();

	if (!mirror->reporting && now_ns >= mirror->report_ns) {
		mirror->reporting = true;
		mirror->report_slot = 0;
		mirror->report_ns = now_ns + mirror->config.report_s * NS_S;
	}
	if (mirror->reporting)
		report_some(mirror, share > ROUND_MIN ? share : ROUND_MIN);
}

void
ctl_mirror_report_all(struct ctl_mirror *mirror)
{
	mirror->report_slot = 0;
	report_some(mirror, UINT32_MAX);
}

/* The kernel reads what names the SA, and "hard". A direction it would refuse here (Linux 6.10 and on). */
static int
tell_expire(struct ctl_mirror *mirror, const struct sadb_sa_config *config, bool hard)
{
	struct nlmsghdr header = ctl_mirror_header(XFRM_MSG_EXPIRE, NLM_F_ACK);
	struct sadb_sa_config plain = *config;
	const struct ctl_sa_state state = {0};

	plain.dir = SADB_DIR_ANY;
	sadb_wipe(plain.key, sizeof(plain.key));
	mirror->n_expires++;
	return ctl_mirror_ask(mirror,
			      ctl_xfrm_encode_expire(mirror->out, sizeof(mirror->out), &header, &plain, &state, hard),
			      NULL, NULL);
}

void
ctl_mirror_expire(struct ctl_mirror *mirror, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	const struct ctl_mirror_sa_id id = {.key =
						sadb_sa_key_make(&sa->config.dst, sa->config.spi_be, sa->config.proto)};
	struct ctl_mirror_sa *entry = ctl_mirror_sa_find(mirror, &id);
	bool hard = kind == SADB_EXPIRE_HARD;
	int rc;

	if (!entry || !entry->mirrored)
		return;
	report(mirror, sa); /* so that what the kernel multicasts has the use that passed the limit */
	rc = tell_expire(mirror, &sa->config, hard);
	if (rc != 0 && rc != -ESRCH && rc != -ENOENT) {
		ctl_log(CTL_LOG_WARNING, "mirror: the kernel does not take an EXPIRE: %s", strerror(-rc));
		mirror->again = true;
	}
	if (!hard)
		return;
	entry->mirrored = false; /* the caller removes it from the database */
	ctl_mirror_sa_gone(mirror, &id);
}

void
ctl_mirror_end_sa(struct ctl_mirror *mirror, const struct sadb_sa_config *config)
{
	int rc = tell_expire(mirror, config, true);

	if (rc != 0 && rc != -ESRCH && rc != -ENOENT)
		ctl_log(CTL_LOG_WARNING, "mirror: the kernel does not end an SA: %s", strerror(-rc));
}

int
ctl_mirror_acquire(struct ctl_mirror *mirror, const struct sadb_policy_config *policy, const struct sadb_flow *flow)
{
	struct nlmsghdr header = ctl_mirror_header(XFRM_MSG_ACQUIRE, NLM_F_ACK);

	mirror->n_acquires++;
	return ctl_mirror_ask(
	    mirror, ctl_xfrm_encode_acquire(mirror->out, sizeof(mirror->out), &header, policy, flow, 0), NULL, NULL);
}
