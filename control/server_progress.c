/* SPDX-License-Identifier: BSD-3-Clause
 * GETAE and NEWAE: what an SA has done, asked for and told. Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <string.h>

#include "control/attr.h"

static size_t
encode(const struct ctl_task *task, const struct sadb_sa_cold *sa, uint32_t flags)
{
	const struct nlmsghdr header = ctl_task_header(task, XFRM_MSG_NEWAE);
	struct ctl_sa_state state;

	ctl_sa_state_fill(task->server, sa, &state);
	return ctl_xfrm_encode_ae(task->server->out, CTL_MESSAGE_BYTES, &header, &sa->config, &state, flags);
}

/* The flags come back, as the kernel has it, but for what is not told: thresholds. */
int
ctl_task_get_ae(const struct ctl_task *task)
{
	const struct sadb_sa_cold *sa = sadb_sa_find(task->db, &task->ask->ae.sa_id);

	if (!sa)
		return ctl_task_no_sa(task, -ESRCH, &task->ask->ae.sa_id);
	return ctl_task_answer(task, encode(task, sa, task->ask->ae.flags & ~(uint32_t)(XFRM_AE_RTHR | XFRM_AE_ETHR)));
}

static void
take_use(const struct ctl_progress *past, struct sadb_progress *out)
{
	out->has_use = (past->has & CTL_HAS_LIFETIME) != 0;
	out->bytes = past->bytes;
	out->packets = past->packets;
	out->add_time_s = past->add_time_s;
	out->use_time_s = past->use_time_s;
}

/* From the kernel's ring (see CTL_HAS_REPLAY_ESN) to one that counts back from the highest number. */
static void
unroll(struct ctl_server *server, const struct ctl_progress *past)
{
	uint32_t word;

	memset(server->bitmap, 0, (past->window_packets + 31) / 32 * sizeof(word));
	for (uint32_t back = 0; back < past->window_packets && back < past->in_seq; back++) {
		uint32_t bit = (uint32_t)((past->in_seq - back - 1) % past->window_packets);

		memcpy(&word, past->bitmap + bit / 32 * sizeof(word), sizeof(word));
		if (word & 1u << bit % 32)
			server->bitmap[back / 32] |= 1u << back % 32;
	}
}

/* An SA keeps its numbers in one of the two attributes, by its window and ESN, and the bitmaps are of one length: as the
 * kernel checks. */
static int
take_numbers(const struct ctl_task *task, const struct sadb_sa_cold *sa, struct sadb_progress *out)
{
	const struct ctl_progress *past = &task->ask->ae.past;
	const struct sadb_sa_config *config = &sa->config;
	bool ring = config->window_packets > 32 || (config->flags & SADB_SA_ESN);
	uint32_t words = (config->window_packets + 31) / 32;

	if (!(past->has & (CTL_HAS_REPLAY | CTL_HAS_REPLAY_ESN)))
		return 0;
	if (ring && !(past->has & CTL_HAS_REPLAY_ESN))
		return ctl_refuse(task->err, -EINVAL, XFRMA_REPLAY_VAL,
				  "XFRMA_REPLAY_VAL: this SA has XFRMA_REPLAY_ESN_VAL");
	if (!ring && !(past->has & CTL_HAS_REPLAY))
		return ctl_refuse(task->err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
				  "XFRMA_REPLAY_ESN_VAL: this SA has XFRMA_REPLAY_VAL");
	if (ring && (past->bitmap_words != words || past->window_packets != config->window_packets))
		return ctl_refuse(
		    task->err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
		    "XFRMA_REPLAY_ESN_VAL with a window of %u packets and %u words of bitmap: this SA has "
		    "%u and %u",
		    past->window_packets, past->bitmap_words, config->window_packets, words);
	out->has_out_seq = out->has_in_seq = true;
	out->out_seq = past->out_seq;
	out->in_seq = past->in_seq;
	out->seen = task->server->bitmap;
	if (ring) {
		unroll(task->server, past);
		out->seen_packets = config->window_packets;
	} else {
		memcpy(task->server->bitmap, past->bitmap, sizeof(uint32_t));
		out->seen_packets = config->window_packets;
	}
	return 0;
}

int
ctl_task_new_ae(const struct ctl_task *task)
{
	const struct sadb_sa_key *key = &task->ask->ae.sa_id;
	const struct sadb_sa_cold *sa = sadb_sa_find(task->db, key);
	struct sadb_progress progress = {.has_use = false};

	if (!sa)
		return ctl_task_no_sa(task, -ESRCH, key);
	take_use(&task->ask->ae.past, &progress);
	int rc = take_numbers(task, sa, &progress);
	if (rc == 0)
		rc = sadb_sa_progress(task->db, key, &progress, task->err);
	if (rc)
		return rc;
	task->server->changed = true;
	if (ctl_event_wanted(task->server, XFRMNLGRP_AEVENTS))
		ctl_task_tell(task, XFRMNLGRP_AEVENTS, encode(task, sa, XFRM_AE_CU));
	return 0;
}

/* A daemon that moves an SA deletes it and adds it with what it had read from it. */
void
ctl_task_take_use(const struct ctl_task *task, const struct sadb_sa_key *key)
{
	struct sadb_progress progress = {.has_use = false};

	take_use(&task->ask->sa.past, &progress);
	if (progress.has_use) /* cannot fail: the SA has just been added, and no number is told */
		sadb_sa_progress(task->db, key, &progress, NULL);
}
