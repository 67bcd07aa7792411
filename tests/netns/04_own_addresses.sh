#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A gateway's own addresses: ARP and ping are answered on both sides by the kernel behind the twins, and pings that the
# gateway itself sends go out. None of it is ESP.
. "$(dirname "$0")/lib.sh"
begin

say "two gateways"
two_gateways

say "A and B ping their gateways"
ping_all a 5 -i 0.2 10.1.0.1
ping_all b 5 -i 0.2 10.2.0.1
ping_all a 2 -i 0.2 -s 1400 10.1.0.1

say "ARP alone"
ip -n "$net-a" neigh flush dev a-lan
ns a ping -q -c 1 -W 2 10.1.0.1 >/dev/null
learned=$(ip -n "$net-a" neigh show 10.1.0.1 | awk '{ print $5 }')
own=$(ip -n "$net-west" -o link show lan | sed 's,^.*link/ether \([0-9a-f:]*\).*,\1,')
[ "$learned" = "$own" ] || fail "A learned $learned for 10.1.0.1, the port's address is $own"

say "the gateways ping over the wire and into their LANs"
ping_all west 5 -i 0.2 192.0.2.2
ping_all east 5 -i 0.2 192.0.2.1
ping_all west 5 -i 0.2 -I 10.1.0.1 10.1.0.2
[ "$(stats west sum esp_in esp_out)" -eq 0 ] || fail "pings of the gateway's own addresses were wrapped in ESP"

say "no way around the gateway: from A to the outer addresses"
ns a ping -q -c 3 -i 0.1 -W 1 192.0.2.2 >"$tmp/ping" || :
[ "$(ping_received "$tmp/ping")" = 0 ] || fail "A reaches the wire"
