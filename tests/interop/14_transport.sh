#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Transport mode between West's own kernel and a Linux kernel with ESP, over IPv4 and IPv6: ping and TCP each way, what is too long,
# nothing but ESP on the wire, the same packets counted at both ends, and nothing in clear gets in. Made by ip xfrm at both ends.
. "$(dirname "$0")/lib.sh"
begin

outer=ipv6 # the wire has both

west_ip_xfrm() {
  ns west "$culvert" --socket "$tmp/west/culvert.sock" run -- ip xfrm "$@" || fail "ip xfrm $* at West"
}

both_ip_xfrm() {
  # shellcheck disable=SC2068 # words
  west_ip_xfrm $@
  guest "ip xfrm $(echo "$@" | sed "s/rfc4106(gcm(aes))/'&'/")" || fail "ip xfrm $* in the guest"
}

address() { # number, family
  [ "$2" = ipv4 ] && echo "192.0.2.$1" || echo "2001:db8:f::$1"
}

pair_add() { # family, generation
  for sender in west east; do
    number=$(gw_number $sender)
    digits=$(od -An -N 36 -t x1 /dev/urandom | tr -d ' \n')
    both_ip_xfrm state add src "$(address "$number" "$1")" dst "$(address $((3 - number)) "$1")" proto esp \
      spi "$(spi_of $sender "$2")" reqid 1 mode transport replay-window 128 flag esn aead "rfc4106(gcm(aes))" "0x$digits" 128
  done
  west_ip_xfrm policy add dir out src "$(address 1 "$1")" dst "$(address 2 "$1")" tmpl proto esp reqid 1 mode transport
  west_ip_xfrm policy add dir in src "$(address 2 "$1")" dst "$(address 1 "$1")" tmpl proto esp reqid 1 mode transport
  guest "ip xfrm policy add dir out src $(address 2 "$1") dst $(address 1 "$1") tmpl proto esp reqid 1 mode transport &&
    ip xfrm policy add dir in src $(address 1 "$1") dst $(address 2 "$1") tmpl proto esp reqid 1 mode transport" ||
    fail "ip xfrm policy add in the guest"
}

west_says() { # gateway that sends, family, generation
  west -j sa show dst "$(address $((3 - $(gw_number "$1"))) "$2")" spi "$(spi_of "$1" "$3")" |
    "$python" "$here/stats.py" values packets
}

guest_says() { # gateway that sends, family, generation
  number=$(gw_number "$1")
  guest "ip -s xfrm state get src $(address "$number" "$2") dst $(address $((3 - number)) "$2") proto esp spi $(spi_of "$1" "$3")" |
    awk '/\(bytes\), [0-9]*\(packets\)$/ { sub(/\(packets\)/, ""); print $2; exit }'
}

agree() { # family, generation
  for sender in west east; do
    [ "$(west_says $sender "$1" "$2")" = "$(guest_says $sender "$1" "$2")" ] || return 1
  done
}

same() { # files that begin with a sum
  [ "$(tail -n 1 "$1" | cut -d ' ' -f 1)" = "$(tail -n 1 "$2" | cut -d ' ' -f 1)" ]
}

came_whole() {
  guest "sha256sum </run/in" >"$tmp/came"
  same "$tmp/came" "$tmp/west.out"
}

say "West, and a guest in East's stead"
topology
gw_start west
guest_start
guest_router
guest "echo 0 >/proc/sys/net/ipv6/conf/e-wan/disable_ipv6; ip addr add 2001:db8:f::2/64 dev e-wan nodad" ||
  fail "the guest does not take an IPv6 address"
v6_settle west wan
ping_all west 2 -i 0.2 192.0.2.2
ping_all west 2 -i 0.2 2001:db8:f::2

generation=1
for family in ipv4 ipv6; do
  say "$family: ping and TCP each way"
  pair_add $family $generation
  there=$(address 2 $family)
  capture_start wire west "$tmp/$family.pcap" "(host $(address 1 $family) and host $there) and not arp"
  ping_all west 5 -i 0.2 "$there"
  for size in 0 1 2 3 1000; do
    ping_all west 2 -i 0.2 -s $size "$there"
  done
  guest "ping -c 3 -W 2 $(address 1 $family)" >"$tmp/ping" || fail "the guest's ping: $(cat "$tmp/ping")"
  ns_start west "$python" "$here/transfer.py" receive "$(address 1 $family)" 7000 300000 >"$tmp/west.in"
  receiver=$!
  until_true 5 transfer_listens west || fail "the receiver does not listen"
  guest "head -c 300000 /dev/urandom >/run/out; nc $(address 1 $family) 7000 </run/out; sha256sum </run/out" >"$tmp/sent" ||
    fail "TCP from the guest: $(cat "$tmp/sent")"
  wait $receiver || fail "West did not receive the guest's TCP"
  same "$tmp/sent" "$tmp/west.in" || fail "West received other bytes than the guest sent"
  guest "nc -l -p 7001 >/run/in </dev/null 2>/run/null &"
  until_true 5 guest "netstat -ltn | grep -q :7001" || fail "the guest does not listen"
  ns_start west "$python" "$here/transfer.py" send "$there" 7001 300000 1 >"$tmp/west.out"
  wait $! || fail "TCP from West"
  until_true 5 came_whole || fail "the guest received other bytes than West sent"
  quit "$capture"
  if [ $family = ipv4 ]; then
    clear=$(capture_count "$tmp/$family.pcap" 'not ip proto 50')
  else
    clear=$(capture_count "$tmp/$family.pcap" 'not ip6 proto 50 and not (icmp6 and ip6[40] >= 133 and ip6[40] <= 137)')
  fi
  [ "$clear" -eq 0 ] || fail "$clear packets between the two are not ESP"
  until_true 5 agree $family $generation || fail "West says $(west_says west $family $generation), $(west_says east $family $generation), \
the guest $(guest_says west $family $generation), $(guest_says east $family $generation)"

  say "$family: what comes in clear is dropped"
  before=$(drops west clear-protected)
  guest "ip xfrm policy flush; ping -c 2 -W 1 $(address 1 $family)" >"$tmp/ping" && fail "a ping in clear was answered"
  [ "$(drops west clear-protected)" -eq $((before + 2)) ] || fail "West did not drop two packets in clear: $(west stats show drops)"
  west sa show | grep -q 'mode *transport' || fail "sa show does not say transport mode"
  west_ip_xfrm state flush
  west_ip_xfrm policy flush
  guest "ip xfrm state flush"
  ping_all west 2 -i 0.2 "$there" # no policy: in clear
  generation=$((generation + 1))
done
