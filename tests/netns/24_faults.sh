#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What fails around a gateway that runs: a link, the disk of its store, its ear on the kernel's routes. Each ends in counted
# drops or a line in the log, and when it is over all works again, without a restart and with no more memory than before.
. "$(dirname "$0")/lib.sh"
begin

memory_kb() {
  west -j stats show memory |
    "$python" -c 'import json, sys; print(sum(row["bytes"] for row in json.load(sys.stdin) if row.get("use") == "total") // 1024)'
}

port_is() { # state
  west port show | grep -q "^wan.* $1 "
}

# Every byte of it.
disk_fill() {
  dd if=/dev/zero of="$tmp/west/state/ballast" bs=4096 2>/dev/null || :
}

routes_agree() {
  kernel=$(ip -n "$net-west" route show dev lan | grep -c '^10\.7[0-9]\.') || :
  known=$(west route show | grep -c '10\.7[0-9]\.') || :
  [ "$kernel" -eq "$known" ]
}

say "two gateways that are root no longer, and a tunnel; West's store on a disk of its own"
topology
chmod 711 "$tmp"
more_config='user: nobody'
mkdir -p "$tmp/west/state"
mount -t tmpfs -o size=2m,mode=700 culvert-state "$tmp/west/state" || skip "this kernel mounts no tmpfs here"
undo umount "$tmp/west/state"
gw_start west
gw_start east
policies_add west
policies_add east
tunnel_add 1
ping_all a 3 -i 0.2 10.2.0.2

say "the wire is cut and mended"
flood_start 0.02
for again in 1 2 3; do
  before=$(drops west port-down)
  ip -n "$net-wire" link set west down
  until_true 5 drops_grow port-down "$before" || fail "a cut wire drops nothing: $(west port show)"
  ip -n "$net-wire" link set west up
  until_true 5 pings_again || fail "the wire is mended and nothing passes (time $again): $(west port show)"
done
flood_stop
kb=$(memory_kb)

say "the disk of the store is full: no SA starts whose numbers are on no disk, and those that run go on"
disk_fill
key_new west 2
! sa_add west out west 2 2>"$tmp/refused" || fail "an SA was added whose mark is on no disk"
grep -q 'marks.db.*full' "$tmp/refused" || fail "it is not said that the disk is full: $(cat "$tmp/refused")"
! west sa show dst 192.0.2.2 spi 0x1002 >/dev/null 2>&1 || fail "the refused SA is there"
ping_all a 3 -i 0.2 10.2.0.2
rm "$tmp/west/state/ballast"
sa_add west out west 2 || fail "there is room again, and no SA can be added: $(tail -n 3 "$tmp/west/log")"
sa_del west west 2
ping_all a 3 -i 0.2 10.2.0.2

say "more news of routes than its ear holds"
kill -STOP "$(gw_pid west)"
"$python" -c '
for i in range(10):
  for j in range(256):
    for k in range(0, 256, 32):
      print(f"route add 10.7{i}.{j}.{k}/27 via 10.1.0.2 dev lan")' >"$tmp/routes"
ip -n "$net-west" -batch "$tmp/routes"
grep -v '^route add 10\.7[0-4]\.[0-9]*\.0/' "$tmp/routes" | sed 's/add/del/' >"$tmp/routes-del"
ip -n "$net-west" -batch "$tmp/routes-del"
kill -CONT "$(gw_pid west)"
until_true 20 routes_agree || fail "the kernel has $kernel routes, West $known"
[ "$known" -eq 1280 ] || fail "$known routes, not the 1280 that were left: this test cannot see what is lost"
said 'asking the kernel for everything again' || fail "nothing was lost: this test cannot see anything: $(tail -n 3 "$tmp/west/log")"
ping_all a 3 -i 0.2 10.2.0.2
ip -n "$net-west" route flush dev lan proto boot
until_true 20 routes_agree || fail "the kernel has $kernel routes, West $known"
[ "$(memory_kb)" -le $((kb + 4096)) ] || fail "$kb kB were in use before, now $(memory_kb)"

say "somebody deletes the twins"
for twin in lan wan; do
  number=$(ns west cat /sys/class/net/$twin/ifindex)
  ns west ip link del $twin
  until_true 10 said "port $twin: its twin was deleted and made again" || fail "no twin $twin: $(tail -n 3 "$tmp/west/log")"
  [ "$(ns west cat /sys/class/net/$twin/ifindex)" = "$number" ] || fail "$twin is another interface than before"
done
ns west ip addr show dev lan | grep -q 'inet 10\.1\.0\.1/24' || fail "lan has not its address: $(ns west ip addr show dev lan)"
[ "$(ns west cat /proc/sys/net/ipv4/conf/lan/arp_ignore)" = 1 ] || fail "lan has not its settings"
until_true 5 pings_again || fail "nothing passes: $(tail -n 3 "$tmp/west/log")"
ping_all a 3 -i 0.2 10.2.0.2
ping_all a 3 -i 0.2 10.1.0.1
