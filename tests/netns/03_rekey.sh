#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Five rekeys under a ping flood and a TCP stream: no ping is lost, no gateway drops a packet.
. "$(dirname "$0")/lib.sh"
begin

rekeys=5
say "two gateways"
two_gateways
ping_all a 2 -i 0.2 10.2.0.2
# TCP learns the path's MTU before the counting starts.
ns_start b iperf3 -s >"$tmp/iperf.server" 2>&1
server=$!
until_true 5 ns b sh -c 'ss -Hltn | grep -q :5201' || fail "iperf3 does not listen"
ns_start a iperf3 -c 10.2.0.2 -t 1 -b 20M >"$tmp/iperf" && wait $! || fail "no TCP: $(cat "$tmp/iperf")"

say "$rekeys rekeys under load"
before=$(($(drops west) + $(drops east)))
flood_start 0.002
ns_start a iperf3 -c 10.2.0.2 -t 8 -b 50M -J >"$tmp/iperf"
stream=$!
generation=1
while [ $generation -le $rekeys ]; do
  rekey $generation
  generation=$((generation + 1))
  sleep 0.3
done
flood_end 500
wait $stream || fail "the TCP stream broke: $(tail -n 5 "$tmp/iperf")"
quit $server

say "nothing was lost"
after=$(($(drops west) + $(drops east)))
[ $after -eq $before ] || fail "the gateways dropped $((after - before)) packets"
for gateway in west east; do
  [ "$($gateway -j sa show | "$python" "$here/stats.py" count)" -eq 2 ] || fail "$gateway has more SAs than the last two"
done
