#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# charon rekeys a CHILD_SA by time, by bytes and by packets as the dataplane tells it, rekeys the IKE SA, and authenticates
# anew, make before break: pings go on all the while, and every one is answered.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

# Only West has limits, so that only West rekeys.
limits() { # for West
  child_words="replay_window = 128
        $1"
  ike_configure west
  ike_load west
  ike_initiate west
  before=$(spis west)
}

unchanged() {
  [ "$(spis west)" = "$before" ]
}

say "rekeyed by time"
two_ikes
limits "rekey_time = 3s
        life_time = 30s
        rand_time = 0"
ping_each 500 -i 0.01
until_true 5 rekeyed "$before" || fail "no rekey after 3 s: $(children west INSTALLED)"
ike_terminate west

say "rekeyed by packets"
limits "rekey_packets = 200
        life_packets = 10000
        rand_packets = 0"
ping_each 80 -i 0.005
unchanged || fail "a rekey after 80 of 200 packets"
ping_each 300 -i 0.005
until_true 5 rekeyed "$before" || fail "no rekey after 200 packets: $(children west INSTALLED)"
ike_terminate west

say "rekeyed by bytes"
limits "rekey_bytes = 100000
        life_bytes = 10000000
        rand_bytes = 0"
ping_each 80 -i 0.005 -s 972
unchanged || fail "a rekey after 80000 of 100000 bytes"
ping_each 200 -i 0.005 -s 972
until_true 5 rekeyed "$before" || fail "no rekey after 100000 bytes: $(children west INSTALLED)"

say "the IKE SA is rekeyed, and its CHILD_SA goes on"
ike_spis() {
  swan "$1" --list-sas | sed -n 's/^blue: #[0-9]*, ESTABLISHED, IKEv2, \(.*\)/\1/p' | tr -d '*'
}
ike_is_new() { # gateway
  [ "$(ike_sas "$1")" = 1 ] && [ "$(ike_spis "$1")" != "$ike_before" ]
}
before=$(spis west) ike_before=$(ike_spis west)
for gateway in west east; do
  ns_start a ping -c 100 -w 30 -i 0.01 10.2.0.2 >"$tmp/pings"
  pings=$!
  swan $gateway --rekey --ike blue >"$tmp/rekey" || fail "rekey: $(cat "$tmp/rekey")"
  until_true 10 ike_is_new west || fail "the IKE SA was not rekeyed: $(swan west --list-sas)"
  until_true 10 ike_is_new east || fail "the IKE SA was not rekeyed: $(swan east --list-sas)"
  ike_before=$(ike_spis west)
  wait $pings || :
  no_hole "$tmp/pings" 100
done
unchanged || fail "the CHILD_SA is another"

all_drops() {
  echo $(($(drops west "$@") + $(drops east "$@")))
}

# Numbers of the SA in use that this gateway never took.
missing() { # gateway
  set -- "$1" "$(spis "$1")"
  "$1" -j sa show dst "192.0.2.$(gw_number "$1")" spi "${2% *}" | "$python" "$here/stats.py" values in_seq packets |
    awk '{ print $1 - $2 }'
}

# Reauthentication is the one exchange that is not free of loss, by IKE's own order of messages and with any ESP: who answers
# IKE_AUTH installs both new SAs and the policy that sends on them, then lets the answer go, so number 1 may be on the wire
# before the answer that tells the other side what its SA is. A kernel drops it too (06_ike_kernel). What comes before that side
# has read the answer finds an SPI that has no key yet: this much may be lost, the first numbers of the new SA, and nothing else.
say "reauthentication, make before break"
[ "$(all_drops)" -eq 0 ] || fail "packets were dropped: $(west stats show drops; east stats show drops)"
lost=0
for gateway in west east; do
  before=$(spis west) ike_before=$(ike_spis west)
  ns_start a ping -c 300 -w 30 -i 0.01 10.2.0.2 >"$tmp/pings"
  pings=$!
  swan $gateway --rekey --ike blue --reauth >"$tmp/rekey" || fail "reauthentication: $(cat "$tmp/rekey")"
  until_true 10 ike_is_new west && until_true 10 ike_is_new east && until_true 10 rekeyed "$before" ||
    fail "no reauthentication by $gateway: $(swan west --list-sas)"
  wait $pings || :
  holes "$tmp/pings" 300 >"$tmp/holes" || :
  ! grep -v 'has 0 answers' "$tmp/holes" || fail "$(head -n 3 "$tmp/holes")"
  [ "$(wc -l <"$tmp/holes")" -eq $(($(missing west) + $(missing east))) ] ||
    fail "$(wc -l <"$tmp/holes") pings were lost, other than numbers of the new SAs: $(west sa show; east sa show)"
  lost=$((lost + $(wc -l <"$tmp/holes")))
done
[ $lost -le 20 ] && [ "$(all_drops)" -eq $lost ] && [ "$(all_drops esp-no-sa)" -eq $lost ] ||
  fail "$lost pings were lost, and dropped: $(west stats show drops; east stats show drops)"
ikes_end
