#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Without an SA, and after a hard limit, protected packets are dropped and counted; IKE is told by ACQUIRE and EXPIRE.
# Nothing leaves in the clear.
. "$(dirname "$0")/lib.sh"
begin

event() { # its name
  grep -q "\"event\": \"$1\"" "$tmp/events"
}

# The monitor listens once it has seen an event.
listening() {
  west policy flush
  policies_add west
  event policy-add
}

say "two gateways, policies, no SA"
topology
gw_start west
gw_start east
"$culvert" --socket "$tmp/west/culvert.sock" -j monitor >"$tmp/events" &
monitor=$!
undo quit $monitor
until_true 3 listening || fail "culvert monitor shows no event"
policies_add east
capture_start wire west "$tmp/wire.pcap"
ns a ping -q -c 10 -i 0.05 -W 1 10.2.0.2 >"$tmp/ping" || :
[ "$(ping_received "$tmp/ping")" = 0 ] || fail "pings were answered without an SA"
[ "$(drops west no-sa)" -eq 10 ] || fail "10 packets were refused, no-sa counts $(drops west no-sa)"
until_true 3 event acquire || fail "no ACQUIRE was seen"
[ "$(grep -c '"acquire"' "$tmp/events")" -eq 1 ] || fail "one ACQUIRE is due until it is answered, not one a packet"

say "an SA with limits: soft at 5, hard at 10 packets"
key_new west 1
key_new east 1
sa_add east in west 1
sa_add west in east 1
sa_add east out east 1
sa_add west out west 1 soft-packets 5 hard-packets 10
before=$(drops west)
ns a ping -q -c 20 -i 0.05 -W 1 10.2.0.2 >"$tmp/ping" || :
received=$(ping_received "$tmp/ping")
[ "$received" = 10 ] || fail "an SA of 10 packets carried $received"
after=$(drops west)
[ $((after - before)) -eq 10 ] || fail "10 packets were beyond the limit, $((after - before)) were dropped"
until_true 3 event expire-soft || fail "no soft EXPIRE was seen"
until_true 3 event expire-hard || fail "no hard EXPIRE was seen"
! west sa show | grep -q "$(spi_of west 1)" || fail "the spent SA is still there"

say "what the wire saw"
quit "$capture"
kill $monitor
[ "$(capture_count "$tmp/wire.pcap" 'ip proto 50')" -eq 20 ] || fail "10 pings and their answers are 20 ESP packets"
clear=$(capture_count "$tmp/wire.pcap" "$clear_on_wire")
[ "$clear" -eq 0 ] || fail "$clear packets on the wire are neither ESP nor ARP"
