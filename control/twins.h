/* SPDX-License-Identifier: BSD-3-Clause
 * The twins as the configuration wants them: up, with their MTU, addresses and routes. Control thread. */
#ifndef CTL_TWINS_H
#define CTL_TWINS_H

#include "control/config.h"
#include "control/rtnl.h"

struct ctl_twins {
	struct ctl_rtnl *rtnl;
	struct dp *dp;
	int ipv6_fd[DP_MAX_PORTS]; /* of a twin in a namespace of its own: its switch; -1: a kernel without IPv6 */
};

/* Brings up the twin of config->ports[i], which is the dataplane's port number port. Failures here and below are logged
 * with file, line and key. 0 or -errno. */
int ctl_twin_up(struct ctl_twins *twins, const struct ctl_config *config, unsigned i, uint16_t port);

/* Lets go of what is open. Before the ports go. */
void ctl_twins_close(struct ctl_twins *twins);

/* Changes addresses and routes from those of one configuration (NULL: none) to those of another. What is in both is put
 * back where the kernel dropped it. A port that is not running is passed over. At the first refusal everything is put
 * back as from has it. */
int ctl_twins_change(const struct ctl_twins *twins, const struct ctl_config *from, const struct ctl_config *to);

#endif
