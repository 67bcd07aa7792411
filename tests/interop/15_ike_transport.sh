#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# IKEv2 negotiates transport mode between the gateways themselves, beside their tunnel: IKE goes on under its own policies, rekeys
# lose nothing, ESP in UDP works too, and what is deleted is gone.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

# The kernels' own packets between the two, but for IKE itself.
more_children="host {
        mode = transport
        esp_proposals = aes256gcm16-esn
        replay_window = 128
      }"

in_esp() { # capture: nothing between the gateways but ESP and IKE
  capture_count "$1" 'host 192.0.2.1 and host 192.0.2.2 and not arp and not ip proto 50 and not udp port 500 and not udp port 4500'
}

hosts_agree() { # both ends count the same packets
  west_host=$(children west INSTALLED | awk '$1 == "host" { print $6, $8 }')
  [ -n "$west_host" ] && [ "$west_host" = "$(children east INSTALLED | awk '$1 == "host" { print $8, $6 }')" ]
}

host_rekeyed() { # not the SPIs before
  now=$(spis west host)
  [ -n "$now" ] && [ "$now" != "$before" ]
}

say "a CHILD_SA in transport mode beside a tunnel"
two_ikes
ike_initiate west blue
ike_initiate east host
swan west --list-sas | grep -q 'TRANSPORT' || fail "no transport mode: $(swan west --list-sas)"
capture_start wire west "$tmp/wire.pcap"
ping_all west 10 -i 0.2 192.0.2.2
ping_all east 5 -i 0.2 -s 1300 192.0.2.1
ping_all a 3 -i 0.2 10.2.0.2
until_true 5 hosts_agree || fail "West says $(children west INSTALLED), East $(children east INSTALLED)"

say "rekeys under pings"
ns_start west ping -i 0.01 192.0.2.2 >"$tmp/flood"
flood=$!
for starter in west east; do
  before=$(spis west host)
  swan $starter --rekey --child host >"$tmp/rekey" || fail "rekey by $starter: $(cat "$tmp/rekey")"
  until_true 10 host_rekeyed || fail "no rekey by $starter: $(swan west --list-sas)"
  ping_all east 3 -i 0.2 192.0.2.1
done
flood_stop
no_hole "$tmp/flood" 50
quit "$capture"
[ "$(in_esp "$tmp/wire.pcap")" -eq 0 ] || fail "$(in_esp "$tmp/wire.pcap") packets between the gateways are neither ESP nor IKE"

say "what is deleted is gone"
ike_terminate east
ping_all west 2 -i 0.2 192.0.2.2

say "in UDP"
ike_words="encap = yes"
ike_reload
ike_initiate west host
west sa show | grep -q 'encap' || fail "the SAs are not in UDP: $(west sa show)"
ping_all west 5 -i 0.2 192.0.2.2
ns_start east "$python" "$here/transfer.py" receive 192.0.2.2 7000 300000 >"$tmp/east.in"
receiver=$!
until_true 5 transfer_listens east || fail "the receiver does not listen"
ns_start west "$python" "$here/transfer.py" send 192.0.2.2 7000 300000 1 >"$tmp/west.out"
wait $! && wait $receiver || fail "the transfer did not finish"
cmp "$tmp/west.out" "$tmp/east.in" || fail "East received other bytes than West sent"
for gateway in west east; do
  [ "$(drops $gateway clear-protected inner-policy out-selector inner-selector icv esp-no-sa own-fragment)" -eq 0 ] ||
    fail "$gateway dropped packets: $($gateway stats show drops)"
done
ike_terminate west
ikes_end
