/* SPDX-License-Identifier: BSD-3-Clause
 * The kernel's interface under a port's device, if it has one: taken for this process alone, prepared, asked. Inside the dataplane
 * only. Control thread, or one that it waits for. */
#ifndef DP_IFACE_H
#define DP_IFACE_H

#include "dataplane/port.h"

/* Takes the interface that the device names, if it does: nobody else's device sits on it. -errno. */
int dp_iface_take(struct dp_port *port, struct dp_error *err);
void dp_iface_release(struct dp_port *port);
/* Before a device is opened on it: switches off what would spoil frames. -errno: that cannot be done. */
int dp_iface_prepare(const struct dp_port *port, struct dp_error *err);
/* The number of the interface that has the name that the device was opened by; 0: none, or the device has none. It asks for all
 * interfaces: to ask for one that is not there makes the kernel look for a module of that name. */
int dp_iface_find(const struct dp_port *port);
/* IFF_... of the interface that it was opened on, whatever its name is now; 0: it is gone. */
unsigned dp_iface_flags(const struct dp_port *port);
/* Of the one with that number. */
unsigned dp_iface_flags_of(const struct dp_port *port, int ifindex);

#endif
