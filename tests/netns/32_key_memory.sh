#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Keys are gone from the daemons' memory once their SAs are: each is looked for in all of it, as it was given, as the round keys
# that AES made of it and as GHASH's key, first while it is in use, when this must find it, then after it went.
. "$(dirname "$0")/lib.sh"
begin
umask 077

places() { # gateway, files with keys...
  of=$1
  shift
  "$python" -B "$here/key_memory.py" "$(gw_pid "$of")" "$@"
}

stand() { # gateway, files...
  for count in $(places "$@"); do
    [ "$count" -ge 5 ] || fail "$1 uses a key that this test cannot see: it would miss one that stays"
  done
}

are_gone() {
  [ -z "$(places "$@" | tr -d '0 \n')" ]
}

gone() { # after what, gateway, files...
  after=$1
  shift
  until_true 20 are_gone "$@" || fail "$1 has something of a key $after, in so many places: $(places "$@")"
}

both_stand() { # generation
  for gateway in west east; do
    stand $gateway "$(key_of west "$1")" "$(key_of east "$1")"
  done
}

both_gone() { # generation, after what
  for gateway in west east; do
    gone "$2" $gateway "$(key_of west "$1")" "$(key_of east "$1")"
  done
}

say "keys in use are seen"
two_gateways
ping_all a 3 -i 0.2 10.2.0.2
both_stand 1

say "a rekey"
rekey 1
ping_all a 3 -i 0.2 10.2.0.2
both_gone 1 "after its SA was deleted"
both_stand 2

say "a hard limit"
sa_del west west 2
sa_add west out west 2 hard-packets 5
ns_start a ping -q -c 10 -i 0.2 -W 1 10.2.0.2 >"$tmp/ping"
wait $! || :
[ "$(ping_received "$tmp/ping")" -eq 5 ] || fail "no limit ended it: $(grep transmitted "$tmp/ping")"
gone "after its hard limit" west "$(key_of west 2)"

say "a flush"
stand west "$(key_of east 2)"
west sa flush
east sa flush
both_gone 2 "after a flush"

say "a tunnel's keys, which came in offers"
for gateway in west east; do
  number=$(gw_number $gateway) remote=$((3 - $(gw_number $gateway)))
  $gateway policy flush
  $gateway tunnel add site vnet blue local "192.0.2.$number" remote "192.0.2.$remote" \
    local-prefix "10.$number.0.0/24" remote-prefix "10.$remote.0.0/24" overlap 1
done
west tunnel offer site >"$tmp/offer"
east tunnel accept site <"$tmp/offer" >"$tmp/answer"
west tunnel accept site <"$tmp/answer"
ping_all a 3 -i 0.2 10.2.0.2
for gateway in west east; do
  stand $gateway "$tmp/offer" "$tmp/answer"
done
for gateway in west east; do
  $gateway tunnel del site
  gone "after its tunnel was deleted" $gateway "$tmp/offer" "$tmp/answer"
done
