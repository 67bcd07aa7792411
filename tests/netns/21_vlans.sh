#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Two virtual networks with the same addresses, and the underlay, each a VLAN on the one port of each gateway; behind it a
# switch gives every VLAN a wire of its own. The networks' twins are in network namespaces of their own, each with its routes.
# Nothing of red reaches blue, on no wire, by no tag and under no SA.
. "$(dirname "$0")/lib.sh"

# As by vlan_topology: hosts ared, ablue - swwest - west; east - sweast - bred, bblue; wire between the switches.
gw_config() { # gateway
  number=$(gw_number "$1")
  letter=$(printf '%.1s' "$1")
  gw_config_head "$1"
  cat <<CONFIG
vnets:
  - {name: red, id: 1, netns: $net-$1red}
  - {name: blue, id: 2, netns: $net-$1blue}
ports:
  - {name: lan-red, on: trunk, vlan: 20, vnet: red, addresses: [10.$number.0.1/24${more_red:-}]}
  - {name: lan-blue, on: trunk, vlan: 30, vnet: blue, addresses: [10.$number.0.1/24]}
  - {name: wan, on: trunk, vlan: 10, underlay: true, addresses: [192.0.2.$number/24]}
  - {name: trunk, device: "$(port_device 0 "$letter-trunk")"}
CONFIG
}

vlan_switch() { # gateway, its hosts
  ns_start "sw$1" "$python" "$here/vlan_switch.py" trunk 10=wan 20=red 30=blue >"$tmp/sw$1"
  [ "$1" != west ] || west_switch=$!
  until_true 5 grep -q ready "$tmp/sw$1" || fail "the switch of $1 does not start"
}

vlan_topology() {
  for name in ared ablue swwest west westred westblue wire east eastred eastblue sweast bred bblue; do
    ns_add "$name"
  done
  undo ns_quit "$net-ared" "$net-ablue" "$net-swwest" "$net-west" "$net-east" "$net-sweast" "$net-bred" "$net-bblue"
  for side in west:a east:b; do
    gateway=${side%:*} hosts=${side#*:} letter=$(printf '%.1s' "${side%:*}")
    link_add "sw$gateway" trunk "$gateway" "$letter-trunk"
    # A veth hands the tag over beside the frame, where AF_XDP does not see it.
    ns "sw$gateway" ethtool -K trunk txvlan off
    for network in red blue; do
      link_add "sw$gateway" $network "$hosts$network" "$hosts$network-lan"
    done
    link_add "sw$gateway" wan wire "$gateway"
    gateway_port_prepare "$gateway" "$letter-trunk"
    vlan_switch "$gateway"
  done
  ip -n "$net-wire" link add wire type bridge stp_state 0 forward_delay 0 mcast_snooping 0 ||
    skip "this kernel has no bridge device"
  for device in west east; do
    ip -n "$net-wire" link set "$device" master wire
  done
  ip -n "$net-wire" link set wire up
  host_add ared 10.1.0.2 10.1.0.1
  host_add bred 10.2.0.2 10.2.0.1
  host_add ablue 10.1.0.2 10.1.0.1
  host_add bblue 10.2.0.2 10.2.0.1
}

# Policies and a pair of SAs of one network. Reqids and prefixes are the same in both: only the network tells them apart.
vlan_tunnel() { # network, SPI from west, SPI from east
  for from in west east; do
    key_new "$from" "$1"
    number=$(gw_number $from) spi=$2
    [ $from = west ] || spi=$3
    for at in east west; do
      direction=in
      [ $at != $from ] || direction=out
      $at sa add src "192.0.2.$number" dst "192.0.2.$((3 - number))" spi "$spi" vnet "$1" \
        key-file "$(key_of $from "$1")" reqid 1 dir $direction
    done
  done
  for at in west east; do
    near=$(gw_number $at) far=$((3 - $(gw_number $at)))
    $at policy add vnet "$1" dir out src "10.$near.0.0/24" dst "10.$far.0.0/24" action protect \
      tunnel-src "192.0.2.$near" tunnel-dst "192.0.2.$far" reqid 1
    for direction in in fwd; do
      $at policy add vnet "$1" dir $direction src "10.$far.0.0/24" dst "10.$near.0.0/24" action protect \
        tunnel-src "192.0.2.$far" tunnel-dst "192.0.2.$near" reqid 1
    done
  done
}

begin
red_says='red-alone-hears!' red_pattern=7265642d616c6f6e652d686561727321
blue_says='blue-alone-sees!' blue_pattern=626c75652d616c6f6e652d7365657321

say "two gateways with one port each, on it two networks with the same addresses and the underlay"
vlan_topology
gw_start west
gw_start east
vlan_tunnel red 0x1101 0x2101
vlan_tunnel blue 0x1201 0x2201

say "the gateways' own addresses, each in its VLAN and namespace"
ping_all ared 2 -i 0.2 10.1.0.1
ping_all ablue 2 -i 0.2 10.1.0.1
ping_all westred 2 -i 0.2 10.1.0.2
ping_all westblue 2 -i 0.2 10.1.0.2
ping_all west 2 -i 0.2 192.0.2.2

say "pings of both networks at once, with a listener on every wire"
captures=
for place in ared:ared-lan ablue:ablue-lan bred:bred-lan bblue:bblue-lan wire:west; do
  capture_start "${place%:*}" "${place#*:}" "$tmp/${place%:*}.pcap"
  captures="$captures $capture"
done
for round in 1 2; do # the second one is remembered
  ns_start ablue ping -q -c 20 -i 0.05 -W 2 -s 200 -p $blue_pattern 10.2.0.2 >"$tmp/blue"
  blue=$!
  ping_all ared 20 -i 0.05 -s 200 -p $red_pattern 10.2.0.2
  wait $blue || fail "pings of blue in round $round: $(grep transmitted "$tmp/blue")"
done
ping_all bblue 5 -i 0.1 -s 1400 -p $blue_pattern 10.1.0.2
ping_all bred 5 -i 0.1 -s 1400 -p $red_pattern 10.1.0.2
for place in ared ablue bred bblue; do
  capture_wait "$tmp/$place.pcap" icmp 90
done
for pid in $captures; do
  quit "$pid"
done
for place in ared bred; do
  grep -qaF "$red_says" "$tmp/$place.pcap" || fail "$place does not see red: this check cannot find it"
  ! grep -qaF "$blue_says" "$tmp/$place.pcap" || fail "$place sees blue"
done
for place in ablue bblue; do
  grep -qaF "$blue_says" "$tmp/$place.pcap" || fail "$place does not see blue: this check cannot find it"
  ! grep -qaF "$red_says" "$tmp/$place.pcap" || fail "$place sees red"
done
for place in ared ablue bred bblue; do
  icmp=$(capture_count "$tmp/$place.pcap" icmp)
  [ "$icmp" -eq 90 ] || fail "45 pings and their answers are 90 packets, $place sees $icmp"
done
! grep -qaF -e "$red_says" -e "$blue_says" "$tmp/wire.pcap" || fail "the wire shows what is inside"
[ "$(capture_count "$tmp/wire.pcap" "$clear_on_wire")" -eq 0 ] || fail "the wire shows other than ESP and ARP"
for spi in 0x1101 0x2101 0x1201 0x2201; do
  esp=$(capture_count "$tmp/wire.pcap" "ip[20:4] = $spi")
  [ "$esp" -eq 45 ] || fail "45 packets of SPI $spi are due, the wire shows $esp"
done
[ "$(drops west)" -eq 0 ] || fail "west dropped packets"
[ "$(drops east)" -eq 0 ] || fail "east dropped packets"

say "wrong tags, and the SA of the other network"
west policy add vnet red dir fwd src 10.5.0.0/24 dst 10.1.0.0/24 action protect \
  tunnel-src 192.0.2.2 tunnel-dst 192.0.2.1 reqid 1
CULVERT_CLI=$culvert CULVERT_SOCKET=$tmp/west/culvert.sock CULVERT_TMP=$tmp PYTHONDONTWRITEBYTECODE=1 \
  CULVERT_NS_SWITCH=$net-swwest CULVERT_NS_WIRE=$net-wire CULVERT_NS_RED=$net-ared CULVERT_NS_BLUE=$net-ablue \
  CULVERT_WEST_MAC=$(mac_of westred lan-red) "$python" "$top/tests/witness/vlan.py" || fail "vlan.py found a fault"

say "routes of each namespace are its network's"
via() { # vnet: the gateways of 10.7.0.0/24 there
  west -j route show | "$python" -c 'import json, sys
print(*(row["gateway"] for row in json.load(sys.stdin) if row["dst"] == "10.7.0.0/24" and row["vnet"] == sys.argv[1]))' "$1"
}
via_is() {
  [ "$(via "$1")" = "$2" ]
}
ip -n "$net-westred" route add 10.7.0.0/24 via 10.1.0.7
ip -n "$net-westblue" route add 10.7.0.0/24 via 10.1.0.8
ip -n "$net-westblue" route add blackhole 10.8.0.0/24
until_true 5 via_is red 10.1.0.7 && until_true 5 via_is blue 10.1.0.8 || fail "10.7.0.0/24: red '$(via red)', blue '$(via blue)'"
[ "$(west -j route show | grep -c '"10.8.0.0/24"')" -eq 1 ] || fail "a blackhole of blue's kernel is not blue's alone"
ip -n "$net-westred" route del 10.7.0.0/24
until_true 5 via_is red '' && via_is blue 10.1.0.8 || fail "10.7.0.0/24 is gone in red: red '$(via red)', blue '$(via blue)'"

say "events that were lost: a namespace that is flooded is asked again"
ns westred sh -c 'for i in $(seq 2000); do echo "route add 10.99.$((i / 250)).$((i % 250 + 1))/32 via 10.1.0.7"; done' >"$tmp/flood"
ip -n "$net-westred" -batch "$tmp/flood"
flooded() {
  [ "$(west -j route show | grep -c '"10.99.')" -eq 2000 ]
}
until_true 10 flooded || fail "2000 routes of red's kernel: $(west -j route show | grep -c '"10.99.') are known"
ping_all ared 3 -i 0.1 10.2.0.2
ping_all ablue 3 -i 0.1 10.2.0.2

say "a reload changes what is in the namespaces, without going there; a new namespace waits for the next start"
more_red=", 10.1.0.77/24, 2001:db8:1::1/64"
gw_config west | sed "s/netns: $net-westblue/netns: $net-eastblue/" >"$tmp/west/culvert.yaml"
kill -HUP "$(gw_pid west)"
has_more() {
  ip -n "$net-westred" addr show dev lan-red | grep -q 10.1.0.77 &&
    ip -n "$net-westred" -6 addr show dev lan-red | grep -q 2001:db8:1::1
}
until_true 5 has_more || fail "the new addresses are not on red's twin: $(tail -n 3 "$tmp/west/log")"
grep -q 'vnet blue: changed; takes effect at the next start' "$tmp/west/log" || fail "nothing is said of blue's namespace"
ping_all ared 2 -i 0.2 10.1.0.77
ping_all ared 3 -i 0.1 10.2.0.2

say "the twin in its namespace is deleted: it is made again there, with its settings, and the other one does not notice"
pings_again() {
  ns ared ping -q -c 1 -W 1 10.2.0.2 >/dev/null
}
ip -n "$net-westred" link del lan-red
until_true 10 said 'port lan-red: its twin was deleted and made again' || fail "no twin: $(tail -n 3 "$tmp/west/log")"
until_true 5 has_more || fail "its addresses are not there: $(ip -n "$net-westred" addr)"
for setting in ipv4/conf/lan-red/arp_ignore=1 ipv4/conf/lan-red/forwarding=0 ipv6/conf/lan-red/accept_ra=0 \
  ipv6/conf/lan-red/disable_ipv6=0; do
  [ "$(ns westred cat "/proc/sys/net/${setting%=*}")" = "${setting#*=}" ] || fail "$setting is not so"
done
until_true 5 pings_again || fail "nothing passes: $(west stats show drops)"
ping_all ared 2 -i 0.2 10.1.0.1
ping_all ablue 3 -i 0.1 10.2.0.2

say "the device under all three is unplugged, and there again: each VLAN has its MAC"
ip -n "$net-west" link del w-trunk
until_true 5 said 'port trunk: the interface of its device .* was deleted' || fail "nobody says it: $(tail -n 3 "$tmp/west/log")"
link_add swwest trunk west w-trunk
ns swwest ethtool -K trunk txvlan off
gateway_port_prepare west w-trunk
quit "$west_switch"
vlan_switch west
until_true 20 said 'port trunk: its device .* is there again' || fail "it is not taken up: $(tail -n 3 "$tmp/west/log")"
for twin in westred:lan-red westblue:lan-blue west:wan; do
  [ "$(mac_of "${twin%:*}" "${twin#*:}")" = "$(mac_of west w-trunk)" ] || fail "${twin#*:} has not the new MAC"
done
until_true 5 pings_again || fail "nothing passes: $(west stats show drops)"
ping_all ared 3 -i 0.1 10.2.0.2
ping_all ablue 3 -i 0.1 10.2.0.2
ping_all bblue 3 -i 0.1 10.1.0.2

say "what the commands show"
west port show >"$tmp/ports"
grep -q 'vlan *20' "$tmp/ports" || fail "port show does not tell the VLAN: $(cat "$tmp/ports")"
west -j port show | "$python" -c 'import json, sys
ports = {port["name"]: port for port in json.load(sys.stdin)}
assert ports["lan-red"]["on"] == "trunk" and ports["lan-red"]["vlan"] == 20 and ports["lan-red"]["vnet"] == "red", ports
assert ports["lan-red"]["netns"].endswith("westred") and ports["wan"]["netns"] is None, ports
assert ports["trunk"]["vlan"] is None and ports["trunk"]["vnet"] is None and ports["trunk"]["ifindex"] is None, ports
assert ports["wan"]["underlay"] and ports["wan"]["rx_packets"] > 90 and ports["trunk"]["rx_packets"] == 12, ports' ||
  fail "port show in JSON"

say "what is left when a gateway ends"
gw_stop west || fail "west does not end well"
for name in westred westblue; do
  [ -z "$(gw_twins $name)" ] || fail "a twin is left: $(gw_twins $name)"
done

say "a namespace that is not there"
sed -i 's/netns: [^}]*red}/netns: culvert-nowhere}/' "$tmp/west/culvert.yaml"
! ns west "$culvertd" -c "$tmp/west/culvert.yaml" 2>"$tmp/nowhere" || fail "culvertd starts without its namespace"
grep -q "vnets.netns: cannot open network namespace 'culvert-nowhere': .* cure: ip netns add" "$tmp/nowhere" ||
  fail "culvertd says: $(grep -v "$noise" "$tmp/nowhere")"
