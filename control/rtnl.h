/* SPDX-License-Identifier: BSD-3-Clause
 * The kernel's links, addresses, routes and neighbours of the twins, followed by rtnetlink and published to the workers.
 * Control thread. */
#ifndef CTL_RTNL_H
#define CTL_RTNL_H

#include "control/rtnl_request.h"
#include "dataplane/dataplane.h"

struct ctl_rtnl;

/* Opens the sockets and subscribes. Both db and dp outlive it. */
struct ctl_rtnl *ctl_rtnl_create(struct sadb *db, struct dp *dp, struct ctl_rtnl_error *err);
void ctl_rtnl_destroy(struct ctl_rtnl *rtnl);

/* Learns of one more twin: the port's, in the domain where its routes count, from the kernel of the namespace that it is in.
 * Before ctl_rtnl_sync(), and before root is given up. */
int ctl_rtnl_follow(struct ctl_rtnl *rtnl, uint16_t port, const struct sadb_vnet *domain, struct ctl_rtnl_error *err);

/* Asks the kernel for everything anew and publishes. What was published stays when it fails. */
int ctl_rtnl_sync(struct ctl_rtnl *rtnl, struct ctl_rtnl_error *err);

/* What to wait on for reading, and what to do when it is readable. */
int ctl_rtnl_fd(const struct ctl_rtnl *rtnl);
void ctl_rtnl_read(struct ctl_rtnl *rtnl);

/* Publishes what changed. After ctl_rtnl_read(), and every few ms: in a flood of changes tables are rebuilt so seldom
 * that most of the time is left for other work. */
void ctl_rtnl_publish(struct ctl_rtnl *rtnl);

/* A worker found no neighbour for a packet. */
void ctl_rtnl_resolve(struct ctl_rtnl *rtnl, uint16_t port, const struct sadb_addr *addr);

/* Tells the kernel which neighbours workers have used since the last call, so that it probes those that are stale. Call
 * about every 30 s. */
void ctl_rtnl_refresh(struct ctl_rtnl *rtnl);

/* For requests about a port's twin, in its namespace. */
#define CTL_RTNL_HOME UINT16_MAX /* no port's: the daemon's own namespace */
struct ctl_rtnl_socket *ctl_rtnl_requests(struct ctl_rtnl *rtnl, uint16_t port);

#endif
