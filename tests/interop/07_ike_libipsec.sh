#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# IKEv2 with strongSwan's own ESP in user space (kernel-libipsec) at East: always in UDP, port 4500, without ESN. Pings of
# several sizes, TCP, a rekey from either side; IKE and ESP share the port. charon reads ESP from a UDP socket like any other,
# whose buffer overflows when packets come fast: what West sent is what charon took and what its socket dropped, exactly.
. "$(dirname "$0")/lib.sh"
. "$interop/ike.sh"
begin

# East is a plain Linux router; libipsec has a TUN device there and routes to it.
plain_east() {
  no_culvert=east
  for device in e-wan e-lan; do
    ip -n "$net-east" link set "$device" arp on
    ns east sysctl -qw "net.ipv4.conf.$device.rp_filter=0"
  done
  ns east sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.ip_forward=1
  ip -n "$net-east" addr add 192.0.2.2/24 dev e-wan
  ip -n "$net-east" addr add 10.2.0.1/24 dev e-lan
}

say "West with Culvert, East with libipsec"
ike_needs libcharon-extra-plugins
topology
plain_east
gw_start west
ike_esp=aes256gcm16
ike_start_culvert west
ike_routes=yes
ike_start east "kernel-libipsec kernel-netlink"
capture_start wire west "$tmp/wire" "ip proto 50 or udp port 4500"
listener=$capture

socket_dropped() { # datagrams for which a UDP socket at East had no room
  ns east awk '/^Udp: / { for (i = 2; i <= NF; i++) if ($i == "RcvbufErrors") at = i; n = $at } END { print n }' /proc/net/snmp
}

say "pings and TCP, in UDP"
dropped=$(socket_dropped)
ike_initiate west
[ "$(west -j sa show | "$python" "$here/stats.py" values encap encap_sport encap_dport)" = "espinudp 4500 4500" ] ||
  fail "not in UDP: $(west sa show)"
ping_each 50 -i 0.02
ping_each 50 -i 0.02 -s 1300
tcp_both_ways 1000000
all_in() { # to West all that East sent, in packets and bytes; to East all but what its socket dropped
  [ "$(children west INSTALLED | cut -d ' ' -f 5,6)" = "$(children east INSTALLED | cut -d ' ' -f 7,8)" ] &&
    [ "$(children west INSTALLED | cut -d ' ' -f 8)" -eq \
      $(($(children east INSTALLED | cut -d ' ' -f 6) + $(socket_dropped) - dropped)) ] && counters_true west blue
}
until_true 5 all_in ||
  fail "West says $(children west INSTALLED), East $(children east INSTALLED) and its socket dropped $(($(socket_dropped) - dropped))"

say "rekeys from either side under pings"
flood_start 0.02
for starter in west east west east; do
  rekey_by $starter
done
ping_each 20 -i 0.02
flood_end 20
swan west --rekey --ike blue >"$tmp/rekey" || fail "rekey of the IKE SA: $(cat "$tmp/rekey")"
ping_each 5 -i 0.02

say "what was on the wire"
quit $listener
[ "$(capture_count "$tmp/wire" "udp port 4500 and udp[8:4] != 0")" -gt 1000 ] || fail "hardly any ESP in UDP"
[ "$(capture_count "$tmp/wire" "udp port 4500 and udp[8:4] == 0")" -gt 0 ] || fail "no IKE on port 4500"
[ "$(capture_count "$tmp/wire" "ip proto 50")" -eq 0 ] || fail "ESP without UDP"
swan east --terminate --ike blue --timeout 20 >"$tmp/terminate" || fail "terminate: $(cat "$tmp/terminate")"
until_true 5 dataplane_empty west || fail "West: an SA or a policy is left in the dataplane"
ike_stop west
ike_stop east
