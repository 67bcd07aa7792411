# SPDX-License-Identifier: BSD-3-Clause
# generator - West - East - generator over shared memory (net_memif), and what the generator's result says beside what the
# gateways counted. Sourced after lib.sh.
# shellcheck shell=sh
pktgen=$build/pktgen/culvert-pktgen
ports=memif
rings=13 # frames between two processes, as a power of two: a machine that stalls for a while must not lose any

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

# Both gateways with a tunnel, and a namespace for the generator.
generator_topology() {
  [ -x "$pktgen" ] || fail "$pktgen is not built"
  for name in west east gen; do
    ns_add $name
  done
  undo ns_quit "$net-west" "$net-east" "$net-gen"
  gw_start west
  gw_start east
  policies_add west
  policies_add east
  tunnel_add 1
}

# What every scenario over this path begins with: 100 flows. The caller adds sizes, rate and duration.
generator_scenario() {
  cat <<EOF
tx: {device: "$(memif 0 client w-lan)", gateway: 10.1.0.1}
rx: {device: "$(memif 1 client e-lan)"}
flows: {count: 100, source: 10.1.0.2-10.1.0.11, destination: 10.2.0.2-10.2.0.11}
link_wait: 20s
link_settle: 1s
learn: 20s
drain: 3s
poll: adaptive
huge_pages: off
udp_checksum: full
EOF
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

# In the background, so that the shell obeys a signal and goes on meanwhile.
generate_start() { # command
  west_before=$(stats west sum esp_out)
  east_before=$(stats east sum esp_in)
  ns_start gen "$pktgen" "$1" --quiet "$tmp/scenario.yaml" --json "$tmp/$1.json" >"$tmp/$1.out" 2>"$tmp/$1.err"
  generator=$!
}

generate_end() { # command
  wait $generator || fail "culvert-pktgen $1: $(cat "$tmp/$1.err")"
  [ ! -s "$tmp/$1.err" ] || fail "culvert-pktgen $1: $(cat "$tmp/$1.err")"
  [ "$(result "$1" learning/reached)" -eq 10 ] || fail "learning: $(result "$1" learning)"
}

# Not a frame of the run was lost, doubled, reordered or changed, and each has its latency.
run_was_whole() {
  sent=$(result run result/frames/sent)
  [ "$sent" -gt 0 ] || fail "nothing was sent"
  for name in lost duplicates reordered too_late corrupt_header corrupt_flow corrupt_payload foreign; do
    [ "$(result run result/frames/$name)" -eq 0 ] || fail "$name: $(cat "$tmp/run.out")"
  done
  [ "$(result run result/latency_ns/count)" -eq "$sent" ] || fail "not every frame has its latency"
}

# Learning frames pass the gateways like all others.
agree() { # command, frames sent, frames received
  learnt=$(result "$1" learning/sent)
  [ "$(through west)" -eq $(($2 + learnt)) ] ||
    fail "the generator sent $2 frames and $learnt to learn, west encrypted $(through west)"
  [ "$(through east)" -eq $(($3 + $(result "$1" learning/received))) ] ||
    fail "the generator received $3 frames and $(result "$1" learning/received) to learn, east decrypted $(through east)"
  # With the generator its links are gone: what a kernel goes on asking its hosts, whom it has not heard for long, has no way.
  for gateway in west east; do
    [ "$(drops $gateway)" -eq "$(drops $gateway port-down)" ] || fail "$gateway dropped packets"
  done
}
