/* SPDX-License-Identifier: BSD-3-Clause
 * Audit events told: in the log and to who listens on the socket. Control thread. */
#ifndef CTL_AUDIT_H
#define CTL_AUDIT_H

#include <stddef.h>

struct ctl_audit;
struct ctl_config;
struct ctl_daemon;

/* Sets the dataplane's rates as the configuration wants them. */
void ctl_audit_configure(struct ctl_daemon *daemon, const struct ctl_config *config);
/* What the workers have to tell. */
void ctl_audit_pump(struct ctl_daemon *daemon);
/* How many events of each kind were not told since this was last called. */
void ctl_audit_sum_up(struct ctl_daemon *daemon);

/* The line of the log, in words of the form name=value; vnet: the virtual network's name, NULL when it has none. Returns
 * its length; it always fits into CTL_AUDIT_LINE_BYTES. */
#define CTL_AUDIT_LINE_BYTES 512
size_t ctl_audit_format(char line[CTL_AUDIT_LINE_BYTES], const struct ctl_audit *audit, const char *vnet);

#endif
