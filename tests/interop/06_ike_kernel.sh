#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# IKEv2 with a Linux kernel: East is a guest whose kernel does ESP and whose charon speaks to it, West has charon and Culvert.
# Three algorithms, ESN, 10 MB of TCP each way, rekeys started from either side under pings; both ends count the same packets and bytes.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

say "a guest with strongSwan"
ike_needs
topology
gw_start west
# shellcheck disable=SC2046 # a list of words
guest_start $(ike_files)
guest_router
child_words="replay_window = 1024"
ike_start_culvert west
ike_start east kernel-netlink

say "ChaCha20-Poly1305, then AES-GMAC, negotiated with the kernel's charon"
for ike_esp in chacha20poly1305-esn aes256gmac-esn; do
  ike_reload
  ike_initiate west
  ping_each 20 -i 0.02
  tcp_both_ways 1000000
  until_true 5 ends_agree || fail "West says $(children west INSTALLED), East $(children east INSTALLED)"
  west -j sa show | "$python" "$here/stats.py" values algorithm >"$tmp/algorithms"
  case $ike_esp in
  chacha*) expected=chacha20-poly1305 ;;
  *) expected=aes-256-gmac ;;
  esac
  [ "$(sort -u "$tmp/algorithms")" = $expected ] || fail "not $expected: $(cat "$tmp/algorithms")"
  rekey_by east
  ping_each 20 -i 0.02
  ike_terminate east
done
ike_esp=
ike_reload

for starter in west east; do
  say "a tunnel that ${starter} starts: 10 MB of TCP each way"
  ike_initiate $starter
  guest "ip xfrm state" >"$tmp/state"
  [ "$(grep -c 'flag.* esn' "$tmp/state")" -eq 2 ] || fail "the guest's SAs have no ESN: $(cat "$tmp/state")"
  ping_each 20 -i 0.02
  tcp_both_ways 10000000
  # Both ends cut what may be cut: Culvert before ESP, the kernel after it.
  ping_all a 5 -i 0.2 -M dont -s 4000 10.2.0.2
  until_true 5 ends_agree || fail "West says $(children west INSTALLED), East $(children east INSTALLED)"
  [ "$starter" = east ] || ike_terminate east
done

say "rekeys from either side under pings"
flood_start 0.01
for starter in west east west east; do
  rekey_by $starter
done
ping_each 20 -i 0.02
flood_end 20
until_true 5 ends_agree || fail "West says $(children west INSTALLED), East $(children east INSTALLED)"

# See 03_ike_rekey: West answers, and sends on the new SA when its answer leaves. The kernel has the SPI, without a key; or is
# about to put the SA in its place. Of the last pings, which have no answer because ping ended, it may have refused some too.
say "reauthentication by the guest: what the kernel refuses, no more, is lost"
refused_in_guest() {
  guest "awk '/^XfrmAcquireError|^XfrmInNoStates|^XfrmInStateInvalid/ { n += \$2 } END { print n + 0 }' /proc/net/xfrm_stat"
}
# charon puts a reauthentication off, for up to 15 s, while what a rekey replaced is on its way out.
no_child_goes() {
  ! { swan west --list-sas && swan east --list-sas; } | grep -q ', DELETED,'
}
until_true 20 no_child_goes || fail "children that were rekeyed do not go: $(swan east --list-sas)"
refused=$(refused_in_guest)
before=$(spis west)
flood_start 0.002
swan east --rekey --ike blue --reauth >"$tmp/rekey" || fail "reauthentication: $(cat "$tmp/rekey")"
until_true 10 rekeyed "$before" || fail "no reauthentication: $(swan west --list-sas)"
ping_each 20 -i 0.02
flood_stop
holes "$tmp/flood" 20 >"$tmp/holes" || :
refused=$(($(refused_in_guest) - refused)) lost=$(wc -l <"$tmp/holes")
unanswered=$(($(ping_sent "$tmp/flood") - $(ping_received "$tmp/flood")))
[ "$(grep -c 'has 0 answers' "$tmp/holes")" -eq $lost ] && [ $lost -le $refused ] && [ $refused -le $unanswered ] ||
  fail "the kernel refused $refused, $unanswered have no answer, and: $(head -n 5 "$tmp/holes")"
say "that was $lost"
ike_terminate west
[ "$(drops west no-policy no-sa icv replay-old replay-dup esp-no-sa inner-policy inner-selector)" -eq 0 ] || fail "West dropped packets: $(west stats show drops)"
ikes_end
