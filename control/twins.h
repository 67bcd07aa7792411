/* SPDX-License-Identifier: BSD-3-Clause
 * The twins as the configuration wants them: up, with their MTU, addresses and routes. Control thread. */
#ifndef CTL_TWINS_H
#define CTL_TWINS_H

#include "control/config.h"
#include "control/helper.h"
#include "control/rtnl.h"

/* Writes the settings of twins that are in a network namespace of their own: it lives there. */
struct ctl_twins_there {
	const struct dp_netns *netns;
	struct ctl_helper *helper; /* needs CAP_NET_ADMIN */
};

struct ctl_twins {
	struct ctl_rtnl *rtnl;
	struct dp *dp;
	unsigned n_there;
	struct ctl_twins_there there[DP_MAX_PORTS];
};

/* Brings up the twin of config->ports[i], which is the dataplane's port number port. Failures here and below are logged
 * with file, line and key. 0 or -errno. The first time in a namespace as root. */
int ctl_twin_up(struct ctl_twins *twins, const struct ctl_config *config, unsigned i, uint16_t port);

/* Lets go of what is open. Before the ports go. */
void ctl_twins_close(struct ctl_twins *twins);

/* Changes addresses and routes from those of one configuration (NULL: none) to those of another. What is in both is put
 * back where the kernel dropped it. A port that is not running is passed over. At the first refusal everything is put
 * back as from has it. */
int ctl_twins_change(const struct ctl_twins *twins, const struct ctl_config *from, const struct ctl_config *to);

#endif
