#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A pings B through both gateways, small and large. The wire shows ESP and ARP only, and never the payload.
. "$(dirname "$0")/lib.sh"
begin

payload='clear-as-can-be!'
pattern=636c6561722d61732d63616e2d626521
say "two gateways"
two_gateways

say "first pings, both ways: the gateways learn their neighbours"
ping_all a 3 -i 0.2 10.2.0.2
ping_all b 3 -i 0.2 10.1.0.2

say "pings of several sizes under capture"
capture_start wire west "$tmp/wire.pcap"
on_wire=$capture
capture_start a a-lan "$tmp/lan.pcap"
on_lan=$capture
ping_all a 50 -i 0.05 -s 120 -p $pattern 10.2.0.2
for size in 0 1 2 3 4 63 64 1000 1400; do
  ping_all a 2 -i 0.5 -s $size -p $pattern 10.2.0.2
done
# Too long for the tunnel, or for the LAN already, and may be cut. On AF_PACKET the kernel puts the LAN's fragments together
# before DPDK's driver gets them, in frames that are too long for it.
long_sizes="1472 4000" esp_due=164
[ "$ports" != af_packet ] || long_sizes=1472 esp_due=144
for size in $long_sizes; do
  ping_all a 2 -i 0.5 -M dont -s "$size" -p $pattern 10.2.0.2
done
capture_wait "$tmp/wire.pcap" 'ip proto 50' $esp_due
quit $on_wire
quit $on_lan

say "what the captures show"
grep -qaF "$payload" "$tmp/lan.pcap" || fail "the payload is not seen on A's LAN: this check cannot find it"
! grep -qaF "$payload" "$tmp/wire.pcap" || fail "the payload is readable on the wire"
esp=$(capture_count "$tmp/wire.pcap" 'ip proto 50')
[ "$esp" -eq $esp_due ] || fail "the pings and their answers are $esp_due ESP packets, two for one of 1500 bytes, the wire shows $esp"
clear=$(capture_count "$tmp/wire.pcap" "$clear_on_wire")
[ "$clear" -eq 0 ] || fail "$clear packets on the wire are neither ESP nor ARP"
engine=$(west -j stats show | "$python" "$here/stats.py" values engine)
[ -n "$engine" ] && [ "$engine" = "$(west -j info show | "$python" "$here/stats.py" values engine)" ] ||
  fail "stats show says engine '$engine': $(west info show)"
[ "$(drops west)" -eq 0 ] || fail "west dropped packets"
[ "$(drops east)" -eq 0 ] || fail "east dropped packets"
