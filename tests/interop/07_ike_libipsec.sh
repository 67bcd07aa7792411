#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# IKEv2 with strongSwan's own ESP in user space (kernel-libipsec) at East: always in UDP, port 4500, without ESN. Pings of
# several sizes, TCP, a rekey from either side; IKE and ESP share the port. The load is gentle, for libipsec loses packets
# when it is not.
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

say "pings and TCP, in UDP"
ike_initiate west
[ "$(west -j sa show | "$python" "$here/stats.py" values encap encap_sport encap_dport)" = "espinudp 4500 4500" ] ||
  fail "not in UDP: $(west sa show)"
ping_each 50 -i 0.02
ping_each 50 -i 0.02 -s 1300
tcp_both_ways 1000000
counts_in() { # what one side took in and what the other says it sent: West's or East's view
  if [ "$1" = west ]; then children west INSTALLED | cut -d ' ' -f 5,6; else children east INSTALLED | cut -d ' ' -f 7,8; fi
}
all_in() {
  [ "$(counts_in west)" = "$(counts_in east)" ] && counters_true west blue
}
until_true 5 all_in || fail "West says $(children west INSTALLED), East $(children east INSTALLED)"

say "rekeys from either side under pings"
ns_start a ping -i 0.02 10.2.0.2 >"$tmp/flood"
flood=$!
for starter in west east west east; do
  rekey_by $starter
done
ping_each 20 -i 0.02
kill -INT $flood
wait $flood || :
no_hole "$tmp/flood" 20
swan west --rekey --ike blue >"$tmp/rekey" || fail "rekey of the IKE SA: $(cat "$tmp/rekey")"
ping_each 5 -i 0.02

say "what was on the wire"
quit $listener
[ "$(capture_count "$tmp/wire" "udp port 4500 and udp[8:4] != 0")" -gt 1000 ] || fail "hardly any ESP in UDP"
[ "$(capture_count "$tmp/wire" "udp port 4500 and udp[8:4] == 0")" -gt 0 ] || fail "no IKE on port 4500"
[ "$(capture_count "$tmp/wire" "ip proto 50")" -eq 0 ] || fail "ESP without UDP"
swan east --terminate --ike blue --timeout 10 >"$tmp/terminate" || fail "terminate: $(cat "$tmp/terminate")"
until_true 5 dataplane_empty west || fail "West: an SA or a policy is left in the dataplane"
ike_stop west
ike_stop east
