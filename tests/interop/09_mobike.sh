#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# MOBIKE: West moves to another address under load, and back, and its tunnel with it: the same SAs under new addresses, no
# number twice, nothing in the clear.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

# West gets a new address and loses the old one, while A pings B.
move() { # from, to
  before=$(spis west)
  sealed=$(children west INSTALLED | cut -d ' ' -f 8)
  flood_start 0.01
  ip -n "$net-west" addr add "$2/24" dev wan
  ip -n "$net-west" addr del "$1/24" dev wan
  until_true 20 sas_are_at "$before" "$2" "$2" || fail "the SAs did not move to $2: $(west sa show; east sa show)"
  ping_each 50 -i 0.01
  flood_stop
  [ "$(children west INSTALLED | cut -d ' ' -f 8)" -ge $((sealed + 50)) ] || fail "the SAs began anew: $(children west INSTALLED)"
}

say "two gateways that may move"
ike_needs
topology
ike_mobike=yes
ike_local=%any
ike_configure west
ike_local= ike_remote=%any
ike_configure east
for gateway in west east; do
  gw_start $gateway
  ike_start_culvert $gateway
done
capture_start wire west "$tmp/wire" "($in_the_clear) or ip proto 50 or udp port 4500"
listener=$capture
ike_initiate west
ping_each 50 -i 0.01

say "West moves, and back"
move 192.0.2.1 192.0.2.11
move 192.0.2.11 192.0.2.1
for gateway in west east; do
  until_true 5 counters_true $gateway blue || fail "$gateway: swanctl and the dataplane differ: $(children $gateway INSTALLED)"
done

say "a rekey, and West moves again"
rekey_by west
move 192.0.2.1 192.0.2.11
ip -n "$net-west" addr add 192.0.2.1/24 dev wan

say "no number twice, and nothing in the clear"
quit $listener
numbers_go_up "$tmp/wire" 400
none_in_the_clear "$tmp/wire"
ike_terminate west
ikes_end
