#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Fragmentation after ESP: two gateways over IPv4 and over IPv6 whose SAs seal long packets whole and cut the outer ones; the other one
# puts them together. Ping and TCP of full length, nothing longer than the wire, one number a packet; a router tells of a narrower
# link. Then a witness in East's place.
. "$(dirname "$0")/lib.sh"
begin

ipv6=on
fragments='(ip proto 50 and ip[6:2] & 0x3fff != 0) or ip6 proto 44'

# SAs both ways: generation, more words for the outbound ones.
after_add() {
  generation=$1
  shift
  key_new west "$generation"
  key_new east "$generation"
  sa_add east in west "$generation"
  sa_add west in east "$generation"
  sa_add west out west "$generation" fragment after "$@"
  sa_add east out east "$generation" fragment after "$@"
}

after_del() { # generation
  for sender in west east; do
    sa_del west $sender "$1"
    sa_del east $sender "$1"
  done
}

packets_of() { # generation: what West's SA has sealed
  west -j sa show dst "$(outer_of 2)" spi "$(spi_of west "$1")" | "$python" "$here/stats.py" values packets
}

path_mtu() { # destination
  ip -n "$net-a" route get "$1" | sed -n 's/.* mtu \([0-9]*\).*/\1/p'
}

learnt() { # MTU
  west sa show | grep -q "path_mtu  *$1"
}

say "two gateways: IPv4 over IPv4, IPv6 over IPv6"
topology
outer=ipv6
gw_start west
gw_start east
for gateway in west east; do
  outer=ipv4
  policies_add $gateway
  outer=ipv6
  policies_v6_add $gateway
done
host_v6_add a 1
host_v6_add b 2
for gateway in west east; do
  v6_settle $gateway lan
  v6_settle $gateway wan
done
after_add 11 outer-df clear
outer=ipv4
after_add 1
[ "$(west sa show | grep -c 'fragment  *after')" -eq 2 ] || fail "sa show does not tell two SAs that fragment after ESP"

say "what may be cut is sealed whole, and cut then"
capture_start wire west "$tmp/wire.pcap"
for size in 1418 1419 1472; do
  ping_all a 2 -i 0.2 -M dont -s $size 10.2.0.2
done
[ "$(packets_of 1)" -eq 6 ] || fail "6 packets were sealed as $(packets_of 1)"
ping_all a 2 -i 0.2 -M dont -s 3000 10.2.0.2
ping_all b 2 -i 0.2 -M dont -s 8000 10.1.0.2
for size in 1378 1379 1452 3000; do
  ping_all a 2 -i 0.2 -s $size 2001:db8:2::2
done
capture_wait "$tmp/wire.pcap" "$fragments" 100
quit "$capture"
[ "$(capture_count "$tmp/wire.pcap" "$fragments")" -ge 100 ] || fail "there are few fragments on the wire"
[ "$(capture_count "$tmp/wire.pcap" 'greater 1515')" -eq 0 ] || fail "the wire bore what is longer than it takes"
for gateway in west east; do
  [ "$(drops $gateway)" -eq 0 ] || fail "$gateway dropped packets"
  [ "$(stats $gateway sum joined)" -ge 20 ] || fail "$gateway put few fragments together"
done

say "what may not be cut: its sender is told, or the SA says clear"
ns a ping -q -M do -s 1472 -c 2 -i 0.2 -W 1 10.2.0.2 >"$tmp/ping" 2>&1 || :
[ "$(path_mtu 10.2.0.2)" = 1446 ] || fail "A's path MTU is '$(path_mtu 10.2.0.2)', not 1446"
ns a ip route flush cache
after_add 2 outer-df clear
after_del 1
ping_all a 2 -i 0.2 -M do -s 1472 10.2.0.2
ping_all a 2 -i 0.2 -M do -s 1452 2001:db8:2::2
[ -z "$(path_mtu 10.2.0.2)" ] || fail "A was told of a path MTU of $(path_mtu 10.2.0.2)"

say "TCP in segments of full length"
tcp_both_ways 2000000
[ -z "$(path_mtu 10.2.0.2)" ] || fail "A was told of a path MTU of $(path_mtu 10.2.0.2)"

say "a router on the way tells of a narrower link: pieces of that length"
"$python" "$here/too_big.py" "$net-wire" west 1320 2001:db8:f::1 2001:db8:f::2 >"$tmp/router" &
router=$!
until_true 5 grep -q ready "$tmp/router" || fail "the router does not listen"
ping_all a 2 -i 0.2 -s 1452 2001:db8:2::2
wait $router || fail "the router saw no fragment"
until_true 3 learnt 1320 || fail "West did not learn the path MTU"
capture_start wire west "$tmp/narrow.pcap" 'ip6 src 2001:db8:f::1 and ip6 proto 44'
ping_all a 2 -i 0.2 -s 1452 2001:db8:2::2
capture_wait "$tmp/narrow.pcap" '' 4
quit "$capture"
[ "$(capture_count "$tmp/narrow.pcap")" -eq 4 ] || fail "two packets are not four pieces"
[ "$(capture_count "$tmp/narrow.pcap" 'greater 1335')" -eq 0 ] || fail "a piece is longer than the router said"

say "a witness in East's place"
gw_stop east
after_del_west() { # generation
  sa_del west west "$1"
  sa_del west east "$1"
}
after_del_west 2
outer=ipv6
after_del_west 11
ns east ip link set e-wan up
ip -n "$net-west" neigh replace 192.0.2.2 lladdr "$(mac_of east e-wan)" dev wan nud permanent
ip -n "$net-west" -6 neigh replace 2001:db8:f::2 lladdr "$(mac_of east e-wan)" dev wan nud permanent
witness after.py
