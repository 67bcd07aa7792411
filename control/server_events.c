/* SPDX-License-Identifier: BSD-3-Clause
 * Multicast to subscribers, and what an event or answer says of an SA's state. Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <string.h>

/* Who subscribed and has left the daemon's group since hears no more. */
static bool
listens(struct ctl_server *server, const struct ctl_peer *peer, unsigned group)
{
	return peer && (peer->groups & 1u << group) && ctl_path_may_speak(server, &peer->cred);
}

bool
ctl_event_wanted(struct ctl_server *server, unsigned group)
{
	for (unsigned i = 0; i < CTL_MAX_PEERS; i++)
		if (listens(server, server->peers[i], group))
			return true;
	return false;
}

void
ctl_event_queue(struct ctl_server *server, unsigned group, const void *data, size_t bytes)
{
	for (unsigned i = 0; bytes > 0 && i < CTL_MAX_PEERS; i++)
		if (listens(server, server->peers[i], group))
			ctl_peer_queue_event(server->peers[i], data, bytes);
}

void
ctl_events_lost(struct ctl_server *server)
{
	for (unsigned i = 0; i < CTL_MAX_PEERS; i++)
		if (server->peers[i] && server->peers[i]->groups)
			server->peers[i]->lost_events = true;
}

/* As the kernel lays the window out: XFRMA_REPLAY_ESN_VAL has the bit of number n at (n - 1) % window, XFRMA_REPLAY_VAL
 * has the highest number at bit 0 and older ones above. */
static void
fill_bitmap(struct ctl_server *server, const struct sadb_sa_config *config, const struct sadb_replay *replay,
	    struct ctl_sa_state *state)
{
	uint32_t window = config->window_packets;
	bool ring = window > 32 || (config->flags & SADB_SA_ESN);
	uint64_t top = state->in_seq;

	if (window == 0 || window > SADB_REPLAY_MAX)
		return;
	state->bitmap_words = (window + 31) / 32;
	state->bitmap = server->bitmap;
	memset(server->bitmap, 0, state->bitmap_words * sizeof(uint32_t));
	for (uint64_t back = 0; back < window && back < top; back++) {
		uint32_t bit = (uint32_t)(ring ? (top - back - 1) % window : back);

		if (sadb_replay_seen(replay, top - back))
			server->bitmap[bit / 32] |= 1u << bit % 32;
	}
}

void
ctl_sa_state_fill(struct ctl_server *server, const struct sadb_sa_cold *sa, struct ctl_sa_state *state)
{
	const int64_t ahead_s = sadb_clock_ahead_s();
	*state = (struct ctl_sa_state){.add_time_s = sadb_time_moved(sa->add_time_s, ahead_s)};
	if (!sa->hot)
		return;
	/* Relaxed: counters that workers go on changing; each value stands for itself. */
	const struct sadb_sa_mut *mut = sa->hot->mut;
	state->bytes = __atomic_load_n(&mut->bytes, __ATOMIC_RELAXED);
	state->packets = __atomic_load_n(&mut->packets, __ATOMIC_RELAXED);
	state->use_time_s = sadb_time_moved(__atomic_load_n(&mut->first_use_s, __ATOMIC_RELAXED), ahead_s);
	state->last_use_s = sadb_time_moved(__atomic_load_n(&mut->last_use_s, __ATOMIC_RELAXED), ahead_s);
	if (sa->config.dir != SADB_DIR_IN) /* whose sequence is closed, which is no number sent */
		state->out_seq = __atomic_load_n(&mut->out_seq, __ATOMIC_RELAXED);
	state->replay_drops = __atomic_load_n(&mut->replay_drops, __ATOMIC_RELAXED);
	state->window_drops = __atomic_load_n(&mut->window_drops, __ATOMIC_RELAXED);
	state->icv_drops = __atomic_load_n(&mut->icv_drops, __ATOMIC_RELAXED);
	state->path_mtu = sadb_sa_path_mtu(mut, sadb_now_s());
	if (sa->hot->replay) {
		state->in_seq = sadb_replay_top(sa->hot->replay);
		fill_bitmap(server, &sa->config, sa->hot->replay, state);
	}
}

int
ctl_server_mapping(struct ctl_server *server, const struct dp_event *event)
{
	const struct nlmsghdr header = {.nlmsg_type = XFRM_MSG_MAPPING};
	const struct sadb_sa_cold *sa = sadb_sa_find(server->config.db, &event->sa);

	if (!sa || sa->larval || sa->config.encap_sport_be == 0)
		return -ESRCH;
	const struct ctl_mapping mapping = {.sa_id = event->sa,
					    .reqid = sa->config.reqid,
					    .old_src = sa->config.src,
					    .new_src = event->addr,
					    .old_sport_be = sa->config.encap_sport_be,
					    .new_sport_be = event->sport_be};
	if (sadb_addr_equal(&mapping.old_src, &mapping.new_src) && mapping.old_sport_be == mapping.new_sport_be)
		return -ESRCH;
	ctl_event_queue(server, XFRMNLGRP_MAPPING, server->out,
			ctl_xfrm_encode_mapping(server->out, CTL_MESSAGE_BYTES, &header, &mapping));
	ctl_peers_flush(server);
	return 0;
}

void
ctl_server_audit(struct ctl_server *server, const struct ctl_audit *audit)
{
	const struct nlmsghdr header = {.nlmsg_type = CTL_MSG_AUDIT};

	if (!ctl_event_wanted(server, CTL_GROUP_AUDIT))
		return;
	ctl_event_queue(server, CTL_GROUP_AUDIT, server->out,
			ctl_own_encode_audit(server->out, CTL_MESSAGE_BYTES, &header, audit));
	ctl_peers_flush(server);
}
