/* SPDX-License-Identifier: BSD-3-Clause
 * Decoding of NEWAE and GETAE, and of what any message says of an SA's progress. Pure. */
#include "control/xfrm_impl.h"

#include <errno.h>

static void
get_lifetime(const struct nlattr *attr, struct ctl_progress *out)
{
	struct xfrm_lifetime_cur cur;

	ctl_attr_copy(&cur, attr, sizeof(cur));
	out->has |= CTL_HAS_LIFETIME;
	out->bytes = cur.bytes;
	out->packets = cur.packets;
	out->add_time_s = cur.add_time;
	out->use_time_s = cur.use_time;
}

static void
get_replay(const struct nlattr *attr, struct ctl_progress *out)
{
	struct xfrm_replay_state replay;

	ctl_attr_copy(&replay, attr, sizeof(replay));
	out->has |= CTL_HAS_REPLAY;
	out->out_seq = replay.oseq;
	out->in_seq = replay.seq;
	out->window_packets = 32;
	out->bitmap_words = 1;
	out->bitmap = (const uint8_t *)mnl_attr_get_payload(attr) + offsetof(struct xfrm_replay_state, bitmap);
}

/* As the kernel wants it: the bitmap is there in full, or left out. */
static int
get_replay_esn(const struct nlattr *attr, struct ctl_progress *out, struct sadb_error *err)
{
	struct xfrm_replay_state_esn replay;

	ctl_attr_copy(&replay, attr, sizeof(replay));
	size_t bytes = mnl_attr_get_payload_len(attr) - sizeof(replay);
	if (replay.bmp_len > CTL_XFRM_MAX_BMP || (bytes != 0 && bytes < replay.bmp_len * sizeof(uint32_t)))
		return ctl_refuse(
		    err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
		    "XFRMA_REPLAY_ESN_VAL says %u words of bitmap, but %zu bytes follow (at most %u words)",
		    replay.bmp_len, bytes, CTL_XFRM_MAX_BMP);
	if (replay.replay_window > replay.bmp_len * 32)
		return ctl_refuse(err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
				  "XFRMA_REPLAY_ESN_VAL window of %u packets does not fit bmp_len %u",
				  replay.replay_window, replay.bmp_len);
	out->has |= CTL_HAS_REPLAY_ESN;
	out->out_seq = (uint64_t)replay.oseq_hi << 32 | replay.oseq;
	out->in_seq = (uint64_t)replay.seq_hi << 32 | replay.seq;
	out->window_packets = replay.replay_window;
	out->bitmap_words = bytes != 0 ? replay.bmp_len : 0;
	out->bitmap = bytes != 0 ? (const uint8_t *)mnl_attr_get_payload(attr) + sizeof(replay) : NULL;
	return 0;
}

int
ctl_xfrm_get_progress(const struct ctl_xfrm_msg *msg, struct ctl_progress *out, struct sadb_error *err)
{
	if (msg->at[XFRMA_LTIME_VAL])
		get_lifetime(msg->at[XFRMA_LTIME_VAL], out);
	if (msg->at[XFRMA_REPLAY_THRESH]) {
		out->has |= CTL_HAS_SEQ_THRESH;
		out->seq_threshold = ctl_xfrm_get_u32(msg, XFRMA_REPLAY_THRESH);
	}
	if (msg->at[XFRMA_ETIMER_THRESH]) {
		out->has |= CTL_HAS_TIME_THRESH;
		out->time_threshold_ds = ctl_xfrm_get_u32(msg, XFRMA_ETIMER_THRESH);
	}
	if (msg->at[XFRMA_REPLAY_ESN_VAL])
		return get_replay_esn(msg->at[XFRMA_REPLAY_ESN_VAL], out, err);
	if (msg->at[XFRMA_REPLAY_VAL])
		get_replay(msg->at[XFRMA_REPLAY_VAL], out);
	return 0;
}

int
ctl_xfrm_refuse_thresholds(const struct ctl_progress *past, struct sadb_error *err)
{
	if (!(past->has & (CTL_HAS_SEQ_THRESH | CTL_HAS_TIME_THRESH)))
		return 0;
	return ctl_refuse(err, -EOPNOTSUPP, past->has & CTL_HAS_SEQ_THRESH ? XFRMA_REPLAY_THRESH : XFRMA_ETIMER_THRESH,
			  "XFRM_MSG_NEWAE is not sent by thresholds: ask for the numbers with XFRM_MSG_GETAE");
}

int
ctl_xfrm_get_ae(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_aevent_id ae;

	memcpy(&ae, msg->body, sizeof(ae));
	int rc = ctl_xfrm_get_progress(msg, &out->ae.past, err);
	if (rc)
		return rc;
	if (msg->request && msg->nlh->nlmsg_type == XFRM_MSG_NEWAE) {
		if (out->ae.past.has == 0)
			return ctl_refuse(err, -EINVAL, 0,
					  "XFRM_MSG_NEWAE changes nothing: give XFRMA_LTIME_VAL, XFRMA_REPLAY_VAL, "
					  "XFRMA_REPLAY_ESN_VAL or a threshold");
		if (!(msg->nlh->nlmsg_flags & NLM_F_REPLACE))
			return ctl_refuse(err, -EINVAL, 0, "XFRM_MSG_NEWAE needs the flag NLM_F_REPLACE");
		rc = ctl_xfrm_refuse_thresholds(&out->ae.past, err);
		if (rc)
			return rc;
	}
	rc = ctl_xfrm_get_key(&ae.sa_id, &out->ae.sa_id, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr_or_none(&ae.saddr, ae.sa_id.family, &out->ae.src, err);
	out->ae.flags = ae.flags;
	out->ae.reqid = ae.reqid;
	out->ae.vnet_id = ctl_xfrm_get_u32(msg, XFRMA_IF_ID);
	return rc;
}
