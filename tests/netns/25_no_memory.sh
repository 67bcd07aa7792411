#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Memory runs out: one in so many allocations of West's daemon fails while SAs, policies, tunnels and routes come and go,
# files are read again and programs ask. What fails is refused in words; nothing crashes, no ping is lost, nothing is left
# half done, and when there is memory again all works and no more of it is used than before. Then somebody sets the clock.
. "$(dirname "$0")/lib.sh"
shim=$build/tests/netns/libfaulty.so
begin
! nm -D "$culvertd" 2>/dev/null | grep -q '__asan_init\|__tsan_init' || skip "a sanitizer has an allocator of its own"

set_fault() { # offset of the field in struct faults, value
  "$python" -c 'import struct, sys
with open(sys.argv[1], "r+b") as file:
  file.seek(int(sys.argv[2]))
  file.write(struct.pack("i", int(sys.argv[3])))' "$tmp/faults" "$1" "$2"
}

one_in() {
  set_fault 0 "$1"
}

clock_ahead() {
  set_fault 12 "$1"
}

failed() {
  od -An -j 4 -N 4 -t u4 "$tmp/faults" | tr -d ' '
}

# What was allocated and not freed, but for SQLite's pages, whose number has a bound of its own.
used_kb() {
  store=$(west -j stats show memory |
    "$python" -c 'import json, sys; print(next(row["bytes"] for row in json.load(sys.stdin) if row.get("use") == "store"))')
  echo $((($(od -An -j 16 -N 8 -t d8 "$tmp/faults") - store) / 1024))
}

memory_back() {
  [ "$(used_kb)" -le $((kb + 128)) ]
}

# So many of each, and a name that is not there.
commands_write() {
  n=0
  while [ $n -lt 40 ]; do
    echo "sa add src 192.0.2.1 dst 192.0.2.9 spi $((8192 + n)) vnet blue key-file $tmp/spare.$n reqid 9 dir out"
    echo "sa add src 192.0.2.9 dst 192.0.2.1 spi $((16384 + n)) vnet blue key-file $tmp/spare-in.$n reqid 9 dir in window $((64 << n % 8))"
    echo "policy add vnet blue dir out src 10.1.$n.0/24 dst 10.9.$((n % 8)).0/$((24 + n % 8)) priority $((100 + n)) action drop"
    n=$((n + 1))
  done
  echo "sa show dst 192.0.2.9 spi 8192" # once: for ten seconds the keys of SAs that were read are kept
  echo "tunnel add side vnet blue local 192.0.2.1 remote 192.0.2.7 local-prefix 10.1.0.0/24 remote-prefix 10.7.0.0/24"
  echo "tunnel offer side"
  for object in sa policy tunnel vnet port route neigh info stats; do
    echo "$object show"
  done
  echo "tunnel del side"
  n=0
  while [ $n -lt 40 ]; do
    echo "policy del vnet blue dir out src 10.1.$n.0/24 dst 10.9.$((n % 8)).0/$((24 + n % 8))"
    echo "sa del dst 192.0.2.9 spi $((8192 + n))"
    echo "sa del dst 192.0.2.1 spi $((16384 + n))"
    n=$((n + 1))
  done
}

spares_write() {
  n=0
  while [ $n -lt 40 ]; do
    west keygen "$tmp/spare.$n" >/dev/null
    west keygen "$tmp/spare-in.$n" >/dev/null
    n=$((n + 1))
  done
}

# What a round may leave is what could not be deleted for want of memory: then it is tried again with some.
round() {
  west -batch "$tmp/commands" -force >"$tmp/said" 2>"$tmp/refused" || :
  status=0
  west run -- timeout 20 ip xfrm state >>"$tmp/said" 2>>"$tmp/refused" || status=$?
  [ $status -ne 124 ] || fail "a program that asks the daemon never hears an answer"
  ip -n "$net-west" route add 10.66.0.0/16 via 10.1.0.2 dev lan 2>/dev/null || :
  kill -HUP "$(gw_pid west)"
  ip -n "$net-west" route del 10.66.0.0/16 2>/dev/null || :
  kill -0 "$(gw_pid west)" 2>/dev/null || fail "the daemon is gone: $(tail -n 5 "$tmp/west/log")"
}

clean() {
  west -batch "$tmp/commands" -force >/dev/null 2>&1 || :
  have=$(west -j sa show | "$python" "$here/stats.py" count)
  [ "$have" -eq 2 ] || fail "$have SAs, not the tunnel's 2: $(west sa show)"
  have=$(west -j policy show | "$python" "$here/stats.py" count)
  [ "$have" -eq 3 ] || fail "$have policies, not the tunnel's 3: $(west policy show)"
}

gone() {
  ! west sa show dst 192.0.2.9 spi 0x3001 >/dev/null 2>&1
}

say "a tunnel, and a daemon whose memory can fail"
topology
"$python" -c 'import sys; open(sys.argv[1], "wb").write(bytes(24))' "$tmp/faults"
cat >"$tmp/culvertd" <<END
#!/bin/sh
export LD_PRELOAD="$shim" CULVERT_FAULTS="$tmp/faults"
exec "$build/control/culvertd" "\$@"
END
chmod +x "$tmp/culvertd"
culvertd=$tmp/culvertd
gw_start west
culvertd=$build/control/culvertd
gw_start east
policies_add west
policies_add east
tunnel_add 1
spares_write
commands_write >"$tmp/commands"

say "with memory: every command is carried out"
west -batch "$tmp/commands" >/dev/null || fail "a command that should work does not"
rounds=0
while [ $rounds -lt 5 ]; do
  round
  clean
  rounds=$((rounds + 1))
done
kb=$(used_kb)

say "one allocation in 1000, in 100, in 10, in 3 fails"
flood_start 0.02
for rate in 1000 100 10 3; do
  before=$(failed)
  rounds=0
  while [ $rounds -lt 6 ]; do
    one_in $rate
    round
    one_in 0
    clean
    rounds=$((rounds + 1))
  done
  [ "$(failed)" -gt "$before" ] || fail "no allocation failed with one in $rate: this test cannot see anything"
  say "one in $rate: $(($(failed) - before)) failed, $(grep -c . "$tmp/refused" || :) lines of refusal in the last round"
  [ "$rate" -gt 10 ] || grep -qi 'memory' "$tmp/refused" || fail "nobody was told of memory: $(head -n 3 "$tmp/refused")"
done
flood_end 50

say "and with memory again nothing is missing"
clean
round
! grep -qi 'out of memory' "$tmp/refused" || fail "still: $(grep -i memory "$tmp/refused" | head -n 3)"
clean
until_true 15 memory_back || fail "$kb kB were in use before, now $(used_kb): $(west stats show memory)"
say "$kb kB were in use before, $(used_kb) now"
rekey 1
ping_all a 3 -i 0.2 10.2.0.2

say "the clock is set an hour forward, and two back"
west sa add src 192.0.2.1 dst 192.0.2.9 spi 0x3001 vnet blue key-file "$tmp/spare.0" dir out hard-seconds 600
flood_start 0.02
for ahead in 3600 -3600; do
  clock_ahead $ahead
  ping_all a 3 -i 0.3 10.2.0.2
  added=$(west run -- ip -s xfrm state get dst 192.0.2.9 spi 0x3001 proto esp | sed -n 's/^[[:space:]]*add \([0-9-]* [0-9:]*\) use.*/\1/p')
  [ $(($(date -d "$added" +%s) - $(date +%s) - ahead)) -gt -60 ] && [ $(($(date -d "$added" +%s) - $(date +%s) - ahead)) -le 0 ] ||
    fail "the SA was added at $added by a clock that is $ahead s ahead: this test sets no clock"
  ! gone || fail "an SA with ten minutes left ended when the clock was set to $ahead s"
done
flood_end 20
clock_ahead 0
