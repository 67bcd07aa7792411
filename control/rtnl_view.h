/* SPDX-License-Identifier: BSD-3-Clause
 * What one network namespace's kernel says of the twins in it: its sockets, and the state that they keep true. Interfaces have
 * numbers of their own in each namespace, so nothing here knows of another's. Control thread. */
#ifndef CTL_RTNL_VIEW_H
#define CTL_RTNL_VIEW_H

#include "control/rtnl_request.h"
#include "control/rtnl_state.h"
#include "dataplane/dataplane.h"

#define CTL_RTNL_READ_BYTES 32768

struct ctl_rtnl_view {
	const struct dp_netns *netns; /* NULL: the daemon's own */
	struct ctl_rtnl_socket events, requests;
	struct ctl_rtnl_state state;
	unsigned dirty; /* enum ctl_rtnl_change */
	char buf[CTL_RTNL_READ_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* Opens the sockets in that namespace and subscribes. NULL on failure. Not after root is given up. */
struct ctl_rtnl_view *ctl_rtnl_view_create(const struct dp_netns *netns, struct ctl_rtnl_error *err);
void ctl_rtnl_view_destroy(struct ctl_rtnl_view *view);

/* Takes in what came. What it changed is in dirty. */
void ctl_rtnl_view_read(struct ctl_rtnl_view *view);

/* Asks the kernel for everything anew. 0, or -errno and the state is what it was. */
int ctl_rtnl_view_learn(struct ctl_rtnl_view *view);

#endif
