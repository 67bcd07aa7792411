#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Two gateways with each algorithm: pings of many sizes and TCP pass; what encrypts shows no payload on the wire, AES-GMAC shows
# it and says so; ends that disagree exchange nothing. Then tunnels without IKE: both name one algorithm, or there is none.
. "$(dirname "$0")/lib.sh"
begin
umask 077

payload='clear-as-can-be!'
pattern=636c6561722d61732d63616e2d626521

sa_value() { # name of a value of west's first SA
  west -j sa show | "$python" "$here/stats.py" values "$1"
}

tunnel_del() { # generation
  for gateway in west east; do
    sa_del $gateway west "$1"
    sa_del $gateway east "$1"
  done
}

readable_on_wire() {
  grep -qaF "$payload" "$tmp/wire.pcap"
}

say "two gateways"
topology
gw_start west
gw_start east
policies_add west
policies_add east

generation=1
for algorithm in chacha20-poly1305 aes-128-gcm-16 aes-256-gcm-16 aes-256-gmac aes-128-gmac; do
  say "$algorithm"
  tunnel_add $generation
  [ "$(sa_value algorithm)" = $algorithm ] || fail "sa show says $(sa_value algorithm)"
  case $algorithm in
  *gmac) encrypts=False ;;
  *) encrypts=True ;;
  esac
  [ "$(sa_value encrypts)" = $encrypts ] || fail "sa show says that it encrypts: $(sa_value encrypts)"
  ping_all a 3 -i 0.2 10.2.0.2
  capture_start wire wire "$tmp/wire.pcap"
  for size in 0 1 2 3 4 63 64 1000 1400; do
    ping_all a 2 -i 0.2 -s $size -p $pattern 10.2.0.2
  done
  capture_wait "$tmp/wire.pcap" 'ip proto 50' 36
  quit $capture
  [ "$(capture_count "$tmp/wire.pcap" 'ip proto 50')" -eq 36 ] || fail "not 36 ESP packets on the wire"
  [ "$(capture_count "$tmp/wire.pcap" "$clear_on_wire")" -eq 0 ] || fail "packets in the clear on the wire"
  if [ $encrypts = True ]; then
    ! readable_on_wire || fail "the payload is readable on the wire"
  else
    readable_on_wire || fail "$algorithm hides the payload: is it something else?"
  fi
  tcp_both_ways 2000000
  tunnel_del $generation
  generation=$((generation + 1))
done
[ "$(drops west icv)" -eq 0 ] && [ "$(drops east icv)" -eq 0 ] || fail "tags were wrong"

say "one key, two algorithms: nothing passes, and AES-GCM and AES-GMAC never share a number"
algorithm=aes-256-gcm-16
key_new west $generation
sa_add west out west $generation
algorithm=chacha20-poly1305
sa_add east in west $generation
ns a ping -q -c 5 -i 0.1 -W 1 10.2.0.2 >"$tmp/ping" || :
[ "$(ping_received "$tmp/ping")" -eq 0 ] || fail "a ping came through"
[ "$(drops east icv)" -eq 5 ] || fail "not 5 packets with a wrong tag: $(east stats show drops)"
sa_del west west $generation
algorithm=aes-256-gmac
sa_add west out west $generation
[ "$(sa_value out_seq)" -ge 5 ] || fail "the numbers of AES-GCM are used again: $(sa_value out_seq)"
for gateway in west east; do
  sa_del $gateway west $generation
  $gateway policy flush
done

say "a tunnel without IKE, with an algorithm that both name"
there="vnet blue local 192.0.2.2 remote 192.0.2.1 local-prefix 10.2.0.0/24 remote-prefix 10.1.0.0/24"
west tunnel add site vnet blue local 192.0.2.1 remote 192.0.2.2 local-prefix 10.1.0.0/24 remote-prefix 10.2.0.0/24 \
  algorithm chacha20-poly1305
# shellcheck disable=SC2086 # a list of words
east tunnel add site $there
west tunnel offer site >"$tmp/offer"
east tunnel accept site <"$tmp/offer" >"$tmp/answer" 2>"$tmp/err" && fail "an offer with another algorithm was taken" || :
grep -q 'algorithm chacha20-poly1305, ours aes-256-gcm-16: both ends must agree' "$tmp/err" || fail "it says: $(cat "$tmp/err")"
[ ! -s "$tmp/answer" ] && [ "$(east -j sa show)" = "[]" ] || fail "something was made of it"
for algorithm in aes-128-gcm-16 aes-256-gmac chacha20-poly1305; do
  east tunnel del site
  # shellcheck disable=SC2086 # a list of words
  east tunnel add site $there algorithm $algorithm
  west tunnel del site
  west tunnel add site vnet blue local 192.0.2.1 remote 192.0.2.2 local-prefix 10.1.0.0/24 remote-prefix 10.2.0.0/24 \
    algorithm $algorithm
  west tunnel offer site | east tunnel accept site >"$tmp/answer"
  west tunnel accept site <"$tmp/answer"
  ping_all a 3 -i 0.2 10.2.0.2
  [ "$(sa_value algorithm)" = $algorithm ] || fail "the tunnel's SA has $(sa_value algorithm)"
  [ "$(west -j tunnel show site | "$python" "$here/stats.py" values algorithm)" = $algorithm ] || fail "tunnel show"
done
