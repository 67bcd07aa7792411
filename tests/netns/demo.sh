#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What ./bootstrap demo shows: two networks joined by two gateways over a wire nobody trusts. With --keep it stays until ^C.
. "$(dirname "$0")/lib.sh"
test_name=demo
keep=no
[ "${1:-}" != --keep ] || keep=yes

pings=100
payload='clear-as-can-be!'
pattern=636c6561722d61732d63616e2d626521
rekeys=4
flood=3000 # pings under the rekeys, one every 2 ms

skip() { # a demo that cannot be shown has failed
  fail "$*"
}

on_failed() {
  printf 'demo: failed %s\n' "$*"
}

# Huge pages where the kernel gives them; the number goes back at the end.
huge_pages_reserve() {
  wanted=160 # of 2 MiB, for two gateways
  had=$(cat /proc/sys/vm/nr_hugepages)
  if [ "$had" -lt $wanted ]; then
    undo sysctl -qw vm.nr_hugepages="$had"
    echo "$had" >"$tmp/nr_hugepages" # for the next run's sweep, if this one is killed
    sysctl -qw vm.nr_hugepages=$wanted || :
  fi
  free=$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)
  if [ "$free" -ge $wanted ]; then
    huge_pages=auto
    say "huge pages: $free free"
  else
    say "huge pages: only $free free, going on without"
  fi
}

iperf_rate() { # file: Mbit/s as the receiver counted them
  "$python" -c 'import json, sys
print(round(json.load(open(sys.argv[1]))["end"]["sum_received"]["bits_per_second"] / 1e6))' "$1"
}

iperf_listens() {
  ns b ss -Hltn | grep -q ':5201 '
}

show_ping() {
  say "A pings B, $pings times, payload \"$payload\""
  capture_start wire west "$tmp/wire.pcap"
  on_wire=$capture
  capture_start a a-lan "$tmp/lan.pcap"
  on_lan=$capture
  ns_start a ping -q -c $pings -i 0.02 -W 2 -s 120 -p $pattern 10.2.0.2 >"$tmp/ping"
  wait $! || :
  quit "$on_wire"
  quit "$on_lan"
  received=$(ping_received "$tmp/ping")
  [ "$received" = $pings ] || fail "ping=$received/$pings"
  sed -n '/packets transmitted/p; /^rtt/p' "$tmp/ping"
}

show_wire() {
  say "what A's LAN carries (tcpdump)"
  tcpdump -n -c 2 -r "$tmp/lan.pcap" icmp 2>/dev/null
  say "what the wire carries"
  tcpdump -n -c 2 -r "$tmp/wire.pcap" esp 2>/dev/null
  esp=$(capture_count "$tmp/wire.pcap" 'ip proto 50')
  [ "$esp" -ge $((2 * pings)) ] || fail "the wire's capture holds $esp ESP packets, not $((2 * pings))"
  grep -qaF "$payload" "$tmp/lan.pcap" || fail "the payload is not found even on A's LAN"
  ! grep -qaF "$payload" "$tmp/wire.pcap" || fail "the payload is readable on the wire"
  say "$esp ESP packets; the payload is on A's LAN and not on the wire"
}

show_tcp() {
  say "TCP from A to B for 4 seconds (iperf3)"
  ns_start b iperf3 -s >"$tmp/iperf.server" 2>&1
  until_true 5 iperf_listens || fail "iperf3 does not listen"
  ns_start a timeout 20 iperf3 -c 10.2.0.2 -t 4 -J >"$tmp/iperf"
  wait $! || fail "iperf3 got no TCP through: $(tail -n 3 "$tmp/iperf")"
  rate=$(iperf_rate "$tmp/iperf")
  say "$rate Mbit/s"
}

show_rekey() {
  say "$rekeys rekeys under a flood of $flood pings and a TCP stream"
  before=$(($(drops west) + $(drops east)))
  ns_start a timeout 30 ping -q -i 0.002 -c $flood 10.2.0.2 >"$tmp/flood"
  flooding=$!
  ns_start a timeout 30 iperf3 -c 10.2.0.2 -t 6 -b 50M -J >"$tmp/iperf"
  streaming=$!
  generation=1
  while [ $generation -le $rekeys ]; do
    sleep 0.4
    rekey $generation
    generation=$((generation + 1))
    say "rekey: the SAs are now $(spi_of west $generation) and $(spi_of east $generation)"
  done
  kill -0 "$flooding" || fail "the flood ended before the last rekey"
  wait "$flooding" || :
  wait "$streaming" || fail "the TCP stream broke"
  [ "$(ping_sent "$tmp/flood")" = $flood ] || fail "the ping flood was cut short"
  dropped=$(($(drops west) + $(drops east) - before))
  lost=$((flood - $(ping_received "$tmp/flood") + dropped))
  say "$(grep transmitted "$tmp/flood"); the gateways dropped $dropped"
  [ $lost -eq 0 ] || {
    west stats show drops
    east stats show drops
    fail "rekey-lost=$lost"
  }
}

show_gateway() {
  for words in "sa show" "policy show" "stats show" "stats show drops"; do
    say "West: culvert $words"
    # shellcheck disable=SC2086 # the words of a command
    west $words
  done
}

show_clear() {
  quit "$on_all"
  clear=$(capture_count "$tmp/clear.pcap")
  [ "$clear" -eq 0 ] || fail "clear-on-wire=$clear"
  if grep -q '[1-9][0-9]* packets dropped by kernel' "$tmp/clear.pcap.log"; then
    fail "the wire's capture is not whole: $(grep 'dropped by kernel' "$tmp/clear.pcap.log")"
  fi
}

invite() {
  cat <<EOF
demo: the gateways stay until ^C. In another terminal, as root:
  ip netns exec $net-a ping 10.2.0.2
  ip netns exec $net-wire tcpdump -ni west
  ip netns exec $net-a iperf3 -c 10.2.0.2
  $culvert --socket $tmp/west/culvert.sock stats show watch
  $culvert --socket $tmp/west/culvert.sock monitor
  $culvert --socket $tmp/west/culvert.sock help
EOF
}

begin
say "host A - gateway West - wire - gateway East - host B, each in a network namespace of its own"
huge_pages_reserve
topology
say "starting culvertd as West and as East"
gw_start west
gw_start east
say "ports: $(port_device 0 w-wan | sed 's/[0-9]*,.*//'), engine: $(west -j info show | sed -n 's/.*"engine": "\([^"]*\)".*/\1/p')"
capture_start wire west "$tmp/clear.pcap" "$clear_on_wire"
on_all=$capture
say "policies, keys (culvert keygen) and SAs for both ways"
policies_add west
policies_add east
tunnel_add 1
ping_all a 2 -i 0.2 10.2.0.2
show_ping
show_wire
show_tcp
show_rekey
show_gateway
say "packets add up: rx = tx + punted + dropped + held + joined"
balance west || fail "West's packets do not add up"
balance east || fail "East's packets do not add up"
show_clear
[ $keep = no ] || invite
result="demo: ok ping=$received/$pings clear-on-wire=$clear rekey-lost=$lost tcp=$rate Mbit/s"
if [ $keep = yes ]; then
  printf '%s\n' "$result"
  stay
fi
gateways_end || fail "a gateway did not end well"
printf '%s\n' "$result"
