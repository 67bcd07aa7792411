/* SPDX-License-Identifier: BSD-3-Clause
 * A network namespace of the test's own with two TAPs, "wan" and "lan", and a dataplane whose ports are their twins: only
 * as much of dataplane.h as the code that follows the kernel calls. */
#ifndef NETNS_RIG_H
#define NETNS_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/dataplane.h"

#define RIG_SKIPPED 77 /* meson's exit code for a skipped test */

enum { RIG_WAN, RIG_LAN, RIG_PORTS };

struct rig_port {
	const char *name;
	int tap_fd, ifindex;
	unsigned n_addrs;
	struct sadb_addr addrs[64]; /* as the dataplane was last told */
};
extern struct rig_port rig_ports[RIG_PORTS];

/* False, with a line on standard error, where namespaces or TAPs are not allowed. */
bool rig_namespace_enter(void);

/* Waits up to 2 s for an ARP request for the address on a port's wire. */
bool rig_arp_asked(const struct rig_port *port, const char *address);

/* Runs a command of iproute2 in the namespace; asserts that it succeeds. */
void rig_ip(const char *arguments);

#endif
