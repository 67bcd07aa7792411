#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Tunnels over IPv6 with a Linux kernel: all four combinations of families with static SAs, TCP and packets that are cut; then
# IKEv2 over IPv6 with the guest's charon, rekeys under pings, and the same in UDP. Both ends count the same packets and bytes.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

ipv6=on

guest_tunnel_add() { # generation
  for sender in west east; do
    number=$(gw_number $sender)
    guest "ip xfrm state add src $(outer_of "$number") dst $(outer_of $((3 - number))) proto esp spi $(spi_of $sender "$1") \
      reqid 1 mode tunnel replay-window 128 flag esn flag af-unspec aead 'rfc4106(gcm(aes))' 0x$(cat "$(key_of $sender "$1")") 128" ||
      fail "ip xfrm state add"
  done
  for nets in "10.1.0.0/24 10.2.0.0/24" "2001:db8:1::/64 2001:db8:2::/64"; do
    guest "set -e; west=${nets% *} east=${nets#* }
      ip xfrm policy add dir out src \$east dst \$west tmpl src $(outer_of 2) dst $(outer_of 1) proto esp reqid 1 mode tunnel
      for dir in in fwd; do
        ip xfrm policy add dir \$dir src \$west dst \$east tmpl src $(outer_of 1) dst $(outer_of 2) proto esp reqid 1 mode tunnel
      done" || fail "ip xfrm policy add"
  done
}

west_says() { # gateway that sends, generation
  west -j sa show dst "$(outer_of $((3 - $(gw_number "$1"))))" spi "$(spi_of "$1" "$2")" |
    "$python" "$here/stats.py" values packets bytes
}

guest_says() { # gateway that sends, generation
  number=$(gw_number "$1")
  guest "ip -s xfrm state get src $(outer_of "$number") dst $(outer_of $((3 - number))) proto esp spi $(spi_of "$1" "$2")" |
    awk '/\(bytes\), [0-9]*\(packets\)$/ { sub(/\(bytes\),/, ""); sub(/\(packets\)/, ""); print $2, $1; exit }'
}

agree() { # generation
  for sender in west east; do
    [ "$(west_says $sender "$1")" = "$(guest_says $sender "$1")" ] || return 1
  done
}

tcp6() { # iperf3's words...
  ns_start b iperf3 -s -1 -p 5201 >"$tmp/server6" 2>&1
  server6=$!
  until_true 5 sh -c "ip netns exec $net-b ss -Hltn 'sport = :5201' | grep -q ." || fail "iperf3 does not listen"
  ns a iperf3 -6 -c 2001:db8:2::2 -p 5201 "$@" >"$tmp/client6" 2>&1 || fail "TCP over IPv6: $(tail -n 3 "$tmp/client6")"
  wait $server6 || :
}

say "West, and a guest with strongSwan in East's stead"
ike_needs
topology
outer=ipv6
gw_start west
# shellcheck disable=SC2046 # a list of words
guest_start $(ike_files)
guest_router
guest "set -e
  for each in all default e-wan e-lan; do echo 0 >/proc/sys/net/ipv6/conf/\$each/disable_ipv6; done
  ip addr add 2001:db8:f::2/64 dev e-wan nodad; ip addr add 2001:db8:2::1/64 dev e-lan nodad
  ip route add 2001:db8:1::/64 via 2001:db8:f::1; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding" ||
  fail "the guest does not take East's IPv6 addresses"
host_v6_add a 1
host_v6_add b 2
v6_settle west lan
v6_settle west wan
ping_all west 2 -i 0.2 2001:db8:f::2

after='(src host 192.0.2.1 and ip proto 50 and ip[6:2] & 0x3fff != 0) or (src host 2001:db8:f::1 and ip6 proto 44)'
generation=1
for outer in ipv4 ipv6; do
  say "static SAs over $outer, both families inside"
  policies_add west
  policies_v6_add west
  key_new west $generation
  key_new east $generation
  sa_add west in east $generation
  sa_add west out west $generation
  guest_tunnel_add $generation
  ping_all a 3 -i 0.2 10.2.0.2
  ping_all a 3 -i 0.2 2001:db8:2::2
  ping_all b 3 -i 0.2 2001:db8:1::2
  # Both ends cut what may be cut: Culvert before ESP, the kernel after it.
  ping_all a 3 -i 0.2 -M dont -s 4000 10.2.0.2
  ns b ping -q -c 3 -i 0.2 -W 1 -s 4000 2001:db8:1::2 >/dev/null 2>&1 || : # both hosts learn what fits
  ping_all b 3 -i 0.2 -s 4000 2001:db8:1::2
  west sa update src "$(outer_of 1)" dst "$(outer_of 2)" spi "$(spi_of west $generation)" vnet blue reqid 1 dir out \
    key-file "$(key_of west $generation)" fragment after
  capture_start wire west "$tmp/after.pcap" "$after"
  ping_all a 3 -i 0.2 -M dont -s 4000 10.2.0.2 # and the kernel puts together what Culvert cut after it
  capture_wait "$tmp/after.pcap" '' 12
  quit "$capture"
  [ "$(capture_count "$tmp/after.pcap")" -ge 12 ] || fail "there are few fragments of ESP on the wire"
  tcp_both_ways 3000000
  tcp6 -n 3M
  tcp6 -n 3M -R
  until_true 5 agree $generation || fail "West says $(west_says west $generation), $(west_says east $generation), \
the guest $(guest_says west $generation), $(guest_says east $generation)"
  sa_del west east $generation
  sa_del west west $generation
  west policy flush
  guest "ip xfrm state flush; ip xfrm policy flush"
  generation=$((generation + 1))
done

say "IKEv2 over IPv6, both families in one CHILD_SA"
ike_ipv6=yes
child_words="replay_window = 1024"
ike_start_culvert west
ike_start east kernel-netlink
ike_initiate west
ping_all a 3 -i 0.2 10.2.0.2
ping_all b 3 -i 0.2 2001:db8:1::2
tcp_both_ways 1000000
flood_start 0.01
for starter in west east; do
  rekey_by $starter
done
flood_end 20
until_true 5 ends_agree || fail "West says $(children west INSTALLED), East $(children east INSTALLED)"
west sa show | grep -q '^dst 2001:db8:f::' || fail "the SAs are not over IPv6: $(west sa show)"
ike_terminate east

say "the same in UDP"
ike_words="encap = yes"
ike_reload
ike_initiate west
west sa show | grep -q 'encap' || fail "the SAs are not in UDP: $(west sa show)"
capture_start wire west "$tmp/udp.pcap"
ping_all a 3 -i 0.2 10.2.0.2
ping_all b 3 -i 0.2 2001:db8:1::2
tcp_both_ways 1000000
quit "$capture"
capture_has "$tmp/udp.pcap" 'ip6 and udp port 4500' 500 || fail "the wire does not show ESP in UDP over IPv6"
[ "$(capture_count "$tmp/udp.pcap" 'ip6 proto 50')" -eq 0 ] || fail "the wire shows plain ESP"
until_true 5 ends_agree || fail "West says $(children west INSTALLED), East $(children east INSTALLED)"
ike_terminate west
[ "$(drops west no-policy icv replay-old replay-dup esp-no-sa inner-policy inner-selector)" -eq 0 ] || fail "West dropped packets: $(west stats show drops)"
ikes_end
