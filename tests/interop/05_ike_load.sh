#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# 20 rekeys under load, started by West and East in turn: not one packet is lost. Pings are answered every one, the TCP
# stream never breaks, no gateway drops a packet, and each takes out of ESP exactly what the other put into it.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

rekeys=20
say "a tunnel, and load on it"
two_ikes
ike_initiate west
ping_each 5 -i 0.01
ns_start b iperf3 -s >"$tmp/iperf.server" 2>&1
server=$!
iperf_listens() {
  ns b ss -Hltn | grep -q ':5201 '
}
until_true 5 iperf_listens || fail "iperf3 does not listen"
# TCP learns the path's MTU before the counting starts.
ns_start a iperf3 -c 10.2.0.2 -t 1 -b 20M >"$tmp/iperf" && wait $! || fail "no TCP: $(cat "$tmp/iperf")"
dropped=$(($(drops west) + $(drops east)))
ns_start a ping -i 0.002 10.2.0.2 >"$tmp/flood"
flood=$!
ns_start a iperf3 -c 10.2.0.2 -t 300 -b 30M >"$tmp/iperf.down"
down=$!
ns_start a ping -i 0.01 -s 1300 10.2.0.2 >"$tmp/large"
large=$!

say "$rekeys rekeys"
count=0
while [ $count -lt $rekeys ]; do
  rekey_by west
  rekey_by east
  count=$((count + 2))
done
kill -0 $down 2>/dev/null || fail "the TCP stream broke: $(tail -n 5 "$tmp/iperf.down")"
two_sas() {
  [ "$(count_of "$1" sa)" -eq 2 ]
}
for gateway in west east; do # old inbound SAs are kept for 5 s: their end must cost nothing either
  until_true 20 two_sas $gateway || fail "$gateway has more SAs than the last two"
done

say "nothing was lost"
kill -INT $flood $large $down
wait $flood $large $down || :
quit $server
no_hole "$tmp/flood" 500
no_hole "$tmp/large" 100
all_came() { # what went into ESP at one gateway came out of it at the other
  [ "$(stats west sum esp_out)" = "$(stats east sum esp_in)" ] && [ "$(stats east sum esp_out)" = "$(stats west sum esp_in)" ]
}
until_true 5 all_came || fail "West sealed $(stats west sum esp_out), East opened $(stats east sum esp_in); \
East sealed $(stats east sum esp_out), West opened $(stats west sum esp_in)"
[ $(($(drops west) + $(drops east))) -eq "$dropped" ] || fail "a gateway dropped packets: $(west stats show drops; east stats show drops)"
for gateway in west east; do
  counters_true $gateway blue || fail "$gateway: swanctl and the dataplane differ: $(children $gateway INSTALLED)"
done
ikes_end
