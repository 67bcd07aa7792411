#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Transport mode between the kernels of two gateways, by the CLI, beside a tunnel between their networks: over either family all but
# neighbour discovery and ARP is ESP, a kernel's packet without an SA asks for one, and what comes in clear is dropped.
. "$(dirname "$0")/lib.sh"
begin

outer=ipv6 # the wire has both families

host_of() { # number, family
  [ "$2" = ipv4 ] && echo "192.0.2.$1" || echo "2001:db8:f::$1"
}

transport_policies_add() { # gateway, family
  mine=$(host_of "$(gw_number "$1")" "$2")
  other=$(host_of $((3 - $(gw_number "$1"))) "$2")
  "$1" policy add vnet underlay dir out src "$mine" dst "$other" action protect tunnel-src "$mine" tunnel-dst "$other" reqid 9
  "$1" policy add vnet underlay dir in src "$other" dst "$mine" action protect tunnel-src "$other" tunnel-dst "$mine" reqid 9
}

transport_sa_add() { # gateway, direction, gateway that sends, family, generation
  from=$(host_of "$(gw_number "$3")" "$4")
  to=$(host_of $((3 - $(gw_number "$3"))) "$4")
  "$1" sa add src "$from" dst "$to" spi "$(spi_of "$3" "$5")" vnet underlay key-file "$(key_of "$3" "$5")" reqid 9 dir "$2"
}

say "two gateways and a tunnel"
two_gateways
for gateway in west east; do
  v6_settle $gateway wan
done

generation=5
for family in ipv4 ipv6; do
  say "$family: a policy without an SA: asked for, and nothing leaves"
  there=$(host_of 2 $family)
  ping_all west 2 -i 0.2 "$there"
  transport_policies_add west $family
  transport_policies_add east $family
  before=$(drops west no-sa)
  ns west ping -q -c 2 -i 0.2 -W 1 "$there" >"$tmp/ping" && fail "a ping was answered without an SA"
  [ "$(drops west no-sa)" -eq $((before + 2)) ] || fail "West did not drop two packets for want of an SA"

  say "$family: with SAs"
  key_new west $generation
  key_new east $generation
  transport_sa_add east in west $family $generation
  transport_sa_add west in east $family $generation
  transport_sa_add west out west $family $generation
  transport_sa_add east out east $family $generation
  capture_start wire west "$tmp/$family.pcap" "host $(host_of 1 $family) and host $there and not arp"
  ping_all west 5 -i 0.2 "$there"
  ping_all east 3 -i 0.2 -s 1300 "$(host_of 1 $family)"
  ping_all a 3 -i 0.2 10.2.0.2 # the tunnel, whose packets are no business of these policies
  ns_start east "$python" "$here/transfer.py" receive "$there" 7000 500000 >"$tmp/east.in"
  receiver=$!
  until_true 5 transfer_listens east || fail "the receiver does not listen"
  ns_start west "$python" "$here/transfer.py" send "$there" 7000 500000 1 >"$tmp/west.out"
  wait $! && wait $receiver || fail "the transfer did not finish"
  cmp "$tmp/west.out" "$tmp/east.in" || fail "East received other bytes than West sent"
  quit "$capture"
  clear=$(capture_count "$tmp/$family.pcap" 'not (ip proto 50 or ip6 proto 50) and not (icmp6 and ip6[40] >= 133 and ip6[40] <= 137)')
  [ "$clear" -eq 0 ] || fail "$clear packets between the two are not ESP"
  [ "$(capture_count "$tmp/$family.pcap" 'ip proto 50 or ip6 proto 50')" -gt 300 ] || fail "too little ESP was seen"
  west sa show dst "$there" spi "$(spi_of west $generation)" | grep -q 'mode *transport' || fail "sa show does not say transport mode"
  west policy show | grep -q 'vnet underlay' || fail "policy show does not show the underlay's policies"

  say "$family: in clear nothing gets in"
  before=$(drops west clear-protected)
  east policy del vnet underlay dir out src "$there" dst "$(host_of 1 $family)"
  ns east ping -q -c 2 -i 0.2 -W 1 "$(host_of 1 $family)" >"$tmp/ping" && fail "a ping in clear was answered"
  [ "$(drops west clear-protected)" -eq $((before + 2)) ] || fail "West did not drop two packets in clear"
  generation=$((generation + 1))
done
