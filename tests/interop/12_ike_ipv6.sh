#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A CHILD_SA with selectors of both families, as charon installs it: one pair of SAs carries IPv4 and IPv6 between the hosts,
# through a rekey without a loss, and swanctl counts both.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

say "IPv4 and IPv6 in one CHILD_SA"
ipv6=on
ike_ipv6=yes
two_ikes
host_v6_add a 1
host_v6_add b 2
lan_v6_settle west
lan_v6_settle east
capture_start wire west "$tmp/wire" "ip or ip6"
listener=$capture
ike_initiate west
for gateway in west east; do
  [ "$(count_of $gateway sa)" -eq 2 ] || fail "$gateway has not one pair of SAs: $($gateway sa show)"
  [ "$(count_of $gateway policy)" -eq 6 ] || fail "$gateway has not three policies of each family: $($gateway policy show)"
done
ping_all a 2 -i 0.2 10.2.0.2
ping_all a 2 -i 0.2 2001:db8:2::2
before=$(children west INSTALLED | cut -d ' ' -f 6)
ping_all a 10 -i 0.1 10.2.0.2
ping_all a 10 -i 0.1 2001:db8:2::2
until_true 5 ends_agree || fail "West says $(children west INSTALLED), East $(children east INSTALLED)"
[ "$(children west INSTALLED | cut -d ' ' -f 6)" -eq $((before + 20)) ] || fail "not 20 more packets: $(children west INSTALLED)"

say "rekeys from either side under pings of both"
ns_start a ping -i 0.01 10.2.0.2 >"$tmp/flood"
flood=$!
ns_start a ping -6 -i 0.01 2001:db8:2::2 >"$tmp/flood6"
flood6=$!
for starter in west east; do
  rekey_by $starter
done
ping_all a 5 -i 0.2 2001:db8:2::2
kill -INT $flood $flood6
wait $flood $flood6 || :
no_hole "$tmp/flood" 50
no_hole "$tmp/flood6" 50
for gateway in west east; do
  [ "$(drops $gateway)" -eq 0 ] || fail "$gateway dropped packets: $($gateway stats show drops)"
done

say "nothing of either family in the clear"
quit $listener
numbers_go_up "$tmp/wire" 200
none_in_the_clear "$tmp/wire"
[ "$(capture_count "$tmp/wire" 'ip6')" -eq 0 ] || fail "IPv6 on the wire: $(tcpdump -nr "$tmp/wire" ip6 2>/dev/null | head -n 3)"
ike_terminate east
ping_gets_nothing() {
  ns a ping -q -c 2 -i 0.2 -W 1 "$1" >"$tmp/ping" || :
  [ "$(ping_received "$tmp/ping")" -eq 0 ]
}
for address in 10.2.0.2 2001:db8:2::2; do
  ping_gets_nothing $address || fail "$address answers without a tunnel"
done
ikes_end
