#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What policies say of ports and ICMP types in ranges, and what a network's default says of the rest: real packets, each
# sent back inside by West, or not.
. "$(dirname "$0")/lib.sh"
begin

say "West, with a network behind another router inside: whatever it forwards there comes back to the host"
west_alone
ip -n "$net-west" neigh replace 10.1.0.3 lladdr "$(mac_of a a-lan)" dev lan nud permanent
ip -n "$net-west" route add 10.9.0.0/16 via 10.1.0.3 dev lan
way_known() {
  west -j route show | grep -q '"10.9.0.0/16"'
}
until_true 5 way_known || fail "West does not know the way: $(west route show)"
capture_start wire wire "$tmp/wire" "$clear_on_wire"
wire_capture=$capture

# Which of the ports came back, after the router: destination, ports...
came_back() {
  to=$1
  shift
  cat >"$tmp/send.py" <<'PY'
import socket, sys
to, ports = sys.argv[1], [int(p) for p in sys.argv[2:]]
listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
listener.bind(("a-lan", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = 9 # its own answer says that all before it were decided
seen = set()
listener.settimeout(2)
for port in ports:
  sender.sendto(b"x", (to, port))
for attempt in range(10):
  sender.sendto(b"x", ("10.9.255.9", end))
  try:
    while True:
      frame, where = listener.recvfrom(2048)
      if where[2] == socket.PACKET_OUTGOING or frame[22] != 63 or frame[23] != 17:
        continue
      if frame[30:34] == socket.inet_aton("10.9.255.9"):
        print(" ".join(str(p) for p in ports if p in seen))
        sys.exit(0)
      seen.add(int.from_bytes(frame[36:38], "big"))
  except TimeoutError:
    continue
sys.exit("West forwards nothing")
PY
  ns a "$python" "$tmp/send.py" "$to" "$@"
}

expect_back() { # what should come back, destination, ports...
  want=$1
  shift
  got=$(came_back "$@") || fail "$got"
  [ "$got" = "$want" ] || fail "of ports $* came back '$got', not '$want'"
}

say "a range of ports"
west policy add vnet blue dir out src 10.1.0.0/24 dst 10.9.255.9 action bypass
west policy add vnet blue dir out src 10.1.0.0/24 dst 10.9.0.0/24 proto udp dport 1000-1999 action bypass
before=$(drops west no-policy)
expect_back "1000 1007 1008 1535 1536 1983 1984 1999" 10.9.0.2 999 1000 1007 1008 1535 1536 1983 1984 1999 2000
[ "$(drops west no-policy)" -eq $((before + 2)) ] || fail "the two ports beside the range are not counted as no-policy"
west policy show | grep -q 'dport *1000-1007' || fail "no range is shown: $(west policy show)"
! west policy add vnet blue dir out src 10.1.0.0/24 dst 10.9.0.0/24 proto udp dport 1500-1600 priority 1 \
  sport 1-65534 action drop 2>"$tmp/refused" || fail "more than 64 policies for one range"
grep -q 'accepted: 64 at most' "$tmp/refused" || fail "unclear: $(cat "$tmp/refused")"
west policy add vnet blue dir out src 10.1.0.0/24 dst 10.9.0.0/24 proto udp dport 1500-1600 priority 0 action drop
expect_back "1499 1500 1600 1601" 10.9.0.2 1499 1500 1600 1601 # of equal priorities the older
west policy del vnet blue dir out src 10.1.0.0/24 dst 10.9.0.0/24 proto udp dport 1000-1999
expect_back "" 10.9.0.2 1000 1499 1500 1600 1999

reload_default() { # drop or bypass
  vnet_default=$1
  gw_config west >"$tmp/west/culvert.yaml"
  kill -HUP "$(gw_pid west)"
  until_true 5 default_is "$1" || fail "the default is not $1: $(west vnet show)"
}
default_is() {
  [ "$(west -j vnet show | sed -n 's/.*"default": "\([a-z]*\)".*/\1/p')" = "$1" ]
}

say "default bypass, from the next packet on: what policies name is not touched"
default_is drop || fail "the default is not drop: $(west vnet show)"
reload_default bypass
grep -q 'vnet blue: default bypass' "$tmp/west/log" || fail "the log does not warn of the default"
expect_back "1 1000 1999 65535" 10.9.0.2 1 1000 1500 1600 1999 65535 # 1500-1600 is to be dropped
before=$(drops west no-sa)
expect_back "" 10.2.0.2 1000
[ "$(drops west no-sa)" -gt "$before" ] || fail "the protected packet was not dropped for want of an SA"
ns a ping -q -c 1 -W 1 192.0.2.2 >"$tmp/ping" && fail "the underlay is reached in the clear"

say "ICMP types"
pings_back() {
  capture_start a a-lan "$tmp/icmp.$1" 'icmp[0] = 8 and ip[8] = 63'
  ns a ping -q -c 2 -i 0.1 -W 1 10.9.0.2 >"$tmp/ping" || :
  expect_back "$1" 10.9.0.2 1 # everything before it was decided
  capture_wait "$tmp/icmp.$1" '' "$2"
  quit $capture
  [ "$(capture_count "$tmp/icmp.$1")" -eq "$2" ] || fail "not $2 of the pings came back"
}
pings_back 1 2
west policy add vnet blue dir out src 10.1.0.0/24 dst 10.9.0.0/24 proto icmp sport 5-12 action drop
west policy add vnet blue dir out src 10.1.0.0/24 dst 10.9.0.0/24 proto udp dport 1 action drop
before=$(drops west policy)
ns a ping -q -c 2 -i 0.1 -W 1 10.9.0.2 >"$tmp/ping" || :
expect_back "2" 10.9.0.2 1 2
[ "$(drops west policy)" -eq $((before + 3)) ] || fail "two pings and a packet to port 1 are not what policies dropped"

say "and drop again; a start with bypass"
reload_default drop
expect_back "" 10.9.0.2 2 1000
gw_stop west || fail "West did not stop well"
: >"$tmp/west/log"
vnet_default=bypass
gw_start west
grep -q 'vnet blue: default bypass' "$tmp/west/log" || fail "the log does not warn of the default at the start"
quit $wire_capture
[ "$(capture_count "$tmp/wire")" -eq 0 ] || fail "in the clear on the wire: $(tcpdump -n -r "$tmp/wire" 2>/dev/null | head -n 3)"
