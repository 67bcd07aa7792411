#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# IPv6 hosts behind the gateways, IPv4 between them: both families pass through the same SAs at once, neighbours find each
# other through the twins, hop limit and path MTU are told, and nothing is clear on the wire.
. "$(dirname "$0")/lib.sh"
begin

payload='clear-as-can-be!'
pattern=636c6561722d61732d63616e2d626521
ipv6=on

say "two gateways and IPv6 hosts"
two_gateways
policies_v6_add west
policies_v6_add east
host_v6_add a 1
host_v6_add b 2

say "the gateways' own addresses: neighbour discovery and ping through the twins"
lan_v6_settle west
lan_v6_settle east
ping_all a 3 -i 0.2 2001:db8:1::1
ping_all west 3 -i 0.2 -I 2001:db8:1::1 2001:db8:1::2
learned=$(ip -n "$net-a" -6 neigh show 2001:db8:1::1 | awk '{ print $5 }')
[ "$learned" = "$(mac_of west lan)" ] || fail "A learned '$learned' for its gateway, the port has $(mac_of west lan)"
ip -n "$net-a" -6 neigh show 2001:db8:1::1 | grep -q router || fail "A's gateway does not say that it is a router"
[ "$(stats west sum esp_in esp_out)" -eq 0 ] || fail "pings of the gateway's own addresses were wrapped in ESP"

say "pings of several sizes under capture, both families at once"
capture_start wire west "$tmp/wire.pcap"
on_wire=$capture
capture_start a a-lan "$tmp/lan.pcap"
on_lan=$capture
ping_all a 2 -i 0.2 10.2.0.2 # the gateways learn each other
ping_all a 3 -i 0.2 2001:db8:2::2
ping_all b 3 -i 0.2 2001:db8:1::2
for size in 0 1 2 3 4 63 64 1000 1398; do
  ping_all a 2 -i 0.2 -s $size -p $pattern 2001:db8:2::2
done
ns_start a ping -q -c 20 -i 0.05 -W 2 10.2.0.2 >"$tmp/ping4"
ping4=$!
ping_all a 20 -i 0.05 2001:db8:2::2
wait $ping4 || fail "pings over IPv4 beside those over IPv6: $(grep transmitted "$tmp/ping4")"
capture_wait "$tmp/wire.pcap" 'ip proto 50' 132
quit $on_wire
quit $on_lan
grep -qaF "$payload" "$tmp/lan.pcap" || fail "the payload is not seen on A's LAN: this check cannot find it"
! grep -qaF "$payload" "$tmp/wire.pcap" || fail "the payload is readable on the wire"
clear=$(capture_count "$tmp/wire.pcap" "$clear_on_wire")
[ "$clear" -eq 0 ] || fail "$clear packets on the wire are neither ESP nor ARP"
esp=$(capture_count "$tmp/wire.pcap" 'ip proto 50')
[ "$esp" -eq 132 ] || fail "66 pings and their answers are 132 ESP packets, the wire shows $esp"
[ "$(drops west)" -eq 0 ] || fail "west dropped packets"
[ "$(drops east)" -eq 0 ] || fail "east dropped packets"

say "a neighbour that the gateway has to look for again"
ip -n "$net-east" -6 neigh flush dev lan
ping_all a 2 -i 0.2 2001:db8:2::2

say "the gateway itself through the tunnel: its kernel needs a route, and a neighbour that need not be"
for gateway in west east; do
  ip -n "$net-$gateway" -6 neigh add fe80::ffff lladdr 02:00:00:00:00:32 dev lan nud permanent
  ip -n "$net-$gateway" -6 route add "2001:db8:$((3 - $(gw_number $gateway)))::/64" via fe80::ffff dev lan
done
ping_all a 2 -i 0.2 2001:db8:2::1
ping_all west 2 -i 0.2 -I 2001:db8:1::1 2001:db8:2::2

say "hops are counted: the first gateway tells, the third hop is B"
ns a ping -c 1 -W 1 -t 1 2001:db8:2::2 >"$tmp/hops" 2>&1 || :
grep -q 'From 2001:db8:1::1 .*Time exceeded: Hop limit' "$tmp/hops" || fail "hop limit 1: $(cat "$tmp/hops")"
ping_all a 1 -t 3 2001:db8:2::2
before=$(drops east ttl)
ns a ping -q -c 1 -W 1 -t 2 2001:db8:2::2 >/dev/null 2>&1 || :
[ "$(drops east ttl)" -eq $((before + 1)) ] || fail "hop limit 2 does not end at east"

say "what does not fit once ESP is added: A's kernel learns the path MTU"
ns a ping -q -M do -s 1452 -c 2 -i 0.2 -W 1 2001:db8:2::2 >"$tmp/ping" 2>&1 || :
learned=$(ip -n "$net-a" -6 route get 2001:db8:2::2 | sed -n 's/.* mtu \([0-9]*\).*/\1/p')
[ "$learned" = 1446 ] || fail "A's kernel holds a path MTU of '$learned', not 1446"
ping_all a 2 -i 0.2 -M do -s 1398 2001:db8:2::2

say "TCP over IPv6 beside TCP over IPv4"
ns_start b iperf3 -s -1 -p 5201 >"$tmp/server6" 2>&1
server6=$!
ns_start b iperf3 -s -1 -p 5202 >"$tmp/server4" 2>&1
server4=$!
until_true 5 sh -c "[ \"\$(ip netns exec $net-b ss -Hltn 'sport = :5201 or sport = :5202' | wc -l)\" -eq 2 ]" ||
  fail "iperf3 does not listen"
ns_start a iperf3 -c 10.2.0.2 -p 5202 -n 2M >"$tmp/client4" 2>&1
client4=$!
ns a iperf3 -6 -c 2001:db8:2::2 -p 5201 -n 4M >"$tmp/client6" 2>&1 || fail "TCP over IPv6: $(tail -n 3 "$tmp/client6")"
wait $client4 || fail "TCP over IPv4: $(tail -n 3 "$tmp/client4")"
wait $server6 $server4 || :

say "without a policy nothing leaves, and a source that no policy names neither"
capture_start wire west "$tmp/none.pcap"
before=$(drops west no-policy)
ns a ping -q -c 3 -i 0.1 -W 1 2001:db8:3::2 >/dev/null 2>&1 || :
[ "$(drops west no-policy)" -eq $((before + 3)) ] || fail "west did not drop 3 packets for want of a policy"
quit $capture
[ "$(capture_count "$tmp/none.pcap" 'not arp')" -eq 0 ] || fail "something left without a policy"

say "what the commands show"
west policy show | grep -q '2001:db8:1::/64' || fail "policy show does not show IPv6"
west route show | grep -q '2001:db8:1::/64' || fail "route show does not show IPv6"
west neigh show | grep -q '2001:db8:1::2' || fail "neigh show does not show IPv6"
west -j policy show | grep -q '"2001:db8:2::/64"' || fail "policy show in JSON does not show IPv6"
