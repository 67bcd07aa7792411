/* SPDX-License-Identifier: BSD-3-Clause
 * ACQUIRE: a policy wants an SA. Announces it once, and lets the policy ask again when no SA came. Control thread. */
#include "control/server_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "control/clock.h"
#include "control/mirror.h"

/* Seconds until a policy may ask again: as the kernel (net.core.xfrm_acq_expires), or soon if nobody heard it. */
static const uint64_t period_s[CTL_WAITS] = {[CTL_WAIT_HEARD] = 30, [CTL_WAIT_UNHEARD] = 1};

struct ctl_wait {
	struct ctl_wait *next;
	uint64_t due_s;
	uint32_t index; /* of the policy */
	uint32_t seq;   /* of the ACQUIRE; 0: nobody heard it */
};

static void
pop(struct ctl_wait_list *list)
{
	struct ctl_wait *wait = list->first;

	list->first = wait->next;
	if (!list->first)
		list->last = &list->first;
	free(wait);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval second = {.tv_sec = 1};
	struct ctl_server *server = arg;
	bool more = false;

	(void)fd, (void)what;
	for (unsigned i = 0; i < CTL_WAITS; i++) {
		struct ctl_wait_list *list = &server->waits[i];

		while (list->first && list->first->due_s <= ctl_now_s()) {
			sadb_policy_acquired(server->config.db, list->first->index);
			pop(list);
		}
		more |= list->first != NULL;
	}
	if (more)
		evtimer_add(server->wait_tick, &second);
}

/* The policy asks only once until its wait ends, so there are never more waits than policies. */
static void
begin_wait(struct ctl_server *server, uint32_t index, unsigned which, uint32_t seq)
{
	const struct timeval second = {.tv_sec = 1};
	struct ctl_wait_list *list = &server->waits[which];
	struct ctl_wait *wait = malloc(sizeof(*wait));

	if (!wait) {
		sadb_policy_acquired(server->config.db, index);
		return;
	}
	*wait = (struct ctl_wait){.due_s = ctl_now_s() + period_s[which], .index = index, .seq = seq};
	*list->last = wait;
	list->last = &wait->next;
	if (!evtimer_pending(server->wait_tick, NULL))
		evtimer_add(server->wait_tick, &second);
}

/* As in the kernel, an SA answers an ACQUIRE by its number and where it leads. */
static bool
answers(struct ctl_server *server, const struct ctl_wait *wait, const struct sadb_sa_config *config)
{
	const struct sadb_policy_config which = {.index = wait->index, .dir = wait->index & 7};
	struct sadb_policy_info info;

	return wait->seq == config->acquire_seq && sadb_policy_get(server->config.db, &which, &info) == 0 &&
	       sadb_addr_equal(&info.config.tmpl.dst, &config->dst);
}

void
ctl_acquire_answered(struct ctl_server *server, const struct sadb_sa_config *config)
{
	struct ctl_wait_list *list = &server->waits[CTL_WAIT_HEARD];

	if (config->acquire_seq == 0)
		return;
	for (struct ctl_wait **at = &list->first; *at; at = &(*at)->next) {
		struct ctl_wait *wait = *at;

		if (!answers(server, wait, config))
			continue;
		sadb_policy_acquired(server->config.db, wait->index);
		*at = wait->next;
		if (list->last == &wait->next)
			list->last = at;
		free(wait);
		return;
	}
}

int
ctl_waits_init(struct ctl_server *server)
{
	for (unsigned i = 0; i < CTL_WAITS; i++)
		server->waits[i].last = &server->waits[i].first;
	server->wait_tick = evtimer_new(server->config.base, on_tick, server);
	return server->wait_tick ? 0 : -ENOMEM;
}

void
ctl_waits_fini(struct ctl_server *server)
{
	for (unsigned i = 0; i < CTL_WAITS; i++)
		while (server->waits[i].first)
			pop(&server->waits[i]);
	if (server->wait_tick)
		event_free(server->wait_tick);
}

int
ctl_server_acquire(struct ctl_server *server, const struct dp_event *event)
{
	const struct nlmsghdr header = {.nlmsg_type = XFRM_MSG_ACQUIRE};
	const struct sadb_policy_config which = {.index = event->policy_index, .dir = event->policy_index & 7};
	struct sadb_policy_info info;
	int rc = sadb_policy_get(server->config.db, &which, &info);

	if (rc)
		return rc;
	if (server->config.mirror) {
		rc = ctl_mirror_acquire(server->config.mirror, &info.config, &event->flow);
		begin_wait(server, event->policy_index, rc == 0 ? CTL_WAIT_HEARD : CTL_WAIT_UNHEARD, 0);
		return rc;
	}
	if (!ctl_event_wanted(server, XFRMNLGRP_ACQUIRE)) {
		begin_wait(server, event->policy_index, CTL_WAIT_UNHEARD, 0);
		return -ESRCH;
	}
	/* 0 stands for none, as in the kernel. */
	if (++server->acquire_seq == 0)
		server->acquire_seq = 1;
	begin_wait(server, event->policy_index, CTL_WAIT_HEARD, server->acquire_seq);
	size_t bytes = ctl_xfrm_encode_acquire(server->out, CTL_MESSAGE_BYTES, &header, &info.config, &event->flow,
					       server->acquire_seq);
	ctl_event_queue(server, XFRMNLGRP_ACQUIRE, server->out, bytes);
	ctl_peers_flush(server);
	return 0;
}
