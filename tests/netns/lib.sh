# SPDX-License-Identifier: BSD-3-Clause
# What every end-to-end script shares: the undo list, how a test ends, network namespaces and the wire between them.
# Sourced by a script of this folder or of tests/perf. Needs root. A test exits with 0 passed, 1 failed, 77 skipped.
# shellcheck shell=sh
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/../netns" && pwd)
top=${here%/tests/netns}
build=${CULVERT_BUILD:-$top/build}
culvertd=$build/control/culvertd
culvert=$build/control/cli/culvert
python=/usr/bin/python3
test_name=$(basename -- "$0" .sh)
net=culvert-$$ # the start of every namespace's name: a killed run is found by its pid
step="starting"
tmp=
skipped=77

say() {
  step=$*
  printf '%s: %s\n' "$test_name" "$*"
}

fail() {
  failure=$*
  exit 1
}

skip() {
  printf '%s: skipped: %s\n' "$test_name" "$*"
  exit $skipped
}

# ---- what was done is undone in reverse order ----
newline='
'
undo_list=
undo() {
  undo_list="$*$newline$undo_list"
}

undo_all() {
  while [ -n "$undo_list" ]; do
    undo_command=${undo_list%%"$newline"*}
    undo_list=${undo_list#*"$newline"}
    eval "$undo_command" || :
  done
}

# A test that came to its end is held to what must be true after every test; see gateways_end().
at_exit() {
  status=$?
  trap '' INT TERM HUP PIPE QUIT
  set +e
  if [ $status -eq 0 ]; then
    gateways_end || {
      status=1
      failure="what holds after every test does not"
    }
  fi
  if [ $status -ne 0 ] && [ $status -ne $skipped ] && [ $status -lt 128 ]; then
    printf '%s: while: %s\n' "$test_name" "$step"
    show_state
  fi
  undo_all
  [ $status -lt 128 ] || failure="interrupted while: $step"
  [ $status -eq 0 ] || [ $status -eq $skipped ] || on_failed "${failure:-$step}"
  exit $status
}

on_failed() {
  printf '%s: failed: %s\n' "$test_name" "$*"
}

# Waits up to $1 seconds until the command is true.
until_true() {
  tries=$(($1 * 20))
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.05
  done
}

# Stays until ^C, which reaches the gateways too: this is how what was kept ends.
stay() {
  trap 'running=; exit 0' INT TERM HUP
  sleep 2147483647 &
  sleeper=$!
  undo kill $sleeper
  wait $sleeper
}

# ---- set-up ----
begin() {
  trap at_exit EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 141' PIPE # whoever read this is gone: clean up all the same
  trap 'exit 131' QUIT
  [ "$(id -u)" -eq 0 ] || skip "needs root for network namespaces"
  [ -c /dev/net/tun ] || skip "needs /dev/net/tun for the twins of the ports"
  for program in "$culvertd" "$culvert"; do
    [ -x "$program" ] || fail "$program is not built"
  done
  for tool in ip ss tcpdump ethtool ping iperf3 "$python"; do
    command -v "$tool" >/dev/null || skip "needs $tool"
  done
  sweep
  tmp=$(mktemp -d "${TMPDIR:-/tmp}/$net.XXXXXX")
  undo rm -rf "$tmp"
}

# What runs left that were killed before they could clean up.
sweep() {
  ip netns list | sed -n 's/^\(culvert-\([0-9]*\)-[a-z]*\).*/\1 \2/p' | while read -r stale pid; do
    kill -0 "$pid" 2>/dev/null || ns_del "$stale"
  done
  for stale in "${TMPDIR:-/tmp}"/culvert-[0-9]*.*; do
    pid=${stale##*/culvert-}
    kill -0 "${pid%%.*}" 2>/dev/null && continue
    [ ! -f "$stale/nr_hugepages" ] || sysctl -qw vm.nr_hugepages="$(cat "$stale/nr_hugepages")" || :
    rm -rf "$stale"
  done
}

# ---- namespaces ----
ns_add() {
  ip netns add "$net-$1"
  undo ns_del "$net-$1"
  ip -n "$net-$1" link set lo up
  ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
}

ns_idle() {
  [ -z "$(ip netns pids "$1" 2>/dev/null)" ]
}

# Ends every process in the namespaces given by their full names: first asked, after three seconds forced.
ns_quit() {
  for name in "$@"; do
    ip netns pids "$name" 2>/dev/null | xargs -r kill 2>/dev/null || :
  done
  for name in "$@"; do
    until_true 3 ns_idle "$name" || ip netns pids "$name" | xargs -r kill -KILL 2>/dev/null || :
  done
}

ns_del() {
  ns_quit "$1"
  ip netns del "$1"
}

# Runs a short command in a namespace.
ns() {
  ns_name=$1
  shift
  ip netns exec "$net-$ns_name" "$@"
}

# Starts a long command there; $! is its pid. Wait for it with wait, which leaves the shell free to obey a signal.
ns_start() {
  ns_name=$1
  shift
  ip netns exec "$net-$ns_name" "$@" &
}

# Ends a started command and waits for it.
quit() {
  kill "$1" 2>/dev/null || :
  wait "$1" || :
}

# A veth pair: namespace, device, namespace, device. Checksums are computed before a frame leaves (the gateways read
# frames, not the kernel's promises about them).
link_add() {
  ip link add "$2" netns "$net-$1" type veth peer name "$4" netns "$net-$3"
  for end in "$1 $2" "$3 $4"; do
    ns "${end% *}" ethtool -K "${end#* }" tx off >/dev/null
    ip -n "$net-${end% *}" link set "${end#* }" up
  done
}

host_add() { # namespace, address, gateway
  ip -n "$net-$1" addr add "$2/24" dev "$1-lan"
  ip -n "$net-$1" route add default via "$3"
}

# Namespaces have no IPv6 of their own accord. An address without the second in which a host looks whether it is taken.
host_v6_add() { # namespace, number of its network
  ns "$1" sysctl -qw "net.ipv6.conf.$1-lan.disable_ipv6=0" "net.ipv6.conf.$1-lan.accept_dad=0"
  ip -n "$net-$1" addr add "2001:db8:$2::2/64" dev "$1-lan" nodad
  ip -n "$net-$1" -6 route add default via "2001:db8:$2::1"
}

# A device of a gateway: DPDK owns it, so the kernel must answer nothing on it; its twin does that.
gateway_port_prepare() { # namespace, device
  ip -n "$net-$1" link set "$2" arp off
  ns "$1" sysctl -qw net.ipv4.conf.all.rp_filter=1 "net.ipv4.conf.$2.rp_filter=1"
}

# a - west - wire - east - b. The wire is a bridge of its own, where anyone may listen.
topology() {
  for name in a west wire east b; do
    ns_add "$name"
  done
  undo ns_quit "$net-a" "$net-west" "$net-wire" "$net-east" "$net-b"
  link_add a a-lan west w-lan
  link_add west w-wan wire west
  link_add wire east east e-wan
  link_add east e-lan b b-lan
  ip -n "$net-wire" link add wire type bridge stp_state 0 forward_delay 0 mcast_snooping 0 ||
    skip "this kernel has no bridge device"
  # With bridge netfilter the wire would mend, merge and drop packets: a wire does not.
  [ ! -d /proc/sys/net/bridge ] || ns wire sysctl -qw net.bridge.bridge-nf-call-iptables=0 \
    net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-arptables=0
  for device in west east; do
    ip -n "$net-wire" link set "$device" master wire
  done
  ip -n "$net-wire" link set wire up
  host_add a 10.1.0.2 10.1.0.1
  host_add b 10.2.0.2 10.2.0.1
  gateway_port_prepare west w-wan
  gateway_port_prepare west w-lan
  gateway_port_prepare east e-wan
  gateway_port_prepare east e-lan
}

# ---- capture ----
# Starts tcpdump: namespace, device, file, filter. $capture is its pid.
capture_start() {
  capture_log=$3.log
  : >"$capture_log"
  ns_start "$1" tcpdump -i "$2" -n -U --immediate-mode -B 8192 -Z root -w "$3" "${4:-}" 2>"$capture_log"
  capture=$!
  until_true 5 grep -q '^tcpdump: listening' "$capture_log" || fail "tcpdump on $2: $(cat "$capture_log")"
}

capture_count() { # file, filter
  tcpdump -n -r "$1" "${2:-}" 2>/dev/null | wc -l
}

capture_has() { # file, filter, packets at least
  [ "$(capture_count "$1" "$2")" -ge "$3" ]
}

# A listener may be behind, and loses what it has not read when it ends: waits until it has so many, or a while.
capture_wait() { # file, filter, packets
  until_true 5 capture_has "$@" || :
}

clear_on_wire='not arp and not ip proto 50' # what a wire between two gateways must never show

# ---- ping ----
# ping_lost FILE: sent minus received of a finished ping -q.
ping_sent() {
  sed -n 's/^\([0-9]*\) packets transmitted, .*/\1/p' "$1"
}

ping_received() {
  sed -n 's/^.* packets transmitted, \([0-9]*\) received.*/\1/p' "$1"
}

# Pings and fails unless every request was answered: namespace, count, then ping's arguments. After the last request ping
# waits one interval at least, and no longer than two round trips once it has one: so the interval is not a short one.
ping_all() {
  ping_ns=$1 ping_count=$2
  shift 2
  ns_start "$ping_ns" ping -q -c "$ping_count" -W 2 "$@" >"$tmp/ping"
  wait $! || :
  [ "$(ping_received "$tmp/ping")" = "$ping_count" ] || fail "ping $*: $(grep transmitted "$tmp/ping")"
}

# Each number before the last that was answered is, once: what ping said without -q, answers at least. What was on the way
# when ping ended has no answer.
holes() {
  awk -v least="$2" '/icmp_seq=/ { sub(/.*icmp_seq=/, ""); n = $1 + 0; seen[n]++; if (n > last) last = n; count++ }
    END { for (i = 1; i <= last; i++) if (seen[i] != 1) { print "ping " i " of " last " has " seen[i] + 0 " answers"; bad = 1 }
      if (count < least) { print "only " count + 0 " answers"; bad = 1 }
      exit bad }' "$1"
}

no_hole() {
  holes "$1" "$2" >"$tmp/holes" || fail "$(head -n 5 "$tmp/holes")"
}

# A pings B in short intervals, for as long as it takes: interval in seconds.
flood_start() {
  ns_start a ping -i "$1" 10.2.0.2 >"$tmp/flood"
  flood=$!
}

flood_stop() {
  kill -INT $flood
  wait $flood || :
}

# Stops it, and not one ping was lost: answers at least.
flood_end() {
  flood_stop
  no_hole "$tmp/flood" "$1"
}

# ---- TCP ----
transfer_listens() { # namespace
  ns "$1" ss -Hltn | grep -q ':7000 '
}

# So many bytes from A to B and as many from B to A at the same time: every one must come, as it was.
tcp_both_ways() {
  ns_start b "$python" "$here/transfer.py" receive 10.2.0.2 7000 "$1" >"$tmp/b.in"
  b_in=$!
  ns_start a "$python" "$here/transfer.py" receive 10.1.0.2 7000 "$1" >"$tmp/a.in"
  a_in=$!
  until_true 5 transfer_listens a && until_true 5 transfer_listens b || fail "the receivers do not listen"
  ns_start a "$python" "$here/transfer.py" send 10.2.0.2 7000 "$1" 1 >"$tmp/a.out"
  a_out=$!
  ns_start b "$python" "$here/transfer.py" send 10.1.0.2 7000 "$1" 2 >"$tmp/b.out"
  b_out=$!
  for pid in $a_out $b_out $a_in $b_in; do
    wait $pid || fail "a transfer did not finish"
  done

  cmp "$tmp/a.out" "$tmp/b.in" || fail "B received other bytes than A sent"
  cmp "$tmp/b.out" "$tmp/a.in" || fail "A received other bytes than B sent"
  ! cmp -s "$tmp/a.out" "$tmp/b.out" || fail "both ways carried the same bytes: this check cannot tell them apart"
}

. "$here/gateway.sh"
