#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A NAT between West and East: IKE finds it and floats to port 4500, ESP goes in UDP, through the dataplanes. Then the NAT
# gives West another port, and another address and port: East's Culvert tells its charon (MAPPING), which moves the SAs, with
# MOBIKE and without; numbers go on; keepalives and DPD go on; nothing is in the clear.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

nat_file=$tmp/nat.mapping

nat_gives() { # port, address
  echo "$1 $2" >"$nat_file.new"
  mv "$nat_file.new" "$nat_file"
}

nat_start() {
  for device in west east; do
    ip -n "$net-wire" link set "$device" nomaster
  done
  nat_gives 61000 192.0.2.100
  ns_start wire "$python" "$here/nat.py" west east 192.0.2.1 "$nat_file" >"$tmp/nat"
  until_true 5 grep -q ready "$tmp/nat" || fail "the NAT did not start"
}

# East's SAs have West there: address, port.
encap_is() {
  seen=$(east sa show | tr '\n' ' ' | grep -o 'encap_sport *[0-9]* *encap_dport *[0-9]*' | sed 's/encap_sport *//; s/ *encap_dport */ /')
  [ "$(echo "$seen" | sort)" = "$(printf '%s\n' "$1 4500" "4500 $1" | sort)" ]
}

events() { # mapping events that name this port as the new one
  grep '"event": "mapping"' "$tmp/events" | grep -c "\"new_src\": \"$2\".*\"new_sport\": $1" || :
}

# The NAT forgets and gives something else, and A speaks with B on.
remap() { # port, address
  before=$(spis west)
  sealed=$(children west INSTALLED | cut -d ' ' -f 8)
  flood_start 0.05
  nat_gives "$1" "$2"
  until_true 20 sas_are_at "$before" 192.0.2.1 "$2" && until_true 5 encap_is "$1" ||
    fail "East's SAs did not follow to $2:$1: $(east sa show)"
  [ "$(events "$1" "$2")" -ge 1 ] || fail "no mapping event to $2:$1: $(cat "$tmp/events")"
  ping_each 50 -i 0.01
  flood_stop
  [ "$(children west INSTALLED | cut -d ' ' -f 8)" -ge $((sealed + 50)) ] || fail "the SAs began anew: $(children west INSTALLED)"
}

say "a NAT before West"
ike_needs
topology
for gateway in west east; do
  gw_start $gateway
done
nat_start
"$culvert" --socket "$tmp/east/culvert.sock" -j monitor mapping >"$tmp/events" &
monitor=$!
undo quit $monitor
ike_words="dpd_delay = 2s"
ike_configure west
ike_remote=%any
ike_configure east
for gateway in west east; do
  ike_start_culvert $gateway
done
capture_start wire east "$tmp/wire" "($in_the_clear) or ip proto 50 or udp"
listener=$capture
ike_initiate west
sas_are_at "$(spis west)" 192.0.2.1 192.0.2.100 && encap_is 61000 || fail "East's SAs are elsewhere: $(east sa show)"
ping_each 50 -i 0.01
tcp_both_ways 1000000

say "it gives West another port, then another address too"
remap 61010 192.0.2.100
remap 61020 192.0.2.101
tcp_both_ways 1000000

say "rekeys from either side"
for starter in west east; do
  rekey_by $starter
  ping_each 20 -i 0.01
done
until_true 10 sas_are_at "$(spis west)" 192.0.2.1 192.0.2.101 && encap_is 61020 || # the old inbound ones stay for 5 s
  fail "East's SAs are elsewhere: $(east sa show)"

say "keepalives and DPD go on"
keepalives=$(drops east nat-keepalive)
kept_alive() {
  [ "$(drops east nat-keepalive)" -ge $((keepalives + 2)) ]
}
until_true 20 kept_alive || fail "East saw no keepalives: $(east stats show drops)"
for gateway in west east; do
  child_up $gateway || fail "$gateway gave its peer up: $(swan $gateway --list-sas)"
done

say "MOBIKE, and the NAT changes its mind"
ike_terminate east
ike_mobike=yes
ike_remote=
ike_configure west
ike_remote=%any
ike_configure east
for gateway in west east; do
  ike_load $gateway
done
ike_initiate west
ping_each 5 -i 0.01
remap 61030 192.0.2.102

say "what was on the wire"
quit $listener
numbers_go_up "$tmp/wire" 1000
none_in_the_clear "$tmp/wire"
[ "$(capture_count "$tmp/wire" 'ip proto 50')" -eq 0 ] || fail "ESP without UDP"
for port in 61000 61010 61020 61030; do
  [ "$(capture_count "$tmp/wire" "src port $port and udp[8:4] != 0")" -gt 50 ] || fail "no ESP from port $port"
done
dpd=$(capture_count "$tmp/wire" "src host 192.0.2.101 and src port 61020 and udp[8:4] == 0")
[ "$dpd" -ge 3 ] || fail "only $dpd packets of IKE came from the port of then"
kill $monitor
ike_terminate west
ikes_end
