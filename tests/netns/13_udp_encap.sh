#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# ESP in UDP between two gateways: ping and TCP, nothing else on the wire and no checksum in it; then a NAT before East whose
# port changes. West tells it once, by an event, and goes on when its SAs say the new port.
. "$(dirname "$0")/lib.sh"
begin

size=2000000
nat_port=$tmp/nat.port # which port the NAT has given East

# A generation of SAs in UDP: generation, East's port as West sees it.
udp_tunnel_add() {
  key_new west "$1"
  key_new east "$1"
  sa_add east in west "$1" encap espinudp 4500 4500
  sa_add west in east "$1" encap espinudp "$2" 4500
  sa_add west out west "$1" encap espinudp 4500 "$2"
  sa_add east out east "$1" encap espinudp 4500 4500
}

# West's two SAs of generation 1 learn East's new port.
peer_port_set() {
  west sa update src 192.0.2.2 dst 192.0.2.1 spi "$(spi_of east 1)" vnet blue key-file "$(key_of east 1)" reqid 1 \
    dir in encap espinudp "$1" 4500
  west sa update src 192.0.2.1 dst 192.0.2.2 spi "$(spi_of west 1)" vnet blue key-file "$(key_of west 1)" reqid 1 \
    dir out encap espinudp 4500 "$1"
}

transfer() { # namespace that sends, one that receives, address
  ns_start "$2" "$python" "$here/transfer.py" receive "$3" 7000 $size >"$tmp/$2.in"
  receiver=$!
  until_true 5 listens "$2" || fail "the receiver does not listen"
  ns_start "$1" "$python" "$here/transfer.py" send "$3" 7000 $size 1 >"$tmp/$1.out"
  wait $! && wait $receiver || fail "the transfer from $1 to $2 did not finish"
  cmp "$tmp/$1.out" "$tmp/$2.in" || fail "$2 received other bytes than $1 sent"
}

listens() {
  ns "$1" ss -Hltn | grep -q ':7000 '
}

events() { # how many mapping events the monitor has shown
  grep -c '"event": "mapping"' "$tmp/events" || :
}

# The monitor listens once it has seen an event.
listening() {
  peer_port_set 4500
  grep -q '"event": "sa-update"' "$tmp/events"
}

say "two gateways, SAs in UDP"
topology
gw_start west
gw_start east
policies_add west
policies_add east
udp_tunnel_add 1 4500
ping_all a 2 -i 0.2 10.2.0.2

say "path MTU: 8 bytes less than without UDP"
ns a ping -q -M do -s 1411 -c 2 -i 0.2 -W 1 10.2.0.2 >"$tmp/ping" 2>&1 || :
learned=$(ip -n "$net-a" route get 10.2.0.2 | sed -n 's/.* mtu \([0-9]*\).*/\1/p')
[ "$learned" = 1438 ] || fail "A's kernel holds a path MTU of '$learned', not 1438"

say "ping and TCP under capture"
capture_start wire west "$tmp/wire.pcap"
for bytes in 0 1 2 3 64 1000 1410; do
  ping_all a 2 -i 0.2 -s $bytes -M do 10.2.0.2
done
transfer a b 10.2.0.2
transfer b a 10.1.0.2
quit "$capture"
seen=$(capture_count "$tmp/wire.pcap" 'udp port 4500')
[ "$seen" -gt 2000 ] || fail "the wire showed $seen packets in UDP, too few for two transfers"
other=$(capture_count "$tmp/wire.pcap" 'not arp and not (udp src port 4500 and udp dst port 4500)')
[ "$other" -eq 0 ] || fail "$other packets on the wire are neither ESP in UDP nor ARP"
summed=$(capture_count "$tmp/wire.pcap" 'udp[6:2] != 0')
[ "$summed" -eq 0 ] || fail "$summed UDP packets bear a checksum"
tcpdump -n -r "$tmp/wire.pcap" -c 20 'udp' 2>/dev/null >"$tmp/shown"
! grep -v 'UDP-encap: ESP(spi=0x0000[12]001,' "$tmp/shown" || fail "tcpdump takes them for something else"
for gateway in west east; do # "mtu" is how TCP learns the path's
  [ "$(drops $gateway)" -eq "$(drops $gateway mtu)" ] || fail "$gateway dropped packets"
done

say "a NAT before East"
"$culvert" --socket "$tmp/west/culvert.sock" -j monitor mapping sa >"$tmp/events" &
monitor=$!
undo quit $monitor
until_true 3 listening || fail "culvert monitor shows no event"
for device in west east; do
  ip -n "$net-wire" link set "$device" nomaster
done
echo 61000 >"$nat_port"
ns_start wire "$python" "$here/nat.py" east west 192.0.2.2 "$nat_port" >"$tmp/nat"
until_true 5 grep -q ready "$tmp/nat" || fail "the NAT did not start"
peer_port_set 61000
ping_all a 5 -i 0.2 10.2.0.2
ping_all b 5 -i 0.2 10.1.0.2
[ "$(events)" -eq 0 ] || fail "a mapping event, though East is where the SA says: $(cat "$tmp/events")"

say "its port changes"
echo 61001 >"$nat_port.new"
mv "$nat_port.new" "$nat_port"
before=$(stats west sum esp_in)
ns b ping -q -c 20 -i 0.05 -W 1 10.1.0.2 >"$tmp/ping" || :
[ "$(ping_received "$tmp/ping")" = 0 ] || fail "the NAT let in what it has forgotten: this test cannot see the change"
[ "$(stats west sum esp_in)" -eq $((before + 20)) ] || fail "West did not take what came from the new port"
until_true 3 grep -q '"event": "mapping"' "$tmp/events" || fail "no mapping event was seen"
[ "$(events)" -eq 1 ] || fail "one mapping event is due, not $(events)"
for part in '"new_src": "192.0.2.2"' '"old_sport": 61000' '"new_sport": 61001'; do
  grep '"event": "mapping"' "$tmp/events" | grep -q "$part" || fail "the event lacks $part: $(cat "$tmp/events")"
done
peer_port_set 61001
ping_all a 5 -i 0.2 10.2.0.2
ping_all b 5 -i 0.2 10.1.0.2
[ "$(events)" -eq 1 ] || fail "another mapping event, though the SA says the new port"
kill $monitor
