/* SPDX-License-Identifier: BSD-3-Clause
 * Tables for IPv4's checks. Any thread. */
#include "dataplane/ipv4.h"

const uint8_t dp_ipv4_rare[256] = {[0] = 1, [127] = 1, [224 ... 255] = 1};
