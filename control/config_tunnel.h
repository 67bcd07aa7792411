/* SPDX-License-Identifier: BSD-3-Clause
 * The configuration's tunnels. Control thread. */
#ifndef CTL_CONFIG_TUNNEL_H
#define CTL_CONFIG_TUNNEL_H

#include "control/config_yaml.h"

/* Of struct ctl_config's tunnels. */
extern const struct ctl_yaml_list ctl_config_tunnel_list;

/* Reports every mistake through y. */
void ctl_config_check_tunnels(const struct ctl_config *config, struct ctl_yaml *y);

#endif
