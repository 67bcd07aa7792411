#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# generator - West - East - generator over shared memory (net_memif): nothing is lost, doubled or reordered, and what the
# generator counted is what the gateways counted. Then a search, by a second generator on the same sockets. With --keep the
# two gateways stay until ^C, for a generator of one's own.
. "$(dirname "$0")/lib.sh"
pktgen=$build/pktgen/culvert-pktgen
ports=memif
rings=13 # frames between two processes, as a power of two: a machine that stalls for a while must not lose any
begin
[ -x "$pktgen" ] || fail "$pktgen is not built"

memif() { # index, role, link
  echo "net_memif$1,role=$2,socket=$tmp/$3.sock,socket-abstract=no,rsize=$rings"
}

port_device() { # index, interface: in place of gateway.sh's
  case $2 in
  w-wan) memif "$1" server wan ;;
  e-wan) memif "$1" client wan ;;
  *) memif "$1" server "$2" ;;
  esac
}

# What the generator's result says: names down the tree, or the sum over all trials of a search.
result() { # file, name/name/..
  "$python" -c 'import json, sys
def at(tree, names):
  return at(tree[names[0]], names[1:]) if names else tree
root = json.load(open(sys.argv[1]))
trials = [trial for mix in root.get("results", ()) for trial in mix["trials"] + mix["loads"]]
names = sys.argv[2].split("/")
print(sum(at(trial, names[1:]) for trial in trials) if names[0] == "trials" else at(root, names))' "$tmp/$1.json" "$2"
}

# Frames that went through since the generator's last start, as the gateways count them.
through() { # gateway
  case $1 in
  west) echo $(($(stats west sum esp_out) - west_before)) ;;
  east) echo $(($(stats east sum esp_in) - east_before)) ;;
  esac
}

# In the background, so that the shell obeys a signal meanwhile.
generate() { # command
  west_before=$(stats west sum esp_out)
  east_before=$(stats east sum esp_in)
  ns_start gen "$pktgen" "$1" --quiet "$tmp/scenario.yaml" --json "$tmp/$1.json" >"$tmp/$1.out" 2>"$tmp/$1.err"
  wait $! || fail "culvert-pktgen $1: $(cat "$tmp/$1.err")"
  [ ! -s "$tmp/$1.err" ] || fail "culvert-pktgen $1: $(cat "$tmp/$1.err")"
  [ "$(result "$1" learning/reached)" -eq 10 ] || fail "learning: $(result "$1" learning)"
}

# Learning frames pass the gateways like all others.
agree() { # command, frames sent, frames received
  learnt=$(result "$1" learning/sent)
  [ "$(through west)" -eq $(($2 + learnt)) ] ||
    fail "the generator sent $2 frames and $learnt to learn, west encrypted $(through west)"
  [ "$(through east)" -eq $(($3 + $(result "$1" learning/received))) ] ||
    fail "the generator received $3 frames and $(result "$1" learning/received) to learn, east decrypted $(through east)"
  [ "$(drops west)" -eq 0 ] || fail "west dropped packets"
  [ "$(drops east)" -eq 0 ] || fail "east dropped packets"
}

say "two gateways"
for name in west east gen; do
  ns_add $name
done
undo ns_quit "$net-west" "$net-east" "$net-gen"
gw_start west
gw_start east
policies_add west
policies_add east
tunnel_add 1

cat >"$tmp/scenario.yaml" <<EOF
tx: {device: "$(memif 0 client w-lan)", gateway: 10.1.0.1}
rx: {device: "$(memif 1 client e-lan)"}
flows: {count: 100, source: 10.1.0.2-10.1.0.11, destination: 10.2.0.2-10.2.0.11}
sizes: [64, 512, 1422]
rate: 20kpps
duration: 3s
link_wait: 20s
link_settle: 1s
learn: 20s
drain: 3s
poll: adaptive
huge_pages: off
udp_checksum: full
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
generate run
sent=$(result run result/frames/sent)
# Less only when the machine kept the generator from its rate, which it then says.
[ "$sent" -eq 60000 ] || [ "$(result run result/rate/kept)" != 1.0 ] || fail "20 kpps for 3 s are $sent frames"
[ "$sent" -gt 0 ] || fail "nothing was sent"
for name in lost duplicates reordered too_late corrupt_header corrupt_flow corrupt_payload foreign; do
  [ "$(result run result/frames/$name)" -eq 0 ] || fail "$name: $(cat "$tmp/run.out")"
done
[ "$(result run result/latency_ns/count)" -eq "$sent" ] || fail "not every frame has its latency"
agree run "$sent" "$(result run result/frames/received)"

say "a search"
generate search
[ "$(result search trials/frames/lost)" -eq 0 ] || fail "frames were lost: $(cat "$tmp/search.out")"
agree search "$(result search trials/frames/sent)" "$(result search trials/frames/received)"
