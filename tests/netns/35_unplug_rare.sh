#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Interfaces under ports that are renamed, that another program holds for a while, or whose link comes late: the port goes on, or is
# taken up when it can be; tries that fail cost no packet buffers, and what was opened before leaves no descriptors.
. "$(dirname "$0")/lib.sh"
begin

said_times() { # how often at least, what
  [ "$(grep -c "$2" "$tmp/west/log")" -ge "$1" ]
}

# A link that was down for a moment may be said to be so a little later.
pings_pass() {
  ns a ping -q -c 5 -i 0.2 -W 1 10.2.0.2 | grep -q ' 0% packet loss'
}

again_there() { # how often by now
  until_true 20 said_times "$1" 'port lan: its device .* is there again' ||
    fail "it is not taken up again: $(grep -v "$noise" "$tmp/west/log" | tail -n 3)"
  until_true 5 pings_again || fail "nothing passes: $(west stats show drops)"
}

lost() { # how often by now
  until_true 5 said_times "$1" 'port lan: the interface of its device .* was deleted' || fail "nobody says it"
}

descriptors() { # of BPF, and sockets that are neither clients' nor netlink's: those of AF_XDP
  held=/proc/$(gw_pid west)
  cat "$held/net/unix" "$held/net/netlink" >"$tmp/others"
  find "$held/fd" -type l -printf '%l\n' | sed -n 's/^anon_inode:b.*/bpf/p; s/^socket:\[\(.*\)\]$/\1/p' | while read -r each; do
    grep -qw "$each" "$tmp/others" || echo "$each"
  done | wc -l
}

no_more_descriptors() {
  [ "$(descriptors)" -le "$open" ]
}

east_knows() { # MAC
  ip -n "$net-east" neigh show 192.0.2.1 dev wan | grep -q "$1"
}

say "renamed it goes on"
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
ip -n "$net-west" link set w-lan down
ip -n "$net-west" link set w-lan name w-other
ip -n "$net-west" link set w-other up
until_true 5 pings_pass || fail "nothing passes: $(west port show)"
! grep -q 'was deleted' "$tmp/west/log" || fail "it is said to be deleted: $(tail -n 2 "$tmp/west/log")"

say "deleted by its other name, it is looked for by the first; no descriptors are left of one after the other"
for again in 1 2 3; do
  ip -n "$net-west" link del "$([ $again -eq 1 ] && echo w-other || echo w-lan)"
  lost $again
  inside_back
  again_there $again
  [ $again -gt 1 ] || open=$(descriptors) # the first time other ones go than come: libxdp's
done
until_true 5 no_more_descriptors || fail "$open descriptors were open after the first time, now $(descriptors)"

say "a link that comes late: the neighbours are told then"
ip -n "$net-west" link del w-wan
until_true 5 said_times 1 'port wan: the interface of its device .* was deleted' || fail "nobody says it"
ip link add w-wan netns "$net-west" type veth peer name west netns "$net-wire"
ns west ethtool -K w-wan tx off >/dev/null
ns wire ethtool -K west tx off >/dev/null
gateway_port_prepare west w-wan
ip -n "$net-wire" link set west master wire
ip -n "$net-west" link set w-wan up
until_true 20 said_times 1 'port wan: its device .* is there again' || fail "it is not taken up again: $(tail -n 3 "$tmp/west/log")"
! east_knows "$(mac_of west w-wan)" || fail "East knows already: this test cannot see anything"
ip -n "$net-wire" link set west up
until_true 5 east_knows "$(mac_of west w-wan)" || fail "East was not told: $(ip -n "$net-east" neigh show dev wan)"
ping_all b 3 -i 0.2 10.1.0.2

if [ "$ports" = af_xdp ]; then
  say "held by another program: four tries cost nothing, the next one takes it up"
  ip -n "$net-west" link del w-lan
  lost 4
  inside_new
  ns_start west "$python" "$here/xdp_hold.py" w-lan >"$tmp/held"
  holder=$!
  until_true 5 grep -q held "$tmp/held" || fail "it cannot be held"
  ip -n "$net-west" link set w-lan up
  until_true 30 said_times 4 'port lan: .* is another program on it' || fail "four tries are not said"
  quit $holder
  again_there 4
  [ "$(drops west no-buffer)" -eq 0 ] || fail "no buffers were left: $(west stats show drops)"
  until_true 5 no_more_descriptors || fail "$open descriptors were open before, now $(descriptors)"
fi
ping_all a 3 -i 0.2 10.2.0.2
ping_all b 3 -i 0.2 10.1.0.2
