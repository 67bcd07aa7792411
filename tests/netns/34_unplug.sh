#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Interfaces under ports are deleted and made again while packets flow, by a gateway that is root no longer: said, counted, and
# taken up again, with the MAC that the new one has; SAs, routes and policies stay; no packet buffer goes with a device.
. "$(dirname "$0")/lib.sh"
begin

said_times() { # how often, what
  [ "$(grep -c "$2" "$tmp/west/log")" -eq "$1" ]
}

port_says() { # port, what
  west -j port show | "$python" -c "import json, sys; print(*(row['$2'] for row in json.load(sys.stdin) if row['name'] == '$1'))"
}

out_seq() {
  west -j sa show | "$python" -c 'import json, sys; print(max(sa["out_seq"] for sa in json.load(sys.stdin) if sa["dir"] == "out"))'
}

outside_back() {
  link_add west w-wan wire west
  ip -n "$net-wire" link set west master wire
  gateway_port_prepare west w-wan
}

# By their fill rings, at the place in memory maps that linux/if_xdp.h gives.
xdp_sockets() {
  grep -c ' 100000000 .*socket:' "/proc/$(gw_pid west)/maps" || :
}

memory_b() {
  west -j stats show memory |
    "$python" -c 'import json, sys; print(sum(row["bytes"] for row in json.load(sys.stdin) if row.get("use") == "total"))'
}

again_there() { # port, how often by now
  until_true 20 said_times "$2" "port $1: its device .* is there again" ||
    fail "$1 is not taken up again: $(grep -v "$noise" "$tmp/west/log" | tail -n 3)"
}

say "two gateways that are root no longer, and a tunnel"
topology
chmod 711 "$tmp"
more_config='user: nobody
packets: 8192'
gw_start west
gw_start east
policies_add west
policies_add east
tunnel_add 1
ping_all a 3 -i 0.2 10.2.0.2
sent=$(out_seq)

say "the inside: said and counted while it is away, taken up when it is back"
before=$(drops west port-down)
ip -n "$net-west" link del w-lan
until_true 5 said 'port lan: the interface of its device .*w-lan.* was deleted' || fail "nobody says it: $(tail -n 3 "$tmp/west/log")"
ns b ping -q -c 3 -i 0.2 -W 1 10.1.0.2 >/dev/null || :
drops_grow port-down "$before" || fail "what was to leave there was not counted: $(west stats show drops)"
[ "$(port_says lan up)" = False ] || fail "it is said to be up: $(west port show)"
inside_back
again_there lan 1
[ "$(mac_of west w-lan)" = "$(mac_of west lan)" ] || fail "the twin has $(mac_of west lan), the interface $(mac_of west w-lan)"
[ "$(port_says lan mac)" = "$(mac_of west w-lan)" ] || fail "another MAC is shown: $(west -j port show)"
until_true 5 pings_again || fail "nothing passes: $(west stats show drops)"
ping_all a 3 -i 0.2 10.2.0.2
ping_all b 3 -i 0.2 10.1.0.2
ping_all a 3 -i 0.2 10.1.0.1

say "the outside, and as soon as it is gone another is there; ARP tells the other side which MAC it is now"
ip -n "$net-west" link del w-wan
outside_back
again_there wan 1
until_true 5 pings_again || fail "nothing passes: $(west stats show drops)"
ping_all a 3 -i 0.2 10.2.0.2
ping_all b 3 -i 0.2 10.1.0.2

say "four times, amid pings: with the buffers of four devices none would be left"
memory=$(memory_b)
flood_start 0.02
for again in 2 3 4 5; do
  ip -n "$net-west" link del w-wan
  outside_back
  again_there wan $again
  until_true 5 pings_again || fail "nothing passes (time $again): $(west stats show drops)"
done
flood_stop
! said 'has kept .* packet buffers' || fail "buffers are gone: $(grep 'packet buffers' "$tmp/west/log")"
# DPDK's AF_XDP driver forgets a line or two of its own each time.
[ "$(memory_b)" -le $((memory + 2048)) ] || fail "$memory bytes were in use before, now $(memory_b)"
[ "$(drops west no-buffer)" -eq 0 ] || fail "no buffers were left: $(west stats show drops)"
ping_all a 3 -i 0.2 10.2.0.2
[ "$(out_seq)" -gt "$sent" ] || fail "the SA did not go on: $sent, then $(out_seq)"
[ "$(west sa show | grep -c '^')" -ge 2 ] || fail "SAs went with a device: $(west sa show)"

say "one that is there but down is waited for"
ip -n "$net-west" link del w-lan
until_true 5 said_times 2 'port lan: the interface of its device .* was deleted' || fail "nobody says it"
inside_new
sleep 2
said_times 1 'port lan: its device .* is there again' || fail "it was taken up while it was down"
program=$(find /usr/lib -path '*/bpf/xsk_def_xdp_prog.o' | head -n 1)
if [ "$ports" = af_xdp ] && ip -n "$net-west" link set w-lan xdp obj "$program" sec xdp 2>/dev/null; then
  say "one that somebody else's program is on is left alone: said, and looked at again"
  ip -n "$net-west" link set w-lan up
  until_true 20 said_times 2 'port lan: an XDP program .* xdp off' || fail "it is not said twice: $(tail -n 3 "$tmp/west/log")"
  ip -n "$net-west" link show w-lan | grep -q xdp || fail "that program is gone"
  [ "$(xdp_sockets)" -eq 1 ] || fail "of tries that failed sockets are left: $(xdp_sockets) and not that of wan"
  ip -n "$net-west" link set w-lan xdp off
else
  ip -n "$net-west" link set w-lan up
fi
again_there lan 2
until_true 5 pings_again || fail "nothing passes: $(west stats show drops)"
[ "$ports" != af_xdp ] || [ "$(xdp_sockets)" -eq 2 ] || fail "$(xdp_sockets) sockets for two ports"
gw_stop west || fail "it does not stop as it should"

say "a crash after that leaves nothing that the next start falls over"
gw_start west
policies_add west
tunnel_add 2
ip -n "$net-west" link del w-lan
inside_back
again_there lan 3
until_true 5 pings_again || fail "nothing passes: $(west stats show drops)"
gw_crash west
gw_start west
policies_add west
tunnel_add 3
ping_all a 3 -i 0.2 10.2.0.2

say "reopen: false: no thread keeps rights for it, and a restart is the cure"
gw_stop west || fail "it does not stop as it should"
more_config='user: nobody
reopen: false'
gw_start west
policies_add west
tunnel_add 4
ping_all a 3 -i 0.2 10.2.0.2
ip -n "$net-west" link del w-lan
until_true 5 said 'was deleted.*then restart the daemon' || fail "the cure is not said: $(tail -n 3 "$tmp/west/log")"
inside_back
gw_stop west || fail "without its interface the daemon does not stop as it should"
said_times 3 'port lan: its device .* is there again' || fail "it was taken up all the same"
gw_start west
policies_add west
tunnel_add 5
ping_all a 3 -i 0.2 10.2.0.2
