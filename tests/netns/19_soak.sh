#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A tunnel under load while every second its keys are new and policies come and go: nothing is lost, the gateways count what
# the generator counts, and their memory stays what it was. CULVERT_SOAK_S says for how long (5), CULVERT_SOAK_RATE how fast
# (20kpps): an hour of it is ./bootstrap soak 3600.
. "$(dirname "$0")/lib.sh"
. "$here/generator.sh"
seconds=${CULVERT_SOAK_S:-5}
rate=${CULVERT_SOAK_RATE:-20kpps}
overlap=5      # rounds that an old inbound SA lives on, a second each: so what a busy machine holds up still opens
churn=50       # policies that come and go in a round
slack_kb=1024  # what the second half of the time may take more than the first: an allocator's arenas, not SAs
rings=14
begin

# Half of them match nothing; the others stand behind the tunnel's own, so that its flows are looked up anew each time.
churn_write() {
  n=0
  while [ $n -lt $churn ]; do
    echo "policy add vnet blue dir out src 10.1.0.0/16 dst 10.$((n % 2 * 48 + 2)).$n.0/24 proto tcp priority $((100 + n)) action drop"
    n=$((n + 1))
  done >"$tmp/churn-add"
  sed 's/policy add \(.*\) priority .*/policy del \1/' "$tmp/churn-add" >"$tmp/churn-del"
}

# Resident, and what was allocated. Not resident packet buffers: they are as many as the configuration says, in memory that
# may be shared (AF_XDP), and each is resident from its first use on, which may be late.
memory_kb() { # gateway
  echo "$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(gw_pid "$1")/status") $("$1" -j stats show memory |
    "$python" -c 'import json, sys; print(sum(row["bytes"] for row in json.load(sys.stdin) if row.get("use") == "total") // 1024)')"
}

# New keys both ways; the outbound SAs of before go at once, the inbound ones some rounds later.
new_keys() { # old generation
  tunnel_add $(($1 + 1))
  sa_del west west "$1"
  sa_del east east "$1"
  last=$(($1 - overlap))
  [ $last -ge 1 ] || return 0
  sa_del east west $last
  sa_del west east $last
  rm -f "$(key_of west $last)" "$(key_of east $last)"
}

round() { # generation
  for each in west east; do
    "$each" -batch "$tmp/churn-$([ $(($1 % 2)) -eq 1 ] && echo add || echo del)"
  done
  new_keys "$1"
  for each in west east; do
    echo "$each $(memory_kb "$each")" >>"$tmp/kb"
  done
  [ $(($1 % 60)) -ne 0 ] || say "after $(($(date +%s) - started)) s: $1 rekeys, kB resident and allocated: $(tail -n 2 "$tmp/kb" | tr '\n' ' ')"
}

say "two gateways, $rate for $seconds s"
generator_topology
churn_write
generator_scenario >"$tmp/scenario.yaml"
cat >>"$tmp/scenario.yaml" <<EOF
sizes: [64, 512, 1422]
rate: $rate
duration: ${seconds}s
EOF
generate_start run
started=$(date +%s)
generation=1
say "new keys every second, $churn policies that come or go"
while kill -0 $generator 2>/dev/null; do
  round $generation
  until [ "$(date +%s)" -ge $((started + generation)) ]; do
    sleep 0.1 # the pace of the load, not a wait for anything; a round that was late is made up for
  done
  generation=$((generation + 1))
done
generate_end run

say "after $((generation - 1)) rekeys: nothing was lost"
run_was_whole
agree run "$sent" "$(result run result/frames/received)"
[ "$(wc -l <"$tmp/kb")" -ge 4 ] && [ $((generation - 1)) -ge $((seconds / 3)) ] || fail "only $((generation - 1)) rekeys in $seconds s: that is no load on the keys"

say "and memory stayed"
for gateway in west east; do
  have=$("$gateway" -j sa show | "$python" "$here/stats.py" count)
  due=$((generation - 1 < overlap ? generation + 1 : overlap + 2)) # one outbound, the inbound ones of the overlap
  [ "$have" -eq $due ] || fail "$gateway has $have SAs, not $due"
done
# A short run says nothing of what is resident: the store keeps some thousand marks until it sorts them in.
awk -v slack=$slack_kb -v long=$((seconds >= 120)) '
  { row[NR] = $1; resident[NR] = $2; allocated[NR] = $3 }
  function most(of, gateway, from, to, i, n) {
    for (i = from; i <= to; i++)
      if (row[i] == gateway && of[i] > n)
        n = of[i]
    return n
  }
  function grown(of, what, gateway, then, now) {
    then = most(of, gateway, int(NR / 4), int(NR / 2))
    now = most(of, gateway, int(NR / 2) + 1, NR)
    printf "%s %s at most %d, then %d kB; ", gateway, what, then, now
    return now > then + slack
  }
  END {
    bad = grown(allocated, "allocated", "west") + grown(allocated, "allocated", "east")
    if (long)
      bad += grown(resident, "resident", "west") + grown(resident, "resident", "east")
    exit bad > 0
  }' "$tmp/kb" >"$tmp/memory" || fail "memory grew: $(cat "$tmp/memory")"
say "$sent frames, $((generation - 1)) rekeys, none lost; $(cat "$tmp/memory")"
