#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Two gateways with IPv6 between them, hosts of both families behind: neighbours, ping, TCP, rekeying, path MTU, a router that
# tells of a narrower link, ESP in UDP, and nothing clear on the wire. Then a witness in East's place.
. "$(dirname "$0")/lib.sh"
begin

payload='clear-as-can-be!'
pattern=636c6561722d61732d63616e2d626521
ipv6=on
outer=ipv6
clear_on_wire='not arp and not (ip6 and (proto 50 or icmp6)) and not ip6 dst net ff02::/16'

udp_tunnel_add() { # generation
  key_new west "$1"
  key_new east "$1"
  sa_add east in west "$1" encap espinudp 4500 4500
  sa_add west in east "$1" encap espinudp 4500 4500
  sa_add west out west "$1" encap espinudp 4500 4500
  sa_add east out east "$1" encap espinudp 4500 4500
}

path_mtu() { # destination
  ip -n "$net-a" route get "$1" | sed -n 's/.* mtu \([0-9]*\).*/\1/p'
}

say "two gateways, the tunnel over IPv6"
two_gateways
policies_v6_add west
policies_v6_add east
host_v6_add a 1
host_v6_add b 2
for gateway in west east; do
  v6_settle $gateway lan
  v6_settle $gateway wan
done
ping_all west 2 -i 0.2 2001:db8:f::2
west sa show | grep -q 'src 2001:db8:f::1' || fail "sa show does not show where the SA comes from"
west policy show | grep -q '2001:db8:f::2' || fail "policy show does not show where the tunnel leads"

say "pings of both families under capture"
capture_start wire west "$tmp/wire.pcap"
ping_all a 2 -i 0.2 10.2.0.2
ping_all b 2 -i 0.2 2001:db8:1::2
for size in 0 1 2 3 4 63 64 1000 1378; do
  ping_all a 2 -i 0.2 -s $size -p $pattern 2001:db8:2::2
  ping_all a 2 -i 0.2 -s $size -p $pattern 10.2.0.2
done
capture_wait "$tmp/wire.pcap" 'ip6 proto 50' 80
quit "$capture"
! grep -qaF "$payload" "$tmp/wire.pcap" || fail "the payload is readable on the wire"
clear=$(capture_count "$tmp/wire.pcap" "$clear_on_wire")
[ "$clear" -eq 0 ] || fail "$clear packets on the wire are neither ESP nor neighbour discovery"
esp=$(capture_count "$tmp/wire.pcap" 'ip6 proto 50')
[ "$esp" -eq 80 ] || fail "40 pings and their answers are 80 ESP packets, the wire shows $esp"
for gateway in west east; do
  [ "$(drops $gateway)" -eq 0 ] || fail "$gateway dropped packets"
done

say "what does not fit: 20 bytes less than over IPv4"
ns a ping -q -M do -s 1452 -c 2 -i 0.2 -W 1 2001:db8:2::2 >"$tmp/ping" 2>&1 || :
[ "$(path_mtu 2001:db8:2::2)" = 1426 ] || fail "A's path MTU of IPv6 is '$(path_mtu 2001:db8:2::2)', not 1426"
ns a ping -q -M do -s 1472 -c 2 -i 0.2 -W 1 10.2.0.2 >"$tmp/ping" 2>&1 || :
[ "$(path_mtu 10.2.0.2)" = 1426 ] || fail "A's path MTU of IPv4 is '$(path_mtu 10.2.0.2)', not 1426"
ping_all a 2 -i 0.2 -M do -s 1398 10.2.0.2
ns a ip route flush cache
ping_all a 2 -i 0.2 -M dont -s 4000 10.2.0.2 # cut before ESP

say "TCP both ways, and a rekey under a flood"
tcp_both_ways 2000000
flood_start 0.01
rekey 1
rekey 2
flood_end 10

say "a router on the way tells of a narrower link"
ns a ping -q -c 2 -i 0.2 -s 1300 -M do 10.2.0.2 >/dev/null
"$python" "$here/too_big.py" "$net-wire" west 1320 2001:db8:f::1 2001:db8:f::2 >"$tmp/router" &
router=$!
until_true 5 grep -q ready "$tmp/router" || fail "the router does not listen"
ns a ping -q -c 2 -i 0.2 -s 1300 -M do -W 1 10.2.0.2 >/dev/null || :
wait $router || fail "the router saw no ESP packet"
until_true 3 sh -c "'$culvert' --socket '$tmp/west/culvert.sock' sa show | grep -q 'path_mtu  *1320'" ||
  fail "West did not learn the path MTU"
ns a ping -q -c 1 -s 1300 -M do -W 1 10.2.0.2 >/dev/null 2>&1 || :
[ "$(path_mtu 10.2.0.2)" = 1246 ] || fail "A's path MTU is '$(path_mtu 10.2.0.2)', not 1246"
ping_all a 2 -i 0.2 -M do -s 1218 10.2.0.2

say "the same SAs in UDP: with a checksum, which IPv6 asks for"
udp_tunnel_add 4
sa_del west west 3
sa_del east east 3
capture_start wire west "$tmp/udp.pcap"
ns a ip route flush cache
ping_all a 3 -i 0.2 10.2.0.2
ping_all b 3 -i 0.2 2001:db8:1::2
for size in 1 2 3 1001; do
  ping_all a 2 -i 0.2 -s $size 2001:db8:2::2
done
capture_wait "$tmp/udp.pcap" 'ip6 and udp port 4500' 28
quit "$capture"
seen=$(capture_count "$tmp/udp.pcap" 'ip6 and udp port 4500')
[ "$seen" -eq 28 ] || fail "14 pings and their answers are 28 packets in UDP, the wire shows $seen"
wrong=$(tcpdump -n -vv -r "$tmp/udp.pcap" 'ip6 and udp port 4500' 2>/dev/null | grep -c 'bad udp cksum\|no cksum' || :)
[ "$wrong" -eq 0 ] || fail "$wrong UDP packets have a wrong checksum or none"
tcpdump -n -vv -r "$tmp/udp.pcap" 'ip6 and udp port 4500' 2>/dev/null | grep -q 'udp sum ok' ||
  fail "tcpdump does not look at checksums: this check cannot see a wrong one"
tcp_both_ways 1000000

say "a witness in East's place"
gw_stop east
ns east ip link set e-wan up
ip -n "$net-west" -6 neigh replace 2001:db8:f::2 lladdr "$(mac_of east e-wan)" dev wan nud permanent
witness over_ipv6.py
