#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Crashes at the worst moment: culvertd is killed while a rekey is under way, at this end or the other, and charon is killed
# with its tunnel up. Afterwards both charons, and both dataplanes, mean the same SAs; the numbers of a key never came twice,
# and nothing went in the clear.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

# One tunnel, which both charons and both dataplanes have, and no other SA.
one_tunnel() {
  [ "$(children west INSTALLED | wc -l) $(children east INSTALLED | wc -l)" = "1 1" ] &&
    sas_are_at "$(spis west)" 192.0.2.1 192.0.2.1 && [ "$(count_of west policy) $(count_of east policy)" = "3 3" ]
}

counters_are_true() {
  for each in west east; do
    until_true 5 counters_true $each blue || fail "$each: swanctl and the dataplane differ: $(children $each INSTALLED)"
  done
}

say "a tunnel"
two_ikes
capture_start wire west "$tmp/wire" "($in_the_clear) or ip proto 50"
listener=$capture
ike_initiate west

# The rekey goes on meanwhile: before the exchange, amid it, or when the new SAs are in.
while read -r gateway after; do
  say "culvertd of $gateway is killed $after s after West began a rekey, under pings"
  before=$(spis west)
  flood_start 0.01
  swan west --rekey --child blue >"$tmp/rekey" &
  rekey=$!
  sleep "$after"
  gw_crash "$gateway"
  gw_start "$gateway"
  wait $rekey || : # it may say that it failed
  until_true 30 one_tunnel || fail "not one tunnel: $(swan west --list-sas; swan east --list-sas; west sa show; east sa show)"
  [ "$(spis west)" != "$before" ] || fail "the SAs of before are back"
  flood_stop
  ping_each 20 -i 0.01
  counters_are_true
done <<END
west 0
east 0.005
west 0.01
east 0.02
END

say "charon of West is killed, and a new one comes"
before=$(spis west)
flood_start 0.01
ike_crash west
ping_each 20 -i 0.01 # the SAs do not need it
ike_start_culvert west
ike_initiate west
[ "$(spis west)" != "$before" ] || fail "the SAs of before are back"
for gateway in west east; do
  [ "$(ike_sas $gateway)" = 1 ] || fail "$gateway has more than one IKE SA: $(swan $gateway --list-sas)"
  [ "$(count_of $gateway policy)" -eq 3 ] || fail "$gateway has other policies than the tunnel's: $($gateway policy show)"
done
old_gone_at_east() {
  [ "$(sa_places east)" = "$(printf '%s\n' "192.0.2.1 $(spis west | cut -d ' ' -f 1)" "192.0.2.2 $(spis west | cut -d ' ' -f 2)" | sort)" ]
}
until_true 10 old_gone_at_east || fail "East keeps what it had with the killed charon: $(east sa show)"
[ "$(count_of west sa)" -eq 4 ] || fail "West has not the killed charon's SAs beside the new ones: $(west sa show)"
flood_stop
ping_each 20 -i 0.01
counters_are_true
swan west --terminate --ike blue --timeout 20 >"$tmp/terminate" || fail "terminate: $(cat "$tmp/terminate")"
until_true 5 dataplane_empty east || fail "East keeps an SA or a policy"
[ "$(count_of west policy)" -eq 0 ] || fail "West keeps a policy: $(west policy show)"
west sa flush # until their hard limit, as in a kernel

say "no number twice, and nothing in the clear"
quit $listener
numbers_go_up "$tmp/wire" 500
none_in_the_clear "$tmp/wire"
ikes_end
