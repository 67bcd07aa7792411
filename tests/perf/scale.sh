#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# How a gateway grows: SAs are installed through its socket while a tunnel carries pings, dumped, and deleted again.
# CULVERT_SAS says how many (100000; two million, which are a million pairs, take 5 GB). Figures, no verdicts: only what breaks fails.
. "$(dirname "$0")/../netns/lib.sh"

sas=${CULVERT_SAS:-100000}
asker=$build/tests/perf/asker
interval=0.002 # seconds between two pings

# Not every SA, when something fails.
show_state() {
  for each in west east; do
    grep -v "$noise" "$tmp/$each/log" | tail -n 20 | sed "s/^/$each: /"
  done
}

now_ms() {
  echo $(($(date +%s%N) / 1000000))
}

# What West's control thread has computed, in milliseconds: steadier than the clock on a machine that does other things.
cpu_ms() {
  awk '{ print ($14 + $15) * 1000 / '"$(getconf CLK_TCK)"' }' "/proc/$(gw_pid west)/task/$(gw_pid west)/stat"
}

# Pairs of SAs with peers of their own, keys inside: a file for West's batch.
sas_write() {
  "$python" - "$sas" <<'EOF'
import os, sys
for n in range(int(sys.argv[1])):
  peer = f"10.{128 + (n >> 17 & 127)}.{n >> 9 & 255}.{n >> 1 & 255}"
  ends = f"src 192.0.2.1 dst {peer}" if n % 2 == 0 else f"src {peer} dst 192.0.2.1"
  print(f"sa add {ends} spi {0x100000 + n:#x} vnet blue reqid {n // 2 + 2} dir {'in' if n % 2 else 'out'} "
        f"key {os.urandom(36).hex()}")
EOF
}

flood_start() {
  ns_start a ping -i $interval 10.2.0.2 >"$tmp/flood"
  flood=$!
}

# Ends it. How many were answered and how many before the last answer were not: the last may be on its way still.
flood_end() {
  kill -ALRM "$flood" # as ^C for ping; a shell's background processes do not hear that
  wait "$flood" || :
  sed -n 's/.*icmp_seq=\([0-9]*\) .*/\1/p' "$tmp/flood" | sort -nu |
    awk '{ last = $1 } END { printf "%d, %d\n", NR, last - NR }'
}

value() { # file of "NAME VALUE" lines, name
  sed -n "s/^$2 //p" "$1"
}

bytes_per_pair() { # rows of "culvert -j stats show memory": use, or "" for the process's RSS
  "$python" -c '
import json, sys
for row in json.load(sys.stdin):
  if row.get("use", "") == sys.argv[1]:
    print(row["bytes_per_sa_pair"])' "$1" <"$tmp/memory"
}

ratio() {
  awk "BEGIN { printf \"%.1f\", $1 / $2 }"
}

row() {
  printf '%-44s %14s  %s\n' "$@" >>"$tmp/table"
}

begin
[ -x "$asker" ] || fail "$asker is not built"
more_config="max_sas: $((sas + 16))"
export more_config
say "two gateways; keys for $sas SAs"
two_gateways
(umask 077 && sas_write >"$tmp/add")
sed 's/sa add src [^ ]* \(dst [^ ]* spi [^ ]*\) .*/sa del \1/' "$tmp/add" >"$tmp/del"
ping_all a 10 -i 0.2 10.2.0.2
sleep 2 # neighbours and links settle

say "install, beside pings every $interval s and small requests"
flood_start
"$asker" "$tmp/west/culvert.sock" latency 600 >"$tmp/latency" &
latency=$!
start=$(now_ms) cpu=$(cpu_ms)
west -batch "$tmp/add"
took=$(($(now_ms) - start)) cpu=$(($(cpu_ms) - cpu))
quit $latency
pings=$(flood_end)
row "install, SAs a second" $((sas * 1000 / took)) "target 100000"
row "  control thread's time, us for an SA" "$(ratio $((cpu * 1000)) "$sas")" "processors $(nproc), load $(cut -d' ' -f1 /proc/loadavg)"
row "  pings answered, lost meanwhile" "$pings" "target 0 lost"
row "  other requests: longest wait, ms" "$(value "$tmp/latency" longest_ms)" "median $(value "$tmp/latency" median_ms)"

say "dump, beside pings and small requests"
flood_start
"$asker" "$tmp/west/culvert.sock" latency 600 >"$tmp/latency" &
latency=$!
"$asker" "$tmp/west/culvert.sock" dump >"$tmp/dump"
quit $latency
pings=$(flood_end)
[ "$(value "$tmp/dump" sas)" -eq $((sas + 2)) ] || fail "the dump has $(value "$tmp/dump" sas) SAs, not $((sas + 2))"
row "dump of $((sas + 2)) SAs, seconds" "$(value "$tmp/dump" seconds)" "target 5 for 1000000"
row "  pings answered, lost meanwhile" "$pings" "target 0 lost"
row "  other requests: longest wait, ms" "$(value "$tmp/latency" longest_ms)" "median $(value "$tmp/latency" median_ms)"

west stats show memory
west -j stats show memory >"$tmp/memory"
row "memory, bytes for a pair of SAs" "$(bytes_per_pair total)" "target 4096 at 1000000 pairs"
row "  resident, bytes for a pair" "$(bytes_per_pair "")" ""

say "delete"
flood_start
start=$(now_ms)
west -batch "$tmp/del"
took=$(($(now_ms) - start))
pings=$(flood_end)
row "delete, SAs a second" $((sas * 1000 / took)) ""
row "  pings answered, lost meanwhile" "$pings" "target 0 lost"
cat "$tmp/table"
ping_all a 10 -i 0.2 10.2.0.2
