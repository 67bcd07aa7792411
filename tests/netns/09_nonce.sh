#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# One static key through every way an SA can come back: no IV is ever used twice, none is lower than one before.
. "$(dirname "$0")/lib.sh"
begin

each=40
total=0
west_sends() {
  witness nonces.py "$tmp/ivs" $each
  total=$((total + each))
}

add() {
  sa_add west out west 1 "$@"
}

after_start() {
  policies_add west
  ip -n "$net-west" neigh replace 192.0.2.2 lladdr "$(mac_of east e-wan)" dev wan nud permanent
  add
}

say "West and a witness in East's place"
west_alone
key_new west 1
add
west_sends

say "deleted and added again"
sa_del west west 1
add
west_sends

say "flushed and added again with ESN"
west sa flush
add esn on
west_sends

say "the same key under another SPI while the first lives, then after it"
cp "$(key_of west 1)" "$(key_of west 2)"
if sa_add west out west 2 2>"$tmp/refused"; then
  fail "two SAs were given one key"
fi
sa_del west west 1
sa_add west out west 2
west_sends
sa_del west west 2

say "stopped and started"
gw_stop west
gw_start west
after_start
west_sends

say "killed and started"
gw_crash west
gw_start west
after_start
west_sends

say "killed again before a packet was sent"
gw_crash west
gw_start west
after_start
gw_crash west
gw_start west
after_start
west_sends

say "what the wire saw"
[ "$(wc -l <"$tmp/ivs")" -eq $total ] || fail "the wire saw $(wc -l <"$tmp/ivs") packets of $total"
repeated=$(sort -n "$tmp/ivs" | uniq -d)
[ -z "$repeated" ] || fail "IVs used twice: $repeated"
sort -n -c "$tmp/ivs" || fail "an IV is lower than one before"
