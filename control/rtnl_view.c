/* SPDX-License-Identifier: BSD-3-Clause
 * One namespace's kernel and its twins; see the header. Control thread. */
#include "control/rtnl_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "control/log.h"

#define READ_DATAGRAMS  64    /* in one go, so that a flood leaves time for other work */
#define DRAIN_DATAGRAMS 65536 /* more than a socket holds: an end even if they come as fast as they are read */
#define DUMP_TRIES      8

static int
open_sockets(struct ctl_rtnl_view *view, struct ctl_rtnl_error *err)
{
	const uint32_t groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR |
				RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH;
	int home = -1, back = 0, rc = 0;

	if (view->netns != NULL)
		home = rc = dp_netns_enter(view->netns);
	if (rc >= 0)
		rc = ctl_rtnl_open(&view->events, groups, err);
	else
		snprintf(err->text, sizeof(err->text), "rtnetlink: cannot enter network namespace %s: %s",
			 view->netns->name, strerror(-rc));
	if (rc >= 0)
		rc = ctl_rtnl_open(&view->requests, 0, err);
	if (home >= 0)
		back = dp_netns_leave(home);
	if (back < 0)
		snprintf(err->text, sizeof(err->text), "rtnetlink: cannot leave network namespace %s: %s",
			 view->netns->name, strerror(-back));
	return rc < 0 ? rc : back;
}

struct ctl_rtnl_view *
ctl_rtnl_view_create(const struct dp_netns *netns, struct ctl_rtnl_error *err)
{
	struct ctl_rtnl_view *view = calloc(1, sizeof(*view));

	if (view == NULL) {
		snprintf(err->text, sizeof(err->text), "rtnetlink: out of memory");
		return NULL;
	}
	view->netns = netns;
	ctl_rtnl_state_init(&view->state, NULL);
	if (open_sockets(view, err) < 0) {
		ctl_rtnl_view_destroy(view);
		return NULL;
	}
	return view;
}

void
ctl_rtnl_view_destroy(struct ctl_rtnl_view *view)
{
	if (view == NULL)
		return;
	ctl_rtnl_state_clear(&view->state);
	ctl_rtnl_close(&view->requests);
	ctl_rtnl_close(&view->events);
	free(view);
}

/* One message into a state; says what it changed. */
static int
take(struct ctl_rtnl_state *state, const struct nlmsghdr *nlh)
{
	struct ctl_rtnl_msg msg;
	int rc = ctl_rtnl_decode(nlh, nlh->nlmsg_len, &msg);

	if (rc == -EINVAL)
		ctl_log(CTL_LOG_WARNING, "rtnetlink: message of type %u is malformed and was left out",
			nlh->nlmsg_type);
	return rc < 0 ? 0 : ctl_rtnl_apply(state, &msg);
}

static void
take_datagram(struct ctl_rtnl_view *view, size_t bytes)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)view->buf;
	int left = (int)bytes;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		int change = take(&view->state, nlh);

		if (change < 0) {
			ctl_log(CTL_LOG_WARNING, "rtnetlink: out of memory; asking the kernel again");
			change = CTL_RTNL_AGAIN;
		}
		if (change & CTL_RTNL_GONE) {
			ctl_log(CTL_LOG_WARNING,
				"rtnetlink: a port's twin is gone from its namespace: its routes are withdrawn");
			change &= ~CTL_RTNL_GONE;
		}
		view->dirty |= (unsigned)change;
	}
}

/* What the kernel said before a dump is in the dump. Taken in after it, a route that has since vanished without a message
 * would come back to stay. Into the state that the dump replaces, because a twin that is gone is told of here. */
static void
drain(struct ctl_rtnl_view *view)
{
	ssize_t n = 0;

	for (int i = 0; i < DRAIN_DATAGRAMS && n != -EAGAIN; i++) {
		n = ctl_rtnl_receive(&view->events, view->buf, sizeof(view->buf), MSG_DONTWAIT);
		if (n > 0)
			take_datagram(view, (size_t)n);
	}
}

struct dump {
	struct ctl_rtnl_state *state;
	int error;
};

static void
dump_take(void *arg, const struct nlmsghdr *nlh)
{
	struct dump *dump = arg;
	int rc = take(dump->state, nlh);

	if (rc < 0)
		dump->error = rc;
}

/* Links first: what is said of a twin that is down would be left over. */
static int
dump_all(struct ctl_rtnl_view *view, struct ctl_rtnl_state *fresh)
{
	static const struct {
		uint16_t type;
		uint8_t family;
	} asked[] = {{RTM_GETLINK, AF_UNSPEC}, {RTM_GETADDR, AF_INET},   {RTM_GETADDR, AF_INET6},
		     {RTM_GETROUTE, AF_INET},  {RTM_GETROUTE, AF_INET6}, {RTM_GETNEIGH, AF_INET},
		     {RTM_GETNEIGH, AF_INET6}};
	struct dump dump = {.state = fresh};
	int rc;

	for (unsigned i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		rc = ctl_rtnl_dump(&view->requests, asked[i].type, asked[i].family, dump_take, &dump);
		if (rc == 0)
			rc = dump.error;
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Events are subscribed to already, so whatever changes from here on comes again as an event. */
int
ctl_rtnl_view_learn(struct ctl_rtnl_view *view)
{
	struct ctl_rtnl_state fresh;
	int rc = -EINTR;

	for (int i = 0; i < DUMP_TRIES && rc == -EINTR; i++) {
		drain(view);
		ctl_rtnl_state_init(&fresh, &view->state);
		rc = dump_all(view, &fresh);
		if (rc < 0)
			ctl_rtnl_state_clear(&fresh);
	}
	if (rc < 0)
		return rc;
	ctl_rtnl_state_clear(&view->state);
	view->state = fresh;
	view->dirty = CTL_RTNL_TABLES;
	return 0;
}

void
ctl_rtnl_view_read(struct ctl_rtnl_view *view)
{
	for (int i = 0; i < READ_DATAGRAMS; i++) {
		ssize_t n = ctl_rtnl_receive(&view->events, view->buf, sizeof(view->buf), MSG_DONTWAIT);

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			/* ENOBUFS: events were lost. */
			ctl_log(CTL_LOG_NOTICE, "rtnetlink: %s; asking the kernel for everything again",
				strerror((int)-n));
			view->dirty |= CTL_RTNL_AGAIN;
			continue;
		}
		take_datagram(view, (size_t)n);
	}
}
