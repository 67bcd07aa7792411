/* SPDX-License-Identifier: BSD-3-Clause
 * Decoding of an SA's replay state: XFRMA_REPLAY_VAL and XFRMA_REPLAY_ESN_VAL. Pure. */
#include "control/xfrm_impl.h"

#include <errno.h>

static uint64_t
join(uint32_t high, uint32_t low, bool esn)
{
	return esn ? (uint64_t)high << 32 | low : low;
}

/* The bitmap itself is not taken: an SA that comes with a past counts everything up to its highest number as seen. */
static int
get_esn(const struct ctl_xfrm_msg *msg, uint8_t window, struct sadb_sa_config *config, struct sadb_error *err)
{
	const struct nlattr *attr = msg->at[XFRMA_REPLAY_ESN_VAL];
	bool esn = (config->flags & SADB_SA_ESN) != 0;
	struct xfrm_replay_state_esn replay;

	ctl_attr_copy(&replay, attr, sizeof(replay));
	size_t bitmap_bytes = mnl_attr_get_payload_len(attr) - sizeof(replay);
	if (replay.bmp_len > CTL_XFRM_MAX_BMP)
		return ctl_refuse(err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
				  "XFRMA_REPLAY_ESN_VAL with bmp_len %u: at most %u words are accepted", replay.bmp_len,
				  CTL_XFRM_MAX_BMP);
	/* As the kernel: the bitmap is there in full, or left out. */
	if (bitmap_bytes != 0 && bitmap_bytes < replay.bmp_len * sizeof(uint32_t))
		return ctl_refuse(err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
				  "XFRMA_REPLAY_ESN_VAL says %u words of bitmap, but %zu bytes follow", replay.bmp_len,
				  bitmap_bytes);
	if (replay.replay_window > replay.bmp_len * 32)
		return ctl_refuse(err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
				  "XFRMA_REPLAY_ESN_VAL window of %u packets does not fit bmp_len %u",
				  replay.replay_window, replay.bmp_len);
	if (window != 0)
		return ctl_refuse(err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
				  "replay_window %u must be 0 beside XFRMA_REPLAY_ESN_VAL", window);
	/* RFC 4303 A2: the receiver finds the high half of the number by the window. */
	if (esn && replay.replay_window == 0 && config->dir != SADB_DIR_OUT)
		return ctl_refuse(err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
				  "XFRMA_REPLAY_ESN_VAL window of 0: ESN needs one (RFC 4303 A2)");
	config->window_packets = replay.replay_window;
	config->out_seq = join(replay.oseq_hi, replay.oseq, esn);
	config->in_seq = join(replay.seq_hi, replay.seq, esn);
	return 0;
}

int
ctl_xfrm_get_replay(const struct ctl_xfrm_msg *msg, uint8_t window, struct sadb_sa_config *config,
		    struct sadb_error *err)
{
	struct xfrm_replay_state replay = {0};

	if (msg->at[XFRMA_REPLAY_ESN_VAL])
		return get_esn(msg, window, config, err);
	if (config->flags & SADB_SA_ESN)
		return ctl_refuse(err, -EINVAL, XFRMA_REPLAY_ESN_VAL,
				  "XFRMA_REPLAY_ESN_VAL is missing: an SA with ESN needs it");
	if (msg->at[XFRMA_REPLAY_VAL])
		ctl_attr_copy(&replay, msg->at[XFRMA_REPLAY_VAL], sizeof(replay));
	config->window_packets = window;
	config->out_seq = replay.oseq;
	config->in_seq = replay.seq;
	return 0;
}
