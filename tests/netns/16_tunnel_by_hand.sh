#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Keys exchanged by hand, with files: as the README says it, with a lost answer, a repeated offer, files that others may
# read, and a restart. One gateway has its tunnel from the configuration.
. "$(dirname "$0")/lib.sh"
begin
umask 077

tunnel_value() { # gateway, name of a value
  "$1" -j tunnel show site | "$python" "$here/stats.py" values "$2"
}

refused() { # text that the refusal must have, file to accept, command...
  said=$1 file=$2
  shift 2
  if "$@" <"$file" >"$tmp/out" 2>"$tmp/err"; then
    fail "'$*' was not refused"
  fi
  grep -q -- "$said" "$tmp/err" || fail "'$said' is not in: $(cat "$tmp/err")"
  [ ! -s "$tmp/out" ] || fail "'$*' was refused and wrote something"
}

say "two gateways, east's tunnel from its configuration"
topology
gw_start west
more_config="tunnels:
  - {name: site, vnet: blue, local: 192.0.2.2, remote: 192.0.2.1, local_prefixes: [10.2.0.0/24],
     remote_prefixes: [10.1.0.0/24], hard_packets: 2000, overlap: 1,
     tfc_pad: 500, outer_dscp: 46, outer_df: set, outer_ttl: 9, fragment: after}"
gw_start east
west tunnel add site vnet blue local 192.0.2.1 remote 192.0.2.2 local-prefix 10.1.0.0/24 remote-prefix 10.2.0.0/24 overlap 1 \
  tfc-pad 300 outer-df clear outer-ttl 77
wishes=
for wish in tfc_pad outer_dscp outer_df outer_ttl fragment; do
  wishes="$wishes $(tunnel_value east $wish)"
done
[ "$wishes" = " 500 46 set 9 after" ] || fail "tunnel show of east: $(east tunnel show)"
capture_start wire wire "$tmp/wire.pcap"

say "an offer, an answer, and back"
west tunnel offer site >"$tmp/offer"
east tunnel accept site <"$tmp/offer" >"$tmp/answer"
west tunnel accept site <"$tmp/answer"
ping_all a 3 -i 0.2 10.2.0.2
for gateway in west east; do
  [ "$(tunnel_value $gateway state)" = up ] || fail "$gateway is not up"
done

say "nothing is taken twice, and nothing that others may have read"
refused "taken before\|old one" "$tmp/offer" east tunnel accept site
refused "no offer of tunnel site waits" "$tmp/answer" west tunnel accept site
refused "there is no tunnel" "$tmp/offer" east tunnel accept elsewhere
chmod 644 "$tmp/answer"
refused "others may read" "$tmp/answer" west tunnel accept site
(
  umask 022
  west tunnel offer site >"$tmp/open" 2>"$tmp/err" && fail "an offer went into an open file" || :
)
[ ! -s "$tmp/open" ] || fail "a key is in an open file"
refused "no exchange command" /dev/null west tunnel rekey site

say "a lost answer under load: the same offer again, and no packet lost"
ns_start a ping -q -i 0.005 -c 400 10.2.0.2 >"$tmp/flood"
flood=$!
before=$(($(drops west) + $(drops east)))
west tunnel offer site >"$tmp/offer2"
east tunnel accept site <"$tmp/offer2" >/dev/full 2>/dev/null && fail "an answer that nobody took was no error"
sleep 0.3
west tunnel offer site | cmp -s - "$tmp/offer2" || fail "the second try is another offer"
west tunnel offer site | east tunnel accept site >"$tmp/answer2"
sleep 0.3
west tunnel accept site <"$tmp/answer2"
wait $flood || :
[ "$(ping_received "$tmp/flood")" = 400 ] || fail "$(grep transmitted "$tmp/flood")"
[ $(($(drops west) + $(drops east))) -eq "$before" ] || fail "packets were dropped"
[ "$(tunnel_value west generation)" = 2 ] && [ "$(tunnel_value east generation)" = 2 ] || fail "generations differ"

say "a soft limit by hand asks for hands, a hard one drops"
ns_start east "$culvert" --socket "$tmp/east/culvert.sock" -j monitor >"$tmp/events"
monitor=$!
monitor_hears() { # something that happens for it to hear
  east policy add vnet blue dir out src 10.9.0.0/24 dst 10.8.0.0/24 action drop
  east policy del vnet blue dir out src 10.9.0.0/24 dst 10.8.0.0/24
  [ -s "$tmp/events" ]
}
until_true 10 monitor_hears || fail "the monitor hears nothing"
heard() { # name of an event of the tunnel
  grep -q "\"event\": \"tunnel-$1\"" "$tmp/events"
}
ns_start a ping -q -i 0.002 -c 2500 -W 1 10.2.0.2 >"$tmp/flood" && wait $! || :
until_true 5 heard rekey-wanted || fail "no event asks for hands: $(cat "$tmp/events")"
until_true 5 heard down || fail "no event says that the tunnel is down: $(cat "$tmp/events")"
quit $monitor
[ "$(ping_received "$tmp/flood")" -lt 2500 ] || fail "the hard limit stopped nothing"
[ "$(ping_received "$tmp/flood")" -gt 1500 ] || fail "the limit came early: $(ping_received "$tmp/flood") answers"

say "after a restart the tunnel of the configuration is there, without keys, and protects"
gw_crash east
gw_start east
[ "$(tunnel_value east state)" = down ] || fail "a restart did not forget the keys"
clear_before=$(drops east no-sa)
ns_start b ping -q -c 3 -i 0.2 -W 1 10.1.0.2 >"$tmp/ping" && wait $! || :
[ "$(ping_received "$tmp/ping")" = 0 ] && [ "$(drops east no-sa)" -gt "$clear_before" ] || fail "east does not protect"
refused "in use here before" "$tmp/offer2" east tunnel accept site
east tunnel offer site >"$tmp/offer3"
west tunnel accept site <"$tmp/offer3" >"$tmp/answer3"
east tunnel accept site <"$tmp/answer3"
ping_all a 3 -i 0.2 10.2.0.2
[ "$(tunnel_value east generation)" = 3 ] || fail "east did not take the count of generations: $(tunnel_value east generation)"

say "nothing was in the clear"
quit $capture
[ "$(capture_count "$tmp/wire.pcap" "$clear_on_wire")" -eq 0 ] || fail "packets in the clear on the wire"

say "each generation's packets were as their gateway wants them: pings of 84 bytes, padded (RFC 4303 2.7)"
all_are() { # host, what tcpdump finds of its ESP packets
  all=$(capture_count "$tmp/wire.pcap" "src host $1 and ip proto 50")
  [ "$all" -gt 1900 ] || fail "only $all packets from $1"
  [ "$(capture_count "$tmp/wire.pcap" "src host $1 and ip proto 50 and $2")" -eq "$all" ] ||
    fail "not all are $2: $(tcpdump -nv -r "$tmp/wire.pcap" "src host $1 and ip proto 50 and not ($2)" 2>/dev/null | head -n 4)"
}
all_are 192.0.2.1 'ip[1] = 0 and ip[6] = 0 and ip[8] = 77 and ip[2:2] = 356'
all_are 192.0.2.2 'ip[1] = 184 and ip[6] = 64 and ip[8] = 9 and ip[2:2] = 556'
