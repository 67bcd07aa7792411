#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Path MTU: what does not fit once ESP is added is refused with an ICMP error that A's kernel believes.
. "$(dirname "$0")/lib.sh"
begin

say "West and a witness in East's place"
west_alone
say "the longest packet, and one byte more"
witness mtu.py

say "a kernel learns it, of the path that the witness made narrower"
ns a ping -q -M do -s 1472 -c 2 -i 0.2 -W 1 10.2.0.2 >"$tmp/ping" 2>&1 || :
learned=$(ip -n "$net-a" route get 10.2.0.2 | sed -n 's/.* mtu \([0-9]*\).*/\1/p')
[ "$learned" = 1146 ] || fail "A's kernel holds a path MTU of '$learned', not 1146"
