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
/* The number of the interface that has the name now; 0: none, or the device has none. */
int dp_iface_index(const struct dp_port *port);
/* IFF_...; 0: there is none of that name. */
unsigned dp_iface_flags(const struct dp_port *port);

#endif
