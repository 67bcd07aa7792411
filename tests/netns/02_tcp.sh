#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# TCP carries every byte: 20 MB from A to B and from B to A at the same time, also where the kernel would merge what it
# receives.
. "$(dirname "$0")/lib.sh"
begin

size=20000000
say "two gateways, on interfaces that merge packets"
topology
for device in "west w-lan" "west w-wan" "east e-lan" "east e-wan"; do
  ns "${device% *}" ethtool -K "${device#* }" gro on
done
for each in west east; do
  gw_start $each
  policies_add $each
done
tunnel_add 1
ping_all a 2 -i 0.2 10.2.0.2

say "$size bytes each way"
tcp_both_ways $size
