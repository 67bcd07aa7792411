#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Multicast and broadcast between hosts behind the gateways: without a policy that names them they stop at the gateway, with
# one they pass sealed, and B's kernel takes them from the link's address of the group.
. "$(dirname "$0")/lib.sh"
begin

say "two gateways, and a policy for everything"
two_gateways
for at in west east; do
  number=$(gw_number $at)
  $at policy add vnet blue dir out src "10.$number.0.0/24" dst 0.0.0.0/0 priority 9 action protect \
    tunnel-src "192.0.2.$number" tunnel-dst "192.0.2.$((3 - number))" reqid 1
done
ping_all a 2 -i 0.2 10.2.0.2
ip -n "$net-a" route add 255.255.255.255/32 dev a-lan
ns_start b "$python" "$here/group.py" receive 10.2.0.2 239.1.2.3 60 >"$tmp/heard"
ns_start b tcpdump -i b-lan -n -U --immediate-mode -Z root -w "$tmp/b.pcap" 2>"$tmp/b.log"
until_true 5 grep -q listens "$tmp/heard" && until_true 5 grep -q listening "$tmp/b.log" || fail "B does not listen"
capture_start wire west "$tmp/wire.pcap"

send() { # destination, TTL, text
  ns a "$python" "$here/group.py" send 10.1.0.2 "$1" "$2" "$3"
}
dropped_is() { # gateway, reason, packets
  [ "$(drops "$1" "$2")" -eq "$3" ]
}

say "what no policy names stops at West, and so does what is to go no further"
send 239.1.2.3 8 unnamed-group
send 255.255.255.255 8 unnamed-all
until_true 5 dropped_is west ip-multicast 2 || fail "West dropped $(drops west ip-multicast) as ip-multicast, not 2"

say "with a policy for the group on both sides"
for group in 239.0.0.0/8 255.255.255.255/32; do
  west policy add vnet blue dir out src 10.1.0.0/24 dst $group action protect \
    tunnel-src 192.0.2.1 tunnel-dst 192.0.2.2 reqid 1
done
send 239.1.2.3 1 one-hop-only
until_true 5 dropped_is west ttl 1 || fail "TTL 1 was not dropped"
send 239.1.2.3 8 not-named-by-east
until_true 5 dropped_is east ip-multicast 1 || fail "East lets in what no policy of its own names"
for group in 239.0.0.0/8 255.255.255.255/32; do
  east policy add vnet blue dir fwd src 10.1.0.0/24 dst $group action protect \
    tunnel-src 192.0.2.1 tunnel-dst 192.0.2.2 reqid 1
done
send 239.1.2.3 8 without-a-route
until_true 5 dropped_is east no-route 1 || fail "East has no route for the group, and no drop for it"
ip -n "$net-east" route add 239.0.0.0/8 dev lan
ip -n "$net-east" route add 255.255.255.255/32 dev lan
has_routes() {
  east -j route show | grep -q '"239.0.0.0/8"' && east -j route show | grep -q '"255.255.255.255/32"'
}
until_true 5 has_routes || fail "East does not know the routes: $(east route show)"
for i in 1 2 3; do
  send 239.1.2.3 8 "to-the-group-$i"
done
send 255.255.255.255 8 to-all
heard() {
  [ "$(grep -c '^to-' "$tmp/heard")" -eq 4 ]
}
until_true 5 heard || fail "B heard: $(tr '\n' ' ' <"$tmp/heard")"
[ "$(tr '\n' ' ' <"$tmp/heard")" = "listens to-the-group-1 to-the-group-2 to-the-group-3 to-all " ] ||
  fail "B heard: $(tr '\n' ' ' <"$tmp/heard")"
capture_wait "$tmp/b.pcap" 'ether dst 01:00:5e:01:02:03 and udp' 3
[ "$(capture_count "$tmp/b.pcap" 'ether dst 01:00:5e:01:02:03 and udp and ip[8] = 6')" -eq 3 ] ||
  fail "not three frames to the group's MAC, two hops later"
[ "$(capture_count "$tmp/b.pcap" 'ether broadcast and udp')" -eq 1 ] || fail "not one frame to all"

say "what the wire shows"
ping_all a 2 -i 0.2 10.2.0.2
capture_wait "$tmp/wire.pcap" 'ip proto 50' 10
quit $capture
[ "$(capture_count "$tmp/wire.pcap" "$clear_on_wire")" -eq 0 ] || fail "the wire shows other than ESP and ARP"
