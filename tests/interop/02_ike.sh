#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# IKEv2 between two gateways: on each, strongSwan's charon and its stock plugin speak to Culvert as to a kernel. PSK, RSA
# and ECDSA; ESN; replay windows; several CHILD_SAs; swanctl says the bytes and packets that passed; what is deleted is gone.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

pings=50
# Pings are the only packets: as many each way, of 84 bytes, and the same at both ends and in both dataplanes.
pings_counted() { # at least
  ends_agree && counters_true east blue &&
    children west INSTALLED | awk -v least="$1" '{ exit !($6 >= least && $6 == $8 && $5 == 84 * $6 && $7 == 84 * $8) }'
}

window_is() { # gateway, window of its inbound SA, which has ESN
  set -- "$1" "$2" "$(spis "$1")"
  [ "$("$1" -j sa show dst "192.0.2.$(gw_number "$1")" spi "${3% *}" |
    "$python" "$here/stats.py" values esn window_packets)" = "True $2" ]
}

try_tunnel() { # who starts
  ike_initiate "$1"
  ping_each $pings -i 0.01
  until_true 3 pings_counted $pings || fail "not $pings packets each way: West says $(children west INSTALLED), East $(children east INSTALLED)"
}

say "PSK, ESN, replay window 128"
two_ikes
try_tunnel west
for gateway in west east; do
  window_is $gateway 128 || fail "$gateway has no ESN or another window than 128"
done
ike_terminate east

say "nothing passes without a tunnel"
ns a ping -q -c 3 -i 0.1 -W 1 10.2.0.2 >"$tmp/ping" || :
[ "$(ping_received "$tmp/ping")" -eq 0 ] || fail "a ping came through after the tunnel was deleted"

for ike_esp in chacha20poly1305-esn aes256gmac; do
  say "$ike_esp"
  ike_reload
  try_tunnel east
  ike_terminate west
done
ike_esp=
child_words="replay_window = 1024"
ike_auth=pubkey ike_certificate=yes
for kind in rsa ecdsa; do
  say "certificates: $kind; replay window 1024"
  ike_certificates $kind
  ike_reload
  try_tunnel east
  for gateway in west east; do
    window_is $gateway 1024 || fail "$gateway has no ESN or another window than 1024"
  done
  ike_terminate west
done

say "two CHILD_SAs, a protocol each"
ike_auth=psk ike_certificate=
protocol_child() { # gateway, name, protocol
  mine=$(gw_number "$1")
  echo "$2 {
        local_ts = 10.$mine.0.0/24[$3]
        remote_ts = 10.$((3 - mine)).0.0/24[$3]
        esp_proposals = aes256gcm16-esn
        if_id_in = 1
        if_id_out = 1
      }"
}
for gateway in west east; do
  more_children="$(protocol_child $gateway pings icmp)
      $(protocol_child $gateway streams tcp)"
  ike_configure $gateway
  ike_load $gateway
done
ike_initiate west pings
ike_initiate east streams
ping_each $pings -i 0.01
tcp_both_ways 1000000
carried() { # gateway, child, packets at least, packets at most: each way
  children "$1" INSTALLED | awk -v name="$2" -v least="$3" -v most="$4" '
    $1 == name && $6 >= least && $6 <= most && $8 >= least && $8 <= most { ok = 1 } END { exit !ok }'
}
for gateway in west east; do
  until_true 3 carried $gateway pings $pings 500 || fail "$gateway: pings went elsewhere: $(children $gateway INSTALLED)"
  carried $gateway streams 700 1000000 || fail "$gateway: TCP went elsewhere: $(children $gateway INSTALLED)"
  for child in pings streams; do
    counters_true $gateway $child || fail "$gateway: swanctl and the dataplane differ: $(children $gateway INSTALLED)"
  done
done

say "one of them is deleted"
swan west --terminate --child pings >"$tmp/terminate" || fail "terminate: $(cat "$tmp/terminate")"
child_down() {
  ! child_up "$1" "$2"
}
for gateway in west east; do
  until_true 5 child_down $gateway pings || fail "$gateway still has the child"
done
ns a ping -q -c 3 -i 0.1 -W 1 10.2.0.2 >"$tmp/ping" || :
[ "$(ping_received "$tmp/ping")" -eq 0 ] || fail "a ping came through after its tunnel was deleted"
tcp_both_ways 1000000
ike_terminate east

# As a reader would: what stands there, and on East with the sides exchanged.
say "the tunnel of README.md"
readme_file() { # its name
  awk -v name="$1" '/^        / { if (on) print substr($0, 9) } !/^        / && !/^$/ { on = 0 } index($0, "        # " name) == 1 { on = 1 }' \
    "$top/README.md"
}
readme_file /etc/swanctl/conf.d/blue.conf >"$(ike_folder west)/swanctl/swanctl.conf"
sed 's/192\.0\.2\.1$/192.0.2.x/; s/192\.0\.2\.2$/192.0.2.1/; s/192\.0\.2\.x/192.0.2.2/
  s/10\.1\.0/10.x.0/; s/10\.2\.0/10.1.0/; s/10\.x\.0/10.2.0/
  s/west/x/; s/east/west/; s/id = x/id = east/' "$(ike_folder west)/swanctl/swanctl.conf" >"$(ike_folder east)/swanctl/swanctl.conf"
for gateway in west east; do
  grep -q 'start_action = trap' "$(ike_folder $gateway)/swanctl/swanctl.conf" || fail "README.md has no such file"
  ike_load $gateway
done
ns a ping -q -c 1 -W 1 10.2.0.2 >"$tmp/ping" || : # asks for the tunnel
for gateway in west east; do
  until_true 5 child_up $gateway || fail "a packet did not bring the tunnel up: $(swan west --list-sas)"
done
ping_each 20 -i 0.02
rekey_by west # with a new key exchange
ping_each 20 -i 0.02

say "both charons end, and leave nothing"
ikes_end
