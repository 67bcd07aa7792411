#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# TCP carries every byte: 20 MB from A to B and from B to A at the same time.
. "$(dirname "$0")/lib.sh"
begin

size=20000000
say "two gateways"
two_gateways
ping_all a 2 -i 0.2 10.2.0.2

say "$size bytes each way"
tcp_both_ways $size
