#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Static SAs against the Linux kernel's ESP: every algorithm, with and without ESN, replay windows from 32 to 4096. Both ends count the same
# packets and bytes, both take what comes late inside the window, and both refuse what is left of it or came before.
. "$(dirname "$0")/lib.sh"
begin

key_digits() {
  cat "$(key_of "$1" "$2")"
}

# ---- SAs ----
# One SA in the guest: gateway that sends, generation, more words for ip xfrm state add.
guest_sa_add() {
  number=$(gw_number "$1")
  sa="src 192.0.2.$number dst 192.0.2.$((3 - number)) proto esp spi $(spi_of "$1" "$2")"
  digits=$(key_digits "$1" "$2")
  shift 2
  guest "ip xfrm state add $sa reqid 1 mode tunnel $* aead 'rfc4106(gcm(aes))' 0x$digits 128" || fail "ip xfrm state add"
}

guest_policies_add() {
  guest "ip xfrm policy add dir out src 10.2.0.0/24 dst 10.1.0.0/24 tmpl src 192.0.2.2 dst 192.0.2.1 proto esp reqid 1 mode tunnel
    for dir in in fwd; do
      ip xfrm policy add dir \$dir src 10.1.0.0/24 dst 10.2.0.0/24 \
        tmpl src 192.0.2.1 dst 192.0.2.2 proto esp reqid 1 mode tunnel || exit 1
    done"
}

# Culvert has no window below 64.
window_of_west() {
  [ "$1" -ge 64 ] && echo "$1" || echo 64
}

# A pair of SAs on both sides: generation, on or off for ESN, window.
pair_add() {
  for sender in west east; do
    key_new $sender "$1"
    guest_sa_add $sender "$1" "replay-window $3 $([ "$2" = off ] || echo flag esn)"
  done
  sa_add west in east "$1" esn "$2" window "$(window_of_west "$3")"
  sa_add west out west "$1" esn "$2"
}

pair_del() { # generation
  sa_del west east "$1"
  sa_del west west "$1"
  guest "ip xfrm state flush"
}

# ---- what each side says of an SA: packets, bytes, duplicates refused, refused left of the window, tag wrong ----
west_says() { # gateway that sends, generation
  west -j sa show dst "192.0.2.$((3 - $(gw_number "$1")))" spi "$(spi_of "$1" "$2")" |
    "$python" "$here/stats.py" values packets bytes replay_drops window_drops icv_drops
}

guest_says() { # gateway that sends, generation
  number=$(gw_number "$1")
  guest "ip -s xfrm state get src 192.0.2.$number dst 192.0.2.$((3 - number)) proto esp spi $(spi_of "$1" "$2")" |
    awk '/\(bytes\), [0-9]*\(packets\)$/ { sub(/\(bytes\),/, ""); sub(/\(packets\)/, ""); bytes = $1; packets = $2 }
      /replay-window [0-9]* replay/ { old = $2; dup = $4; failed = $6 }
      END { print packets, bytes, dup, old, failed }'
}

west_says_of() { # field of its first SA
  west -j sa show | "$python" "$here/stats.py" values "$1"
}

# Each SA has the same packets and bytes at both ends.
agree() { # generation
  for sender in west east; do
    [ "$(west_says $sender "$1" | cut -d ' ' -f 1,2)" = "$(guest_says $sender "$1" | cut -d ' ' -f 1,2)" ] || return 1
  done
}

# ---- the wire ----
# Held back, packets are seen on the wire and come to nobody.
hold_back() { # on or off
  ns wire bridge link set dev east state "$([ "$1" = on ] && echo 0 || echo 3)"
}

all_came() { # generation, packets
  [ "$(west_says east "$1" | cut -d ' ' -f 1)" -eq "$2" ] && [ "$(guest_says west "$1" | cut -d ' ' -f 1)" -eq "$2" ]
}

# Two packets that never came, one from each side's numbers 1 and 2, then so many that number 1 is just left of the window.
make_late() { # generation, window
  capture_start wire west "$tmp/late.west" "src host 192.0.2.1 and ip proto 50"
  from_west=$capture
  capture_start wire east "$tmp/late.east" "src host 192.0.2.2 and ip proto 50"
  from_east=$capture
  hold_back on
  ns_start a ping -q -c 2 -i 0.01 -W 1 10.2.0.2 >"$tmp/ping.a"
  ping_a=$!
  ns_start b ping -q -c 2 -i 0.01 -W 1 10.1.0.2 >"$tmp/ping.b"
  wait $! || :
  wait $ping_a || :
  quit $from_west
  quit $from_east
  hold_back off
  ns_start a ping -q -c $(($2 - 1)) -f 10.2.0.2 >"$tmp/ping"
  wait $! || : # it does not wait for the last answers
  until_true 10 all_came "$1" $(($2 - 1)) ||
    fail "not $(($2 - 1)) packets: West says $(west_says east "$1"), the guest $(guest_says west "$1")"
}

hosts_answer() { # yes or no
  for host in a b; do
    ns $host sysctl -qw net.ipv4.icmp_echo_ignore_all="$([ "$1" = no ] && echo 1 || echo 0)"
  done
}

# Number 2 is taken, number 1 is refused; then number 2, come once more, is refused as a duplicate. Number 1 is too old, and
# with ESN it stands for 2^32 + 1 (RFC 4303 A2.2), for which its tag is wrong. An answer to number 2 would move the other
# side's window.
inject_late() { # generation
  hosts_answer no
  for sender in west east; do
    for times in once twice; do
      [ "$(ns wire "$python" "$interop/inject.py" wire "$tmp/late.$sender" "$(spi_of $sender "$1")")" -eq 2 ] ||
        fail "$sender did not send two packets before: $(capture_count "$tmp/late.$sender")"
    done
  done
}

# What a side says then: packets sent, window, ESN.
expected_of_late() {
  if [ "$1" -lt "$2" ]; then
    echo "$(($1 + 1)) $((84 * ($1 + 1))) 2 0 0" # both are inside the window
  elif [ "$3" = off ]; then
    echo "$1 $((84 * $1)) 1 2 0"
  else
    echo "$1 $((84 * $1)) 1 0 2"
  fi
}

took_late() { # generation, window, ESN
  [ "$(west_says east "$1")" = "$(expected_of_late "$2" "$(window_of_west "$2")" "$3")" ] &&
    [ "$(guest_says west "$1")" = "$(expected_of_late "$2" "$2" "$3")" ]
}

say "West, and a guest in East's stead"
topology
gw_start west
policies_add west
guest_start
guest_router
guest_policies_add

generation=1
while read -r esn window; do
  say "ESN $esn, window $window"
  pair_add $generation "$esn" "$window"
  ping_all west 1 192.0.2.2 # neighbours know each other
  make_late $generation "$window"
  inject_late $generation
  until_true 3 took_late $generation "$window" "$esn" ||
    fail "West says '$(west_says east $generation)', the guest '$(guest_says west $generation)', not '$(expected_of_late "$window" "$window" "$esn")'"
  hosts_answer yes
  pair_del $generation
  generation=$((generation + 1))
done <<END
off 32
on 64
off 128
on 1024
off 4096
on 4096
END

say "10 MB of TCP each way"
for esn in on off; do
  pair_add $generation $esn 1024
  ping_all a 2 -i 0.2 10.2.0.2
  tcp_both_ways 10000000
  until_true 3 agree $generation || fail "West says $(west_says west $generation), $(west_says east $generation), \
the guest $(guest_says west $generation), $(guest_says east $generation)"
  for sender in west east; do
    carried=$(west_says $sender $generation | cut -d ' ' -f 2)
    [ "$carried" -gt 10000000 ] || fail "the SA from $sender carried only $carried bytes"
  done
  pair_del $generation
  generation=$((generation + 1))
done

wrong_tags=$(drops west icv) # those of before were meant
say "each algorithm, and the same words of ip xfrm on both sides"
west_ip_xfrm() {
  ns west "$culvert" --socket "$tmp/west/culvert.sock" run -- ip xfrm "$@"
}
while read -r name kernel_name bytes esn; do
  say "$name, ESN $esn"
  for sender in west east; do
    number=$(gw_number $sender)
    digits=$(od -An -v -N "$bytes" -t x1 /dev/urandom | tr -d ' \n')
    words="src 192.0.2.$number dst 192.0.2.$((3 - number)) proto esp spi $(spi_of $sender $generation) reqid 1 mode tunnel"
    words="$words replay-window 256 $([ "$esn" = off ] || echo flag esn) aead $kernel_name 0x$digits 128"
    # shellcheck disable=SC2086 # a list of words
    west_ip_xfrm state add $words if_id 1 </dev/null || fail "ip xfrm state add at West"
    guest "ip xfrm state add $(echo "$words" | sed "s/aead [^ ]*/aead '$kernel_name'/")" || fail "ip xfrm state add in the guest"
  done
  [ "$(west_says_of algorithm | head -n 1)" = "$name" ] || fail "not $name but $(west_says_of algorithm)"
  west_ip_xfrm state </dev/null | grep -qF "aead $kernel_name" || fail "ip xfrm state at West: $(west_ip_xfrm state)"
  for size in 0 1 2 3 4 1000 1400; do
    ping_all a 2 -i 0.2 -s $size 10.2.0.2
  done
  tcp_both_ways 1000000
  until_true 3 agree $generation || fail "West says $(west_says west $generation), $(west_says east $generation), \
the guest $(guest_says west $generation), $(guest_says east $generation)"
  pair_del $generation
  generation=$((generation + 1))
done <<END
aes-128-gcm-16 rfc4106(gcm(aes)) 20 on
chacha20-poly1305 rfc7539esp(chacha20,poly1305) 36 off
chacha20-poly1305 rfc7539esp(chacha20,poly1305) 36 on
aes-256-gmac rfc4543(gcm(aes)) 36 off
aes-128-gmac rfc4543(gcm(aes)) 20 on
END
[ "$(drops west icv)" -eq "$wrong_tags" ] || fail "tags were wrong: $(west stats show drops)"

say "packets that Culvert pads, under an outer header of the SA's own: the kernel opens them"
west_wants="tfc-pad 700 outer-dscp 46 outer-df set outer-ttl 9"
for sender in west east; do
  key_new $sender $generation
  guest_sa_add $sender $generation "replay-window 256 flag esn"
done
sa_add west in east $generation
# shellcheck disable=SC2086 # a list of words
sa_add west out west $generation $west_wants
ping_all west 1 192.0.2.2
capture_start wire west "$tmp/wishes.pcap" "src host 192.0.2.1 and ip proto 50"
for size in 0 1 100 672 674 675 1000 1400; do
  ping_all a 2 -i 0.2 -s $size 10.2.0.2
done
capture_wait "$tmp/wishes.pcap" "" 16
quit "$capture"
[ "$(capture_count "$tmp/wishes.pcap" 'ip[1] = 184 and ip[6] = 64 and ip[8] = 9')" -eq 16 ] ||
  fail "not all have the SA's DSCP, DF and TTL: $(tcpdump -nv -r "$tmp/wishes.pcap" 2>/dev/null)"
# 20 and 16 of headers, 700 with trailer and padding, 16 of tag; what is longer is as it is
[ "$(capture_count "$tmp/wishes.pcap" 'ip[2:2] = 756')" -eq 10 ] ||
  fail "not 10 packets are padded to that length: $(tcpdump -nv -r "$tmp/wishes.pcap" 2>/dev/null)"
[ "$(capture_count "$tmp/wishes.pcap" 'ip[2:2] < 756')" -eq 0 ] || fail "some are shorter than the SA wants"
tcp_both_ways 1000000

say "dummy packets: the kernel drops them and says nothing, and goes on with what follows"
guest_dummies() { # as the kernel counts them: no error of the tag, and no packet
  guest "cat /proc/net/xfrm_stat" | awk '$1 == "XfrmInStateProtoError" { print $2 }'
}
before=$(guest_dummies)
packets=$(west_says west $generation | cut -d ' ' -f 1)
guest_packets=$(guest_says west $generation | cut -d ' ' -f 1)
capture_start b b-lan "$tmp/b.pcap" "not arp"
west sa dummy dst 192.0.2.2 spi "$(spi_of west $generation)" count 300 rate 1000 >/dev/null
dummies_came() {
  [ $(($(guest_dummies) - before)) -eq 300 ]
}
until_true 10 dummies_came || fail "the kernel says $(guest_dummies), $before before: $(guest "cat /proc/net/xfrm_stat")"
[ "$(west_says west $generation | cut -d ' ' -f 1)" -eq $((packets + 300)) ] || fail "West says $(west_says west $generation)"
[ "$(guest_says west $generation)" = "$(guest_says west $generation | sed "s/^[0-9]*/$guest_packets/")" ] ||
  fail "the kernel took dummy packets for others: $(guest_says west $generation), $guest_packets before"
quit "$capture"
[ "$(capture_count "$tmp/b.pcap" "")" -eq 0 ] || fail "something reached B: $(tcpdump -n -r "$tmp/b.pcap" 2>/dev/null | head -n 3)"
ping_all a 3 -i 0.2 10.2.0.2
pair_del $generation
[ "$(drops west icv)" -eq "$wrong_tags" ] || fail "tags were wrong: $(west stats show drops)"
