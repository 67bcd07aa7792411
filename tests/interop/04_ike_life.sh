#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What befalls an IKE daemon: a dead peer is noticed and its SAs go; a trap policy brings the tunnel up by traffic; charon
# and culvertd each die and come back, and the tunnel with them, under new keys; no packet passes in the clear.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

sas_are() { # gateway, how many
  [ "$(count_of "$1" sa)" -eq "$2" ]
}

say "a tunnel, and a listener for what is in the clear on the wire"
ike_words="dpd_delay = 1s"
two_ikes
capture_start wire west "$tmp/wire" "($in_the_clear) or ip proto 50"
listener=$capture
ike_initiate west
ping_each 5 -i 0.01

say "a dead peer"
ike_crash east
until_true 20 no_child west || fail "West did not notice: $(swan west --list-sas)"
until_true 5 dataplane_empty west || fail "West's dataplane keeps SAs or policies to a dead peer"

say "charon starts anew where one was killed: what that one left carries nothing"
sas_are east 2 || fail "the killed charon's SAs are gone: this test cannot see that they carry nothing"
ike_start_culvert east
ike_initiate west
before=$(stats east sum esp_in)
ping_each 5 -i 0.01
[ "$(stats east sum esp_in)" -ge $((before + 5)) ] || fail "East did not receive the pings"
for gateway in west east; do
  counters_true $gateway blue || fail "$gateway: swanctl and the dataplane differ: $(children $gateway INSTALLED)"
done
swan west --terminate --ike blue --timeout 20 >"$tmp/terminate" || fail "terminate: $(cat "$tmp/terminate")"
until_true 5 sas_are west 0 || fail "West keeps an SA"
until_true 5 sas_are east 2 || fail "East does not have the killed charon's SAs and no more" # until their hard limit, as in a kernel
[ "$(count_of east policy)" -eq 0 ] || fail "East keeps a policy"
east sa flush

say "a trap policy: the first packet asks for the tunnel"
child_words="replay_window = 128
        start_action = trap"
ike_configure west
ike_load west
[ "$(count_of west policy)" -eq 3 ] || fail "West has no trap policies: $(west policy show)"
sas_are west 0 || fail "there is an SA before there is traffic"
ns a ping -q -c 1 -W 1 10.2.0.2 >"$tmp/ping" || :
for gateway in west east; do
  until_true 5 child_up $gateway || fail "a packet did not bring the tunnel up: $(swan west --list-sas)"
done
ping_each 5 -i 0.01
swan west --terminate --ike blue --timeout 20 >"$tmp/terminate" || fail "terminate: $(cat "$tmp/terminate")"
until_true 5 no_child west || fail "the tunnel is not gone"
[ "$(count_of west policy)" -eq 3 ] || fail "the trap went with the tunnel: $(west policy show)"
ns a ping -q -c 1 -W 1 10.2.0.2 >"$tmp/ping" || :
until_true 5 child_up west || fail "a packet did not bring the tunnel up again: $(swan west --list-sas)"
child_words=
ike_configure west
ike_load west
ike_terminate west

say "charon ends and starts, and asks its peer anew"
for gateway in west east; do
  ike_initiate $gateway
  ping_each 5 -i 0.01
  ike_stop $gateway
  until_true 5 dataplane_empty west && until_true 5 dataplane_empty east || fail "the end of charon on $gateway left an SA or a policy"
  ike_start_culvert $gateway
done

say "culvertd is killed and starts again: charon notices and rekeys"
ike_initiate west
for gateway in west east; do
  ping_each 5 -i 0.01
  before=$(spis west)
  gw_crash $gateway
  gw_start $gateway
  until_true 30 rekeyed "$before" || fail "no new SAs after culvertd of $gateway was killed: $(swan $gateway --list-sas)"
  ping_each 20 -i 0.01
  counters_true $gateway blue || fail "$gateway: swanctl and the dataplane differ: $(children $gateway INSTALLED)"
done

say "and through all that, nothing in the clear"
quit $listener
[ "$(capture_count "$tmp/wire" "ip proto 50")" -gt 0 ] || fail "the listener did not hear any ESP: it would not hear other packets either"
none_in_the_clear "$tmp/wire"
ikes_end
