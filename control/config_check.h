/* SPDX-License-Identifier: BSD-3-Clause
 * What must hold between the keys of a configuration: names that are known, values that fit each other. Control thread. */
#ifndef CTL_CONFIG_CHECK_H
#define CTL_CONFIG_CHECK_H

#include "control/config_yaml.h"

#define CTL_CONFIG_CPUS_ACCEPTED "one CPU number for each worker, such as \"2,3\""

/* Reports every mistake through y. */
void ctl_config_check(const struct ctl_config *config, struct ctl_yaml *y);

/* Could the address be a host's: unicast, and neither the network's nor its broadcast address? */
bool ctl_config_is_host(const struct sadb_prefix *prefix);

/* Are all bits beyond the length zero? */
bool ctl_config_is_network(const struct sadb_prefix *prefix);

#endif
