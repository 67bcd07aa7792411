#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# generator - West - East - generator over shared memory (net_memif): nothing is lost, doubled or reordered, and what the
# generator counted is what the gateways counted. Then a search, by a second generator on the same sockets. With --keep the
# two gateways stay until ^C, for a generator of one's own.
. "$(dirname "$0")/lib.sh"
. "$here/generator.sh"
begin

say "two gateways"
generator_topology
generator_scenario >"$tmp/scenario.yaml"
cat >>"$tmp/scenario.yaml" <<EOF
sizes: [64, 512, 1422]
rate: 20kpps
duration: 3s
search: {sizes: [64, 64x7+590x4+1422x1], trial: 500ms, max: 10kpps, loads: [50%]}
EOF

if [ "${1:-}" = --keep ]; then
  cat <<EOF
11_pktgen: the gateways stay until ^C. In another terminal, as root:
  $pktgen run $tmp/scenario.yaml
  $pktgen search $tmp/scenario.yaml --json search.json --svg search.svg
  $culvert --socket $tmp/west/culvert.sock stats show watch
EOF
  stay
fi

say "20 kpps for 3 s"
generate_start run
generate_end run
run_was_whole
# Less only when the machine kept the generator from its rate, which it then says.
[ "$sent" -eq 60000 ] || [ "$(result run result/rate/kept)" != 1.0 ] || fail "20 kpps for 3 s are $sent frames"
agree run "$sent" "$(result run result/frames/received)"

say "a search"
generate_start search
generate_end search
[ "$(result search trials/frames/lost)" -eq 0 ] || fail "frames were lost: $(cat "$tmp/search.out")"
agree search "$(result search trials/frames/sent)" "$(result search trials/frames/received)"
