#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A tunnel without IKE whose keys two daemons exchange by themselves: up, a dozen rekeys under load from both sides and
# crossing, rekeys by a soft limit, and a peer that cannot be reached: never a packet lost, never one in the clear.
. "$(dirname "$0")/lib.sh"
begin

# The command that reaches the other gateway's daemon, as ssh would. "$tmp/cut" cuts the line.
exchange_with() { # gateway
  cat >"$tmp/to-$1" <<END
#!/bin/sh
[ ! -e "$tmp/cut" ] || { echo "the line is cut" >&2; exit 1; }
exec "$culvert" --socket "$tmp/$1/culvert.sock" tunnel accept site
END
  chmod 700 "$tmp/to-$1"
}

tunnel_make() { # more words
  for pair in "west east 1 2" "east west 2 1"; do
    # shellcheck disable=SC2086 # a list of words
    set_pair $pair
    "$here_gw" tunnel add site vnet blue local "192.0.2.$m" remote "192.0.2.$n" local-prefix "10.$m.0.0/24" \
      remote-prefix "10.$n.0.0/24" overlap 1 exchange "$tmp/to-$there_gw" "$@"
  done
}

set_pair() {
  here_gw=$1 there_gw=$2 m=$3 n=$4
}

tunnel_is() { # gateway, name of a value, value
  [ "$("$1" -j tunnel show site | "$python" "$here/stats.py" values "$2")" = "$3" ]
}

generation() {
  "$1" -j tunnel show site | "$python" "$here/stats.py" values generation
}

generation_at_least() { # gateway, number
  [ "$(generation "$1")" -ge "$2" ]
}

both_up() {
  tunnel_is west state up && tunnel_is east state up
}

sas() {
  "$1" -j sa show | "$python" "$here/stats.py" count
}

two_sas_each() {
  [ "$(sas west)" -eq 2 ] && [ "$(sas east)" -eq 2 ]
}

say "two gateways, one with its tunnel"
topology
gw_start west
gw_start east
capture_start wire wire "$tmp/wire.pcap"
exchange_with west
exchange_with east
west tunnel add site vnet blue local 192.0.2.1 remote 192.0.2.2 local-prefix 10.1.0.0/24 remote-prefix 10.2.0.0/24 \
  exchange "$tmp/to-east"
ns_start a ping -q -c 3 -i 0.2 -W 1 10.2.0.2 >"$tmp/ping" && wait $! || :
[ "$(ping_received "$tmp/ping")" = 0 ] || fail "a ping was answered without a peer"
[ "$(drops west no-sa)" -ge 3 ] || fail "west did not drop for want of an SA"
until_true 5 tunnel_is west keying retrying || fail "west does not say that it tries again"
west tunnel del site

say "the tunnel on both: it comes up by itself"
tunnel_make
until_true 10 both_up || fail "the tunnel did not come up"
ping_all a 3 -i 0.2 10.2.0.2

say "what a tunnel owns is its own"
west policy flush
west sa flush
until_true 10 both_up || fail "the tunnel did not come back"
ping_all a 3 -i 0.2 10.2.0.2
west policy del vnet blue dir out src 10.1.0.0/24 dst 10.2.0.0/24 2>/dev/null && fail "a tunnel's policy could be deleted"
west policy add vnet blue dir out src 10.9.0.0/24 dst 10.2.0.0/24 action protect tunnel-src 192.0.2.1 \
  tunnel-dst 192.0.2.2 reqid 0xc0000000 2>/dev/null && fail "a tunnel's reqid could be taken"

say "twelve rekeys under a ping flood and a TCP stream, the last four crossing"
until_true 10 two_sas_each || fail "old SAs stay"
ns_start b iperf3 -s >"$tmp/iperf.server" 2>&1
server=$!
until_true 5 ns b sh -c 'ss -Hltn | grep -q :5201' || fail "iperf3 does not listen"
ns_start a iperf3 -c 10.2.0.2 -t 1 -b 20M >"$tmp/iperf" && wait $! || fail "no TCP: $(cat "$tmp/iperf")"
before=$(($(drops west) + $(drops east)))
flood_start 0.002
ns_start a iperf3 -c 10.2.0.2 -t 12 -b 50M -J >"$tmp/iperf"
stream=$!
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
  next=$(($(generation west) + 1))
  case $round in
  [2468]) east tunnel rekey site ;;
  [1357]) west tunnel rekey site ;;
  *)
    west tunnel rekey site
    east tunnel rekey site
    ;;
  esac
  until_true 10 generation_at_least west $next && until_true 10 generation_at_least east $next ||
    fail "rekey $round did not come about"
  sleep 0.2
done
flood_end 500
wait $stream || fail "the TCP stream broke: $(tail -n 5 "$tmp/iperf")"
quit $server
after=$(($(drops west) + $(drops east)))
[ $after -eq $before ] || fail "the gateways dropped $((after - before)) packets"
until_true 10 two_sas_each || fail "old SAs stay after the overlap: $(sas west) and $(sas east)"

say "rekeys by a soft limit"
west tunnel del site
east tunnel del site
[ "$(sas west)" -eq 0 ] && [ "$("west" -j policy show | "$python" "$here/stats.py" count)" -eq 0 ] ||
  fail "a tunnel that is gone left something"
tunnel_make soft-packets 400 hard-packets 4000
until_true 10 both_up || fail "the tunnel did not come up again"
first=$(generation west)
ping_all a 2000 -i 0.002 10.2.0.2
[ "$(generation west)" -ge $((first + 3)) ] || fail "2000 packets made only $(($(generation west) - first)) rekeys"

say "the peer cannot be reached: the keys in use hold until the hard limit, then nothing leaves"
touch "$tmp/cut"
ping_all a 800 -i 0.002 10.2.0.2
until_true 5 tunnel_is west keying retrying || fail "west does not try again"
ns_start a ping -q -c 4000 -i 0.002 -W 1 10.2.0.2 >"$tmp/ping" && wait $! || :
until_true 5 tunnel_is west out_spi None || fail "the hard limit did not stop the SA"
[ "$(ping_received "$tmp/ping")" -lt 4000 ] || fail "more packets than the hard limit allows"
[ "$(ping_received "$tmp/ping")" -gt 1000 ] || fail "the keys in use did not hold: $(ping_received "$tmp/ping") answers"
rm "$tmp/cut"
west tunnel rekey site
until_true 10 both_up || fail "the tunnel did not recover"
ping_all a 3 -i 0.2 10.2.0.2

say "nothing was in the clear, and no key is in a log"
quit $capture
[ "$(capture_count "$tmp/wire.pcap" "$clear_on_wire")" -eq 0 ] || fail "packets in the clear on the wire"
[ "$(capture_count "$tmp/wire.pcap" 'ip proto 50')" -gt 5000 ] || fail "the capture saw no ESP"
! grep -qE '[0-9a-f]{64}' "$tmp/west/log" "$tmp/east/log" || fail "a log holds what looks like a key"
